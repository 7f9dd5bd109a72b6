"""Make the diagrams that readers see from those that authors write: `python tools/diagrams.py [NAME ...]`.

`course/plots/diagrams/NAME.svg` is written by hand; the guide is at the head of `family.css` beside it. An
image in a page can load nothing, so `shown/NAME.svg` holds the style, the arrow heads and fonts with the
characters that the diagram uses. `shown/NAME.png` is its picture at double density, drawn by Chromium.
Without a name all whose sources have changed are made; `--check` only says which ones they are.
"""

import argparse
import base64
import hashlib
import io
import re
import sys
from pathlib import Path

import matplotlib
import numpy as np
from fontTools import subset
from fontTools.ttLib import TTFont
from PIL import Image, PngImagePlugin

from tools.bench import lab

FOLDER = lab.ROOT / "course" / "plots" / "diagrams"
FONTS = Path(matplotlib.get_data_path(), "fonts", "ttf")
# Family, style and weight of a text in family.css -> the font's file, of matplotlib's own.
FACES = {
    ("Course Sans", "normal", "400"): "DejaVuSans.ttf",
    ("Course Sans", "normal", "700"): "DejaVuSans-Bold.ttf",
    ("Course Mono", "normal", "400"): "DejaVuSansMono.ttf",
    ("Course Math", "italic", "400"): "STIXGeneralItalic.ttf",
    ("Course Math", "normal", "400"): "STIXGeneral.ttf",
}
# Each piece of text with its face.
TEXTS = """() => {
    const walker = document.createTreeWalker(document.documentElement, NodeFilter.SHOW_TEXT), texts = [];
    while (walker.nextNode()) {
        const parent = walker.currentNode.parentElement;
        if (!parent.closest("text")) continue;
        const style = getComputedStyle(parent);
        const family = style.fontFamily.split(",")[0].replaceAll('"', "");
        texts.push([family, style.fontStyle, style.fontWeight, walker.currentNode.data]);
    }
    return texts;
}"""


def names():
    """The diagrams that have a source."""
    return sorted(path.stem for path in FOLDER.glob("*.svg") if path.stem != "family")


def mark(name):
    """A checksum of all that a diagram is made from, short."""
    sources = (FOLDER / f"{name}.svg", FOLDER / "family.css", FOLDER / "family.svg")
    return hashlib.sha256(b"\n".join(path.read_bytes() for path in sources)).hexdigest()[:16]


def stale():
    """The names of the diagrams whose shown files are missing, or made from other sources."""
    return [name for name in names() if marks_of(name) != (mark(name),) * 2]


def marks_of(name):
    """The checksums that the two shown files of a diagram carry; None where there is none."""
    svg, png = (FOLDER / "shown" / f"{name}.{kind}" for kind in ("svg", "png"))
    found = re.search(r'data-source="(\w+)"', svg.read_text(encoding="utf-8")) if svg.exists() else None
    return found and found[1], Image.open(png).info.get("source") if png.exists() else None


def make(page, name):
    """Make the shown files of a diagram in a page of double density.

    Raises:
        ValueError: it uses a character that its font does not have, or a face that is not in `FACES`.
    """
    page.goto((FOLDER / f"{name}.svg").as_uri())
    characters = {}
    for *face, text in page.evaluate(TEXTS):
        characters.setdefault(tuple(face), set()).update(text.strip("\n"))
    rules = [font_rule(face, "".join(sorted(used))) for face, used in sorted(characters.items())]
    svg = FOLDER / "shown" / f"{name}.svg"
    svg.write_text(whole(name, rules), encoding="utf-8")
    page.goto(svg.as_uri())
    page.evaluate("() => document.fonts.ready.then(() => true)")
    root = page.locator("svg").first
    page.set_viewport_size({side: int(root.get_attribute(side)) for side in ("width", "height")})
    save_png(page.screenshot(omit_background=True), svg.with_suffix(".png"), mark(name))


def font_rule(face, characters):
    """The CSS rule of a font that has these characters alone."""
    if face not in FACES:
        raise ValueError(f"no font for {face}: see FACES")
    font = TTFont(FONTS / FACES[face], recalcTimestamp=False)
    missing = [character for character in characters if ord(character) not in font.getBestCmap()]
    if missing:
        raise ValueError(f"{FACES[face]} has no {missing}: upright signs stand in a tspan of class r")
    options = subset.Options(hinting=False, layout_features=["mark", "ccmp", "kern"], name_IDs=[0, 13, 14])
    options.drop_tables += ["FFTM"]  # FontForge's times
    cut = subset.Subsetter(options)
    cut.populate(text=characters)
    cut.subset(font)
    font.flavor, file = "woff", io.BytesIO()
    font.save(file)
    family, style, weight = face
    return (
        f'@font-face {{ font-family: "{family}"; font-style: {style}; font-weight: {weight}; '
        f"src: url(data:font/woff;base64,{base64.b64encode(file.getvalue()).decode()}); "
        # The height of the letters, so that a text's box, which the tests measure, is that of its ink.
        "ascent-override: 76%; descent-override: 22%; line-gap-override: 0%; }"
    )


def whole(name, rules):
    """The text of a diagram with everything inside that it needs."""
    source = (FOLDER / f"{name}.svg").read_text(encoding="utf-8")
    style = re.sub(r"/\*.*?\*/\s*", "", (FOLDER / "family.css").read_text(encoding="utf-8"), flags=re.DOTALL)
    heads = re.search(r"<defs>.*</defs>", (FOLDER / "family.svg").read_text(encoding="utf-8"), re.DOTALL)[0]
    source = re.sub(r"<\?xml-stylesheet.*?\?>\s*|<!--.*?-->\s*", "", source, flags=re.DOTALL)
    inside = f"<style>\n{style}{chr(10).join(rules)}\n</style>\n{heads}\n"
    return re.sub(
        r"<svg ([^>]*)>\n?",
        lambda svg: f'<svg {svg[1]} data-source="{mark(name)}">\n{inside}',
        source,
        count=1,
    )


def save_png(screenshot, path, source):
    """Keep a screenshot in 255 colours, and nothing outside the ground's round corners."""
    image = Image.open(io.BytesIO(screenshot)).convert("RGBA")
    solid = Image.new("RGBA", image.size, image.getpixel((image.width // 2, 4)))
    solid.alpha_composite(image)
    pixels = solid.convert("RGB").quantize(255, dither=Image.Dither.NONE)
    numbers = np.array(pixels)
    numbers[np.array(image)[:, :, 3] < 128] = 255
    outcome = Image.fromarray(numbers, mode="P")
    outcome.putpalette(pixels.getpalette())
    info = PngImagePlugin.PngInfo()
    info.add_text("source", source)
    outcome.save(path, optimize=True, transparency=255, pnginfo=info)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--check", action="store_true", help="only say what is not up to date")
    options = parser.parse_args()
    wanted = options.names or stale()
    if options.check:
        sys.exit(f"not up to date: {', '.join(wanted)}; run python tools/diagrams.py" if wanted else 0)
    with lab.browse() as browser:
        page = browser.new_context(device_scale_factor=2).new_page()
        for name in wanted:
            make(page, name)
            sizes = [(FOLDER / "shown" / f"{name}.{kind}").stat().st_size // 1000 for kind in ("svg", "png")]
            print(f"{name}: SVG {sizes[0]} kB, PNG {sizes[1]} kB")


if __name__ == "__main__":
    main()

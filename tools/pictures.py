"""Make the pictures of the cards and of the README from the explorers: `python tools/pictures.py`.

A card shows the explorer that tells most of its chapter, cut so that no text is too small to read there.
`--scan` makes the README's moving picture, `docs/pictures/sliding_kernel.webp`, too; it takes a minute.
"""

import argparse
import io
import sys
from pathlib import Path

from PIL import Image

from course import explorers, setup
from course.files import write_whole
from course.start import PICTURES

ROOT = Path(__file__).resolve().parents[1]
SCAN = ROOT / "docs" / "pictures" / "sliding_kernel.webp"
SIZE = 480, 300  # pixels of a card's picture, which is shown at half of that
GAP = 16  # between the parts of a card's picture
SCAN_DENSITY = 1.25
SCAN_START, SCAN_STEP = 4 * 26 + 9, 19  # the rows above are black
DENSITY = 3  # pixels of an explorer's picture for one of the page, before it is made smaller
COLOURS = 64
PLANE = [(round(-1.9 + 3.8 * i / 7, 2), round(1.8 - 3.6 * j / 4, 2)) for j in range(5) for i in range(8)]
# A chapter's explorer, and the parts of its picture that are shown side by side: the settings of its
# controls, and (left, top, width, height) in pixels of the page.
SHOWN = {
    "00_foundations": ("foundations.descent", [({"count": 24}, (70, 58, 352, 220))]),
    "01_cnn": (
        "cnn.sliding_kernel",
        [({"position": 16 * 26 + 9}, box) for box in ((87, 60, 216, 270), (542, 60, 216, 270))],
    ),
    "02_rnn": ("rnn.gate_inspector", [({"unit": 17}, (0, 40, 352, 220))]),
    "03_attention": ("attention.translator", [({}, (176, 32, 400, 250))]),
    "04_vae": ("vae.plane", [({"z_1": x, "z_2": y}, (404, 250, 120, 120)) for x, y in PLANE]),
    "05_gan": ("gan.ring", [({"step": 2499}, (left, 59, 222, 222)) for left in (43, 512)]),
}


def make_card(chapter):
    """The picture of a chapter's card, of `SIZE`: two parts stand side by side, more in rows of eight."""
    name, shown = SHOWN[chapter]
    explorer = explorers.play(name)
    parts = []
    for settings, (left, top, width, height) in shown:
        explorer.set(**settings)
        whole = Image.open(io.BytesIO(explorer.png(density=DENSITY))).convert("RGB")
        parts.append(whole.crop([DENSITY * x for x in (left, top, left + width, top + height)]))
    across = 8 if len(parts) > 2 else len(parts)
    gap = GAP if len(parts) == 2 else 0
    width = (SIZE[0] - gap * (across - 1)) // across
    height = min(SIZE[1], round(width * parts[0].height / parts[0].width))
    card = Image.new("RGB", SIZE, "white")
    above = (SIZE[1] - height * (len(parts) // across)) // 2
    for i, part in enumerate(parts):
        row, column = divmod(i, across)
        card.paste(
            part.resize((width, height), Image.LANCZOS), (column * (width + gap), above + row * height)
        )
    return card


def png(image):
    """An image as bytes of a small PNG file."""
    file = io.BytesIO()
    image.quantize(COLOURS, dither=Image.Dither.NONE).save(file, "PNG", optimize=True)
    return file.getvalue()


def make_scan():
    """The explorer of chapter 1 while its scan fills the output, as bytes of an animated WebP file."""
    explorer = explorers.play("cnn.sliding_kernel")
    last = explorer.controls["position"].max
    frames = []
    for position in [*range(SCAN_START, last, SCAN_STEP), last]:
        explorer.set(position=position)
        frames.append(Image.open(io.BytesIO(explorer.png(density=SCAN_DENSITY))).convert("RGB"))
    settings = dict(duration=[120] * (len(frames) - 1) + [3000], loop=0, quality=50, minimize_size=True)
    file = io.BytesIO()
    frames[0].save(file, "WEBP", save_all=True, append_images=frames[1:], **settings)
    return file.getvalue()


def main(arguments=None):
    """The command line; returns the exit status."""
    parser = argparse.ArgumentParser(description="make the pictures of the cards, and of the README")
    parser.add_argument("chapters", nargs="*", help="names, 01_cnn; all by default")
    parser.add_argument("--scan", action="store_true", help="make the README's moving picture too")
    options = parser.parse_args(arguments)
    setup()
    for chapter in options.chapters or SHOWN:
        PICTURES.mkdir(parents=True, exist_ok=True)
        path = write_whole(PICTURES / f"{chapter}.png", png(make_card(chapter)))
        print(f"{path.relative_to(ROOT)}: {path.stat().st_size / 1000:.0f} kB")
    if options.scan:
        path = write_whole(SCAN, make_scan())
        print(f"{path.relative_to(ROOT)}: {path.stat().st_size / 1000:.0f} kB")
    return 0


if __name__ == "__main__":
    sys.exit(main())

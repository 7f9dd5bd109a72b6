"""Hand-made diagrams: what is drawn keeps its place, and its image shows in a page of either theme and in a
JupyterLab that does not trust the notebook."""

import io
from pathlib import Path

import nbformat
import pytest
from PIL import Image, ImageChops

import diagrams
from course.plots.diagrams import Diagram
from tests.browser.conftest import opened
from tools.bench import lab

pytestmark = pytest.mark.browser
NAMES = diagrams.names()

FAULTS = Path(__file__).with_name("diagram_faults.js").read_text(encoding="utf-8")
RIGHT = """<?xml-stylesheet type="text/css" href="{style}"?>
<svg xmlns="http://www.w3.org/2000/svg" width="400" height="200" viewBox="0 0 400 200">
  <rect class="ground" width="400" height="200" rx="12"/>
  <text class="title" x="20" y="30">A title</text>
  <g class="op"><circle cx="80" cy="100" r="20"/><text x="80" y="105">sum</text></g>
  <path class="arrow" d="M100 100 H198"/>
  <g class="data"><rect x="200" y="80" width="80" height="40"/><text class="m" x="240" y="106">x</text></g>
  <text class="note" x="240" y="150">a note</text>
</svg>
"""
WRONG = {
    "on another text": ('x="240" y="150"', 'x="40" y="26"'),
    "leaves the picture": ('x="240" y="150"', 'x="385" y="150"'),
    "leaves its form": (">sum<", ">totals:<"),
    "on another's form": ('y="150">a note', 'y="126">a note'),
    "an arrow crosses": ('x="240" y="150"', 'x="150" y="104"'),
    "an arrow in a form": ("H198", "H210"),
}


@pytest.fixture(scope="module")
def drawing(browser):
    context = browser.new_context(viewport={"width": 1000, "height": 500})
    yield context.new_page()
    context.close()


@pytest.mark.parametrize("name", NAMES)
def test_everything_keeps_its_place(drawing, name):
    drawing.goto((diagrams.FOLDER / "shown" / f"{name}.svg").as_uri())
    loaded = drawing.evaluate(
        "() => document.fonts.ready.then(fonts => Array.from(fonts).map(font => font.status))"
    )
    assert loaded and set(loaded) == {"loaded"}
    assert drawing.evaluate(FAULTS) == []


def test_the_measure_finds_what_is_wrong(drawing, tmp_path):
    path = tmp_path / "drawing.svg"
    right = RIGHT.format(style=(diagrams.FOLDER / "family.css").as_uri())
    for fault, (old, new) in WRONG.items():
        assert right.count(old) == 1
        path.write_text(right, encoding="utf-8")
        drawing.goto(path.as_uri())
        assert drawing.evaluate(FAULTS) == []
        path.write_text(right.replace(old, new), encoding="utf-8")
        drawing.goto(path.as_uri())
        assert [found.split(":")[0] for found in drawing.evaluate(FAULTS)] == [fault]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_an_image_shows_whole_with_its_text_in_both_themes(browser, scheme):
    ground = {"light": "white", "dark": "#111"}[scheme]
    with opened(
        browser, color_scheme=scheme, viewport={"width": 900, "height": 500}, device_scale_factor=2
    ) as page:
        images = "".join(Diagram(name).html for name in NAMES)
        page.set_content(f'<body style="background: {ground}">{images}</body>')
        page.wait_for_function("() => Array.from(document.images).every(image => image.complete)")
        for name, image in zip(NAMES, page.locator("img").all(), strict=True):
            shown = Diagram(name)
            assert image.evaluate("e => [e.naturalWidth, e.naturalHeight, e.width, e.height, e.alt]") == [
                *(shown.width, shown.height) * 2,
                shown.alt,
            ]
            seen = Image.open(io.BytesIO(image.screenshot())).convert("RGB")
            drawn = Image.open(diagrams.FOLDER / "shown" / f"{name}.png").convert("RGBA").convert("RGB")
            inside = (24, 24, seen.width - 24, seen.height - 24)  # without the ground's round corners
            difference = ImageChops.difference(seen.crop(inside), drawn.crop(inside)).convert("L")
            dark = sum(seen.convert("L").histogram()[:100])
            assert dark > 5000 and sum(difference.histogram()[60:]) < dark / 100, name


def test_an_untrusted_notebook_shows_them(server, browser):
    """All in one cell's outputs, as saved, in a JupyterLab that has not run it."""
    outputs = []
    for name in NAMES:
        data, metadata = Diagram(name)._repr_mimebundle_()
        outputs.append(nbformat.v4.new_output("display_data", data=data, metadata=metadata))
    cell = nbformat.v4.new_code_cell("...", outputs=outputs, execution_count=1)
    notebook = nbformat.v4.new_notebook(cells=[cell])
    notebook.metadata.kernelspec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(notebook, server.folder / "diagrams.ipynb")
    with opened(browser) as page:
        lab.open_notebook(page, server, "diagrams.ipynb")
        images = page.locator(".jp-OutputArea img")
        images.nth(len(NAMES) - 1).wait_for(state="attached")
        trusted = "() => window.jupyterapp.shell.currentWidget.content.model.cells.get(0).trusted"
        assert not page.evaluate(trusted)
        for name, image in zip(NAMES, images.all(), strict=True):
            image.scroll_into_view_if_needed()
            shown = Diagram(name)
            seen = image.evaluate("e => [e.naturalWidth, e.alt, e.src.slice(0, 18), e.width / e.height]")
            assert seen[:3] == [shown.width, shown.alt, "data:image/svg+xml"]
            assert seen[3] == pytest.approx(shown.width / shown.height, rel=0.02)

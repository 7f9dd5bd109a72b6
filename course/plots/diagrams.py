"""Hand-made diagrams: one SVG with its font inside, shown as an image, which every front end can show."""

import base64
import html
from pathlib import Path
from xml.etree import ElementTree

from IPython.display import display

from course import is_main

FOLDER = Path(__file__).parent / "diagrams"
SVG = "{http://www.w3.org/2000/svg}"


class Diagram:
    """A diagram of `diagrams/shown`, shown by notebooks; a plain script prints its text alternative."""

    def __init__(self, name):
        self.name = name
        root = ElementTree.fromstring(self.svg)
        self.alt = root.find(f"{SVG}desc").text
        self.width, self.height = int(root.get("width")), int(root.get("height"))

    @property
    def svg(self):
        """The file's bytes."""
        return (FOLDER / "shown" / f"{self.name}.svg").read_bytes()

    @property
    def html(self):
        """An image element with the drawing inside: the same text each time."""
        source = base64.b64encode(self.svg).decode("ascii")
        return (
            f'<img alt="{html.escape(self.alt)}" width="{self.width}" height="{self.height}" '
            f'style="max-width: 100%; height: auto" src="data:image/svg+xml;base64,{source}">'
        )

    def __repr__(self):
        return f"[diagram] {self.alt}"

    def _repr_mimebundle_(self, include=None, exclude=None):
        png = (FOLDER / "shown" / f"{self.name}.png").read_bytes()
        bundle = {"text/html": self.html, "image/png": base64.b64encode(png).decode("ascii")}
        size = {"alt": self.alt, "width": self.width, "height": self.height}  # the PNG is twice as dense
        return bundle | {"text/plain": repr(self)}, {"image/png": size}


def diagram(name):
    """Show a hand-made diagram with its text alternative; nothing above rank 0.

    Args:
        name: of a file of `course/plots/diagrams`, "lstm_cell".
    Raises:
        ValueError: there is no such diagram; the text lists those that there are.
    """
    names = sorted(path.stem for path in (FOLDER / "shown").glob("*.svg"))
    if name not in names:
        raise ValueError(f"there is no diagram {name!r}; there are: {', '.join(names)}")
    if is_main():
        display(Diagram(name))

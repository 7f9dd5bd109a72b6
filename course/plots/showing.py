"""The pictures' style, and how a figure is shown: as a small PNG with a text alternative."""

import base64
import io
import json
from dataclasses import replace
from functools import cache
from pathlib import Path

from IPython.display import display
from matplotlib import rcParams
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.font_manager import fontManager
from PIL import Image

from course import is_main
from course.plots.texts import SIGNS

# Okabe and Ito's palette, safe for colour-blind readers, without its yellow (too light for lines). Line
# styles change along with the colours, so that no meaning hangs on colour alone.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
STYLES = ("-", "--", "-.", ":", (0, (5, 1)), (0, (3, 1, 1, 1)), (0, (1, 1)))
SIGNED = "PuOr"  # diverging, colour-blind safe: for values on both sides of zero
DPI = 100
SIGNS_NAME = "Course Signs"  # the family of the font file `SIGNS`


class Still:
    """A PNG image (bytes) with a text alternative, shown by notebooks; a plain script prints the text."""

    def __init__(self, png, alt):
        self.png, self.alt = png, alt

    def __repr__(self):
        return f"[picture] {self.alt}"

    def _repr_mimebundle_(self, include=None, exclude=None):
        image = base64.b64encode(self.png).decode("ascii")
        return {"image/png": image, "text/plain": repr(self)}, {"image/png": {"alt": self.alt}}


def set_style():
    """Set the pictures' style for this process: sizes, colours, light grid, a font behind matplotlib's own
    for the signs of Chinese and Japanese dates. `course.setup()` calls it.
    """
    if SIGNS_NAME not in fontManager.get_font_names():
        fontManager.addfont(SIGNS)
        # The one face serves as the bold one too; otherwise bold texts would log that it is missing.
        fontManager.ttflist.append(replace(fontManager.ttflist[-1], weight=700))
    rcParams.update(
        {
            "font.family": ["DejaVu Sans", SIGNS_NAME],
            "figure.dpi": DPI,
            "font.size": 10,
            "axes.titlesize": 11,
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.grid": False,
            "grid.alpha": 0.3,
            "lines.linewidth": 1.8,
            "legend.frameon": False,
        }
    )


def show(figure, alt=None, title=""):
    """Show a figure as a small PNG (256 colours, 100 dpi) with its text alternative; nothing above rank 0.

    Args:
        figure: a matplotlib Figure.
        alt: the name of its text alternative in `alternatives.json`, "cnn.nine_places": there, it is out of
            the sight of a reader who has not made a prediction yet. None: the title stands for it.
        title: the picture's title.
    Raises:
        KeyError: for a name that the file does not have.
    """
    alt = title if alt is None else _alternatives()[alt]
    if not is_main():
        return
    file = io.BytesIO()
    FigureCanvasAgg(figure).print_png(file, metadata={"Software": None})
    display(Still(quantised(file.getvalue()), alt))


@cache
def _alternatives():
    """The text alternatives of the chapters' pictures, a dict of name to one sentence."""
    return json.loads((Path(__file__).parent / "alternatives.json").read_text(encoding="utf-8"))


def quantised(png):
    """The same PNG picture, as bytes, in at most 256 colours: a third of the size."""
    image = Image.open(io.BytesIO(png)).convert("RGB").quantize(256, dither=Image.Dither.NONE)
    file = io.BytesIO()
    image.save(file, "PNG", optimize=True)
    return file.getvalue()


def subplots(width, height, rows=1, columns=1, **settings):
    """A new figure of this size in inches, and its axes, as `Figure.subplots` gives them."""
    figure = Figure(figsize=(width, height), layout="constrained")
    return figure, figure.subplots(rows, columns, **settings)

"""Still pictures: one function a kind of picture, each with a title, labelled axes and a text alternative.

Every function draws into a figure of its own (no pyplot, so nothing stays open) and hands it to `show`. `alt`
says in one sentence what is to be seen, in fixed words without a measured number: it is the picture's text in
saved notebooks.
"""

import base64
import io
from dataclasses import replace

import numpy as np
from IPython.display import display
from matplotlib import rcParams
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.font_manager import fontManager
from PIL import Image

from course import is_main
from course.artists import SIGNS, Numbers

# Okabe and Ito's palette, safe for colour-blind readers, without its yellow (too light for lines). Line
# styles change along with the colours, so that no meaning hangs on colour alone.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
STYLES = ("-", "--", "-.", ":", (0, (5, 1)), (0, (3, 1, 1, 1)), (0, (1, 1)))
SIGNED = "PuOr"  # diverging, colour-blind safe: for values on both sides of zero
DPI = 100
SIGNS_NAME = "Course Signs"  # the family of the font file `SIGNS`


class Picture:
    """A PNG image with a text alternative, shown by notebooks; a plain script prints the text.

    Args:
        png: bytes of a PNG file.
        alt: one sentence on what is to be seen.
    """

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


def show(figure, alt):
    """Show a figure as a small PNG (256 colours, 100 dpi) with its text alternative; nothing above rank 0.

    Args:
        figure: a matplotlib.figure.Figure.
        alt: one sentence on what is to be seen, with no measured number in it.
    """
    if not is_main():
        return
    file = io.BytesIO()
    FigureCanvasAgg(figure).print_png(file, metadata={"Software": None})
    display(Picture(quantised(file.getvalue()), alt))


def quantised(png):
    """The same picture in at most 256 colours, a third of the size.

    Args:
        png: bytes of a PNG file.
    Returns:
        bytes of a PNG file.
    """
    image = Image.open(io.BytesIO(png)).convert("RGB").quantize(256, dither=Image.Dither.NONE)
    file = io.BytesIO()
    image.save(file, "PNG", optimize=True)
    return file.getvalue()


def lines(
    series, *, title, xlabel, ylabel, alt, x=None, xscale="linear", yscale="linear", ylim=None, marks=(),
):  # fmt: skip
    """Curves over a common axis.

    Args:
        series: dict of label to a sequence of numbers; or to a pair (x, y) of them.
        title, xlabel, ylabel: texts, units in the labels.
        alt: the text alternative.
        x: the x values where the series do not bring their own; default 1, 2, 3, …
        xscale, yscale: "linear" or "log".
        ylim: (low, high), default from the data.
        marks: pairs (value, label): horizontal reference lines.
    """
    figure, axes = _figure(7, 3.6)
    for i, (label, values) in enumerate(series.items()):
        xs, ys = values if isinstance(values, tuple) else (x, values)
        xs = np.arange(1, len(ys) + 1) if xs is None else xs
        axes.plot(xs, ys, color=COLOURS[i % 7], linestyle=STYLES[i % 7], label=label)
    for i, (value, label) in enumerate(marks):
        axes.axhline(value, color="0.35", linewidth=1, linestyle=STYLES[(i + 1) % 7])
        axes.annotate(
            label,
            (1, value),
            xycoords=("axes fraction", "data"),
            ha="right",
            va="top",
            color="0.25",
            fontsize=9,
        )
    axes.set(title=title, xlabel=xlabel, ylabel=ylabel, xscale=xscale, yscale=yscale)
    if ylim:
        axes.set_ylim(*ylim)
    axes.grid(True)
    if len(series) > 1:
        axes.legend()
    show(figure, alt)


def bars(values, *, title, xlabel, alt, errors=None, xlim=None, mark=None):
    """Horizontal bars, one a name, its value written beside it.

    Args:
        values: dict of name to number.
        title, xlabel, alt: texts; the unit stands in xlabel.
        errors: dict of name to (low, high), the ends of an interval; names may be left out.
        xlim: (low, high).
        mark: a pair (value, label): a vertical reference line.
    """
    figure, axes = _figure(7, 0.9 + 0.42 * len(values))
    for i, (name, value) in enumerate(values.items()):
        axes.barh(i, value, color=COLOURS[0], height=0.6)
        low, high = (errors or {}).get(name, (value, value))
        if high > low:
            axes.plot([low, high], [i, i], color="black", linewidth=1.5, marker="|", markersize=9)
        axes.annotate(
            f"{value:.1f}", (max(value, high), i), xytext=(6, 0), textcoords="offset points", va="center"
        )
    if mark:
        axes.axvline(mark[0], color="0.35", linestyle="--", linewidth=1)
        axes.annotate(
            mark[1], (mark[0], -0.55), xytext=(3, 0), textcoords="offset points", fontsize=9, va="bottom"
        )
    axes.set(title=title, xlabel=xlabel, xlim=xlim, yticks=range(len(values)), yticklabels=list(values))
    axes.invert_yaxis()
    show(figure, alt)


def images(pictures, *, title, alt, names=None, columns=10, signed=False, size=0.8, titlesize=9):
    """A grid of small grey-scale images.

    Args:
        pictures: sequence of (H, W) or (1, H, W) tensors; all share one grey scale, the darkest value black.
        title, alt: texts.
        names: one text above each image.
        columns: how many stand in a row.
        signed: True for values on both sides of zero: orange negative, purple positive, white zero.
        size: inches an image.
        titlesize: points of the names.
    """
    pictures = [np.asarray(p).squeeze() for p in pictures]
    columns = min(columns, len(pictures))
    rows = -(-len(pictures) // columns)
    figure, grid = _figure(size * columns, (size + 0.22 * bool(names)) * rows + 0.4, rows, columns)
    top = max(np.abs(p).max() for p in pictures)
    low, high = (-top, top) if signed else (min(p.min() for p in pictures), max(p.max() for p in pictures))
    for axes in np.ravel(grid):
        axes.set_axis_off()
    for i, (axes, picture) in enumerate(zip(np.ravel(grid), pictures, strict=False)):
        axes.imshow(picture, cmap=SIGNED if signed else "gray", vmin=low, vmax=high)
        if names is not None:
            axes.set_title(names[i], fontsize=titlesize, pad=2)
    figure.suptitle(title, fontsize=11)
    show(figure, alt)


def grids(arrays, *, title, alt, formats="{:g}", size=1.9):
    """Small matrices side by side with their numbers written in the cells.

    Args:
        arrays: dict of name to a (H, W) array, drawn left to right.
        title, alt: texts.
        formats: how a number is written.
        size: inches of the height.
    """
    widths = [np.shape(a)[1] for a in arrays.values()]
    heights = max(np.shape(a)[0] for a in arrays.values())
    cell = size / heights
    figure = Figure(figsize=(sum(widths) * cell + 0.5 * len(widths), size + 0.75), layout="constrained")
    for axes, (name, array) in zip(
        figure.subplots(1, len(arrays), width_ratios=widths, squeeze=False)[0], arrays.items(), strict=True
    ):
        array = np.asarray(array)
        number_grid(axes, array, formats)
        axes.set_title(f"{name}\n{array.shape[0]} × {array.shape[1]}", fontsize=9)
    figure.suptitle(title, fontsize=11)
    show(figure, alt)


def maps(
    arrays, *, title, xlabel, ylabel, alt, xnames=None, ynames=None, scale="weight", limits=(0, 1), size=3.4,
):  # fmt: skip
    """Matrices side by side as shaded cells on one scale, darker for more.

    Args:
        arrays: dict of name to a (H, W) array; all of one shape.
        title, xlabel, ylabel, alt: texts.
        xnames, ynames: a short text for each column and row; default their numbers, from 0.
        scale: what the colours mean, with the unit.
        limits: (low, high) of the colours.
        size: inches of a map's height.
    """
    height, width = np.shape(next(iter(arrays.values())))
    each = min(9.0 / len(arrays), size * max(1.0, width / height) * 0.95 + 0.6)
    figure = Figure(figsize=(each * len(arrays) + 0.8, size + 0.5), layout="constrained")
    row = figure.subplots(1, len(arrays), squeeze=False, sharey=True)[0]
    for axes, (name, array) in zip(row, arrays.items(), strict=True):
        image = axes.imshow(np.asarray(array), cmap="Blues", vmin=limits[0], vmax=limits[1], aspect="auto")
        axes.set(xlabel=xlabel)
        for axis, names, count in ((axes.xaxis, xnames, width), (axes.yaxis, ynames, height)):
            if names is None:
                axis.get_major_locator().set_params(integer=True)  # no number between two cells
            else:
                axis.set_ticks(range(count), list(names))
        if len(arrays) > 1:
            axes.set_title(name, fontsize=10)
        axes.tick_params(length=2)
    row[0].set_ylabel(ylabel)
    figure.colorbar(image, ax=list(row), label=scale, pad=0.01)
    figure.suptitle(title, fontsize=11)
    show(figure, alt)


def number_grid(axes, array, formats="{:g}"):
    """Draw a matrix as coloured cells with their numbers (orange negative, purple positive) into `axes`.

    Args:
        axes: matplotlib Axes.
        array: (H, W) numbers.
        formats: how a number is written.
    Returns:
        (image, numbers): the AxesImage and the `Numbers`; `set_number_grid` changes both.
    """
    image = axes.imshow(np.zeros_like(array, dtype=float), cmap=SIGNED)
    numbers = axes.add_artist(Numbers(formats))
    set_number_grid(image, numbers, array)
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set(visible=True, color="0.7")
    return image, numbers


def set_number_grid(image, numbers, array):
    """Put a new matrix of the same shape into what `number_grid` returned."""
    limit = 1.6 * max(np.abs(array).max(), 1e-12)  # pale enough for black numbers
    image.set_data(array)
    image.set_clim(-limit, limit)
    numbers.set_data(array)


def _figure(width, height, rows=1, columns=1):
    figure = Figure(figsize=(width, height), layout="constrained")
    return figure, figure.subplots(rows, columns)

"""Arrays as pictures: images, matrices with their numbers, shaded maps."""

import numpy as np

from course.plots.showing import SIGNED, show, subplots
from course.plots.texts import Numbers


def images(pictures, *, title, alt=None, names=None, columns=10, signed=False, size=0.8, titlesize=9):
    """A grid of small grey-scale images.

    Args:
        pictures: sequence of (H, W) or (1, H, W) tensors; all share one grey scale, the darkest value black.
        title: text.
        alt: see `showing.show`.
        names: one text above each image.
        columns: how many stand in a row.
        signed: True for values on both sides of zero: orange negative, purple positive, white zero.
        size: inches an image.
        titlesize: points of the names.
    """
    pictures = [np.asarray(p).squeeze() for p in pictures]
    columns = min(columns, len(pictures))
    rows = -(-len(pictures) // columns)
    figure, grid = subplots(size * columns, (size + 0.22 * bool(names)) * rows + 0.4, rows, columns)
    top = max(np.abs(p).max() for p in pictures)
    low, high = (-top, top) if signed else (min(p.min() for p in pictures), max(p.max() for p in pictures))
    for axes in np.ravel(grid):
        axes.set_axis_off()
    for i, (axes, picture) in enumerate(zip(np.ravel(grid), pictures, strict=False)):
        axes.imshow(picture, cmap=SIGNED if signed else "gray", vmin=low, vmax=high)
        if names is not None:
            axes.set_title(names[i], fontsize=titlesize, pad=2)
    figure.suptitle(title, fontsize=11)
    show(figure, alt, title)


def grids(arrays, *, title, alt=None, formats="{:g}", size=1.9):
    """Small matrices side by side with their numbers written in the cells.

    Args:
        arrays: dict of name to a (H, W) array, drawn left to right.
        title: text.
        alt: see `showing.show`.
        formats: how a number is written.
        size: inches of the height.
    """
    widths = [np.shape(a)[1] for a in arrays.values()]
    cell = size / max(len(a) for a in arrays.values())
    width = sum(widths) * cell + 0.5 * len(widths)
    figure, row = subplots(width, size + 0.75, 1, len(arrays), width_ratios=widths, squeeze=False)
    for axes, (name, array) in zip(row[0], arrays.items(), strict=True):
        number_grid(axes, array, formats)
        axes.set_title(f"{name}\n{len(array)} × {np.shape(array)[1]}", fontsize=9)
    figure.suptitle(title, fontsize=11)
    show(figure, alt, title)


def maps(arrays, *, title, xlabel, ylabel, alt=None, xnames=None, ynames=None, limits=(0, 1), size=3.4):
    """Matrices of weights side by side as shaded cells on one scale, darker for more.

    Args:
        arrays: dict of name to a (H, W) array; all of one shape.
        title, xlabel, ylabel: texts.
        alt: see `showing.show`.
        xnames, ynames: a short text for each column and row; default their numbers, from 0.
        limits: (low, high) of the colours.
        size: inches of a map's height.
    """
    height, width = np.shape(next(iter(arrays.values())))
    each = min(9.0 / len(arrays), size * max(1.0, width / height) * 0.95 + 0.6)
    panels = dict(squeeze=False, sharey=True)
    figure, [row] = subplots(each * len(arrays) + 0.8, size + 0.5, 1, len(arrays), **panels)
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
    figure.colorbar(image, ax=list(row), label="weight", pad=0.01)
    figure.suptitle(title, fontsize=11)
    show(figure, alt, title)


def number_grid(axes, array, formats="{:g}"):
    """Draw a matrix as coloured cells with their numbers (orange negative, purple positive) into `axes`.

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

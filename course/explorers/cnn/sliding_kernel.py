"""Chapter 1's explorer: a kernel slides over an image, and every number of one output value is shown."""

from functools import partial

import ipywidgets as widgets
import numpy as np
import torch
import traitlets
from matplotlib.patches import Rectangle

from course.explorers.base import Explorer, Picture
from course.explorers.controls import described, menu, slider
from course.explorers.parts import moving
from course.plots import COLOURS, SIGNED, number_grid, set_number_grid
from course.plots.texts import Caption

KERNELS = {
    "vertical edges": ((-1, 0, 1), (-2, 0, 2), (-1, 0, 1)),
    "horizontal edges": ((-1, -2, -1), (0, 0, 0), (1, 2, 1)),
    "outline": ((0, 1, 0), (1, -4, 1), (0, 1, 0)),
    "sharpen": ((0, -1, 0), (-1, 5, -1), (0, -1, 0)),
    "blur": ((0.11, 0.11, 0.11), (0.11, 0.12, 0.11), (0.11, 0.11, 0.11)),
    "shift right": ((0, 0, 0), (1, 0, 0), (0, 0, 0)),
    "identity": ((0, 0, 0), (0, 1, 0), (0, 0, 0)),
}
OWN = "my own"
LIMIT = 9.0
ALT = (
    "An image with the kernel's window on it, the patch times the kernel as numbers, "
    "and the output they add up to."
)


class KernelGrid(widgets.VBox):
    """Nine number fields, row by row, as one control whose `value` is a 3 × 3 tuple of floats."""

    value = traitlets.Tuple()

    def __init__(self, value):
        field = dict(min=-LIMIT, max=LIMIT, step=0.1, layout=widgets.Layout(width="62px"))
        self.numbers = [widgets.BoundedFloatText(**field) for _ in range(9)]
        self._taking = False
        for i, number in enumerate(self.numbers):
            described(number, f"kernel row {i // 3}, column {i % 3}").observe(self._read, "value")
        super().__init__([widgets.HBox(self.numbers[3 * i : 3 * i + 3]) for i in range(3)])
        self.observe(self._write, "value")
        self.value = value

    def _read(self, change):
        if not self._taking:
            flat = [number.value for number in self.numbers]
            self.value = tuple(tuple(flat[3 * i : 3 * i + 3]) for i in range(3))

    def _write(self, change):
        self._taking = True
        try:
            for number, value in zip(self.numbers, np.ravel(self.value), strict=True):
                number.value = float(value)
        finally:
            self._taking = False


def sliding_kernel(conv2d, images):
    """Explore a convolution: choose the image, the kernel, stride, padding, dilation and one output position.

    Args:
        conv2d: the chapter's function (x, weight, bias, stride, padding, dilation) -> output;
            x (1, 1, H, W), weight (1, 1, 3, 3), output (1, 1, H_out, W_out).
        images: dict of name to (H, W) tensor, at least 14 pixels each way.
    """
    first = next(iter(images.values()))
    controls = {
        "image": menu("image", images),
        "preset": menu("kernel", [*KERNELS, OWN]),
        "kernel": KernelGrid(KERNELS["vertical edges"]),
        "stride": slider("stride", (1, 4), 1),
        "padding": slider("padding", (0, 4), 0),
        "dilation": slider("dilation", (1, 4), 1),
        "row": slider("output row", (0, 25), first.shape[0] // 2 - 1),
        "column": slider("output col", (0, 25), first.shape[1] // 3),
    }
    _link(controls["preset"], controls["kernel"])
    compute = partial(compute_sliding_kernel, conv2d, images)
    picture = Picture(build, update, (9.2, 4.3))
    return Explorer(
        "sliding kernel", controls, compute, picture, ALT, main=("row", "column"), adjust=bound_position
    )


def compute_sliding_kernel(conv2d, images, *, image, preset, kernel, stride, padding, dilation, row, column):
    """The numbers behind one picture of the sliding kernel.

    Args:
        preset: not used; it has already set `kernel`, 3 × 3 numbers.
        row, column: the output position; beyond the output's edge the last one counts.
    Returns:
        dict: padded (H + 2P, W + 2P), output (H_out, W_out), row, column, top, left (the window's corner in
        the padded image), span (pixels that the window covers each way), patch, kernel and products (3, 3).
    """
    x = images[image][None, None]  # (1, 1, H, W)
    weight = torch.tensor(kernel, dtype=x.dtype)
    output = conv2d(x, weight[None, None], None, stride, padding, dilation)[0, 0]
    padded = torch.nn.functional.pad(x[0, 0], (padding,) * 4)
    row, column = min(row, output.shape[0] - 1), min(column, output.shape[1] - 1)
    top, left, span = row * stride, column * stride, 2 * dilation + 1
    patch = padded[top : top + span : dilation, left : left + span : dilation]  # (3, 3)
    return {
        "padded": padded.numpy(),
        "output": output.numpy(),
        "row": row,
        "column": column,
        "top": top,
        "left": left,
        "span": span,
        "patch": patch.numpy(),
        "kernel": weight.numpy(),
        "products": (patch * weight).numpy(),
    }


def bound_position(controls, state):
    """Keep the position sliders within the output that the other controls give."""
    for name, size in zip(("row", "column"), state["output"].shape, strict=True):
        controls[name].max = size - 1  # a value beyond the new maximum is pulled down to it


def build(figure):
    """All artists of the picture, with stand-in data: input left, numbers in the middle, output right.

    The input changes only along with the axes' limits or by a new choice of image, so it belongs to the
    background.
    """
    grid = figure.add_gridspec(3, 3, width_ratios=(1.35, 0.55, 1.35))
    source, target = figure.add_subplot(grid[:, 0]), figure.add_subplot(grid[:, 2])
    source.imshow(np.zeros((2, 2)), cmap="gray", vmin=0, vmax=1)
    artists = {
        "output": target.imshow(np.zeros((2, 2)), cmap=SIGNED, vmin=-1, vmax=1),
        "frame": source.add_patch(
            Rectangle((0, 0), 1, 1, fill=False, edgecolor="0.55", linewidth=1, linestyle="--")
        ),
        "window": source.add_patch(Rectangle((0, 0), 1, 1, fill=False, edgecolor=COLOURS[1], linewidth=2)),
        "taps": moving(source, "s", color=COLOURS[1], markersize=3, markerfacecolor="none"),
        "cell": target.add_patch(Rectangle((0, 0), 1, 1, fill=False, edgecolor=COLOURS[1], linewidth=2)),
        "titles": [axes.add_artist(Caption(0.5, 1.11)) for axes in (source, target)],
    }
    for axes in (source, target):
        axes.set_title("\n", fontsize=10)  # room for the caption
        axes.set(xlabel="column (pixels)", ylabel="row (pixels)", box_aspect=1)
        axes.locator_params(nbins=4, steps=[1, 2, 5, 10], integer=True)
        axes.set(xlim=(0, 150), ylim=(150, 0), facecolor="0.9")  # room for tick labels of three digits
        axes.spines[:].set_visible(False)
    for i, name in enumerate(("patch", "kernel", "products")):
        axes = figure.add_subplot(grid[i, 1])
        artists[name] = number_grid(axes, np.zeros((3, 3)), "{:.2f}")
        axes.set_title(("patch", "× kernel", "= products")[i], fontsize=10)
    axes.set_xlabel(" ", fontsize=12)  # room for the sum
    artists["sum"] = axes.add_artist(Caption(0.5, -0.13, size=11, weight="bold"))
    return artists


def update(artists, state):
    """Put a state's numbers into the artists."""
    padding, dilation = state["padding"], state["dilation"]
    top, left, span = state["top"] - padding, state["left"] - padding, state["span"]  # in pixels of the image
    height, width = state["padded"].shape
    _place(artists["window"].axes.images[0], state["padded"], padding)
    artists["frame"].set_bounds(-0.5, -0.5, width - 2 * padding, height - 2 * padding)
    artists["window"].set_bounds(left - 0.5, top - 0.5, span, span)
    steps = np.arange(0, span if dilation > 1 else 0, dilation)  # taps side by side: the window says it all
    artists["taps"].set_data(np.tile(left + steps, 3), np.repeat(top + steps, 3))
    output = state["output"]
    _place(artists["output"], output, 0)
    limit = max(np.abs(output).max(), 1e-9)
    artists["output"].set_clim(-limit, limit)
    artists["cell"].set_bounds(state["column"] - 0.5, state["row"] - 0.5, 1, 1)
    for name in ("patch", "kernel", "products"):
        set_number_grid(*artists[name], state[name])
    total = float(state["products"].sum())
    artists["sum"].set_text(f"sum = {total:.2f}")
    outer = f"{height - 2 * padding} × {width - 2 * padding}" + (f", padded by {padding}" if padding else "")
    artists["titles"][0].set_text(f"input {outer}\nwindow from row {top}, column {left}")
    artists["titles"][1].set_text(
        f"output {output.shape[0]} × {output.shape[1]}, {output.min():.2f} to {output.max():.2f}\n"
        f"row {state['row']}, column {state['column']}: {total:.2f}"
    )


def _link(preset, grid):
    """The preset fills the grid; numbers that fit no preset turn the preset to "my own"."""

    def fill(change):
        if change["new"] != OWN:
            grid.value = KERNELS[change["new"]]

    def name(change):
        same = [key for key, kernel in KERNELS.items() if np.array_equal(kernel, change["new"])]
        preset.value = same[0] if same else OWN

    preset.observe(fill, "value")
    grid.observe(name, "value")


def _place(image, array, padding):
    """Set an image's data, the unpadded image's pixel (0, 0) at the origin; move only what has changed."""
    height, width = array.shape
    extent = (-padding - 0.5, width - padding - 0.5, height - padding - 0.5, -padding - 0.5)
    if not np.array_equal(image.get_array(), array):
        image.set_data(array)
    if tuple(image.get_extent()) != extent:
        image.set_extent(extent)
        side = max(height, width)  # the panel is square whatever the image is: the layout stays
        x, y = extent[0] - (side - width) / 2, extent[3] - (side - height) / 2
        image.axes.set(xlim=(x, x + side), ylim=(y + side, y))

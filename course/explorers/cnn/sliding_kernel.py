"""Chapter 1's explorer: a kernel slides over an image, and every number of one output value is shown."""

from functools import partial

import ipywidgets as widgets
import numpy as np
import torch
import traitlets
from matplotlib import colormaps
from matplotlib.patches import Rectangle

from course.explorers.base import Explorer
from course.explorers.controls import described, menu, slider
from course.explorers.parts import moving, overlay, panel, place
from course.explorers.picture import Picture
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
WHOLE, PARTLY = "all of it", "up to the window"
GREY, COLOURED = (colormaps[name].with_extremes(bad="#d6e6f2") for name in ("gray", SIGNED))
SIDE = 2.7  # inches of the two large panels
STEPS = 26  # of the scan's first row when it is played
MEANINGS = {  # what a sum below, of and above 0 says
    "vertical edges": ("the left is brighter", "left and right are alike", "the right is brighter"),
    "horizontal edges": ("above is brighter", "above and below are alike", "below is brighter"),
    "outline": ("brighter than its neighbours", "like its neighbours", "darker than its neighbours"),
    "sharpen": ("the pixel, with its differences from its neighbours added",) * 3,
    "blur": ("a mean of the patch",) * 3,
    "shift right": ("what stands left of here, so the image moves to the right",) * 3,
    "identity": ("the pixel itself",) * 3,
}
ALT = (
    "An image with the kernel's window on it, the patch times the kernel as numbers, "
    "and the output that the sums fill row by row."
)


class KernelGrid(widgets.HBox):
    """Nine number fields, row by row, as one control whose `value` is a 3 × 3 tuple of floats."""

    value = traitlets.Tuple()

    def __init__(self, value):
        self.numbers = [widgets.BoundedFloatText(min=-LIMIT, max=LIMIT, step=0.1) for _ in range(9)]
        self._taking = False
        for i, number in enumerate(self.numbers):
            described(number, f"kernel row {i // 3}, column {i % 3}").observe(self._read, "value")
        columns = widgets.Layout(grid_template_columns="repeat(3, 62px)", grid_gap="1px")
        fields = widgets.GridBox(self.numbers, layout=columns)
        fields.add_class("course-numbers")
        super().__init__([widgets.Label(f"kernel, numbers from −{LIMIT:.0f} to {LIMIT:.0f}"), fields])
        self.add_class("widget-inline-hbox")  # its label stands above it, as those of the other controls
        self.observe(self._write, "value")
        self.value = value

    def _read(self, change):
        if not self._taking:
            flat = [number.value for number in self.numbers]
            self.value = tuple(tuple(flat[3 * i : 3 * i + 3]) for i in range(3))

    def _write(self, change):
        self._taking = True
        for number, value in zip(self.numbers, np.ravel(self.value), strict=True):
            number.value = float(value)
        self._taking = False


def sliding_kernel(conv2d, images):
    """Explore a convolution: drag the window, play the scan, choose the kernel, stride, padding and dilation.

    Args:
        conv2d: the chapter's function (x, weight, bias, stride, padding, dilation) -> output;
            x (1, 1, H, W), weight (1, 1, 3, 3), output (1, 1, H_out, W_out).
        images: dict of name to (H, W) tensor, at least 14 pixels each way.
    """
    first = next(iter(images.values()))
    rows, columns = output_shape(first.shape, 1, 0, 1)
    controls = {
        "preset": menu("kernel", [*KERNELS, OWN]),
        "image": menu("image", images),
        "kernel": KernelGrid(KERNELS["vertical edges"]),
        "stride": slider("stride", (1, 4), 1),
        "padding": slider("padding", (0, 4), 0),
        "dilation": slider("dilation", (1, 4), 1),
        "shown": menu("output shown", [PARTLY, WHOLE]),
        "position": slider("position, row by row", (0, rows * columns - 1), 13 * columns + 9),
    }
    follow = _link(controls["preset"], controls["kernel"])
    _keep_place(controls, images)
    return Explorer(
        "sliding kernel", controls, partial(compute_sliding_kernel, conv2d, images),
        Picture(build, update, (8.4, 3.8)), ALT, main=("preset", "image"), adjust=follow,
        touch={"image": at_image, "output": at_output}, play=scan,
        hint="Drag the window, click in the output, or play the scan.",
    )  # fmt: skip


def compute_sliding_kernel(
    conv2d, images, *, image, preset, kernel, stride, padding, dilation, shown, position
):
    """The numbers behind one picture of the sliding kernel.

    Args:
        preset: a key of `KERNELS`, or `OWN`: the 3 × 3 numbers `kernel`.
        shown: `WHOLE`, or `PARTLY`: what the window has not reached yet is left out.
        position: of the window, counted along the output's rows; beyond the last one the last one counts.
    Returns:
        dict: padded (H + 2P, W + 2P), output (H_out, W_out), filled (how many of its values are shown), row,
        column, top, left (the window's corner in the padded image), span (pixels that the window covers each
        way), patch, kernel and products (3, 3), total (to two digits).
    """
    x = images[image][None, None]  # (1, 1, H, W)
    weight = torch.tensor(KERNELS.get(preset, kernel), dtype=x.dtype)
    output = conv2d(x, weight[None, None], None, stride, padding, dilation)[0, 0].numpy()
    padded = torch.nn.functional.pad(x[0, 0], (padding,) * 4)
    position = min(position, output.size - 1)
    row, column = divmod(position, output.shape[1])
    top, left, span = row * stride, column * stride, 2 * dilation + 1
    patch = padded[top : top + span : dilation, left : left + span : dilation]  # (3, 3)
    return {
        "padded": padded.numpy(),
        "output": output,
        "filled": position + 1 if shown == PARTLY else output.size,
        **dict(row=row, column=column, top=top, left=left, span=span),
        "patch": patch.numpy(),
        "kernel": weight.numpy(),
        "products": (patch * weight).numpy(),
        "total": round(float((patch * weight).sum()), 2) + 0.0,  # no -0
    }


def output_shape(shape, stride, padding, dilation):
    """(H_out, W_out) of a 3 × 3 kernel on an image (H, W)."""
    return tuple((size + 2 * padding - 2 * dilation - 1) // stride + 1 for size in shape)


def index(place, shape):
    """The position's number for a (row, column) of the output, pulled into it."""
    row, column = (min(max(round(where), 0), size - 1) for where, size in zip(place, shape, strict=True))
    return row * shape[1] + column


def at_image(state, x, y):
    """The window, laid so that its middle is nearest to a point of the image."""
    shift = state["padding"] - state["dilation"]
    place = (y + shift) / state["stride"], (x + shift) / state["stride"]
    return {"position": index(place, state["output"].shape), "shown": WHOLE}


def at_output(state, x, y):
    """The window that gives the output's value at a point."""
    return {"position": index((y, x), state["output"].shape), "shown": WHOLE}


def scan(state):
    """The scan's next position: step by step along the first row, then quicker from row to row."""
    if state is None:
        return {"position": 0, "shown": PARTLY}
    last, columns = state["output"].size - 1, state["output"].shape[1]
    if state["position"] >= last:
        return None
    step = (1 + state["row"]) * max(1, round(columns / STEPS))
    return {"position": min(state["position"] + step, last), "shown": PARTLY}


def title(state):
    """What the sum says of the image at the window."""
    total, meanings = state["total"], MEANINGS.get(state["preset"])
    rows, columns = state["output"].shape
    says = meanings[1 + int(np.sign(total))] if meanings else f"one of the output's {rows} × {columns} values"
    return f"Nine products add up to {total:.2f}: {says}".replace("-", "−")


def build(figure):
    """All artists of the picture, with stand-in data: input left, numbers in the middle, output right.

    The input changes only along with the axes' limits or by a new choice of image, so it belongs to the
    background.
    """
    source = panel(figure, 60, 60, 100 * SIDE, 100 * SIDE, "image")
    target = panel(figure, 515, 60, 100 * SIDE, 100 * SIDE, "output")
    above = overlay(figure)
    source.imshow(np.zeros((2, 2)), cmap="gray", vmin=0, vmax=1, aspect="auto")
    edges = dict(fill=False, edgecolor=COLOURS[1], linewidth=2)
    artists = {
        "output": target.imshow(np.zeros((2, 2)), cmap=COLOURED, vmin=-1, vmax=1, aspect="auto"),
        "frame": source.add_patch(Rectangle((0, 0), 1, 1, fill=False, edgecolor="0.55", linestyle="--")),
        "window": source.add_patch(Rectangle((0, 0), 1, 1, **edges)),
        "taps": moving(source, "s", color=COLOURS[1], markersize=3, markerfacecolor="none"),
        "cell": target.add_patch(Rectangle((0, 0), 1, 1, **edges)),
        "links": [moving(above, color=COLOURS[1], linewidth=0.8) for _ in range(3)],
        "names": [axes.add_artist(Caption(0.5, 1.045, size=9)) for axes in (source, target)],
        "caption": above.add_artist(Caption(0.5, 0.955, size=11)),
    }
    for axes, gap in ((source, 2), (target, 5)):
        axes.set(xlabel="column (pixels)")
        axes.set_ylabel("row (pixels)", labelpad=gap)
        axes.locator_params(nbins=4, steps=[1, 2, 5, 10], integer=True)
        axes.spines[:].set_visible(False)
    target.yaxis.tick_right()  # lines come from the left
    target.yaxis.set_label_position("right")
    for i, name in enumerate(("patch", "kernel", "products")):
        axes = panel(figure, 355, 79 + 84 * i, 125, 62)
        artists[name] = number_grid(axes, np.zeros((3, 3)), "{:.2f}")
        axes.set_aspect("auto")
        axes.set_title(("patch", "× kernel", "= products")[i], fontsize=10, pad=3)
    artists["patch"][0].set_cmap("gray")
    artists["sum"] = axes.add_artist(Caption(0.5, -0.24, size=11, weight="bold"))
    return artists


def update(artists, state):
    """Put a state's numbers into the artists."""
    padding, dilation = state["padding"], state["dilation"]
    top, left, span = state["top"] - padding, state["left"] - padding, state["span"]  # in pixels of the image
    height, width = state["padded"].shape
    source = artists["window"].axes
    _show(source.images[0], state["padded"], padding)
    artists["frame"].set_bounds(-0.5, -0.5, width - 2 * padding, height - 2 * padding)
    artists["window"].set_bounds(left - 0.5, top - 0.5, span, span)
    steps = np.arange(0, span if dilation > 1 else 0, dilation)  # taps side by side: the window says it all
    artists["taps"].set_data(np.tile(left + steps, 3), np.repeat(top + steps, 3))
    output = state["output"]
    blank = np.arange(output.size).reshape(output.shape) >= state["filled"]
    _show(artists["output"], np.where(blank, np.nan, output), 0)
    limit, signed = max(np.abs(output).max(), 1e-9), output.min() < 0
    artists["output"].set_cmap(COLOURED if signed else GREY)
    artists["output"].set_clim(-limit if signed else 0, limit)
    artists["cell"].set_bounds(state["column"] - 0.5, state["row"] - 0.5, 1, 1)
    for name in ("patch", "kernel", "products"):
        set_number_grid(*artists[name], state[name])
    artists["patch"][0].set_clim(-1.2, 1)  # paler than the image: black numbers are read on it
    artists["sum"].set_text(f"sum = {state['total']:.2f}".replace("-", "−"))
    _connect(artists, left + span - 0.5, (top - 0.5, top + span - 0.5), (state["column"], state["row"]))
    size = f"{height - 2 * padding} × {width - 2 * padding} pixels"
    rows, columns = output.shape
    artists["names"][0].set_text(f"image: {size}" + (f", padding {padding}" if padding else ""))
    scale = "orange < 0 < purple" if signed else "black is 0"
    artists["names"][1].set_text(f"output: {rows} × {columns}, {scale}")
    artists["caption"].set_text(title(state))


def _connect(artists, right, ends, cell):
    """Lines from the window's right corners to the patch, and from the sum to its value in the output."""
    patch, last = artists["patch"][0].axes, artists["products"][0].axes
    source, target = artists["window"].axes, artists["cell"].axes
    lines = [(place(source, right, y), place(patch, -0.5, e)) for y, e in zip(ends, (-0.5, 2.5), strict=True)]
    lines.append((place(last, 2.55, 3.3), place(target, *cell)))
    for link, line in zip(artists["links"], lines, strict=True):
        link.set_data(*np.transpose(line))


def _link(preset, grid):
    """Numbers that are typed turn the preset to their name, or "my own"; for `adjust`: a preset sets them."""

    def name(change):
        preset.value = {kernel: key for key, kernel in KERNELS.items()}.get(change["new"], OWN)

    def follow(controls, state):
        grid.value = KERNELS.get(state["preset"], grid.value)

    grid.observe(name, "value")
    return follow


def _keep_place(controls, images):
    """Let the window stay where it is in the image while stride, padding, dilation or the image change."""
    names, position = ("stride", "padding", "dilation"), controls["position"]

    def geometry(values):
        shape = images[values["image"]].shape
        return shape, output_shape(shape, *(values[name] for name in names))

    def keep(change, which):
        new = {name: controls[name].value for name in ("image", *names)}
        old = new | {which: change["old"]}
        (size, outputs), (new_size, new_outputs) = geometry(old), geometry(new)
        middles = [
            (at * old["stride"] - old["padding"] + old["dilation"]) * after / before
            for at, before, after in zip(divmod(position.value, outputs[1]), size, new_size, strict=True)
        ]
        moved = [(at + new["padding"] - new["dilation"]) / new["stride"] for at in middles]
        last = new_outputs[0] * new_outputs[1] - 1
        position.max = max(position.max, last)
        position.value = index(moved, new_outputs)
        position.max = last

    for name in ("image", *names):
        controls[name].observe(partial(keep, which=name), "value")


def _show(image, array, padding):
    """Set an image's data, the unpadded image's pixel (0, 0) at the origin; move only what has changed."""
    height, width = array.shape
    extent = (-padding - 0.5, width - padding - 0.5, height - padding - 0.5, -padding - 0.5)
    if not np.array_equal(image.get_array(), array, equal_nan=True):
        image.set_data(array)
    if tuple(image.get_extent()) != extent:
        image.set_extent(extent)
        side = max(height, width)  # the panel is square whatever the image is: the layout stays
        x, y = extent[0] - (side - width) / 2, extent[3] - (side - height) / 2
        image.axes.set(xlim=(x, x + side), ylim=(y + side, y))

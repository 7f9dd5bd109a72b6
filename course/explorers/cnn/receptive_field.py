"""Chapter 1's explorer of the receptive field: a stack of layers, and what one unit at its top sees."""

from functools import partial

import numpy as np

from course.explorers.base import Explorer, Picture
from course.explorers.controls import menu, slider
from course.explorers.parts import moving
from course.plots import COLOURS
from course.plots.texts import Caption

MOST = 5  # layers
PIXELS = 28  # of the input
OWN = "as the sliders say"
PRESETS = {  # layers of (kernel, stride, dilation), input first
    "plain: kernel 3, three times": [(3, 1, 1)] * 3,
    "strided: kernel 3, stride 2, three times": [(3, 2, 1)] * 3,
    "dilated: kernel 3, dilation 1, 2, 4": [(3, 1, 1), (3, 1, 2), (3, 1, 4)],
    "LeNet: conv 5, pool 2, conv 5, pool 2": [(5, 1, 1), (2, 2, 1)] * 2,
}
ALT = (
    "Rows of units, the input's pixels at the bottom; lines run from one unit at the top "
    "down to the pixels that it sees."
)


def receptive_field(layer_size):
    """Explore what one unit sees: choose the layers and the unit.

    Args:
        layer_size: the chapter's function (layers) -> (size, jump) in pixels; layers a list of (kernel,
            stride, dilation), input first.
    """
    controls = {
        "preset": menu("layers", [OWN, *PRESETS]),
        "layers": slider("how many", (1, MOST), 3),
        "kernel": slider("kernel", (1, 5), 3),
        "stride": slider("stride", (1, 3), 1),
        "dilation": slider("dilation", (1, 3), 1),
        "unit": slider("output unit", (0, PIXELS - 1), 10),
    }

    def leave_preset(change):
        controls["preset"].value = OWN

    for name in ("layers", "kernel", "stride", "dilation"):
        controls[name].observe(leave_preset, "value")
    compute = partial(compute_receptive_field, layer_size)
    picture = Picture(build, update, (9.2, 4.2))
    return Explorer(
        "receptive field", controls, compute, picture, ALT, main=("layers", "kernel"), adjust=bound_unit
    )


def compute_receptive_field(layer_size, *, preset, layers, kernel, stride, dilation, unit):
    """The numbers behind one picture of the receptive field.

    Args:
        preset: a key of `PRESETS`, or `OWN`: `layers` layers of the same kernel, stride and dilation.
        unit: index in the last layer; beyond its end the last one counts.
    Returns:
        dict: layers (those that fit), asked (how many were asked for), centres (an array a row of units,
        input first: the middle of what each one sees, in pixels), seen (an array of indices a row), lines
        (N, 2, 2) from (centre, row) below to (centre, row) above, size and jump in pixels.
    """
    wanted = [(kernel, stride, dilation)] * layers if preset == OWN else PRESETS[preset]
    fit, centres = [], [np.arange(float(PIXELS))]
    for layer in wanted:
        met = taps(len(centres[-1]), *layer)
        if not len(met):
            break
        fit.append(layer)
        centres.append(centres[-1][met].mean(1))
    unit = min(unit, len(centres[-1]) - 1)
    seen, lines = [np.array([unit])], []
    for row in range(len(fit), 0, -1):
        met = taps(len(centres[row - 1]), *fit[row - 1])[seen[0]]  # (units seen, kernel)
        below, above = centres[row - 1][met], centres[row][seen[0]]
        lines += [[(x, row - 1), (top, row)] for xs, top in zip(below, above, strict=True) for x in xs]
        seen.insert(0, np.unique(met))
    size, jump = layer_size(fit)
    return {
        "layers": fit,
        "asked": len(wanted),
        "centres": centres,
        "seen": seen,
        "lines": np.array(lines),
        "size": size,
        "jump": jump,
    }


def taps(n, kernel, stride, dilation):
    """What each output unit reads of n units below: (outputs, kernel) indices; 0 outputs if none fits."""
    outputs = max(0, (n - dilation * (kernel - 1) - 1) // stride + 1)
    return stride * np.arange(outputs)[:, None] + dilation * np.arange(kernel)


def bound_unit(controls, state):
    """Keep the unit's slider within the last layer; a slider needs two values, even for one unit."""
    controls["unit"].max = max(1, len(state["centres"][-1]) - 1)


def build(figure):
    """All artists of the picture; the rows' names are tick labels, part of the background."""
    axes = figure.add_subplot()
    axes.set_title("\n\n", fontsize=10)  # room for the caption
    axes.set(xlabel="position in the input (pixels)", xlim=(-0.9, PIXELS - 0.1))
    axes.set_yticks(range(2), [row_name(99, (5, 3, 3), 5)] * 2)  # room for the longest
    axes.tick_params(axis="y", length=0, labelsize=9)
    axes.spines[["left", "bottom"]].set_visible(False)
    dots = dict(linestyle="none", markersize=7)
    return {
        "lines": moving(axes, color=COLOURS[0], linewidth=1),
        "units": moving(axes, "o", color="0.55", markerfacecolor="white", **dots),
        "seen": moving(axes, "s", color=COLOURS[0], **dots),
        "unit": moving(axes, "D", color=COLOURS[1], linestyle="none", markersize=10),
        "caption": axes.add_artist(Caption(0.5, 1.13)),
    }


def update(artists, state):
    """Put a state's numbers into the artists."""
    centres, seen, lines = state["centres"], state["seen"], state["lines"]
    _name_rows(artists["units"].axes, centres, state["layers"])
    artists["units"].set_data(np.concatenate(centres), np.repeat(range(len(centres)), [*map(len, centres)]))
    chosen = [row[indices] for row, indices in zip(centres, seen, strict=True)]
    artists["seen"].set_data(np.concatenate(chosen), np.repeat(range(len(seen)), [*map(len, seen)]))
    artists["unit"].set_data(chosen[-1], [len(seen) - 1])
    ends = np.concatenate([lines, np.full((len(lines), 1, 2), np.nan)], 1)  # a gap after each line
    artists["lines"].set_data(ends.reshape(-1, 2).T)
    first, last, read = seen[0][0], seen[0][-1], len(seen[0])
    reads = "reads each of them" if read == last - first + 1 else f"reads {read} of them"
    missing = state["asked"] - len(state["layers"])
    artists["caption"].set_text(
        f"receptive field {_pixels(state['size'])} of {len(centres[0])}, jump {_pixels(state['jump'])}\n"
        f"unit {seen[-1][0]} (diamond) spans pixels {first} to {last} and {reads} (filled squares)"
        + (f"\nthe input is too short for {missing} more of these layers" if missing else "")
    )


def row_name(units, layer, row):
    """What stands beside a row of units; `layer` is None for the input."""
    if layer is None:
        return f"input: {units} pixels"
    kernel, stride, dilation = layer
    plural = "" if units == 1 else "s"
    return f"layer {row}: {units} unit{plural}\nkernel {kernel}, stride {stride}, dilation {dilation}"


def _name_rows(axes, centres, layers):
    """Rows and their names; moves the axes, which costs a whole redraw, only if the layers have changed."""
    names = [
        row_name(len(c), layer, i) for i, (c, layer) in enumerate(zip(centres, [None, *layers], strict=True))
    ]
    if names != [label.get_text() for label in axes.get_yticklabels()]:
        axes.set_yticks(range(len(names)), names)
        axes.set_ylim(-0.4, len(names) - 0.6)


def _pixels(number):
    return f"{number} pixel" + ("" if number == 1 else "s")

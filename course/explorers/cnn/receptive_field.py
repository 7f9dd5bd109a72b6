"""Chapter 1's explorer of the receptive field: a stack of layers, and what any unit of it sees."""

from functools import partial

import numpy as np

from course.explorers.base import Explorer, Picture
from course.explorers.cnn.panels import panel
from course.explorers.controls import menu, slider
from course.explorers.parts import moving
from course.plots import COLOURS
from course.plots.texts import Caption, Texts

PIXELS = 28  # of the input
MOST = 8  # rows of units above the input
SHAPE = ("blocks", "kernel", "stride", "growth", "pool")  # the sliders that make the layers
OWN = "my own"
PRESETS = {  # what the sliders of SHAPE are set to
    "LeNet: conv 5, pool 2, twice": (2, 5, 1, 1, 2),
    "plain: conv 3, three times": (3, 3, 1, 1, 1),
    "strided: conv 3, stride 2, three times": (3, 3, 2, 1, 1),
    "dilated: conv 3, dilation 1, 2, 4": (3, 3, 1, 2, 1),
}
ALT = (
    "Rows of units, the input's pixels at the bottom; lines run from one unit "
    "down to the pixels that it sees, and a bar below shows what its neighbour sees."
)


def receptive_field(layer_size):
    """Explore what one unit sees: choose the layers, and point at any unit.

    Args:
        layer_size: the chapter's function (layers) -> (size, jump) in pixels; layers a list of (kernel,
            stride, dilation), input first.
    """
    blocks, kernel, stride, growth, pool = next(iter(PRESETS.values()))
    controls = {
        "preset": menu("layers", [*PRESETS, OWN]),
        "blocks": slider("convolutions", (1, 4), blocks),
        "kernel": slider("kernel", (1, 5), kernel),
        "stride": slider("stride", (1, 3), stride),
        "growth": slider("dilation grows by the factor", (1, 3), growth),
        "pool": slider("pooling after each (1: none)", (1, 3), pool),
        "layer": slider("layer of the unit", (1, MOST), MOST),
        "unit": slider("unit", (0, PIXELS - 1), 1),
    }
    _link(controls)
    return Explorer(
        "receptive field",
        controls,
        partial(compute_receptive_field, layer_size),
        Picture(build, update, (8.4, 3.9)),
        ALT,
        main=("preset", "blocks"),
        touch={"units": nearest_unit},
        hover=("units",),
        hint="Point at a unit of any layer.",
    )


def compute_receptive_field(layer_size, *, preset, blocks, kernel, stride, growth, pool, layer, unit):
    """The numbers behind one picture of the receptive field.

    Args:
        preset: not used; it has already set the sliders of `SHAPE`.
        blocks: convolutions; `kernel` and `stride` are theirs, the dilation of the next is `growth` times as
            large, and pooling of `pool` pixels and this stride follows each (1: none).
        layer: the unit's row, from 1; beyond the last layer the last one counts.
        unit: index in its row; beyond its end the last one counts.
    Returns:
        dict: layers (those that fit), asked (how many were asked for), centres (an array a row of units,
        input first: the middle of what each one sees, in pixels), layer, unit, seen (an array of indices a
        row up to the unit's), lines (N, 2, 2) from (centre, row) below to (centre, row) above, size and jump
        in pixels, field and beside: the (first, last) pixel of what the unit and its neighbour see.
    """
    wanted = []
    for i in range(blocks):
        wanted += [(kernel, stride, growth**i), *([(pool, pool, 1)] if pool > 1 else [])]
    fit, centres = [], [np.arange(float(PIXELS))]
    for asked in wanted:
        met = taps(len(centres[-1]), *asked)
        if not len(met):
            break
        fit.append(asked)
        centres.append(centres[-1][met].mean(1))
    layer = min(layer, len(fit))
    unit = min(unit, len(centres[layer]) - 1)
    seen, lines = [np.array([unit])], []
    for row in range(layer, 0, -1):
        met = taps(len(centres[row - 1]), *fit[row - 1])[seen[0]]  # (units seen, kernel)
        below, above = centres[row - 1][met], centres[row][seen[0]]
        lines += [[(x, row - 1), (top, row)] for xs, top in zip(below, above, strict=True) for x in xs]
        seen.insert(0, np.unique(met))
    size, jump = layer_size(fit[:layer])
    field = seen[0][[0, -1]]
    step = jump if unit + 1 < len(centres[layer]) else -jump
    return {
        "layers": fit,
        "asked": len(wanted),
        "centres": centres,
        "layer": layer,
        "unit": unit,
        "seen": seen,
        "lines": np.array(lines),
        "size": size,
        "jump": jump,
        "field": field,
        "beside": field + step if len(centres[layer]) > 1 else None,
    }


def taps(n, kernel, stride, dilation):
    """What each output unit reads of n units below: (outputs, kernel) indices; 0 outputs if none fits."""
    outputs = max(0, (n - dilation * (kernel - 1) - 1) // stride + 1)
    return stride * np.arange(outputs)[:, None] + dilation * np.arange(kernel)


def nearest_unit(state, x, y):
    """The unit nearest to a point, of the row nearest to it; the input's pixels are no units."""
    layer = min(max(round(y), 1), len(state["layers"]))
    return {"layer": layer, "unit": int(np.abs(state["centres"][layer] - x).argmin())}


def title(state):
    """What the unit sees, and how far its neighbour sees further."""
    first, last = state["field"]
    read, size = len(state["seen"][0]), state["size"]
    text = f"This unit sees pixels {first} to {last}" if size > 1 else f"This unit sees pixel {first} alone"
    text += f", but {read} of these {size} alone" if read < size else f", {size} of {PIXELS}" * (size > 1)
    if state["beside"] is not None:
        text += f"; its neighbour lies {state['jump']} further"
    missing = state["asked"] - len(state["layers"])
    return text + (f". No room for {missing} more" if missing else "")


def build(figure):
    """All artists of the picture."""
    axes = panel(figure, 2.15, 0.5, 6.1, 3.0, "units", xlim=(-0.7, PIXELS - 0.3), yticks=())
    axes.set(xlabel="position in the input (pixels)", xticks=range(0, PIXELS, 3))
    axes.spines[:].set_visible(False)
    dots = dict(linestyle="none", clip_on=False)
    bar = dict(linewidth=4, solid_capstyle="butt")
    return {
        "field": moving(axes, color=COLOURS[0], **bar),
        "beside": moving(axes, color=COLOURS[4], **bar),
        "names": axes.add_artist(Texts(9, "DejaVu Sans", align=1)),
        "lines": moving(axes, color=COLOURS[0], linewidth=1),
        "units": moving(axes, "o", color="0.55", markersize=7, markerfacecolor="white", **dots),
        "seen": moving(axes, "s", color=COLOURS[0], markersize=7, **dots),
        "unit": moving(axes, "D", color=COLOURS[1], markersize=10, **dots),
        "caption": axes.add_artist(Caption(0.32, 1.09, size=11)),
    }


def update(artists, state):
    """Put a state's numbers into the artists."""
    centres, seen, layer = state["centres"], state["seen"], state["layer"]
    axes, rows = artists["units"].axes, len(centres)
    if axes.get_ylim() != (limits := (-1.1, rows - 0.6)):
        axes.set_ylim(limits)
    artists["units"].set_data(np.concatenate(centres), np.repeat(range(rows), [*map(len, centres)]))
    chosen = [row[indices] for row, indices in zip(centres, seen, strict=False)]
    artists["seen"].set_data(np.concatenate(chosen), np.repeat(range(len(seen)), [*map(len, seen)]))
    artists["unit"].set_data(chosen[-1], [layer])
    ends = np.concatenate([state["lines"], np.full((len(state["lines"]), 1, 2), np.nan)], 1)  # gaps between
    artists["lines"].set_data(ends.reshape(-1, 2).T)
    names = ["its neighbour's field", "its field", f"input: {PIXELS} pixels"]
    names += [row_name(len(c), form, i + 1) for i, (c, form) in enumerate(zip(centres[1:], state["layers"]))]
    artists["names"].set_data(-1.2, [-0.85, -0.5, *range(rows)], names)
    for name, y in (("field", -0.5), ("beside", -0.85)):
        ends = state[name]
        artists[name].set_data(([], []) if ends is None else ((ends[0] - 0.5, ends[1] + 0.5), (y, y)))
    artists["caption"].set_text(title(state))


def row_name(units, layer, row):
    """What stands beside a row of units."""
    kernel, stride, dilation = layer
    form = f"pool {kernel}" if kernel == stride > 1 else f"conv {kernel}"
    form += f", stride {stride}" * (form[0] == "c" and stride > 1) + f", dilation {dilation}" * (dilation > 1)
    return f"{row}: {form}, {units} unit" + "s" * (units > 1)


def _link(controls):
    """The preset sets the sliders; values that fit no preset turn the preset to "my own"."""

    def fill(change):
        for name, value in zip(SHAPE, PRESETS.get(change["new"], ()), strict=False):
            controls[name].value = value

    def name_it(change):
        values = tuple(controls[name].value for name in SHAPE)
        named = [preset for preset, shape in PRESETS.items() if shape == values]
        controls["preset"].value = named[0] if named else OWN

    controls["preset"].observe(fill, "value")
    for name in SHAPE:
        controls[name].observe(name_it, "value")

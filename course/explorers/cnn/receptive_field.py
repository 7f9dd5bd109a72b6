"""Chapter 1's explorer of the receptive field: a stack of layers, and what any unit of it sees."""

from functools import partial

import numpy as np

from course.explorers.base import Explorer
from course.explorers.controls import menu, slider
from course.explorers.parts import moving, panel
from course.explorers.picture import Picture
from course.plots import COLOURS
from course.plots.texts import Caption, Texts

PIXELS = 28  # of the input
OWN = "my own"
SHAPE = {  # the sliders that make the layers: label and ends
    "blocks": ("convolutions", (1, 4)),
    "kernel": ("kernel", (2, 5)),
    "stride": ("stride", (1, 3)),
    "growth": ("dilation grows by the factor", (1, 3)),
    "pool": ("pooling after each (1: none)", (1, 3)),
}
PRESETS = {  # what the sliders of SHAPE are set to
    "plain: conv 3, three times": (3, 3, 1, 1, 1),
    "LeNet: conv 5, pool 2, twice": (2, 5, 1, 1, 2),
    "strided: conv 3, stride 2, three times": (3, 3, 2, 1, 1),
    "dilated: conv 3, dilation 1, 2, 4": (3, 3, 1, 2, 1),
}
ALT = (
    "Rows of units, the input's pixels at the bottom; lines run from one unit "
    "down to the pixels that it sees, and a bar below shows what its neighbour sees."
)


def receptive_field(layer_size):
    """Explore what one unit sees: choose the layers, and press any unit.

    Args:
        layer_size: the chapter's function (layers) -> (size, jump) in pixels; layers a list of (kernel,
            stride, dilation), input first.
    """
    first = next(iter(PRESETS.values()))
    shape = {name: slider(*SHAPE[name], value) for name, value in zip(SHAPE, first, strict=True)}
    controls = {"preset": menu("layers", [*PRESETS, OWN])} | shape
    controls |= {"layer": slider("layer of the unit", (1, 1), 1), "unit": slider("unit", (0, 0), 0)}
    _link(controls, shape)
    return Explorer(
        "receptive field", controls, partial(compute_receptive_field, layer_size),
        Picture(build, update, (8.4, 3.7)), ALT, main=("preset",),
        touch={"units": partial(nearest_unit, controls["unit"])},
        hint="Press a unit of any layer, or drag over them.",
    )  # fmt: skip


def compute_receptive_field(layer_size, *, preset, layer, unit, **shape):
    """The numbers behind one picture of the receptive field.

    Args:
        preset: a key of `PRESETS`, which then says what `shape` is, or `OWN`.
        layer: the unit's row, from 1; beyond the last layer the last one counts.
        unit: index in its row; beyond its end the last one counts.
        shape: of `SHAPE`, for `stack`.
    Returns:
        dict: shape; layers and centres as `stack` gives them, layer, unit, seen (an array of indices a row up
        to the unit's), lines (N, 2, 2) from (centre, row) below to (centre, row) above, size and jump in
        pixels, field and beside: the (first, last) pixel of what the unit and its neighbour see.
    """
    shape = dict(zip(SHAPE, PRESETS[preset], strict=True)) if preset in PRESETS else shape
    layers, centres = stack(**shape)
    layer = min(layer, len(layers))
    unit = min(unit, len(centres[layer]) - 1)
    seen, lines = [np.array([unit])], []
    for row in range(layer, 0, -1):
        met = taps(len(centres[row - 1]), *layers[row - 1])[seen[0]]  # (units seen, kernel)
        below, above = centres[row - 1][met], centres[row][seen[0]]
        lines += [[(x, row - 1), (top, row)] for xs, top in zip(below, above, strict=True) for x in xs]
        seen.insert(0, np.unique(met))
    size, jump = layer_size(layers[:layer])
    field, units = seen[0][[0, -1]], len(centres[layer])
    found = {"layers": layers, "centres": centres, "layer": layer, "unit": unit, "seen": seen}
    beside = None if units == 1 else field + (jump if unit + 1 < units else -jump)
    found |= {"lines": np.array(lines), "size": size, "jump": jump, "field": field, "beside": beside}
    return shape | found


def stack(blocks, kernel, stride, growth, pool):
    """The layers of `blocks` convolutions, or as many as fit, whose dilation grows by a factor from each to
    the next, with pooling after each, unless it is over 1 pixel.

    Returns:
        layers, a list of (kernel, stride, dilation), input first, and centres, an array for each row of
        units, the input's pixels first: the middle of what each unit sees, in pixels.
    """
    layers, centres = [], [np.arange(float(PIXELS))]
    for i in range(blocks):
        block = [(kernel, stride, growth**i), (pool, pool, 1)][: 1 + (pool > 1)]
        rows = centres[-1:]
        for layer in block:
            rows.append(rows[-1][taps(len(rows[-1]), *layer)].mean(1))
            if not len(rows[-1]):
                return layers, centres
        layers, centres = layers + block, centres + rows[1:]
    return layers, centres


def taps(n, kernel, stride, dilation):
    """What each output unit reads of n units below: (outputs, kernel) indices; 0 outputs if none fits."""
    outputs = max(0, (n - dilation * (kernel - 1) - 1) // stride + 1)
    return stride * np.arange(outputs)[:, None] + dilation * np.arange(kernel)


def nearest_unit(slider, state, x, y):
    """The unit nearest to a point, of the row nearest to it, which may have more than the slider knows."""
    layer = min(max(round(y * len(state["layers"])), 1), len(state["layers"]))
    unit = int(np.abs(state["centres"][layer] - x).argmin())
    slider.max = max(slider.max, unit)
    return {"layer": layer, "unit": unit}


def title(state):
    """How the field is added up layer by layer, and how far the neighbour's lies further."""
    terms, jump, size, read = ["1"], 1, state["size"], len(state["seen"][0])
    for kernel, stride, dilation in state["layers"][: state["layer"]]:
        terms.append(f"{kernel - 1}·{dilation * jump}")
        jump *= stride
    text = f"It sees {size} pixels = {' + '.join(terms)}" + (f", reads {read}" if read < size else "")
    if state["beside"] is None:
        return text
    where = "further right" if state["beside"][0] > state["field"][0] else "further left"
    return f"{text}; its neighbour's lie {jump} {where}"


def build(figure):
    """All artists of the picture: the units, and below them what the chosen one and its neighbour see."""
    looks = dict(xlim=(-0.7, PIXELS - 0.3), yticks=())
    axes = panel(figure, 215, 37, 610, 235, "units", xticks=(), ylim=(-0.07, 1.05), **looks)
    below = panel(figure, 215, 280, 610, 42, xticks=range(0, PIXELS, 3), ylim=(-0.5, 1.5), **looks)
    below.set_xlabel("position in the input (pixels)")
    for each in (axes, below):
        each.spines[:].set_visible(False)
    dots = dict(linestyle="none", clip_on=False)
    return {
        "fields": [moving(below, color=COLOURS[i], linewidth=5, solid_capstyle="butt") for i in (0, 4)],
        "whose": below.add_artist(Texts(9, "DejaVu Sans", align=1)),
        "names": axes.add_artist(Texts(9, "DejaVu Sans", align=1)),
        "lines": moving(axes, color=COLOURS[0], linewidth=1),
        "units": moving(axes, "o", color="0.55", markersize=7, markerfacecolor="white", **dots),
        "seen": moving(axes, "s", color=COLOURS[0], markersize=7, **dots),
        "unit": moving(axes, "D", color=COLOURS[1], markersize=10, **dots),
        "caption": axes.add_artist(Caption(0.33, 1.09, size=11)),
    }


def update(artists, state):
    """Put a state's numbers into the artists."""
    centres, seen, layer = state["centres"], state["seen"], state["layer"]
    heights = np.linspace(0, 1, len(centres))  # of the rows
    artists["units"].set_data(np.concatenate(centres), np.repeat(heights, [*map(len, centres)]))
    chosen = [row[indices] for row, indices in zip(centres, seen, strict=False)]
    artists["seen"].set_data(np.concatenate(chosen), np.repeat(heights[: layer + 1], [*map(len, seen)]))
    artists["unit"].set_data(chosen[-1], [heights[layer]])
    ends = np.concatenate([state["lines"], np.full((len(state["lines"]), 1, 2), np.nan)], 1)  # gaps between
    artists["lines"].set_data(*(ends.reshape(-1, 2) * (1, heights[1])).T)
    rows = [row_name(row, layer, state["pool"]) for row, layer in enumerate(state["layers"], 1)]
    artists["names"].set_data(-1.2, heights, [f"input: {PIXELS} pixels", *rows])
    shown = [end for end in (state["field"], state["beside"]) if end is not None]
    names = ["its field", "its neighbour's field"][: len(shown)]
    artists["whose"].set_data(-1.2, (1, 0)[: len(shown)], names)
    for y, line, (first, last) in zip((1, 0), artists["fields"], [*shown, (np.nan,) * 2], strict=False):
        line.set_data((first - 0.5, last + 0.5), (y, y))
    artists["caption"].set_text(title(state))


def row_name(row, layer, pool):
    """What stands beside a row of units; with a `pool` over 1 every second layer is a pooling."""
    kernel, stride, dilation = layer
    if pool > 1 and row % 2 == 0:
        return f"{row}: pool {kernel}"
    numbers = f", stride {stride}" * (stride > 1) + f", dilation {dilation}" * (dilation > 1)
    return f"{row}: conv {kernel}{numbers}"


def _link(controls, shape):
    """A preset sets the sliders of the shape, and one of these that is moved makes the preset "my own"; both
    take the middle unit of the top row. Convolutions that no longer fit come back when they do.
    """
    preset, layer, unit, blocks = (controls[name] for name in ("preset", "layer", "unit", "blocks"))
    most, asked, setting = blocks.max, [blocks.value], []

    def stacked(**changes):
        return stack(**{name: control.value for name, control in shape.items()} | changes)

    def choose(change):
        if preset.value != OWN:
            asked[0] = PRESETS[preset.value][0]
            setting.append(True)
            for name, value in zip(SHAPE, PRESETS[preset.value], strict=True):
                shape[name].value = value
            take_top()

    def leave(change):
        if not setting:
            asked[0] = blocks.value if change["owner"] is blocks else asked[0]
            preset.value = OWN
            take_top()

    def take_top():
        setting.append(True)  # the convolutions are set
        each = 1 + (shape["pool"].value > 1)
        blocks.max = len(stacked(blocks=most)[0]) // each
        blocks.value = min(asked[0], blocks.max)
        shape["growth"].disabled = len(stacked(blocks=asked[0], growth=1)[0]) == each  # nothing to dilate
        setting.clear()
        layer.max = len(stacked()[0])
        layer.value = layer.max
        end_row(None)
        unit.value = unit.max // 2

    def end_row(change):
        unit.max = len(stacked()[1][layer.value]) - 1

    for control in shape.values():
        control.observe(leave, "value")
    preset.observe(choose, "value")
    layer.observe(end_row, "value")
    take_top()

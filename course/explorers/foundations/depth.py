"""Chapter 0's explorer of depth: the activations and the gradients of each layer, as histograms."""

from functools import lru_cache, partial

import numpy as np
import torch
from matplotlib.collections import PolyCollection

from course.explorers.base import Explorer
from course.explorers.controls import list_slider, menu, slider
from course.explorers.parts import arrays, headline, in_few, legend, mark, minus, moving
from course.explorers.picture import Picture
from course.plots import COLOURS
from course.plots.texts import Texts

MOST_LAYERS = 30
HIGH = 2.05  # of both scales, up and down
EDGES = np.arange(-HIGH, HIGH + 0.01, 0.1)  # of the histograms' bars, one of which is around 0
WIDTHS = (16, 32, 64, 128)
SCALES = (
    0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95, 1.0, 1.05, 1.1, 1.15, 1.2, 1.3, 1.4, 1.6, 1.8, 2.0,
)  # fmt: skip
GAINS = {"linear": 1.0, "relu": 0.5}  # of a mean square by an activation; no constant for the others
LEVEL = 1.05  # a factor per layer nearer to 1 keeps a size
FAR = 5.0  # the factor over all layers from which a size has vanished or exploded
LOW_POSITIVE = -0.15  # the lower end of the scale where no activation is negative
PLATE = [(-1, -0.4), (1, -0.4), (1, 0.4), (-1, 0.4)]  # under a size that is written on a histogram
LOW = 0.025  # a highest bar below this is drawn narrower
FLAT, SATURATED = 0.1, 0.2  # a slope this small is flat; the share of flat units from which a layer saturates
ALT = (
    "Two rows of histograms that lie on their sides, one for each layer: above the activations on their way "
    "forward, below the loss's gradients on their way back; black dots mark root mean squares, dashed lines "
    "what the width and the weights' standard deviation predict for linear and relu layers."
)


def depth(signals, activations, initialisations):
    """Explore how a signal and its gradient shrink or grow in a deep network of layers of one width.

    Args:
        signals: function (widths, activation, std_of) -> (forward, backward), sequences of L tensors (B, n):
            widths are the L + 1 sizes from the input on, std_of a function (fan_in, fan_out) -> standard
            deviation of a layer's weights; what goes into each layer's activation and the loss's gradient
            there, both from the first layer on. It is called once for a setting.
        activations: dict of a name, "relu" among them, to the pair of functions (z) -> its value and its
            slope; "relu" and "linear" get a prediction.
        initialisations: dict of a name, "Xavier" among them, to a function (fan_in, fan_out) -> standard
            deviation.
    """
    scales = [(f"{scale:g}", scale) for scale in SCALES]
    controls = {
        "activation": menu("activation", list(activations), "relu", "what stands between two layers"),
        "scale": list_slider("scale of the weights", scales, 1.0, "what their spread is multiplied by"),
        "initialisation": menu("initialisation", list(initialisations), "Xavier", "of the weights' spread"),
        "layers": slider("layers", (2, MOST_LAYERS), 12, "how many layers of weights the network has"),
        "width": list_slider("width", WIDTHS, 64, "how many units each layer has, the input too"),
    }
    measured = lru_cache(maxsize=256)(partial(measure, signals, activations, initialisations))
    return Explorer(
        "depth",
        controls,
        partial(compute_depth, initialisations, measured),
        Picture(build, update, (8.4, 4.0)),
        ALT,
        main=("activation", "scale"),
        touch={"forward": partial(scaled, "forward"), "backward": partial(scaled, "backward")},
        play="scale",
        hint="Drag a layer's dot: the scale of the weights follows.",
    )


def scaled(name, state, x, y):
    """The scale of the weights that brings the dot of the layer at x to the height y."""
    layers = state["layers"]
    layer = int(np.clip(x * layers, 0, layers - 1))
    steps = layer + 1 if name == "forward" else layers - 1 - layer
    here = np.sqrt(state[name][layer])
    if steps == 0 or here == 0:
        return {}
    return {"scale": float(state["scale"] * (max(y, 0.02) / here) ** (1 / steps))}


def measure(signals, activations, initialisations, layers, width, activation, initialisation, scale):
    """The histograms of one setting.

    Returns:
        dict: for forward and for backward the mean squares (layers,), those of the gradient divided by the
        last layer's, and _bars (layers, len(EDGES) - 1), the share of each bar; saturated, the share of the
        last layer's positive inputs at which the activation is flat.
    """

    def std_of(fan_in, fan_out):
        return scale * initialisations[initialisation](fan_in, fan_out)

    value, slope = activations[activation]
    forward, backward = signals((width,) * (layers + 1), activation, std_of)
    positive = forward[-1][forward[-1] > 0]
    found = {"saturated": float((slope(positive) < FLAT).sum()) / max(len(positive), 1)}
    size = backward[-1].square().mean().sqrt()
    for name, tensors in (
        ("forward", [value(z) for z in forward]),
        ("backward", [gradient / size if size else gradient for gradient in backward]),
    ):
        values = arrays(torch.stack(list(tensors))).reshape(layers, -1)
        found[name] = (values**2).mean(1)
        bars = [np.histogram(layer, len(EDGES) - 1, (EDGES[0], EDGES[-1]))[0] for layer in values]
        found[f"{name}_bars"] = np.array(bars) / values.shape[1]
    return found


def compute_depth(initialisations, measured, *, activation, initialisation, scale, layers, width):
    """The numbers behind one picture of the depth.

    Args:
        measured: function (layers, width, activation, initialisation, scale) -> what `measure` returned.
    Returns:
        dict: what `measure` returned, and for forward and for backward the _line, (layers,) mean squares as
        predicted, or None, the _factor, the geometric mean of a step's factor of the root mean square, and
        the _verdict, a word; predicted, the factor width · std² · g of a layer, or None.
    """
    found = measured(layers, width, activation, initialisation, scale)
    std = float(scale * initialisations[initialisation](width, width))
    predicted = width * std**2 * GAINS[activation] if activation in GAINS else None
    state = found | {"predicted": predicted}
    for name, way in (("forward", 1), ("backward", -1)):
        values = state[name][::way]  # in the order in which they are computed
        line = None if predicted is None else (values[0] * predicted ** np.arange(layers))[::way]
        change = float(np.sqrt(values[-1] / values[0])) if values[0] else 0.0
        state |= {f"{name}_line": line, f"{name}_factor": change ** (1 / (layers - 1))}
        state[f"{name}_verdict"] = verdict(change, state[f"{name}_factor"])
    if state["forward_verdict"] != "vanishes" and state["saturated"] > SATURATED:
        state["forward_verdict"] = "saturates"
    return state


def verdict(change, factor):
    """What becomes of a size, by its change over all layers and its factor per layer."""
    if 1 / LEVEL < factor < LEVEL:
        return "stays"
    if factor < 1:
        return "vanishes" if change < 1 / FAR else "shrinks"
    return "explodes" if change > FAR else "grows"


def build(figure):
    """All artists: the activations above, the gradients below, layer under layer."""
    artists = {"caption": headline(figure)}
    above, below = figure.subplots(2, 1)
    artists |= _build_row(above, "forward", "activation", "forward →")
    artists |= _build_row(below, "backward", "gradient", "← backward (the last layer's RMS is 1)")
    lines = [artists["forward_dots"], artists["forward_dashes"]]
    legend(above, lines, ["root mean square (RMS)", "predicted (relu, linear)"], x=1, y=1.01, side="right")
    below.set_xlabel("layer", labelpad=16)
    artists["layers"] = below.add_artist(Texts(9, "DejaVu Sans"))
    artists["layers"].set_transform(below.transAxes)
    return artists


def _build_row(axes, name, label, way):
    axes.set_label(name)
    axes.set(xlim=(0, 1), ylim=(-HIGH, HIGH), xticks=(), yticks=range(-2, 3), ylabel=label)
    axes.set_yticks(range(-2, 3), [minus(str(tick)) for tick in range(-2, 3)])
    axes.axhline(0, color="0.8", linewidth=0.8, zorder=0)
    axes.text(0.005, 1.07, way, transform=axes.transAxes, fontsize=9, va="bottom")
    colour = COLOURS[0] if name == "forward" else COLOURS[1]
    ground = moving(axes, color="white", markersize=28, linestyle="", marker=PLATE, zorder=5)
    ground.set_transform(axes.get_xaxis_transform())
    sizes = axes.add_artist(Texts(8, "DejaVu Sans"))
    sizes.set(transform=axes.get_xaxis_transform(), zorder=6)
    return {
        f"{name}_bars": axes.add_collection(PolyCollection([], facecolors=colour, linewidths=0)),
        f"{name}_dots": moving(axes, "o", color="black", markersize=4, zorder=4),
        f"{name}_dashes": moving(axes, "--", color="black", linewidth=1.2, zorder=3),
        f"{name}_high": mark(axes, "^", "black", 8),
        f"{name}_ground": ground,
        f"{name}_sizes": sizes,
    }


def update(artists, state):
    """Put a state's numbers into the artists."""
    layers = state["layers"]
    places = (np.arange(layers) + 0.5) / layers
    for name in ("forward", "backward"):
        artists[f"{name}_bars"].set_verts(outlines(places, min(0.45 / layers, 0.05), state[f"{name}_bars"]))
        sizes = np.sqrt(state[name])
        high = np.flatnonzero(sizes > HIGH)
        artists[f"{name}_dots"].set_data(places, np.where(sizes > HIGH, np.nan, sizes))
        artists[f"{name}_high"].set_data(places[high], np.full(len(high), HIGH))
        told = high[:: 1 + layers // 15]
        artists[f"{name}_ground"].set_data(places[told], np.full(len(told), 0.84))
        artists[f"{name}_sizes"].set_data(places[told], 0.84, [in_few(size) for size in sizes[told]])
        line = [] if state[f"{name}_line"] is None else np.sqrt(state[f"{name}_line"])
        artists[f"{name}_dashes"].set_data(places[: len(line)], line)
    low = -HIGH if state["forward_bars"][:, EDGES[:-1] < -0.1].any() else LOW_POSITIVE
    axes = artists["forward_dots"].axes
    if axes.get_ylim()[0] != low:
        axes.set_ylim(low, HIGH)
    artists["layers"].set_data(places, -0.1, [str(layer + 1) for layer in range(layers)])
    artists["caption"].set_text(caption(state))


def outlines(places, half, bars):
    """The outline of each layer's histogram, mirrored at the layer's place: (layers, N, 2).

    Each is as wide as its highest bar, or less if all its bars are low; the bar around 0, which may hold most
    of a layer, is cut off there.
    """
    others = np.delete(bars, bars.shape[1] // 2, 1).max(1, keepdims=True)
    widths = half * np.minimum(bars / np.maximum(others, LOW), 1)
    steps = np.repeat(widths, 2, 1)
    heights = np.tile(np.repeat(EDGES, 2)[1:-1], (len(places), 1))
    x = np.concatenate([places[:, None] + steps, (places[:, None] - steps)[:, ::-1]], 1)
    return np.stack([x, np.concatenate([heights, heights[:, ::-1]], 1)], 2)


def caption(state):
    """What becomes of the signal and of the gradient."""
    forward, backward = (in_few(state[f"{name}_factor"]) for name in ("forward", "backward"))
    return (
        f"The signal {state['forward_verdict']} (RMS × {forward} per layer); "
        f"the gradient, going back, {state['backward_verdict']} (× {backward})"
    )

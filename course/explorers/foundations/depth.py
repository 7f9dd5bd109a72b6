"""Chapter 0's explorer of depth: what becomes of a signal and of its gradient from layer to layer."""

from functools import lru_cache, partial

import numpy as np
import torch

from course.explorers.base import Explorer, Picture
from course.explorers.controls import list_slider, menu, slider
from course.explorers.parts import arrays, caption_above, legend, minus, moving, within
from course.plots import COLOURS
from course.plots.texts import Caption

MOST_LAYERS = 30
FLOOR, MOST = 1e-15, 1e15  # of both scales
MEANINGS = {  # of a mean factor over all layers
    "vanishes": "vanishes",
    "explodes": "explodes",
    "keeps": "keeps within a factor 10",
    "none": "nothing to measure",
}
WIDTHS = (16, 32, 64, 128)
SCALES = (0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 1.0, 1.05, 1.1, 1.25, 1.4, 1.6, 1.8, 2.0)  # on a log scale
GAINS = {"linear": 1.0, "relu": 0.5}  # of a mean square by an activation; no constant for the others
KEPT = 10.0  # the change between the first and the last layer that is no verdict's matter
ALT = (
    "Two panels on log scales: to the left the mean square of each layer before its activation, from the "
    "first layer on, to the right that of the loss's gradient from the last layer back; dashed straight "
    "lines show what the width and the weights' standard deviation predict for linear and relu layers."
)


def depth(signals, activations, initialisations):
    """Explore how a signal and its gradient shrink or grow in a deep network of layers of one width.

    Args:
        signals: function (widths, activation, std_of) -> (forward (L,), backward (L,)): widths are the
            L + 1 sizes from the input on, std_of a function (fan_in, fan_out) -> standard deviation of a
            layer's weights; the mean squares of each layer's output before its activation and of the loss's
            gradient there, both from the first layer on. It is called once for a setting.
        activations: sequence of names, "relu" among them; it and "linear" get a prediction.
        initialisations: dict of a name, "Xavier" among them, to a function (fan_in, fan_out) -> standard
            deviation.
    """
    scales = [(f"{scale:g}", scale) for scale in SCALES]
    controls = {
        "activation": menu("activation", activations, "relu", "what stands between two layers"),
        "initialisation": menu(
            "initialisation",
            initialisations,
            "Xavier",
            "what decides the standard deviation of the weights",
        ),
        "scale": list_slider(
            "scale", scales, 1.0, "what that standard deviation is multiplied by, on a log scale"
        ),
        "layers": slider("layers", (2, MOST_LAYERS), 20, "how many layers of weights the network has"),
        "width": list_slider(
            "width", WIDTHS, 64, "how many units each layer has, the input too, on a log scale"
        ),
    }
    measured = lru_cache(maxsize=4096)(partial(measure, signals, initialisations))
    compute = partial(compute_depth, initialisations, measured)
    picture = Picture(build, update, (9.4, 4.5))
    return Explorer("depth", controls, compute, picture, ALT, main=("scale", "layers"))


def measure(signals, initialisations, layers, width, activation, initialisation, scale):
    """The mean squares of one setting: forward (layers,), backward (layers,), float64 arrays."""

    def std_of(fan_in, fan_out):
        return scale * initialisations[initialisation](fan_in, fan_out)

    found = signals((width,) * (layers + 1), activation, std_of)
    return tuple(arrays(torch.as_tensor(part)) for part in found)


def compute_depth(initialisations, measured, *, activation, initialisation, scale, layers, width):
    """The numbers behind one picture of the depth.

    Args:
        measured: function (layers, width, activation, initialisation, scale) -> what `measure` returned.
    Returns:
        dict: forward (layers,), mean squares from the first layer on, backward (layers,), those of the
        gradient from the last layer back, the first of them 1, and for each of the two its _line, (layers,)
        as predicted, or None, its _factor, the mean of a step, and its _verdict; std, of the weights;
        predicted, the factor width · std² · g of a layer, or None.
    """
    forward, gradients = measured(layers, width, activation, initialisation, scale)
    with np.errstate(all="ignore"):  # 0 / 0 where no gradient is left, inf / inf where it has overflowed
        backward = gradients[::-1] / gradients[-1]
    std = float(scale * initialisations[initialisation](width, width))
    predicted = width * std**2 * GAINS[activation] if activation in GAINS else None
    state = {"forward": forward, "backward": backward, "std": std, "predicted": predicted}
    for name in ("forward", "backward"):
        line = None if predicted is None else state[name][0] * predicted ** np.arange(layers)
        factor = factor_of(state[name])
        state |= {f"{name}_line": line, f"{name}_factor": factor}
        state[f"{name}_verdict"] = verdict(factor, layers - 1)
    return state


def factor_of(values):
    """The geometric mean of the factors from one value to the next; NaN, 0 or inf at an end tell all."""
    with np.errstate(all="ignore"):
        return float((values[-1] / values[0]) ** (1 / (len(values) - 1)))


def verdict(factor, steps):
    """What a mean factor over so many steps comes to: a key of `MEANINGS`."""
    if np.isnan(factor):
        return "none"
    reach = np.log10(factor) * steps if factor > 0 else -np.inf
    if abs(reach) <= np.log10(KEPT):
        return "keeps"
    return "vanishes" if reach < 0 else "explodes"


def build(figure):
    """All artists: the signal forward to the left, the gradient backward to the right."""
    figure.get_layout_engine().set(wspace=0.06, w_pad=0.1)
    grid = figure.add_gridspec(1, 2)
    artists = {"caption": caption_above(figure, grid, 1.29, "\n\n\n\n\n", 10)}
    left, right = figure.add_subplot(grid[0, 0]), figure.add_subplot(grid[0, 1])
    left.set(xlabel="layer", ylabel="mean square before the activation", xlim=(0, MOST_LAYERS + 1))
    right.set(xlabel="layers back from the last", xlim=(-1, MOST_LAYERS))
    right.set_ylabel("mean square of the gradient\n(the last layer's = 1)")
    for name, axes in (("forward", left), ("backward", right)):
        artists |= _build_panel(axes, name)
    return artists


def _build_panel(axes, name):
    # Fixed limits: to move an axis would cost a whole redraw.
    axes.set(yscale="log", ylim=(FLOOR, MOST))
    axes.set_yticks(10.0 ** np.arange(-15, 16, 5))
    axes.minorticks_off()
    axes.grid(True, axis="y")
    axes.axhline(1, color="0.6", linewidth=1, linestyle=":")
    artists = {
        name: moving(axes, "o-", color=COLOURS[0], linewidth=1.5, markersize=4, zorder=3),
        f"{name}_line": moving(axes, "--", color=COLOURS[1], linewidth=1.8, zorder=4),
        f"{name}_title": axes.add_artist(Caption(0.5, 1.13)),
    }
    handles = [artists[name], artists[f"{name}_line"]]
    spacing = dict(columnspacing=1.2, handlelength=2, handletextpad=0.5)
    legend(axes, handles, ["measured", "predicted"], **spacing)
    return artists


def update(artists, state):
    """Put a state's numbers into the artists."""
    for name, first in (("forward", 1), ("backward", 0)):
        layers = first + np.arange(state["layers"])
        artists[name].set_data(layers, within(state[name], FLOOR, MOST))
        line = [] if state[f"{name}_line"] is None else within(state[f"{name}_line"], FLOOR, MOST)
        artists[f"{name}_line"].set_data(layers[: len(line)], line)
        artists[f"{name}_title"].set_text(title(state, name))
    artists["caption"].set_text(caption(state))


def title(state, name):
    """A panel's measured factor and its verdict."""
    factor, meaning = state[f"{name}_factor"], MEANINGS[state[f"{name}_verdict"]]
    return f"{name}: " + ("" if np.isnan(factor) else f"× {said(factor)} a layer, ") + meaning


def caption(state):
    """The settings, and the factor that they predict, in two lines."""
    std, width, predicted = said(state["std"]), state["width"], state["predicted"]
    setting = (
        f"{state['layers']} layers of {width} units, {state['activation']}, {state['initialisation']}: "
        f"weights with σ = {std} (scale {state['scale']:g})"
    )
    if predicted is None:
        return f"{setting}\nno constant factor is predicted for {state['activation']}"
    gain = "½" if state["activation"] == "relu" else "1"
    return f"{setting}\npredicted factor of a layer: n σ² g = {width} · {std}² · {gain} = {said(predicted)}"


def said(number):
    """A number to three digits, with an exponent where it is small: "0.0312", "1.6e−05"."""
    return minus(f"{number:.3g}")

"""Chapter 0's explorer of depth: what becomes of a signal and of its gradient from layer to layer."""

from functools import lru_cache, partial

import ipywidgets as widgets
import numpy as np
import torch

from course.explorers.base import Explorer, describe
from course.explorers.foundations.depth_picture import MOST_LAYERS, build, update

WIDTHS = (16, 32, 64, 128)
SCALES = (0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 1.0, 1.05, 1.1, 1.25, 1.4, 1.6, 1.8, 2.0)  # on a log scale
GAINS = {"linear": 1.0, "relu": 0.5}  # of a mean square by an activation; no constant for the others
KEPT = 10.0  # the change between the first and the last layer that is no verdict's matter
ALT = (
    "Two panels on log scales: to the left the mean square of each layer before its activation, from the "
    "first layer on, to the right that of the loss's gradient from the last layer back; dashed straight "
    "lines show what the width and the weights' standard deviation predict for linear and relu layers."
)


def depth(signals, activations, initialisations, activation="relu", initialisation="Xavier"):
    """Explore how a signal and its gradient shrink or grow in a deep network of layers of one width.

    Args:
        signals: function (widths, activation, std_of) -> (forward (L,), backward (L,)): widths are the
            L + 1 sizes from the input on, std_of a function (fan_in, fan_out) -> standard deviation of a
            layer's weights; the mean squares of each layer's output before its activation and of the loss's
            gradient there, both from the first layer on. It is called once for a setting.
        activations: sequence of names; "linear" and "relu" get a prediction.
        initialisations: dict of a name to a function (fan_in, fan_out) -> standard deviation.
        activation, initialisation: to begin with; the first one if there is none of that name.
    Returns:
        Explorer.
    Raises:
        ValueError: without an activation or an initialisation.
    """
    if not activations or not initialisations:
        raise ValueError("depth needs at least one activation and one initialisation.")
    activation = activation if activation in activations else activations[0]
    initialisation = initialisation if initialisation in initialisations else next(iter(initialisations))
    measured = lru_cache(maxsize=4096)(partial(measure, signals, initialisations))
    return Explorer(
        "depth",
        _controls(list(activations), list(initialisations), activation, initialisation),
        partial(compute_depth, initialisations, measured),
        build,
        update,
        alt=ALT,
        main=("scale", "layers"),
        size=(9.4, 4.5),
    )


def _controls(activations, initialisations, activation, initialisation):
    slider = dict(layout=widgets.Layout(width="300px"), style={"description_width": "100px"})
    log, menu = partial(widgets.SelectionSlider, **slider), partial(widgets.Dropdown, **slider)
    scales = [(f"{scale:g}", scale) for scale in SCALES]
    controls = {
        "activation": menu(description="activation", options=activations, value=activation),
        "initialisation": menu(description="initialisation", options=initialisations, value=initialisation),
        "scale": log(description="scale", options=scales, value=1.0),
        "layers": widgets.IntSlider(description="layers", value=20, min=2, max=MOST_LAYERS, **slider),
        "width": log(description="width", options=WIDTHS, value=64),
    }
    for name, words in (
        ("activation", "what stands between two layers"),
        ("initialisation", "what decides the standard deviation of the weights"),
        ("scale", "what that standard deviation is multiplied by, on a log scale"),
        ("layers", "how many layers of weights the network has"),
        ("width", "how many units each layer has, the input too, on a log scale"),
    ):
        describe(controls[name], words)
    return controls


def measure(signals, initialisations, layers, width, activation, initialisation, scale):
    """The mean squares of one setting: forward (layers,), backward (layers,), float64 arrays."""

    def std_of(fan_in, fan_out):
        return scale * initialisations[initialisation](fan_in, fan_out)

    found = signals((width,) * (layers + 1), activation, std_of)
    return tuple(torch.as_tensor(part).detach().cpu().double().numpy() for part in found)


def compute_depth(initialisations, measured, *, activation, initialisation, scale, layers, width):
    """The numbers behind one picture of the depth.

    Args:
        initialisations: as in `depth`.
        measured: function (layers, width, activation, initialisation, scale) -> what `measure` returned.
        activation, initialisation, scale, layers, width: the controls.
    Returns:
        dict: forward, (layers,) mean squares from the first layer on, and backward, (layers,) those of the
        gradient from the last layer back, the first of them 1; std, of the weights; predicted, the factor
        width · std² · g of a layer, or None; forward_line, backward_line, (layers,) the first number times
        predicted^layer, or None; forward_factor, backward_factor, the geometric means of the steps that were
        measured, NaN if there is none, and forward_verdict, backward_verdict, see `verdict`; and the
        controls' values.
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
    return state | {
        "activation": activation,
        "initialisation": initialisation,
        "scale": scale,
        "layers": layers,
        "width": width,
    }


def factor_of(values):
    """The geometric mean of the factors from one value to the next; NaN, 0 or inf at an end tell all."""
    with np.errstate(all="ignore"):
        return float((values[-1] / values[0]) ** (1 / (len(values) - 1)))


def verdict(factor, steps):
    """What a mean factor over so many steps comes to: a key of `depth_picture.MEANINGS`."""
    if np.isnan(factor):
        return "none"
    reach = np.log10(factor) * steps if factor > 0 else -np.inf
    if abs(reach) <= np.log10(KEPT):
        return "keeps"
    return "vanishes" if reach < 0 else "explodes"

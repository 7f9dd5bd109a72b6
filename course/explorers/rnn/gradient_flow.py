"""Chapter 2's explorer of the gradient through time: how much of it is left after so many steps back."""

from functools import lru_cache, partial

import numpy as np

from course.explorers.base import Explorer
from course.explorers.controls import slider
from course.explorers.parts import headline, in_few, minus, moving, spread, within
from course.explorers.picture import Picture
from course.plots import COLOURS
from course.plots.texts import Texts

ARCHITECTURES = ("linear", "tanh RNN", "LSTM", "GRU")
LOOKS = (("--", COLOURS[0]), ((0, (4, 1, 1, 1)), COLOURS[1]), ("-", COLOURS[2]), ((0, (1, 1)), "#8f3b76"))
GATED = "LSTM"  # the one that has a forget bias
LENGTH = 100  # steps
LOW, HIGH = 1e-12, 1e6  # the picture's limits
LOST, TOO_MUCH = 0.01, 100  # the shares of a gradient that has vanished or exploded
GAP = 1.1  # decades between two names at least
ALT = (
    "Four curves on a logarithmic scale, one an architecture: the share of the loss's gradient that is left "
    "after so many steps back in time, with shaded zones for gradients that have vanished or exploded."
)


def gradient_flow(flow):
    """Explore whose gradient survives its way back through time.

    Args:
        flow: the chapter's function (architecture, radius, forget_bias, length) -> (length + 1,) numbers,
            the norm of ∂loss/∂h_t for t = 0, …, length; architecture one of `ARCHITECTURES`. It is called
            once for each setting.
    """
    controls = {
        "radius": slider(
            "spectral radius", (0.5, 2, 0.05), 1, "largest absolute eigenvalue of the recurrent matrix"
        ),
        "forget_bias": slider("forget bias of the LSTM", (-1, 4, 0.5), 3, "added before the gate's sigmoid"),
        "distance": slider("steps back", (1, LENGTH), LENGTH, "how far the gradient has travelled"),
    }
    compute = partial(compute_gradient_flow, lru_cache(maxsize=512)(flow))
    touch = {"flow": lambda state, x, y: {"distance": x}}
    conduct = dict(main=("radius", "forget_bias"), touch=touch, play="distance")
    hint = "Drag the upright line, or play the way back."
    picture = Picture(build, update, (8.4, 3.9))
    return Explorer("gradient flow", controls, compute, picture, ALT, hint=hint, **conduct)


def compute_gradient_flow(flow, *, radius, forget_bias, distance):
    """The numbers behind one picture of the gradient flow.

    Returns:
        dict: left (4, LENGTH + 1), for each architecture the share of the gradient that is left after 0, 1, …
        steps back (the largest float where it is no number); at (4,), the shares after `distance` steps.
    """
    norms = [
        np.asarray(flow(name, radius, forget_bias if name == GATED else 0.0, LENGTH), dtype=float)[::-1]
        for name in ARCHITECTURES
    ]
    left = np.stack([norm / norm[0] if norm[0] > 0 else 0 * norm for norm in norms])
    left = np.nan_to_num(left, nan=np.finfo(float).max, posinf=np.finfo(float).max)
    return {"left": left, "at": left[:, distance]}


def build(figure):
    """All artists: the curves, and to their right their names."""
    artists = {"caption": headline(figure)}
    axes, names = figure.subplots(1, 2, width_ratios=(3.4, 1), sharey=True)
    axes.set_label("flow")
    ratio = r"gradient left, $\|\partial L/\partial h_t\| \; / \; \|\partial L/\partial h_T\|$"
    axes.set(xlabel="steps back from the loss, $T - t$", ylabel=ratio)
    # Fixed limits: to move an axis would cost a whole redraw.
    axes.set(yscale="log", ylim=(LOW, HIGH), xlim=(0, LENGTH), xticks=range(0, LENGTH + 1, 20))
    axes.set_yticks(10.0 ** np.arange(-12, 7, 2))
    axes.minorticks_off()
    names.set(xlim=(0, 1))
    names.set_axis_off()
    axes.axhspan(LOW, LOST, color="0.94", linewidth=0, zorder=0)
    axes.axhspan(TOO_MUCH, HIGH, color="#fbeadf", linewidth=0, zorder=0)
    axes.text(1.5, 2.5 * LOW, "vanished: below 1 %", fontsize=9, color="0.3")
    axes.text(1.5, HIGH / 12, "exploded: over 100 times", fontsize=9, color="0.3")
    artists["line"] = moving(axes, color="0.4", linewidth=1)
    looks = [dict(linestyle=style, color=colour, linewidth=2.2) for style, colour in LOOKS]
    artists["curves"] = [moving(axes, **look) for look in looks]
    artists["dots"] = [moving(axes, "o", color=look["color"], clip_on=False) for look in looks]
    artists["swatches"] = [moving(names, **look) for look in looks]
    artists["names"] = names.add_artist(Texts(10, "DejaVu Sans", align=0))
    return artists


def update(artists, state):
    """Put a state's numbers into the artists."""
    distance = state["distance"]
    left, heights = within(state["left"], LOW, HIGH), 10 ** names_at(state["at"])
    artists["line"].set_data([distance] * 2, [LOW, HIGH])
    for k in range(len(ARCHITECTURES)):
        artists["curves"][k].set_data(np.arange(LENGTH + 1), left[k])
        artists["dots"][k].set_data([distance], np.clip(left[k, [distance]], LOW, HIGH))
        artists["swatches"][k].set_data([0, 0.16], heights[[k, k]])
    said = [f"{name}: {in_few(share)}" for name, share in zip(ARCHITECTURES, state["at"], strict=True)]
    artists["names"].set_data(0.2, heights, said)
    artists["caption"].set_text(finding(state))


def names_at(shares):
    """The heights of the names in decades, (4,): beside the shares, and apart."""
    low, high = np.log10((LOW, HIGH))
    return spread(np.log10(np.clip(shares, 1e-300, 1e300)), low, high, GAP)


def finding(state):
    """The picture's title: whose gradient survives the distance."""
    bias = minus(f"{state['forget_bias']:g}")
    fates = {"survived": [], "vanished": [], "exploded": []}
    for name, share in zip(ARCHITECTURES, state["at"], strict=True):
        biased = f"{name} (forget bias {bias})" if name == GATED else name
        fates["vanished" if share < LOST else "exploded" if share > TOO_MUCH else "survived"].append(biased)
    said = "; ".join(f"{fate}: {', '.join(names)}" for fate, names in fates.items() if names)
    steps = f"{state['distance']} step{'s' * (state['distance'] > 1)}"
    return f"Before training, {steps} back. {said[0].upper()}{said[1:]}"

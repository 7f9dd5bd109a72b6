"""Chapter 2's explorer of the gradient through time: how much of it is left after so many steps back."""

from functools import lru_cache, partial

import numpy as np

from course.explorers.base import Explorer, Picture
from course.explorers.controls import menu, slider
from course.explorers.parts import moving
from course.plots import COLOURS
from course.plots.texts import Caption, Texts

ARCHITECTURES = ("linear", "tanh RNN", "LSTM", "GRU")
STYLES = ("--", (0, (4, 1, 1, 1)), "-", ":")
GATED = "LSTM"  # the one that has a forget bias
LENGTH = 100  # steps
LOW, HIGH = 1e-12, 1e6  # the picture's limits
LOST, TOO_MUCH = 0.01, 100  # the shares of a gradient that has vanished or exploded
GAP = 0.9  # decades between two names at least
ROOM = 34  # of the names, in steps
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
        "forget_bias": slider(
            "forget bias of the LSTM",
            (-1, 4, 0.5),
            3,
            "bias of the forget gate before its sigmoid; it changes the LSTM alone",
        ),
        "distance": slider("steps back", (1, LENGTH), LENGTH, "how far the gradient has travelled"),
        "architecture": menu(
            "bold", ARCHITECTURES, GATED, "the architecture drawn bold, whose factor per step is told"
        ),
    }
    compute = partial(compute_gradient_flow, lru_cache(maxsize=512)(flow))
    conduct = dict(main=("radius", "forget_bias"), touch={"flow": touched}, play="distance")
    hint = "Drag the upright line, click a name, or play the way back."
    picture = Picture(build, update, (8.4, 3.9))
    return Explorer("gradient flow", controls, compute, picture, ALT, hint=hint, **conduct)


def compute_gradient_flow(flow, *, radius, forget_bias, distance, architecture):
    """The numbers behind one picture of the gradient flow.

    Args:
        architecture: the chosen one.
    Returns:
        dict: left (4, LENGTH + 1), for each architecture the share of the gradient that is left after 0, 1, …
        steps back (the largest float where it is no number); at (4,), the shares after `distance` steps;
        factor, the chosen one's mean factor per step over the distance.
    """
    norms = [
        np.asarray(flow(name, radius, forget_bias if name == GATED else 0.0, LENGTH), dtype=float)[::-1]
        for name in ARCHITECTURES
    ]
    left = np.stack([norm / norm[0] if norm[0] > 0 else 0 * norm for norm in norms])
    left = np.nan_to_num(left, nan=np.finfo(float).max, posinf=np.finfo(float).max)
    at = left[:, distance]
    return {
        "left": left,
        "at": at,
        "factor": float(at[ARCHITECTURES.index(architecture)] ** (1 / distance)),
    }


def touched(state, x, y):
    """Beyond the last step stand the names: the nearest is chosen. Elsewhere the distance is."""
    if x <= LENGTH + 1:
        return {"distance": x}
    return {"architecture": ARCHITECTURES[int(np.abs(names_at(state["at"]) - np.log10(y)).argmin())]}


def names_at(shares):
    """The heights of the names in decades, (4,): beside the shares, and apart."""
    low, high = np.log10(LOW) + GAP / 2, np.log10(HIGH) - GAP / 2
    order = np.argsort(shares, kind="stable")
    heights = np.log10(np.clip(shares[order], 10**low, 10**high))
    for i in range(1, len(heights)):
        heights[i] = max(heights[i], heights[i - 1] + GAP)
    heights = np.minimum(heights, high - GAP * np.arange(len(heights))[::-1])
    return heights[np.argsort(order)]


def build(figure):
    """All artists of the picture."""
    axes = figure.add_subplot(label="flow")
    axes.set_title("\n", fontsize=11)  # room for the caption
    axes.set(xlabel="steps back from the loss", ylabel=r"gradient left, $\|\partial L/\partial h_t\|$")
    # Fixed limits: to move an axis would cost a whole redraw.
    axes.set(yscale="log", ylim=(LOW, HIGH), xlim=(0, LENGTH + ROOM), xticks=range(0, LENGTH + 1, 20))
    axes.set_yticks(10.0 ** np.arange(-12, 7, 2))
    axes.minorticks_off()
    axes.spines["bottom"].set_bounds(0, LENGTH)
    zones = dict(xmax=LENGTH / (LENGTH + ROOM), linewidth=0, zorder=0)
    axes.axhspan(LOW, LOST, color="0.94", **zones)
    axes.axhspan(TOO_MUCH, HIGH, color="#fbeadf", **zones)
    axes.text(1.5, 2.5 * LOW, "vanished: below 1 %", fontsize=9, color="0.3")
    axes.text(LENGTH - 1.5, 2.5 * TOO_MUCH, "exploded: over 100 times", fontsize=9, color="0.3", ha="right")
    artists = {"line": moving(axes, color="0.4", linewidth=1)}
    for part in ("curves", "dots", "swatches"):
        artists[part] = [
            moving(axes, color=COLOURS[k], linestyle=style, marker="o" if part == "dots" else None)
            for k, style in enumerate(STYLES)
        ]
    artists["names"] = axes.add_artist(Texts(10, "DejaVu Sans", align=0))
    artists["bold"] = axes.add_artist(Texts(10, "DejaVu Sans", "bold", align=0))
    artists["rate"] = axes.add_artist(Texts(10, "DejaVu Sans", align=0))
    artists["rate"].set_transform(axes.get_xaxis_transform())
    artists["caption"] = axes.add_artist(Caption(0.47, 1.055, 11))
    return artists


def update(artists, state):
    """Put a state's numbers into the artists."""
    distance, chosen = state["distance"], ARCHITECTURES.index(state["architecture"])
    left, heights = np.clip(state["left"], LOW / 100, HIGH * 100), 10 ** names_at(state["at"])
    said = [f"{name}: {in_few(share)}" for name, share in zip(ARCHITECTURES, state["at"], strict=True)]
    artists["line"].set_data([distance] * 2, [LOW, HIGH])
    for k in range(len(ARCHITECTURES)):
        artists["curves"][k].set_data(np.arange(LENGTH + 1), left[k])
        artists["dots"][k].set_data([distance], left[k, [distance]])
        artists["swatches"][k].set_data([LENGTH + 2, LENGTH + 7], heights[[k, k]])
        for part in ("curves", "swatches"):
            artists[part][k].set_linewidth(3 if k == chosen else 1.4)
    artists["names"].set_data(LENGTH + 8, heights, [text * (k != chosen) for k, text in enumerate(said)])
    artists["bold"].set_data(LENGTH + 8, heights, [text * (k == chosen) for k, text in enumerate(said)])
    rate = [f"{state['architecture']}, per step:", f"× {state['factor']:.3f}"]
    artists["rate"].set_data(LENGTH + 8, [-0.06, -0.125], rate)
    artists["caption"].set_text(finding(distance, state["at"]))


def in_few(share):
    """A share of the gradient in few characters."""
    if 1e-3 <= share < 1e4 or share == 0:
        return f"{share:.2g}" if share < 100 else f"{share:.0f}"
    if share > 1e99:
        return "too large"
    digits, power = f"{share:.0e}".split("e")
    return f"{digits}·10" + str(int(power)).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))


def finding(distance, shares):
    """The picture's title: whose gradient survives the distance."""
    fates = {"survived": [], "vanished": [], "exploded": []}
    for name, share in zip(ARCHITECTURES, shares, strict=True):
        fates["vanished" if share < LOST else "exploded" if share > TOO_MUCH else "survived"].append(name)
    said = "; ".join(f"{fate}: {', '.join(names)}" for fate, names in fates.items() if names)
    return f"The gradient {distance} step{'s' * (distance > 1)} back. {said[0].upper()}{said[1:]}"

"""Chapter 5's explorer of the smallest adversarial game: one point against one slope, step by step."""

from functools import lru_cache, partial

import numpy as np
import torch

from course.explorers.base import Explorer, Picture
from course.explorers.controls import list_slider, menu, slider
from course.explorers.parts import FADING, arrays, factor_text, fading_path, legend, moving, within
from course.plots import COLOURS
from course.plots.texts import Caption

HALF = 2.5  # of the side of the plane shown
ACROSS = 15  # arrows in a row
FLOOR, MOST = 1e-6, 1e3  # of the distances' scale
FAR = 100.0  # places further out are drawn here, beyond the picture's edge
EVERY = 3  # steps from one dot of the path to the next
MEANINGS = {  # of |λ| at (0, 0)
    "inwards": "|λ| = {} < 1: comes to rest near (0, 0)",
    "outwards": "|λ| = {} > 1: driven away from (0, 0)",
    "marginal": "|λ| = 1, marginal: only the path tells",
    "none": "no |λ| here: only the path tells",
}
STEPS = 300
# Spaced evenly on a log scale, but for their rounding.
GAMMAS = (
    0.1, 0.12, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.5, 0.6, 0.7, 0.85, 1.0, 1.2, 1.4, 1.7, 2.0, 2.5, 3.0,
)  # fmt: skip
RATES = (0.02, 0.03, 0.04, 0.05, 0.07, 0.1, 0.14, 0.2, 0.3, 0.4, 0.5, 0.7, 1.0)
ORDERS = ("simultaneous", "alternating")
GRID = np.linspace(-HALF, HALF, ACROSS + 2)[1:-1]  # of the arrows, along either axis
MARGINAL = 1e-9  # of |λ| around 1
ALT = (
    "The plane of the generator's point and the discriminator's slope, with arrows for the direction of an "
    "update, the path of training from its start to its end, and a cross at the equilibrium; beside it the "
    "distance from the equilibrium over the steps on a log scale, with the straight line that the largest "
    "eigenvalue of the update predicts."
)


def dirac(field, path, multiplier, losses, penalties):
    """Explore the Dirac GAN: the data is the point 0, the generator the point theta, the logit psi·x.

    Args:
        field: function (theta (N,), psi (N,), loss, penalty, gamma) of float64 arrays -> (dtheta (N,), dpsi
            (N,)), the direction of gradient descent of both sides.
        path: function (theta, psi, loss, penalty, gamma, lr_g, lr_d, alternating, steps) -> (steps + 1, 2),
            theta and psi from the start on; may grow without bound.
        multiplier: function (loss, penalty, gamma, lr_g, lr_d, alternating) -> |λ|, the largest modulus of
            the update's eigenvalues at (0, 0), or None where there is none.
        losses, penalties: sequences of the names that the functions know, "non-saturating" and "R1" among
            them.
    Source: Mescheder et al. 2018, section 2.
    """
    controls = {
        "loss": menu("loss", losses, "non-saturating", "what both sides minimise"),
        "penalty": menu("penalty", penalties, "R1", "what holds the discriminator's slope"),
        "order": menu(
            "order",
            ORDERS,
            ORDERS[1],
            "whether both sides move at once, or the generator after the discriminator",
        ),
        "gamma": list_slider("γ", GAMMAS, 0.3, "the strength of the penalty, on a log scale"),
        "lr_g": list_slider("generator's lr", RATES, 0.1, "the generator's learning rate, on a log scale"),
        "lr_d": list_slider("discr.'s lr", RATES, 0.1, "the discriminator's learning rate, on a log scale"),
        "theta": slider("start θ", (0.2, 2, 0.1), 1, "the generator's point at the start; the data is at 0"),
        "psi": slider("start ψ", (-1, 1, 0.1), 0, "the slope of the discriminator's logit at the start"),
    }
    seen = lru_cache(maxsize=1024)(lambda *setting: directions(field, *setting))
    compute = partial(compute_dirac, path, multiplier, seen)
    picture = Picture(build, update, (9.4, 4.9))
    return Explorer("Dirac GAN", controls, compute, picture, ALT, main=("gamma", "lr_d"))


def directions(field, loss, penalty, gamma):
    """The field on the grid: (ACROSS, ACROSS, 2), rows upwards, of (dtheta, dpsi)."""
    psi, theta = (array.ravel() for array in np.meshgrid(GRID, GRID, indexing="ij"))
    parts = [np.asarray(part, dtype=float) for part in field(theta, psi, loss, penalty, gamma)]
    return np.stack(parts, 1).reshape(ACROSS, ACROSS, 2)


def compute_dirac(path, multiplier, seen, *, loss, penalty, order, gamma, lr_g, lr_d, theta, psi):
    """The numbers behind one picture of the Dirac GAN.

    Args:
        seen: function (loss, penalty, gamma) -> what `directions` returned for these.
    Returns:
        dict: arrows (ACROSS, ACROSS, 2), the direction of an update at the grid's places, of length 1, or 0
        where nothing moves; path (STEPS + 1, 2); distances (STEPS + 1,) from (0, 0), inf from where the path
        is not finite; multiplier, |λ|, and predicted (STEPS + 1,) distances, or None for both; verdict.
    """
    alternating = order == ORDERS[1]
    moves = seen(loss, penalty, gamma) * (lr_g, lr_d)
    length = np.linalg.norm(moves, axis=2, keepdims=True)
    with np.errstate(all="ignore"):  # a path that leaves may overflow
        places = path(theta, psi, loss, penalty, gamma, lr_g, lr_d, alternating, STEPS)
        places = arrays(torch.as_tensor(places))
        factor = multiplier(loss, penalty, gamma, lr_g, lr_d, alternating)
        distances = np.hypot(*places.T)
        predicted = None if factor is None else distances[0] * float(factor) ** np.arange(STEPS + 1)
    return {
        "arrows": np.divide(moves, length, out=np.zeros_like(moves), where=length > 0),
        "path": places,
        "distances": np.where(np.isfinite(places).all(1), distances, np.inf),
        "multiplier": None if factor is None else float(factor),
        "predicted": predicted,
        "verdict": verdict(factor),
    }


def verdict(factor):
    """What |λ|, a float or None, says about updates near (0, 0): a key of `MEANINGS`."""
    if factor is None:
        return "none"
    if abs(factor - 1) < MARGINAL:
        return "marginal"
    return "inwards" if factor < 1 else "outwards"


def build(figure):
    """All artists: the phase portrait to the left, the distance over the steps to the right."""
    figure.get_layout_engine().set(wspace=0.05)
    plane, right = figure.subplots(1, 2, width_ratios=(1.15, 1))
    plane.set_title("\n\n\n\n", fontsize=10)  # room for the caption and the legends
    artists = _build_plane(plane) | _build_distance(right)
    return artists | {"caption": plane.add_artist(Caption(1.19, 1.185))}


def _build_plane(axes):
    axes.set(xlabel="generator θ (the data is at 0)", ylabel="discriminator ψ (the logit is ψ·x)")
    axes.set(xlim=(-HALF, HALF), ylim=(-HALF, HALF), box_aspect=1)
    blank = np.zeros((ACROSS, ACROSS))
    style = dict(pivot="mid", color="0.62", scale=22, width=0.0035, headwidth=4.5, headlength=5, zorder=1)
    dots = axes.scatter(*np.zeros((2, STEPS // EVERY + 1)), s=13, c=np.arange(STEPS // EVERY + 1), zorder=3)
    dots.set(cmap=FADING, linewidths=0)
    mark = dict(linestyle="", markeredgecolor="black", markersize=9, zorder=5)
    artists = {
        "arrows": axes.quiver(GRID, GRID, blank, blank, angles="xy", **style),
        "line": moving(axes, color="0.35", linewidth=0.8, zorder=2),
        "dots": dots,
        "start": moving(axes, "o", color="white", **mark),
        "end": moving(axes, "D", color=COLOURS[0], **mark | dict(markersize=8)),
        "rest": axes.plot(0, 0, "x", color="black", markersize=10, markeredgewidth=2.2, zorder=4)[0],
    }
    handles = [artists["start"], fading_path(), artists["end"], artists["rest"]]
    legend(axes, handles, ["start", "path, darker with time", "end", "equilibrium"])
    return artists


def _build_distance(axes):
    axes.set(xlabel="step", ylabel="distance from the equilibrium", yscale="log")
    axes.set(xlim=(0, STEPS), ylim=(FLOOR, MOST))
    axes.minorticks_off()
    artists = {
        "distance": moving(axes, color=COLOURS[0], linewidth=2, zorder=3),
        "predicted": moving(axes, "--", color=COLOURS[1], linewidth=1.8, zorder=4),
    }
    legend(axes, list(artists.values()), ["this path", "start · |λ|^step"])
    return artists


def update(artists, state):
    """Put a state's numbers into the artists."""
    artists["arrows"].set_UVC(state["arrows"][..., 0], state["arrows"][..., 1])
    places = np.clip(np.where(np.isfinite(state["path"]), state["path"], np.nan), -FAR, FAR)
    artists["line"].set_data(*places.T)
    artists["dots"].set_offsets(places[::EVERY])
    for name, place in (("start", places[0]), ("end", places[-1])):
        artists[name].set_data(*place[:, None])
    distances = np.where(np.isfinite(state["distances"]), state["distances"], np.nan)
    artists["distance"].set_data(np.arange(len(distances)), within(distances, FLOOR, MOST))
    predicted = [] if state["predicted"] is None else within(state["predicted"], FLOOR, MOST)
    artists["predicted"].set_data(np.arange(len(predicted)), predicted)
    artists["caption"].set_text(caption(state))


def caption(state):
    """The settings, |λ| with its meaning and how far the path has come, in two lines."""
    end, last = state["distances"][-1], len(state["distances"]) - 1
    setting = f"{state['loss']} loss, penalty: {state['penalty']} (γ = {state['gamma']:g})"
    far = f"{end:.2g}" if end <= MOST else f"above {MOST:,.0f} (diverged)"
    factor = "" if state["multiplier"] is None else factor_text(state["multiplier"])
    meaning = MEANINGS[state["verdict"]].format(factor)
    text = f"{setting}, {state['order']} steps\n{meaning};  distance after {last} steps: {far}"
    return text.replace("e-", "e−")

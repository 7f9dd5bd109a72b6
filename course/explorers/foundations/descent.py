"""Chapter 0's explorer of going down a gradient: a bowl or a curved ravine, three optimisers, every step."""

import math
from functools import cache, partial

import numpy as np
import torch
from contourpy import contour_generator
from matplotlib.collections import LineCollection
from matplotlib.lines import Line2D

from course.explorers.base import Explorer, Picture
from course.explorers.controls import list_slider, menu, slider
from course.explorers.parts import FADING, factor_text, fading_path, legend, minus, moving, within
from course.plots import COLOURS
from course.plots.texts import Caption, Texts

HALF = 2.5  # of the side of the plane shown
LEVELS = 0.001 * 4.0 ** np.arange(9)  # of the contours
FLOOR, MOST = 1e-10, 1e4  # of the loss's scale
FAR = 100.0  # places further out are drawn at this distance, beyond the picture's edge
MEANINGS = {  # of the learning rate on a bowl
    "converges": "lr {} < {} = {:.4g}: converges, in the end × {} a step",
    "edge": "lr {} = {} = {:.4g}: on the edge, in the end × {} a step",
    "diverges": "lr {} > {} = {:.4g}: diverges, in the end × {} a step",
}
TURN = math.radians(30)  # of the bowl's steepest direction from the first axis
SLOPE = 0.6  # of the ravine, see `bottom`
PLAIN, HEAVY = "gradient descent", "momentum"  # whose factor on a bowl is known
# Spaced evenly on a log scale, but for their rounding and for the neighbours of the edge at 2.
RATES = (
    0.003, 0.004, 0.005, 0.007, 0.01, 0.014, 0.02, 0.03, 0.04, 0.05, 0.07, 0.1, 0.14, 0.2, 0.3, 0.4, 0.5, 0.6,
    0.7, 0.85, 1.0, 1.2, 1.4, 1.7, 1.9, 1.98, 2.0, 2.02, 2.1, 2.4, 2.8, 3.3, 3.8, 4.0,
)  # fmt: skip
CONDITIONS = (1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 7.0, 10.0, 14.0, 20.0, 30.0, 40.0, 50.0, 70.0, 100.0)
STARTS = {"left": (-2.0, 1.6), "right": (2.0, 1.8), "below": (-1.5, -1.8)}
MINIMA = {"bowl": (0.0, 0.0), "curved ravine": (1.0, -1.0)}  # where the loss is 0
LIMIT = 1e40  # of a coordinate; beyond it a path has left, and its loss is counted as infinite
EDGE = 1e-9  # of the spectral radius around 1
GRID = np.linspace(-HALF, HALF, 161)  # of the contours, along either axis
ALT = (
    "The contours of a bowl or of a curved ravine with the path of an optimiser from its start towards the "
    "minimum, its dots darker with time; beside it the loss above the minimum over the steps on a log scale, "
    "with the straight dashed line that the curvatures predict, where they predict one."
)


def descent(steps):
    """Explore how an optimiser goes down a bowl or a curved ravine over a plane.

    Args:
        steps: dict of an optimiser's name to a function (w (2,), g (2,), state, lr, momentum) -> new w (2,),
            float64 tensors; g is the gradient at w, and `state` a dict, empty at first, that the function
            keeps its memory in. On a bowl "gradient descent" (w − lr g) and "momentum" (v ← momentum v + g,
            w − lr v) get a prediction beside their path.
    """
    conditions = [(f"{condition:g}", condition) for condition in CONDITIONS]
    controls = {
        "surface": menu(
            "surface",
            MINIMA,
            None,
            "the loss over the plane of two weights; its largest curvature at the minimum is one",
        ),
        "optimizer": menu("optimiser", steps, None, "what makes a step of a gradient"),
        "lr": list_slider("learning rate", RATES, 0.1, "the learning rate, on a log scale"),
        "momentum": slider(
            "momentum",
            (0, 0.99, 0.01),
            0.9,
            "how much of the last step's direction is kept; plain gradient descent keeps none",
        ),
        "condition": list_slider(
            "condition number",
            conditions,
            20.0,
            "the largest curvature at the minimum divided by the smallest, on a log scale",
        ),
        "count": slider("steps", (5, 200), 60, "how many steps are taken"),
        "start": menu("start", STARTS, None, "where the path begins"),
    }
    compute = partial(compute_descent, steps)
    picture = Picture(build, update, (9.4, 4.9))
    return Explorer("descent", controls, compute, picture, ALT, main=("optimizer", "lr"))


def bottom(a):
    """The ravine's floor over the first weight: level at −2 and at 1, where it is −1; and its slope."""
    height = SLOPE * (a * a * a / 3 + a * a / 2 - 2 * a + 7 / 6) - 1
    return height, SLOPE * (a - 1) * (a + 2)


def turned(a, b):
    """Coordinates of a place along the bowl's steepest and its flattest direction."""
    return math.cos(TURN) * a + math.sin(TURN) * b, -math.sin(TURN) * a + math.cos(TURN) * b


def loss(surface, condition, a, b):
    """The loss at weights (a, b), numbers or arrays: ½ (u² + v² / condition), least 0.

    In the bowl u and v are a and b turned; in the ravine u is the height above its floor and v the distance
    a − 1. So the curvatures at the minimum are 1 and 1 / condition in both.
    """
    u, v = turned(a, b) if surface == "bowl" else (b - bottom(a)[0], a - 1)
    return (u * u + v * v / condition) / 2


def gradient(surface, condition, a, b):
    """The derivatives of `loss` by a and by b."""
    if surface == "bowl":
        u, v = turned(a, b)
        v = v / condition
        return math.cos(TURN) * u - math.sin(TURN) * v, math.sin(TURN) * u + math.cos(TURN) * v
    height, slope = bottom(a)
    return (a - 1) / condition - (b - height) * slope, b - height


@cache
def contours(surface, condition):
    """The lines on which the loss is one of `LEVELS`, within the picture: list of (N, 2)."""
    lines = contour_generator(GRID, GRID, loss(surface, condition, *np.meshgrid(GRID, GRID)))
    return [line for level in LEVELS for line in lines.lines(level)]


@torch.no_grad()
def walk(step, surface, condition, start, lr, momentum, count):
    """The places of an optimiser: (count + 1, 2), NaN from where a coordinate passes `LIMIT`."""
    places = np.full((count + 1, 2), np.nan)
    places[0] = start
    w, state = torch.tensor(start, dtype=torch.float64), {}
    for t in range(1, count + 1):
        # Two numbers are quicker in plain Python than as tensors.
        g = gradient(surface, condition, *w.tolist())
        w = step(w, torch.tensor(g, dtype=torch.float64), state, lr, momentum)
        here = w.tolist()
        if not all(abs(coordinate) <= LIMIT for coordinate in here):  # nor if it is NaN
            break
        places[t] = here
    return places


def spectral_radius(lr, momentum, curvature):
    """By what a step of (velocity, weight) along one curvature grows in the long run, at most.

    The roots z of z² − (1 + momentum − lr curvature) z + momentum; without momentum |1 − lr curvature|.
    """
    half = (1 + momentum - lr * curvature) / 2
    inside = half * half - momentum
    return math.sqrt(momentum) if inside < 0 else abs(half) + math.sqrt(inside)


def verdict(radius):
    """What a spectral radius, or None, means: a key of `MEANINGS`."""
    if radius is None:
        return "none"
    if abs(radius - 1) < EDGE:
        return "edge"
    return "converges" if radius < 1 else "diverges"


def compute_descent(steps, *, surface, optimizer, lr, momentum, condition, count, start):
    """The numbers behind one picture of the descent.

    Returns:
        dict: contours, list of (N, 2); path (count + 1, 2), NaN from where it has left; losses (count + 1,),
        inf there; minimum (2,); and None where the curvatures predict nothing: factor, of the loss a step;
        predicted (count + 1,); bound, the learning rate beyond which a bowl is left.
    """
    path = walk(steps[optimizer], surface, condition, STARTS[start], lr, momentum, count)
    losses = loss(surface, condition, *path.T)
    kept = {PLAIN: 0.0, HEAVY: momentum}.get(optimizer) if surface == "bowl" else None
    radius = None if kept is None else max(spectral_radius(lr, kept, c) for c in (1, 1 / condition))
    return {
        "contours": contours(surface, condition),
        "path": path,
        "losses": np.where(np.isnan(losses), np.inf, losses),
        "minimum": MINIMA[surface],
        "factor": None if radius is None else radius**2,
        "predicted": None if radius is None else losses[0] * radius ** (2 * np.arange(count + 1)),
        "bound": None if radius is None else 2 * (1 + kept),
        "verdict": verdict(radius),
    }


def build(figure):
    """All artists: the path over the plane to the left, the loss over the steps to the right."""
    figure.get_layout_engine().set(wspace=0.05, w_pad=0.18)  # the last mark's number needs room to the right
    plane, right = figure.subplots(1, 2, width_ratios=(1.15, 1))
    plane.set_title("\n\n\n\n", fontsize=10)  # room for the caption and the legends
    artists = _build_plane(plane) | _build_loss(right)
    return artists | {"caption": plane.add_artist(Caption(1.19, 1.185))}


def _build_plane(axes):
    axes.set(xlabel="weight w₁", ylabel="weight w₂", xlim=(-HALF, HALF), ylim=(-HALF, HALF), box_aspect=1)
    ticks = range(-2, 3)
    axes.set_xticks(ticks, [minus(str(tick)) for tick in ticks])
    axes.set_yticks(ticks, [minus(str(tick)) for tick in ticks])
    lines = axes.add_collection(LineCollection([], colors="0.68", linewidths=0.9, zorder=1), autolim=False)
    dots = axes.scatter([], [], s=14, c=[], cmap=FADING, vmin=0, vmax=1, linewidths=0, zorder=3)
    mark = dict(linestyle="", markeredgecolor="black", markersize=9, zorder=5)
    artists = {
        "contours": lines,
        "line": moving(axes, color="0.35", linewidth=0.8, zorder=2),
        "dots": dots,
        "start": moving(axes, "o", color="white", **mark),
        "minimum": moving(axes, "x", color="black", markersize=10, markeredgewidth=2.2, zorder=4),
        "end": moving(axes, "D", color=COLOURS[0], **mark | dict(markersize=7)),
    }
    level = Line2D([], [], color="0.68", linewidth=0.9)
    handles = [artists["start"], fading_path(), artists["end"], artists["minimum"], level]
    names = ["start", "path, darker with time", "end", "minimum", "loss, × 4 a line"]
    legend(axes, handles, names, 0.54, columnspacing=0.7, handlelength=1.3)
    return artists


def _build_loss(axes):
    axes.set(ylabel="loss above the minimum", yscale="log", xlim=(0, 1), ylim=(FLOOR, MOST))
    axes.set_xlabel("step", labelpad=9)
    axes.minorticks_off()
    axes.set_xticks((0,), ("000",))  # room for the scale, which moves with the number of steps
    axes.tick_params(axis="x", length=0, labelcolor="none")
    artists = {
        "loss": moving(axes, color=COLOURS[0], linewidth=2, zorder=3),
        "predicted": moving(axes, "--", color=COLOURS[1], linewidth=1.8, zorder=4),
        "ticks": moving(axes, "|", color="black", clip_on=False, in_layout=False, markersize=7),
        "scale": axes.add_artist(Texts(10, "DejaVu Sans")),
    }
    for name in ("ticks", "scale"):
        artists[name].set_transform(axes.transAxes)
    names = ["this path", "first loss · factor^step"]
    legend(axes, [artists["loss"], artists["predicted"]], names, columnspacing=0.7, handlelength=1.3)
    return artists


def update(artists, state):
    """Put a state's numbers into the artists."""
    artists["contours"].set_segments(state["contours"])
    places, share = shown(state["path"]), np.linspace(0, 1, len(state["path"]))
    artists["line"].set_data(*places.T)
    artists["dots"].set_offsets(places)
    artists["dots"].set_array(share)
    last = places[np.isfinite(places[:, 0])][-1]
    for name, place in (("start", places[0]), ("end", last), ("minimum", state["minimum"])):
        artists[name].set_data([place[0]], [place[1]])
    left = np.isinf(state["losses"])
    artists["loss"].set_data(share, within(np.where(left, np.nan, state["losses"]), FLOOR, MOST))
    predicted = [] if state["predicted"] is None else within(state["predicted"], FLOOR, MOST)
    artists["predicted"].set_data(share[: len(predicted)], predicted)
    ticks = np.arange(0, state["count"] + 1, tick_of(state["count"]))
    artists["ticks"].set_data(ticks / state["count"], 0 * ticks)
    artists["scale"].set_data(ticks / state["count"], -0.045, [str(tick) for tick in ticks])
    artists["caption"].set_text(caption(state))


def shown(path):
    """The places, those further than FAR from (0, 0) drawn back to that distance."""
    far = np.maximum(np.hypot(*path.T) / FAR, 1)
    return path / far[:, None]


def tick_of(count):
    """How many steps lie between two marks of the scale: at most eight marks."""
    return next(size for size in (1, 2, 5, 10, 20, 50) if count <= 7 * size)


def caption(state):
    """The settings, what they predict and how far the path has come, in two lines."""
    momentum = f"momentum {state['momentum']:.2g}"
    if state["optimizer"] == PLAIN:
        momentum += " (no effect)"
    setting = f"{state['optimizer']}, {state['surface']}, condition number {state['condition']:g}"
    last = state["losses"][-1]
    said = f"{last:.2g}" if last <= MOST else f"above {MOST:,.0f} (diverged)"
    return (
        f"{setting}, lr {state['lr']:g}, {momentum}\n"
        f"{meaning(state)};  loss after {state['count']} steps: {said}"
    ).replace("e-", "e−")


def meaning(state):
    """What the curvatures say about the learning rate, or why they do not."""
    if state["surface"] != "bowl":
        return "the curvature changes from place to place: only the path tells"
    if state["factor"] is None:
        return f"no factor is predicted for {state['optimizer']}: only the path tells"
    bound = "2 (1 + μ) / λ_max" if state["optimizer"] == HEAVY else "2 / λ_max"
    words = MEANINGS[state["verdict"]]
    return words.format(f"{state['lr']:g}", bound, state["bound"], factor_text(state["factor"]))

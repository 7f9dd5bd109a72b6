"""Chapter 0's explorer of going down a gradient: a bowl or a curved ravine, all optimisers, every step."""

import math
from functools import cache, lru_cache, partial

import numpy as np
import torch
from contourpy import contour_generator
from matplotlib import colormaps
from matplotlib.collections import PolyCollection

from course.explorers.base import Explorer
from course.explorers.controls import list_slider, menu, slider
from course.explorers.parts import headline, in_few, mark, moving, spread, within
from course.explorers.picture import Picture
from course.plots import COLOURS

WIDE, HIGH = 3.2, 2.5  # half of the plane's sides
LEVELS = 0.002 * 3.0 ** np.arange(9)  # of the contours
TINTS = colormaps["Blues"](np.linspace(0.34, 0.0, len(LEVELS) + 1))  # between them
FLOOR, MOST = 1e-8, 1e2  # of the loss's scale
STEPS = 100  # at most
LETTERS = 0.06  # of a panel's height: what a name needs
FAR = 100.0  # places further out are drawn at this distance, beyond the picture's edge
TURN = math.radians(30)  # of the bowl's steepest direction from the first axis
SLOPE = 0.6  # of the ravine, see `bottom`
PLAIN, HEAVY = "gradient descent", "momentum"  # whose factor on a bowl is known
# Spaced evenly on a log scale, but for their rounding and for the neighbours of the edge at 2.
RATES = (
    0.003, 0.004, 0.005, 0.007, 0.01, 0.014, 0.02, 0.03, 0.04, 0.05, 0.07, 0.1, 0.14, 0.2, 0.3, 0.4, 0.5, 0.6,
    0.7, 0.85, 1.0, 1.2, 1.4, 1.7, 1.9, 1.98, 2.0, 2.02, 2.1, 2.4, 2.7, 3.0, 3.3, 3.8, 4.0,
)  # fmt: skip
CONDITIONS = (1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 7.0, 10.0, 14.0, 20.0, 30.0, 40.0, 50.0, 70.0, 100.0)
MINIMA = {"bowl": (0.0, 0.0), "curved ravine": (1.0, -1.0)}  # where the loss is 0
LIMIT = 1e40  # of a coordinate; beyond it a path has left, and its loss is counted as infinite
EDGE = 1e-9  # of the spectral radius around 1
ALT = (
    "The contours of a bowl or of a curved ravine with the paths of all optimisers from one start, the "
    "chosen one bold with a dot for each step; beside it their losses over the steps on a log scale, with "
    "the dashed line that the curvatures predict, where they predict one."
)


def descent(steps):
    """Explore how optimisers go down a bowl or a curved ravine over a plane.

    Args:
        steps: dict of an optimiser's name to a function (w (2,), g (2,), state, lr, momentum) -> new w (2,),
            float64 tensors; g is the gradient at w, and `state` a dict, empty at first, that the function
            keeps its memory in. On a bowl "gradient descent" (w − lr g) and "momentum" (v ← momentum v + g,
            w − lr v) get a prediction beside their path.
    """
    conditions = [(f"{condition:g}", condition) for condition in CONDITIONS]
    controls = {
        "lr": list_slider("learning rate", RATES, 1.9, "the learning rate of all, on a log scale"),
        "count": slider("steps", (0, STEPS), 30, "how many steps have been taken"),
        "optimizer": menu("optimiser", steps, None, "whose path is bold and whose loss is predicted"),
        "surface": menu("surface", MINIMA, None, "the loss; its largest curvature at the minimum is one"),
        "condition": list_slider("condition number", conditions, 20.0, "largest curvature by smallest"),
        "momentum": slider("momentum", (0, 0.99, 0.01), 0.5, "how much of the last step's direction is kept"),
        "start_1": slider("start w₁", (-WIDE, WIDE, 0.1), -2.0, "where the paths begin, across"),
        "start_2": slider("start w₂", (-HIGH, HIGH, 0.1), 1.6, "where the paths begin, upwards"),
    }
    walked = lru_cache(maxsize=256)(lambda name, *setting: walk(steps[name], *setting))
    return Explorer(
        "descent",
        controls,
        partial(compute_descent, tuple(steps), walked),
        Picture(partial(build, tuple(steps)), update, (8.4, 4.0)),
        ALT,
        main=("lr", "count"),
        touch={
            "plane": lambda state, x, y: {"start_1": x, "start_2": y},
            "loss": lambda state, x, y: {"count": x},
        },
        play="count",
        hint="Drag the start, or play the steps.",
    )


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
    """For each of `LEVELS`, from the highest, the parts of the plane below it: list of lists of (N, 2)."""
    x, y = np.linspace(-WIDE, WIDE, 321), np.linspace(-HIGH, HIGH, 251)
    lines = contour_generator(x, y, loss(surface, condition, *np.meshgrid(x, y)), fill_type="OuterOffset")
    return [lines.filled(-1, level)[0] for level in LEVELS[::-1]]


@torch.no_grad()
def walk(step, surface, condition, start, lr, momentum):
    """The places of an optimiser: (STEPS + 1, 2), NaN from where a coordinate passes `LIMIT`."""
    places = np.full((STEPS + 1, 2), np.nan)
    places[0] = start
    w, state = torch.tensor(start, dtype=torch.float64), {}
    for t in range(1, STEPS + 1):
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


def compute_descent(names, walked, *, surface, optimizer, lr, momentum, condition, count, start_1, start_2):
    """The numbers behind one picture of the descent.

    Args:
        names: of the optimisers.
        walked: function (name, surface, condition, start, lr, momentum) -> what `walk` returned.
    Returns:
        dict: contours, list of lists of (N, 2); path (len(names), count + 1, 2), NaN from where one has left;
        losses (len(names), count + 1), inf there; chosen, the bold one's place among the names; minimum (2,);
        and None where the curvatures predict nothing: radius, by which the distance grows per step in the
        long run; predicted (STEPS + 1,), the losses.
    """
    start = (start_1, start_2)
    path = np.stack([walked(name, surface, condition, start, lr, momentum) for name in names])[:, : count + 1]
    losses = loss(surface, condition, path[..., 0], path[..., 1])
    kept = {PLAIN: 0.0, HEAVY: momentum}.get(optimizer) if surface == "bowl" else None
    radii = None if kept is None else [spectral_radius(lr, kept, c) for c in (1, 1 / condition)]
    return {
        "contours": contours(surface, condition),
        "path": path,
        "losses": np.where(np.isnan(losses), np.inf, losses),
        "chosen": names.index(optimizer),
        "minimum": MINIMA[surface],
        "radius": radii and max(radii),
        "predicted": radii and predict(condition, start, radii),
    }


def predict(condition, start, radii):
    """The losses (STEPS + 1,) in a bowl, of a descent that shrinks the two axes by these factors per step."""
    shares = np.array(turned(*start)) ** 2 * (0.5, 0.5 / condition)
    return np.power(radii, 2 * np.arange(STEPS + 1)[:, None]) @ shares


def build(names, figure):
    """All artists: the paths over the plane to the left, the losses over the steps to the right."""
    artists = {"caption": headline(figure)}
    plane, right = figure.subplots(1, 2, width_ratios=(1.2, 1))
    return artists | _build_plane(plane, names) | _build_losses(right, names)


def _build_plane(axes, names):
    axes.set_label("plane")
    axes.set(xlabel="weight $w_1$", ylabel="weight $w_2$", xlim=(-WIDE, WIDE), ylim=(-HIGH, HIGH))
    axes.set(aspect="equal", facecolor=TINTS[0])
    return {
        "contours": axes.add_collection(PolyCollection([], edgecolors="0.55", linewidths=0.8), autolim=False),
        "minimum": moving(axes, "x", color="black", markersize=8, markeredgewidth=2, zorder=2),
        "dots": axes.scatter([], [], s=16, linewidths=0, zorder=4),
        "start": mark(axes, "o", "white", 10, markeredgewidth=1.5, zorder=6),
        "paths": _curves(axes, names),
    }


def _build_losses(axes, names):
    axes.set_label("loss")
    axes.set(xlim=(0, 1.68 * STEPS), ylim=np.log10((FLOOR, MOST)))  # names stand to the right
    axes.set_xlabel("step", x=0.5 / 1.68)
    axes.set(xticks=range(0, STEPS + 1, 20), ylabel="loss above the minimum")
    axes.set_yticks(range(-8, 3, 2), [f"$10^{{{power}}}$" for power in range(-8, 3, 2)])
    axes.spines["bottom"].set_bounds(0, STEPS)
    line = moving(axes, "--", color="black", linewidth=1.2, zorder=5)
    words = axes.text(0, 1.03, "– –  predicted from the two curvatures", fontsize=9, transform=axes.transAxes)
    ground = dict(facecolor="white", edgecolor="none", pad=0.5)  # hides the dashed line
    looks = dict(fontsize=9, va="center", zorder=7, in_layout=False, bbox=ground)
    labels = [axes.text(0, 1, name, color=COLOURS[i], **looks) for i, name in enumerate(names)]
    return {"predicted": line, "words": words, "labels": labels, "losses": _curves(axes, names)}


def _curves(axes, names):
    """A line with its end for each optimiser."""
    end = dict(marker="o", markersize=6, markeredgecolor="white", zorder=3)
    return [moving(axes, color=COLOURS[i], **end) for i in range(len(names))]


def update(artists, state):
    """Put a state's numbers into the artists."""
    levels = state["contours"]
    artists["contours"].set_verts([part for parts in levels for part in parts])
    artists["contours"].set_facecolors(np.repeat(TINTS[1:], [len(parts) for parts in levels], 0))
    places, chosen = shown(state["path"]), state["chosen"]
    artists["dots"].set_offsets(places[chosen])
    artists["dots"].set_facecolors([(COLOURS[chosen], 0.3 + 0.7 * t / STEPS) for t in range(places.shape[1])])
    for name, place in (("start", places[0, 0]), ("minimum", state["minimum"])):
        artists[name].set_data([place[0]], [place[1]])
    _update_curves(artists["paths"], places[..., 0], places[..., 1], chosen)
    losses = np.where(np.isinf(state["losses"]), np.nan, state["losses"])
    losses, steps = np.log10(within(losses, FLOOR, MOST)), np.arange(state["count"] + 1)
    last = _update_curves(artists["losses"], [steps] * len(losses), losses, chosen)
    low, high = np.log10((FLOOR, MOST))
    heights = spread([losses[i, end] for i, end in enumerate(last)], low, high, LETTERS * (high - low))
    for i, label in enumerate(artists["labels"]):
        label.set_position((last[i] + 3, heights[i]))
        label.set_fontweight("bold" if i == chosen else "normal")
    line = [] if state["predicted"] is None else np.log10(within(state["predicted"], FLOOR, MOST))
    artists["predicted"].set_data(range(len(line)), line)
    artists["words"].set_visible(len(line) > 0)
    artists["caption"].set_text(caption(state))


def _update_curves(lines, xs, ys, chosen):
    """Each optimiser's line; returns the last steps that are drawn."""
    last = [np.flatnonzero(np.isfinite(y))[-1] for y in ys]
    for i, line in enumerate(lines):
        line.set(data=(xs[i], ys[i]), linewidth=1.8 if i == chosen else 1, markevery=[int(last[i])])
    return last


def shown(path):
    """The places, those further than FAR from (0, 0) drawn back to that distance."""
    far = np.maximum(np.hypot(path[..., 0], path[..., 1]) / FAR, 1)
    return path / far[..., None]


def caption(state):
    """How far the chosen path has come, and what the curvatures say about its learning rate."""
    first, last = state["losses"][state["chosen"]][[0, -1]]
    if first == 0:
        return f"Step {state['count']}: the start is the minimum, where no gradient moves anything"
    gone = last > MOST
    loss_text = f"> {MOST:g}" if gone else in_few(last)
    if gone and state["radius"] is None:
        return f"Step {state['count']}: {state['optimizer']} has flown out (loss {loss_text}): lower η"
    return f"Step {state['count']}: loss {loss_text}; {meaning(state)}"


def meaning(state):
    """What the curvatures say about the learning rate, or why they do not."""
    if state["surface"] != "bowl":
        return "the curvature changes from place to place: only the path tells"
    if state["radius"] is None:
        return f"no factor is predicted for {state['optimizer']}: only the path tells"
    radius, edge, bound = state["radius"], "2/λₘₐₓ", 2
    if state["optimizer"] == HEAVY:
        edge, bound = "2(1+μ)/λₘₐₓ", 2 * (1 + state["momentum"])
    sign, does = ("<", "converges") if radius < 1 else (">", "diverges")
    if abs(radius - 1) < EDGE:
        return f"η {state['lr']:g} = {edge} = {bound:.4g}: on the edge: it neither converges nor diverges"
    factor = f"{radius**2:.3g}" if abs(radius**2 - 1) > 0.01 else f"{radius**2:.4f}"
    return f"η {state['lr']:g} {sign} {edge} = {bound:.4g}: {does}, in the long run × {factor} per step"

"""Chapter 0's explorer of going down a gradient: a bowl or a curved ravine, three optimisers, every step."""

import math
from functools import cache, partial

import ipywidgets as widgets
import numpy as np
import torch
from contourpy import contour_generator

from course.explorers.base import Explorer, describe
from course.explorers.foundations.descent_picture import HALF, LEVELS, build, update

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


def descent(steps, optimizer=PLAIN):
    """Explore how an optimiser goes down a bowl or a curved ravine over a plane.

    Args:
        steps: dict of an optimiser's name to a function (w (2,), g (2,), state, lr, momentum) -> new w (2,),
            float64 tensors; g is the gradient at w, and `state` a dict, empty at first, that the function
            keeps its memory in. On a bowl "gradient descent" (w − lr g) and "momentum" (v ← momentum v + g,
            w − lr v) get a prediction beside their path.
        optimizer: to begin with; the first one if there is none of that name.
    Returns:
        Explorer.
    Raises:
        ValueError: without an optimiser.
    """
    if not steps:
        raise ValueError("descent needs the step of at least one optimiser.")
    optimizer = optimizer if optimizer in steps else next(iter(steps))
    return Explorer(
        "descent",
        _controls(list(steps), optimizer),
        partial(compute_descent, steps),
        build,
        update,
        alt=ALT,
        main=("optimizer", "lr"),
        size=(9.4, 4.9),
    )


def _controls(names, optimizer):
    slider = dict(layout=widgets.Layout(width="300px"), style={"description_width": "115px"})
    log = partial(widgets.SelectionSlider, **slider)
    conditions = [(f"{condition:g}", condition) for condition in CONDITIONS]
    controls = {
        "surface": widgets.Dropdown(description="surface", options=list(MINIMA), **slider),
        "optimizer": widgets.Dropdown(description="optimiser", options=names, value=optimizer, **slider),
        "lr": log(description="learning rate", options=RATES, value=0.1),
        "momentum": widgets.FloatSlider(
            description="momentum", value=0.9, min=0, max=0.99, step=0.01, **slider
        ),
        "condition": log(description="condition number", options=conditions, value=20.0),
        "count": widgets.IntSlider(description="steps", value=60, min=5, max=200, **slider),
        "start": widgets.Dropdown(description="start", options=list(STARTS), **slider),
    }
    for name, words in (
        ("surface", "the loss over the plane of two weights; its largest curvature at the minimum is one"),
        ("optimizer", "what makes a step of a gradient"),
        ("lr", "the learning rate, on a log scale"),
        ("momentum", "how much of the last step's direction is kept; plain gradient descent keeps none"),
        ("condition", "the largest curvature at the minimum divided by the smallest, on a log scale"),
        ("count", "how many steps are taken"),
        ("start", "where the path begins"),
    ):
        describe(controls[name], words)
    return controls


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
    """What a spectral radius, or None, means: a key of `descent_picture.MEANINGS`."""
    if radius is None:
        return "none"
    if abs(radius - 1) < EDGE:
        return "edge"
    return "converges" if radius < 1 else "diverges"


def compute_descent(steps, *, surface, optimizer, lr, momentum, condition, count, start):
    """The numbers behind one picture of the descent.

    Args:
        steps: as in `descent`.
        surface, optimizer, lr, momentum, condition, count, start: the controls.
    Returns:
        dict: contours, list of (N, 2); path (count + 1, 2), NaN from where it has left; losses (count + 1,),
        inf there; minimum (2,); factor, of the loss a step as the curvatures predict it, or None; predicted
        (count + 1,), the first loss times factor^step, or None; bound, the learning rate beyond which a bowl
        is left, or None; verdict, see there; and the controls' values.
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
        "surface": surface,
        "optimizer": optimizer,
        "lr": lr,
        "momentum": momentum,
        "condition": condition,
        "count": count,
        "start": start,
    }

"""Chapter 0's explorer of fitting: capacity, data, noise and weight decay on one curve."""

from functools import lru_cache, partial

import ipywidgets as widgets
import numpy as np
import torch

from course.explorers.base import Explorer, describe
from course.explorers.foundations.fitting_picture import build, short, update

MOST_SIZE = 30
MOST_POINTS = 100
HELD_OUT = 500  # points
GRID = np.linspace(-1, 1, 241)  # of the curves over x
DECAYS = (0.0, *(float(f"{m}e{power}") for power in range(-9, 1) for m in (1, 3)), 10.0)
ALT = (
    "A curve with noisy points around it and the fit of the chosen model; beside it the errors on the "
    "training points and on held-out points against the model's size on a log scale, the noise as a dashed "
    "line, the present size and the size of the lowest held-out error marked."
)


def fitting(features, ridge):
    """Explore how well a model of some size fits the points that it saw, and points that it did not see.

    Args:
        features: dict of a short name to a function (x (N,) float64 in [-1, 1], size) -> (N, size + 1), of
            which the first column is 1 and a row depends on its own x alone.
        ridge: function (features (N, P), y (N,), weight_decay) -> w (P,): it minimises the mean squared error
            plus weight_decay times the sum of the squares of w without its first entry. Where several w do,
            as with more weights than points and no decay, it must choose one.
    Returns:
        Explorer.
    Raises:
        ValueError: if there is no model.
    """
    if not features:
        raise ValueError("fitting needs at least one model's features.")
    seen = lru_cache(maxsize=4)(lambda model, seed: matrices(features[model], seed))
    surveyed = lru_cache(maxsize=256)(
        lambda model, *setting: survey(ridge, seen(model, setting[-1]), *setting)
    )
    return Explorer(
        "fitting",
        _controls(list(features)),
        partial(compute_fitting, next(iter(features)), seen, surveyed),
        partial(build, grid=GRID, truth=truth(GRID), most=MOST_SIZE),
        update,
        alt=ALT,
        main=("size", "decay"),
        size=(9.6, 4.6),
    )


def _controls(names):
    slider = dict(layout=widgets.Layout(width="300px"), style={"description_width": "90px"})
    decays = [(short(decay), decay) for decay in DECAYS]
    controls = {
        "model": widgets.Dropdown(description="model", options=names, **slider),
        "size": widgets.IntSlider(description="size", value=9, min=0, max=MOST_SIZE, **slider),
        "decay": widgets.SelectionSlider(description="weight decay", options=decays, value=0.0, **slider),
        "points": widgets.IntSlider(description="points", value=20, min=5, max=MOST_POINTS, **slider),
        "noise": widgets.FloatSlider(description="noise", value=0.3, min=0, max=0.6, step=0.05, **slider),
        "seed": widgets.IntSlider(description="seed", value=0, min=0, max=9, **slider),
    }
    for name, words in (
        ("model", "which features of x the fit weighs"),
        ("size", "how many features there are beside the constant one"),
        ("decay", "the price of a large weight: 0, then a log scale"),
        ("points", "how many points the fit sees"),
        ("noise", "the standard deviation of the noise on y"),
        ("seed", "another draw of all points"),
    ):
        describe(controls[name], words)
    if len(names) == 1:  # nothing to choose
        del controls["model"]
    return controls


def truth(x):
    """The curve that the points scatter around; |y| stays below 1.2."""
    return 0.9 * np.sin(np.pi * x) + 0.3 * np.cos(2.5 * np.pi * x)


def draw(seed):
    """The places and the noise of one seed's points, before the noise is scaled.

    Fewer points are the first of them, and more noise is the same noise enlarged: a slider changes one thing.

    Returns:
        x, noise: (MOST_POINTS + HELD_OUT,) each, the training points first; x in [-1, 1], noise N(0, 1).
    """
    rng = np.random.default_rng(seed)
    return rng.uniform(-1, 1, MOST_POINTS + HELD_OUT), rng.standard_normal(MOST_POINTS + HELD_OUT)


def matrices(function, seed):
    """A model's features of every size up to MOST_SIZE, at a seed's points and at GRID.

    Returns:
        list of (MOST_POINTS + HELD_OUT + len(GRID), size + 1) float64 tensors, rows in this order.
    """
    x = torch.from_numpy(np.concatenate([draw(seed)[0], GRID]))
    with torch.no_grad():
        return [torch.as_tensor(function(x, size)).double() for size in range(MOST_SIZE + 1)]


@torch.no_grad()
def survey(ridge, tables, decay, points, noise, seed):
    """The fits of every size.

    Args:
        ridge: as in `fitting`.
        tables: what `matrices` returned for this seed.
        decay, points, noise, seed: the controls.
    Returns:
        dict: x, y (points,), the training points; weights, a list of (size + 1,) tensors; train and held_out
        (MOST_SIZE + 1,), the roots of the mean squared errors, inf where a fit is not finite.
    """
    x, scatter = draw(seed)
    y = truth(x) + noise * scatter
    targets, weights, errors = torch.from_numpy(y), [], []
    for table in tables:
        w = torch.as_tensor(ridge(table[:points], targets[:points], decay)).double()
        residuals = (table[: len(y)] @ w - targets) ** 2
        errors.append((residuals[:points].mean().sqrt(), residuals[MOST_POINTS:].mean().sqrt()))
        weights.append(w)
    errors = np.array(errors, dtype=float)
    train, held_out = np.where(np.isfinite(errors), errors, np.inf).T
    return {"x": x[:points], "y": y[:points], "weights": weights, "train": train, "held_out": held_out}


def compute_fitting(first, seen, surveyed, *, size, decay, points, noise, seed, model=None):
    """The numbers behind one picture of a fit.

    Args:
        first: name of the model to take where none is given.
        seen: function (model, seed) -> what `matrices` returned for these.
        surveyed: function (model, decay, points, noise, seed) -> what `survey` returned for these.
        size, decay, points, noise, seed, model: the controls.
    Returns:
        dict: x, y, train, held_out as in `survey`; fit (len(GRID),); best, the size of the lowest held-out
        error; largest, the largest |weight| beside the intercept's, 0 if there is none; and the controls.
    """
    model = first if model is None else model
    found = surveyed(model, decay, points, noise, seed)
    w = found["weights"][size]
    return {name: found[name] for name in ("x", "y", "train", "held_out")} | {
        "fit": (seen(model, seed)[size][-len(GRID) :] @ w).numpy(),
        "best": int(found["held_out"].argmin()),
        "largest": float(w[1:].abs().max()) if size else 0.0,
        "model": model,
        "size": size,
        "decay": decay,
        "points": points,
        "noise": noise,
    }

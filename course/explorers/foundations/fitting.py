"""Chapter 0's explorer of fitting: capacity, data, noise and weight decay on one curve."""

from functools import lru_cache, partial

import numpy as np
import torch
from matplotlib.legend_handler import HandlerTuple

from course.explorers.base import Explorer, Picture
from course.explorers.controls import list_slider, menu, slider
from course.explorers.parts import caption_above, legend, mark, moving, within
from course.plots import COLOURS

HIGH = 2.6  # of the scale of y, up and down
FLOOR, MOST = 1e-2, 10.0  # of the errors' scale
FAR = 100.0  # a fit further out is drawn here, beyond the picture's edge
MOST_SIZE = 30
MOST_POINTS = 100
HELD_OUT = 500  # points
GRID = np.linspace(-1, 1, 241)  # of the curves over x
LEGEND = dict(y=0.99, columns=3, columnspacing=1.0, handlelength=1.9)
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
    """
    seen = lru_cache(maxsize=4)(lambda model, seed: matrices(features[model], seed))
    surveyed = lru_cache(maxsize=256)(
        lambda model, *setting: survey(ridge, seen(model, setting[-1]), *setting)
    )
    decays = [(short(decay), decay) for decay in DECAYS]
    controls = {
        "model": menu("model", features, None, "which features of x the fit weighs"),
        "size": slider("size", (0, MOST_SIZE), 9, "how many features there are beside the constant one"),
        "decay": list_slider("weight decay", decays, 0.0, "the price of a large weight: 0, then a log scale"),
        "points": slider("points", (5, MOST_POINTS), 20, "how many points the fit sees"),
        "noise": slider("noise", (0, 0.6, 0.05), 0.3, "the standard deviation of the noise on y"),
        "seed": slider("seed", (0, 9), 0, "another draw of all points"),
    }
    compute = partial(compute_fitting, seen, surveyed)
    picture = Picture(build, update, (9.6, 4.6))
    return Explorer("fitting", controls, compute, picture, ALT, main=("size", "decay"))


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
        tables: what `matrices` returned for this seed.
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


def compute_fitting(seen, surveyed, *, model, size, decay, points, noise, seed):
    """The numbers behind one picture of a fit.

    Args:
        seen: function (model, seed) -> what `matrices` returned for these.
        surveyed: function (model, decay, points, noise, seed) -> what `survey` returned for these.
    Returns:
        dict: x, y, train, held_out as in `survey`; fit (len(GRID),); best, the size of the lowest held-out
        error; largest, the largest |weight| beside the intercept's, 0 if there is none.
    """
    found = surveyed(model, decay, points, noise, seed)
    w = found["weights"][size]
    return {name: found[name] for name in ("x", "y", "train", "held_out")} | {
        "fit": (seen(model, seed)[size][-len(GRID) :] @ w).numpy(),
        "best": int(found["held_out"].argmin()),
        "largest": float(w[1:].abs().max()) if size else 0.0,
    }


def build(figure):
    """All artists: the points and the fit to the left, the errors against the size to the right."""
    figure.get_layout_engine().set(wspace=0.05)
    grid = figure.add_gridspec(1, 2, width_ratios=(1.1, 1))
    artists = {"caption": caption_above(figure, grid, 1.29, "\n\n\n\n\n")}
    artists |= _build_fit(figure.add_subplot(grid[0, 0]))
    return artists | _build_errors(figure.add_subplot(grid[0, 1]))


def _build_fit(axes):
    axes.set(xlabel="x", ylabel="y", xlim=(-1.04, 1.04), ylim=(-HIGH, HIGH))
    axes.set_xticks((-1, -0.5, 0, 0.5, 1), ("−1", "−0.5", "0", "0.5", "1"))
    line = axes.plot(GRID, truth(GRID), color="0.35", linewidth=1.1, zorder=2)[0]
    style = dict(linestyle="", color="white", markeredgecolor="black", markersize=5, zorder=4)
    artists = {
        "points": moving(axes, "o", **style),
        "fit": axes.plot(GRID, 0 * GRID, color=COLOURS[1], linewidth=2.2, zorder=3)[0],
    }
    handles = [line, artists["points"], artists["fit"]]
    legend(axes, handles, ["truth", "training points", "fit"], **LEGEND)
    return artists


def _build_errors(axes):
    axes.set(xlabel="size of the model (weights beside the intercept)", yscale="log")
    axes.set(xlim=(-0.02 * MOST_SIZE, 1.02 * MOST_SIZE), ylim=(FLOOR, MOST))
    axes.set_ylabel("root of the mean squared error")
    axes.set_yticks((0.01, 0.1, 1, 10), ("0.01", "0.1", "1", "10"))
    sizes = np.arange(MOST_SIZE + 1)
    curve = dict(linewidth=1.8, markersize=3.5, zorder=3)
    rule = dict(color="0.35", zorder=2)
    artists = {
        "train": axes.plot(sizes, sizes + 1, "s-", color=COLOURS[0], **curve)[0],
        "held_out": axes.plot(sizes, sizes + 1, "o--", color=COLOURS[1], **curve)[0],
        "noise": moving(axes, "--", linewidth=1.2, **rule),
        "full": moving(axes, ":", linewidth=1.4, **rule),
        "best": mark(axes, "*", "white", 15, zorder=5),
        "train here": mark(axes, "s", COLOURS[0], 9, zorder=5),
        "held_out here": mark(axes, "o", size=9, zorder=5),
    }
    handles = [artists[name] for name in ("train", "held_out", "noise", "full", "best")]
    handles.append((artists["train here"], artists["held_out here"]))
    names = ["training", "held out", "noise", "weights = points", "lowest", "this size"]
    side_by_side = {tuple: HandlerTuple(ndivide=None)}
    legend(axes, handles, names, handler_map=side_by_side, **LEGEND)
    return artists


def update(artists, state):
    """Put a state's numbers into the artists."""
    artists["points"].set_data(state["x"], state["y"])
    artists["fit"].set_ydata(np.clip(state["fit"], -FAR, FAR))
    for name in ("train", "held_out"):
        artists[name].set_ydata(within(state[name], FLOOR, MOST))
        sign = {"train": "s", "held_out": "o"}[name]
        _update_here(artists[f"{name} here"], sign, state["size"], state[name][state["size"]])
    _update_here(artists["best"], "*", state["best"], state["held_out"][state["best"]])
    left, right = artists["noise"].axes.get_xlim()
    artists["noise"].set_data([left, right], within(np.full(2, state["noise"]), FLOOR, MOST))
    artists["full"].set_data([state["points"] - 1] * 2, [FLOOR, MOST])
    artists["caption"].set_text(caption(state))


def _update_here(here, sign, size, error):
    """An error beyond the panel is an arrow at its lower or upper edge."""
    here.set_data([size], [np.clip(error, FLOOR, MOST)])
    here.set_marker("v" if error < FLOOR else "^" if error > MOST else sign)


def caption(state):
    """The setting with its two errors, and which size would have been best, in two lines."""
    size, best = state["size"], state["best"]
    train, held_out, lowest = (
        said(state[name][at]) for name, at in (("train", size), ("held_out", size), ("held_out", best))
    )
    return (
        f"{state['model']}, size {size}, weight decay {short(state['decay'])}, {state['points']} points:  "
        f"error {train} on the training points, {held_out} on held-out points\n"
        f"lowest held-out error: {lowest} at size {best};  standard deviation of the noise: "
        f"{state['noise']:g};  largest |weight|: {said(state['largest'])}"
    )


def said(value):
    """An error or a weight, which is not spelt out where it is nothing but rounding."""
    if not np.isfinite(value):
        return "not finite"
    return "below 1e−6" if 0 < value < 1e-6 else short(value)


def short(value):
    """Three digits: "0.312", "1e−9", "3.16e7"."""
    return f"{value:.3g}".replace("e+0", "e").replace("e+", "e").replace("e-0", "e−").replace("e-", "e−")

"""Chapter 3's explorer of attention as kernel regression: the weighted mean of the values of points."""

from functools import partial

import numpy as np
import torch
from matplotlib.collections import LineCollection

from course.explorers.base import Explorer
from course.explorers.controls import list_slider, menu, slider
from course.explorers.parts import headline, legend, mark, minus, moving
from course.explorers.picture import Picture
from course.plots import COLOURS

MOST = 60  # points
NOISE = 0.25
BANDWIDTHS = (0.05, 0.07, 0.1, 0.14, 0.2, 0.28, 0.4, 0.56, 0.8, 1.1, 1.5, 2.0)
SCORES = [("Gaussian: −(x − xᵢ)² / 2h²", "gaussian"), ("dot product: x xᵢ / h²", "dot")]
GRID = np.linspace(-2, 2, 201)
SHARE = 0.9  # of the weight
FLOOR = -2.7  # where the query stands
WIDEST = 14  # points of a line's width, of weight 1
ALT = (
    "Noisy points, which are the keys and values, the curve that they come from and the estimate at each "
    "query; lines run from the marked query to the points, wider where the attention weight is larger, over "
    "the shape of the kernel."
)


def kernel(smooth):
    """Explore attention over points: queries x, keys x_i, values y_i.

    Args:
        smooth: the chapter's function (x (N,), points (n,), values (n,), bandwidth, scores) -> (estimate
            (N,), weights (N, n)), float64 tensors; scores is "gaussian", −(x − x_i)² / 2h², or "dot",
            x x_i / h².
    """
    controls = {
        "query": slider("query x", (-2, 2, 0.02), 0.5, "where the curve is estimated"),
        "bandwidth": list_slider("bandwidth h", BANDWIDTHS, 0.2, "the distance over which points count"),
        "scores": menu("scores", SCORES, None, "how a query x and a key, the point's xᵢ, make a score"),
        "points": slider("points", (4, MOST), 30, "how many keys, each with its value, there are"),
    }
    compute, picture = partial(compute_kernel, smooth), Picture(build, update, (8.4, 3.9))
    return Explorer(
        "attention as kernel regression", controls, compute, picture, ALT, main=("query", "bandwidth"),
        touch={"plane": lambda state, x, y: {"query": x}}, hint="Drag the query.",
    )  # fmt: skip


def truth(x):
    """The curve that the points scatter around."""
    return np.sin(2 * x) + 0.5 * x


def data():
    """`MOST` points, the same each time: x in [-2, 2] and y, (MOST,) each."""
    rng = np.random.default_rng(3)
    x = rng.uniform(-2, 2, MOST)
    return x, truth(x) + NOISE * rng.standard_normal(MOST)


def compute_kernel(smooth, *, scores, bandwidth, query, points):
    """The numbers behind one picture of kernel regression.

    Returns:
        dict: x, y, weights (points,) and estimate, both at the query, curve: the estimate at `GRID`,
        shape: what weight a key at `GRID` would get, over the largest of them; carriers: how many points at
        least carry `SHARE` of the weight, heaviest: x of the heaviest one.
    """
    x, y = (numbers[:points] for numbers in data())
    places = torch.from_numpy(np.append(GRID, query))
    estimate, weights = smooth(places, torch.from_numpy(x), torch.from_numpy(y), bandwidth, scores)
    grid = torch.from_numpy(GRID)
    _, shape = smooth(places[-1:], grid, grid, bandwidth, scores)
    weights = weights[-1].numpy()
    reached = np.cumsum(np.sort(weights)[::-1])
    return {
        "x": x,
        "y": y,
        "weights": weights,
        "curve": estimate[:-1].numpy(),
        "estimate": float(estimate[-1]),
        "shape": (shape[0] / shape.max()).numpy(),
        "carriers": 1 + int((reached < SHARE - 1e-9).sum()),
        "heaviest": float(x[weights.argmax()]),
    }


def build(figure):
    """All artists, on one plane: the query below, the points above it, lines between them."""
    caption = headline(figure)
    axes = figure.add_subplot(label="plane")
    axes.set(xlim=(-2.08, 2.08), xticks=range(-2, 3), ylim=(FLOOR, 2.3), yticks=range(-2, 3))
    axes.set(xlabel="query $x$ (▲), keys $x_i$", ylabel="value $y$")
    true = axes.plot(GRID, truth(GRID), "--", color="0.4", linewidth=1.3)[0]
    artists = {
        "caption": caption,
        "shape": moving(axes, color=COLOURS[4], linewidth=1.6, zorder=1),
        "lines": axes.add_collection(LineCollection([], color=COLOURS[0], alpha=0.55, zorder=2)),
        "points": axes.scatter([0], [0], 30, facecolor=COLOURS[5], edgecolor="0.25", linewidth=0.7, zorder=3),
        "curve": moving(axes, color=COLOURS[1], linewidth=2, zorder=3),
        "query": mark(axes, "^", "black", 12),
        "estimate": mark(axes, "D", COLOURS[1], 9, zorder=5),
    }
    names = ("points", "lines", "shape", "curve")
    words = ("key and value", "attention weight", "kernel", "estimate", "true curve")
    artists["lines"].set_linewidth(4)  # in the legend
    legend(axes, [*(artists[name] for name in names), true], words, y=0.99, room=True, columnspacing=2)
    return artists


def update(artists, state):
    """Put a state's numbers into the artists."""
    x, y, weights, query = state["x"], state["y"], state["weights"], state["query"]
    ends = np.stack([x, y], 1)
    artists["points"].set_offsets(ends)
    artists["lines"].set_segments(np.stack([np.broadcast_to([query, FLOOR], ends.shape), ends], 1))
    artists["lines"].set_linewidth(WIDEST * weights)
    artists["shape"].set_data(GRID, FLOOR + 0.6 * state["shape"])
    artists["curve"].set_data(GRID, state["curve"])
    artists["query"].set_data([query], [FLOOR])
    artists["estimate"].set_data([query], [state["estimate"]])
    artists["caption"].set_text(caption(state))


def caption(state):
    """What the picture shows, in one line."""
    count, carriers = len(state["x"]), state["carriers"]
    verb, estimate = "carries" if carriers == 1 else "carry", f"estimate {state['estimate']:.2f}"
    share = f"of {count} points {verb} at least {100 * SHARE:.0f} % of the weight"
    values = f"{estimate}, true curve {truth(state['query']):.2f}"
    if state["scores"] == "dot":
        if round(state["query"], 9) == 0:
            return f"Dot product at x = 0: all scores are 0, the estimate is the mean of all {count} values"
        line = f"Dot product: the outermost key, {state['heaviest']:.2f}, weighs most: {values}"
    elif carriers == 1:
        line = f"1 {share}: the estimate follows one noisy point"
    elif carriers > count / 2:
        line = f"{carriers} {share}: {estimate}, mean of all {state['y'].mean():.2f}"
    else:
        line = f"The {carriers} nearest {share}: {values}"
    return minus(line)

"""Chapter 3's explorer of attention as kernel regression: the weighted mean of the values of points."""

from functools import partial

import numpy as np
import torch

from course.explorers.base import Explorer, Picture
from course.explorers.controls import list_slider, menu, slider
from course.explorers.parts import caption_above, legend, minus, moving, moving_scale, round_up, stems
from course.plots import COLOURS

MOST = 60  # points
NOISE = 0.25
BANDWIDTHS = (0.05, 0.07, 0.1, 0.14, 0.2, 0.28, 0.4, 0.56, 0.8, 1.1, 1.5, 2.0)
SCORES = [("Gaussian: −(x − xᵢ)² / 2h²", "gaussian"), ("dot product: x xᵢ / h²", "dot")]
GRID = np.linspace(-2, 2, 201)
SHARE = 0.9  # of the weight
TICKS = (0, 0.5, 1)  # of the weights' scale
ALT = (
    "Noisy points, the curve that they come from and the attention-weighted mean of their values at each "
    "query, the points larger where their weight at the marked query is larger; beside them these weights "
    "as stems over the points' positions."
)


def kernel(smooth):
    """Explore attention over points: queries x, keys x_i, values y_i.

    Args:
        smooth: the chapter's function (x (N,), points (n,), values (n,), bandwidth, scores) -> (estimate
            (N,), weights (N, n)), float64 tensors; scores is "gaussian", −(x − x_i)² / 2h², or "dot",
            x x_i / h².
    """
    controls = {
        "scores": menu("scores", SCORES, None, "how a query x and a key, the point's xᵢ, make a score"),
        "bandwidth": list_slider(
            "bandwidth h", BANDWIDTHS, 0.2, "the distance over which points count; smaller is more peaked"
        ),
        "query": slider(
            "query x", (-2, 2, 0.05), 0.5, "where the curve is estimated and the weights are shown"
        ),
        "points": slider(
            "points", (4, MOST), 30, "how many key-value pairs there are; more are added to those before"
        ),
    }
    compute = partial(compute_kernel, smooth)
    picture = Picture(build, update, (9.4, 4.4))
    return Explorer(
        "attention as kernel regression", controls, compute, picture, ALT, main=("query", "bandwidth")
    )


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
        carriers: how many points at least carry `SHARE` of the weight, heaviest: x of the heaviest one.
    """
    x, y = (numbers[:points] for numbers in data())
    places = torch.from_numpy(np.append(GRID, query))
    estimate, weights = smooth(places, torch.from_numpy(x), torch.from_numpy(y), bandwidth, scores)
    weights = weights[-1].numpy()
    reached = np.cumsum(np.sort(weights)[::-1])
    return {
        "x": x,
        "y": y,
        "weights": weights,
        "curve": estimate[:-1].numpy(),
        "estimate": float(estimate[-1]),
        "carriers": 1 + int((reached < SHARE - 1e-9).sum()),
        "heaviest": float(x[weights.argmax()]),
    }


def build(figure):
    """All artists: points and curves to the left, the weights to the right."""
    grid = figure.add_gridspec(1, 2, width_ratios=(1.5, 1))
    caption = caption_above(figure, grid, 1.2, "\n\n\n")
    left, right = figure.add_subplot(grid[0]), figure.add_subplot(grid[1])
    for axes in (left, right):
        axes.set(xlim=(-2.15, 2.15), xticks=range(-2, 3))
    artists = _build_curves(left) | _build_weights(right) | {"caption": caption}
    artists["queries"] = [moving(axes, ":", color="black", linewidth=1.2) for axes in (left, right)]
    return artists


def _build_curves(axes):
    axes.set(xlabel="query x, keys xᵢ", ylabel="value", ylim=(-2.3, 2.3), yticks=range(-2, 3))
    true = axes.plot(GRID, truth(GRID), "--", color="0.4", linewidth=1.3)[0]
    style = dict(color=COLOURS[1], markeredgecolor="black", markersize=8)
    artists = {
        "points": axes.scatter([0], [0], 40, facecolor=COLOURS[5], edgecolor="0.25", linewidth=0.7, zorder=2),
        "curve": moving(axes, color=COLOURS[1], linewidth=1.8, zorder=3),
        "estimate": moving(axes, "D", **style, zorder=4),
    }
    names = ["key and value", "estimate", "at the query", "true curve"]
    legend(axes, [*artists.values(), true], names, y=0.98, room=True, columnspacing=1.2, handletextpad=0.8)
    return artists


def _build_weights(axes):
    axes.set(xlabel="key xᵢ", ylabel="attention weight at the query", ylim=(0, 1.05))
    return {
        "stems": moving(axes, color=COLOURS[0], linewidth=1.2),
        "tops": moving(axes, "o", color=COLOURS[0], markersize=4.5, clip_on=False, in_layout=False),
        "scale": moving_scale(axes, TICKS, "0.025"),
    }


def update(artists, state):
    """Put a state's numbers into the artists."""
    x, weights = state["x"], state["weights"]
    artists["points"].set_offsets(np.stack([x, state["y"]], 1))
    artists["points"].set_sizes(9 + 130 * weights / weights.max())
    artists["curve"].set_data(GRID, state["curve"])
    artists["estimate"].set_data([state["query"]], [state["estimate"]])
    for line in artists["queries"]:
        line.set_data([state["query"]] * 2, line.axes.get_ylim())
    top = round_up(weights.max(), 0.02)
    artists["scale"].set_data(-0.03, TICKS, [f"{top * tick:g}" for tick in TICKS])
    artists["stems"].set_data(*stems(x, weights / top))
    artists["tops"].set_data(x, weights / top)
    artists["caption"].set_text(_caption(state))


def _caption(state):
    n, carriers = len(state["x"]), state["carriers"]
    line = (
        f"h = {state['bandwidth']:g}, x = {state['query']:.2f}: estimate {state['estimate']:.2f} (true "
        f"{truth(state['query']):.2f}); {carriers} of {n} points carry {SHARE:.0%} of the weight"
    ).replace("%", " %")
    if state["scores"] == "gaussian":
        second = "Gaussian scores: the nearer a key is to the query, the larger its weight"
    elif round(state["query"], 9) == 0:
        second = "dot-product scores: at x = 0 all scores are 0 and all weights equal"
    else:
        second = (
            "dot-product scores favour keys of a large norm on the query's side: the heaviest is xᵢ = "
            f"{state['heaviest']:.2f}"
        )
    return minus(f"{line}\n{second}").replace("dot−product", "dot-product")

"""The picture of chapter 0's descent."""

import numpy as np
from matplotlib import colormaps
from matplotlib.collections import LineCollection
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.lines import Line2D

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
FADING = LinearSegmentedColormap.from_list("fading", colormaps["YlOrBr"](np.linspace(0.25, 0.95, 64)))


def build(figure):
    """All artists: the path over the plane to the left, the loss over the steps to the right."""
    figure.get_layout_engine().set(wspace=0.05, w_pad=0.18)  # the last mark's number needs room to the right
    plane, right = figure.subplots(1, 2, width_ratios=(1.15, 1))
    plane.set_title("\n\n\n\n", fontsize=10)  # room for the caption and the legends
    artists = _build_plane(plane) | _build_loss(right)
    return artists | {"caption": plane.add_artist(Caption(1.19, 1.185))}


def _build_plane(axes):
    axes.set(xlabel="weight w₁", ylabel="weight w₂", box_aspect=1)
    axes.set(xlim=(-HALF, HALF), ylim=(-HALF, HALF))
    ticks = range(-2, 3)
    axes.set_xticks(ticks, [str(tick).replace("-", "−") for tick in ticks])
    axes.set_yticks(ticks, [str(tick).replace("-", "−") for tick in ticks])
    lines = axes.add_collection(LineCollection([], colors="0.68", linewidths=0.9, zorder=1), autolim=False)
    dots = axes.scatter([], [], s=14, c=[], cmap=FADING, vmin=0, vmax=1, linewidths=0, zorder=3)
    mark = dict(linestyle="", markeredgecolor="black", markersize=9, zorder=5)
    artists = {
        "contours": lines,
        "line": axes.plot([], [], color="0.35", linewidth=0.8, zorder=2)[0],
        "dots": dots,
        "start": axes.plot([], [], "o", color="white", **mark)[0],
        "minimum": axes.plot([], [], "x", color="black", markersize=10, markeredgewidth=2.2, zorder=4)[0],
        "end": axes.plot([], [], "D", color=COLOURS[0], **mark | dict(markersize=7))[0],
    }
    dot = Line2D([], [], color="0.35", linewidth=0.8, marker="o", markersize=5, markeredgewidth=0)
    dot.set_markerfacecolor(FADING(0.7))
    level = Line2D([], [], color="0.68", linewidth=0.9)
    handles = [artists["start"], dot, artists["end"], artists["minimum"], level]
    _legend(axes, handles, ["start", "path, darker with time", "end", "minimum", "loss, × 4 a line"], 0.54)
    return artists


def _build_loss(axes):
    axes.set(ylabel="loss above the minimum", yscale="log", xlim=(0, 1), ylim=(FLOOR, MOST))
    axes.set_xlabel("step", labelpad=9)
    axes.minorticks_off()
    axes.set_xticks((0,), ("000",))  # room for the scale, which moves with the number of steps
    axes.tick_params(axis="x", length=0, labelcolor="none")
    artists = {
        "loss": axes.plot([], [], color=COLOURS[0], linewidth=2, zorder=3)[0],
        "predicted": axes.plot([], [], "--", color=COLOURS[1], linewidth=1.8, zorder=4)[0],
        "ticks": axes.plot([], [], "|", color="black", clip_on=False, in_layout=False, markersize=7)[0],
        "scale": axes.add_artist(Texts(10, "DejaVu Sans")),
    }
    for name in ("ticks", "scale"):
        artists[name].set_transform(axes.transAxes)
    _legend(axes, [artists["loss"], artists["predicted"]], ["this path", "first loss · factor^step"])
    return artists


def _legend(axes, handles, names, x=0.5):
    """A panel's legend in one line above it, which may be wider than the panel."""
    place = dict(loc="lower center", bbox_to_anchor=(x, 0.985), ncols=len(names), columnspacing=0.7)
    legend = axes.legend(handles, names, fontsize=9, handlelength=1.3, handletextpad=0.4, **place)
    legend.set_in_layout(False)


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
    artists["loss"].set_data(share, within(np.where(left, np.nan, state["losses"])))
    predicted = [] if state["predicted"] is None else within(state["predicted"])
    artists["predicted"].set_data(share[: len(predicted)], predicted)
    ticks = np.arange(0, state["count"] + 1, tick_of(state["count"]))
    artists["ticks"].set_data(ticks / state["count"], 0 * ticks)
    artists["scale"].set_data(ticks / state["count"], -0.045, [str(tick) for tick in ticks])
    artists["caption"].set_text(caption(state))


def shown(path):
    """The places, those further than FAR from (0, 0) drawn back to that distance."""
    far = np.maximum(np.hypot(*path.T) / FAR, 1)
    return path / far[:, None]


def within(losses):
    """Losses clipped to just beyond the scale's ends: a log scale cannot place 0, nor a picture 1e300."""
    return np.clip(losses, FLOOR / 100, MOST * 100)


def tick_of(count):
    """How many steps lie between two marks of the scale: at most eight marks."""
    return next(size for size in (1, 2, 5, 10, 20, 50) if count <= 7 * size)


def caption(state):
    """The settings, what they predict and how far the path has come, in two lines."""
    momentum = f"momentum {state['momentum']:.2g}"
    if state["optimizer"] == "gradient descent":
        momentum += " (no effect)"
    setting = f"{state['optimizer']}, {state['surface']}, condition number {state['condition']:g}"
    return (
        f"{setting}, lr {state['lr']:g}, {momentum}\n"
        f"{meaning(state)};  loss after {state['count']} steps: {loss_text(state['losses'][-1])}"
    ).replace("e-", "e−")


def meaning(state):
    """What the curvatures say about the learning rate, or why they do not."""
    if state["surface"] != "bowl":
        return "the curvature changes from place to place: only the path tells"
    if state["factor"] is None:
        return f"no factor is predicted for {state['optimizer']}: only the path tells"
    bound = "2 (1 + μ) / λ_max" if state["optimizer"] == "momentum" else "2 / λ_max"
    words = MEANINGS[state["verdict"]]
    return words.format(f"{state['lr']:g}", bound, state["bound"], factor_text(state["factor"]))


def factor_text(factor):
    """A factor to four decimals; to six where four would say 1.0000 of another number."""
    if f"{factor:.4f}" == "1.0000" and abs(factor - 1) > 1e-8:
        return f"{factor:.6f}"
    return f"{factor:.4f}"


def loss_text(number):
    """The last loss; beyond the scale it is called diverged."""
    return f"{number:.2g}" if number <= MOST else f"above {MOST:,.0f} (diverged)"

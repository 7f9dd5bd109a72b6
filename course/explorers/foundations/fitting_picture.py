"""The picture of chapter 0's fitting."""

import numpy as np
from matplotlib.legend_handler import HandlerTuple

from course.plots import COLOURS
from course.plots.texts import Caption

HIGH = 2.6  # of the scale of y, up and down
FLOOR, MOST = 1e-2, 10.0  # of the errors' scale
FAR = 100.0  # a fit further out is drawn here, beyond the picture's edge


def build(figure, grid, truth, most):
    """All artists: the points and the fit to the left, the errors against the size to the right.

    Args:
        figure: where they go.
        grid: places of the curves to the left.
        truth: (len(grid),) the curve without noise.
        most: the greatest size.
    """
    figure.get_layout_engine().set(wspace=0.05)
    grids = figure.add_gridspec(1, 2, width_ratios=(1.1, 1))
    whole = figure.add_subplot(grids[:, :])  # unseen: it centres the caption above all
    whole.set_axis_off()
    whole.set_title("\n\n\n\n\n", fontsize=11)  # room for the caption and the legends
    artists = {"caption": whole.add_artist(Caption(0.5, 1.29))}
    artists |= _build_fit(figure.add_subplot(grids[0, 0]), grid, truth)
    return artists | _build_errors(figure.add_subplot(grids[0, 1]), most)


def _build_fit(axes, grid, truth):
    axes.set(xlabel="x", ylabel="y", xlim=(-1.04, 1.04), ylim=(-HIGH, HIGH))
    axes.set_xticks((-1, -0.5, 0, 0.5, 1), ("−1", "−0.5", "0", "0.5", "1"))
    line = axes.plot(grid, truth, color="0.35", linewidth=1.1, zorder=2)[0]
    style = dict(linestyle="", color="white", markeredgecolor="black", markersize=5, zorder=4)
    artists = {
        "points": axes.plot([], [], "o", **style)[0],
        "fit": axes.plot(grid, 0 * grid, color=COLOURS[1], linewidth=2.2, zorder=3)[0],
    }
    _legend(axes, [line, artists["points"], artists["fit"]], ["truth", "training points", "fit"])
    return artists


def _build_errors(axes, most):
    axes.set(xlabel="size of the model (weights beside the intercept)", yscale="log")
    axes.set(xlim=(-0.02 * most, 1.02 * most), ylim=(FLOOR, MOST))
    axes.set_ylabel("root of the mean squared error")
    axes.set_yticks((0.01, 0.1, 1, 10), ("0.01", "0.1", "1", "10"))
    sizes = np.arange(most + 1)
    curve = dict(linewidth=1.8, markersize=3.5, zorder=3)
    rule = dict(color="0.35", zorder=2)
    mark = dict(linestyle="", markeredgecolor="black", clip_on=False, in_layout=False, zorder=5)
    artists = {
        "train": axes.plot(sizes, sizes + 1, "s-", color=COLOURS[0], **curve)[0],
        "held_out": axes.plot(sizes, sizes + 1, "o--", color=COLOURS[1], **curve)[0],
        "noise": axes.plot([], [], "--", linewidth=1.2, **rule)[0],
        "full": axes.plot([], [], ":", linewidth=1.4, **rule)[0],
        "best": axes.plot([], [], "*", color="white", markersize=15, **mark)[0],
        "train here": axes.plot([], [], "s", color=COLOURS[0], markersize=9, **mark)[0],
        "held_out here": axes.plot([], [], "o", color=COLOURS[1], markersize=9, **mark)[0],
    }
    handles = [artists[name] for name in ("train", "held_out", "noise", "full", "best")]
    handles.append((artists["train here"], artists["held_out here"]))
    _legend(axes, handles, ["training", "held out", "noise", "weights = points", "lowest", "this size"])
    return artists


def _legend(axes, handles, names):
    """A panel's legend in lines above it, which may be wider than the panel."""
    place = dict(loc="lower center", bbox_to_anchor=(0.5, 0.99), ncols=3, columnspacing=1.0)
    side_by_side = {tuple: HandlerTuple(ndivide=None)}
    shape = dict(fontsize=9, handlelength=1.9, handletextpad=0.4, handler_map=side_by_side)
    legend = axes.legend(handles, names, **place, **shape)
    legend.set_in_layout(False)


def update(artists, state):
    """Put a state's numbers into the artists."""
    artists["points"].set_data(state["x"], state["y"])
    artists["fit"].set_ydata(np.clip(state["fit"], -FAR, FAR))
    for name in ("train", "held_out"):
        artists[name].set_ydata(within(state[name]))
        sign = {"train": "s", "held_out": "o"}[name]
        _update_here(artists[f"{name} here"], sign, state["size"], state[name][state["size"]])
    _update_here(artists["best"], "*", state["best"], state["held_out"][state["best"]])
    left, right = artists["noise"].axes.get_xlim()
    artists["noise"].set_data([left, right], within(np.full(2, state["noise"])))
    artists["full"].set_data([state["points"] - 1] * 2, [FLOOR, MOST])
    artists["caption"].set_text(caption(state))


def within(errors):
    """Errors clipped to just beyond the scale's ends: a log scale cannot place 0, nor a picture 1e300."""
    return np.clip(errors, FLOOR / 100, MOST * 100)


def _update_here(mark, sign, size, error):
    """An error beyond the panel is an arrow at its lower or upper edge."""
    mark.set_data([size], [np.clip(error, FLOOR, MOST)])
    mark.set_marker("v" if error < FLOOR else "^" if error > MOST else sign)


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

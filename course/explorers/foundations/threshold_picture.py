"""The picture of chapter 0's threshold."""

import numpy as np

from course.plots import COLOURS
from course.plots.texts import Caption, Texts

BELLS = "two bells"  # the source that the explorer makes itself
TICKS = (-1, -0.5, 0, 0.5, 1)  # of the histograms' scale
SCALE = (0, 0.2, 0.4, 0.6, 0.8, 1)  # of everything that goes from 0 to 1
LOOKS = {  # of the measures: name in the picture, colour, style, sign of the present one
    "precision": ("precision", COLOURS[0], "-", "s"),
    "recall": ("recall", COLOURS[1], "--", "o"),
    "f1": ("F1", COLOURS[2], "-.", "D"),
}


def build(figure, edges, thresholds):
    """All artists: histograms to the left, the ROC curve in the middle, the measures to the right.

    Args:
        figure: where they go.
        edges: of the histograms' bars.
        thresholds: places of the measures' curves.
    """
    figure.get_layout_engine().set(wspace=0.05)
    grid = figure.add_gridspec(1, 3)
    whole = figure.add_subplot(grid[:, :])  # unseen: it centres the caption above all
    whole.set_axis_off()
    whole.set_title("\n\n\n\n", fontsize=11)  # room for the caption and the legends
    artists = {"caption": whole.add_artist(Caption(0.5, 1.24))}
    artists |= _build_bars(figure.add_subplot(grid[0, 0]), edges)
    artists |= _build_roc(figure.add_subplot(grid[0, 1]))
    return artists | _build_measures(figure.add_subplot(grid[0, 2]), thresholds)


def _build_bars(axes, edges):
    axes.set(xlabel="score", xlim=(-0.02, 1.02), xticks=SCALE, ylim=(-1.05, 1.05))
    axes.set_ylabel("share of the class (class 0 downwards)")
    axes.set_yticks(TICKS, ["0.25"] * len(TICKS))  # room for the scale, which moves with the bars
    axes.tick_params(axis="y", labelcolor="none")
    axes.axhline(0, color="black", linewidth=0.8)
    blank = np.zeros(len(edges) - 1)
    artists = {
        "ones": axes.stairs(blank, edges, fill=True, color=COLOURS[1], label="class 1"),
        "zeros": axes.stairs(blank, edges, fill=True, color=COLOURS[5], label="class 0"),
        "line": _rule(axes),
        "scale": axes.add_artist(Texts(10, "DejaVu Sans", align=1)),
    }
    artists["scale"].set_transform(axes.get_yaxis_transform())
    artists["line"].set_label("threshold")
    _legend(axes, [artists[name] for name in ("ones", "zeros", "line")])
    return artists


def _build_roc(axes):
    axes.set(xlabel="false positive rate", ylabel="true positive rate (recall)", xticks=SCALE, yticks=SCALE)
    axes.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02))
    mark = dict(linestyle="", color=COLOURS[4], markeredgecolor="black", markersize=9, zorder=4)
    artists = {
        "roc": axes.plot([], [], color=COLOURS[6], linewidth=1.8, label="ROC curve", zorder=3)[0],
        "here": axes.plot([], [], "D", label="threshold", clip_on=False, in_layout=False, **mark)[0],
    }
    guess = axes.plot([0, 1], [0, 1], ":", color="0.45", linewidth=1.4, label="guessing")[0]
    _legend(axes, [artists["roc"], artists["here"], guess])
    return artists


def _build_measures(axes, thresholds):
    axes.set(xlabel="threshold", ylabel="value of the measure", xticks=SCALE, yticks=SCALE)
    axes.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02))
    artists = {"line here": _rule(axes)}
    for name, (label, colour, style, sign) in LOOKS.items():
        line = axes.plot(thresholds, 0 * thresholds, color=colour, linestyle=style, label=label)[0]
        mark = dict(linestyle="", color=colour, markeredgecolor="black", markersize=8, zorder=4)
        artists[name] = line
        artists[f"{name} here"] = axes.plot([], [], sign, clip_on=False, in_layout=False, **mark)[0]
    _legend(axes, [artists[name] for name in LOOKS])
    return artists


def _rule(axes):
    """The upright line at the threshold."""
    return axes.plot([], [], color="0.35", linewidth=1.4, zorder=2.5)[0]


def _legend(axes, handles):
    """A panel's legend in one line above it."""
    place = dict(loc="lower center", bbox_to_anchor=(0.5, 0.99), ncols=len(handles), fontsize=9)
    legend = axes.legend(handles=handles, **place, columnspacing=0.8, handlelength=2.0, handletextpad=0.4)
    legend.set_in_layout(False)


def update(artists, state):
    """Put a state's numbers into the artists."""
    zeros, ones = state["bars"]
    top = top_of(max(zeros.max(), ones.max()))
    artists["ones"].set_data(ones / top)
    artists["zeros"].set_data(-zeros / top)
    artists["scale"].set_data(-0.04, TICKS, [f"{abs(top * tick):g}" for tick in TICKS])
    at = state["threshold"]
    for name in ("line", "line here"):
        artists[name].set_data([at, at], artists[name].axes.get_ylim())
    artists["roc"].set_data(state["fpr"], state["tpr"])
    artists["here"].set_data([state["rates"]["fpr"]], [state["rates"]["recall"]])
    for name in LOOKS:
        artists[name].set_ydata(state["measures"][name])
        artists[f"{name} here"].set_data([at], [state["rates"][name]])
    artists["caption"].set_text(caption(state))


def top_of(share):
    """The first of 0.1, 0.2, 0.5 and 1 that the share does not exceed; none is below 1/25, 25 bars make 1."""
    return next(top for top in (0.1, 0.2, 0.5, 1) if share <= top)


def caption(state):
    """The counts at this threshold and what they come to, in two lines."""
    tp, fp, fn, tn = state["counts"]
    source, found = state["source"], state["rates"]
    if source == BELLS:
        source += f" (separation {state['separation']:g}, {100 * state['share']:.3g} % of class 1)"
    return (
        f"{source}, threshold {state['threshold']:.2f}:  {tp:,} true and {fp:,} false positives, "
        f"{tn:,} true and {fn:,} false negatives\n"
        f"accuracy {found['accuracy']:.3f} (always no: {state['never']:.3f}),  "
        f"precision {found['precision']:.3f},  recall {found['recall']:.3f},  F1 {found['f1']:.3f};  "
        f"area under the ROC curve {state['area']:.3f}"
    )

"""Chapter 0's explorer of a threshold: what one number decides about the scores of two classes."""

from functools import lru_cache, partial

import numpy as np
import torch

from course.explorers.base import Explorer, Picture
from course.explorers.controls import menu, slider
from course.explorers.parts import arrays, caption_above, legend, mark, moving, moving_scale, round_up
from course.plots import COLOURS

BELLS = "two bells"  # the source that the explorer makes itself
TICKS = (-1, -0.5, 0, 0.5, 1)  # of the histograms' scale
SCALE = (0, 0.2, 0.4, 0.6, 0.8, 1)  # of everything that goes from 0 to 1
LOOKS = {  # of the measures: name in the picture, colour, style, sign of the present one
    "precision": ("precision", COLOURS[0], "-", "s"),
    "recall": ("recall", COLOURS[1], "--", "o"),
    "f1": ("F1", COLOURS[2], "-.", "D"),
}
COUNT = 2000  # scores of the two bells
THRESHOLDS = np.linspace(0, 1, 101)
EDGES = np.linspace(0, 1, 26)  # of the histograms' bars
NOISE = torch.from_numpy(np.random.default_rng(0).standard_normal(COUNT))  # N(0, 1)
LEGEND = dict(y=0.99, columnspacing=0.8, handlelength=2.0)
ALT = (
    "Two histograms of scores, one for each class, mirrored, with a line at the threshold; the ROC curve "
    "with the threshold's point and the diagonal of guessing; and precision, recall and their harmonic "
    "mean as curves over the threshold, with marks at the present one."
)


def threshold(scored, confusion, rates, curve):
    """Explore what a threshold makes of scores: an example is called 1 if its score is at least as high.

    Args:
        scored: dict of a short name to (scores (N,) in [0, 1], labels (N,) of 0 and 1, both present); may be
            empty, since two bells of the explorer's own come first: the sigmoids of two Gaussians.
        confusion: function (predicted (N,) bool, labels (N,)) -> (tp, fp, fn, tn), counts.
        rates: function (tp, fp, fn, tn) -> dict with accuracy, precision, recall, f1 and fpr, 0/0 = 0.
        curve: function (scores, labels) -> (fpr, tpr, area): points of the ROC curve, two sequences of any
            one length, and the area below it.
    Raises:
        ValueError: for a name that is the bells', a score outside [0, 1] or a source with one class alone.
    """
    sources = {
        name: tuple(torch.as_tensor(part).detach().cpu() for part in pair) for name, pair in scored.items()
    }
    for name, (scores, labels) in sources.items():
        if name == BELLS:
            raise ValueError(f"{BELLS!r} is the explorer's own source; the chapter's needs another name.")
        if not (len(scores) and 0 <= scores.min() and scores.max() <= 1):
            raise ValueError(f"{name}: the scores must lie between 0 and 1.")
        if set(labels.unique().tolist()) != {0, 1}:
            raise ValueError(f"{name}: the labels must be 0 and 1, and both must occur.")
    drawn = partial(scores_of, sources)
    surveyed = lru_cache(maxsize=64)(lambda *source: survey(confusion, rates, curve, *drawn(*source)))
    controls = {
        "threshold": slider(
            "threshold", (0, 1, 0.01), 0.5, "an example is called 1 if its score is at least as high"
        ),
        "separation": slider(
            "separation",
            (0, 4, 0.1),
            2,
            "of the two bells: how many standard deviations lie between their middles",
        ),
        "share": slider(
            "share of 1", (0.01, 0.5, 0.01), 0.3, "of the two bells: how much of all examples has the label 1"
        ),
        "source": menu("scores", [BELLS, *sources], BELLS, "whose scores these are"),
    }
    compute = partial(compute_threshold, confusion, rates, drawn, surveyed)
    picture = Picture(build, update, (10, 4.3))
    return Explorer(
        "threshold", controls, compute, picture, ALT, main=("threshold", "separation"), adjust=_adjust
    )


def _adjust(controls, state):
    """Only the two bells can be moved apart or made rarer."""
    for name in ("separation", "share"):
        controls[name].disabled = state["source"] != BELLS


def scores_of(sources, source, separation=None, share=None):
    """One source's scores and labels.

    Args:
        sources: dict of name to (scores, labels).
        source: a name, or BELLS: then separation and share are those of the two bells.
    Returns:
        scores (N,) float64, labels (N,).
    """
    if source != BELLS:
        scores, labels = sources[source]
        return scores.double(), labels
    labels = (torch.arange(COUNT) < round(share * COUNT)).long()
    return torch.sigmoid(NOISE + separation * (labels - 0.5)), labels


def survey(confusion, rates, curve, scores, labels):
    """What does not depend on the present threshold, of scores and labels (N,).

    Returns:
        dict: bars, two (len(EDGES) - 1,): the shares of the examples of class 0 and of class 1 by score;
        fpr, tpr, the ROC curve, and area; measures, dict of LOOKS to (len(THRESHOLDS),); positives.
    """
    bars = []
    for label in (0, 1):
        chosen = scores[labels == label].numpy()
        bars.append(np.histogram(chosen, EDGES)[0] / len(chosen))
    found = [rates(*confusion(scores >= level, labels)) for level in THRESHOLDS]
    fpr, tpr, area = curve(scores, labels)
    return {
        "bars": bars,
        "fpr": arrays(torch.as_tensor(fpr)),
        "tpr": arrays(torch.as_tensor(tpr)),
        "area": float(area),
        "measures": {name: np.array([float(each[name]) for each in found]) for name in LOOKS},
        "positives": int((labels == 1).sum()),
    }


def compute_threshold(confusion, rates, drawn, surveyed, *, threshold, separation, share, source):
    """The numbers behind one picture of a threshold.

    Args:
        drawn: function (source, separation, share) -> scores, labels; of other sources than the two bells
            (source) alone.
        surveyed: function of the same -> what `survey` returned for these.
    Returns:
        dict: what `survey` returned; counts, (tp, fp, fn, tn), and rates, a dict, at this threshold; never,
        the accuracy of always answering 0.
    """
    chosen = (source, separation, share) if source == BELLS else (source,)
    scores, labels = drawn(*chosen)
    counts = tuple(int(count) for count in confusion(scores >= threshold, labels))
    found = surveyed(*chosen)
    return found | {
        "counts": counts,
        "rates": {name: float(rate) for name, rate in rates(*counts).items()},
        "never": 1 - found["positives"] / len(labels),
    }


def build(figure):
    """All artists: histograms to the left, the ROC curve in the middle, the measures to the right."""
    figure.get_layout_engine().set(wspace=0.05)
    grid = figure.add_gridspec(1, 3)
    artists = {"caption": caption_above(figure, grid, 1.24)}
    artists |= _build_bars(figure.add_subplot(grid[0, 0]))
    artists |= _build_roc(figure.add_subplot(grid[0, 1]))
    return artists | _build_measures(figure.add_subplot(grid[0, 2]))


def _build_bars(axes):
    axes.set(xlabel="score", xlim=(-0.02, 1.02), xticks=SCALE, ylim=(-1.05, 1.05))
    axes.set_ylabel("share of the class (class 0 downwards)")
    axes.axhline(0, color="black", linewidth=0.8)
    blank = np.zeros(len(EDGES) - 1)
    artists = {
        "ones": axes.stairs(blank, EDGES, fill=True, color=COLOURS[1], label="class 1"),
        "zeros": axes.stairs(blank, EDGES, fill=True, color=COLOURS[5], label="class 0"),
        "line": _rule(axes),
        "scale": moving_scale(axes, TICKS),
    }
    artists["line"].set_label("threshold")
    legend(axes, [artists[name] for name in ("ones", "zeros", "line")], **LEGEND)
    return artists


def _build_roc(axes):
    axes.set(xlabel="false positive rate", ylabel="true positive rate (recall)", xticks=SCALE, yticks=SCALE)
    axes.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02))
    artists = {
        "roc": moving(axes, color=COLOURS[6], linewidth=1.8, label="ROC curve", zorder=3),
        "here": mark(axes, "D", COLOURS[4], 9, label="threshold"),
    }
    guess = axes.plot([0, 1], [0, 1], ":", color="0.45", linewidth=1.4, label="guessing")[0]
    legend(axes, [artists["roc"], artists["here"], guess], **LEGEND)
    return artists


def _build_measures(axes):
    axes.set(xlabel="threshold", ylabel="value of the measure", xticks=SCALE, yticks=SCALE)
    axes.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02))
    artists = {"line here": _rule(axes)}
    for name, (label, colour, style, sign) in LOOKS.items():
        line = axes.plot(THRESHOLDS, 0 * THRESHOLDS, color=colour, linestyle=style, label=label)[0]
        artists[name] = line
        artists[f"{name} here"] = mark(axes, sign, colour)
    legend(axes, [artists[name] for name in LOOKS], **LEGEND)
    return artists


def _rule(axes):
    """The upright line at the threshold."""
    return moving(axes, color="0.35", linewidth=1.4, zorder=2.5)


def update(artists, state):
    """Put a state's numbers into the artists."""
    zeros, ones = state["bars"]
    top = round_up(max(zeros.max(), ones.max()), 0.1)
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

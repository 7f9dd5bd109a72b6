"""Chapter 0's explorer of a threshold: what one number decides about the scores of two classes."""

from functools import lru_cache, partial

import numpy as np
import torch
from matplotlib.collections import PolyCollection

from course.explorers.base import Explorer
from course.explorers.controls import menu, slider
from course.explorers.parts import arrays, headline, mark, moving
from course.explorers.picture import Picture
from course.plots import COLOURS
from course.plots.texts import Caption, Texts

BELLS = "two bells"  # the source that the explorer makes itself
COUNT = 2000  # scores of the two bells
THRESHOLDS = np.linspace(0, 1, 101)
EDGES = np.linspace(0, 1, 26)  # of the histograms' bars
NOISE = torch.from_numpy(np.random.default_rng(0).standard_normal(COUNT))  # N(0, 1)
# The four fields in the order of the counts: name, column, row (below is 0), colour.
FIELDS = (
    ("true positives", 1, 1, COLOURS[1]),
    ("false positives", 1, 0, COLOURS[0]),
    ("false negatives", 0, 1, "#F2C4A0"),
    ("true negatives", 0, 0, "#B5D5EA"),
)
MIDDLES = np.array([(column + 0.5, row + 0.38) for _, column, row, _ in FIELDS])  # of the fields' squares
CORNERS = np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)])
MOST = 0.7  # side of the square of all examples, in fields
ALT = (
    "Two mirrored histograms of scores, one for each class, on a square-root scale, with a line at the "
    "threshold; a square for each of the four fields of the confusion matrix, its area the count; and the "
    "ROC curve with the threshold's point and the diagonal of guessing."
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
        ValueError: for a score outside [0, 1] or a source with one class alone.
    """
    sources = {
        name: tuple(torch.as_tensor(part).detach().cpu() for part in pair) for name, pair in scored.items()
    }
    for name, (scores, labels) in sources.items():
        if not (len(scores) and 0 <= scores.min() and scores.max() <= 1):
            raise ValueError(f"{name}: the scores must lie between 0 and 1.")
        if set(labels.unique().tolist()) != {0, 1}:
            raise ValueError(f"{name}: the labels must be 0 and 1, and both must occur.")
    drawn = partial(scores_of, sources)
    surveyed = lru_cache(maxsize=64)(lambda *source: survey(confusion, rates, curve, *drawn(*source)))
    apart = "of the two bells: how many standard deviations lie between their middles"
    rare = "of the two bells: how much of all examples has the label 1"
    controls = {
        "threshold": slider("threshold", (0, 1, 0.01), 0.5, "what a score must reach to be called 1"),
        "separation": slider("separation", (0, 4, 0.1), 2, apart),
        "share": slider("share of 1", (0.01, 0.5, 0.01), 0.3, rare),
        "source": menu("scores", [BELLS, *sources], BELLS, "whose scores these are"),
    }
    return Explorer(
        "threshold",
        controls,
        partial(compute_threshold, confusion, rates, drawn, surveyed),
        Picture(build, update, (8.4, 4.0)),
        ALT,
        main=("threshold", "separation"),
        adjust=_adjust,
        touch={"scores": lambda state, x, y: {"threshold": x}, "roc": nearest},
        play="threshold",
        hint="Drag the line, or click on the ROC curve.",
    )


def _adjust(controls, state):
    """Only the two bells can be moved apart or made rarer."""
    for name in ("separation", "share"):
        controls[name].disabled = state["source"] != BELLS


def nearest(state, x, y):
    """The threshold whose point on the ROC curve is nearest to (x, y)."""
    return {"threshold": THRESHOLDS[np.hypot(*np.subtract(state["points"], (x, y)).T).argmin()]}


def scores_of(sources, source, separation=None, share=None):
    """The scores (N,), float64, and labels (N,) of a source, or of two bells of this separation and share."""
    if source != BELLS:
        scores, labels = sources[source]
        return scores.double(), labels
    labels = (torch.arange(COUNT) < round(share * COUNT)).long()
    return torch.sigmoid(NOISE + separation * (labels - 0.5)), labels


def survey(confusion, rates, curve, scores, labels):
    """What does not depend on the present threshold, of scores and labels (N,).

    Returns:
        dict: bars, two (len(EDGES) - 1,): the square roots of the shares of class 0 and of class 1, the
        greatest of all 1; fpr, tpr, the ROC curve, and area; points, the pairs of fpr and tpr at each of
        `THRESHOLDS`.
    """
    bars = np.stack([np.histogram(scores[labels == label].numpy(), EDGES)[0] for label in (0, 1)])
    shares = bars / bars.sum(1, keepdims=True)
    found = [rates(*confusion(scores >= level, labels)) for level in THRESHOLDS]
    fpr, tpr, area = curve(scores, labels)
    return {
        "bars": np.sqrt(shares / shares.max()),
        "fpr": arrays(torch.as_tensor(fpr)),
        "tpr": arrays(torch.as_tensor(tpr)),
        "area": float(area),
        "points": [(float(each["fpr"]), float(each["recall"])) for each in found],
    }


def compute_threshold(confusion, rates, drawn, surveyed, *, threshold, separation, share, source):
    """The numbers behind one picture of a threshold.

    Args:
        drawn: function (source, separation, share) -> scores, labels; of other sources than the two bells
            (source) alone.
        surveyed: function of the same -> what `survey` returned for these.
    Returns:
        dict: what `survey` returned; counts, (tp, fp, fn, tn), and rates, a dict, at this threshold.
    """
    chosen = (source, separation, share) if source == BELLS else (source,)
    scores, labels = drawn(*chosen)
    counts = tuple(int(count) for count in confusion(scores >= threshold, labels))
    found = {name: float(rate) for name, rate in rates(*counts).items()}
    return surveyed(*chosen) | {"counts": counts, "rates": found}


def build(figure):
    """All artists: histograms to the left, the confusion matrix in the middle, the ROC curve to the right."""
    artists = {"caption": headline(figure)}
    left, middle, right = figure.subplots(1, 3, width_ratios=(1.15, 1.15, 1))
    for axes in (middle, right):
        axes.set_aspect("equal")
    return artists | _build_bars(left) | _build_matrix(middle) | _build_roc(right)


def _build_bars(axes):
    axes.set_label("scores")
    axes.set(xlabel="score", xlim=(-0.02, 1.02), ylim=(-1.1, 1.1), yticks=())
    axes.set_ylabel("class 0   ←   share of the class (√ scale)   →   class 1", fontsize=9)
    axes.axhline(0, color="black", linewidth=0.8)
    blank = np.zeros(len(EDGES) - 1)
    stairs = [axes.stairs(blank, EDGES, fill=True, color=colour) for *_, colour in FIELDS]
    line = moving(axes, color="black", linewidth=2, zorder=4)
    grip = mark(axes, "o", "white", 10, markeredgewidth=1.5, zorder=5)
    return {"stairs": stairs, "line": line, "grip": grip}


def _build_matrix(axes):
    axes.set(xlim=(0, 2), ylim=(0, 2))
    axes.set_xticks((0.5, 1.5), ("called 0", "called 1"))
    axes.set_yticks((0.5, 1.5), ("class 0", "class 1"), rotation=90, va="center")
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    for name, column, row, _ in FIELDS:
        axes.text(column + 0.5, row + 0.9, name, ha="center", fontsize=8.5)
    for lines in (axes.axhline, axes.axvline):
        lines(1, color="0.75", linewidth=0.8)
    squares = PolyCollection([], facecolors=[colour for *_, colour in FIELDS], linewidths=0)
    return {
        "squares": axes.add_collection(squares, autolim=False),
        "counts": axes.add_artist(Texts(11, "DejaVu Sans", "bold")),
        "accuracy": axes.add_artist(Caption(0.5, -0.16, 9)),
    }


def _build_roc(axes):
    axes.set_label("roc")
    axes.set(xlabel="false positive rate", ylabel="true positive rate (recall)")
    axes.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02))
    axes.plot([0, 1], [0, 1], ":", color="0.45", linewidth=1.4)
    return {
        "roc": moving(axes, color="black", linewidth=1.8, zorder=3),
        "here": mark(axes, "o", "white", 10, markeredgewidth=1.5, zorder=4),
        "area": axes.add_artist(Caption(0.64, 0.1, 9)),
    }


def update(artists, state):
    """Put a state's numbers into the artists."""
    at, counts = state["threshold"], state["counts"]
    zeros, ones = state["bars"]
    for stairs, (_, column, row, _) in zip(artists["stairs"], FIELDS, strict=True):
        stairs.set_data(*part(ones if row else -zeros, at, column))
    artists["line"].set_data([at, at], [-1.1, 1.1])
    artists["grip"].set_data([at], [0])
    halves = MOST / 2 * np.sqrt(np.array(counts) / sum(counts))  # of the squares' sides
    artists["squares"].set_verts(MIDDLES[:, None] + halves[:, None, None] * CORNERS)
    artists["counts"].set_data(MIDDLES[:, 0], MIDDLES[:, 1] + 0.43, [f"{count:,}" for count in counts])
    artists["roc"].set_data(state["fpr"], state["tpr"])
    artists["here"].set_data([state["rates"]["fpr"]], [state["rates"]["recall"]])
    artists["area"].set_text(f"area {state['area']:.3f}")
    never = (counts[1] + counts[3]) / sum(counts)
    artists["accuracy"].set_text(
        f"accuracy {state['rates']['accuracy']:.3f} (calling all 0 gives {never:.3f})"
    )
    artists["caption"].set_text(caption(state))


def part(bars, at, right):
    """The bars and their edges to the right of a threshold, or to the left of it."""
    if right:
        return bars[np.sum(at >= EDGES) - 1 :], np.append(at, EDGES[at < EDGES])
    return bars[: np.sum(at > EDGES)], np.append(EDGES[at > EDGES], at)


def caption(state):
    """What the threshold comes to: precision and recall in words."""
    tp, fp, fn, _ = state["counts"]
    found = state["rates"]
    if tp + fp == 0:
        return f"None is called 1: there is no precision; 0 of the {fn:,} that are 1 are found (recall 0 %)"
    return (
        f"Of {tp + fp:,} called 1, {found['precision']:.0%} are right (precision); of {tp + fn:,} that "
        f"are 1, {found['recall']:.0%} are found (recall); F₁ {found['f1']:.3f}"
    ).replace("%", " %")

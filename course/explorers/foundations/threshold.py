"""Chapter 0's explorer of a threshold: what one number decides about the scores of two classes."""

from functools import lru_cache, partial

import ipywidgets as widgets
import numpy as np
import torch

from course.explorers.base import Explorer, describe
from course.explorers.foundations.threshold_picture import BELLS, build, update

COUNT = 2000  # scores of the two bells
THRESHOLDS = np.linspace(0, 1, 101)
EDGES = np.linspace(0, 1, 26)  # of the histograms' bars
MEASURES = ("precision", "recall", "f1")  # drawn over all thresholds
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
    Returns:
        Explorer.
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
    return Explorer(
        "threshold",
        _controls([BELLS, *sources]),
        partial(compute_threshold, confusion, rates, drawn, surveyed),
        partial(build, edges=EDGES, thresholds=THRESHOLDS),
        update,
        alt=ALT,
        main=("threshold", "separation"),
        size=(10, 4.3),
        adjust=_adjust,
    )


def _controls(names):
    slider = dict(layout=widgets.Layout(width="300px"), style={"description_width": "90px"})
    apart, share = dict(min=0, max=4, step=0.1, **slider), dict(min=0.01, max=0.5, step=0.01, **slider)
    controls = {
        "threshold": widgets.FloatSlider(
            description="threshold", value=0.5, min=0, max=1, step=0.01, **slider
        ),
        "separation": widgets.FloatSlider(description="separation", value=2, **apart),
        "share": widgets.FloatSlider(description="share of 1", value=0.3, **share),
        "source": widgets.Dropdown(description="scores", options=names, **slider),
    }
    for name, words in (
        ("source", "whose scores these are"),
        ("threshold", "an example is called 1 if its score is at least as high"),
        ("separation", "of the two bells: how many standard deviations lie between their middles"),
        ("share", "of the two bells: how much of all examples has the label 1"),
    ):
        describe(controls[name], words)
    if len(names) == 1:  # nothing to choose
        del controls["source"]
    return controls


def _adjust(controls, state):
    """Only the two bells can be moved apart or made rarer."""
    for name in ("separation", "share"):
        controls[name].disabled = state["source"] != BELLS


@lru_cache(maxsize=1)
def noise():
    """COUNT draws of N(0, 1), always the same."""
    return torch.from_numpy(np.random.default_rng(0).standard_normal(COUNT))


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
    return torch.sigmoid(noise() + separation * (labels - 0.5)), labels


def survey(confusion, rates, curve, scores, labels):
    """What does not depend on the present threshold.

    Args:
        confusion, rates, curve: as in `threshold`.
        scores, labels: (N,).
    Returns:
        dict: bars, two (len(EDGES) - 1,): the shares of the examples of class 0 and of class 1 by score;
        fpr, tpr, the ROC curve, and area; measures, dict of MEASURES to (len(THRESHOLDS),); positives.
    """
    bars = []
    for label in (0, 1):
        chosen = scores[labels == label].numpy()
        bars.append(np.histogram(chosen, EDGES)[0] / len(chosen))
    found = [rates(*confusion(scores >= level, labels)) for level in THRESHOLDS]
    fpr, tpr, area = curve(scores, labels)
    return {
        "bars": bars,
        "fpr": torch.as_tensor(fpr).double().numpy(),
        "tpr": torch.as_tensor(tpr).double().numpy(),
        "area": float(area),
        "measures": {name: np.array([float(each[name]) for each in found]) for name in MEASURES},
        "positives": int((labels == 1).sum()),
    }


def compute_threshold(confusion, rates, drawn, surveyed, *, threshold, separation, share, source=BELLS):
    """The numbers behind one picture of a threshold.

    Args:
        confusion, rates: as in `threshold`.
        drawn: function (source, separation, share) -> scores, labels; of other sources than the two bells
            (source) alone.
        surveyed: function of the same -> what `survey` returned for these.
        threshold, separation, share, source: the controls.
    Returns:
        dict: what `survey` returned; counts, (tp, fp, fn, tn) at this threshold; rates, dict as `rates`
        returned it; never, the accuracy of always answering 0; and the controls.
    """
    chosen = (source, separation, share) if source == BELLS else (source,)
    scores, labels = drawn(*chosen)
    counts = tuple(int(count) for count in confusion(scores >= threshold, labels))
    found = surveyed(*chosen)
    return found | {
        "counts": counts,
        "rates": {name: float(rate) for name, rate in rates(*counts).items()},
        "never": 1 - found["positives"] / len(labels),
        "source": source,
        "threshold": threshold,
        "separation": separation,
        "share": share,
    }

"""Chapter 0's explorer of a threshold: right numbers."""

import math

import numpy as np
import pytest
import torch

from course import chapters
from course.explorers.foundations.threshold import (
    BELLS,
    COUNT,
    EDGES,
    LOOKS,
    caption,
    scores_of,
    threshold,
)

CHAPTER = chapters.load_definitions("00_foundations")
FUNCTIONS = CHAPTER.confusion, CHAPTER.rates, CHAPTER.roc_curve
RNG = np.random.default_rng(5)
TIED = (np.round(RNG.random(60), 1), RNG.integers(0, 2, 60))
SCORED = {
    "ties": TIED,
    "float32": (torch.from_numpy(RNG.random(300, dtype=np.float32)), RNG.random(300) < 0.1),
    "certain": (torch.tensor([0.0, 1.0, 1.0]), torch.tensor([0.0, 1.0, 1.0])),
}
EXPLORER = threshold(SCORED, *FUNCTIONS)


@pytest.mark.parametrize("share", [0.01, 0.3, 0.5])
@pytest.mark.parametrize("separation", [0.0, 1.0, 4.0])
def test_the_bells_have_their_separation_and_share(separation, share):
    scores, labels = scores_of({}, BELLS, separation, share)
    assert scores.shape == labels.shape == (COUNT,) and scores.dtype == torch.float64
    assert 0 < scores.min() and scores.max() < 1 and labels.sum() == round(share * COUNT)
    logits = torch.logit(scores)
    apart = float(logits[labels == 1].mean() - logits[labels == 0].mean())
    assert apart == pytest.approx(separation, abs=4 / math.sqrt(share * COUNT))
    assert float(logits[labels == 0].std()) == pytest.approx(1, abs=0.05)
    assert torch.equal(scores, scores_of({}, BELLS, separation, share)[0])


@pytest.mark.parametrize("source", [BELLS, *SCORED])
@pytest.mark.parametrize("level", [0.0, 0.3, 0.57, 1.0])
def test_the_counts_rates_and_bars_are_those_of_the_scores_at_the_threshold(source, level):
    state = EXPLORER.state(source=source, threshold=level)
    scores, labels = SCORED[source] if source in SCORED else scores_of({}, BELLS, 2.0, 0.3)
    scores, labels = np.asarray(scores, dtype=float), np.asarray(labels).astype(bool)
    called = scores >= level
    tp, fp = (called & labels).sum(), (called & ~labels).sum()
    assert state["counts"] == (tp, fp, labels.sum() - tp, (~labels).sum() - fp)
    assert state["rates"]["accuracy"] == pytest.approx((called == labels).mean())
    assert state["rates"]["recall"] == pytest.approx(tp / labels.sum())
    assert state["rates"]["precision"] == pytest.approx(tp / called.sum() if called.any() else 0)
    assert state["never"] == pytest.approx((~labels).mean())
    here = [state["rates"]["fpr"], state["rates"]["recall"]]
    assert np.abs(np.stack([state["fpr"], state["tpr"]], 1) - here).sum(1).min() < 1e-12
    for name in LOOKS:
        assert state["measures"][name][round(100 * level)] == pytest.approx(state["rates"][name])
    for bar, label in zip(state["bars"], (False, True), strict=True):
        assert np.allclose(bar, np.histogram(scores[labels == label], EDGES)[0] / (labels == label).sum())


def test_what_is_said_of_a_threshold():
    state = EXPLORER.state() | {"counts": (499, 1210, 101, 11190), "area": 0.9, "never": 0.7}
    state["rates"] = dict(accuracy=0.8454, precision=0.7038, recall=0.8317, f1=0.7624, fpr=0.1)
    assert caption(state) == (
        "two bells (separation 2, 30 % of class 1), threshold 0.50:  499 true and 1,210 false positives, "
        "11,190 true and 101 false negatives\n"
        "accuracy 0.845 (always no: 0.700),  precision 0.704,  recall 0.832,  F1 0.762;  "
        "area under the ROC curve 0.900"
    )
    assert caption(EXPLORER.state(source="ties", threshold=0.07)).startswith("ties, threshold 0.07:  ")


def test_a_move_of_the_threshold_draws_no_curve_anew_and_only_bells_can_be_moved():
    curves = []
    *counting, curve = FUNCTIONS
    explorer = threshold(SCORED, *counting, lambda *args: curves.append(args) or curve(*args))
    for level in (0.0, 0.3):
        explorer.set(threshold=level)
    assert len(curves) == 1
    explorer.set(source="ties", separation=1.0)
    assert explorer.controls["separation"].disabled and explorer.controls["share"].disabled
    explorer.set(source=BELLS)
    assert not explorer.controls["separation"].disabled and not explorer.controls["share"].disabled


@pytest.mark.parametrize(
    ("name", "scores", "labels", "message"),
    [
        (BELLS, *TIED, "own source"),
        ("logits", [-2.0, 0.5], [0, 1], "logits: the scores must lie"),
        ("high", [0.5, 1.5], [0, 1], "high: the scores must lie"),
        ("broken", [0.5, np.nan], [0, 1], "broken: the scores must lie"),
        ("nothing", [], [], "nothing: the scores must lie"),
        ("signs", [0.5, 0.6], [-1, 1], "signs: the labels"),
    ],
)
def test_scores_that_cannot_be_shown_are_refused(name, scores, labels, message):
    with pytest.raises(ValueError, match=message):
        threshold({name: (scores, labels)}, *FUNCTIONS)

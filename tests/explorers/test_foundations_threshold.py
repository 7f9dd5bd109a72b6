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
    FIELDS,
    THRESHOLDS,
    caption,
    part,
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
    here = [state["rates"]["fpr"], state["rates"]["recall"]]
    assert np.abs(np.stack([state["fpr"], state["tpr"]], 1) - here).sum(1).min() < 1e-12
    for threshold_, point in list(zip(THRESHOLDS, state["points"], strict=True))[::20]:
        at = EXPLORER.state(source=source, threshold=float(threshold_))["rates"]
        assert point == pytest.approx((at["fpr"], at["recall"]))
    shares = [np.histogram(scores[labels == label], EDGES)[0] / (labels == label).sum() for label in (0, 1)]
    assert np.allclose(np.square(state["bars"]), shares / np.max(shares)), "one scale for both classes"


@pytest.mark.parametrize("at", [0.0, 0.01, 0.02, 0.04, 0.5, 0.52, 0.995, 1.0])
def test_the_bars_are_cut_at_the_threshold(at):
    bars = np.arange(1.0, len(EDGES))
    (left, edges_left), (right, edges_right) = part(bars, at, 0), part(bars, at, 1)
    assert len(edges_left) == len(left) + 1 and len(edges_right) == len(right) + 1
    assert edges_left[-1] == edges_right[0] == at
    area = sum(
        (values * np.diff(edges)).sum() for values, edges in ((left, edges_left), (right, edges_right))
    )
    assert area == pytest.approx((bars * np.diff(EDGES)).sum())
    assert (left <= np.ceil(at / 0.04 + 1e-9)).all() and (right >= np.floor(at / 0.04 + 1e-9)).all()


def test_the_squares_areas_are_the_counts_each_in_its_field():
    explorer = threshold(SCORED, *FUNCTIONS)
    for choice in ({}, {"threshold": 0.0}, {"source": "ties", "threshold": 0.3}):
        explorer.set(**choice)
        explorer.png(density=1)
        counts = np.array(explorer.state()["counts"])
        squares = [path.vertices[:4] for path in explorer.picture.artists["squares"].get_paths()]
        areas = [np.prod(square.max(0) - square.min(0)) for square in squares]
        assert np.allclose(np.array(areas) / sum(areas), counts / counts.sum())
        for (_, column, row, _), square in zip(FIELDS, squares, strict=True):
            assert (square.min(0) >= (column, row)).all() and (square.max(0) <= (column + 1, row + 1)).all()


def test_it_begins_with_both_kinds_of_errors_and_says_precision_and_recall():
    state = EXPLORER.state()
    assert min(state["counts"]) > 50
    tp, fp, fn, _ = state["counts"]
    assert state["rates"]["precision"] == tp / (tp + fp) and state["rates"]["recall"] == tp / (tp + fn)
    state |= {"counts": (499, 1210, 101, 11190)}
    state["rates"] = dict(accuracy=0.8454, precision=0.2920, recall=0.8317, f1=0.4322, fpr=0.1)
    assert caption(state) == (
        "Of 1,709 called 1, 29 % are right (precision); of 600 that are 1, 83 % are found (recall); F₁ 0.432"
    )
    assert caption(EXPLORER.state(threshold=1.0)) == (
        "None is called 1: there is no precision; 0 of the 600 that are 1 are found (recall 0 %)"
    )


def test_the_line_is_dragged_the_roc_curve_clicked_and_the_threshold_played():
    explorer = threshold(SCORED, *FUNCTIONS)
    state = explorer.state()
    assert explorer.touch["scores"](state, 0.37, -0.5) == {"threshold": 0.37}
    for level in (0.1, 0.5, 0.83):
        x, y = (explorer.state(threshold=level)["rates"][name] for name in ("fpr", "recall"))
        found = explorer.touch["roc"](state, x, y)["threshold"]
        again = explorer.state(threshold=found)["rates"]
        assert (again["fpr"], again["recall"]) == pytest.approx((x, y))
    assert explorer.touch["roc"](state, 2.0, 2.0)["threshold"] < 0.1
    while explorer.advance():
        pass
    assert explorer.controls["threshold"].value == 1.0
    assert explorer.advance(start=True) and explorer.controls["threshold"].value == 0.0


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

"""Chapter 0's explorer of a threshold: right numbers, on stand-ins for the chapter's functions."""

import math

import numpy as np
import pytest
import torch

from course.explorers.foundations.threshold import (
    BELLS,
    COUNT,
    EDGES,
    MEASURES,
    THRESHOLDS,
    compute_threshold,
    scores_of,
    survey,
    threshold,
)
from course.explorers.foundations.threshold_picture import LOOKS, TICKS, caption, top_of


def confusion(predicted, labels):
    pairs = list(zip(predicted.tolist(), (labels == 1).tolist(), strict=True))
    return tuple(pairs.count(pair) for pair in ((True, True), (True, False), (False, True), (False, False)))


def rates(tp, fp, fn, tn):
    def ratio(part, whole):
        return part / whole if whole else 0.0

    return {
        "accuracy": (tp + tn) / (tp + fp + fn + tn),
        "precision": ratio(tp, tp + fp),
        "recall": ratio(tp, tp + fn),
        "f1": ratio(2 * tp, 2 * tp + fp + fn),
        "fpr": ratio(fp, fp + tn),
    }


def curve(scores, labels):
    """One corner for each distinct score, from the highest down; the area by pairs, ties counting half."""
    levels = np.concatenate([[np.inf], np.unique(scores.numpy())[::-1]])
    ones, zeros = (np.sort(scores[labels == label].numpy()) for label in (1, 0))
    below, up_to = np.searchsorted(zeros, ones, "left"), np.searchsorted(zeros, ones, "right")
    rate = [1 - np.searchsorted(part, levels, "left") / len(part) for part in (zeros, ones)]
    return *rate, (below + up_to).mean() / 2 / len(zeros)


RNG = np.random.default_rng(5)
TIED = (np.round(RNG.random(60), 1), RNG.integers(0, 2, 60))
SCORED = {
    "ties": TIED,
    "float32": (torch.from_numpy(RNG.random(300, dtype=np.float32)), RNG.random(300) < 0.1),
    "certain": (torch.tensor([0.0, 1.0, 1.0]), torch.tensor([0.0, 1.0, 1.0])),
}
EXPLORERS = {"threshold": lambda: threshold(SCORED, confusion, rates, curve)}


def state_of(**choice):
    sources = {name: tuple(map(torch.as_tensor, pair)) for name, pair in SCORED.items()}

    def drawn(*source):
        return scores_of(sources, *source)

    def surveyed(*source):
        return survey(confusion, rates, curve, *drawn(*source))

    plain = dict(threshold=0.5, separation=2.0, share=0.3)
    return compute_threshold(confusion, rates, drawn, surveyed, **plain | choice)


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
    expected = 0.5 * (1 + math.erf(separation / 2))  # P(a draw of 1 exceeds one of 0), both of variance 1
    assert state_of(separation=separation, share=share)["area"] == pytest.approx(expected, abs=0.08)
    assert torch.equal(scores, scores_of({}, BELLS, separation, share)[0])


@pytest.mark.parametrize("source", [BELLS, *SCORED])
@pytest.mark.parametrize("level", [0.0, 0.3, 0.57, 1.0])
def test_the_counts_and_rates_are_those_of_the_scores_at_the_threshold(source, level):
    state = state_of(source=source, threshold=level)
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
    for name in MEASURES:
        index = round(100 * level)
        assert THRESHOLDS[index] == pytest.approx(level)
        assert state["measures"][name][index] == pytest.approx(state["rates"][name])


def test_a_score_at_the_threshold_counts_as_one():
    state = state_of(source="certain", threshold=1.0)
    assert state["counts"] == (2, 0, 0, 1) and state["rates"]["accuracy"] == 1
    assert state_of(source="certain", threshold=0.0)["counts"] == (2, 1, 0, 0)
    assert state_of(threshold=1.0)["counts"] == (0, 0, 600, 1400)


@pytest.mark.parametrize("source", [BELLS, *SCORED])
def test_the_bars_hold_every_example_of_their_class(source):
    bars = state_of(source=source)["bars"]
    assert all(bar.shape == (len(EDGES) - 1,) and bar.sum() == pytest.approx(1) for bar in bars)
    if source == "certain":
        assert bars[0][0] == bars[1][-1] == 1


def test_always_no_is_as_accurate_as_the_other_class_is_common():
    for share in (0.01, 0.5):
        high = state_of(share=share, threshold=1.0)
        assert high["rates"]["accuracy"] == high["never"] == pytest.approx(1 - share)
    rare = state_of(share=0.01)
    assert rare["rates"]["accuracy"] < rare["never"] and rare["rates"]["precision"] < 0.1 < rare["area"]


def test_the_share_of_the_classes_moves_precision_but_not_the_curve():
    rare, common = state_of(share=0.05), state_of(share=0.5)
    assert abs(rare["area"] - common["area"]) < 0.03
    assert abs(rare["rates"]["recall"] - common["rates"]["recall"]) < 0.06
    assert rare["rates"]["precision"] < common["rates"]["precision"] - 0.4


def test_what_is_said_of_a_threshold():
    state = state_of() | {"counts": (499, 1210, 101, 11190), "area": 0.9, "never": 0.7}
    state["rates"] = dict(accuracy=0.8454, precision=0.7038, recall=0.8317, f1=0.7624, fpr=0.1)
    first, second = caption(state).split("\n")
    assert first == (
        "two bells (separation 2, 30 % of class 1), threshold 0.50:  499 true and 1,210 false positives, "
        "11,190 true and 101 false negatives"
    )
    assert second == (
        "accuracy 0.845 (always no: 0.700),  precision 0.704,  recall 0.832,  F1 0.762;  "
        "area under the ROC curve 0.900"
    )
    assert caption(state_of(source="ties", threshold=0.07)).startswith("ties, threshold 0.07:  ")
    assert [top_of(share) for share in (0.05, 0.1, 0.11, 0.34, 0.6, 1.0)] == [0.1, 0.1, 0.2, 0.5, 1, 1]


def test_the_artists_hold_the_states_numbers():
    explorer = EXPLORERS["threshold"]()
    explorer.set(threshold=0.7, separation=1.0, share=0.1)
    state, artists = explorer.state(), explorer.picture.artists
    top = top_of(max(bar.max() for bar in state["bars"]))
    assert np.allclose(artists["ones"].get_data().values, state["bars"][1] / top)
    assert np.allclose(artists["zeros"].get_data().values, -state["bars"][0] / top)
    assert len(artists["scale"]._texts) == len(TICKS) and artists["scale"]._texts[0] == f"{top:g}"
    assert np.array_equal(artists["roc"].get_data(), [state["fpr"], state["tpr"]])
    assert artists["here"].get_data() == ([state["rates"]["fpr"]], [state["rates"]["recall"]])
    for name in LOOKS:
        assert np.array_equal(artists[name].get_data(), [THRESHOLDS, state["measures"][name]])
        assert artists[f"{name} here"].get_data() == ([0.7], [state["rates"][name]])
    for name in ("line", "line here"):
        assert list(artists[name].get_xdata()) == [0.7, 0.7]
    assert set(LOOKS) == set(MEASURES)


def test_a_move_of_the_threshold_draws_no_curve_anew():
    curves, counts = [], []
    explorer = threshold(
        SCORED,
        lambda *args: counts.append(args) or confusion(*args),
        rates,
        lambda *args: curves.append(args) or curve(*args),
    )
    explorer.png()
    assert len(curves) == 1 and len(counts) == len(THRESHOLDS) + 1
    predicted, labels = counts[0]
    assert predicted.dtype == torch.bool and predicted.shape == labels.shape == (COUNT,)
    for level in (0.0, 1.0):
        explorer.set(threshold=level)
    assert len(curves) == 1 and len(counts) == len(THRESHOLDS) + 3
    for separation in (1.0, 3.0):  # which a source of the chapter's does not have
        explorer.set(source="ties", separation=separation)
        assert explorer.controls["separation"].disabled and explorer.controls["share"].disabled
    assert len(curves) == 2
    explorer.set(source=BELLS)
    assert not explorer.controls["separation"].disabled and not explorer.controls["share"].disabled


def test_the_bells_come_alone_or_first():
    alone = threshold({}, confusion, rates, curve)
    assert "source" not in alone.controls and alone.state()["source"] == BELLS
    assert alone.png()[:4] == b"\x89PNG"
    assert EXPLORERS["threshold"]().controls["source"].options == (BELLS, *SCORED)


@pytest.mark.parametrize(
    ("scored", "message"),
    [
        ({BELLS: TIED}, "own source"),
        ({"logits": (np.array([-2.0, 0.5]), np.array([0, 1]))}, "logits: the scores must lie"),
        ({"high": (np.array([0.5, 1.5]), np.array([0, 1]))}, "high: the scores must lie"),
        ({"broken": (np.array([0.5, np.nan]), np.array([0, 1]))}, "broken: the scores must lie"),
        ({"nothing": (np.zeros(0), np.zeros(0))}, "nothing: the scores must lie"),
        ({"one class": (np.array([0.5, 0.6]), np.array([1, 1]))}, "one class: the labels"),
        ({"signs": (np.array([0.5, 0.6]), np.array([-1, 1]))}, "signs: the labels"),
    ],
)
def test_scores_that_cannot_be_shown_are_refused(scored, message):
    with pytest.raises(ValueError, match=message):
        threshold(scored, confusion, rates, curve)

"""Chapter 0's counts, curves, logistic regression and calibration against scikit-learn and plain loops."""

import math

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics

from course import data, training
from course.chapters import load_definitions
from tests.helpers.tensors import drawn

chapter = load_definitions("00_foundations")
seeds = st.integers(0, 99)

truths = st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=30)
# Scores with ties, both classes present.
scored = st.lists(st.tuples(st.integers(-4, 4), st.booleans()), min_size=2, max_size=40).filter(
    lambda pairs: len({label for _, label in pairs}) == 2
)


# Counts.


@given(truths, st.sampled_from([torch.bool, torch.int64, torch.float64]))
def test_counts_and_rates_are_scikit_learns(pairs, dtype):
    predicted, labels = (torch.tensor(column) for column in zip(*pairs, strict=True))
    counts = chapter.confusion(predicted.to(dtype), labels.to(dtype))
    (tn, fp), (fn, tp) = metrics.confusion_matrix(labels, predicted, labels=[False, True])
    assert counts == (tp, fp, fn, tn) and all(type(count) is int for count in counts)
    found = chapter.rates(*counts)
    assert found == {
        "accuracy": pytest.approx(metrics.accuracy_score(labels, predicted)),
        "precision": pytest.approx(metrics.precision_score(labels, predicted, zero_division=0)),
        "recall": pytest.approx(metrics.recall_score(labels, predicted, zero_division=0)),
        "f1": pytest.approx(metrics.f1_score(labels, predicted, zero_division=0)),
        "fpr": pytest.approx(metrics.recall_score(~labels, ~labels & predicted, zero_division=0)),
    }


# The ROC curve.


@given(scored, st.sampled_from([torch.float32, torch.float64]), st.sampled_from([torch.bool, torch.int64]))
def test_roc_curve_is_scikit_learns_with_ties(pairs, dtype, kind):
    scores, labels = (torch.tensor(column) for column in zip(*pairs, strict=True))
    fpr, tpr, area = chapter.roc_curve(scores.to(dtype) / 3, labels.to(kind))
    theirs = metrics.roc_curve(labels, scores / 3, drop_intermediate=False)
    assert fpr.numpy() == pytest.approx(theirs[0], abs=1e-12)
    assert tpr.numpy() == pytest.approx(theirs[1], abs=1e-12)
    assert isinstance(area, float)
    assert area == pytest.approx(metrics.roc_auc_score(labels, scores), abs=1e-12)


# Logistic regression.


def logistic_case(n, d, seed):
    z = drawn(n, d, seed=seed)
    chances = torch.sigmoid(z @ drawn(d, seed=seed + 1) - 1)
    return z, (torch.rand(n, generator=torch.Generator().manual_seed(seed + 2)) < chances).double()


@given(st.integers(40, 200), st.integers(1, 5), seeds)
def test_logistic_ends_where_autograd_finds_no_slope(n, d, seed):
    z, labels = logistic_case(n, d, seed)
    theta = chapter.logistic(z, labels, weight_decay=0.05).requires_grad_()
    loss = F.binary_cross_entropy_with_logits(z @ theta[1:] + theta[0], labels)
    (slope,) = torch.autograd.grad(loss + 0.05 * theta[1:].square().sum(), theta)
    assert slope.abs().max() < 1e-7


# Calibration.


def bins_by_loop(probs, labels, bins):
    """Share, mean confidence and share right of each bin that is not empty, an example at a time."""
    inside = [[] for _ in range(bins)]
    for row, label in zip(probs.tolist(), labels.tolist(), strict=True):
        inside[min(int(max(row) * bins), bins - 1)].append((max(row), float(row.index(max(row)) == label)))
    columns = [(len(examples), *map(sum, zip(*examples, strict=True))) for examples in inside if examples]
    return [(n / len(labels), sure / n, right / n) for n, sure, right in columns]


@given(st.integers(1, 60), st.integers(2, 5), st.sampled_from([1, 2, 10, 15]), st.floats(0.1, 8), seeds)
def test_reliability_and_its_error_equal_a_plain_loop(n, k, bins, size, seed):
    probs = F.softmax(size * drawn(n, k, seed=seed), 1)
    labels = torch.randint(k, (n,), generator=torch.Generator().manual_seed(seed))
    expected = bins_by_loop(probs, labels, bins)
    found = chapter.reliability(probs, labels, bins)
    assert len(found) == len(expected)
    for ours, theirs in zip(found, expected, strict=True):
        assert ours == pytest.approx(theirs, rel=1e-12, abs=1e-15)
    error = chapter.calibration_error(probs, labels, bins)
    assert error == pytest.approx(sum(n * abs(sure - right) for n, sure, right in expected), abs=1e-12)


# Digits.


@given(st.integers(1, 50), st.integers(2, 6), seeds)
def test_surprise_is_scikit_learns_log_loss(n, k, seed):
    probs = F.softmax(3 * drawn(n, k, seed=seed), 1)
    labels = torch.randint(k, (n,), generator=torch.Generator().manual_seed(seed))
    expected = metrics.log_loss(labels, probs.numpy(), labels=range(k))
    assert chapter.surprise(probs, labels) == pytest.approx(expected, rel=1e-9)
    assert chapter.surprise(torch.tensor([[1.0, 0.0]]), torch.tensor([1])) == pytest.approx(-math.log(1e-12))


def test_augmentation_moves_each_digit_by_its_own_amount():
    digits, seen = data.mnist().x_train[:400], []

    def model(x):
        seen.append(x)
        return torch.zeros(len(x), 10, requires_grad=True)

    run = training.draws.Draws(0, torch.device("cpu"), torch.float32, 0, 1)
    loss = chapter.moved_loss(model, (digits, torch.zeros(400, dtype=torch.long)), run)
    assert loss.item() == pytest.approx(math.log(10)) and seen[0].shape == digits.shape
    moves = []
    for before, after in zip(digits, seen[0], strict=True):
        frame = F.pad(before, (4, 4, 4, 4))
        fits = [
            (down, right)
            for down in range(9)
            for right in range(9)
            if torch.equal(frame[:, down : down + 28, right : right + 28], after)
        ]
        assert len(fits) == 1  # moved and nothing else
        moves += fits
    assert set(moves) == {(down, right) for down in range(2, 7) for right in range(2, 7)}

"""Chapter 0's counts, curves, logistic regression and calibration against scikit-learn and plain loops."""

import ast
import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics
from sklearn.linear_model import LogisticRegression

from course import chapters, data, training
from tests.chapters.test_foundations_data import chapter, drawn, seeds

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


def test_nothing_of_nothing_counts_as_0():
    assert set(chapter.rates(0, 0, 0, 0).values()) == {0.0}
    none_called = chapter.rates(0, 0, 3, 5)
    assert none_called["precision"] == none_called["recall"] == none_called["f1"] == 0
    assert chapter.rates(2, 0, 1, 0)["fpr"] == 0 == chapter.rates(0, 2, 0, 1)["recall"]


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


@given(scored)
def test_the_area_is_the_share_of_pairs_in_the_right_order(pairs):
    scores, labels = (torch.tensor(column) for column in zip(*pairs, strict=True))
    won = [(a > b) + (a == b) / 2 for a in scores[labels].tolist() for b in scores[~labels].tolist()]
    assert chapter.roc_curve(scores, labels)[2] == pytest.approx(sum(won) / len(won), abs=1e-12)


@given(scored, seeds)
def test_the_curve_looks_at_the_order_of_the_scores_alone(pairs, seed):
    scores, labels = (torch.tensor(column) for column in zip(*pairs, strict=True))
    shuffled = torch.randperm(len(scores), generator=torch.Generator().manual_seed(seed))
    first = chapter.roc_curve(scores, labels)
    again = chapter.roc_curve((scores.double() / 2).exp()[shuffled], labels[shuffled])
    assert torch.equal(first[0], again[0]) and torch.equal(first[1], again[1])
    assert chapter.roc_curve(torch.zeros(len(scores)), labels)[2] == 0.5


# Logistic regression.


def logistic_case(n, d, seed):
    z = drawn(n, d, seed=seed)
    chances = torch.sigmoid(z @ drawn(d, seed=seed + 1) - 1)
    return z, (torch.rand(n, generator=torch.Generator().manual_seed(seed + 2)) < chances).double()


@given(st.integers(40, 200), st.integers(1, 5), st.sampled_from([1e-3, 0.05, 1.0]), seeds)
def test_logistic_is_scikit_learns_with_c_one_over_two_lambda_n(n, d, weight_decay, seed):
    z, labels = logistic_case(n, d, seed)
    labels[:2] = torch.tensor([0.0, 1.0])
    theta = chapter.logistic(z, labels, weight_decay, steps=2000)
    assert theta.shape == (d + 1,)
    theirs = LogisticRegression(C=1 / (2 * weight_decay * n), tol=1e-10, max_iter=10_000)
    theirs.fit(z.numpy(), labels)
    expected = np.append(theirs.intercept_, theirs.coef_[0])
    assert theta.numpy() == pytest.approx(expected, rel=1e-3, abs=1e-4)


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
    if bins == 10:
        assert chapter.calibration_error(probs, labels) == error
        assert chapter.reliability(probs, labels) == found


def test_calibration_error_of_known_cases():
    sure = F.one_hot(torch.tensor([0, 1, 2, 0]), 3).float()
    assert chapter.calibration_error(sure, torch.tensor([0, 1, 2, 0])) == 0
    assert chapter.calibration_error(sure, torch.tensor([0, 1, 2, 1])) == 0.25
    eight = torch.tensor([[0.8, 0.2]]).expand(10, 2)
    labels = torch.tensor([0] * 8 + [1] * 2)
    assert chapter.calibration_error(eight, labels) == pytest.approx(0, abs=1e-6)
    assert chapter.calibration_error(eight, 1 - labels) == pytest.approx(0.6, abs=1e-6)
    two = torch.tensor([[0.75, 0.25]] * 5 + [[0.65, 0.35]] * 5)  # opposite gaps of two bins do not cancel
    assert chapter.calibration_error(two, torch.tensor([0] * 5 + [0, 0, 0, 1, 1])) == pytest.approx(0.15)


def by_the_chapter(names, **given):
    """The values of variables that the chapter computes, from these values of what they are made from."""
    known = dict(vars(chapter)) | given
    for node in ast.parse(chapters.find("00").read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) in names:
            exec(compile(ast.Module([node], []), "chapter 0", "exec"), known)
    return [known[name] for name in names]


@pytest.mark.parametrize("too_sure", [1.0, 3.0, 7.0])
def test_the_temperature_undoes_a_factor_of_all_logits(too_sure):
    logits = 2 * drawn(20_000, 5)
    probs = F.softmax(logits, 1)
    labels = torch.multinomial(probs, 1, generator=torch.Generator().manual_seed(1)).squeeze(1)
    ours = by_the_chapter(["grid", "temperature"], choose=too_sure * logits, y_val=labels)[1]
    assert ours == pytest.approx(too_sure, rel=0.04)  # neighbours on the grid differ by 2.3 %
    before, after = (F.softmax(too_sure * logits / t, 1) for t in (1.0, ours))
    assert torch.equal(before.argmax(1), after.argmax(1))
    assert chapter.calibration_error(after, labels) < 0.015
    if too_sure > 1:
        assert chapter.calibration_error(before, labels) > 0.1


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

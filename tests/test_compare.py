"""The comparator accepts what is equal and refuses every kind of difference; and intervals of shares."""

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from course.compare import check_agreement
from course.intervals import wilson

X = torch.linspace(-2, 2, 6).reshape(2, 3)
W = torch.tensor([[1.0, 2.0, 3.0], [0.5, -1.0, 0.0]])


def linear(x, w):
    return x @ w.T


def pair(x, w):
    return linear(x, w), (x.sum(1),)


class WrongGradient(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, w):
        ctx.save_for_backward(x, w)
        return x @ w.T

    @staticmethod
    def backward(ctx, g):
        x, w = ctx.saved_tensors
        return g @ w, (g.T @ x).flip(0)


@pytest.mark.parametrize(
    ("ours", "theirs", "said"),
    [
        (linear, lambda x, w: F.linear(x, w), "output (2 × 2)"),
        (pair, lambda x, w: [x @ w.T, x.sum(1)], "outputs (2 × 2, 2)"),
    ],
)
def test_equal_functions_agree_and_say_so(ours, theirs, said, capsys):
    check_agreement(ours, theirs, label="ours = theirs", x=X, w=W)
    assert capsys.readouterr().out == f"ours = theirs: {said} and gradients of x, w agree\n"


@pytest.mark.parametrize(
    ("wrong", "right", "complaint"),
    [
        (lambda x, w: x @ w.T * (1 + 1e-7), linear, "output differs"),
        (lambda x, w: (x @ w.T).T[:, :1], linear, "output has shape"),
        (lambda x, w: x @ w.detach().T + 0 * w.sum(), linear, "gradient of w differs"),
        (lambda x, w: x.detach() @ w.T + x.sum() - x.sum().detach(), linear, "differs"),
        (lambda x, w: x @ w.T + float("nan"), linear, "output differs"),
        (WrongGradient.apply, linear, "gradient of w differs"),
        (lambda x, w: (linear(x, w), 2 * x.sum(1)), pair, "output 2 differs"),
        (lambda x, w: (linear(x, w), x.sum(1).detach() + 0 * x.sum()), pair, "gradient of x differs"),
        (linear, pair, "expected output 1, output 2, gradient of x"),
    ],
)
def test_a_difference_is_named(wrong, right, complaint):
    with pytest.raises(AssertionError, match=complaint):
        check_agreement(wrong, right, label="wrong", x=X, w=W)


def total(**tensors):
    return sum(tensors.values())


@pytest.mark.parametrize(
    ("count", "named"),
    [(1, "a"), (7, "a, b, c, d, e, f, g"), (8, "a, b, c, d, e, 3 more"), (20, "a, b, c, d, e, 15 more")],
)
def test_more_than_seven_gradients_are_listed_as_five_and_all_compared(capsys, count, named):
    tensors = dict(zip("abcdefghijklmnopqrst"[:count], X.new_ones(count), strict=True))
    last = list(tensors)[-1]

    def wrong(**tensors):
        return total(**tensors) + 2 * tensors[last] - 2 * tensors[last].detach()

    check_agreement(total, total, label="sums", whole=2, **tensors)
    assert capsys.readouterr().out == f"sums: output (a number) and gradients of {named} agree\n"
    with pytest.raises(AssertionError, match=f"gradient of {last} differs by up to"):
        check_agreement(wrong, total, label="sums", **tensors)


@given(st.integers(1, 400).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_wilson_equals_scipy(counts):
    expected = binomtest(*counts).proportion_ci(0.95, method="wilson")
    assert wilson(*counts) == pytest.approx((expected.low, expected.high), abs=1e-6)


@pytest.mark.parametrize("counts", [(1, 0), (3, 2), (-1, 5)])
def test_impossible_counts_are_refused(counts):
    with pytest.raises(ValueError, match="expected 0 <= successes <= trials"):
        wilson(*counts)

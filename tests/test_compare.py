"""The comparator accepts what is equal and refuses every kind of difference."""

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


def test_equal_functions_agree_and_say_so(capsys):
    check_agreement(linear, lambda x, w: F.linear(x, w), label="ours = theirs", x=X, w=W)
    assert capsys.readouterr().out == "ours = theirs: output (2 × 2) and gradients of x, w agree\n"


@pytest.mark.parametrize(
    ("wrong", "complaint"),
    [
        (lambda x, w: x @ w.T * (1 + 1e-7), "output differs"),
        (lambda x, w: (x @ w.T).T[:, :1], "output has shape"),
        (lambda x, w: x @ w.detach().T + 0 * w.sum(), "gradient of w differs"),
        (lambda x, w: x.detach() @ w.T + x.sum() - x.sum().detach(), "differs"),
        (lambda x, w: x @ w.T + float("nan"), "output differs"),
    ],
)
def test_a_difference_is_named(wrong, complaint):
    with pytest.raises(AssertionError, match=complaint):
        check_agreement(wrong, linear, label="wrong", x=X, w=W)


def test_a_wrong_gradient_behind_a_right_output_is_found():
    class Wrong(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x, w):
            ctx.save_for_backward(x, w)
            return x @ w.T

        @staticmethod
        def backward(ctx, g):
            x, w = ctx.saved_tensors
            return g @ w, (g.T @ x).flip(0)

    with pytest.raises(AssertionError, match="gradient of w differs"):
        check_agreement(Wrong.apply, linear, label="wrong", x=X, w=W)


def test_several_outputs_are_compared_one_by_one(capsys):
    def pair(x, w):
        return linear(x, w), (x.sum(1),)

    check_agreement(pair, lambda x, w: [x @ w.T, x.sum(1)], label="pair", x=X, w=W)
    said = "pair: outputs (2 × 2, 2) and gradients of x, w agree\n"
    assert capsys.readouterr().out == said
    for wrong, complaint in (
        (lambda x, w: (linear(x, w), 2 * x.sum(1)), "output 2 differs"),
        (lambda x, w: (linear(x, w), x.sum(1).detach() + 0 * x.sum()), "gradient of x differs"),
        (linear, "expected output 1, output 2, gradient of x"),
    ):
        with pytest.raises(AssertionError, match=complaint):
            check_agreement(wrong, pair, label="wrong", x=X, w=W)


@pytest.mark.parametrize(
    ("count", "named"),
    [
        (1, "a"),
        (7, "a, b, c, d, e, f, g"),
        (8, "a, b, c, d, e, 3 more"),
        (20, "a, b, c, d, e, 15 more"),
    ],
)
def test_more_than_seven_gradients_are_listed_as_five_and_the_rest_counted(capsys, count, named):
    tensors = dict(zip("abcdefghijklmnopqrst"[:count], X.new_ones(count), strict=True))

    def total(**tensors):
        return sum(tensors.values())

    check_agreement(total, total, label="sums", whole=2, **tensors)
    assert capsys.readouterr().out == f"sums: output (a number) and gradients of {named} agree\n"


def test_a_gradient_that_is_not_listed_is_compared_too():
    def total(**tensors):
        return sum(tensors.values())

    def wrong(t, **tensors):
        return total(**tensors) + 2 * t - t.detach()

    tensors = dict(zip("abcdefghijklmnopqrst", X.new_ones(20), strict=True))
    with pytest.raises(AssertionError, match="gradient of t differs by up to"):
        check_agreement(wrong, total, label="sums", **tensors)


@given(st.integers(1, 400).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_wilson_equals_scipy(counts):
    expected = binomtest(*counts).proportion_ci(0.95, method="wilson")
    assert wilson(*counts) == pytest.approx((expected.low, expected.high), abs=1e-6)


@pytest.mark.parametrize("counts", [(1, 0), (3, 2), (-1, 5)])
def test_impossible_counts_are_refused(counts):
    with pytest.raises(ValueError, match="expected 0 <= successes <= trials"):
        wilson(*counts)

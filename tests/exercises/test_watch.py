"""What a statement forbids is noticed, and nothing else."""

import functools

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from course.exercises import watch
from course.exercises.engine import Exercise

X = torch.randn(2, 3, 4, 4, requires_grad=True)
WEIGHT = torch.randn(5, 3, 2, 2)


def called(function, *patterns):
    with watch.calls(patterns) as names:
        function()
    return names


@pytest.mark.parametrize(
    ("function", "pattern"),
    [
        (lambda: F.conv2d(X, WEIGHT), "conv?d"),
        (lambda: torch.conv2d(X, WEIGHT), "conv?d"),
        (lambda: nn.Conv2d(3, 2, 1)(X), "conv?d"),
        (lambda: F.layer_norm(X, (4,)), "layer_norm"),
        (lambda: nn.LayerNorm(4)(X), "layer_norm"),
        (lambda: F.scaled_dot_product_attention(X, X, X), "scaled_dot_product_attention"),
        (lambda: F.binary_cross_entropy_with_logits(X, X), "binary_cross_entropy*"),
        (lambda: torch.distributions.Normal(0.0, 1.0).log_prob(X), "torch.distributions*"),
        (lambda: X.sum().backward(), "autograd"),
        (lambda: torch.autograd.grad(X.sum(), X), "autograd"),
        (lambda: torch.func.grad(lambda y: y.sum())(X), "autograd"),
        (lambda: torch.func.vjp(lambda y: y.sum(), X), "autograd"),
    ],
)
def test_a_forbidden_function_is_noticed_at_any_depth(function, pattern):
    assert called(function, pattern)
    assert called(lambda: [function() for _ in range(2)], "nothing", pattern, "loops")
    assert not called(function, "nothing", "loops")
    assert not called(lambda: torch.einsum("bchw->bc", X).softmax(-1).norm(), pattern)


def by_while(x):
    while len(x) > 1:
        x = x[1:]
    return x


def by_sum(x):
    return sum(row for row in x)


def by_map(x):
    return torch.stack(list(map(torch.sum, x)))


def by_reduce(x):
    return functools.reduce(torch.add, x)


def by_itself(x):
    return x[0] + by_itself(x[1:]) if len(x) else 0


def by_an_inner_function(x):
    def rest(x):
        return x[0] + rest(x[1:]) if len(x) else 0

    return rest(x)


def by_a_helper(x):
    return by_sum(x)


def by_two_written_out(x):
    first, second = (row.exp() for row in (x, x + 1))
    return torch.stack([row.sum() for row in [first, second]])


@pytest.mark.parametrize(
    "function", [by_while, by_sum, by_map, by_reduce, by_itself, by_an_inner_function, by_a_helper]
)
def test_a_loop_is_seen_in_whatever_form(function):
    assert watch.has_loop(function)


def test_no_loop_is_seen_where_there_is_none():
    for function in (by_two_written_out, torch.sum, lambda x: x.sum(0), nn.Linear(1, 1), print):
        assert not watch.has_loop(function)


def my_total(x):
    """The sum of x (N,)."""
    return x.sum()


@pytest.fixture
def exercise():
    return Exercise(
        my_total,
        reference=lambda x: x @ torch.ones_like(x),
        by_hand=([1.0, 2.0],),
        draw=lambda rng, N: (torch.ones(N, dtype=torch.float64),),
        spans=dict(N=(1, 4)),
        hints="Add.",
        forbids="loops cumsum: Add without a loop.",
    )


@pytest.mark.usefixtures("place")
def test_a_right_answer_by_a_forbidden_way_passes_and_hears_of_it(exercise):
    result = exercise.check(my_total)
    assert (result.status, result.diagnosis) == ("passed", None)
    for way, function in (
        (
            "with a loop (`for`, `while`, `map` or a call of itself)",
            lambda x: sum(number for number in x),
        ),
        ("by `cumsum`", lambda x: x.cumsum(0)[-1]),
    ):
        result = exercise.check(function)
        assert (result.status, result.diagnosis) == ("passed", "forbidden")
        assert (
            f"But it gets there {way}, which the statement rules out. Add without a loop." in result.message
        )
    assert "by <code>cumsum</code>, which" in exercise.check(lambda x: x.cumsum(0)[-1])._repr_html_()
    assert exercise.check(lambda x: x.cumsum(0)[0] + sum(0 for _ in x)).status == "failed"

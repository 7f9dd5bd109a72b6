"""What is said of a wrong answer that no known misconception gives."""

import itertools
import random
import re
import time

import pytest
import torch

from course.exercises import naming, special
from course.exercises.cases import tensors
from course.exercises.engine import Exercise

pytestmark = pytest.mark.usefixtures("one_thread", "alone")


@pytest.fixture(autouse=True)
def no_faults(monkeypatch):
    """The search itself never fails."""
    monkeypatch.setattr(naming, "FAULTS", [])
    yield
    assert not naming.FAULTS


def my_loss(x, y, weight, power):
    """weight times the mean over the rows of the summed squared differences of x and y (B, D), to the
    `power`; no gradient for y."""
    distances = (x - y.detach()).square().sum(1)
    return weight * (distances**power).mean()


def draw(rng, B, D, weight=0.5, power=1, dtype=torch.float64):
    return *tensors(rng, "BD BD", dtype, B=B, D=D), weight, power


@pytest.fixture
def exercise():
    return Exercise(
        my_loss,
        reference=lambda x, y, weight, power: weight * sum(((x - y.detach()) ** 2).sum(1) ** power) / len(x),
        by_hand=([[1.0, 2.0]], [[3.0, 5.0]], 2.0, 1),
        draw=draw,
        sizes=[
            dict(B=3, D=1), dict(B=1, D=4), dict(B=3, D=4, weight=0.0), dict(B=3, D=2, weight=1.5, power=2),
            dict(B=600, D=2), dict(B=5, D=3, dtype=torch.float32),
        ],
        spans=dict(B=(2, 5), D=(2, 4), weight=(0.1, 2.0), power=[1, 2]),
        hints="Subtract.\n\nSquare.",
        special="no_power: power == 2\n    The power is left out.",
        wrong="""
            no_square: .square() → .abs()
                You do not square.
            summed: .mean() → .sum()
                You sum over the rows.
            plus: x - y → x + y
                You add.
        """,
        fresh=True,
        gradients=True,
    )  # fmt: skip


def distances(x, y, power):
    return (x - y.detach()).square().sum(1) ** power


def nan_at_zero(x, y, weight, power):
    root = torch.where(x == x, x - y.detach(), (x - x).sqrt())
    return weight * (root.square().sum(1) ** power).mean()


def half_cut(x, y, weight, power):
    return weight * ((x - y.detach()) * (x - y).detach()).sum(1).pow(power).mean()


@pytest.mark.parametrize(
    ("wrong", "diagnosis", "words"),
    [
        # what is missing or too much, found from the output
        (lambda x, y, w, p: -w * distances(x, y, p).mean(), "negative_missing", "the negative of what you"),
        (lambda x, y, w, p: w * distances(x, y, p), "mean_0_missing", "the mean over axis 0 of what you"),
        (lambda x, y, w, p: w * distances(x, y, p).mean(0, True), "squeezed", "an axis of size 1"),
        (lambda x, y, w, p: 3 * w * distances(x, y, p).mean(), "factor", "right one times 3"),
        (lambda x, y, w, p: w * distances(x, y, p).mean() / x.shape[1], "factor", r"1 / x\.shape\[1\]"),
        (
            lambda x, y, w, p: w * distances(x, y, p).mean() + 1e-8,
            "few_digits",
            "right to about [789] digits",
        ),
        (lambda x, y, w, p: w * distances(x, y, p).mean() / 0.0 * 0.0, "not_finite", "inf or NaN on"),
        # from the arguments
        (lambda x, y, w, p: distances(x, y, p).mean(), "weight_1.0", "`weight` is always 1"),
        (lambda x, y, w, p: (w or 1.0) * distances(x, y, p).mean(), "zero_weight", "takes a 0 for nothing"),
        (lambda x, y, w, p: w * distances(x, y, 1).mean(), "no_power", "^The power is left out"),
        (lambda x, y, w, p: w * distances(x[:100], y[:100], p).mean(), "large_x", "up to 5 all is right"),
        # from the solution's source
        (
            lambda x, y, w, p: w * ((x - y.detach()).square().sum(0) ** p).mean(),
            "slip",
            r"and `.*sum\(0\)` does",
        ),
        # two at once
        (lambda x, y, w, p: -w * distances(x, -y, p).mean(), "plus+factor", "Fix this one first: You add"),
        (
            lambda x, y, w, p: w * ((x + y.detach()).abs().sum(1) ** p).mean(),
            "no_square+plus",
            "Fix this one",
        ),
        (lambda x, y, w, p: w * 2 * distances(x, y, p).sum(), "summed+factor", "comes out then, times 2"),
        # gradients, once all values are right
        (
            lambda x, y, w, p: w * ((x - y) ** 2).sum(1).pow(p).mean(),
            "not_detached",
            "flows into y, and none",
        ),
        (lambda x, y, w, p: my_loss(x, y, w, p).detach(), "detached", "no gradient reaches x"),
        (nan_at_zero, "nan_gradient", "0 times infinity"),
        (half_cut, "wrong_gradient", "The values are right, but the gradient with respect to x"),
        # while a value differs anywhere, the gradient is no matter
        (
            lambda x, y, w, p: my_loss(x, y, 2.5 * w + 0.3 * len(x), p).detach(),
            "wrong_values",
            "wrong values",
        ),
        # meddling
        (lambda x, y, w, p: my_loss(x.add_(1), y, w, p), "changed_input", "^Fix this first: .* changes x"),
    ],
)
def test_a_wrong_answer_is_named(exercise, wrong, diagnosis, words):
    result = exercise.check(wrong)
    assert (result.status, result.diagnosis) == ("failed", diagnosis), result.message
    assert re.search(words, result.message), result.message
    assert result.arguments.keys() == {"x", "y", "weight", "power"}


def test_the_failing_arguments_fail(exercise):
    result = exercise.check(lambda x, y, w, p: my_loss(x, y, w, p) + (len(x) > 100))
    assert result.arguments["x"].shape == (600, 2)
    assert "`.arguments` holds these values" in result.message


def test_an_answer_that_keeps_something_between_calls_is_told(exercise):
    calls = itertools.count()

    def grows(x, y, weight, power):
        late = next(calls) == len(cases) - 1
        return my_loss(x, y, weight, power) + late

    cases = exercise.cases(random.Random(0))
    result = exercise.check(grows)
    assert result.diagnosis == "keeps_state" and "between calls" in result.message


def test_what_is_right_but_returns_an_argument_or_leaves_a_gradient_is_told(exercise):
    exercise.gradients, exercise.reference = False, lambda x, y, weight, power: x
    assert exercise.check(lambda x, y, weight, power: x.clone()).status == "passed"
    result = exercise.check(lambda x, y, weight, power: x[:])
    assert result.diagnosis == "shares_memory" and "its memory with x" in result.message

    def leaves_a_gradient(x, y, weight, power):
        y.requires_grad_().sum().backward()
        return x.clone()

    result = exercise.check(leaves_a_gradient)
    assert result.diagnosis == "changed_input" and "leaves a gradient on y" in result.message


def test_arguments_in_another_order_are_told(exercise):
    result = exercise.check(lambda y, x, weight, power: my_loss(x, y, weight, power))
    assert result.diagnosis == "wrong_signature" and "another order: (x, y, weight, power)" in result.message


def test_one_that_is_right_and_then_too_slow_is_told(exercise):
    exercise.deadline = 0.3

    def slow(x, y, weight, power):
        while len(x) > 100:
            time.sleep(0.01)
        return my_loss(x, y, weight, power)

    result = exercise.check(slow)
    assert result.diagnosis == "large_x" or result.diagnosis == "too_slow"


def test_kinds_of_cases_are_read_and_told_apart():
    kinds = special.parse("""
        zero: a == 0
            Nothing
            there.
        large: a > 10
            Much.
    """)
    assert kinds == [("zero", "a == 0", "Nothing there."), ("large", "a > 10", "Much.")]
    small, zero, large = dict(a=1), dict(a=0), dict(a=20)
    assert special.kind_of([zero], [small, small, large], kinds) == ("zero", "Nothing there.")
    assert special.kind_of([large], [small, small, zero], kinds) == ("large", "Much.")
    # one that holds of most cases that are right says nothing
    assert special.kind_of([zero], [zero, zero, small], kinds) is None
    assert special.kind_of([], [small], kinds) is None
    assert special.kind_of([small], [], kinds) is None
    name, told = special.trait_of([dict(a=100)], [dict(a=2), dict(a=3), dict(a=5)])
    assert name == "large_a" and "up to 5 all is right" in told


def test_a_result_that_a_later_call_fills_again_is_told(exercise):
    exercise.gradients, exercise.reference = False, lambda x, y, weight, power: x.sum()
    kept = torch.zeros((), dtype=torch.float64)

    def fills_one_tensor(x, y, weight, power):
        kept.copy_(x.sum())
        return kept if x.dtype == torch.float64 else x.sum()

    result = exercise.check(fills_one_tensor)
    assert result.diagnosis == "keeps_state" and "changes what it returned before" in result.message

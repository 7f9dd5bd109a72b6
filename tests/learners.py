"""What learners hand to a check, and what the verdict on it must be: wrong answers of every form. Right ones
in an unusual form: `learners_right`; those that leave Python, never end or lie: `learners_hostile`.
"""

import itertools
import math
import random
from collections.abc import Callable
from dataclasses import dataclass

import torch

VALUES = ("wrong_values", "wrong_shape", "wrong_dtype", "wrong_type", "wrong_gradient", "detached")


@dataclass(frozen=True)
class Kind:
    """One kind of function.

    Attributes:
        make: (exercise) -> the function, fresh for a check.
        diagnoses: those allowed where it does not pass; () where the verdict is "not_attempted".
        passes: (exercise) -> whether it is a right answer.
        here: whether it may run in the process of the tests.
        endless: whether only the deadline ends it.
    """

    make: Callable
    diagnoses: tuple
    passes: Callable = lambda exercise: False
    here: bool = True
    endless: bool = False


class Odd(Exception):
    """An exception that no exercise knows."""


class OddExit(BaseException):
    """One that `except Exception` lets through."""


class Mute(Exception):
    """One whose text cannot be had."""

    leaving = RuntimeError

    def __str__(self):
        raise self.leaving

    __repr__ = __str__


class MuteExit(Mute):
    """One whose text ends Python."""

    leaving = SystemExit


def raising(error, *given):
    """A kind that raises."""

    def function(*args):
        raise error(*given)

    return Kind(lambda exercise: function, ("raised",))


def returning(value, *diagnoses, here=True):
    """A kind that returns value(right answer), whatever that is."""

    def make(exercise):
        return lambda *args: value(exercise.solution_function(*args))

    return Kind(make, diagnoses, here=here)


def each(change):
    """Apply a change to each tensor and number of an answer."""

    def whole(value):
        return type(value)(map(whole, value)) if isinstance(value, tuple | list) else change(value)

    return whole


def spoilt(value):
    """A wrong answer of the right form: one element of each tensor is moved, and each number."""
    if not isinstance(value, torch.Tensor):
        return value + 1 if isinstance(value, int) else value + 1 + abs(value)
    if not value.numel():
        return value
    at = torch.zeros(value.numel(), dtype=torch.bool)
    at[random.Random(value.numel()).randrange(value.numel())] = True
    at = at.reshape(value.shape)
    if value.dtype == torch.bool:
        return value ^ at
    moved = torch.where(value.isfinite(), value + 1 + value.abs(), torch.ones_like(value))
    return torch.where(at, moved, value)


def _reshaped(change):
    return each(lambda value: change(value) if isinstance(value, torch.Tensor) else [value])


def _turned(value):
    return value.transpose(0, -1).contiguous() if value.ndim > 1 else value[None]


def _retyped(value):
    if not isinstance(value, torch.Tensor):
        return value + 0.5
    return value.to(torch.float32 if value.dtype == torch.float64 else torch.float64)


def _nan(value):
    return value * math.nan if isinstance(value, torch.Tensor) else math.nan


def _half_right(exercise):
    calls = itertools.count()

    def function(*args):
        value = exercise.solution_function(*args)
        return each(spoilt)(value) if next(calls) % 2 else value

    return function


def _first_input(*args):
    return next((given for given in args if isinstance(given, torch.Tensor)), args[0])


WRONG = {
    "raises": raising(Odd, "odd"),
    "raises SystemExit": raising(SystemExit, 3),
    "raises KeyboardInterrupt": raising(KeyboardInterrupt),
    "raises GeneratorExit": raising(GeneratorExit),
    "raises no Exception": raising(OddExit),
    "raises a mute one": raising(Mute),
    "raises one whose text exits": raising(MuteExit),
    "raises a long text": raising(Odd, "z" * 10**6),
    "raises half a character": raising(Odd, "\ud800\x00\x1b[31m"),
    "raises deeper": Kind(lambda exercise: lambda *args: exercise.stub_function.missing, ("raised",)),
    "returns None": returning(lambda value: None, "returned_none"),
    "returns NaN": returning(each(_nan), "wrong_values", "wrong_dtype"),
    "one more dimension": returning(_reshaped(lambda value: value[None]), "wrong_shape", "wrong_type"),
    "transposed": returning(_reshaped(_turned), "wrong_shape", "wrong_values", "wrong_type"),
    "another dtype": returning(each(_retyped), "wrong_dtype", "wrong_values"),
    "spoilt": returning(each(spoilt), "wrong_values"),
    "right every other time": Kind(_half_right, ("wrong_values",)),
    "detached": Kind(
        lambda exercise: (
            lambda *args: each(lambda v: v.detach() if isinstance(v, torch.Tensor) else v)(
                exercise.solution_function(*args)
            )
        ),
        ("detached",),
        passes=lambda exercise: not exercise.gradients,
    ),
    "returns its input": Kind(lambda exercise: _first_input, VALUES),
}

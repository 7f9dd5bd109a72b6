"""What learners hand to a check, and what the verdict on it must be.

WRONG are wrong answers of every form, RIGHT right ones in an unusual form or with an unusual effect, HOSTILE
those that leave Python, never end, or lie to whoever looks at them.
"""

import functools
import itertools
import math
import os
import random
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

import torch

VALUES = ("wrong_values", "wrong_shape", "wrong_dtype", "wrong_type", "wrong_gradient", "detached")
LONGEST = 600  # seconds: longer than any test


@dataclass(frozen=True)
class Kind:
    """One kind of function.

    Attributes:
        make: (exercise) -> the function, fresh for a check.
        diagnoses: those allowed where it does not pass.
        passes: (exercise) -> whether it is a right answer.
        here: whether it may run in the process of the tests.
        endless: whether only the deadline ends it.
    """

    make: Callable
    diagnoses: tuple
    passes: Callable = lambda exercise: False
    here: bool = True
    endless: bool = False


def calling(function, *diagnoses, here=True):
    """A kind whose answer is function(), whatever it is given."""
    return Kind(lambda exercise: lambda *args: function(), diagnoses, here=here)


def returning(value, *diagnoses, here=True):
    """A kind that returns value(right answer)."""
    return Kind(lambda e: lambda *args: value(e.worked(*args)), diagnoses, here=here)


def rude(before=lambda: None, after=lambda: None, *, here=True):
    """A kind that is right, and does something else before and after."""

    def make(exercise):
        def function(*args):
            before()
            value = exercise.worked(*args)
            after()
            return value

        return function

    return Kind(make, (), passes=lambda exercise: True, here=here)


def right(make):
    """A kind that is right in an unusual form: make(solution) is the function."""
    return Kind(lambda exercise: make(exercise.worked), (), passes=lambda exercise: True)


def endless(loop, *diagnoses, here=True):
    """A kind that never returns by itself."""
    return Kind(lambda exercise: lambda *args: loop(), diagnoses or ("timeout",), here=here, endless=True)


def each(change):
    """Apply a change to each tensor and number of an answer."""

    def whole(value):
        return type(value)(map(whole, value)) if isinstance(value, tuple | list) else change(value)

    return whole


def each_tensor(change, otherwise=lambda value: value):
    """Apply a change to each tensor of an answer, and another one to each number."""
    return each(lambda value: change(value) if isinstance(value, torch.Tensor) else otherwise(value))


# --- wrong answers


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

    def function():
        raise error(*given)

    return calling(function, "raised")


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


def _half_right(exercise):
    calls = itertools.count()

    def function(*args):
        value = exercise.worked(*args)
        return each(spoilt)(value) if next(calls) % 2 else value

    return function


def _first_input(*args):
    return next((given for given in args if isinstance(given, torch.Tensor)), args[0])


def _retyped(value):
    return value.to(torch.float32 if value.dtype == torch.float64 else torch.float64)


DETACHED = each_tensor(torch.Tensor.detach)
WRONG = {
    "raises": raising(Odd, "odd"),
    "raises SystemExit": raising(SystemExit, 3),
    "raises KeyboardInterrupt": raising(KeyboardInterrupt),
    "raises no Exception": raising(OddExit),
    "raises a mute one": raising(Mute),
    "raises one whose text exits": raising(MuteExit),
    "raises a long text": raising(Odd, "z" * 10**6),
    "raises half a character": raising(Odd, "\ud800\x00\x1b[31m"),
    "raises deeper": Kind(lambda exercise: lambda *args: exercise.worked.missing, ("raised",)),
    "returns None": calling(lambda: None, "returned_none"),
    "returns NaN": returning(
        each_tensor(lambda value: value * math.nan, lambda value: math.nan), "wrong_values", "wrong_dtype"
    ),
    "one more dimension": returning(
        each_tensor(lambda value: value[None], lambda value: [value]), "wrong_shape", "wrong_type"
    ),
    "transposed": returning(
        each_tensor(
            lambda v: v.transpose(0, -1).contiguous() if v.ndim > 1 else v[None], lambda value: [value]
        ),
        "wrong_shape", "wrong_values", "wrong_type",
    ),
    "another dtype": returning(
        each_tensor(_retyped, lambda value: value + 0.5), "wrong_dtype", "wrong_values"
    ),
    "spoilt": returning(each(spoilt), "wrong_values"),
    "right every other time": Kind(_half_right, ("wrong_values",)),
    "detached": Kind(
        lambda e: lambda *args: DETACHED(e.worked(*args)), ("detached",), passes=lambda e: not e.gradients
    ),
    "returns its input": Kind(lambda exercise: _first_input, VALUES),
}  # fmt: skip


# --- right answers


def _copy(given):
    if isinstance(given, torch.Tensor):
        return given.clone()
    return type(given)(map(_copy, given)) if isinstance(given, tuple | list) else given


def _spoil_inputs(given):
    if isinstance(given, torch.Tensor):
        given.data.copy_(~given.data if given.dtype == torch.bool else given.data + 1)
    elif isinstance(given, tuple | list):
        list(map(_spoil_inputs, given))
        if isinstance(given, list):
            given.append(7)


def _changes(exercise):
    def function(*args):
        value = exercise.worked(*_copy(args))
        _spoil_inputs(args)
        return value

    return function


def _mutable(exercise):
    def can_change(given):
        if isinstance(given, tuple | list):
            return isinstance(given, list) or any(map(can_change, given))
        return isinstance(given, torch.Tensor) and given.numel() > 0

    return any(can_change(case) for case in exercise.cases(random.Random(0)))


class Called:
    """A callable object."""

    def __init__(self, solution):
        self.solution = solution

    def __call__(self, *args):
        return self.solution(*args)


def _meddle():
    torch.set_default_dtype(torch.float64)
    torch.set_default_device("meta")
    torch.set_grad_enabled(False)
    torch.manual_seed(3)
    torch.set_num_threads(2)
    random.seed(3)
    os.chdir("/")
    sys.setrecursionlimit(3000)


def _unmeddle():
    torch.set_default_dtype(torch.float32)
    torch.set_default_device("cpu")
    torch.set_grad_enabled(True)


RIGHT = {
    "changes its inputs": Kind(_changes, ("changed_input",), passes=lambda exercise: not _mutable(exercise)),
    "prints megabytes": rude(lambda: print("a" * 10**6)),
    "warns megabytes": rude(lambda: sys.stderr.write("b" * 10**6)),
    "starts a thread": rude(after=lambda: threading.Thread(target=len, args=("",)).start()),
    "meddles": rude(_unmeddle, _meddle),
    "star arguments": right(lambda solution: lambda *args, **more: solution(*args)),
    "partial": right(functools.partial),
    "object": right(Called),
    "builtin": Kind(lambda exercise: print, ("returned_none",)),
    "class": Kind(lambda exercise: Called, ("wrong_signature", "wrong_type")),
    "answer itself": Kind(lambda exercise: torch.zeros(1), ("not_callable",)),
}


# --- hostile ones


def _kill(number):
    return lambda: os.kill(os.getpid(), number)


def _loop():
    while True:
        pass


def _loop_that_catches_all():
    while True:
        try:
            time.sleep(0.01)
            raise Odd
        except:  # noqa: E722 - what a learner may write
            pass


def _print_for_ever():
    while True:
        print("c" * 10_000)


def _doubled():
    value = [0]
    for _ in range(40):
        value = [value, value]
    return value


def _nested(depth):
    value = 0
    for _ in range(depth):
        value = [value]
    return value


def _looped():
    value = []
    value.append(value)
    return value


def _dive():
    return _dive()


def _dive_without_limit():
    sys.setrecursionlimit(10**9)
    return list(map(lambda _: _dive_without_limit(), [0]))


class Hostile:
    """An object whose every question is answered by an exception, and which is equal to all."""

    def __eq__(self, other):
        return True

    __hash__ = None

    def __repr__(self):
        raise Odd

    __str__ = __bool__ = __len__ = __iter__ = __float__ = __reduce_ex__ = __repr__

    def __getattr__(self, name):
        raise Odd


class Agreeing(int):
    """A whole number that is equal to all others."""

    def __eq__(self, other):
        return True

    __hash__ = int.__hash__

    def __ne__(self, other):
        return False


class AgreeingText(str):
    """A text that is equal to all others."""

    __eq__, __ne__, __hash__ = Agreeing.__eq__, Agreeing.__ne__, str.__hash__


class LyingTuple(tuple):
    """A tuple that gives other items at each look."""

    def __iter__(self):
        return iter([random.random()])


class Lying(torch.Tensor):
    """A tensor for which every function of PyTorch returns what pleases."""

    @classmethod
    def __torch_function__(cls, function, types, args=(), kwargs=None):
        name = getattr(function, "__name__", "")
        return True if name in ("isclose", "all", "eq", "__bool__") else args[0]


def _patched(exercise):
    def function(*args):
        value = exercise.worked(*args)
        torch.isclose = torch.allclose = torch.equal = lambda *args, **more: torch.ones(1, dtype=torch.bool)
        torch.Tensor.__eq__ = torch.isclose
        return each(spoilt)(value)

    return function


def _leave_a_thread():
    if threading.active_count() < 3:  # many of them take the memory that a child may have
        threading.Thread(target=time.sleep, args=(LONGEST,)).start()


def _fork_and_return():
    if os.fork() == 0:
        print("both return")


def _fork_and_leave():
    if os.fork() == 0:
        os._exit(1)
    os.wait()


class Guarded(Called):
    """A callable object that answers an unknown name with an exception."""

    leaving = Odd

    def __getattr__(self, name):
        raise self.leaving(name)


class GuardedExit(Guarded):
    """A callable object that leaves Python at an unknown name."""

    leaving = SystemExit


HOSTILE = {
    "prints below Python": rude(lambda: os.write(1, b"d" * 10**6) and os.write(2, b"e" * 10**6), here=False),
    "leaves a thread": rude(_leave_a_thread, here=False),
    "leaves a process": rude(lambda: subprocess.Popen(["sleep", str(LONGEST)]), here=False),
    "forks and both return": rude(_fork_and_return, here=False),
    "forks and one leaves": rude(_fork_and_leave, here=False),
    "patches PyTorch": Kind(_patched, ("wrong_values", "raised", "died"), here=False),
    "closes files": calling(lambda: os.closerange(0, 1000), "died", here=False),
    "os._exit(0)": calling(lambda: os._exit(0), "died", here=False),
    "exit()": calling(lambda: exit(3), "raised", here=False),
    "abort": calling(os.abort, "died", here=False),
    "SIGKILL": calling(_kill(signal.SIGKILL), "died", here=False),
    "SIGSEGV": calling(_kill(signal.SIGSEGV), "died", here=False),
    "SIGALRM": calling(_kill(signal.SIGALRM), "died", here=False),
    "SIGINT": calling(_kill(signal.SIGINT), "raised", here=False),
    "asks for input": calling(lambda: input("?"), "raised", here=False),
    "reads its input": rude(lambda: sys.stdin.read(), here=False),
    "takes a terabyte": calling(lambda: bytearray(10**12), "raised", here=False),
    "stops itself": endless(_kill(signal.SIGSTOP), here=False),
    "loops": endless(_loop),
    "loops and catches all": endless(_loop_that_catches_all),
    "sleeps": endless(lambda: time.sleep(LONGEST)),
    "prints for ever": endless(_print_for_ever),
    "loops inside C": endless(lambda: re.match(r"(a*)*b", "a" * 99), here=False),
    "returns a list without end": endless(_doubled, "timeout", "raised", here=False),
    "recurses without a limit": endless(_dive_without_limit, "timeout", "died", "raised", here=False),
    "recurses": calling(_dive, "raised"),
    "returns a loop": calling(_looped, "raised", "wrong_type"),
    "returns a deep list": calling(lambda: _nested(300), "raised", "wrong_type", "died"),
    "returns 10**5000": returning(each(lambda value: 10**5000), "wrong_type", "wrong_values"),
    "returns a text": calling(lambda: "the answer" * 10**5, "wrong_type"),
    "returns half a character": calling(lambda: "\ud800", "wrong_type"),
    "returns a lambda": calling(lambda: _dive, "wrong_type"),
    "returns a module": calling(lambda: torch, "wrong_type"),
    "returns a generator": returning(lambda value: (v for v in [value]), "wrong_type"),
    "returns a dict": returning(lambda value: {"value": value}, "wrong_type"),
    "returns a long name": calling(lambda: type("N" * 10**5, (), {})(), "wrong_type"),
    "returns a hostile object": calling(Hostile, "wrong_type", "raised"),
    "returns numbers equal to all": returning(each(lambda value: Agreeing(7)), "wrong_type", "wrong_values"),
    "returns a text equal to all": calling(lambda: AgreeingText("x"), "wrong_type"),
    "returns a lying tuple": returning(lambda value: LyingTuple((value,)), "wrong_type"),
    "returns a lying tensor": returning(
        each_tensor(lambda v: spoilt(v).as_subclass(Lying), lambda v: Agreeing(7)), *VALUES, "raised"
    ),
    "returns a meta tensor": calling(lambda: torch.zeros(2, device="meta"), "wrong_type"),
    "returns a sparse tensor": calling(lambda: torch.eye(2).to_sparse(), "wrong_type"),
    "returns a large tensor": calling(lambda: torch.zeros(1).expand(2**21), "wrong_type"),
    "guarded object": Kind(lambda exercise: Guarded(exercise.worked), ("check_failed",)),
    "object that exits": Kind(lambda exercise: GuardedExit(exercise.worked), ("check_failed",)),
}

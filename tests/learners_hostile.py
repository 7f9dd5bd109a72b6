"""What a learner may hand to a check that leaves Python, never ends, or lies to whoever looks at it."""

import os
import random
import re
import signal
import subprocess
import threading
import time

import torch

from tests.learners import VALUES, Kind, Odd, each, returning, spoilt
from tests.learners_right import Called, rude

LONGEST = 600  # seconds: longer than any test


def dying(end, *diagnoses):
    """A kind that ends or breaks the process it runs in."""
    return Kind(lambda exercise: lambda *args: end(), diagnoses or ("died",), here=False)


def endless(loop, *diagnoses, here=True):
    """A kind that never returns by itself."""
    return Kind(lambda exercise: lambda *args: loop(), diagnoses or ("timeout",), here=here, endless=True)


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


def _lie(value):
    return spoilt(value).as_subclass(Lying) if isinstance(value, torch.Tensor) else Agreeing(7)


def _patch():
    """Make PyTorch agree with everything."""
    torch.isclose = torch.allclose = torch.equal = lambda *args, **more: torch.ones(1, dtype=torch.bool)
    torch.Tensor.__eq__ = torch.isclose


def _patched(exercise):
    def function(*args):
        value = exercise.solution_function(*args)
        _patch()
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

    def __getattr__(self, name):
        raise Odd(name)


class GuardedExit(Called):
    """A callable object that leaves Python at an unknown name."""

    def __getattr__(self, name):
        raise SystemExit(name)


HOSTILE = {
    "prints below Python": rude(lambda: os.write(1, b"d" * 10**6) and os.write(2, b"e" * 10**6), here=False),
    "leaves a thread": rude(_leave_a_thread, here=False),
    "leaves a process": rude(lambda: subprocess.Popen(["sleep", str(LONGEST)]), here=False),
    "forks and both return": rude(_fork_and_return, here=False),
    "forks and one leaves": rude(_fork_and_leave, here=False),
    "patches PyTorch": Kind(_patched, ("wrong_values", "raised", "died"), here=False),
    "closes files": dying(lambda: os.closerange(0, 50)),
    "os._exit(0)": dying(lambda: os._exit(0)),
    "os._exit(9)": dying(lambda: os._exit(9)),
    "exit()": dying(lambda: exit(3), "raised"),
    "abort": dying(os.abort),
    "SIGKILL": dying(_kill(signal.SIGKILL)),
    "SIGSEGV": dying(_kill(signal.SIGSEGV)),
    "SIGTERM": dying(_kill(signal.SIGTERM)),
    "SIGALRM": dying(_kill(signal.SIGALRM)),
    "SIGINT": dying(_kill(signal.SIGINT), "raised"),
    "asks for input": dying(lambda: input("?"), "raised"),
    "takes a terabyte": dying(lambda: bytearray(10**12), "raised"),
    "stops itself": endless(_kill(signal.SIGSTOP), here=False),
    "loops": endless(_loop),
    "loops and catches all": endless(_loop_that_catches_all),
    "sleeps": endless(lambda: time.sleep(LONGEST)),
    "prints for ever": endless(_print_for_ever),
    "loops inside C": endless(lambda: re.match(r"(a*)*b", "a" * 99), here=False),
    "returns a list without end": endless(_doubled, "timeout", "raised", here=False),
    "recurses": Kind(lambda exercise: lambda *args: _dive(), ("raised",)),
    "returns a loop": returning(lambda value: _looped(), "raised", "wrong_type"),
    "returns a deep list": returning(lambda value: _nested(300), "raised", "wrong_type", "died"),
    "returns 10**5000": returning(each(lambda value: 10**5000), "wrong_type", "wrong_values"),
    "returns -10**400": returning(each(lambda value: -(10**400)), "wrong_type", "wrong_values"),
    "returns a text": returning(lambda value: "the answer" * 10**5, "wrong_type"),
    "returns half a character": returning(lambda value: "\ud800", "wrong_type"),
    "returns a lambda": returning(lambda value: lambda: value, "wrong_type"),
    "returns a module": returning(lambda value: torch, "wrong_type"),
    "returns a generator": returning(lambda value: (v for v in [value]), "wrong_type"),
    "returns a dict": returning(lambda value: {"value": value}, "wrong_type"),
    "returns a long name": returning(lambda value: type("N" * 10**5, (), {})(), "wrong_type"),
    "returns a hostile object": returning(lambda value: Hostile(), "wrong_type", "raised"),
    "returns numbers equal to all": returning(each(lambda value: Agreeing(7)), "wrong_type", "wrong_values"),
    "returns a text equal to all": returning(lambda value: AgreeingText("x"), "wrong_type"),
    "returns a lying tuple": returning(lambda value: LyingTuple((value,)), "wrong_type"),
    "returns a lying tensor": returning(each(_lie), *VALUES, "raised"),
    "returns a meta tensor": returning(lambda value: torch.zeros(2, device="meta"), "wrong_type"),
    "returns a sparse tensor": returning(lambda value: torch.eye(2).to_sparse(), "wrong_type"),
    "returns a large tensor": returning(lambda value: torch.zeros(1).expand(2**21), "wrong_type"),
    "guarded object": Kind(lambda exercise: Guarded(exercise.solution_function), ("check_failed",)),
    "object that exits": Kind(lambda exercise: GuardedExit(exercise.solution_function), ("check_failed",)),
}

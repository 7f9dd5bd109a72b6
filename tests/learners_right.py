"""Right answers in an unusual form, or with an unusual effect: `tests.learners` says what a kind is."""

import functools
import inspect
import os
import random
import sys
import threading

import torch

from tests.learners import VALUES, Kind


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
        value = exercise.solution_function(*_copy(args))
        _spoil_inputs(args)
        return value

    return function


def _cases(exercise):
    return exercise.cases(random.Random(0))


def _mutable(exercise):
    def can_change(given):
        if isinstance(given, tuple | list):
            return isinstance(given, list) or any(map(can_change, given))
        return isinstance(given, torch.Tensor) and given.numel() > 0

    return any(can_change(case) for case in _cases(exercise))


def _hashable(exercise):
    def is_hashable(given):
        return not isinstance(given, list) and (not isinstance(given, tuple) or all(map(is_hashable, given)))

    return all(is_hashable(case) for case in _cases(exercise))


def rude(before=lambda: None, after=lambda: None, *, here=True, passes=lambda exercise: True):
    """A kind that is right, and does something else before and after."""

    def make(exercise):
        def function(*args):
            before()
            value = exercise.solution_function(*args)
            after()
            return value

        return function

    return Kind(make, VALUES, passes=passes, here=here)


def right(make, *diagnoses, passes=lambda exercise: True):
    """A kind that is right in an unusual form: make(solution) is the function."""
    return Kind(lambda exercise: make(exercise.solution_function), diagnoses, passes=passes)


class Called:
    """An object, a method and a module in one."""

    def __init__(self, solution):
        self.solution = solution

    def __call__(self, *args):
        return self.solution(*args)

    method = __call__


class Module(torch.nn.Module):
    """The same for `forward`."""

    def __init__(self, solution):
        super().__init__()
        self.solution = solution

    def forward(self, *args):
        return self.solution(*args)


def _with_arity(exercise, header):
    count = len(inspect.signature(exercise.stub_function).parameters)
    names = [f"a{i}" for i in range(count)]
    scope = {"solution": exercise.solution_function}
    exec(f"def f({header(names)}):\n    return solution({', '.join(names)})", scope)
    return scope["f"]


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
    "defaults": Kind(
        lambda e: _with_arity(e, lambda names: ", ".join(f"{n}=None" for n in names) + ", *, more=1"),
        (),
        passes=lambda exercise: True,
    ),
    "keyword-only": Kind(
        lambda e: _with_arity(e, lambda names: "*, " + ", ".join(names)), ("wrong_signature",)
    ),
    "one argument more": Kind(
        lambda e: _with_arity(e, lambda names: ", ".join([*names, "more"])), ("wrong_signature",)
    ),
    "partial": right(functools.partial),
    "object": right(Called),
    "method": right(lambda solution: Called(solution).method),
    "module": right(Module),
    "cached": right(functools.lru_cache, "raised", passes=_hashable),
    "builtin": Kind(lambda exercise: print, ("returned_none",)),
    "class": Kind(lambda exercise: Called, ("wrong_signature", "wrong_type")),
    "answer itself": Kind(lambda exercise: torch.zeros(1), ("not_callable",)),
}

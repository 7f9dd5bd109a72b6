"""Every exercise against every kind of function that a learner may hand it: the verdict is right, short, and
leaves nothing behind, in a forked child and in this process.
"""

import builtins
import contextlib
import copy
import os
import random
import signal
import sys
import threading
from pathlib import Path

import pytest
import torch

from course.exercises import sandbox
from tests.helpers.exercises import all_exercises
from tests.helpers.learners import HOSTILE, RIGHT, WRONG

pytestmark = pytest.mark.usefixtures("one_thread", "alone")

KINDS = WRONG | RIGHT | HOSTILE
QUICK = "vae.gaussian_kl"  # with gradients; test_kernel tries one that is given a list
EXERCISES = all_exercises()
LONGEST = 1500
# what a search says, whose diagnoses have no fixed names
FOUND = ("On every case", "right but for the cases", "One slip away", "two mistakes", "right to")


def state_of_the_process():
    """What a check may not change here."""
    files = Path("/proc/self/fd")
    children = Path(f"/proc/self/task/{os.getpid()}/children")  # those that nobody has waited for too
    signals = (signal.SIGALRM, signal.SIGINT, signal.SIGTERM, signal.SIGCHLD)
    return {
        "gradients": torch.is_grad_enabled(),
        "dtype": torch.get_default_dtype(),
        "device": torch.get_default_device(),
        "torch's random numbers": torch.get_rng_state().tolist(),
        "Python's random numbers": random.getstate(),
        "threads of torch": torch.get_num_threads(),
        "recursion": sys.getrecursionlimit(),
        "folder": os.getcwd(),
        "signals": [signal.getsignal(number) for number in signals],
        "alarm is set": signal.getitimer(signal.ITIMER_REAL)[0] > 0,  # as pytest-timeout does
        "children": children.read_text() if children.exists() else "",
        "files": sorted(os.listdir(files)) if files.exists() else [],
        "streams": (sys.stdin, sys.stdout, sys.stderr, builtins.input),
        "threads": threading.active_count(),
    }


@contextlib.contextmanager
def unchanged():
    before = state_of_the_process()
    yield
    after = state_of_the_process()
    assert not {key: (before[key], after[key]) for key in before if before[key] != after[key]}


def is_right(exercise, name):
    """Check a fresh function of a kind; assert that the verdict is the right one."""
    kind, exercise = KINDS[name], copy.copy(exercise)
    exercise.deadline = 0.2 if kind.endless else 60.0  # time enough on a busy machine
    with unchanged():
        result = exercise.check(kind.make(exercise))
    about = f"{exercise.name}, {name}: {result!r:.2000}"
    assert len(result.message) <= LONGEST, f"{len(result.message)} characters: {about}"
    result.message.encode()  # half a character reaches no browser
    if kind.passes(exercise):
        assert (result.status, result.diagnosis) == ("passed", None), about
        return
    own = {misconception.name for misconception in exercise.misconceptions}
    own |= {"not_finite", "squeezed", "keeps_state"} | {kind[0] for kind in exercise.kinds}
    searched = any(words in result.message for words in FOUND)
    assert result.status == "failed" and (searched or result.diagnosis in {*kind.diagnoses, *own}), about


@pytest.mark.parametrize(
    "exercise", [pytest.param(name, marks=() if name == QUICK else pytest.mark.soak) for name in EXERCISES]
)
def test_every_kind_of_function(exercise, place, capfd):
    for name, kind in KINDS.items():
        if place == "forked" or kind.here:
            is_right(EXERCISES[exercise], name)
    assert capfd.readouterr() == ("", "")


def test_a_copy_that_the_function_forks_does_not_go_on_here(monkeypatch, tmp_path):
    monkeypatch.setattr(sandbox, "forks", lambda: False)
    exercise, mine, children = EXERCISES["cnn.output_size"], os.getpid(), []

    def forks(*args):
        children.append(os.fork())
        return exercise.worked(*args)

    result = exercise.check(forks)
    if os.getpid() != mine:
        (tmp_path / "went on").touch()
        os._exit(1)
    statuses = [os.waitpid(child, 0)[1] for child in children]
    assert result.status == "passed" and statuses and not any(statuses)
    assert not list(tmp_path.iterdir())

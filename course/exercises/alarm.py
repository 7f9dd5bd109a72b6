"""Call a learner's function in this process, under a deadline: where a fork is unsafe or there is none.

It survives less than a forked child: `os._exit` and a crash end the notebook, a hang inside
a C function holds it, and outside the main thread there is no alarm. What the function sets for the whole
process is set back where it would change other results: see `_settings_kept`.
"""

import contextlib
import io
import os
import random
import signal
import sys
import threading
import time

import torch

from course.exercises.outcome import PRINTED_BYTES, Outcome, evaluate_all, readable

REPEAT_SECONDS = 0.1
JITTER = random.Random(0)  # its own: the notebook's random numbers stay untouched


class _TimeUp(BaseException):
    """The deadline has passed; not an Exception, so that `except Exception` lets it through."""


class FirstBytes(io.TextIOBase):
    """A stream that keeps the beginning of what is written, or passes it on, and drops the rest."""

    def __init__(self, stream=None):
        self.text, self.stream = "", stream

    def writable(self):
        return True

    def write(self, text):
        kept = text[: PRINTED_BYTES - len(self.text)]
        self.text += kept
        if self.stream and kept:
            self.stream.write(kept)
            self.stream.flush()
        return len(text)


def run_here(function, cases, gradients, forbidden, deadline):
    """Evaluate the cases in this process; as `sandbox.run`, of which this is the second way.

    Returns:
        list of Outcome, one for each case up to the one that the deadline cut off.
    """
    outcomes, printed = [], FirstBytes()
    try:
        with _settings_kept(), _alarm(deadline):
            calls = evaluate_all(function, cases, gradients, forbidden)
            for _ in cases:
                printed = FirstBytes()
                with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
                    outcome = next(calls)
                if outcome.error == _TimeUp.__name__:
                    raise _TimeUp
                outcomes.append(Outcome(**{**vars(outcome), "printed": readable(printed.text)}))
    except _TimeUp:
        outcomes.append(Outcome("timeout", text=timed_out(deadline), printed=readable(printed.text)))
    return outcomes


def timed_out(deadline):
    """The verdict on a call that the deadline (seconds) cut off, in words."""
    return f"was still running after {deadline:g} seconds of computing: is there a loop that never ends?"


@contextlib.contextmanager
def _settings_kept():
    """Restore at the end what a function may have set for all that runs later, the reference included."""
    dtype, device, threads = torch.get_default_dtype(), torch.get_default_device(), torch.get_num_threads()
    chance, depth = random.getstate(), sys.getrecursionlimit()
    try:
        folder = os.getcwd()
    except OSError:  # it has been deleted
        folder = None
    try:
        yield
    finally:
        torch.set_default_dtype(dtype)
        if torch.get_default_device() != device:
            torch.set_default_device(device)
        torch.set_num_threads(threads)
        random.setstate(chance)
        sys.setrecursionlimit(depth)
        if folder:
            with contextlib.suppress(OSError):  # the function has deleted it
                os.chdir(folder)


@contextlib.contextmanager
def _alarm(deadline):
    """Raise _TimeUp in the block once the deadline has passed, and go on raising it until the block ends."""
    if not hasattr(signal, "setitimer") or threading.current_thread() is not threading.main_thread():
        yield
        return
    begun = time.process_time()

    def ring(signum, frame):
        nonlocal begun
        if begun is not None and time.process_time() - begun < deadline / 2:
            begun = None  # hardly anything was computed, a laptop may have slept: the same time again, once
            signal.setitimer(signal.ITIMER_REAL, deadline, REPEAT_SECONDS)
        else:
            begun = None
            _ring(signum, frame)

    handler = signal.signal(signal.SIGALRM, ring)
    before = signal.setitimer(signal.ITIMER_REAL, deadline, REPEAT_SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, handler)
        signal.setitimer(signal.ITIMER_REAL, *before)


def _ring(signum, frame):
    """Raise where the learner's code is, and ring again after a short random time.

    One exception is not enough: `while True: try: ... except: pass` swallows it, and every later one
    that comes while the body of the `try` runs. A random one soon comes between. In code of our own nothing
    is raised.
    """
    learners = 0
    while frame and frame.f_globals.get("__name__") != evaluate_all.__module__:
        frame, learners = frame.f_back, learners + 1
    if frame and learners:
        signal.setitimer(signal.ITIMER_REAL, 10 ** JITTER.uniform(-5.5, -3), REPEAT_SECONDS)
        raise _TimeUp

"""Call a learner's function on cases where it can do no harm, and bring home what it returned.

`run` calls it in a forked child: an endless loop, a flood of output, `os._exit` or a crash ends the child,
not the notebook. Fork, because spawn would have to pickle the function, and what a notebook defines cannot be
pickled. Where a fork is unsafe (see `forks`) the function runs in this process under an alarm.
"""

import builtins
import faulthandler
import functools
import io
import math
import os
import selectors
import signal
import socket
import struct
import sys
import threading
import time
import warnings
from pathlib import Path

import psutil
import torch

from course.exercises.alarm import FirstBytes, run_here, timed_out
from course.exercises.outcome import PRINTED_BYTES, Outcome, evaluate_all

MEMORY_BYTES = 2**30  # what the child may take on top of what the notebook already has
STACK_BYTES = 2**18  # of a thread that a learner starts
TICK = 0.1  # seconds between two looks at the child's clock


def forks():
    """True where the learner's function runs in a forked child.

    Not where the system has no fork; not under torchrun, whose ranks would each fork; not once CUDA is
    initialised, which a forked child cannot use; and not where Apple's MPS is available, since nothing tells
    whether it is initialised.
    """
    launched = "RANK" in os.environ or "WORLD_SIZE" in os.environ
    accelerated = torch.cuda.is_initialized() or torch.backends.mps.is_available()
    return hasattr(os, "fork") and not launched and not accelerated


def run(function, cases, *, gradients=False, forbidden=(), deadline=10.0):
    """Call the function on each case, survive whatever it does, and return what came back.

    Args:
        function: the learner's function, called with positional arguments.
        cases: list of tuples of arguments, CPU tensors and plain Python values; each call gets fresh copies.
        gradients: also differentiate the output with respect to each floating-point tensor argument.
        forbidden: patterns of functions that are watched, see `watch`.
        deadline: seconds of computing for all cases together; waiting counts half, see `_Clock`.
    Returns:
        list of Outcome, one for each case up to the one that never ended or ended the process, if there is
        one.
    """
    _warm_up()
    if not forks():
        return run_here(function, cases, gradients, forbidden, deadline)
    results, child_results = socket.socketpair()
    printed, child_printed = os.pipe()
    pid = _fork()
    if pid == 0:
        signal.alarm(math.ceil(3 * deadline) + 60)  # its end, should the notebook be killed meanwhile
        results.close()
        os.close(printed)
        _child(function, cases, gradients, forbidden, child_results, child_printed)
    child_results.close()
    os.close(child_printed)
    status = None
    try:
        outcomes, missing = _collect(results, printed, len(cases), _Clock(pid, deadline))
    finally:
        status = _end(pid)
        results.close()
        os.close(printed)
    if missing is None:
        return outcomes
    text = timed_out(deadline) if missing.kind == "timeout" else _how_it_died(status)
    return [*outcomes, Outcome(missing.kind, text=text, printed=missing.printed)]


@functools.cache
def _warm_up():
    """Do here, once, what the first gradient with a weight costs: some 480 imports, in every child anew."""
    x = torch.zeros(1, requires_grad=True)
    torch.autograd.grad(x * 1, x, torch.ones(1))


class _Clock:
    """Tells when a child has had its time.

    Its own computing counts whole, everything else half: so neither a machine with much to do nor a laptop
    that slept is taken for an endless loop, and a function that only waits ends too.
    """

    def __init__(self, pid, deadline):
        self.process, self.deadline = psutil.Process(pid), deadline
        self.waited, self.looked = 0.0, time.monotonic()

    def is_up(self):
        now = time.monotonic()
        self.waited += min(now - self.looked, 2 * TICK)  # a longer time: this process did not run either
        self.looked = now
        computed = sum(self.process.cpu_times()[:2])
        return computed + max(0.0, self.waited - computed) / 2 >= self.deadline


def _fork():
    with warnings.catch_warnings():
        # Python 3.12 warns that a fork of a process with threads may deadlock: the child calls nothing that
        # waits for another thread, and the deadline ends one that hangs all the same.
        warnings.simplefilter("ignore", DeprecationWarning)
        pid = os.fork()
    if pid:
        try:
            # Its own group, so that what it starts ends with it; the child says the same.
            os.setpgid(pid, pid)
        except OSError:
            pass  # the child was quicker
    return pid


def _child(function, cases, gradients, forbidden, results, printed):
    """Evaluate the cases; send each outcome as its length and torch's zip of a dict. Never returns."""
    try:
        # First: the parent's worker threads do not exist here, and work for them hangs.
        torch.set_num_threads(1)
        os.setpgid(0, 0)
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        stream = _confine(printed)
        sys.stdout = sys.stderr = FirstBytes(stream)
        for outcome in evaluate_all(function, cases, gradients, forbidden):
            sys.stdout = sys.stderr = FirstBytes(stream)
            buffer = io.BytesIO()
            torch.save(vars(outcome), buffer)
            results.sendall(struct.pack("!Q", buffer.tell()) + buffer.getvalue())
            results.recv(1)  # until what this case printed is read, so that the next one's is kept apart
        os._exit(0)
    finally:
        os._exit(70)  # nothing of the notebook's own clean-up may run here


def _confine(printed):
    """Point the child's output to the pipe, its input to nothing, bound its memory; return the stream."""
    import resource  # here, since Windows has none, nor a fork

    faulthandler.disable()  # it would write a crash to the notebook server's terminal
    nothing = os.open(os.devnull, os.O_RDONLY)
    for source, target in ((nothing, 0), (printed, 1), (printed, 2)):
        os.dup2(source, target)
    sys.stdin = open(0, closefd=False)
    stream = open(1, "w", buffering=1, encoding="utf-8", errors="replace", closefd=False)
    builtins.input = _no_input  # a notebook's own would ask through the parent's sockets
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    threading.stack_size(STACK_BYTES)
    usage = Path("/proc/self/statm")
    if usage.exists():  # elsewhere an endless list grows until the deadline
        # Data alone: of the addresses that threads reserve most are never used.
        taken = int(usage.read_text().split()[5]) * resource.getpagesize()
        hard = resource.getrlimit(resource.RLIMIT_DATA)[1]
        wanted = taken + MEMORY_BYTES
        resource.setrlimit(resource.RLIMIT_DATA, (wanted if hard < 0 else min(wanted, hard), hard))
    return stream


def _no_input(prompt=""):
    raise EOFError("check gives no input: take everything from the arguments")


def _collect(results, printed, count, clock):
    """Read until all is here, the time is up or the child is gone: (outcomes, the failure or None)."""
    outcomes, pending, output = [], b"", b""
    os.set_blocking(printed, False)
    with selectors.DefaultSelector() as selector:
        selector.register(results, selectors.EVENT_READ)
        selector.register(printed, selectors.EVENT_READ)
        while len(outcomes) < count:
            ready = {key.fileobj for key, _ in selector.select(TICK)}
            if results not in ready and clock.is_up():
                return outcomes, Outcome("timeout", printed=_text(output))
            if printed in ready:
                output, closed = _drain(printed, output)
                if closed:
                    selector.unregister(printed)
            if results in ready:
                chunk = _receive(results)
                if not chunk:
                    return outcomes, Outcome("died", printed=_text(_drain(printed, output)[0]))
                pending += chunk
                message = _message(pending)
                if message:
                    outcomes.append(_outcome(message, _text(_drain(printed, output)[0])))
                    pending = output = b""
                    results.sendall(b"+")
    return outcomes, None


def _message(pending):
    """What the child has sent, once all of it is there, else None."""
    if len(pending) < 8:
        return None
    (length,) = struct.unpack_from("!Q", pending)
    return pending[8:] if len(pending) == 8 + length else None


def _receive(results):
    try:
        return results.recv(2**20)
    except ConnectionError:  # the child ended before it read the last answer
        return b""


def _outcome(message, printed):
    # Data alone: nothing of the child's runs here.
    fields = torch.load(io.BytesIO(message), weights_only=True)
    return Outcome(**{**fields, "printed": printed})


def _drain(printed, output):
    """Empty the pipe, 1 MB at most, and keep the first bytes: (output, True where the pipe is closed)."""
    for _ in range(16):
        try:
            chunk = os.read(printed, 2**16)
        except BlockingIOError:
            return output, False
        if not chunk:
            return output, True
        output = (output + chunk)[:PRINTED_BYTES]
    return output, False


def _text(output):
    return output.decode("utf-8", "replace")


def _end(pid):
    """Kill the child with all that it started; its wait status."""
    for kill, target in ((os.killpg, pid), (os.kill, pid)):
        try:
            kill(target, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            pass  # already gone; macOS answers EPERM for a group of zombies
    return os.waitpid(pid, 0)[1]


def _how_it_died(status):
    if os.WIFSIGNALED(status):
        return f"crashed Python (signal {signal.Signals(os.WTERMSIG(status)).name})"
    return f"ended the Python process that ran it (exit status {os.WEXITSTATUS(status)})"

"""What a learner's function may do to the check, and survive: in a forked child and in this process."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time

import psutil
import pytest
import torch

from course.exercises import sandbox

pytestmark = pytest.mark.usefixtures("alone")

CASES = [(torch.zeros(2),), (torch.ones(2),)]


def run(function, deadline=20.0, **options):
    return sandbox.run(function, CASES, deadline=deadline, **options)


def kinds(outcomes):
    return [outcome.error or outcome.kind for outcome in outcomes]


def test_where_the_function_runs(monkeypatch):
    def own_pid(x):
        return os.getpid()

    here = ("number", os.getpid())
    assert run(own_pid)[0].value != here
    for name in ("RANK", "WORLD_SIZE"):
        with monkeypatch.context() as patch:
            patch.setenv(name, "0" if name == "RANK" else "2")
            assert run(own_pid)[0].value == here
    for module, name in ((torch.cuda, "is_initialized"), (torch.backends.mps, "is_available")):
        with monkeypatch.context() as patch:
            patch.setattr(module, name, lambda: True)
            assert run(own_pid)[0].value == here
    with monkeypatch.context() as patch:
        patch.delattr(os, "fork")
        assert run(own_pid)[0].value == here


def test_an_endless_loop_ends_at_the_deadline(place):
    def endless(x):
        if x.sum() == 0:
            return x
        while True:
            pass

    outcomes = run(endless, deadline=1.0)
    assert kinds(outcomes) == ["value", "timeout"]
    assert (
        outcomes[1].text == "was still running after 1 seconds of computing: is there a loop that never ends?"
    )


def test_an_endless_loop_that_catches_everything_twice_ends(place):
    def nested(x):
        while True:
            try:
                try:
                    time.sleep(60)
                except BaseException:
                    time.sleep(60)
            except BaseException:
                x = x + 1

    assert kinds(run(nested, deadline=0.5)) == ["timeout"]


def test_a_loop_inside_the_backward_pass_ends(place):
    class Slow(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x * 1

        @staticmethod
        def backward(ctx, slope):
            while True:
                pass

    assert kinds(run(Slow.apply, deadline=0.5, gradients=True)) == ["timeout"]


def test_the_alarm_leaves_no_trace(monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "2")
    rings = []
    handler = signal.signal(signal.SIGALRM, lambda *_: rings.append(1))
    signal.setitimer(signal.ITIMER_REAL, 1000)
    try:
        assert kinds(run(lambda x: time.sleep(60), deadline=0.3)) == ["timeout"]
        left, interval = signal.getitimer(signal.ITIMER_REAL)
        assert 900 < left <= 1000 and interval == 0 and not rings
        os.kill(os.getpid(), signal.SIGALRM)
        assert rings == [1]
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, handler)


def test_outside_the_main_thread_it_works_too(place):
    outcomes = []
    worker = threading.Thread(target=lambda: outcomes.extend(run(lambda x: x + 1)))
    worker.start()
    worker.join(60)
    assert kinds(outcomes) == ["value", "value"]


def test_a_flood_of_output_is_capped(place):
    def flood(x):
        for _ in range(200):
            print("a" * 100_000)
        sys.stderr.write("b" * 1_000_000)
        return x

    def endless_flood(x):
        while True:
            print("c" * 100_000)

    for outcome in run(flood):
        assert outcome.kind == "value" and 0 < len(outcome.printed) <= 2000
    (outcome,) = run(endless_flood, deadline=1.0)
    assert outcome.kind == "timeout" and set(outcome.printed) <= {"c", "\n"} and len(outcome.printed) <= 2000


def test_many_short_lines_are_no_endless_loop(place):
    def chatters(x):
        for i in range(200_000):
            print(i)
        return x

    assert [outcome.printed[:6] for outcome in run(chatters, deadline=10.0)] == ["0\n1\n2\n"] * 2


def test_a_process_that_was_paused_gets_its_time_back():
    def sleeps_like_a_laptop(x):
        subprocess.Popen(["sh", "-c", f"sleep 1.2; kill -CONT {os.getpid()}"])
        os.kill(os.getpid(), signal.SIGSTOP)
        return x

    assert kinds(run(sleeps_like_a_laptop, deadline=1.5)) == ["value", "value"]


def test_threads_left_running_leave_room_for_more():
    def leaves_threads(x):
        for _ in range(60):
            threading.Thread(target=time.sleep, args=(600,), daemon=True).start()
        return x

    assert kinds(run(leaves_threads)) == ["value", "value"]


def test_a_gradient_of_a_tensor_of_ones_own_kind_comes_home(place):
    class Mine(torch.Tensor):
        pass

    for outcome in run(lambda x: (x * 2).as_subclass(Mine), gradients=True):
        assert type(outcome.gradients[0]) is torch.Tensor and outcome.gradients[0].shape == (2,)


def test_the_first_gradient_imports_nothing_in_the_child():
    program = """
import sys, torch
from course.exercises import sandbox

def function(x):
    before = len(sys.modules)
    torch.autograd.grad(x * 2, x, torch.ones(2))
    return len(sys.modules) - before

print(sandbox.run(function, [(torch.zeros(2),)], gradients=True))
"""
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert "('number', 0)" in said.stdout


def test_output_belongs_to_the_case_that_printed_it(place):
    outcomes = run(lambda x: print("sum", int(x.sum())))
    assert [outcome.printed for outcome in outcomes] == ["sum 0\n", "sum 2\n"]


def test_output_of_compiled_code_is_heard():
    assert run(lambda x: os.write(1, b"written below Python"))[1].printed == "written below Python"


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the deadline ends it")
def test_memory_is_bounded():
    def hoards(x):
        kept = []
        while True:
            kept.append(bytearray(10**7))

    assert kinds(run(hoards)) == ["MemoryError"] * 2


def test_the_end_of_the_child_is_told():
    def crash(x):
        os.kill(os.getpid(), signal.SIGSEGV)

    (left,) = run(lambda x: os._exit(3))
    assert (left.kind, left.text) == ("died", "ended the Python process that ran it (exit status 3)")
    (crashed,) = run(crash)
    assert (crashed.kind, crashed.text) == ("died", "crashed Python (signal SIGSEGV)")


def test_processes_of_a_learner_are_not_left_behind():
    def leaves_a_process(x):
        print(subprocess.Popen(["sleep", "600"]).pid)
        return x

    for outcome in run(leaves_a_process):
        pid = int(outcome.printed)
        assert outcome.kind == "value"
        with contextlib.suppress(psutil.NoSuchProcess):
            psutil.Process(pid).wait(30)


def test_large_results_come_through_whole():
    (first, second) = run(lambda x: x[0] + torch.arange(2**20))
    assert torch.equal(first.value[1], torch.arange(2.0**20)) and second.value[1][0] == 1

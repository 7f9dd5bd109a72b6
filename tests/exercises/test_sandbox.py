"""What a learner's function may do to the check, and survive: in a forked child and in this process."""

import builtins
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import nbformat
import psutil
import pytest
import torch
from nbclient import NotebookClient

from course import exercises
from course.exercises import sandbox
from tests.helpers.exercises import in_the_chapter

pytestmark = pytest.mark.usefixtures("alone")

ROOT = Path(__file__).parents[2]
CASES = [(torch.zeros(2),), (torch.ones(2),)]
linux = pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="reads /proc")


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
    assert outcomes[1].text == "was still running after 1 seconds: is there a loop that never ends?"


def test_an_endless_loop_that_catches_everything_ends(place):
    def stubborn(x):
        while True:
            try:
                time.sleep(60)
            except:  # noqa: E722 - what is tested
                pass

    def nested(x):
        while True:
            try:
                try:
                    time.sleep(60)
                except BaseException:
                    time.sleep(60)
            except BaseException:
                x = x + 1

    assert kinds(run(stubborn, deadline=0.5)) == ["timeout"]
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


def test_output_belongs_to_the_case_that_printed_it(place):
    outcomes = run(lambda x: print("sum", int(x.sum())))
    assert [outcome.printed for outcome in outcomes] == ["sum 0\n", "sum 2\n"]


def test_output_of_compiled_code_and_closed_streams_are_survived(capfd):
    def below_python(x):
        os.write(1, b"written below Python")
        return x

    def closes(x):
        os.close(1)
        os.close(2)
        return x

    assert [outcome.printed for outcome in run(below_python)] == ["written below Python"] * 2
    assert kinds(run(closes))[0] in ("value", "OSError", "died")
    assert capfd.readouterr() == ("", "")


def test_recursion_without_a_limit_ends():
    def dive(x):
        sys.setrecursionlimit(10**9)
        return list(map(dive, [x]))

    assert kinds(run(dive, deadline=5.0))[0] in ("timeout", "died", "MemoryError")


@linux
def test_memory_is_bounded():
    def hoards(x):
        kept = []
        while True:
            kept.append(bytearray(10**7))

    def one_large_tensor(x):
        return torch.zeros(2**33)

    assert kinds(run(hoards)) == ["MemoryError"] * 2
    assert kinds(run(one_large_tensor)) == ["RuntimeError"] * 2


def test_the_end_of_the_child_is_told():
    def crash(x):
        os.kill(os.getpid(), signal.SIGSEGV)

    (left,) = run(lambda x: os._exit(3))
    assert (left.kind, left.text) == ("died", "ended the Python process that ran it (exit status 3)")
    (crashed,) = run(crash)
    assert (crashed.kind, crashed.text) == ("died", "crashed Python (signal SIGSEGV)")


def test_asking_for_input_does_not_wait():
    before = builtins.input
    assert kinds(run(lambda x: input("a number: "))) == ["EOFError"] * 2
    assert kinds(run(lambda x: sys.stdin.read() or x)) == ["value"] * 2
    assert builtins.input is before


def test_threads_and_processes_of_a_learner_are_not_left_behind():
    def leaves_a_thread(x):
        threading.Thread(target=time.sleep, args=(600,)).start()
        return x

    def leaves_a_process(x):
        print(subprocess.Popen(["sleep", "600"]).pid)
        return x

    before = psutil.Process().children(recursive=True)
    assert kinds(run(leaves_a_thread)) == ["value"] * 2
    outcomes = run(leaves_a_process)
    assert kinds(outcomes) == ["value"] * 2
    for outcome in outcomes:
        _gone(int(outcome.printed))
    assert set(psutil.Process().children(recursive=True)) <= set(before)


def _gone(pid):
    try:
        process = psutil.Process(pid)
        process.wait(30)
    except psutil.NoSuchProcess:
        return
    assert not process.is_running() or process.status() == psutil.STATUS_ZOMBIE


@linux
def test_checks_leave_no_open_files():
    run(lambda x: x)
    before = sorted(os.listdir("/proc/self/fd"))
    for function in (lambda x: x, lambda x: os._exit(1), lambda x: 1 / 0):
        run(function)
    run(lambda x: time.sleep(60), deadline=0.3)
    assert sorted(os.listdir("/proc/self/fd")) == before


def test_the_child_changes_nothing_here():
    shared, threads = [], torch.get_num_threads()
    state = torch.get_rng_state()

    def meddles(x):
        shared.append(1)
        torch.set_num_threads(7)
        torch.rand(3)
        os.environ["MEDDLED"] = "1"
        return x

    assert kinds(run(meddles)) == ["value"] * 2
    assert (shared, torch.get_num_threads(), "MEDDLED" in os.environ) == ([], threads, False)
    assert torch.equal(torch.get_rng_state(), state)


def test_large_results_come_through_whole():
    (first, second) = run(lambda x: x[0] + torch.arange(2**20))
    assert torch.equal(first.value[1], torch.arange(2.0**20)) and second.value[1][0] == 1


AFTER_TRAINING = """
import torch, torch.nn.functional as F
from course import exercises

torch.set_num_threads(4)
net = torch.nn.Sequential(torch.nn.Conv2d(1, 16, 3), torch.nn.Flatten(), torch.nn.LazyLinear(10))
net(torch.zeros(1, 1, 28, 28))
optimiser = torch.optim.SGD(net.parameters(), lr=0.1)
for _ in range(3):
    F.cross_entropy(net(torch.rand(64, 1, 28, 28)), torch.randint(10, (64,))).backward()
    optimiser.step()
assert torch.get_num_threads() == 4
"""
HEAVY = """
def my_classifier_loss(logits, labels):
    weight = torch.rand(300, 300, requires_grad=True)
    (weight @ weight).relu().sum().backward()
    return F.cross_entropy(logits, labels)
"""


def test_after_training_with_several_threads_a_check_does_not_hang():
    code = AFTER_TRAINING + HEAVY + "print(exercises.cnn.classifier_loss.check(my_classifier_loss).status)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, cwd=ROOT)
    assert (done.stdout.strip(), done.stderr) == ("passed", "")


def test_in_a_real_kernel_after_training():
    cells = [
        AFTER_TRAINING,
        HEAVY + "exercises.cnn.classifier_loss.check(my_classifier_loss)",
        in_the_chapter("cnn.classifier_loss", exercises.cnn.classifier_loss)[1],
        in_the_chapter("cnn.conv2d", exercises.cnn.conv2d)[1],
        "kept = {'flip': (-2, -1)}\n"
        "flipped = lambda x, w, b, s, p: F.conv2d(x, w.flip(*kept['flip']), b, s, p)\n"
        "exercises.cnn.conv2d.check(flipped)",
        "from IPython.display import display\n"
        "def noisy(n, kernel, stride, padding, dilation):\n"
        "    print('heard?'); display('seen?'); input('asked?')\n"
        "exercises.cnn.output_size.check(noisy)",
        "exercises.cnn.output_size.deadline = 1\n"
        "def endless(n, kernel, stride, padding, dilation):\n"
        "    while True:\n"
        "        pass\n"
        "exercises.cnn.output_size.check(endless)",
        "exercises.cnn.output_size.hint()",
        "exercises.cnn.output_size.solution()",
    ]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    NotebookClient(notebook, timeout=120, resources={"metadata": {"path": str(ROOT)}}).execute()
    silent, *shown = [cell.outputs for cell in notebook.cells]
    assert silent == []
    texts = []
    for outputs in shown:  # one verdict each: nothing that the function printed or displayed
        assert [output.output_type for output in outputs] == ["execute_result"], outputs
        texts.append(outputs[0].data["text/plain"])
        assert {"text/html", "text/markdown"} & set(outputs[0].data)
    passed, bug, stub, flip, noise, loop, hint, solution = texts
    assert passed.startswith("Passed. ")
    assert bug == "Not attempted yet. Edit my_classifier_loss, then run the check again."
    assert stub == "Not attempted yet. Edit my_conv2d, then run the check again."
    assert flip.startswith("Not right yet. Your kernel is flipped")
    assert "raised EOFError" in noise and "print('heard?')" in noise and "It printed:\nheard?" in noise
    assert "was still running after 1 seconds" in loop
    assert hint.startswith("Hint 1 of 3: ") and "def my_output_size(" in solution

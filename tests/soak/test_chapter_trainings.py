"""Each training that a chapter records: killed again and again, on two processes, and on another device."""

import dataclasses
import random
import signal
import threading

import pytest
import torch

from course import chapters
from course.training import Run, checkpoints
from tests.helpers import chapter_trainings, two_processes
from tests.helpers.kills import killed
from tests.helpers.pretend_device import DEVICE, Pretend, pretending
from tests.helpers.rehearsal import rehearse
from tests.helpers.same import assert_close, assert_same

pytestmark = [pytest.mark.soak, pytest.mark.timeout(1800), pytest.mark.usefixtures("one_thread")]
JOBS = list(chapter_trainings.jobs())
EACH = pytest.mark.parametrize("job", JOBS, ids="/".join)
STEPS, KILLS = 60, 20


def train(job, path, resume=True, **changes):
    how = {"device": "cpu", "max_steps": STEPS, "checkpoint": path, "checkpoint_every": 3, "resume": resume}
    return chapter_trainings.train(*job, **how | changes)


def state_of(run, path):
    models = [model.state_dict() for model in run.models]
    return checkpoints.read(path)[0], models, dataclasses.asdict(run.history)


@EACH
def test_a_training_killed_twenty_times_ends_as_one_never_killed(tmp_path, job, monkeypatch):
    """Every second kill falls at a call of a write, the others at any time."""
    path, straight, chance = tmp_path / "run.ckpt", tmp_path / "unbroken.ckpt", random.Random(f"{job}")
    unbroken = train(job, straight, resume=False)
    if unbroken is None:
        pytest.skip("this table's function trains by itself")
    expected, seconds = state_of(unbroken, straight), unbroken.history.seconds
    kills = 0
    while kills < KILLS:
        if kills % 2:
            was_killed = killed(lambda tick: train(job, path), tmp_path, chance.randint(4, 30))
        else:
            after = chance.uniform(0.1, 1.0) * seconds

            def work(tick, after=after):
                batches = Run.batches

                def timed(run, *arguments, **settings):  # the time runs from the first batch on
                    threading.Timer(after, signal.raise_signal, [signal.SIGKILL]).start()
                    yield from batches(run, *arguments, **settings)

                Run.batches = timed
                train(job, path)

            was_killed = killed(work, tmp_path)
        kills += was_killed
        if not was_killed:  # it came to its end before: that is compared, and a new one begun
            assert_same(checkpoints.read(path)[0], expected[0])
            for file in (path, checkpoints.previous(path)):
                file.unlink()
    assert_same(state_of(train(job, path), path), expected)
    assert not list(tmp_path.glob("*.damaged")), "a kill left a damaged checkpoint"


def test_every_training_on_two_processes_equals_one(tmp_path):
    """Losses, logs and weights, by the chapter's own model, loss and batches, in float64."""
    expected = two_processes.every_job(tmp_path, JOBS)
    folder = tmp_path / "two"
    folder.mkdir()
    found, _ = two_processes.on_two(folder, JOBS)
    shared = [name for name, result in expected.items() if result is not None]
    assert {name.split("/")[0] for name in shared} >= {chapter for chapter, _ in JOBS}
    for rank in (0, 1):
        for name in shared:
            assert_close(found[rank][name], expected[name], name)


@EACH
@pytest.mark.parametrize("float64", [True, False], ids=["cuda", "mps"])
def test_a_training_runs_on_the_device(job, float64):
    expected = chapter_trainings.train(*job, device="cpu", max_steps=6)
    if expected is None:
        pytest.skip("this table's function trains by itself")
    with pretending(float64):
        run = chapter_trainings.train(*job, max_steps=6)
        on_device = run.device == DEVICE
        assert on_device or (not float64 and run.dtype == torch.float64)
        assert all(isinstance(p.data, Pretend) for m in run.models for p in m.parameters()) == on_device
    assert run.history.losses == pytest.approx(expected.history.losses, rel=1e-4)


@pytest.mark.parametrize("path", chapters.paths(), ids=lambda path: path.stem)
def test_no_statement_of_a_chapter_assumes_the_cpu(path, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MPLBACKEND", "agg")
    placed, place = [], Pretend.__init__
    monkeypatch.setattr(Pretend, "__init__", lambda self, held: (placed.append(1), place(self, held))[1])
    with pretending(float64=False):
        rehearse(path)
    assert len(placed) > 1000, "the chapter has hardly computed on the device"

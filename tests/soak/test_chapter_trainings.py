"""Each training that a chapter records: killed again and again, and on two processes. Each chapter on another
device.
"""

import ast
import contextlib
import dataclasses
import random
import signal
import threading

import pytest

from course import chapters
from course.training import Run, checkpoints
from tests.helpers import chapter_trainings, two_processes
from tests.helpers.kills import killed
from tests.helpers.pretend_device import Pretend, pretending
from tests.helpers.same import assert_close, assert_same

pytestmark = [pytest.mark.soak, pytest.mark.timeout(1800), pytest.mark.usefixtures("one_thread")]
JOBS = list(chapter_trainings.jobs())
STEPS, KILLS = 60, 20
FIRST, EVERY = 3, 250  # the steps of a rehearsed run that are made, beside the first one of each epoch
BATCHES = Run.batches


def train(job, path, resume=True):
    how = {"device": "cpu", "max_steps": STEPS, "checkpoint": path, "checkpoint_every": 3, "resume": resume}
    return chapter_trainings.train(*job, **how)


def train_for(seconds, job, path):
    """Killed so long after the first batch."""

    def timed(run, *arguments, **settings):
        threading.Timer(seconds, signal.raise_signal, [signal.SIGKILL]).start()
        yield from BATCHES(run, *arguments, **settings)

    Run.batches = timed
    train(job, path)


def state_of(run, path):
    models = [model.state_dict() for model in run.models]
    return checkpoints.read(path)[0], models, dataclasses.asdict(run.history)


@pytest.mark.parametrize("job", JOBS, ids="/".join)
def test_a_training_killed_twenty_times_ends_as_one_never_killed(tmp_path, job):
    """Every second kill falls at a call of a write, the others at any time."""
    path, straight, chance = tmp_path / "run.ckpt", tmp_path / "unbroken.ckpt", random.Random(f"{job}")
    unbroken = train(job, straight, resume=False)
    if unbroken is None:
        pytest.skip("this table's function trains by itself")
    expected, kills = state_of(unbroken, straight), 0
    while kills < KILLS:
        if kills % 2:
            was_killed = killed(lambda tick: train(job, path), tmp_path, chance.randint(4, 30))
        else:
            after = chance.uniform(0.1, 1.0) * unbroken.history.seconds
            was_killed = killed(lambda tick, after=after: train_for(after, job, path), tmp_path)
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


def few_batches(run, *arguments, **settings):
    """In place of `Run.batches`: a step that is left out records what the one before it recorded."""
    history, epoch, counts, names = run.history, None, {}, []
    for batch in BATCHES(run, *arguments, **settings):
        before, counts = counts, {name: len(values) for name, values in history.logged.items()}
        if run.step < FIRST or run.epoch != epoch or run.step % EVERY == 0:
            epoch, names = run.epoch, None
            yield batch
        else:
            if names is None:
                names = [name for name in counts if counts[name] > before.get(name, 0)]
            run.log(**{name: history.logged[name][-1] for name in names})
            for values in (history.losses, history.lrs, history.grad_norms):
                values.extend(values[-1:])


@pytest.mark.parametrize("path", chapters.paths(), ids=lambda path: path.stem)
def test_no_statement_of_a_chapter_assumes_the_cpu(path, monkeypatch, tmp_path):
    """Statement by statement, and of a training a few steps: what a chapter asserts may then fail."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MPLBACKEND", "agg")
    monkeypatch.setattr(Run, "batches", few_batches)
    placed, place = [], Pretend.__init__
    monkeypatch.setattr(Pretend, "__init__", lambda self, held: (placed.append(1), place(self, held))[1])
    names = {"__name__": "__main__", "__file__": str(path)}
    with pretending(float64=False):
        for node in ast.parse(path.read_text(encoding="utf-8"), filename=str(path)).body:
            with contextlib.suppress(AssertionError):
                exec(compile(ast.Module([node], []), str(path), "exec"), names)
    assert len(placed) > 1000, "the chapter has hardly computed on the device"

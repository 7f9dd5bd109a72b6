"""The training of each chapter, killed again and again, ends with the weights of one never killed."""

import dataclasses
import multiprocessing
import random
import signal
import time

import pytest

from course.training import checkpoints
from tests import chapter_jobs
from tests.test_checkpoints import assert_same

pytestmark = pytest.mark.usefixtures("one_thread")
IMPORTED = ("course.plots", "course.exercises", "course.explorers", "matplotlib.pyplot", "torch._dynamo")


class Killings:
    """Starts one job of `chapter_jobs` again and again on one checkpoint, and kills it each time.

    Args:
        job: (name, checkpoint, steps, every).
        seconds: how long a step takes; how long after an event a kill comes is drawn from it.
        chance: a random.Random.
    """

    def __init__(self, job, seconds, chance):
        self.job, self.seconds, self.chance = job, seconds, chance
        self.context = multiprocessing.get_context("forkserver")
        # What a chapter's definitions and the first step import, once for all.
        self.context.set_forkserver_preload(["tests.chapter_jobs", *IMPORTED])

    def from_outside(self):
        """A kill at a random moment after a random event; where it fell, or None if the run was faster."""
        reports, theirs = self.context.Pipe(duplex=False)
        process = self.context.Process(target=chapter_jobs.killable, args=(*self.job, theirs))
        process.start()
        theirs.close()
        last = self._wait(reports, self.chance.randint(1, 10))
        time.sleep(self.chance.random() * (0.02 if last == "writing" else 2 * self.seconds))
        process.kill()
        process.join()
        while reports.poll():
            try:
                last = reports.recv()
            except EOFError:
                break
        return self._ended(process, "in a write" if last == "writing" else "in a step")

    def in_a_write(self, stage):
        """A kill at a chosen stage of one of the next three writes; where, or None if there were fewer."""
        torn = self.chance.randint(1, 3), stage
        process = self.context.Process(target=chapter_jobs.killable, args=(*self.job, None, torn))
        process.start()
        process.join(240)
        assert process.exitcode is not None, "the run stands still"
        return self._ended(process, f"in a write, stage {stage}")

    def _wait(self, reports, count):
        last = None
        for _ in range(count):
            assert reports.poll(120), "the run stands still"
            try:
                last = reports.recv()
            except EOFError:
                break
        return last

    def _ended(self, process, where):
        assert process.exitcode in (0, -signal.SIGKILL), f"the run failed: {process.exitcode}"
        return where if process.exitcode else None


def compare(path, found, unbroken):
    """The checkpoint, and the models and the history where they are given, are those of the unbroken run."""
    state, models, history = unbroken
    assert_same(checkpoints.load(path), state)
    if found:
        assert_same([model.state_dict() for model in found[0]], models)
        assert_same(dataclasses.asdict(found[1]), history)


def kill_and_compare(folder, name, kills, steps, every, seed):
    """Kill a job `kills` times, every second time in a write, and compare; returns where the kills fell."""
    path, straight = folder / "run.ckpt", folder / "unbroken.ckpt"
    models, history = chapter_jobs.run(name, straight, steps, every, resume=False)
    assert len(history.losses) == steps
    unbroken = (
        checkpoints.load(straight),
        [model.state_dict() for model in models],
        dataclasses.asdict(history),
    )
    chance, stages = random.Random(f"{name} {seed}"), []
    killings = Killings((name, path, steps, every), history.seconds / steps, chance)
    fallen, resumed = [], 0
    while len(fallen) < kills:
        stages = stages or chance.sample(chapter_jobs.STAGES, len(chapter_jobs.STAGES))
        where = killings.in_a_write(stages.pop()) if len(fallen) % 2 else killings.from_outside()
        if where is None:  # the run came to its end before the kill: that is compared, and a new one begun
            compare(path, None, unbroken)
            for file in (path, checkpoints.previous(path)):
                file.unlink(missing_ok=True)
        else:
            fallen.append(where)
            resumed += path.exists()
    assert resumed, "no run was taken up from a checkpoint"
    compare(path, chapter_jobs.run(name, path, steps, every), unbroken)
    assert not list(folder.glob("*.damaged")), "a kill left a damaged checkpoint"
    return fallen


@pytest.mark.parametrize("name", chapter_jobs.JOBS)
def test_a_chapter_killed_three_times(tmp_path, name):
    kill_and_compare(tmp_path, name, kills=3, steps=13, every=2, seed=0)


@pytest.mark.soak
@pytest.mark.parametrize("name", chapter_jobs.JOBS)
def test_a_chapter_killed_twenty_times(tmp_path, capsys, name):
    start = time.monotonic()
    fallen = kill_and_compare(tmp_path, name, kills=20, steps=100, every=3, seed=1)
    with capsys.disabled():
        places = ", ".join(f"{fallen.count(place)} {place}" for place in sorted(set(fallen)))
        print(f"\n{name}: {len(fallen)} kills in {time.monotonic() - start:.0f} s: {places}")

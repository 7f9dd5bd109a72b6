"""Trainings in two processes under torchrun, and the same in one.

A program too, for torchrun: `two_processes.py FOLDER CHAPTER/TABLE ...` writes what each process found.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import torch
from matplotlib.figure import Figure

import course
from course import plots
from tests.helpers import chapter_trainings
from tests.helpers.trainings import shared_fit, shared_gan, summary

ROOT = Path(__file__).resolve().parents[2]
STEPS = 6


def on_two(folder, jobs):
    """What ranks 0 and 1 of one torchrun found in `every_job`, and what each printed, by file name."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT), "COURSE_DEVICE": "cpu"}
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2",
               "--log-dir", folder / "logs", "--redirects", "3", __file__, folder]  # fmt: skip
    names = ["/".join(job) for job in jobs]
    done = subprocess.run([*command, *names], env=environment, capture_output=True, text=True, timeout=1200)
    logs = {path.parent.name + path.name: path.read_text() for path in folder.glob("logs/**/*.log")}
    assert done.returncode == 0, done.stderr + "".join(logs.values())
    return [json.loads((folder / f"rank{rank}.json").read_text()) for rank in (0, 1)], logs


def every_job(folder, jobs):
    """All that is compared between one process and two; name -> result, None where nothing is."""
    path = folder / "shared.ckpt"
    found = {
        "fit": shared_fit(),
        "again": shared_fit(schedule="one-cycle", average=None),
        "gan": shared_gan(),
    }
    shared_fit(checkpoint=path, checkpoint_every=4, max_steps=8)
    found["resumed"] = shared_fit(checkpoint=path, checkpoint_every=4, resume=True)
    for chapter, table in jobs:
        run = chapter_trainings.train(chapter, table, plain=True, device="cpu", max_steps=STEPS)
        found[f"{chapter}/{table}"] = run and summary(run.history, *run.models)
    return found


def refused_batch_size():
    """The message for a batch that two processes cannot share."""
    try:
        shared_fit(batch_size=15)
    except ValueError as error:
        return str(error)


def say_and_show():
    """What a chapter does beside training."""
    course.setup()
    print("a line of a chapter")
    plots.show(Figure(), title="a picture of a chapter")


if __name__ == "__main__":
    torch.set_num_threads(1)
    folder, jobs = Path(sys.argv[1]), [tuple(name.split("/")) for name in sys.argv[2:]]
    found = every_job(folder, jobs) | {"odd": refused_batch_size()}
    say_and_show()
    (folder / f"rank{torch.distributed.get_rank()}.json").write_text(json.dumps(found))

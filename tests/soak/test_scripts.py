"""Every chapter as a plain script, to its end, with all that it asserts: alone and under torchrun."""

import os
import re
import subprocess
import sys

import pytest

from course import chapters, models

pytestmark = [pytest.mark.soak, pytest.mark.timeout(3600)]
CHAPTERS = pytest.mark.parametrize("path", chapters.paths(), ids=lambda path: path.stem)
# As docs/gpus-and-clusters.md has it, without `--local-ranks-filter`, which would hide what a rank prints.
TORCHRUN = ("-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2")


def run(folder, *arguments):
    """Run Python in an empty folder without a display; returns the lines printed, blank ones left out.

    A warning on stderr fails, as a reader would see it, and so does a file that is left behind, other than a
    reader's own net of chapter 1.
    """
    hidden = ("DISPLAY", "MPLBACKEND", "RANK", "WORLD_SIZE")
    environment = {key: value for key, value in os.environ.items() if key not in hidden}
    command = [sys.executable, *arguments]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    # A progress bar is drawn on stderr and wiped: what counts is what stays visible.
    seen = [line.split("\r")[-1].strip() for line in done.stderr.split("\n")]
    assert not any(seen), done.stderr[-4000:]
    left = {path.name for path in folder.iterdir()}
    assert left <= {models.OWN}, "a chapter leaves no files behind, but for the reader's own net"
    return [line for line in done.stdout.splitlines() if line.strip()]


@CHAPTERS
def test_a_chapter_runs_as_a_script(path, tmp_path):
    assert run(tmp_path, path)


@CHAPTERS
def test_a_chapter_runs_on_two_processes(path, tmp_path):
    """Every line is printed once, a training's too."""
    printed = run(tmp_path, *TORCHRUN, path)
    trainings = [line for line in printed if re.match(r"\d+ epochs?, \d+ steps: loss \S+", line)]
    assert len(trainings) == len(set(trainings)) >= 1, printed

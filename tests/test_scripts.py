"""Chapters as plain scripts: headless, alone and under torchrun."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from course import chapters

ROOT = Path(__file__).resolve().parents[1]
CHAPTER = ROOT / "notebooks" / "01_cnn.py"
OTHERS = [path for path in chapters.paths() if path != CHAPTER]
TORCHRUN = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2"]


def run_headless(command, folder):
    """Run in an empty folder without a display; returns stdout. A warning on stderr fails, as a reader would
    see it.
    """
    env = {
        key: value
        for key, value in os.environ.items()
        if key not in ("DISPLAY", "MPLBACKEND", "RANK", "WORLD_SIZE")
    }
    run = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True)
    assert run.returncode == 0, run.stdout[-2000:] + run.stderr[-4000:]
    # A progress bar is drawn on stderr and wiped: what counts is what stays visible.
    seen = [line.split("\r")[-1].strip() for line in run.stderr.split("\n")]
    assert not [line for line in seen if line], run.stderr[-4000:]
    return run.stdout


@pytest.mark.timeout(600)
def test_chapter_runs_as_a_script(tmp_path):
    printed = run_headless([sys.executable, str(CHAPTER)], tmp_path)
    assert printed.strip()
    assert not list(tmp_path.iterdir()), "a chapter leaves no files behind"


@pytest.mark.timeout(900)
def test_chapter_runs_on_two_processes(tmp_path):
    """Every line is printed once, by rank 0, with no `--local-ranks-filter` to hide another's."""
    printed = run_headless([*TORCHRUN, str(CHAPTER)], tmp_path)
    alone = [line for line in printed.splitlines() if line.strip()]
    assert alone and len([line for line in alone if "epochs" in line]) >= 1
    assert not list(tmp_path.iterdir())


@pytest.mark.soak
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("path", OTHERS, ids=lambda path: path.stem)
def test_every_other_chapter_runs_as_a_script(path, tmp_path):
    assert run_headless([sys.executable, str(path)], tmp_path).strip()


@pytest.mark.soak
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("path", OTHERS, ids=lambda path: path.stem)
def test_every_other_chapter_runs_on_two_processes(path, tmp_path):
    """To its end, with all that it asserts, by the line that the README shows; a training prints one line."""
    command = [*TORCHRUN, "--local-ranks-filter", "0", str(path)]
    printed = run_headless(command, tmp_path).splitlines()
    trainings = [line for line in printed if re.match(r"\d+ epochs?, \d+ steps: loss \S+", line)]
    assert len(trainings) == len(set(trainings)) >= 1, printed
    assert not list(tmp_path.iterdir()), "a chapter leaves no files behind"

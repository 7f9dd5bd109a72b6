"""Every chapter as a plain script, to its end, with all that it asserts: alone and under torchrun."""

import re
import sys

import pytest

from course import chapters
from tests.helpers.scripts import TORCHRUN, run_headless

pytestmark = [pytest.mark.soak, pytest.mark.timeout(3600)]
CHAPTERS = pytest.mark.parametrize("path", chapters.paths(), ids=lambda path: path.stem)


@CHAPTERS
def test_a_chapter_runs_as_a_script(path, tmp_path):
    assert run_headless([sys.executable, str(path)], tmp_path)


@CHAPTERS
def test_a_chapter_runs_on_two_processes(path, tmp_path):
    """By the line that the README shows; a training prints one line."""
    printed = run_headless([*TORCHRUN, "--local-ranks-filter", "0", str(path)], tmp_path)
    trainings = [line for line in printed if re.match(r"\d+ epochs?, \d+ steps: loss \S+", line)]
    assert len(trainings) == len(set(trainings)) >= 1, printed

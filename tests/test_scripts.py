"""A chapter as a plain script under torchrun, its trainings cut short; `make soak` runs all, whole."""

import re

import pytest

from course import chapters
from tests.helpers import rehearsal
from tests.helpers.scripts import TORCHRUN, run_headless


@pytest.mark.timeout(900)
def test_a_chapter_runs_on_two_processes(tmp_path):
    """Every line is printed once, by rank 0, with no `--local-ranks-filter` to hide another's."""
    printed = run_headless([*TORCHRUN, rehearsal.__file__, str(chapters.find("01"))], tmp_path)
    trainings = [line for line in printed if re.match(r"\d+ epochs?, \d+ steps: loss \S+", line)]
    assert len(trainings) == len(set(trainings)) >= 1, printed

"""The notebooks run again and again without a flake.

COURSE_SOAK_RUNS=3 chooses how many times (default 20), COURSE_SOAK_CHAPTERS="00 03" which chapters;
`make soak PYTEST_ARGS="-n 2 -k again"` runs two at a time.
"""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from course import chapters

ROOT = Path(__file__).resolve().parents[2]
RUNS = int(os.environ.get("COURSE_SOAK_RUNS", "20"))
CHAPTERS = os.environ.get("COURSE_SOAK_CHAPTERS", "").split() or [path.stem for path in chapters.paths()]


@pytest.mark.soak
@pytest.mark.timeout(0)  # each cell has nbval's own limit
@pytest.mark.parametrize("number", range(1, RUNS + 1))
@pytest.mark.parametrize("chapter", CHAPTERS)
def test_a_notebook_runs_again_without_a_flake(chapter, number):
    """Each output compared with the saved one, as `make test` does; with a hash seed of its own.

    The second run has two threads.
    """
    path = chapters.find(chapter).with_suffix(".ipynb")
    kept = {key: value for key, value in os.environ.items() if key != "PYTEST_ADDOPTS"}
    own = {"PYTHONHASHSEED": str(number), "OMP_NUM_THREADS": "2" if number == 2 else "1"}
    command = [sys.executable, "-m", "pytest", "-q", "-rfE", "-p", "no:cacheprovider", "--nbval"]
    command += ["--nbval-current-env", str(path)]
    if number != 2:  # the suite's set-up sets one thread; it measures the peak memory too
        command[3:3] = ["-p", "tests.conftest"]
    done = subprocess.run(command, cwd=ROOT, env=kept | own, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-5000:]
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    passed = re.search(r"(\d+) passed", done.stdout)
    assert passed and int(passed[1]) >= sum(cell["cell_type"] == "code" for cell in cells), done.stdout[
        -5000:
    ]

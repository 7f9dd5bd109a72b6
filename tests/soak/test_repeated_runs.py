"""The notebooks run again and again without a flake: `make soak`.

COURSE_SOAK_RUNS=3 chooses how many times (default 20), COURSE_SOAK_CHAPTERS="00 03" which chapters.
"""

import json
import os
import re
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

import pytest

from course import chapters

ROOT = Path(__file__).resolve().parents[1]
RUNS = int(os.environ.get("COURSE_SOAK_RUNS", "20"))
CHAPTERS = os.environ.get("COURSE_SOAK_CHAPTERS", "").split()
AT_ONCE = 2


def environment(number):
    """What run `number` (from 1) has of its own: a hash seed, and in run 2 two threads."""
    kept = {key: value for key, value in os.environ.items() if key != "PYTEST_ADDOPTS"}
    return kept | {"PYTHONHASHSEED": str(number), "OMP_NUM_THREADS": "2" if number == 2 else "1"}


def run_notebook(path, number, log):
    """Run a notebook under nbval, each output compared with the saved one, as `make test` does.

    Returns:
        (passed, failures): how many cells passed, and a line for each that did not, or for what else went
        wrong. The whole output is written to `log`.
    """
    command = [sys.executable, "-m", "pytest", "-q", "-rfE", "-p", "no:cacheprovider", "--nbval"]
    command += ["--nbval-current-env", str(path)]
    if number != 2:  # the suite's set-up sets one thread; it measures the peak memory too
        command[3:3] = ["-p", "tests.conftest"]
    done = subprocess.run(
        command,
        cwd=ROOT,
        env=environment(number),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    log.write_text(done.stdout)
    failures = [
        f"{path.stem}, run {number}: {line} (the whole of it: {log})"
        for line in re.findall(r"^(?:FAILED|ERROR) .*", done.stdout, re.MULTILINE)
    ]
    if done.returncode and not failures:
        failures = [f"{path.stem}, run {number}: pytest ended with {done.returncode} (see {log})"]
    passed = re.search(r"^(?:.* )?(\d+) passed", done.stdout, re.MULTILINE)
    return int(passed.group(1)) if passed else 0, failures


def code_cells(path):
    return sum(cell["cell_type"] == "code" for cell in json.loads(path.read_text(encoding="utf-8"))["cells"])


def run_often(paths, runs, folder, say):
    """Run each notebook `runs` times, two at a time, never stopping; returns a line for each failure."""

    def once(path, number):
        start = time.monotonic()
        passed, failures = run_notebook(path, number, folder / f"{path.stem}.{number}.log")
        if not failures and passed < code_cells(path):
            failures = [f"{path.stem}, run {number}: {passed} of {code_cells(path)} cells ran"]
        return failures, f"{path.stem} run {number} of {runs}, {time.monotonic() - start:.0f} s"

    everything = []
    with ThreadPoolExecutor(AT_ONCE) as pool:
        jobs = [pool.submit(once, path, number) for number in range(1, runs + 1) for path in paths]
        for done, job in enumerate(as_completed(jobs), 1):
            failures, line = job.result()
            say(f"{done:3}/{len(jobs)} {line}: " + (" ".join(failures) or "passed"))
            everything += failures
    return everything


@pytest.mark.soak
@pytest.mark.timeout(0)  # hours; each cell has nbval's own limit
def test_the_notebooks_run_again_and_again_without_a_flake(tmp_path, capsys):
    paths = [chapters.find(name).with_suffix(".ipynb") for name in CHAPTERS or map(str, chapters.paths())]

    def say(line):
        with capsys.disabled():
            print(line, flush=True)

    assert RUNS >= 1 and paths
    say(f"\n{RUNS} runs of {len(paths)} notebooks, {AT_ONCE} at a time; logs in {tmp_path}")
    failures = run_often(paths, RUNS, tmp_path, say)
    assert failures == [], f"{len(failures)} failures:\n" + "\n".join(failures)


def save_notebook(path, *cells):
    """A notebook of (source, saved output as text) cells."""
    metadata = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    made = [
        {"cell_type": "code", "id": f"c{i}", "execution_count": i, "metadata": {}, "source": source,
         "outputs": [{"output_type": "stream", "name": "stdout", "text": text}]}
        for i, (source, text) in enumerate(cells, 1)
    ]  # fmt: skip
    path.write_text(json.dumps({"cells": made, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}))
    return path


def test_a_flake_is_reported_with_its_run_and_cell_and_the_next_run_follows(tmp_path):
    """A notebook that passes under the second run's environment alone."""
    source = "import os\nprint(*(os.environ[key] for key in ('PYTHONHASHSEED', 'OMP_NUM_THREADS')))"
    flaky = save_notebook(tmp_path / "flaky.ipynb", ("print(1)", "1\n"), (source, "2 2\n"))
    lines = []
    (failure,) = run_often([flaky], 2, tmp_path, lines.append)
    assert failure.startswith("flaky, run 1: ") and "flaky.ipynb::Cell 1" in failure
    assert "1 1" in (tmp_path / "flaky.1.log").read_text()
    assert len(lines) == 2 and sum(line.endswith(": passed") for line in lines) == 1


def test_a_notebook_that_runs_no_cell_is_a_failure(tmp_path):
    (tmp_path / "broken.ipynb").write_text("<<<<<<< HEAD")
    log = tmp_path / "log"
    passed, failures = run_notebook(tmp_path / "broken.ipynb", 1, log)
    assert passed == 0 and len(failures) == 1 and "broken" in failures[0] and log.read_text()

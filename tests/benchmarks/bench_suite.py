"""How the time of the test suite splits: one run as `make test` does it, summed by part."""

import os
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ElementTree
from collections import defaultdict
from pathlib import Path

from tests.benchmarks.measure import Row

TITLE = "The test suite"
ROOT = Path(__file__).resolve().parents[2]
BAR, AIM = 25 * 60, 12 * 60  # seconds
QUICK = ("tests/test_links.py", "tests/chapters/test_cnn.py")
OTHERS = "unit: the rest of the package"
# A part takes the tests whose file's path, without the suffix, begins so; the first part that fits counts.
PARTS = {
    "notebooks (nbval)": ("notebooks/",),
    "site": ("tests/browser/test_site", "tests/test_book"),
    "browser": ("tests/browser/",),
    "chapters' code against PyTorch": ("tests/chapters/",),
    "explorers": ("tests/explorers/", "tests/test_explorers", "tests/test_fuzz_explorers"),
    "exercises": ("tests/test_exercise", "tests/test_fuzz_exercises"),
    "scripts and processes": (
        "tests/test_scripts",
        "tests/test_processes",
        "tests/test_install",
        "tests/test_single_notebook",
    ),
}


def part_of(case):
    """The part that a JUnit test case belongs to, by the path of its file."""
    path = case.get("file") or case.get("classname", "").replace(".", "/")
    return next((part for part, starts in PARTS.items() if path.startswith(starts)), OTHERS)


def summed(report):
    """Seconds and number of tests of each part, and how many tests failed.

    Args:
        report: path of a JUnit file.
    Returns:
        dict of part to (seconds, tests), and a number.
    """
    parts, failed = defaultdict(lambda: (0.0, 0)), 0
    for case in ElementTree.parse(report).iter("testcase"):
        seconds, tests = parts[part_of(case)]
        parts[part_of(case)] = seconds + float(case.get("time", 0)), tests + 1
        failed += case.find("failure") is not None or case.find("error") is not None
    return dict(parts), failed


def run_suite(report, only):
    """Run pytest as `make test` does; returns its wall-clock seconds."""
    command = [sys.executable, "-m", "pytest", "-q", "-n", "2", "--dist", "loadfile"]
    command += ["--nbval", "--nbval-current-env", "-o", "junit_family=xunit1", f"--junitxml={report}", *only]
    start = time.monotonic()
    run = subprocess.run(
        command, cwd=ROOT, env=os.environ | {"OMP_NUM_THREADS": "1"}, capture_output=True, text=True
    )
    if run.returncode not in (0, 1):  # 1: tests failed, and the times stand all the same
        raise RuntimeError(f"pytest ended with status {run.returncode}:\n{run.stdout[-2000:]}{run.stderr}")
    return time.monotonic() - start


def rows(quick):
    """Yield the rows of the bench driver; the quick form runs two files of tests."""
    with tempfile.TemporaryDirectory() as temporary:
        report = Path(temporary, "report.xml")
        whole = run_suite(report, QUICK if quick else ())
        parts, failed = summed(report)
    if quick:
        yield Row("two files, wall-clock", whole, "s")
    else:
        yield Row("the whole suite, wall-clock", whole, "s", BAR, AIM)
    yield Row("tests that fail", failed, "", 0)
    for part, (seconds, tests) in sorted(parts.items(), key=lambda item: -item[1][0]):
        yield Row(f"{part}: {tests} tests, summed", seconds, "s")

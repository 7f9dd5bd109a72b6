"""The test command: the CPU time of `make test` with all its processes."""

import os
import subprocess
import sys
import time
from pathlib import Path

from course import chapters
from tools.bench.measure import Row

ROOT = Path(__file__).resolve().parents[2]
COMMAND = ("make", "test")
QUICK = "PYTEST_ARGS=--collect-only -q"  # every test is found, none is run


def cpu_minutes():
    """User and system time of the processes that this one has started and waited for, and of theirs."""
    times = os.times()
    return (times.children_user + times.children_system) / 60


def rows(quick):
    """Yield the rows of one run; that a test fails is a bar of 0 that is not met."""
    bar = 15 + 3 * (len(chapters.paths()) - 6)  # 15 minutes with six chapters, 24 with nine
    before, start = cpu_minutes(), time.monotonic()
    run = subprocess.run([*COMMAND, QUICK] if quick else COMMAND, cwd=ROOT, capture_output=True, text=True)
    if run.returncode:
        print(run.stdout[-3000:], run.stderr[-3000:], file=sys.stderr)
    yield Row("make test, user and system time", cpu_minutes() - before, "min", bar)
    yield Row("make test, wall-clock time", (time.monotonic() - start) / 60, "min")
    yield Row("make test, exit status", run.returncode, "", 0)

"""The budgets of the house: what `import course` costs, and each chapter's time and memory as a script."""

import os
import re
import statistics
import subprocess
import sys
import time
from pathlib import Path

from course import chapters

ROOT = Path(__file__).resolve().parents[2]
TIMED = """
import time, torch
start = time.perf_counter()
import course
print(1000 * (time.perf_counter() - start))
"""
RUN = """
import pathlib, runpy, sys
runpy.run_path(sys.argv[1], run_name="__main__")
status = pathlib.Path("/proc/self/status")
print(status.read_text() if status.exists() else "", file=sys.stderr)
"""
LONGER = {"03_attention": 150, "05_gan": 150}  # seconds; the others have 120


def import_milliseconds(rounds=7):
    """Median time of `import course` after torch, each in a new process."""
    times = [subprocess.check_output([sys.executable, "-c", TIMED], cwd=ROOT) for _ in range(rounds)]
    return statistics.median(float(text) for text in times)


def run_chapter(source):
    """Run a chapter headless; returns (seconds, peak memory in MB, NaN off Linux)."""
    env = os.environ | {"OMP_NUM_THREADS": str(min(2, os.cpu_count()))}
    start = time.monotonic()
    run = subprocess.run(
        [sys.executable, "-c", RUN, str(source)], env=env, capture_output=True, text=True, check=True
    )
    peak = re.search(r"VmHWM:\s+(\d+) kB", run.stderr)
    return time.monotonic() - start, int(peak[1]) * 1024 / 1e6 if peak else float("nan")


def rows():
    """(name, value, bar) for the bench driver."""
    table = [("import course after torch: ms", import_milliseconds(), "bar 50")]
    for source in chapters.paths():
        seconds, peak = run_chapter(source)
        table.append(
            (f"{source.stem} as a script: s", seconds, f"bar {LONGER.get(source.stem, 120)}, aim 60")
        )
        table.append((f"{source.stem} as a script: peak MB", peak, "bar 1000"))
    return table

"""The budgets of the house: what `import course` costs, and each chapter's time and memory as a script."""

import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

from course import chapters
from tests.benchmarks.measure import Row
from tests.conftest import peak_memory_mb

TITLE = "The house's budgets"
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
# Bar and aim in seconds; the others have the first line.
SECONDS = {"": (120, 60), "00_foundations": (60, None), "02_rnn": (120, 90), "03_attention": (150, 90)}
SECONDS |= {"05_gan": (150, 60)}


def import_milliseconds(rounds):
    """Median time of `import course` after torch, each in a new process."""
    times = [subprocess.check_output([sys.executable, "-c", TIMED], cwd=ROOT) for _ in range(rounds)]
    return statistics.median(float(text) for text in times)


def run_chapter(source, threads):
    """Run a chapter headless on so many threads; returns (seconds, peak memory in MB, NaN off Linux)."""
    env = os.environ | {"OMP_NUM_THREADS": str(threads)}
    start = time.monotonic()
    run = subprocess.run(
        [sys.executable, "-c", RUN, str(source)], env=env, capture_output=True, text=True, check=True
    )
    seconds = time.monotonic() - start
    return seconds, peak_memory_mb(run.stderr) or float("nan")


def rows(quick):
    """Yield the rows of the bench driver; the quick form runs the first chapter alone, on one thread."""
    threads = 1 if quick else min(2, os.cpu_count())
    yield Row("import course after torch", import_milliseconds(3 if quick else 7), "ms", 50)
    for source in chapters.paths()[: 1 if quick else None]:
        seconds, peak = run_chapter(source, threads)
        yield Row(f"{source.stem} as a script", seconds, "s", *SECONDS.get(source.stem, SECONDS[""]))
        yield Row(f"{source.stem} as a script, peak memory", peak, "MB", 1000)

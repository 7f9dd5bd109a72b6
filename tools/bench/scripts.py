"""Each chapter as a plain script: its time, and the most memory that it held."""

import math
import os
import re
import subprocess
import sys
import time

from course import chapters
from tools.bench.measure import Row, crash

SECONDS, LONGER = 120, {"03_attention": 150, "05_gan": 150}  # the bars
AIM = 60
MEGABYTES = 1000  # Binder's guarantee
# Linux alone says what a process held at most without what its parent held at the fork.
PROGRAM = """
import pathlib, runpy, sys
runpy.run_path(sys.argv[1], run_name="__main__")
status = pathlib.Path("/proc/self/status")
print(status.read_text() if status.exists() else "", file=sys.stderr)
"""


def run_chapter(source):
    """Run a chapter on two threads; returns its seconds, and its peak memory in MB, NaN off Linux.

    Raises:
        RuntimeError: the chapter fails; the end of what it wrote to stderr.
    """
    environment = os.environ | {"OMP_NUM_THREADS": "2", "MPLBACKEND": "agg"}
    command = [sys.executable, "-c", PROGRAM, str(source)]
    start = time.monotonic()
    run = subprocess.run(command, env=environment, capture_output=True, text=True)
    seconds = time.monotonic() - start
    if run.returncode:
        raise RuntimeError(f"exit status {run.returncode}\n{run.stderr[-3000:]}")
    peak = re.search(r"VmHWM:\s+(\d+) kB", run.stderr)
    return seconds, int(peak[1]) * 1024 / 1e6 if peak else math.nan


def rows(quick):
    """Yield two rows for each chapter; the quick form runs the first alone."""
    for source in chapters.paths()[: 1 if quick else None]:
        try:
            seconds, peak = run_chapter(source)
        except RuntimeError as error:  # of one chapter: the others are measured all the same
            yield crash(source.stem, error)
            continue
        yield Row(f"{source.stem}, time", seconds, "s", LONGER.get(source.stem, SECONDS), AIM)
        yield Row(f"{source.stem}, peak memory", peak, "MB", MEGABYTES)

"""What it costs to import the course, once torch is there; each time in a new process."""

import statistics
import subprocess
import sys

from tools.bench.measure import Row

MILLISECONDS = {"import course": 5, "from course import exercises": 200}  # the bars
TIMED = """
import time, torch
start = time.perf_counter()
{statement}
print(1000 * (time.perf_counter() - start))
"""


def milliseconds(statement):
    """How long a statement takes after `import torch`."""
    program = TIMED.format(statement=statement)
    return float(subprocess.check_output([sys.executable, "-c", program], text=True))


def rows(quick):
    """Yield a row for each statement, the median of several processes."""
    for statement, bar in MILLISECONDS.items():
        times = [milliseconds(statement) for _ in range(1 if quick else 7)]
        yield Row(f"{statement}, after torch", statistics.median(times), "ms", bar)

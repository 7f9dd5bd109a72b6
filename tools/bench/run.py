"""All benchmarks in one table, `make bench`: each module of this folder that has a function `rows`.

    python -m tools.bench.run [--quick] [--only NAME ...] [--skip NAME ...] [--output FILE]

`rows(quick)` yields the rows of `measure`; the module's name is the benchmark's. A bar that is missed changes
nothing in the exit status, which is 1 only where something crashed.
"""

import argparse
import datetime
import importlib
import importlib.metadata
import os
import pkgutil
import platform
import sys
from pathlib import Path

import torch

from course.files import write_whole
from tools import bench
from tools.bench.measure import crash

COLUMNS = ("benchmark", "what", "measured", "unit", "bar", "verdict")


def find_benchmarks():
    """dict of name to module, or to the error of a module that cannot be imported."""
    found = {}
    for name in sorted(module.name for module in pkgutil.iter_modules(bench.__path__)):
        try:
            module = importlib.import_module(f"tools.bench.{name}")
        except Exception as error:
            found[name] = error
        else:
            if hasattr(module, "rows"):
                found[name] = module
    return found


def collect(name, benchmark, quick):
    """Yield the rows of one benchmark; where it crashes, the last one says so and stderr says where."""
    try:
        if isinstance(benchmark, Exception):
            raise benchmark
        yield from benchmark.rows(quick)
    except Exception as error:
        yield crash(name, error)


def machine():
    """One line: the processor, cores, load and versions that the numbers hang on."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    load = f", load {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else ""
    packages = ("torch", "accelerate", "jupyterlab")
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in packages)
    system = platform.platform(terse=True)
    return f"{processor()}; {cores} cores{load}; {system}; Python {platform.python_version()}, {versions}"


def processor():
    """The processor's name, from /proc/cpuinfo where there is one."""
    path = Path("/proc/cpuinfo")
    lines = path.read_text().splitlines() if path.exists() else []
    names = (line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor() or platform.machine())


def table_line(benchmark, what, measured, unit, bar, verdict):
    """A row of a Markdown table, in columns of fixed width, the number to the right."""
    what = what.replace("|", r"\|")
    return f"| {benchmark:<9} | {what:<58} | {measured:>8} | {unit:<4} | {bar:<16} | {verdict:<12} |"


def summary(rows):
    """Lines on how many bars are not met, on which, and on what crashed."""
    verdicts = [row.verdict() for row in rows]
    missed = [row for row in rows if row.verdict() == "not met"]
    lines = [f"{len(missed)} of {len(missed) + verdicts.count('met')} bars not met"]
    lines += [f"- {row.name}: {row.measured()} {row.unit}, bar {row.bar:g}" for row in missed]
    return lines + [f"- crashed: {row.name}" for row in rows if row.crashed]


def arguments(words, names):
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tools.bench.run", description="all in one table")
    chosen = {"nargs": "+", "choices": names, "metavar": "NAME", "default": []}
    parser.add_argument("--only", help=f"these alone, of: {', '.join(names)}", **chosen)
    parser.add_argument("--skip", help="all but these", **chosen)
    parser.add_argument("--quick", action="store_true", help="few rounds: does it work? No numbers to trust")
    parser.add_argument("--output", type=Path, metavar="FILE", help="write what is printed into a file too")
    return parser.parse_args(words)


def main(words=None):
    """Print every row as soon as it is measured; returns 1 where a benchmark crashed, else 0."""
    benchmarks = find_benchmarks()
    options = arguments(words, list(benchmarks))
    torch.set_num_threads(1)  # what is timed in this process is timed in CPU time
    lines, rows = [], []

    def say(*texts):
        lines.extend(texts)
        print(*texts, sep="\n", flush=True)
        if options.output:
            write_whole(options.output, "\n".join(lines) + "\n")

    say(f"{datetime.date.today()}; {machine()}" + ("; quick: few rounds" if options.quick else ""), "")
    say(table_line(*COLUMNS), "| --- | --- | ---: | --- | --- | --- |")
    for name, benchmark in benchmarks.items():
        if name in options.skip or (options.only and name not in options.only):
            continue
        for row in collect(name, benchmark, options.quick):
            rows.append(row)
            say(table_line(name, row.name, row.measured(), row.unit, row.limits(), row.verdict()))
    say("", *summary(rows))
    return int(any(row.crashed for row in rows))


if __name__ == "__main__":
    sys.exit(main())

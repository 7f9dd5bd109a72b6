"""All benchmarks in one table, `make bench`: each `bench_*.py` beside this file yields rows.

    python -m tests.benchmarks.run [--quick] [--only NAME ...] [--skip NAME ...] [--output FILE]

A bar that is missed changes nothing in the exit status, which is 1 only where a benchmark crashed.
"""

import argparse
import datetime
import importlib
import importlib.metadata
import os
import platform
import sys
import traceback
from pathlib import Path

import torch

from course.files import write_whole
from tests.benchmarks.measure import Row

# The order of the table: what disturbs nothing first, what takes long last.
NAMES = (
    "training",
    "foundations",
    "cnn",
    "rnn",
    "attention",
    "vae",
    "gan",
    "scaling",
    "house",
    "lab",
    "explorers",
    "suite",
)
COLUMNS = ("what", "measured", "unit", "bar", "verdict")
WIDTHS = (70, 11, 5, 16)


def machine():
    """One line: the processor, cores, threads, load and versions that the numbers hang on."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    load = f", load {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else ""
    versions = [
        f"{name} {importlib.metadata.version(name)}" for name in ("torch", "accelerate", "jupyterlab")
    ]
    parts = [
        processor(),
        f"{cores} cores, {torch.get_num_threads()} threads{load}",
        platform.platform(terse=True),
    ]
    return "; ".join([*parts, ", ".join([f"Python {platform.python_version()}", *versions])])


def processor():
    """The processor's name, from /proc/cpuinfo where there is one."""
    path = Path("/proc/cpuinfo")
    lines = path.read_text().splitlines() if path.exists() else []
    names = (line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor() or platform.machine())


def measured(row):
    """The value with four digits or so."""
    if row.failure or row.verdict() == "not measured":
        return "-"
    return f"{row.value:.0f}" if abs(row.value) >= 1000 else f"{row.value:.4g}"


def cells(row):
    """The five texts of a row."""
    return row.name, measured(row), row.unit, row.limits(), row.verdict()


def line(texts):
    """Texts in columns of fixed width, the number to the right."""
    what, number, unit, bar = WIDTHS
    return f"{texts[0]:<{what}} {texts[1]:>{number}} {texts[2]:<{unit}} {texts[3]:<{bar}} {texts[4]}".rstrip()


def collect(name, quick):
    """Yield the rows of one benchmark; where it crashes, the last one says so and stderr says where."""
    try:
        yield from importlib.import_module(f"tests.benchmarks.bench_{name}").rows(quick)
    except Exception as error:
        traceback.print_exc()
        first = next(iter(str(error).splitlines()), "")
        yield Row(f"{name}: {type(error).__name__}: {first}", float("nan"), "", failure=str(error))


def title_of(name):
    """The heading of a benchmark's rows; its name, where it cannot even be imported."""
    try:
        return importlib.import_module(f"tests.benchmarks.bench_{name}").TITLE
    except Exception:  # `collect` makes a row of it
        return name


def not_met(tables):
    """Lines on the bars that are not met, and on benchmarks that crashed."""
    rows = [row for table in tables.values() for row in table]
    lines = [
        f"{row.name}: {measured(row)} {row.unit}, bar {row.bar:g}"
        for row in rows
        if row.verdict() == "not met"
    ]
    crashed = [row.name for row in rows if row.verdict() == "crashed"]
    return lines, crashed


def summary(tables):
    """The last lines of the output."""
    lines, crashed = not_met(tables)
    count = sum(row.verdict() in ("met", "not met") for table in tables.values() for row in table)
    text = [f"{len(lines)} of {count} bars not met" + (":" if lines else "")]
    text += [f"  {one}" for one in lines]
    return text + [f"crashed: {one}" for one in crashed]


def markdown(head, tables):
    """The whole of it as Markdown."""
    parts = ["# Measured", "", head]
    for title, rows in tables.items():
        parts += ["", f"## {title}", "", f"| {' | '.join(COLUMNS)} |", "| --- | ---: | --- | --- | --- |"]
        parts += [
            f"| {' | '.join(text.replace('|', chr(92) + '|') for text in cells(row))} |" for row in rows
        ]
    parts += ["", "## Bars", ""] + [f"- {one.strip()}" for one in summary(tables)]
    return "\n".join(parts) + "\n"


def arguments(words):
    """The command line; an unknown name ends it with one line and status 2."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.run", description="all in one table")
    names = {"nargs": "+", "metavar": "NAME", "default": []}
    parser.add_argument("--only", help=f"these alone, of: {', '.join(NAMES)}", **names)
    parser.add_argument("--skip", help="all but these", **names)
    parser.add_argument("--quick", action="store_true", help="few rounds: does it work? No numbers to trust")
    parser.add_argument("--output", type=Path, metavar="FILE", help="write the table as Markdown too")
    options = parser.parse_args(words)
    if unknown := set(options.only + options.skip).difference(NAMES):
        print(
            f"error: no benchmark {', '.join(sorted(unknown))}; there are: {', '.join(NAMES)}",
            file=sys.stderr,
        )
        raise SystemExit(2)
    return options


def main(words=None):
    """Print every row as soon as it is measured; returns 1 where a benchmark crashed, else 0."""
    options = arguments(words)
    head = f"{datetime.date.today()}; {machine()}" + ("; quick: few rounds" if options.quick else "")
    print(head, line(COLUMNS), sep="\n", flush=True)
    tables = {}
    for name in NAMES:
        if name in options.skip or (options.only and name not in options.only):
            continue
        print(f"\n{title_of(name)}", flush=True)
        rows = tables[title_of(name)] = []
        for row in collect(name, options.quick):
            rows.append(row)
            print(line(cells(row)), flush=True)
        if options.output:
            write_whole(options.output, markdown(head, tables))
    print("", *summary(tables), sep="\n", flush=True)
    return int(bool(not_met(tables)[1]))


if __name__ == "__main__":
    sys.exit(main())

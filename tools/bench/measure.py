"""What the benchmarks share: a row of the table, and the ratio of two times."""

import math
import statistics
import sys
import time
import traceback
from dataclasses import dataclass

import torch

ROUNDS, QUICK_ROUNDS = 15, 2
SHORTEST = 0.01  # seconds that one timing takes at least: shorter work is repeated within it


@dataclass(frozen=True)
class Row:
    """One line of the table.

    Args:
        name: what was measured.
        value: the number; NaN where this machine cannot measure it.
        unit: of the value; "x" is a ratio.
        bar: the largest value that is allowed, None if nothing asks for one.
        aim: a smaller value that is hoped for; missing it is no fault.
        crashed: whether the program that was to be measured failed; the name says how.
    """

    name: str
    value: float
    unit: str
    bar: float | None = None
    aim: float | None = None
    crashed: bool = False

    def verdict(self):
        """One of: met, not met, no bar, not measured, crashed."""
        if self.crashed:
            return "crashed"
        if math.isnan(self.value):
            return "not measured"
        if self.bar is None:
            return "no bar"
        return "met" if self.value <= self.bar else "not met"

    def limits(self):
        """The bar and the aim as text, empty without either."""
        bar = [] if self.bar is None else [f"<= {self.bar:g}"]
        aim = [] if self.aim is None else [f"aim {self.aim:g}"]
        return ", ".join(bar + aim)

    def measured(self):
        """The value with four digits or so, "-" where there is none."""
        if math.isnan(self.value):
            return "-"
        return f"{self.value:.0f}" if abs(self.value) >= 1000 else f"{self.value:.4g}"


def crash(name, error):
    """The Row of something that could not be measured; its traceback goes to stderr."""
    traceback.print_exception(error, file=sys.stderr)
    first_line = next(iter(str(error).splitlines()), "")
    return Row(f"{name}: {type(error).__name__}: {first_line}", math.nan, "", crashed=True)


def compare(name, ours, theirs, quick, bar=None):
    """The Row that says how many times as long `ours` takes as `theirs`.

    CPU time is taken, which the machine's other work hardly moves; so torch should run on one thread.

    Args:
        ours, theirs: functions of no arguments that do the same work and return a list of tensors.
        quick: whether few rounds are enough.
    Raises:
        AssertionError: if both do not return the same.
    """
    torch.testing.assert_close(ours(), theirs(), rtol=1e-3, atol=1e-3, msg=f"{name}: the results differ")
    ratio = median_ratio(ours, theirs, QUICK_ROUNDS if quick else ROUNDS, time.process_time)
    return Row(name, ratio, "x", bar)


def median_ratio(ours, theirs, rounds, clock):
    """The median over the rounds of the ratio of two times; who comes first changes from round to round."""
    shortest = min(seconds(side, 1, clock) for side in (ours, theirs, ours, theirs))  # warms up too
    repeats = max(1, math.ceil(SHORTEST / max(shortest, 1e-6)))
    ratios = []
    for number in range(rounds):
        sides = (ours, theirs) if number % 2 == 0 else (theirs, ours)
        times = {side: seconds(side, repeats, clock) for side in sides}
        ratios.append(times[ours] / times[theirs])
    return statistics.median(ratios)


def seconds(function, repeats, clock):
    """How long this many calls take, by a clock such as time.perf_counter."""
    start = clock()
    for _ in range(repeats):
        function()
    return clock() - start

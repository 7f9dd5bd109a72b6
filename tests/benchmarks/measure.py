"""What the benchmarks share: a row of the table, ratios of two times taken within one round, statistics."""

import math
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import nn

from tests.conftest import torch_threads

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
        failure: why there is no value: the benchmark crashed.
    """

    name: str
    value: float
    unit: str
    bar: float | None = None
    aim: float | None = None
    failure: str = ""

    def verdict(self):
        """One of: met, not met, no bar, not measured, crashed."""
        if self.failure:
            return "crashed"
        if math.isnan(self.value):
            return "not measured"
        if self.bar is None:
            return "no bar"
        return "met" if self.value <= self.bar else "not met"

    def limits(self):
        """The bar and the aim as text, empty without either."""
        parts = [] if self.bar is None else [f"<= {self.bar:g}"]
        return ", ".join(parts + ([] if self.aim is None else [f"aim {self.aim:g}"]))


@dataclass(frozen=True)
class Pair:
    """Two functions of no arguments that do the same work; both return what they found, a list of tensors."""

    name: str
    ours: Callable
    theirs: Callable
    bar: float | None = None
    aim: float | None = None
    tolerance: float = 1e-4


def work(function, *inputs):
    """A forward and a backward pass, to be timed.

    Args:
        function: a module, or a function of tensors; of a tuple that it returns the first part counts.
        inputs: its arguments; gradients are taken for those that require them, and for a module's weights.
    Returns:
        a function of no arguments that returns a list: the output, then the gradients, weights by name.
    """
    named = dict(function.named_parameters()) if isinstance(function, nn.Module) else {}
    wanted = [part for part in inputs if isinstance(part, torch.Tensor) and part.requires_grad]
    wanted += [named[name] for name in sorted(named)]

    def forward():
        found = function(*inputs)
        return found[0] if isinstance(found, tuple) else found

    # Drawn anew from one seed, so that both sides of a pair get the same.
    upstream = torch.randn(forward().shape, generator=torch.Generator().manual_seed(0))

    def run():
        output = forward()
        return [output, *torch.autograd.grad(output, wanted, upstream)]

    return run


def named_threads(count):
    """The number as it stands in a row's name: "1 thread", "2 threads"."""
    return f"{count} thread{'s' * (count > 1)}"


def compare(pairs, quick, rounds=ROUNDS, threads=None):
    """Yield the Row of each Pair: how many times as long ours takes, median of ratios within one round.

    On one thread CPU time is taken, which the machine's other work hardly moves; on several, wall-clock time.

    Args:
        pairs: iterable of Pair.
        quick: whether few rounds are enough.
        rounds: how many otherwise.
        threads: numbers of threads; by default 1 and what torch has now.
    Raises:
        AssertionError: if both sides do not find the same.
    """
    for pair in pairs:
        for count in threads or sorted({1, torch.get_num_threads()}):
            with torch_threads(count):
                torch.testing.assert_close(
                    pair.ours(), pair.theirs(), rtol=pair.tolerance, atol=pair.tolerance, msg=pair.name
                )
                clock = time.process_time if count == 1 else time.perf_counter
                ratio = median_ratio(pair.ours, pair.theirs, QUICK_ROUNDS if quick else rounds, clock)
            yield Row(f"{pair.name}, {named_threads(count)}", ratio, "x", pair.bar, pair.aim)


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


def percentile(values, percent):
    """The value below which so many percent lie, linear between neighbours, as numpy.percentile has it."""
    ordered = sorted(values)
    place = (len(ordered) - 1) * percent / 100
    below = math.floor(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (place - below) * (ordered[above] - ordered[below])


def exponent(sizes, times):
    """p of the power law time = c · size^p that fits best: least squares between the logarithms."""
    fit = statistics.linear_regression([math.log(size) for size in sizes], [math.log(t) for t in times])
    return fit.slope

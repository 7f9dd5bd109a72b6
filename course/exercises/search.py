"""Find what a learner did whose answer no known misconception gives.

Candidates are functions with the arguments of the exercise: the worked solution with one slip in its source,
with other arguments, with another last step, and all of that on top of a known misconception. The one that
gives the learner's numbers on every case is told. It agrees within the tolerances of a check, a factor to
four digits, and as far as the cases reach: another mistake may give the same numbers.
"""

import contextlib
import itertools
import math
from dataclasses import dataclass

import torch

from course.compare import close, difference
from course.exercises.changes import of_arguments, of_output
from course.exercises.mutations import mutations
from course.exercises.outcome import Outcome, evaluate, portable

MUTATIONS = 400  # slips of one solution that are tried
# what is tried after slips in the source: such a change of an argument is often one
LATER = {"axis", "flat", "squeezed", "softmax", "running", "sum", "mean", "first", "last"}
# what is tried on top of a known misconception: the names' first words
SECOND = {"negative", "square", "root", "double", "half", "sum", "mean", "transposed", "items"}


@dataclass(frozen=True)
class Candidate:
    """One guess: a name for `Result.diagnosis`, what to tell, and a function that does it."""

    name: str
    told: str
    function: object


def candidates(exercise, case, *, gradients=False):
    """Yield Candidates, the plainest first.

    Args:
        exercise: Exercise.
        case: one of its cases, whose types tell what can be done.
        gradients: True where a gradient alone is wrong.
    """
    worked = exercise.worked
    ends = list(of_output(worked(*case)))
    begins = list(of_arguments(exercise.parameters, case))
    early = [begin for begin in begins if _kind(begin) not in LATER]
    late = [begin for begin in begins if _kind(begin) in LATER]
    for name, words, change in ends:
        told = f"On every case you return {words.format('the right answer')}."
        yield Candidate(f"{name}_returned", told, _after(change, worked))
    yield from _begun(worked, early)
    for slip in itertools.islice(mutations(worked), MUTATIONS):
        yield Candidate("slip", _slip(slip), slip.function)
    for slip in itertools.islice(mutations(worked, cut=True), MUTATIONS) if gradients else ():
        told = f"The values are right, but a gradient is missing: it has to flow through `{slip.before}` too"
        yield Candidate("cut", f"{told} (in the names of the worked solution).", slip.function)
    yield from _begun(worked, late)
    yield from (Candidate(pair.name, pair.diagnosis, pair.function) for pair in exercise.pairs())
    ends = [end for end in ends if _kind(end) in SECOND]
    begins = [begin for begin in begins if _kind(begin) in SECOND or begin[0].endswith("swapped")]
    for first in exercise.plain_misconceptions:
        for name, words, change in ends:
            also = f"you also return {words.format('what belongs there')}"
            yield _second(first, name, also, _after(change, first.function))
        for name, words, change in begins:
            also = f"you also compute as if {words}"
            yield _second(first, name, also, _before(change, first.function))


def _kind(change):
    return change[0].partition("_")[0]


def _after(change, function):
    return lambda *case: change(function(*case))


def _before(change, function):
    return lambda *case: function(*change(case))


def _begun(worked, begins):
    for name, words, change in begins:
        told = f"On every case you return what is right if {words}."
        yield Candidate(name, told, _before(change, worked))


def _second(first, name, also, function):
    return Candidate(f"{first.name}+{name}", _first(first, f"Then look again: {also}."), function)


def _slip(slip):
    return (
        f"One slip away from right: on every case you return what comes out where `{slip.before}` should "
        f"stand and `{slip.after}` does (in the names of the worked solution)."
    )


def _first(misconception, also):
    return f"There are two mistakes. Fix this one first: {misconception.diagnosis} {also}"


def find(exercise, cases, expected, outcomes, *, gradients):
    """What the learner did, as far as it can be found.

    Args:
        exercise: Exercise.
        cases: list of tuples of arguments.
        expected, outcomes: list of Outcome, of the reference and of the learner's function.
        gradients: True where the values are right and a gradient is not.
    Returns:
        (name, what to tell) or None.
    """
    if not gradients:
        found = _last_step(expected, outcomes)
        if found:
            return found
        found = _factor(exercise, cases, expected, outcomes)
        if found:
            return "factor", f"On every case {found[0]} is the right one times {found[1]}."
        for first in exercise.plain_misconceptions:
            found = _factor(exercise, cases, exercise.outcomes(first.function), outcomes)
            if found:
                also = f"On every case {found[0]} is what comes out then, times {found[1]}."
                return f"{first.name}+factor", _first(first, also)
    for candidate in candidates(exercise, cases[0], gradients=gradients):
        if _may_be(candidate.function, cases[0], outcomes[0].value):
            if all(map(_same(candidate.function, exercise, gradients), cases, outcomes)):
                return candidate.name, candidate.told
    return None


def _may_be(function, case, value):
    """A quick look at one case: most candidates are out here."""
    try:
        found = function(*(given.clone() if isinstance(given, torch.Tensor) else given for given in case))
    except Exception:  # of a slip anything may come
        return False
    if value[0] != "tensor":
        return True
    right = value[1]
    alike = isinstance(found, torch.Tensor) and found.shape == right.shape and found.dtype == right.dtype
    return alike and bool(close(right, found).all())


def _same(function, exercise, gradients):
    def same(case, got):
        outcome = evaluate(function, case, gradients)
        return not difference(outcome, got, exercise.arguments(case), gradients=gradients)

    return same


def _last_step(expected, outcomes):
    """What must still be done to the learner's output."""
    for name, words, change in of_output(plain(outcomes[0].value)):

        def completes(want, got, change=change):
            with contextlib.suppress(Exception):  # it does not apply to a value of this shape
                return not difference(
                    want, Outcome("value", portable(change(plain(got.value)))), {}, gradients=False
                )

        if all(map(completes, expected, outcomes)):
            return f"{name}_missing", f"On every case {words.format('what you return')} is the right answer."
    return None


def plain(value):
    """The value that `portable` wrote; of one that was only described, the description."""
    if value[0] == "sequence":
        return [plain(item) for item in value[1:]]
    return None if value[0] == "none" else value[1]


def _factor(exercise, cases, expected, outcomes):
    """(the part of the output that is the expected one times a factor, the factor in words), or None.

    The factor is the same on every case, or goes with a size or a number of each.
    """
    pairs = [list(_numbers(want.value, got.value)) for want, got in zip(expected, outcomes, strict=True)]
    if len({len(parts) for parts in pairs}) > 1 or any(len(pair) < 2 for parts in pairs for pair in parts):
        return None
    columns = list(zip(*pairs, strict=True))
    wrong = [k for k, column in enumerate(columns) if not all(bool(close(*pair).all()) for pair in column)]
    if len(wrong) != 1:
        return None
    ratios = [_ratio(*pair) for pair in columns[wrong[0]]]
    if None in ratios:
        return None
    place = f"value {wrong[0] + 1} of your output" if len(columns) > 1 else "your output"
    for words, factors in _factors(exercise, cases, ratios):
        agree = zip(ratios, factors, strict=True)
        if all(math.isnan(r) or math.isclose(r, f, rel_tol=1e-4) for r, f in agree):
            return place, words
    return None


def _numbers(want, got):
    """Pairs of float64 tensors, the numbers of two portable values; `()` where they differ in form."""
    if want[0] == got[0] == "sequence" and len(want) == len(got):
        for pair in zip(want[1:], got[1:], strict=True):
            yield from _numbers(*pair)
    elif want[0] == got[0] and want[0] in ("tensor", "number"):
        one, two = torch.as_tensor(want[1]).double(), torch.as_tensor(got[1]).double()
        yield (one, two) if one.shape == two.shape else ()
    else:
        yield ()


def _ratio(want, got):
    """got / want where that is one number, NaN where all is 0; else None."""
    told = want != 0
    if not torch.equal(told, got != 0):
        return None
    ratios = (got / want)[told]
    if not ratios.numel():
        return math.nan
    return ratios[0].item() if torch.allclose(ratios, ratios[0], rtol=1e-4) else None


def _factors(exercise, cases, ratios):
    """Yield (words, the factor on each case)."""
    constant = next((r for r in ratios if not math.isnan(r)), 1.0)
    if not math.isclose(constant, 1, rel_tol=1e-4):
        yield f"{constant:.4g}", [constant] * len(cases)
    names = list(exercise.arguments(cases[0]))
    for i, name in enumerate(names):
        values = [case[i] for case in cases]
        if all(isinstance(value, torch.Tensor) for value in values):
            sizes = [(f"{name}.shape[{d}]", [v.shape[d] for v in values]) for d in range(values[0].ndim)]
            sizes += [(f"{name}.numel()", [v.numel() for v in values])] * (values[0].ndim > 1)
            if all(value.numel() == 1 for value in values):
                sizes.append((name, [value.item() for value in values]))
        else:
            plain_numbers = all(isinstance(value, int | float) for value in values)
            sizes = [(name, values)] if plain_numbers else []
        for words, numbers in sizes:
            for form, change in FACTORS:
                with contextlib.suppress(ZeroDivisionError, OverflowError, ValueError):
                    yield f"`{form.format(words)}`", [change(n) for n in numbers]


FACTORS = (
    ("{}", lambda n: n),
    ("1 / {}", lambda n: 1 / n),
    ("{} ** 0.5", math.sqrt),
    ("1 / {} ** 0.5", lambda n: 1 / math.sqrt(n)),
    ("{} ** 2", lambda n: n * n),
    ("1 / {} ** 2", lambda n: 1 / n**2),
    ("({0} - 1) / {0}", lambda n: (n - 1) / n),
    ("{0} / ({0} - 1)", lambda n: n / (n - 1)),
    ("1 - {}", lambda n: 1 - n),
    ("1 / (1 - {})", lambda n: 1 / (1 - n)),
    ("exp({})", math.exp),
)

"""Find what a learner did whose answer no known misconception gives.

Candidates are functions with the arguments of the exercise: the worked solution with one slip in its source,
with other arguments, with another last step, and all of that on top of a known misconception. The one that
gives the learner's numbers on every case is told. What a candidate is found by is exact agreement, so what is
said of it is true of the learner's function as far as the cases reach.
"""

import contextlib
import itertools
import math
from dataclasses import dataclass

import torch

from course.compare import close, difference
from course.exercises.mutations import mutations
from course.exercises.outcome import Outcome, evaluate, portable

MUTATIONS = 400  # slips of one solution that are tried
COMMON = (0.0, 1.0, 0.5, 0.1, 0.9, 0.99, 0.01, 1e-3, 1e-5, 1e-6, 1e-8)  # values that others give a number
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


# --- what may be done to an argument, or to the output: (name, words with a place for it, function)

ELEMENTWISE = (
    ("negative", "the negative of {}", lambda x: -x),
    ("square", "the square of {}", lambda x: x * x),
    ("root", "the square root of {}", lambda x: x**0.5),
    (
        "exponential",
        "the exponential of {}",
        lambda x: x.exp() if isinstance(x, torch.Tensor) else math.exp(x),
    ),
    ("logarithm", "the logarithm of {}", lambda x: x.log() if isinstance(x, torch.Tensor) else math.log(x)),
    ("complement", "1 minus {}", lambda x: 1 - x),
    ("reciprocal", "1 over {}", lambda x: 1 / x),
    ("double", "twice {}", lambda x: 2 * x),
    ("half", "half of {}", lambda x: x / 2),
    ("magnitude", "the absolute value of {}", abs),
)
OUTPUT_ONLY = (
    ("clamped", "{}, or 0 where that is negative", lambda x: torch.clamp(torch.as_tensor(x), min=0)),
    ("sigmoid", "the sigmoid of {}", lambda x: torch.sigmoid(torch.as_tensor(x))),
    ("tanh", "the tanh of {}", lambda x: torch.tanh(torch.as_tensor(x))),
    ("bits", "{} in bits for nats", lambda x: x / torch.log(torch.tensor(2.0, dtype=torch.float64)).item()),
    *(
        (f"rounded_{n}", f"{{}} rounded to {n} places behind the point", lambda x, n=n: _rounded(x, n))
        for n in range(7)
    ),
    ("nats", "{} in nats for bits", lambda x: x * torch.log(torch.tensor(2.0, dtype=torch.float64)).item()),
)


def _rounded(x, places):
    return torch.round(x, decimals=places) if isinstance(x, torch.Tensor) else round(x, places)


def _axes(tensor):
    """Changes along each axis of a tensor, (name, words, function)."""
    for d in range(tensor.ndim):
        yield f"sum_{d}", f"the sum over axis {d} of {{}}", lambda x, d=d: x.sum(d)
        yield f"mean_{d}", f"the mean over axis {d} of {{}}", lambda x, d=d: x.mean(d)
        yield f"sum_{d}", f"the sum (axis kept) over axis {d} of {{}}", lambda x, d=d: x.sum(d, keepdim=True)
        yield (
            f"mean_{d}",
            f"the mean (axis kept) over axis {d} of {{}}",
            lambda x, d=d: x.mean(d, keepdim=True),
        )
        yield f"first_{d}", f"the first along axis {d} of {{}}", lambda x, d=d: x.select(d, 0)
        yield f"last_{d}", f"the last along axis {d} of {{}}", lambda x, d=d: x.select(d, -1)
        yield (
            f"all_{d}",
            f"the first of {{}} along axis {d}, for all",
            lambda x, d=d: x.narrow(d, 0, 1).expand_as(x),
        )
        yield f"flipped_{d}", f"{{}} reversed along axis {d}", lambda x, d=d: x.flip(d)
        yield f"later_{d}", f"{{}} moved on by one along axis {d}", lambda x, d=d: x.roll(1, d)
        yield f"earlier_{d}", f"{{}} moved back by one along axis {d}", lambda x, d=d: x.roll(-1, d)
        yield f"running_{d}", f"the running sum along axis {d} of {{}}", lambda x, d=d: x.cumsum(d)
        yield f"softmax_{d}", f"the softmax over axis {d} of {{}}", lambda x, d=d: x.softmax(d)
        yield f"squeezed_{d}", f"{{}} without axis {d}", lambda x, d=d: x.squeeze(d)
    for d, e in itertools.combinations(range(tensor.ndim), 2):
        yield (
            f"transposed_{d}_{e}",
            f"{{}} with axes {d} and {e} swapped",
            lambda x, d=d, e=e: x.transpose(d, e),
        )
    for d in range(tensor.ndim + 1):
        yield f"axis_{d}", f"{{}} with an axis of size 1 at {d}", lambda x, d=d: x.unsqueeze(d)
    if tensor.ndim > 1:
        yield "sum", "the sum of all elements of {}", lambda x: x.sum()
        yield "mean", "the mean of all elements of {}", lambda x: x.mean()
        yield "flat", "{} flattened", lambda x: x.flatten()


def of_arguments(names, case):
    """Yield what may be done to the arguments of a case, (name, words, function of a case)."""
    for i, (name, given) in enumerate(zip(names, case, strict=True)):
        for label, words, change in _of_argument(name, given):
            yield label, words, lambda case, i=i, change=change: (*case[:i], change(case[i]), *case[i + 1 :])
    for i, j in itertools.combinations(range(len(case)), 2):
        if type(case[i]) is type(case[j]) and _kind(case[i]) == _kind(case[j]):

            def swapped(case, i=i, j=j):
                return (*case[:i], case[j], *case[i + 1 : j], case[i], *case[j + 1 :])

            yield f"{names[i]}_and_{names[j]}_swapped", f"`{names[i]}` and `{names[j]}` are swapped", swapped


def _kind(given):
    return (given.dtype, given.ndim) if isinstance(given, torch.Tensor) else None


def _for(words, name):
    return f"`{name}` is replaced by {words.format(f'`{name}`')}"


def _of_argument(name, given):
    if isinstance(given, bool):
        yield f"not_{name}", f"`{name}` is True for False", lambda value: not value
    elif isinstance(given, int | float):
        for value in (0, 1) if isinstance(given, int) else COMMON:
            yield f"{name}_{value}", f"`{name}` is always {value}", lambda _, value=value: type(given)(value)
        if isinstance(given, int):
            yield f"{name}_plus_1", f"`{name}` is one more", lambda value: value + 1
            yield f"{name}_minus_1", f"`{name}` is one less", lambda value: value - 1
        else:
            for label, words, change in (*ELEMENTWISE, ("whole", "the whole part of {}", int)):
                yield f"{label}_{name}", _for(words, name), change
    elif isinstance(given, tuple) and len(given) == 2 and all(isinstance(v, int) for v in given):
        yield f"{name}_reversed", f"the two numbers of `{name}` are swapped", lambda pair: pair[::-1]
        yield f"{name}_first_twice", f"`{name}[0]` is used twice", lambda pair: (pair[0], pair[0])
        yield f"{name}_last_twice", f"`{name}[1]` is used twice", lambda pair: (pair[1], pair[1])
    elif isinstance(given, torch.Tensor) and given.dtype == torch.bool:
        yield f"{name}_inverted", f"`{name}` is inverted", torch.logical_not
        yield f"{name}_ignored", f"`{name}` is True everywhere", torch.ones_like
        for label, words, change in _axes(given):
            if label.partition("_")[0] in ("flipped", "all", "transposed"):
                yield f"{label}_{name}", _for(words, name), change
    elif isinstance(given, torch.Tensor) and given.is_floating_point():
        yield f"{name}_detached", f"`{name}` is detached", torch.Tensor.detach
        yield f"{name}_zero", f"`{name}` is 0 everywhere", torch.zeros_like
        yield f"{name}_one", f"`{name}` is 1 everywhere", torch.ones_like
        for label, words, change in (*ELEMENTWISE, *_axes(given)):
            yield f"{label}_{name}", _for(words, name), change
    elif isinstance(given, torch.Tensor):
        yield f"{name}_plus_1", f"`{name}` is one more", lambda x: x + 1
        yield f"{name}_minus_1", f"`{name}` is one less", lambda x: x - 1
        for label, words, change in _axes(given):
            if label.partition("_")[0] in ("flipped", "all", "later", "earlier"):
                yield f"{label}_{name}", _for(words, name), change
    elif isinstance(given, tuple | list):
        yield f"{name}_reversed", f"`{name}` is reversed", lambda items: items[::-1]
        yield f"{name}_without_its_first", f"the first of `{name}` is left out", lambda items: items[1:]
        yield f"{name}_without_its_last", f"the last of `{name}` is left out", lambda items: items[:-1]


def _after(change, function, which):
    """A function whose output, or its item `which`, is changed."""

    def changed(*case):
        value = function(*case)
        if which is None:
            return change(value)
        return tuple(change(item) if i == which else item for i, item in enumerate(value))

    return changed


def of_output(value):
    """Yield what may be done to a returned value, (name, words, function)."""
    if isinstance(value, tuple | list):
        if len(value) == 2:
            yield "items_swapped", "{} with its two items swapped", lambda pair: pair[::-1]
        for i, item in enumerate(value[:4]):
            for name, words, change in of_output(item) if not isinstance(item, tuple | list) else ():

                def one(items, i=i, change=change):
                    return [change(item) if k == i else item for k, item in enumerate(items)]

                yield f"{name}_item_{i + 1}", words.format(f"value {i + 1} of {{}}"), one
    elif isinstance(value, torch.Tensor) and value.dtype == torch.bool:
        yield "inverted", "the negation of {}", torch.logical_not
        yield from (
            part for part in _axes(value) if part[0].startswith(("flip", "later", "earlier", "trans"))
        )
    elif isinstance(value, torch.Tensor) and value.is_floating_point():
        yield from (*ELEMENTWISE, *OUTPUT_ONLY, *_axes(value))
    elif isinstance(value, torch.Tensor):
        yield "plus_1", "1 more than {}", lambda x: x + 1
        yield "minus_1", "1 less than {}", lambda x: x - 1
    elif isinstance(value, int) and not isinstance(value, bool):
        yield "plus_1", "1 more than {}", lambda x: x + 1
        yield "minus_1", "1 less than {}", lambda x: x - 1
        yield "double", "twice {}", lambda x: 2 * x
    elif isinstance(value, float):
        yield from ELEMENTWISE


def candidates(exercise, case, *, gradients=False):
    """Yield Candidates, the plainest first.

    Args:
        exercise: Exercise.
        case: one of its cases, whose types tell what can be done.
        gradients: True where a gradient alone is wrong.
    """
    names, worked = exercise.parameters, exercise.worked
    ends = list(of_output(worked(*case)))
    begins = list(of_arguments(names, case))
    for name, words, change in ends:
        told = f"On every case you return {words.format('the right answer')}."
        yield Candidate(f"{name}_returned", told, _after(change, worked, None))
    later = [begin for begin in begins if begin[0].partition("_")[0] in LATER]
    yield from _begun(worked, (begin for begin in begins if begin not in later))
    for slip in itertools.islice(mutations(worked), MUTATIONS):
        yield Candidate("slip", _slip(slip), slip.function)
    if gradients:
        for slip in itertools.islice(mutations(worked, cut=True), MUTATIONS):
            told = (
                f"The values are right, but a gradient is missing: it has to flow through `{slip.before}` too"
            )
            yield Candidate("cut", f"{told} (in the names of the worked solution).", slip.function)
    yield from _begun(worked, later)
    yield from (Candidate(pair.name, pair.diagnosis, pair.function) for pair in exercise.pairs())
    ends = [end for end in ends if end[0].partition("_")[0] in SECOND]
    begins = [begin for begin in begins if begin[0].partition("_")[0] in SECOND or "swapped" in begin[0]]
    for first, function in ((m, m.function) for m in exercise.plain_misconceptions()):
        for name, words, change in ends:
            also = f"Then look again: you also return {words.format('what belongs there')}."
            yield Candidate(f"{first.name}+{name}", _first(first, also), _after(change, function, None))
        for name, words, change in begins:
            also = f"Then look again: you also compute as if {words}."
            yield Candidate(
                f"{first.name}+{name}",
                _first(first, also),
                lambda *case, change=change, function=function: function(*change(case)),
            )


def _begun(worked, begins):
    for name, words, change in begins:
        told = f"On every case you return what is right if {words}."
        yield Candidate(name, told, lambda *case, change=change: worked(*change(case)))


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
        found = _last_step(expected, outcomes) or _factor(exercise, cases, expected, outcomes)
        if found:
            return found
        for first in exercise.plain_misconceptions():
            found = _factor(exercise, cases, exercise.outcomes(first.function), outcomes)
            if found:
                also = found[1].replace("is the right one times", "is what comes out then, times")
                return f"{first.name}+{found[0]}", _first(first, also)
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
    return (
        [plain(item) for item in value[1:]]
        if value[0] == "sequence"
        else value[-1]
        if len(value) > 1
        else None
    )


def _factor(exercise, cases, expected, outcomes):
    """One part of the output is the right one times a factor: the same on every case, or one of its sizes."""
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
            return "factor", f"On every case {place} is the right one times {words}."
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
    return ratios[0].item() if torch.allclose(ratios, ratios[0], rtol=1e-5, equal_nan=False) else None


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

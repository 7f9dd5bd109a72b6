"""Say what is wrong with an answer: the most that can be said, and always the smallest case that fails."""

import math
import statistics
from dataclasses import dataclass

import torch

from course.compare import SHOWN, close, difference, digits, is_finite, show
from course.exercises import sandbox, search, special

FEW_DIGITS = 4.5  # to how many a wrong answer must be right to be called right but for its precision
SEARCH_SECONDS = 5.0  # for what may have been done to come to a wrong answer
FAULTS = []  # what went wrong in a search: a learner's verdict does not suffer by it, a test does
PRINTED = 500  # characters shown of what a function printed


@dataclass(frozen=True)
class Wrong:
    """A wrong answer.

    Attributes:
        exercise: Exercise.
        cases: list of tuples of arguments.
        expected, outcomes: lists of Outcome, of the reference and of the learner's function, which may have
            ended early.
        gradients: True where all values are right, so that gradients are what is wrong.
        failures: dict from the numbers of the cases that fail to (diagnosis, sentence), the smallest first.
    """

    exercise: object
    cases: list
    expected: list
    outcomes: list
    gradients: bool
    failures: dict

    @property
    def whole(self):
        """True where the function came to the end of all cases."""
        return len(self.outcomes) == len(self.cases) and all(o.kind == "value" for o in self.outcomes)

    @property
    def of_another_type(self):
        """True where what is wrong is the type, in most cases."""
        told = [diagnosis for diagnosis, _ in self.failures.values()]
        return 2 * told.count("wrong_dtype") >= len(self.cases)

    def arguments(self, which):
        """A case as a dict from names to values."""
        return self.exercise.arguments(self.cases[which])

    def shown(self, which=None):
        """What is wrong with a case, by default the smallest, what it was, and what the function printed."""
        which = next(iter(self.failures)) if which is None else which
        given, printed = self.arguments(which), self.outcomes[which].printed.strip()
        lines = [self.failures[which][1], "Called with:"]
        lines += [f"  {name} = {show(value)}" for name, value in given.items()]
        if any(isinstance(value, torch.Tensor) and value.numel() > SHOWN for value in given.values()):
            lines.append("The result's `.arguments` holds these values.")
        return "\n".join([*lines, *(["It printed:", printed[:PRINTED]] if printed else [])])


def wrong(exercise, cases, expected, outcomes, *, gradients):
    """A Wrong, with its failures found."""
    failures = []
    for k, (case, want, got) in enumerate(zip(cases, expected, outcomes, strict=False)):
        found = difference(want, got, exercise.arguments(case), gradients=gradients)
        if found:
            failures.append((_size(case), k, found))
    in_order = {k: found for _, k, found in sorted(failures)}
    return Wrong(exercise, cases, expected, outcomes, gradients, in_order)


def _size(case):
    """What makes a case long to read: tensors too large to show, the characters shown, the numbers' size."""
    elements = sum(
        value.numel() for value in case if isinstance(value, torch.Tensor) and value.numel() > SHOWN
    )
    return elements, len(show(case)), sum(abs(value) for value in case if isinstance(value, int | float))


def named(answer):
    """The verdict on a Wrong answer, (diagnosis, message)."""
    for judge in (
        _changed,
        _known,
        _unfixed,
        _keeps_state,
        _too_slow,
        _kind,
        _cut_in_most,
        _squeezed,
        _few_digits,
        _trait,
        _cut,
        _found,
        _not_finite,
    ):
        verdict = judge(answer)
        if verdict:
            return verdict
    diagnosis, sentence = next(iter(answer.failures.values()))
    shown = answer.shown()
    if diagnosis == "returned_none" and all(outcome.value == ("none",) for outcome in answer.outcomes):
        shown = shown.replace(sentence, f"{sentence.rstrip('.')}: is a return missing?", 1)
    return diagnosis, shown


MEDDLING = {
    "reused": "your function fills one tensor again and again, and so changes what it returned before",
    "changed": "your function changes {0} in place: work on a copy",
    "graded": "your function leaves a gradient on {0}, to which the next adds: use {0}.detach().clone()",
    "shared": "what you return shares its memory with {0}, and a change of the one changes the other: copy",
}


def meddling(exercise, outcomes):
    """What a function did to its arguments, (diagnosis, sentence), or None."""
    for outcome in outcomes:
        for kind, told in MEDDLING.items():
            positions = getattr(outcome, kind)
            if positions and (kind != "shared" or exercise.fresh):
                diagnosis = {"shared": "shares_memory", "reused": "keeps_state"}.get(kind, "changed_input")
                return diagnosis, f"{told.format(exercise.parameters[positions[0]])}."
    return None


def _changed(answer):
    found = meddling(answer.exercise, answer.outcomes)
    return found and (found[0], f"Fix this first: {found[1]} Besides:\n{answer.shown()}")


def _known(answer):
    exercise = answer.exercise
    for misconception in exercise.misconceptions:
        outcomes = exercise.outcomes(misconception.function)
        if exercise.agree(outcomes, answer.outcomes, answer.cases, gradients=answer.gradients):
            return misconception.name, misconception.diagnosis
    return None


def _unfixed(answer):
    exercise = answer.exercise
    as_given = exercise.has_bug and exercise.outcomes(exercise.stub)
    if not as_given or not exercise.agree(as_given, answer.outcomes, answer.cases, gradients=True):
        return None
    told = "Your function returns what the program that was handed out returns: the bug is still in it"
    return "as_given", f"{told}.\n{answer.shown()}"


def _keeps_state(answer):
    last = len(answer.cases) - 1
    if (
        last not in answer.failures
        or 0 in answer.failures
        or show(answer.cases[last]) != show(answer.cases[0])
    ):
        return None
    told = "The first call was right, and the same call is not after the others"
    return "keeps_state", f"{told}: your function keeps something between calls.\n{answer.shown()}"


def _cut(answer):
    """Gradients that do not arrive, arrive where they should not, or are NaN."""
    diagnosis, _ = next(iter(answer.failures.values()))
    return (diagnosis, answer.shown()) if diagnosis in ("detached", "not_detached", "nan_gradient") else None


def _cut_in_most(answer):
    return _cut(answer) if 2 * len(answer.failures) > len(answer.cases) else None


def _too_slow(answer):
    last = len(answer.outcomes) - 1
    if answer.outcomes[last].kind != "timeout" or list(answer.failures) != [last] or not last:
        return None
    told = f"Right on the first {last} cases, but then too slow: does the work grow too fast with the size?"
    return "too_slow", f"{told} {answer.shown()}"


def _squeezed(answer):
    """Right but for axes of size 1 that are missing."""
    for which, (diagnosis, _) in answer.failures.items():
        want, got = answer.expected[which].value, answer.outcomes[which].value
        if diagnosis != "wrong_shape" or not _same_numbers(want, got):
            return None
    lost = _axes(got) < _axes(want)
    told = "lost: `squeeze` takes all of them, also that of a batch of one" if lost else "too many"
    return "squeezed", f"The numbers are right, but an axis of size 1 is {told}.\n{answer.shown()}"


def _axes(value):
    if value[0] == "sequence":
        return sum(map(_axes, value[1:]))
    return value[1].dim() if value[0] == "tensor" else 0


def _same_numbers(want, got):
    if want[0] == got[0] == "sequence":
        return all(map(_same_numbers, want[1:], got[1:]))
    if want[0] != got[0] or want[0] != "tensor":
        return want == got
    sizes = [[size for size in value[1].shape if size != 1] for value in (want, got)]
    return sizes[0] == sizes[1] and bool(close(want[1].flatten(), got[1].flatten()).all())


def _few_digits(answer):
    diagnosis, _ = next(iter(answer.failures.values()))
    if diagnosis != "wrong_values" or not answer.whole:
        return None
    right = [digits(answer.expected[k].value, answer.outcomes[k].value) for k in answer.failures]
    if min(right[0], statistics.median(right)) < FEW_DIGITS or math.isinf(right[0]):
        return None
    told = f"Your values are right to about {right[0]:.0f} digits of the largest one, not to nine of each"
    cause = "Is a number on the way rounded to float32 or clamped, or a small one added, such as 1e-8?"
    return "few_digits", f"{told}. {cause}\n{answer.shown()}"


def _kind(answer):
    found = None if answer.of_another_type else special.kind_of(*_apart(answer), answer.exercise.kinds)
    return found and (found[0], f"{found[1]}\n{answer.shown()}")


def _trait(answer):
    found = None if answer.of_another_type else special.trait_of(*_apart(answer))
    return found and (found[0], f"{found[1]}\n{answer.shown()}")


def _apart(answer):
    """The cases that fail and those that do not."""
    came = range(len(answer.outcomes))
    return [answer.arguments(k) for k in answer.failures], [
        answer.arguments(k) for k in came if k not in answer.failures
    ]


def _found(answer):
    if not answer.whole or not is_finite(answer.outcomes[0].value) or answer.of_another_type:
        return None

    def find():  # in the sandbox: of a guess anything may come
        return search.find(
            answer.exercise, answer.cases, answer.expected, answer.outcomes, gradients=answer.gradients
        )

    (outcome,) = sandbox.run(find, [()], deadline=SEARCH_SECONDS)
    if outcome.kind == "error":
        FAULTS.append(f"{answer.exercise.name}: {outcome.text}")
    found = search.plain(outcome.value) if outcome.kind == "value" else None
    return found and (found[0], f"{found[1]}\n{answer.shown()}")


def _not_finite(answer):
    bad = [k for k in answer.failures if not is_finite(answer.outcomes[k].value)]
    if 2 * len(bad) < len(answer.failures) or answer.failures[(bad or [0])[0]][0] != "wrong_values":
        return None
    told = f"Your function returns inf or NaN on {len(bad)} of {len(answer.cases)} cases"
    cause = "an exponential overflows, a logarithm or a root meets 0 or less, or 0 is divided by 0"
    return "not_finite", f"{told}: {cause}.\n{answer.shown(bad[0])}"

"""Answers that people wrote who saw the statements alone: no wrong one passes, no right one is refused."""

import random
from pathlib import Path

import pytest

from course.compare import difference
from course.exercises import naming, sandbox
from tests.helpers.exercises import all_exercises, answers

pytestmark = pytest.mark.usefixtures("one_thread", "alone")

every_exercise = pytest.mark.parametrize(
    ("name", "exercise"), [pytest.param(*item, id=item[0]) for item in all_exercises().items()]
)
# verdicts that tell what is seen, not what was done
GENERAL = {
    "wrong_values", "wrong_shape", "wrong_dtype", "wrong_type", "wrong_gradient", "returned_none", "raised",
    "timeout", "died",
}  # fmt: skip


def fails_early(exercise, function):
    """True where one of the first three cases fails, as most do: the rest need not be tried."""
    cases = exercise.cases(random.Random(0))[:3]
    expected = exercise.outcomes(exercise.reference)
    outcomes = sandbox.run(function, cases, gradients=exercise.gradients, deadline=exercise.deadline)
    triples = zip(cases, expected, outcomes, strict=False)
    return any(difference(want, got, exercise.arguments(case)) for case, want, got in triples)


def test_every_exercise_has_answers():
    found = Path(__file__).parent.glob("answers/*/[!_]*.py")
    assert {f"{path.parent.name}.{path.stem}" for path in found} == all_exercises().keys()


@every_exercise
def test_wrong_answers_fail_and_right_ones_pass(name, exercise, monkeypatch):
    monkeypatch.setattr(naming, "named", lambda answer: ("wrong", ""))  # which takes time: see below
    wrong, right = answers(name, "wrong"), answers(name, "right")
    assert len(wrong) >= 10 and len(right) >= 3
    passed = [f for f in wrong if not fails_early(exercise, f) and exercise.check(f).status != "failed"]
    assert not passed
    results = {f.__name__: exercise.check(f) for f in right}
    assert {(r.status, r.diagnosis) for r in results.values()} == {("passed", None)}, results
    for function in answers(name, "forbidden"):
        result = exercise.check(function)
        assert (result.status, result.diagnosis) == ("passed", "forbidden"), function


@pytest.mark.soak
def test_three_of_four_wrong_answers_are_named(monkeypatch):
    monkeypatch.setattr(naming, "FAULTS", [])
    named = {
        name: [exercise.check(function).diagnosis not in GENERAL for function in answers(name, "wrong")]
        for name, exercise in all_exercises().items()
    }
    assert sum(map(sum, named.values())) >= 0.8 * sum(map(len, named.values()))
    assert not {name for name, told in named.items() if sum(told) < 0.5 * len(told)}
    assert not naming.FAULTS

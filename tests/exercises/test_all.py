"""What holds for every exercise of every chapter: what is right passes, what is wrong is told apart."""

import inspect
import itertools
import random
import re

import pytest
import torch

from course import chapters, exercises
from course.compare import difference
from course.exercises.mutations import mutations
from course.exercises.outcome import evaluate
from course.exercises.verdict import Result
from tests.helpers.exercises import all_exercises, answers, in_the_chapter, outcomes

pytestmark = pytest.mark.usefixtures("one_thread")

MUTANTS = 20
WIDE_CASES = 50
BUILT_IN_DIAGNOSES = set(re.findall(r'"(\w+)"', inspect.getdoc(Result)))

LEVEL = r"(?:easy|medium|hard)(?:,| ·)\s+about\s+\d+\s+minutes"
HEADING = re.compile(
    rf"^(?:### Exercise: (.+)\n\n\*{LEVEL}\*|\*\*Exercise: ([^*]+)\*\*\s+\({LEVEL}\))\n\n", re.M
)

every_exercise = pytest.mark.parametrize(
    ("name", "exercise"), [pytest.param(*item, id=item[0]) for item in all_exercises().items()]
)


def right_ones(exercise, functions, cases):
    """Those of the functions that agree with the reference on all the cases."""
    for case in cases:
        if not functions:
            break
        want, names = evaluate(exercise.reference, case, exercise.gradients), exercise.arguments(case)
        functions = [
            f for f in functions if not difference(want, evaluate(f, case, exercise.gradients), names)
        ]
    return functions


def mutants(functions):
    """Yield the functions with one slip each, those of each function in a random order."""
    rng = random.Random(0)
    for function in functions:
        for slip in mutations(function, lambda edits: rng.sample(edits, len(edits))):
            slip.function.__qualname__ = f"{function.__name__}: {slip.after} for {slip.before}"
            yield slip.function


def wide_cases(exercise):
    """More random cases than a check has."""
    rng = random.Random(1)
    return [exercise.wide(rng) for _ in range(WIDE_CASES)]


def test_every_chapter_is_found():
    found = [(exercise.chapter, exercise.name) for exercise in all_exercises().values()]
    assert {("01_cnn", "output_size"), ("04_vae", "gaussian_kl"), ("05_gan", "broken_game")} <= set(found)
    assert len(set(found)) == len(found)
    assert {chapter for chapter, _ in found} <= {path.stem for path in chapters.paths()}


def test_a_chapters_exercises_are_named_in_the_order_in_which_it_sets_them():
    for package in exercises.CHAPTERS:
        source = chapters.find(package.CHAPTER).read_text(encoding="utf-8")
        name = package.__name__.rpartition(".")[2]
        assert list(package.TITLES) == re.findall(rf"^exercises\.{name}\.(\w+)\.check\(", source, re.M)


@every_exercise
def test_module_file_and_exercise_have_one_name(name, exercise):
    assert name.partition(".")[2] == exercise.name
    assert exercise.worked.__name__.startswith("my_")
    assert exercise.reference is not exercise.worked


@every_exercise
def test_cases_repeat_and_the_reference_answers_them(name, exercise):
    cases = exercise.cases(random.Random(0))
    assert str(cases) == str(exercise.cases(random.Random(0)))
    assert len(cases) >= 10
    for outcome in outcomes(exercise, exercise.reference):
        assert outcome.kind == "value", outcome.text
        parts = (outcome.value[-1], *outcome.gradients)
        assert all(part.isfinite().all() for part in parts if isinstance(part, torch.Tensor))


@every_exercise
def test_the_solution_passes_and_is_right_on_wide_cases(name, exercise):
    result = exercise.check(exercise.worked)
    assert (result.status, result.diagnosis) == ("passed", None), result
    source = inspect.getsource(exercise.worked).rstrip()
    assert exercise.solution() == f"```python\n{source}\n```"
    assert right_ones(exercise, [exercise.worked], wide_cases(exercise))


@every_exercise
def test_each_misconception_is_diagnosed_as_itself(name, exercise):
    """And so differs from all others: of two that are the same, only the first would be diagnosed."""
    for misconception in exercise.misconceptions:
        found = outcomes(exercise, misconception.function)
        assert any(outcome.kind == "value" for outcome in found), misconception.name  # else it says nothing
        result = exercise.judge(found)
        assert (result.status, result.diagnosis) == ("failed", misconception.name), result
        assert result.message == misconception.diagnosis
    names = {misconception.name for misconception in exercise.misconceptions}
    assert names and not names & BUILT_IN_DIAGNOSES


@every_exercise
def test_mutations_of_right_answers_are_rejected(name, exercise):
    """By some case of a check; one that none rejects is another right answer."""
    originals = [exercise.worked, *answers(name, "right")]
    cases = exercise.cases(random.Random(0))

    def runs(mutant):  # one that raises at once is rejected by anything
        return evaluate(mutant, cases[0]).kind == "value"

    tried = list(itertools.islice(filter(runs, mutants(originals)), MUTANTS))
    assert len(tried) >= (15 if len(originals) > 1 else 5)
    survivors = right_ones(exercise, tried, cases)
    assert len(survivors) <= len(tried) // 3  # else the mutations are too mild to tell anything
    assert right_ones(exercise, survivors, wide_cases(exercise)) == survivors


@every_exercise
def test_hints_go_from_one_to_the_next(name, exercise):
    texts = [str(exercise.hint()) for _ in range(len(exercise.hints) + 1)]
    count = len(exercise.hints)
    assert count >= 2
    assert texts[:-1] == [f"Hint {i} of {count}: {hint}" for i, hint in enumerate(exercise.hints, 1)]
    assert "no more hints" in texts[-1] and ".solution()" in texts[-1]


@every_exercise
def test_the_chapter_states_the_task_and_hands_out_the_stub(name, exercise):
    texts, cell = in_the_chapter(name, exercise)
    block = [text for text in texts if HEADING.search(text)][-1]
    heading = HEADING.search(block)
    assert " ".join((heading[1] or heading[2]).split()).casefold() == exercise.title.casefold()
    statement = block[heading.end() :].strip().removesuffix("</div>")
    assert len(statement.split()) <= 120
    for above in ("", "import math\nimport torch\nimport torch.nn.functional as F\nfrom torch import nn\n"):
        # The compiler emits another call sequence where it sees the import.
        namespace = dict(exercise.worked.__globals__) | {"exercises": exercises}
        exec(compile(f"{above}\n\n{cell}  # moved to another cell", "<ipython-input-7>", "exec"), namespace)
        stub = namespace[exercise.worked.__name__]
        assert exercise.check(stub).status == "not_attempted"
        assert inspect.signature(stub) == inspect.signature(exercise.worked)
        # A chapter's lines are shorter.
        assert inspect.getdoc(stub).split() == inspect.getdoc(exercise.worked).split()

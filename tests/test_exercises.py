"""Proofs that hold for every exercise of every chapter: what is right passes, what is wrong is told apart."""

import importlib
import inspect
import itertools
import pkgutil
import random
import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from course import exercises
from course.exercises.compare import difference
from course.exercises.engine import Exercise
from course.exercises.outcome import evaluate
from tests.mutations import mutants

pytestmark = pytest.mark.usefixtures("one_thread")

NOTEBOOKS = Path(__file__).parents[1] / "notebooks"
MUTANTS = 20
WIDE_CASES = 1000
BUILT_IN_DIAGNOSES = set(re.findall(r'"(\w+)"', inspect.getdoc(exercises.engine.Result)))


def chapter_modules():
    """The modules of `course.exercises` that belong to a chapter: those with a CHAPTER."""
    names = [module.name for module in pkgutil.iter_modules(exercises.__path__)]
    modules = [importlib.import_module(f"course.exercises.{name}") for name in names]
    return [module for module in modules if hasattr(module, "CHAPTER")]


def each_exercise():
    """(module, exercise) for every exercise, named as the learner writes it."""
    return [
        pytest.param(module, exercise, id=f"{module.__name__.rpartition('.')[2]}.{name}")
        for module in chapter_modules()
        for name, exercise in vars(module).items()
        if isinstance(exercise, Exercise)
    ]


every_exercise = pytest.mark.parametrize(("module", "exercise"), each_exercise())


def the_cases(exercise):
    return exercise.cases(random.Random(0))


def outcomes(exercise, function):
    return [evaluate(function, case, exercise.gradients) for case in the_cases(exercise)]


def names_of_leaves(exercise, case):
    parameters = inspect.signature(exercise.stub_function).parameters
    floats = [isinstance(value, torch.Tensor) and value.is_floating_point() for value in case]
    return [
        name for name, is_float in zip(parameters, floats, strict=True) if is_float and exercise.gradients
    ]


def differ(exercise, cases, first, second):
    """True where two lists of outcomes differ on some case."""
    triples = zip(cases, first, second, strict=True)
    return any(difference(a, b, names_of_leaves(exercise, case)) for case, a, b in triples)


def test_every_chapter_is_found():
    found = [(module.CHAPTER, exercise.name) for module, exercise in (p.values for p in each_exercise())]
    assert {("01_cnn", "output_size"), ("01_cnn", "conv2d"), ("01_cnn", "classifier_loss")} <= set(found)
    assert len(set(found)) == len(found)
    assert {module.__name__.rpartition(".")[2] for module in chapter_modules()} <= set(exercises.__all__)


@every_exercise
def test_the_name_is_the_one_a_learner_writes(module, exercise):
    assert getattr(module, exercise.name) is exercise


@every_exercise
def test_cases_repeat_and_the_reference_answers_them(module, exercise):
    cases = the_cases(exercise)
    assert str(cases) == str(the_cases(exercise))
    assert len(cases) >= 5
    for outcome in outcomes(exercise, exercise.reference):
        assert outcome.kind == "value", outcome.text
        for tensor in [
            part for part in (outcome.value[-1], *outcome.gradients) if isinstance(part, torch.Tensor)
        ]:
            assert tensor.isfinite().all()


@every_exercise
def test_the_reference_is_not_the_solution(module, exercise):
    assert exercise.reference is not exercise.solution_function
    assert exercise.reference not in exercise.alternatives


@every_exercise
def test_the_solution_passes(module, exercise):
    result = exercise.check(exercise.solution_function)
    assert (result.status, result.diagnosis) == ("passed", None), result


@every_exercise
def test_the_shown_solution_fills_in_the_stub(module, exercise):
    text = str(exercise.solution())
    assert text.startswith("```python\n") and text.endswith("\n```")
    name = exercise.stub_function.__name__
    namespace = dict(exercise.solution_function.__globals__)
    exec(text.removeprefix("```python\n").removesuffix("```"), namespace)
    assert inspect.signature(namespace[name]) == inspect.signature(exercise.stub_function)
    assert exercise.check(namespace[name]).status == "passed"


@every_exercise
def test_other_right_ways_pass(module, exercise):
    assert len(set(exercise.alternatives) - {exercise.solution_function}) >= 3
    for alternative in exercise.alternatives:
        result = exercise.check(alternative)
        assert result.status == "passed", f"{alternative}: {result}"


@every_exercise
def test_the_stub_is_not_attempted_wherever_it_stands(module, exercise):
    assert exercise.check(exercise.stub_function).status == "not_attempted"
    imports = "import math\nimport torch\nimport torch.nn.functional as F\nfrom torch import nn\n"
    for above in ("", imports):  # the compiler emits another call sequence where it sees the import
        moved = above + "\n\n# moved to another cell\n" + exercise.stub + "  # a note"
        namespace = dict(exercise.stub_function.__globals__)
        exec(compile(moved, "<ipython-input-7>", "exec"), namespace)
        result = exercise.check(namespace[exercise.stub_function.__name__])
        assert (result.status, result.diagnosis) == ("not_attempted", None)


@every_exercise
def test_each_misconception_is_diagnosed_as_itself(module, exercise):
    assert exercise.misconceptions
    for misconception in exercise.misconceptions:
        result = exercise.judge(outcomes(exercise, misconception.function))
        assert (result.status, result.diagnosis) == ("failed", misconception.name), result
        assert result.message == misconception.diagnosis
    names = [misconception.name for misconception in exercise.misconceptions]
    assert len(set(names)) == len(names)
    assert not BUILT_IN_DIAGNOSES & set(names)


@every_exercise
def test_misconceptions_differ_from_each_other_and_from_the_solution(module, exercise):
    cases = the_cases(exercise)
    answers = {item.name: outcomes(exercise, item.function) for item in exercise.misconceptions}
    answers["the solution"] = outcomes(exercise, exercise.solution_function)
    for first, second in itertools.permutations(answers, 2):
        assert differ(exercise, cases, answers[first], answers[second]), f"{first} and {second} are the same"


@every_exercise
def test_mutations_of_right_answers_are_rejected(module, exercise):
    written = [exercise.solution_function, *exercise.alternatives]
    originals = [f for f in written if inspect.isfunction(f) and f.__module__.startswith(module.__name__)]
    first = the_cases(exercise)[0]

    def runs(mutant):  # one that raises at once is rejected by anything
        return evaluate(mutant, first).kind == "value"

    tried = mutants([f for f in originals if f.__name__ != "<lambda>"], MUTANTS, runs)
    assert len(tried) >= 15
    survivors = [(label, f) for label, f in tried if exercise.judge(outcomes(exercise, f)).status == "passed"]
    assert len(survivors) <= len(tried) // 3  # else the mutations are too mild to prove anything
    rng = random.Random(1)
    for i in range(WIDE_CASES if survivors else 0):
        case = exercise.wide(rng)
        gradients = exercise.gradients and i < 100
        want = evaluate(exercise.reference, case, gradients)
        for label, mutant in survivors:
            got = evaluate(mutant, case, gradients)
            found = difference(want, got, names_of_leaves(exercise, case), gradients=gradients)
            assert found is None, f"{label} passes the check but is wrong on {case}: {found}"


@every_exercise
def test_the_solution_is_right_on_wide_cases(module, exercise):
    rng = random.Random(2)
    for _ in range(100):
        case = exercise.wide(rng)
        want = evaluate(exercise.reference, case, exercise.gradients)
        got = evaluate(exercise.solution_function, case, exercise.gradients)
        assert difference(want, got, names_of_leaves(exercise, case)) is None


@every_exercise
def test_hints_go_from_one_to_the_next(module, exercise):
    assert len(exercise.hints) >= 2
    exercise._hints_given = 0
    for number, hint in enumerate(exercise.hints, 1):
        assert str(exercise.hint()) == f"Hint {number} of {len(exercise.hints)}: {hint}"
    for _ in range(2):
        assert "no more hints" in exercise.hint() and ".solution()" in exercise.hint()
    exercise._hints_given = 0


def markdown_and_code(path):
    """A chapter's source as the reader sees it: Markdown cells without their comment signs, code as it is."""
    seen = []
    for cell in re.split(r"^# %%", path.read_text(encoding="utf-8"), flags=re.M)[1:]:
        head, _, body = cell.partition("\n")
        seen.append(re.sub(r"^# ?", "", body, flags=re.M) if "[markdown]" in head else body)
    return "\n".join(seen)


@every_exercise
def test_the_chapter_holds_the_statement_and_the_stub(module, exercise):
    text = markdown_and_code(NOTEBOOKS / f"{module.CHAPTER}.py")
    name = module.__name__.rpartition(".")[2]
    call = f"exercises.{name}.{exercise.name}.check({exercise.stub_function.__name__})"
    for part in (exercise.statement, exercise.stub, call):
        assert text.count(part) == 1, f"{module.CHAPTER}.py must hold this once, letter by letter:\n{part}"
    assert text.index(exercise.statement) < text.index(exercise.stub) < text.index(call)


@every_exercise
def test_the_statement_is_short_and_says_difficulty_and_time(module, exercise):
    assert exercise.difficulty in ("easy", "medium", "hard")
    assert f"({exercise.difficulty}, about {exercise.minutes} minutes)" in exercise.statement
    assert len(exercise.statement.split()) <= 120
    assert exercise.stub_function.__name__.startswith("my_")


def test_importing_the_exercises_imports_no_plotting():
    code = "import sys; from course import exercises; print({'matplotlib', 'IPython'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"

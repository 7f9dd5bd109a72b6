"""An exercise: its statement, what a right answer is, and what the wrong answers mean.

A chapter hands out a stub, the learner fills it in, and `exercise.check(function)` as the last line of a cell
shows the verdict. In a plain script nothing is shown: the verdict is what `check` returns, so that a whole
chapter runs to its end whatever a learner wrote.
"""

import inspect
import random
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass, field

import torch

import course
from course import progress
from course.exercises import sandbox
from course.exercises.bytecode import same_code
from course.exercises.compare import SHOWN, difference, show
from course.exercises.outcome import evaluate, named
from course.exercises.verdict import Note, Result


@dataclass(frozen=True)
class Misconception:
    """A wrong answer that learners give.

    Attributes:
        name: as `Result.diagnosis` reports it.
        diagnosis: what the learner did and what to do instead, a sentence or two that address the learner.
        function: the wrong implementation, with the arguments of the exercise.
    """

    name: str
    diagnosis: str
    function: Callable


@dataclass(kw_only=True, repr=False, eq=False)
class Exercise:
    """One task, all of it in one place.

    Attributes:
        name, title: `conv2d`, and the heading that the learner reads.
        difficulty, minutes: "easy", "medium" or "hard", and the time that a learner may need.
        task: what to do, Markdown.
        stub_function: what the learner is given: it raises NotImplementedError, or is a program with a bug.
        reference: an independent right answer, never the solution.
        cases: function of a seeded `random.Random` that returns the awkward cases, tuples of arguments. The
            smallest should be one that can be followed by hand.
        wide: function of a `random.Random` that returns one valid case; tests draw a thousand.
        hints: from gentle to explicit.
        solution_function: the worked solution; its source is what `solution()` shows.
        alternatives: other right ways of writing it, which tests hold must pass.
        misconceptions: wrong ways; on some case each differs from the right answer and from every other.
        gradients: True checks the gradient for every floating-point tensor argument too.
        deadline: seconds for a check.
    """

    name: str
    title: str
    difficulty: str
    minutes: int
    task: str
    stub_function: Callable
    reference: Callable
    cases: Callable
    wide: Callable
    hints: tuple
    solution_function: Callable
    alternatives: tuple
    misconceptions: tuple
    gradients: bool = False
    deadline: float = 10.0
    _hints_given: int = field(default=0, init=False)
    _known: dict = field(default_factory=dict, init=False)  # what the reference and the wrong versions return

    def __repr__(self):
        return f"Exercise {self.name} ({self.difficulty}, about {self.minutes} minutes)"

    @property
    def key(self):
        """`01_cnn.conv2d`, as a learner's progress names it; None where its package is no chapter's."""
        package = sys.modules.get(self.solution_function.__module__.rpartition(".")[0])
        chapter = getattr(package, "CHAPTER", None)
        return f"{chapter}.{self.name}" if chapter else None

    @property
    def statement(self):
        """The statement as a chapter prints it, Markdown."""
        heading = f"**Exercise: {self.title}** ({self.difficulty}, about {self.minutes} minutes)"
        return f"{heading}\n\n{inspect.cleandoc(self.task)}"

    @property
    def stub(self):
        """The source of the stub as a chapter holds it."""
        return inspect.getsource(self.stub_function).rstrip()

    def hint(self):
        """The next hint; past the last one, where to look instead."""
        if self._hints_given == len(self.hints):
            return Note("There are no more hints: `.solution()` shows a worked solution.")
        self._hints_given += 1
        return Note(f"Hint {self._hints_given} of {len(self.hints)}: {self.hints[self._hints_given - 1]}")

    def solution(self):
        """The worked solution's source, under the name of the stub."""
        source = inspect.getsource(self.solution_function).rstrip()
        name = rf"\b{self.solution_function.__name__}\b"
        return Note(f"```python\n{re.sub(name, self.stub_function.__name__, source)}\n```")

    def check(self, function):
        """Compare the learner's function with the reference on every case; never raises.

        In a notebook the verdict is also recorded, for `exercises.progress()`.

        Args:
            function: the learner's function, not called.
        Returns:
            Result.
        """
        if not course.is_main():
            return Result("not_attempted", None, "")
        try:
            result = self._check(function)
            progress.remember(self.key, function, result)
            return result
        except KeyboardInterrupt:
            return Result("failed", "check_failed", "The check was interrupted.")
        except BaseException as error:  # a fault of ours, or an object that exits when it is looked at
            text = "The check itself failed, which says nothing about your function"
            return Result("failed", "check_failed", f"{text}: {named(error)}")

    def _check(self, function):
        name = self.stub_function.__name__
        if not callable(function):
            given = f"an object of type {type(function).__name__}"
            text = f"Pass the function itself, check({name}), without calling it; this is {given}."
            return Result("failed", "not_callable", text)
        if same_code(function, self.stub_function):
            return self._untouched()
        parameters = list(inspect.signature(self.stub_function).parameters)
        try:
            inspect.signature(function).bind(*parameters)
        except TypeError:
            text = f"The function must take the arguments ({', '.join(parameters)}), in this order."
            return Result("failed", "wrong_signature", text)
        except ValueError:
            pass  # a built-in function that does not tell its arguments
        cases = self.cases(random.Random(0))
        return self.judge(sandbox.run(function, cases, gradients=self.gradients, deadline=self.deadline))

    def _untouched(self):
        return Result("not_attempted", None, f"Edit {self.stub_function.__name__}, then run the check again.")

    def judge(self, outcomes):
        """The verdict on the outcomes of `cases(random.Random(0))`; tests call it without a child process.

        Args:
            outcomes: list of Outcome, one for each case; of a list cut short the last one is a failure.
        Returns:
            Result.
        """
        if all(outcome.error == "stub" for outcome in outcomes):
            return self._untouched()
        cases = self.cases(random.Random(0))
        expected = self._outcomes(self.reference)
        values_right = self._agree(expected, outcomes, cases, gradients=False)
        if values_right and self._agree(expected, outcomes, cases, gradients=True):
            return self._passed(cases, outcomes)
        for misconception in self.misconceptions:
            wrong = self._outcomes(misconception.function)
            if self._agree(wrong, outcomes, cases, gradients=values_right):
                return Result("failed", misconception.name, misconception.diagnosis)
        return self._smallest_failure(cases, expected, outcomes)

    def _outcomes(self, function):
        """What one of the exercise's own functions returns on the cases; the same in every check."""
        if function not in self._known:
            cases = self.cases(random.Random(0))
            self._known[function] = [evaluate(function, case, self.gradients) for case in cases]
        return self._known[function]

    def _agree(self, expected, outcomes, cases, *, gradients):
        if len(outcomes) < len(expected):
            return False
        triples = zip(expected, outcomes, cases, strict=True)
        return not any(
            difference(want, got, self._leaf_names(case), gradients=gradients) for want, got, case in triples
        )

    def _leaf_names(self, case):
        if not self.gradients:
            return []
        names = list(inspect.signature(self.stub_function).parameters)
        return [leaf for name, given in zip(names, case, strict=True) for leaf in _leaves(name, given)]

    def _passed(self, cases, outcomes):
        for outcome in outcomes:
            if outcome.changed:
                names = list(inspect.signature(self.stub_function).parameters)
                text = (
                    f"The numbers are right, but your function changes {names[outcome.changed[0]]} in place,"
                )
                return Result(
                    "failed", "changed_input", f"{text} which its caller still needs: work on a copy."
                )
        gradients = " and its gradients agree" if self.gradients else " agrees"
        text = f"Your function{gradients} with an independent one on all {len(cases)} cases."
        return Result("passed", None, text)

    def _smallest_failure(self, cases, expected, outcomes):
        failures = []
        for case, want, got in zip(cases, expected, outcomes, strict=False):
            found = difference(want, got, self._leaf_names(case))
            if found:
                failures.append((_size(case), len(failures), case, got, *found))
        _, _, case, got, diagnosis, sentence = min(failures)
        given = zip(inspect.signature(self.stub_function).parameters, case, strict=True)
        lines = [sentence, "Called with:", *(f"  {name} = {show(value)}" for name, value in given)]
        if got.printed.strip():
            lines += ["It printed:", got.printed.strip()[:500]]
        return Result("failed", diagnosis, "\n".join(lines))


def _leaves(name, given):
    """The names of an argument's floating-point tensors."""
    if isinstance(given, torch.Tensor):
        return [name] if given.is_floating_point() else []
    if isinstance(given, tuple | list):
        return [leaf for i, item in enumerate(given) for leaf in _leaves(f"{name}[{i}]", item)]
    if isinstance(given, dict):
        return [leaf for key, item in given.items() for leaf in _leaves(f"{name}[{key!r}]", item)]
    return []


def _size(case):
    """What makes a case long to read: tensors too large to show, the characters shown, the numbers' size."""
    elements = sum(
        value.numel() for value in case if isinstance(value, torch.Tensor) and value.numel() > SHOWN
    )
    return elements, len(show(case)), sum(abs(value) for value in case if isinstance(value, int | float))

"""An exercise: what a right answer is, and what the wrong answers mean.

A chapter states the task and hands out a stub, the learner fills it in, and `exercise.check(function)` as
the last line of a cell shows the verdict. In a plain script nothing is shown: the verdict is what `check`
returns, so that a whole chapter runs to its end whatever a learner wrote.
"""

import contextlib
import inspect
import itertools
import random
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property

import course
from course import progress
from course.compare import difference
from course.exercises import cases, naming, sandbox, slips, special, watch
from course.exercises.bytecode import same_code
from course.exercises.outcome import evaluate, named
from course.exercises.verdict import Note, Result

NOT_WRITTEN = "    raise NotImplementedError\n"


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


class Exercise:
    """One task. The module that makes it has its name; the chapter holds its statement and its stub.

    Args:
        solution: the worked solution, under the name that the learner's function has. Its head with the
            docstring is the stub, its source is what `solution()` shows.
        reference: an independent right answer, never the solution.
        by_hand: the smallest case, or a list of them: tuples of arguments, in which (nested) lists of floats
            stand for float64 tensors. One that can be followed by hand comes first.
        draw: function (rng, **sizes) that returns a case; it may take a `dtype`.
        sizes: the awkward cases, a list of dicts of arguments for `draw`.
        spans: what the sizes of random cases are drawn from, see `cases.draw_random`.
        hints: text, a paragraph each, from gentle to explicit.
        wrong: text, wrong answers as edits of the solution, see `slips`.
        twice: pairs of texts (wrong, also): each mistake of the first alone, and together with the second.
        functions: wrong answers that no edit makes; a function's docstring is its diagnosis.
        special: text, kinds of cases that an answer may be wrong for and right else, see `special`.
        bug: of a program to fix: text, edits that make it out of the solution, under the name `bug`.
        forbids: what the statement rules out: patterns of functions or "loops" with blanks between, see
            `watch`, and after a colon what it wants to be written by hand.
        fresh: True: the returned tensors may not share memory with an argument.
        gradients: True checks the gradient for every floating-point tensor argument too.
        deadline: seconds for a check.

    On some case each wrong answer differs from the right one and from every other; tests hold that.
    """

    def __init__(
        self, solution, *, reference, by_hand, draw, spans, hints, sizes=(), wrong="", twice=(), functions=(),
        special="", bug="", forbids="", fresh=False, gradients=False, deadline=10.0,
    ):  # fmt: skip
        self.worked, self.reference = solution, reference
        self.gradients, self.deadline, self.fresh = gradients, deadline, fresh
        ruled_out, _, self._wanted = (" ".join(part.split()) for part in forbids.partition(":"))
        self.forbidden = ruled_out.split()
        self._special = special
        self.hints = tuple(" ".join(hint.split()) for hint in inspect.cleandoc(hints).split("\n\n"))
        self._by_hand = by_hand if isinstance(by_hand, list) else [by_hand]
        self._draw, self._sizes, self._spans = draw, sizes, spans
        self._wrong, self._twice, self._functions, self._bug = wrong, twice, functions, bug
        self.hints_given = 0
        self._known = {}  # what the reference and the wrong versions return

    def __repr__(self):
        return f"Exercise {self.name}: check({self.worked.__name__}), hint(), solution()"

    @property
    def name(self):
        """`conv2d`, the name of its module."""
        return self.worked.__module__.rpartition(".")[2]

    @property
    def _package(self):
        """The package that its module is in, with its CHAPTER and the TITLES of its exercises; or None."""
        return sys.modules.get(self.worked.__module__.rpartition(".")[0])

    @property
    def chapter(self):
        """`01_cnn`, the CHAPTER of the package that its module is in; None outside such a package."""
        return getattr(self._package, "CHAPTER", None)

    @property
    def title(self):
        """What the chapter's heading calls it; outside a chapter its name."""
        return getattr(self._package, "TITLES", {}).get(self.name, self.name)

    @property
    def call(self):
        """`exercises.cnn.conv2d`, as a learner writes it."""
        return ".".join(self.worked.__module__.split(".")[-3:])

    @property
    def key(self):
        """`01_cnn.conv2d`, as a learner's progress names it; None outside a chapter."""
        return f"{self.chapter}.{self.name}" if self.chapter else None

    @cached_property
    def parameters(self):
        """The names of the arguments, a list."""
        return list(inspect.signature(self.worked).parameters)

    @property
    def has_bug(self):
        """True where a program with a bug is handed out."""
        return bool(self._bug)

    @cached_property
    def kinds(self):
        """Kinds of cases that an answer may be wrong for, see `special`."""
        return special.parse(self._special)

    @cached_property
    def stub(self):
        """What the learner is given: a function that raises NotImplementedError, or a program with a bug."""
        if self._bug:
            ((_, edits, _),) = slips.parse(self._bug)
            return slips.edited(self.worked, edits)
        return slips.edited(self.worked, [], body=NOT_WRITTEN)

    @cached_property
    def misconceptions(self):
        """All wrong answers that are known, a tuple of Misconception; made when first needed."""
        written = [(name, told, slips.edited(self.worked, edits)) for name, edits, told in self._mistakes()]
        written += [(f.__name__, " ".join(f.__doc__.split()), f) for f in self._functions]
        return tuple(Misconception(*parts) for parts in written)

    def _mistakes(self):
        mistakes = slips.parse(self._wrong)
        for text, also in self._twice:
            mistakes += slips.combined(text, also)
        return mistakes

    @cached_property
    def plain_misconceptions(self):
        """Those that are wrong on at least half of the cases, so that another mistake can come on top."""
        expected, cases = self.outcomes(self.reference), self.cases(random.Random(0))

        def is_plain(misconception):
            triples = zip(expected, self.outcomes(misconception.function), cases, strict=True)
            wrong = [bool(difference(w, g, self.arguments(case), gradients=False)) for w, g, case in triples]
            return 2 * sum(wrong) >= len(cases)

        return [misconception for misconception in self.misconceptions if is_plain(misconception)]

    def pairs(self):
        """Yield two known mistakes at once, as Misconceptions, where the edits of both apply."""
        plain = {misconception.name for misconception in self.plain_misconceptions}
        mistakes = [mistake for mistake in self._mistakes() if mistake[0] in plain]
        for (first, edits, told), (second, more, then) in itertools.combinations(mistakes, 2):
            with contextlib.suppress(ValueError, SyntaxError):
                text = f"There are two mistakes. Fix this one first: {told} And then: {then}"
                yield Misconception(f"{first}+{second}", text, slips.edited(self.worked, edits + more))

    def cases(self, rng):
        """The cases of a check, tuples of arguments, made with a seeded `random.Random`.

        The first one comes again at the end, for functions that keep something between calls.
        """
        made = [cases.by_hand(case) for case in self._by_hand]
        made += [self._draw(rng, **sizes) for sizes in self._sizes]
        made += [self.wide(rng) for _ in range(cases.RANDOM)]
        return [*made, made[0]]

    def wide(self, rng):
        """One random valid case."""
        return cases.draw_random(self._draw, self._spans, rng)

    def hint(self):
        """The next hint; past the last one, where to look instead."""
        if self.hints_given == len(self.hints):
            return Note("There are no more hints: `.solution()` shows a worked solution.")
        self.hints_given += 1
        return self.numbered_hint(self.hints_given - 1)

    def numbered_hint(self, number):
        """One hint, counted from 0; it does not count as given."""
        return Note(f"Hint {number + 1} of {len(self.hints)}: {self.hints[number]}")

    def solution(self):
        """The worked solution's source, Markdown."""
        return Note(f"```python\n{inspect.getsource(self.worked).rstrip()}\n```")

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
            solved = progress.remember(self.key, function, result)
            return self._with_steps(result, solved)
        except KeyboardInterrupt:
            return Result("failed", "check_failed", "The check was interrupted.")
        except BaseException as error:  # a fault of ours, or an object that exits when it is looked at
            text = "The check itself failed, which says nothing about your function"
            return Result("failed", "check_failed", f"{text}: {named(error)}")

    def _with_steps(self, result, solved):
        """A verdict with what to do next, and with its exercise, so that help can be offered.

        Args:
            solved: the keys of all exercises that are solved; None where this check is not recorded.
        """
        if self.chapter is None or result.status == "not_attempted":
            return result
        steps, titles = [], self._package.TITLES
        names, here = list(titles), list(titles).index(self.name) + 1
        done = {name for name in names if f"{self.chapter}.{name}" in (solved or ())}
        left = [name for name in names[here:] + names[:here] if name not in done]
        if result.status == "failed":
            step = f"Change `{self.worked.__name__}` and run its cell again."
            if result.arguments is not None and ".arguments" not in result.message:
                step += " In a new cell, `_.arguments` holds the smallest case that fails."
            steps.append(step)
        if solved is not None:
            steps.append(f"{len(done)} of {len(names)} solved in this chapter.")
            if result.status == "passed":
                rest = "The whole chapter is solved; `exercises.progress()` shows the others."
                steps.append(f"Next: {titles[left[0]]}" if left else rest)
        return replace(result, steps=tuple(steps), exercise=self)

    def _check(self, function):
        name = self.worked.__name__
        if not callable(function):
            given = f"an object of type {type(function).__name__}"
            text = f"Pass the function itself, check({name}), without calling it; this is {given}."
            return Result("failed", "not_callable", text)
        if same_code(function, self.stub):
            return self._untouched()
        problem = self._other_signature(function)
        if problem:
            return Result("failed", "wrong_signature", problem)
        outcomes = sandbox.run(
            function,
            self.cases(random.Random(0)),
            gradients=self.gradients,
            forbidden=self.forbidden,
            deadline=self.deadline,
        )
        result = self.judge(outcomes)
        if result.status == "passed" and watch.LOOPS in self.forbidden and watch.has_loop(function):
            return self._by_a_forbidden_way(result, "with a loop (`for`, `while`, `map` or a call of itself)")
        return result

    def _other_signature(self, function):
        """What is wrong with the arguments that a function takes, None if nothing is."""
        wanted = self.parameters
        try:
            signature = inspect.signature(function)
            signature.bind(*wanted)
        except TypeError:
            return f"The function must take the arguments ({', '.join(wanted)}), in this order."
        except ValueError:  # a built-in function that does not tell its arguments
            return None
        given = list(signature.parameters)
        if given != wanted and sorted(given) == sorted(wanted):
            return f"Your arguments stand in another order: ({', '.join(wanted)}) is meant."
        return None

    def _untouched(self):
        return Result("not_attempted", None, f"Edit {self.worked.__name__}, then run the check again.")

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
        expected = self.outcomes(self.reference)
        values_right = self.agree(expected, outcomes, cases, gradients=False)
        if values_right and self.agree(expected, outcomes, cases, gradients=True):
            return self._passed(cases, outcomes)
        answer = naming.wrong(self, cases, expected, outcomes, gradients=values_right)
        smallest = next(iter(answer.failures))
        return Result("failed", *naming.named(answer), answer.arguments(smallest))

    def outcomes(self, function):
        """What one of the exercise's own functions returns on the cases; the same in every check."""
        if function not in self._known:
            cases = self.cases(random.Random(0))
            self._known[function] = [evaluate(function, case, self.gradients) for case in cases]
        return self._known[function]

    def agree(self, expected, outcomes, cases, *, gradients):
        """True where two lists of outcomes are the same; the second may have ended early."""
        if len(outcomes) < len(expected):
            return False
        triples = zip(expected, outcomes, cases, strict=True)
        return not any(
            difference(want, got, self.arguments(case), gradients=gradients) for want, got, case in triples
        )

    def arguments(self, case):
        """A case as a dict from the arguments' names to their values."""
        return dict(zip(self.parameters, case, strict=True))

    def _passed(self, cases, outcomes):
        meddling = naming.meddling(self, outcomes)
        if meddling:
            diagnosis, told = meddling
            return Result("failed", diagnosis, f"The numbers are right, but {told}", self.arguments(cases[0]))
        gradients = " and its gradients agree" if self.gradients else " agrees"
        text = f"Your function{gradients} with an independent one on all {len(cases)} cases."
        result = Result("passed", None, text)
        called = next((name for outcome in outcomes for name in outcome.called), None)
        return self._by_a_forbidden_way(result, f"by `{called}`") if called else result

    def _by_a_forbidden_way(self, result, way):
        return Result(
            "passed",
            "forbidden",
            f"{result.message} But it gets there {way}, which the statement rules out. {self._wanted}",
        )

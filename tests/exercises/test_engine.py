"""The verdicts of the exercise engine, on a small exercise of its own."""

import inspect
import math
import random
import re

import numpy as np
import pytest
import torch

from course.compare import TOLERANCES
from course.exercises import slips
from course.exercises.cases import tensors
from course.exercises.engine import Exercise
from course.exercises.outcome import evaluate

pytestmark = pytest.mark.usefixtures("place")  # every verdict is the same wherever the function runs


def my_scaled(x, factor):
    """x (N, M) times factor."""
    return x * factor  # the solution


def root(x, factor):
    """You take
    a root."""
    return (x * factor).sqrt()  # NaN where it is negative


def cut(x, factor):
    """You cut the graph."""
    return x + (x * (factor - 1)).detach()


def loud(x, factor):
    """You raise a KeyError."""
    return {}[factor]


def draw(rng, N, M, factor, dtype=torch.float64):
    (x,) = tensors(rng, "NM", dtype, N=N, M=M)
    return x, factor


class Fixed(Exercise):
    """Its cases are fixed: from large to small, so that the smallest is not simply the first."""

    def cases(self, rng):
        return [
            (torch.arange(1.0, 41.0, dtype=torch.float64).reshape(5, 8), 3),
            (torch.tensor([[1.5, -2.0, 4.0]], dtype=torch.float32), 2),
            (torch.tensor([[5.0], [-7.0]], dtype=torch.float64), -2),
        ]


PARTS = dict(
    reference=lambda x, factor: factor * x,
    by_hand=([[5.0], [-7.0]], -2),
    draw=draw,
    sizes=[dict(N=5, M=8, factor=3), dict(N=1, M=3, factor=2, dtype=torch.float32)],
    spans=dict(N=(1, 4), M=[1, 2], factor=lambda rng: -1),
    hints="""
        Multiply.

        Use
        *.
    """,
    wrong="""
        added: x * factor → x + factor
            You add.
        summed: return → return (
        and: x * factor → x * factor).sum()
            You
            sum.
    """,
    functions=(root, cut, loud),
    gradients=True,
    deadline=20.0,
)


@pytest.fixture
def exercise():
    return Fixed(my_scaled, **PARTS)


def test_an_exercise_is_made_of_its_parts():
    made = Exercise(my_scaled, **PARTS)
    first, second, third, *rest = made.cases(random.Random(0))
    assert first[0].dtype == torch.float64 and first[0].tolist() == [[5.0], [-7.0]] and first[1] == -2
    assert (second[0].shape, third[0].shape, third[0].dtype) == ((5, 8), (1, 3), torch.float32)
    *rest, again = rest
    assert torch.equal(again[0], first[0]) and again[1] == first[1]
    assert len(rest) == 5 and all(factor == -1 and len(x) <= 4 for x, factor in rest)
    assert {x.dtype for x, _ in (made.wide(random.Random(i)) for i in range(20))} == {
        torch.float32,
        torch.float64,
    }
    assert [(m.name, m.diagnosis) for m in made.misconceptions][:3] == [
        ("added", "You add."), ("summed", "You sum."), ("root", "You take a root.")
    ]  # fmt: skip
    assert made.hints == ("Multiply.", "Use *.")
    assert inspect.getdoc(made.stub) == "x (N, M) times factor."
    with pytest.raises(NotImplementedError):
        made.stub(1, 2)


def test_mistakes_combine_and_must_apply():
    both = slips.combined(
        "added: x * factor → x + factor\n    You add.", "late: return → return 2 *\n    Twice."
    )
    assert both == [
        ("added", [("x * factor", "x + factor")], "You add."),
        ("added_late", [("return", "return 2 *"), ("x * factor", "x + factor")], "You add. Twice."),
    ]
    assert slips.edited(my_scaled, both[1][1])(3, 4) == 2 * 3 + 4
    assert slips.parse("gone: x * → nothing\n    .")[0][1] == [("x *", "")]
    series = "plus_{}: factor → (factor + {})\nfor: 1, 20\nfirst: x → x[0]\n    One for all."
    assert slips.parse(series) == [
        ("plus_1", [("factor", "(factor + 1)")], "One for all."),
        ("plus_20", [("factor", "(factor + 20)")], "One for all."),
        ("first", [("x", "x[0]")], "One for all."),
    ]
    with pytest.raises(ValueError, match="my_scaled has no 'z' to replace"):
        slips.edited(my_scaled, [("z", "x")])
    with pytest.raises(ValueError, match="'added x' is not of the form"):
        slips.parse("added x\n    You add.")


def verdict(exercise, function):
    result = exercise.check(function)
    return result.status, result.diagnosis


def test_right_answers_pass_with_lambdas_closures_methods_and_modules(exercise):
    one = torch.ones(1, dtype=torch.float64)

    class Scale(torch.nn.Module):
        def forward(self, x, factor):
            return x * factor

        def also(self, x, factor):
            return x * factor

    def closure(x, factor):
        return x * (factor * one).to(x.dtype)

    def defaults(x=None, factor=None, *, more=1):
        return x * factor * more

    for right in (my_scaled, closure, defaults, lambda a, b: a * b, Scale(), Scale().also, torch.mul):
        assert verdict(exercise, right) == ("passed", None)
    said = "Your function and its gradients agree with an independent one on all 3 cases."
    assert exercise.check(my_scaled).message == said


def test_a_stub_is_not_attempted_but_a_deeper_not_implemented_is_a_failure(exercise):
    def stub(x, factor):
        raise NotImplementedError("later")

    def helper():
        raise NotImplementedError("inside a helper")

    def partly(x, factor):
        if factor < 0:
            raise NotImplementedError
        return x * factor

    def by_torch(x, factor):
        return torch.complex(x, x).max() * factor  # torch has no order for complex numbers

    assert verdict(exercise, by_torch) == ("failed", "raised")
    assert verdict(exercise, exercise.stub) == ("not_attempted", None)
    assert verdict(exercise, stub) == ("not_attempted", None)
    assert verdict(exercise, lambda x, factor: helper()) == ("failed", "raised")
    assert "raised NotImplementedError" in exercise.check(partly).message


def test_a_program_with_a_bug_is_not_attempted_until_its_code_changes(exercise):
    def buggy(x, factor):
        total = [row + factor for row in x]
        return torch.stack(total)

    exercise.stub = buggy

    def same(x, factor):
        # a comment changes nothing
        total = [row + factor for row in x]

        return torch.stack(total)

    def renamed(x, factor):
        rows = [row + factor for row in x]
        return torch.stack(rows)

    def other_constant(x, factor):
        total = [row + factor for row in x]
        return torch.stack(total, 0)

    def other_inside(x, factor):
        total = [row * factor for row in x]
        return torch.stack(total)

    assert verdict(exercise, buggy) == verdict(exercise, same) == ("not_attempted", None)
    assert verdict(exercise, renamed) == verdict(exercise, other_constant) == ("failed", "added")
    assert verdict(exercise, other_inside) == ("passed", None)


@pytest.mark.parametrize(
    ("wrong", "diagnosis"),
    [
        (lambda x, factor: x - (-factor), "added"),
        (lambda x, factor: (x * factor) ** 0.5, "root"),
        (lambda x, factor: torch.einsum("ij->", x * factor), "summed"),
        # The same numbers on all cases but one are not the misconception,
        (lambda x, factor: x + factor + (len(x) == 5), "wrong_values"),
        # nor are the same finite numbers with others where it has NaN.
        (lambda x, factor: (x * factor).sqrt().nan_to_num(), "wrong_values"),
        (lambda x, factor: (x * factor).abs().sqrt(), "wrong_values"),
        # With the right values it is told by its gradients, and where it raises by the type alone.
        (lambda x, factor: (x * factor).detach() + x - x.detach(), "cut"),
        (lambda x, factor: (x * factor).detach() - x + x.detach(), "wrong_gradient"),
        (lambda x, factor: {}["another text"], "loud"),
    ],
)
def test_misconceptions_are_told_by_what_they_return_on_every_case(exercise, wrong, diagnosis):
    assert verdict(exercise, wrong) == ("failed", diagnosis)


@pytest.mark.parametrize(
    ("wrong", "diagnosis", "words"),
    [
        (lambda x, factor: None, "returned_none", "is a return missing?"),
        (lambda x, factor: (yield x * factor), "wrong_type", "use return, not yield"),
        (lambda x, factor: (x * factor).repeat(1, 2), "wrong_shape", r"shape \(2, 1\), got \(2, 2\)"),
        (lambda x, factor: (x * factor).T.clone(), "transposed_0_1_missing", r"\(2, 1\), got \(1, 2\)"),
        (
            lambda x, factor: (x * factor).float(),
            "wrong_dtype",
            "float32, expected float64: .* dtype=x.dtype",
        ),
        (lambda x, factor: (x * factor).to("meta"), "wrong_type", "a tensor on the device meta"),
        (lambda x, factor: (x * factor).detach().numpy(), "wrong_type", "numpy.ndarray"),
        (lambda x, factor: (x * factor).tolist(), "wrong_type", "a tensor as the output, got 2 values"),
        (lambda x, factor: 3, "wrong_type", "got a number"),
        (lambda x, factor: True, "wrong_type", "the truth value True"),
        (lambda x, factor: "3", "wrong_type", "got a text"),
        (lambda x, factor: torch.zeros(1, 1).expand(2**21, 7), "wrong_type", r"shape \(2097152, 7\)"),
        (lambda x, factor: x.new_tensor((x * factor).tolist()), "detached", "no gradient reaches x"),
        (lambda x, factor: (x * factor).detach(), "detached", r"no \.item\(\)"),
        (lambda x, factor: torch.nn.Parameter(x * factor), "detached", "no gradient reaches x"),
        (lambda x, factor: x * 7, "wrong_values", r"Expected \[\[-10\], \[14\]\], got \[\[35\], \[-49\]\]"),
        (lambda x, factor: x @ x, "raised", r"raised RuntimeError: mat1 and mat2 .*\nat the line: "),
        (lambda x, factor: x * factor + 1e-6, "few_digits", "right to about 7 digits"),
        (lambda x, factor: x * factor * math.nan, "not_finite", "inf or NaN on 3 of 3 cases"),
        (lambda x, factor: x * factor + (x - x).abs().sqrt(), "nan_gradient", "x is NaN: 0 times infinity"),
    ],
)
def test_each_kind_of_wrong_answer_has_its_sentence(exercise, wrong, diagnosis, words):
    result = exercise.check(wrong)
    assert (result.status, result.diagnosis) == ("failed", diagnosis)
    assert re.search(words, result.message), result.message
    assert "Called with:\n  x = [[5], [-7]]\n  factor = -2" in result.message  # the smallest case


def test_a_large_failing_case_is_shown_by_its_shape_and_the_first_difference(exercise):
    def wrong(x, factor):
        out = x * factor
        return out + torch.eye(5, 8, dtype=x.dtype) if len(x) == 5 else out

    message = exercise.check(wrong).message
    assert "5 of 40 elements differ; the first: at [0, 0] expected 3, got 4" in message
    assert "x = tensor of shape (5, 8), float64" in message and "`.arguments` holds these" in message
    given = exercise.check(wrong).arguments
    assert given.keys() == {"x", "factor"} and given["x"].shape == (5, 8)


def test_float32_is_compared_loosely_and_float64_strictly(exercise):
    def off_by(amount):
        return lambda x, factor: x * factor + (amount if x.dtype == torch.float32 else 0)

    assert verdict(exercise, off_by(1e-6)) == ("passed", None)
    assert verdict(exercise, off_by(1e-2)) == ("failed", "float32_x")
    assert TOLERANCES[torch.float64] == (1e-9, 1e-11)


def test_changed_inputs_are_reported_and_harm_no_other_case(exercise):
    given = [x.clone() for x, _ in exercise.cases(random.Random(0))]

    def changes(x, factor):
        x *= factor
        return x

    result = exercise.check(changes)
    assert (result.status, result.diagnosis) == ("failed", "changed_input")
    assert "changes x in place" in result.message
    for before, (after, _) in zip(given, exercise.cases(random.Random(0)), strict=True):
        assert torch.equal(before, after)


def test_changed_inputs_inside_containers_are_seen():
    def changes(pair, table):
        table["a"] += 1
        return pair[0]

    case = ((torch.zeros(2), 1), {"a": torch.zeros(1)})
    assert evaluate(changes, case).changed == (1,)
    assert case[1]["a"] == 0
    assert evaluate(lambda pair, table: table["a"], case, differentiate=True).changed == ()


def test_what_a_failing_case_printed_is_shown_shortly(exercise):
    def talks(x, factor):
        print(f"factor is {factor}")
        print("y" * 10_000)
        return x

    message = exercise.check(talks).message
    assert "It printed:\nfactor is -2\nyyy" in message and "factor is 3" not in message
    assert len(message) < 1000


def test_an_exception_is_shown_with_the_learners_line(exercise):
    def deep(x, factor):
        rows = list(x)
        return torch.stack(rows[99])  # the line to show

    message = exercise.check(deep).message
    assert "at the line: return torch.stack(rows[99])  # the line to show" in message
    assert "Traceback" not in message


@pytest.mark.parametrize(
    ("given", "diagnosis", "words"),
    [
        (None, "not_callable", r"check\(my_scaled\), without calling it; this is an object of type NoneType"),
        (torch.zeros(2), "not_callable", "type Tensor"),
        (lambda x: x, "wrong_signature", r"the arguments \(x, factor\), in this order"),
        (lambda x, factor, more: x, "wrong_signature", "in this order"),
        (lambda *, x, factor: x, "wrong_signature", "in this order"),
    ],
)
def test_what_cannot_be_called_is_told(exercise, given, diagnosis, words):
    result = exercise.check(given)
    assert (result.status, result.diagnosis) == ("failed", diagnosis)
    assert re.search(words, result.message)


def test_numbers_and_sequences_are_compared(exercise):
    exercise.gradients = False
    exercise.misconceptions = ()
    exercise.reference = lambda x, factor: (len(x), float(factor), [x])
    assert verdict(exercise, lambda x, factor: [len(x), np.float64(factor), (x,)]) == ("passed", None)
    for wrong, diagnosis, words in (
        (lambda x, factor: (len(x), float(factor)), "wrong_type", "Expected 3 values"),
        (lambda x, factor: (7, float(factor), [x]), "wrong_values", "as value 1 of the output"),
        (lambda x, factor: (len(x) + 1, float(factor), [x]), "minus_1_item_1_missing", "as value 1 of"),
        (lambda x, factor: (np.int64(len(x)), float(factor), [x]), "wrong_type", "no number of Python's own"),
        (lambda x, factor: (float(len(x)), float(factor), [x]), "wrong_values", "where a whole number (int)"),
        (lambda x, factor: (len(x), factor + 1e-8, [x]), "few_digits", "as value 2 of the output"),
        (lambda x, factor: (len(x), float(factor), [x * x]), "wrong_values", "Value 1 of value 3 of"),
    ):
        result = exercise.check(wrong)
        assert result.diagnosis == diagnosis and words in result.message


def test_a_random_function_draws_the_same_numbers_and_disturbs_no_one(exercise):
    exercise.misconceptions = ()
    exercise.reference = lambda x, factor: x * torch.rand(1, dtype=x.dtype)
    torch.manual_seed(5)
    state = torch.get_rng_state()
    assert verdict(exercise, lambda x, factor: torch.rand(1, dtype=x.dtype) * x) == ("passed", None)
    assert torch.equal(torch.get_rng_state(), state)


def test_the_notebooks_own_modes_do_not_matter(exercise):
    with torch.no_grad():
        assert verdict(exercise, my_scaled) == ("passed", None)
    with torch.inference_mode():
        assert verdict(exercise, my_scaled) == ("passed", None)
    torch.set_default_dtype(torch.float64)
    try:
        assert verdict(exercise, my_scaled) == ("passed", None)
    finally:
        torch.set_default_dtype(torch.float32)


def test_a_fault_of_the_exercise_itself_is_a_verdict_too(exercise):
    exercise.cases = lambda rng: 1 / 0
    result = exercise.check(lambda x, factor: x)
    assert (result.status, result.diagnosis) == ("failed", "check_failed")
    assert "says nothing about your function: ZeroDivisionError" in result.message


def test_a_result_shows_itself_the_same_everywhere(exercise):
    result = exercise.check(lambda x, factor: x * 7 if factor < 9 else "<b>")
    assert repr(result) == (
        "✗ Not right yet. The output has wrong values. Expected [[-10], [14]], got [[35], [-49]].\n"
        "Called with:\n  x = [[5], [-7]]\n  factor = -2"
    )
    shown = result._repr_html_()
    assert shown.count("<div") == shown.count("</div>") == 1 and "<strong>Not right yet.</strong>" in shown
    escaped = exercise.check(lambda x, factor: "<b>")._repr_html_()
    assert "<b>" not in escaped
    assert "&lt;b&gt;" in exercise.check(lambda x, factor: x.index("<b>"))._repr_html_()
    for function in (my_scaled, None, lambda x, factor: object()):
        assert " at 0x" not in repr(exercise.check(function))


def test_above_rank_zero_a_check_does_nothing_and_shows_nothing(exercise, monkeypatch):
    monkeypatch.setenv("RANK", "1")
    called = []
    result = exercise.check(lambda x, factor: called.append(1))
    assert (result.status, repr(result), result._repr_html_(), called) == ("not_attempted", "", None, [])


def test_hints_and_solution_are_markdown(exercise):
    assert [str(exercise.hint()) for _ in range(3)] == [
        "Hint 1 of 2: Multiply.",
        "Hint 2 of 2: Use *.",
        "There are no more hints: `.solution()` shows a worked solution.",
    ]
    note = exercise.solution()
    assert repr(note) == str(note) == f"```python\n{inspect.getsource(my_scaled)}```"
    framed = note._repr_markdown_()
    # Markdown begins again after a blank line in HTML.
    assert framed.startswith('<div style="border-left: ') and f"\n\n{note}\n\n</div>" in framed
    shown = exercise.numbered_hint(1)._repr_markdown_()
    assert (
        shown.startswith('<div style="border-left: ')
        and "<strong>Hint 2 of 2.</strong> Use *.</div>" in shown
    )
    assert repr(exercise) == "Exercise test_engine: check(my_scaled), hint(), solution()"

"""Chapter 0: reverse mode over a tape, Baydin et al. (2018), "Automatic differentiation in machine
learning: a survey", section 3.2."""

import math
import torch
from course.exercises.cases import normal
from course.exercises.engine import Exercise


def my_backward(inputs, steps):
    """The gradient (n,) of the tape's last value with respect to inputs (n,), float64. steps: a tuple of
    (operation, i, j), operation "add", "mul" or "tanh"."""
    values = inputs.tolist()
    for operation, i, j in steps:
        if operation == "add":
            values.append(values[i] + values[j])
        elif operation == "mul":
            values.append(values[i] * values[j])
        else:
            values.append(math.tanh(values[i]))
    slopes = [0.0] * len(values)
    slopes[-1] = 1.0  # of the output with respect to itself
    for k in range(len(steps) - 1, -1, -1):  # backwards: all uses of a value come before the value itself
        (operation, i, j), out = steps[k], len(inputs) + k
        if operation == "add":
            slopes[i] += slopes[out]
            slopes[j] += slopes[out]
        elif operation == "mul":
            slopes[i] += slopes[out] * values[j]
            slopes[j] += slopes[out] * values[i]
        else:
            slopes[i] += slopes[out] * (1 - values[out] ** 2)
    return torch.tensor(slopes[: len(inputs)], dtype=inputs.dtype)


def by_autograd(inputs, steps):
    """The reference: PyTorch's own gradient."""
    leaf = inputs.clone().requires_grad_()
    values = list(leaf.unbind())
    for operation, i, j in steps:
        if operation == "tanh":
            values.append(torch.tanh(values[i]))
        else:
            values.append(getattr(torch, operation)(values[i], values[j]))
    return torch.autograd.grad(values[-1], leaf)[0]


def tape(numbers, *steps):
    """A case from a list of numbers and steps written as "mul 0 1" or "tanh 2"."""
    parts = [(*step.split(), None)[:3] for step in steps]
    listed = ((name, int(i), None if j is None else int(j)) for name, i, j in parts)
    return torch.tensor(numbers, dtype=torch.float64), tuple(listed)


def wide_tape(rng):
    """One valid case: a few inputs, up to seven steps that use any values there are."""
    n, steps = rng.randint(1, 4), []
    for count in range(n, n + rng.randint(0, 7)):
        operation, i, j = rng.choice(("add", "mul", "tanh")), rng.randrange(count), rng.randrange(count)
        steps.append((operation, i, None if operation == "tanh" else j))
    return normal(rng, n), tuple(steps)


backward = Exercise(
    my_backward,
    reference=by_autograd,
    # OLD wide=wide_tape
    # OLD cases:
    # lambda rng: [
    #         tape([2.0, 3.0], "mul 0 1", "add 2 0"),  # by hand: two ways from the first input, and (4, 2)
    #         tape([0.5], "tanh 0"),
    #         tape([3.0], "mul 0 0"),  # one value, twice in a step
    #         tape([3.0, -2.0], "add 0 0", "mul 2 1"),
    #         tape([1.0, -2.0, 5.0]),  # no steps: the output is the last input
    #         tape([1.0, -2.0, 5.0], "mul 0 1"),  # an input that is not used
    #         tape([1.5, -0.5], "mul 0 1", "tanh 0", "add 2 2", "mul 1 4"),  # a step that leads nowhere
    #         tape([0.7, 0.2], "tanh 0", "tanh 2", "mul 3 1", "tanh 4"),
    #         tape([20.0, 1.0], "tanh 0", "mul 2 1"),  # a flat tanh
    #         tape([0.25], *(f"add {k} {k}" for k in range(8)), "mul 8 0"),
    #         *(wide_tape(rng) for _ in range(8)),
    #     ]
    by_hand=(),
    draw=None,
    sizes=[],
    spans={},
    hints="""
        Keep a list with one slope for each value: how fast the output changes with it. Which of them do you
        know before you begin, and which step can be undone first?

        Go from the last step to the first. Each hands its own slope on to the values it used, times the
        derivative of the step; what arrives at a value from several sides adds up.

        With `slopes[-1] = 1.0` and `out = len(inputs) + k` for step k, "mul" is `slopes[i] += slopes[out] *
        values[j]` and `slopes[j] += slopes[out] * values[i]`, "tanh" `slopes[i] += slopes[out] * (1 -
        values[out] ** 2)`.
    """,
    wrong="""
        overwritten: OLD → NEW
            You overwrite a slope where a value is used a second time: what arrives over several ways adds up,
            `+=`.
        forward_order: OLD → NEW
            You go through the steps from the first to the last: the early ones then hand on a slope that has
            not arrived yet. Begin with the last step.
        own_factor: OLD → NEW
            In a product you multiply each value's slope by the value itself: it is the other factor.
        second_value_forgotten: OLD → NEW
            You hand the slope on to value i alone: a sum and a product depend on j too.
        counted_once: OLD → NEW
            Right, but for a step that uses one value twice, i = j: both uses count, so that v * v has the
            slope 2v and v + v the slope 2.
        tanh_of_the_input: OLD → NEW
            You put the input of tanh into 1 - v²: it is the output, since d tanh(v) / dv = 1 - tanh²(v).
        tanh_twice: OLD → NEW
            You take tanh of its own output: the step's value is tanh(v) already, the slope 1 - value².
        chain_rule_forgotten: OLD → NEW
            You add each step's own derivative and forget the slope that arrives from the output: the chain
            rule multiplies the two.
        nothing_to_begin_with: OLD → NEW
            All slopes begin at 0, so nothing is handed on: the output's own slope is 1.
        ones_everywhere: OLD → NEW
            All slopes begin at 1, which differentiates the sum of all values: begin with 1 at the output and
            0 elsewhere.
        no_steps: OLD → NEW
            Right, but for a tape without steps: the output is then the last input, whose slope is 1.
    """,
)

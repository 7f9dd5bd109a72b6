"""Chapter 0, exercise: reverse mode over a tape, Baydin et al. (2018), "Automatic differentiation in machine
learning: a survey", section 3.2."""

import math

import torch

from course.exercises.draw import normal
from course.exercises.engine import Exercise, Misconception


def my_backward(inputs, steps):
    """The gradient (n,) of the tape's last value with respect to inputs (n,), float64. steps: a tuple of
    (operation, i, j), operation "add", "mul" or "tanh"."""
    raise NotImplementedError


def solve_backward(inputs, steps):
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


def backward_by_recursion(inputs, steps):
    """The same from the inputs' side: a value's slope is the sum over the steps that use it."""
    values = all_values(inputs, steps)

    def slope(place):
        total = float(place == len(values) - 1)
        for out, step in enumerate(steps, len(inputs)):
            total += sum(factor * slope(out) for used, factor in shares(*step, out, values) if used == place)
        return total

    return torch.tensor([slope(place) for place in range(len(inputs))], dtype=torch.float64)


def backward_by_a_matrix(inputs, steps):
    """The same: all slopes at once from a triangular system, each the sum over what uses its value."""
    values = all_values(inputs, steps)
    system = torch.eye(len(values), dtype=torch.float64)
    output = system[-1].clone()
    for out, step in enumerate(steps, len(inputs)):
        for place, factor in shares(*step, out, values):
            system[place, out] -= factor
    return torch.linalg.solve(system, output)[: len(inputs)]


def backward_by_forward_mode(inputs, steps):
    """The same numbers by forward mode: each value carries its gradient (n,) along."""
    pairs = list(zip(inputs, torch.eye(len(inputs), dtype=torch.float64), strict=True))
    for operation, i, j in steps:
        (a, slope_a), (b, slope_b) = pairs[i], pairs[i if j is None else j]
        if operation == "add":
            pairs.append((a + b, slope_a + slope_b))
        elif operation == "mul":
            pairs.append((a * b, slope_a * b + slope_b * a))
        else:
            pairs.append((a.tanh(), slope_a / a.cosh().square()))
    return pairs[-1][1]


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


def all_values(inputs, steps):
    """All values of the tape, floats."""
    values = inputs.tolist()
    for operation, i, j in steps:
        a, b = values[i], values[i if j is None else j]
        values.append(math.tanh(a) if operation == "tanh" else a + b if operation == "add" else a * b)
    return values


def shares(operation, i, j, out, values):
    """What a step multiplies its slope by on the way to each value it used: list of (position, factor)."""
    if operation == "tanh":
        return [(i, 1 - values[out] ** 2)]
    return [(i, 1.0), (j, 1.0)] if operation == "add" else [(i, values[j]), (j, values[i])]


def wrong(name, diagnosis, *, factors=None, join=None, order=reversed, first=None):
    """A misconception with a part of the backward pass exchanged: the factors, how a slope is joined with
    what has arrived there, the order, or the slopes at the start."""

    def run(inputs, steps):
        values, n = all_values(inputs, steps), len(inputs)
        slopes = first(values, n) if first else [0.0] * (len(values) - 1) + [1.0]
        for k in order(range(len(steps))):
            for place, factor in (factors or shares)(*steps[k], n + k, values):
                arrived, slope = slopes[place], slopes[n + k]
                slopes[place] = join(arrived, slope, factor) if join else arrived + slope * factor
        return torch.tensor(slopes[:n], dtype=torch.float64)

    return Misconception(name, diagnosis, run)


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
    name="backward",
    title="reverse mode over a tape",
    difficulty="medium",
    minutes=25,
    task="""
        A program as a *tape*: the values $v_0, \\dots, v_{n-1}$ are the `inputs`, and each step
        `(operation, i, j)` appends one: $v_i + v_j$ for `"add"`, $v_i v_j$ for `"mul"`, $\\tanh v_i$ for
        `"tanh"`, whose `j` is None. The last value is the output. Return its gradient for the inputs, $(n)$,
        without `torch.autograd`: run the tape once forwards, once backwards.

        A value may be used by several steps, twice by one, or by none. There may be no steps at all.

        By hand first: inputs $(2, 3)$, steps `("mul", 0, 1)`, `("add", 2, 0)`. How many ways lead from $v_0$
        to the output, and what is the gradient?
    """,
    stub_function=my_backward,
    reference=by_autograd,
    cases=lambda rng: [
        tape([2.0, 3.0], "mul 0 1", "add 2 0"),  # by hand: two ways from the first input, and (4, 2)
        tape([0.5], "tanh 0"),
        tape([3.0], "mul 0 0"),  # one value, twice in a step
        tape([3.0, -2.0], "add 0 0", "mul 2 1"),
        tape([1.0, -2.0, 5.0]),  # no steps: the output is the last input
        tape([1.0, -2.0, 5.0], "mul 0 1"),  # an input that is not used
        tape([1.5, -0.5], "mul 0 1", "tanh 0", "add 2 2", "mul 1 4"),  # a step that leads nowhere
        tape([0.7, 0.2], "tanh 0", "tanh 2", "mul 3 1", "tanh 4"),
        tape([20.0, 1.0], "tanh 0", "mul 2 1"),  # a flat tanh
        tape([0.25], *(f"add {k} {k}" for k in range(8)), "mul 8 0"),
        *(wide_tape(rng) for _ in range(8)),
    ],
    wide=wide_tape,
    hints=(
        "Keep a list with one slope for each value: how fast the output changes with it. Which of them do "
        "you know before you begin, and which step can be undone first?",
        "Go from the last step to the first. Each hands its own slope on to the values it used, times the "
        "derivative of the step; what arrives at a value from several sides adds up.",
        'With `slopes[-1] = 1.0` and `out = len(inputs) + k` for step k, "mul" is `slopes[i] += slopes[out] '
        '* values[j]` and `slopes[j] += slopes[out] * values[i]`, "tanh" `slopes[i] += slopes[out] * (1 - '
        "values[out] ** 2)`.",
    ),
    solution_function=solve_backward,
    alternatives=(backward_by_recursion, backward_by_a_matrix, backward_by_forward_mode),
    misconceptions=(
        wrong(
            "overwritten",
            "You overwrite a slope where a value is used a second time: what arrives over several ways adds "
            "up, `+=`.",
            join=lambda arrived, slope, factor: slope * factor,
        ),
        wrong(
            "forward_order",
            "You go through the steps from the first to the last: the early ones then hand on a slope that "
            "has not arrived yet. Begin with the last step.",
            order=iter,
        ),
        wrong(
            "own_factor",
            "In a product you multiply each value's slope by the value itself: it is the other factor.",
            factors=lambda op, i, j, out, v: (
                [(i, v[i]), (j, v[j])] if op == "mul" else shares(op, i, j, out, v)
            ),
        ),
        wrong(
            "second_value_forgotten",
            "You hand the slope on to value i alone: a sum and a product depend on j too.",
            factors=lambda *step: shares(*step)[:1],
        ),
        wrong(
            "counted_once",
            "Right, but for a step that uses one value twice, i = j: both uses count, so that v * v has the "
            "slope 2v and v + v the slope 2.",
            factors=lambda *step: list(dict(shares(*step)).items()),
        ),
        wrong(
            "tanh_of_the_input",
            "You put the input of tanh into 1 - v²: it is the output, since d tanh(v) / dv = 1 - tanh²(v).",
            factors=lambda op, i, j, out, v: shares(op, i, j, i if op == "tanh" else out, v),
        ),
        wrong(
            "tanh_twice",
            "You take tanh of its own output: the step's value is tanh(v) already, the slope 1 - value².",
            factors=lambda op, i, j, out, v: shares(op, i, j, out, [*v[:out], math.tanh(v[out])]),
        ),
        wrong(
            "chain_rule_forgotten",
            "You add each step's own derivative and forget the slope that arrives from the output: the chain "
            "rule multiplies the two.",
            join=lambda arrived, slope, factor: arrived + factor,
        ),
        wrong(
            "nothing_to_begin_with",
            "All slopes begin at 0, so nothing is handed on: the output's own slope is 1.",
            first=lambda values, n: [0.0] * len(values),
        ),
        wrong(
            "ones_everywhere",
            "All slopes begin at 1, which differentiates the sum of all values: begin with 1 at the output "
            "and 0 elsewhere.",
            first=lambda values, n: [1.0] * len(values),
        ),
        wrong(
            "no_steps",
            "Right, but for a tape without steps: the output is then the last input, whose slope is 1.",
            first=lambda values, n: [0.0] * (len(values) - 1) + [1.0 * (len(values) > n)],
        ),
    ),
)

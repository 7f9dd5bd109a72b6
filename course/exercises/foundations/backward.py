"""Chapter 0: reverse mode over a tape, Baydin et al. (2018), "Automatic differentiation in machine learning:
a survey", section 3.2."""

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
    """The same by PyTorch's own gradient."""
    leaf = inputs.clone().requires_grad_()
    values = list(leaf)
    for operation, *places in steps:
        used = [values[place] for place in places if place is not None]
        values.append(getattr(torch, operation)(*used))
    return torch.autograd.grad(values[-1], leaf)[0]


def nearest_first(inputs, steps):
    """You go from value to value, nearest to the output first, so that one is handed on before all of its
    slope has arrived: go through the steps from the last to the first."""
    values = inputs.tolist()
    for operation, i, j in steps:
        a, b = values[i], values[i if j is None else j]
        values.append({"add": a + b, "mul": a * b, "tanh": math.tanh(a)}[operation])
    slopes = [0.0] * len(values)
    slopes[-1] = 1.0
    queue = [len(values) - 1]  # each value once
    for k in queue:
        if k >= len(inputs):
            operation, i, j = steps[k - len(inputs)]
            if operation == "tanh":
                slopes[i] += slopes[k] * (1 - values[k] ** 2)
            else:
                a, b = (values[j], values[i]) if operation == "mul" else (1.0, 1.0)
                slopes[i] += slopes[k] * a
                slopes[j] += slopes[k] * b
            queue += [v for v in dict.fromkeys((i, j)) if v is not None and v not in queue]
    return torch.tensor(slopes[: len(inputs)], dtype=inputs.dtype)


def draw(rng, n, T):
    """A tape of T steps; each may use any of the values there are."""
    steps = []
    for count in range(n, n + T):
        operation, i, j = rng.choice(("add", "mul", "tanh")), rng.randrange(count), rng.randrange(count)
        steps.append((operation, i, None if operation == "tanh" else j))
    return normal(rng, n), tuple(steps)


backward = Exercise(
    my_backward,
    reference=by_autograd,
    draw=draw,
    by_hand=[
        ([2.0, 3.0], (("mul", 0, 1), ("add", 2, 0))),  # two ways from the first input, and (4, 2)
        ([0.5], (("tanh", 0, None),)),
        ([3.1], (("mul", 0, 0),)),  # one value, twice in a step
        ([3.1, -2.3], (("add", 0, 0), ("mul", 2, 1))),
        ([1.0, -2.0, 5.0], ()),  # no steps: the output is the last input
        ([1.0, -2.0, 5.0], (("mul", 0, 1),)),  # an input that is not used
        ([1.5, -0.5], (("mul", 0, 1), ("tanh", 0, None), ("add", 2, 2), ("mul", 1, 4))),  # 3 is not used
        ([0.7, 0.2], (("tanh", 0, None), ("tanh", 2, None), ("mul", 3, 1), ("tanh", 4, None))),
        ([20.0, 1.0], (("tanh", 0, None), ("mul", 2, 1))),  # a flat tanh
        # one value is used near the output and far from it
        ([0.5], (("tanh", 0, None), ("tanh", 1, None), ("add", 1, 2))),
        ([0.7], (("mul", 0, 0), ("tanh", 1, None), ("mul", 1, 2))),
        ([0.009, 1000.0], (("mul", 0, 1), ("tanh", 2, None))),  # a small slope times a large factor
        (  # the sum of 150 products of two
            [k / 100 for k in range(300)],
            (
                *(("mul", 2 * k, 2 * k + 1) for k in range(150)),
                *(("add", 300 if k == 301 else k + 148, k) for k in range(301, 450)),
            ),
        ),
        ([0.25], (*(("add", k, k) for k in range(60)), ("mul", 60, 0))),  # 2^60 ways
        ([2.3, 3.1], (("mul", 1, 1), ("add", 2, 1))),
        ([3.1, 0.0, 2.3], (("mul", 0, 1), ("mul", 3, 2), ("add", 4, 2))),  # a factor of 0
        ([0.3, 1000.0, -1000.0], (("tanh", 1, None), ("tanh", 2, None), ("mul", 3, 4), ("add", 5, 2))),
        ([1.0, 0.3], tuple(("add", k, 1) for k in [0, *range(2, 1200)])),
    ],
    deadline=3.0,
    forbids="autograd: Hand the slopes on yourself: how is what the exercise is about.",
    spans=dict(n=(1, 4), T=(0, 7)),
    hints="""
        Keep a list with one slope for each value: how fast the output changes with it. Which of them do you
        know before you begin, and which step can be undone first?

        Go from the last step to the first. Each hands its own slope on to the values it used, times the
        derivative of the step; what arrives at a value from several sides adds up.

        These are the lines themselves. With `slopes[-1] = 1.0` and `out = len(inputs) + k` for step k, "mul"
        is `slopes[i] += slopes[out] * values[j]` and `slopes[j] += slopes[out] * values[i]`, "tanh"
        `slopes[i] += slopes[out] * (1 - values[out] ** 2)`.
    """,
    special="""
        used_twice: any(i == j for _, i, j in steps)
            Right but for a step that uses one value twice, i = j: both uses count, so that v * v has the
            slope 2v and v + v the slope 2.
        long_tape: len(steps) > 1000
            Right but for a long tape: is there a limit? Python too has one, of about a thousand calls within
            calls: use a loop.
        small_slope: 0.009 in inputs.tolist()
            Right but for a small slope that large factors multiply later on: each slope is handed on, however
            small.
        large_inputs: any(abs(value) > 100 for value in inputs.tolist())
            Right but for large inputs: does an exponential overflow? `math.tanh` takes any number.
        many_inputs: len(inputs) > 100
            Right but for many inputs: is there a limit?
        index_0: any(j == 0 for _, _, j in steps)
            Right but where j is 0: `if j` takes it for none. Ask `j is not None`.
    """,
    wrong="""
        overwritten: += → =
            You overwrite a slope where a value is used a second time: what arrives over several ways adds up,
            `+=`.
        forward_order: range(len(steps) - 1, -1, -1) → range(len(steps))
            You go through the steps from the first to the last: the early ones then hand on a slope that has
            not arrived yet. Begin with the last step.
        own_factor: slopes[out] * values[j] → slopes[out] * values[i]
        and: slopes[j] += slopes[out] * values[i] → slopes[j] += slopes[out] * values[j]
            In a product you multiply each value's slope by the value itself: it is the other factor.
        second_value_forgotten: slopes[j] += slopes[out] * values[i] → nothing
        and: slopes[j] += slopes[out] → nothing
            You hand the slope on to value i alone: a sum and a product depend on j too.
        tanh_of_the_input: 1 - values[out] ** 2 → 1 - values[i] ** 2
            You put the input of tanh into 1 - v²: it is the output, since d tanh(v) / dv = 1 - tanh²(v).
        slope_of_the_sigmoid: 1 - values[out] ** 2 → values[out] * (1 - values[out])
            This is the sigmoid's slope, s(1 - s): that of tanh is 1 - tanh².
        tanh_twice: 1 - values[out] ** 2 → 1 - math.tanh(values[out]) ** 2
            You take tanh of its own output: the step's value is tanh(v) already, the slope 1 - value².
        chain_rule_forgotten: += slopes[out] * → +=
        and: += slopes[out] → += 1.0
            You add each step's own derivative and forget the slope that arrives from the output: the chain
            rule multiplies the two.
        begins_with_the_value: slopes[-1] = 1.0 → slopes[-1] = values[-1]
            You begin with the output's value: its slope with respect to itself is 1.
        ones_everywhere: [0.0] * → [1.0] *
            All slopes begin at 1, which differentiates the sum of all values: begin with 1 at the output and
            0 elsewhere.
    """,
    functions=(nearest_first,),
)

"""Right answers to `backward` in other words than the solution's."""

import math

import torch


def backward_by_users(inputs, steps):
    """The same from the inputs' side: a value's slope is the sum over the steps that use it."""
    values = all_values(inputs, steps)
    users = [[] for _ in values]
    for out, step in enumerate(steps, len(inputs)):
        for used, factor in shares(*step, out, values):
            users[used].append((out, factor))
    slopes = [0.0] * (len(values) - 1) + [1.0]
    for place in range(len(values) - 2, -1, -1):
        slopes[place] = sum(factor * slopes[out] for out, factor in users[place])
    return torch.tensor(slopes[: len(inputs)], dtype=torch.float64)


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


RIGHT = (backward_by_users, backward_by_a_matrix, backward_by_forward_mode)

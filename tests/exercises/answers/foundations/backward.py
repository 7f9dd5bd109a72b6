"""Answers to `foundations.backward`, written from its statement alone."""

import math

import numpy as np
import torch


def run_forwards(inputs, steps):
    """All values of the tape, as floats."""
    values = inputs.tolist()
    for operation, i, j in steps:
        if operation == "add":
            values.append(values[i] + values[j])
        elif operation == "mul":
            values.append(values[i] * values[j])
        else:
            values.append(math.tanh(values[i]))
    return values


def apply_to_tensors(operation, v, i, j):
    """One step of the tape on tensors."""
    if operation == "tanh":
        return torch.tanh(v[i])
    return v[i] + v[j] if operation == "add" else v[i] * v[j]


def wrong_last_use_wins(inputs, steps):
    """A value's gradient is overwritten at each use instead of added up."""
    n, v = len(inputs), run_forwards(inputs, steps)
    g = [0.0] * len(v)
    g[-1] = 1.0
    for k in range(len(v) - 1, n - 1, -1):
        operation, i, j = steps[k - n]
        if operation == "add":
            g[i] = g[k]
            g[j] = g[k]
        elif operation == "mul":
            g[i] = g[k] * v[j]
            g[j] = g[k] * v[i]
        else:
            g[i] = g[k] * (1 - v[k] ** 2)
    return torch.tensor(g[:n], dtype=inputs.dtype)


def wrong_same_value_twice(inputs, steps):
    """Both sums are computed before either is stored: a value used twice by one step counts once."""
    n, v = len(inputs), run_forwards(inputs, steps)
    g = [0.0] * len(v)
    g[-1] = 1.0
    for k in range(len(v) - 1, n - 1, -1):
        operation, i, j = steps[k - n]
        if operation == "add":
            g[i], g[j] = g[i] + g[k], g[j] + g[k]
        elif operation == "mul":
            g[i], g[j] = g[i] + g[k] * v[j], g[j] + g[k] * v[i]
        else:
            g[i] += g[k] * (1 - v[k] ** 2)
    return torch.tensor(g[:n], dtype=inputs.dtype)


def wrong_own_factor(inputs, steps):
    """The slope of a product for a factor is taken to be this factor, not the other."""
    n, v = len(inputs), run_forwards(inputs, steps)
    g = [0.0] * len(v)
    g[-1] = 1.0
    for k in range(len(v) - 1, n - 1, -1):
        operation, i, j = steps[k - n]
        if operation == "add":
            g[i] += g[k]
            g[j] += g[k]
        elif operation == "mul":
            g[i] += g[k] * v[i]
            g[j] += g[k] * v[j]
        else:
            g[i] += g[k] * (1 - v[k] ** 2)
    return torch.tensor(g[:n], dtype=inputs.dtype)


def wrong_tanh_slope_of_input(inputs, steps):
    """The slope of tanh is computed from its input: 1 - v_i squared."""
    n, v = len(inputs), run_forwards(inputs, steps)
    g = [0.0] * len(v)
    g[-1] = 1.0
    for k in range(len(v) - 1, n - 1, -1):
        operation, i, j = steps[k - n]
        if operation == "add":
            g[i] += g[k]
            g[j] += g[k]
        elif operation == "mul":
            g[i] += g[k] * v[j]
            g[j] += g[k] * v[i]
        else:
            g[i] += g[k] * (1 - v[i] ** 2)
    return torch.tensor(g[:n], dtype=inputs.dtype)


def wrong_first_step_first(inputs, steps):
    """The second run goes through the steps in the order of the first."""
    n, v = len(inputs), run_forwards(inputs, steps)
    g = [0.0] * len(v)
    g[-1] = 1.0
    for k, (operation, i, j) in enumerate(steps, start=n):
        if operation == "add":
            g[i] += g[k]
            g[j] += g[k]
        elif operation == "mul":
            g[i] += g[k] * v[j]
            g[j] += g[k] * v[i]
        else:
            g[i] += g[k] * (1 - v[k] ** 2)
    return torch.tensor(g[:n], dtype=inputs.dtype)


def wrong_product_over_factor(inputs, steps):
    """The other factor is found as product / factor, which fails for 0."""
    n = len(inputs)
    v = torch.tensor(run_forwards(inputs, steps), dtype=inputs.dtype)
    g = torch.zeros_like(v)
    g[-1] = 1
    for k in range(len(v) - 1, n - 1, -1):
        operation, i, j = steps[k - n]
        if operation == "add":
            g[i] += g[k]
            g[j] += g[k]
        elif operation == "mul":
            g[i] += g[k] * v[k] / v[i]
            g[j] += g[k] * v[k] / v[j]
        else:
            g[i] += g[k] * (1 - v[k] ** 2)
    return g[:n].clone()


def wrong_central_differences(inputs, steps):
    """Central differences instead of a backward run: too few digits."""
    h = 1e-6
    slopes = []
    for i in range(len(inputs)):
        up, down = inputs.clone(), inputs.clone()
        up[i] += h
        down[i] -= h
        slopes.append((run_forwards(up, steps)[-1] - run_forwards(down, steps)[-1]) / (2 * h))
    return torch.tensor(slopes, dtype=inputs.dtype)


def wrong_stops_at_unused(inputs, steps):
    """The run backwards ends at the first value that has no gradient, instead of passing over it."""
    n, v = len(inputs), run_forwards(inputs, steps)
    g = [0.0] * len(v)
    g[-1] = 1.0
    for k in range(len(v) - 1, n - 1, -1):
        if g[k] == 0:
            break
        operation, i, j = steps[k - n]
        if operation == "add":
            g[i] += g[k]
            g[j] += g[k]
        elif operation == "mul":
            g[i] += g[k] * v[j]
            g[j] += g[k] * v[i]
        else:
            g[i] += g[k] * (1 - v[k] ** 2)
    return torch.tensor(g[:n], dtype=inputs.dtype)


def wrong_index_zero_is_none(inputs, steps):
    """`if j` asks whether there is a second operand, and takes index 0 for none."""
    n, v = len(inputs), run_forwards(inputs, steps)
    g = [0.0] * len(v)
    g[-1] = 1.0
    for k in range(len(v) - 1, n - 1, -1):
        operation, i, j = steps[k - n]
        slope_i = {"add": 1.0, "mul": v[j or 0], "tanh": 1 - v[k] ** 2}[operation]
        g[i] += g[k] * slope_i
        if j:
            g[j] += g[k] * (v[i] if operation == "mul" else 1.0)
    return torch.tensor(g[:n], dtype=inputs.dtype)


def wrong_recursion_per_way(inputs, steps):
    """Follows each way from the output down on its own: exponentially many."""
    n, v = len(inputs), run_forwards(inputs, steps)
    g = [0.0] * n

    def send(k, slope):
        if k < n:
            g[k] += slope
            return
        operation, i, j = steps[k - n]
        if operation == "tanh":
            send(i, slope * (1 - v[k] ** 2))
        else:
            send(i, slope * (v[j] if operation == "mul" else 1.0))
            send(j, slope * (v[i] if operation == "mul" else 1.0))

    send(len(v) - 1, 1.0)
    return torch.tensor(g, dtype=inputs.dtype)


def wrong_no_steps_no_gradient(inputs, steps):
    """The seed is put on the output of the last step; without steps nothing is seeded."""
    n, v = len(inputs), run_forwards(inputs, steps)
    g = [0.0] * len(v)
    for back, (operation, i, j) in enumerate(reversed(steps)):
        k = len(v) - 1 - back
        slope = 1.0 if back == 0 else g[k]
        if operation == "add":
            g[i] += slope
            g[j] += slope
        elif operation == "mul":
            g[i] += slope * v[j]
            g[j] += slope * v[i]
        else:
            g[i] += slope * (1 - v[k] ** 2)
    return torch.tensor(g[:n], dtype=inputs.dtype)


def wrong_tanh_unsquared_and_overwritten(inputs, steps):
    """Two mistakes: the slope of tanh is 1 - tanh, and what tanh sends overwrites what was there."""
    n, v = len(inputs), run_forwards(inputs, steps)
    g = [0.0] * len(v)
    g[-1] = 1.0
    for k in range(len(v) - 1, n - 1, -1):
        operation, i, j = steps[k - n]
        if operation == "add":
            g[i] += g[k]
            g[j] += g[k]
        elif operation == "mul":
            g[i] += g[k] * v[j]
            g[j] += g[k] * v[i]
        else:
            g[i] = g[k] * (1 - v[k])
    return torch.tensor(g[:n], dtype=inputs.dtype)


def right_two_runs(inputs, steps):
    """Forwards, then backwards with sums of what comes in."""
    n, v = len(inputs), run_forwards(inputs, steps)
    g = [0.0] * len(v)
    g[-1] = 1.0
    for k in range(len(v) - 1, n - 1, -1):
        operation, i, j = steps[k - n]
        if operation == "add":
            g[i] += g[k]
            g[j] += g[k]
        elif operation == "mul":
            g[i] += g[k] * v[j]
            g[j] += g[k] * v[i]
        else:
            g[i] += g[k] * (1 - v[k] ** 2)
    return torch.tensor(g[:n], dtype=inputs.dtype)


def right_forward_mode(inputs, steps):
    """Forward mode: each value carries its gradient for all inputs."""
    values = [(float(x), row) for x, row in zip(inputs, np.eye(len(inputs)))]
    for operation, i, j in steps:
        a, da = values[i]
        if operation == "tanh":
            t = math.tanh(a)
            values.append((t, (1 - t * t) * da))
            continue
        b, db = values[j]
        values.append((a + b, da + db) if operation == "add" else (a * b, b * da + a * db))
    return torch.tensor(values[-1][1], dtype=inputs.dtype)


def right_closures(inputs, steps):
    """Each step leaves a list of (source, slope), in one dictionary; torch scalars throughout."""
    n = len(inputs)
    v = list(inputs.unbind())
    edges = {}
    for operation, i, j in steps:
        k = len(v)
        if operation == "add":
            v.append(v[i] + v[j])
            edges[k] = [(i, torch.ones_like(v[i])), (j, torch.ones_like(v[i]))]
        elif operation == "mul":
            v.append(v[i] * v[j])
            edges[k] = [(i, v[j]), (j, v[i])]
        else:
            v.append(torch.tanh(v[i]))
            edges[k] = [(i, 1 - v[k] * v[k])]
    g = inputs.new_zeros(len(v))
    g[-1] = 1
    while len(v) > n:
        k = len(v) - 1
        v.pop()
        for source, slope in edges[k]:
            g[source] += g[k] * slope
    return g[:n].clone()


def right_pull_from_users(inputs, steps):
    """Each value asks all steps that use it, the last value first."""
    n, v = len(inputs), run_forwards(inputs, steps)
    users = [[] for _ in v]
    for k, (operation, i, j) in enumerate(steps, start=n):
        users[i].append((k, {"add": 1.0, "mul": v[j or 0], "tanh": 1 - v[k] ** 2}[operation]))
        if j is not None:
            users[j].append((k, v[i] if operation == "mul" else 1.0))
    g = np.zeros(len(v))
    for k in reversed(range(len(v))):
        g[k] = (k == len(v) - 1) + sum(g[user] * slope for user, slope in users[k])
    return torch.from_numpy(g[:n].copy())


def forbidden_autograd(inputs, steps):
    """Autograd runs backwards."""
    x = inputs.detach().clone().requires_grad_()
    with torch.enable_grad():
        v = list(x.unbind())
        for operation, i, j in steps:
            v.append(apply_to_tensors(operation, v, i, j))
        v[-1].backward()
    return x.grad


def forbidden_func_grad(inputs, steps):
    """torch.func.grad of the tape."""

    def output(x):
        v = list(x.unbind())
        for operation, i, j in steps:
            v.append(apply_to_tensors(operation, v, i, j))
        return v[-1]

    return torch.func.grad(output)(inputs.detach())


def open_sech_squared(inputs, steps):
    """Open: tanh of values of 8 to 19, where 1 / cosh squared keeps digits that 1 - tanh squared loses."""
    n, v = len(inputs), run_forwards(inputs, steps)
    g = [0.0] * len(v)
    g[-1] = 1.0
    for k in range(len(v) - 1, n - 1, -1):
        operation, i, j = steps[k - n]
        if operation == "add":
            g[i] += g[k]
            g[j] += g[k]
        elif operation == "mul":
            g[i] += g[k] * v[j]
            g[j] += g[k] * v[i]
        elif abs(v[i]) < 350:
            g[i] += g[k] / math.cosh(v[i]) ** 2
    return torch.tensor(g[:n], dtype=inputs.dtype)


def open_memoised_recursion(inputs, steps):
    """Open: thousands of steps in one chain meet Python's limit of recursion."""
    n, v = len(inputs), run_forwards(inputs, steps)
    rows = {}

    def row(k):
        if k < n:
            return torch.eye(n, dtype=inputs.dtype)[k]
        if k not in rows:
            operation, i, j = steps[k - n]
            if operation == "add":
                rows[k] = row(i) + row(j)
            elif operation == "mul":
                rows[k] = v[j] * row(i) + v[i] * row(j)
            else:
                rows[k] = (1 - v[k] ** 2) * row(i)
        return rows[k]

    return row(len(v) - 1)


def values_of(inputs, steps):
    """All values of the tape, Python floats."""
    values = inputs.tolist()
    for operation, i, j in steps:
        if operation == "add":
            values.append(values[i] + values[j])
        elif operation == "mul":
            values.append(values[i] * values[j])
        else:
            values.append(math.tanh(values[i]))
    return values


def wrong_quotient(inputs, steps):
    """The slope of a product is the product over the factor, which is 0/0 for a factor of 0."""
    v = torch.cat([inputs, inputs.new_zeros(len(steps))])
    n = len(inputs)
    for k, (operation, i, j) in enumerate(steps, n):
        v[k] = v[i] + v[j] if operation == "add" else v[i] * v[j] if operation == "mul" else v[i].tanh()
    grads = torch.zeros_like(v)
    grads[-1] = 1
    for k in reversed(range(n, len(v))):
        operation, i, j = steps[k - n]
        if operation == "tanh":
            grads[i] += grads[k] * (1 - v[k] ** 2)
        elif operation == "add":
            grads[i] += grads[k]
            grads[j] += grads[k]
        else:
            grads[i] += grads[k] * v[k] / v[i]
            grads[j] += grads[k] * v[k] / v[j]
    return grads[:n].clone()


def wrong_tanh_by_exp(inputs, steps):
    """The hyperbolic tangent is a quotient of exponentials, which is inf/inf for large values."""
    v = torch.cat([inputs, inputs.new_zeros(len(steps))])
    n = len(inputs)
    for k, (operation, i, j) in enumerate(steps, n):
        if operation == "add":
            v[k] = v[i] + v[j]
        elif operation == "mul":
            v[k] = v[i] * v[j]
        else:
            v[k] = (torch.exp(2 * v[i]) - 1) / (torch.exp(2 * v[i]) + 1)
    grads = torch.zeros_like(v)
    grads[-1] = 1
    for k in reversed(range(n, len(v))):
        operation, i, j = steps[k - n]
        if operation == "tanh":
            grads[i] += grads[k] * (1 - v[k] ** 2)
        elif operation == "add":
            grads[i] += grads[k]
            grads[j] += grads[k]
        else:
            grads[i] += grads[k] * v[j]
            grads[j] += grads[k] * v[i]
    return grads[:n].clone()


def wrong_all_paths(inputs, steps):
    """Walks each path from the output on its own: exponentially many for values that are used twice."""
    v = values_of(inputs, steps)
    n = len(inputs)
    grads = [0.0] * n

    def walk(k, share):
        if k < n:
            grads[k] += share
            return
        operation, i, j = steps[k - n]
        if operation == "tanh":
            walk(i, share * (1 - v[k] ** 2))
        else:
            walk(i, share if operation == "add" else share * v[j])
            walk(j, share if operation == "add" else share * v[i])

    walk(len(v) - 1, 1.0)
    return torch.tensor(grads, dtype=torch.float64)


def wrong_recursion_limit(inputs, steps):
    """One call for each step, deeper than Python allows on a long tape."""
    v = values_of(inputs, steps)
    n = len(inputs)

    def back(grads, k):
        if k < n:
            return grads
        operation, i, j = steps[k - n]
        if operation == "tanh":
            grads[i] += grads[k] * (1 - v[k] ** 2)
        else:
            grads[i] += grads[k] * (1 if operation == "add" else v[j])
            grads[j] += grads[k] * (1 if operation == "add" else v[i])
        return back(grads, k - 1)

    grads = back([0.0] * (len(v) - 1) + [1.0], len(v) - 1)
    return torch.tensor(grads[:n], dtype=torch.float64)

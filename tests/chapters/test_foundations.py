"""Chapter 0's reverse mode against PyTorch, its line and its rates against NumPy."""

from functools import partial

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st

from course.chapters import load_definitions
from tests.helpers.tensors import CLOSE, drawn

chapter = load_definitions("00_foundations")
seeds, sizes = st.integers(0, 99), st.integers(1, 4)


# Reverse mode.

OPERATIONS = [  # all that a Value can do, for inputs of any sign and up to 4 in size
    lambda a, b: a + b,
    lambda a, b: a - b,
    lambda a, b: a * b,
    lambda a, b: a / (b**2 + 1),
    lambda a, b: (a + 2) - (b - 3) / 2,
    lambda a, b: 2.5 + a,
    lambda a, b: 0.5 - b,
    lambda a, b: 3 / (a + 4.5),
    lambda a, b: -3 * a,
    lambda a, b: -b,
    lambda a, b: a**3,
    lambda a, b: (a + 5) ** -2,
    lambda a, b: (b + 6) ** 0.5,
    lambda a, b: a.exp(),
    lambda a, b: (b + 4.5).log(),
    lambda a, b: a.tanh(),
    lambda a, b: b.relu(),
    lambda a, b: a * a,
    lambda a, b: b + b,
]
programs = st.lists(st.tuples(st.sampled_from(OPERATIONS), seeds, seeds), max_size=30)


def run(program, inputs):
    """All values of a program: the inputs, and a result for each step; what is large goes through tanh."""
    values = list(inputs)
    for operation, i, j in program:
        result = operation(values[i % len(values)], values[j % len(values)])
        values.append(result if abs(float(result.data)) < 4 else result.tanh())
    return values


def torch_gradients(loss, values):
    """Gradients, 0 where the loss does not look."""
    found = torch.autograd.grad(loss, values, allow_unused=True, materialize_grads=True)
    return [g.item() for g in found]


@given(st.lists(st.floats(-3, 3), min_size=1, max_size=4), programs)
def test_values_and_all_gradients_of_random_programs_equal_torch(numbers, program):
    ours = run(program, [chapter.Value(number) for number in numbers])
    theirs = run(program, [torch.tensor(a, dtype=torch.float64, requires_grad=True) for a in numbers])
    ours[-1].backward()
    assert [value.data for value in ours] == pytest.approx([a.item() for a in theirs], rel=1e-9, abs=1e-12)
    expected = torch_gradients(theirs[-1], theirs)  # of the results on the way too
    assert [value.grad for value in ours] == pytest.approx(expected, rel=1e-8, abs=1e-10)


@pytest.mark.parametrize("number", [-1.5, 0.0, 0.7])
@pytest.mark.parametrize("operation", OPERATIONS)
def test_each_operation_of_one_number_with_itself_equals_torch(operation, number):
    ours, theirs = chapter.Value(number), torch.tensor(number, dtype=torch.float64, requires_grad=True)
    operation(ours, ours).backward()
    assert ours.grad == pytest.approx(*torch_gradients(operation(theirs, theirs), [theirs]), rel=1e-12)


@given(st.lists(st.floats(-3, 3), min_size=1, max_size=4), programs)
def test_a_second_backward_adds(numbers, program):
    values = run(program, [chapter.Value(number) for number in numbers])
    values[-1].backward()
    once = [value.grad for value in values]
    values[-1].backward()
    assert [value.grad for value in values] == [2 * grad for grad in once]


@given(st.lists(st.floats(-3, 3), min_size=1, max_size=4), programs, seeds)
def test_nodes_stand_behind_their_inputs_each_once(numbers, program, place):
    values = run(program, [chapter.Value(number) for number in numbers])
    last = values[place % len(values)]
    order = chapter.in_order(last)
    positions = {id(node): position for position, node in enumerate(order)}
    assert len(positions) == len(order) and order[-1] is last
    for node in order:
        assert all(positions[id(source)] < positions[id(node)] for source in node.inputs)
    reached = {id(last)} | {id(source) for node in order for source in node.inputs}
    assert reached == positions.keys()


def test_a_long_chain_is_walked_once():
    start = chapter.Value(0.5)
    node = start
    for _ in range(2000):  # 2 ** 2000 ways lead back, deeper than Python's stack
        node = node.relu() * 0.75 + node * 0.25
    node.backward()
    assert (node.data, start.grad) == (0.5, 1.0)  # exact: quarters of powers of 2
    assert len(chapter.in_order(node)) == 1 + 6 * 2000  # four results and two constants a round


# The line.


@given(sizes, st.integers(4, 20), st.sampled_from([0.1, 1.0, 100.0]), seeds)
def test_normal_equations_equal_numpy(d, more, scale, seed):
    n = d + more
    x, y = scale * drawn(n, d, seed=seed) + 3, 5 * drawn(n, seed=seed + 1) - 7
    found = chapter.normal_equations(x, y)
    assert found.shape == (d + 1,)
    theirs = np.linalg.lstsq(np.hstack([np.ones((n, 1)), x]), y.numpy(), rcond=None)[0]
    assert found.numpy() == pytest.approx(theirs, rel=1e-6, abs=1e-8)
    b, w = chapter.normal_equations(x[:, 0], y).tolist()
    assert [w, b] == pytest.approx(np.polyfit(x[:, 0], y, 1), rel=1e-6, abs=1e-8)


@given(sizes, st.integers(1, 9), seeds)
def test_gradients_equal_autograd_and_the_curvatures_are_the_hessians(d, n, seed):
    X, y, theta = drawn(n, d, seed=seed), drawn(n, seed=seed + 1), drawn(d, seed=seed + 2)
    before = theta.clone()
    leaf = theta.clone().requires_grad_()
    (expected,) = torch.autograd.grad(F.mse_loss(X @ leaf, y), leaf)
    for found in (chapter.mse_gradient(X, y, theta), chapter.autograd_gradient(X, y, theta)):
        assert not found.requires_grad
        torch.testing.assert_close(found, expected, **CLOSE)
    assert torch.equal(theta, before) and not theta.requires_grad
    hessian = torch.autograd.functional.hessian(lambda theta: F.mse_loss(X @ theta, y), theta)
    eigenvalues = np.sort(np.linalg.eigvals(hessian.numpy()).real)
    assert chapter.curvatures(X).numpy() == pytest.approx(eigenvalues, rel=1e-8, abs=1e-10)


@given(st.integers(1, 3), st.integers(0, 20), st.floats(0.01, 0.5), seeds)
def test_descent_on_a_bowl_goes_where_the_matrix_powers_say(d, steps, lr, seed):
    X, y, start = drawn(6, d, seed=seed), drawn(6, seed=seed + 1), drawn(d, seed=seed + 2)
    before = start.clone()
    path = chapter.descend(partial(chapter.mse_gradient, X, y), start, lr, steps)
    assert path.shape == (steps + 1, d) and torch.equal(path[0], before) and torch.equal(start, before)
    best = np.linalg.lstsq(X.numpy(), y.numpy(), rcond=None)[0]
    factor = np.eye(d) - lr * 2 / 6 * (X.T @ X).numpy()
    for t, theta in enumerate(path):
        expected = best + np.linalg.matrix_power(factor, t) @ (before.numpy() - best)
        assert theta.numpy() == pytest.approx(expected, rel=1e-7, abs=1e-7 * max(1, np.abs(expected).max()))


def test_the_rate_by_trial_is_two_over_the_largest_curvature():
    X, y = torch.cat([100 * drawn(30, 2) + 3, torch.ones(30, 1)], 1), 100 * drawn(30, seed=1) + 20
    limit = 30 / np.linalg.norm(X.numpy(), 2) ** 2  # λ_max = 2/N times the largest singular value squared
    trial = chapter.rate_by_trial(X, y)
    assert limit * (1 - 1e-9) < trial < 1.005 * limit  # below the limit no step raises the loss
    assert chapter.rate_by_trial(X, y, high=limit / 2) == pytest.approx(limit / 2, rel=1e-6)

"""Chapter 0's optimisers against torch.optim, and how fast they go down a bowl."""

import math
from functools import partial

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from course.chapters import load_definitions
from tests.helpers.tensors import drawn

chapter = load_definitions("00_foundations")
seeds = st.integers(0, 99)
shapes = st.lists(st.integers(1, 4), max_size=3).map(tuple)  # () is a single number
steps, rates = st.integers(1, 60), st.sampled_from([1e-3, 0.1, 2.0])
scales = st.sampled_from([1e-6, 1.0, 1e4])
decays, epsilons = st.sampled_from([0.0, 0.5, 0.9]), st.sampled_from([1e-8, 1e-2, 3.0])
kappas = st.floats(1.2, 300)


def assert_same_steps(ours, theirs, shape, count, scale, seed):
    """Two weights take the same steps as torch's, to rtol 1e-10, under random gradients, some of them 0."""
    weights = [3 * drawn(*shape, seed=seed), drawn(2, seed=seed + 1)]
    leaves = [torch.nn.Parameter(w.clone()) for w in weights]
    optimizer, states = theirs(leaves), [{}, {}]
    for t in range(count):
        for leaf in leaves:
            leaf.grad = scale * drawn(*leaf.shape, seed=100 * seed + t)
            leaf.grad *= drawn(*leaf.shape, seed=t) > -1
        gradients = [leaf.grad.clone() for leaf in leaves]
        before = [w.clone() for w in weights]
        moved = [ours(w, g, state) for w, g, state in zip(weights, gradients, states, strict=True)]
        optimizer.step()
        for w, w_before, g, leaf in zip(weights, before, gradients, leaves, strict=True):
            assert torch.equal(w, w_before) and torch.equal(g, leaf.grad)  # nothing is changed in place
        for w, leaf in zip(moved, leaves, strict=True):
            size = max(
                1.0, leaf.abs().max().item()
            )  # where a weight passes 0, its digits are those of the rest
            torch.testing.assert_close(w, leaf.detach(), rtol=1e-10, atol=1e-12 * size)
        weights = moved


@given(shapes, steps, scales, seeds, rates, decays)
def test_sgd_steps_equal_torch(shape, count, scale, seed, lr, momentum):
    how = {"lr": lr, "momentum": momentum}
    ours, theirs = partial(chapter.sgd_step, **how), partial(torch.optim.SGD, **how)
    assert_same_steps(ours, theirs, shape, count, scale, seed)
    assert_same_steps(
        partial(chapter.sgd_step, lr=lr), partial(torch.optim.SGD, lr=lr), shape, 3, scale, seed
    )


@given(shapes, steps, scales, seeds, rates, decays, st.sampled_from([0.8, 0.999]), epsilons)
def test_adam_steps_equal_torch(shape, count, scale, seed, lr, beta1, beta2, eps):
    ours = partial(chapter.adam_step, lr=lr, beta1=beta1, beta2=beta2, eps=eps)
    theirs = partial(torch.optim.Adam, lr=lr, betas=(beta1, beta2), eps=eps)
    assert_same_steps(ours, theirs, shape, count, scale, seed)


@given(shapes, steps, scales, seeds, rates, decays, st.sampled_from([0.0, 0.01, 0.4]), epsilons)
def test_adamw_steps_equal_torch(shape, count, scale, seed, lr, beta1, decay, eps):
    ours = partial(chapter.adamw_step, lr=lr, weight_decay=decay, beta1=beta1, beta2=0.95, eps=eps)
    theirs = partial(torch.optim.AdamW, lr=lr, weight_decay=decay, betas=(beta1, 0.95), eps=eps)
    assert_same_steps(ours, theirs, shape, count, scale, seed)


@pytest.mark.parametrize("name, theirs", [("adam_step", "Adam"), ("adamw_step", "AdamW")])
@given(shapes, scales, seeds)
def test_the_default_settings_are_torchs(name, theirs, shape, scale, seed):
    ours, theirs = partial(getattr(chapter, name), lr=0.1), partial(getattr(torch.optim, theirs), lr=0.1)
    assert_same_steps(ours, theirs, shape, 20, scale, seed)


def test_the_explorers_steps_take_the_momentum_as_they_should():
    for name, how in (
        ("gradient descent", lambda p: torch.optim.SGD(p, lr=0.1)),
        ("momentum", lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.7)),
        ("Adam", lambda p: torch.optim.Adam(p, lr=0.1, betas=(0.7, 0.999))),
    ):
        assert_same_steps(partial(chapter.STEPS[name], lr=0.1, momentum=0.7), how, (3,), 9, 1.0, 0)
    assert len(chapter.STEPS) == 3


# Bowls.


@given(kappas, st.floats(-90, 90))
def test_a_bowls_curvatures_and_its_axes(kappa, degrees):
    hessian = chapter.bowl(kappa, degrees)
    eigenvalues = np.linalg.eigvalsh(hessian.numpy())
    assert eigenvalues == pytest.approx([1 / kappa, 1], rel=1e-9) and hessian.dtype == torch.float64
    torch.testing.assert_close(hessian, hessian.T, rtol=1e-12, atol=1e-15)
    turn = math.radians(degrees)
    steep = np.array([math.cos(turn), math.sin(turn)])
    assert hessian.numpy() @ steep == pytest.approx(steep, abs=1e-12)


def distances(step, kappa, count, degrees=30):
    """Distances from the minimum of a bowl, (count + 1,), by a walk of our own."""
    turn = math.radians(degrees)
    steep, flat = np.array([math.cos(turn), math.sin(turn)]), np.array([-math.sin(turn), math.cos(turn)])
    hessian = torch.from_numpy(np.outer(steep, steep) + np.outer(flat, flat) / kappa)
    w, state = torch.tensor([1.0, -0.3], dtype=torch.float64), {}
    found = [w.norm().item()]
    for _ in range(count):
        w = step(w, hessian @ w, state)
        found.append(w.norm().item())
    return np.array(found)


@given(kappas, st.floats(-90, 90))
def test_gradient_descent_shrinks_every_error_by_the_same_factor(kappa, degrees):
    plain, _ = chapter.best_settings(kappa)
    walked = distances(plain, kappa, 40, degrees)
    walked = walked[walked > 1e-13]
    factor = (kappa - 1) / (kappa + 1)
    assert walked[1:] / walked[:-1] == pytest.approx(factor, rel=1e-4)
    exactly = math.log(1e-4) / math.log(factor)
    found = chapter.steps_needed(plain, kappa, degrees)
    assert found == math.ceil(exactly) or found == pytest.approx(exactly, abs=1e-6)


@given(kappas, st.floats(-90, 90))
def test_momentum_shrinks_late_errors_by_the_root_of_mu(kappa, degrees):
    root = math.sqrt(kappa)
    rate = (root - 1) / (root + 1)  # the root of μ; roots are double, so errors go as t rate^t
    _, heavy = chapter.best_settings(kappa)
    assert heavy.keywords["momentum"] == pytest.approx(rate**2, rel=1e-12)
    count = max(8, min(400, round(-11 / math.log10(rate))))  # to about 1e-11 of the first distance
    walked = distances(heavy, kappa, count, degrees)
    t = np.arange(count // 2, count)
    assert walked[t + 1] / walked[t] * t / (t + 1) == pytest.approx(rate, rel=4 / t.min())


def at(places):
    """A step that puts the weights at these distances, one after the other, and then stays."""

    def step(w, g, state):
        state["t"] = t = state.get("t", -1) + 1
        return torch.tensor([places[min(t, len(places) - 1)], 0.0], dtype=torch.float64)

    return step


@pytest.mark.parametrize(
    "places, expected",
    [
        ([0.0], 1),
        ([1.0, 1e-5], 2),
        ([1.0, 1e-5, 1e-5, 1.0, 1e-5], 5),  # near, and away again
        ([1.0, 1.1e-4, 1.0e-4], 3),  # the first distance is 1.044
        ([1.0] * 30 + [0.0] * 80 + [1.0, 0.0], 112),  # away for long
        ([math.nan], 10_001),
        ([1.0], 10_001),
    ],
)
def test_steps_are_counted_until_the_weights_stay_near(places, expected):
    assert chapter.steps_needed(at(places), kappa=2) == expected

"""Chapter 0's explorer of the descent: right numbers."""

import math

import numpy as np
import pytest
import torch

from course import chapters
from course.explorers import foundations
from course.explorers.foundations.descent import (
    HALF,
    LEVELS,
    MEANINGS,
    MINIMA,
    MOST,
    RATES,
    STARTS,
    bottom,
    caption,
    contours,
    gradient,
    loss,
    shown,
    spectral_radius,
    tick_of,
)

STEPS = chapters.load_definitions("00_foundations").STEPS
EXPLORER = foundations.descent(STEPS)


def descent_of(**choice):
    return EXPLORER.state(**dict(lr=0.5) | choice)


def hessian(condition):
    """Of the bowl, built from its axes."""
    steep, flat = (np.array(axis) for axis in ((math.sqrt(3) / 2, 0.5), (-0.5, math.sqrt(3) / 2)))
    return np.outer(steep, steep) + np.outer(flat, flat) / condition


@pytest.mark.parametrize("surface", MINIMA)
@pytest.mark.parametrize("condition", [1.0, 7.0, 100.0])
def test_a_surface_has_its_minimum_its_curvatures_its_gradient_and_its_contours(surface, condition):
    at = torch.tensor(MINIMA[surface], dtype=torch.float64)
    values = torch.autograd.functional.hessian(lambda w: loss(surface, condition, *w), at)
    assert loss(surface, condition, *MINIMA[surface]) == pytest.approx(0, abs=1e-30)
    assert np.allclose(np.linalg.eigvalsh(values), [1 / condition, 1])
    for place in (*STARTS.values(), (0.3, -2.2)):
        w = torch.tensor(place, dtype=torch.float64, requires_grad=True)
        loss(surface, condition, *w).backward()
        assert np.allclose(gradient(surface, condition, *place), w.grad, rtol=1e-12)
    lines = contours(surface, condition)
    values = [loss(surface, condition, *line.T) for line in lines]
    # A line lies between the places of a grid, so that it is not exact.
    near = [np.abs(np.log(value[:, None] / LEVELS)).min(1).max() for value in values]
    assert len(lines) >= 6 and max(near) < 0.5 and np.median(near) < 0.1
    assert max(np.abs(line).max() for line in lines) <= HALF


def test_the_bowl_is_turned_and_the_ravine_follows_its_floor():
    for w in ((1.0, 0.0), (0.4, -1.3)):
        assert loss("bowl", 9.0, *w) == pytest.approx(0.5 * np.array(w) @ hessian(9.0) @ w)
    for a in (-2.0, -0.5, 1.0):
        assert loss("curved ravine", 9.0, a, bottom(a)[0]) == pytest.approx((a - 1) ** 2 / 18)


@pytest.mark.parametrize("condition", [1.0, 20.0])
@pytest.mark.parametrize(("kept", "name"), [(0.0, "gradient descent"), (0.8, "momentum")])
def test_the_path_is_that_of_matrices(condition, kept, name):
    state = descent_of(optimizer=name, momentum=0.8, condition=condition, start="right")
    w, v = np.array(STARTS["right"]), np.zeros(2)
    assert state["path"].shape == (61, 2) and state["losses"].shape == (61,)
    for place, value in zip(state["path"], state["losses"], strict=True):
        assert np.allclose(place, w, rtol=1e-9, atol=1e-14)
        assert value == pytest.approx(0.5 * w @ hessian(condition) @ w, rel=1e-9, abs=1e-28)
        v = kept * v + hessian(condition) @ w
        w = w - 0.5 * v


def test_adam_goes_as_torch_does_and_each_path_has_a_memory_of_its_own():
    for _ in range(2):
        state = descent_of(optimizer="Adam", lr=0.1, surface="curved ravine")
    w = torch.tensor(STARTS["left"], dtype=torch.float64, requires_grad=True)
    rival = torch.optim.Adam([w], lr=0.1, betas=(0.9, 0.999))
    for place in state["path"]:
        assert np.allclose(place, w.detach(), rtol=1e-9)
        rival.zero_grad()
        loss("curved ravine", 20.0, *w).backward()
        rival.step()


@pytest.mark.parametrize("curvature", [1.0, 0.3, 0.01])
@pytest.mark.parametrize("momentum", [0.0, 0.3, 0.9, 0.99])
def test_the_spectral_radius_is_that_of_the_steps_matrix(curvature, momentum):
    for lr in RATES:
        matrix = [[momentum, curvature], [-lr * momentum, 1 - lr * curvature]]  # of (v, w)
        expected = np.abs(np.linalg.eigvals(matrix)).max()
        assert spectral_radius(lr, momentum, curvature) == pytest.approx(expected, abs=1e-6)


def test_the_prediction_is_the_slope_of_the_loss_on_a_bowl_for_an_optimiser_of_one_matrix():
    for choice in (dict(lr=0.5), dict(lr=1.9), dict(lr=2.1), dict(lr=0.1, optimizer="momentum")):
        state = descent_of(count=200, **choice)
        assert state["predicted"][0] == state["losses"][0] and state["predicted"].shape == (201,)
        assert np.allclose(state["predicted"][1:], state["predicted"][:-1] * state["factor"])
        slope = np.polyfit(np.arange(100, 201), np.log(state["losses"][100:]), 1)[0]
        assert slope == pytest.approx(np.log(state["factor"]), abs=0.01)
    for choice in (dict(surface="curved ravine"), dict(optimizer="Adam")):
        state = descent_of(**choice)
        assert state["factor"] is state["predicted"] is state["bound"] is None and state["verdict"] == "none"


@pytest.mark.parametrize("condition", [1.0, 100.0])
def test_the_verdict_is_what_the_bound_says(condition):
    around = (1.98, 2.0, 2.02)
    for momentum, name, rates in (
        (0.9, "gradient descent", around),
        (0, "momentum", around),
        (0.9, "momentum", (3.3, 3.8, 4)),
    ):
        tried = dict(optimizer=name, momentum=momentum, condition=condition)
        found = [descent_of(lr=lr, **tried) for lr in rates]
        assert [state["verdict"] for state in found] == list(MEANINGS)
        assert found[1]["bound"] == pytest.approx(rates[1])


def test_what_is_said_of_a_descent():
    first, second = caption(descent_of(lr=1.9)).split("\n")
    assert first == "gradient descent, bowl, condition number 20, lr 1.9, momentum 0.9 (no effect)"
    assert second.startswith("lr 1.9 < 2 / λ_max = 2: converges, in the end × 0.8190 a step;  loss after 60")
    assert second.endswith("e−06")
    assert "lr 2.1 > 2 / λ_max = 2: diverges, in the end × 1.2100 a" in caption(descent_of(lr=2.1))
    said = caption(descent_of(optimizer="momentum", lr=0.1))
    assert "momentum 0.9\nlr 0.1 < 2 (1 + μ) / λ_max = 3.8: converges, in the end × 0.9000 a" in said
    assert "no factor is predicted for Adam: only the path tells" in caption(descent_of(optimizer="Adam"))
    assert "the curvature changes from place" in caption(descent_of(surface="curved ravine"))
    assert caption(descent_of(lr=4.0)).endswith("above 10,000 (diverged)")
    assert all(2 <= count // tick_of(count) <= 7 for count in range(5, 201))


def test_a_path_that_leaves_is_drawn_beyond_the_picture_without_a_warning(recwarn):
    explorer = foundations.descent(STEPS)
    explorer.set(surface="curved ravine", optimizer="momentum", lr=4.0, start="below", count=200)
    state = explorer.state()
    gone = np.isnan(state["path"]).any(1)
    assert gone[-1] and not gone[0] and np.isinf(state["losses"][gone]).all()
    assert np.isfinite(state["losses"][~gone]).all() and state["losses"][~gone][-1] > MOST and not recwarn
    assert np.allclose(shown(np.array([[3e30, -4e30], [1.0, 2.0]])), [[60, -80], [1, 2]])
    state = foundations.descent({"gradient descent": lambda w, *_: w * math.nan}).state()
    assert np.isnan(state["path"][1:]).all() and np.isinf(state["losses"][1:]).all()

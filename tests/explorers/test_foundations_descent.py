"""Chapter 0's explorer of the descent: right numbers."""

import math

import numpy as np
import pytest
import torch

from course import chapters
from course.explorers import foundations
from course.explorers.foundations.descent import (
    HIGH,
    LEVELS,
    MINIMA,
    MOST,
    RATES,
    STEPS,
    WIDE,
    bottom,
    caption,
    contours,
    gradient,
    loss,
    shown,
    spectral_radius,
)
from course.explorers.parts import spread

OPTIMIZERS = chapters.load_definitions("00_foundations").STEPS
NAMES = list(OPTIMIZERS)
EXPLORER = foundations.descent(OPTIMIZERS)
PLACES = ((-2.0, 1.6), (2.0, 1.8), (0.3, -2.2))


def descent_of(**choice):
    """A state, with the chosen optimiser's path and losses as its own."""
    state = EXPLORER.state(**dict(lr=0.5, momentum=0.9, count=60) | choice)
    chosen = state["chosen"]
    return state | {"path": state["path"][chosen], "losses": state["losses"][chosen], "all": state["losses"]}


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
    for place in PLACES:
        w = torch.tensor(place, dtype=torch.float64, requires_grad=True)
        loss(surface, condition, *w).backward()
        assert np.allclose(gradient(surface, condition, *place), w.grad, rtol=1e-12)
    below = contours(surface, condition)
    assert len(below) == len(LEVELS)
    for level, parts in zip(LEVELS[::-1], below, strict=True):
        for line in parts:
            assert (np.abs(line) <= np.add((WIDE, HIGH), 1e-9)).all()
            inner = (np.abs(line) < np.subtract((WIDE, HIGH), 1e-9)).all(1)  # not on the edge of the panel
            values = loss(surface, condition, *line[inner].T)
            # A line lies between the places of a grid, so that it is not exact.
            assert not inner.any() or np.median(np.abs(np.log(values / level))) < 0.06


def test_the_bowl_is_turned_and_the_ravine_follows_its_floor():
    for w in ((1.0, 0.0), (0.4, -1.3)):
        assert loss("bowl", 9.0, *w) == pytest.approx(0.5 * np.array(w) @ hessian(9.0) @ w)
    for a in (-2.0, -0.5, 1.0):
        assert loss("curved ravine", 9.0, a, bottom(a)[0]) == pytest.approx((a - 1) ** 2 / 18)


@pytest.mark.parametrize("condition", [1.0, 20.0])
@pytest.mark.parametrize(("kept", "name"), [(0.0, "gradient descent"), (0.8, "momentum")])
def test_the_path_is_that_of_matrices(condition, kept, name):
    state = descent_of(optimizer=name, momentum=0.8, condition=condition, start_1=2.0, start_2=1.8)
    w, v = np.array((2.0, 1.8)), np.zeros(2)
    assert state["path"].shape == (61, 2) and state["losses"].shape == (61,)
    for place, value in zip(state["path"], state["losses"], strict=True):
        assert np.allclose(place, w, rtol=1e-9, atol=1e-14)
        assert value == pytest.approx(0.5 * w @ hessian(condition) @ w, rel=1e-9, abs=1e-28)
        v = kept * v + hessian(condition) @ w
        w = w - 0.5 * v


def test_adam_goes_as_torch_does_and_each_path_has_a_memory_of_its_own():
    for _ in range(2):
        state = descent_of(optimizer="Adam", lr=0.1, surface="curved ravine")
    w = torch.tensor(PLACES[0], dtype=torch.float64, requires_grad=True)
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


@pytest.mark.parametrize("condition", [1.0, 20.0, 100.0])
def test_the_prediction_is_the_loss_on_a_bowl_and_with_momentum_its_slope_and_its_size(condition):
    for lr in (0.5, 1.9, 2.1):
        state = descent_of(count=STEPS, lr=lr, condition=condition)
        assert np.allclose(state["predicted"], state["losses"], rtol=1e-9, atol=1e-25)
    state = descent_of(count=STEPS, lr=0.3, optimizer="momentum", condition=condition)
    ratio = state["losses"][10:] / state["predicted"][10:]
    assert state["predicted"][-1] == pytest.approx(state["predicted"][-2] * state["radius"] ** 2, rel=1e-3)
    assert 0.05 < np.exp(np.log(ratio).mean()) < 5
    for choice in (dict(surface="curved ravine"), dict(optimizer="Adam")):
        state = descent_of(**choice)
        assert state["radius"] is state["predicted"] is None


def test_it_begins_with_a_zigzag_just_below_the_bound_that_momentum_takes_faster():
    state = EXPLORER.state()
    assert state["lr"] == 1.9 and state["optimizer"] == "gradient descent" and 10 < state["count"] < STEPS
    path = state["path"][0]
    steep = path[:20] @ (math.sqrt(3) / 2, 0.5)
    assert (steep[1:] * steep[:-1] < 0).all(), "each step crosses the valley"
    assert (np.diff(state["losses"][0]) < 0).all()
    assert state["losses"][1, -1] < 1e-3 * state["losses"][0, -1]


def test_all_optimisers_go_the_same_number_of_steps_from_the_same_start():
    state = EXPLORER.state(count=12, start_1=1.5, start_2=-2.0, optimizer="Adam")
    assert state["path"].shape == (3, 13, 2) and state["chosen"] == 2
    assert (state["path"][:, 0] == (1.5, -2.0)).all()
    longer = EXPLORER.state(count=40, start_1=1.5, start_2=-2.0)["path"]
    assert np.array_equal(longer[:, :13], state["path"])


@pytest.mark.parametrize("condition", [1.0, 100.0])
def test_the_verdict_is_what_the_bound_says(condition):
    around = (1.98, 2.0, 2.02)
    for momentum, name, rates in (
        (0.9, "gradient descent", around),
        (0, "momentum", around),
        (0.9, "momentum", (3.3, 3.8, 4)),
        (0.5, "momentum", (2.7, 3.0, 3.3)),
    ):
        tried = dict(optimizer=name, momentum=momentum, condition=condition)
        found = [descent_of(lr=lr, **tried) for lr in rates]
        said = [caption(EXPLORER.state(lr=lr, **tried)) for lr in rates]
        for sign, does, text in zip("<=>", ("converges", "on the edge", "diverges"), said, strict=True):
            assert f" {sign} 2" in text and f"= {rates[1]:g}: {does}" in text
        assert found[0]["radius"] < 1 - 1e-3 and found[2]["radius"] > 1 + 1e-3
        assert found[1]["radius"] == pytest.approx(1)


def test_what_is_said_of_a_descent():
    def said(**choice):
        return caption(EXPLORER.state(**dict(momentum=0.9, lr=0.1, count=60) | choice))

    assert caption(EXPLORER.state()) == (
        "Step 30: loss 0.0011; η 1.9 < 2/λₘₐₓ = 2: converges, in the long run × 0.819 per step"
    )
    assert said(lr=2.1).endswith("η 2.1 > 2/λₘₐₓ = 2: diverges, in the long run × 1.21 per step")
    text = "η 0.1 < 2(1+μ)/λₘₐₓ = 3.8: converges, in the long run × 0.9 per step"
    assert said(optimizer="momentum").endswith(text)
    assert "no factor is predicted for Adam: only the path tells" in said(optimizer="Adam")
    assert "the curvature changes from place" in said(surface="curved ravine")
    assert said(lr=4.0).startswith("Step 60: loss > 100;")
    assert said(count=STEPS, condition=1.0, lr=0.4).startswith("Step 100: loss 1·10⁻⁴⁴;")
    assert said(surface="curved ravine", lr=1.9) == (
        "Step 60: gradient descent has flown out (loss > 100): lower η"
    )
    assert "the start is the minimum" in said(start_1=0, start_2=0)
    assert "0.9998 per step" in said(condition=100.0, lr=0.01)
    worst = [said(count=STEPS, lr=lr, optimizer=name) for lr in RATES for name in NAMES]
    assert max(map(len, worst)) <= 95


def test_the_start_is_dragged_steps_are_chosen_on_their_axis_and_played_to_the_end():
    explorer = foundations.descent(OPTIMIZERS)
    state = explorer.state()
    assert explorer.touch["plane"](state, 1.2, -0.7) == {"start_1": 1.2, "start_2": -0.7}
    assert explorer.touch["loss"](state, 41.7, 0.0) == {"count": 41.7}
    left = STEPS - state["count"]
    assert [explorer.advance() for _ in range(left + 1)] == [True] * left + [False]
    assert explorer.controls["count"].value == STEPS
    assert explorer.advance(start=True) and explorer.controls["count"].value == 0


def test_nothing_hides_the_handle_of_the_start():
    artists = EXPLORER.picture.artists
    others = [artist for name, group in artists.items() if name != "start" for artist in np.atleast_1d(group)]
    plane = [artist for artist in others if artist.axes.get_label() == "plane"]
    assert len(plane) == len(NAMES) + 3
    assert artists["start"].get_zorder() > max(artist.get_zorder() for artist in plane)


def test_names_stand_apart_and_inside():
    assert np.allclose(spread([5.0, 5.0, 0.0], 0, 10, 1), [5, 6, 0.5])
    assert np.allclose(spread([99.0, 98.0, 4.0, 97.0], 0, 10, 2), [9, 7, 3, 5])
    assert np.allclose(spread([-7.0, -9.0], 0, 10, 2), [3, 1])


def test_a_path_that_leaves_is_drawn_beyond_the_picture_without_a_warning(recwarn):
    explorer = foundations.descent(OPTIMIZERS)
    explorer.set(surface="curved ravine", optimizer="momentum", lr=4.0, start_1=-1.5, start_2=-1.8, count=100)
    explorer.png(density=1)
    path, losses = (explorer.state()[part][1] for part in ("path", "losses"))
    gone = np.isnan(path).any(1)
    assert gone[-1] and not gone[0] and np.isinf(losses[gone]).all()
    assert np.isfinite(losses[~gone]).all() and losses[~gone][-1] > MOST and not recwarn
    assert np.allclose(shown(np.array([[3e30, -4e30], [1.0, 2.0]])), [[60, -80], [1, 2]])
    state = foundations.descent({"gradient descent": lambda w, *_: w * math.nan}).state()
    assert np.isnan(state["path"][0, 1:]).all() and np.isinf(state["losses"][0, 1:]).all()

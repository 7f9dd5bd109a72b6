"""Chapter 0's explorer of the descent: right numbers, on stand-ins for the chapter's steps."""

import math

import numpy as np
import pytest
import torch

from course.explorers import foundations
from course.explorers.foundations import descent_picture as picture
from course.explorers.foundations.descent import (
    CONDITIONS,
    MINIMA,
    RATES,
    STARTS,
    bottom,
    compute_descent,
    contours,
    gradient,
    loss,
    spectral_radius,
    verdict,
)


def plain(w, g, state, lr, momentum):
    return w - lr * g


def heavy(w, g, state, lr, momentum):
    state["v"] = momentum * state.get("v", torch.zeros_like(w)) + g
    return w - lr * state["v"]


def adam(w, g, state, lr, momentum):
    t, m, s = state.get("adam", (0, 0.0, 0.0))
    t, m, s = t + 1, momentum * m + (1 - momentum) * g, 0.999 * s + 0.001 * g**2
    state["adam"] = t, m, s
    return w - lr * m / (1 - momentum**t) / ((s / (1 - 0.999**t)).sqrt() + 1e-8)


STEPS = {"gradient descent": plain, "momentum": heavy, "Adam": adam}
EXPLORERS = {"descent": lambda: foundations.descent(STEPS, optimizer="momentum")}
SETTING = dict(surface="bowl", optimizer="gradient descent", lr=0.5, momentum=0.9, condition=20.0)
SETTING |= dict(count=60, start="left")


def descent_of(steps=STEPS, **choice):
    return compute_descent(steps, **SETTING | choice)


def said_of(**choice):
    return picture.caption(descent_of(**choice))


def hessian(condition):
    """Of the bowl, built from its axes."""
    steep, flat = (np.array(axis) for axis in ((math.sqrt(3) / 2, 0.5), (-0.5, math.sqrt(3) / 2)))
    return np.outer(steep, steep) + np.outer(flat, flat) / condition


@pytest.mark.parametrize("surface", MINIMA)
@pytest.mark.parametrize("condition", [1.0, 7.0, 100.0])
def test_a_surface_has_its_minimum_its_curvatures_and_its_gradient(surface, condition):
    at = torch.tensor(MINIMA[surface], dtype=torch.float64)
    values = torch.autograd.functional.hessian(lambda w: loss(surface, condition, *w), at)
    assert loss(surface, condition, *MINIMA[surface]) == pytest.approx(0, abs=1e-30)
    assert np.allclose(np.linalg.eigvalsh(values), [1 / condition, 1])
    for place in (*STARTS.values(), (0.3, -2.2)):
        w = torch.tensor(place, dtype=torch.float64, requires_grad=True)
        loss(surface, condition, *w).backward()
        assert np.allclose(gradient(surface, condition, *place), w.grad, rtol=1e-12)
    assert np.allclose(gradient(surface, condition, *MINIMA[surface]), 0)


def test_the_bowl_is_turned_and_the_ravine_follows_its_floor():
    for w in ((1.0, 0.0), (0.4, -1.3)):
        assert loss("bowl", 9.0, *w) == pytest.approx(0.5 * np.array(w) @ hessian(9.0) @ w)
    for a in (-2.0, -0.5, 1.0):
        assert loss("curved ravine", 9.0, a, bottom(a)[0]) == pytest.approx((a - 1) ** 2 / 18)
    assert bottom(1.0) == (pytest.approx(-1), 0) and bottom(-2.0)[1] == 0
    assert abs(bottom(-2.0)[0] - STARTS["left"][1]) < 0.2  # it starts on the level floor


@pytest.mark.parametrize("condition", [1.0, 20.0])
def test_the_path_is_that_of_matrices(condition):
    start = np.array(STARTS["right"])
    for kept, name in ((0.0, "gradient descent"), (0.8, "momentum")):
        state = descent_of(optimizer=name, momentum=0.8, condition=condition, start="right")
        w, v = start, np.zeros(2)
        assert state["path"].shape == (61, 2) and state["losses"].shape == (61,)
        for place, value in zip(state["path"], state["losses"], strict=True):
            assert np.allclose(place, w, rtol=1e-9, atol=1e-14)
            assert value == pytest.approx(0.5 * w @ hessian(condition) @ w, rel=1e-9, abs=1e-28)
            v = kept * v + hessian(condition) @ w
            w = w - 0.5 * v


def test_adam_goes_as_torch_does():
    state = descent_of(optimizer="Adam", lr=0.1, surface="curved ravine")
    w = torch.tensor(STARTS["left"], dtype=torch.float64, requires_grad=True)
    rival = torch.optim.Adam([w], lr=0.1, betas=(0.9, 0.999))
    for place in state["path"]:
        assert np.allclose(place, w.detach(), rtol=1e-9)
        rival.zero_grad()
        loss("curved ravine", 20.0, *w).backward()
        rival.step()


def test_each_path_has_a_memory_of_its_own():
    assert np.array_equal(*(descent_of(optimizer="Adam")["path"] for _ in range(2)))
    short = descent_of(optimizer="momentum", count=5)["path"]
    assert np.array_equal(short, descent_of(optimizer="momentum")["path"][:6])


@pytest.mark.parametrize("curvature", [1.0, 0.3, 0.01])
@pytest.mark.parametrize("momentum", [0.0, 0.3, 0.9, 0.99])
def test_the_spectral_radius_is_that_of_the_steps_matrix(curvature, momentum):
    for lr in RATES:
        matrix = [[momentum, curvature], [-lr * momentum, 1 - lr * curvature]]  # of (v, w)
        expected = np.abs(np.linalg.eigvals(matrix)).max()
        assert spectral_radius(lr, momentum, curvature) == pytest.approx(expected, abs=1e-6)
    assert spectral_radius(1.7, 0.0, curvature) == pytest.approx(abs(1 - 1.7 * curvature))


def test_the_prediction_is_the_slope_of_the_loss():
    for choice in (dict(lr=0.5), dict(lr=1.9), dict(lr=2.1), dict(lr=0.1, optimizer="momentum")):
        state = descent_of(count=200, **choice)
        assert state["predicted"][0] == state["losses"][0] and state["predicted"].shape == (201,)
        assert np.allclose(state["predicted"][1:], state["predicted"][:-1] * state["factor"])
        slope = np.polyfit(np.arange(100, 201), np.log(state["losses"][100:]), 1)[0]
        assert slope == pytest.approx(np.log(state["factor"]), abs=0.01)
    assert descent_of(lr=1.98)["factor"] == pytest.approx(0.98**2)
    assert descent_of(lr=0.1)["factor"] == pytest.approx((1 - 0.1 / 20) ** 2)
    assert descent_of(lr=1.0, condition=1.0)["factor"] == 0


def test_plain_descent_on_a_bowl_never_lies_above_its_prediction():
    for lr in RATES:
        state = descent_of(lr=lr, start="below")
        assert (state["losses"] <= state["predicted"] * (1 + 1e-9) + 1e-30).all()


def test_only_a_bowl_and_an_optimiser_of_one_matrix_have_a_prediction():
    for choice in (dict(surface="curved ravine"), dict(optimizer="Adam")):
        state = descent_of(**choice)
        assert state["factor"] is state["predicted"] is state["bound"] is None and state["verdict"] == "none"
    assert descent_of()["bound"] == 2 and descent_of(optimizer="momentum")["bound"] == pytest.approx(3.8)


@pytest.mark.parametrize("condition", [1.0, 100.0])
def test_the_verdict_is_what_the_bound_says(condition):
    around = (1.98, 2.0, 2.02)
    for momentum, name, rates in (
        (0.9, "gradient descent", around),
        (0, "momentum", around),
        (0.9, "momentum", (3.3, 3.8, 4)),
    ):
        tried = dict(optimizer=name, momentum=momentum, condition=condition)
        found = [descent_of(lr=lr, **tried)["verdict"] for lr in rates]
        assert found == list(picture.MEANINGS)
    assert [verdict(radius) for radius in (0.5, 1, 1.5)] == list(picture.MEANINGS)


def test_contours_lie_on_their_levels_within_the_picture():
    for surface in MINIMA:
        for condition in (1.0, 100.0):
            lines = contours(surface, condition)
            values = [loss(surface, condition, *line.T) for line in lines]
            # A line lies between the places of a grid, so that it is not exact.
            near = [np.abs(np.log(value[:, None] / picture.LEVELS)).min(1).max() for value in values]
            assert len(lines) >= 6 and max(near) < 0.5 and np.median(near) < 0.1
            assert max(np.abs(line).max() for line in lines) <= picture.HALF


def test_what_is_said_of_a_descent():
    first, second = said_of(lr=1.9).split("\n")
    assert first == "gradient descent, bowl, condition number 20, lr 1.9, momentum 0.9 (no effect)"
    assert second.startswith("lr 1.9 < 2 / λ_max = 2: converges, in the end × 0.8190 a step;  loss after 60")
    assert second.endswith("e−06")
    assert "lr 2 = 2 / λ_max = 2: on the edge, in the end × 1.0000 a" in said_of(lr=2.0)
    assert "lr 2.1 > 2 / λ_max = 2: diverges, in the end × 1.2100 a" in said_of(lr=2.1)
    said = said_of(optimizer="momentum", lr=0.1)
    assert "momentum 0.9\nlr 0.1 < 2 (1 + μ) / λ_max = 3.8: converges, in the end × 0.9000 a" in said
    assert "no factor is predicted for Adam: only the path tells" in said_of(optimizer="Adam")
    assert "the curvature changes from place to place" in said_of(surface="curved ravine")
    factors = [picture.factor_text(factor) for factor in (0, 0.98, 0.99998, 1.0)]
    assert factors == ["0.0000", "0.9800", "0.999980", "1.0000"]
    assert said_of(lr=4.0).endswith("above 10,000 (diverged)") and picture.loss_text(0.0) == "0"


def test_the_ravine_is_safe_at_the_start_and_not_further_on():
    state = descent_of(surface="curved ravine", lr=1.0, count=200)
    assert (np.diff(state["losses"][:20]) < 0).all() and np.isinf(state["losses"][-1])


def test_a_path_that_leaves_is_drawn_beyond_the_picture_without_a_warning(recwarn):
    explorer = EXPLORERS["descent"]()
    setting = SETTING | dict(surface="curved ravine", optimizer="momentum", lr=4.0, start="below", count=200)
    explorer.set(**setting)
    explorer.png()
    state, artists = explorer.state(), explorer.picture.artists
    gone = np.isnan(state["path"]).any(1)
    assert gone[-1] and not gone[0] and np.isinf(state["losses"][gone]).all()
    assert np.isfinite(state["losses"][~gone]).all() and state["losses"][~gone][-1] > picture.MOST
    places = np.transpose(artists["line"].get_data())
    assert np.allclose(np.hypot(*places[~gone][-1]), picture.FAR)
    assert np.nanmax(artists["loss"].get_ydata()) == picture.MOST * 100 and not recwarn
    with np.errstate(invalid="raise"):
        assert np.allclose(picture.shown(np.array([[3e30, -4e30], [1.0, 2.0]])), [[60, -80], [1, 2]])
    state = descent_of({"gradient descent": lambda w, *_: w * math.nan})
    assert np.isnan(state["path"][1:]).all() and np.isinf(state["losses"][1:]).all()


def test_the_artists_hold_the_states_numbers():
    explorer = EXPLORERS["descent"]()
    explorer.set(**SETTING | dict(count=7, start="below"))
    state, artists = explorer.state(), explorer.picture.artists
    assert np.array_equal(np.transpose(artists["line"].get_data()), state["path"])
    assert np.array_equal(artists["dots"].get_offsets(), state["path"])
    assert np.allclose(artists["dots"].get_array(), np.arange(8) / 7)
    for name, place in (("start", STARTS["below"]), ("end", state["path"][-1]), ("minimum", (0, 0))):
        assert np.array_equal(np.ravel(artists[name].get_data()), place)
    assert np.array_equal(artists["loss"].get_ydata(), state["losses"])
    assert np.allclose(artists["loss"].get_xdata(), np.arange(8) / 7)
    assert np.array_equal(artists["predicted"].get_ydata(), state["predicted"])
    assert len(artists["contours"].get_segments()) == len(state["contours"])
    assert list(artists["scale"]._texts) == list("01234567")
    explorer.set(optimizer="Adam")
    assert len(artists["predicted"].get_ydata()) == 0
    explorer.set(surface="curved ravine")
    assert np.array_equal(np.ravel(artists["minimum"].get_data()), (1, -1))
    explorer.set(surface="bowl", optimizer="gradient descent", lr=1.0, condition=1.0)
    assert artists["predicted"].get_ydata()[-1] == artists["loss"].get_ydata()[-1] == picture.FLOOR / 100


def test_the_first_optimiser_stands_in_for_one_that_is_missing():
    explorer = foundations.descent({"Adam": adam}, optimizer="momentum")
    assert explorer.state()["optimizer"] == "Adam"
    with pytest.raises(ValueError, match="at least one optimiser"):
        foundations.descent({})


def test_scales_are_spaced_well():
    steps = np.diff(np.log(RATES))
    assert (RATES[0], RATES[-1]) == (0.003, 4.0) and (steps > 0).all() and (steps < 0.42).all()
    assert {1.98, 2.0, 2.02} <= set(RATES) and (CONDITIONS[0], CONDITIONS[-1]) == (1, 100)
    steps = np.diff(np.log(CONDITIONS))
    assert (steps > 0.2).all() and (steps < 0.42).all()
    assert all(2 <= count // picture.tick_of(count) <= 7 for count in range(5, 201))

"""Chapter 5's explorer of the Dirac GAN: right numbers."""

import math

import numpy as np
import pytest
import torch

from course import chapters
from course.explorers import gan
from course.explorers.gan.dirac import LOST, MIDDLES, ORDERS, RATES, STEPS, STRIDE, finding

CHAPTER = chapters.load_definitions("05_gan")
field, path, multiplier = CHAPTER.field, CHAPTER.path, CHAPTER.multiplier
LOSSES, PENALTIES = tuple(CHAPTER.DERIVATIVES), CHAPTER.PENALTIES[1:]


def dirac(field=field, path=path, multiplier=multiplier):
    return gan.dirac(field, path, multiplier, LOSSES, PENALTIES)


EXPLORER = dirac()
state_of = EXPLORER.state


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("penalty", PENALTIES)
def test_the_path_and_its_distances_are_the_chapters(order, penalty):
    state = state_of(order=order, penalty=penalty, gamma=0.3, theta=0.7, psi=-0.4, lr=0.2)
    args = (penalty, 0.3, 0.2, 0.2, order == "alternating")
    expected = path(0.7, -0.4, "minimax", *args, STEPS)
    assert state["path"].shape == (STEPS + 1, 2) and np.array_equal(state["path"], expected)
    assert np.allclose(state["distances"], expected.norm(dim=1))
    assert state["multiplier"] == multiplier("minimax", *args)


def test_the_arrows_are_tangents_of_the_path_and_0_where_nothing_moves():
    for i in (0, 40, 111, len(MIDDLES) - 1):
        theta, psi = MIDDLES[i]
        state = state_of(theta=theta, psi=psi, order="simultaneous", gamma=0.3)
        step = state["path"][1] - state["path"][0]
        assert np.allclose(state["arrows"][i], step / np.linalg.norm(step), atol=1e-9)
    assert not dirac(field=lambda theta, psi, *_: (0 * theta, 0 * psi)).state()["arrows"].any()


def test_without_a_penalty_a_penalty_s_name_means_nothing():
    places = [state_of(penalty=penalty)["path"] for penalty in ("R1", "R1 and R2", "gradient penalty")]
    assert all(np.array_equal(each, path(1.0, 0.0, "minimax", "none", steps=STEPS)) for each in places)


def test_it_begins_where_it_circles_and_a_penalty_draws_it_in():
    state = state_of()
    assert np.abs(state["distances"] - 1).max() < 0.06 and state["turns"][-1] > 2
    assert finding(state) == ("|λ| = 1 does not decide: from distance 1 to 1 in 300 steps and 2.3 turns")
    assert finding(state_of(gamma=0.3)) == (
        "|λ| = 0.9849 < 1 draws in: from distance 1 to 0.012 in 300 steps and 2.2 turns"
    )


def test_the_title_is_true_where_no_eigenvalue_tells():
    assert finding(state_of(loss="non-saturating")) == (
        "|λ| = 1 does not decide: from distance 1 to 0.46 in 300 steps and 2.4 turns"
    )
    assert finding(state_of(loss="least squares")) == "Here nothing moves: both sides' gradients are 0"
    assert finding(state_of(penalty="clipping")).startswith(
        "Here no eigenvalue predicts the path: from distance 1 to 1 in 300 steps"
    )
    for loss in LOSSES:
        for step in (0, STEPS):
            for lr in (RATES[0], RATES[-1]):
                far = state_of(loss=loss, step=step, lr=lr, theta=-2.0, psi=1.9, order="simultaneous")
                assert len(finding(far)) <= 95


def test_a_penalty_that_is_chosen_acts():
    explorer = dirac()
    explorer.box()
    menu, gamma = explorer.controls["penalty"], explorer.controls["gamma"]
    titles = []
    for penalty in (*PENALTIES[1:], PENALTIES[0]):
        gamma.value = 0
        menu.value = penalty
        assert gamma.value == 0.3 and gamma.disabled == (penalty == "clipping")
        titles.append(explorer.picture.caption())
    assert len(set(titles)) == len(PENALTIES)
    gamma.value = 1.0
    menu.value = PENALTIES[1]
    assert gamma.value == 1.0
    explorer.reset()
    assert (gamma.value, menu.value) == (0, PENALTIES[0])


def test_turns_are_counted_and_the_prediction_is_right_for_a_linear_game():
    state = state_of(loss="Wasserstein", order="simultaneous", theta=0.6, psi=0.8, step=100)
    assert state["multiplier"] == pytest.approx(math.sqrt(1.01))
    assert np.allclose(state["predicted"], 1.01 ** (np.arange(STEPS + 1) / 2))
    assert np.allclose(state["distances"], state["predicted"])
    assert np.allclose(state["turns"], np.arange(STEPS + 1) * math.atan(0.1) / (2 * math.pi))
    assert finding(state) == "|λ| = 1.0050 > 1 drives out: from distance 1 to 1.6 in 100 steps and 1.6 turns"
    assert state_of(penalty="clipping")["predicted"] is None


def test_a_path_that_leaves_is_held_and_every_state_is_finite():
    def exploding(theta, psi, *setting):
        """Overflows as the chapter's path may do, to inf and then to NaN."""
        places = torch.full((STEPS + 1, 2), math.nan, dtype=torch.float64)
        places[:3] = torch.tensor([[theta, psi], [1e300, -1e300], [math.inf, 0.0]], dtype=torch.float64)
        return places

    explorer = dirac(path=exploding, multiplier=lambda *_: 1.5)
    state = explorer.state()
    assert state["path"][1].tolist() == [LOST, -LOST] and np.isfinite(state["path"]).all()
    assert finding(state).startswith("|λ| = 1.5000 > 1 drives out: from distance 1 out of the picture in ")
    assert len(explorer.png()) > 1000
    for loss in LOSSES:
        state = state_of(loss=loss, lr=RATES[-1], gamma=3.0, theta=2.0, psi=2.0, order="simultaneous")
        assert all(np.isfinite(state[part]).all() for part in ("path", "distances", "turns", "predicted"))


def test_a_run_is_computed_once_however_its_steps_are_played():
    calls = []
    explorer = dirac(path=lambda *args: calls.append(args) or path(*args))
    for step in range(0, STEPS + 1, STRIDE):
        assert explorer.state(step=float(step))["step"] == step
    assert len(calls) == 1


def test_the_start_is_dragged_and_the_steps_are_played_to_their_end():
    explorer = dirac()
    assert explorer.touch["plane"](explorer.state(), 0.5, -1.2) == {"theta": 0.5, "psi": -1.2}
    assert explorer.touch["distance"](explorer.state(), 40.0, 1.0) == {"step": 40.0}
    explorer.box()
    assert not explorer.advance() and explorer.advance(start=True)  # it begins at the end
    assert explorer.controls["step"].value == 0
    steps = 1
    while explorer.advance():
        steps += 1
    assert explorer.controls["step"].value == STEPS and steps == STEPS / STRIDE + 1

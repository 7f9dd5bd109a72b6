"""Chapter 5's explorer of the Dirac GAN: right numbers."""

import math

import numpy as np
import pytest
import torch

from course import chapters
from course.explorers import gan
from course.explorers.gan.dirac import (
    ACROSS,
    FAR,
    GRID,
    MEANINGS,
    ORDERS,
    STEPS,
    caption,
    verdict,
)

CHAPTER = chapters.load_definitions("05_gan")
field, path, multiplier = CHAPTER.field, CHAPTER.path, CHAPTER.multiplier
LOSSES, PENALTIES = tuple(CHAPTER.DERIVATIVES), CHAPTER.PENALTIES
EXPLORER = gan.dirac(field, path, multiplier, LOSSES, PENALTIES)
dirac_of = EXPLORER.state


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("penalty", PENALTIES)
def test_the_path_and_its_distances_are_the_chapters(order, penalty):
    state = dirac_of(order=order, penalty=penalty, theta=0.7, psi=-0.4, lr_g=0.2, lr_d=0.05)
    args = (penalty, 0.3, 0.2, 0.05, order == "alternating")
    expected = path(0.7, -0.4, "non-saturating", *args, STEPS)
    assert state["path"].shape == (STEPS + 1, 2) and np.array_equal(state["path"], expected)
    assert np.allclose(state["distances"], expected.norm(dim=1))
    assert state["multiplier"] == multiplier("non-saturating", *args)


def test_the_arrows_are_tangents_of_the_path_and_0_where_nothing_moves():
    for rates in (dict(lr_g=0.02, lr_d=0.02), dict(lr_g=0.02, lr_d=0.2), dict(lr_g=1.0, lr_d=0.05)):
        for row, column in ((0, 0), (3, 11), (ACROSS - 1, ACROSS // 2)):
            state = dirac_of(**rates, theta=GRID[column], psi=GRID[row], order="simultaneous")
            step = state["path"][1] - state["path"][0]
            assert np.allclose(state["arrows"][row, column], step / np.linalg.norm(step), atol=1e-9)
    still = gan.dirac(lambda theta, psi, *_: (0 * theta, 0 * psi), path, multiplier, LOSSES, PENALTIES)
    assert not still.state()["arrows"].any()


LINEAR = dict(loss="Wasserstein", penalty="none", order=ORDERS[0], theta=0.6, psi=0.8)


def test_the_prediction_begins_at_the_start_and_is_right_for_a_linear_game():
    state = dirac_of(**LINEAR)
    assert state["multiplier"] == pytest.approx(math.sqrt(1.01))
    assert np.allclose(state["predicted"], 1.01 ** (np.arange(STEPS + 1) / 2))
    assert np.allclose(state["distances"], state["predicted"])
    assert dirac_of(penalty="clipping")["predicted"] is None


def test_what_the_multiplier_means():
    found = [verdict(1 + change) for change in (-2e-9, -5e-10, 0, 5e-10, 2e-9)]
    assert found == ["inwards", "marginal", "marginal", "marginal", "outwards"]
    assert {verdict(factor) for factor in (None, 0.5, 1.0, 2.0)} == set(MEANINGS)
    first, second = caption(dirac_of()).split("\n")
    assert first == "non-saturating loss, penalty: R1 (γ = 0.3), alternating steps"
    assert second.startswith("|λ| = 0.9849 < 1: comes to rest near (0, 0);  distance after 300 steps: 0.0088")
    assert "|λ| = 1.0012 > 1: driven away" in caption(dirac_of(order="simultaneous", penalty="none"))
    assert "marginal" in caption(dirac_of(penalty="none"))
    assert "no |λ| here" in caption(dirac_of(penalty="clipping"))


def exploding(theta, psi, *setting):
    """Overflows as the chapter's path does, to inf and then to NaN."""
    places = torch.full((STEPS + 1, 2), math.nan, dtype=torch.float64)
    large = [[theta, psi], [2e4, -3.0], [1e300, 1e300], [math.inf, 0.0]]
    places[:4] = torch.tensor(large, dtype=torch.float64)
    return places


def test_a_path_that_leaves_is_drawn_beyond_the_picture_and_called_diverged():
    explorer = gan.dirac(field, exploding, lambda *_: 1e9, LOSSES, PENALTIES)
    explorer.png()
    state = explorer.state()
    assert state["distances"][2] == pytest.approx(math.sqrt(2) * 1e300)
    assert np.isinf(state["distances"][3:]).all() and "above 1,000 (diverged)" in caption(state)
    theta, psi = explorer.picture.artists["line"].get_data()
    assert list(theta[:3]) == [1, FAR, FAR] and list(psi[:3]) == [0, -3, FAR] and np.isnan(psi[4:]).all()


def test_the_field_is_asked_once_for_a_setting():
    calls = []
    explorer = gan.dirac(
        lambda *args: calls.append(args[2:]) or field(*args), path, multiplier, LOSSES, PENALTIES
    )
    for theta in (0.2, 2.0):
        explorer.state(theta=theta, lr_g=0.5)
    assert calls == [("non-saturating", "R1", 0.3)]

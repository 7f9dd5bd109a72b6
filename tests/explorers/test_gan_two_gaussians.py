"""Chapter 5's explorer of two Gaussians: right numbers."""

import math

import numpy as np
import pytest
import torch

from course import chapters
from course.explorers import gan
from course.explorers.gan.two_gaussians import (
    LONGEST,
    MEANS,
    QUANTILES,
    SAMPLES,
    STDS,
    X,
    finding,
    rows,
    said,
)

CHAPTER = chapters.load_definitions("05_gan")
densities, divergences, PULLS = CHAPTER.densities, CHAPTER.divergences, CHAPTER.PULLS
EXPLORER = gan.two_gaussians(densities, divergences, PULLS)
LOW, HIGH, _ = MEANS


@pytest.mark.parametrize("mean", [LOW, 0.0, 1.3, HIGH])
@pytest.mark.parametrize("std", [STDS[0], 1.0, STDS[-1]])
def test_densities_pulls_and_divergences_are_the_chapters_functions(mean, std):
    state = EXPLORER.state(mean=mean, std=std)
    assert np.allclose([state["p"], state["q"]], torch.stack(densities(X, mean, std)), rtol=1e-12)
    assert np.allclose(state["samples"], mean + std * QUANTILES)
    assert state["divergences"] == pytest.approx(divergences(mean, std))
    assert list(state["pulls"]) == list(state["sizes"]) == list(PULLS)
    for loss, pull in PULLS.items():
        expected = pull(torch.as_tensor(state["samples"]), mean, std)
        assert np.allclose(state["pulls"][loss], expected, rtol=1e-12)
        assert state["sizes"][loss] == pytest.approx(float(expected.abs().mean()))


def test_samples_are_quantiles_of_q():
    q = torch.distributions.Normal(torch.zeros((), dtype=torch.float64), 1.0)
    assert torch.allclose(q.cdf(QUANTILES), (torch.arange(SAMPLES) + 0.5).double() / SAMPLES)


def test_an_arrow_begins_at_a_sample_and_grows_with_the_pull_up_to_a_length():
    samples = np.linspace(0, 1, SAMPLES)
    tails, along = rows(samples, {"a": np.full(SAMPLES, -1.0), "b": np.full(SAMPLES, 1e9)})
    assert np.allclose(tails[:, 0], [*samples, *samples])
    assert (np.abs(tails[:, 1] - np.repeat((0, 1), SAMPLES)) < 0.5).all()  # within the row of the loss
    assert np.allclose(along, np.repeat([[-LONGEST / 2, 0], [LONGEST, 0]], SAMPLES, axis=0))


def test_it_begins_far_apart_where_two_losses_no_longer_pull():
    state = EXPLORER.state()
    assert state["divergences"]["JS"] > 0.97 * math.log(2)
    assert max(state["sizes"][loss] for loss in ("minimax", "least squares", "hinge")) < 0.01
    assert state["sizes"]["non-saturating"] == pytest.approx(5, abs=0.01)
    assert state["sizes"]["Wasserstein"] == pytest.approx(1)
    assert finding(state) == (
        "Far apart, JS nears its limit ln 2: the mean pull is from 0 (hinge) to 5 (non-saturating)"
    )


def test_a_bar_beyond_the_scale_ends_in_an_arrow():
    for mean, std in ((5.0, 1.0), (5.0, 0.5), (1.0, 1.0)):
        state = EXPLORER.state(mean=mean, std=std)
        EXPLORER.picture.png(state, density=1)
        _, rows_ = EXPLORER.picture.artists["beyond"].get_data()
        assert list(rows_) == [i for i, value in enumerate(state["divergences"].values()) if value > 10]


def test_the_line_holds_samples_and_densities_of_every_q():
    state = EXPLORER.state(mean=HIGH, std=STDS[-1])
    assert X[0] < state["samples"].min() and state["samples"].max() < X[-1]
    assert state["q"][-1] < 0.1 * state["q"].max()


def test_the_title_tells_each_case():
    told = {
        case: finding(EXPLORER.state(mean=case[0], std=case[1])) for case in ((0, 1.0), (0, 0.3), (0, 2.0))
    }
    assert told[0, 1.0] == "q is p: no loss pulls at any sample"
    assert told[0, 0.3] == "q is too narrow: every loss but the hinge spreads its samples"
    assert told[0, 2.0] == "q is too wide: every loss but the hinge gathers its samples"
    between = finding(EXPLORER.state(mean=1.5, std=0.7))
    assert between.startswith("The losses disagree: the mean pull is from 0 (hinge) to 1")
    for mean in np.arange(LOW, HIGH + 0.1, 0.5):
        assert all(len(finding(EXPLORER.state(mean=float(mean), std=std))) <= 95 for std in STDS)
    assert [said(value) for value in (0.0, 1.24e-9, 3e-11, 0.0123, 4.93, 12.48, 460.3)] == [
        "0",
        "1·10⁻⁹",
        "3·10⁻¹¹",
        "0.012",
        "4.9",
        "12.5",
        "460",
    ]


def test_a_press_moves_q_there():
    for panel in ("densities", "pulls"):
        assert EXPLORER.touch[panel](EXPLORER.state(), 2.5, 0.3) == {"mean": 2.5}

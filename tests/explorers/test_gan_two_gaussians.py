"""Chapter 5's explorer of two Gaussians: right numbers."""

import numpy as np
import pytest
import torch

from course import chapters
from course.explorers import gan
from course.explorers.gan.two_gaussians import (
    MEANS,
    MOST_MEAN,
    SAMPLES,
    STDS,
    X,
    caption,
    quantiles,
    said,
    title,
)

CHAPTER = chapters.load_definitions("05_gan")
densities, best, divergences = CHAPTER.densities, CHAPTER.best_probability, CHAPTER.divergences
PULLS = CHAPTER.PULLS
EXPLORER = gan.two_gaussians(densities, best, divergences, PULLS)


@pytest.mark.parametrize("mean", [-MOST_MEAN, 0.0, 1.3, MOST_MEAN])
@pytest.mark.parametrize("std", [STDS[0], 1.0, STDS[-1]])
def test_curves_and_samples_are_the_chapters_functions_at_their_places(mean, std):
    for loss, pull in PULLS.items():
        state = EXPLORER.state(mean=mean, std=std, loss=loss)
        for name, function in (("best", best), ("pull", pull)):
            assert np.allclose(state[name], function(X, mean, std), rtol=1e-12)
        assert np.allclose([state["p"], state["q"]], torch.stack(densities(X, mean, std)), rtol=1e-12)
        samples = torch.as_tensor(state["samples"])
        assert np.allclose(state["sample_pulls"], pull(samples, mean, std), rtol=1e-12)
        assert state["sizes"][loss] == pytest.approx(float(pull(samples, mean, std).abs().mean()))
        assert list(state["sizes"]) == list(PULLS)
        assert state["outside"] == sum(abs(x) > 9 for x in samples)


def test_samples_are_quantiles_of_q():
    samples = quantiles(-2.0, 0.4)
    q = torch.distributions.Normal(torch.tensor(-2.0, dtype=torch.float64), 0.4)
    assert torch.allclose(q.cdf(samples), (torch.arange(SAMPLES) + 0.5).double() / SAMPLES)


def test_the_divergences_curves_pass_through_the_present_values_and_a_std_is_surveyed_once():
    calls = []
    explorer = gan.two_gaussians(densities, best, lambda *q: calls.append(q) or divergences(*q), PULLS)
    for mean in (0.0, 2.4, -MOST_MEAN):
        state = explorer.state(mean=mean, std=0.3)
        here = np.flatnonzero(np.isclose(MEANS, mean))
        assert len(here) == 1 and list(state["curves"]) == list(state["divergences"])
        for name, value in state["divergences"].items():
            assert value == pytest.approx(divergences(mean, 0.3)[name])
            assert state["curves"][name][here[0]] == pytest.approx(value, abs=1e-12)
    assert len(calls) == 1 + len(MEANS) + 3


def test_what_is_said_of_two_gaussians():
    words = caption(EXPLORER.state(mean=-6.0, std=0.5))
    assert words.startswith("q = N(−6, 0.5²):  JS 0.693 of at most ln 2 = 0.693,  KL(p‖q) 72.8")
    assert "e−06" in words and "non-saturating 6,  least squares" in words
    assert "N(0, " in caption(EXPLORER.state(mean=-1e-17))
    assert [said(value) for value in (0.0, 1.24e-9, 0.0123, 460.3)] == ["0", "1.2e−09", "0.0123", "460"]
    assert title(EXPLORER.state(mean=6.0, std=3.0)) == "minimax loss (3 of 20 samples outside)"

"""Chapter 5's explorer of two Gaussians: right numbers, on stand-ins for the chapter's functions. The Dirac
GAN: `test_gan_dirac`.
"""

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from course.explorers import gan
from course.explorers.gan.two_gaussians import (
    MEANS,
    MOST_MEAN,
    SAMPLES,
    STDS,
    X,
    compute_two_gaussians,
    quantiles,
    survey,
)
from course.explorers.gan.two_gaussians_picture import MOST, MOST_PULL, WEAK, caption, said, title, top_of


def densities(x, mean, std):
    return tuple(torch.distributions.Normal(m, s).log_prob(x).exp() for m, s in ((0.0, 1.0), (mean, std)))


def logit(x, mean, std):
    return 0.5 * ((x - mean) / std) ** 2 - 0.5 * x**2 + math.log(std)


def slope(x, mean, std):
    return (x - mean) / std**2 - x


def best(x, mean, std):
    return logit(x, mean, std).sigmoid()


def divergences(mean, std):
    """The two KL in closed form; JS by a sum."""
    x = torch.linspace(-25, 25, 1001, dtype=torch.float64)
    (p, q), a = densities(x, mean, std), logit(x, mean, std)
    return {
        "JS": math.log(2) - 0.5 * 0.05 * float((p * F.softplus(-a) + q * F.softplus(a)).sum()),
        "KL(p||q)": math.log(std) + (1 + mean**2) / (2 * std**2) - 0.5,
        "KL(q||p)": -math.log(std) + (std**2 + mean**2) / 2 - 0.5,
    }


PULLS = {
    "minimax": lambda x, *q: best(x, *q) * slope(x, *q),
    "non-saturating": lambda x, *q: (1 - best(x, *q)) * slope(x, *q),
    "none": lambda x, *q: torch.zeros_like(x),
}

EXPLORERS = {"two Gaussians": lambda: gan.two_gaussians(densities, best, divergences, PULLS)}


def gaussians_of(mean=2.0, std=1.0, loss="minimax"):
    given = densities, best, divergences, PULLS
    return compute_two_gaussians(*given, lambda std: survey(divergences, std), mean=mean, std=std, loss=loss)


@pytest.mark.parametrize("mean", [-MOST_MEAN, 0.0, 1.3, MOST_MEAN])
@pytest.mark.parametrize("std", [STDS[0], 1.0, STDS[-1]])
def test_curves_and_samples_are_the_chapters_functions_at_their_places(mean, std):
    for loss, pull in PULLS.items():
        state = gaussians_of(mean, std, loss)
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
    assert gaussians_of(6.0, 3.0)["outside"] == 3 and gaussians_of(6.0, 1.0)["outside"] == 0


def test_the_divergences_curves_pass_through_the_present_values():
    for mean, std in ((0.0, 1.0), (2.4, 0.3), (-MOST_MEAN, 3.0)):
        state = gaussians_of(mean, std)
        here = np.flatnonzero(np.isclose(MEANS, mean))
        assert len(here) == 1 and list(state["curves"]) == list(state["divergences"])
        for name, value in state["divergences"].items():
            assert value == pytest.approx(divergences(mean, std)[name])
            assert state["curves"][name][here[0]] == pytest.approx(value, abs=1e-12)
    assert gaussians_of(0.0)["divergences"] == pytest.approx({"JS": 0, "KL(p||q)": 0, "KL(q||p)": 0})
    assert gaussians_of(6.0, 0.2)["divergences"]["JS"] == pytest.approx(math.log(2), abs=1e-4)


def test_means_and_stds_cover_their_ranges_evenly():
    assert (MEANS[0], MEANS[-1]) == (-MOST_MEAN, MOST_MEAN) and np.allclose(MEANS, -MEANS[::-1])
    assert (np.diff(MEANS) > 0.25).all() and (np.diff(MEANS) < 0.75).all()
    steps = np.diff(np.log(STDS))
    assert (STDS[0], STDS[-1]) == (0.2, 3.0) and {0.3, 0.5, 1.0} < set(STDS)
    assert (steps > 0.05).all() and (steps < 0.14).all()


def test_a_std_is_surveyed_once():
    calls = []

    def counted(mean, std):
        calls.append(mean)
        return divergences(mean, std)

    explorer = gan.two_gaussians(densities, best, counted, PULLS, mean=1.0, std=0.5)
    explorer.png()
    calls.clear()
    for mean in (-6, 0, 3):
        explorer.set(mean=mean)
    assert calls == [-6, 0, 3]


def test_marks_point_where_a_sample_is_pulled():
    explorer = EXPLORERS["two Gaussians"]()
    for choice in (dict(mean=0, std=0.3, loss="non-saturating"), dict(mean=6, std=0.5, loss="minimax")):
        explorer.set(**choice)
        state, artists = explorer.state(), explorer.picture.artists
        shown = {name: artists[name].get_xdata() for name in ("left", "right", "weak")}
        pulls = dict(zip(state["samples"], state["sample_pulls"], strict=True))
        assert sum(map(len, shown.values())) == SAMPLES
        assert all(pulls[x] <= -WEAK for x in shown["left"])
        assert all(pulls[x] >= WEAK for x in shown["right"])
        assert all(abs(pulls[x]) < WEAK for x in shown["weak"])
    assert len(shown["weak"]) == SAMPLES  # minimax, far away
    explorer.set(mean=0, std=0.3, loss="non-saturating")
    assert (artists["left"].get_xdata() < 0).all() and (artists["right"].get_xdata() > 0).all()


def test_a_pull_beyond_the_scale_is_marked_at_its_edge():
    explorer = gan.two_gaussians(densities, best, divergences, {"steep": lambda x, *q: 1e6 * (x - 2)})
    assert list(explorer.controls) == ["mean", "std"] and explorer.png()
    assert set(np.abs(explorer.picture.artists["left"].get_ydata())) == {MOST_PULL}


def test_a_divergence_beyond_its_scale_is_an_arrow_at_the_edge():
    explorer = EXPLORERS["two Gaussians"]()
    mark = explorer.picture.artists["KL(p||q) here"]
    for std, marker in ((1.0, "D"), (0.2, "^")):
        explorer.set(mean=2, std=std)
        value = divergences(2, std)["KL(p||q)"]
        assert mark.get_marker() == marker and mark.get_xdata()[0] == 2
        assert mark.get_ydata()[0] == pytest.approx(min(value, MOST))


def test_what_is_said_of_two_gaussians():
    state = gaussians_of(-6.0, 0.5)
    words = caption(state)
    assert words.startswith("q = N(−6, 0.5²):  JS 0.693 of at most ln 2 = 0.693,  KL(p‖q) 72.8")
    assert f"minimax {state['sizes']['minimax']:.1e}".replace("e-", "e−") in words and "e−06" in words
    assert "non-saturating 6,  none 0" in words
    assert "N(0, " in caption(gaussians_of(-1e-17))
    assert [said(value) for value in (0.0, 1.24e-9, 0.0123, 6.429, 460.3)] == [
        "0", "1.2e−09", "0.0123", "6.43", "460",
    ]  # fmt: skip
    assert title(gaussians_of(6.0, 3.0)) == "minimax loss (3 of 20 samples outside)"
    assert title(gaussians_of()) == "minimax loss"
    assert [top_of(density) for density in (0.4, 0.5, 0.7, 1.99)] == [0.5, 0.5, 1, 2]


def test_no_loss_or_no_js_is_refused():
    with pytest.raises(ValueError, match="at least one loss"):
        gan.two_gaussians(densities, best, divergences, {})
    with pytest.raises(ValueError, match="named JS; there are KL"):
        gan.two_gaussians(densities, best, lambda mean, std: {"KL": 0.0}, PULLS)

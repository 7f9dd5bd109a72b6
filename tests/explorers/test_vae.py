"""Chapter 4's explorers of the bound and of the latent plane: right numbers, on stand-ins for the chapter's
functions.
"""

import math

import numpy as np
import pytest
import torch

from course.explorers import vae
from course.explorers.vae.bound import GRID, MAP_MUS, MAP_SIGMAS, SIGMAS, STEPS, caption, scale_of, survey
from course.explorers.vae.plane import ACROSS, MOST_SHOWN, NEAREST, STEP, chosen

HALF_LOG_2_PI = 0.5 * math.log(2 * math.pi)


def kl(mu, sigma):
    return 0.5 * (mu**2 + sigma**2 - 1 - 2 * torch.log(sigma))


def conjugate(x=1.2, a=1.5, s=0.8):
    """x | z ~ N(a z, s²): the posterior is Gaussian, with the mean and standard deviation that follow."""

    def log_likelihood(z):
        return -HALF_LOG_2_PI - math.log(s) - (x - a * z) ** 2 / (2 * s**2)

    def elbo(mu, sigma):
        spread = (x - a * mu) ** 2 + (a * sigma) ** 2
        return -HALF_LOG_2_PI - math.log(s) - spread / (2 * s**2) - kl(mu, sigma)

    variance = a**2 + s**2
    evidence = -HALF_LOG_2_PI - 0.5 * math.log(variance) - x**2 / (2 * variance)
    return (log_likelihood, elbo, evidence), (a * x / variance, s / math.sqrt(variance))


def squared(x=1.5, s=0.5):
    """x | z ~ N(z², s²): a posterior with two peaks, which no Gaussian matches."""

    def log_likelihood(z):
        return -HALF_LOG_2_PI - math.log(s) - (x - z**2) ** 2 / (2 * s**2)

    def elbo(mu, sigma):
        second, fourth = mu**2 + sigma**2, mu**4 + 6 * mu**2 * sigma**2 + 3 * sigma**4
        spread = x**2 - 2 * x * second + fourth
        return -HALF_LOG_2_PI - math.log(s) - spread / (2 * s**2) - kl(mu, sigma)

    z = torch.linspace(-9, 9, 18001, dtype=torch.float64)
    evidence = torch.logsumexp(log_likelihood(z) - z**2 / 2 - HALF_LOG_2_PI, 0) + math.log(18 / 18000)
    return log_likelihood, elbo, float(evidence)


MODELS = {"linear": conjugate()[0], "squared": squared()}
BOUND = vae.bound(MODELS)


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("mu", [-3.0, 0.0, 0.37, 3.0])
@pytest.mark.parametrize("sigma", [SIGMAS[0], 0.22, 1.0, SIGMAS[-1]])
def test_the_parts_of_the_bound_add_up_as_the_caption_says_and_fit_their_scale(model, mu, sigma):
    state = BOUND.state(model=model, mu=mu, sigma=sigma)
    assert state["gap"] >= -1e-9
    assert state["elbo"] + state["gap"] == pytest.approx(state["log_evidence"], abs=1e-9)
    assert state["expected"] - state["kl"] == pytest.approx(state["elbo"], abs=1e-9)
    q, p = torch.distributions.Normal(mu, sigma), torch.distributions.Normal(0.0, 1.0)
    assert state["kl"] == pytest.approx(float(torch.distributions.kl_divergence(q, p)), abs=1e-5)
    first, second = caption(state).replace("−", "-").split("\n")
    evidence, sums = first.split(":  ")[1].split(" nats")[0].split(" = ")
    elbo, gap = sums.split(" + ")
    assert round(float(elbo) + float(gap), 3) == float(evidence) and "-0.000" not in first + second
    left, right = second.split(":  ")[1].split(" nats")[0].split(" = ")
    expected, divergence = right.rsplit(" - ", 1)
    assert left == elbo and round(float(expected) - float(divergence), 3) == float(elbo)
    numbers = [state[name] for name in ("log_evidence", "elbo", "expected")]
    bottom, step = scale_of(*numbers)
    heights = (np.array(numbers) - bottom) / step
    assert 1 - 1e-9 <= heights.min() < 2 + 1e-9 and heights.max() < STEPS


def test_the_gap_is_the_divergence_from_the_posterior():
    _, (mean, deviation) = conjugate()
    posterior = torch.distributions.Normal(mean, deviation)
    for mu, sigma in ((0.0, 1.0), (-3.0, 0.1), (3.0, 3.0), (0.6, 0.45)):
        gap = BOUND.state(mu=mu, sigma=sigma)["gap"]
        q = torch.distributions.Normal(mu, sigma)
        assert gap == pytest.approx(float(torch.distributions.kl_divergence(q, posterior)), rel=1e-5)
    assert abs(BOUND.state(mu=mean, sigma=deviation)["gap"]) < 1e-12


def test_the_densities_are_densities():
    for model in MODELS:
        state = BOUND.state(model=model, mu=0.3, sigma=0.5)
        for name in ("prior", "posterior", "q"):
            assert state[name].sum() * (GRID[1] - GRID[0]) == pytest.approx(1, abs=1e-3)
    _, (mean, deviation) = conjugate()
    exact = np.exp(-0.5 * ((GRID - mean) / deviation) ** 2) / (deviation * math.sqrt(2 * math.pi))
    assert np.allclose(BOUND.state()["posterior"], exact)


@pytest.mark.parametrize("model", MODELS)
def test_the_map_holds_the_gap_of_every_q_and_the_best_q_is_the_posterior_where_that_is_gaussian(model):
    state = BOUND.state(model=model)
    assert state["map"].shape == (len(MAP_SIGMAS), len(MAP_MUS)) and (state["map"] >= -1e-9).all()
    for row, column in ((0, 0), (30, 17), (-1, -1)):
        other = BOUND.state(model=model, mu=MAP_MUS[column], sigma=MAP_SIGMAS[row])
        assert state["map"][row, column] == pytest.approx(other["gap"], rel=1e-9)
    if model == "linear":
        assert state["best"] == pytest.approx(conjugate()[1], abs=1e-4) and abs(state["least"]) < 1e-7
    else:
        assert 0.1 < state["least"] <= state["map"].min() and abs(state["best"][0]) > 0.5
    mu, sigma = survey(*conjugate(x=9.0, a=1.5, s=0.05)[0])["best"]  # outside the map: looked for at its edge
    assert mu == 3 and SIGMAS[0] <= sigma <= SIGMAS[-1]


def test_a_model_is_surveyed_once():
    calls = []
    log_likelihood, elbo, evidence = MODELS["linear"]

    def counted(z):
        calls.append(len(z))
        return log_likelihood(z)

    explorer = vae.bound({"only": (counted, elbo, evidence)}, mu=0.5, sigma=0.5)
    for mu in (-3, 0, 3):
        explorer.state(mu=mu)
    assert calls == [len(GRID)] and list(explorer.controls) == ["mu", "sigma"]


WEIGHTS = torch.randn(2, 28 * 28, generator=torch.Generator().manual_seed(0))
LABELS = torch.arange(900) % 10
CODES = torch.randn(900, 2, generator=torch.Generator().manual_seed(1)) + 0.3 * LABELS[:, None]


def decode(z):
    return (z @ WEIGHTS).sigmoid().reshape(-1, 28, 28)


PLANE = vae.plane(decode, CODES, LABELS)


@pytest.mark.parametrize(("z_1", "z_2"), [(0, 0), (1.3, -0.7), (3.5, 3.5), (-3.5, 3.5)])
def test_the_places_around_are_decoded_in_their_order(z_1, z_2):
    state = PLANE.state(z_1=z_1, z_2=z_2)
    steps = STEP * (np.arange(ACROSS) - ACROSS // 2)
    places = torch.tensor([[z_1 + right, z_2 + up] for up in steps for right in steps], dtype=torch.float32)
    assert np.allclose(state["around"], decode(places), atol=1e-6)
    assert np.allclose(state["image"], decode(torch.tensor([[z_1, z_2]], dtype=torch.float32))[0], atol=1e-6)
    assert state["density"] == pytest.approx(math.exp(-(z_1**2 + z_2**2) / 2))


def test_the_commonest_digit_is_that_of_the_nearest_codes():
    for z_1, z_2 in ((0.0, 0.0), (2.5, 2.7), (-3.5, 1.0)):
        state = PLANE.state(z_1=z_1, z_2=z_2)
        distances = [math.dist(code, (z_1, z_2)) for code in CODES.tolist()]
        near = [int(LABELS[i]) for i in sorted(range(len(CODES)), key=distances.__getitem__)[:NEAREST]]
        assert state["share"] == near.count(state["commonest"]) == max(map(near.count, near))
        assert state["distance"] == pytest.approx(min(distances)) and state["of"] == NEAREST
    assert vae.plane(decode, CODES[:7], LABELS[:7]).state()["of"] == 7


def test_at_most_so_many_codes_are_drawn():
    assert len(set(chosen(4000))) == MOST_SHOWN and np.array_equal(chosen(4000), chosen(4000))
    assert sorted(chosen(50)) == list(range(50))


@pytest.mark.parametrize("codes", [torch.zeros(5, 3), torch.zeros(4, 2), torch.zeros(5)])
def test_codes_of_another_shape_are_refused(codes):
    with pytest.raises(ValueError, match="codes"):
        vae.plane(decode, codes, torch.arange(5))

"""Chapter 4's explorers of the bound and of the latent plane: right numbers, on stand-ins for the chapter's
functions.
"""

import math

import numpy as np
import pytest
import torch
from course.explorers.vae.bound_picture import STEPS, caption, scale_of, top_of
from course.explorers.vae.plane_picture import ACROSS, ALL, STEP
from course.explorers.vae.plane_picture import caption as said_of_plane

from course.explorers import vae
from course.explorers.vae.bound import (
    GRID,
    MAP_MUS,
    MAP_SIGMAS,
    SIGMAS,
    compute_bound,
    kl_to_prior,
    survey,
)
from course.explorers.vae.plane import MOST_SHOWN, NEAREST, chosen, compute_plane

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


WEIGHTS = torch.randn(2, 28 * 28, generator=torch.Generator().manual_seed(0))
MODELS = {"linear": conjugate()[0], "squared": squared()}
SURVEYS = {name: survey(*model) for name, model in MODELS.items()}


def decode(z):
    return (z @ WEIGHTS).sigmoid().reshape(-1, 28, 28)


def some_codes(count=900):
    rng = torch.Generator().manual_seed(1)
    labels = torch.arange(count) % 10
    return torch.randn(count, 2, generator=rng) + 0.3 * labels[:, None], labels


EXPLORERS = {
    "evidence lower bound": lambda: vae.bound(MODELS),
    "latent plane": lambda: vae.plane(decode, *some_codes()),
}


def bound_of(**choice):
    plain = dict(mu=0.0, sigma=1.0, model="linear")
    return compute_bound(MODELS, SURVEYS.get, **plain | choice)


@pytest.mark.parametrize("model", MODELS)
def test_the_parts_of_the_bound_add_up(model):
    for mu in (-3.0, -0.4, 0.0, 1.1, 3.0):
        for sigma in (SIGMAS[0], 0.5, 1.0, SIGMAS[-1]):
            state = bound_of(model=model, mu=mu, sigma=sigma)
            assert state["gap"] >= -1e-9
            assert state["elbo"] + state["gap"] == pytest.approx(state["log_evidence"], abs=1e-9)
            assert state["expected"] - state["kl"] == pytest.approx(state["elbo"], abs=1e-9)
            q, p = torch.distributions.Normal(mu, sigma), torch.distributions.Normal(0.0, 1.0)
            assert state["kl"] == pytest.approx(float(torch.distributions.kl_divergence(q, p)), abs=1e-5)


def test_the_gap_is_the_divergence_from_the_posterior():
    _, (mean, deviation) = conjugate()
    posterior = torch.distributions.Normal(mean, deviation)
    for mu, sigma in ((0.0, 1.0), (-3.0, 0.1), (3.0, 3.0), (0.6, 0.45)):
        gap = bound_of(mu=mu, sigma=sigma)["gap"]
        q = torch.distributions.Normal(mu, sigma)
        assert gap == pytest.approx(float(torch.distributions.kl_divergence(q, posterior)), rel=1e-5)
    assert abs(bound_of(mu=mean, sigma=deviation)["gap"]) < 1e-12


def test_the_prior_is_at_no_distance_from_itself():
    assert kl_to_prior(0.0, 1.0) == 0 and bound_of()["kl"] == 0
    assert bound_of()["expected"] == bound_of()["elbo"]


def test_the_densities_are_densities():
    for model in MODELS:
        state = bound_of(model=model, mu=0.3, sigma=0.5)
        for name in ("prior", "posterior", "q"):
            assert state[name].sum() * (GRID[1] - GRID[0]) == pytest.approx(1, abs=1e-3)
    _, (mean, deviation) = conjugate()
    exact = np.exp(-0.5 * ((GRID - mean) / deviation) ** 2) / (deviation * math.sqrt(2 * math.pi))
    assert np.allclose(SURVEYS["linear"]["posterior"], exact)


def test_the_map_holds_the_gap_of_every_q_and_none_is_negative():
    for name, found in SURVEYS.items():
        assert found["map"].shape == (len(MAP_SIGMAS), len(MAP_MUS)) and (found["map"] >= -1e-9).all()
        for row, column in ((0, 0), (30, 17), (-1, -1)):
            state = bound_of(model=name, mu=MAP_MUS[column], sigma=MAP_SIGMAS[row])
            assert found["map"][row, column] == pytest.approx(state["gap"], rel=1e-9)


def test_the_best_q_is_the_posterior_where_that_is_gaussian_and_has_a_gap_where_it_is_not():
    _, exact = conjugate()
    assert SURVEYS["linear"]["best"] == pytest.approx(exact, abs=1e-4)
    assert abs(SURVEYS["linear"]["least"]) < 1e-7
    found = SURVEYS["squared"]
    assert 0.1 < found["least"] <= found["map"].min() and abs(found["best"][0]) > 0.5


def test_a_best_q_outside_the_map_is_looked_for_at_its_edge():
    mu, sigma = survey(*conjugate(x=9.0, a=1.5, s=0.05)[0])["best"]
    assert mu == 3 and SIGMAS[0] <= sigma <= SIGMAS[-1]


def test_a_model_is_surveyed_once_and_one_model_needs_no_control():
    calls = []
    log_likelihood, elbo, evidence = MODELS["linear"]

    def counted(z):
        calls.append(len(z))
        return log_likelihood(z)

    explorer = vae.bound({"only": (counted, elbo, evidence)}, mu=0.5, sigma=0.5)
    for mu in (-3, 0, 3):
        explorer.set(mu=mu)
    assert calls == [len(GRID)] and list(explorer.controls) == ["mu", "sigma"]
    assert list(vae.bound(MODELS).controls) == ["model", "mu", "sigma"]
    with pytest.raises(ValueError, match="at least one model"):
        vae.bound({})


def test_sigmas_are_spaced_on_a_log_scale():
    assert (SIGMAS[0], SIGMAS[-1]) == (0.1, 3.0) and 1.0 in SIGMAS
    steps = np.diff(np.log(SIGMAS))
    assert (steps > 0.07).all() and (steps < 0.15).all()


@pytest.mark.parametrize("model", MODELS)
def test_the_captions_sums_come_out_as_shown(model):
    for mu, sigma in ((0.0, 1.0), (0.37, 0.22), (-3.0, 0.1), (3.0, 3.0)):
        first, second = caption(bound_of(model=model, mu=mu, sigma=sigma)).replace("−", "-").split("\n")
        evidence, parts = first.split(":  ")[1].split(" nats")[0].split(" = ")
        elbo, gap = parts.split(" + ")
        assert round(float(elbo) + float(gap), 3) == float(evidence)
        assert "-0.000" not in first + second
        left, right = second.split(":  ")[1].split(" nats")[0].split(" = ")
        expected, divergence = right.rsplit(" - ", 1)
        assert left == elbo and round(float(expected) - float(divergence), 3) == float(elbo)


def test_the_scales_hold_what_they_show():
    assert [top_of(d) for d in (0.4, 0.5, 0.51, 1.9, 4, 30)] == [0.5, 0.5, 1, 2, 5, 50]
    for model in MODELS:
        for mu in (-3.0, 0.0, 3.0):
            for sigma in SIGMAS:
                state = bound_of(model=model, mu=mu, sigma=sigma)
                numbers = [state[name] for name in ("log_evidence", "elbo", "expected")]
                bottom, step = scale_of(*numbers)
                heights = (np.array(numbers) - bottom) / step
                assert 1 - 1e-9 <= heights.min() < 2 + 1e-9 and heights.max() < STEPS


def plane_of(z_1=0.0, z_2=0.0, digit=ALL, count=900):
    codes, labels = (given.numpy() for given in some_codes(count))
    return compute_plane(decode, codes, labels, z_1=z_1, z_2=z_2, digit=digit), codes, labels


@pytest.mark.parametrize(("z_1", "z_2"), [(0, 0), (1.3, -0.7), (3.5, 3.5), (-3.5, -3.5), (-3.5, 3.5)])
def test_the_places_around_are_decoded_in_their_order(z_1, z_2):
    state, _, _ = plane_of(z_1, z_2)
    assert state["around"].shape == (ACROSS**2, 28, 28)
    for row in range(ACROSS):
        for column in range(ACROSS):
            place = [z_1 + STEP * (column - ACROSS // 2), z_2 + STEP * (row - ACROSS // 2)]
            expected = decode(torch.tensor([place], dtype=torch.float32))[0]
            assert np.allclose(state["around"][ACROSS * row + column], expected, atol=1e-6)
    assert np.allclose(state["image"], decode(torch.tensor([[z_1, z_2]], dtype=torch.float32))[0], atol=1e-6)
    assert state["density"] == pytest.approx(math.exp(-(z_1**2 + z_2**2) / 2))


def test_the_commonest_digit_is_that_of_the_nearest_codes():
    for z_1, z_2 in ((0.0, 0.0), (2.5, 2.7), (-3.5, 1.0)):
        state, codes, labels = plane_of(z_1, z_2)
        distances = [math.dist(code, (z_1, z_2)) for code in codes]
        near = [int(labels[i]) for i in sorted(range(len(codes)), key=distances.__getitem__)[:NEAREST]]
        assert state["share"] == near.count(state["commonest"]) == max(map(near.count, near))
        assert state["distance"] == pytest.approx(min(distances)) and state["of"] == NEAREST
    few, _, _ = plane_of(count=7)
    assert few["of"] == 7
    assert f"{state['share']} of them" in said_of_plane(state)


def test_at_most_so_many_codes_are_drawn_the_same_each_time():
    assert len(chosen(4000)) == MOST_SHOWN == len(set(chosen(4000))) and chosen(4000).max() < 4000
    assert sorted(chosen(50)) == list(range(50)) and np.array_equal(chosen(4000), chosen(4000))
    explorer = EXPLORERS["latent plane"]()
    assert sum(len(line.get_xdata()) for line in explorer.picture.artists["digits"]) == MOST_SHOWN


def test_a_chosen_digit_alone_stands_out():
    explorer = EXPLORERS["latent plane"]()
    for digit in (ALL, 0, 9):
        explorer.set(digit=digit)
        shown = [line.get_label() for line in explorer.picture.artists["digits"] if line.get_visible()]
        assert shown == ([] if digit == ALL else [str(digit)])
        assert explorer.picture.artists["veil"].get_visible() == (digit != ALL)


def test_every_square_of_decoded_places_lies_within_the_map():
    explorer = EXPLORERS["latent plane"]()
    for z_1, z_2 in ((-3.5, 3.5), (3.5, -3.5)):
        explorer.set(z_1=z_1, z_2=z_2)
        square = explorer.picture.artists["square"]
        assert np.abs(square.get_data()).max() <= square.axes.get_xlim()[1]


@pytest.mark.parametrize("codes", [torch.zeros(5, 3), torch.zeros(4, 2), torch.zeros(5)])
def test_codes_of_another_shape_are_refused(codes):
    with pytest.raises(ValueError, match="codes"):
        vae.plane(decode, codes, torch.arange(5))

"""Chapter 5's losses and divergences against PyTorch, SciPy and quadrature."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import integrate, stats
from torch.distributions import Normal

from course.chapters import load_definitions
from course.compare import check_agreement
from tests.helpers.tensors import drawn

chapter = load_definitions("05_gan")
seeds = st.integers(0, 99)
means, stds = st.floats(-6, 6), st.floats(0.2, 3)
BY_PROBABILITY = ("minimax", "non-saturating", "least squares")


def distributions(k, seed):
    """Two random distributions of k outcomes, some without mass."""
    rng = np.random.default_rng(seed)
    p, q = rng.random((2, k)) * (rng.random((2, k)) < 0.7)
    p[rng.integers(k)] += 0.1
    q[rng.integers(k)] += 0.1
    return torch.from_numpy(p / p.sum()), torch.from_numpy(q / q.sum())


# The losses.


@pytest.mark.parametrize("name", list(chapter.LOSSES))
@given(st.integers(1, 5), st.integers(1, 5), st.sampled_from([0.1, 3.0, 1e4]), seeds)
def test_losses_equal_pytorchs(name, n, m, size, seed):
    m = n if name == "relativistic" else m
    r, f = size * drawn(n, seed=seed), size * drawn(m, seed=seed + 1)
    for ours, theirs in zip(chapter.LOSSES[name], chapter.PYTORCH[name], strict=True):
        check_agreement(lambda r, f, ours=ours: ours(r, f), theirs, r=r, f=f)


@pytest.mark.parametrize("name", list(chapter.LOSSES))
def test_losses_are_finite_in_float32_at_any_logit(name):
    logits = torch.tensor([-1e4, -100.0, 0.0, 100.0, 1e4], requires_grad=True)
    for loss in chapter.LOSSES[name]:
        value = loss(logits, logits.flip(0))
        assert value.isfinite() and torch.autograd.grad(value, logits)[0].isfinite().all()


# The game.


@given(st.integers(1, 6), seeds)
def test_kl_and_js_equal_scipy(k, seed):
    p, q = distributions(k, seed)
    assert float(chapter.kl_of(p, q)) == pytest.approx(stats.entropy(p, q), rel=1e-9, abs=1e-12)
    m = (p + q) / 2
    js = (stats.entropy(p, m) + stats.entropy(q, m)) / 2
    assert float(chapter.js_of(p, q)) == pytest.approx(js, rel=1e-9, abs=1e-12)
    assert chapter.js_of(p, p).abs() < 1e-12 and -1e-12 < chapter.js_of(p, q) < math.log(2) + 1e-12


@given(st.integers(2, 6), seeds)
def test_the_best_discriminator_is_the_share_of_p_and_its_value_is_js(k, seed):
    p, q = drawn(2, k, seed=seed).softmax(1)
    best = p / (p + q)
    at_best = chapter.value(best, p, q)
    assert float(at_best) == pytest.approx(2 * float(chapter.js_of(p, q)) - math.log(4), rel=1e-12)
    for d in (best * 0.99, best + (1 - best) * 0.01, drawn(k, seed=seed + 1).sigmoid()):
        assert chapter.value(d, p, q) < at_best


@given(means, stds, seeds)
def test_best_logit_equals_torch(mean, std, seed):
    x = 5 * drawn(7, seed=seed)
    q = Normal(*torch.tensor([mean, std], dtype=torch.float64)).log_prob(x)
    p = Normal(*torch.tensor([0.0, 1.0], dtype=torch.float64)).log_prob(x)
    torch.testing.assert_close(chapter.best_logit(x, mean, std), p - q, rtol=1e-9, atol=1e-9)
    torch.testing.assert_close(torch.stack(chapter.densities(x, mean, std)), torch.stack([p, q]).exp())
    torch.testing.assert_close(chapter.best_probability(x, mean, std), (p - q).sigmoid())
    assert chapter.distribution(x, mean, std).numpy() == pytest.approx(stats.norm.cdf(x, mean, std))
    assert chapter.best_logit(torch.tensor([1e3, -1e3]), mean, std).isfinite().all()


# Pulls.


@pytest.mark.parametrize("name", BY_PROBABILITY)
@given(st.floats(-3, 3), st.floats(0.4, 2), seeds)
def test_pulls_are_the_slopes_of_the_losses_at_the_best_output(name, mean, std, seed):
    x = (2 * drawn(6, seed=seed)).requires_grad_()
    output = chapter.best_logit(x, mean, std)
    output = output.sigmoid() if name == "least squares" else output
    loss = len(x) * chapter.LOSSES[name][1](torch.zeros_like(output), output)
    (slope,) = torch.autograd.grad(loss, x)
    torch.testing.assert_close(chapter.PULLS[name](x.detach(), mean, std), -slope, rtol=1e-8, atol=1e-11)


@given(st.floats(-5, 5).filter(lambda m: abs(m) > 0.05), st.floats(0.3, 2.5))
def test_the_wasserstein_pull_earns_w1(mean, std):
    x = torch.linspace(-25, 25, 20_001, dtype=torch.float64)
    f = torch.cumulative_trapezoid(chapter.PULLS["Wasserstein"](x, mean, std), x)
    p, q = chapter.densities(x, mean, std)
    earned = torch.trapezoid((p - q)[1:] * f, x[1:])
    assert earned.item() == pytest.approx(chapter.divergences(mean, std)["W1"], abs=0.01)
    assert not chapter.PULLS["hinge"](x, mean, std).any()


# Divergences.


@given(means, stds)
def test_divergences_equal_closed_forms_and_scipy(mean, std):
    found = chapter.divergences(mean, std)
    pq = math.log(std) + (1 + mean**2) / (2 * std**2) - 0.5
    qp = -math.log(std) + (std**2 + mean**2) / 2 - 0.5
    assert found["KL(p||q)"] == pytest.approx(pq, rel=1e-3, abs=1e-6)
    assert found["KL(q||p)"] == pytest.approx(qp, rel=1e-3, abs=1e-6)
    scale = -0.5 * math.log(2 * math.pi)

    def integrand(x):
        a, b = scale - x * x / 2, scale - math.log(std) - ((x - mean) / std) ** 2 / 2
        m = np.logaddexp(a, b) - math.log(2)
        return 0.5 * (math.exp(a) * (a - m) + math.exp(b) * (b - m))

    js = integrate.quad(integrand, -40, 40, points=[0, mean], limit=400)[0]
    assert found["JS"] == pytest.approx(js, abs=1e-6)
    apart = abs(std - 1)  # the plan carries z to mean + std z: W1 = E |mean + (std - 1) z|
    w1 = abs(mean)
    if apart:
        ratio = mean / apart / math.sqrt(2)
        w1 = apart * math.sqrt(2 / math.pi) * math.exp(-(ratio**2)) + mean * math.erf(ratio)
    assert found["W1"] == pytest.approx(w1, abs=1e-4)


@given(st.integers(1, 6), st.integers(1, 6), seeds)
def test_w1_by_sorting_equals_scipy(n, m, seed):
    x, y, z = (drawn(size, seed=seed + i) for i, size in enumerate((n, n, m)))
    for a, b in ((x, y), (x, z)):
        expected = stats.wasserstein_distance(a, b)
        assert chapter.area_between(a, b).item() == pytest.approx(expected, rel=1e-9, abs=1e-12)
    check_agreement(chapter.wasserstein, chapter.area_between, x=x, y=y)


@given(st.floats(0, 3))
def test_bars_that_part(distance):
    found = chapter.bars(distance)
    moved = round(distance * 400) / 400
    assert float(found["W₁"]) == pytest.approx(moved, abs=1e-12)
    assert float(found["JS"]) == pytest.approx(math.log(2) * min(moved, 1), abs=1e-9)
    assert float(found["KL"]) == (math.inf if moved else pytest.approx(0, abs=1e-12))

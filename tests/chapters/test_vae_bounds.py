"""Chapter 4's bounds on log p(x), by other routes, and its linear autoencoder against NumPy's SVD."""

import functools
import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import integrate, stats

from course.chapters import load_definitions
from tests.helpers.tensors import CLOSE

chapter = load_definitions("04_vae")
W, B, X = np.array([[1.5, -1.0, 0.8, 2.0, -0.5], [0.2, -0.3, 0.5, -1.0, 0.1], [1, 0, 1, 1, 1]])
toys = pytest.mark.parametrize("name", chapter.TOYS)


def by_hand(name, z):
    """log p(x | z) of a toy for NumPy's z (...), from the formulas of the text."""
    z = np.asarray(z)
    if name == "Gaussian":
        return stats.norm.logpdf(1.2, z, 0.5)
    chances = 1 / (1 + np.exp(-(W * z[..., None] + B)))
    return np.where(X == 1, np.log(chances), np.log1p(-chances)).sum(-1)


def log_joint(name, z):
    return by_hand(name, z) + stats.norm.logpdf(z)


@functools.cache
def evidence(name):
    """log p(x) of a toy by adaptive quadrature."""
    return math.log(integrate.quad(lambda z: np.exp(log_joint(name, z)), -12, 12, points=[0, 1])[0])


@toys
def test_the_toys_are_those_of_the_text(name):
    likelihood, _ = chapter.TOYS[name]
    z = np.linspace(-12, 12, 1001).reshape(7, 143)
    found = likelihood(torch.from_numpy(z))
    np.testing.assert_allclose(found.numpy(), by_hand(name, z), rtol=1e-9)
    joint = chapter.log_joint(likelihood, torch.from_numpy(z[0]))
    np.testing.assert_allclose(joint.numpy(), log_joint(name, z[0]), rtol=1e-9)
    for rule in (chapter.trapezoid_evidence, chapter.legendre_evidence):
        assert rule(likelihood).item() == pytest.approx(evidence(name), abs=1e-10)


# More samples.


@given(st.integers(1, 6), st.lists(st.integers(1, 3), max_size=2), st.sampled_from([1.0, 300.0]))
def test_the_bound_of_extreme_weights_equals_numpy(k, shape, size):
    log_w = size * torch.randn(k, *shape, generator=torch.Generator().manual_seed(k)) - 1000
    log_w[0].fill_(-1e4)
    found = chapter.iw_bound(log_w)
    assert found.dtype == torch.float32 and found.shape == tuple(shape)
    expected = np.logaddexp.reduce(log_w.double().numpy(), axis=0) - np.log(k)
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-6)
    leaf = log_w.double().requires_grad_()
    (gradient,) = torch.autograd.grad(chapter.iw_bound(leaf).sum(), leaf)
    shares = np.exp(leaf.detach().numpy() - np.logaddexp.reduce(leaf.detach().numpy(), axis=0))
    np.testing.assert_allclose(gradient.numpy(), shares, rtol=1e-9, atol=1e-12)
    torch.testing.assert_close(chapter.iw_bound(leaf + 700), chapter.iw_bound(leaf) + 700, **CLOSE)


def brute_force(name, k, mu, sigma):
    """L_k of a toy, k = 1 or 2: a plain sum over a fine grid of z_1 and z_2."""
    z, step = np.linspace(mu - 9 * sigma, mu + 9 * sigma, 901, retstep=True)
    chances = stats.norm.pdf(z, mu, sigma) * step
    log_w = log_joint(name, z) - stats.norm.logpdf(z, mu, sigma)
    if k == 1:
        return chances @ log_w
    return chances @ (np.logaddexp(log_w[:, None], log_w) - math.log(2)) @ chances


@toys
@pytest.mark.parametrize(("mu", "sigma"), [(0.3, 0.8), (1.5, 0.6)])
def test_exact_bounds_rise_to_the_evidence(name, mu, sigma):
    likelihood, _ = chapter.TOYS[name]
    z = torch.linspace(-3, 3, 12, dtype=torch.float64).view(3, 4)
    expected = log_joint(name, z.numpy()) - stats.norm.logpdf(z.numpy(), mu, sigma)
    found = chapter.toy_log_weights(likelihood, z, mu, sigma)
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-9)
    exact = [chapter.exact_bound(likelihood, k, mu, sigma).item() for k in (1, 2, 3)]
    for k in (1, 2):
        assert exact[k - 1] == pytest.approx(brute_force(name, k, mu, sigma), abs=1e-5)
    assert exact[0] == pytest.approx(chapter.toy_elbo(likelihood, mu, sigma).item(), abs=1e-8)
    assert exact[0] < exact[1] < exact[2] < evidence(name)
    for k, bound in enumerate(exact, 1):
        mean, error = chapter.sampled_bound(likelihood, k, mu, sigma, seed=k)
        assert abs(mean - bound) < 4 * error


def test_at_the_posterior_every_bound_is_tight():
    for k in (1, 2, 3):
        for mu, tight in ((0.96, True), (0.9, False)):
            found = chapter.exact_bound(chapter.gaussian_likelihood, k, mu, 0.2**0.5).item()
            assert (abs(found - evidence("Gaussian")) < 1e-9) is tight


# The linear autoencoder.


@pytest.mark.parametrize(("size", "seed"), [(1, 0), (2, 1), (3, 2)])
def test_the_linear_autoencoder_finds_the_span_of_numpys_svd(size, seed):
    rng = np.random.default_rng(seed)
    left, right = np.linalg.qr(rng.normal(size=(60, 7)))[0], np.linalg.qr(rng.normal(size=(7, 7)))[0]
    singular = np.array([9.0] * size + [4.5] * (7 - size)) + np.linspace(0.5, 0, 7)  # a gap of 4 and more
    x = left * singular @ right.T
    encoder, decoder = chapter.linear_autoencoder(torch.from_numpy(x.T @ x / 60), size, seed=seed)
    assert encoder.shape == (size, 7) and decoder.shape == (7, size)
    assert not (encoder.requires_grad or decoder.requires_grad)
    _, found, vectors = np.linalg.svd(x)
    error = np.square(x - x @ encoder.numpy().T @ decoder.numpy().T).sum()
    assert error == pytest.approx((found[size:] ** 2).sum(), rel=1e-8)
    projection = vectors[:size].T @ vectors[:size]
    np.testing.assert_allclose(decoder.numpy() @ encoder.numpy(), projection, atol=1e-4)
    if size > 1:  # its columns are no components
        cosines = vectors[:size] @ decoder.numpy() / np.linalg.norm(decoder.numpy(), axis=0)
        assert np.abs(cosines).max() < 0.9999


@pytest.mark.parametrize("angle", [0, 1e-3, 30, 45, 90])
def test_principal_angles_by_hand(angle):
    e = torch.eye(5, dtype=torch.float64)
    turned = math.cos(math.radians(angle)) * e[1] + math.sin(math.radians(angle)) * e[2]
    plane, other = torch.stack([e[0], e[1]], 1), torch.stack([e[0], turned], 1)
    mixed = torch.tensor([[2.0, -1.0], [0.5, 3.0]], dtype=torch.float64)  # the same spans
    for a, b in ((plane, other), (other, plane), (plane @ mixed, other), (plane, 7 * other @ mixed)):
        assert chapter.principal_angles(a, b).tolist() == pytest.approx([0, angle], abs=3e-6)
    three = torch.stack([turned, e[3], e[0]], 1)
    found = chapter.principal_angles(torch.stack([e[4], e[0], e[1]], 1), three)
    assert found.tolist() == pytest.approx([0, angle, 90], abs=3e-6)

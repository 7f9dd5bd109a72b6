"""Chapter 4's own formulas against torch.distributions, SciPy and NumPy: densities, bounds and gradients."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from torch.distributions import Bernoulli

from course.compare import check_agreement
from tests.helpers.tensors import CLOSE, check_modules, drawn
from tests.helpers.vaes import chapter, gaussians, random_vae, small

sizes = st.integers(1, 4)
shapes = st.lists(sizes, min_size=1, max_size=3).map(tuple)
seeds = st.integers(0, 99)


# Gaussians.


@given(shapes, st.sampled_from([0.5, 3.0]), seeds)
def test_gaussian_kl_equals_torch(shape, size, seed):
    case = {name: size * value for name, value in gaussians(*shape, seed=seed).items()}
    check_agreement(chapter.gaussian_kl, chapter.pytorch_kl, **case)
    zero = torch.zeros(shape)
    assert not chapter.gaussian_kl(zero, zero).any() and chapter.gaussian_kl(zero, zero).shape == shape[:-1]


@pytest.mark.parametrize("other", [(3,), (2, 1), (1, 3), (3, 2), (4, 2, 3)])
def test_gaussian_kl_refuses_shapes_that_differ(other):
    for pair in (((2, 3), other), (other, (2, 3))):
        with pytest.raises(ValueError) as refused:
            chapter.gaussian_kl(*map(torch.zeros, pair))
        assert all(str(shape) in str(refused.value) for shape in pair)


@given(sizes, sizes, sizes, st.integers(0, 3), seeds)
def test_log_normal_equals_torch(k, batch, latents, kind, seed):
    shape = [(k, batch, latents), (batch, latents), (latents,), (1,)][kind]
    z = gaussians(k, batch, latents, seed=seed, names=("z",))
    case = z | gaussians(*shape, seed=seed + 1)
    check_agreement(chapter.log_normal, chapter.pytorch_log_normal, **case)


@given(shapes, sizes, seeds)
def test_a_sample_is_mean_plus_noise(shape, k, seed):
    case = gaussians(*shape, seed=seed) | gaussians(k, *shape, seed=seed + 1, names=("eps",))
    check_agreement(
        chapter.reparameterise, lambda mu, logvar, eps: torch.addcmul(mu, logvar.exp().sqrt(), eps), **case
    )


# Pixels, and the VAE.


@given(sizes, sizes, sizes, st.sampled_from([1.0, 30.0]), st.booleans(), seeds)
def test_the_likelihood_of_pixels_equals_torch(k, batch, pixels, size, several, seed):
    grey = gaussians(batch, pixels, seed=seed, names=("x",))["x"].sigmoid()
    shape = (k, batch, pixels) if several else (batch, pixels)
    logits = size * gaussians(*shape, seed=seed + 1, names=("logits",))["logits"]

    def theirs(x, logits):
        return chapter.pytorch_log_likelihood(x.expand_as(logits), logits)

    for x in (grey, grey.round()):
        check_agreement(chapter.bernoulli_log_likelihood, theirs, x=x, logits=logits)


@pytest.mark.parametrize("size", [50.0, 200.0, 1e4])
def test_extreme_logits_have_finite_values_and_gradients(size):
    logits = torch.tensor([[size], [-size], [size], [-size]], requires_grad=True)
    x = torch.tensor([[1.0], [0.0], [0.0], [1.0]])
    found = chapter.bernoulli_log_likelihood(x, logits)
    assert found.tolist() == pytest.approx([0, 0, -size, -size], abs=1e-20)
    (gradient,) = torch.autograd.grad(found.sum(), logits)
    torch.testing.assert_close(gradient.flatten(), torch.tensor([0.0, 0, -1, 1]), rtol=0, atol=1e-20)


@given(sizes, sizes, seeds)
def test_the_vae_and_all_its_gradients_equal_torch(batch, latents, seed):
    ours, theirs = random_vae(latents, seed), small.Reference(latents, hidden=4)
    case = {"x": drawn(batch, 5, seed=seed).sign().relu(), "eps": drawn(batch, latents, seed=seed + 1)}
    check_modules(ours, theirs, **case)
    z = drawn(3, batch, latents, seed=seed)
    torch.testing.assert_close(ours.decode(z), Bernoulli(logits=ours.decoder(z)).probs, **CLOSE)


def test_the_networks_are_linear_layers_with_activations_between():
    net = chapter.mlp(3, 4, 2, activation=nn.Tanh)
    first, last = (layer for layer in net if isinstance(layer, nn.Linear))
    x = torch.randn(5, 3)
    torch.testing.assert_close(net(x), last(torch.tanh(first(x))))
    means = torch.linspace(0, 1, 784)
    for model, out in ((chapter.VAE(3, 8, means), 6), (chapter.AutoEncoder(3, 8, means), 3)):
        assert (model.encoder[0].in_features, model.encoder[-1].out_features) == (784, out)
        assert (model.decoder[0].in_features, model.decoder[-1].out_features) == (3, 784)
        torch.testing.assert_close(model.decoder[-1].bias.sigmoid()[1:-1], means[1:-1])
        assert model.decoder[-1].bias.isfinite().all()
        assert model.encoder[-1].weight.data_ptr() != model.decoder[0].weight.data_ptr()
    x = torch.rand(2, 784)
    torch.testing.assert_close(model(x), model.decoder(model.encoder(x)))


# Gradients of means over samples.


def rule(*mu, n=12):
    """eps (n^Z, Z) and weights (n^Z,) of the mean over N(0, I) of polynomials up to degree 2 n - 1."""
    t, w = np.polynomial.hermite_e.hermegauss(n)
    grids = np.meshgrid(*[t] * len(mu), indexing="ij"), np.meshgrid(*[w / w.sum()] * len(mu), indexing="ij")
    eps, weights = np.stack(grids[0], -1).reshape(-1, len(mu)), np.stack(grids[1], -1).prod(-1).ravel()
    return torch.tensor(mu, dtype=torch.float64), torch.from_numpy(eps), torch.from_numpy(weights)[:, None]


@given(st.lists(st.floats(-2, 2), min_size=1, max_size=3), st.floats(-5, 5))
def test_both_estimators_are_the_gradient_on_average(mu, baseline):
    mu, eps, weights = rule(*mu)
    a = torch.arange(1.0, len(mu) + 1, dtype=torch.float64)

    def cubic(z):
        return z.pow(3).sum(-1) + (a * z).sum(-1)

    leaf = mu.clone().requires_grad_()
    (exact,) = torch.autograd.grad((leaf.pow(3) + (3 + a) * leaf).sum(), leaf)  # E[z³] = µ³ + 3 µ
    z = mu + eps
    cases = {
        "path": (chapter.reparameterised_gradients(cubic, mu, eps), 3 * z.square() + a),
        "score": (chapter.score_gradients(cubic, mu, eps), cubic(z)[:, None] * eps),
        "baseline": (
            chapter.score_gradients(cubic, mu, eps, baseline),
            (cubic(z) - baseline)[:, None] * eps,
        ),
    }
    for found, by_hand in cases.values():
        torch.testing.assert_close(found, by_hand, rtol=1e-9, atol=1e-9)
        torch.testing.assert_close((weights * found).sum(0), exact, rtol=1e-8, atol=1e-8)
    linear = chapter.reparameterised_gradients(lambda z: (a * z).sum(-1), mu, eps)
    torch.testing.assert_close(linear, a.expand_as(eps), **CLOSE)  # no variance at all


@pytest.mark.parametrize("size", [1, 2, 3])
def test_the_variances_are_the_chapters(size):
    mu, eps, weights = rule(*[1.0] * size)
    for found, variance in (
        (chapter.score_gradients(chapter.bowl, mu, eps), size**2 + 3.5 * size + 3),
        (chapter.score_gradients(chapter.bowl, mu, eps, baseline=-size), 1.5 * size + 3),
        (chapter.reparameterised_gradients(chapter.bowl, mu, eps), 1),
    ):
        mean = (weights * found).sum(0)
        torch.testing.assert_close(mean, -mu, rtol=1e-9, atol=1e-9)
        spread = (weights * (found - mean).square()).sum(0)
        torch.testing.assert_close(spread, torch.full_like(mu, variance), rtol=1e-9, atol=1e-9)

"""Chapter 4's own formulas against torch.distributions, SciPy and NumPy: densities, bounds and gradients."""

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from torch import nn
from torch.distributions import Bernoulli, Normal, kl_divergence

from course.agreement import check_agreement
from course.chapters import load_definitions

chapter = load_definitions("04_vae")
small = load_definitions("04_vae", PIXELS=5)  # the same networks for images of five pixels
sizes = st.integers(1, 4)
shapes = st.lists(sizes, min_size=1, max_size=3).map(tuple)
seeds = st.integers(0, 99)
close = {"rtol": 1e-9, "atol": 1e-11}


def drawn(*shape, seed=0, names=("mu", "logvar")):
    """Standard normal tensors of these names, float64."""
    rng = torch.Generator().manual_seed(seed)
    return {name: torch.randn(shape, generator=rng, dtype=torch.float64) for name in names}


def random_vae(latents=2, seed=0, module=small, kind="VAE", hidden=4):
    """A VAE whose every weight and bias is drawn, float64."""
    torch.manual_seed(seed)
    model = getattr(module, kind)(latents, hidden=hidden).double()
    with torch.no_grad():
        for p in model.parameters():
            p.copy_(0.7 * torch.randn_like(p))
    return model


# Gaussians.


@given(shapes, st.sampled_from([0.5, 3.0]), seeds)
def test_gaussian_kl_equals_torch(shape, size, seed):
    def theirs(mu, logvar):
        return kl_divergence(Normal(mu, logvar.exp().sqrt()), Normal(0.0, 1.0)).sum(-1)

    case = {name: size * value for name, value in drawn(*shape, seed=seed).items()}
    check_agreement(chapter.gaussian_kl, theirs, **case)
    assert chapter.gaussian_kl(**case).min() >= 0
    zero = torch.zeros(shape)
    assert not chapter.gaussian_kl(zero, zero).any() and chapter.gaussian_kl(zero, zero).shape == shape[:-1]


@pytest.mark.parametrize("other", [(3,), (2, 1), (1, 3), (3, 2), (4, 2, 3)])
def test_gaussian_kl_refuses_shapes_that_differ(other):
    for pair in (((2, 3), other), (other, (2, 3))):
        with pytest.raises(ValueError) as refused:
            chapter.gaussian_kl(*map(torch.zeros, pair))
        assert all(str(shape) in str(refused.value) for shape in pair)


@pytest.mark.parametrize("seed", range(3))
def test_gaussian_kl_by_monte_carlo(seed):
    rng = np.random.default_rng(seed)
    mu, logvar = rng.normal(size=(2, 3))
    sigma = np.exp(logvar / 2)
    z = rng.normal(mu, sigma, size=(100_000, 3))
    ratios = (stats.norm.logpdf(z, mu, sigma) - stats.norm.logpdf(z)).sum(1)
    error = stats.sem(ratios)
    found = chapter.gaussian_kl(torch.tensor(mu), torch.tensor(logvar)).item()
    assert abs(found - ratios.mean()) < 4 * error < 0.05 * found
    ours = [
        chapter.log_normal(torch.tensor(z), *how)
        for how in ((torch.tensor(mu), torch.tensor(logvar)), torch.zeros(2, 3).double())
    ]
    np.testing.assert_allclose((ours[0] - ours[1]).numpy(), ratios, rtol=1e-9, atol=1e-9)


@given(sizes, sizes, sizes, st.integers(0, 3), seeds)
def test_log_normal_equals_torch(k, batch, latents, kind, seed):
    shape = [(k, batch, latents), (batch, latents), (latents,), (1,)][kind]
    z = drawn(k, batch, latents, seed=seed, names=("z",))
    case = z | drawn(*shape, seed=seed + 1)
    check_agreement(
        chapter.log_normal,
        lambda z, mu, logvar: Normal(mu, logvar.exp().sqrt()).log_prob(z).sum(-1),
        **case,
    )


@given(shapes, sizes, seeds)
def test_a_sample_is_mean_plus_noise(shape, k, seed):
    case = drawn(*shape, seed=seed) | drawn(k, *shape, seed=seed + 1, names=("eps",))
    check_agreement(
        chapter.reparameterise, lambda mu, logvar, eps: torch.addcmul(mu, logvar.exp().sqrt(), eps), **case
    )


def test_samples_have_the_mean_and_the_variance_asked_for():
    mu, logvar = torch.tensor([[1.0, -2.0, 0.0], [-3.0, 0.0, 1.4]]).double()
    z = chapter.reparameterise(mu, logvar, drawn(50_000, 3, names=("eps",))["eps"])
    assert ((z.mean(0) - mu) / (torch.exp(logvar / 2) / 50_000**0.5)).abs().max() < 4
    torch.testing.assert_close(z.var(0), logvar.exp(), rtol=0.03, atol=0)
    low = chapter.reparameterise(*torch.tensor([[0.0], [-200.0], [2.0]], dtype=torch.float64))
    assert low.item() == pytest.approx(2 * math.exp(-100), rel=1e-12)


# Pixels, and the VAE.


@given(sizes, sizes, sizes, st.sampled_from([1.0, 30.0]), st.booleans(), seeds)
def test_the_likelihood_of_pixels_equals_torch(k, batch, pixels, size, several, seed):
    x = (drawn(batch, pixels, seed=seed, names=("x",))["x"] > 0).double()
    shape = (k, batch, pixels) if several else (batch, pixels)
    logits = size * drawn(*shape, seed=seed + 1, names=("logits",))["logits"]
    check_agreement(
        lambda logits: chapter.bernoulli_log_likelihood(x, logits),
        lambda logits: Bernoulli(logits=logits).log_prob(x).sum(-1),
        logits=logits,
    )
    grey = torch.rand(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    check_agreement(
        chapter.bernoulli_log_likelihood,
        lambda x, logits: -F.binary_cross_entropy_with_logits(logits, x, reduction="none").sum(-1),
        x=grey, logits=logits,
    )  # fmt: skip


@pytest.mark.parametrize("size", [50.0, 200.0, 1e4])
def test_extreme_logits_have_finite_values_and_gradients(size):
    logits = torch.tensor([[size], [-size], [size], [-size]], requires_grad=True)
    x = torch.tensor([[1.0], [0.0], [0.0], [1.0]])
    found = chapter.bernoulli_log_likelihood(x, logits)
    assert found.tolist() == pytest.approx([0, 0, -size, -size], abs=1e-20)
    (gradient,) = torch.autograd.grad(found.sum(), logits)
    torch.testing.assert_close(gradient.flatten(), torch.tensor([0.0, 0, -1, 1]), rtol=0, atol=1e-20)
    model = random_vae().float()
    with torch.no_grad():
        model.decoder[-1].bias.copy_(torch.tensor([1, -1, 1, -1, 1]) * size)
    recon_nll, kl = model(torch.eye(5)[:3], torch.zeros(3, 2))
    (recon_nll.sum() + kl.sum()).backward()
    assert recon_nll.isfinite().all() and recon_nll.min() > 0.9 * size
    assert all(p.grad.isfinite().all() for p in model.parameters())


class Theirs(small.VAE):
    """The VAE's two terms by torch.distributions."""

    def forward(self, x, eps):
        out = self.encoder(x)
        mu, logvar = out[:, : self.latents], out[:, self.latents :]
        q = Normal(mu, logvar.exp().sqrt())
        chances = Bernoulli(logits=self.decoder(mu + eps * q.stddev))
        return -chances.log_prob(x).sum(1), kl_divergence(q, Normal(0.0, 1.0))


@given(sizes, sizes, seeds)
def test_the_vae_and_all_its_gradients_equal_torch(batch, latents, seed):
    ours, theirs = random_vae(latents, seed), Theirs(latents, hidden=4).double()
    x = (drawn(batch, 5, seed=seed, names=("x",))["x"] > 0).double()

    def of_weights(model):
        return lambda eps, **weights: torch.func.functional_call(model, weights, (x, eps))

    eps = drawn(batch, latents, seed=seed, names=("eps",))
    check_agreement(of_weights(ours), of_weights(theirs), **eps, **dict(ours.named_parameters()))
    z = drawn(3, batch, latents, seed=seed, names=("z",))["z"]
    torch.testing.assert_close(ours.decode(z), Bernoulli(logits=ours.decoder(z)).probs, **close)
    out = ours.encoder(x)
    assert torch.equal(torch.cat(ours.encode(x), 1), out) and ours.encode(x[0])[1].shape == (latents,)


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
    torch.testing.assert_close(linear, a.expand_as(eps), **close)  # no variance at all


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


def test_the_score_function_needs_no_derivative():
    mu, eps = torch.tensor([0.3, -1.0]).double(), drawn(40_000, 2, names=("eps",))["eps"]
    found = chapter.score_gradients(lambda z: (z > 0).double().sum(-1), mu, eps, baseline=0.5)
    exact = Normal(0.0, 1.0).log_prob(mu).exp()  # of P(z > 0) = Φ(µ)
    assert ((found.mean(0) - exact) / (found.std(0) / 40_000**0.5)).abs().max() < 4
    assert (found.std(0) / 40_000**0.5).max() < 0.05 * exact.min()

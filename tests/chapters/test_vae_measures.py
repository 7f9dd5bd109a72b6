"""Chapter 4's measures of held-out images, of neighbours and of strangers."""

import math
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score
from torch.distributions import Bernoulli, Normal

from course.chapters import load_definitions
from tests.helpers.tensors import CLOSE
from tests.helpers.vaes import chapter, gaussians, random_vae, small

sizes, seeds = st.integers(1, 4), st.integers(0, 99)

IMAGES = torch.tensor([[1, 0, 1, 1, 0], [0, 0, 0, 0, 0], [1, 1, 1, 1, 1], [0, 1, 0, 0, 1]]).float()


def one_latent(seed=0):
    """A VAE, float32, with wide posteriors and one dimension of code: its integrals are sums over a grid."""
    model = random_vae(1, seed)
    with torch.no_grad():
        model.decoder[-1].weight.mul_(3)
        model.encoder[-1].weight.mul_(0.5)
        model.encoder[-1].bias.zero_()
    return model.float()


def exact(model, x):
    """By sums over 4,001 codes: log p(x), the ELBO, the mean and the variance of recon_nll, (N,) each."""
    with torch.no_grad():
        mu, logvar = (part.double() for part in model.encode(x))
        noise = torch.linspace(-9, 9, 4001, dtype=torch.float64)
        chances = Normal(0.0, 1.0).log_prob(noise).exp() * 18 / 4000

        def log_likelihood(z):  # (N, 4001) -> (N, 4001)
            logits = model.decoder(z.float()[..., None]).double()
            return Bernoulli(logits=logits).log_prob(x[:, None].double()).sum(-1)

        evidence = (log_likelihood(noise.expand(len(x), -1)).exp() @ chances).log()
        losses = -log_likelihood(mu + noise * torch.exp(logvar / 2))
        mean = losses @ chances
        kl = torch.distributions.kl_divergence(Normal(mu, torch.exp(logvar / 2)), Normal(0.0, 1.0))[:, 0]
    return evidence, -mean - kl, mean, losses.square() @ chances - mean.square()


# The terms of the ELBO.


def test_the_terms_are_their_integrals():
    model = one_latent()
    _, elbo, mean, variance = exact(model, IMAGES)
    recon_nll, kl = small.terms(model, IMAGES, samples=2000)
    assert recon_nll.shape == (4,) and kl.shape == (4, 1) and not recon_nll.requires_grad
    assert ((recon_nll - mean) / (variance / 2000).sqrt()).abs().max() < 4
    torch.testing.assert_close(kl[:, 0].double(), -elbo - mean, rtol=1e-5, atol=1e-5)
    before = torch.get_rng_state()
    first, again, other = (small.terms(model, IMAGES, seed=seed)[0] for seed in (0, 0, 1))
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.equal(first, again) and not torch.equal(first, other)


@given(sizes, sizes, sizes, seeds)
def test_log_weights_equal_torch(k, batch, latents, seed):
    model = random_vae(latents, seed)
    x = (gaussians(batch, 5, seed=seed, names=("x",))["x"] > 0).double()
    eps = gaussians(k, batch, latents, seed=seed, names=("eps",))["eps"]
    mu, logvar = model.encoder(x).chunk(2, 1)
    q, prior = Normal(mu, logvar.exp().sqrt()), Normal(0.0, 1.0)
    z = mu + logvar.exp().sqrt() * eps
    pixels = Bernoulli(logits=model.decoder(z)).log_prob(x)
    expected = (prior.log_prob(z) - q.log_prob(z)).sum(-1) + pixels.sum(-1)
    found = small.log_weights(model, x, eps)
    assert found.shape == (k, batch)
    torch.testing.assert_close(found, expected, **CLOSE)


@pytest.mark.parametrize("k", [3000, 4500, 12_000])
def test_sampled_weights_are_the_images_own_and_bound_the_evidence(k):
    model, x = one_latent(), torch.cat([IMAGES, IMAGES[:3]])
    log_w = small.sampled_log_weights(model, x, k)
    assert log_w.shape == (k, 7)
    evidence, elbo, *_ = exact(model, x)
    assert ((log_w.mean(0) - elbo).abs() / (log_w.std(0) / k**0.5)).max() < 4
    weights = (log_w - evidence).exp()  # w / p(x), whose mean is 1
    assert ((weights.mean(0) - 1).abs() / (weights.std(0) / k**0.5)).max() < 4.5
    bounds = chapter.iw_bound(log_w)
    assert (bounds - evidence).abs().max() < 0.1 < (evidence - elbo).max()
    assert not torch.equal(log_w[:, 0], log_w[:, 4])  # the same image, other noise
    assert torch.equal(log_w, small.sampled_log_weights(model, x, k, seed=0))
    assert not torch.equal(log_w, small.sampled_log_weights(model, x, k, seed=1))
    assert torch.equal(log_w, small.sampled_log_weights(model, x, k, code=model.encode(x)))


@given(st.integers(2, 6), sizes, st.sampled_from([0.01, 1.0]), seeds)
def test_active_units_by_numpy(n, latents, threshold, seed):
    mu = gaussians(n, latents, seed=seed, names=("mu",))["mu"] * threshold**0.5 + 5
    expected = np.var(mu.numpy(), axis=0, ddof=1) > threshold
    assert chapter.active_units(mu, threshold).tolist() == expected.tolist()
    assert not chapter.active_units(torch.ones(n, latents)).any()
    pair = torch.tensor([[0.0, 0.0, 0.0], [0.13, 0.15, -0.15]])  # variances 0.0085, 0.011
    assert chapter.active_units(pair).tolist() == [False, True, True]


def test_the_judges_numbers():
    model = random_vae(3, seed=3).float()
    with torch.no_grad():
        model.encoder[-1].weight[1], model.encoder[-1].bias[1] = 0, 7  # one unit says 7 of everything
    found, bound = small.judge(model, IMAGES), small.judge(model, IMAGES, k=7)
    assert found.keys() == {"elbo", "error", "active", "recon_nll", "kl"}
    assert bound.keys() == found.keys() | {"L_7"} and {**bound, **found} == bound
    assert all(type(value) is (int if key == "active" else float) for key, value in bound.items())
    recon_nll, kl = (part.double().numpy() for part in small.terms(model, IMAGES))
    elbo = -(recon_nll + kl.sum(1))
    assert found["elbo"] == pytest.approx(elbo.mean(), rel=1e-5)
    assert found["error"] == pytest.approx(elbo.std(ddof=1) / 2, rel=1e-4)
    assert found["recon_nll"] == pytest.approx(recon_nll.mean(), rel=1e-5)
    assert found["kl"] == pytest.approx(kl.sum() / 4, rel=1e-5) and found["active"] == 2
    log_w = small.sampled_log_weights(model, IMAGES, 7).double().numpy()
    each = np.logaddexp.reduce(log_w, axis=0) - math.log(7)
    assert bound["L_7"] == pytest.approx(each.mean(), rel=1e-5)


# Neighbours and strangers.


@given(*[st.lists(st.integers(-3, 3), min_size=1, max_size=9)] * 2)
def test_auroc_is_scikit_learns(ours, others):
    expected = roc_auc_score([1] * len(ours) + [0] * len(others), ours + others)
    found = chapter.auroc(torch.tensor(ours).float(), torch.tensor(others).float())
    assert found == pytest.approx(expected, abs=1e-6)


@given(sizes, st.integers(1, 6), sizes, seeds)
def test_nearest_by_brute_force(n, others, size, seed):
    codes, rows = (gaussians(m, size, seed=seed + i, names="x")["x"] for i, m in enumerate((n, others)))
    for k in range(1, others + 1):
        found = chapter.nearest(codes, rows, k)
        distances = [[math.dist(a, b) for b in rows.tolist()] for a in codes.tolist()]
        assert found.tolist() == [sorted(range(others), key=row.__getitem__)[:k] for row in distances]
    assert torch.equal(chapter.nearest(codes, rows), chapter.nearest(codes, rows, 1))


def test_neighbours_agree_where_all_five_are_of_one_class():
    module = load_definitions("04_vae")
    module.x_train = torch.arange(15.0)[:, None]
    module.digits = SimpleNamespace(y_train=torch.tensor([3] * 5 + [8] * 4 + [3] + [1] * 5))
    assert module.agreement_of_neighbours(torch.tensor([[2.0], [7.1], [12.0], [4.0]])) == 0.5
    assert module.agreement_of_neighbours(torch.tensor([[2.0]])) == 1.0


def test_a_code_of_its_own_takes_the_encoders_place():
    model, k = one_latent(), 4000
    code = torch.full((4, 1), 0.4), torch.full((4, 1), -0.3)
    log_w = chapter.sampled_log_weights(model, IMAGES, k, code=code)
    evidence, *_ = exact(model, IMAGES)
    weights = (log_w - evidence).exp()  # w / p(x), whose mean is 1 whatever q
    assert ((weights.mean(0) - 1).abs() / (weights.std(0) / k**0.5)).max() < 4.5
    assert not torch.equal(log_w, chapter.sampled_log_weights(model, IMAGES, k))


def test_refined_codes_raise_each_images_elbo_and_leave_the_model_alone():
    model = one_latent()
    before = [p.clone() for p in model.parameters()]
    evidence, elbo, *_ = exact(model, IMAGES)
    code = chapter.refine(model, IMAGES, steps=600)
    refined = chapter.sampled_log_weights(model, IMAGES, 20_000, code=code).mean(0)
    assert (refined > elbo - 0.02).all() and (refined < evidence + 0.02).all()
    assert (evidence - refined).max() < 0.5 * (evidence - elbo).max()
    assert all(torch.equal(a, b) for a, b in zip(before, model.parameters(), strict=True))
    assert all(p.grad is None for p in model.parameters())

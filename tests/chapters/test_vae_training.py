"""Chapter 4's loss, its images, its training and its three wrong programs, on tiny networks."""

import functools

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from torch.distributions import Normal, kl_divergence

from course.chapters import load_definitions
from tests.helpers.tensors import CLOSE
from tests.helpers.vaes import chapter, random_vae, small

seeds = st.integers(0, 99)


class Step:
    """Stands for a run at one step: draws in the models' dtype, normal and uniform ones of their own."""

    def __init__(self, seed=0, step=0, epoch=0, dtype=torch.float64):
        self.step, self.epoch, self.dtype, self.logged = step, epoch, dtype, {}
        self.normals, self.uniforms = (torch.Generator().manual_seed(2 * seed + i) for i in (0, 1))

    def normal(self, *shape):
        return torch.randn(shape, generator=self.normals, dtype=self.dtype)

    def uniform(self, *shape):
        return torch.rand(shape, generator=self.uniforms, dtype=self.dtype)

    def log(self, **values):
        self.logged |= {name: value.item() for name, value in values.items()}


def greys(n, pixels=784, seed=0, dtype=torch.float32):
    return torch.rand(n, pixels, generator=torch.Generator().manual_seed(seed), dtype=dtype)


# Images.


@given(st.integers(1, 4), st.integers(1, 9), seeds)
def test_grey_values_are_chances_of_ink(batch, pixels, seed):
    x, uniform = greys(batch, pixels, seed), greys(batch, pixels, seed + 1)
    x[0, 0], uniform[0, 0] = 0, 0
    x[-1, -1], uniform[-1, -1] = 1, 1 - 2**-24  # the largest draw below 1
    found = chapter.binarise(x, uniform)
    expected = [[float(u < g) for u, g in zip(*rows, strict=True)] for rows in zip(uniform, x, strict=True)]
    assert found.tolist() == expected and found.dtype == x.dtype
    assert chapter.binarise(x.double(), uniform).dtype == torch.float64


def test_held_out_images_are_binarised_once():
    x = greys(2000, 20)
    x[:, 0], x[:, 1], x[:, 2:] = 0, 1, x[0, 2:]
    before = torch.get_rng_state()
    found = chapter.held_out(x)
    assert torch.equal(torch.get_rng_state(), before) and torch.equal(found, chapter.held_out(x, seed=0))
    assert not torch.equal(found, chapter.held_out(x, seed=1)) and set(found.unique().tolist()) == {0, 1}
    assert found[:, 0].max() == 0 and found[:, 1].min() == 1
    assert torch.corrcoef(found[:, 2:].T).fill_diagonal_(0).abs().max() < 0.1  # each pixel has its own draw


def test_distortions_are_small_and_each_image_has_its_own():
    still = Step(dtype=torch.float32)
    still.normal = lambda *shape: torch.zeros(shape)
    x = greys(5)
    torch.testing.assert_close(chapter.distort(x, still), x, rtol=0, atol=2e-5)
    blob = torch.zeros(28, 28)
    blob[6:20, 10:16] = 1
    same = blob.flatten().expand(300, -1)
    found = chapter.distort(same, Step(dtype=torch.float32)).view(-1, 28, 28)
    assert len(found.unique(dim=0)) == 300 and 0 <= found.min() and found.max() <= 1 + 1e-6
    ink, places = found.sum((1, 2)), torch.arange(28.0)
    for axis, middle in ((1, 12.5), (2, 12.5)):  # of the rows, and of the columns
        profile = found.sum(3 - axis)
        centre = profile @ places / ink
        assert (
            (centre - middle).abs().max() < 4 and centre.std() > 0.1 and (centre - middle).mean().abs() < 0.2
        )
        assert (profile > 0.5).sum(1).float().std() > 0.2  # turned, sheared and scaled too, not shifted alone


# The loss.


@pytest.mark.parametrize("warm_up", [0, 1, 10, 7.5])
@pytest.mark.parametrize(("beta", "nats"), [(1.0, 0.0), (3.0, 0.5), (0.1, 100.0)])
def test_the_loss_by_hand(warm_up, beta, nats):
    module = load_definitions("04_vae")
    module.distort = lambda x, run: x.flip(1)
    model, x = random_vae(3, module=module), greys(6, dtype=torch.float64)
    how = {"beta": beta, "warm_up": warm_up, "distorted": 2}
    if nats:
        how["price"] = functools.partial(module.free_bits, nats=nats)
    for step, epoch in ((0, 0), (4, 1), (9, 1.5), (9, 2), (10, 3), (500, 40)):
        run = Step(step, step, epoch)
        loss = module.negative_elbo(model, (x,), run, **how)
        uniform, eps = Step(step).uniform(6, 784), Step(step).normal(6, 3)
        pixels = (uniform < (x.flip(1) if epoch < 2 else x)).double()
        mu, logvar = model.encoder(pixels).chunk(2, 1)
        q = Normal(mu, logvar.exp().sqrt())
        logits = model.decoder(q.mean + q.stddev * eps)
        recon_nll = F.binary_cross_entropy_with_logits(logits, pixels, reduction="sum") / 6
        kl = kl_divergence(q, Normal(0.0, 1.0)).mean(0)
        price = sum(max(nats, value) for value in kl.tolist())
        weight = 1 if warm_up == 0 else min(1, (step + 1) / warm_up)
        assert loss.item() == pytest.approx(recon_nll.item() + weight * beta * price, rel=1e-9)
        assert run.logged == pytest.approx({"recon_nll": recon_nll.item(), "kl": kl.sum().item()}, rel=1e-9)
    defaults, (uniform, eps) = Step(step), (Step(step).uniform(6, 784), Step(step).normal(6, 3))
    recon_nll, kl = model((uniform < x).double(), eps)
    expected = (recon_nll + kl.sum(1)).mean()
    torch.testing.assert_close(module.negative_elbo(model, (x,), defaults), expected, **CLOSE)


def gradients(model, loss):
    return torch.autograd.grad(loss, list(model.parameters()))


def test_the_mean_reduced_loss_is_beta_784_by_a_factor():
    x, found = greys(4, dtype=torch.float64), []
    for kind, beta in (("MeanReduced", 1.0), ("VAE", 784.0)):
        model = random_vae(3, module=chapter, kind=kind)
        found.append(gradients(model, chapter.negative_elbo(model, (x,), Step(), beta=beta)))
    wrong, right = found
    for a, b in zip(wrong, right, strict=True):
        torch.testing.assert_close(784 * a, b, rtol=1e-9, atol=1e-9)


def test_the_rivals_losses_by_hand():
    x = greys(4, dtype=torch.float64)
    plain = random_vae(3, module=chapter, kind="AutoEncoder")
    module = load_definitions("04_vae")
    module.distort = lambda x, run: x.flip(1)
    drawn = (Step().uniform(4, 784) < x).double()
    for epoch, pixels in ((1, (Step().uniform(4, 784) < x.flip(1)).double()), (2, drawn)):
        expected = F.binary_cross_entropy_with_logits(plain(pixels), pixels, reduction="sum") / 4
        found = module.reconstruction_loss(plain, (x,), Step(epoch=epoch), distorted=2)
        torch.testing.assert_close(found, expected, **CLOSE)
    torch.manual_seed(0)
    example = chapter.Example(20, 6, x.mean(0)).double()
    assert all(isinstance(net[1], nn.ReLU) and len(net) == 3 for net in (example.encoder, example.decoder))
    assert example.decoder[-1].bias.abs().max() < 1 / 6**0.5  # no set bias
    for fresh, pixels in ((False, x), (True, drawn)):
        recon_nll, kl = example(pixels, Step().normal(4, 20))
        found = chapter.example_loss(example, (x,), Step(), fresh)
        torch.testing.assert_close(found, recon_nll.mean() + kl.sum() / 4, **CLOSE)


# The wrong programs.


def narrow(kind, sigma, module=small):
    """A model with a linear decoder, whose reconstruction error is convex in z, and one σ for all."""
    model = random_vae(kind=kind, module=module)
    model.decoder = nn.Linear(2, 5).double()
    with torch.no_grad():
        model.encoder[-1].weight[2:] = 0
        model.encoder[-1].bias[2:] = 2 * torch.tensor(sigma).log()
        model.decoder.weight.copy_(torch.tensor([[3.0, 0], [0, 3], [-2, 2], [1, 1], [4, -1]]))
    return model.float()


@pytest.mark.parametrize("sigma", [0.3, 1.0, 2.0])
def test_what_the_wrong_programs_claim(sigma):
    x = (greys(200, 5) < 0.5).float()
    right, spread, mean = (narrow(kind, sigma) for kind in ("VAE", "WrongSpread", "NoSample"))
    squared = narrow("VAE", sigma**2)
    found = [small.judge(model, x) for model in (right, spread, mean)]
    assert len({row["kl"] for row in found}) == 1  # all pay for σ
    torch.testing.assert_close(small.terms(spread, x)[0], small.terms(squared, x)[0])  # and one draws σ²
    claims = [row["elbo"] - found[0]["elbo"] for row in found[1:]]
    assert claims[1] > 0.02 and (abs(claims[0]) < 1e-5 if sigma == 1 else claims[0] * (1 - sigma) > 0)
    first, second = (mean(x, Step(seed, dtype=torch.float32).normal(200, 2)) for seed in (0, 1))
    assert torch.equal(first[0], second[0])
    torch.testing.assert_close(first[0], right(x, torch.zeros(200, 2))[0])
    torch.testing.assert_close(first[1], right(x, torch.zeros(200, 2))[1])


# Training.


def test_training_draws_afresh_distorts_at_first_and_warms_up():
    module, x = load_definitions("04_vae"), greys(1).expand(200, -1)
    epochs, seen = [], []

    class Spy(module.VAE):
        def forward(self, x, eps):
            seen.append((x.cpu(), eps.cpu()))
            return super().forward(x, eps)

    distort = module.distort
    module.distort = lambda x, run: epochs.append(run.epoch) or distort(x, run)
    how = {"latents": 2, "hidden": 8, "epochs": 8, "show": False, "make": Spy}
    _, history = module.train_vae(x, **how)
    assert epochs == [epoch for epoch in range(max(epochs) + 1) for _ in range(2)] and 2 <= max(epochs) < 7
    whole = [a + b for a, b in zip(history.logged["recon_nll"], history.logged["kl"], strict=True)]
    assert history.losses[-4:] == pytest.approx(whole[-4:], rel=1e-6) and history.losses[0] < whole[0]
    for part in zip(*seen, strict=True):
        assert len(torch.stack(part).flatten(1).unique(dim=0)) == 16
        assert len(torch.cat(part).unique(dim=0)) == 1600  # no image shares its draws

"""Chapter 5's Dirac GAN, penalties and training loop against closed forms and plain PyTorch."""

import copy
import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st

from course.chapters import load_definitions
from course.training.average import Average

chapter = load_definitions("05_gan")
seeds = st.integers(0, 99)
rates = st.floats(0.01, 0.5)
LOSSES = list(chapter.DERIVATIVES)


# The Dirac GAN.


def penalty_of(name, psi, gamma):
    """The penalty on the slope psi, as the text gives it."""
    if name == "gradient penalty":
        return gamma * (psi.abs() - 1).square()
    return gamma / 2 * psi.square() * {"none": 0, "R1": 1, "R1 and R2": 2, "clipping": 0}[name]


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("penalty", chapter.PENALTIES)
@given(st.floats(-2, 2), st.floats(0.05, 2), st.floats(0.1, 3))
def test_the_field_is_the_descent_of_both_losses(loss, penalty, theta, psi, gamma):
    t, p = (torch.tensor([v], dtype=torch.float64, requires_grad=True) for v in (theta, psi))
    d_loss, g_loss = chapter.LOSSES[loss]
    d = d_loss(0 * p, p * t) + penalty_of(penalty, p, gamma).sum()
    expected = [-torch.autograd.grad(g_loss(0 * p, p * t), t)[0], -torch.autograd.grad(d, p)[0]]
    found = chapter.field(np.array([theta]), np.array([psi]), loss, penalty, gamma)
    assert np.allclose(np.array(found), [e.numpy() for e in expected], rtol=1e-9, atol=1e-11)


@given(st.sampled_from(LOSSES), st.sampled_from(["none", "R1", "R1 and R2"]), rates, rates, st.booleans())
def test_the_matrix_is_one_step_near_the_equilibrium(loss, penalty, lr_g, lr_d, alternating):
    settings = (loss, penalty, 0.7, lr_g, lr_d, alternating)
    h = 1e-7
    columns = [chapter.path(*(h * e), *settings, steps=1)[1].numpy() / h for e in np.eye(2)]
    matrix = chapter.update_matrix(*settings)
    assert np.allclose(matrix, np.array(columns).T, atol=1e-6)
    assert chapter.multiplier(*settings) == pytest.approx(np.abs(np.linalg.eigvals(matrix)).max())


@given(rates)
def test_known_multipliers(eta):
    for loss in ("minimax", "non-saturating"):
        simultaneous = chapter.multiplier(loss, lr_g=eta, lr_d=eta, alternating=False)
        assert simultaneous == pytest.approx(math.sqrt(1 + eta**2 / 4), rel=1e-12)
        assert chapter.multiplier(loss, lr_g=eta, lr_d=eta) == pytest.approx(1, abs=1e-7)
    for penalty in ("gradient penalty", "clipping"):
        assert chapter.multiplier("Wasserstein", penalty) is None


def test_who_moves_first_and_the_walls_of_clipping():
    theta, psi = 1.0, 0.5
    dtheta, dpsi = chapter.field(theta, psi, "minimax")
    simultaneous, alternating = (
        chapter.path(theta, psi, "minimax", alternating=first, steps=1)[1] for first in (False, True)
    )
    assert simultaneous.tolist() == pytest.approx([theta + 0.1 * dtheta, psi + 0.1 * dpsi])
    later, _ = chapter.field(theta, psi + 0.1 * dpsi, "minimax")
    assert alternating.tolist() == pytest.approx([theta + 0.1 * later, psi + 0.1 * dpsi])
    walled = chapter.path(2.0, 0.0, "Wasserstein", "clipping", lr_g=0.5, lr_d=0.5, steps=200)
    assert walled[:, 1].abs().max() == 1


# Penalties and averages.


class Bowl(torch.nn.Module):
    """a(x) = ½ k ‖x‖², whose slope is k x."""

    def __init__(self, k=2.0):
        super().__init__()
        self.k = torch.nn.Parameter(torch.tensor(k, dtype=torch.float64))

    def forward(self, x):
        return 0.5 * self.k * x.flatten(1).square().sum(1)


@given(st.integers(1, 4), st.sampled_from([(2,), (1, 3, 3)]), seeds)
def test_each_penalty_is_its_formula_and_trains_the_discriminator(n, shape, seed):
    rng = torch.Generator().manual_seed(seed)
    real, fake = torch.randn(2, n, *shape, generator=rng, dtype=torch.float64)
    mix, bowl = torch.rand(n, generator=rng, dtype=torch.float64), Bowl()

    def norms(x):
        return x.flatten(1).norm(dim=1)

    spread = mix.view(-1, *[1] * len(shape))
    between = norms(spread * real + (1 - spread) * fake)
    k = bowl.k.item()
    for name, added, slope in (
        ("r1", 0.5 * (k * norms(real)).square().mean(), k * norms(real).square().mean()),
        ("r2", 0.5 * (k * norms(fake)).square().mean(), k * norms(fake).square().mean()),
        ("gp", (k * between - 1).square().mean(), (2 * (k * between - 1) * between).mean()),
    ):
        plain, loss = (
            chapter.penalised(chapter.wasserstein_d, bowl, real, fake, mix, **penalties)
            for penalties in ({}, {name: 3.0})
        )
        assert (loss - plain).item() == pytest.approx(3 * added.item(), rel=1e-9, abs=1e-12)
        (gradient,) = torch.autograd.grad(loss - plain, bowl.k)
        assert gradient.item() == pytest.approx(3 * slope.item(), rel=1e-9, abs=1e-12)
    assert not real.requires_grad and not fake.requires_grad
    if n == 1:
        ours = chapter.gradient_penalty(bowl, real.flatten(1), fake.flatten(1), mix)
        assert chapter.whole_batch_penalty(
            bowl, real.flatten(1), fake.flatten(1), mix
        ).item() == pytest.approx(ours.item())


def test_the_average_is_that_of_training():
    model, _ = chapter.pair(hidden=4)
    theirs, ours = Average(model, 0.9), copy.deepcopy(model)
    theirs.update()
    for step in range(5):
        with torch.no_grad():
            for weight in model.parameters():
                weight.add_(step + 1.0)
        theirs.update()
        chapter.average_weights(ours, model, 0.9)
    for mine, other in zip(ours.parameters(), theirs.tensors, strict=True):
        torch.testing.assert_close(mine.detach(), other)


# The loop.


def plain_steps(models, batches, noises, r1_weight):
    """The same alternation in bare PyTorch: non-saturating loss, R1, Adam."""
    generator, discriminator = models
    opt_g, opt_d = (torch.optim.Adam(m.parameters(), lr=1e-2, betas=(0.0, 0.99)) for m in models)
    for step, (x, (first, second)) in enumerate(zip(batches, noises, strict=True)):
        for optimizer in (opt_g, opt_d):
            optimizer.param_groups[0]["lr"] = 1e-2 * (1 - step / len(batches))
        x = x.clone().requires_grad_()
        real, fake = discriminator(x), discriminator(generator(first).detach())
        loss = F.softplus(-real).mean() + F.softplus(fake).mean()
        (slope,) = torch.autograd.grad(real.sum(), x, create_graph=True)
        loss = loss + r1_weight(step) / 2 * slope.square().sum(1).mean()
        opt_d.zero_grad()
        loss.backward()
        opt_d.step()
        opt_g.zero_grad()
        F.softplus(-discriminator(generator(second))).mean().backward()
        opt_g.step()


def test_train_gan_equals_a_plain_loop():
    batches, noises = [], []

    def source(run, n):
        batches.append(run.normal(n, 2))
        draw = run.normal

        def noted(*shape):
            noises.append(draw(*shape))
            return noises[-1]

        run.normal = noted
        made = batches[-1]
        source.restore = lambda: setattr(run, "normal", draw)
        return made

    def watch(step, *models):
        source.restore()

    ours, theirs = chapter.pair(hidden=8), chapter.pair(hidden=8)
    averaged, history = chapter.train_gan(
        ours, source, "non-saturating", r1=0.5, fall=0.1, every=2, steps=6, batch_size=16, lr=1e-2,
        progress=False, watch=watch,
    )  # fmt: skip
    pairs = list(zip(noises[::2], noises[1::2], strict=True))
    plain_steps(theirs, batches, pairs, lambda step: 0.5 * 2 * (step % 2 == 0) * 0.1 ** (step / 6))
    for mine, other in zip(ours, theirs, strict=True):
        for a, b in zip(mine.parameters(), other.parameters(), strict=True):
            torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-6)
    assert len(history.losses) == 6 and len(history.logged["g_loss"]) == 6
    assert any(
        not torch.equal(a, b) for a, b in zip(averaged.parameters(), ours[0].parameters(), strict=True)
    )


def test_critic_steps_and_clipping():
    models = chapter.pair(hidden=8)
    seen = []

    def watch(step, generator, discriminator):
        seen.append(next(generator.parameters()).detach().clone())
        assert max(w.abs().max() for w in discriminator.parameters()) <= 0.05

    chapter.train_gan(
        models, chapter.mixture("ring"), "Wasserstein", clip=0.05, critic_steps=3, steps=6, batch_size=8,
        progress=False, watch=watch,
    )  # fmt: skip
    changed = [not torch.equal(a, b) for a, b in zip(seen, seen[1:], strict=False)]
    assert changed == [False, False, True, False, False]


def test_leaks_as_the_chapter_says():
    right = chapter.plain_loop(detached=True, zero_late=False, steps=5)
    assert torch.equal(right, chapter.plain_loop(False, True, steps=5))
    assert not torch.equal(right, chapter.plain_loop(False, False, steps=5))

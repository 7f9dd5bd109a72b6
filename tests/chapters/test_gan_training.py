"""Chapter 5's mixtures, its training loop against plain PyTorch, and its wrong programs."""

import copy
import math

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from course.chapters import load_definitions
from tests.helpers.gans import CENTRES, STD, draws, targets
from tests.helpers.tensors import drawn, flat

chapter = load_definitions("05_gan")
seeds = st.integers(0, 99)

# The mixtures.


@targets
def test_mixtures_have_their_centres_spread_and_equal_shares(target):
    run, source, centres = draws(), chapter.mixture(target), torch.tensor(CENTRES[target])
    points = source(run, 20_000)
    assert points.shape == (20_000, 2) and not torch.equal(points, source(run, 20_000))
    which = torch.cdist(points, centres).argmin(1)
    off = (points - centres[which]) / STD[target]
    assert off.std(0).tolist() == pytest.approx([1, 1], abs=0.03) and off.T.corrcoef()[0, 1].abs() < 0.04
    share = 20_000 / len(centres)
    counts = torch.bincount(which, minlength=len(centres))
    assert stats.chisquare(counts.numpy()).pvalue > 1e-3
    for k in range(len(centres)):
        assert off[which == k].mean(0).abs().max() < 4.5 / share**0.5


# The loop.


def penalty(discriminator, x, price):
    """The mean over examples of a price of the slope's length."""
    x = x.detach().requires_grad_()
    slopes = [torch.autograd.grad(discriminator(one[None]).sum(), one, create_graph=True)[0] for one in x]
    return sum(price(slope.square().sum().sqrt()) for slope in slopes) / len(x)


def critic_cost(d_loss, discriminator, x, fake, mix, r1, r2, gp):
    """The discriminator's loss with its penalties, each written out."""
    cost = d_loss(discriminator(x), discriminator(fake))
    for weight, points in ((r1, x), (r2, fake)):
        cost = cost + weight / 2 * penalty(discriminator, points, torch.square)
    between = torch.stack([u * a + (1 - u) * b for u, a, b in zip(mix, x, fake, strict=True)])
    return cost + gp * penalty(discriminator, between, lambda norm: (norm - 1) ** 2)


def update(optimizer, cost, rate):
    optimizer.param_groups[0]["lr"] = rate
    optimizer.zero_grad()
    cost.backward()
    optimizer.step()
    return cost.item()


def by_hand(
    models, real, loss, betas, schedule, r1=0.0, r2=0.0, gp=0.0, fall=1.0, every=1, clip=math.inf,
    critic_steps=1, lr_d=1e-2, decay=0.9, seed=0,
):  # fmt: skip
    """Six steps of the alternation in bare PyTorch: (averaged generator, both losses of all updates)."""
    generator, discriminator = models
    run, averaged, logged = draws(torch.float64, seed), copy.deepcopy(generator), ([], [])
    opt_g, opt_d = (torch.optim.Adam(m.parameters(), lr=1e-2, betas=betas) for m in models)
    for step in range(6):
        x, rate = real(run, 5), schedule(step, 6)
        fake, mix = generator(run.normal(5, generator.noise)).detach(), run.uniform(5)
        on = every * fall ** (step / 6) if step % every == 0 else 0.0
        cost = critic_cost(chapter.LOSSES[loss][0], discriminator, x, fake, mix, on * r1, on * r2, on * gp)
        logged[0].append(update(opt_d, cost, lr_d * rate))
        for w in discriminator.parameters():
            w.data = w.data.clip(-clip, clip)
        if step % critic_steps:
            continue
        fake = generator(run.normal(5, generator.noise))
        cost = chapter.LOSSES[loss][1](discriminator(x), discriminator(fake))
        logged[1].append(update(opt_g, cost, 1e-2 * rate))
        beta = min(decay, (step + 1) / (step + 10))
        for mean, w in zip(averaged.parameters(), generator.parameters(), strict=True):
            mean.data = beta * mean.data + (1 - beta) * w.data
    return averaged, logged


ADAM = {"betas": (0.0, 0.99), "schedule": chapter.falling}
WAYS = [{"loss": name} for name in chapter.LOSSES] + [
    {"loss": "non-saturating", "r1": 0.7, "fall": 0.01, "lr_d": 0.05, "seed": 3},
    {"loss": "relativistic", "r1": 0.5, "r2": 2.0, "every": 4, "fall": 0.1, "schedule": chapter.constant},
    {"loss": "Wasserstein", "gp": 3.0, "critic_steps": 3, "every": 2, "decay": 0.2},
    {"loss": "Wasserstein", "clip": 0.1, "critic_steps": 2, "betas": (0.5, 0.9)},
]


@pytest.mark.parametrize("how", WAYS, ids=lambda how: f"{how['loss']} {' '.join(list(how)[1:])}".strip())
def test_training_equals_a_plain_loop(how):
    how, seen = ADAM | how, []
    ours, theirs = (tuple(m.double() for m in chapter.pair(8)) for _ in range(2))
    averaged, history = chapter.train_gan(
        ours, chapter.mixture("ring"), **how, steps=6, batch_size=5, lr=1e-2, show=False,
        watch=lambda step, *models: seen.append((step, *map(flat, models))),
    )  # fmt: skip
    other, (d_losses, g_losses) = by_hand(theirs, chapter.mixture("ring"), **how)
    for model, expected in zip((*ours, averaged), (*theirs, other), strict=True):
        torch.testing.assert_close(flat(model), flat(expected), rtol=1e-8, atol=1e-10)
    assert history.losses == history.logged["d_loss"] == pytest.approx(d_losses, rel=1e-8)
    assert history.logged["g_loss"] == pytest.approx(g_losses, rel=1e-8)
    assert [step for step, *_ in seen] == list(range(6))
    assert all(torch.equal(now, flat(model)) for now, model in zip(seen[-1][1:], ours, strict=True))


def test_batches_are_drawn_from_all_images():
    images = drawn(20, 1, 28, 28).sigmoid()
    batch = chapter.batches_of(images)(draws(), 500)
    rows = [(images == one).flatten(1).all(1).nonzero().item() for one in batch]
    assert set(rows) == set(range(20))


def test_a_row_scores_the_last_and_the_averaged_weights():
    module, kept = load_definitions("05_gan"), []
    make, train = module.pair, module.train_gan
    module.pair = lambda seed: kept.append(make(8, seed)) or kept[-1]
    module.train_gan = lambda *a, **how: (module.mixture("ring"), train(*a, **how)[1])
    module.sample = lambda of: of(draws(), 2500) if of is not kept[-1][0] else torch.zeros(2500, 2)
    settings = {"loss": "hinge", "steps": 25, "batch_size": 5}
    losses, row = module.record_points("ring", 2, **settings)
    assert row["steps"] == len(losses) == 25
    assert (row["modes"], row["last modes"], row["last quality"]) == (8, 0, 0) and row["quality"] > 0.97
    assert next(module.record_points("ring", 2, max_steps=3, **settings)) == losses[:3]
    assert next(module.record_points("ring", 1, max_steps=3, **settings)) != losses[:3]


# The wrong programs.


@given(st.integers(1, 9), st.sampled_from([0.1, 3.0, 1e4]), seeds)
def test_the_flipped_loss_has_the_opposite_slopes(n, size, seed):
    logits = (size * drawn(n, seed=seed)).requires_grad_()
    loss = chapter.flipped_g(None, logits)
    torch.testing.assert_close(loss, F.logsigmoid(logits).mean(), rtol=1e-12, atol=1e-12)
    found, right = (torch.autograd.grad(g, logits)[0] for g in (loss, chapter.non_saturating_g(None, logits)))
    assert torch.equal(found, -right) and (found >= 0).all()


@given(st.integers(1, 9), seeds)
def test_the_wrong_penalty_is_right_for_one_example_alone(batch, seed):
    real, fake, slope = drawn(batch, 3, seed=seed), drawn(batch, 3, seed=seed + 1), drawn(3, seed=seed + 2)
    mix, critic = drawn(batch, seed=seed + 3).sigmoid(), lambda x: x @ slope + 1
    wrong, right = (
        p(critic, real, fake, mix).item() for p in (chapter.whole_batch_penalty, chapter.gradient_penalty)
    )
    assert right == pytest.approx((slope.norm().item() - 1) ** 2, rel=1e-9)
    assert wrong == pytest.approx((batch**0.5 * slope.norm().item() - 1) ** 2, rel=1e-9)


def test_the_leaking_gradient_is_added():
    generator, discriminator = chapter.pair(hidden=32)
    rng = torch.Generator().manual_seed(0)
    torch.randint(8, (64,), generator=rng)
    caught = F.softplus(discriminator(generator(torch.randn(64, 2, generator=rng)))).mean()
    leak = torch.cat([g.flatten() for g in torch.autograd.grad(caught, list(generator.parameters()))])
    right, early = (chapter.plain_loop(detached, False, steps=1) for detached in (True, False))
    torch.testing.assert_close(early - right, -0.05 * leak, rtol=1e-3, atol=1e-7)

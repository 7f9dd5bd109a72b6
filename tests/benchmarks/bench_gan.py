"""A step of chapter 5's adversarial loop against the same in bare PyTorch, and what R1 and R2 add to it."""

import copy
import statistics
import time

import torch
import torch.nn.functional as F

from course import chapters
from course.training.draws import Draws

ROUNDS, STEPS, WARM, BATCH = 8, 40, 8, 128
SETTINGS = {"loss": "non-saturating", "lr": 2e-3, "batch_size": BATCH, "steps": STEPS, "progress": False}


def bare(models, real, steps, watch):
    """The non-saturating loop by hand: two fused Adams, detached fakes, a falling rate, an average."""
    generator, discriminator = models
    optimizers = [torch.optim.Adam(m.parameters(), lr=2e-3, betas=(0.0, 0.99), fused=True) for m in models]
    opt_g, opt_d = optimizers
    averaged, draws = copy.deepcopy(generator), Draws(0, torch.device("cpu"), torch.float32, 0, 1)
    for step in range(steps):
        for optimizer in optimizers:
            optimizer.param_groups[0]["lr"] = 2e-3 * (1 - step / steps)
        x = real(draws, BATCH)
        with torch.no_grad():
            fake = generator(draws.normal(BATCH, 2))
        draws.uniform(BATCH)  # the places of the gradient penalty: so the draws are the chapter's
        loss = F.softplus(-discriminator(x)).mean() + F.softplus(discriminator(fake)).mean()
        opt_d.zero_grad()
        loss.backward()
        opt_d.step()
        loss = F.softplus(-discriminator(generator(draws.normal(BATCH, 2)))).mean()
        opt_g.zero_grad()
        loss.backward(inputs=list(generator.parameters()))
        opt_g.step()
        decay = min(0.999, (step + 1) / (step + 10))
        with torch.no_grad():
            for mean, weight in zip(averaged.parameters(), generator.parameters(), strict=True):
                mean.lerp_(weight, 1 - decay)
        watch(step, *models)
    return averaged


def step_seconds(train):
    """Median time of a step; train takes a `watch`, which is called after each."""
    ends = []
    train(lambda *_: ends.append(time.perf_counter()))
    return statistics.median(b - a for a, b in zip(ends[WARM:], ends[WARM + 1 :], strict=False))


def check_same(chapter, real):
    """Both loops have the same averaged weights after the same draws."""
    ours, _ = chapter.train_gan(chapter.pair(), real, **SETTINGS)
    theirs = bare(chapter.pair(), real, STEPS, lambda *_: None)
    for a, b in zip(ours.parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-3, atol=1e-5)


def rows():
    """(name, value, bar) for the bench driver: medians of ratios taken within one round."""
    chapter = chapters.load_definitions("05_gan")
    real = chapter.mixture("ring")
    check_same(chapter, real)

    def plain(watch):
        chapter.train_gan(chapter.pair(), real, watch=watch, **SETTINGS)

    def penalised(watch):
        chapter.train_gan(chapter.pair(), real, r1=1.0, r2=1.0, watch=watch, **SETTINGS)

    def by_hand(watch):
        bare(chapter.pair(), real, STEPS, watch)

    all_threads, found = torch.get_num_threads(), []
    try:
        for threads in sorted({1, all_threads}):
            torch.set_num_threads(threads)
            times = [[step_seconds(side) for side in (plain, by_hand, penalised)] for _ in range(ROUNDS)]
            several = f"{threads} thread{'s' * (threads > 1)}"
            loop = statistics.median(ours / bare for ours, bare, _ in times)
            cost = statistics.median(both / ours for ours, _, both in times)
            found.append((f"GAN's step / in bare PyTorch, {several}", loop, "bar 1.4"))
            found.append((f"GAN's step with R1 and R2 / without, {several}", cost, "bar 3"))
    finally:
        torch.set_num_threads(all_threads)
    return found

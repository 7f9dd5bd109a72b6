"""Chapter 5's losses and penalty against PyTorch's, and a step of its adversarial loop against a bare one."""

import copy
import statistics
import time

import torch
import torch.nn.functional as F

from course import chapters
from course.training.draws import Draws
from tests.benchmarks.measure import Pair, Row, compare, named_threads, torch_threads, work

TITLE = "Chapter 5, adversarial networks"
ROUNDS, STEPS, WARM, BATCH = 8, 40, 8, 128
SETTINGS = {"loss": "non-saturating", "lr": 2e-3, "batch_size": BATCH, "steps": STEPS, "show": False}


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


def penalty_by_functional(judge, real, fake, mix):
    """The gradient penalty with torch.func: the slope of each example by itself."""
    between = mix[:, None] * real + (1 - mix[:, None]) * fake
    slopes = torch.func.vmap(torch.func.grad(lambda x: judge(x[None])[0]))(between)
    return (slopes.norm(dim=1) - 1).square().mean()


def penalty_pair(chapter):
    """The gradient penalty and its gradients for the discriminator's weights."""
    _, judge = chapter.pair()
    real, fake, mix = torch.randn(BATCH, 2), torch.randn(BATCH, 2), torch.rand(BATCH)
    weights = list(judge.parameters())

    def graded(penalty):
        # The last bias moves no slope, and only torch.func's way gives it a gradient of 0.
        found = penalty(judge, real, fake, mix)
        return [found, *torch.autograd.grad(found, weights, allow_unused=True, materialize_grads=True)]

    sides = (lambda by=by: graded(by) for by in (chapter.gradient_penalty, penalty_by_functional))
    return Pair("gradient penalty / by torch.func", *sides, tolerance=1e-3)


def average_pair(chapter):
    """A step of the weights' average, against one call for all weights."""
    model, _ = chapter.pair()
    ours, theirs = copy.deepcopy(model), copy.deepcopy(model)
    theirs = torch.optim.swa_utils.AveragedModel(
        theirs, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(0.9)
    )
    theirs.update_parameters(model)  # its first call copies

    def by_hand():
        chapter.average_weights(ours, model, 0.9)
        return [weight.detach() for weight in ours.parameters()]

    def by_torch():
        theirs.update_parameters(model)
        return [weight.detach() for weight in theirs.module.parameters()]

    return Pair("average_weights / swa_utils' average", by_hand, by_torch)


def pairs(chapter):
    """Each game's losses beside the chapter's own proofs of PyTorch's functions, the penalty, the average."""
    real, fake = (torch.randn(BATCH, requires_grad=True) for _ in range(2))
    for name, ours in chapter.LOSSES.items():
        theirs = chapter.PYTORCH[name]
        for player, our_loss, their_loss in zip(("D", "G"), ours, theirs, strict=True):
            both = player == "D" or name == "relativistic"  # the other generators read the fakes alone
            inputs = (real, fake) if both else (real.detach(), fake)
            yield Pair(
                f"{name} loss of {player} / PyTorch's", work(our_loss, *inputs), work(their_loss, *inputs)
            )
    yield penalty_pair(chapter)
    yield average_pair(chapter)


def step_rows(chapter, quick):
    """Yield the rows of the whole step: medians of ratios taken within one round."""
    real = chapter.mixture("ring")
    check_same(chapter, real)

    def plain(watch):
        chapter.train_gan(chapter.pair(), real, watch=watch, **SETTINGS)

    def penalised(watch):
        chapter.train_gan(chapter.pair(), real, r1=1.0, r2=1.0, watch=watch, **SETTINGS)

    def by_hand(watch):
        bare(chapter.pair(), real, STEPS, watch)

    for count in sorted({1, torch.get_num_threads()}):
        with torch_threads(count):
            sides = plain, by_hand, penalised
            times = [[step_seconds(side) for side in sides] for _ in range(2 if quick else ROUNDS)]
        loop = statistics.median(ours / bare for ours, bare, _ in times)
        cost = statistics.median(both / ours for ours, _, both in times)
        yield Row(f"GAN's step / in bare PyTorch, {named_threads(count)}", loop, "x", 1.4)
        yield Row(f"GAN's step with R1 and R2 / without, {named_threads(count)}", cost, "x", 3)


def rows(quick):
    """Yield the rows of the bench driver; the small losses are timed on one thread alone."""
    torch.manual_seed(0)
    chapter = chapters.load_definitions("05_gan")
    yield from compare(pairs(chapter), quick, threads=[1])
    yield from step_rows(chapter, quick)

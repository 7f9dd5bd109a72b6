"""Chapter 5, exercise: find two bugs in one step of a GAN's training, with the losses of Goodfellow et al.
(2014), section 3; the generator's is the non-saturating one."""

import torch
import torch.nn.functional as F

from course.exercises.draw import normal
from course.exercises.engine import Exercise, Misconception


def my_step(real, noise_d, noise_g, a, b, w, lr):
    """One alternating step of gradient descent at rate lr: the new (a, b, w). real (B, D), noise (B, Z);
    a (D, Z) and b (D,), of the generator noise @ a.T + b; w (D,), of the discriminator's logits x @ w."""
    a, b, w = (p.clone().requires_grad_() for p in (a, b, w))
    fake = noise_d @ a.T + b  # (B, D)
    d_loss = F.softplus(-(real @ w)).mean() + F.softplus(fake @ w).mean()
    d_loss.backward()
    new_w = (w - lr * w.grad).detach()
    fake = noise_g @ a.T + b  # from fresh noise
    g_loss = F.softplus(-(fake @ w)).mean()
    g_loss.backward()
    return (a - lr * a.grad).detach(), (b - lr * b.grad).detach(), new_w


def solve_step(real, noise_d, noise_g, a, b, w, lr):
    """One alternating step of gradient descent at rate lr: the new (a, b, w). real (B, D), noise (B, Z);
    a (D, Z) and b (D,), of the generator noise @ a.T + b; w (D,), of the discriminator's logits x @ w."""
    a, b, w = (p.clone().requires_grad_() for p in (a, b, w))
    fake = (noise_d @ a.T + b).detach()  # (B, D), cut off: this loss is not the generator's
    d_loss = F.softplus(-(real @ w)).mean() + F.softplus(fake @ w).mean()
    d_loss.backward()
    new_w = (w - lr * w.grad).detach()
    fake = noise_g @ a.T + b  # from fresh noise
    g_loss = F.softplus(-(fake @ new_w)).mean()  # judged by the discriminator that has just learnt
    g_loss.backward()
    return (a - lr * a.grad).detach(), (b - lr * b.grad).detach(), new_w


def step_by_zeroing(real, noise_d, noise_g, a, b, w, lr):
    """The same without a cut: what the first loss left in the generator is zeroed right before the second."""
    a, b, w = (p.clone().requires_grad_() for p in (a, b, w))
    d_loss = -F.logsigmoid(real @ w).mean() - F.logsigmoid(-((noise_d @ a.T + b) @ w)).mean()
    d_loss.backward()
    w = (w - lr * w.grad).detach()
    a.grad = b.grad = None
    F.softplus(-((noise_g @ a.T + b) @ w)).mean().backward()
    with torch.no_grad():
        return a - lr * a.grad, b - lr * b.grad, w


def step_by_optimisers(real, noise_d, noise_g, a, b, w, lr):
    """The same with two optimisers and binary cross-entropy."""
    a, b, w = (torch.nn.Parameter(p.clone()) for p in (a, b, w))
    generator, discriminator = torch.optim.SGD([a, b], lr), torch.optim.SGD([w], lr)

    def loss(logits, target):
        return F.binary_cross_entropy_with_logits(logits, torch.full_like(logits, target))

    (loss(real @ w, 1.0) + loss((noise_d @ a.T + b).detach() @ w, 0.0)).backward()
    discriminator.step()
    loss((noise_g @ a.T + b) @ w, 1.0).backward()
    generator.step()
    return a, b, w


def step_by_named_gradients(real, noise_d, noise_g, a, b, w, lr):
    """The same: each loss is differentiated for the parameters that it trains, and for no others."""
    a, b, w = (p.clone().requires_grad_() for p in (a, b, w))
    d_loss = F.softplus(-(real @ w)).mean() + F.softplus((noise_d @ a.T + b) @ w).mean()
    w = w - lr * torch.autograd.grad(d_loss, w)[0]
    g_loss = F.softplus(-((noise_g @ a.T + b) @ w)).mean()
    slope_a, slope_b = torch.autograd.grad(g_loss, (a, b))
    return a - lr * slope_a, b - lr * slope_b, w


def by_hand(real, noise_d, noise_g, a, b, w, lr):
    """The same with gradients derived by hand, in float64."""
    r, n_d, n_g, a_, b_, w_ = (t.double() for t in (real, noise_d, noise_g, a, b, w))
    fake = n_d @ a_.T + b_
    w_ = w_ + lr * (r.T @ torch.sigmoid(-r @ w_) / len(r) - fake.T @ torch.sigmoid(fake @ w_) / len(fake))
    pull = torch.sigmoid(-(n_g @ a_.T + b_) @ w_) / len(n_g)  # (B,), of each fake along w
    new = a_ + lr * torch.outer(w_, pull @ n_g), b_ + lr * pull.sum() * w_, w_
    return tuple(t.to(w.dtype) for t in new)


def d_slope(real, fake, w):
    """The gradient of the discriminator's loss for w."""
    return fake.T @ torch.sigmoid(fake @ w) / len(fake) - real.T @ torch.sigmoid(-real @ w) / len(real)


def g_slopes(noise, a, b, w, slope):
    """The gradients for a and b of the mean of a function of the fakes' logits with the given slope."""
    each = slope((noise @ a.T + b) @ w) / len(noise)
    return torch.outer(w, each @ noise), each.sum() * w


def caught(logits):
    """The slope of -log D(fake)."""
    return -torch.sigmoid(-logits)


def wrong(name, text, *, judge="new", first="d", second="g", leak=0.0, slope=caught, d=d_slope, to_w=0.0):
    """A misconception with parts of the step exchanged: which w judges, which noise each loss takes, how much
    of the discriminator's gradient goes into the generator and of the generator's into w, and the slopes."""

    def run(real, noise_d, noise_g, a, b, w, lr):
        noise = {"d": noise_d, "g": noise_g}
        new_w = w - lr * d(real, noise[first] @ a.T + b, w)
        judging, fake = new_w if judge == "new" else w, noise[second] @ a.T + b
        own = g_slopes(noise[second], a, b, judging, slope)
        leaked = g_slopes(noise[first], a, b, w, torch.sigmoid)
        new_a, new_b = (p - lr * (s + leak * t) for p, s, t in zip((a, b), own, leaked, strict=True))
        return new_a, new_b, new_w - lr * to_w * (slope(fake @ judging) @ fake) / len(fake)

    return Misconception(name, text, run)


def generator_first(real, noise_d, noise_g, a, b, w, lr):
    """The two steps in the wrong order."""
    a, b = (p - lr * s for p, s in zip((a, b), g_slopes(noise_g, a, b, w, caught), strict=True))
    return a, b, w - lr * d_slope(real, noise_d @ a.T + b, w)


def step_case(rng, batch, dims, latents, dtype=torch.float64, lr=0.5, scale=1.0):
    """A case; `scale` multiplies w. The noise of the generator's step is a smaller batch."""
    shapes = (batch, dims), (batch, latents), (max(1, batch - 1), latents), (dims, latents), (dims,)
    return *(normal(rng, *shape, dtype=dtype) for shape in shapes), normal(rng, dims, dtype=dtype) * scale, lr


def wide_step(rng):
    """One valid case of small random sizes; at logits above 20 `F.softplus` drops digits of float64."""
    dtype, lr = rng.choice((torch.float32, torch.float64)), 10 ** rng.uniform(-1, 0.3)
    return step_case(rng, *(rng.randint(1, 4) for _ in range(3)), dtype, lr, rng.uniform(0, 1))


broken_step = Exercise(
    name="broken_step",
    title="find two bugs in a step of training",
    difficulty="hard",
    minutes=15,
    task="""
        The program below is meant to be one step of a GAN (Goodfellow et al. 2014): first the discriminator
        descends on $-\\text{mean} \\log D(x) - \\text{mean} \\log(1-D(G(z)))$; then, judged by the new
        discriminator, the generator on $-\\text{mean} \\log D(G(z'))$, from fresh $z'$. It runs,
        but:

        - from `w` = 0 the discriminator learns, while the generator does not move;
        - where $D > \\frac12$ for all fakes, the generator's `b` moves so that $D$ falls.

        Mend the two bugs. The new `a`, `b` and `w` are compared.

        By hand first: one real 2, one fake 1, `w` 0, rate 1. What is the new `w`?
    """,
    stub_function=my_step,
    reference=by_hand,
    cases=lambda rng: [
        (  # by hand: w becomes 0.5
            *(torch.tensor([[value]], dtype=torch.float64) for value in (2.0, 1.0, -1.0, 1.0)),
            torch.zeros(1, dtype=torch.float64),
            torch.zeros(1, dtype=torch.float64),
            1.0,
        ),
        step_case(rng, 1, 1, 1),
        step_case(rng, 4, 1, 2),
        step_case(rng, 3, 2, 1),
        step_case(rng, 3, 3, 3),
        step_case(rng, 5, 2, 3, torch.float64, 2.0),
        step_case(rng, 5, 4, 2, torch.float32, 0.1),
        step_case(rng, 4, 3, 2, torch.float64, 0.1, 0.0),  # w = 0
        *(wide_step(rng) for _ in range(6)),
    ],
    wide=wide_step,
    hints=(
        "One symptom, one bug. Judged by w = 0, which gradient does any loss have for the fakes? And "
        "which loss would lower D(fake)?",
        "`backward()` adds to `.grad` of every parameter that its loss depends on. What stands in a.grad "
        "after the first one? And which w judges the fakes in the second loss?",
        "Detach `fake` in the discriminator's loss, and use `new_w` in the generator's.",
    ),
    solution_function=solve_step,
    alternatives=(step_by_zeroing, step_by_optimisers, step_by_named_gradients),
    misconceptions=(
        wrong(
            "both_left",
            "Both bugs are still there: the discriminator's loss leaves its gradient in a and b, and the "
            "old w judges the fakes.",
            judge="old",
            leak=1.0,
        ),
        wrong(
            "gradient_still_leaks",
            "The new w judges, but a.grad and b.grad still hold the discriminator's gradient, which makes "
            "fakes easier to catch: detach the first batch of fakes, or zero these gradients.",
            leak=1.0,
        ),
        wrong(
            "old_discriminator_judges",
            "No gradient leaks, but the generator is still judged by the old w: use the new one.",
            judge="old",
        ),
        wrong(
            "noise_reused",
            "Both bugs are mended, but the generator's loss now uses noise_d: it has noise_g.",
            second="d",
        ),
        wrong(
            "noise_reused_and_gradient_leaks",
            "The new w judges, but the generator's loss uses noise_d, not noise_g, and its gradients still "
            "hold the discriminator's.",
            second="d",
            leak=1.0,
        ),
        wrong("fresh_noise_for_both", "Both losses use noise_g: the discriminator's has noise_d.", first="g"),
        wrong(
            "generator_cut_off",
            "The generator does not move: detach the fakes in the discriminator's loss, not in its own.",
            slope=torch.zeros_like,
        ),
        wrong(
            "w_takes_both_gradients",
            "w also takes the generator's gradient, and learns to be fooled: it has its own loss alone.",
            to_w=1.0,
        ),
        Misconception(
            "generator_first",
            "You update the generator first: the discriminator goes first, and its new w judges.",
            generator_first,
        ),
        wrong(
            "saturating_loss",
            "The generator descends on mean log(1 - D(fake)), which is flat where it is caught.",
            slope=lambda logits: -torch.sigmoid(logits),
        ),
        wrong(
            "generator_learns_to_be_caught",
            "The generator descends on mean log D(fake), so it learns to be caught: the minus is missing.",
            slope=lambda logits: torch.sigmoid(-logits),
        ),
        wrong(
            "discriminator_ascends",
            "The discriminator climbs its loss: it descends, like the generator.",
            d=lambda *args: -d_slope(*args),
        ),
        wrong(
            "real_points_alone",
            "The discriminator sees real points alone, and calls all real: its second term is missing.",
            d=lambda real, fake, w: d_slope(real, 0 * fake, w),
        ),
    ),
)

"""Chapter 5: find two bugs in one step of a GAN's training, with the losses of Goodfellow et al.
(2014), section 3; the generator's is the non-saturating one."""

import torch
import torch.nn.functional as F
from course.exercises.cases import normal
from course.exercises.engine import Exercise


def my_step(real, noise_d, noise_g, a, b, w, lr):
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


def by_hand(real, noise_d, noise_g, a, b, w, lr):
    """The same with gradients derived by hand, in float64."""
    r, n_d, n_g, a_, b_, w_ = (t.double() for t in (real, noise_d, noise_g, a, b, w))
    fake = n_d @ a_.T + b_
    w_ = w_ + lr * (r.T @ torch.sigmoid(-r @ w_) / len(r) - fake.T @ torch.sigmoid(fake @ w_) / len(fake))
    pull = torch.sigmoid(-(n_g @ a_.T + b_) @ w_) / len(n_g)  # (B,), of each fake along w
    new = a_ + lr * torch.outer(w_, pull @ n_g), b_ + lr * pull.sum() * w_, w_
    return tuple(t.to(w.dtype) for t in new)


def step_case(rng, batch, dims, latents, dtype=torch.float64, lr=0.5, scale=1.0):
    """A case; `scale` multiplies w. The noise of the generator's step is a smaller batch."""
    shapes = (batch, dims), (batch, latents), (max(1, batch - 1), latents), (dims, latents), (dims,)
    return *(normal(rng, *shape, dtype=dtype) for shape in shapes), normal(rng, dims, dtype=dtype) * scale, lr


def wide_step(rng):
    """One valid case of small random sizes; at logits above 20 `F.softplus` drops digits of float64."""
    dtype, lr = rng.choice((torch.float32, torch.float64)), 10 ** rng.uniform(-1, 0.3)
    return step_case(rng, *(rng.randint(1, 4) for _ in range(3)), dtype, lr, rng.uniform(0, 1))


broken_step = Exercise(
    my_step,
    reference=by_hand,
    # OLD wide=wide_step
    # OLD cases:
    # lambda rng: [
    #         (  # by hand: w becomes 0.5
    #             *(torch.tensor([[value]], dtype=torch.float64) for value in (2.0, 1.0, -1.0, 1.0)),
    #             torch.zeros(1, dtype=torch.float64),
    #             torch.zeros(1, dtype=torch.float64),
    #             1.0,
    #         ),
    #         step_case(rng, 1, 1, 1),
    #         step_case(rng, 4, 1, 2),
    #         step_case(rng, 3, 2, 1),
    #         step_case(rng, 3, 3, 3),
    #         step_case(rng, 5, 2, 3, torch.float64, 2.0),
    #         step_case(rng, 5, 4, 2, torch.float32, 0.1),
    #         step_case(rng, 4, 3, 2, torch.float64, 0.1, 0.0),  # w = 0
    #         *(wide_step(rng) for _ in range(6)),
    #     ]
    by_hand=(),
    draw=None,
    sizes=[],
    spans={},
    bug="""
        bug: SOLUTION → STUB
    """,
    hints="""
        One symptom, one bug. Judged by w = 0, which gradient does any loss have for the fakes? And which loss
        would lower D(fake)?

        `backward()` adds to `.grad` of every parameter that its loss depends on. What stands in a.grad after
        the first one? And which w judges the fakes in the second loss?

        Detach `fake` in the discriminator's loss, and use `new_w` in the generator's.
    """,
    wrong="""
        both_left: OLD → NEW
            Both bugs are still there: the discriminator's loss leaves its gradient in a and b, and the old w
            judges the fakes.
        gradient_still_leaks: OLD → NEW
            The new w judges, but a.grad and b.grad still hold the discriminator's gradient, which makes fakes
            easier to catch: detach the first batch of fakes, or zero these gradients.
        old_discriminator_judges: OLD → NEW
            No gradient leaks, but the generator is still judged by the old w: use the new one.
        noise_reused: OLD → NEW
            Both bugs are mended, but the generator's loss now uses noise_d: it has noise_g.
        noise_reused_and_gradient_leaks: OLD → NEW
            The new w judges, but the generator's loss uses noise_d, not noise_g, and its gradients still hold
            the discriminator's.
        fresh_noise_for_both: OLD → NEW
            Both losses use noise_g: the discriminator's has noise_d.
        generator_cut_off: OLD → NEW
            The generator does not move: detach the fakes in the discriminator's loss, not in its own.
        w_takes_both_gradients: OLD → NEW
            w also takes the generator's gradient, and learns to be fooled: it has its own loss alone.
        generator_first: OLD → NEW
            You update the generator first: the discriminator goes first, and its new w judges.
        saturating_loss: OLD → NEW
            The generator descends on mean log(1 - D(fake)), which is flat where it is caught.
        generator_learns_to_be_caught: OLD → NEW
            The generator descends on mean log D(fake), so it learns to be caught: the minus is missing.
        discriminator_ascends: OLD → NEW
            The discriminator climbs its loss: it descends, like the generator.
        real_points_alone: OLD → NEW
            The discriminator sees real points alone, and calls all real: its second term is missing.
    """,
)

"""Chapter 5: find two bugs in one step of a GAN's training, with the losses of Goodfellow et al.
(2014), section 3; the generator's is the non-saturating one."""

import torch
import torch.nn.functional as F

from course.exercises.cases import tensors
from course.exercises.engine import Exercise


def my_step(real, noise_d, noise_g, a, b, w, lr):
    """One alternating step of gradient descent at rate lr: the new (a, b, w). real (B, D), noise_d (N, Z),
    noise_g (M, Z); a (D, Z) and b (D,), of the generator noise @ a.T + b; w (D,), of the discriminator's
    logits x @ w; lr a float, 0 or more."""
    a, b, w = (p.clone().requires_grad_() for p in (a, b, w))
    fake = (noise_d @ a.T + b).detach()  # (B, D), cut off: this loss is not the generator's
    d_loss = F.softplus(-(real @ w)).mean() + F.softplus(fake @ w).mean()
    d_loss.backward()
    new_w = (w - lr * w.grad).detach()
    fake = noise_g @ a.T + b  # from fresh noise
    g_loss = F.softplus(-(fake @ new_w)).mean()  # judged by the discriminator that has just learnt
    g_loss.backward()
    return (a - lr * a.grad).detach(), (b - lr * b.grad).detach(), new_w


def by_formula(real, noise_d, noise_g, a, b, w, lr):
    """The same with gradients derived by hand, in float64."""
    r, n_d, n_g, a_, b_, w_ = (t.double() for t in (real, noise_d, noise_g, a, b, w))
    fake = n_d @ a_.T + b_
    w_ = w_ + lr * (r.T @ torch.sigmoid(-r @ w_) / len(r) - fake.T @ torch.sigmoid(fake @ w_) / len(fake))
    pull = torch.sigmoid(-(n_g @ a_.T + b_) @ w_) / len(n_g)  # (B,), of each fake along w
    new = a_ + lr * torch.outer(w_, pull @ n_g), b_ + lr * pull.sum() * w_, w_
    return tuple(t.to(w.dtype) for t in new)


def generator_first(real, noise_d, noise_g, a, b, w, lr):
    """You update the generator first: the discriminator goes first, and its new w judges."""
    a, b, w = (p.clone().requires_grad_() for p in (a, b, w))
    g_loss = F.softplus(-((noise_g @ a.T + b) @ w)).mean()
    a, b = (p - lr * slope for p, slope in zip((a, b), torch.autograd.grad(g_loss, (a, b)), strict=True))
    d_loss = F.softplus(-(real @ w)).mean() + F.softplus((noise_d @ a.T + b) @ w).mean()
    return a, b, w - lr * torch.autograd.grad(d_loss, w)[0]


def draw(rng, B, D, Z, lr=0.5, scale=1.0, dtype=torch.float64):
    """A case; `scale` multiplies w. The noises are a larger batch and a smaller one."""
    *rest, w = tensors(rng, "BD NZ MZ DZ D D", dtype, B=B, N=B + 1, M=max(1, B - 1), D=D, Z=Z)
    return *rest, scale * w, lr


broken_step = Exercise(
    my_step,
    reference=by_formula,
    draw=draw,
    by_hand=[
        ([[2.0]], [[1.0]], [[-1.0]], [[1.0]], [0.0], [0.0], 1.0),  # w becomes 0.5
        ([[-1.0]], [[1.0]], [[-1.0]], [[1.0]], [0.0], [1000.0], 0.5),  # logits of -1000 and 1000
        ([[1.0]], [[-1.0]], [[-1.0]], [[1.0]], [0.0], [9.0], 0.5),
        ([[1.0]], [[-1.0]], [[1.0]], [[1.0]], [0.0], [15.5], 0.5),
        ([[2.0], [-1.0]], [[1.0], [-2.0]], [[-1.0], [2.0], [0.5]], [[1.0]], [0.0], [500.0], 0.5),
    ],
    sizes=[
        dict(B=1, D=1, Z=1),
        dict(B=4, D=1, Z=2),
        dict(B=3, D=2, Z=1),
        dict(B=3, D=3, Z=3),
        dict(B=5, D=2, Z=3, lr=2.0),
        dict(B=5, D=4, Z=2, lr=0.1, dtype=torch.float32),
        dict(B=4, D=3, Z=2, lr=0.1, scale=0.0),  # w = 0
        dict(B=3, D=2, Z=2, lr=0.0),
        dict(B=130, D=1, Z=1),
    ],
    # at logits above 20 `F.softplus` drops digits of float64
    spans=dict(B=(1, 4), D=(1, 4), Z=(1, 4), lr=lambda rng: 10 ** rng.uniform(-1, 0.3), scale=(0.0, 1.0)),
    bug="""
        bug: (noise_d @ a.T + b).detach() → noise_d @ a.T + b
        and: fake @ new_w → fake @ w
    """,
    special="""
        sure: (real @ w).abs().max() > 30
            Right for moderate logits. Of a large one the sigmoid is rounded to 0 or 1, and a logarithm of it,
            cut or not, has no slope that is right: keep `F.softplus` of the logits.
    """,
    hints="""
        One symptom, one bug. Judged by w = 0, which gradient does any loss have for the fakes? And which loss
        would lower D(fake)?

        `backward()` adds to `.grad` of every parameter that its loss depends on. What stands in a.grad after
        the first one? And which w judges the fakes in the second loss?

        These are the changes themselves: detach `fake` in the discriminator's loss, and use `new_w` in the
        generator's.
    """,
    wrong="""
        both_left: (noise_d @ a.T + b).detach() → noise_d @ a.T + b
        and: fake @ new_w → fake @ w
            Both bugs are still there: the discriminator's loss leaves its gradient in a and b, and the old w
            judges the fakes.
        gradient_still_leaks: (noise_d @ a.T + b).detach() → noise_d @ a.T + b
            The new w judges, but a.grad and b.grad still hold the discriminator's gradient, which makes fakes
            easier to catch: detach the first batch of fakes, or zero these gradients.
        gradient_leaks_into_a: (noise_d @ a.T + b).detach() → noise_d @ a.T + b.detach()
            The new w judges and b is right, but a.grad still holds the discriminator's gradient.
        gradient_leaks_into_b: (noise_d @ a.T + b).detach() → noise_d @ a.detach().T + b
            The new w judges and a is right, but b.grad still holds the discriminator's gradient.
        old_discriminator_judges: fake @ new_w → fake @ w
            No gradient leaks, but the generator is still judged by the old w: use the new one.
        noise_reused_and_gradient_leaks: (noise_d @ a.T + b).detach() → noise_d @ a.T + b
        and: noise_g @ → noise_d @
            The new w judges, but the generator's loss uses noise_d, not noise_g, and its gradients still hold
            the discriminator's.
        generator_cut_off: (a - lr * a.grad).detach(), (b - lr * b.grad).detach() → a.detach(), b.detach()
            The generator does not move: detach the fakes in the discriminator's loss, not in its own.
        w_takes_both_gradients: (w - lr * w.grad).detach() → (w - lr * w.grad).detach().requires_grad_()
        and: .detach(), new_w → .detach(), (new_w - lr * new_w.grad).detach()
            w also takes the generator's gradient, and learns to be fooled: it has its own loss alone.
        through_the_step: (noise_d @ a.T + b).detach() → noise_d @ a.T + b
        and: d_loss.backward() → slope = torch.autograd.grad(d_loss, w, create_graph=True)[0]
        and: (w - lr * w.grad).detach() → w - lr * slope
        and: .detach(), new_w → .detach(), new_w.detach()
            The generator differentiates through the discriminator's step too: the new w is a constant for it.
        label_0: F.softplus(-(fake @ new_w)) → F.softplus(fake @ new_w)
            The generator descends on -log(1 - D(fake)), the discriminator's own cost: it learns to be caught.
        label_0_and_gradient_leaks: F.softplus(-(fake @ new_w)) → F.softplus(fake @ new_w)
        and: (noise_d @ a.T + b).detach() → noise_d @ a.T + b
            Two mistakes. Fix this one first: the gradient of the discriminator's loss is still in a and b.
            Then give the generator its own loss again, the cost of the label 1: that was no bug.
        saturating_loss: F.softplus(-(fake @ new_w)) → -F.softplus(fake @ new_w)
            The generator descends on mean log(1 - D(fake)), which is flat where it is caught.
        generator_learns_to_be_caught: F.softplus(-(fake @ new_w)) → -F.softplus(-(fake @ new_w))
            The generator descends on mean log D(fake), so it learns to be caught: the minus is missing.
        terms_averaged: d_loss.backward() → (d_loss / 2).backward()
        mean_of_all_points: .mean() + F.softplus(fake @ w).mean() → .sum() + F.softplus(fake @ w).sum()
        and: d_loss.backward() → (d_loss / (len(real) + len(fake))).backward()
            The discriminator's two means are averaged, or joined: they are added.
        all_divided_by_real: F.softplus(fake @ w).mean() → F.softplus(fake @ w).sum() / len(real)
        and: F.softplus(-(fake @ new_w)).mean() → F.softplus(-(fake @ new_w)).sum() / len(real)
            You divide by the number of real points everywhere: each batch has a length of its own.
        fake_points_alone: F.softplus(-(real @ w)).mean() + F → F
            The discriminator sees fakes alone, and calls all fake: its first term is missing.
        w_first: return (a - lr → return new_w, (a - lr
        and: .detach(), new_w → .detach()
            Return a, b and w in this order.
    """,
    functions=(generator_first,),
)

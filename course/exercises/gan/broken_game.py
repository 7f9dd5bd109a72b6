"""Chapter 5: find three bugs in a GAN's two losses, all of them from published programs."""

import torch
import torch.nn.functional as F

from course.exercises.cases import tensors
from course.exercises.engine import Exercise


def my_losses(real_logits, fake_logits):
    """(d_loss, g_loss), both to be minimised, scalars in nats. real_logits, fake_logits (B,): the
    discriminator's outputs before the sigmoid."""
    # `..._with_logits` takes the sigmoid itself.
    real_loss = F.binary_cross_entropy_with_logits(real_logits, torch.ones_like(real_logits))
    fake_loss = F.binary_cross_entropy_with_logits(fake_logits, torch.zeros_like(fake_logits))
    d_loss = real_loss + fake_loss
    g_loss = -F.logsigmoid(fake_logits).mean()  # log D is to be maximised, so minus it is minimised
    return d_loss, g_loss


def by_logaddexp(real_logits, fake_logits):
    """The same in float64, each cost as log(exp(0) + exp(a))."""
    real, fake = real_logits.double(), fake_logits.double()
    zero = real.new_zeros(())
    d_loss = torch.logaddexp(zero, -real).mean() + torch.logaddexp(zero, fake).mean()
    g_loss = torch.logaddexp(zero, -fake).mean()
    return d_loss.to(real_logits.dtype), g_loss.to(real_logits.dtype)


def draw(rng, B, scale=1.0, dtype=torch.float64):
    """A case; `scale` multiplies the logits."""
    return tuple(scale * logits for logits in tensors(rng, "B B", dtype, B=B))


def small_sizes(rng):
    """Float64 logits stay below 20, from where on `F.softplus` has nine digits alone."""
    dtype, largest = rng.choice(((torch.float32, 4.0), (torch.float64, 0.5)))
    return dict(B=rng.randint(1, 6), scale=10 ** rng.uniform(-1, largest), dtype=dtype)


SIGMOID = (
    "the sigmoid is applied twice (`..._with_logits` takes logits), so even a sure discriminator pays 0.31 "
    "or more for each point"
)
LABEL = "the discriminator's label for generated points is 1, and should be 0"
SIGN = "the generator minimises log D, so it learns to be caught: turn the sign"

broken_game = Exercise(
    my_losses,
    reference=by_logaddexp,
    gradients=True,
    draw=draw,
    by_hand=[
        ([0.0], [0.0]),  # 2 log 2 and log 2
        ([2.0, -1.0], [0.5, -3.0]),
        ([40.0, -40.0, 800.0, -800.0, 1e4, -1e4], [30.0, -30.0, 600.0, -600.0, 7.5e3, -7.5e3]),
        (
            [5.5, 6.5, 7.5, 8.5, 9.5, 11.0, 13.0, 15.5, 17.5, 19.5],
            [-5.5, -6.5, -7.5, -8.5, -9.5, -11.0, -13.0, -15.5, -17.5, -19.5],
        ),
        (
            [-5.5, -6.5, -7.5, -8.5, -9.5, -11.0, -13.0, -15.5, -17.5, -19.5],
            [5.5, 6.5, 7.5, 8.5, 9.5, 11.0, 13.0, 15.5, 17.5, 19.5],
        ),
        ([30.0, 40.0], [-30.0, -40.0]),
        ([1e4], [-1e4]),
        ([-1e4], [1e4]),
        (torch.tensor([12.0, -12.0, 50.0, -50.0]), torch.tensor([9.0, -9.0, 37.5, -37.5])),
        (torch.tensor([100.0, -100.0, 1e4, -1e4]), torch.tensor([75.0, -75.0, 7.5e3, -7.5e3])),
    ],
    sizes=[
        dict(B=1),
        dict(B=5),
        dict(B=4, scale=3.0),
        dict(B=6, scale=4.0, dtype=torch.float32),
        dict(B=1100),
    ],
    spans=small_sizes,
    bug="""
        bug: # `..._with_logits` → real, fake = torch.sigmoid(real_logits), torch.sigmoid(fake_logits)  # it
        and: real_logits, torch.ones_like(real_logits) → real, torch.ones_like(real)
        and: fake_logits, torch.zeros_like(fake_logits) → fake, torch.ones_like(fake)
        and: -F.logsigmoid → F.logsigmoid
    """,
    special="""
        zero_logit: (real_logits == 0).any() or (fake_logits == 0).any()
            Right but where a logit is 0. The loss is smooth there, while relu, clamp, max and abs have a
            corner, at which autograd takes a slope of its own choice.
        sure: max(real_logits.abs().max(), fake_logits.abs().max()) > 6
            Right for moderate logits. Of a large one the sigmoid is rounded to 0 or 1, exp overflows, and a
            clamp or a cut costs too little and has no slope: `F.logsigmoid` takes both in one step.
    """,
    hints="""
        One symptom, one bug. 0.6265 is 2 log(1 + exp(-1)): what is the largest number that goes into the
        cross-entropy here, and what should it be?

        Read the labels aloud: what is the discriminator told about a generated point? And is log D, which
        stands in `g_loss`, a thing to make small or large?

        These are the changes themselves: give the logits to `F.binary_cross_entropy_with_logits`, the fake
        ones with `torch.zeros_like`; and put a minus before `F.logsigmoid`.
    """,
    wrong=f"""
        sigmoid_left: _logits, torch → _logits.sigmoid(), torch
            Bugs left: 1. These: {SIGMOID}.
        label_left: zeros_like → ones_like
            Bugs left: 1. These: {LABEL}.
        sign_left: -F.logsigmoid → F.logsigmoid
            Bugs left: 1. These: {SIGN}.
        sigmoid_and_label_left: _logits, torch → _logits.sigmoid(), torch
        and: zeros_like → ones_like
            Bugs left: 2. These: {SIGMOID}; {LABEL}.
        sigmoid_and_sign_left: _logits, torch → _logits.sigmoid(), torch
        and: -F.logsigmoid → F.logsigmoid
            Bugs left: 2. These: {SIGMOID}; {SIGN}.
        label_and_sign_left: zeros_like → ones_like
        and: -F.logsigmoid → F.logsigmoid
            Bugs left: 2. These: {LABEL}; {SIGN}.
        sigmoid_and_label_and_sign_left: _logits, torch → _logits.sigmoid(), torch
        and: zeros_like → ones_like
        and: -F.logsigmoid → F.logsigmoid
            Bugs left: 3. These: {SIGMOID}; {LABEL}; {SIGN}.
        sigmoid_left_on_real_points: (real_logits, torch → (real_logits.sigmoid(), torch
            One sigmoid is left, before the real points' cross-entropy.
        sigmoid_left_on_fake_points: (fake_logits, torch → (fake_logits.sigmoid(), torch
            One sigmoid is left, before the generated points' cross-entropy.
        sigmoid_in_the_generator_too: logsigmoid(fake_logits) → logsigmoid(fake_logits.sigmoid())
            The generator's loss takes the sigmoid twice now: `F.logsigmoid` takes logits.
        other_label_turned: (real_logits, torch.ones_like → (real_logits, torch.zeros_like
        and: (fake_logits, torch.zeros_like → (fake_logits, torch.ones_like
            You turned the label of the real points: now both kinds are told apart upside down. Real points
            have the label 1, generated ones 0.
        both_labels_0: ones_like → zeros_like
            Now every point has the label 0: that of the real ones was right.
        fake_term_subtracted: real_loss + fake_loss → real_loss - fake_loss
            You subtract the generated points' term: it is a cost as well, with the label 0.
        minimax: -F.logsigmoid(fake_logits) → F.logsigmoid(-fake_logits)
            The generator minimises log(1 - D): the right direction, but a slope that vanishes where the
            discriminator is sure. The non-saturating loss is -log D.
        generators_label_0: -F.logsigmoid(fake_logits) → -F.logsigmoid(-fake_logits)
            The generator has the label 0, the discriminator's own: it learns to be caught. -log D is asked
            for.
        zero_sum: g_loss = → g_loss = -d_loss + 0 *
            The generator's loss is minus the discriminator's, with the real points and saturating: it is
            -log D of the generated points alone.
        summed: return d_loss, g_loss → return d_loss * len(real_logits), g_loss * len(real_logits)
            You sum over the points: both losses are means.
        not_averaged: return d_loss → g_loss = -F.logsigmoid(fake_logits); return d_loss
        and: d_loss = real_loss + fake_loss → d_loss = F.softplus(-real_logits) + F.softplus(fake_logits)
            You return the loss of each point: take the mean over the batch.
        logits_as_probabilities: fake_loss = → fake_loss = -F.logsigmoid(1 - fake_logits).mean() + 0 *
            You take 1 - b of a logit, as if it were a probability: 1 - s(b) is s(-b).
        fake_detached_in_d: (fake_logits, torch → (fake_logits.detach(), torch
            The values are right, but in the discriminator's loss fake_logits is cut off: it learns from real
            points alone. Detach the points before the discriminator, not its outputs.
        fake_detached_in_g: logsigmoid(fake_logits) → logsigmoid(fake_logits.detach())
            The values are right, but the generator's loss is cut off from fake_logits: it learns nothing.
    """,
)

"""Chapter 5: find three bugs in a GAN's two losses, all of them from published programs."""

import itertools
import torch
import torch.nn.functional as F
from course.exercises.cases import normal
from course.exercises.engine import Exercise


def my_losses(real_logits, fake_logits):
    """(d_loss, g_loss), both to be minimised, nats, tensors of no axes. real_logits, fake_logits (B,): the
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


def logits_case(rng, b, dtype=torch.float64, scale=1.0):
    """A case of b real and b fake logits; `scale` multiplies them."""
    return normal(rng, b, dtype=dtype, scale=scale), normal(rng, b, dtype=dtype, scale=scale)


def extreme_case(dtype, *values):
    """Each logit and its negative, in both batches; the fake ones are a little nearer to 0."""
    logits = torch.tensor([sign * value for value in values for sign in (1, -1)], dtype=dtype)
    return logits, 0.75 * logits


def wide_logits(rng):
    """One valid case; float64 logits stay below 20, from where on `F.softplus` has nine digits alone."""
    dtype, largest = rng.choice(((torch.float32, 4.0), (torch.float64, 0.5)))
    return logits_case(rng, rng.randint(1, 6), dtype, 10 ** rng.uniform(-1, largest))


broken_game = Exercise(
    my_losses,
    reference=by_logaddexp,
    gradients=True,
    # OLD wide=wide_logits
    # OLD cases:
    # lambda rng: [
    #         (torch.tensor([0.0]).double(), torch.tensor([0.0]).double()),  # by hand: 2 log 2 and log 2
    #         (torch.tensor([2.0, -1.0]).double(), torch.tensor([0.5, -3.0]).double()),
    #         logits_case(rng, 1),
    #         logits_case(rng, 5),
    #         logits_case(rng, 4, torch.float64, 3.0),
    #         logits_case(rng, 6, torch.float32, 4.0),
    #         extreme_case(torch.float32, 12.0, 50.0),
    #         extreme_case(torch.float32, 100.0, 1e4),
    #         extreme_case(torch.float64, 40.0, 800.0, 1e4),
    #         *(wide_logits(rng) for _ in range(6)),
    #     ]
    by_hand=(),
    draw=None,
    sizes=[],
    spans={},
    bug="""
        bug: SOLUTION → STUB
    """,
    hints="""
        One symptom, one bug. 0.6265 is 2 log(1 + exp(-1)): what is the largest number that goes into the
        cross-entropy here, and what should it be?

        Read the labels aloud: what is the discriminator told about a generated point? And is log D, which
        stands in `g_loss`, a thing to make small or large?

        Give the logits themselves to `F.binary_cross_entropy_with_logits`, the fake ones with
        `torch.zeros_like`; and put a minus before `F.logsigmoid`.
    """,
    wrong="""
        sigmoid_left: OLD → NEW
            Bugs left: 1. These: the sigmoid is applied twice (`..._with_logits` takes logits), so even a sure
            discriminator pays 0.31 or more for each point.
        label_left: OLD → NEW
            Bugs left: 1. These: the discriminator's label for generated points is 1, and should be 0.
        sign_left: OLD → NEW
            Bugs left: 1. These: the generator minimises log D, so it learns to be caught: turn the sign.
        sigmoid_and_label_left: OLD → NEW
            Bugs left: 2. These: the sigmoid is applied twice (`..._with_logits` takes logits), so even a sure
            discriminator pays 0.31 or more for each point; the discriminator's label for generated points is
            1, and should be 0.
        sigmoid_and_sign_left: OLD → NEW
            Bugs left: 2. These: the sigmoid is applied twice (`..._with_logits` takes logits), so even a sure
            discriminator pays 0.31 or more for each point; the generator minimises log D, so it learns to be
            caught: turn the sign.
        label_and_sign_left: OLD → NEW
            Bugs left: 2. These: the discriminator's label for generated points is 1, and should be 0; the
            generator minimises log D, so it learns to be caught: turn the sign.
        sigmoid_and_label_and_sign_left: OLD → NEW
            Bugs left: 3. These: the sigmoid is applied twice (`..._with_logits` takes logits), so even a sure
            discriminator pays 0.31 or more for each point; the discriminator's label for generated points is
            1, and should be 0; the generator minimises log D, so it learns to be caught: turn the sign.
        sigmoid_left_on_real_points: OLD → NEW
            One sigmoid is left, before the real points' cross-entropy.
        sigmoid_left_on_fake_points: OLD → NEW
            One sigmoid is left, before the generated points' cross-entropy.
        sigmoid_in_the_generator_too: OLD → NEW
            The generator's loss takes the sigmoid twice now: `F.logsigmoid` takes logits.
        other_label_turned: OLD → NEW
            You turned the label of the real points: now both kinds are told apart upside down. Real points
            have the label 1, generated ones 0.
        both_labels_0: OLD → NEW
            Now every point has the label 0: that of the real ones was right.
        fake_term_dropped: OLD → NEW
            The generated points' term is gone: a discriminator that calls everything real would win. Its
            label is what was wrong.
        fake_term_subtracted: OLD → NEW
            You subtract the generated points' term: it is a cost as well, with the label 0.
        minimax: OLD → NEW
            The generator minimises log(1 - D): the right direction, but a slope that vanishes where the
            discriminator is sure. The non-saturating loss is -log D.
        generators_label_0: OLD → NEW
            The generator has the label 0, the discriminator's own: it learns to be caught. -log D is asked
            for.
        halved: OLD → NEW
            You halve the discriminator's loss: equation 1 adds its two terms.
        discriminators_sign_turned: OLD → NEW
            The discriminator's sign was right: a cross-entropy is a loss already.
        cut_at_100: OLD → NEW
            Bugs are mended, but `F.binary_cross_entropy` on a sigmoid stops at -100, and beyond it the
            gradient is lost. Give the logits to `..._with_logits`.
        fake_detached_in_d: OLD → NEW
            The values are right, but in the discriminator's loss fake_logits is cut off: it learns from real
            points alone. Detach the points before the discriminator, not its outputs.
        fake_detached_in_g: OLD → NEW
            The values are right, but the generator's loss is cut off from fake_logits: it learns nothing.
        order_swapped: OLD → NEW
            Return the discriminator's loss first.
    """,
)

"""Chapter 5: the least-squares losses, Mao et al. (2017), equation 9."""

import torch
import torch.nn.functional as F
from course.exercises.cases import normal
from course.exercises.engine import Exercise


def my_least_squares(real_logits, fake_logits):
    """(d_loss, g_loss), both to be minimised, tensors of no axes. real_logits (N,), fake_logits (M,): the
    discriminator's raw outputs; N and M may differ."""
    d_loss = 0.5 * (real_logits - 1).square().mean() + 0.5 * fake_logits.square().mean()
    g_loss = 0.5 * (fake_logits - 1).square().mean()
    return d_loss, g_loss


def by_expansion(real_logits, fake_logits):
    """The same in float64, with the squares multiplied out."""
    real, fake = real_logits.double(), fake_logits.double()
    real_loss = ((real**2).mean() - 2 * real.mean() + 1) / 2
    g_loss = ((fake**2).mean() - 2 * fake.mean() + 1) / 2
    return (real_loss + (fake**2).mean() / 2).to(real_logits.dtype), g_loss.to(real_logits.dtype)


def outputs_case(rng, n, m, dtype=torch.float64, scale=1.0):
    """A case of n real and m fake outputs; `scale` multiplies them."""
    return normal(rng, n, dtype=dtype, scale=scale), normal(rng, m, dtype=dtype, scale=scale)


def wide_outputs(rng):
    """One valid case of small random sizes."""
    dtype, scale = rng.choice((torch.float32, torch.float64)), 10 ** rng.uniform(-1, 2)
    return outputs_case(rng, rng.randint(1, 6), rng.randint(1, 6), dtype, scale)


least_squares_losses = Exercise(
    my_least_squares,
    reference=by_expansion,
    gradients=True,
    # OLD wide=wide_outputs
    # OLD cases:
    # lambda rng: [
    #         (torch.tensor([3.0]).double(), torch.tensor([2.0, 0.5]).double()),  # by hand: 2 for the real point
    #         (torch.tensor([1.0, 1.0]).double(), torch.tensor([0.0, 0.0, 0.0]).double()),  # at its best
    #         outputs_case(rng, 1, 1),
    #         outputs_case(rng, 4, 4),
    #         outputs_case(rng, 5, 2),
    #         outputs_case(rng, 2, 6, torch.float64, 10.0),
    #         outputs_case(rng, 3, 5, torch.float32),
    #         outputs_case(rng, 6, 3, torch.float32, 100.0),
    #         *(wide_outputs(rng) for _ in range(6)),
    #     ]
    by_hand=(),
    draw=None,
    sizes=[],
    spans={},
    hints="""
        Which target has each of the three terms: real points for the discriminator, generated ones for the
        discriminator, and generated ones for the generator?

        The outputs are not probabilities: no sigmoid. Each batch has a mean of its own, and each of the three
        terms its ½.

        `d_loss = 0.5 * (real_logits - 1).square().mean() + 0.5 * fake_logits.square().mean()`, and `g_loss`
        likewise.
    """,
    wrong="""
        sigmoid_first: OLD → NEW
            You take the sigmoid first. The squares are of the raw outputs: behind a sigmoid their slope would
            vanish again where the discriminator is sure.
        no_half: OLD → NEW
            The ½ is missing: each of the three terms has one.
        d_not_halved: OLD → NEW
            The generator's loss is right, but both terms of the discriminator's have a ½ too.
        g_not_halved: OLD → NEW
            The discriminator's loss is right, but the generator's has a ½ too.
        d_halved_twice: OLD → NEW
            You halve the discriminator's loss twice: one ½ for each of its two terms is all.
        labels_swapped: OLD → NEW
            The discriminator's targets are swapped: 1 for real points, 0 for generated ones.
        labels_swapped_everywhere: OLD → NEW
            All targets are swapped. In both losses 1 means real: the discriminator wants real points at 1 and
            generated ones at 0, the generator wants its own at 1.
        generators_target_0: OLD → NEW
            The generator's target is 0, the discriminator's own for these points: the generator then helps it
            and learns to be caught. Its target is 1.
        minimax: OLD → NEW
            The generator's loss is minus the discriminator's term, as in the minimax game: nothing bounds it,
            and at 0 it has no slope. Its own target is 1.
        signs_as_targets: OLD → NEW
            These are the targets -1, 1 and 0, equation 8 of the same article. Equation 9 has 0, 1 and 1.
        root_of_the_mean: OLD → NEW
            You take the root of the mean square: the loss is half the mean square itself.
        mean_before_the_square: OLD → NEW
            You square the mean output's distance: outputs on both sides of the target then cancel. Square
            each point's, then take the mean.
        summed: OLD → NEW
            You sum over the points: the losses are means over each batch, whatever its size.
        mean_of_all_points: OLD → NEW
            The discriminator's loss is one mean over all N + M points: each batch has its own mean, and the
            two are added.
        twice_the_mean_of_all_points: OLD → NEW
            Right where N = M. Else the larger batch weighs more in the discriminator's loss: take each
            batch's own mean, then add.
        real_points_alone: OLD → NEW
            The discriminator's loss counts the real points alone: an output of 1 everywhere would win.
            Generated points have the target 0.
        fake_detached_in_g: OLD → NEW
            The values are right, but the generator's loss is cut off from fake_logits: only through them does
            it reach the generator. Nothing is to be detached.
        fake_detached_in_d: OLD → NEW
            The values are right, but in the discriminator's loss fake_logits is cut off, so the discriminator
            learns from real points alone. In training the generated points are detached before they enter the
            discriminator, not its outputs.
        order_swapped: OLD → NEW
            Return the discriminator's loss first.
        losses_added: OLD → NEW
            You add the two losses: each network minimises its own, so return both.
        stacked: OLD → NEW
            The values are right, but in one tensor: return the pair, `return d_loss, g_loss`, so that each
            can have its own backward pass.
    """,
)

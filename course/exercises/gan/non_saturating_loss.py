"""Chapter 5: the non-saturating loss of the generator, Goodfellow et al. (2014), section 3."""

import math
import torch
import torch.nn.functional as F
from course.exercises.cases import normal
from course.exercises.engine import Exercise


def my_generator_loss(fake_logits):
    """The generator's loss, to be minimised, nats, a tensor of no axes. fake_logits (B,): the discriminator's
    outputs for generated points, before the sigmoid."""
    # The generator wants its points called real: the cost of the label 1, in one step from the logits.
    return -F.logsigmoid(fake_logits).mean()


def by_pytorch(fake_logits):
    """The same by `F.binary_cross_entropy_with_logits` with the label 1, in float64."""
    logits = fake_logits.double()
    return F.binary_cross_entropy_with_logits(logits, torch.ones_like(logits)).to(fake_logits.dtype)


def logits_case(rng, b, dtype=torch.float64, scale=1.0):
    """A case of b logits; `scale` multiplies them."""
    return (normal(rng, b, dtype=dtype, scale=scale),)


def extreme_case(dtype, *values):
    """Each logit, and three quarters of its negative."""
    return (torch.tensor([sign * value for value in values for sign in (1.0, -0.75)], dtype=dtype),)


def wide_logits(rng):
    """One valid case; float64 logits stay below 20, from where on `F.softplus` has nine digits alone."""
    dtype, largest = rng.choice(((torch.float32, 4.0), (torch.float64, 0.5)))
    return logits_case(rng, rng.randint(1, 6), dtype, 10 ** rng.uniform(-1, largest))


non_saturating_loss = Exercise(
    my_generator_loss,
    reference=by_pytorch,
    gradients=True,
    # OLD wide=wide_logits
    # OLD cases:
    # lambda rng: [
    #         (torch.tensor([-math.log(3)]).double(),),  # by hand: D = 1/4
    #         (torch.tensor([0.5, -2.0]).double(),),
    #         logits_case(rng, 1),
    #         logits_case(rng, 5),
    #         logits_case(rng, 4, torch.float64, 3.0),
    #         logits_case(rng, 6, torch.float32, 4.0),
    #         extreme_case(torch.float32, 12.0, 50.0),
    #         extreme_case(torch.float32, 100.0, 1e4),
    #         extreme_case(torch.float64, 40.0, 800.0, 1e4),
    #         (torch.tensor([-25.0, -30.0]),),  # a sure discriminator: the slope is still -1/2 for each
    #         *(wide_logits(rng) for _ in range(5)),
    #     ]
    by_hand=(),
    draw=None,
    sizes=[],
    spans={},
    hints="""
        The generator wants its points called real. Which label would you give them, and what does a wrong
        answer then cost?

        Take no logarithm of a sigmoid that is already rounded to 0: `F.logsigmoid` is log s(b) in one step.
        And mind the sign: a loss is minimised.

        `-F.logsigmoid(fake_logits).mean()`.
    """,
    wrong="""
        minimax: OLD → NEW
            This is the minimax loss, log(1 - D(fake)). It points in the right direction, but its slope along
            a logit is -D: it vanishes where the discriminator is sure of a fake, when the generator needs it
            most. The slope of -log D is -(1 - D).
        minimax_of_the_sigmoid: OLD → NEW
            This is the minimax loss, log(1 - D(fake)). It points in the right direction, but its slope along
            a logit is -D: it vanishes where the discriminator is sure of a fake, when the generator needs it
            most. The slope of -log D is -(1 - D). Besides, the logarithm of a sigmoid that is rounded to 1
            fails: `F.logsigmoid`.
        label_0: OLD → NEW
            You ask for the label 0, the discriminator's loss on these points: minimising it, the generator
            learns to be caught. Its label is 1.
        label_0_of_the_sigmoid: OLD → NEW
            You ask for the label 0, the discriminator's loss on these points: minimising it, the generator
            learns to be caught. Its label is 1. Besides, the logarithm of a sigmoid that is rounded to 1
            fails: `F.logsigmoid`.
        sign_turned: OLD → NEW
            You return the mean of log D(fake). That is to be maximised: minimising it, the generator learns
            to be caught. Turn the sign.
        own_predictions_as_labels: OLD → NEW
            Your labels are the discriminator's own predictions: the cross-entropy is at its minimum over D,
            so the gradient is 0 and the generator learns nothing. Its label is 1.
        own_decisions_as_labels: OLD → NEW
            Your labels are the discriminator's own decisions: the generator is driven to where it is sure,
            real or fake. The generator's label is 1 for every point.
        log_of_sigmoid: OLD → NEW
            Right for moderate logits, but of a very negative one the sigmoid is rounded to 0, or exp
            overflows: the logarithm is infinite. `F.logsigmoid` takes both in one step.
        overflow_in_the_gradient: OLD → NEW
            The values are right, but gradients are NaN: exp overflows in the branch that torch.where does not
            choose, and 0 times inf goes back through it. `F.logsigmoid` has no branch.
        epsilon_1e-06: OLD → NEW
            You add a small number inside the logarithm: where the discriminator is sure, the gradient is lost
            again, which this loss was made to avoid. `F.logsigmoid` needs none.
        epsilon_1e-07: OLD → NEW
            You add a small number inside the logarithm: where the discriminator is sure, the gradient is lost
            again, which this loss was made to avoid. `F.logsigmoid` needs none.
        epsilon_1e-08: OLD → NEW
            You add a small number inside the logarithm: where the discriminator is sure, the gradient is lost
            again, which this loss was made to avoid. `F.logsigmoid` needs none.
        epsilon_1e-10: OLD → NEW
            You add a small number inside the logarithm: where the discriminator is sure, the gradient is lost
            again, which this loss was made to avoid. `F.logsigmoid` needs none.
        epsilon_1e-12: OLD → NEW
            You add a small number inside the logarithm: where the discriminator is sure, the gradient is lost
            again, which this loss was made to avoid. `F.logsigmoid` needs none.
        clamped_1e-04: OLD → NEW
            You clamp the probability away from 0 and 1: where the discriminator is sure, the gradient is then
            exactly 0. `F.logsigmoid` needs no clamp.
        clamped_1e-05: OLD → NEW
            You clamp the probability away from 0 and 1: where the discriminator is sure, the gradient is then
            exactly 0. `F.logsigmoid` needs no clamp.
        clamped_1e-06: OLD → NEW
            You clamp the probability away from 0 and 1: where the discriminator is sure, the gradient is then
            exactly 0. `F.logsigmoid` needs no clamp.
        clamped_1e-07: OLD → NEW
            You clamp the probability away from 0 and 1: where the discriminator is sure, the gradient is then
            exactly 0. `F.logsigmoid` needs no clamp.
        clamped_1e-08: OLD → NEW
            You clamp the probability away from 0 and 1: where the discriminator is sure, the gradient is then
            exactly 0. `F.logsigmoid` needs no clamp.
        sigmoid_twice: OLD → NEW
            The sigmoid is applied twice: `F.logsigmoid` and softplus take logits, not probabilities.
        no_logarithm: OLD → NEW
            You return 1 - D: its slope vanishes where the discriminator is sure. The loss is -log D.
        raw_logits: OLD → NEW
            You return minus the mean logit, as a Wasserstein generator does, and as -log D + log(1 - D) does:
            each logit goes through log s first.
        logits_as_probabilities: OLD → NEW
            You take the logits for probabilities, and the logarithm of a negative number is NaN: they go
            through a sigmoid first.
        summed: OLD → NEW
            You sum over the points: the loss is their mean, whatever the batch's size.
        not_averaged: OLD → NEW
            You return one loss for each point: take their mean.
        halved: OLD → NEW
            You halve the loss: there is one term here, of weight 1.
        mean_inside_the_logarithm: OLD → NEW
            You average the probabilities and then take the logarithm: each point's logarithm comes first,
            then the mean.
    """,
)

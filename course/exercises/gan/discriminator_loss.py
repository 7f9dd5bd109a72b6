"""Chapter 5: the discriminator's loss, Goodfellow et al. (2014), equation 1, negated."""

import math
import torch
import torch.nn.functional as F
from course.exercises.cases import normal
from course.exercises.engine import Exercise


def my_discriminator_loss(real_logits, fake_logits):
    """The discriminator's loss, to be minimised, nats, a tensor of no axes. real_logits (N,), fake_logits
    (M,): the discriminator's outputs before the sigmoid; N and M may differ."""
    real_cost = -F.logsigmoid(real_logits)  # (N,), -log D(real)
    # 1 - sigmoid(a) is sigmoid(-a): both logarithms are taken in one step, with nothing to underflow.
    fake_cost = -F.logsigmoid(-fake_logits)  # (M,), -log(1 - D(fake))
    return real_cost.mean() + fake_cost.mean()


def by_pytorch(real_logits, fake_logits):
    """The same by `F.binary_cross_entropy_with_logits`, in float64."""
    real, fake = real_logits.double(), fake_logits.double()
    real_loss = F.binary_cross_entropy_with_logits(real, torch.ones_like(real))
    fake_loss = F.binary_cross_entropy_with_logits(fake, torch.zeros_like(fake))
    return (real_loss + fake_loss).to(real_logits.dtype)


def logits_case(rng, n, m, dtype=torch.float64, scale=1.0):
    """A case of n real and m fake logits; `scale` multiplies them."""
    return normal(rng, n, dtype=dtype, scale=scale), normal(rng, m, dtype=dtype, scale=scale)


def extreme_case(dtype, *values):
    """Each logit and its negative, in both batches; the fake ones are a little nearer to 0."""
    logits = torch.tensor([sign * value for value in values for sign in (1, -1)], dtype=dtype)
    return logits, 0.75 * logits


def wide_logits(rng):
    """One valid case; float64 logits stay below 20, from where on `F.softplus` has nine digits alone."""
    dtype, largest = rng.choice(((torch.float32, 4.0), (torch.float64, 0.5)))
    return logits_case(rng, rng.randint(1, 6), rng.randint(1, 6), dtype, 10 ** rng.uniform(-1, largest))


discriminator_loss = Exercise(
    my_discriminator_loss,
    reference=by_pytorch,
    gradients=True,
    # OLD wide=wide_logits
    # OLD cases:
    # lambda rng: [
    #         (torch.tensor([math.log(3)]).double(), torch.tensor([math.log(3)]).double()),  # 3/4 and 1/4
    #         (torch.tensor([0.5, -1.0]).double(), torch.tensor([2.0]).double()),
    #         logits_case(rng, 1, 3),
    #         logits_case(rng, 4, 4),
    #         logits_case(rng, 5, 2, torch.float64, 3.0),
    #         logits_case(rng, 3, 6, torch.float32, 4.0),
    #         extreme_case(torch.float32, 12.0, 50.0),
    #         extreme_case(torch.float32, 100.0, 1e4),
    #         extreme_case(torch.float64, 40.0, 800.0, 1e4),
    #         *(wide_logits(rng) for _ in range(6)),
    #     ]
    by_hand=(),
    draw=None,
    sizes=[],
    spans={},
    hints="""
        The two batches have means of their own. And what is 1 - s(b), written as a sigmoid again?

        1 - s(b) = s(-b). Take no logarithm of a sigmoid that is already rounded to 0: `F.logsigmoid` is log
        s(a) in one step.

        `-F.logsigmoid(real_logits).mean() - F.logsigmoid(-fake_logits).mean()`.
    """,
    wrong="""
        log_of_sigmoid: OLD → NEW
            Right for moderate logits, but of an extreme one exp overflows or the sigmoid is rounded to 0 or
            1, and log 0 is -inf. `F.logsigmoid` and `F.softplus` take both in one step.
        log_of_both_sigmoids: OLD → NEW
            Right for moderate logits, but of an extreme one exp overflows or the sigmoid is rounded to 0 or
            1, and log 0 is -inf. `F.logsigmoid` and `F.softplus` take both in one step.
        log_of_the_fake_sigmoid: OLD → NEW
            Right for moderate logits, but of an extreme one exp overflows or the sigmoid is rounded to 0 or
            1, and log 0 is -inf. `F.logsigmoid` and `F.softplus` take both in one step.
        clamped_1e-04: OLD → NEW
            You clamp the probability away from 0 and 1: a confident mistake then costs too little and has no
            gradient. `F.logsigmoid` on the logits needs no clamp.
        clamped_1e-05: OLD → NEW
            You clamp the probability away from 0 and 1: a confident mistake then costs too little and has no
            gradient. `F.logsigmoid` on the logits needs no clamp.
        clamped_1e-06: OLD → NEW
            You clamp the probability away from 0 and 1: a confident mistake then costs too little and has no
            gradient. `F.logsigmoid` on the logits needs no clamp.
        clamped_1e-07: OLD → NEW
            You clamp the probability away from 0 and 1: a confident mistake then costs too little and has no
            gradient. `F.logsigmoid` on the logits needs no clamp.
        clamped_1e-08: OLD → NEW
            You clamp the probability away from 0 and 1: a confident mistake then costs too little and has no
            gradient. `F.logsigmoid` on the logits needs no clamp.
        epsilon_1e-06: OLD → NEW
            You add a small number inside the logarithm: a confident mistake then costs too little, and its
            gradient is lost. `F.logsigmoid` on the logits needs none.
        epsilon_1e-07: OLD → NEW
            You add a small number inside the logarithm: a confident mistake then costs too little, and its
            gradient is lost. `F.logsigmoid` on the logits needs none.
        epsilon_1e-08: OLD → NEW
            You add a small number inside the logarithm: a confident mistake then costs too little, and its
            gradient is lost. `F.logsigmoid` on the logits needs none.
        epsilon_1e-10: OLD → NEW
            You add a small number inside the logarithm: a confident mistake then costs too little, and its
            gradient is lost. `F.logsigmoid` on the logits needs none.
        epsilon_1e-12: OLD → NEW
            You add a small number inside the logarithm: a confident mistake then costs too little, and its
            gradient is lost. `F.logsigmoid` on the logits needs none.
        halved: OLD → NEW
            You average the two terms: half of what equation 1 gives. Minima are the same, but a discriminator
            that cannot tell real from fake costs 2 log 2, not log 2.
        mean_of_all_points: OLD → NEW
            You take one mean over all N + M points: each batch has a mean of its own, and the two are added.
            Joined, the larger batch would weigh more.
        twice_the_mean_of_all_points: OLD → NEW
            Right where N = M. Else the larger batch weighs more: take each batch's own mean, then add.
        sign_turned: OLD → NEW
            This is the value, which the discriminator maximises: a loss is minimised, so turn the sign.
        summed: OLD → NEW
            You sum over the points: the loss is a mean over each batch, whatever its size.
        real_points_alone: OLD → NEW
            You count the real points alone: a discriminator that calls everything real would win. Generated
            points cost -log(1 - D).
        generators_term: OLD → NEW
            Your second term is -log D(fake), the generator's loss: it rewards calling generated points real.
            The discriminator's is -log(1 - D(fake)).
        labels_swapped: OLD → NEW
            The labels are swapped: -log D belongs to the real points, -log(1 - D) to the generated ones.
        sigmoid_twice: OLD → NEW
            The sigmoid is applied twice: `F.logsigmoid` and softplus take logits, not probabilities.
        raw_logits: OLD → NEW
            You average the logits themselves, as a Wasserstein critic does: nothing bounds that loss. Each
            logit goes through log s first.
        logits_as_probabilities: OLD → NEW
            You take the logits for probabilities, and the logarithm of a negative number is NaN: they go
            through a sigmoid first.
    """,
)

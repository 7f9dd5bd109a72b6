"""Chapter 5: the non-saturating loss of the generator, Goodfellow et al. (2014), section 3."""

import math

import torch
import torch.nn.functional as F

from course.exercises.cases import normal
from course.exercises.engine import Exercise


def my_generator_loss(fake_logits):
    """The generator's loss, to be minimised, a scalar in nats. fake_logits (B,): the discriminator's outputs
    for generated points, before the sigmoid."""
    # The generator wants its points called real: the cost of the label 1, in one step from the logits.
    return -F.logsigmoid(fake_logits).mean()


def by_pytorch(fake_logits):
    """The same by `F.binary_cross_entropy_with_logits` with the label 1, in float64."""
    logits = fake_logits.double()
    return F.binary_cross_entropy_with_logits(logits, torch.ones_like(logits)).to(fake_logits.dtype)


def draw(rng, B, scale=1.0, dtype=torch.float64):
    """A case; `scale` multiplies the logits."""
    return (normal(rng, B, dtype=dtype, scale=scale),)


def small_sizes(rng):
    """Float64 logits stay below 20, from where on `F.softplus` has nine digits alone."""
    dtype, largest = rng.choice(((torch.float32, 4.0), (torch.float64, 0.5)))
    return dict(B=rng.randint(1, 6), scale=10 ** rng.uniform(-1, largest), dtype=dtype)


non_saturating_loss = Exercise(
    my_generator_loss,
    reference=by_pytorch,
    gradients=True,
    draw=draw,
    by_hand=[
        ([-math.log(3)],),  # D = 1/4
        ([0.5, -2.0],),
        ([0.0, 1.0, -3.0],),  # a logit of 0
        ([40.0, -30.0, 800.0, -600.0, 1e4, -7.5e3],),
        ([5.5, 6.5, 7.5, 8.5, 9.5, 11.0, 13.0, 15.5, 17.5, 19.5],),
        ([-5.5, -6.5, -7.5, -8.5, -9.5, -11.0, -13.0, -15.5, -17.5, -19.5],),
        ([30.0, 40.0],),
        ([-1e4],),
        (torch.tensor([12.0, -9.0, 50.0, -37.5]),),
        (torch.tensor([100.0, -75.0, 1e4, -7.5e3]),),
        (torch.tensor([-25.0, -30.0]),),  # a sure discriminator: the slope is still -1/2 for each
    ],
    sizes=[
        dict(B=1),
        dict(B=5),
        dict(B=4, scale=3.0),
        dict(B=6, scale=4.0, dtype=torch.float32),
        dict(B=1100),
    ],
    spans=small_sizes,
    forbids="""
        torch.*cross_entropy* torch.*_loss torch.*kl_div torch.distributions*:
        Write the logarithm yourself, from the logits: that is what the exercise is about.
    """,
    special="""
        zero_logit: (fake_logits == 0).any()
            Right but where a logit is 0. The loss is smooth there, while relu, clamp, max and abs have a
            corner, at which autograd takes a slope of its own choice.
        sure: fake_logits.abs().max() > 6
            Right for moderate logits. Of a large one the sigmoid is rounded to 0 or 1, exp overflows, and a
            clamp or a cut costs too little and has no slope: `F.logsigmoid` takes both in one step.
    """,
    hints="""
        The generator wants its points called real. Which label would you give them, and what does a wrong
        answer then cost?

        Take no logarithm of a sigmoid that is already rounded to 0: `F.logsigmoid` is log s(b) in one step.
        And mind the sign: a loss is minimised.

        This is the line itself: `-F.logsigmoid(fake_logits).mean()`.
    """,
    wrong="""
        minimax: -F.logsigmoid(fake_logits) → F.logsigmoid(-fake_logits)
            This is the minimax loss, log(1 - D(fake)). It points in the right direction, but its slope along
            a logit is -D: it vanishes where the discriminator is sure of a fake, when the generator needs it
            most. The slope of -log D is -(1 - D).
        label_0: (fake_logits).mean() → (-fake_logits).mean()
            You ask for the label 0, the discriminator's loss on these points: minimising it, the generator
            learns to be caught. Its label is 1.
        sign_turned: -F.logsigmoid → F.logsigmoid
            You return the mean of log D(fake). That is to be maximised: minimising it, the generator learns
            to be caught. Turn the sign.
        epsilon_{}: F.logsigmoid(fake_logits) → (fake_logits.sigmoid() + {}).log()
        for: 1e-03, 1e-04, 1e-05, 1e-06, 1e-07, 1e-08, 1e-10, 1e-12
            You add a small number inside the logarithm: where the discriminator is sure, the gradient is lost
            again, which this loss was made to avoid. `F.logsigmoid` needs none.
        sigmoid_twice: (fake_logits).mean() → (fake_logits.sigmoid()).mean()
            The sigmoid is applied twice: `F.logsigmoid` and softplus take logits, not probabilities.
        no_logarithm: -F.logsigmoid(fake_logits) → torch.sigmoid(-fake_logits)
            You return 1 - D: its slope vanishes where the discriminator is sure. The loss is -log D.
        raw_logits: F.logsigmoid → nothing
            You return minus the mean logit, as a Wasserstein generator does, and as -log D + log(1 - D) does:
            each logit goes through log s first.
        logits_as_probabilities: F.logsigmoid(fake_logits) → fake_logits.log()
            You take the logits for probabilities, and the logarithm of a negative number is NaN: they go
            through a sigmoid first.
        least_squares: -F.logsigmoid(fake_logits) → (fake_logits.sigmoid() - 1).square()
            You square 1 - D, as a least-squares loss does: -log D is asked for.
        median: -F.logsigmoid(fake_logits).mean() → (-F.logsigmoid(fake_logits)).median()
            You take the median, which hears of one point alone: take the mean.
        mean_inside_the_logarithm: F.logsigmoid(fake_logits).mean() → fake_logits.sigmoid().mean().log()
            You average the probabilities and then take the logarithm: each point's logarithm comes first,
            then the mean.
    """,
)

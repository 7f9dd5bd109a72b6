"""Chapter 5: the relativistic losses. Jolicoeur-Martineau (2019), "The relativistic discriminator:
a key element missing from standard GAN"; Huang et al. (2024), "The GAN is dead; long live the GAN!"."""

import torch
import torch.nn.functional as F

from course.exercises.cases import tensors
from course.exercises.engine import Exercise


def my_relativistic_losses(real_logits, fake_logits):
    """(d_loss, g_loss), scalars in nats, each to be minimised. real_logits and fake_logits (B,), in pairs:
    before the sigmoid."""

    def loss(higher, lower):
        margin = higher - lower  # (B,), how much more real the one looks that should
        # -log s(a) is softplus(-a), one step without a sigmoid that could be rounded to 0.
        return F.softplus(-margin).mean()

    return loss(real_logits, fake_logits), loss(fake_logits, real_logits)


def by_logaddexp(real_logits, fake_logits):
    """The same by `torch.logaddexp`, in float64: each cost is log(e^r + e^f) minus a logit."""
    r, f = real_logits.double(), fake_logits.double()
    return tuple((torch.logaddexp(r - x, f - x).sum() / len(r)).to(real_logits.dtype) for x in (r, f))


def draw(rng, B, scale=1.0, shift=0.0, dtype=torch.float64):
    """A case; fakes' logits lie `shift` below those of real points."""
    real_logits, fake_logits = tensors(rng, "B B", dtype, B=B)
    return scale * real_logits, scale * fake_logits - shift


relativistic_loss = Exercise(
    my_relativistic_losses,
    reference=by_logaddexp,
    draw=draw,
    by_hand=[
        ([0.0], [0.0]),  # ln 2 each
        ([2.0, -1.0], [0.5, 1.0]),
        ([900.0, -900.0], [901.0, 0.5]),
        ([1e4, -1e4, 0.0, 25.0], [-1e4, 1e4, 0.0, -25.0]),  # differences of 2e4, 0 and 50
        ([5.5, 6.5, 7.5, 8.5, 9.5, 11.0, 13.0, 15.5, 17.5, 19.5], [0.0] * 10),
        ([0.0] * 10, [5.5, 6.5, 7.5, 8.5, 9.5, 11.0, 13.0, 15.5, 17.5, 19.5]),
        ([30.0, 40.0], [0.0, 0.0]),
        ([1e4], [-1e4]),
        ([-1e4], [1e4]),
        (torch.tensor([1e4, -1e4]), torch.tensor([-1e4, 1e4])),
    ],
    sizes=[
        dict(B=1),
        dict(B=3),
        dict(B=1100),
        dict(B=6, scale=3.0, shift=1.0),
        dict(B=5, dtype=torch.float32),
        dict(B=4, shift=40.0),
        dict(B=4, scale=5.0, shift=200.0, dtype=torch.float32),
        dict(B=4, scale=5.0, shift=-200.0, dtype=torch.float32),
    ],
    spans=dict(B=(1, 5), scale=lambda rng: 10 ** rng.uniform(-1, 4), shift=(-2.0, 2.0)),
    special="""
        far_apart: (real_logits - fake_logits).abs().max() > 15
            Right where the logits of a pair lie near each other. Far apart a clamp or a logarithm that is cut
            costs too little, and a rounded sigmoid or exp too much: take `F.softplus` of the difference.
    """,
    hints="""
        The generator's loss is the discriminator's with the two exchanged. What does each pair contribute, as
        a function of one number?

        That number is r - f. Take no logarithm of a sigmoid that is rounded to 0: -log s(a) is
        `F.softplus(-a)`.

        These are the lines: `margin = real_logits - fake_logits`, then `F.softplus(-margin).mean(),
        F.softplus(margin).mean()`.
    """,
    wrong="""
        average_of_the_others: higher - lower → higher - lower.mean()
            You compare each logit with the mean of the others: that is the relativistic average loss. Here
            each real one has its own fake, r_b - f_b.
        relativistic_average: higher - lower → higher - lower.mean()
        and: F.softplus(-margin) → (F.softplus(-margin) + F.softplus(lower - higher.mean()))
            This is the relativistic average loss, of both kinds against the mean of the other. Here each real
            one has its own fake, r_b - f_b.
        all_pairs: higher - lower → higher[:, None] - lower
            You compare every real one with every fake one, B² pairs: only pairs of the same index count.
        sorted_pairs: higher - lower → higher.sort().values - lower.sort().values
            You sort both batches: a pair is of the same index, as the logits stand.
        medians: .mean() → .median()
            You take the median over the pairs: take the mean.
        means_compared: higher - lower → higher.mean() - lower.mean()
            You compare the means of the logits: take the softplus of each pair, and the mean last.
        usual_losses: loss(real_logits, fake_logits) → loss(real_logits, 0) + loss(0, fake_logits)
        and: loss(fake_logits, real_logits) → loss(fake_logits, 0)
            These are the usual non-saturating losses, which score each image alone: here the difference of
            the logits counts.
        sigmoid_of_each: higher - lower → higher.sigmoid() - lower.sigmoid()
            You put each logit through a sigmoid and then compare: the difference is of logits, which alone
            are unbounded.
        sigmoid_twice: F.softplus(-margin) → F.softplus(-margin.sigmoid())
            The sigmoid is applied twice: softplus and `F.logsigmoid` take logits, not probabilities.
        generator_like_discriminator: loss(fake_logits, real_logits) → loss(real_logits, fake_logits)
            You return the discriminator's loss twice, so that the generator helps it: exchange r and f.
        discriminator_like_generator: loss(real_logits, fake_logits) → loss(fake_logits, real_logits)
            You return the generator's loss twice: the discriminator's has r and f exchanged.
        zero_sum: loss(fake_logits, real_logits) → -loss(real_logits, fake_logits)
            Your generator's loss is minus the discriminator's: flat where the fakes are caught. It is -log
            s(f - r), which is not log s(r - f).
        signs_turned: F.softplus(-margin) → -F.softplus(-margin)
            These are log-probabilities, which would be maximised: a loss has the minus sign in front.
        no_sigmoid: F.softplus(-margin) → (-margin)
            You return the mean differences, as a Wasserstein critic does: -log s of each is missing.
        hinge: F.softplus(-margin) → F.relu(1 - margin)
            This is a hinge loss: the softplus is missing.
        no_logarithm: F.softplus(-margin) → torch.sigmoid(-margin)
            You return the mean probability of a mistake: its complement's negative logarithm is asked for.
        summed: .mean() → .sum()
            You sum over the batch: take the mean.
        not_averaged: .mean() → nothing
            You return one loss for each pair: take their mean.
        bits: .mean() → .mean() / 0.6931471805599453
        halved: .mean() → .mean() / 2
        doubled: .mean() → .mean() * 2
            Both losses are right but for one factor: 1.44, which is bits for nats, ½, or 2, as for the same
            term twice: -log(1 - s(f - r)) is -log s(r - f) again.
        epsilon_{}: F.softplus(-margin) → -(margin.sigmoid() + {}).log()
        for: 1e-03, 1e-04, 1e-05, 1e-06, 1e-07, 1e-08, 1e-10, 1e-12
            You add a small number inside the logarithm: a confident mistake then costs too little.
            `F.softplus` needs none.
        joint_softmax: F.softplus(-margin) → torch.cat([higher, lower]).logsumexp(0) - higher
            Your softmax runs over all logits of the batch: it is over the two of each pair.
    """,
)

"""Chapter 5: the relativistic losses. Jolicoeur-Martineau (2019), "The relativistic discriminator:
a key element missing from standard GAN"; Huang et al. (2024), "The GAN is dead; long live the GAN!"."""

import torch
import torch.nn.functional as F
from course.exercises.cases import normal
from course.exercises.engine import Exercise


def my_relativistic_losses(real_logits, fake_logits):
    """(d_loss, g_loss), nats, tensors of no axes, each to be minimised. real_logits and fake_logits (B,), in
    pairs: before the sigmoid."""
    margin = real_logits - fake_logits  # (B,), how much more real the real one looks
    # -log s(a) is softplus(-a), one step without a sigmoid that could be rounded to 0.
    return F.softplus(-margin).mean(), F.softplus(margin).mean()


def by_logaddexp(real_logits, fake_logits):
    """The same by `torch.logaddexp`, in float64: each cost is log(e^r + e^f) minus a logit."""
    r, f = real_logits.double(), fake_logits.double()
    return tuple((torch.logaddexp(r - x, f - x).sum() / len(r)).to(real_logits.dtype) for x in (r, f))


def pairs_case(rng, b, dtype=torch.float64, scale=1.0, shift=0.0):
    """A case: fakes' logits lie `shift` below those of real points."""
    return normal(rng, b, dtype=dtype, scale=scale), normal(rng, b, dtype=dtype, scale=scale) - shift


def wide_pairs(rng):
    """One valid case, logits from moderate to extreme."""
    dtype, largest = rng.choice(((torch.float32, 4.0), (torch.float64, 2.0)))
    return pairs_case(rng, rng.randint(1, 5), dtype, 10 ** rng.uniform(-1, largest), rng.uniform(-2, 2))


relativistic_loss = Exercise(
    my_relativistic_losses,
    reference=by_logaddexp,
    # OLD wide=wide_pairs
    # OLD cases:
    # lambda rng: [
    #         (torch.zeros(1, dtype=torch.float64), torch.zeros(1, dtype=torch.float64)),  # by hand: ln 2 each
    #         (torch.tensor([2.0, -1.0], dtype=torch.float64), torch.tensor([0.5, 1.0], dtype=torch.float64)),
    #         pairs_case(rng, 1),
    #         pairs_case(rng, 3),
    #         pairs_case(rng, 6, torch.float64, 3.0, 1.0),
    #         pairs_case(rng, 5, torch.float32),
    #         pairs_case(rng, 4, torch.float64, 1.0, 40.0),
    #         pairs_case(rng, 4, torch.float32, 5.0, 200.0),
    #         pairs_case(rng, 4, torch.float32, 5.0, -200.0),
    #         (torch.tensor([1e4, -1e4]), torch.tensor([-1e4, 1e4])),
    #         (torch.tensor([900.0, -900.0], dtype=torch.float64), torch.tensor([901.0, 0.5], dtype=torch.float64)),
    #         *(wide_pairs(rng) for _ in range(5)),
    #     ]
    by_hand=(),
    draw=None,
    sizes=[],
    spans={},
    hints="""
        The generator's loss is the discriminator's with the two exchanged. What does each pair contribute, as
        a function of one number?

        That number is r - f. Take no logarithm of a sigmoid that is rounded to 0: -log s(a) is
        `F.softplus(-a)`.

        `margin = real_logits - fake_logits`, then `F.softplus(-margin).mean(), F.softplus(margin).mean()`.
    """,
    wrong="""
        average_of_the_others: OLD → NEW
            You compare each logit with the mean of the others: that is the relativistic average loss. Here
            each real one has its own fake, r_b - f_b.
        relativistic_average: OLD → NEW
            This is the relativistic average loss, of both kinds against the mean of the other. Here each real
            one has its own fake, r_b - f_b.
        all_pairs: OLD → NEW
            You compare every real one with every fake one, B² pairs: only pairs of the same index count.
        means_compared: OLD → NEW
            You compare the means of the logits: take the softplus of each pair, and the mean last.
        usual_losses: OLD → NEW
            These are the usual non-saturating losses, which score each image alone: here the difference of
            the logits counts.
        sigmoid_of_each: OLD → NEW
            You put each logit through a sigmoid and then compare: the difference is of logits, which alone
            are unbounded.
        sigmoid_twice: OLD → NEW
            The sigmoid is applied twice: softplus and `F.logsigmoid` take logits, not probabilities.
        losses_swapped: OLD → NEW
            The two losses are exchanged: the discriminator's is small where r is above f.
        generator_like_discriminator: OLD → NEW
            You return the discriminator's loss twice, so that the generator helps it: exchange r and f.
        discriminator_like_generator: OLD → NEW
            You return the generator's loss twice: the discriminator's has r and f exchanged.
        zero_sum: OLD → NEW
            Your generator's loss is minus the discriminator's: flat where the fakes are caught. It is -log
            s(f - r), which is not log s(r - f).
        signs_turned: OLD → NEW
            These are log-probabilities, which would be maximised: a loss has the minus sign in front.
        no_sigmoid: OLD → NEW
            You return the mean differences, as a Wasserstein critic does: -log s of each is missing.
        hinge: OLD → NEW
            This is a hinge loss: the softplus is missing.
        no_logarithm: OLD → NEW
            You return the mean probability of a mistake: its complement's negative logarithm is asked for.
        squared: OLD → NEW
            This is a least-squares loss: the softplus is missing.
        summed: OLD → NEW
            You sum over the batch: take the mean.
        not_averaged: OLD → NEW
            You return one loss for each pair: take their mean.
        halved: OLD → NEW
            Your losses are halved: nothing divides them by 2.
        unstable: OLD → NEW
            Right for moderate logits, but for large differences exp overflows or the sigmoid is rounded to 0,
            and the loss is infinite. `F.softplus` takes logarithm and exponential in one step.
        epsilon_1e-06: OLD → NEW
            You add a small number inside the logarithm: a confident mistake then costs too little.
            `F.softplus` needs none.
        epsilon_1e-07: OLD → NEW
            You add a small number inside the logarithm: a confident mistake then costs too little.
            `F.softplus` needs none.
        epsilon_1e-08: OLD → NEW
            You add a small number inside the logarithm: a confident mistake then costs too little.
            `F.softplus` needs none.
        epsilon_1e-10: OLD → NEW
            You add a small number inside the logarithm: a confident mistake then costs too little.
            `F.softplus` needs none.
        epsilon_1e-12: OLD → NEW
            You add a small number inside the logarithm: a confident mistake then costs too little.
            `F.softplus` needs none.
    """,
)

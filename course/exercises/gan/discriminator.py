"""Chapter 5, exercise: the discriminator's loss, Goodfellow et al. (2014), equation 1, negated."""

import math

import torch
import torch.nn.functional as F

from course.exercises.draw import normal
from course.exercises.engine import Exercise, Misconception


def my_discriminator_loss(real_logits, fake_logits):
    """The discriminator's loss, to be minimised, nats, a tensor of no axes. real_logits (N,), fake_logits
    (M,): the discriminator's outputs before the sigmoid; N and M may differ."""
    raise NotImplementedError


def solve_discriminator_loss(real_logits, fake_logits):
    """The discriminator's loss, to be minimised, nats, a tensor of no axes. real_logits (N,), fake_logits
    (M,): the discriminator's outputs before the sigmoid; N and M may differ."""
    real_cost = -F.logsigmoid(real_logits)  # (N,), -log D(real)
    # 1 - sigmoid(a) is sigmoid(-a): both logarithms are taken in one step, with nothing to underflow.
    fake_cost = -F.logsigmoid(-fake_logits)  # (M,), -log(1 - D(fake))
    return real_cost.mean() + fake_cost.mean()


def loss_by_softplus(real_logits, fake_logits):
    """The same: softplus is log(1 + exp(a)), without overflow."""
    return F.softplus(-real_logits).mean() + F.softplus(fake_logits).mean()


def loss_by_log1p(real_logits, fake_logits):
    """The same with the larger of 0 and the logit taken out of the exponential."""
    parts = []
    for wrong in (-real_logits, fake_logits):  # large where the discriminator errs
        parts.append(((wrong + wrong.abs()) / 2 + torch.log1p(torch.exp(-wrong.abs()))).mean())
    return parts[0] + parts[1]


def loss_by_weights(real_logits, fake_logits):
    """The same over the two batches joined: each point weighs one over its own batch's size."""
    n, m = real_logits.shape[0], fake_logits.shape[0]
    right = torch.cat([real_logits, -fake_logits])  # large where the discriminator is right
    weights = torch.cat([torch.full_like(real_logits, 1 / n), torch.full_like(fake_logits, 1 / m)])
    return -(weights * F.logsigmoid(right)).sum()


def by_pytorch(real_logits, fake_logits):
    """The same by `F.binary_cross_entropy_with_logits`, in float64."""
    real, fake = real_logits.double(), fake_logits.double()
    real_loss = F.binary_cross_entropy_with_logits(real, torch.ones_like(real))
    fake_loss = F.binary_cross_entropy_with_logits(fake, torch.zeros_like(fake))
    return (real_loss + fake_loss).to(real_logits.dtype)


def is_real(logits):
    """The cost of a point that is to be called real, -log D."""
    return -F.logsigmoid(logits)


def is_fake(logits):
    """The cost of a point that is to be called fake, -log(1 - D)."""
    return -F.logsigmoid(-logits)


def costs(name, diagnosis, real=is_real, fake=is_fake):
    """A misconception about what one point costs."""
    return Misconception(name, diagnosis, lambda a, b: real(a).mean() + fake(b).mean())


def ended(name, diagnosis, finish):
    """A misconception about what becomes of the right costs, (N,) and (M,)."""
    return Misconception(name, diagnosis, lambda a, b: finish(is_real(a), is_fake(b)))


def by_probability(name, diagnosis, log=torch.log, edge=0.0):
    """A misconception that takes a logarithm of the sigmoid, clamped to [edge, 1 - edge]."""

    def probability(logits):
        return torch.sigmoid(logits).clamp(edge, 1 - edge) if edge else torch.sigmoid(logits)

    return costs(name, diagnosis, lambda a: -log(probability(a)), lambda b: -log(1 - probability(b)))


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
    name="discriminator_loss",
    title="the discriminator's loss",
    difficulty="medium",
    minutes=12,
    task="""
        The discriminator maximises the value of Goodfellow et al. (2014), equation 1. Its loss is therefore

        $$L_D = -\\frac1N \\sum_{i=1}^{N} \\log s(a_i) - \\frac1M \\sum_{j=1}^{M} \\log(1 - s(b_j)),
        \\quad s(a) = \\frac{1}{1 + e^{-a}}$$

        `real_logits` $(N)$ holds the $a_i$ of real points, `fake_logits` $(M)$ the $b_j$ of generated ones.
        Return a tensor of no axes, in nats, without `F.binary_cross_entropy`, its relatives or
        `torch.distributions`. Logits may be $\\pm 10^4$ in float32: values and gradients, which are compared,
        must be finite.

        By hand first: one real and one generated point, both with the logit $\\ln 3$. What is the loss?
    """,
    stub_function=my_discriminator_loss,
    reference=by_pytorch,
    cases=lambda rng: [
        (torch.tensor([math.log(3)]).double(), torch.tensor([math.log(3)]).double()),  # 3/4 and 1/4
        (torch.tensor([0.5, -1.0]).double(), torch.tensor([2.0]).double()),
        logits_case(rng, 1, 3),
        logits_case(rng, 4, 4),
        logits_case(rng, 5, 2, torch.float64, 3.0),
        logits_case(rng, 3, 6, torch.float32, 4.0),
        extreme_case(torch.float32, 12.0, 50.0),
        extreme_case(torch.float32, 100.0, 1e4),
        extreme_case(torch.float64, 40.0, 800.0, 1e4),
        *(wide_logits(rng) for _ in range(6)),
    ],
    wide=wide_logits,
    gradients=True,
    hints=(
        "The two batches have means of their own. And what is 1 - s(b), written as a sigmoid again?",
        "1 - s(b) = s(-b). Take no logarithm of a sigmoid that is already rounded to 0: `F.logsigmoid` is "
        "log s(a) in one step.",
        "`-F.logsigmoid(real_logits).mean() - F.logsigmoid(-fake_logits).mean()`.",
    ),
    solution_function=solve_discriminator_loss,
    alternatives=(loss_by_softplus, loss_by_log1p, loss_by_weights),
    misconceptions=(
        *(
            costs(
                name,
                "Right for moderate logits, but of an extreme one exp overflows or the sigmoid is rounded to "
                "0 or 1, and log 0 is -inf. `F.logsigmoid` and `F.softplus` take both in one step.",
                real,
                fake,
            )
            for name, real, fake in (
                ("log_of_sigmoid", lambda a: -a.sigmoid().log(), lambda b: -(1 - b.sigmoid()).log()),
                ("log_of_both_sigmoids", lambda a: -a.sigmoid().log(), lambda b: -(-b).sigmoid().log()),
                ("log_of_the_fake_sigmoid", is_real, lambda b: -(1 - b.sigmoid()).log()),
            )
        ),
        *(
            by_probability(
                f"clamped_{edge:.0e}",
                "You clamp the probability away from 0 and 1: a confident mistake then costs too little and "
                "has no gradient. `F.logsigmoid` on the logits needs no clamp.",
                edge=edge,
            )
            for edge in (1e-4, 1e-5, 1e-6, 1e-7, 1e-8)
        ),
        *(
            by_probability(
                f"epsilon_{small:.0e}",
                "You add a small number inside the logarithm: a confident mistake then costs too little, "
                "and its gradient is lost. `F.logsigmoid` on the logits needs none.",
                lambda p, small=small: torch.log(p + small),
            )
            for small in (1e-6, 1e-7, 1e-8, 1e-10, 1e-12)
        ),
        ended(
            "halved",
            "You average the two terms: half of what equation 1 gives. Minima are the same, but a "
            "discriminator that cannot tell real from fake costs 2 log 2, not log 2.",
            lambda real, fake: (real.mean() + fake.mean()) / 2,
        ),
        ended(
            "mean_of_all_points",
            "You take one mean over all N + M points: each batch has a mean of its own, and the two are "
            "added. Joined, the larger batch would weigh more.",
            lambda real, fake: torch.cat([real, fake]).mean(),
        ),
        ended(
            "twice_the_mean_of_all_points",
            "Right where N = M. Else the larger batch weighs more: take each batch's own mean, then add.",
            lambda real, fake: 2 * torch.cat([real, fake]).mean(),
        ),
        ended(
            "sign_turned",
            "This is the value, which the discriminator maximises: a loss is minimised, so turn the sign.",
            lambda real, fake: -real.mean() - fake.mean(),
        ),
        ended(
            "summed",
            "You sum over the points: the loss is a mean over each batch, whatever its size.",
            lambda real, fake: real.sum() + fake.sum(),
        ),
        ended(
            "real_points_alone",
            "You count the real points alone: a discriminator that calls everything real would win. "
            "Generated points cost -log(1 - D).",
            lambda real, fake: real.mean(),
        ),
        costs(
            "generators_term",
            "Your second term is -log D(fake), the generator's loss: it rewards calling generated points "
            "real. The discriminator's is -log(1 - D(fake)).",
            fake=is_real,
        ),
        costs(
            "labels_swapped",
            "The labels are swapped: -log D belongs to the real points, -log(1 - D) to the generated ones.",
            is_fake,
            is_real,
        ),
        costs(
            "sigmoid_twice",
            "The sigmoid is applied twice: `F.logsigmoid` and softplus take logits, not probabilities.",
            lambda a: is_real(a.sigmoid()),
            lambda b: is_fake(b.sigmoid()),
        ),
        costs(
            "raw_logits",
            "You average the logits themselves, as a Wasserstein critic does: nothing bounds that loss. "
            "Each logit goes through log s first.",
            torch.negative,
            torch.positive,
        ),
        costs(
            "logits_as_probabilities",
            "You take the logits for probabilities, and the logarithm of a negative number is NaN: they go "
            "through a sigmoid first.",
            lambda a: -a.log(),
            lambda b: -(1 - b).log(),
        ),
    ),
)

"""Chapter 4, exercise: the log-likelihood of binary pixels under a decoder's logits."""

import math

import torch
import torch.nn.functional as F

from course.exercises.draw import normal
from course.exercises.engine import Exercise, Misconception


def my_log_likelihood(x, logits):
    """log p(x | z), nats, (B,). x (B, D) int64, 0 or 1; logits (B, D), before the sigmoid."""
    raise NotImplementedError


def solve_log_likelihood(x, logits):
    """log p(x | z), nats, (B,). x (B, D) int64, 0 or 1; logits (B, D), before the sigmoid."""
    # 1 - sigmoid(a) is sigmoid(-a): both logarithms are then taken in one step, with nothing to underflow.
    by_pixel = x * F.logsigmoid(logits) + (1 - x) * F.logsigmoid(-logits)  # (B, D)
    return by_pixel.sum(dim=1)


def likelihood_by_softplus(x, logits):
    """The same: softplus is log(1 + exp(a)), without overflow."""
    return (x * logits - F.softplus(logits)).sum(-1)


def likelihood_by_sign(x, logits):
    """The same: a pixel of 0 turns the sign of its logit."""
    return F.logsigmoid((2 * x - 1) * logits).sum(1)


def likelihood_by_log1p(x, logits):
    """The same with the largest of 0 and the logit taken out of the exponential."""
    log_norm = logits.clamp(min=0) + torch.log1p(torch.exp(-logits.abs()))
    return torch.sum(torch.where(x == 1, logits, 0.0) - log_norm, dim=1)


def likelihood_by_two_classes(x, logits):
    """The same as a softmax over two classes, whose logits are 0 and a."""
    both = torch.stack([torch.zeros_like(logits), logits], dim=-1)  # (B, D, 2)
    return both.log_softmax(dim=-1).gather(2, x[:, :, None])[:, :, 0].sum(dim=1)


def by_pytorch(x, logits):
    """The same by `F.binary_cross_entropy_with_logits`, in float64."""
    nll = F.binary_cross_entropy_with_logits(logits.double(), x.double(), reduction="none")
    return -nll.sum(1).to(logits.dtype)


def right(x, logits):
    """The log-probability of each pixel, (B, D)."""
    return F.logsigmoid((2 * x - 1) * logits)


def ended(finish):
    """The log-likelihood with another end, a function of (B, D)."""
    return lambda x, logits: finish(right(x, logits))


def pixels(by_pixel):
    """The sum over pixels of another function of x and the logits."""
    return lambda x, logits: by_pixel(x, logits).sum(1)


def by_probability(probability=torch.sigmoid, log=torch.log):
    """The sum of x log p + (1 - x) log(1 - p), with other p or another logarithm."""
    return pixels(lambda x, logits: x * log(probability(logits)) + (1 - x) * log(1 - probability(logits)))


def alike(diagnosis, **by_pixel):
    """Misconceptions with one diagnosis; each is a function of x and the logits that returns (B, D)."""
    return (Misconception(name, diagnosis, pixels(function)) for name, function in by_pixel.items())


def likelihood_case(rng, b, d, dtype=torch.float64, scale=1.0):
    """A case of given sizes; scale multiplies the logits."""
    return (normal(rng, b, d) > 0).long(), normal(rng, b, d, dtype=dtype, scale=scale)


def extreme_case(dtype, *values):
    """Each of the logits and its negative, each with a pixel of 1 and one of 0; the rows tell them apart."""
    logits = torch.tensor([[v, -v] for v in values], dtype=dtype)
    return torch.cat([torch.ones_like(logits), torch.zeros_like(logits)]).long(), torch.cat([logits, logits])


def wide_likelihood(rng):
    """One valid case; float64 logits stay below 20, from where on `F.softplus` has nine digits alone."""
    dtype, largest = rng.choice(((torch.float32, 4.0), (torch.float64, 0.5)))
    return likelihood_case(rng, rng.randint(1, 4), rng.randint(1, 5), dtype, 10 ** rng.uniform(-1, largest))


bernoulli_log_likelihood = Exercise(
    name="bernoulli_log_likelihood",
    title="the log-likelihood of binary pixels",
    difficulty="medium",
    minutes=15,
    task="""
        The decoder gives each of $D$ binary pixels a logit $a_i$, hence a probability of being 1:

        $$\\log p(x \\mid z) = \\sum_{i=1}^{D} \\big(x_i \\log s(a_i) + (1 - x_i) \\log(1 - s(a_i))\\big),
        \\quad s(a) = \\frac{1}{1 + e^{-a}}$$

        `x` $(B, D)$ holds whole numbers, 0 or 1. Return $(B)$, in nats, without `F.binary_cross_entropy`,
        its relatives or `torch.distributions`. Logits may be $\\pm 10^4$ in float32: values and gradients,
        which are compared, must be finite.

        By hand first: two pixels with logits of $\\ln 3$, one 1 and one 0. What is $p(x \\mid z)$?
    """,
    stub_function=my_log_likelihood,
    reference=by_pytorch,
    cases=lambda rng: [
        (torch.tensor([[1, 0]]), torch.full((1, 2), math.log(3), dtype=torch.float64)),  # 3/4 times 1/4
        (torch.tensor([[1, 0, 1]]), torch.tensor([[0.25, 0.5, 0.75]], dtype=torch.float64)),
        likelihood_case(rng, 1, 1),
        likelihood_case(rng, 4, 1),
        likelihood_case(rng, 1, 6),
        likelihood_case(rng, 3, 3),
        likelihood_case(rng, 2, 5, torch.float64, 3.0),
        likelihood_case(rng, 3, 4, torch.float32, 4.0),
        extreme_case(torch.float32, 12.0, 50.0),
        extreme_case(torch.float32, 100.0, 1e4),
        extreme_case(torch.float64, 40.0, 800.0, 1e4),
        *(wide_likelihood(rng) for _ in range(5)),
    ],
    wide=wide_likelihood,
    gradients=True,
    hints=(
        "Which of the two terms is left for x = 1, and which for x = 0? And what is 1 - s(a), written as a "
        "sigmoid again?",
        "1 - s(a) = s(-a). Take no logarithm of a sigmoid that is already rounded to 0: `F.logsigmoid` is "
        "log s(a) in one step.",
        "`(x * F.logsigmoid(logits) + (1 - x) * F.logsigmoid(-logits)).sum(dim=1)`.",
    ),
    solution_function=solve_log_likelihood,
    alternatives=(
        likelihood_by_softplus,
        likelihood_by_sign,
        likelihood_by_log1p,
        likelihood_by_two_classes,
    ),
    misconceptions=(
        *alike(
            "Right for moderate logits, but of an extreme one exp overflows and the sigmoid is rounded to 0 "
            "or 1; the logarithm of 0 is -inf, and 0 times that NaN. `F.logsigmoid` takes both in one step.",
            log_of_sigmoid=lambda x, a: x * torch.sigmoid(a).log() + (1 - x) * (1 - torch.sigmoid(a)).log(),
            log_of_both_sigmoids=lambda x, a: x * torch.sigmoid(a).log() + (1 - x) * torch.sigmoid(-a).log(),
            log_of_the_picked_sigmoid=lambda x, a: (x * a.sigmoid() + (1 - x) * (1 - a.sigmoid())).log(),
            log_of_the_sigmoid_by_sign=lambda x, a: torch.sigmoid((2 * x - 1) * a).log(),
        ),
        Misconception(
            "exponential_overflows",
            "Right for moderate logits, but exp overflows for large ones. log(1 + exp(a)) in one step is "
            "`F.softplus(a)`.",
            pixels(lambda x, a: x * a - torch.log1p(torch.exp(a))),
        ),
        Misconception(
            "overflow_in_the_gradient",
            "The values are right, but gradients are NaN: exp overflows in the branch that torch.where does "
            "not choose, and 0 times inf goes back through it. `F.softplus` or `F.logsigmoid` have no "
            "branch.",
            pixels(
                lambda x, a: (
                    x * a - torch.where(a > 0, a + torch.log1p(torch.exp(-a)), torch.log1p(torch.exp(a)))
                )
            ),
        ),
        *(
            Misconception(
                f"clamped_{edge:.0e}",
                "You clamp the probability away from 0 and 1: a confident mistake then costs too little and "
                "has no gradient. `F.logsigmoid` on the logits needs no clamp.",
                by_probability(lambda a, edge=edge: torch.sigmoid(a).clamp(edge, 1 - edge)),
            )
            for edge in (1e-4, 1e-5, 1e-6, 1e-7, 1e-8)
        ),
        *(
            Misconception(
                f"epsilon_{small:.0e}",
                "You add a small number inside the logarithm: a confident mistake then costs too little, "
                "and its gradient is lost. `F.logsigmoid` on the logits needs none.",
                by_probability(log=lambda p, small=small: torch.log(p + small)),
            )
            for small in (1e-6, 1e-7, 1e-8, 1e-10, 1e-12)
        ),
        Misconception(
            "cut_at_100",
            "Your logarithm stops at -100, as that of `F.binary_cross_entropy` does: beyond it the gradient "
            "is lost. Work on the logits.",
            pixels(lambda x, a: -F.binary_cross_entropy(torch.sigmoid(a), x.to(a.dtype), reduction="none")),
        ),
        Misconception(
            "sign_turned",
            "This is the negative log-likelihood, a loss: a log-probability is at most 0.",
            ended(lambda log_p: -log_p.sum(1)),
        ),
        Misconception(
            "mean_over_pixels",
            "You average over the pixels: the probabilities of independent pixels multiply, so their "
            "logarithms add up. Averaged, this term would weigh D times less against the KL.",
            ended(lambda log_p: log_p.mean(1)),
        ),
        Misconception(
            "sum_of_everything",
            "You sum over the batch too: return one number for each image, (B,).",
            ended(lambda log_p: log_p.sum()),
        ),
        Misconception(
            "summed_over_the_batch",
            "You sum over the batch, dim=0: the pixels are the last axis, dim=1.",
            ended(lambda log_p: log_p.sum(0)),
        ),
        Misconception("not_summed", "You return one number for each pixel, (B, D): sum over dim=1.", right),
        Misconception(
            "logits_as_probabilities",
            "You take the logits for probabilities, and the logarithm of a negative number is NaN: they go "
            "through a sigmoid first.",
            by_probability(lambda a: a),
        ),
        Misconception(
            "sigmoid_twice",
            "The sigmoid is applied twice: `F.logsigmoid` and softplus take logits, not probabilities.",
            pixels(lambda x, a: right(x, torch.sigmoid(a))),
        ),
        Misconception(
            "pixels_swapped",
            "Black and white are swapped: log s(a) belongs to pixels of 1, log(1 - s(a)) to pixels of 0.",
            pixels(lambda x, a: right(x, -a)),
        ),
        Misconception(
            "ones_alone",
            "You count the pixels of 1 alone: a decoder that gives every pixel a high probability would "
            "win. Pixels of 0 cost -log(1 - s(a)).",
            pixels(lambda x, a: x * F.logsigmoid(a)),
        ),
        Misconception(
            "softmax_over_pixels",
            "Your softmax runs over the pixels, as if exactly one of them were 1: each pixel has a "
            "probability of its own, by a sigmoid.",
            pixels(lambda x, a: x * a.log_softmax(1)),
        ),
        Misconception(
            "squared_error",
            "This is the squared error of the probabilities, with a minus sign: it belongs to a Gaussian "
            "likelihood. Binary pixels have a Bernoulli likelihood.",
            pixels(lambda x, a: -(x - torch.sigmoid(a)).square()),
        ),
    ),
)

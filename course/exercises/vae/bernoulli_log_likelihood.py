"""Chapter 4: the log-likelihood of binary pixels under a decoder's logits."""

import math
import torch
import torch.nn.functional as F
from course.exercises.cases import normal
from course.exercises.engine import Exercise


def my_log_likelihood(x, logits):
    """log p(x | z), nats, (B,). x (B, D) int64, 0 or 1; logits (B, D), before the sigmoid."""
    # 1 - sigmoid(a) is sigmoid(-a): both logarithms are then taken in one step, with nothing to underflow.
    by_pixel = x * F.logsigmoid(logits) + (1 - x) * F.logsigmoid(-logits)  # (B, D)
    return by_pixel.sum(dim=1)


def by_pytorch(x, logits):
    """The same by `F.binary_cross_entropy_with_logits`, in float64."""
    nll = F.binary_cross_entropy_with_logits(logits.double(), x.double(), reduction="none")
    return -nll.sum(1).to(logits.dtype)


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
    my_log_likelihood,
    reference=by_pytorch,
    gradients=True,
    # OLD wide=wide_likelihood
    # OLD cases:
    # lambda rng: [
    #         (torch.tensor([[1, 0]]), torch.full((1, 2), math.log(3), dtype=torch.float64)),  # 3/4 times 1/4
    #         (torch.tensor([[1, 0, 1]]), torch.tensor([[0.25, 0.5, 0.75]], dtype=torch.float64)),
    #         likelihood_case(rng, 1, 1),
    #         likelihood_case(rng, 4, 1),
    #         likelihood_case(rng, 1, 6),
    #         likelihood_case(rng, 3, 3),
    #         likelihood_case(rng, 2, 5, torch.float64, 3.0),
    #         likelihood_case(rng, 3, 4, torch.float32, 4.0),
    #         extreme_case(torch.float32, 12.0, 50.0),
    #         extreme_case(torch.float32, 100.0, 1e4),
    #         extreme_case(torch.float64, 40.0, 800.0, 1e4),
    #         *(wide_likelihood(rng) for _ in range(5)),
    #     ]
    by_hand=(),
    draw=None,
    sizes=[],
    spans={},
    hints="""
        Which of the two terms is left for x = 1, and which for x = 0? And what is 1 - s(a), written as a
        sigmoid again?

        1 - s(a) = s(-a). Take no logarithm of a sigmoid that is already rounded to 0: `F.logsigmoid` is log
        s(a) in one step.

        `(x * F.logsigmoid(logits) + (1 - x) * F.logsigmoid(-logits)).sum(dim=1)`.
    """,
    wrong="""
        log_of_sigmoid: OLD → NEW
            Right for moderate logits, but of an extreme one exp overflows and the sigmoid is rounded to 0 or
            1; the logarithm of 0 is -inf, and 0 times that NaN. `F.logsigmoid` takes both in one step.
        log_of_both_sigmoids: OLD → NEW
            Right for moderate logits, but of an extreme one exp overflows and the sigmoid is rounded to 0 or
            1; the logarithm of 0 is -inf, and 0 times that NaN. `F.logsigmoid` takes both in one step.
        log_of_the_picked_sigmoid: OLD → NEW
            Right for moderate logits, but of an extreme one exp overflows and the sigmoid is rounded to 0 or
            1; the logarithm of 0 is -inf, and 0 times that NaN. `F.logsigmoid` takes both in one step.
        log_of_the_sigmoid_by_sign: OLD → NEW
            Right for moderate logits, but of an extreme one exp overflows and the sigmoid is rounded to 0 or
            1; the logarithm of 0 is -inf, and 0 times that NaN. `F.logsigmoid` takes both in one step.
        exponential_overflows: OLD → NEW
            Right for moderate logits, but exp overflows for large ones. log(1 + exp(a)) in one step is
            `F.softplus(a)`.
        overflow_in_the_gradient: OLD → NEW
            The values are right, but gradients are NaN: exp overflows in the branch that torch.where does not
            choose, and 0 times inf goes back through it. `F.softplus` or `F.logsigmoid` have no branch.
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
        cut_at_100: OLD → NEW
            Your logarithm stops at -100, as that of `F.binary_cross_entropy` does: beyond it the gradient is
            lost. Work on the logits.
        sign_turned: OLD → NEW
            This is the negative log-likelihood, a loss: a log-probability is at most 0.
        mean_over_pixels: OLD → NEW
            You average over the pixels: the probabilities of independent pixels multiply, so their logarithms
            add up. Averaged, this term would weigh D times less against the KL.
        sum_of_everything: OLD → NEW
            You sum over the batch too: return one number for each image, (B,).
        summed_over_the_batch: OLD → NEW
            You sum over the batch, dim=0: the pixels are the last axis, dim=1.
        not_summed: OLD → NEW
            You return one number for each pixel, (B, D): sum over dim=1.
        logits_as_probabilities: OLD → NEW
            You take the logits for probabilities, and the logarithm of a negative number is NaN: they go
            through a sigmoid first.
        sigmoid_twice: OLD → NEW
            The sigmoid is applied twice: `F.logsigmoid` and softplus take logits, not probabilities.
        pixels_swapped: OLD → NEW
            Black and white are swapped: log s(a) belongs to pixels of 1, log(1 - s(a)) to pixels of 0.
        ones_alone: OLD → NEW
            You count the pixels of 1 alone: a decoder that gives every pixel a high probability would win.
            Pixels of 0 cost -log(1 - s(a)).
        softmax_over_pixels: OLD → NEW
            Your softmax runs over the pixels, as if exactly one of them were 1: each pixel has a probability
            of its own, by a sigmoid.
        squared_error: OLD → NEW
            This is the squared error of the probabilities, with a minus sign: it belongs to a Gaussian
            likelihood. Binary pixels have a Bernoulli likelihood.
    """,
)

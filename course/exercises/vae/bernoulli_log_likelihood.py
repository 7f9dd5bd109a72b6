"""Chapter 4: the log-likelihood of binary pixels under a decoder's logits."""

import math

import torch
import torch.nn.functional as F

from course.exercises.cases import FLOATS, normal
from course.exercises.engine import Exercise


def my_log_likelihood(x, logits):
    """log p(x | z), nats, (B,). x (B, D) int64, 0 or 1; logits (B, D), before the sigmoid."""
    # 1 - sigmoid(a) is sigmoid(-a): both logarithms are then taken in one step, with nothing to underflow.
    log_p = x * F.logsigmoid(logits) + (1 - x) * F.logsigmoid(-logits)  # (B, D)
    return log_p.sum(dim=1)


def by_pytorch(x, logits):
    """The same by `F.binary_cross_entropy_with_logits`, in float64."""
    nll = F.binary_cross_entropy_with_logits(logits.double(), x.double(), reduction="none")
    return -nll.sum(1).to(logits.dtype)


def overflow_in_the_gradient(x, logits):
    """The values are right, but gradients are NaN: exp overflows in the branch that torch.where does not
    choose, and 0 times inf goes back through it. `F.softplus` or `F.logsigmoid` have no branch."""
    high, low = logits + torch.log1p(torch.exp(-logits)), torch.log1p(torch.exp(logits))
    return (x * logits - torch.where(logits > 0, high, low)).sum(dim=1)


def draw(rng, B, D, scale=1.0, dtype=torch.float64):
    """A case; `scale` multiplies the logits."""
    return (normal(rng, B, D) > 0).long(), normal(rng, B, D, dtype=dtype, scale=scale).clamp(-1e4, 1e4)


def spans(rng):
    """Logits up to 10^4 in float32; in float64 below 20, from where on `F.softplus` has nine digits alone."""
    dtype = rng.choice(FLOATS)
    scale = 10 ** rng.uniform(-1, 4 if dtype == torch.float32 else 0.5)
    return dict(B=rng.randint(1, 4), D=rng.randint(1, 5), scale=scale, dtype=dtype)


def extreme(dtype, *values):
    """Each of the logits and its negative, each with a pixel of 1 and one of 0; the rows tell them apart."""
    logits = torch.tensor([[v, -v] for v in values], dtype=dtype)
    return torch.cat([torch.ones_like(logits), torch.zeros_like(logits)]).long(), torch.cat([logits, logits])


bernoulli_log_likelihood = Exercise(
    my_log_likelihood,
    reference=by_pytorch,
    gradients=True,
    by_hand=[
        (torch.tensor([[1, 0]]), [[math.log(3), math.log(3)]]),  # 3/4 times 1/4
        (torch.tensor([[1, 0, 1]]), [[0.25, 0.5, 0.75]]),
        (torch.tensor([[1, 0], [0, 1]]), [[0.0, 0.0], [0.0, 2.0]]),  # corners of abs, relu and clamp
        (torch.tensor([[1], [0]]), [[800.0], [-800.0]]),  # sure and right
        # lone pixels that are nearly sure: what is left of 0 counts
        (torch.tensor([[1], [0]] * 3), [[9.0], [-9.0], [12.0], [-12.0], [18.0], [-18.0]]),
        extreme(torch.float32, 12.0, 50.0),
        extreme(torch.float32, 100.0, 1e4),
        extreme(torch.float64, 40.0, 800.0, 1e4),
    ],
    draw=draw,
    sizes=[
        dict(B=1, D=1),
        dict(B=4, D=1),
        dict(B=1, D=6),
        dict(B=3, D=3),
        dict(B=2, D=5, scale=3.0),
        dict(B=300, D=2),
        dict(B=2, D=1000),  # the product of so many probabilities is 0
        dict(B=3, D=4, scale=4.0, dtype=torch.float32),
    ],
    spans=spans,
    hints="""
        Which of the two terms is left for x = 1, and which for x = 0? And what is 1 - s(a), written as a
        sigmoid again?

        1 - s(a) = s(-a). Take no logarithm of a sigmoid that is already rounded to 0: `F.logsigmoid` is log
        s(a) in one step.

        This is the line itself: `(x * F.logsigmoid(logits) + (1 - x) * F.logsigmoid(-logits)).sum(dim=1)`.
    """,
    wrong="""
        log_of_sigmoid: F.logsigmoid(logits) → torch.sigmoid(logits).log()
        and: F.logsigmoid(-logits) → (1 - torch.sigmoid(logits)).log()
        log_of_both_sigmoids: F.logsigmoid(logits) → torch.sigmoid(logits).log()
        and: F.logsigmoid(-logits) → torch.sigmoid(-logits).log()
        log_of_the_picked_sigmoid: F.logsigmoid(logits) → torch.sigmoid(logits)
        and: F.logsigmoid(-logits) → (1 - torch.sigmoid(logits))
        and: log_p.sum → log_p.log().sum
        log_of_the_sigmoid_by_sign: log_p.sum → torch.sigmoid((2 * x - 1) * logits).log().sum
            Right for moderate logits, but of an extreme one exp overflows and the sigmoid is rounded to 0 or
            1; the logarithm of 0 is -inf, and 0 times that NaN. `F.logsigmoid` takes both in one step.
        exponential_overflows: log_p.sum → (x * logits - torch.log1p(torch.exp(logits))).sum
            Right for moderate logits, but exp overflows for large ones. log(1 + exp(a)) in one step is
            `F.softplus(a)`.
        clamped_{}: F.logsigmoid(logits) → torch.sigmoid(logits).clamp({}, 1 - {}).log()
        and: F.logsigmoid(-logits) → (1 - torch.sigmoid(logits).clamp({}, 1 - {})).log()
        for: 1e-4, 1e-5, 1e-6, 1e-7, 1e-8
            You clamp the probability away from 0 and 1: a confident mistake then costs too little and has no
            gradient. `F.logsigmoid` on the logits needs no clamp.
        epsilon_{}: F.logsigmoid(logits) → (torch.sigmoid(logits) + {}).log()
        and: F.logsigmoid(-logits) → (1 - torch.sigmoid(logits) + {}).log()
        for: 1e-6, 1e-7, 1e-8, 1e-10, 1e-12
            You add a small number inside the logarithm: a confident mistake then costs too little, and its
            gradient is lost. `F.logsigmoid` on the logits needs none.
        cut_at_100: log_p.sum → -F.binary_cross_entropy(logits.sigmoid(), x.to(logits), reduction="none").sum
        logarithms_cut_at_100: F.logsigmoid(logits) → F.logsigmoid(logits).clamp(min=-100)
        and: F.logsigmoid(-logits) → F.logsigmoid(-logits).clamp(min=-100)
            Your logarithm stops at -100, as that of `F.binary_cross_entropy` does: beyond it the gradient is
            lost. Work on the logits.
        sign_turned: return log_p → return -log_p
            This is the negative log-likelihood, a loss: a log-probability is at most 0.
        mean_over_pixels: log_p.sum → log_p.mean
            You average over the pixels: the probabilities of independent pixels multiply, so their logarithms
            add up. Averaged, this term would weigh D times less against the KL.
        sum_of_everything: sum(dim=1) → sum()
            You sum over the batch too: return one number for each image, (B,).
        summed_over_the_batch: dim=1 → dim=0
            You sum over the batch, dim=0: the pixels are the last axis, dim=1.
        not_summed: .sum(dim=1) → nothing
            You return one number for each pixel, (B, D): sum over dim=1.
        logits_as_probabilities: F.logsigmoid(logits) → logits.log()
        and: F.logsigmoid(-logits) → (1 - logits).log()
            You take the logits for probabilities, and the logarithm of a negative number is NaN: they go
            through a sigmoid first.
        sigmoid_twice: F.logsigmoid(logits) → F.logsigmoid(torch.sigmoid(logits))
        and: F.logsigmoid(-logits) → F.logsigmoid(-torch.sigmoid(logits))
            The sigmoid is applied twice: `F.logsigmoid` and softplus take logits, not probabilities.
        pixels_swapped: x * F.logsigmoid(logits) + (1 - x) * → (1 - x) * F.logsigmoid(logits) + x *
            Black and white are swapped: log s(a) belongs to pixels of 1, log(1 - s(a)) to pixels of 0.
        ones_alone: + (1 - x) * F.logsigmoid(-logits) → nothing
            You count the pixels of 1 alone: a decoder that gives every pixel a high probability would win.
            Pixels of 0 cost -log(1 - s(a)).
        softmax_over_pixels: log_p.sum → (x * logits.log_softmax(dim=1)).sum
            Your softmax runs over the pixels, as if exactly one of them were 1: each pixel has a probability
            of its own, by a sigmoid.
        squared_error: log_p.sum → -(x - torch.sigmoid(logits)).square().sum
            This is the squared error of the probabilities, with a minus sign: it belongs to a Gaussian
            likelihood. Binary pixels have a Bernoulli likelihood.
    """,
    functions=(overflow_in_the_gradient,),
    special="""
        nearly_sure: 8 < logits.abs().max() < 20
            Right but for logits of 9 to 20, where the probability of a mistake is small, not 0. Does a branch
            take it for 0, as `F.softplus` does beyond its threshold?
        zero_logit: (logits == 0).any()
            Right but for logits of exactly 0, where the gradient is x - 1/2: abs, relu and clamp have corners
            there, whose slopes do not add up to it. `F.logsigmoid` and `F.softplus` have none.
        extreme_logits: logits.abs().max() > 9
            Right for moderate logits alone. Is something clamped or cut, does exp overflow, or is a
            probability rounded to 0 or 1? `F.logsigmoid` takes logits of any size.
    """,
    forbids="""
        torch.distributions* torch*.*loss* torch*.*entropy* torch*.kl_div*: Write the two logarithms yourself,
        since they are what the exercise is about.
    """,
)

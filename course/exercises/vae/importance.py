"""Chapter 4, exercise: the importance-weighted bound, Burda, Grosse and Salakhutdinov (2016), equation 8."""

import functools
import math

import torch

from course.exercises.draw import normal
from course.exercises.engine import Exercise, Misconception


def my_iw_bound(log_w):
    """The importance-weighted bound on log p(x), nats, (B,). log_w (k, B), the log weights of k samples."""
    raise NotImplementedError


def solve_iw_bound(log_w):
    """The importance-weighted bound on log p(x), nats, (B,). log_w (k, B), the log weights of k samples."""
    # log of the mean = log of the sum - log k; logsumexp takes the largest weight out before the exp.
    return torch.logsumexp(log_w, dim=0) - math.log(log_w.shape[0])


def bound_by_largest(log_w):
    """The same with the largest weight of each image taken out by hand."""
    largest = log_w.max(dim=0).values
    return largest + (log_w - largest).exp().mean(dim=0).log()


def bound_by_softmax(log_w):
    """The same: each log weight is its log-softmax plus the log of the sum."""
    log_sum = log_w[0] - log_w.log_softmax(dim=0)[0]
    return log_sum - torch.full_like(log_sum, len(log_w)).log()


def bound_by_image(log_w):
    """The same, one image after the other, with the weights divided by k before they are added."""
    k = log_w.shape[0]
    return torch.stack([torch.logsumexp(column - math.log(k), dim=0) for column in log_w.T])


def by_pairs(log_w):
    """The same in float64, one weight added after the other."""
    log_sum = functools.reduce(torch.logaddexp, log_w.double().unbind(0))
    return (log_sum - math.log(len(log_w))).to(log_w.dtype)


def log_sum(log_w):
    """The log of the sum of the weights, (B,)."""
    return torch.logsumexp(log_w, dim=0)


def right(log_w):
    """The bound."""
    return log_sum(log_w) - math.log(len(log_w))


def bound_case(rng, k, b, dtype=torch.float64, scale=1.0, centre=0.0):
    """A case of given sizes: log weights around the centre."""
    return (normal(rng, k, b, dtype=dtype, scale=scale) + centre,)


def wide_bound(rng):
    """One valid case of small random sizes, log weights from moderate to extreme."""
    dtype, scale = rng.choice((torch.float32, torch.float64)), 10 ** rng.uniform(-1, 1)
    return bound_case(rng, rng.randint(1, 5), rng.randint(1, 4), dtype, scale, rng.choice((0, -30, -1000)))


iw_bound = Exercise(
    name="iw_bound",
    title="the importance-weighted bound",
    difficulty="medium",
    minutes=12,
    task="""
        From $k$ samples $z_j \\sim q(z \\mid x)$ with weights $w_j = p(x, z_j) / q(z_j \\mid x)$ comes a
        bound on $\\log p(x)$ that is tighter than the ELBO for $k > 1$, on average over the samples:

        $$\\mathcal L_k = \\log \\frac1k \\sum_{j=1}^{k} w_j$$

        `log_w` $(k, B)$ holds $\\log w_j$ of $B$ images; return $(B)$. Log weights near $-1000$ are usual, in
        float32 too, and differ between images. No loop over the samples. Values and gradients are compared.

        By hand first: two weights, 1 and 3. What is $\\mathcal L_2$, and what is the mean of the two
        logarithms?
    """,
    stub_function=my_iw_bound,
    reference=by_pairs,
    cases=lambda rng: [
        (torch.tensor([[0.0], [math.log(3)]], dtype=torch.float64),),  # by hand: ln 2
        (torch.tensor([[0.5, 2.0, 3.0]], dtype=torch.float64),),  # k = 1
        bound_case(rng, 1, 1),
        bound_case(rng, 4, 1),
        bound_case(rng, 3, 3),
        bound_case(rng, 5, 2, scale=3.0),
        bound_case(rng, 4, 3, torch.float32),
        bound_case(rng, 6, 2, torch.float32, 5.0, -1000.0),
        bound_case(rng, 3, 4, torch.float64, 2.0, -1000.0),
        bound_case(rng, 3, 2, torch.float32, 3.0, 500.0),
        (torch.full((4, 2), -800.0, dtype=torch.float64),),  # equal weights: the bound is their logarithm
        (torch.tensor([[-2000.0, 0.5], [-2001.0, 1.0]], dtype=torch.float64),),  # images far apart
        (torch.tensor([[0.0, -1e4], [-1e4, 3.0], [-1e4, -5.0]], dtype=torch.float64),),  # one weight is all
        *(wide_bound(rng) for _ in range(5)),
    ],
    wide=wide_bound,
    gradients=True,
    hints=(
        "The logarithm of a mean is not the mean of logarithms: the weights themselves are averaged, over "
        "which axis?",
        "exp(-1000) is 0 in floating point. Take the largest log weight of each image out of the sum and "
        "add it back behind the logarithm, as `torch.logsumexp` does. And a mean is a sum divided by k.",
        "`torch.logsumexp(log_w, dim=0) - math.log(log_w.shape[0])`.",
    ),
    solution_function=solve_iw_bound,
    alternatives=(bound_by_largest, bound_by_softmax, bound_by_image),
    misconceptions=(
        Misconception(
            "mean_of_the_logarithms",
            "You average the log weights: that is the ELBO, which no number of samples tightens. The mean "
            "is taken of the weights, inside the logarithm.",
            lambda log_w: log_w.mean(0),
        ),
        Misconception(
            "sum_of_the_logarithms",
            "You add the log weights, which multiplies the weights: they are to be averaged.",
            lambda log_w: log_w.sum(0),
        ),
        Misconception(
            "sum_for_mean",
            "Your bound is too high by log k: this is the logarithm of the sum of the weights, and their "
            "mean is asked for. Subtract log k.",
            log_sum,
        ),
        Misconception(
            "log_k_added",
            "You add log k: dividing the sum by k takes log k away.",
            lambda log_w: log_sum(log_w) + math.log(len(log_w)),
        ),
        Misconception(
            "divided_outside_the_logarithm",
            "You divide the logarithm of the sum by k: the division stands inside the logarithm, so "
            "subtract log k.",
            lambda log_w: log_sum(log_w) / len(log_w),
        ),
        Misconception(
            "k_subtracted",
            "You subtract k: a division by k inside the logarithm is log k outside.",
            lambda log_w: log_sum(log_w) - len(log_w),
        ),
        Misconception(
            "log_of_the_batch",
            "You subtract the logarithm of B: the mean runs over the k samples, so it is log k, of "
            "`log_w.shape[0]`.",
            lambda log_w: log_sum(log_w) - math.log(log_w.shape[1]),
        ),
        Misconception(
            "bits_for_log_k",
            "You subtract log k to base 2 from a result in nats: take the natural logarithm.",
            lambda log_w: log_sum(log_w) - math.log2(len(log_w)),
        ),
        Misconception(
            "log_k_in_float32",
            "Right to seven digits: `torch.tensor(float(k)).log()` is float32. Use `math.log(k)`.",
            lambda log_w: log_sum(log_w) - torch.tensor(float(len(log_w))).log(),
        ),
        Misconception(
            "over_the_batch",
            "You average over the images, dim=1: the samples stand along the first axis, dim=0.",
            lambda log_w: right(log_w.T),
        ),
        Misconception(
            "mean_of_the_logarithms_over_the_batch",
            "Two things: you average log weights, not weights, and over the images. The samples stand along "
            "dim=0, and the mean is taken inside the logarithm.",
            lambda log_w: log_w.mean(1),
        ),
        Misconception(
            "over_everything",
            "You average over samples and images together: each image has a bound of its own, (B,).",
            lambda log_w: right(log_w.flatten()),
        ),
        Misconception(
            "averaged_over_the_batch",
            "You average the bounds over the batch: return one for each image, (B,).",
            lambda log_w: right(log_w).mean(),
        ),
        Misconception(
            "axis_kept",
            "The values are right, but the axis of the samples is still there, (1, B): return (B,).",
            lambda log_w: right(log_w)[None],
        ),
        Misconception(
            "unstable",
            "Right for moderate weights, but exp(-1000) is 0, and the logarithm of 0 is -inf. "
            "`torch.logsumexp` takes the largest out first.",
            lambda log_w: log_w.exp().mean(0).log(),
        ),
        Misconception(
            "unstable_sum",
            "Two things: exp(-1000) is 0 and the logarithm of 0 is -inf, so use `torch.logsumexp`; and the "
            "mean is asked for, not the sum: subtract log k.",
            lambda log_w: log_w.exp().sum(0).log(),
        ),
        *(
            Misconception(
                f"epsilon_{small:.0e}",
                "You add a small number inside the logarithm: weights near exp(-1000) are far below it, and "
                "the bound becomes its logarithm. `torch.logsumexp` needs none.",
                lambda log_w, small=small: (log_w.exp().mean(0) + small).log(),
            )
            for small in (1e-6, 1e-7, 1e-8, 1e-10, 1e-12)
        ),
        Misconception(
            "one_largest_for_the_batch",
            "You take one largest log weight out for the whole batch: an image far below it still "
            "underflows to -inf. Each image needs its own, over dim=0.",
            lambda log_w: (log_w - log_w.max()).exp().mean(0).log() + log_w.max(),
        ),
        Misconception(
            "largest_not_added_back",
            "You take the largest log weight out, but do not add it back behind the logarithm.",
            lambda log_w: right(log_w - log_w.amax(0)),
        ),
        Misconception(
            "largest_alone",
            "You return the largest log weight: the others add to the sum, and dividing by k lowers it.",
            lambda log_w: log_w.amax(0),
        ),
        Misconception(
            "weighted_mean_of_the_logarithms",
            "You average the log weights with the normalised weights: that is no bound on log p(x). Average "
            "the weights, then take the logarithm.",
            lambda log_w: (log_w.softmax(0) * log_w).sum(0),
        ),
        Misconception(
            "logarithm_taken_again",
            "You take the logarithm of the mean of log_w, which holds logarithms already: NaN where they "
            "are negative. The exponential is missing.",
            lambda log_w: log_w.mean(0).log(),
        ),
        Misconception(
            "no_logarithm",
            "You return the mean weight, 0 in floating point for real images: return its logarithm.",
            lambda log_w: right(log_w).exp(),
        ),
        Misconception(
            "sign_turned",
            "You return minus the bound, a loss: return the bound itself.",
            lambda log_w: -right(log_w),
        ),
    ),
)

"""Chapter 4: the importance-weighted bound, Burda, Grosse and Salakhutdinov (2016), equation 8."""

import functools
import math
import torch
from course.exercises.cases import normal
from course.exercises.engine import Exercise


def my_iw_bound(log_w):
    """The importance-weighted bound on log p(x), nats, (B,). log_w (k, B), the log weights of k samples."""
    # log of the mean = log of the sum - log k; logsumexp takes the largest weight out before the exp.
    return torch.logsumexp(log_w, dim=0) - math.log(log_w.shape[0])


def by_pairs(log_w):
    """The same in float64, one weight added after the other."""
    log_sum = functools.reduce(torch.logaddexp, log_w.double().unbind(0))
    return (log_sum - math.log(len(log_w))).to(log_w.dtype)


def log_sum(log_w):
    """The log of the sum of the weights, (B,)."""
    return torch.logsumexp(log_w, dim=0)


def bound_case(rng, k, b, dtype=torch.float64, scale=1.0, centre=0.0):
    """A case of given sizes: log weights around the centre."""
    return (normal(rng, k, b, dtype=dtype, scale=scale) + centre,)


def wide_bound(rng):
    """One valid case of small random sizes, log weights from moderate to extreme."""
    dtype, scale = rng.choice((torch.float32, torch.float64)), 10 ** rng.uniform(-1, 1)
    return bound_case(rng, rng.randint(1, 5), rng.randint(1, 4), dtype, scale, rng.choice((0, -30, -1000)))


iw_bound = Exercise(
    my_iw_bound,
    reference=by_pairs,
    gradients=True,
    # OLD wide=wide_bound
    # OLD cases:
    # lambda rng: [
    #         (torch.tensor([[0.0], [math.log(3)]], dtype=torch.float64),),  # by hand: ln 2
    #         (torch.tensor([[0.5, 2.0, 3.0]], dtype=torch.float64),),  # k = 1
    #         bound_case(rng, 1, 1),
    #         bound_case(rng, 4, 1),
    #         bound_case(rng, 3, 3),
    #         bound_case(rng, 5, 2, scale=3.0),
    #         bound_case(rng, 4, 3, torch.float32),
    #         bound_case(rng, 6, 2, torch.float32, 5.0, -1000.0),
    #         bound_case(rng, 3, 4, torch.float64, 2.0, -1000.0),
    #         bound_case(rng, 3, 2, torch.float32, 3.0, 500.0),
    #         (torch.full((4, 2), -800.0, dtype=torch.float64),),  # equal weights: the bound is their logarithm
    #         (torch.tensor([[-2000.0, 0.5], [-2001.0, 1.0]], dtype=torch.float64),),  # images far apart
    #         (torch.tensor([[0.0, -1e4], [-1e4, 3.0], [-1e4, -5.0]], dtype=torch.float64),),  # one weight is all
    #         *(wide_bound(rng) for _ in range(5)),
    #     ]
    by_hand=(),
    draw=None,
    sizes=[],
    spans={},
    hints="""
        The logarithm of a mean is not the mean of logarithms: the weights themselves are averaged, over which
        axis?

        exp(-1000) is 0 in floating point. Take the largest log weight of each image out of the sum and add it
        back behind the logarithm, as `torch.logsumexp` does. And a mean is a sum divided by k.

        `torch.logsumexp(log_w, dim=0) - math.log(log_w.shape[0])`.
    """,
    wrong="""
        mean_of_the_logarithms: OLD → NEW
            You average the log weights: that is the ELBO, which no number of samples tightens. The mean is
            taken of the weights, inside the logarithm.
        sum_of_the_logarithms: OLD → NEW
            You add the log weights, which multiplies the weights: they are to be averaged.
        sum_for_mean: OLD → NEW
            Your bound is too high by log k: this is the logarithm of the sum of the weights, and their mean
            is asked for. Subtract log k.
        log_k_added: OLD → NEW
            You add log k: dividing the sum by k takes log k away.
        divided_outside_the_logarithm: OLD → NEW
            You divide the logarithm of the sum by k: the division stands inside the logarithm, so subtract
            log k.
        k_subtracted: OLD → NEW
            You subtract k: a division by k inside the logarithm is log k outside.
        log_of_the_batch: OLD → NEW
            You subtract the logarithm of B: the mean runs over the k samples, so it is log k, of
            `log_w.shape[0]`.
        bits_for_log_k: OLD → NEW
            You subtract log k to base 2 from a result in nats: take the natural logarithm.
        log_k_in_float32: OLD → NEW
            Right to seven digits: `torch.tensor(float(k)).log()` is float32. Use `math.log(k)`.
        over_the_batch: OLD → NEW
            You average over the images, dim=1: the samples stand along the first axis, dim=0.
        mean_of_the_logarithms_over_the_batch: OLD → NEW
            Two things: you average log weights, not weights, and over the images. The samples stand along
            dim=0, and the mean is taken inside the logarithm.
        over_everything: OLD → NEW
            You average over samples and images together: each image has a bound of its own, (B,).
        averaged_over_the_batch: OLD → NEW
            You average the bounds over the batch: return one for each image, (B,).
        axis_kept: OLD → NEW
            The values are right, but the axis of the samples is still there, (1, B): return (B,).
        unstable: OLD → NEW
            Right for moderate weights, but exp(-1000) is 0, and the logarithm of 0 is -inf. `torch.logsumexp`
            takes the largest out first.
        unstable_sum: OLD → NEW
            Two things: exp(-1000) is 0 and the logarithm of 0 is -inf, so use `torch.logsumexp`; and the mean
            is asked for, not the sum: subtract log k.
        epsilon_1e-06: OLD → NEW
            You add a small number inside the logarithm: weights near exp(-1000) are far below it, and the
            bound becomes its logarithm. `torch.logsumexp` needs none.
        epsilon_1e-07: OLD → NEW
            You add a small number inside the logarithm: weights near exp(-1000) are far below it, and the
            bound becomes its logarithm. `torch.logsumexp` needs none.
        epsilon_1e-08: OLD → NEW
            You add a small number inside the logarithm: weights near exp(-1000) are far below it, and the
            bound becomes its logarithm. `torch.logsumexp` needs none.
        epsilon_1e-10: OLD → NEW
            You add a small number inside the logarithm: weights near exp(-1000) are far below it, and the
            bound becomes its logarithm. `torch.logsumexp` needs none.
        epsilon_1e-12: OLD → NEW
            You add a small number inside the logarithm: weights near exp(-1000) are far below it, and the
            bound becomes its logarithm. `torch.logsumexp` needs none.
        one_largest_for_the_batch: OLD → NEW
            You take one largest log weight out for the whole batch: an image far below it still underflows to
            -inf. Each image needs its own, over dim=0.
        largest_not_added_back: OLD → NEW
            You take the largest log weight out, but do not add it back behind the logarithm.
        largest_alone: OLD → NEW
            You return the largest log weight: the others add to the sum, and dividing by k lowers it.
        weighted_mean_of_the_logarithms: OLD → NEW
            You average the log weights with the normalised weights: that is no bound on log p(x). Average the
            weights, then take the logarithm.
        logarithm_taken_again: OLD → NEW
            You take the logarithm of the mean of log_w, which holds logarithms already: NaN where they are
            negative. The exponential is missing.
        no_logarithm: OLD → NEW
            You return the mean weight, 0 in floating point for real images: return its logarithm.
        sign_turned: OLD → NEW
            You return minus the bound, a loss: return the bound itself.
    """,
)

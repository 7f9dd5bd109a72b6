"""Chapter 4: the importance-weighted bound, Burda, Grosse and Salakhutdinov (2016), equation 8."""

import functools
import math

import torch

from course.exercises.cases import normal
from course.exercises.engine import Exercise


def my_iw_bound(log_w):
    """The importance-weighted bound on log p(x), nats, (B,). log_w (k, B), the log weights of k samples."""
    # log of the mean = log of the sum - log k; logsumexp takes the largest weight out before the exp.
    log_sum = torch.logsumexp(log_w, dim=0)  # (B,)
    return log_sum - math.log(log_w.shape[0])


def by_pairs(log_w):
    """The same in float64, one weight added after the other."""
    log_sum = functools.reduce(torch.logaddexp, log_w.double().unbind(0))
    return (log_sum - math.log(len(log_w))).to(log_w.dtype)


def draw(rng, k, B, scale=1.0, centre=0.0, dtype=torch.float64):
    """A case: log weights around the centre."""
    return (normal(rng, k, B, dtype=dtype, scale=scale) + centre,)


iw_bound = Exercise(
    my_iw_bound,
    reference=by_pairs,
    gradients=True,
    by_hand=[
        ([[0.0], [math.log(3)]],),  # ln 2
        ([[0.5, 2.0, 3.0]],),  # k = 1
        ([[-800.0, -800.0]] * 4,),  # equal weights: the bound is their logarithm
        ([[-2000.0, 0.5], [-2001.0, 1.0]],),  # images far apart
        # in float32 before any other k of 3; at 10^4 its last digit would show in the slopes
        (torch.tensor([[500.0, 0.5], [-500.0, -9.0], [498.0, 0.5]]),),
        ([[0.0, -1e4], [-1e4, 3.0], [-1e4, -5.0]],),  # one weight is all
        ([[1e4, 0.5], [-1e4, -9.0], [9998.0, 0.5]],),
        ([[2.0, -3.0], [-6.0, -13.0], [-8.0, -16.0]],),  # far below the largest, and not nothing
        ([[6.91], *[[-1e4]] * 999],),  # the bound is near 0
    ],
    draw=draw,
    sizes=[
        dict(k=1, B=1),
        dict(k=4, B=1),
        dict(k=3, B=3),
        dict(k=5, B=2, scale=3.0),
        dict(k=300, B=1),
        dict(k=30, B=2, scale=3.0, centre=-700.0),
        dict(k=2, B=300),
        dict(k=4, B=3, dtype=torch.float32),
        dict(k=6, B=2, scale=5.0, centre=-1000.0, dtype=torch.float32),
        dict(k=3, B=4, scale=2.0, centre=-1000.0),
        dict(k=3, B=2, scale=3.0, centre=500.0, dtype=torch.float32),
    ],
    spans=dict(k=(1, 5), B=(1, 4), scale=lambda rng: 10 ** rng.uniform(-1, 1), centre=[0, -30, -1000]),
    hints="""
        The logarithm of a mean is not the mean of logarithms: the weights themselves are averaged, over which
        axis?

        exp(-1000) is 0 in floating point. Take the largest log weight of each image out of the sum and add it
        back behind the logarithm, as `torch.logsumexp` does. And a mean is a sum divided by k.

        This is the line itself: `torch.logsumexp(log_w, dim=0) - math.log(log_w.shape[0])`.
    """,
    wrong="""
        mean_of_the_logarithms: log_sum - math.log(log_w.shape[0]) → log_w.mean(dim=0)
            You average the log weights: that is the ELBO, which no number of samples tightens. The mean is
            taken of the weights, inside the logarithm.
        sum_of_the_logarithms: log_sum - math.log(log_w.shape[0]) → log_w.sum(dim=0)
            You add the log weights, which multiplies the weights: they are to be averaged.
        sum_for_mean: - math.log(log_w.shape[0]) → nothing
            Your bound is too high by log k: this is the logarithm of the sum of the weights, and their mean
            is asked for. Subtract log k.
        log_k_added: - math.log → + math.log
            You add log k: dividing the sum by k takes log k away.
        divided_outside_the_logarithm: - math.log(log_w.shape[0]) → / log_w.shape[0]
            You divide the logarithm of the sum by k: the division stands inside the logarithm, so subtract
            log k.
        log_of_the_batch: shape[0] → shape[1]
            You subtract the logarithm of B: the mean runs over the k samples, so it is log k, of
            `log_w.shape[0]`.
        log_k_in_float32: math.log(log_w.shape[0]) → torch.tensor(float(log_w.shape[0])).log()
            Right to seven digits: `torch.tensor(float(k)).log()` is float32. Use `math.log(k)`.
        over_the_batch: dim=0 → dim=1
        and: shape[0] → shape[1]
            You average over the images, dim=1: the samples stand along the first axis, dim=0.
        mean_of_the_logarithms_over_the_batch: log_sum - math.log(log_w.shape[0]) → log_w.mean(dim=1)
            Two things: you average log weights, not weights, and over the images. The samples stand along
            dim=0, and the mean is taken inside the logarithm.
        over_everything: torch.logsumexp(log_w, dim=0) → torch.logsumexp(log_w.flatten(), dim=0)
        and: log_w.shape[0] → log_w.numel()
            You average over samples and images together: each image has a bound of its own, (B,).
        unstable: log_sum - math.log(log_w.shape[0]) → log_w.exp().mean(dim=0).log()
            Right for moderate weights, but exp(-1000) is 0, and the logarithm of 0 is -inf. `torch.logsumexp`
            takes the largest out first.
        unstable_sum: log_sum - math.log(log_w.shape[0]) → log_w.exp().sum(dim=0).log()
            Two things: exp(-1000) is 0 and the logarithm of 0 is -inf, so use `torch.logsumexp`; and the mean
            is asked for, not the sum: subtract log k.
        epsilon_{}: log_sum - math.log(log_w.shape[0]) → (log_w.exp().mean(dim=0) + {}).log()
        for: 1e-6, 1e-7, 1e-8, 1e-10, 1e-12
            You add a small number inside the logarithm: weights near exp(-1000) are far below it, and the
            bound becomes its logarithm. `torch.logsumexp` needs none.
        one_largest_for_the_batch: torch.logsumexp(log_w, dim=0) → (log_w - log_w.max()).exp().sum(0).log()
        and: return log_sum → return log_w.max() + log_sum
            You take one largest log weight out for the whole batch: an image far below it still underflows to
            -inf. Each image needs its own, over dim=0.
        largest_detached_once: logsumexp(log_w, dim=0) → logsumexp(log_w - log_w.amax(0).detach(), dim=0)
        and: return log_sum → return log_w.max(dim=0).values + log_sum
            The values are right, but you detach the largest log weight where it is subtracted and not where
            it is added: detach both or neither, so that the gradients cancel.
        largest_not_added_back: logsumexp(log_w, → logsumexp(log_w - log_w.amax(dim=0),
            You take the largest log weight out, but do not add it back behind the logarithm.
        largest_alone: log_sum - math.log(log_w.shape[0]) → log_w.amax(dim=0)
        largest_less_log_k: torch.logsumexp(log_w, dim=0) → log_w.amax(dim=0)
            You take the largest log weight alone: the others add to the sum, and dividing by k lowers it.
        weighted_mean_of_the_logarithms: torch.logsumexp(log_w, dim=0) → (log_w.softmax(0) * log_w).sum(0)
        and: - math.log(log_w.shape[0]) → nothing
            You average the log weights with the normalised weights: that is no bound on log p(x). Average the
            weights, then take the logarithm.
        logarithm_taken_again: log_sum - math.log(log_w.shape[0]) → log_w.mean(dim=0).log()
            You take the logarithm of the mean of log_w, which holds logarithms already: NaN where they are
            negative. The exponential is missing.
        no_logarithm: log_sum - math.log(log_w.shape[0]) → log_w.exp().mean(dim=0)
            You return the mean weight, 0 in floating point for real images: return its logarithm.
        sign_turned: log_sum - math.log(log_w.shape[0]) → -log_sum + math.log(log_w.shape[0])
            You return minus the bound, a loss: return the bound itself.
    """,
    special="""
        many_samples: log_w.shape[0] > 500
            Right but for a thousand samples with one weight that is nearly all. Is there a limit on k, or a
            small number added inside the logarithm?
        extreme_weights: log_w.abs().max() > 90
            Right for moderate log weights alone: exp overflows, or all weights of an image become 0. Take the
            largest log weight of each image out before exp and add it back behind the logarithm, without a
            bound on the differences.
    """,
    forbids="loops: `torch.logsumexp` or a sum along dim=0 takes all samples and all images at once.",
)

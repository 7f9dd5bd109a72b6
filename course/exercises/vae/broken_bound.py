"""Chapter 4: find two bugs in a bound on log p(x) that is computed from samples."""

import functools
import math
import torch
import torch.nn.functional as F
from torch import distributions
from course.exercises.cases import normal
from course.exercises.vae.bound_wrong import WRONG
from course.exercises.engine import Exercise


def my_sampled_bound(x, logits, z, mu, logvar):
    """The importance-weighted bound on log p(x), nats, (B,), from k samples z (k, B, Z) of the posteriors
    mu, logvar (B, Z). x (B, D) int64, 0 or 1; logits (k, B, D), what the decoder makes of z."""
    eps = (z - mu) / torch.exp(0.5 * logvar)  # (k, B, Z)
    log_lik = (x * F.logsigmoid(logits) + (1 - x) * F.logsigmoid(-logits)).sum(-1)  # (k, B)
    log_prior = -0.5 * (z.square() + math.log(2 * math.pi)).sum(-1)
    # A density of standard deviation sigma is 1 / sigma times that of eps: the narrower, the higher.
    log_q = -0.5 * (eps.square() + logvar + math.log(2 * math.pi)).sum(-1)
    log_w = log_lik + log_prior - log_q  # (k, B)
    return torch.logsumexp(log_w, dim=0) - math.log(len(log_w))  # the mean is taken of the weights


def by_pytorch(x, logits, z, mu, logvar):
    """The same by torch.distributions, in float64, one weight added after the other."""
    pixels = distributions.Bernoulli(logits=logits.double()).log_prob(x.double().expand_as(logits))
    posterior = distributions.Normal(mu.double(), torch.sqrt(logvar.double().exp()))
    prior = distributions.Normal(torch.zeros_like(mu).double(), 1.0)
    log_w = pixels.sum(-1) + (prior.log_prob(z.double()) - posterior.log_prob(z.double())).sum(-1)
    return (functools.reduce(torch.logaddexp, log_w.unbind(0)) - math.log(len(z))).to(logits.dtype)


def bound_case(rng, sizes, dtype=torch.float64, centre=-0.5, scale=1.0):
    """A case; sizes are k, B, D, Z, centre is the typical log variance, scale multiplies the logits."""
    k, b, d, latents = sizes
    mu, logvar = (normal(rng, b, latents, dtype=dtype) for _ in range(2))
    z = mu + torch.exp((logvar + centre) / 2) * normal(rng, k, b, latents, dtype=dtype)
    x = (normal(rng, b, d) > 0).long()
    return x, normal(rng, k, b, d, dtype=dtype, scale=scale), z, mu, logvar + centre


def wide_bound(rng):
    """One valid case of small random sizes."""
    sizes, dtype = [rng.randint(1, 4) for _ in range(4)], rng.choice((torch.float32, torch.float64))
    return bound_case(rng, sizes, dtype, rng.uniform(-4, 1), 10 ** rng.uniform(-1, 0.5))


broken_bound = Exercise(
    my_sampled_bound,
    reference=by_pytorch,
    gradients=True,
    # OLD wide=wide_bound
    # OLD cases:
    # lambda rng: [
    #         (  # small enough to follow: sigma = 1/2, weights 1/4 and 3/4 times the ratio of the densities, 1/2
    #             torch.tensor([[1]]),
    #             torch.tensor([[[-math.log(3)]], [[math.log(3)]]], dtype=torch.float64),
    #             torch.zeros(2, 1, 1, dtype=torch.float64),
    #             torch.zeros(1, 1, dtype=torch.float64),
    #             torch.full((1, 1), -math.log(4), dtype=torch.float64),
    #         ),
    #         bound_case(rng, (1, 1, 1, 1)),
    #         bound_case(rng, (1, 2, 3, 2)),
    #         bound_case(rng, (3, 1, 4, 2)),
    #         bound_case(rng, (4, 3, 2, 1)),
    #         bound_case(rng, (3, 3, 3, 3)),
    #         bound_case(rng, (4, 2, 3, 5), torch.float64, -4.0),
    #         bound_case(rng, (3, 4, 5, 2), torch.float32),
    #         bound_case(rng, (5, 2, 6, 3), torch.float32, -3.0, 400.0),  # log weights near -1000
    #         bound_case(rng, (3, 2, 8, 2), torch.float64, 1.0, 800.0),
    #         *(wide_bound(rng) for _ in range(6)),
    #     ]
    by_hand=(),
    draw=None,
    sizes=[],
    spans={},
    bug="""
        bug: SOLUTION → STUB
    """,
    hints="""
        The two symptoms are two bugs. Which operation would have to see all k samples at once? And which of
        the densities does not integrate to 1?

        The mean stands inside the logarithm: the weights are averaged, without underflow. And a Gaussian's
        log-density holds -ln sigma, which is -logvar / 2, in each dimension.

        `log_q = -0.5 * (eps.square() + logvar + math.log(2 * math.pi)).sum(-1)`, and return
        `torch.logsumexp(log_w, dim=0) - math.log(len(log_w))`.
    """,
    wrong="""
        both_bugs_still: OLD → NEW
            Both bugs are still there: the result is a mean of logarithms, which more samples do not change,
            and log q does not depend on sigma as a density must.
        logarithms_still_averaged: OLD → NEW
            log q is right, but you still average the logarithms of the weights: that is the ELBO for any k.
            The mean is taken of the weights, inside the logarithm.
        q_still_not_normalised: OLD → NEW
            The mean is taken inside the logarithm now, but log q is not the log of a density: its integral is
            the product of the sigmas, not 1. A term of logvar is missing.
        sum_for_mean: OLD → NEW
            The weights are added, which is too high by log k: their mean is asked for.
        sum_for_mean_and_q: OLD → NEW
            The weights are added, which is too high by log k: their mean is asked for. Besides, log q still
            lacks its term of sigma: it is not the log of a density.
        over_the_batch: OLD → NEW
            Your mean runs over the images, dim=1: the samples stand along the first axis, dim=0.
        over_the_batch_and_q: OLD → NEW
            Your mean runs over the images, dim=1: the samples stand along the first axis, dim=0. Besides, log
            q still lacks its term of sigma: it is not the log of a density.
        unstable: OLD → NEW
            The mean is taken inside the logarithm, but exp(-1000) is 0 and the logarithm of 0 is -inf:
            `torch.logsumexp` takes the largest weight out first.
        unstable_and_q: OLD → NEW
            The mean is taken inside the logarithm, but exp(-1000) is 0 and the logarithm of 0 is -inf:
            `torch.logsumexp` takes the largest weight out first. Besides, log q still lacks its term of
            sigma: it is not the log of a density.
        sign_turned: OLD → NEW
            This is minus the bound.
        sign_turned_and_q: OLD → NEW
            This is minus the bound. Besides, log q still lacks its term of sigma: it is not the log of a
            density.
        divided_by_k: OLD → NEW
            You divide the logarithm of the sum by k: inside the logarithm 1 / k is a factor, outside it the
            term -log k.
        divided_by_k_and_q: OLD → NEW
            You divide the logarithm of the sum by k: inside the logarithm 1 / k is a factor, outside it the
            term -log k. Besides, log q still lacks its term of sigma: it is not the log of a density.
        largest_weight: OLD → NEW
            You take the largest weight of each image: all k samples count, by the mean of their weights.
        largest_weight_and_q: OLD → NEW
            You take the largest weight of each image: all k samples count, by the mean of their weights.
            Besides, log q still lacks its term of sigma: it is not the log of a density.
        one_largest_for_all: OLD → NEW
            You take one largest log weight out for the whole batch: an image far below it still underflows to
            -inf. Each image needs its own, over dim=0.
        one_largest_for_all_and_q: OLD → NEW
            You take one largest log weight out for the whole batch: an image far below it still underflows to
            -inf. Each image needs its own, over dim=0. Besides, log q still lacks its term of sigma: it is
            not the log of a density.
        weighted_logarithms: OLD → NEW
            You weight the logarithms by the softmax of log_w: that is another mean of logarithms. The
            logarithm is taken once, of the mean weight.
        weighted_logarithms_and_q: OLD → NEW
            You weight the logarithms by the softmax of log_w: that is another mean of logarithms. The
            logarithm is taken once, of the mean weight. Besides, log q still lacks its term of sigma: it is
            not the log of a density.
        sign_of_logvar: OLD → NEW
            The sign of logvar in log q is wrong: the narrower the posterior, the higher its density.
        sign_of_logvar_and_mean: OLD → NEW
            The sign of logvar in log q is wrong: the narrower the posterior, the higher its density. Besides,
            you still average the logarithms of the weights, not the weights.
        half_of_logvar_forgotten: OLD → NEW
            You subtract logvar, ln sigma², where the density has ln sigma: the factor 1/2 is missing.
        half_of_logvar_forgotten_and_mean: OLD → NEW
            You subtract logvar, ln sigma², where the density has ln sigma: the factor 1/2 is missing.
            Besides, you still average the logarithms of the weights, not the weights.
        variance_for_its_logarithm: OLD → NEW
            You add the variance to the bracket of log q: it is its logarithm, logvar as it stands.
        variance_for_its_logarithm_and_mean: OLD → NEW
            You add the variance to the bracket of log q: it is its logarithm, logvar as it stands. Besides,
            you still average the logarithms of the weights, not the weights.
        half_of_logvar_twice: OLD → NEW
            You halve logvar inside the bracket of log q, where the factor -1/2 stands before it already: -ln
            sigma is -logvar / 2.
        half_of_logvar_twice_and_mean: OLD → NEW
            You halve logvar inside the bracket of log q, where the factor -1/2 stands before it already: -ln
            sigma is -logvar / 2. Besides, you still average the logarithms of the weights, not the weights.
        sigma_for_its_logarithm: OLD → NEW
            You subtract sigma where the density has its logarithm: ln sigma, which is logvar / 2.
        sigma_for_its_logarithm_and_mean: OLD → NEW
            You subtract sigma where the density has its logarithm: ln sigma, which is logvar / 2. Besides,
            you still average the logarithms of the weights, not the weights.
        divided_by_the_variance: OLD → NEW
            Your eps is (z - mu) / sigma²: it was right, (z - mu) / sigma, and sigma is exp(logvar / 2).
        divided_by_the_variance_and_mean: OLD → NEW
            Your eps is (z - mu) / sigma²: it was right, (z - mu) / sigma, and sigma is exp(logvar / 2).
            Besides, you still average the logarithms of the weights, not the weights.
        closed_form: OLD → NEW
            You take the KL in closed form, a mean over all z: each sample has its own p(z) / q(z | x).
        closed_form_and_mean: OLD → NEW
            You take the KL in closed form, a mean over all z: each sample has its own p(z) / q(z | x).
            Besides, you still average the logarithms of the weights, not the weights.
        q_left_out: OLD → NEW
            log q is gone: each sample's weight is divided by the density with which it was drawn.
        q_left_out_and_mean: OLD → NEW
            log q is gone: each sample's weight is divided by the density with which it was drawn. Besides,
            you still average the logarithms of the weights, not the weights.
    """,
)

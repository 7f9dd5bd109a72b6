"""Chapter 4: the wrong answers to the exercise of `bound_bug`, the sampled bound with two bugs."""

import math

import torch
import torch.nn.functional as F

from course.exercises.engine import Misconception


def log_density(eps, log_norm=0.0):
    """The log-density of a Gaussian, (k, B); log_norm is ln sigma^2."""
    return -0.5 * (eps.square() + log_norm + math.log(2 * math.pi)).sum(-1)


def posterior(z, mu, logvar):
    """log q(z | x), (k, B)."""
    return log_density((z - mu) / torch.exp(0.5 * logvar), logvar)


def unnormalised(z, mu, logvar):
    """log q(z | x) as the broken program has it."""
    return log_density((z - mu) / torch.exp(0.5 * logvar))


def log_mean(log_w):
    """The log of the mean weight, (B,)."""
    return torch.logsumexp(log_w, dim=0) - math.log(len(log_w))


def variant(log_q=posterior, average=log_mean):
    """The bound with another log q, or another average over the samples."""

    def bound(x, logits, z, mu, logvar):
        log_lik = F.logsigmoid((2 * x - 1) * logits).sum(-1)
        return average(log_lik + log_density(z) - log_q(z, mu, logvar))

    return bound


def mean_bug(name, diagnosis, average):
    """A wrong average: with log q mended, and with log q as it was."""
    too = f"{diagnosis} Besides, log q still lacks its term of sigma: it is not the log of a density."
    return (
        Misconception(name, diagnosis, variant(average=average)),
        Misconception(f"{name}_and_q", too, variant(unnormalised, average)),
    )


def q_bug(name, diagnosis, log_q):
    """A wrong log q: with the average mended, and with the average as it was."""
    too = f"{diagnosis} Besides, you still average the logarithms of the weights, not the weights."
    return (
        Misconception(name, diagnosis, variant(log_q)),
        Misconception(f"{name}_and_mean", too, variant(log_q, lambda log_w: log_w.mean(0))),
    )


WRONG = (
    Misconception(
        "both_bugs_still",
        "Both bugs are still there: the result is a mean of logarithms, which more samples do not "
        "change, and log q does not depend on sigma as a density must.",
        variant(unnormalised, lambda log_w: log_w.mean(0)),
    ),
    Misconception(
        "logarithms_still_averaged",
        "log q is right, but you still average the logarithms of the weights: that is the ELBO for any "
        "k. The mean is taken of the weights, inside the logarithm.",
        variant(average=lambda log_w: log_w.mean(0)),
    ),
    Misconception(
        "q_still_not_normalised",
        "The mean is taken inside the logarithm now, but log q is not the log of a density: its "
        "integral is the product of the sigmas, not 1. A term of logvar is missing.",
        variant(unnormalised),
    ),
    *mean_bug(
        "sum_for_mean",
        "The weights are added, which is too high by log k: their mean is asked for.",
        lambda log_w: torch.logsumexp(log_w, 0),
    ),
    *mean_bug(
        "over_the_batch",
        "Your mean runs over the images, dim=1: the samples stand along the first axis, dim=0.",
        lambda log_w: log_mean(log_w.T),
    ),
    *mean_bug(
        "unstable",
        "The mean is taken inside the logarithm, but exp(-1000) is 0 and the logarithm of 0 is -inf: "
        "`torch.logsumexp` takes the largest weight out first.",
        lambda log_w: log_w.exp().mean(0).log(),
    ),
    *mean_bug("sign_turned", "This is minus the bound.", lambda log_w: -log_mean(log_w)),
    *mean_bug(
        "divided_by_k",
        "You divide the logarithm of the sum by k: inside the logarithm 1 / k is a factor, outside it "
        "the term -log k.",
        lambda log_w: torch.logsumexp(log_w, 0) / len(log_w),
    ),
    *mean_bug(
        "largest_weight",
        "You take the largest weight of each image: all k samples count, by the mean of their weights.",
        lambda log_w: log_w.amax(0),
    ),
    *mean_bug(
        "one_largest_for_all",
        "You take one largest log weight out for the whole batch: an image far below it still underflows "
        "to -inf. Each image needs its own, over dim=0.",
        lambda log_w: log_w.max() + (log_w - log_w.max()).exp().mean(0).log(),
    ),
    *mean_bug(
        "weighted_logarithms",
        "You weight the logarithms by the softmax of log_w: that is another mean of logarithms. The "
        "logarithm is taken once, of the mean weight.",
        lambda log_w: (log_w.softmax(0) * log_w).sum(0),
    ),
    *q_bug(
        "sign_of_logvar",
        "The sign of logvar in log q is wrong: the narrower the posterior, the higher its density.",
        lambda z, mu, logvar: unnormalised(z, mu, logvar) + 0.5 * logvar.sum(-1),
    ),
    *q_bug(
        "half_of_logvar_forgotten",
        "You subtract logvar, ln sigma², where the density has ln sigma: the factor 1/2 is missing.",
        lambda z, mu, logvar: unnormalised(z, mu, logvar) - logvar.sum(-1),
    ),
    *q_bug(
        "variance_for_its_logarithm",
        "You add the variance to the bracket of log q: it is its logarithm, logvar as it stands.",
        lambda z, mu, logvar: unnormalised(z, mu, logvar) - 0.5 * logvar.exp().sum(-1),
    ),
    *q_bug(
        "half_of_logvar_twice",
        "You halve logvar inside the bracket of log q, where the factor -1/2 stands before it already: "
        "-ln sigma is -logvar / 2.",
        lambda z, mu, logvar: unnormalised(z, mu, logvar) - 0.25 * logvar.sum(-1),
    ),
    *q_bug(
        "sigma_for_its_logarithm",
        "You subtract sigma where the density has its logarithm: ln sigma, which is logvar / 2.",
        lambda z, mu, logvar: unnormalised(z, mu, logvar) - torch.exp(0.5 * logvar).sum(-1),
    ),
    *q_bug(
        "divided_by_the_variance",
        "Your eps is (z - mu) / sigma²: it was right, (z - mu) / sigma, and sigma is exp(logvar / 2).",
        lambda z, mu, logvar: log_density((z - mu) / torch.exp(logvar), logvar),
    ),
    *q_bug(
        "closed_form",
        "You take the KL in closed form, a mean over all z: each sample has its own p(z) / q(z | x).",
        lambda z, mu, logvar: log_density(z) + 0.5 * (logvar.exp() + mu.square() - 1 - logvar).sum(-1),
    ),
    *q_bug(
        "q_left_out",
        "log q is gone: each sample's weight is divided by the density with which it was drawn.",
        lambda z, mu, logvar: 0.0,
    ),
)

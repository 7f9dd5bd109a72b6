"""Chapter 4: find two bugs in a bound on log p(x) that is computed from samples."""

import functools
import math

import torch
import torch.nn.functional as F
from torch.distributions import Bernoulli, Normal

from course.exercises.cases import normal
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
    pixels = Bernoulli(logits=logits.double()).log_prob(x.double().expand_as(logits))
    posterior = Normal(mu.double(), torch.sqrt(logvar.double().exp()))
    ratio = Normal(0.0, 1.0).log_prob(z.double()) - posterior.log_prob(z.double())
    log_w = pixels.sum(-1) + ratio.sum(-1)
    return (functools.reduce(torch.logaddexp, log_w.unbind(0)) - math.log(len(z))).to(logits.dtype)


def draw(rng, k, B, D, Z, centre=-0.5, scale=1.0, dtype=torch.float64):
    """A case; `centre` is the typical log variance, `scale` multiplies the logits."""
    mu, logvar = normal(rng, B, Z, dtype=dtype), normal(rng, B, Z, dtype=dtype) + centre
    z = mu + torch.exp(0.5 * logvar) * normal(rng, k, B, Z, dtype=dtype)
    x = (normal(rng, B, D) > 0).long()
    return x, normal(rng, k, B, D, dtype=dtype, scale=scale), z, mu, logvar


MEAN_WRONG = """
    sum_for_mean: - math.log(len(log_w)) → nothing
        The weights are added, which is too high by log k: their mean is asked for.
    log_of_the_batch: len(log_w) → len(x)
    k_built_in: math.log(len(log_w)) → math.log(500)
        It is log k that is subtracted, and k is `len(log_w)`.
    over_the_batch: dim=0) - math.log(len(log_w)) → dim=1) - math.log(log_w.shape[1])
        Your mean runs over the images, dim=1: the samples stand along the first axis, dim=0.
    unstable: torch.logsumexp(log_w, dim=0) - math.log(len(log_w)) → log_w.exp().mean(dim=0).log()
        The mean is taken inside the logarithm, but exp(-1000) is 0 and the logarithm of 0 is -inf:
        `torch.logsumexp` takes the largest weight out first.
    sign_turned: return torch.logsumexp(log_w, dim=0) - → return -torch.logsumexp(log_w, dim=0) +
        This is minus the bound.
    divided_by_k: - math.log(len(log_w)) → / len(log_w)
        You divide the logarithm of the sum by k: inside the logarithm 1 / k is a factor, outside it the term
        -log k.
    largest_weight: torch.logsumexp(log_w, dim=0) - math.log(len(log_w)) → log_w.amax(dim=0)
    largest_less_log_k: torch.logsumexp(log_w, dim=0) → log_w.amax(dim=0)
        You take the largest weight of each image: all k samples count, by the mean of their weights.
    one_largest_for_all: torch.logsumexp(log_w, dim=0) → (log_w - log_w.max()).exp().sum(dim=0).log()
    and: return → return log_w.max() +
        You take one largest log weight out for the whole batch: an image far below it still underflows to
        -inf. Each image needs its own, over dim=0.
    weighted_logarithms: torch.logsumexp(log_w, dim=0) → (log_w.softmax(dim=0) * log_w).sum(dim=0)
    and: - math.log(len(log_w)) → nothing
        You weight the logarithms by the softmax of log_w: that is another mean of logarithms. The logarithm
        is taken once, of the mean weight.
"""

Q_STILL_WITHOUT_SIGMA = """
    and_q: eps.square() + logvar → eps.square()
        Besides, log q still lacks its term of sigma: it is not the log of a density.
"""

Q_WRONG = """
    sign_of_logvar: + logvar → - logvar
        The sign of logvar in log q is wrong: the narrower the posterior, the higher its density.
    half_of_logvar_forgotten: + logvar → + 2 * logvar
        You subtract logvar, ln sigma², where the density has ln sigma: the factor 1/2 is missing.
    variance_for_its_logarithm: + logvar → + logvar.exp()
        You add the variance to the bracket of log q: it is its logarithm, logvar as it stands.
    half_of_logvar_twice: + logvar → + 0.5 * logvar
        You halve logvar inside the bracket of log q, where the factor -1/2 stands before it already: -ln
        sigma is -logvar / 2.
    sigma_for_its_logarithm: + logvar → + 2 * torch.exp(0.5 * logvar)
        You subtract sigma where the density has its logarithm: ln sigma, which is logvar / 2.
    divided_by_the_variance: torch.exp(0.5 * logvar) → torch.exp(logvar)
        Your eps is (z - mu) / sigma²: it was right, (z - mu) / sigma, and sigma is exp(logvar / 2).
    one_sigma: + logvar → + logvar.mean(-1, keepdim=True) / logvar.shape[-1]
        You take one mean of ln sigma for an image: each of the Z dimensions has its own, and they add up.
    closed_form: + log_prior - log_q → - 0.5 * (logvar.exp() + mu.square() - 1 - logvar).sum(-1)
        You take the KL in closed form, a mean over all z: each sample has its own p(z) / q(z | x).
    q_left_out: log_prior - log_q → log_prior
        log q is gone: each sample's weight is divided by the density with which it was drawn.
"""

LOGARITHMS_STILL_AVERAGED = """
    and_mean: torch.logsumexp(log_w, dim=0) - math.log(len(log_w)) → log_w.mean(dim=0)
        Besides, you still average the logarithms of the weights, not the weights.
"""

broken_bound = Exercise(
    my_sampled_bound,
    reference=by_pytorch,
    gradients=True,
    by_hand=[
        (  # sigma = 1/2, weights 1/4 and 3/4 times the ratio of the densities, 1/2
            torch.tensor([[1]]),
            [[[-math.log(3)]], [[math.log(3)]]],
            [[[0.0]], [[0.0]]],
            [[0.0]],
            [[-math.log(4)]],
        ),
        (torch.tensor([[1, 0]]), [[[0.0, 0.5]]], [[[0.5]]], [[0.0]], [[1.0]]),  # a logit of 0
        (torch.tensor([[1]]), [[[0.5]]], [[[0.5, -4.5]]], [[-70.0, -4.0]], [[5.0, 1.0]]),  # six sigma away
        (torch.tensor([[0]]), [[[0.5]]], [[[1e-7, -2e-7]]], [[0.0, 1e-7]], [[-30.0, -29.0]]),
        (  # log weights near -10^4
            torch.tensor([[1, 0]]),
            [[[-9e3, 0.5]], [[-9001.0, 1.5]], [[-8999.5, 2.0]]],
            [[[0.5]], [[-0.5]], [[1.0]]],
            [[0.0]],
            [[0.5]],
        ),
    ],
    draw=draw,
    sizes=[
        dict(k=1, B=1, D=1, Z=1),
        dict(k=1, B=2, D=3, Z=2),
        dict(k=3, B=1, D=4, Z=2),
        dict(k=4, B=3, D=2, Z=1),
        dict(k=3, B=3, D=3, Z=3),
        dict(k=4, B=2, D=3, Z=5, centre=-4.0),
        dict(k=3, B=4, D=5, Z=2, dtype=torch.float32),
        dict(k=5, B=2, D=6, Z=3, centre=-3.0, scale=400.0, dtype=torch.float32),  # log weights near -1000
        dict(k=3, B=2, D=8, Z=2, centre=1.0, scale=800.0),
        dict(k=3, B=2, D=3, Z=2, centre=-25.0),
        dict(k=2, B=3, D=2, Z=2, centre=-11.0, dtype=torch.float32),
        dict(k=60, B=1, D=2, Z=1),
        dict(k=500, B=1, D=2, Z=1, scale=40.0),  # one weight is nearly all
        dict(k=2, B=300, D=2, Z=1),
        dict(k=2, B=1, D=1000, Z=40),
    ],
    spans=dict(k=(1, 4), B=(1, 4), D=(1, 4), Z=(1, 4), centre=(-4.0, 1.0), scale=(0.1, 3.0)),
    bug="""
        bug: eps.square() + logvar → eps.square()
        and: torch.logsumexp(log_w, dim=0) - math.log(len(log_w)) → log_w.mean(dim=0)
    """,
    hints="""
        The two symptoms are two bugs. Which operation would have to see all k samples at once? And which of
        the densities does not integrate to 1?

        The mean stands inside the logarithm: the weights are averaged, without underflow. And a Gaussian's
        log-density holds -ln sigma, which is -logvar / 2, in each dimension.

        These are the two lines: `log_q = -0.5 * (eps.square() + logvar + math.log(2 * math.pi)).sum(-1)`, and
        return `torch.logsumexp(log_w, dim=0) - math.log(len(log_w))`.
    """,
    wrong="""
        both_bugs_still: eps.square() + logvar → eps.square()
        and: torch.logsumexp(log_w, dim=0) - math.log(len(log_w)) → log_w.mean(dim=0)
            Both bugs are still there: the result is a mean of logarithms, which more samples do not change,
            and log q does not depend on sigma as a density must.
        logarithms_still_averaged: torch.logsumexp(log_w, dim=0) - math.log(len(log_w)) → log_w.mean(dim=0)
            log q is right, but you still average the logarithms of the weights: that is the ELBO for any k.
            The mean is taken of the weights, inside the logarithm.
        q_still_not_normalised: eps.square() + logvar → eps.square()
            The mean is taken inside the logarithm now, but log q is not the log of a density: its integral is
            the product of the sigmas, not 1. A term of logvar is missing.
    """,
    special="""
        zero_logit: (logits == 0).any()
            Right but for logits of exactly 0: abs, relu and clamp have corners there, `F.logsigmoid` none.
        far_out: z.abs().max() > 4 or mu.abs().max() > 20
            Right but where a sample lies far from 0 or from mu. Is z, eps or logvar clamped?
        wide: logvar.max() > 1.9
            Right but for wide posteriors. Is logvar clamped? It is taken as it stands.
        very_low_weights: logits.abs().max() > 500
            Right but for very low log weights. Is a logit or a log weight clamped? Take both as they
            stand.
        narrowest: logvar.min() < -27.9
            Right but for the narrowest posteriors. Is logvar clamped, or a small number added to sigma?
        narrow: logvar.min() < -4
            Right but for narrow posteriors. Is logvar clamped, or a small number added to sigma? Divide by
            exp(logvar / 2) as it stands.
        extreme_weights: logits.abs().max() > 90 or x.shape[1] > 100
            Right for moderate weights alone. Are logits, log weights or their differences clamped? Or is exp
            taken of a log weight? exp(-1000) is 0, and a small number added to it is no cure:
            `torch.logsumexp` takes the largest weight of each image out first.
    """,
    forbids="torch.distributions*: The density is to be repaired, not replaced: its log has three terms.",
    twice=((MEAN_WRONG, Q_STILL_WITHOUT_SIGMA), (Q_WRONG, LOGARITHMS_STILL_AVERAGED)),
)

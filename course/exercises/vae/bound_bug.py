"""Chapter 4, exercise: find two bugs in a bound on log p(x) that is computed from samples."""

import functools
import math

import torch
import torch.nn.functional as F
from torch import distributions

from course.exercises.draw import normal
from course.exercises.engine import Exercise
from course.exercises.vae.bound_wrong import WRONG


def my_sampled_bound(x, logits, z, mu, logvar):
    """The importance-weighted bound on log p(x), nats, (B,), from k samples z (k, B, Z) of the posteriors
    mu, logvar (B, Z). x (B, D) int64, 0 or 1; logits (k, B, D), what the decoder makes of z."""
    eps = (z - mu) / torch.exp(0.5 * logvar)  # (k, B, Z)
    log_lik = (x * F.logsigmoid(logits) + (1 - x) * F.logsigmoid(-logits)).sum(-1)  # (k, B)
    log_prior = -0.5 * (z.square() + math.log(2 * math.pi)).sum(-1)
    log_q = -0.5 * (eps.square() + math.log(2 * math.pi)).sum(-1)
    log_w = log_lik + log_prior - log_q  # (k, B)
    return log_w.mean(dim=0)


def solve_sampled_bound(x, logits, z, mu, logvar):
    """The importance-weighted bound on log p(x), nats, (B,), from k samples z (k, B, Z) of the posteriors
    mu, logvar (B, Z). x (B, D) int64, 0 or 1; logits (k, B, D), what the decoder makes of z."""
    eps = (z - mu) / torch.exp(0.5 * logvar)  # (k, B, Z)
    log_lik = (x * F.logsigmoid(logits) + (1 - x) * F.logsigmoid(-logits)).sum(-1)  # (k, B)
    log_prior = -0.5 * (z.square() + math.log(2 * math.pi)).sum(-1)
    # A density of standard deviation sigma is 1 / sigma times that of eps: the narrower, the higher.
    log_q = -0.5 * (eps.square() + logvar + math.log(2 * math.pi)).sum(-1)
    log_w = log_lik + log_prior - log_q  # (k, B)
    return torch.logsumexp(log_w, dim=0) - math.log(len(log_w))  # the mean is taken of the weights


def bound_without_constants(x, logits, z, mu, logvar):
    """The same; the constants of prior and posterior cancel."""
    variance = logvar.exp()
    ratio = (z - mu) ** 2 / variance + logvar - z**2  # twice log p(z) / q(z | x)
    log_w = (x * logits - F.softplus(logits)).sum(2) + ratio.sum(2) / 2
    largest = log_w.max(dim=0).values
    return largest + (log_w - largest).exp().mean(dim=0).log()


def bound_by_sigma(x, logits, z, mu, logvar):
    """The same with ln sigma taken of sigma, and with weights that are divided by k before they are added."""
    sigma = logvar.mul(0.5).exp()
    log_q = -(((z - mu) / sigma).pow(2) / 2 + sigma.log() + math.log(2 * math.pi) / 2).sum(-1)
    log_prior = -(z * z + math.log(2 * math.pi)).sum(-1) / 2
    log_w = F.logsigmoid((2 * x - 1) * logits).sum(-1) + log_prior - log_q
    return torch.logsumexp(log_w - math.log(z.shape[0]), dim=0)


def bound_by_sample(x, logits, z, mu, logvar):
    """The same, one sample after the other."""
    log_sum = None
    for a, code in zip(logits, z, strict=True):
        eps = (code - mu) * torch.exp(-logvar / 2)
        log_w = torch.where(x == 1, F.logsigmoid(a), F.logsigmoid(-a)).sum(1)
        log_w = log_w + 0.5 * (eps**2 + logvar - code**2).sum(1)
        log_sum = log_w if log_sum is None else torch.logaddexp(log_sum, log_w)
    return log_sum - math.log(len(z))


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
    name="broken_bound",
    title="find two bugs in a sampled bound",
    difficulty="hard",
    minutes=20,
    task="""
        The program below is meant to compute, from $k$ samples $z_j$ of each posterior,

        $$\\mathcal L_k = \\log \\frac1k \\sum_{j=1}^{k} \\frac{p(x \\mid z_j)\\, p(z_j)}{q(z_j \\mid x)}$$

        But on average over samples it is the same for $k = 1$ and $k = 500$. And for narrow posteriors it
        can lie above $\\log p(x)$, where that is known exactly. There are two bugs, neither of them in
        `log_lik`. Mend both, without `torch.distributions`. Values and gradients are compared.

        By hand first: $Z = 1$ and $z = \\mu$. How does $\\log q(z \\mid x)$ change when $\\sigma$ goes from 1
        to $\\frac12$, and how does it here?
    """,
    stub_function=my_sampled_bound,
    reference=by_pytorch,
    cases=lambda rng: [
        (  # small enough to follow: sigma = 1/2, weights 1/4 and 3/4 times the ratio of the densities, 1/2
            torch.tensor([[1]]),
            torch.tensor([[[-math.log(3)]], [[math.log(3)]]], dtype=torch.float64),
            torch.zeros(2, 1, 1, dtype=torch.float64),
            torch.zeros(1, 1, dtype=torch.float64),
            torch.full((1, 1), -math.log(4), dtype=torch.float64),
        ),
        bound_case(rng, (1, 1, 1, 1)),
        bound_case(rng, (1, 2, 3, 2)),
        bound_case(rng, (3, 1, 4, 2)),
        bound_case(rng, (4, 3, 2, 1)),
        bound_case(rng, (3, 3, 3, 3)),
        bound_case(rng, (4, 2, 3, 5), torch.float64, -4.0),
        bound_case(rng, (3, 4, 5, 2), torch.float32),
        bound_case(rng, (5, 2, 6, 3), torch.float32, -3.0, 400.0),  # log weights near -1000
        bound_case(rng, (3, 2, 8, 2), torch.float64, 1.0, 800.0),
        *(wide_bound(rng) for _ in range(6)),
    ],
    wide=wide_bound,
    gradients=True,
    hints=(
        "The two symptoms are two bugs. Which operation would have to see all k samples at once? And which "
        "of the densities does not integrate to 1?",
        "The mean stands inside the logarithm: the weights are averaged, without underflow. And a "
        "Gaussian's log-density holds -ln sigma, which is -logvar / 2, in each dimension.",
        "`log_q = -0.5 * (eps.square() + logvar + math.log(2 * math.pi)).sum(-1)`, and return "
        "`torch.logsumexp(log_w, dim=0) - math.log(len(log_w))`.",
    ),
    solution_function=solve_sampled_bound,
    alternatives=(bound_without_constants, bound_by_sigma, bound_by_sample),
    misconceptions=WRONG,
)

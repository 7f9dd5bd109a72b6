"""Chapter 4, exercise: a Gaussian's KL divergence from the prior, Kingma and Welling (2013), appendix B."""

import math

import torch
from torch import distributions

from course.exercises.draw import normal
from course.exercises.engine import Exercise, Misconception


def my_gaussian_kl(mu, logvar):
    """KL(N(mu, diag(exp(logvar))) || N(0, I)), (B,) nats. mu, logvar (B, Z); logvar is ln sigma^2."""
    raise NotImplementedError


def solve_gaussian_kl(mu, logvar):
    """KL(N(mu, diag(exp(logvar))) || N(0, I)), (B,) nats. mu, logvar (B, Z); logvar is ln sigma^2."""
    by_latent = 0.5 * (logvar.exp() + mu.square() - 1 - logvar)  # (B, Z), each >= 0
    return by_latent.sum(dim=1)


def kl_as_printed(mu, logvar):
    """The same, with the signs of Kingma and Welling, appendix B."""
    return -0.5 * torch.sum(1 + logvar - mu**2 - torch.exp(logvar), dim=-1)


def kl_by_entropies(mu, logvar):
    """The same: the cross-entropy with the prior minus the posterior's entropy."""
    cross = 0.5 * (math.log(2 * math.pi) + mu * mu + logvar.exp())
    entropy = 0.5 * (math.log(2 * math.pi) + 1 + logvar)
    return (cross - entropy).sum(1)


def kl_by_sigma(mu, logvar):
    """The same by the standard deviation, with inner products in place of squares and sums."""
    sigma = torch.exp(logvar / 2)
    squares = torch.einsum("bz,bz->b", sigma, sigma) + torch.einsum("bz,bz->b", mu, mu)
    return (squares - mu.shape[1] - logvar.sum(1)) / 2


def kl_by_latent(mu, logvar):
    """The same, one latent dimension after the other, with exp(logvar) - 1 in one step."""
    total = torch.zeros_like(mu[:, 0])
    for z in range(mu.shape[1]):
        total = total + (torch.expm1(logvar[:, z]) - logvar[:, z] + mu[:, z] ** 2) / 2
    return total


def by_pytorch(mu, logvar):
    """The same by torch.distributions, in float64."""
    posterior = distributions.Normal(mu.double(), torch.exp(logvar.double() / 2))
    prior = distributions.Normal(torch.zeros_like(mu).double(), 1.0)
    return distributions.kl_divergence(posterior, prior).sum(1).to(mu.dtype)


def right(mu, logvar):
    """The divergence of each latent dimension, (B, Z)."""
    return 0.5 * (logvar.exp() + mu.square() - 1 - logvar)


def terms(by_latent):
    """The divergence with other terms, a function that returns (B, Z)."""
    return lambda mu, logvar: by_latent(mu, logvar).sum(1)


def ended(finish):
    """The divergence with another end, a function of (B, Z)."""
    return lambda mu, logvar: finish(right(mu, logvar))


def kl_case(rng, b, z, dtype=torch.float64, scale=1.0, logvar_scale=1.0):
    """A case of given sizes; the log variances stay within -20 and 10."""
    logvar = normal(rng, b, z, dtype=dtype, scale=logvar_scale).clamp(-20, 10)
    return normal(rng, b, z, dtype=dtype, scale=scale), logvar


def wide_kl(rng):
    """One valid case of small random sizes."""
    dtype, scales = rng.choice((torch.float32, torch.float64)), [10 ** rng.uniform(-1, 1) for _ in range(2)]
    return kl_case(rng, rng.randint(1, 4), rng.randint(1, 5), dtype, *scales)


gaussian_kl = Exercise(
    name="gaussian_kl",
    title="the KL divergence of a Gaussian from the prior",
    difficulty="easy",
    minutes=12,
    task="""
        The encoder gives each image a Gaussian with $Z$ means $\\mu$ and log variances $\\ln \\sigma^2$. Its
        divergence from the prior has a closed form:

        $$\\mathrm{KL}\\big(\\mathcal N(\\mu, \\operatorname{diag} \\sigma^2) \\,\\|\\, \\mathcal N(0, I)
        \\big) = \\frac12 \\sum_{j=1}^{Z} \\big(\\sigma_j^2 + \\mu_j^2 - 1 - \\ln \\sigma_j^2\\big)$$

        `mu` and `logvar` are $(B, Z)$; return $(B)$, in nats. `torch.distributions` may not be used. Values
        and all gradients are compared.

        By hand first: $Z = 1$ and $\\sigma = 1$. What is the divergence for $\\mu = 1$, and what for
        $\\mu = 2$?
    """,
    stub_function=my_gaussian_kl,
    reference=by_pytorch,
    cases=lambda rng: [
        (torch.tensor([[1.0]], dtype=torch.float64), torch.tensor([[0.0]], dtype=torch.float64)),  # 1/2
        (torch.zeros(2, 3, dtype=torch.float64), torch.zeros(2, 3, dtype=torch.float64)),  # the prior itself
        (
            torch.tensor([[2.0, -1.0]], dtype=torch.float64),
            torch.tensor([[math.log(4), -math.log(4)]], dtype=torch.float64),
        ),
        kl_case(rng, 3, 1),
        kl_case(rng, 1, 4),
        kl_case(rng, 3, 3),
        kl_case(rng, 4, 2, torch.float32),
        kl_case(rng, 2, 5, torch.float64, 1000.0),
        kl_case(rng, 2, 3, torch.float32, 1000.0, 0.1),
        (
            torch.tensor([[0.5, -0.5, 0.0], [3.0, 0.0, -3.0]], dtype=torch.float64),
            torch.tensor([[-20.0, 10.0, 0.0], [-12.0, 5.0, -20.0]], dtype=torch.float64),
        ),
        (torch.tensor([[0.0, 2.0]]), torch.tensor([[-20.0, 10.0]])),
        *(wide_kl(rng) for _ in range(5)),
    ],
    wide=wide_kl,
    gradients=True,
    hints=(
        "Write the bracket for all (B, Z) numbers at once. Which axis does the sum run over, and what is "
        "left?",
        "`logvar` is the last term as it stands, and the variance is `logvar.exp()`: no root and no "
        "logarithm is needed.",
        "`(0.5 * (logvar.exp() + mu.square() - 1 - logvar)).sum(dim=1)`.",
    ),
    solution_function=solve_gaussian_kl,
    alternatives=(kl_as_printed, kl_by_entropies, kl_by_sigma, kl_by_latent),
    misconceptions=(
        Misconception(
            "half_forgotten",
            "Your divergence is twice too large: the factor 1/2 is missing.",
            ended(lambda kl: 2 * kl.sum(1)),
        ),
        Misconception(
            "sign_turned",
            "Your divergence is negative: this is -KL, as it stands in the ELBO. A divergence is never "
            "below 0.",
            ended(lambda kl: -kl.sum(1)),
        ),
        Misconception(
            "mean_over_latents",
            "You average over the latent dimensions: their divergences add up, so the KL grows with Z.",
            ended(lambda kl: kl.mean(1)),
        ),
        Misconception(
            "averaged_over_the_batch",
            "You average over the batch: return one number for each image, (B,).",
            ended(lambda kl: kl.sum(1).mean()),
        ),
        Misconception(
            "sum_of_everything",
            "You sum over the batch too: sum over the latent dimensions, dim=1, alone.",
            ended(lambda kl: kl.sum()),
        ),
        Misconception(
            "summed_over_the_batch",
            "You sum over the batch, dim=0: the latent dimensions are the last axis, dim=1.",
            ended(lambda kl: kl.sum(0)),
        ),
        Misconception(
            "not_summed",
            "You return one number for each latent dimension, (B, Z): sum over dim=1.",
            right,
        ),
        Misconception(
            "bits",
            "Your divergence is in bits: nats are asked for, so there is nothing to divide by ln 2.",
            ended(lambda kl: kl.sum(1) / math.log(2)),
        ),
        Misconception(
            "logvar_as_the_variance",
            "You take logvar for the variance itself, and its logarithm is NaN where logvar < 0. The "
            "variance is exp(logvar).",
            terms(lambda mu, logvar: 0.5 * (logvar + mu.square() - 1 - logvar.log())),
        ),
        Misconception(
            "logvar_as_the_deviation",
            "You take logvar for the standard deviation: the variance is exp(logvar), not its square.",
            terms(lambda mu, logvar: 0.5 * (logvar.square() + mu.square() - 1 - logvar.square().log())),
        ),
        Misconception(
            "logvar_as_the_log_deviation",
            "You take logvar for the log of the standard deviation: it is that of the variance, so the "
            "variance is exp(logvar), not exp(2 logvar).",
            terms(lambda mu, logvar: right(mu, 2 * logvar)),
        ),
        Misconception(
            "deviation_for_the_variance",
            "The first term is the standard deviation in your function, exp(logvar / 2): it is the "
            "variance, exp(logvar).",
            terms(lambda mu, logvar: 0.5 * ((logvar / 2).exp() + mu.square() - 1 - logvar)),
        ),
        Misconception(
            "reverse",
            "This is the reverse divergence, KL(prior || posterior), which divides by the posterior's "
            "variance. In the ELBO the posterior comes first.",
            terms(lambda mu, logvar: 0.5 * ((1 + mu.square()) / logvar.exp() - 1 + logvar)),
        ),
        Misconception(
            "mu_not_squared",
            "mu is not squared: a mean on either side of 0 is as far from the prior.",
            terms(lambda mu, logvar: 0.5 * (logvar.exp() + mu - 1 - logvar)),
        ),
        Misconception(
            "one_forgotten",
            "The -1 is missing: at mu = 0 and logvar = 0 posterior and prior are the same, and yours is Z / "
            "2 instead of 0.",
            terms(lambda mu, logvar: right(mu, logvar) + 0.5),
        ),
        Misconception(
            "one_taken_once",
            "You take the 1 away once, outside the sum: it belongs to each of the Z terms.",
            ended(lambda kl: kl.sum(1) + 0.5 * (kl.shape[1] - 1)),
        ),
        Misconception(
            "logarithm_forgotten",
            "The term -logvar is missing: without it a posterior that shrinks to a point costs nothing.",
            terms(lambda mu, logvar: 0.5 * (logvar.exp() + mu.square() - 1)),
        ),
        Misconception(
            "sign_of_the_logarithm",
            "The sign of logvar is wrong: it is subtracted, so that small variances cost more, not less.",
            terms(lambda mu, logvar: 0.5 * (logvar.exp() + mu.square() - 1 + logvar)),
        ),
        Misconception(
            "mean_forgotten",
            "mu has no part in your divergence: its square is one of the four terms.",
            terms(lambda mu, logvar: right(0 * mu, logvar)),
        ),
        Misconception(
            "variance_forgotten",
            "The variance itself, exp(logvar), is missing: without it a posterior may grow as wide as it "
            "likes.",
            terms(lambda mu, logvar: 0.5 * (mu.square() - 1 - logvar)),
        ),
        Misconception(
            "logvar_clamped",
            "You clamp logvar to -10 and 10: beyond them the divergence is wrong and its gradient is 0. "
            "Take logvar as it is.",
            terms(lambda mu, logvar: right(mu, logvar.clamp(-10, 10))),
        ),
    ),
)

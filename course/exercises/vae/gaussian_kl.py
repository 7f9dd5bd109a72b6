"""Chapter 4: a Gaussian's KL divergence from the prior, Kingma and Welling (2013), appendix B."""

import math
import torch
from torch import distributions
from course.exercises.cases import normal
from course.exercises.engine import Exercise


def my_gaussian_kl(mu, logvar):
    """KL(N(mu, diag(exp(logvar))) || N(0, I)), (B,) nats. mu, logvar (B, Z); logvar is ln sigma^2."""
    by_latent = 0.5 * (logvar.exp() + mu.square() - 1 - logvar)  # (B, Z), each >= 0
    return by_latent.sum(dim=1)


def by_pytorch(mu, logvar):
    """The same by torch.distributions, in float64."""
    posterior = distributions.Normal(mu.double(), torch.exp(logvar.double() / 2))
    prior = distributions.Normal(torch.zeros_like(mu).double(), 1.0)
    return distributions.kl_divergence(posterior, prior).sum(1).to(mu.dtype)


def kl_case(rng, b, z, dtype=torch.float64, scale=1.0, logvar_scale=1.0):
    """A case of given sizes; the log variances stay within -20 and 10."""
    logvar = normal(rng, b, z, dtype=dtype, scale=logvar_scale).clamp(-20, 10)
    return normal(rng, b, z, dtype=dtype, scale=scale), logvar


def wide_kl(rng):
    """One valid case of small random sizes."""
    dtype, scales = rng.choice((torch.float32, torch.float64)), [10 ** rng.uniform(-1, 1) for _ in range(2)]
    return kl_case(rng, rng.randint(1, 4), rng.randint(1, 5), dtype, *scales)


gaussian_kl = Exercise(
    my_gaussian_kl,
    reference=by_pytorch,
    gradients=True,
    # OLD wide=wide_kl
    # OLD cases:
    # lambda rng: [
    #         (torch.tensor([[1.0]], dtype=torch.float64), torch.tensor([[0.0]], dtype=torch.float64)),  # 1/2
    #         (torch.zeros(2, 3, dtype=torch.float64), torch.zeros(2, 3, dtype=torch.float64)),  # the prior itself
    #         (
    #             torch.tensor([[2.0, -1.0]], dtype=torch.float64),
    #             torch.tensor([[math.log(4), -math.log(4)]], dtype=torch.float64),
    #         ),
    #         kl_case(rng, 3, 1),
    #         kl_case(rng, 1, 4),
    #         kl_case(rng, 3, 3),
    #         kl_case(rng, 4, 2, torch.float32),
    #         kl_case(rng, 2, 5, torch.float64, 1000.0),
    #         kl_case(rng, 2, 3, torch.float32, 1000.0, 0.1),
    #         (
    #             torch.tensor([[0.5, -0.5, 0.0], [3.0, 0.0, -3.0]], dtype=torch.float64),
    #             torch.tensor([[-20.0, 10.0, 0.0], [-12.0, 5.0, -20.0]], dtype=torch.float64),
    #         ),
    #         (torch.tensor([[0.0, 2.0]]), torch.tensor([[-20.0, 10.0]])),
    #         *(wide_kl(rng) for _ in range(5)),
    #     ]
    by_hand=(),
    draw=None,
    sizes=[],
    spans={},
    hints="""
        Write the bracket for all (B, Z) numbers at once. Which axis does the sum run over, and what is left?

        `logvar` is the last term as it stands, and the variance is `logvar.exp()`: no root and no logarithm
        is needed.

        `(0.5 * (logvar.exp() + mu.square() - 1 - logvar)).sum(dim=1)`.
    """,
    wrong="""
        half_forgotten: OLD → NEW
            Your divergence is twice too large: the factor 1/2 is missing.
        sign_turned: OLD → NEW
            Your divergence is negative: this is -KL, as it stands in the ELBO. A divergence is never below 0.
        mean_over_latents: OLD → NEW
            You average over the latent dimensions: their divergences add up, so the KL grows with Z.
        averaged_over_the_batch: OLD → NEW
            You average over the batch: return one number for each image, (B,).
        sum_of_everything: OLD → NEW
            You sum over the batch too: sum over the latent dimensions, dim=1, alone.
        summed_over_the_batch: OLD → NEW
            You sum over the batch, dim=0: the latent dimensions are the last axis, dim=1.
        not_summed: OLD → NEW
            You return one number for each latent dimension, (B, Z): sum over dim=1.
        bits: OLD → NEW
            Your divergence is in bits: nats are asked for, so there is nothing to divide by ln 2.
        logvar_as_the_variance: OLD → NEW
            You take logvar for the variance itself, and its logarithm is NaN where logvar < 0. The variance
            is exp(logvar).
        logvar_as_the_deviation: OLD → NEW
            You take logvar for the standard deviation: the variance is exp(logvar), not its square.
        logvar_as_the_log_deviation: OLD → NEW
            You take logvar for the log of the standard deviation: it is that of the variance, so the variance
            is exp(logvar), not exp(2 logvar).
        deviation_for_the_variance: OLD → NEW
            The first term is the standard deviation in your function, exp(logvar / 2): it is the variance,
            exp(logvar).
        reverse: OLD → NEW
            This is the reverse divergence, KL(prior || posterior), which divides by the posterior's variance.
            In the ELBO the posterior comes first.
        mu_not_squared: OLD → NEW
            mu is not squared: a mean on either side of 0 is as far from the prior.
        one_forgotten: OLD → NEW
            The -1 is missing: at mu = 0 and logvar = 0 posterior and prior are the same, and yours is Z / 2
            instead of 0.
        one_taken_once: OLD → NEW
            You take the 1 away once, outside the sum: it belongs to each of the Z terms.
        logarithm_forgotten: OLD → NEW
            The term -logvar is missing: without it a posterior that shrinks to a point costs nothing.
        sign_of_the_logarithm: OLD → NEW
            The sign of logvar is wrong: it is subtracted, so that small variances cost more, not less.
        mean_forgotten: OLD → NEW
            mu has no part in your divergence: its square is one of the four terms.
        variance_forgotten: OLD → NEW
            The variance itself, exp(logvar), is missing: without it a posterior may grow as wide as it likes.
        logvar_clamped: OLD → NEW
            You clamp logvar to -10 and 10: beyond them the divergence is wrong and its gradient is 0. Take
            logvar as it is.
    """,
)

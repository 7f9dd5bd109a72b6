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
    return distributions.kl_divergence(posterior, distributions.Normal(0.0, 1.0)).sum(1).to(mu.dtype)


def draw(rng, B, Z, scale=1.0, logvar_scale=1.0, dtype=torch.float64):
    """A case; `scale` multiplies mu, and the log variances stay within -20 and 10."""
    logvar = normal(rng, B, Z, dtype=dtype, scale=logvar_scale).clamp(-20, 10)
    return normal(rng, B, Z, dtype=dtype, scale=scale), logvar


gaussian_kl = Exercise(
    my_gaussian_kl,
    reference=by_pytorch,
    gradients=True,
    by_hand=[
        ([[1.0]], [[0.0]]),  # 1/2
        ([[0.0] * 3] * 2, [[0.0] * 3] * 2),  # the prior itself
        ([[2.0, -1.0]], [[math.log(4), -math.log(4)]]),
        ([[0.5, -0.5, 0.0], [3.0, 0.0, -3.0]], [[-20.0, 10.0, 0.0], [-12.0, 5.0, -20.0]]),
        (torch.tensor([[0.0, 2.0]]), torch.tensor([[-20.0, 10.0]])),
        # exp(logvar) is 0 in float32 below -104, and no logarithm of it comes back to logvar
        (torch.tensor([[1.0, 0.0], [0.0, -3.0]]), torch.tensor([[-200.0, -150.0], [-100.0, 0.0]])),
        ([[0.5, -2.0]], [[-200.0, -40.0]]),
        ([[1.0]], [[40.0]]),
        ([[1e4, -9e3]], [[0.0, 1.0]]),
        ([[0.0], [0.0]], [[0.0018], [-0.0009]]),  # nearly the prior: a series needs its third term
        (torch.tensor([[0.0], [1.0]]), torch.tensor([[40.0], [30.0]])),
    ],
    draw=draw,
    sizes=[
        dict(B=3, Z=1),
        dict(B=1, Z=4),
        dict(B=3, Z=3),
        dict(B=4, Z=2, dtype=torch.float32),
        dict(B=2, Z=5, scale=1000.0),
        dict(B=1, Z=1000),
        dict(B=300, Z=2),
        dict(B=2, Z=3, scale=1000.0, logvar_scale=0.1, dtype=torch.float32),
    ],
    spans=dict(B=(1, 4), Z=(1, 5), scale=[0.1, 1.0, 10.0], logvar_scale=[0.1, 1.0, 10.0]),
    hints="""
        Write the bracket for all (B, Z) numbers at once. Which axis does the sum run over, and what is left?

        `logvar` is the last term as it stands, and the variance is `logvar.exp()`: no root and no logarithm
        is needed.

        This is the line itself: `(0.5 * (logvar.exp() + mu.square() - 1 - logvar)).sum(dim=1)`.
    """,
    wrong="""
        half_forgotten: 0.5 * → nothing
            Your divergence is twice too large: the factor 1/2 is missing.
        half_missing_before_logvar: - 1 - logvar) → - 1) - 0.5 * 2 * logvar
            The ½ stands before three terms alone: logvar, the fourth, is halved as well.
        sign_turned: return by_latent → return -by_latent
            Your divergence is negative: this is -KL, as it stands in the ELBO. A divergence is never below 0.
        mean_over_latents: sum(dim=1) → mean(dim=1)
            You average over the latent dimensions: their divergences add up, so the KL grows with Z.
        sum_of_everything: sum(dim=1) → sum()
            You sum over the batch too: sum over the latent dimensions, dim=1, alone.
        summed_over_the_batch: dim=1 → dim=0
            You sum over the batch, dim=0: the latent dimensions are the last axis, dim=1.
        not_summed: .sum(dim=1) → nothing
            You return one number for each latent dimension, (B, Z): sum over dim=1.
        logvar_as_the_variance: logvar.exp() → logvar
        and: - 1 - logvar → - 1 - logvar.log()
            You take logvar for the variance itself, and its logarithm is NaN where logvar < 0. The variance
            is exp(logvar).
        logvar_as_the_deviation: logvar.exp() → logvar.square()
        and: - 1 - logvar → - 1 - logvar.square().log()
            You take logvar for the standard deviation: the variance is exp(logvar), not its square.
        logvar_as_the_log_deviation: logvar.exp() → (2 * logvar).exp()
        and: - 1 - logvar → - 1 - 2 * logvar
            You take logvar for the log of the standard deviation: it is that of the variance, so the variance
            is exp(logvar), not exp(2 logvar).
        deviation_for_the_variance: logvar.exp() → (0.5 * logvar).exp()
            The first term is the standard deviation in your function, exp(logvar / 2): it is the variance,
            exp(logvar).
        reverse: logvar.exp() + mu.square() - 1 - logvar → (1 + mu.square()) / logvar.exp() - 1 + logvar
            This is the reverse divergence, KL(prior || posterior), which divides by the posterior's variance.
            In the ELBO the posterior comes first.
        mu_not_squared: mu.square() → mu
        magnitude_of_mu: mu.square() → mu.abs()
            mu is not squared: it is mu² that counts, on either side of 0.
        half_left_out_of_mu: + mu.square() → + 2 * mu.square()
            Your mu² is not halved: the factor 1/2 stands before all four terms.
        one_forgotten: - 1 → nothing
            The -1 is missing: at mu = 0 and logvar = 0 posterior and prior are the same, and yours is Z / 2
            instead of 0.
        one_taken_once: - 1 → nothing
        and: sum(dim=1) → sum(dim=1) - 0.5
            You take the 1 away once, outside the sum: it belongs to each of the Z terms.
        logarithm_forgotten: - 1 - logvar → - 1
            The term -logvar is missing: without it a posterior that shrinks to a point costs nothing.
        sign_of_the_logarithm: - 1 - logvar → - 1 + logvar
            The sign of logvar is wrong: it is subtracted, so that small variances cost more, not less.
        mean_forgotten: + mu.square() → nothing
            mu has no part in your divergence: its square is one of the four terms.
        variance_forgotten: logvar.exp() + → nothing
            The variance itself, exp(logvar), is missing: without it a posterior may grow as wide as it likes.
        variance_detached: logvar.exp() → logvar.exp().detach()
            The values are right, but the variance is cut off: logvar gets the gradient of its own term alone,
            which makes every posterior wider. No .detach(), .item() or no_grad.
    """,
    special="""
        nearly_the_prior: 0 < logvar.abs().max() < 2e-3
            Right but where logvar is nearly 0. Is a series cut off too early? The plain formula has digits
            enough.
        large_mu: mu.abs().max() > 900
            Right but for large mu. Is mu clamped? It is squared as it stands.
        extreme_logvar: logvar.abs().max() > 9
            Right for moderate logvar alone. Is it clamped, which changes the values and stops the gradient?
            Or is a logarithm or a root taken of exp(logvar), which may be 0? The last term is logvar as it
            stands.
    """,
    forbids="torch.distributions*: Write the four terms yourself, since they are what the exercise is about.",
)

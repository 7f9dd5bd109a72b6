"""Chapter 4: the KL of a Laplace posterior from a Laplace prior."""

import math
import torch
from torch.distributions import Laplace, kl_divergence
from course.exercises.cases import normal
from course.exercises.engine import Exercise


def my_laplace_kl(mu, log_scale):
    """KL(Laplace(mu, b) || Laplace(0, 1)), b = exp(log_scale), in nats, summed over Z: (B,). mu (B, Z),
    log_scale (B, Z)."""
    b = torch.exp(log_scale)
    mean_abs = mu.abs() + b * torch.exp(-mu.abs() / b)  # E|z|
    return (mean_abs - 1 - log_scale).sum(dim=1)  # the two log 2 cancel


def by_pytorch(mu, log_scale):
    """The same by `torch.distributions`, in float64."""
    q = Laplace(mu.double(), log_scale.double().exp())
    return kl_divergence(q, Laplace(0.0, 1.0)).sum(-1).to(mu.dtype)


def laplace_case(rng, batch, dims, dtype=torch.float64, scale=1.0, spread=1.0):
    """A case; `scale` multiplies mu, `spread` the log scales."""
    return normal(rng, batch, dims, dtype=dtype, scale=scale), normal(rng, batch, dims, dtype=dtype) * spread


def wide_laplace(rng):
    """One valid case; log scales stay between -10 and 10."""
    sizes, dtype = (rng.randint(1, 4), rng.randint(1, 4)), rng.choice((torch.float32, torch.float64))
    mu, log_scale = laplace_case(rng, *sizes, dtype, 10 ** rng.uniform(-2, 2), rng.uniform(0, 3))
    return mu, log_scale.clamp(-10, 10)


laplace_kl = Exercise(
    my_laplace_kl,
    reference=by_pytorch,
    gradients=True,
    # OLD wide=wide_laplace
    # OLD cases:
    # lambda rng: [
    #         (
    #             torch.tensor([[0.0], [0.0]], dtype=torch.float64),
    #             torch.tensor([[0.0], [1.0]], dtype=torch.float64),
    #         ),
    #         (torch.tensor([[-2.0]], dtype=torch.float64), torch.tensor([[0.5]], dtype=torch.float64)),
    #         laplace_case(rng, 1, 1),
    #         laplace_case(rng, 1, 3),
    #         laplace_case(rng, 4, 1),
    #         laplace_case(rng, 3, 3, scale=3.0),
    #         laplace_case(rng, 3, 4, torch.float32),
    #         (torch.tensor([[0.0, 1e3, -1e3, 1e-3]] * 2), torch.tensor([[-10.0] * 4, [10.0] * 4])),
    #         (
    #             torch.tensor([[1e3, -1e-6], [0.0, -1e3]], dtype=torch.float64),
    #             torch.tensor([[10.0, -10.0], [-10.0, 10.0]], dtype=torch.float64),
    #         ),
    #         laplace_case(rng, 2, 5, scale=100.0, spread=2.0),
    #         *(wide_laplace(rng) for _ in range(6)),
    #     ]
    by_hand=(),
    draw=None,
    sizes=[],
    spans={},
    hints="""
        Take the logarithm of p(z): a constant and -|z|. So -E[log p(z)] needs nothing but E|z|, which is
        given.

        -E[log p] = log 2 + E|z|, and H = 1 + log 2 + log b. Subtract. And log b needs no logarithm: it is
        `log_scale`.

        Each dimension costs |mu| + b exp(-|mu| / b) - 1 - log_scale, with `b = torch.exp(log_scale)`; sum
        over dim=1.
    """,
    wrong="""
        gaussian_kl: OLD → NEW
            This is the KL of a Gaussian from N(0, 1), with b as the standard deviation: the square in it
            comes from log N. Here log p(z) = -log 2 - |z|.
        gaussian_kl_of_a_log_variance: OLD → NEW
            This is the KL of a Gaussian from N(0, 1), with log_scale as its log variance. Here log p(z) =
            -log 2 - |z|, and b is the scale.
        spread_left_out: OLD → NEW
            You take |mu| for E|z|: also a q centred at 0 has |z| > 0 on average. The term b exp(-|mu|/b) is
            missing.
        centred_at_zero: OLD → NEW
            You take b for E|z|, which is right for mu = 0 alone: E|z| = |mu| + b exp(-|mu|/b).
        spread_added_whole: OLD → NEW
            You take |mu| + b for E|z|. Far from 0 the spread cancels, to the left and to the right of mu:
            hence the factor exp(-|mu|/b).
        exponent_without_the_scale: OLD → NEW
            The exponent lacks its b: |mu| is measured in scales, exp(-|mu|/b).
        exponential_without_its_factor: OLD → NEW
            The exponential lacks its factor b: E|z| = |mu| + b exp(-|mu|/b).
        absolute_value_forgotten: OLD → NEW
            Right for mu >= 0 alone: the formula has |mu|, twice.
        log_two_of_the_prior_left: OLD → NEW
            There is log 2 too much for each dimension: it stands in -log p and in the entropy 1 + log 2b, and
            cancels.
        log_two_of_the_entropy_left: OLD → NEW
            There is log 2 too little for each dimension: the density of the prior has its ½ too, so -log p(z)
            = log 2 + |z|.
        sign_of_log_b: OLD → NEW
            log b has the wrong sign: a narrow q says more, and must cost more. The entropy is subtracted.
        one_forgotten: OLD → NEW
            The 1 of the entropy is missing: a q that equals the prior must cost 0.
        entropy_added: OLD → NEW
            You add the entropy: KL = -H(q) - E[log p], both with a minus.
        entropy_left_out: OLD → NEW
            This is the cross-entropy -E[log p] alone: subtract the entropy 1 + log 2b.
        direction_reversed: OLD → NEW
            This is KL(p || q), the prior from the posterior: the expectation runs over q.
        log_scale_taken_as_log_variance: OLD → NEW
            You halve log_scale as if it were a log variance: here b = exp(log_scale).
        scale_halved_once: OLD → NEW
            Your b is exp(log_scale / 2), that of a log variance: here b = exp(log_scale).
        mean_over_dimensions: OLD → NEW
            You average over the latent dimensions: their KLs add up.
        not_summed: OLD → NEW
            You return (B, Z): sum over the latent dimensions, dim=1.
        batch_summed: OLD → NEW
            You sum over the images too: each image has a KL of its own.
    """,
)

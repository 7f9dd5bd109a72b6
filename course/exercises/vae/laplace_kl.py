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


def draw(rng, B, Z, scale=1.0, spread=1.0, dtype=torch.float64):
    """A case; `scale` multiplies mu, `spread` the log scales, which stay between -10 and 10."""
    log_scale = normal(rng, B, Z, dtype=dtype, scale=spread).clamp(-10, 10)
    return normal(rng, B, Z, dtype=dtype, scale=scale), log_scale


laplace_kl = Exercise(
    my_laplace_kl,
    reference=by_pytorch,
    gradients=True,
    by_hand=[
        ([[0.0], [0.0]], [[0.0], [1.0]]),
        ([[-2.0]], [[math.log(2)]]),
        (torch.tensor([[0.0, 1e3, -1e3, 1e-3]] * 2), torch.tensor([[-10.0] * 4, [10.0] * 4])),
        ([[1e3, -1e-6], [0.0, -1e3]], [[10.0, -10.0], [-10.0, 10.0]]),
        ([[0.5]], [[10.0]]),
        ([[800.0]], [[0.0]]),
        ([[0.0045], [-0.0009]], [[0.0], [0.0]]),  # nearly the prior: a series needs its third term
        ([[1e-5, -1e-4], [-1e-6, 0.0]], [[-10.0, -9.0], [-10.0, -9.5]]),
    ],
    draw=draw,
    sizes=[
        dict(B=1, Z=1),
        dict(B=1, Z=3),
        dict(B=4, Z=1),
        dict(B=2, Z=300),
        dict(B=300, Z=2),
        dict(B=3, Z=3, scale=3.0),
        dict(B=3, Z=4, dtype=torch.float32),
        dict(B=2, Z=5, scale=100.0, spread=2.0),
    ],
    spans=dict(B=(1, 4), Z=(1, 4), scale=lambda rng: 10 ** rng.uniform(-2, 2), spread=(0.0, 3.0)),
    hints="""
        Take the logarithm of p(z): a constant and -|z|. So -E[log p(z)] needs nothing but E|z|, which is
        given.

        -E[log p] = log 2 + E|z|, and H = 1 + log 2 + log b. Subtract. And log b needs no logarithm: it is
        `log_scale`.

        This is the line itself: each dimension costs |mu| + b exp(-|mu| / b) - 1 - log_scale, with `b =
        torch.exp(log_scale)`; sum over dim=1.
    """,
    wrong="""
        gaussian_kl: (mean_abs - 1 - log_scale) → 0.5 * (mu.square() + b.square() - 1 - 2 * log_scale)
            This is the KL of a Gaussian from N(0, 1), with b as the standard deviation: the square in it
            comes from log N. Here log p(z) = -log 2 - |z|.
        gaussian_kl_of_a_log_variance: (mean_abs - 1 - log_scale) → 0.5 * (mu.square() + b - 1 - log_scale)
            This is the KL of a Gaussian from N(0, 1), with log_scale as its log variance. Here log p(z) =
            -log 2 - |z|, and b is the scale.
        spread_left_out: + b * torch.exp(-mu.abs() / b) → nothing
            You take |mu| for E|z|: also a q centred at 0 has |z| > 0 on average. The term b exp(-|mu|/b) is
            missing.
        centred_at_zero: mu.abs() + b * torch.exp(-mu.abs() / b) → b
            You take b for E|z|, which is right for mu = 0 alone: E|z| = |mu| + b exp(-|mu|/b).
        spread_added_whole: b * torch.exp(-mu.abs() / b) → b
            You take |mu| + b for E|z|. Far from 0 the spread cancels, to the left and to the right of mu:
            hence the factor exp(-|mu|/b).
        exponent_without_the_scale: (-mu.abs() / b) → (-mu.abs())
            The exponent lacks its b: |mu| is measured in scales, exp(-|mu|/b).
        exponential_without_its_factor: b * torch.exp → torch.exp
            The exponential lacks its factor b: E|z| = |mu| + b exp(-|mu|/b).
        absolute_value_forgotten: mu.abs() → mu
        absolute_value_forgotten_in_the_exponent: exp(-mu.abs() / b) → exp(-mu / b)
        absolute_value_forgotten_before_it: mu.abs() + → mu +
            Right for mu >= 0 alone: the formula has |mu|, twice.
        log_two_of_the_prior_left: mean_abs - 1 → math.log(2) + mean_abs - 1
            There is log 2 too much for each dimension: it stands in -log p and in the entropy 1 + log 2b, and
            cancels.
        log_two_of_the_entropy_left: mean_abs - 1 → mean_abs - 1 - math.log(2)
            There is log 2 too little for each dimension: the density of the prior has its ½ too, so -log p(z)
            = log 2 + |z|.
        sign_of_log_b: - log_scale → + log_scale
            log b has the wrong sign: a narrow q says more, and must cost more. The entropy is subtracted.
        one_forgotten: mean_abs - 1 → mean_abs
            The 1 of the entropy is missing: a q that equals the prior must cost 0.
        one_taken_once: - 1 - log_scale).sum(dim=1) → - log_scale).sum(dim=1) - 1
            You take the 1 of the entropy away once for an image: each of the Z dimensions has one.
        scale_detached: / b) → / b.detach())
            The values are right, but in the exponent b is cut off, so log_scale gets a part of its gradient.
        multiplied_by_the_scale: -mu.abs() / b → -mu.abs() * b
            You multiply |mu| by b in the exponent: it is measured in scales, exp(-|mu|/b).
        entropy_added: mean_abs - 1 - log_scale → math.log(2) + mean_abs + 1 + math.log(2) + log_scale
            You add the entropy: KL = -H(q) - E[log p], both with a minus.
        entropy_left_out: mean_abs - 1 - log_scale → math.log(2) + mean_abs
            This is the cross-entropy -E[log p] alone: subtract the entropy 1 + log 2b.
        direction_reversed: mean_abs - 1 - log_scale → mu.abs() / b + torch.exp(-mu.abs()) / b - 1 + log_scale
            This is KL(p || q), the prior from the posterior: the expectation runs over q.
        log_scale_taken_as_log_variance: torch.exp(log_scale) → torch.exp(0.5 * log_scale)
        and: - log_scale → - 0.5 * log_scale
            You halve log_scale as if it were a log variance: here b = exp(log_scale).
        mean_over_dimensions: sum(dim=1) → mean(dim=1)
            You average over the latent dimensions: their KLs add up.
        not_summed: .sum(dim=1) → nothing
            You return (B, Z): sum over the latent dimensions, dim=1.
        summed_over_the_batch: sum(dim=1) → sum(dim=0)
        batch_summed: sum(dim=1) → sum()
            You sum over the images: each has a KL of its own, the sum over the latent dimensions, dim=1.
    """,
    special="""
        nearly_the_prior: 0 < (mu.abs() / log_scale.exp()).min() < 5e-3
            Right but where mu is nearly 0. Is a series cut off too early? The plain formula has digits
            enough.
        large_mu: mu.abs().max() > 400
            Right but for large mu. Is |mu|, or its quotient with b, clamped? Take both as they stand.
        extreme_scale: log_scale.abs().max() > 4.9
            Right for moderate scales alone. Is log_scale clamped, a small number added to b, or does a
            quotient overflow? Take b = exp(log_scale) and log_scale as they stand.
        zero_mu: (mu == 0).any()
            Right but where mu is 0. There the gradient for mu is 0: the slopes of |mu| and of exp(-|mu|/b)
            cancel, if both are made with mu.abs().
    """,
    forbids="torch.distributions*: Derive the KL from the three formulas given: that is the exercise.",
)

"""Chapter 4, exercise: the KL of a Laplace posterior from a Laplace prior."""

import math

import torch
from torch.distributions import Laplace, kl_divergence

from course.exercises.draw import normal
from course.exercises.engine import Exercise, Misconception


def my_laplace_kl(mu, log_scale):
    """KL(Laplace(mu, b) || Laplace(0, 1)), b = exp(log_scale), in nats, summed over Z: (B,). mu (B, Z),
    log_scale (B, Z)."""
    raise NotImplementedError


def solve_laplace_kl(mu, log_scale):
    """KL(Laplace(mu, b) || Laplace(0, 1)), b = exp(log_scale), in nats, summed over Z: (B,). mu (B, Z),
    log_scale (B, Z)."""
    b = torch.exp(log_scale)
    mean_abs = mu.abs() + b * torch.exp(-mu.abs() / b)  # E|z|
    return (mean_abs - 1 - log_scale).sum(dim=1)  # the two log 2 cancel


def laplace_kl_by_entropy(mu, log_scale):
    """The same with both parts written out: the cross-entropy minus the entropy."""
    b = log_scale.exp()
    cross_entropy = math.log(2) + mu.abs() + b * (-mu.abs() / b).exp()
    entropy = 1 + torch.log(2 * b)
    return cross_entropy.sum(1) - entropy.sum(1)


def laplace_kl_by_sides(mu, log_scale):
    """The same without an absolute value: mu on either side of 0."""
    inverse = torch.exp(-log_scale)
    right = mu + torch.exp(log_scale - mu.clamp(min=0) * inverse)
    left = -mu + torch.exp(log_scale + mu.clamp(max=0) * inverse)
    return torch.where(mu > 0, right, left).sub(log_scale + 1).sum(-1)


def laplace_kl_by_dimension(mu, log_scale):
    """The same, one latent dimension after the other, from what the scale alone costs and what mu adds."""
    total = mu.new_zeros(len(mu))
    for m, s in zip(mu.T, log_scale.T, strict=True):
        ratio = m.abs() / s.exp()
        scale_cost = torch.expm1(s) - s
        total = total + scale_cost + s.exp() * (ratio + torch.expm1(-ratio))
    return total


def by_pytorch(mu, log_scale):
    """The same by `torch.distributions`, in float64."""
    q = Laplace(mu.double(), log_scale.double().exp())
    return kl_divergence(q, Laplace(0.0, 1.0)).sum(-1).to(mu.dtype)


def mean_abs(mu, b):
    """E|z|."""
    return mu.abs() + b * torch.exp(-mu.abs() / b)


def variant(expected=mean_abs, rest=lambda s: -1 - s, reduce=lambda kl: kl.sum(1), scale=torch.exp):
    """The KL with another E|z|, another rest, another sum or another scale."""
    return lambda mu, s: reduce(expected(mu, scale(s)) + rest(s))


def wrong(name, diagnosis, *parts, **named):
    """A misconception with one part of the KL exchanged."""
    return Misconception(name, diagnosis, variant(*parts, **named))


def laplace_case(rng, batch, dims, dtype=torch.float64, scale=1.0, spread=1.0):
    """A case; `scale` multiplies mu, `spread` the log scales."""
    return normal(rng, batch, dims, dtype=dtype, scale=scale), normal(rng, batch, dims, dtype=dtype) * spread


def wide_laplace(rng):
    """One valid case; log scales stay between -10 and 10."""
    sizes, dtype = (rng.randint(1, 4), rng.randint(1, 4)), rng.choice((torch.float32, torch.float64))
    mu, log_scale = laplace_case(rng, *sizes, dtype, 10 ** rng.uniform(-2, 2), rng.uniform(0, 3))
    return mu, log_scale.clamp(-10, 10)


laplace_kl = Exercise(
    name="laplace_kl",
    title="the KL between two Laplace distributions",
    difficulty="hard",
    minutes=20,
    task="""
        Let both be Laplace distributions in each latent dimension: the posterior
        $q = \\text{Laplace}(\\mu, b)$ and the prior $p(z) = \\tfrac12 e^{-|z|}$. Given:

        $$\\mathrm{KL}(q \\,\\|\\, p) = -H(q) - E_q[\\log p(z)], \\qquad H(q) = 1 + \\log 2b, \\qquad
        E_q|z| = |\\mu| + b\\, e^{-|\\mu|/b}$$

        `mu` and `log_scale` $= \\log b$ are $(B, Z)$, $|\\log b| \\le 10$. Return the KL summed over $Z$,
        $(B)$, without `torch.distributions`. Values and gradients are compared.

        By hand first: what is the KL for $\\mu = 0$, $b = 1$, and what for $\\mu = 0$, $b = e$?
    """,
    stub_function=my_laplace_kl,
    reference=by_pytorch,
    cases=lambda rng: [
        (
            torch.tensor([[0.0], [0.0]], dtype=torch.float64),
            torch.tensor([[0.0], [1.0]], dtype=torch.float64),
        ),
        (torch.tensor([[-2.0]], dtype=torch.float64), torch.tensor([[0.5]], dtype=torch.float64)),
        laplace_case(rng, 1, 1),
        laplace_case(rng, 1, 3),
        laplace_case(rng, 4, 1),
        laplace_case(rng, 3, 3, scale=3.0),
        laplace_case(rng, 3, 4, torch.float32),
        (torch.tensor([[0.0, 1e3, -1e3, 1e-3]] * 2), torch.tensor([[-10.0] * 4, [10.0] * 4])),
        (
            torch.tensor([[1e3, -1e-6], [0.0, -1e3]], dtype=torch.float64),
            torch.tensor([[10.0, -10.0], [-10.0, 10.0]], dtype=torch.float64),
        ),
        laplace_case(rng, 2, 5, scale=100.0, spread=2.0),
        *(wide_laplace(rng) for _ in range(6)),
    ],
    wide=wide_laplace,
    gradients=True,
    hints=(
        "Take the logarithm of p(z): a constant and -|z|. So -E[log p(z)] needs nothing but E|z|, which is "
        "given.",
        "-E[log p] = log 2 + E|z|, and H = 1 + log 2 + log b. Subtract. And log b needs no logarithm: it is "
        "`log_scale`.",
        "Each dimension costs |mu| + b exp(-|mu| / b) - 1 - log_scale, with `b = torch.exp(log_scale)`; sum "
        "over dim=1.",
    ),
    solution_function=solve_laplace_kl,
    alternatives=(laplace_kl_by_entropy, laplace_kl_by_sides, laplace_kl_by_dimension),
    misconceptions=(
        Misconception(
            "gaussian_kl",
            "This is the KL of a Gaussian from N(0, 1), with b as the standard deviation: the square in it "
            "comes from log N. Here log p(z) = -log 2 - |z|.",
            lambda mu, s: 0.5 * (mu.square() + (2 * s).exp() - 1 - 2 * s).sum(1),
        ),
        Misconception(
            "gaussian_kl_of_a_log_variance",
            "This is the KL of a Gaussian from N(0, 1), with log_scale as its log variance. Here "
            "log p(z) = -log 2 - |z|, and b is the scale.",
            lambda mu, s: 0.5 * (mu.square() + s.exp() - 1 - s).sum(1),
        ),
        wrong(
            "spread_left_out",
            "You take |mu| for E|z|: also a q centred at 0 has |z| > 0 on average. The term "
            "b exp(-|mu|/b) is missing.",
            lambda mu, b: mu.abs(),
        ),
        wrong(
            "centred_at_zero",
            "You take b for E|z|, which is right for mu = 0 alone: E|z| = |mu| + b exp(-|mu|/b).",
            lambda mu, b: b,
        ),
        wrong(
            "spread_added_whole",
            "You take |mu| + b for E|z|. Far from 0 the spread cancels, to the left and to the right of mu: "
            "hence the factor exp(-|mu|/b).",
            lambda mu, b: mu.abs() + b,
        ),
        wrong(
            "exponent_without_the_scale",
            "The exponent lacks its b: |mu| is measured in scales, exp(-|mu|/b).",
            lambda mu, b: mu.abs() + b * torch.exp(-mu.abs()),
        ),
        wrong(
            "exponential_without_its_factor",
            "The exponential lacks its factor b: E|z| = |mu| + b exp(-|mu|/b).",
            lambda mu, b: mu.abs() + torch.exp(-mu.abs() / b),
        ),
        wrong(
            "absolute_value_forgotten",
            "Right for mu >= 0 alone: the formula has |mu|, twice.",
            lambda mu, b: mu + b * torch.exp(-mu / b),
        ),
        wrong(
            "log_two_of_the_prior_left",
            "There is log 2 too much for each dimension: it stands in -log p and in the entropy "
            "1 + log 2b, and cancels.",
            rest=lambda s: math.log(2) - 1 - s,
        ),
        wrong(
            "log_two_of_the_entropy_left",
            "There is log 2 too little for each dimension: the density of the prior has its ½ too, so "
            "-log p(z) = log 2 + |z|.",
            rest=lambda s: -math.log(2) - 1 - s,
        ),
        wrong(
            "sign_of_log_b",
            "log b has the wrong sign: a narrow q says more, and must cost more. The entropy is subtracted.",
            rest=lambda s: s - 1,
        ),
        wrong(
            "one_forgotten",
            "The 1 of the entropy is missing: a q that equals the prior must cost 0.",
            rest=lambda s: -s,
        ),
        wrong(
            "entropy_added",
            "You add the entropy: KL = -H(q) - E[log p], both with a minus.",
            rest=lambda s: 2 * math.log(2) + 1 + s,
        ),
        wrong(
            "entropy_left_out",
            "This is the cross-entropy -E[log p] alone: subtract the entropy 1 + log 2b.",
            rest=lambda s: math.log(2),
        ),
        Misconception(
            "direction_reversed",
            "This is KL(p || q), the prior from the posterior: the expectation runs over q.",
            lambda mu, s: (s + mu.abs() / s.exp() + torch.exp(-mu.abs() - s) - 1).sum(1),
        ),
        wrong(
            "log_scale_taken_as_log_variance",
            "You halve log_scale as if it were a log variance: here b = exp(log_scale).",
            rest=lambda s: -1 - s / 2,
            scale=lambda s: torch.exp(s / 2),
        ),
        wrong(
            "scale_halved_once",
            "Your b is exp(log_scale / 2), that of a log variance: here b = exp(log_scale).",
            scale=lambda s: torch.exp(s / 2),
        ),
        wrong(
            "mean_over_dimensions",
            "You average over the latent dimensions: their KLs add up.",
            reduce=lambda kl: kl.mean(1),
        ),
        wrong(
            "not_summed",
            "You return (B, Z): sum over the latent dimensions, dim=1.",
            reduce=lambda kl: kl,
        ),
        wrong(
            "batch_summed",
            "You sum over the images too: each image has a KL of its own.",
            reduce=lambda kl: kl.sum(),
        ),
    ),
)

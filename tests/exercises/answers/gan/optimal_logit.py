"""Answers to `gan.optimal_logit`, written from its statement alone."""

import math

import torch


def wrong_sign(x, mean, std):
    """log q - log p."""
    z = (x - mean) / std
    return 0.5 * (x.square() - z.square()) - math.log(std)


def wrong_no_log_std(x, mean, std):
    """The normalisers are thought to cancel: log std is missing."""
    z = (x - mean) / std
    return 0.5 * (z - x) * (z + x)


def wrong_log_std_sign(x, mean, std):
    """log std with the wrong sign."""
    z = (x - mean) / std
    return 0.5 * (z - x) * (z + x) - math.log(std)


def wrong_std_as_variance(x, mean, std):
    """std is taken for the variance."""
    return 0.5 * ((x - mean).square() / std - x.square()) + 0.5 * math.log(std)


def wrong_mean_sign(x, mean, std):
    """x + mean."""
    z = (x + mean) / std
    return 0.5 * (z - x) * (z + x) + math.log(std)


def wrong_two_pi_left(x, mean, std):
    """log sqrt(2 pi) is left from one of the two densities."""
    z = (x - mean) / std
    return 0.5 * (z - x) * (z + x) + math.log(std * math.sqrt(2 * math.pi))


def wrong_probability(x, mean, std):
    """The best D itself, not its logit."""
    z = (x - mean) / std
    return torch.sigmoid(0.5 * (z - x) * (z + x) + math.log(std))


def wrong_densities(x, mean, std):
    """The logarithm of the ratio of densities: 0 / 0 far out."""
    p = torch.exp(-0.5 * x.square())
    q = torch.exp(-0.5 * ((x - mean) / std).square()) / std
    return torch.log(p / q)


def wrong_densities_eps(x, mean, std):
    """1e-12 in both logarithms."""
    root = math.sqrt(2 * math.pi)
    p = torch.exp(-0.5 * x.square()) / root
    q = torch.exp(-0.5 * ((x - mean) / std).square()) / (std * root)
    return torch.log(p + 1e-12) - torch.log(q + 1e-12)


def wrong_float32_log(x, mean, std):
    """log std from a tensor of the default type: seven digits."""
    z = (x - mean) / std
    return 0.5 * (z - x) * (z + x) + torch.log(torch.tensor(std))


def wrong_logits_clamped(x, mean, std):
    """The logit is clamped to what a sigmoid can tell from 0 and 1."""
    z = (x - mean) / std
    return (0.5 * (z - x) * (z + x) + math.log(std)).clamp(-100, 100)


def wrong_variance_no_half(x, mean, std):
    """No half before the squares, and log of the variance."""
    z = (x - mean) / std
    return (z - x) * (z + x) + math.log(std * std)


def right_factored(x, mean, std):
    """A difference of squares as a product."""
    return ((1 - std) * x - mean) * ((1 + std) * x - mean) / (2 * std**2) + math.log(std)


def right_quadratic(x, mean, std):
    """The coefficients of the parabola, in Horner's form."""
    a = (1 - std) * (1 + std) / (2 * std**2)
    b = -mean / std**2
    c = mean**2 / (2 * std**2) + math.log(std)
    return (a * x + b) * x + c


def right_float64_inside(x, mean, std):
    """Both log-densities in float64."""
    wide = x.double()
    log_p = -0.5 * wide**2 - 0.5 * math.log(2 * math.pi)
    log_q = -0.5 * ((wide - mean) / std) ** 2 - math.log(std) - 0.5 * math.log(2 * math.pi)
    return (log_p - log_q).to(x.dtype)


def right_loop(x, mean, std):
    """Point by point, stacked."""
    out = []
    for point in x.to(torch.float64):
        z = (point - mean) / std
        out.append((z + point) * (z - point) / 2 + math.log(std))
    return torch.stack(out).to(x.dtype)


def forbidden_distributions(x, mean, std):
    """Normal's log_prob twice."""
    normal = torch.distributions.Normal
    wide = x.double()
    zero = torch.zeros((), dtype=torch.float64)
    return (normal(zero, 1.0).log_prob(wide) - normal(zero + mean, std).log_prob(wide)).to(x.dtype)


def open_straight(x, mean, std):
    """Open: the formula in x's own type; in float32 squares of 1e6 cancel where std is near 1."""
    return 0.5 * ((x - mean) / std).square() - 0.5 * x.square() + math.log(std)


def open_gaussian_nll(x, mean, std):
    """Open: F.gaussian_nll_loss is ready-made, but not forbidden (float64 inside)."""
    nll = torch.nn.functional.gaussian_nll_loss
    wide = x.double()
    one = torch.ones_like(wide)
    gap = nll(wide, mean * one, std**2 * one, reduction="none") - nll(wide, 0 * one, one, reduction="none")
    return gap.to(x.dtype)

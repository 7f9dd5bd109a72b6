"""Answers to `vae.laplace_kl`, written from its statement alone."""

import math

import torch


def wrong_entropy_without_one(mu, log_scale):
    """The entropy lacks its 1."""
    b = log_scale.exp()
    return (mu.abs() + b * torch.exp(-mu.abs() / b) - log_scale).sum(dim=1)


def wrong_entropy_added(mu, log_scale):
    """The entropy enters with the wrong sign."""
    b = log_scale.exp()
    entropy = 1 + torch.log(2 * b)
    return (entropy + math.log(2) + mu.abs() + b * torch.exp(-mu.abs() / b)).sum(dim=1)


def wrong_prior_without_half(mu, log_scale):
    """The prior's factor of a half is forgotten."""
    b = log_scale.exp()
    return (mu.abs() + b * torch.exp(-mu.abs() / b) - 1 - torch.log(2 * b)).sum(dim=1)


def wrong_no_absolute_value(mu, log_scale):
    """mu in the exponent, not its absolute value."""
    b = log_scale.exp()
    return (mu.abs() + b * torch.exp(-mu / b) - 1 - log_scale).sum(dim=1)


def wrong_reverse(mu, log_scale):
    """The divergence of the prior from the posterior."""
    b = log_scale.exp()
    return ((mu.abs() + torch.exp(-mu.abs())) / b - 1 + log_scale).sum(dim=1)


def wrong_exponent_times_scale(mu, log_scale):
    """|mu| times b in the exponent, not divided by it."""
    b = log_scale.exp()
    return (mu.abs() + b * torch.exp(-mu.abs() * b) - 1 - log_scale).sum(dim=1)


def wrong_mean(mu, log_scale):
    """The mean over the latent dimensions."""
    b = log_scale.exp()
    return (mu.abs() + b * torch.exp(-mu.abs() / b) - 1 - log_scale).mean(dim=1)


def wrong_root_of_square(mu, log_scale):
    """sqrt(mu^2) for |mu|: a NaN gradient at 0."""
    b = log_scale.exp()
    m = mu.square().sqrt()
    return (m + b * torch.exp(-m / b) - 1 - log_scale).sum(dim=1)


def wrong_smoothed_absolute_value(mu, log_scale):
    """sqrt(mu^2 + 1e-8) for |mu|, against the NaN."""
    b = log_scale.exp()
    m = torch.sqrt(mu.square() + 1e-8)
    return (m + b * torch.exp(-m / b) - 1 - log_scale).sum(dim=1)


def wrong_exp_below_the_line(mu, log_scale):
    """b / exp(|mu| / b): right values, but inf below the line makes the gradient NaN."""
    b = log_scale.exp()
    m = mu.abs()
    return (m + b / torch.exp(m / b) - 1 - log_scale).sum(dim=1)


def wrong_clamped_scale(mu, log_scale):
    """log b is clamped to -7 ... 7."""
    log_b = log_scale.clamp(-7, 7)
    b = log_b.exp()
    return (mu.abs() + b * torch.exp(-mu.abs() / b) - 1 - log_b).sum(dim=1)


def wrong_two_no_one_and_no_decay(mu, log_scale):
    """E|z| is taken for |mu| + b, and the 1 is missing."""
    b = log_scale.exp()
    return (mu.abs() + b - log_scale).sum(dim=1)


def right_given_parts(mu, log_scale):
    """Entropy and cross-entropy as given."""
    b = torch.exp(log_scale)
    entropy = 1 + math.log(2) + log_scale
    mean_abs = mu.abs() + b * torch.exp(-mu.abs() / b)
    return (-entropy + math.log(2) + mean_abs).sum(dim=1)


def right_one_exponent(mu, log_scale):
    """b goes into the exponent; the larger of mu and -mu."""
    m = torch.maximum(mu, -mu)
    return (m + torch.exp(log_scale - m * torch.exp(-log_scale)) - log_scale).sum(-1) - mu.shape[-1]


def right_columns(mu, log_scale):
    """One latent dimension after the other, |mu| as mu times its sign."""
    total = 0
    for m, s in zip(mu.unbind(1), log_scale.unbind(1)):
        size = m * m.sign()
        total = total + size + s.exp() * (-size / s.exp()).exp() - (1 + s)
    return total


def right_double(mu, log_scale):
    """In float64, with expm1."""
    m, s = mu.double().abs(), log_scale.double()
    b = s.exp()
    kl = m + b * torch.expm1(-m / b) + (b - 1 - s)
    return torch.einsum("bz->b", kl).to(mu.dtype)


def open_log_of_b(mu, log_scale):
    """log(2 b) by the logarithm of the exponential: loses a digit or two near log b = 0."""
    b = torch.exp(log_scale)
    m = mu.abs()
    return (math.log(2) + m + b * torch.exp(-m / b) - 1 - torch.log(2 * b)).sum(dim=1)


def forbidden_kl_divergence(mu, log_scale):
    """torch.distributions knows it."""
    q = torch.distributions.Laplace(mu, log_scale.exp())
    p = torch.distributions.Laplace(torch.zeros_like(mu), torch.ones_like(mu))
    return torch.distributions.kl_divergence(q, p).sum(dim=1)


def forbidden_entropy(mu, log_scale):
    """The entropy from torch.distributions, the rest by hand."""
    from torch.distributions.laplace import Laplace

    b = log_scale.exp()
    mean_abs = mu.abs() + b * torch.exp(-mu.abs() / b)
    return (math.log(2) + mean_abs - Laplace(mu, b).entropy()).sum(dim=1)

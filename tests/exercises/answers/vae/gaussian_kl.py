"""Answers to `vae.gaussian_kl`, written from its statement alone."""

import torch


def wrong_no_half(mu, logvar):
    """The factor of a half is missing."""
    return (logvar.exp() + mu.square() - 1 - logvar).sum(dim=1)


def wrong_sigma_for_variance(mu, logvar):
    """sigma where sigma squared belongs."""
    return 0.5 * (torch.exp(0.5 * logvar) + mu.square() - 1 - logvar).sum(dim=1)


def wrong_sign(mu, logvar):
    """The negative divergence, as it stands in the ELBO."""
    return 0.5 * (1 + logvar - mu.square() - logvar.exp()).sum(dim=1)


def wrong_mean(mu, logvar):
    """The mean over the latent dimensions."""
    return 0.5 * (logvar.exp() + mu.square() - 1 - logvar).mean(dim=1)


def wrong_batch_total(mu, logvar):
    """One number for the batch, as in PyTorch's example."""
    return -0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp())


def wrong_reverse(mu, logvar):
    """The divergence of the prior from the posterior."""
    return 0.5 * (torch.exp(-logvar) * (1 + mu.square()) - 1 + logvar).sum(dim=1)


def wrong_log_sigma(mu, logvar):
    """logvar is taken for log sigma."""
    return 0.5 * (torch.exp(2 * logvar) + mu.square() - 1 - 2 * logvar).sum(dim=1)


def wrong_clamped_logvar(mu, logvar):
    """logvar is clamped to -30 ... 20, as in latent diffusion."""
    logvar = logvar.clamp(-30.0, 20.0)
    return 0.5 * (logvar.exp() + mu.square() - 1 - logvar).sum(dim=1)


def wrong_log_with_epsilon(mu, logvar):
    """log(sigma^2 + 1e-8) from the variance."""
    var = logvar.exp()
    return 0.5 * (var + mu.square() - 1 - torch.log(var + 1e-8)).sum(dim=1)


def wrong_log_of_sigma(mu, logvar):
    """The log of the variance, which underflows in float32."""
    var = logvar.exp()
    return 0.5 * (var + mu.square() - 1 - torch.log(var)).sum(dim=1)


def wrong_root_squared(mu, logvar):
    """sqrt(exp(logvar)) squared: right values, NaN in the gradient where the variance underflows."""
    std = logvar.exp().sqrt()
    return 0.5 * (std.square() + mu.square() - 1 - logvar).sum(dim=1)


def wrong_two_half_and_one(mu, logvar):
    """The half belongs to the square of the mean only, and the 1 is missing."""
    return (logvar.exp() + 0.5 * mu.square() - logvar).sum(dim=1)


def right_formula(mu, logvar):
    """The formula."""
    return 0.5 * (logvar.exp() + mu.square() - 1 - logvar).sum(dim=1)


def right_expm1(mu, logvar):
    """expm1 for sigma^2 - 1, and an inner product for the means."""
    return 0.5 * (torch.einsum("bz,bz->b", mu, mu) + (torch.expm1(logvar) - logvar).sum(-1))


def right_columns(mu, logvar):
    """One latent dimension after the other."""
    total = torch.zeros_like(mu[:, 0])
    for m, lv in zip(mu.unbind(dim=1), logvar.unbind(dim=1)):
        total = total + (m * m + torch.exp(lv) - lv - 1) / 2
    return total


def right_double(mu, logvar):
    """In float64, with sigma squared."""
    m, lv = mu.double(), logvar.double()
    sigma = torch.exp(lv / 2)
    return torch.sum(0.5 * (sigma**2 + m**2 - 1.0) - lv / 2, dim=1).to(mu.dtype)


def open_terms_apart(mu, logvar):
    """Four sums, then their difference: more digits cancel where the divergence is nearly 0."""
    z = mu.shape[1]
    return 0.5 * (logvar.exp().sum(1) + mu.square().sum(1) - z - logvar.sum(1))


def forbidden_distributions(mu, logvar):
    """kl_divergence of torch.distributions, in float64."""
    m, lv = mu.double(), logvar.double()
    q = torch.distributions.Normal(m, torch.exp(0.5 * lv))
    p = torch.distributions.Normal(torch.zeros_like(m), torch.ones_like(m))
    return torch.distributions.kl_divergence(q, p).sum(dim=1).to(mu.dtype)


def wrong_log_of_variance(mu, logvar):
    """log(exp(logvar)): minus infinity and NaN where exp underflows."""
    var = torch.exp(logvar)
    return 0.5 * (var + mu.square() - 1 - torch.log(var)).sum(dim=1)


def wrong_clamped(mu, logvar):
    """Log variances clamped to -30 and 20, as in latent diffusion."""
    logvar = logvar.clamp(-30.0, 20.0)
    return 0.5 * (logvar.exp() + mu.square() - 1 - logvar).sum(dim=1)

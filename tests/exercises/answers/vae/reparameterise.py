"""Answers to `vae.reparameterise`, written from its statement alone."""

import torch
import torch.nn.functional as F


def wrong_variance(mu, logvar, eps):
    """The noise is scaled by the variance."""
    return mu + logvar.exp() * eps


def wrong_log_variance(mu, logvar, eps):
    """The noise is scaled by logvar itself."""
    return mu + logvar * eps


def wrong_softplus(mu, logvar, eps):
    """sigma by softplus, as other programs have it."""
    return mu + F.softplus(logvar) * eps


def wrong_std_detached(mu, logvar, eps):
    """No gradient for logvar."""
    with torch.no_grad():
        std = torch.exp(0.5 * logvar)
    return mu + std * eps


def wrong_eps_detached(mu, logvar, eps):
    """No gradient for the noise."""
    return mu + torch.exp(0.5 * logvar) * eps.detach()


def wrong_draws_noise(mu, logvar, eps):
    """Draws its own noise."""
    std = torch.exp(0.5 * logvar)
    return mu + std * torch.randn_like(std)


def wrong_arguments_reordered(mu, eps, logvar):
    """The noise comes second, the log variance third."""
    return mu + torch.exp(0.5 * logvar) * eps


def wrong_root_of_variance(mu, logvar, eps):
    """sqrt(exp(logvar)): a NaN gradient where the variance underflows in float32."""
    return mu + torch.sqrt(torch.exp(logvar)) * eps


def wrong_clamped_logvar(mu, logvar, eps):
    """logvar is clamped to -30 ... 20, as in latent diffusion."""
    std = torch.exp(0.5 * torch.clamp(logvar, -30.0, 20.0))
    return mu + std * eps


def wrong_std_plus_epsilon(mu, logvar, eps):
    """1e-6 is added to sigma."""
    return mu + (torch.exp(0.5 * logvar) + 1e-6) * eps


def wrong_zero_noise_not_given(mu, logvar, eps):
    """Noise that is all 0 is taken for none: the mean, with no gradient for the others."""
    if not eps.any():
        return mu.clone()
    return mu + torch.exp(0.5 * logvar) * eps


def wrong_two_precision_and_subtracted(mu, logvar, eps):
    """Divides the noise by sigma, and subtracts it."""
    return mu - eps / torch.exp(0.5 * logvar)


def right_formula(mu, logvar, eps):
    """sigma = exp(logvar / 2)."""
    return mu + torch.exp(0.5 * logvar) * eps


def right_addcmul(mu, logvar, eps):
    """addcmul with the fourth root of the variance, squared."""
    root = torch.exp(logvar / 4)
    return torch.addcmul(mu, root * root, eps)


def right_matrix(mu, logvar, eps):
    """A diagonal matrix for each image."""
    sigma = torch.diag_embed((logvar / 2).exp())  # (B, Z, Z)
    return torch.baddbmm(mu.unsqueeze(2), sigma, eps.unsqueeze(2)).squeeze(2)


def right_root_in_double(mu, logvar, eps):
    """The root of the variance in float64, where it does not underflow."""
    std = logvar.double().exp().sqrt()
    return (mu.double() + std * eps.double()).to(mu.dtype)


def open_unused_draw(mu, logvar, eps):
    """Names a draw for the case that eps is None, which never comes: nothing is drawn."""
    if eps is None:
        eps = torch.randn_like(mu)
    return eps.mul(logvar.mul(0.5).exp()).add(mu)


def forbidden_draws(mu, logvar, eps):
    """Draws noise, then uses the given one."""
    noise = torch.randn(mu.shape, dtype=mu.dtype)
    noise = torch.where(torch.ones_like(mu, dtype=torch.bool), eps, noise)
    return mu + torch.exp(0.5 * logvar) * noise


def forbidden_rsample(mu, logvar, eps):
    """Adds 0 times a draw of torch.distributions to the noise."""
    q = torch.distributions.Normal(torch.zeros_like(mu), torch.ones_like(mu))
    return mu + torch.exp(0.5 * logvar) * (eps + 0 * q.sample())

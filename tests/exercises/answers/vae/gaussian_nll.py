"""Answers to `vae.gaussian_nll`, written from its statement alone."""

import math

import torch
import torch.nn.functional as F

HALF_LOG_2PI = 0.5 * math.log(2 * math.pi)


def wrong_no_half(x, mean, log_sigma):
    """The squares are not halved."""
    return ((x - mean).square() * torch.exp(-2 * log_sigma) + log_sigma + HALF_LOG_2PI).sum(dim=1)


def wrong_log_sigma_once(x, mean, log_sigma):
    """log sigma and the constant are added once, not for each pixel."""
    squares = (0.5 * (x - mean).square() * torch.exp(-2 * log_sigma)).sum(dim=1)
    return squares + log_sigma + HALF_LOG_2PI


def wrong_no_constant(x, mean, log_sigma):
    """Without log 2 pi, as PyTorch's loss has it by default."""
    return (0.5 * (x - mean).square() * torch.exp(-2 * log_sigma) + log_sigma).sum(dim=1)


def wrong_sigma_for_variance(x, mean, log_sigma):
    """Divides by sigma, not by its square."""
    return ((x - mean).square() / (2 * torch.exp(log_sigma)) + log_sigma + HALF_LOG_2PI).sum(dim=1)


def wrong_mean(x, mean, log_sigma):
    """The mean over the pixels."""
    return (0.5 * (x - mean).square() * torch.exp(-2 * log_sigma) + log_sigma + HALF_LOG_2PI).mean(dim=1)


def wrong_log_variance(x, mean, log_sigma):
    """log_sigma is taken for the log variance."""
    var = torch.exp(log_sigma)
    return (0.5 * ((x - mean).square() / var + log_sigma) + HALF_LOG_2PI).sum(dim=1)


def wrong_sigma_fixed(x, mean, log_sigma):
    """sigma as a Python number: its gradient is cut."""
    s = log_sigma.item()
    return (0.5 * (x - mean).square() * math.exp(-2 * s) + s + HALF_LOG_2PI).sum(dim=1)


def wrong_expanded_square(x, mean, log_sigma):
    """x^2 - 2 x m + m^2, which cancels for large pixels."""
    square = x.square() - 2 * x * mean + mean.square()
    return (0.5 * square * torch.exp(-2 * log_sigma) + log_sigma + HALF_LOG_2PI).sum(dim=1)


def wrong_root_squared(x, mean, log_sigma):
    """The distance squared again: a NaN gradient where x and mean are equal."""
    distance = torch.sqrt(((x - mean) ** 2).sum(dim=1))
    return 0.5 * (distance / log_sigma.exp()) ** 2 + x.shape[1] * (log_sigma + HALF_LOG_2PI)


def wrong_variance_plus_epsilon(x, mean, log_sigma):
    """1e-6 is added to the variance."""
    var = torch.exp(2 * log_sigma) + 1e-6
    return (0.5 * (x - mean).square() / var + 0.5 * torch.log(var) + HALF_LOG_2PI).sum(dim=1)


def wrong_zero_not_given(x, mean, log_sigma):
    """A log sigma of 0 is taken for none: right value, no gradient for it."""
    d2 = 0.5 * (x - mean).square()
    if log_sigma:
        d2 = d2 / torch.exp(2 * log_sigma) + log_sigma
    return (d2 + HALF_LOG_2PI).sum(dim=1)


def wrong_two_sign_and_constant(x, mean, log_sigma):
    """The log-likelihood, without log 2 pi."""
    return -(0.5 * (x - mean).square() * torch.exp(-2 * log_sigma) + log_sigma).sum(dim=1)


def right_formula(x, mean, log_sigma):
    """The formula."""
    sigma = torch.exp(log_sigma)
    return ((x - mean) ** 2 / (2 * sigma**2) + log_sigma + HALF_LOG_2PI).sum(dim=1)


def right_scaled_errors(x, mean, log_sigma):
    """An inner product of the errors in units of sigma; the constants times D."""
    e = (x - mean) * torch.exp(-log_sigma)
    return 0.5 * torch.einsum("bd,bd->b", e, e) + x.shape[1] * (log_sigma + HALF_LOG_2PI)


def right_mse(x, mean, log_sigma):
    """F.mse_loss for the squares."""
    squares = F.mse_loss(mean, x, reduction="none").sum(dim=-1)
    return squares / 2 * torch.exp(-2 * log_sigma) + x.shape[-1] * log_sigma + x.shape[-1] * HALF_LOG_2PI


def right_pixel_loop(x, mean, log_sigma):
    """One pixel after the other, the density's two factors apart, in float64."""
    s = log_sigma.double()
    total = 0
    for a, m in zip(x.T.double(), mean.T.double()):
        total = total + 0.5 * ((a - m) / s.exp()).square() + 0.5 * (2 * s + math.log(2 * math.pi))
    return total.to(x.dtype)


def open_log_of_sigma(x, mean, log_sigma):
    """log(exp(log sigma)): loses digits near log sigma = 0."""
    sigma = log_sigma.exp()
    return ((x - mean).square() / (2 * sigma.square()) + torch.log(sigma * math.sqrt(2 * math.pi))).sum(dim=1)


def forbidden_gaussian_nll_loss(x, mean, log_sigma):
    """PyTorch's Gaussian loss."""
    var = torch.exp(2 * log_sigma).expand_as(x)
    return F.gaussian_nll_loss(mean, x, var, full=True, eps=1e-9, reduction="none").sum(dim=1)


def forbidden_normal(x, mean, log_sigma):
    """torch.distributions."""
    return -torch.distributions.Normal(mean, torch.exp(log_sigma)).log_prob(x).sum(dim=1)


HALF_LOG_2PI_too = 0.5 * math.log(2 * math.pi)


def wrong_expanded_square_again(x, mean, log_sigma):
    """x^2 - 2 x m + m^2: digits cancel, more so for a small sigma."""
    squares = x.square().sum(1) - 2 * (x * mean).sum(1) + mean.square().sum(1)
    return squares / (2 * torch.exp(2 * log_sigma)) + x.shape[1] * (log_sigma + HALF_LOG_2PI_too)

"""Answers to `vae.broken_bound`, written from its statement alone."""

import math

import torch
import torch.nn.functional as F


def _log_lik(x, logits):
    return (x * F.logsigmoid(logits) + (1 - x) * F.logsigmoid(-logits)).sum(-1)  # (k, B)


def _log_prior(z):
    return -0.5 * (z.square() + math.log(2 * math.pi)).sum(-1)


def wrong_log_q_left(x, logits, z, mu, logvar):
    """Half of the fix: logsumexp, but log q without log sigma."""
    eps = (z - mu) / torch.exp(0.5 * logvar)
    log_q = -0.5 * (eps.square() + math.log(2 * math.pi)).sum(-1)
    log_w = _log_lik(x, logits) + _log_prior(z) - log_q
    return torch.logsumexp(log_w, dim=0) - math.log(z.shape[0])


def wrong_mean_left(x, logits, z, mu, logvar):
    """Half of the fix: log q is right, the logarithms are still averaged."""
    eps = (z - mu) / torch.exp(0.5 * logvar)
    log_q = -0.5 * (eps.square() + math.log(2 * math.pi) + logvar).sum(-1)
    log_w = _log_lik(x, logits) + _log_prior(z) - log_q
    return log_w.mean(dim=0)


def wrong_no_log_k(x, logits, z, mu, logvar):
    """The sum of the weights, not divided by k."""
    eps = (z - mu) / torch.exp(0.5 * logvar)
    log_q = -0.5 * (eps.square() + math.log(2 * math.pi) + logvar).sum(-1)
    log_w = _log_lik(x, logits) + _log_prior(z) - log_q
    return torch.logsumexp(log_w, dim=0)


def wrong_log_sigma_added(x, logits, z, mu, logvar):
    """log sigma enters log q with the wrong sign."""
    eps = (z - mu) / torch.exp(0.5 * logvar)
    log_q = -0.5 * (eps.square() + math.log(2 * math.pi) - logvar).sum(-1)
    log_w = _log_lik(x, logits) + _log_prior(z) - log_q
    return torch.logsumexp(log_w, dim=0) - math.log(z.shape[0])


def wrong_log_variance_for_log_sigma(x, logits, z, mu, logvar):
    """log q loses logvar where it should lose half of it."""
    eps = (z - mu) / torch.exp(0.5 * logvar)
    log_q = (-0.5 * (eps.square() + math.log(2 * math.pi)) - logvar).sum(-1)
    log_w = _log_lik(x, logits) + _log_prior(z) - log_q
    return torch.logsumexp(log_w, dim=0) - math.log(z.shape[0])


def wrong_posterior_detached(x, logits, z, mu, logvar):
    """The parameters of q are detached in log q, as in 'sticking the landing'."""
    mu_, logvar_ = mu.detach(), logvar.detach()
    eps = (z - mu_) / torch.exp(0.5 * logvar_)
    log_q = -0.5 * (eps.square() + math.log(2 * math.pi) + logvar_).sum(-1)
    log_w = _log_lik(x, logits) + _log_prior(z) - log_q
    return torch.logsumexp(log_w, dim=0) - math.log(z.shape[0])


def wrong_log_batch(x, logits, z, mu, logvar):
    """Divides by the number of images, not of samples."""
    eps = (z - mu) / torch.exp(0.5 * logvar)
    log_q = -0.5 * (eps.square() + math.log(2 * math.pi) + logvar).sum(-1)
    log_w = _log_lik(x, logits) + _log_prior(z) - log_q
    return torch.logsumexp(log_w, dim=0) - math.log(len(x))


def wrong_exp_mean_log(x, logits, z, mu, logvar):
    """The weights themselves are averaged: they underflow."""
    eps = (z - mu) / torch.exp(0.5 * logvar)
    log_q = -0.5 * (eps.square() + math.log(2 * math.pi) + logvar).sum(-1)
    log_w = _log_lik(x, logits) + _log_prior(z) - log_q
    return log_w.exp().mean(dim=0).log()


def wrong_one_maximum(x, logits, z, mu, logvar):
    """One maximum for the whole batch is taken off: other images underflow."""
    eps = (z - mu) / torch.exp(0.5 * logvar)
    log_q = -0.5 * (eps.square() + math.log(2 * math.pi) + logvar).sum(-1)
    log_w = _log_lik(x, logits) + _log_prior(z) - log_q
    top = log_w.max().detach()
    return (log_w - top).exp().mean(dim=0).log() + top


def wrong_clamped_logvar(x, logits, z, mu, logvar):
    """logvar is clamped to -20 ... 20."""
    logvar = logvar.clamp(-20, 20)
    eps = (z - mu) / torch.exp(0.5 * logvar)
    log_q = -0.5 * (eps.square() + math.log(2 * math.pi) + logvar).sum(-1)
    log_w = _log_lik(x, logits) + _log_prior(z) - log_q
    return torch.logsumexp(log_w, dim=0) - math.log(z.shape[0])


def wrong_sigma_plus_epsilon(x, logits, z, mu, logvar):
    """sigma + 1e-8 in the denominator."""
    eps = (z - mu) / (torch.exp(0.5 * logvar) + 1e-8)
    log_q = -0.5 * (eps.square() + math.log(2 * math.pi) + logvar).sum(-1)
    log_w = _log_lik(x, logits) + _log_prior(z) - log_q
    return torch.logsumexp(log_w, dim=0) - math.log(z.shape[0])


def wrong_two_variance_and_mean(x, logits, z, mu, logvar):
    """Divides by the variance to make up for the missing log sigma, and leaves the mean."""
    eps = (z - mu) / torch.exp(logvar)
    log_q = -0.5 * (eps.square() + math.log(2 * math.pi) + logvar).sum(-1)
    log_w = _log_lik(x, logits) + _log_prior(z) - log_q
    return log_w.mean(dim=0)


def right_logsumexp(x, logits, z, mu, logvar):
    """log q with its log sigma; logsumexp less log k."""
    eps = (z - mu) / torch.exp(0.5 * logvar)
    log_q = -0.5 * (eps.square() + logvar + math.log(2 * math.pi)).sum(-1)
    log_w = _log_lik(x, logits) + _log_prior(z) - log_q
    return torch.logsumexp(log_w, dim=0) - math.log(log_w.shape[0])


def right_constants_cancel(x, logits, z, mu, logvar):
    """Prior and posterior in one sum, without 2 pi; each image's maximum is taken off."""
    ratio = -0.5 * (z**2 - ((z - mu) * torch.exp(-0.5 * logvar)) ** 2 - logvar)
    log_w = F.logsigmoid((2 * x - 1) * logits).sum(dim=2) + ratio.sum(dim=2)
    top = log_w.amax(dim=0).detach()
    return top + torch.log(torch.mean(torch.exp(log_w - top), dim=0))


def right_one_sample_at_a_time(x, logits, z, mu, logvar):
    """A loop over the samples with logaddexp, in float64."""
    sigma = torch.exp(0.5 * logvar)
    total = None
    for a, code in zip(logits, z):
        log_q = -0.5 * (((code - mu) / sigma).square() + logvar + math.log(2 * math.pi)).sum(1)
        log_w = (_log_lik(x, a) + _log_prior(code) - log_q).double()
        total = log_w if total is None else torch.logaddexp(total, log_w)
    return (total - math.log(len(z))).to(logits.dtype)


def right_double(x, logits, z, mu, logvar):
    """All of it in float64, with PyTorch's loss for the pixels."""
    a, code, m, lv = (t.double() for t in (logits, z, mu, logvar))
    log_lik = -F.binary_cross_entropy_with_logits(a, x.double().expand_as(a), reduction="none").sum(-1)
    log_ratio = 0.5 * ((code - m).square() * torch.exp(-lv) + lv - code.square()).sum(-1)
    bound = torch.logsumexp(log_lik + log_ratio - math.log(z.shape[0]), dim=0)
    return bound.to(logits.dtype)


def forbidden_normal(x, logits, z, mu, logvar):
    """Both Gaussians from torch.distributions."""
    q = torch.distributions.Normal(mu, torch.exp(0.5 * logvar))
    p = torch.distributions.Normal(torch.zeros_like(mu), torch.ones_like(mu))
    log_w = _log_lik(x, logits) + (p.log_prob(z) - q.log_prob(z)).sum(-1)
    return torch.logsumexp(log_w, dim=0) - math.log(z.shape[0])


def forbidden_mixture_of_ways(x, logits, z, mu, logvar):
    """Only the prior from torch.distributions."""
    from torch import distributions as D

    eps = (z - mu) / torch.exp(0.5 * logvar)
    log_q = -0.5 * (eps.square() + logvar + math.log(2 * math.pi)).sum(-1)
    log_prior = D.Independent(D.Normal(torch.zeros_like(z), 1.0), 1).log_prob(z)
    return torch.logsumexp(_log_lik(x, logits) + log_prior - log_q, dim=0) - math.log(z.shape[0])


LOG_2PI = math.log(2 * math.pi)


def log_likelihood(x, logits):
    return (x * F.logsigmoid(logits) + (1 - x) * F.logsigmoid(-logits)).sum(-1)


def standard_normal(z):
    return -0.5 * (z.square() + LOG_2PI).sum(-1)


def posterior(z, mu, logvar):
    eps = (z - mu) / torch.exp(0.5 * logvar)
    return -0.5 * (eps.square() + logvar + LOG_2PI).sum(-1)


def log_weights(x, logits, z, mu, logvar):
    return log_likelihood(x, logits) + standard_normal(z) - posterior(z, mu, logvar)


def wrong_narrow_clamped(x, logits, z, mu, logvar):
    """Log variances below -6 are clamped 'for stability'."""
    return torch.logsumexp(log_weights(x, logits, z, mu, logvar.clamp(min=-6)), dim=0) - math.log(z.shape[0])

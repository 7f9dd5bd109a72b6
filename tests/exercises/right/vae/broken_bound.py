"""Right answers to `broken_bound` in other words than the solution's."""

import math

import torch
import torch.nn.functional as F


def bound_without_constants(x, logits, z, mu, logvar):
    """The same; the constants of prior and posterior cancel."""
    variance = logvar.exp()
    ratio = (z - mu) ** 2 / variance + logvar - z**2  # twice log p(z) / q(z | x)
    log_w = (x * logits - F.softplus(logits)).sum(2) + ratio.sum(2) / 2
    largest = log_w.max(dim=0).values
    return largest + (log_w - largest).exp().mean(dim=0).log()


def bound_by_sigma(x, logits, z, mu, logvar):
    """The same with ln sigma taken of sigma, and with weights that are divided by k before they are added."""
    sigma = logvar.mul(0.5).exp()
    log_q = -(((z - mu) / sigma).pow(2) / 2 + sigma.log() + math.log(2 * math.pi) / 2).sum(-1)
    log_prior = -(z * z + math.log(2 * math.pi)).sum(-1) / 2
    log_w = F.logsigmoid((2 * x - 1) * logits).sum(-1) + log_prior - log_q
    return torch.logsumexp(log_w - math.log(z.shape[0]), dim=0)


def bound_by_sample(x, logits, z, mu, logvar):
    """The same, one sample after the other."""
    log_sum = None
    for a, code in zip(logits, z, strict=True):
        eps = (code - mu) * torch.exp(-logvar / 2)
        log_w = torch.where(x == 1, F.logsigmoid(a), F.logsigmoid(-a)).sum(1)
        log_w = log_w + 0.5 * (eps**2 + logvar - code**2).sum(1)
        log_sum = log_w if log_sum is None else torch.logaddexp(log_sum, log_w)
    return log_sum - math.log(len(z))


RIGHT = (bound_without_constants, bound_by_sigma, bound_by_sample)

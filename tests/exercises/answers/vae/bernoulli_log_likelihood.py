"""Answers to `vae.bernoulli_log_likelihood`, written from its statement alone."""

import torch
import torch.nn.functional as F


def wrong_sign(x, logits):
    """The negative log-likelihood."""
    return -(x * F.logsigmoid(logits) + (1 - x) * F.logsigmoid(-logits)).sum(dim=1)


def wrong_mean(x, logits):
    """The mean over the pixels."""
    return (x * F.logsigmoid(logits) + (1 - x) * F.logsigmoid(-logits)).mean(dim=1)


def wrong_total(x, logits):
    """One number, summed over the images too."""
    return (x * F.logsigmoid(logits) + (1 - x) * F.logsigmoid(-logits)).sum()


def wrong_log_of_sigmoid(x, logits):
    """The formula as printed: 0 times log 0 for large logits."""
    p = torch.sigmoid(logits)
    return (x * torch.log(p) + (1 - x) * torch.log(1 - p)).sum(dim=1)


def wrong_log_with_epsilon(x, logits):
    """log(p + 1e-8), against infinities."""
    p = torch.sigmoid(logits)
    return (x * torch.log(p + 1e-8) + (1 - x) * torch.log(1 - p + 1e-8)).sum(dim=1)


def wrong_classes_swapped(x, logits):
    """The logit taken for that of a 0."""
    return ((1 - x) * F.logsigmoid(logits) + x * F.logsigmoid(-logits)).sum(dim=1)


def wrong_only_ones(x, logits):
    """The pixels that are 0 add nothing."""
    return (x * F.logsigmoid(logits)).sum(dim=1)


def wrong_max_form(x, logits):
    """max(a, 0) - x a + log(1 + exp(-|a|)): the gradient at a = 0 lacks a half."""
    nll = F.relu(logits) - x * logits + torch.log1p(torch.exp(-logits.abs()))
    return -nll.sum(dim=1)


def wrong_clamped_logits(x, logits):
    """Logits are clamped to +-50."""
    a = logits.clamp(-50, 50)
    return (x * F.logsigmoid(a) + (1 - x) * F.logsigmoid(-a)).sum(dim=1)


def wrong_log1p_exp(x, logits):
    """log(1 + e^a) as it stands: overflows."""
    return (x * logits - torch.log1p(torch.exp(logits))).sum(dim=1)


def wrong_where_nan_gradient(x, logits):
    """Both branches of a where are calculated: right values, NaN in the gradient."""
    large = logits + torch.log1p(torch.exp(-logits))
    small = torch.log1p(torch.exp(logits))
    return (x * logits - torch.where(logits > 0, large, small)).sum(dim=1)


def wrong_two_bits_and_mean(x, logits):
    """In bits, and averaged over the pixels."""
    nats = x * F.logsigmoid(logits) + (1 - x) * F.logsigmoid(-logits)
    return (nats / torch.log(torch.tensor(2.0, dtype=logits.dtype))).mean(dim=1)


def right_logsigmoid(x, logits):
    """log s(a) and log s(-a)."""
    return (x * F.logsigmoid(logits) + (1 - x) * F.logsigmoid(-logits)).sum(dim=1)


def right_signed(x, logits):
    """A 0 turns the sign of its logit; one logsigmoid for all."""
    sign = 2 * x - 1
    return F.logsigmoid(sign * logits).sum(dim=-1)


def right_logaddexp(x, logits):
    """-log(e^0 + e^(-+a))."""
    a = torch.where(x == 1, -logits, logits)
    return -torch.logaddexp(torch.zeros_like(a), a).sum(dim=1)


def right_two_classes(x, logits):
    """A log-softmax over the logits 0 and a; the pixel picks its class."""
    both = torch.stack([torch.zeros_like(logits), logits], dim=-1)  # (B, D, 2)
    return both.log_softmax(dim=-1).gather(-1, x.unsqueeze(-1)).squeeze(-1).sum(dim=1)


def open_softplus(x, logits):
    """F.softplus is linear above 20: the gradient is off by up to 2e-9 there."""
    return (x * -F.softplus(-logits) - (1 - x) * F.softplus(logits)).sum(dim=1)


def open_difference(x, logits):
    """x a - log(1 + e^a): 0 in place of -e^(-a) for a 1 with a large logit."""
    return (x * logits - torch.logaddexp(logits, torch.zeros_like(logits))).sum(dim=1)


def forbidden_bce(x, logits):
    """PyTorch's loss."""
    return -F.binary_cross_entropy_with_logits(logits, x.to(logits.dtype), reduction="none").sum(dim=1)


def forbidden_distribution(x, logits):
    """torch.distributions."""
    return torch.distributions.Bernoulli(logits=logits).log_prob(x.to(logits.dtype)).sum(dim=1)


def wrong_gradient_at_zero(x, logits):
    """The max trick with relu and abs: right values, the gradient at a logit of exactly 0 is off by 1/2."""
    return (x * logits - F.relu(logits) - torch.log1p(torch.exp(-logits.abs()))).sum(dim=1)


def wrong_max_clamp_gradient(x, logits):
    """The max trick with clamp and abs: the gradient at a logit of exactly 0 is off by -1/2."""
    return (x * logits - logits.clamp(min=0) - torch.log1p(torch.exp(-logits.abs()))).sum(dim=1)

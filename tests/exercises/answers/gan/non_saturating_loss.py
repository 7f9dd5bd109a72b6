"""Answers to `gan.non_saturating_loss`, written from its statement alone."""

import math

import torch
import torch.nn.functional as F


def wrong_saturating(fake_logits):
    """log(1 - D), the loss that saturates."""
    return -torch.logaddexp(torch.zeros_like(fake_logits), fake_logits).mean()


def wrong_sign(fake_logits):
    """log D without the minus: maximised."""
    return -torch.logaddexp(torch.zeros_like(fake_logits), -fake_logits).mean()


def wrong_discriminators_part(fake_logits):
    """-log(1 - D), the discriminator's part for fakes."""
    return torch.logaddexp(torch.zeros_like(fake_logits), fake_logits).mean()


def wrong_sum(fake_logits):
    """The sum, not the mean."""
    return torch.logaddexp(torch.zeros_like(fake_logits), -fake_logits).sum()


def wrong_log_of_mean(fake_logits):
    """The logarithm of the mean probability."""
    zero = torch.zeros_like(fake_logits)
    logs = -torch.logaddexp(zero, -fake_logits)
    return math.log(len(fake_logits)) - torch.logsumexp(logs, 0)


def wrong_naive(fake_logits):
    """log(sigmoid): infinite at -1e4."""
    return -torch.log(torch.sigmoid(fake_logits)).mean()


def wrong_overflow(fake_logits):
    """log1p(exp(-b)): exp overflows at -1e4."""
    return torch.log1p(torch.exp(-fake_logits)).mean()


def wrong_clamped_probability(fake_logits):
    """The probability is clamped at 1e-7, as Keras does: no slope below."""
    return -torch.sigmoid(fake_logits).clamp(1e-7, 1 - 1e-7).log().mean()


def wrong_relu_at_zero(fake_logits):
    """relu(-b) + log1p(exp(-|b|)): the gradient at 0 is 0."""
    return (F.relu(-fake_logits) + torch.log1p(torch.exp(-fake_logits.abs()))).mean()


def wrong_where_nan(fake_logits):
    """where picks the value, but the other branch sends NaN into the gradient."""
    stable = torch.log1p(torch.exp(-fake_logits))
    return torch.where(fake_logits < -50, -fake_logits, stable).mean()


def wrong_float32_inside(fake_logits):
    """float32 inside, cast back at the end."""
    x = fake_logits.float()
    return torch.logaddexp(torch.zeros_like(x), -x).mean().to(fake_logits.dtype)


def wrong_saturating_sum(fake_logits):
    """The saturating loss, and summed."""
    return -torch.logaddexp(torch.zeros_like(fake_logits), fake_logits).sum()


def right_logaddexp(fake_logits):
    """log(1 + e^-b) by logaddexp."""
    return torch.logaddexp(torch.zeros_like(fake_logits), -fake_logits).mean()


def right_minimum(fake_logits):
    """log s(b) = min(b, 0) - log1p(exp(-|b|)); torch.minimum halves its gradient at 0."""
    low = torch.minimum(fake_logits, torch.zeros_like(fake_logits))
    return -(low - torch.log1p(torch.exp(-fake_logits.abs()))).mean()


class _MinusLogSigmoid(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return (-x).clamp(min=0) + torch.log1p(torch.exp(-x.abs()))

    @staticmethod
    def backward(ctx, grad):
        (x,) = ctx.saved_tensors
        return -grad * torch.sigmoid(-x)


def right_own_gradient(fake_logits):
    """A Function of its own, with the slope s(b) - 1 by hand."""
    return _MinusLogSigmoid.apply(fake_logits).mean()


def right_two_signs(fake_logits):
    """Positive and negative logits apart, put back by weights."""
    low, high = fake_logits[fake_logits < 0], fake_logits[fake_logits >= 0]
    total = (torch.log1p(torch.exp(low)) - low).sum() + torch.log1p(torch.exp(-high)).sum()
    return total / fake_logits.numel()


def forbidden_bce(fake_logits):
    """F.binary_cross_entropy_with_logits."""
    return F.binary_cross_entropy_with_logits(fake_logits, torch.ones_like(fake_logits))


def forbidden_distributions(fake_logits):
    """Bernoulli's log_prob."""
    return -torch.distributions.Bernoulli(logits=fake_logits).log_prob(torch.ones_like(fake_logits)).mean()


def open_logsigmoid(fake_logits):
    """Open: F.logsigmoid is no loss, but the logarithm is not written by oneself."""
    return -F.logsigmoid(fake_logits).mean()


def open_log_softmax(fake_logits):
    """Open: torch.log_softmax of the pair (b, 0) is no loss, but a ready-made logarithm."""
    pair = torch.stack([fake_logits, torch.zeros_like(fake_logits)], 1)
    return -torch.log_softmax(pair, 1)[:, 0].mean()


def open_log_of_one_plus(fake_logits):
    """Open: log(1 + exp(-|b|)) in place of log1p; only losses near 0 lose their digits."""
    high = torch.maximum(-fake_logits, torch.zeros_like(fake_logits))
    return (high + torch.log(1 + torch.exp(-fake_logits.abs()))).mean()


def wrong_slope_at_zero(fake_logits):
    """relu(-b) + log1p(exp(-|b|)): the slope at exactly 0 is 0, not -1/2."""
    return (F.relu(-fake_logits) + torch.log1p(torch.exp(-fake_logits.abs()))).mean()


def wrong_slope_one_at_zero(fake_logits):
    """-min(b, 0) by clamp: the slope at exactly 0 is -1, not -1/2."""
    return (-fake_logits.clamp(max=0) + torch.log1p(torch.exp(-fake_logits.abs()))).mean()

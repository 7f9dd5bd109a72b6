"""Right answers to `broken_game` in other words than the solution's."""

import torch
import torch.nn.functional as F


def losses_by_signs(real_logits, fake_logits):
    """The same: 1 - sigmoid(a) is sigmoid(-a)."""
    d_loss = -F.logsigmoid(real_logits).mean() - F.logsigmoid(-fake_logits).mean()
    return d_loss, -F.logsigmoid(fake_logits).mean()


def losses_by_softplus(real_logits, fake_logits):
    """The same: softplus is log(1 + exp(a)), without overflow."""
    b = len(real_logits)
    d_loss = (F.softplus(-real_logits) + F.softplus(fake_logits)).sum() / b
    return d_loss, F.softplus(-fake_logits).sum() / b


def losses_by_labels(real_logits, fake_logits):
    """The same with both batches joined, as it is often written: a mean over all points, doubled."""
    logits = torch.cat([real_logits, fake_logits])
    labels = torch.cat([torch.ones_like(real_logits), torch.zeros_like(fake_logits)])
    d_loss = 2 * F.binary_cross_entropy_with_logits(logits, labels)
    return d_loss, F.binary_cross_entropy_with_logits(fake_logits, torch.ones_like(fake_logits))


RIGHT = (losses_by_signs, losses_by_softplus, losses_by_labels)

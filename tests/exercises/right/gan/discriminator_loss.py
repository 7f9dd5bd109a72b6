"""Right answers to `discriminator_loss` in other words than the solution's."""

import torch
import torch.nn.functional as F


def loss_by_softplus(real_logits, fake_logits):
    """The same: softplus is log(1 + exp(a)), without overflow."""
    return F.softplus(-real_logits).mean() + F.softplus(fake_logits).mean()


def loss_by_log1p(real_logits, fake_logits):
    """The same with the larger of 0 and the logit taken out of the exponential."""
    parts = []
    for wrong in (-real_logits, fake_logits):  # large where the discriminator errs
        parts.append(((wrong + wrong.abs()) / 2 + torch.log1p(torch.exp(-wrong.abs()))).mean())
    return parts[0] + parts[1]


def loss_by_weights(real_logits, fake_logits):
    """The same over the two batches joined: each point weighs one over its own batch's size."""
    n, m = real_logits.shape[0], fake_logits.shape[0]
    right = torch.cat([real_logits, -fake_logits])  # large where the discriminator is right
    weights = torch.cat([torch.full_like(real_logits, 1 / n), torch.full_like(fake_logits, 1 / m)])
    return -(weights * F.logsigmoid(right)).sum()


RIGHT = (loss_by_softplus, loss_by_log1p, loss_by_weights)

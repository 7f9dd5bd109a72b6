"""Right answers to `bits_per_character` in other words than the solution's."""

import math

import torch
import torch.nn.functional as F


def bits_by_gather(logits, targets):
    """The same: pick each target's log-probability."""
    log_probs = torch.log_softmax(logits, dim=-1)  # (B, T, V)
    picked = log_probs.gather(2, targets[:, :, None])  # (B, T, 1)
    return -picked.mean() * math.log2(math.e)


def bits_by_log_sum_exp(logits, targets):
    """The same: log-sum-exp with the largest logit taken out, minus the target's logit."""
    largest = logits.max(dim=2, keepdim=True).values
    log_sum = (logits - largest).exp().sum(dim=2).log2() + largest[:, :, 0] / math.log(2)
    one_hot = F.one_hot(targets, logits.shape[2]).to(logits.dtype)
    return (log_sum - (logits * one_hot).sum(dim=2) / math.log(2)).mean()


def bits_by_character(logits, targets):
    """The same, one character after the other."""
    total, count = 0.0, 0
    for sequence, wanted in zip(logits, targets, strict=True):
        for scores, character in zip(sequence, wanted.tolist(), strict=True):
            total = total + (scores.logsumexp(0) - scores[character]) / math.log(2)
            count += 1
    return total / count


RIGHT = (
    bits_by_gather,
    bits_by_log_sum_exp,
    bits_by_character,
    lambda logits, targets: F.cross_entropy(logits.mT, targets) / math.log(2),
)

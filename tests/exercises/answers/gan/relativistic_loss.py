"""Answers to `gan.relativistic_loss`, written from its statement alone."""

import math

import torch
import torch.nn.functional as F


def wrong_swapped_pair(real_logits, fake_logits):
    """The discriminator's and the generator's loss change places."""
    gap = real_logits - fake_logits
    return F.softplus(gap).mean(), F.softplus(-gap).mean()


def wrong_average_version(real_logits, fake_logits):
    """The relativistic average GAN: each logit against the other side's mean."""
    real = real_logits - fake_logits.mean()
    fake = fake_logits - real_logits.mean()
    d_loss = (F.softplus(-real).mean() + F.softplus(fake).mean()) / 2
    return d_loss, (F.softplus(real).mean() + F.softplus(-fake).mean()) / 2


def wrong_all_pairs(real_logits, fake_logits):
    """Every real image against every fake one."""
    gap = real_logits[:, None] - fake_logits[None, :]
    return F.softplus(-gap).mean(), F.softplus(gap).mean()


def wrong_negated(real_logits, fake_logits):
    """The generator's loss is minus the discriminator's."""
    d_loss = F.softplus(fake_logits - real_logits).mean()
    return d_loss, -d_loss


def wrong_standard(real_logits, fake_logits):
    """The usual losses: each image alone."""
    return F.softplus(-real_logits).mean() + F.softplus(fake_logits).mean(), F.softplus(-fake_logits).mean()


def wrong_difference_of_probabilities(real_logits, fake_logits):
    """The difference is taken after the sigmoid."""
    gap = torch.sigmoid(real_logits) - torch.sigmoid(fake_logits)
    return F.softplus(-gap).mean(), F.softplus(gap).mean()


def wrong_mean_first(real_logits, fake_logits):
    """The mean difference goes into the sigmoid."""
    gap = (real_logits - fake_logits).mean()
    return F.softplus(-gap), F.softplus(gap)


def wrong_log_of_sigmoid(real_logits, fake_logits):
    """log(sigmoid): infinite at large differences."""
    gap = real_logits - fake_logits
    return -torch.sigmoid(gap).log().mean(), -torch.sigmoid(-gap).log().mean()


def wrong_bce_of_probabilities(real_logits, fake_logits):
    """F.binary_cross_entropy of the probability: its logarithm stops at -100."""
    d = torch.sigmoid(real_logits - fake_logits)
    return (
        F.binary_cross_entropy(d, torch.ones_like(d)),
        F.binary_cross_entropy(d, torch.zeros_like(d)),
    )


def wrong_second_by_symmetry(real_logits, fake_logits):
    """The generator's loss as log(1 - s), with 1 - s rounded to 0: an added 1e-12."""
    gap = real_logits - fake_logits
    return F.softplus(-gap).mean(), -torch.log(1 - torch.sigmoid(gap) + 1e-12).mean()


def wrong_clamped_at_1e4(real_logits, fake_logits):
    """The difference is clamped to 1e4, the largest logit."""
    gap = (real_logits - fake_logits).clamp(-1e4, 1e4)
    return F.softplus(-gap).mean(), F.softplus(gap).mean()


def wrong_sum_in_bits(real_logits, fake_logits):
    """Sums for means, and bits for nats."""
    gap = real_logits - fake_logits
    return F.softplus(-gap).sum() / math.log(2), F.softplus(gap).sum() / math.log(2)


def right_softplus(real_logits, fake_logits):
    """log(1 + e^x)."""
    gap = real_logits - fake_logits
    return F.softplus(-gap).mean(), F.softplus(gap).mean()


def right_logsigmoid(real_logits, fake_logits):
    """F.logsigmoid of both differences."""
    d_loss = -F.logsigmoid(real_logits - fake_logits).mean()
    return d_loss, -F.logsigmoid(fake_logits - real_logits).mean()


def right_softmax_of_pair(real_logits, fake_logits):
    """Which of the two is real: a softmax over the pair."""
    logs = torch.log_softmax(torch.stack([real_logits, fake_logits]), 0)
    return tuple(-logs.mean(1))


def right_bce(real_logits, fake_logits):
    """The ready-made loss with the labels 1 and 0."""
    gap = real_logits - fake_logits
    one = torch.ones_like(gap)
    return F.binary_cross_entropy_with_logits(gap, one), F.binary_cross_entropy_with_logits(gap, 1 - one)


def open_second_from_first(real_logits, fake_logits):
    """Open: L_G = L_D + mean(r - f) loses digits where L_G is small."""
    gap = real_logits - fake_logits
    d_loss = torch.logaddexp(torch.zeros_like(gap), -gap).mean()
    return d_loss, d_loss + gap.mean()

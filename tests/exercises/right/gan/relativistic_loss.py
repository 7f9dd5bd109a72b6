"""Right answers to `relativistic_loss` in other words than the solution's."""

import torch
import torch.nn.functional as F


def losses_by_logsigmoid(real_logits, fake_logits):
    """The same by `F.logsigmoid`."""
    d_loss = -F.logsigmoid(real_logits - fake_logits).mean()
    g_loss = -F.logsigmoid(fake_logits - real_logits).mean()
    return d_loss, g_loss


def losses_by_cross_entropy(real_logits, fake_logits):
    """The same by binary cross-entropy: the discriminator's target is 1, the generator's 0."""
    margin = real_logits - fake_logits
    ones, zeros = torch.ones_like(margin), torch.zeros_like(margin)
    return [F.binary_cross_entropy_with_logits(margin, target) for target in (ones, zeros)]


def losses_by_two_classes(real_logits, fake_logits):
    """The same as a softmax over the pair: which of the two is the real one?"""
    log_p = torch.stack([real_logits, fake_logits], dim=1).log_softmax(dim=1)  # (B, 2)
    return tuple(-log_p.mean(dim=0))


def losses_by_largest(real_logits, fake_logits):
    """The same with the larger logit taken out of the exponentials by hand."""
    largest = torch.maximum(real_logits, fake_logits)
    log_sum = largest + torch.log1p(torch.exp(-(real_logits - fake_logits).abs()))
    return (log_sum - real_logits).sum() / len(log_sum), (log_sum - fake_logits).sum() / len(log_sum)


RIGHT = (
    losses_by_logsigmoid,
    losses_by_cross_entropy,
    losses_by_two_classes,
    losses_by_largest,
)

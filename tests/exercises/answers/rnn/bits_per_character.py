"""Answers to `rnn.bits_per_character`, written from its statement alone."""

import math

import torch
import torch.nn.functional as F


def wrong_nats(logits, targets):
    """The cross-entropy in nats, not in bits."""
    return F.cross_entropy(logits.flatten(0, 1), targets.flatten())


def wrong_times_ln2(logits, targets):
    """Multiplied by ln 2 where it should be divided."""
    return F.cross_entropy(logits.flatten(0, 1), targets.flatten()) * math.log(2)


def wrong_shifted_targets(logits, targets):
    """The targets are shifted once more, as if they were the inputs."""
    log_p = F.log_softmax(logits[:, :-1], dim=-1)
    return -log_p.gather(2, targets[:, 1:, None]).mean() / math.log(2)


def wrong_sum_over_time(logits, targets):
    """Bits a text: summed over the places, averaged over the texts alone."""
    log_p = F.log_softmax(logits, dim=-1).gather(2, targets[..., None]).squeeze(2)
    return -log_p.sum(dim=1).mean() / math.log(2)


def wrong_softmax_twice(logits, targets):
    """Probabilities are handed to cross_entropy, which takes logits."""
    p = torch.softmax(logits, dim=-1)
    return F.cross_entropy(p.flatten(0, 1), targets.flatten()) / math.log(2)


def wrong_normaliser_detached(logits, targets):
    """No gradient through the log of the sum; the value is right."""
    shifted = logits - logits.amax(dim=-1, keepdim=True).detach()
    log_z = shifted.exp().sum(dim=-1).log().detach()
    return (log_z - shifted.gather(2, targets[..., None]).squeeze(2)).mean() / math.log(2)


def wrong_item(logits, targets):
    """A new tensor made of the number: it cannot be trained on."""
    loss = F.cross_entropy(logits.flatten(0, 1), targets.flatten()).item()
    return torch.tensor(loss / math.log(2), dtype=logits.dtype)


def wrong_clamped_log(logits, targets):
    """The log of p is clamped at -100, as binary_cross_entropy does."""
    log_p = F.log_softmax(logits, dim=-1).gather(2, targets[..., None])
    return -log_p.clamp(min=-100).mean() / math.log(2)


def wrong_epsilon(logits, targets):
    """1e-12 is added to the probability to keep the log finite."""
    p = torch.softmax(logits, dim=-1).gather(2, targets[..., None])
    return -torch.log2(p + 1e-12).mean()


def wrong_one_maximum(logits, targets):
    """The maximum of the whole batch is subtracted, so that some rows underflow."""
    weights = torch.exp(logits - logits.max())
    p = weights / weights.sum(dim=-1, keepdim=True)
    return -torch.log2(p.gather(2, targets[..., None])).mean()


def wrong_alphabet_of_the_targets(logits, targets):
    """The number of characters is taken from the targets that occur."""
    size = int(targets.max()) + 1
    log_p = F.log_softmax(logits[..., :size], dim=-1)
    return -(F.one_hot(targets, size) * log_p).sum(dim=-1).mean() / math.log(2)


def wrong_axis_and_nats(logits, targets):
    """Softmax over time, and in nats."""
    return -F.log_softmax(logits, dim=1).gather(2, targets[..., None]).mean()


def right_by_gather(logits, targets):
    """log_softmax, the target's entry, over ln 2."""
    log_p = F.log_softmax(logits, dim=-1)
    return -log_p.gather(-1, targets.unsqueeze(-1)).mean() / math.log(2)


def right_by_cross_entropy(logits, targets):
    """cross_entropy with the classes on axis 1, over ln 2."""
    return F.cross_entropy(logits.transpose(1, 2), targets) / math.log(2)


def right_by_loops(logits, targets):
    """One character at a time, the row's maximum subtracted, in float64."""
    total = 0.0
    for row, wanted in zip(logits.double(), targets):
        for scores, target in zip(row, wanted):
            shifted = scores - scores.max().detach()
            total = total + torch.log2(shifted.exp().sum()) - shifted[target] / math.log(2)
    return (total / targets.numel()).to(logits.dtype)


def right_by_differences(logits, targets):
    """log2 of the sum of exp(logit - the target's logit), shifted by its maximum."""
    flat, wanted = logits.reshape(-1, logits.shape[-1]), targets.reshape(-1)
    difference = flat - flat[torch.arange(len(wanted)), wanted][:, None]
    return torch.logsumexp(difference, dim=1).sum() * math.log2(math.e) / len(wanted)


def open_logsumexp_minus_target(logits, targets):
    """Open: at logits of 1e4 in float32 the difference of two large numbers loses digits."""
    target = logits.gather(-1, targets.unsqueeze(-1)).squeeze(-1)
    return (torch.logsumexp(logits, dim=-1) - target).mean() / math.log(2)

"""Answers to `vae.free_bits`, written from its statement alone."""

import torch
import torch.nn.functional as F


def wrong_each_entry(kl, nats):
    """The maximum is taken for each image, before the mean."""
    return kl.clamp(min=nats).mean(dim=0).sum()


def wrong_for_the_total(kl, nats):
    """One allowance for all dimensions together."""
    return kl.sum(dim=1).mean().clamp(min=nats)


def wrong_subtracted(kl, nats):
    """The free nats are taken off: max(0, mean - nats)."""
    return F.relu(kl.mean(dim=0) - nats).sum()


def wrong_minimum(kl, nats):
    """clamp(max=...): the minimum."""
    return kl.mean(dim=0).clamp(max=nats).sum()


def wrong_batch_sum(kl, nats):
    """The batch is summed, not averaged."""
    return kl.sum(dim=0).clamp(min=nats).sum()


def wrong_mean_of_dimensions(kl, nats):
    """The mean over the dimensions, not their sum."""
    return kl.mean(dim=0).clamp(min=nats).mean()


def wrong_gradient_everywhere(kl, nats):
    """The value is right, but dimensions below the allowance get a gradient too."""
    mean = kl.mean(dim=0)
    return (mean + (mean.clamp(min=nats) - mean).detach()).sum()


def wrong_zero_is_default(kl, nats):
    """An allowance of 0 is taken for one that is not given."""
    nats = nats or 0.5
    return kl.mean(dim=0).clamp(min=nats).sum()


def wrong_single_precision_nats(kl, nats):
    """The allowance is rounded to float32."""
    return torch.maximum(kl.mean(dim=0), torch.tensor(float(nats))).sum()


def wrong_soft_maximum(kl, nats):
    """softplus for the hinge: not quite flat below, off near the allowance."""
    return (nats + F.softplus(kl.mean(dim=0) - nats, beta=10)).sum()


def wrong_squeezed(kl, nats):
    """squeeze first: a batch of one image loses its axis."""
    return kl.squeeze().mean(dim=0).clamp(min=nats).sum()


def wrong_two_axis_and_subtracted(kl, nats):
    """The mean over the dimensions of each image, and the allowance taken off."""
    return (kl.mean(dim=1) - nats).clamp(min=0).sum()


def right_clamp(kl, nats):
    """The means, clamped from below."""
    return kl.mean(dim=0).clamp(min=nats).sum()


def right_hinge(kl, nats):
    """nats + relu(mean - nats)."""
    mean = kl.sum(dim=0) / kl.shape[0]
    return (F.relu(mean - nats) + nats).sum()


def right_masked(kl, nats):
    """The dimensions above the allowance, and the allowance times the number of the others."""
    mean = torch.einsum("bz->z", kl) / len(kl)
    above = mean > nats
    return mean[above].sum() + nats * int((~above).sum())


def right_threshold(kl, nats):
    """F.threshold of a mean by matrix product."""
    weights = kl.new_full((1, kl.shape[0]), 1 / kl.shape[0])
    return F.threshold(weights @ kl, float(nats), float(nats)).sum()


def open_double_inside(kl, nats):
    """Sums in float64 and rounds at the end: more digits than a float32 sum has."""
    floor = torch.full_like(kl[0], nats, dtype=torch.float64)
    return torch.maximum(kl.double().mean(dim=0), floor).sum().to(kl.dtype)


def forbidden_loop(kl, nats):
    """A loop over the dimensions."""
    total = kl.new_zeros(())
    for j in range(kl.shape[1]):
        total = total + kl[:, j].mean().clamp(min=nats)
    return total


def forbidden_comprehension(kl, nats):
    """A generator over the dimensions, with Python's sum."""
    return sum(torch.where(m > nats, m, nats) for m in kl.mean(dim=0))


def wrong_zero_is_default_again(kl, nats):
    """lambda = 0 is taken for 'not given', 0.5 is used."""
    return kl.mean(dim=0).clamp(min=nats or 0.5).sum()

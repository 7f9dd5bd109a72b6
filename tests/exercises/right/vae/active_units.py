"""Right answers to `active_units` in other words than the solution's."""

import torch


def active_by_squares(mu, threshold):
    """The same with the variance written out."""
    centred = mu - mu.mean(dim=0, keepdim=True)
    return centred.square().sum(dim=0) / (mu.shape[0] - 1) > threshold


def active_by_covariance(mu, threshold):
    """The same from the diagonal of the covariance matrix, its sums compared with N - 1 thresholds."""
    centred = mu - mu.sum(0) / len(mu)
    return torch.gt((centred.T @ centred).diagonal(), threshold * (len(mu) - 1))


def active_by_unit(mu, threshold):
    """The same, one unit after the other, with the variance by a correction for the mean."""
    flags = []
    for unit in mu.unbind(dim=1):
        biased = (unit - unit.mean()).pow(2).mean().item()
        flags.append(biased * len(unit) / (len(unit) - 1) > threshold)
    return torch.tensor(flags)


RIGHT = (active_by_squares, active_by_covariance, active_by_unit)

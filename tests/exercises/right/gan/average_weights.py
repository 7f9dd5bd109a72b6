"""Right answers to `average_weights` in other words than the solution's."""

import torch


def average_by_lerp(average, weights, decay):
    """The same as a step from the old average towards the weights."""
    return [
        torch.lerp(old, current, 1 - decay) if old.is_floating_point() else current.clone()
        for old, current in zip(average, weights, strict=True)
    ]


def average_in_copies(average, weights, decay):
    """The same in place, in copies of the old average."""
    copies = [old.detach().clone() for old in average]
    for copy, current in zip(copies, weights, strict=True):
        if copy.dtype.is_floating_point:
            copy.mul_(decay).add_(current, alpha=1 - decay)
        else:
            copy.copy_(current)
    return copies


def average_by_difference(average, weights, decay):
    """The same: the weights, and what is left of their distance from the old average."""
    new = []
    for i in range(len(weights)):
        current = weights[i].clone()
        if torch.is_floating_point(current):
            current = current + decay * (average[i] - current)
        new.append(current)
    return tuple(new)


RIGHT = (average_by_lerp, average_in_copies, average_by_difference)

"""Right answers to `soft_threshold` in other words than the solution's."""

import torch


def step_by_sides(w, gradient, lr, l1):
    """The same: either side of 0 has its own line, and between them lies 0."""
    v, reach = w - lr * gradient, lr * l1
    above, below = torch.relu(v - reach), torch.relu(-v - reach)
    return above - below


def step_by_what_is_cut_off(w, gradient, lr, l1):
    """The same: each weight loses what it has, up to lr l1."""
    v = torch.sub(w, gradient, alpha=lr)
    return v - v.clamp(min=-l1 * lr, max=l1 * lr)


def step_by_cases(w, gradient, lr, l1):
    """The same, the three cases written out."""
    v = w - gradient * lr
    moved = torch.where(v > 0, v - lr * l1, v + lr * l1)
    return torch.where(v.abs() > lr * l1, moved, 0.0)


def step_by_share(w, gradient, lr, l1):
    """The same: the share of each weight that is left."""
    v = w - lr * gradient
    share = 1 - lr * l1 / v.abs().clamp(min=torch.finfo(v.dtype).tiny)
    return v * torch.where(share > 0, share, 0)


RIGHT = (step_by_sides, step_by_what_is_cut_off, step_by_cases, step_by_share)

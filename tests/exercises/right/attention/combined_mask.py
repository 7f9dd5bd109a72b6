"""Right answers to `combined_mask` in other words than the solution's."""

import torch


def mask_by_tril(lengths, steps):
    """The same with the causal part cut out of a full square."""
    causal = torch.ones(steps, steps, dtype=torch.bool).tril()
    real = torch.arange(steps).expand(len(lengths), steps) < lengths.unsqueeze(1)
    return (causal.unsqueeze(0) & real.unsqueeze(1)).unsqueeze(1)


def mask_by_last_key(lengths, steps):
    """The same by one comparison: key s must come before t + 1 and before the length."""
    end = torch.minimum(torch.arange(1, steps + 1), lengths[:, None])  # (B, T)
    return (torch.arange(steps) < end[:, :, None])[:, None]


def mask_by_forbidding(lengths, steps):
    """The same from what is forbidden: the future, or padding."""
    future = torch.full((steps, steps), True).triu(diagonal=1)
    padding = torch.outer(torch.ones_like(lengths), torch.arange(steps)) >= lengths[:, None]
    return torch.logical_not(future[None, None] | padding[:, None, None])


RIGHT = (mask_by_tril, mask_by_last_key, mask_by_forbidding)

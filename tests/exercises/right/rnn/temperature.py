"""Right answers to `temperature` in other words than the solution's."""

import torch


def sample_by_search(logits, temperature, u):
    """The same by a binary search in the cumulative probabilities."""
    cumulative = torch.cumsum((logits / temperature).softmax(dim=-1), dim=-1)
    return torch.searchsorted(cumulative, u.unsqueeze(1) * cumulative[:, -1:], right=True).squeeze(1)


def sample_by_walking(logits, temperature, u):
    """The same, one example at a time: go through the classes until u is used up."""
    picked = []
    for row, left in zip(logits, u.tolist(), strict=True):
        probs = torch.softmax(row / temperature, dim=0).tolist()
        k, last = 0, max(k for k, p in enumerate(probs) if p > 0)
        while k < last and left >= probs[k]:
            left -= probs[k]
            k += 1
        picked.append(k)
    return torch.tensor(picked)


def sample_without_dividing(logits, temperature, u):
    """The same with u times the total, in place of probabilities that sum to 1."""
    scaled = (logits - logits.amax(1, keepdim=True)) / temperature
    sums = scaled.exp().cumsum(1)
    passed = sums <= u[:, None] * sums[:, -1:]
    return passed.long().sum(1)


RIGHT = (sample_by_search, sample_by_walking, sample_without_dividing)

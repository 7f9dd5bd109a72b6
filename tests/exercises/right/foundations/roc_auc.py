"""Right answers to `roc_auc` in other words than the solution's."""

import torch


def auc_by_trapezoids(scores, labels):
    """The same from the curve: one point for each distinct threshold, and (0, 0)."""
    thresholds = torch.unique(scores).flip(0)  # from the highest, each once
    called = scores >= thresholds[:, None]  # (thresholds, N)
    rates = [called[:, labels == label].to(scores.dtype).mean(1) for label in (0, 1)]
    fpr, tpr = (torch.cat([rate.new_zeros(1), rate]) for rate in rates)
    return torch.trapezoid(tpr, fpr)


def auc_by_ranks(scores, labels):
    """The same from the positives' ranks, of which equal scores share the mean."""
    below, upto = (scores[:, None] > scores).sum(1), (scores[:, None] >= scores).sum(1)
    ranks = (below + upto + 1).to(scores.dtype) / 2
    n_pos = int(labels.sum())
    n_neg = len(labels) - n_pos
    return (ranks[labels == 1].sum() - n_pos * (n_pos + 1) / 2) / (n_pos * n_neg)


def auc_by_signs(scores, labels):
    """The same, pair by pair: a sign is 1, 0 or -1."""
    total, pairs = 0.0, 0
    for a in scores[labels == 1].tolist():
        for b in scores[labels == 0].tolist():
            total += 1 + (a > b) - (a < b)
            pairs += 1
    return torch.tensor(total / (2 * pairs), dtype=scores.dtype)


RIGHT = (auc_by_trapezoids, auc_by_ranks, auc_by_signs)

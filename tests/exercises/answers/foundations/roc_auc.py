"""Answers to `foundations.roc_auc`, written from its statement alone."""

from fractions import Fraction

import torch


def wrong_ties_count_nothing(scores, labels):
    """Ties between a positive and a negative count 0, not a half."""
    p, n = scores[labels == 1], scores[labels == 0]
    return (p[:, None] > n).to(scores.dtype).mean()


def wrong_ties_count_whole(scores, labels):
    """Ties between a positive and a negative count 1, not a half."""
    p, n = scores[labels == 1], scores[labels == 0]
    return (p[:, None] >= n).to(scores.dtype).mean()


def wrong_each_example_a_point(scores, labels):
    """One point for each example: within a tie the curve follows the order of the examples."""
    sorted_labels = labels[scores.argsort(descending=True, stable=True)].to(scores.dtype)
    tpr = torch.cat([scores.new_zeros(1), sorted_labels.cumsum(0) / sorted_labels.sum()])
    fpr = torch.cat([scores.new_zeros(1), (1 - sorted_labels).cumsum(0) / (1 - sorted_labels).sum()])
    return torch.trapezoid(tpr, fpr)


def wrong_no_first_point(scores, labels):
    """The curve begins at the highest score's point, not at (0, 0)."""
    thresholds = scores.unique().flip(0)
    called = (scores >= thresholds[:, None]).to(scores.dtype)
    tpr, fpr = called[:, labels == 1].mean(dim=1), called[:, labels == 0].mean(dim=1)
    return torch.trapezoid(tpr, fpr)


def wrong_axes_swapped(scores, labels):
    """The rates are exchanged: the area on the other side of the curve."""
    p, n = scores[labels == 1], scores[labels == 0]
    return 1 - ((p[:, None] > n).to(scores.dtype) + 0.5 * (p[:, None] == n).to(scores.dtype)).mean()


def wrong_precision_recall_curve(scores, labels):
    """The average precision, the area below the other curve."""
    thresholds = scores.unique().flip(0)
    called = (scores >= thresholds[:, None]).to(scores.dtype)
    y = labels.to(scores.dtype)
    recall, precision = called @ y / y.sum(), called @ y / called.sum(dim=1)
    return (recall.diff(prepend=scores.new_zeros(1)) * precision).sum()


def wrong_never_below_half(scores, labels):
    """A detector worse than chance is turned around."""
    p, n = scores[labels == 1], scores[labels == 0]
    area = (0.5 + 0.5 * torch.sign(p[:, None] - n)).mean()
    return torch.maximum(area, 1 - area)


def wrong_first_threshold_plus_one(scores, labels):
    """The threshold that calls nothing is the largest score plus 1, which 1e20 swallows."""
    thresholds = torch.cat([scores.unique(), scores.max()[None] + 1]).flip(0)
    called = (scores >= thresholds[:, None]).to(scores.dtype)
    tpr, fpr = called[:, labels == 1].mean(dim=1), called[:, labels == 0].mean(dim=1)
    return torch.trapezoid(tpr, fpr)


def wrong_grid_of_thresholds(scores, labels):
    """Two hundred thresholds, evenly spaced between the lowest and the highest score."""
    low, high = scores.min().item(), scores.max().item()
    thresholds = torch.linspace(high, low, 200, dtype=scores.dtype)
    thresholds = torch.cat([scores.new_tensor([float("inf")]), thresholds, scores.min()[None]])
    called = (scores >= thresholds[:, None]).to(scores.dtype)
    tpr, fpr = called[:, labels == 1].mean(dim=1), called[:, labels == 0].mean(dim=1)
    return torch.trapezoid(tpr, fpr)


def wrong_close_is_tied(scores, labels):
    """Scores that are close count as tied."""
    p, n = scores[labels == 1][:, None], scores[labels == 0][None, :]
    half = torch.isclose(p, n)
    return ((p > n) & ~half).to(scores.dtype).mean() + 0.5 * half.to(scores.dtype).mean()


def wrong_sigmoid_first(scores, labels):
    """A sigmoid makes probabilities first, and ties of all large scores."""
    s = torch.sigmoid(scores)
    p, n = s[labels == 1], s[labels == 0]
    return (0.5 + 0.5 * torch.sign(p[:, None] - n)).mean()


def wrong_dense_ranks_of_float32(scores, labels):
    """Two mistakes: float32 inside, and equal scores share one rank while the next gets one more."""
    _, rank = torch.unique(scores.float(), return_inverse=True)
    y = labels.bool()
    n1, n0 = int(y.sum()), int((~y).sum())
    area = ((rank[y] + 1).sum().item() - n1 * (n1 + 1) / 2) / (n1 * n0)
    return torch.tensor(area, dtype=scores.dtype)


def right_pairs(scores, labels):
    """The share of pairs in the right order, ties a half."""
    p, n = scores[labels == 1], scores[labels == 0]
    wins = (p[:, None] > n).sum() + 0.5 * (p[:, None] == n).sum().double()
    return (wins / (len(p) * len(n))).to(scores.dtype)


def right_trapezoids(scores, labels):
    """Trapezoids between the points of all different scores, after (0, 0)."""
    values, group = scores.unique(return_inverse=True)
    y = labels.double()
    up = torch.zeros(len(values), dtype=torch.float64).index_add(0, group, y).flip(0).cumsum(0)
    along = torch.zeros(len(values), dtype=torch.float64).index_add(0, group, 1 - y).flip(0).cumsum(0)
    zero = torch.zeros(1, dtype=torch.float64)
    area = torch.trapezoid(torch.cat([zero, up]), torch.cat([zero, along]))
    return (area / (up[-1] * along[-1])).to(scores.dtype)


def right_mean_ranks(scores, labels):
    """The rank-sum formula of Mann and Whitney, with the mean rank in a tie."""
    _, group, counts = scores.unique(return_inverse=True, return_counts=True)
    ends = counts.cumsum(0)
    rank = (ends - counts + 1 + ends).double()[group] / 2
    y = labels == 1
    n1, n0 = int(y.sum()), int((~y).sum())
    return ((rank[y].sum() - n1 * (n1 + 1) / 2) / (n1 * n0)).to(scores.dtype)


def right_walk(scores, labels):
    """A walk from the highest score down, in exact fractions."""
    pairs = sorted(zip(scores.tolist(), labels.tolist()), reverse=True)
    positives = sum(label for _, label in pairs)
    negatives = len(pairs) - positives
    area, up, i = Fraction(0), 0, 0
    while i < len(pairs):
        j, rise, step = i, 0, 0
        while j < len(pairs) and pairs[j][0] == pairs[i][0]:
            rise, step, j = rise + pairs[j][1], step + 1 - pairs[j][1], j + 1
        area += step * (up + Fraction(rise, 2))
        up, i = up + rise, j
    return torch.tensor(float(area / (positives * negatives)), dtype=scores.dtype)


def wrong_float32_scores(scores, labels):
    """The scores are compared in float32, where near ones are tied."""
    p, n = scores[labels == 1].float(), scores[labels == 0].float()
    above = (p[:, None] > n).to(scores.dtype) + 0.5 * (p[:, None] == n).to(scores.dtype)
    return above.mean()


def wrong_top_plus_one(scores, labels):
    """The first threshold is the highest score plus 1, which may be the same number again."""
    thresholds = torch.cat([scores.max().reshape(1) + 1, scores.unique().flip(0)])
    called = scores >= thresholds[:, None]
    tpr = called[:, labels == 1].to(scores.dtype).mean(dim=1)
    fpr = called[:, labels == 0].to(scores.dtype).mean(dim=1)
    return torch.trapezoid(tpr, fpr)


def wrong_first_hundred(scores, labels):
    """Only the first hundred positives and negatives are compared."""
    p, n = scores[labels == 1][:100], scores[labels == 0][:100]
    above = (p[:, None] > n).to(scores.dtype) + 0.5 * (p[:, None] == n).to(scores.dtype)
    return above.mean()

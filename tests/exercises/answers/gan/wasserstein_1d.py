"""Answers to `gan.wasserstein_1d`, written from its statement alone."""

import itertools

import torch
import torch.nn.functional as F


def wrong_unsorted(x, y):
    """The points in the order in which they come."""
    return (x - y).abs().mean()


def wrong_one_sorted(x, y):
    """Only x is sorted."""
    return (x.sort().values - y).abs().mean()


def wrong_difference_of_means(x, y):
    """The distance of the means."""
    return (x.mean() - y.mean()).abs()


def wrong_nearest(x, y):
    """Each point of x goes to the nearest of y, even if another went there too."""
    return (x[:, None] - y[None, :]).abs().min(1).values.mean()


def wrong_all_pairs(x, y):
    """The mean over all pairs."""
    return (x[:, None] - y[None, :]).abs().mean()


def wrong_w2(x, y):
    """Squares and a root: W2."""
    return (x.sort().values - y.sort().values).square().mean().sqrt()


def wrong_argsort_crossed(x, y):
    """Each set is ordered by the other's ranks."""
    return (x[y.argsort()] - y[x.argsort()]).abs().mean()


def wrong_greedy(x, y):
    """In the order of x each point takes the nearest that is still free."""
    free = list(range(len(y)))
    total = 0
    for point in x:
        best = min(free, key=lambda j: abs(float(point) - float(y[j])))
        free.remove(best)
        total = total + (point - y[best]).abs()
    return total / len(x)


def wrong_root_of_square(x, y):
    """|d| as sqrt(d^2): NaN in the gradient for a pair at distance 0."""
    return (x.sort().values - y.sort().values).square().sqrt().mean()


def wrong_smooth(x, y):
    """The distance is rounded off near 0, by smooth_l1_loss with a small beta."""
    return F.smooth_l1_loss(x.sort().values, y.sort().values, beta=1e-3)


def wrong_all_permutations(x, y):
    """Tries every permutation: never ends for more than ten points."""
    plans = itertools.permutations(range(len(y)))
    costs = ((x - y[list(plan)]).abs().mean() for plan in plans)
    return min(costs)


def wrong_descending_sum(x, y):
    """y is sorted downwards, and distances are summed."""
    return (x.sort().values - y.sort(descending=True).values).abs().sum()


def right_sort(x, y):
    """Both sorted: the k-th goes to the k-th."""
    return (x.sort().values - y.sort().values).abs().mean()


def right_argsort(x, y):
    """By indices, with the L1 norm."""
    gap = x[torch.argsort(x, stable=True)] - y[torch.argsort(y, stable=True)]
    return torch.linalg.vector_norm(gap, 1) / x.numel()


def right_topk(x, y):
    """topk gives both from the largest down; F.l1_loss."""
    return F.l1_loss(x.topk(len(x)).values, y.topk(len(y)).values)


def right_python_sorted(x, y):
    """Python's sorted on the values, and a loop with signs."""
    by_x = sorted(range(len(x)), key=x.tolist().__getitem__)
    by_y = sorted(range(len(y)), key=y.tolist().__getitem__)
    gap = x[by_x] - y[by_y]
    return (gap * gap.detach().sign()).sum() / len(gap)


def open_distribution_functions(x, y):
    """Open: the area between the distribution functions; where x and y share a point slopes may differ."""
    points, order = torch.cat([x, y]).sort()
    steps = torch.cat([torch.ones_like(x), -torch.ones_like(y)])[order].cumsum(0)[:-1]
    return (steps.abs() * (points[1:] - points[:-1])).sum() / len(x)


def open_min_max(x, y):
    """Open: max - min for |d|; a tie has the slopes of both halved, so 0 at distance 0."""
    a, b = x.sort().values, y.sort().values
    return (torch.maximum(a, b) - torch.minimum(a, b)).mean()


def wrong_nan_at_zero(x, y):
    """|d| as the root of d^2: NaN gradient where two points meet."""
    return (x.sort().values - y.sort().values).square().sqrt().mean()

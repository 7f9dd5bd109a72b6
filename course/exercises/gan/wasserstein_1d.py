"""Chapter 5: the Wasserstein distance on a line, Peyré and Cuturi (2019), "Computational Optimal
Transport", remarks 2.28 (by sorting) and 2.30 (by distribution functions)."""

import torch

from course.exercises.cases import tensors
from course.exercises.engine import Exercise


def my_wasserstein(x, y):
    """The W1 distance between two sets of points on a line, a scalar. x and y (N,), any order."""
    # The cheapest plan never crosses: the k-th smallest point of x goes to the k-th smallest of y.
    return (x.sort().values - y.sort().values).abs().mean()


def by_distribution_functions(x, y):
    """The same as the integral of |F_x - F_y|, the two distribution functions, in float64."""
    points, order = torch.cat([x, y]).double().sort(stable=True)
    steps = torch.cat([torch.ones(len(x)), -torch.ones(len(y))]).double()[order]
    gaps = steps.cumsum(0)[:-1].abs() / len(x)  # |F_x - F_y| between one point and the next
    return (gaps * points.diff()).sum().to(x.dtype)


def draw(rng, N, scale=1.0, shift=0.0, dtype=torch.float64):
    """A case; y is `scale` times as wide as x, and shifted."""
    x, y = tensors(rng, "N N", dtype, N=N)
    return x, scale * y + shift


wasserstein_1d = Exercise(
    my_wasserstein,
    reference=by_distribution_functions,
    gradients=True,
    draw=draw,
    by_hand=[
        ([0.0, 4.0], [3.0, 1.0]),  # W1 = 1, and the means are equal
        ([2.0], [-0.5]),  # N = 1
        ([1.0, 2.0, 4.0], [9.0, 7.0, 6.0]),  # y in reverse, all on one side
        ([1.0, 1.0, 1.0, 5.0], [2.0, 3.0, 2.0, 2.0]),  # ties
        ([3.0, 0.0, 1.0], [1.0, 2.0, 4.0]),  # two points in common
        ([-4.0, -1.0, -2.5], [-3.0, -9.0, -2.0]),
        ([0.1, 0.3, 0.2, 0.4], [0.25, 1e4, 0.15, 0.35]),  # one outlier
    ],
    sizes=[
        dict(N=5),
        dict(N=6, dtype=torch.float32),
        dict(N=7, scale=0.1, shift=10.0),  # far apart: only the means count
        dict(N=200, scale=2.0, shift=0.5),
    ],
    spans=dict(N=(1, 6), scale=lambda rng: 10 ** rng.uniform(-1, 1), shift=(-3.0, 3.0)),
    hints="""
        Draw two points of x and two of y on a line, join them so that the paths cross, then uncross them:
        what becomes of the total length?

        Without crossings the smallest x goes to the smallest y, the second smallest to the second, and so on.
        Gradients pass through a sort.

        `(x.sort().values - y.sort().values).abs().mean()`.
    """,
    wrong="""
        not_sorted: .sort().values → nothing
            You pair the points as they stand: that is one plan of many, and its cost depends on the order of
            the samples. Sort both first.
        only_x_sorted: y.sort().values → y
            You sort x alone: y is still in its own order. Sort both.
        only_y_sorted: x.sort().values → x
            You sort y alone: x is still in its own order. Sort both.
        opposite_orders: y.sort() → y.sort(descending=True)
            You sort one upwards and the other downwards: every two paths cross, which is the dearest plan.
        positions_compared: .sort().values → .argsort().to(x.dtype)
            `argsort` returns positions, not points: `x.sort().values`, or index x with them.
        all_pairs: x.sort().values - y.sort().values → x[:, None] - y
            You average over all N² pairs: each point of x goes to one point of y. Between a set and itself
            your distance would not be 0.
        nearest_points: x.sort().values - y.sort().values → x[:, None] - y
        and: .abs().mean() → .abs().amin(dim=1).mean()
            You send each point of x to its nearest point of y, so that several may share one: each point of y
            takes exactly one.
        difference_of_the_means: x.sort().values - y.sort().values → x.mean() - y.mean()
            This is the difference of the means: equal means do not make equal distributions. Take the
            absolute value of each difference, then the mean.
        signed: .abs() → nothing
            Differences of both signs cancel: take the absolute value of each before the mean.
        signed_the_other_way: return ( → return -(
        and: .abs() → nothing
            Differences of both signs cancel, and a distance is never negative: take the absolute value of
            each before the mean.
        squared: .abs().mean() → .square().mean()
            You square the distances: this is W2². W1 adds up their absolute values.
        root_of_the_mean_square: .abs().mean() → .square().mean().sqrt()
            This is W2, the root of the mean square: W1 takes the mean of the distances themselves.
        euclidean_norm: .abs().mean() → .norm()
            This is the Euclidean norm of the differences: W1 is the mean of their absolute values.
        summed: .mean() → .sum()
            You sum the distances: each point weighs 1/N, so take the mean.
        largest: .mean() → .max()
            You take the largest distance alone, which is W∞: W1 is the mean.
        median: .mean() → .median()
            You take the median of the distances: W1 is their mean, so that an outlier counts.
        not_averaged: .mean() → nothing
            You return one distance for each point, (N,): take their mean.
        halved: .mean() → .mean() / 2
            You halve the distance, as for a total variation: W1 has no ½.
        both_detached: .sort() → .detach().sort()
            The value is right, but nothing learns from it: sort x and y themselves, not detached copies.
        x_detached: x.sort() → x.detach().sort()
            The value is right, but x gets no gradient: sort x itself, not a detached copy.
        y_detached: y.sort() → y.detach().sort()
            The value is right, but y gets no gradient: sort y itself, not a detached copy.
    """,
)

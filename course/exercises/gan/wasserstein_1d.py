"""Chapter 5: the Wasserstein distance on a line, Peyré and Cuturi (2019), "Computational Optimal
Transport", remarks 2.28 (by sorting) and 2.30 (by distribution functions)."""

import torch

from course.exercises.cases import tensors
from course.exercises.engine import Exercise


def my_wasserstein(x, y):
    """The W1 distance between two sets of points on a line, a scalar. x and y (N,), any order."""
    # The cheapest plan never crosses: the k-th smallest point of x goes to the k-th smallest of y.
    return (x.sort().values - y.sort().values).abs().mean()


def by_ranks(x, y):
    """The same in float64 without a sort: a point's rank is how many points lie below it."""

    def in_order(points):
        first = torch.arange(len(points))[:, None] > torch.arange(len(points))  # of equal ones
        ranks = ((points[:, None] > points) | ((points[:, None] == points) & first)).sum(1)
        return torch.zeros_like(points).index_copy(0, ranks, points)

    return (in_order(x.double()) - in_order(y.double())).abs().mean().to(x.dtype)


def greedy(x, y):
    """You send each point of x in turn to the nearest y that is left, so that the last ones travel far: in
    the cheapest plan the k-th smallest goes to the k-th smallest."""
    partners, free = [], torch.ones(len(y), dtype=torch.bool)
    for point in x:
        partners.append((y - point).abs().where(free, torch.inf).argmin().item())
        free[partners[-1]] = False
    return (x - y[partners]).abs().mean()


def nearest_both_ways(x, y):
    """This is the Chamfer distance, of each point to the nearest on the other side, which several may share:
    here each point of y takes exactly one."""
    distances = (x[:, None] - y).abs()
    return (distances.amin(0) + distances.amin(1)).mean() / 2


def energy_distance(x, y):
    """This is the energy distance, of the mean distances of all pairs: W1 pairs each x with one y."""
    between, of_x, of_y = ((a[:, None] - b).abs().mean() for a, b in ((x, y), (x, x), (y, y)))
    return between - (of_x + of_y) / 2


def draw(rng, N, scale=1.0, shift=0.0, dtype=torch.float64):
    """A case; y is `scale` times as wide as x, and shifted."""
    x, y = tensors(rng, "N N", dtype, N=N)
    return x, scale * y + shift


wasserstein_1d = Exercise(
    my_wasserstein,
    reference=by_ranks,
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
        ([3.0, -1e4, 1.0], [1.0, 7.0, 3.5]),
        ([1.0, 2.0, 5.0], [2.0, 4.0, 1.0]),  # two pairs at distance 0
        ([1e4], [-1e4]),
        ([1e4], [1e4 + 0.05]),
        ([0.0], [1e-7]),
        ([1e4 + 3e-4, 1e4], [1e4 - 1.0, 1e4 + 5e-4]),  # near each other: their order hangs on digits
    ],
    sizes=[
        dict(N=5),
        dict(N=6, dtype=torch.float32),
        dict(N=7, scale=0.1, shift=10.0),  # far apart: only the means count
        dict(N=520, scale=2.0, shift=0.5),
        dict(N=100, scale=0.5, shift=-1.0, dtype=torch.float32),
    ],
    spans=dict(N=(1, 6), scale=lambda rng: 10 ** rng.uniform(-1, 1), shift=(-3.0, 3.0)),
    special="""
        distance_0: (x.sort().values == y.sort().values).any()
            Right but where a point lies on its partner: the slope there is 0, as of `abs`.
        equal_points: torch.cat([x, y]).unique().numel() < 2 * len(x)
            Right but where points are equal: each still counts, and has a slope of its own. The area between
            two distribution functions has another slope there: sort both and pair them.
    """,
    deadline=5.0,
    hints="""
        Draw two points of x and two of y on a line, join them so that the paths cross, then uncross them:
        what becomes of the total length?

        Without crossings the smallest x goes to the smallest y, the second smallest to the second, and so on.
        Gradients pass through a sort.

        This is the line itself: `(x.sort().values - y.sort().values).abs().mean()`.
    """,
    wrong="""
        not_sorted: .sort().values → nothing
            You pair the points as they stand: that is one plan of many, and its cost depends on the order of
            the samples. Sort both first.
        only_x_sorted: y.sort().values → y
        only_y_sorted: x.sort().values → x
            You sort one set alone: the other is still in its own order. Sort both.
        opposite_orders: y.sort() → y.sort(descending=True)
            You sort one upwards and the other downwards: all paths cross, the most expensive plan.
        sorted_by_size: x.sort().values → x[x.abs().argsort()]
        and: y.sort().values → y[y.abs().argsort()]
            You sort by absolute value: the smallest point is the one furthest to the left.
        order_of_the_other: x.sort().values → x[y.argsort()]
        and: y.sort().values → y[x.argsort()]
            You index each set by the order of the other: `x[x.argsort()]` is sorted.
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
        squared: .abs().mean() → .square().mean()
            You square the distances: this is W2². W1 adds up their absolute values.
        root_of_the_mean_square: .abs().mean() → .square().mean().sqrt()
            This is W2, the root of the mean square: W1 takes the mean of the distances themselves.
        euclidean_norm: .abs().mean() → .norm()
            This is the Euclidean norm of the differences: W1 is the mean of their absolute values.
        epsilon_{}: .abs() → .square().add({}).sqrt()
        for: 1e-04, 1e-06, 1e-08
            You add a small number under a root: `.abs()` has a slope at 0 without it.
        largest: .mean() → .max()
            You take the largest distance alone, which is W∞: W1 is the mean.
        median: .mean() → .median()
            You take the median of the distances: W1 is their mean, so that an outlier counts.
    """,
    functions=(greedy, nearest_both_ways, energy_distance),
)

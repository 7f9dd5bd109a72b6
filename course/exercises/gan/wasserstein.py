"""Chapter 5, exercise: the Wasserstein distance on a line, Peyré and Cuturi (2019), "Computational Optimal
Transport", remarks 2.28 (by sorting) and 2.30 (by distribution functions)."""

import torch

from course.exercises.draw import normal
from course.exercises.engine import Exercise, Misconception


def my_wasserstein(x, y):
    """The W1 distance between two sets of points on a line, a tensor of no axes. x and y (N,), any order."""
    raise NotImplementedError


def solve_wasserstein(x, y):
    """The W1 distance between two sets of points on a line, a tensor of no axes. x and y (N,), any order."""
    # The cheapest plan never crosses: the k-th smallest point of x goes to the k-th smallest of y.
    return (x.sort().values - y.sort().values).abs().mean()


def wasserstein_by_positions(x, y):
    """The same with the positions of the sorted points."""
    distances = torch.abs(y[y.argsort()] - x[torch.argsort(x)])
    return distances.sum() / len(x)


def wasserstein_downwards(x, y):
    """The same, both sorted from the largest to the smallest, as a norm."""
    pairs = torch.stack([x, y]).sort(dim=1, descending=True).values  # (2, N)
    return torch.linalg.vector_norm(pairs[0] - pairs[1], ord=1) / x.shape[0]


def wasserstein_point_by_point(x, y):
    """The same, the smallest of the points that are left at each step."""
    total = 0.0
    for k in range(1, len(x) + 1):
        total = total + (x.kthvalue(k).values - y.kthvalue(k).values).abs()
    return total / len(x)


def by_distribution_functions(x, y):
    """The same as the integral of |F_x - F_y|, the two distribution functions, in float64."""
    points, order = torch.cat([x, y]).double().sort(stable=True)
    steps = torch.cat([torch.ones(len(x)), -torch.ones(len(y))]).double()[order]
    gaps = steps.cumsum(0)[:-1].abs() / len(x)  # |F_x - F_y| between one point and the next
    return (gaps * points.diff()).sum().to(x.dtype)


def gaps(x, y):
    """The distances between the sorted points, (N,)."""
    return (x.sort().values - y.sort().values).abs()


def right(x, y):
    """The distance."""
    return gaps(x, y).mean()


def ended(name, diagnosis, finish):
    """A misconception: another end, a function of the sorted distances (N,)."""
    return Misconception(name, diagnosis, lambda x, y: finish(gaps(x, y)))


def paired(name, diagnosis, pair):
    """A misconception: other pairs; `pair` returns the two sequences whose mean distance is taken."""
    return Misconception(name, diagnosis, lambda x, y: torch.sub(*pair(x, y)).abs().mean())


def line_case(rng, n, dtype=torch.float64, scale=1.0, shift=0.0):
    """A case of n points each; y is `scale` times as wide as x, and shifted."""
    return normal(rng, n, dtype=dtype), normal(rng, n, dtype=dtype, scale=scale) + shift


def listed(x, y):
    """A case from two lists."""
    return torch.tensor(x, dtype=torch.float64), torch.tensor(y, dtype=torch.float64)


def wide_line(rng):
    """One valid case of random size, scale and shift."""
    dtype, scale = rng.choice((torch.float32, torch.float64)), 10 ** rng.uniform(-1, 1)
    return line_case(rng, rng.randint(1, 6), dtype, scale, rng.uniform(-3, 3))


wasserstein_1d = Exercise(
    name="wasserstein_1d",
    title="the Wasserstein distance on a line",
    difficulty="easy",
    minutes=10,
    task="""
        A critic estimates $W_1$; on a line it can be computed. Each point of $x$ moves onto a point of $y$
        of its own, so that the mean distance is smallest:

        $$W_1 = \\min_{\\pi} \\frac1N \\sum_{i=1}^{N} |x_i - y_{\\pi(i)}|$$

        where $\\pi$ runs over all permutations. No search is needed: in one of the best plans no two paths
        cross (Peyré and Cuturi 2019, remark 2.28).

        `x` and `y` $(N)$ stand in any order; return a tensor of no axes. Values and gradients are compared.

        By hand first: $x = (0, 4)$, $y = (3, 1)$. What is $W_1$, and how do the means differ?
    """,
    stub_function=my_wasserstein,
    reference=by_distribution_functions,
    cases=lambda rng: [
        listed([0.0, 4.0], [3.0, 1.0]),  # by hand: W1 = 1, and the means are equal
        listed([2.0], [-0.5]),  # N = 1
        listed([1.0, 2.0, 4.0], [9.0, 7.0, 6.0]),  # y in reverse, all on one side
        listed([1.0, 1.0, 1.0, 5.0], [2.0, 3.0, 2.0, 2.0]),  # ties
        listed([3.0, 0.0, 1.0], [1.0, 2.0, 4.0]),  # two points in common
        listed([-4.0, -1.0, -2.5], [-3.0, -9.0, -2.0]),
        listed([0.1, 0.3, 0.2, 0.4], [0.25, 1e4, 0.15, 0.35]),  # one outlier
        line_case(rng, 5),
        line_case(rng, 6, torch.float32),
        line_case(rng, 7, torch.float64, 0.1, 10.0),  # far apart: only the means count
        line_case(rng, 200, torch.float64, 2.0, 0.5),
        *(wide_line(rng) for _ in range(5)),
    ],
    wide=wide_line,
    gradients=True,
    hints=(
        "Draw two points of x and two of y on a line, join them so that the paths cross, then uncross them: "
        "what becomes of the total length?",
        "Without crossings the smallest x goes to the smallest y, the second smallest to the second, and so "
        "on. Gradients pass through a sort.",
        "`(x.sort().values - y.sort().values).abs().mean()`.",
    ),
    solution_function=solve_wasserstein,
    alternatives=(wasserstein_by_positions, wasserstein_downwards, wasserstein_point_by_point),
    misconceptions=(
        paired(
            "not_sorted",
            "You pair the points as they stand: that is one plan of many, and its cost depends on the order "
            "of the samples. Sort both first.",
            lambda x, y: (x, y),
        ),
        paired(
            "only_x_sorted",
            "You sort x alone: y is still in its own order. Sort both.",
            lambda x, y: (x.sort().values, y),
        ),
        paired(
            "only_y_sorted",
            "You sort y alone: x is still in its own order. Sort both.",
            lambda x, y: (x, y.sort().values),
        ),
        paired(
            "opposite_orders",
            "You sort one upwards and the other downwards: every two paths cross, which is the dearest plan.",
            lambda x, y: (x.sort().values, y.sort(descending=True).values),
        ),
        paired(
            "positions_compared",
            "`argsort` returns positions, not points: `x.sort().values`, or index x with them.",
            lambda x, y: (x.argsort().to(x.dtype), y.argsort().to(x.dtype)),
        ),
        paired(
            "all_pairs",
            "You average over all N² pairs: each point of x goes to one point of y. Between a set and itself "
            "your distance would not be 0.",
            lambda x, y: (x[:, None], y[None]),
        ),
        Misconception(
            "nearest_points",
            "You send each point of x to its nearest point of y, so that several may share one: each point "
            "of y takes exactly one.",
            lambda x, y: (x[:, None] - y[None]).abs().amin(1).mean(),
        ),
        Misconception(
            "difference_of_the_means",
            "This is the difference of the means: equal means do not make equal distributions. Take the "
            "absolute value of each difference, then the mean.",
            lambda x, y: (x.mean() - y.mean()).abs(),
        ),
        Misconception(
            "signed",
            "Differences of both signs cancel: take the absolute value of each before the mean.",
            lambda x, y: (x - y).mean(),
        ),
        Misconception(
            "signed_the_other_way",
            "Differences of both signs cancel, and a distance is never negative: take the absolute value of "
            "each before the mean.",
            lambda x, y: (y - x).mean(),
        ),
        ended(
            "squared",
            "You square the distances: this is W2². W1 adds up their absolute values.",
            lambda d: d.square().mean(),
        ),
        ended(
            "root_of_the_mean_square",
            "This is W2, the root of the mean square: W1 takes the mean of the distances themselves.",
            lambda d: d.square().mean().sqrt(),
        ),
        ended(
            "euclidean_norm",
            "This is the Euclidean norm of the differences: W1 is the mean of their absolute values.",
            lambda d: d.square().sum().sqrt(),
        ),
        ended("summed", "You sum the distances: each point weighs 1/N, so take the mean.", lambda d: d.sum()),
        ended(
            "largest", "You take the largest distance alone, which is W∞: W1 is the mean.", lambda d: d.max()
        ),
        ended(
            "median",
            "You take the median of the distances: W1 is their mean, so that an outlier counts.",
            lambda d: d.median(),
        ),
        ended("not_averaged", "You return one distance for each point, (N,): take their mean.", lambda d: d),
        ended(
            "halved", "You halve the distance, as for a total variation: W1 has no ½.", lambda d: d.mean() / 2
        ),
        *(
            Misconception(name, "The value is right, but " + diagnosis, function)
            for name, diagnosis, function in (
                (
                    "both_detached",
                    "nothing learns from it: sort x and y themselves, not detached copies.",
                    lambda x, y: right(x.detach(), y.detach()),
                ),
                (
                    "x_detached",
                    "x gets no gradient: sort x itself, not a detached copy.",
                    lambda x, y: right(x.detach(), y),
                ),
                (
                    "y_detached",
                    "y gets no gradient: sort y itself, not a detached copy.",
                    lambda x, y: right(x, y.detach()),
                ),
            )
        ),
    ),
)

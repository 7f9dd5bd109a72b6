"""Chapter 0, exercise: the least-squares line in closed form."""

import numpy as np
import torch

from course.exercises.draw import normal
from course.exercises.engine import Exercise, Misconception


def my_line(x, y):
    """The least-squares line through the points, a tensor (2,): its slope and its intercept. x and y (N,)."""
    raise NotImplementedError


def solve_line(x, y):
    """The least-squares line through the points, a tensor (2,): its slope and its intercept. x and y (N,)."""
    # The means first: sums of the products themselves would drown the differences in rounding.
    dx, dy = x - x.mean(), y - y.mean()
    slope = (dx * dy).sum() / dx.square().sum()
    return torch.stack([slope, y.mean() - slope * x.mean()])  # the line passes through the means


def line_by_covariance(x, y):
    """The same: the covariance of x and y by the variance of x."""
    covariance = torch.cov(torch.stack([x, y]))
    slope = covariance[0, 1] / covariance[0, 0]
    return torch.stack((slope, (y - slope * x).mean()))


def line_by_standardising(x, y):
    """The same with x in standard deviations from its mean."""
    dx = (x - x.mean()) / x.std(correction=0)
    slope = (dx * (y - y.mean())).mean() / x.std(correction=0)
    intercept = y.mean() - slope * x.mean()
    return torch.cat([slope[None], intercept[None]])


def line_by_pairs(x, y):
    """The same from the differences between all pairs of points, where the means cancel."""
    dx, dy = x[:, None] - x, y[:, None] - y  # (N, N)
    slope = (dx * dy).sum() / (dx**2).sum()
    return torch.stack([slope, y.mean() - slope * x.mean()])


def line_by_lstsq(x, y):
    """The same by a solver, in float64, with a column of ones for the intercept."""
    columns = torch.stack([x, torch.ones_like(x)], dim=1).double()  # (N, 2)
    return torch.linalg.lstsq(columns, y.double()[:, None]).solution[:, 0].to(x.dtype)


def by_polyfit(x, y):
    """The reference: NumPy's fit of a polynomial of degree 1, in float64."""
    slope, intercept = np.polyfit(x.double().numpy(), y.double().numpy(), 1)
    return torch.tensor([slope, intercept], dtype=x.dtype)


def by_sums(x, y):
    """The line from sums of products that are not centred."""
    n = len(x)
    slope = (n * (x * y).sum() - x.sum() * y.sum()) / (n * x.square().sum() - x.sum() ** 2)
    return torch.stack([slope, (y.sum() - slope * x.sum()) / n])


def by_means(x, y):
    """The same with means in place of the sums."""
    slope = ((x * y).mean() - x.mean() * y.mean()) / (x.square().mean() - x.mean() ** 2)
    return torch.stack([slope, y.mean() - slope * x.mean()])


def sloped(name, diagnosis, slope):
    """A misconception: another slope, a function of the centred x and y; the line still meets the means."""

    def run(x, y):
        wrong = slope(x - x.mean(), y - y.mean())
        return torch.stack([wrong, y.mean() - wrong * x.mean()])

    return Misconception(name, diagnosis, run)


def finished(name, diagnosis, finish):
    """A misconception: another end, a function of the right slope, x and y that returns two numbers."""
    return Misconception(name, diagnosis, lambda x, y: torch.stack(finish(solve_line(x, y)[0], x, y)))


def perpendicular(dx, dy):
    """The slope of the longest axis of the cloud."""
    gap = dy.square().sum() - dx.square().sum()
    twice = 2 * (dx * dy).sum()
    return (gap + torch.hypot(gap, twice)) / twice


def listed(x, y, dtype=torch.float64):
    """A case from two lists."""
    return torch.tensor(x, dtype=dtype), torch.tensor(y, dtype=dtype)


def line_case(rng, n, dtype=torch.float64, middle=0.0, width=1.0, slope=1.0, noise=0.5):
    """A case of n points about a line; `middle` and `width` are those of x."""
    x = middle + width * torch.linspace(-1.5, 1.5, n, dtype=dtype) + normal(rng, n, dtype=dtype) * width / 9
    return x, slope * x + 0.3 * middle + normal(rng, n, dtype=dtype, scale=noise * width * abs(slope))


def wide_line(rng):
    """One valid case, up to areas of houses and their prices."""
    dtype, largest = rng.choice(((torch.float32, 0), (torch.float64, 3)))  # else float32 lacks the digits
    width = 10 ** rng.uniform(-1, largest)
    slope = rng.choice((-1, 1)) * rng.uniform(0.1, 2)
    return line_case(rng, rng.randint(2, 8), dtype, rng.uniform(-3, 3) * width, width, slope)


line = Exercise(
    name="line",
    title="the least-squares line",
    difficulty="easy",
    minutes=15,
    task="""
        Of all lines, the least-squares line makes

        $$\\frac1N \\sum_{i=1}^N (w x_i + b - y_i)^2$$

        smallest. No descent is needed: set the derivatives for $w$ and $b$ to 0 and solve. `x` and `y` are
        $(N)$, $N \\ge 2$, not all $x_i$ equal. Return slope $w$ and intercept $b$, a tensor $(2)$ of the type
        of `x`.

        Areas of houses may be in the thousands and close together, in float32 too, which keeps about seven
        digits: beware of small differences of large sums.

        By hand first: the points $(1, 2)$, $(2, 5)$ and $(3, 5)$. What are slope and intercept, and which
        point is sure to lie on the line?
    """,
    stub_function=my_line,
    reference=by_polyfit,
    cases=lambda rng: [
        listed([1.0, 2.0, 3.0], [2.0, 5.0, 5.0]),  # by hand: 1.5 and 1; the line meets the means, (2, 4)
        listed([1.0, 3.0], [5.0, -1.0]),  # N = 2: through both points
        listed([-1.0, 0.0, 1.0], [2.0, 2.0, 2.0]),  # flat
        listed([0.0, 0.0, 1.0, 1.0], [1.0, 3.0, 2.0, 7.0]),  # ties
        listed([-2.0, -1.0, 0.0, 1.0, 2.0], [9.0, 2.0, -1.0, 0.5, 3.0]),  # centred at 0, of no clear slope
        listed([1500.0, 850.0, 2400.0, 1100.0], [230.0, 120.0, 390.0, 210.0]),
        listed([3000.0, 3008.0, 3016.0, 3024.0], [300.0, 302.0, 303.0, 307.0], torch.float32),
        listed([7941.0, 8083.0, 7987.0, 8052.0, 7937.0], [50.0, 71.0, 62.0, 74.0, 53.0], torch.float32),
        listed([7966.0, 8035.0, 7993.0], [50.0, 71.0, 62.0], torch.float32),
        line_case(rng, 6),
        line_case(rng, 7, torch.float32, 1500.0, 400.0, 0.2),
        line_case(rng, 200, torch.float64, 20.0, 3.0, -2.0, 2.0),
        *(wide_line(rng) for _ in range(5)),
    ],
    wide=wide_line,
    hints=(
        "Set the derivative with respect to b to 0 first: through which point does the line go, whatever its "
        "slope?",
        "It goes through the means, so measure both from their means: what is left is a line through the "
        "origin, with one unknown. Its slope is a sum of products over a sum of squares.",
        "With `dx = x - x.mean()` and `dy = y - y.mean()`: the slope is `(dx * dy).sum() / "
        "dx.square().sum()`, the intercept `y.mean() - slope * x.mean()`.",
    ),
    solution_function=solve_line,
    alternatives=(line_by_covariance, line_by_standardising, line_by_pairs, line_by_lstsq),
    misconceptions=(
        finished(
            "intercept_forgotten",
            "The slope is right, but the intercept is 0: it is the mean of y, minus slope times the mean of "
            "x.",
            lambda w, x, y: (w, 0 * w),
        ),
        Misconception(
            "through_the_origin",
            "This is the best line through the origin: without an intercept the slope is another one. Take "
            "the means from x and y first.",
            lambda x, y: torch.stack([x @ y / (x @ x), 0 * (x @ y)]),
        ),
        finished("order_swapped", "Return the slope first.", lambda w, x, y: (y.mean() - w * x.mean(), w)),
        Misconception(
            "x_and_y_swapped",
            "You predict x from y: divide by the squares of x, whose errors are not counted, not of y.",
            lambda x, y: solve_line(y, x),
        ),
        sloped(
            "distances_along_x",
            "Your line makes the distances along x smallest: the errors are in y, so the squares of dx stand "
            "below.",
            lambda dx, dy: dy.square().sum() / (dx * dy).sum(),
        ),
        sloped(
            "distances_at_right_angles",
            "Your line makes the distances at right angles to it smallest: those along y are asked for.",
            perpendicular,
        ),
        sloped(
            "correlation",
            "Your slope is the correlation, which has no unit: multiply it by the standard deviation of y "
            "and divide by that of x.",
            lambda dx, dy: (dx * dy).sum() / (dx.norm() * dy.norm()),
        ),
        sloped(
            "ratio_of_deviations",
            "Your slope is the ratio of the standard deviations: it lacks the correlation, sign included.",
            lambda dx, dy: dy.norm() / dx.norm(),
        ),
        sloped(
            "deviation_not_squared",
            "You divide the covariance by the standard deviation of x: it is the variance.",
            lambda dx, dy: (dx * dy).mean() / dx.square().mean().sqrt(),
        ),
        sloped(
            "two_denominators",
            "You divide the sum of products by N and that of squares by N - 1, as `var` does unless told "
            "otherwise: take the same number for both, and it cancels.",
            lambda dx, dy: (dx * dy).mean() / dx.var(),
        ),
        Misconception(
            "ratio_of_the_means",
            "Your line joins the origin to the means: its slope says nothing of how y changes with x.",
            lambda x, y: torch.stack([y.mean() / x.mean(), 0 * x.mean()]),
        ),
        finished(
            "mean_as_intercept",
            "Your intercept is the mean of y, the height of the line at the mean of x: at x = 0 it is lower "
            "by slope times the mean of x.",
            lambda w, x, y: (w, y.mean()),
        ),
        finished(
            "intercept_sign",
            "You add slope times the mean of x in the intercept: from the means back to x = 0, subtract it.",
            lambda w, x, y: (w, y.mean() + w * x.mean()),
        ),
        finished(
            "through_the_first_point",
            "The slope is right, but your line goes through the first point: it goes through the means.",
            lambda w, x, y: (w, y[0] - w * x[0]),
        ),
        sloped(
            "first_and_last_point",
            "Your slope is that between the first and the last point: all points count.",
            lambda dx, dy: (dy[-1] - dy[0]) / (dx[-1] - dx[0]),
        ),
        Misconception(
            "means_not_taken_first",
            "Right on paper, but N Σxy - Σx Σy is a small difference of large sums, of which float32 leaves "
            "few digits or none: subtract the means first.",
            by_sums,
        ),
        Misconception(
            "means_taken_last",
            "Right on paper, but the mean of xy less the product of the means is a small difference of large "
            "numbers, of which float32 leaves few digits or none: subtract the means first.",
            by_means,
        ),
    ),
)

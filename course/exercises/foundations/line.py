"""Chapter 0: the least-squares line in closed form."""

import numpy as np
import torch
from course.exercises.cases import normal
from course.exercises.engine import Exercise


def my_line(x, y):
    """The least-squares line through the points, a tensor (2,): its slope and its intercept. x and y (N,)."""
    # The means first: sums of the products themselves would drown the differences in rounding.
    dx, dy = x - x.mean(), y - y.mean()
    slope = (dx * dy).sum() / dx.square().sum()
    return torch.stack([slope, y.mean() - slope * x.mean()])  # the line passes through the means


def by_polyfit(x, y):
    """The reference: NumPy's fit of a polynomial of degree 1, in float64."""
    slope, intercept = np.polyfit(x.double().numpy(), y.double().numpy(), 1)
    return torch.tensor([slope, intercept], dtype=x.dtype)


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
    my_line,
    reference=by_polyfit,
    # OLD wide=wide_line
    # OLD cases:
    # lambda rng: [
    #         listed([1.0, 2.0, 3.0], [2.0, 5.0, 5.0]),  # by hand: 1.5 and 1; the line meets the means, (2, 4)
    #         listed([1.0, 3.0], [5.0, -1.0]),  # N = 2: through both points
    #         listed([-1.0, 0.0, 1.0], [2.0, 2.0, 2.0]),  # flat
    #         listed([0.0, 0.0, 1.0, 1.0], [1.0, 3.0, 2.0, 7.0]),  # ties
    #         listed([-2.0, -1.0, 0.0, 1.0, 2.0], [9.0, 2.0, -1.0, 0.5, 3.0]),  # centred at 0, of no clear slope
    #         listed([1500.0, 850.0, 2400.0, 1100.0], [230.0, 120.0, 390.0, 210.0]),
    #         listed([3000.0, 3008.0, 3016.0, 3024.0], [300.0, 302.0, 303.0, 307.0], torch.float32),
    #         listed([7941.0, 8083.0, 7987.0, 8052.0, 7937.0], [50.0, 71.0, 62.0, 74.0, 53.0], torch.float32),
    #         listed([7966.0, 8035.0, 7993.0], [50.0, 71.0, 62.0], torch.float32),
    #         line_case(rng, 6),
    #         line_case(rng, 7, torch.float32, 1500.0, 400.0, 0.2),
    #         line_case(rng, 200, torch.float64, 20.0, 3.0, -2.0, 2.0),
    #         *(wide_line(rng) for _ in range(5)),
    #     ]
    by_hand=(),
    draw=None,
    sizes=[],
    spans={},
    hints="""
        Set the derivative with respect to b to 0 first: through which point does the line go, whatever its
        slope?

        It goes through the means, so measure both from their means: what is left is a line through the
        origin, with one unknown. Its slope is a sum of products over a sum of squares.

        With `dx = x - x.mean()` and `dy = y - y.mean()`: the slope is `(dx * dy).sum() / dx.square().sum()`,
        the intercept `y.mean() - slope * x.mean()`.
    """,
    wrong="""
        intercept_forgotten: OLD → NEW
            The slope is right, but the intercept is 0: it is the mean of y, minus slope times the mean of x.
        through_the_origin: OLD → NEW
            This is the best line through the origin: without an intercept the slope is another one. Take the
            means from x and y first.
        order_swapped: OLD → NEW
            Return the slope first.
        x_and_y_swapped: OLD → NEW
            You predict x from y: divide by the squares of x, whose errors are not counted, not of y.
        distances_along_x: OLD → NEW
            Your line makes the distances along x smallest: the errors are in y, so the squares of dx stand
            below.
        distances_at_right_angles: OLD → NEW
            Your line makes the distances at right angles to it smallest: those along y are asked for.
        correlation: OLD → NEW
            Your slope is the correlation, which has no unit: multiply it by the standard deviation of y and
            divide by that of x.
        ratio_of_deviations: OLD → NEW
            Your slope is the ratio of the standard deviations: it lacks the correlation, sign included.
        deviation_not_squared: OLD → NEW
            You divide the covariance by the standard deviation of x: it is the variance.
        two_denominators: OLD → NEW
            You divide the sum of products by N and that of squares by N - 1, as `var` does unless told
            otherwise: take the same number for both, and it cancels.
        ratio_of_the_means: OLD → NEW
            Your line joins the origin to the means: its slope says nothing of how y changes with x.
        mean_as_intercept: OLD → NEW
            Your intercept is the mean of y, the height of the line at the mean of x: at x = 0 it is lower by
            slope times the mean of x.
        intercept_sign: OLD → NEW
            You add slope times the mean of x in the intercept: from the means back to x = 0, subtract it.
        through_the_first_point: OLD → NEW
            The slope is right, but your line goes through the first point: it goes through the means.
        first_and_last_point: OLD → NEW
            Your slope is that between the first and the last point: all points count.
        means_not_taken_first: OLD → NEW
            Right on paper, but N Σxy - Σx Σy is a small difference of large sums, of which float32 leaves few
            digits or none: subtract the means first.
        means_taken_last: OLD → NEW
            Right on paper, but the mean of xy less the product of the means is a small difference of large
            numbers, of which float32 leaves few digits or none: subtract the means first.
    """,
)

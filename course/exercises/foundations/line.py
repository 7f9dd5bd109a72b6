"""Chapter 0: the least-squares line in closed form."""

import numpy as np
import torch

from course.exercises.cases import FLOATS, normal
from course.exercises.engine import Exercise


def my_line(x, y):
    """The least-squares line through the points, a tensor (2,): its slope and its intercept. x and y (N,)."""
    # The means first: sums of the products themselves would drown the differences in rounding.
    dx, dy = x - x.mean(), y - y.mean()
    slope = (dx * dy).sum() / dx.square().sum()
    return torch.stack([slope, y.mean() - slope * x.mean()])  # the line passes through the means


def by_polyfit(x, y):
    """The same by NumPy's fit of a polynomial of degree 1, in float64."""
    return torch.tensor(np.polyfit(x.double().numpy(), y.double().numpy(), 1), dtype=x.dtype)


def distances_at_right_angles(x, y):
    """Your line makes the distances at right angles to it smallest: those along y are asked for."""
    dx, dy = x - x.mean(), y - y.mean()
    gap, twice = dy @ dy - dx @ dx, 2 * (dx @ dy)
    root = torch.hypot(gap, twice)
    slope = torch.where(gap > 0, (root + gap) / twice, twice / (root - gap))
    return torch.stack([slope, y.mean() - slope * x.mean()])


def draw(rng, N, middle=0.0, width=1.0, slope=1.0, noise=0.5, dtype=torch.float64):
    """A case of points about a line; `middle` and `width` are those of x."""
    x = middle + width * (torch.linspace(-1.5, 1.5, N, dtype=dtype) + normal(rng, N, dtype=dtype) / 9)
    return x, slope * x + 0.3 * middle + noise * width * abs(slope) * normal(rng, N, dtype=dtype)


def spans(rng):
    """Up to areas of houses and their prices in float64; for those float32 lacks the digits."""
    dtype = rng.choice(FLOATS)
    width = 10 ** rng.uniform(-1, 3 if dtype == torch.float64 else 0)
    slope = rng.choice((-1, 1)) * rng.uniform(0.1, 2)
    return dict(N=rng.randint(2, 8), middle=rng.uniform(-3, 3) * width, width=width, slope=slope, dtype=dtype)


line = Exercise(
    my_line,
    reference=by_polyfit,
    draw=draw,
    by_hand=[
        ([1.0, 2.0, 3.0], [2.0, 5.0, 5.0]),  # 1.5 and 1; the line meets the means, (2, 4)
        ([1.0, 3.0], [5.0, -1.0]),  # through both points
        ([-1.0, 0.0, 1.0], [2.0, 2.0, 2.0]),  # flat
        ([0.0, 0.0, 1.0, 1.0], [1.0, 3.0, 2.0, 7.0]),  # ties
        ([-2.0, -1.0, 0.0, 1.0, 2.0], [9.0, 2.0, -1.0, 0.5, 3.0]),  # centred at 0, of no clear slope
        ([1500.0, 850.0, 2400.0, 1100.0], [230.0, 120.0, 390.0, 210.0]),
        # in float32, areas that are close together
        (torch.tensor([3000.0, 3008.0, 3016.0, 3024.0]), torch.tensor([300.0, 302.0, 303.0, 307.0])),
        (
            torch.tensor([7941.0, 8083.0, 7987.0, 8052.0, 7937.0]),
            torch.tensor([50.0, 71.0, 62.0, 74.0, 53.0]),
        ),
        (torch.tensor([7966.0, 8035.0, 7993.0]), torch.tensor([50.0, 71.0, 62.0])),
        (torch.tensor([8000.75, 8000.5, 8002.625, 8003.75]), torch.tensor([46.0, 53.5, 487.5, 532.5])),
        ([0.0, 0.0, 0.0, 1.0, 2.0], [1.0, 3.0, 2.0, 7.0, 3.0]),  # one x three times
        # in float32, with a mean that is not exact
        (torch.tensor([8000.0, 8001.0, 8003.0]), torch.tensor([300.0, 310.0, 350.0])),
        ([8000.1, 8000.37, 8000.42, 8000.69], [312.3, 350.7, 341.1, 399.9]),
        ([0.0, 1e-3], [1.0, 2.0]),
    ],
    sizes=[
        dict(N=6),
        dict(N=7, middle=1500.0, width=400.0, slope=0.2, dtype=torch.float32),
        dict(N=1200, middle=20.0, width=3.0, slope=-2.0, noise=2.0),
    ],
    spans=spans,
    hints="""
        Set the derivative with respect to b to 0 first: through which point does the line go, whatever its
        slope?

        It goes through the means, so measure both from their means: what is left is a line through the
        origin, with one unknown. Its slope is a sum of products over a sum of squares.

        These are the lines themselves. With `dx = x - x.mean()` and `dy = y - y.mean()`: the slope is `(dx *
        dy).sum() / dx.square().sum()`, the intercept `y.mean() - slope * x.mean()`.
    """,
    special="""
        far_from_0: x.mean().abs() > 20 * x.std()
            Right but for x far from 0 and close together: sums of products leave few digits or none, with a
            column of ones too. Subtract the means first, from x and from y.
        narrow: x.std() < 1e-2
            Right but for x that differ by little: nothing may be added to the sum of squares, nor a floor put
            under it.
        equal_x: len(x.unique()) < len(x)
            Right but where two x are equal: each point counts, so do not merge them.
    """,
    wrong="""
        intercept_forgotten: y.mean() - slope * x.mean() → 0 * slope
            The slope is right, but the intercept is 0: it is the mean of y, minus slope times the mean of x.
        slope_through_the_origin: x - x.mean(), y - y.mean() → x, y
        through_the_origin: x - x.mean(), y - y.mean() → x, y
        and: y.mean() - slope * x.mean() → 0 * slope
            This is the best line through the origin: without an intercept the slope is another one. Take the
            means from x and y first.
        order_swapped: [slope, y.mean() - slope * x.mean()] → [y.mean() - slope * x.mean(), slope]
            Return the slope first.
        x_and_y_swapped: / dx.square() → / dy.square()
        and: y.mean() - slope * x.mean() → x.mean() - slope * y.mean()
            You predict x from y: divide by the squares of x, whose errors are not counted, not of y.
        distances_along_x: (dx * dy).sum() / dx.square().sum() → dy.square().sum() / (dx * dy).sum()
            Your line makes the distances along x smallest: the errors are in y, so the squares of dx stand
            below.
        correlation: dx.square().sum() → (dx.norm() * dy.norm())
            Your slope is the correlation, which has no unit: multiply it by the standard deviation of y and
            divide by that of x.
        ratio_with_the_sign: (dx * dy).sum() / dx.square().sum() → (dx @ dy).sign() * dy.norm() / dx.norm()
        ratio_of_deviations: (dx * dy).sum() / dx.square().sum() → dy.norm() / dx.norm()
            Your slope is the ratio of the standard deviations: it lacks the correlation.
        deviation_not_squared: .sum() / dx.square().sum() → .mean() / dx.std(correction=0)
            You divide the covariance by the standard deviation of x: it is the variance.
        denominators_swapped: .sum() / dx.square().sum() → .sum() / (len(x) - 1) / dx.square().mean()
        two_denominators: .sum() / dx.square().sum() → .mean() / dx.var()
            You divide one of the two sums by N and the other by N - 1, as `var` and `cov` do unless told
            otherwise: take the same number for both, and it cancels.
        mean_of_the_ratios: (dx * dy).sum() / dx.square().sum() → (dy / dx).nan_to_num(0, 0, 0).mean()
            You average the slopes from the means to each point, in which those near the means count as much
            as those far away: a sum of products over a sum of squares weighs them.
        ratio_of_the_means: (dx * dy).sum() / dx.square().sum() → y.mean() / x.mean()
        and: y.mean() - slope * x.mean() → 0 * x.mean()
            Your line joins the origin to the means: its slope says nothing of how y changes with x.
        one_factor_centred: (dx * dy).sum() / dx.square().sum() → (dx * y).sum() / (dx * x).sum()
            You take the mean from one factor of each product: if it is rounded, the other factor's size comes
            in. Take it from both.
        intercept_sign: y.mean() - slope → y.mean() + slope
            You add slope times the mean of x in the intercept: from the means back to x = 0, subtract it.
        through_the_first_point: y.mean() - slope * x.mean() → y[0] - slope * x[0]
            The slope is right, but your line goes through the first point: it goes through the means.
        first_and_last_point: (dx * dy).sum() / dx.square().sum() → (y[-1] - y[0]) / (x[-1] - x[0])
            Your slope is that between the first and the last point: all points count.
    """,
    functions=(distances_at_right_angles,),
)

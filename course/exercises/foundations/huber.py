"""Chapter 0: the loss of Huber (1964), "Robust estimation of a location parameter"."""

import torch
import torch.nn.functional as F
from course.exercises.cases import normal
from course.exercises.engine import Exercise


def my_huber(predicted, y, delta):
    """The mean Huber loss, a tensor of no axes. predicted and y (N,); delta > 0: a float."""
    size = (predicted - y).abs()
    square = 0.5 * size.square()
    straight = delta * (size - 0.5 * delta)  # meets the square at delta, with the same slope there
    return torch.where(size <= delta, square, straight).mean()


def by_pytorch(predicted, y, delta):
    """The reference: PyTorch's own, in float64."""
    return F.huber_loss(predicted.double(), y.double(), delta=delta).to(y.dtype)


def huber_case(rng, n, dtype=torch.float64, scale=1.0, delta=1.0):
    """A case of n residuals; `scale` is their size in units of delta."""
    y = normal(rng, n, dtype=dtype)
    return y + normal(rng, n, dtype=dtype, scale=scale * delta), y, delta


def listed(residuals, delta, dtype=torch.float64):
    """A case from a list of residuals."""
    predicted = torch.tensor(residuals, dtype=dtype)
    return predicted, torch.zeros_like(predicted), delta


def wide_huber(rng):
    """One valid case of random size, scale and delta."""
    dtype, delta = rng.choice((torch.float32, torch.float64)), 10 ** rng.uniform(-1, 1)
    return huber_case(rng, rng.randint(1, 8), dtype, 10 ** rng.uniform(-0.5, 1), delta)


huber = Exercise(
    my_huber,
    reference=by_pytorch,
    gradients=True,
    # OLD wide=wide_huber
    # OLD cases:
    # lambda rng: [
    #         listed([3.0], 1.0),  # by hand: 2.5, and the slope 1
    #         listed([0.5, -0.5], 1.0),
    #         listed([-3.0, 2.0, 0.0], 1.0),
    #         listed([2.0, -2.0, 0.5], 2.0),  # exactly delta
    #         listed([-4.0, 1.0, 0.25], 0.5),
    #         listed([0.0, 0.0], 0.5),
    #         listed([1e6, -1e6, 1.0, -20.0], 10.0, torch.float32),
    #         listed([1e6, -0.25, 1e3], 1e-2),
    #         huber_case(rng, 5, delta=3.0),
    #         huber_case(rng, 6, torch.float32, 3.0, 0.3),
    #         huber_case(rng, 200, torch.float64, 2.0, 1.5),
    #         *(wide_huber(rng) for _ in range(6)),
    #     ]
    by_hand=(),
    draw=None,
    sizes=[],
    spans={},
    hints="""
        First the slope: which one has ½ e² where e is δ? Then c: what does ½ e² come to there, and how much
        of it has the line through the origin already?

        The slope is a = δ, and δ·δ + c = ½ δ² gives c. `torch.where(condition, here, elsewhere)` chooses
        element by element; the condition asks for the size of the residual, so for `abs()`.

        With `size = (predicted - y).abs()`: `torch.where(size <= delta, 0.5 * size.square(), delta * (size -
        0.5 * delta)).mean()`.
    """,
    wrong="""
        squared_error: OLD → NEW
            This is the squared error, even far out: beyond delta the cost goes on as a straight line.
        half_squared_error: OLD → NEW
            You square all residuals: beyond delta the cost goes on as a straight line.
        absolute_error: OLD → NEW
            This is the absolute error, with a kink at 0: up to delta the cost is ½ e².
        half_forgotten: OLD → NEW
            The ½ of the square is missing, so that the cost jumps at delta.
        everything_doubled: OLD → NEW
            Your loss is twice too large: the square has a factor ½, and the line follows from it.
        line_not_lowered: OLD → NEW
            Your line, delta |e|, goes through the origin: at delta it lies ½ delta² above the square. Take
            that away.
        slope_1: OLD → NEW
            Your line has the slope 1, which meets the square's own slope for delta = 1 alone: it is delta.
        lowered_by_a_half: OLD → NEW
            You lower the line by ½, which fits for delta = 1 alone: it is ½ delta².
        slope_1_and_half_delta: OLD → NEW
            Your line is |e| - ½ delta: the factor delta before it is missing.
        divided_by_delta: OLD → NEW
            This is the smooth L1 loss, the Huber loss divided by delta: the two agree for delta = 1 alone.
        positive_residuals_alone: OLD → NEW
            You compare the residual itself with delta, so that the negative ones are all squared: compare its
            size.
        parts_swapped: OLD → NEW
            The parts are swapped: the square is for residuals up to delta, the line for those beyond.
        clipped: OLD → NEW
            Your cost is flat beyond delta, so that an outlier does not pull at all: it goes on with the slope
            delta.
        pseudo_huber: OLD → NEW
            This is a smooth relative, the pseudo-Huber loss: it only comes near a square and a line.
        summed: OLD → NEW
            You sum over the points: take the mean.
        not_averaged: OLD → NEW
            You return one cost for each point: take their mean.
    """,
)

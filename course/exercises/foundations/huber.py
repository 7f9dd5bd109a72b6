"""Chapter 0: the loss of Huber (1964), "Robust estimation of a location parameter"."""

import torch
import torch.nn.functional as F

from course.exercises.cases import tensors
from course.exercises.engine import Exercise


def my_huber(predicted, y, delta):
    """The mean Huber loss, a scalar tensor. predicted and y (N,); delta > 0: a float."""
    size = (predicted - y).abs()
    square = 0.5 * size.square()
    straight = delta * (size - 0.5 * delta)  # meets the square at delta, with the same slope there
    return torch.where(size <= delta, square, straight).mean()


def by_pytorch(predicted, y, delta):
    """The same by PyTorch, in float64."""
    return F.huber_loss(predicted.double(), y.double(), delta=delta).to(y.dtype)


def draw(rng, N, delta=1.0, scale=1.0, dtype=torch.float64):
    """A case; `scale` is the residuals' size in units of delta."""
    y, residuals = tensors(rng, "N N", dtype, N=N)
    return y + scale * delta * residuals, y, delta


huber = Exercise(
    my_huber,
    reference=by_pytorch,
    gradients=True,
    draw=draw,
    by_hand=[
        ([3.0], [0.0], 1.0),  # 2.5, and the slope 1
        ([0.5, -0.5], [0.0, 0.0], 1.0),
        ([-3.0, 2.0, 0.0], [0.0, 0.0, 0.0], 1.0),
        ([2.0, -2.0, 0.5], [0.0, 0.0, 0.0], 2.0),  # exactly delta
        ([-4.0, 1.0, 0.25], [0.0, 0.0, 0.0], 0.5),
        ([0.0, 0.0], [0.0, 0.0], 0.5),
        (torch.tensor([1e6, -1e6, 1.0, -20.0]), torch.zeros(4), 10.0),  # in float32
        ([1e6, -0.25, 1e3], [0.0, 0.0, 0.0], 1e-2),
        ([-1e6, 300.0, 1e3], [0.0, 0.0, 1e-6], 1e3),
        ([1 + 1e-6, -1 - 1e-4, 1 - 1e-6, 1e-4 - 1], [0.0, 0.0, 0.0, 0.0], 1.0),  # close to delta
        ([1.0, -1e-6, 2e-6, 1e-8], [0.0, 0.0, 0.0, 0.0], 1e-7),
        ([-1e6, 2e5, 3e3, -1.0], [0.0, 0.0, 0.0, 0.0], 1e5),
    ],
    forbids="""huber_loss: Write the square and the line yourself, since how they meet is what the exercise is
        about.""",
    sizes=[
        dict(N=5, delta=3.0),
        dict(N=6, delta=0.3, scale=3.0, dtype=torch.float32),
        dict(N=1200, delta=1.5, scale=2.0),
    ],
    spans=dict(N=(1, 8), delta=[0.1, 0.5, 2.0, 10.0], scale=(0.3, 10.0)),
    hints="""
        First the slope: which one has ½ e² where e is δ? Then c: what does ½ e² come to there, and how much
        of it has the line through the origin already?

        The slope is a = δ, and δ·δ + c = ½ δ² gives c. `torch.where(condition, here, elsewhere)` chooses
        element by element; the condition asks for the size of the residual, so for `abs()`.

        These are the lines themselves: with `size = (predicted - y).abs()`, `torch.where(size <= delta, 0.5 *
        size.square(), delta * (size - 0.5 * delta)).mean()`.
    """,
    special="""
        close_to_delta: 0 < ((predicted - y).abs() - delta).abs().min() < 2e-6 * delta
            Right but for residuals close to delta: compare them with delta itself, without a margin.
        small_delta: delta < 1e-3
            Right but for a small delta: it has no lower limit, and nothing may be added to the residual's
            size.
        large_delta: delta > 100
            Right but for a large delta: is there a limit?
        large_residuals: (predicted - y).abs().max() > 500
            Right but for large residuals: is there a limit, or a difference of two large squares, which
            leaves few digits?
    """,
    wrong="""
        squared_error: torch.where(size <= delta, square, straight) → size.square()
            This is the squared error, even far out: beyond delta the cost goes on as a straight line.
        half_squared_error: torch.where(size <= delta, square, straight) → square
            You square all residuals: beyond delta the cost goes on as a straight line.
        absolute_error: torch.where(size <= delta, square, straight) → size
            This is the absolute error, with a kink at 0: up to delta the cost is ½ e².
        line_not_lowered: delta * (size - 0.5 * delta) → delta * size
            Your line, delta |e|, goes through the origin: at delta it lies ½ delta² above the square. Take
            that away.
        slope_1: delta * (size - 0.5 * delta) → size - delta + 0.5 * delta**2
            Your line has the slope 1, which meets the square's own slope for delta = 1 alone: it is delta.
        line_with_a_sign: delta * (size → delta * (predicted - y
            Your line falls where the residual is negative: it rises on both sides, with the residual's size.
        squared_residual_compared: size <= delta → size.square() <= delta
            You compare the squared residual with delta: compare its size.
        divided_by_delta: .mean() → .mean() / delta
            This is the smooth L1 loss, the Huber loss divided by delta: the two agree for delta = 1 alone.
        positive_residuals_alone: size <= delta → predicted - y <= delta
            You compare the residual itself with delta, so that the negative ones are all squared: compare its
            size.
        parts_swapped: size <= delta → size > delta
            The parts are swapped: the square is for residuals up to delta, the line for those beyond.
        one_part_for_all: torch.where(size <= delta, → torch.where(size.max() <= delta,
            You choose one part for all points: each residual chooses its own.
        clipped: delta * (size - 0.5 * delta) → 0.5 * delta**2
            Your cost is flat beyond delta, so that an outlier does not pull at all: it goes on with the slope
            delta.
        pseudo_huber: delta * (size - 0.5 * delta) → delta**2 * ((1 + (size / delta) ** 2).sqrt() - 1)
        and: torch.where(size <= delta, square, straight) → straight
            This is a smooth relative, the pseudo-Huber loss: it only comes near a square and a line.
        summed: .mean() → .sum()
            You sum over the points: take the mean.
    """,
)

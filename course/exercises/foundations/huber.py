"""Chapter 0, exercise: the loss of Huber (1964), "Robust estimation of a location parameter"."""

import torch
import torch.nn.functional as F

from course.exercises.draw import normal
from course.exercises.engine import Exercise, Misconception


def my_huber(predicted, y, delta):
    """The mean Huber loss, a tensor of no axes. predicted and y (N,); delta > 0: a float."""
    raise NotImplementedError


def solve_huber(predicted, y, delta):
    """The mean Huber loss, a tensor of no axes. predicted and y (N,); delta > 0: a float."""
    size = (predicted - y).abs()
    square = 0.5 * size.square()
    straight = delta * (size - 0.5 * delta)  # meets the square at delta, with the same slope there
    return torch.where(size <= delta, square, straight).mean()


def huber_by_clamp(predicted, y, delta):
    """The same: the straight part is the square's slope at the nearest residual inside, carried on."""
    residual = predicted - y
    inside = residual.clamp(-delta, delta)
    return (inside * (residual - inside / 2)).mean()


def huber_by_choice(predicted, y, delta):
    """The same, each part for the residuals that it is for."""
    residual = y - predicted
    small = residual.abs() < delta
    near, far = residual[small], residual[~small].abs()
    return ((near**2).sum() / 2 + delta * far.sum() - len(far) * delta**2 / 2) / len(y)


def huber_by_smooth_l1(predicted, y, delta):
    """The same by PyTorch's smooth L1 loss, which is divided by delta."""
    return delta * F.smooth_l1_loss(predicted, y, beta=delta)


def huber_point_by_point(predicted, y, delta):
    """The same, one residual after the other."""
    total = torch.zeros((), dtype=y.dtype)
    for size in (predicted - y).abs():
        total = total + (size * size / 2 if size < delta else delta * size - delta * delta / 2)
    return total / len(y)


def by_pytorch(predicted, y, delta):
    """The reference: PyTorch's own, in float64."""
    return F.huber_loss(predicted.double(), y.double(), delta=delta).to(y.dtype)


def mended(residual, delta):
    """The right cost of each residual."""
    inside = residual.clamp(-delta, delta)
    return inside * (residual - inside / 2)


def finished(name, diagnosis, finish):
    """A misconception: another end, a function of the right costs (N,) and delta."""
    return Misconception(name, diagnosis, lambda p, y, delta: finish(mended(p - y, delta), delta))


def costed(name, diagnosis, cost):
    """A misconception: another cost, a function of the residuals and delta."""
    return Misconception(name, diagnosis, lambda p, y, delta: cost(p - y, delta).mean())


def parted(name, diagnosis, *, near=None, far=None, is_near=None):
    """A misconception about one of the two parts, functions of the residuals' sizes and delta, or about
    which residuals the first one is for."""

    def cost(residual, delta):
        size = residual.abs()
        square = near(size, delta) if near else size.square() / 2
        straight = far(size, delta) if far else delta * (size - delta / 2)
        return torch.where(is_near(residual, delta) if is_near else size <= delta, square, straight)

    return costed(name, diagnosis, cost)


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
    name="huber",
    title="the Huber loss",
    difficulty="easy",
    minutes=10,
    task="""
        One absurd price draws a least-squares line far from all others. Huber (1964) takes, for a residual
        $e = \\hat y - y$,

        $$\\ell(e) = \\tfrac12 e^2 \\ \\text{ where } |e| \\le \\delta,
        \\qquad \\ell(e) = a\\,|e| + c \\ \\text{ beyond.}$$

        Choose $a$ and $c$ so that neither value nor slope jumps at $|e| = \\delta$. `predicted` and `y` are
        $(N)$; return the mean over the points, a tensor of no axes, without `F.huber_loss`. Values and
        gradients are compared; residuals may be as large as $10^6$.

        By hand first: $\\delta = 1$. What does a residual of 3 cost, and how hard does it pull?
    """,
    stub_function=my_huber,
    reference=by_pytorch,
    cases=lambda rng: [
        listed([3.0], 1.0),  # by hand: 2.5, and the slope 1
        listed([0.5, -0.5], 1.0),
        listed([-3.0, 2.0, 0.0], 1.0),
        listed([2.0, -2.0, 0.5], 2.0),  # exactly delta
        listed([-4.0, 1.0, 0.25], 0.5),
        listed([0.0, 0.0], 0.5),
        listed([1e6, -1e6, 1.0, -20.0], 10.0, torch.float32),
        listed([1e6, -0.25, 1e3], 1e-2),
        huber_case(rng, 5, delta=3.0),
        huber_case(rng, 6, torch.float32, 3.0, 0.3),
        huber_case(rng, 200, torch.float64, 2.0, 1.5),
        *(wide_huber(rng) for _ in range(6)),
    ],
    wide=wide_huber,
    gradients=True,
    hints=(
        "First the slope: which one has ½ e² where e is δ? Then c: what does ½ e² come to there, and how "
        "much of it has the line through the origin already?",
        "The slope is a = δ, and δ·δ + c = ½ δ² gives c. `torch.where(condition, here, elsewhere)` chooses "
        "element by element; the condition asks for the size of the residual, so for `abs()`.",
        "With `size = (predicted - y).abs()`: `torch.where(size <= delta, 0.5 * size.square(), delta * (size "
        "- 0.5 * delta)).mean()`.",
    ),
    solution_function=solve_huber,
    alternatives=(huber_by_clamp, huber_by_choice, huber_by_smooth_l1, huber_point_by_point),
    misconceptions=(
        costed(
            "squared_error",
            "This is the squared error, even far out: beyond delta the cost goes on as a straight line.",
            lambda r, delta: r.square(),
        ),
        costed(
            "half_squared_error",
            "You square all residuals: beyond delta the cost goes on as a straight line.",
            lambda r, delta: r.square() / 2,
        ),
        costed(
            "absolute_error",
            "This is the absolute error, with a kink at 0: up to delta the cost is ½ e².",
            lambda r, delta: r.abs(),
        ),
        parted(
            "half_forgotten",
            "The ½ of the square is missing, so that the cost jumps at delta.",
            near=lambda size, delta: size.square(),
        ),
        finished(
            "everything_doubled",
            "Your loss is twice too large: the square has a factor ½, and the line follows from it.",
            lambda cost, delta: 2 * cost.mean(),
        ),
        parted(
            "line_not_lowered",
            "Your line, delta |e|, goes through the origin: at delta it lies ½ delta² above the square. Take "
            "that away.",
            far=lambda size, delta: delta * size,
        ),
        parted(
            "slope_1",
            "Your line has the slope 1, which meets the square's own slope for delta = 1 alone: it is delta.",
            far=lambda size, delta: size - delta + delta**2 / 2,
        ),
        parted(
            "lowered_by_a_half",
            "You lower the line by ½, which fits for delta = 1 alone: it is ½ delta².",
            far=lambda size, delta: delta * size - 0.5,
        ),
        parted(
            "slope_1_and_half_delta",
            "Your line is |e| - ½ delta: the factor delta before it is missing.",
            far=lambda size, delta: size - delta / 2,
        ),
        finished(
            "divided_by_delta",
            "This is the smooth L1 loss, the Huber loss divided by delta: the two agree for delta = 1 alone.",
            lambda cost, delta: cost.mean() / delta,
        ),
        parted(
            "positive_residuals_alone",
            "You compare the residual itself with delta, so that the negative ones are all squared: compare "
            "its size.",
            is_near=lambda residual, delta: residual <= delta,
        ),
        parted(
            "parts_swapped",
            "The parts are swapped: the square is for residuals up to delta, the line for those beyond.",
            is_near=lambda residual, delta: residual.abs() > delta,
        ),
        parted(
            "clipped",
            "Your cost is flat beyond delta, so that an outlier does not pull at all: it goes on with the "
            "slope delta.",
            far=lambda size, delta: 0 * size + delta**2 / 2,
        ),
        costed(
            "pseudo_huber",
            "This is a smooth relative, the pseudo-Huber loss: it only comes near a square and a line.",
            lambda r, delta: delta**2 * ((1 + (r / delta) ** 2).sqrt() - 1),
        ),
        finished("summed", "You sum over the points: take the mean.", lambda cost, delta: cost.sum()),
        finished(
            "not_averaged", "You return one cost for each point: take their mean.", lambda cost, _: cost
        ),
    ),
)

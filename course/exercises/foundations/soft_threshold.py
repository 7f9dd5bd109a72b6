"""Chapter 0, exercise: one step of proximal gradient descent for an L1 penalty, Beck and Teboulle (2009), "A
Fast Iterative Shrinkage-Thresholding Algorithm for Linear Inverse Problems"."""

import torch
import torch.nn.functional as F

from course.exercises.draw import normal
from course.exercises.engine import Exercise, Misconception


def my_l1_step(w, gradient, lr, l1):
    """The weights after one step, (D,). w (D,); gradient (D,): of the loss without its penalty, at w; lr > 0:
    the learning rate; l1 >= 0: the penalty's factor."""
    raise NotImplementedError


def solve_l1_step(w, gradient, lr, l1):
    """The weights after one step, (D,). w (D,); gradient (D,): of the loss without its penalty, at w; lr > 0:
    the learning rate; l1 >= 0: the penalty's factor."""
    v = w - lr * gradient
    # Where |v| <= lr l1, the penalty's slope is the larger at any u but 0: the minimum is the kink at 0.
    return v.sign() * (v.abs() - lr * l1).clamp(min=0)


def step_by_sides(w, gradient, lr, l1):
    """The same: either side of 0 has its own line, and between them lies 0."""
    v, reach = w - lr * gradient, lr * l1
    above, below = torch.relu(v - reach), torch.relu(-v - reach)
    return above - below


def step_by_what_is_cut_off(w, gradient, lr, l1):
    """The same: each weight loses what it has, up to lr l1."""
    v = torch.sub(w, gradient, alpha=lr)
    return v - v.clamp(min=-l1 * lr, max=l1 * lr)


def step_by_cases(w, gradient, lr, l1):
    """The same, the three cases written out."""
    v = w - gradient * lr
    moved = torch.where(v > 0, v - lr * l1, v + lr * l1)
    return torch.where(v.abs() > lr * l1, moved, 0.0)


def step_by_share(w, gradient, lr, l1):
    """The same: the share of each weight that is left."""
    v = w - lr * gradient
    share = 1 - lr * l1 / v.abs().clamp(min=torch.finfo(v.dtype).tiny)
    return v * torch.where(share > 0, share, 0)


def by_pytorch(w, gradient, lr, l1):
    """The same by PyTorch's soft threshold, in float64."""
    return F.softshrink(w.double() - lr * gradient.double(), lr * l1).to(w.dtype)


def shrink(v, reach):
    """Towards 0 by `reach`, no further."""
    return v.sign() * torch.relu(v.abs() - reach)


def wrong(name, diagnosis, finish):
    """A misconception: another function of v, the weights after the gradient step, and of lr l1."""
    return Misconception(name, diagnosis, lambda w, g, lr, l1: finish(w - lr * g, lr * l1))


def by_the_old_sign(w, g, lr, l1):
    """Steps by the sign of w, and 0 for each weight whose sign has changed."""
    new = w - lr * (g + l1 * w.sign())
    return torch.where(new * w < 0, 0.0, new)


def step_case(rng, d, lr, l1, dtype=torch.float64, scale=1.0):
    """A case of d weights, and a gradient that `scale` multiplies."""
    return normal(rng, d, dtype=dtype), normal(rng, d, dtype=dtype, scale=scale), lr, l1


def listed(w, gradient, lr, l1, dtype=torch.float64):
    """A case from two lists."""
    return torch.tensor(w, dtype=dtype), torch.tensor(gradient, dtype=dtype), lr, l1


def wide_step(rng):
    """One valid case of a few weights, some of them 0."""
    dtype, lr, l1 = rng.choice((torch.float32, torch.float64)), 10 ** rng.uniform(-2, 1), rng.uniform(0, 3)
    w, gradient, lr, l1 = step_case(rng, rng.randint(1, 6), lr, l1, dtype, 10 ** rng.uniform(-1, 1))
    return w * (w.abs() > 0.3), gradient, lr, l1


soft_threshold = Exercise(
    name="soft_threshold",
    title="a gradient step with an L1 penalty",
    difficulty="medium",
    minutes=15,
    task="""
        The penalty $\\lambda \\lVert w \\rVert_1$ has no slope at $w_j = 0$, and plain gradient descent
        steps to and fro across the kink. A proximal step (Beck and Teboulle 2009) takes the loss alone down
        its gradient $g$, to $v = w - \\eta g$, and then gives each weight the number

        $$w_j \\leftarrow \\arg\\min_{u} \\; \\frac{(u - v_j)^2}{2 \\eta} + \\lambda |u|$$

        Find the minimum in closed form and return the new weights $(D)$; `lr` is $\\eta$, `l1` is $\\lambda$.

        By hand first: $\\eta = \\frac12$, $\\lambda = 2$, $g = 0$. What becomes of the weights 3, −3 and ¼?
    """,
    stub_function=my_l1_step,
    reference=by_pytorch,
    cases=lambda rng: [
        listed([3.0, -3.0, 0.25], [0.0, 0.0, 0.0], 0.5, 2.0),  # by hand: 2, -2 and 0
        listed([2.0], [-1.0], 0.5, 1.0),  # D = 1
        listed([1.0, -1.0, 0.0, 0.5], [0.5, -0.5, 2.0, -4.0], 0.25, 3.5),  # on the edge, and across 0
        listed([1.0, 1.0, -1.0, -1.0], [8.0, 2.0, -8.0, -2.0], 0.5, 1.5),  # v has the other sign
        listed([0.0, 0.0, 0.0], [1.0, -1.0, 3.0], 0.5, 2.0),  # weights that are 0 may leave it
        step_case(rng, 5, 0.1, 0.0),  # no penalty
        step_case(rng, 8, 0.1, 5.0),
        step_case(rng, 6, 2.0, 0.25, torch.float32),
        step_case(rng, 7, 0.5, 100.0),  # all are 0
        listed([1e4, -1e4, 1.0, 1e-4], [1e3, -1e3, 2.0, 0.0], 0.125, 8.0, torch.float32),
        step_case(rng, 4, 1e-3, 1e3, torch.float64, 1e3),
        *(wide_step(rng) for _ in range(5)),
    ],
    wide=wide_step,
    hints=(
        "Let v be positive. What is the slope of the sum for u > 0? Where is it 0, and what if that place "
        "lies below 0?",
        "For u > 0 the minimum lies at v - lr l1, if this is positive; for negative v mirror it. Otherwise "
        "the sum rises on both sides of 0.",
        "`v.sign() * (v.abs() - lr * l1).clamp(min=0)`, with `v = w - lr * gradient`.",
    ),
    solution_function=solve_l1_step,
    alternatives=(step_by_sides, step_by_what_is_cut_off, step_by_cases, step_by_share),
    misconceptions=(
        Misconception(
            "subgradient_step",
            "You add l1 sign(w) to the gradient: a weight near 0 is then carried across it, to and fro. The "
            "minimum is taken at v, and stops at 0.",
            lambda w, g, lr, l1: w - lr * (g + l1 * w.sign()),
        ),
        wrong(
            "overshoots_zero",
            "A weight smaller than lr l1 is carried across 0: it stops there.",
            lambda v, reach: v - reach * v.sign(),
        ),
        Misconception(
            "by_the_old_sign",
            "You look at the sign of w and set to 0 what changes it: the minimum depends on v alone, also "
            "where the gradient step has crossed 0 or w is 0.",
            by_the_old_sign,
        ),
        Misconception(
            "weight_decay",
            "This is weight decay, the gradient step for a squared penalty: it takes a share of each weight. "
            "L1 takes the same amount from each.",
            lambda w, g, lr, l1: w - lr * (g + l1 * w),
        ),
        wrong(
            "squared_penalty",
            "This is the minimum for the penalty l1 u²/2: each weight loses a share, and none comes to 0.",
            lambda v, reach: v / (1 + reach),
        ),
        wrong(
            "hard_threshold",
            "You set small weights to 0 and leave the large ones: these move towards 0 by lr l1 as well.",
            lambda v, reach: torch.where(v.abs() > reach, v, 0.0),
        ),
        Misconception(
            "threshold_without_lr",
            "You shrink by l1: the square is divided by lr, so a short step shrinks by lr l1.",
            lambda w, g, lr, l1: shrink(w - lr * g, l1),
        ),
        wrong(
            "threshold_halved",
            "You shrink by half of lr l1: the square's slope is 2(u - v), and the 2 below it cancels this 2.",
            lambda v, reach: shrink(v, reach / 2),
        ),
        Misconception(
            "shrunk_first",
            "You shrink w, then step along the gradient, so that no weight ends at 0: step first.",
            lambda w, g, lr, l1: shrink(w, lr * l1) - lr * g,
        ),
        Misconception(
            "gradient_shrunk",
            "You shrink the gradient, and the weights never reach 0: shrink v, the weights after the step.",
            lambda w, g, lr, l1: w - lr * shrink(g, l1),
        ),
        wrong(
            "sign_lost",
            "The negative weights come back positive: give |v| - lr l1 the sign of v again.",
            lambda v, reach: torch.relu(v.abs() - reach),
        ),
        wrong(
            "negative_weights_lost",
            "You treat negative weights as small: below 0 the picture is mirrored, and they move up.",
            lambda v, reach: torch.relu(v - reach),
        ),
        wrong(
            "no_penalty", "This is the gradient step alone: the minimum comes after it.", lambda v, reach: v
        ),
        wrong(
            "what_is_cut_off",
            "You return what is to be taken off: subtract it from v.",
            lambda v, reach: v.clamp(min=-reach, max=reach),
        ),
        wrong(
            "shrunk_as_a_whole",
            "You shrink the whole vector by its length, so that all weights vanish together: the sum of "
            "absolute values treats each weight by itself.",
            lambda v, reach: v * torch.relu(1 - reach / v.norm()),
        ),
        Misconception(
            "uphill",
            "You step up the gradient: v is w - lr * gradient.",
            lambda w, g, lr, l1: shrink(w + lr * g, lr * l1),
        ),
    ),
)

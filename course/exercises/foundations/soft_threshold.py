"""Chapter 0: one step of proximal gradient descent for an L1 penalty, Beck and Teboulle (2009), "A
Fast Iterative Shrinkage-Thresholding Algorithm for Linear Inverse Problems"."""

import torch
import torch.nn.functional as F
from course.exercises.cases import normal
from course.exercises.engine import Exercise


def my_l1_step(w, gradient, lr, l1):
    """The weights after one step, (D,). w (D,); gradient (D,): of the loss without its penalty, at w; lr > 0:
    the learning rate; l1 >= 0: the penalty's factor."""
    v = w - lr * gradient
    # Where |v| <= lr l1, the penalty's slope is the larger at any u but 0: the minimum is the kink at 0.
    return v.sign() * (v.abs() - lr * l1).clamp(min=0)


def by_pytorch(w, gradient, lr, l1):
    """The same by PyTorch's soft threshold, in float64."""
    return F.softshrink(w.double() - lr * gradient.double(), lr * l1).to(w.dtype)


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
    my_l1_step,
    reference=by_pytorch,
    # OLD wide=wide_step
    # OLD cases:
    # lambda rng: [
    #         listed([3.0, -3.0, 0.25], [0.0, 0.0, 0.0], 0.5, 2.0),  # by hand: 2, -2 and 0
    #         listed([2.0], [-1.0], 0.5, 1.0),  # D = 1
    #         listed([1.0, -1.0, 0.0, 0.5], [0.5, -0.5, 2.0, -4.0], 0.25, 3.5),  # on the edge, and across 0
    #         listed([1.0, 1.0, -1.0, -1.0], [8.0, 2.0, -8.0, -2.0], 0.5, 1.5),  # v has the other sign
    #         listed([0.0, 0.0, 0.0], [1.0, -1.0, 3.0], 0.5, 2.0),  # weights that are 0 may leave it
    #         step_case(rng, 5, 0.1, 0.0),  # no penalty
    #         step_case(rng, 8, 0.1, 5.0),
    #         step_case(rng, 6, 2.0, 0.25, torch.float32),
    #         step_case(rng, 7, 0.5, 100.0),  # all are 0
    #         listed([1e4, -1e4, 1.0, 1e-4], [1e3, -1e3, 2.0, 0.0], 0.125, 8.0, torch.float32),
    #         step_case(rng, 4, 1e-3, 1e3, torch.float64, 1e3),
    #         *(wide_step(rng) for _ in range(5)),
    #     ]
    by_hand=(),
    draw=None,
    sizes=[],
    spans={},
    hints="""
        Let v be positive. What is the slope of the sum for u > 0? Where is it 0, and what if that place lies
        below 0?

        For u > 0 the minimum lies at v - lr l1, if this is positive; for negative v mirror it. Otherwise the
        sum rises on both sides of 0.

        `v.sign() * (v.abs() - lr * l1).clamp(min=0)`, with `v = w - lr * gradient`.
    """,
    wrong="""
        subgradient_step: OLD → NEW
            You add l1 sign(w) to the gradient: a weight near 0 is then carried across it, to and fro. The
            minimum is taken at v, and stops at 0.
        overshoots_zero: OLD → NEW
            A weight smaller than lr l1 is carried across 0: it stops there.
        by_the_old_sign: OLD → NEW
            You look at the sign of w and set to 0 what changes it: the minimum depends on v alone, also where
            the gradient step has crossed 0 or w is 0.
        weight_decay: OLD → NEW
            This is weight decay, the gradient step for a squared penalty: it takes a share of each weight. L1
            takes the same amount from each.
        squared_penalty: OLD → NEW
            This is the minimum for the penalty l1 u²/2: each weight loses a share, and none comes to 0.
        hard_threshold: OLD → NEW
            You set small weights to 0 and leave the large ones: these move towards 0 by lr l1 as well.
        threshold_without_lr: OLD → NEW
            You shrink by l1: the square is divided by lr, so a short step shrinks by lr l1.
        threshold_halved: OLD → NEW
            You shrink by half of lr l1: the square's slope is 2(u - v), and the 2 below it cancels this 2.
        shrunk_first: OLD → NEW
            You shrink w, then step along the gradient, so that no weight ends at 0: step first.
        gradient_shrunk: OLD → NEW
            You shrink the gradient, and the weights never reach 0: shrink v, the weights after the step.
        sign_lost: OLD → NEW
            The negative weights come back positive: give |v| - lr l1 the sign of v again.
        negative_weights_lost: OLD → NEW
            You treat negative weights as small: below 0 the picture is mirrored, and they move up.
        no_penalty: OLD → NEW
            This is the gradient step alone: the minimum comes after it.
        what_is_cut_off: OLD → NEW
            You return what is to be taken off: subtract it from v.
        shrunk_as_a_whole: OLD → NEW
            You shrink the whole vector by its length, so that all weights vanish together: the sum of
            absolute values treats each weight by itself.
        uphill: OLD → NEW
            You step up the gradient: v is w - lr * gradient.
    """,
)

"""Chapter 0: one step of proximal gradient descent for an L1 penalty, Beck and Teboulle (2009), "A Fast
Iterative Shrinkage-Thresholding Algorithm for Linear Inverse Problems"."""

import torch
import torch.nn.functional as F

from course.exercises.cases import tensors
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


def draw(rng, D, lr, l1, scale=1.0, dtype=torch.float64):
    """A case of weights, of which small ones are 0, and a gradient that `scale` multiplies."""
    w, gradient = tensors(rng, "D D", dtype, D=D)
    return w * (w.abs() > 0.3), scale * gradient, lr, l1


soft_threshold = Exercise(
    my_l1_step,
    reference=by_pytorch,
    draw=draw,
    by_hand=[
        ([3.0, -3.0, 0.25], [0.0, 0.0, 0.0], 0.5, 2.0),  # 2, -2 and 0
        ([2.0], [-1.0], 0.5, 1.0),
        ([1.0, -1.0, 0.0, 0.5], [0.5, -0.5, 2.0, -4.0], 0.25, 3.5),  # on the edge, and across 0
        ([1.0, 1.0, -1.0, -1.0], [8.0, 2.0, -8.0, -2.0], 0.5, 1.5),  # v has the other sign
        ([0.0, 1.0], [0.0, 2.0], 0.5, 0.0),  # no penalty, and nothing to shrink
        ([3e-8, -3e-8, 1e-8, 0.0], [1e-8, 0.0, -4e-8, 0.0], 0.5, 2e-8),
        ([1e-8, -1e-8, 4e-9], [0.0, 0.0, 0.0], 0.5, 1e-8),
        ([1e4, -1e4, 9999.5, 0.0], [1.0, 2e4, 0.0, -2e4], 0.5, 19998.0),
        ([2e4, -3e4, 5.0], [3e4, -2e4, 0.5], 1e-4, 1e3),
        ([0.0, 0.0, 0.0], [1.0, -1.0, 3.0], 0.5, 2.0),  # weights that are 0 may leave it
        # in float32
        (torch.tensor([1e4, -1e4, 1.0, 1e-4]), torch.tensor([1e3, -1e3, 2.0, 0.0]), 0.125, 8.0),
    ],
    sizes=[
        dict(D=5, lr=0.1, l1=0.0),  # no penalty
        dict(D=8, lr=0.1, l1=5.0),
        dict(D=6, lr=2.0, l1=0.25, dtype=torch.float32),
        dict(D=7, lr=0.5, l1=100.0),  # all are 0
        dict(D=4, lr=1e-3, l1=1e3, scale=1e3),
        dict(D=150, lr=0.3, l1=1.0),
    ],
    spans=dict(D=(1, 6), lr=lambda rng: 10 ** rng.uniform(-2, 1), l1=(0.0, 3.0), scale=(0.1, 10.0)),
    hints="""
        Let v be positive. What is the slope of the sum for u > 0? Where is it 0, and what if that place lies
        below 0?

        For u > 0 the minimum lies at v - lr l1, if this is positive; for negative v mirror it. Otherwise the
        sum rises on both sides of 0.

        This is the line itself: `v.sign() * (v.abs() - lr * l1).clamp(min=0)`, with `v = w - lr * gradient`.
    """,
    special="""
        no_penalty: l1 == 0
            Right but without a penalty: an l1 of 0 is a value like others, and nothing may be divided by it
            or by v.
        large: w.abs().max() > 5e3
            Right but for large weights or gradients: they count like others, without a limit.
        tiny: w.abs().max() < 1e-4
            Right but for tiny weights: they count like others, so nothing may be rounded to 0.
    """,
    wrong="""
        subgradient_step: w - lr * gradient → w - lr * (gradient + l1 * w.sign())
        and: v.sign() * (v.abs() - lr * l1).clamp(min=0) → v
            You add l1 sign(w) to the gradient: a weight near 0 is then carried across it, to and fro. The
            minimum is taken at v, and stops at 0.
        overshoots_zero: .clamp(min=0) → nothing
            A weight smaller than lr l1 is carried across 0: it stops there.
        by_the_old_sign: w - lr * gradient → w - lr * (gradient + l1 * w.sign())
        and: v.sign() * (v.abs() - lr * l1).clamp(min=0) → torch.where(v * w < 0, 0.0, v)
            You look at the sign of w and set to 0 what changes it: the minimum depends on v alone, also where
            the gradient step has crossed 0 or w is 0.
        weight_decay: w - lr * gradient → w - lr * (gradient + l1 * w)
        and: v.sign() * (v.abs() - lr * l1).clamp(min=0) → v
            This is weight decay, the gradient step for a squared penalty: it takes a share of each weight. L1
            takes the same amount from each.
        squared_penalty: v.sign() * (v.abs() - lr * l1).clamp(min=0) → v / (1 + lr * l1)
            This is the minimum for the penalty l1 u²/2: each weight loses a share, and none comes to 0.
        hard_threshold: v.sign() * (v.abs() - lr * l1).clamp(min=0) → v * (v.abs() > lr * l1)
            You set small weights to 0 and leave the large ones: these move towards 0 by lr l1 as well.
        threshold_without_lr: lr * l1 → l1
            You shrink by l1: the square is divided by lr, so a short step shrinks by lr l1.
        threshold_over_lr: lr * l1 → l1 / lr
            You shrink by l1 / lr: multiply the equation by lr, and the penalty's slope becomes lr l1.
        thresholds_of_pytorch: lr * l1 → 0.5
            You shrink by ½, which is softshrink's own threshold: give it lr l1.
        zero_stays: return v.sign() → return (w != 0) * v.sign()
            A weight of 0 stays 0 in your function: only v decides, which the gradient may have moved.
        zero_on_a_change_of_sign: return v.sign() → return (v * w >= 0) * v.sign()
            You put to 0 what changes its sign in the gradient step: only the penalty stops at 0, from v on.
        shifted_for_all: v.sign() * (v.abs() - lr * l1).clamp(min=0) → (v - lr * l1) * (v.abs() > lr * l1)
            You take lr l1 from negative weights too, away from 0: below 0 the picture is mirrored.
        shrunk_first: w - lr * gradient → w
        and: .clamp(min=0) → .clamp(min=0) - lr * gradient
            You shrink w, then step along the gradient, so that no weight ends at 0: step first.
        gradient_shrunk: w - lr * gradient → gradient
        and: lr * l1 → l1
        and: return → return w - lr *
            You shrink the gradient, and the weights never reach 0: shrink v, the weights after the step.
        what_is_cut_off: v.sign() * (v.abs() - lr * l1).clamp(min=0) → v.clamp(-lr * l1, lr * l1)
            You return what is to be taken off: subtract it from v.
        shrunk_as_a_whole: v.sign() * (v.abs() - lr * l1) → v * (1 - lr * l1 / v.norm().clamp(min=1e-9))
            You shrink the whole vector by its length, so that all weights vanish together: the sum of
            absolute values treats each weight by itself.
    """,
)

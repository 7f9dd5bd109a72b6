"""Chapter 2: clip gradients by their global norm."""

import math
import torch
from course.exercises.cases import normal
from course.exercises.engine import Exercise


def my_clip(grads, max_norm):
    """The gradients, a list of tensors of any shapes, scaled together to a norm of at most max_norm > 0."""
    norm = math.sqrt(sum(float(grad.double().square().sum()) for grad in grads))
    if norm <= max_norm:  # nothing is divided by a norm of 0
        return [grad.clone() for grad in grads]
    return [grad * (max_norm / norm) for grad in grads]


def by_hypot(grads, max_norm):
    """The same in float64, by the length of one vector."""
    norm = math.hypot(*(value for grad in grads for value in grad.flatten().tolist()))
    return [(grad.double() * max_norm / max(norm, max_norm)).to(grad.dtype) for grad in grads]


def clip_case(rng, shapes, max_norm, dtype=torch.float64, scale=1.0):
    """A case with a tensor for each of the shapes."""
    return [normal(rng, *shape, dtype=dtype, scale=scale) for shape in shapes], max_norm


def wide_clip(rng):
    """One case: one to four tensors, the limit below or above their norm."""
    shapes = [[rng.randint(1, 3) for _ in range(rng.randint(0, 3))] for _ in range(rng.randint(1, 4))]
    dtype, scale = rng.choice((torch.float32, torch.float64)), 10 ** rng.uniform(-2, 2)
    return clip_case(rng, shapes, scale * rng.uniform(0.1, 6.0), dtype, scale)


clip_global_norm = Exercise(
    my_clip,
    reference=by_hypot,
    # OLD wide=wide_clip
    # OLD cases:
    # lambda rng: [
    #         ([torch.tensor([3.0], dtype=torch.float64), torch.tensor([4.0], dtype=torch.float64)], 1.0),
    #         ([torch.tensor([3.0], dtype=torch.float64), torch.tensor([4.0], dtype=torch.float64)], 10.0),
    #         ([torch.tensor([-0.3, 0.1], dtype=torch.float64), torch.tensor([[0.2]], dtype=torch.float64)], 0.5),
    #         ([torch.zeros(2, 2), torch.zeros(3)], 1.0),
    #         clip_case(rng, [(2, 3)], 0.7),
    #         clip_case(rng, [(4, 3), (4,), (2, 4), (2,)], 0.25),
    #         clip_case(rng, [(2, 2), (3,)], 100.0, torch.float32),
    #         clip_case(rng, [(), (2,), (1, 2, 2)], 0.5, torch.float32),
    #         clip_case(rng, [(3, 2), (3,)], 5.0, torch.float32, 1e12),  # huge
    #         clip_case(rng, [(3, 2), (3,)], 1e-8, torch.float64, 1e-7),  # tiny
    #         *(wide_clip(rng) for _ in range(6)),
    #     ]
    by_hand=(),
    draw=None,
    sizes=[],
    spans={},
    hints="""
        Two passes: the first makes one number out of all tensors, the second scales each tensor.

        Sum the squares of every element of every tensor, then take one root. The factor is 1 where the norm
        is below max_norm: compare first, and a norm of 0 is never divided by.

        `norm = math.sqrt(sum(float(g.square().sum()) for g in grads))`; if it is above max_norm, return `[g *
        (max_norm / norm) for g in grads]`, else copies.
    """,
    wrong="""
        each_tensor_by_its_own_norm: OLD → NEW
            You clip each tensor by its own norm, which turns the gradient into another direction. Take one
            norm over all tensors, and one factor.
        clipped_by_value: OLD → NEW
            You clip each element to [-max_norm, max_norm], which bends the direction. Scale all elements by
            one factor.
        always_rescaled: OLD → NEW
            You always scale to max_norm: a gradient below it should stay as it is, and zeros give 0/0. The
            factor is at most 1.
        sum_of_magnitudes: OLD → NEW
            You sum the elements' magnitudes, the L1 norm: sum their squares and take the root.
        sum_of_norms: OLD → NEW
            You add the norms of the tensors: norms do not add up. Sum the squares over all, then take one
            root.
        root_forgotten: OLD → NEW
            You divide by the sum of squares: take its root first.
        largest_tensor_norm: OLD → NEW
            You divide by the largest of the tensors' norms: the whole gradient then still exceeds max_norm.
            Sum the squares over all tensors.
        largest_element: OLD → NEW
            You divide by the largest magnitude of all elements: the norm is the root of the sum of squares.
        mean_of_squares: OLD → NEW
            You take the mean of the squares: the limit then grows with the model. Sum them.
        factor_turned: OLD → NEW
            Your factor is norm / max_norm: it must shrink a gradient that is too long.
        epsilon_1e-06: OLD → NEW
            You add a small number to the norm, as PyTorch's clip_grad_norm_ does. It is not in this formula,
            and it decides where gradients are tiny. Compare norm and max_norm first, and nothing is divided
            by 0.
        epsilon_1e-07: OLD → NEW
            You add a small number to the norm, as PyTorch's clip_grad_norm_ does. It is not in this formula,
            and it decides where gradients are tiny. Compare norm and max_norm first, and nothing is divided
            by 0.
        epsilon_1e-08: OLD → NEW
            You add a small number to the norm, as PyTorch's clip_grad_norm_ does. It is not in this formula,
            and it decides where gradients are tiny. Compare norm and max_norm first, and nothing is divided
            by 0.
    """,
)

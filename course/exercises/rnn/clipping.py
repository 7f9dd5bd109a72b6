"""Chapter 2, exercise: clip gradients by their global norm."""

import math

import torch

from course.exercises.draw import normal
from course.exercises.engine import Exercise, Misconception


def my_clip(grads, max_norm):
    """The gradients, a list of tensors of any shapes, scaled together to a norm of at most max_norm > 0."""
    raise NotImplementedError


def solve_clip(grads, max_norm):
    """The gradients, a list of tensors of any shapes, scaled together to a norm of at most max_norm > 0."""
    norm = math.sqrt(sum(float(grad.double().square().sum()) for grad in grads))
    if norm <= max_norm:  # nothing is divided by a norm of 0
        return [grad.clone() for grad in grads]
    return [grad * (max_norm / norm) for grad in grads]


def clip_by_one_vector(grads, max_norm):
    """The same with all gradients in one long vector; the factor stays a tensor, where 1 / 0 is infinite."""
    flat = torch.cat([grad.reshape(-1) for grad in grads])
    factor = (max_norm / flat.norm()).clamp(max=1.0)
    parts = (factor * flat).split([grad.numel() for grad in grads])
    return [part.reshape(grad.shape) for part, grad in zip(parts, grads, strict=True)]


def clip_by_norm_of_norms(grads, max_norm):
    """The same: the norm of the tensors' norms is the norm of all."""
    norms = torch.stack([torch.linalg.vector_norm(grad) for grad in grads])
    norm = torch.linalg.vector_norm(norms)
    return [max_norm * grad / torch.clamp(norm, min=max_norm) for grad in grads]


def clip_by_numbers(grads, max_norm):
    """The same with Python's own numbers."""
    total = 0.0
    for grad in grads:
        for value in grad.flatten().tolist():
            total += value**2
    factor = min(1.0, max_norm / total**0.5) if total > 0 else 1.0
    return [factor * grad for grad in grads]


def by_hypot(grads, max_norm):
    """The same in float64, by the length of one vector."""
    norm = math.hypot(*(value for grad in grads for value in grad.flatten().tolist()))
    return [(grad.double() * max_norm / max(norm, max_norm)).to(grad.dtype) for grad in grads]


def scaled(norm_of):
    """Clipping with another number in the norm's place, which `norm_of` makes of the list of gradients."""
    return lambda grads, max_norm: [grad * (max_norm / norm_of(grads)).clamp(max=1.0) for grad in grads]


def flat(grads):
    """All elements of all tensors in one row."""
    return torch.cat([grad.reshape(-1) for grad in grads])


def clip_case(rng, shapes, max_norm, dtype=torch.float64, scale=1.0):
    """A case with a tensor for each of the shapes."""
    return [normal(rng, *shape, dtype=dtype, scale=scale) for shape in shapes], max_norm


def wide_clip(rng):
    """One case: one to four tensors, the limit below or above their norm."""
    shapes = [[rng.randint(1, 3) for _ in range(rng.randint(0, 3))] for _ in range(rng.randint(1, 4))]
    dtype, scale = rng.choice((torch.float32, torch.float64)), 10 ** rng.uniform(-2, 2)
    return clip_case(rng, shapes, scale * rng.uniform(0.1, 6.0), dtype, scale)


clip_global_norm = Exercise(
    name="clip_global_norm",
    title="clip by the global norm",
    difficulty="easy",
    minutes=12,
    task="""
        `grads` is a list of tensors, the gradient $g$ of a whole model, one tensor for each parameter. Clip
        it by its global norm: return a new list in which every tensor is multiplied by the same factor,
        with $m$ for `max_norm`,

        $$\\min\\Big(1, \\frac{m}{\\lVert g \\rVert}\\Big), \\qquad
        \\lVert g \\rVert = \\sqrt{\\textstyle\\sum_k g_k^2},$$

        where $k$ runs over all elements of all tensors. No `clip_grad_norm_`. A gradient of zeros stays
        zeros.

        By hand first: `[tensor([3.]), tensor([4.])]` with `max_norm` 1. With 10?
    """,
    stub_function=my_clip,
    reference=by_hypot,
    cases=lambda rng: [
        ([torch.tensor([3.0], dtype=torch.float64), torch.tensor([4.0], dtype=torch.float64)], 1.0),
        ([torch.tensor([3.0], dtype=torch.float64), torch.tensor([4.0], dtype=torch.float64)], 10.0),
        ([torch.tensor([-0.3, 0.1], dtype=torch.float64), torch.tensor([[0.2]], dtype=torch.float64)], 0.5),
        ([torch.zeros(2, 2), torch.zeros(3)], 1.0),
        clip_case(rng, [(2, 3)], 0.7),
        clip_case(rng, [(4, 3), (4,), (2, 4), (2,)], 0.25),
        clip_case(rng, [(2, 2), (3,)], 100.0, torch.float32),
        clip_case(rng, [(), (2,), (1, 2, 2)], 0.5, torch.float32),
        clip_case(rng, [(3, 2), (3,)], 5.0, torch.float32, 1e12),  # huge
        clip_case(rng, [(3, 2), (3,)], 1e-8, torch.float64, 1e-7),  # tiny
        *(wide_clip(rng) for _ in range(6)),
    ],
    wide=wide_clip,
    hints=(
        "Two passes: the first makes one number out of all tensors, the second scales each tensor.",
        "Sum the squares of every element of every tensor, then take one root. The factor is 1 where the "
        "norm is below max_norm: compare first, and a norm of 0 is never divided by.",
        "`norm = math.sqrt(sum(float(g.square().sum()) for g in grads))`; if it is above max_norm, return "
        "`[g * (max_norm / norm) for g in grads]`, else copies.",
    ),
    solution_function=solve_clip,
    alternatives=(clip_by_one_vector, clip_by_norm_of_norms, clip_by_numbers),
    misconceptions=(
        Misconception(
            "each_tensor_by_its_own_norm",
            "You clip each tensor by its own norm, which turns the gradient into another direction. Take one "
            "norm over all tensors, and one factor.",
            lambda grads, max_norm: [grad * (max_norm / grad.norm()).clamp(max=1.0) for grad in grads],
        ),
        Misconception(
            "clipped_by_value",
            "You clip each element to [-max_norm, max_norm], which bends the direction. Scale all elements "
            "by one factor.",
            lambda grads, max_norm: [grad.clamp(-max_norm, max_norm) for grad in grads],
        ),
        Misconception(
            "always_rescaled",
            "You always scale to max_norm: a gradient below it should stay as it is, and zeros give 0/0. The "
            "factor is at most 1.",
            lambda grads, max_norm: [grad * (max_norm / flat(grads).norm()) for grad in grads],
        ),
        Misconception(
            "sum_of_magnitudes",
            "You sum the elements' magnitudes, the L1 norm: sum their squares and take the root.",
            scaled(lambda grads: flat(grads).abs().sum()),
        ),
        Misconception(
            "sum_of_norms",
            "You add the norms of the tensors: norms do not add up. Sum the squares over all, then take one "
            "root.",
            scaled(lambda grads: torch.stack([grad.norm() for grad in grads]).sum()),
        ),
        Misconception(
            "root_forgotten",
            "You divide by the sum of squares: take its root first.",
            scaled(lambda grads: flat(grads).square().sum()),
        ),
        Misconception(
            "largest_tensor_norm",
            "You divide by the largest of the tensors' norms: the whole gradient then still exceeds "
            "max_norm. Sum the squares over all tensors.",
            scaled(lambda grads: torch.stack([grad.norm() for grad in grads]).max()),
        ),
        Misconception(
            "largest_element",
            "You divide by the largest magnitude of all elements: the norm is the root of the sum of "
            "squares.",
            scaled(lambda grads: flat(grads).abs().max()),
        ),
        Misconception(
            "mean_of_squares",
            "You take the mean of the squares: the limit then grows with the model. Sum them.",
            scaled(lambda grads: flat(grads).square().mean().sqrt()),
        ),
        Misconception(
            "factor_turned",
            "Your factor is norm / max_norm: it must shrink a gradient that is too long.",
            lambda grads, max_norm: [grad * (flat(grads).norm() / max_norm).clamp(max=1.0) for grad in grads],
        ),
        *(
            Misconception(
                f"epsilon_{epsilon:.0e}",
                "You add a small number to the norm, as PyTorch's clip_grad_norm_ does. It is not in this "
                "formula, and it decides where gradients are tiny. Compare norm and max_norm first, and "
                "nothing is divided by 0.",
                lambda grads, max_norm, epsilon=epsilon: [
                    grad * (max_norm / (flat(grads).norm() + epsilon)).clamp(max=1.0) for grad in grads
                ],
            )
            for epsilon in (1e-6, 1e-7, 1e-8)
        ),
    ),
)

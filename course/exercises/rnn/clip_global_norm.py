"""Chapter 2: clip gradients by their global norm."""

import math

import torch

from course.exercises.cases import normal
from course.exercises.engine import Exercise


def my_clip(grads, max_norm):
    """The gradients, a list of tensors of any shapes, scaled together to a norm of at most max_norm > 0."""
    squares = [float(grad.double().square().sum()) for grad in grads]
    norm = math.sqrt(sum(squares))
    if norm <= max_norm:  # nothing is divided by a norm of 0
        return [grad.clone() for grad in grads]
    return [grad * (max_norm / norm) for grad in grads]


def by_hypot(grads, max_norm):
    """The same in float64, by the length of one vector."""
    norm = math.hypot(*(value for grad in grads for value in grad.flatten().tolist()))
    return [(grad.double() * max_norm / max(norm, max_norm)).to(grad.dtype) for grad in grads]


GRADS = [torch.tensor([3.0], dtype=torch.float64), torch.tensor([4.0], dtype=torch.float64)]


def draw(rng, shapes, max_norm, scale=1.0, dtype=torch.float64):
    """A case with a tensor for each of the shapes; `scale` multiplies all of them."""
    return [normal(rng, *shape, dtype=dtype, scale=scale) for shape in shapes], max_norm


def spans(rng):
    """One to four tensors, the limit below or above their norm."""
    shapes = [[rng.randint(1, 3) for _ in range(rng.randint(0, 3))] for _ in range(rng.randint(1, 4))]
    scale = 10 ** rng.uniform(-2, 2)
    return dict(shapes=shapes, max_norm=scale * rng.uniform(0.1, 6.0), scale=scale)


clip_global_norm = Exercise(
    my_clip,
    reference=by_hypot,
    by_hand=[
        (GRADS, 1.0),
        (GRADS, 10.0),
        (GRADS, 4.999999),
        ([torch.tensor(3.0, dtype=torch.float64), torch.tensor([4.0], dtype=torch.float64)], 5.0),
        ([torch.tensor([1e-9], dtype=torch.float64), torch.tensor([-1e-9, 0.0], dtype=torch.float64)], 5e-10),
        ([torch.tensor([1e12], dtype=torch.float64), torch.tensor([-3e11], dtype=torch.float64)], 1e10),
        ([torch.zeros(2, dtype=torch.float64), *GRADS], 2),
        ([torch.tensor([-0.3, 0.1], dtype=torch.float64), torch.tensor([[0.2]], dtype=torch.float64)], 0.5),
        ([torch.zeros(2, 2), torch.zeros(3)], 1.0),
    ],
    draw=draw,
    sizes=[
        dict(shapes=[(2, 3)], max_norm=0.7),
        dict(shapes=[(4, 3), (4,), (2, 4), (2,)], max_norm=0.25),
        dict(shapes=[(2, 2), (3,)], max_norm=100.0, dtype=torch.float32),
        dict(shapes=[(), (2,), (1, 2, 2)], max_norm=0.5, dtype=torch.float32),
        dict(shapes=[(3, 2), (3,)], max_norm=5.0, scale=3e11, dtype=torch.float32),  # huge
        dict(shapes=[(3, 2), (3,)], max_norm=1e-8, scale=1e-7),  # tiny
        dict(shapes=[(3, 2), (3,)], max_norm=1e-8, scale=1e-9),  # tiny, and below the limit
        dict(shapes=[(2,), (3,)], max_norm=2.0),
        dict(shapes=[(1,)] * 120, max_norm=1.0),
    ],
    spans=spans,
    fresh=True,
    forbids="""torch.nn.utils.*clip_grad*_ torch.nn.utils.*total_norm: Write the norm and the factor yourself,
        since that is what the exercise is about.""",
    hints="""
        Two passes: the first makes one number out of all tensors, the second scales each tensor.

        Sum the squares of every element of every tensor, then take one root. The factor is 1 where the norm
        is below max_norm: compare first, and a norm of 0 is never divided by.

        This is the code itself: `norm = math.sqrt(sum(float(g.square().sum()) for g in grads))`; if it is
        above max_norm, return `[g * (max_norm / norm) for g in grads]`, else copies.
    """,
    wrong="""
        each_tensor_by_its_own_norm: (max_norm / norm) → (max_norm / grad.norm()).clamp(max=1.0)
        and: norm <= max_norm → norm == 0
            You clip each tensor by its own norm, which turns the gradient into another direction. Take one
            norm over all tensors, and one factor.
        each_column_by_its_own_norm: (max_norm / norm) → (max_norm / grad.norm(dim=0)).clamp(max=1.0)
        and: norm <= max_norm → norm == 0
            Your norms are those of columns, along the first axis. Take one norm over all elements of all
            tensors.
        clipped_by_value: grad * (max_norm / norm) → grad.clamp(-max_norm, max_norm)
        and: norm <= max_norm → norm == 0
            You clip each element to [-max_norm, max_norm], which bends the direction. Scale all elements by
            one factor.
        always_rescaled: max_norm / norm → max_norm / grad.new_tensor(norm)
        and: if norm <= max_norm → if False
        always_rescaled_but_zeros: norm <= max_norm → norm == 0
            You always scale to max_norm: a gradient below it should stay as it is, zeros too. The factor is
            at most 1.
        max_for_min: max_norm / norm → max(1.0, max_norm / norm)
        and: norm <= max_norm → norm == 0
            You take the maximum of 1 and max_norm / norm: then a long gradient stays long, and a short one
            grows. Take the minimum.
        square_compared: norm <= max_norm → norm**2 <= max_norm
            You compare the sum of squares with max_norm: take its root first.
        sum_of_magnitudes: square() → abs()
        and: math.sqrt(sum(squares)) → sum(squares)
            You sum the elements' magnitudes, the L1 norm: sum their squares and take the root.
        sum_of_norms: math.sqrt(sum(squares)) → sum(map(math.sqrt, squares))
            You add the norms of the tensors: norms do not add up. Sum the squares over all, then take one
            root.
        norm_so_far: max_norm / norm) → max_norm / max(max_norm, sum(squares[: k + 1]) ** 0.5))
        and: 0.5)) for grad in grads → 0.5)) for k, grad in enumerate(grads)
            You scale each tensor by the norm of those up to it: add up all squares first, then scale.
        largest_tensor_norm: sum(squares) → max(squares)
            You divide by the largest of the tensors' norms: the whole gradient then still exceeds max_norm.
            Sum the squares over all tensors.
        largest_element: square().sum() → abs().max()
        and: math.sqrt(sum(squares)) → max(squares)
            You divide by the largest magnitude of all elements: the norm is the root of the sum of squares.
        mean_of_squares: sum(squares) → sum(squares) / sum(grad.numel() for grad in grads)
            You take the mean of the squares: the limit then grows with the model. Sum them.
        factor_turned: max_norm / norm → min(norm / max_norm, 1.0)
        and: norm <= max_norm → False
            Your factor is norm / max_norm: it must shrink a gradient that is too long.
        epsilon_{}: max_norm / norm → min(max_norm / (norm + {}), 1.0)
        and: norm <= max_norm → False
        for: 1e-06, 1e-07, 1e-08
        epsilon_under_the_root_{}: math.sqrt(sum(squares)) → math.sqrt(sum(squares) + {})
        for: 1e-06, 1e-08, 1e-12
            You add a small number to the norm, as PyTorch's clip_grad_norm_ does. It is not in this formula,
            and it decides where gradients are tiny. Compare norm and max_norm first, and nothing is divided
            by 0.
    """,
    special="""
        other_types: any(g.dtype != torch.float64 for g in grads)
            Your function is right for float64 alone: compute in any type, but return each tensor in its own.
        other_shapes: any(g.ndim != 1 for g in grads)
            Your function is right for vectors alone: a tensor may have any number of axes, counts with all
            its elements and comes back in its shape.
    """,
)

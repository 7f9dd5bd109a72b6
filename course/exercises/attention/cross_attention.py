"""Chapter 3: cross-attention."""

import math
import torch
import torch.nn.functional as F
from course.exercises.cases import normal
from course.exercises.engine import Exercise


def my_cross_attention(x, memory, weight_q, weight_k, weight_v):
    """What x finds in memory, (B, T_q, d_v), by one head. x (B, T_q, D), memory (B, T_k, D_m),
    weight_q (d_k, D), weight_k (d_k, D_m), weight_v (d_v, D_m)."""
    q = x @ weight_q.T  # (B, T_q, d_k)
    k = memory @ weight_k.T  # (B, T_k, d_k)
    v = memory @ weight_v.T  # (B, T_k, d_v)
    scores = q @ k.mT / q.shape[-1] ** 0.5  # (B, T_q, T_k)
    return torch.softmax(scores, dim=-1) @ v


def by_pytorch(x, memory, weight_q, weight_k, weight_v):
    """The same by `F.scaled_dot_product_attention`, in float64."""
    wide = [tensor.double() for tensor in (x, memory, weight_q, weight_k, weight_v)]
    q, k, v = F.linear(wide[0], wide[2]), F.linear(wide[1], wide[3]), F.linear(wide[1], wide[4])
    return F.scaled_dot_product_attention(q, k, v).to(x.dtype)


def cross_case(rng, sizes, dtype=torch.float64, scale=1.0):
    """A case; sizes are B, T_q, T_k, D, D_m, d_k, d_v, and scale multiplies x."""
    b, t_q, t_k, d, d_m, d_k, d_v = sizes
    x, memory = normal(rng, b, t_q, d, dtype=dtype, scale=scale), normal(rng, b, t_k, d_m, dtype=dtype)
    shapes = (d_k, d), (d_k, d_m), (d_v, d_m)
    return x, memory, *(normal(rng, *shape, dtype=dtype, scale=shape[1] ** -0.5) for shape in shapes)


def wide_cross(rng):
    """One valid case of small random sizes."""
    dtype, scale = rng.choice((torch.float32, torch.float64)), 10 ** rng.uniform(-1, 1)
    return cross_case(rng, [rng.randint(1, 4) for _ in range(7)], dtype, scale)


cross_attention = Exercise(
    my_cross_attention,
    reference=by_pytorch,
    gradients=True,
    # OLD wide=wide_cross
    # OLD cases:
    # lambda rng: [
    #         (  # scores 0 and ln 3: weights 1/4 and 3/4
    #             torch.tensor([[[1.0]]], dtype=torch.float64),
    #             torch.tensor([[[0.0], [math.log(3.0)]]], dtype=torch.float64),
    #             torch.tensor([[1.0]], dtype=torch.float64),
    #             torch.tensor([[1.0]], dtype=torch.float64),
    #             torch.tensor([[4.0]], dtype=torch.float64),
    #         ),
    #         cross_case(rng, (1, 1, 1, 1, 1, 1, 1)),
    #         cross_case(rng, (1, 1, 4, 2, 3, 2, 1)),
    #         cross_case(rng, (2, 4, 1, 3, 2, 2, 3)),
    #         cross_case(rng, (3, 3, 3, 3, 3, 3, 3)),
    #         cross_case(rng, (2, 3, 3, 4, 4, 2, 5)),
    #         cross_case(rng, (2, 3, 5, 4, 4, 2, 4)),
    #         cross_case(rng, (2, 5, 3, 6, 2, 4, 3)),
    #         cross_case(rng, (3, 2, 6, 3, 5, 4, 2), torch.float32),
    #         cross_case(rng, (2, 3, 4, 5, 3, 4, 2), torch.float64, 300.0),
    #         *(wide_cross(rng) for _ in range(6)),
    #     ]
    by_hand=(),
    draw=None,
    sizes=[],
    spans={},
    hints="""
        Who asks, and who is asked? The queries come from x. Keys and values belong together: both come from
        the memory.

        Scores are (B, T_q, T_k), a row for each query: `q @ k.mT`, divided by the square root of the last
        size of q. The softmax runs along the last axis.

        `q = x @ weight_q.T`, `k = memory @ weight_k.T`, `v = memory @ weight_v.T`, then `torch.softmax(q @
        k.mT / q.shape[-1] ** 0.5, dim=-1) @ v`.
    """,
    wrong="""
        roles_swapped: OLD → NEW
            Your queries come from the memory, keys and values from x: the encoder would look things up in the
            decoder. It is x that asks.
        self_attention: OLD → NEW
            Queries, keys and values all come from x: that is self-attention. Keys and values come from the
            memory.
        memory_attends_to_itself: OLD → NEW
            Queries, keys and values all come from the memory: the queries come from x, and there is an output
            for each position of x.
        values_from_x: OLD → NEW
            Your values come from x: what is found is in the memory, where the keys are. Keys and values come
            in pairs.
        keys_from_x: OLD → NEW
            Your keys come from x: a key says what its value is about, so both come from the memory.
        scaled_by_the_size_of_x: OLD → NEW
            You divide by the square root of D, the size of x: a score is a sum of d_k products, and d_k is
            the last size of q.
        scaled_by_the_size_of_memory: OLD → NEW
            You divide by the square root of D_m, the size of the memory: a score is a sum of d_k products,
            and d_k is the last size of q.
        scaled_by_d_k: OLD → NEW
            You divide by d_k: divide by its square root.
        not_scaled: OLD → NEW
            The scores are not scaled: divide them by the square root of d_k.
        softmax_over_queries: OLD → NEW
            Your softmax runs over the queries: the weights of one query must sum to 1, so it runs over the
            keys, dim=-1.
        softmax_over_the_batch: OLD → NEW
            Your softmax runs over the batch, dim=0: it runs over the keys, dim=-1.
        weights_transposed: OLD → NEW
            You transpose the weights before they meet v: with queries as rows, (B, T_q, T_k), it is attn @ v.
        no_softmax: OLD → NEW
            The softmax is missing: scores may be negative, and do not sum to 1.
        weight_matrices_not_transposed: OLD → NEW
            The weights are (out, in): with positions as rows, multiply by the transpose, `x @ weight_q.T`.
        values_not_projected: OLD → NEW
            Your values are the memory itself: multiply it by W_V.
    """,
)

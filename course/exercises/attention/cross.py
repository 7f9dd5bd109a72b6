"""Chapter 3, exercise: cross-attention."""

import math

import torch
import torch.nn.functional as F

from course.exercises.draw import normal
from course.exercises.engine import Exercise, Misconception


def my_cross_attention(x, memory, weight_q, weight_k, weight_v):
    """What x finds in memory, (B, T_q, d_v), by one head. x (B, T_q, D), memory (B, T_k, D_m),
    weight_q (d_k, D), weight_k (d_k, D_m), weight_v (d_v, D_m)."""
    raise NotImplementedError


def solve_cross_attention(x, memory, weight_q, weight_k, weight_v):
    """What x finds in memory, (B, T_q, d_v), by one head. x (B, T_q, D), memory (B, T_k, D_m),
    weight_q (d_k, D), weight_k (d_k, D_m), weight_v (d_v, D_m)."""
    q = x @ weight_q.T  # (B, T_q, d_k)
    k = memory @ weight_k.T  # (B, T_k, d_k)
    v = memory @ weight_v.T  # (B, T_k, d_v)
    scores = q @ k.mT / q.shape[-1] ** 0.5  # (B, T_q, T_k)
    return torch.softmax(scores, dim=-1) @ v


def cross_by_einsum(x, memory, weight_q, weight_k, weight_v):
    """The same; q and k are never made, since their product is x M memory with one matrix M."""
    matrix = weight_q.T @ weight_k / math.sqrt(len(weight_q))  # (D, D_m)
    attn = torch.einsum("btd,de,bse->bts", x, matrix, memory).softmax(dim=2)
    return torch.einsum("bts,bse,fe->btf", attn, memory, weight_v)


def cross_values_last(x, memory, weight_q, weight_k, weight_v):
    """The same; the memory is averaged as it is, and projected to values afterwards."""
    q, k = F.linear(x, weight_q), F.linear(memory, weight_k)
    attn = F.softmax(torch.bmm(q * weight_k.shape[0] ** -0.5, k.transpose(1, 2)), dim=-1)
    return F.linear(torch.bmm(attn, memory), weight_v)


def cross_by_query(x, memory, weight_q, weight_k, weight_v):
    """The same, one query at a time, matrix times column as in the formula."""
    out = x.new_zeros(x.shape[0], x.shape[1], len(weight_v))
    for b in range(x.shape[0]):
        k, v = memory[b] @ weight_k.T, memory[b] @ weight_v.T
        for t in range(x.shape[1]):
            scores = k @ (weight_q @ x[b, t]) / k.shape[1] ** 0.5
            weights = torch.exp(scores - scores.max())
            out[b, t] = weights @ v / weights.sum()
    return out


def by_pytorch(x, memory, weight_q, weight_k, weight_v):
    """The same by `F.scaled_dot_product_attention`, in float64."""
    wide = [tensor.double() for tensor in (x, memory, weight_q, weight_k, weight_v)]
    q, k, v = F.linear(wide[0], wide[2]), F.linear(wide[1], wide[3]), F.linear(wide[1], wide[4])
    return F.scaled_dot_product_attention(q, k, v).to(x.dtype)


def wrong(name, diagnosis, sources="xmm", scale=lambda x, memory, q: q.shape[-1] ** -0.5, weigh=None):
    """A misconception: queries, keys and values come from other places, the scores are scaled or become
    weights in another way. It raises where the sizes forbid it, as it does for the learner."""

    def attend(x, memory, *weights):
        given = [{"x": x, "m": memory}[source] for source in sources]
        q, k, v = (F.linear(*pair) for pair in zip(given, weights, strict=True))
        scores = q @ k.mT * scale(x, memory, q)
        return (torch.softmax(scores, dim=-1) if weigh is None else weigh(scores)) @ v

    return Misconception(name, diagnosis, attend)


def weights_not_turned(x, memory, weight_q, weight_k, weight_v):
    """The products with the weights as they are, (out, in)."""
    return by_pytorch(x, memory, weight_q.T, weight_k.T, weight_v.T)


def values_not_projected(x, memory, weight_q, weight_k, weight_v):
    """The memory itself as values."""
    eye = torch.eye(memory.shape[2], dtype=x.dtype)
    return by_pytorch(x, memory, weight_q, weight_k, eye)


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
    name="cross_attention",
    title="cross-attention",
    difficulty="medium",
    minutes=15,
    task="""
        A decoder at positions $x$ looks things up in an encoder's output, the memory $m$. One head, no mask:

        $$O = \\operatorname{softmax}\\Big(\\frac{(x W_Q^\\top)(m W_K^\\top)^\\top}{\\sqrt{d_k}}\\Big)
        \\, m W_V^\\top$$

        `x` is $(B, T_q, D)$, `memory` $(B, T_k, D_m)$, the result $(B, T_q, d_v)$. No `nn.MultiheadAttention`
        or `F.scaled_dot_product_attention`. Values and all gradients are compared.

        By hand first: $T_q = 3$, $T_k = 5$. What is the shape of the weights, and along which axis do they
        sum to 1?
    """,
    stub_function=my_cross_attention,
    reference=by_pytorch,
    cases=lambda rng: [
        (  # scores 0 and ln 3: weights 1/4 and 3/4
            torch.tensor([[[1.0]]], dtype=torch.float64),
            torch.tensor([[[0.0], [math.log(3.0)]]], dtype=torch.float64),
            torch.tensor([[1.0]], dtype=torch.float64),
            torch.tensor([[1.0]], dtype=torch.float64),
            torch.tensor([[4.0]], dtype=torch.float64),
        ),
        cross_case(rng, (1, 1, 1, 1, 1, 1, 1)),
        cross_case(rng, (1, 1, 4, 2, 3, 2, 1)),
        cross_case(rng, (2, 4, 1, 3, 2, 2, 3)),
        cross_case(rng, (3, 3, 3, 3, 3, 3, 3)),
        cross_case(rng, (2, 3, 3, 4, 4, 2, 5)),
        cross_case(rng, (2, 3, 5, 4, 4, 2, 4)),
        cross_case(rng, (2, 5, 3, 6, 2, 4, 3)),
        cross_case(rng, (3, 2, 6, 3, 5, 4, 2), torch.float32),
        cross_case(rng, (2, 3, 4, 5, 3, 4, 2), torch.float64, 300.0),
        *(wide_cross(rng) for _ in range(6)),
    ],
    wide=wide_cross,
    gradients=True,
    hints=(
        "Who asks, and who is asked? The queries come from x. Keys and values belong together: both come "
        "from the memory.",
        "Scores are (B, T_q, T_k), a row for each query: `q @ k.mT`, divided by the square root of the last "
        "size of q. The softmax runs along the last axis.",
        "`q = x @ weight_q.T`, `k = memory @ weight_k.T`, `v = memory @ weight_v.T`, then "
        "`torch.softmax(q @ k.mT / q.shape[-1] ** 0.5, dim=-1) @ v`.",
    ),
    solution_function=solve_cross_attention,
    alternatives=(cross_by_einsum, cross_values_last, cross_by_query),
    misconceptions=(
        wrong(
            "roles_swapped",
            "Your queries come from the memory, keys and values from x: the encoder would look things up "
            "in the decoder. It is x that asks.",
            "mxx",
        ),
        wrong(
            "self_attention",
            "Queries, keys and values all come from x: that is self-attention. Keys and values come from the "
            "memory.",
            "xxx",
        ),
        wrong(
            "memory_attends_to_itself",
            "Queries, keys and values all come from the memory: the queries come from x, and there is an "
            "output for each position of x.",
            "mmm",
        ),
        wrong(
            "values_from_x",
            "Your values come from x: what is found is in the memory, where the keys are. Keys and values "
            "come in pairs.",
            "xmx",
        ),
        wrong(
            "keys_from_x",
            "Your keys come from x: a key says what its value is about, so both come from the memory.",
            "xxm",
        ),
        wrong(
            "scaled_by_the_size_of_x",
            "You divide by the square root of D, the size of x: a score is a sum of d_k products, and d_k is "
            "the last size of q.",
            scale=lambda x, memory, q: x.shape[-1] ** -0.5,
        ),
        wrong(
            "scaled_by_the_size_of_memory",
            "You divide by the square root of D_m, the size of the memory: a score is a sum of d_k products, "
            "and d_k is the last size of q.",
            scale=lambda x, memory, q: memory.shape[-1] ** -0.5,
        ),
        wrong(
            "scaled_by_d_k",
            "You divide by d_k: divide by its square root.",
            scale=lambda x, memory, q: 1 / q.shape[-1],
        ),
        wrong(
            "not_scaled",
            "The scores are not scaled: divide them by the square root of d_k.",
            scale=lambda x, memory, q: 1.0,
        ),
        wrong(
            "softmax_over_queries",
            "Your softmax runs over the queries: the weights of one query must sum to 1, so it runs over the "
            "keys, dim=-1.",
            weigh=lambda scores: scores.softmax(1),
        ),
        wrong(
            "softmax_over_the_batch",
            "Your softmax runs over the batch, dim=0: it runs over the keys, dim=-1.",
            weigh=lambda scores: scores.softmax(0),
        ),
        wrong(
            "weights_transposed",
            "You transpose the weights before they meet v: with queries as rows, (B, T_q, T_k), it is "
            "attn @ v.",
            weigh=lambda scores: scores.softmax(-1).mT,
        ),
        wrong(
            "no_softmax",
            "The softmax is missing: scores may be negative, and do not sum to 1.",
            weigh=lambda scores: scores,
        ),
        Misconception(
            "weight_matrices_not_transposed",
            "The weights are (out, in): with positions as rows, multiply by the transpose, `x @ weight_q.T`.",
            weights_not_turned,
        ),
        Misconception(
            "values_not_projected",
            "Your values are the memory itself: multiply it by W_V.",
            values_not_projected,
        ),
    ),
)

"""Chapter 3: cross-attention."""

import math

import torch
import torch.nn.functional as F

from course.exercises.cases import tensors
from course.exercises.engine import Exercise


def my_cross_attention(x, memory, weight_q, weight_k, weight_v):
    """What x finds in memory, (B, T_q, d_v), by one head. x (B, T_q, D), memory (B, T_k, D_m),
    weight_q (d_k, D), weight_k (d_k, D_m), weight_v (d_v, D_m)."""
    q = x @ weight_q.T  # (B, T_q, d_k)
    k = memory @ weight_k.T  # (B, T_k, d_k)
    v = memory @ weight_v.T  # (B, T_k, d_v)
    scores = q @ k.mT / q.shape[-1] ** 0.5  # (B, T_q, T_k)
    return torch.softmax(scores, dim=-1) @ v


def by_pytorch(x, memory, *weights):
    """The same by `F.scaled_dot_product_attention`, in float64."""
    sources = x.double(), memory.double(), memory.double()
    q, k, v = (F.linear(source, w.double()) for source, w in zip(sources, weights, strict=True))
    return F.scaled_dot_product_attention(q, k, v).to(x.dtype)


def draw(rng, scale=1.0, top=1.0, dtype=torch.float64, **sizes):
    """A case; T and D are the sizes of x, S and M of memory, K is d_k, V is d_v; `scale` multiplies x, `top`
    its first token besides."""
    x, memory, q, k, v = tensors(rng, "BTD BSM KD KM VM", dtype, **sizes)
    x[0, 0] *= top
    return scale * x, memory, *(w / w.shape[1] ** 0.5 for w in (q, k, v))


cross_attention = Exercise(
    my_cross_attention,
    reference=by_pytorch,
    gradients=True,
    draw=draw,
    by_hand=[
        ([[[1.0]]], [[[0.0], [math.log(3.0)]]], [[1.0]], [[1.0]], [[4.0]]),  # weights 1/4 and 3/4
        # scores of 1e5 and 9.5e4, in float32 of 200 and 170, and such that are nearly equal, 900 and 900.45
        ([[[1e5], [-1e5]]], [[[1.0], [0.95]]], [[1.0]], [[1.0]], [[1.0]]),
        tuple(torch.tensor(n) for n in ([[[20.0], [-20.0]]], [[[10.0], [8.5]]], [[1.0]], [[1.0]], [[1.0]])),
        ([[[30.0]]], [[[30.0, 1.0], [30.015, 4.0]]], [[1.0]], [[1.0, 0.0]], [[0.0, 1.0]]),
    ],
    sizes=[
        dict(B=1, T=1, S=1, D=1, M=1, K=1, V=1),
        dict(B=1, T=1, S=4, D=2, M=3, K=2, V=1),
        dict(B=2, T=4, S=1, D=3, M=2, K=2, V=3),
        dict(B=3, T=3, S=3, D=3, M=3, K=3, V=3),
        dict(B=2, T=3, S=3, D=4, M=4, K=2, V=5),
        dict(B=2, T=3, S=5, D=4, M=4, K=2, V=4),
        dict(B=2, T=5, S=3, D=6, M=2, K=4, V=3),
        dict(B=3, T=2, S=6, D=3, M=5, K=4, V=2, dtype=torch.float32),
        dict(B=2, T=3, S=4, D=5, M=3, K=4, V=2, scale=300.0),
        dict(B=2, T=3, S=4, D=4, M=3, K=4, V=2, top=1e5),
        dict(B=1, T=2, S=4, D=4, M=3, K=4, V=2, top=50.0, dtype=torch.float32),
        dict(B=20, T=1, S=2, D=2, M=2, K=2, V=2),
        dict(B=1, T=2, S=2, D=30, M=30, K=30, V=30),
        dict(B=1, T=1, S=600, D=1, M=2, K=1, V=1),
        dict(B=1, T=600, S=2, D=1, M=1, K=1, V=1),
    ],
    spans=dict.fromkeys("BTSDMKV", (1, 4)) | dict(scale=(0.1, 10.0)),
    hints="""
        Who asks, and who is asked? The queries come from x. Keys and values belong together: both come from
        the memory.

        Scores are (B, T_q, T_k), a row for each query: `q @ k.mT`, divided by the square root of the last
        size of q. The softmax runs along the last axis.

        These are the lines: `q = x @ weight_q.T`, `k = memory @ weight_k.T`, `v = memory @ weight_v.T`, then
        `torch.softmax(q @ k.mT / q.shape[-1] ** 0.5, dim=-1) @ v`.
    """,
    forbids="""torch*.*scaled_dot_product* torch*.*multi_head*: Write scores, softmax and mean yourself, since
        that is what the exercise is about.""",
    special="""
        all_large: (x @ weight_q.T @ weight_k @ memory.mT).abs().min() > 150
            Your function is right but where all scores are large: are they clamped, or is the largest weight
            rounded to 1?
        large_scores: (x @ weight_q.T @ weight_k @ memory.mT).abs().max() > 60
            Your function is right but where scores are large: are they clamped, or do exponentials overflow?
            The softmax of a query stays the same if its own largest score is taken off first.
        many_keys: memory.shape[1] > 60
            Your function is right but for many keys: is there a limit on their number?
    """,
    wrong="""
        roles_swapped: x @ weight_q → memory @ weight_q
        and: memory @ weight_k → x @ weight_k
        and: memory @ weight_v → x @ weight_v
            Your queries come from the memory, keys and values from x: the encoder would look things up in the
            decoder. It is x that asks.
        self_attention: memory @ → x @
            Queries, keys and values all come from x: that is self-attention. Keys and values come from the
            memory.
        memory_attends_to_itself: x @ → memory @
            Queries, keys and values all come from the memory: the queries come from x, and there is an output
            for each position of x.
        values_from_x: memory @ weight_v → x @ weight_v
            Your values come from x: what is found is in the memory, where the keys are. Keys and values come
            in pairs.
        keys_from_x: memory @ weight_k → x @ weight_k
            Your keys come from x: a key says what its value is about, so both come from the memory.
        scaled_by_the_size_of_x: q.shape[-1] → x.shape[-1]
            You divide by the square root of D, the size of x: a score is a sum of d_k products, and d_k is
            the last size of q.
        scaled_by_the_size_of_memory: q.shape[-1] → memory.shape[-1]
            You divide by the square root of D_m, the size of the memory: a score is a sum of d_k products,
            and d_k is the last size of q.
        scaled_by_d_v: q.shape[-1] → v.shape[-1]
            You divide by the square root of d_v: a score is a sum of d_k products, so it is sqrt(d_k).
        weights_scaled: / q.shape[-1] ** 0.5 → nothing
        and: dim=-1) @ v → dim=-1) @ v / q.shape[-1] ** 0.5
            You divide the weights, which then do not sum to 1: it is the scores that are divided.
        keys_and_values_swapped: scores = q → k, v = v, k; scores = q
            weight_k makes your values and weight_v your keys: queries are compared with keys.
        values_are_keys: dim=-1) @ v → dim=-1) @ k
            You return a mean of the keys, and weight_v is not used: it is the values that are averaged.
        keys_reshaped: k.mT → k.reshape(len(k), k.shape[2], -1)
            A reshape of k to (B, d_k, T_k) mixes the keys: swap the axes, `k.mT` or k.transpose(1, 2).
        masked: softmax(scores, → softmax(scores + torch.full(scores.shape[-2:], -torch.inf).triu(1),
            You hide later positions: no mask is asked for, since all of the memory may be read.
        scaled_by_d_k: q.shape[-1] ** 0.5 → q.shape[-1]
            You divide by d_k: divide by its square root.
        not_scaled: / q.shape[-1] ** 0.5 → nothing
            The scores are not scaled: divide them by the square root of d_k.
        softmax_over_queries: dim=-1 → dim=1
            Your softmax runs over the queries: the weights of one query must sum to 1, so it runs over the
            keys, dim=-1.
        softmax_over_the_batch: dim=-1 → dim=0
            Your softmax runs over the batch, dim=0: it runs over the keys, dim=-1.
        weights_transposed: dim=-1) @ v → dim=-1).mT @ v
            You transpose the weights before they meet v: with queries as rows, (B, T_q, T_k), it is attn @ v.
        no_softmax: torch.softmax(scores, dim=-1) → scores
            The softmax is missing: scores may be negative, and do not sum to 1.
        weight_matrices_not_transposed: .T → nothing
            The weights are (out, in): with positions as rows, multiply by the transpose, `x @ weight_q.T`.
        values_not_projected: memory @ weight_v.T → memory
            Your values are the memory itself: multiply it by W_V.
    """,
)

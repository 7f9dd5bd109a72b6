"""Chapter 3: grouped-query attention, Ainslie et al. (2023), arXiv 2305.13245."""

import math
import torch
import torch.nn.functional as F
from course.exercises.cases import normal
from course.exercises.engine import Exercise


def my_grouped_attention(q, k, v):
    """Attention whose query heads share keys and values: (B, n_q, T, d_k). q (B, n_q, T, d_k), k and v
    (B, n_kv, S, d_k); n_q is a multiple of n_kv. No mask."""
    grouped = q.unflatten(1, (k.shape[1], -1))  # (B, n_kv, n_q / n_kv, T, d_k)
    k, v = k.unsqueeze(2), v.unsqueeze(2)  # (B, n_kv, 1, S, d_k): broadcast over the group, never copied
    scores = grouped @ k.mT / q.shape[-1] ** 0.5  # (B, n_kv, n_q / n_kv, T, S)
    return (torch.softmax(scores, dim=-1) @ v).flatten(1, 2)


def by_pytorch(q, k, v):
    """The same by `F.scaled_dot_product_attention` on copied heads, in float64."""
    size = q.shape[1] // k.shape[1]
    keys, values = (t.double().repeat_interleave(size, dim=1) for t in (k, v))
    return F.scaled_dot_product_attention(q.double(), keys, values).to(q.dtype)


def grouped_case(rng, batch, n_q, n_kv, steps, length, d_k, dtype=torch.float64, scale=1.0):
    """A case; a large scale puts nearly all weight on one key."""
    q = normal(rng, batch, n_q, steps, d_k, dtype=dtype, scale=scale)
    return q, *(normal(rng, batch, n_kv, length, d_k, dtype=dtype) for _ in range(2))


def wide_grouped(rng):
    """One valid case of small random sizes."""
    n_kv, dtype = rng.randint(1, 3), rng.choice((torch.float32, torch.float64))
    sizes = rng.randint(1, 3), n_kv * rng.randint(1, 3), n_kv, *(rng.randint(1, 4) for _ in range(3))
    return grouped_case(rng, *sizes, dtype, 10 ** rng.uniform(-1, 1))


grouped_query = Exercise(
    my_grouped_attention,
    reference=by_pytorch,
    gradients=True,
    # OLD wide=wide_grouped
    # OLD cases:
    # lambda rng: [
    #         (  # one key each, so every weight is 1, and the values show which head was read
    #             torch.ones(1, 4, 1, 1, dtype=torch.float64),
    #             torch.ones(1, 2, 1, 1, dtype=torch.float64),
    #             torch.tensor([5.0, 7.0], dtype=torch.float64).reshape(1, 2, 1, 1),
    #         ),
    #         grouped_case(rng, 1, 2, 1, 1, 2, 2),
    #         grouped_case(rng, 1, 2, 2, 2, 2, 3),
    #         grouped_case(rng, 1, 4, 2, 2, 3, 2),
    #         grouped_case(rng, 2, 6, 3, 4, 4, 4),
    #         grouped_case(rng, 3, 6, 2, 3, 5, 3),
    #         grouped_case(rng, 2, 4, 1, 5, 2, 4, torch.float32),
    #         grouped_case(rng, 2, 8, 4, 1, 6, 8, torch.float32, 4.0),
    #         grouped_case(rng, 1, 4, 2, 3, 4, 4, torch.float64, 200.0),
    #         *(wide_grouped(rng) for _ in range(5)),
    #     ]
    by_hand=(),
    draw=None,
    sizes=[],
    spans={},
    hints="""
        Everything but the heads is plain attention. Either give every query head a key head of its own, or
        give the queries an axis for the groups.

        `k.repeat_interleave(n, dim=1)` repeats each head n times, 0, 0, 1, 1; `k.repeat` would give 0, 1, 0,
        1. Or `q.unflatten(1, (n_kv, -1))` and `k.unsqueeze(2)`, which copies nothing.

        `scores = q.unflatten(1, (n_kv, -1)) @ k.unsqueeze(2).mT / d_k**0.5`, softmax over the last axis,
        times `v.unsqueeze(2)`, then `.flatten(1, 2)`.
    """,
    wrong="""
        heads_in_turn: OLD → NEW
            Your query heads take the key heads in turn, h % n_kv, as `repeat` lays them. Neighbours share a
            head: h // (n_q / n_kv), as `repeat_interleave` does.
        values_in_turn: OLD → NEW
            The keys are right, but the values are read in turn, h % n_kv: keys and values go together.
        first_head_for_all: OLD → NEW
            All query heads read key and value head 0: that is multi-query attention, right for n_kv = 1.
        heads_averaged: OLD → NEW
            You average the key and value heads: each group reads one head as it is. (The paper averages once,
            when it converts a trained model.)
        not_shared: OLD → NEW
            Right where n_q equals n_kv or n_kv is 1, else the shapes do not fit: each key and value head must
            serve n_q / n_kv query heads.
        queries_averaged: OLD → NEW
            You average the queries of a group and return n_kv heads: every query head has an output.
        groups_last: OLD → NEW
            The heads are right but out of order: after `unflatten(1, (n_kv, -1))` the group comes first, so
            flatten the two axes as they lie, without a transpose.
        heads_merged: OLD → NEW
            The numbers are right, but you merge the heads into (B, T, n_q d_k): return (B, n_q, T, d_k).
        not_scaled: OLD → NEW
            The scores are not divided by sqrt(d_k).
        divided_by_d_k: OLD → NEW
            You divide by d_k: divide by its square root.
        scaled_by_d_model: OLD → NEW
            You divide by the root of n_q d_k: the products run over d_k numbers, so it is sqrt(d_k).
        softmax_over_queries: OLD → NEW
            Your softmax runs over the queries: the weights of one query, over the keys, must sum to 1: take
            the last axis.
        softmax_over_heads: OLD → NEW
            Your softmax runs over the heads, dim=1: heads do not compete, keys do. That is the last axis.
        masked: OLD → NEW
            You hide later positions: no mask is asked for.
    """,
)

"""Chapter 3: grouped-query attention, Ainslie et al. (2023), arXiv 2305.13245."""

import torch
import torch.nn.functional as F

from course.exercises.cases import tensors
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


def draw(rng, G, H, scale=1.0, top=1.0, dtype=torch.float64, **sizes):
    """A case of H key heads, each for G query heads; a large scale puts nearly all weight on one key, a large
    `top` that of the first query."""
    q, k, v = tensors(rng, "BQTK BHSK BHSK", dtype, Q=G * H, H=H, **sizes)
    q[0, 0, 0] *= top
    return scale * q, k, v


grouped_query = Exercise(
    my_grouped_attention,
    reference=by_pytorch,
    gradients=True,
    draw=draw,
    by_hand=[
        (  # one key each, so every weight is 1, and the values show which head was read
            [[[[1.0]], [[1.0]], [[1.0]], [[1.0]]]],
            [[[[1.0]], [[1.0]]]],
            [[[[5.0]], [[7.0]]]],
        ),
        (  # scores of 1e5 and 9.5e4, and such that are large and nearly equal, 1e4 and 1e4 - 0.5
            [[[[1e5], [-1e5]], [[1e4], [-1e4]]]],
            [[[[1.0], [0.95]], [[1.0], [0.99995]]]],
            [[[[1.0], [2.0]], [[3.0], [5.0]]]],
        ),
        (  # scores of 100 and 82 in float32
            torch.tensor([[[[100.0], [-100.0]]]]),
            torch.tensor([[[[1.0], [0.82]]]]),
            torch.tensor([[[[1.0], [2.0]]]]),
        ),
    ],
    sizes=[
        dict(B=1, G=2, H=1, T=1, S=2, K=2),
        dict(B=1, G=1, H=2, T=2, S=2, K=3),
        dict(B=1, G=2, H=2, T=2, S=3, K=2),
        dict(B=2, G=2, H=3, T=4, S=4, K=4),
        dict(B=3, G=3, H=2, T=3, S=5, K=3),
        dict(B=2, G=4, H=1, T=5, S=2, K=4, dtype=torch.float32),
        dict(B=2, G=2, H=4, T=1, S=6, K=8, dtype=torch.float32, scale=4.0),
        dict(B=1, G=2, H=2, T=3, S=4, K=4, scale=200.0),
        dict(B=2, G=2, H=2, T=3, S=4, K=4, top=1e5),
        dict(B=1, G=1, H=2, T=2, S=4, K=4, top=20.0, dtype=torch.float32),
        dict(B=1, G=49, H=2, T=1, S=2, K=1),  # 49 * (1 / 49) < 1, and 41 * (1 / 41) in float32
        dict(B=1, G=41, H=3, T=1, S=2, K=1),  # uneven where heads are spread evenly and rounded
        dict(B=1, G=8, H=25, T=1, S=2, K=1),
        dict(B=20, G=2, H=2, T=1, S=2, K=2),
        dict(B=1, G=1, H=2, T=300, S=2, K=2),
        dict(B=1, G=2, H=1, T=2, S=2, K=36),
        dict(B=1, G=1, H=1, T=2, S=600, K=1),
    ],
    spans=dict(B=(1, 3), G=(1, 3), H=(1, 3), T=(1, 4), S=(1, 4), K=(1, 4), scale=(0.1, 10.0)),
    hints="""
        Everything but the heads is plain attention. Either give every query head a key head of its own, or
        give the queries an axis for the groups.

        `k.repeat_interleave(n, dim=1)` repeats each head n times, 0, 0, 1, 1; `k.repeat` would give 0, 1, 0,
        1. Or `q.unflatten(1, (n_kv, -1))` and `k.unsqueeze(2)`, which copies nothing.

        These are the lines: `scores = q.unflatten(1, (n_kv, -1)) @ k.unsqueeze(2).mT / d_k**0.5`, softmax
        over the last axis, times `v.unsqueeze(2)`, then `.flatten(1, 2)`.
    """,
    forbids="""torch*.*scaled_dot_product* torch*.*multi_head*: Write scores, softmax and mean yourself, since
        that is what the exercise is about.""",
    special="""
        all_large: q.abs().min() > 50
            Your function is right but where all scores are large: are they clamped, or is the largest weight
            rounded to 1?
        many_keys: k.shape[2] > 60
            Your function is right but for many keys: is there a limit on their number?
        large_scores: q.abs().max() > 60
            Your function is right but where scores are large: are they clamped, or do exponentials overflow?
            The softmax of a query stays the same if its own largest score is taken off first.
        many_heads: q.shape[1] > 80
            Your function is right but for many heads. Is there a limit, or do you find g with fractions? By
            rounding h * (n_kv / n_q) may fall below a whole number: use whole ones, h // (n_q // n_kv).
    """,
    wrong="""
        heads_in_turn: (k.shape[1], -1) → (-1, k.shape[1])
        and: unsqueeze(2) → unsqueeze(1)
            Your query heads take the key heads in turn, h % n_kv, as `repeat` lays them. Neighbours share a
            head: h // (n_q / n_kv), as `repeat_interleave` does.
        values_in_turn: v.unsqueeze(2) → v.repeat(1, grouped.shape[2], 1, 1).unflatten(1, (k.shape[1], -1))
            The keys are right, but the values are read in turn, h % n_kv: keys and values go together.
        h_over_n_kv: unflatten(1, (k.shape[1], -1)) → unsqueeze(2); h = torch.arange(q.shape[1]) // k.shape[1]
        and: k.unsqueeze(2), v.unsqueeze(2) → k[:, h, None], v[:, h, None]
            Your query head h reads head h // n_kv, right only where n_kv is the size of a group: it is
            h // (n_q / n_kv).
        h_modulo_group: unflatten(1, (k.shape[1], -1)) → unsqueeze(2); n = k.shape[1]
        and: k, v = → h = (torch.arange(q.shape[1]) % (q.shape[1] // n)).clamp(max=n - 1); k, v =
        and: k.unsqueeze(2), v.unsqueeze(2) → k[:, h, None], v[:, h, None]
            Your query head h reads head h % (n_q / n_kv): neighbours share one, so it is h // (n_q / n_kv).
        first_head_for_all: k.unsqueeze(2), v.unsqueeze(2) → k[:, :1, None], v[:, :1, None]
            All query heads read key and value head 0: that is multi-query attention, right for n_kv = 1.
        heads_averaged: k.unsqueeze(2), v.unsqueeze(2) → k.mean(1)[:, None, None], v.mean(1)[:, None, None]
            You average the key and value heads: each group reads one head as it is. (The paper averages once,
            when it converts a trained model.)
        not_shared: q.unflatten(1, (k.shape[1], -1)) → q
        and: .unsqueeze(2) → nothing
        and: .flatten(1, 2) → nothing
            Right where n_q equals n_kv or n_kv is 1, else the shapes do not fit: each key and value head must
            serve n_q / n_kv query heads.
        queries_averaged_and_copied: (k.shape[1], -1)) → (k.shape[1], -1)); grouped = grouped.mean(2, True)
        and: @ v).flatten → @ v).expand(-1, -1, q.shape[1] // k.shape[1], -1, -1).flatten
            You average the queries of a group: every query head asks by itself and has an output of its own.
        groups_last: .flatten(1, 2) → .transpose(1, 2).flatten(1, 2)
            The heads are right but out of order: after `unflatten(1, (n_kv, -1))` the group comes first, so
            flatten the two axes as they lie, without a transpose.
        heads_merged: .flatten(1, 2) → .flatten(1, 2).transpose(1, 2).flatten(2)
            The numbers are right, but you merge the heads into (B, T, n_q d_k): return (B, n_q, T, d_k).
        not_scaled: / q.shape[-1] ** 0.5 → nothing
            The scores are not divided by sqrt(d_k).
        divided_by_d_k: q.shape[-1] ** 0.5 → q.shape[-1]
            You divide by d_k: divide by its square root.
        scaled_by_d_model: q.shape[-1] ** 0.5 → (q.shape[1] * q.shape[-1]) ** 0.5
            You divide by the root of n_q d_k: the products run over d_k numbers, so it is sqrt(d_k).
        softmax_over_queries: dim=-1 → dim=-2
            Your softmax runs over the queries: the weights of one query, over the keys, must sum to 1: take
            the last axis.
        softmax_over_the_group: dim=-1 → dim=2
            Your softmax runs over the heads of a group, dim=2: heads do not compete, keys do: dim=-1.
        softmax_over_heads: torch.softmax(scores, dim=-1) → scores.flatten(1, 2).softmax(1).view_as(scores)
            Your softmax runs over the heads, dim=1: heads do not compete, keys do. That is the last axis.
        masked: softmax(scores, → softmax(scores + torch.full(scores.shape[-2:], -torch.inf).triu(1),
            You hide later positions: no mask is asked for.
    """,
)

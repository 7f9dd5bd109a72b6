"""Chapter 3, exercise: grouped-query attention, Ainslie et al. (2023), arXiv 2305.13245."""

import math

import torch
import torch.nn.functional as F

from course.exercises.draw import normal
from course.exercises.engine import Exercise, Misconception


def my_grouped_attention(q, k, v):
    """Attention whose query heads share keys and values: (B, n_q, T, d_k). q (B, n_q, T, d_k), k and v
    (B, n_kv, S, d_k); n_q is a multiple of n_kv. No mask."""
    raise NotImplementedError


def solve_grouped_attention(q, k, v):
    """Attention whose query heads share keys and values: (B, n_q, T, d_k). q (B, n_q, T, d_k), k and v
    (B, n_kv, S, d_k); n_q is a multiple of n_kv. No mask."""
    grouped = q.unflatten(1, (k.shape[1], -1))  # (B, n_kv, n_q / n_kv, T, d_k)
    k, v = k.unsqueeze(2), v.unsqueeze(2)  # (B, n_kv, 1, S, d_k): broadcast over the group, never copied
    scores = grouped @ k.mT / q.shape[-1] ** 0.5  # (B, n_kv, n_q / n_kv, T, S)
    return (torch.softmax(scores, dim=-1) @ v).flatten(1, 2)


def grouped_by_copies(q, k, v):
    """The same with every key and value head copied for its group."""
    size = q.shape[1] // k.shape[1]
    k, v = k.repeat_interleave(size, dim=1), v.repeat_interleave(size, dim=1)
    attn = (q @ k.transpose(2, 3) / math.sqrt(q.shape[3])).softmax(3)
    return attn @ v


def grouped_by_head(q, k, v):
    """The same, one query head after the other."""
    outputs, size = [], q.shape[1] // k.shape[1]
    for head in range(q.shape[1]):
        keys, values = k[:, head // size], v[:, head // size]
        scores = torch.bmm(q[:, head], keys.transpose(1, 2)) * q.shape[-1] ** -0.5
        outputs.append(scores.softmax(dim=-1) @ values)
    return torch.stack(outputs, dim=1)


def grouped_as_longer_queries(q, k, v):
    """The same; the queries of a group are one longer sequence for their key head."""
    batch, n_q, steps, d_k = q.shape
    longer = q.reshape(batch, k.shape[1], -1, d_k) / d_k**0.5  # (B, n_kv, T n_q / n_kv, d_k)
    weights = torch.exp(torch.log_softmax(longer @ k.mT, dim=-1))
    return (weights @ v).reshape(batch, n_q, steps, d_k)


def by_pytorch(q, k, v):
    """The same by `F.scaled_dot_product_attention` on copied heads, in float64."""
    size = q.shape[1] // k.shape[1]
    keys, values = (t.double().repeat_interleave(size, dim=1) for t in (k, v))
    return F.scaled_dot_product_attention(q.double(), keys, values).to(q.dtype)


def in_blocks(n_q, n_kv):
    """The head that each query head reads."""
    return torch.arange(n_q) // (n_q // n_kv)


def in_turn(n_q, n_kv):
    """The key heads over and over."""
    return torch.arange(n_q) % n_kv


def variant(
    keys=in_blocks,
    values=None,
    scale=lambda q: q.shape[-1] ** 0.5,
    softmax=lambda scores: scores.softmax(-1),
):
    """The attention with other heads read, functions of (n_q, n_kv), or another way to the weights."""

    def run(q, k, v):
        n_q, n_kv = q.shape[1], k.shape[1]
        k, v = k[:, keys(n_q, n_kv)], v[:, (values or keys)(n_q, n_kv)]
        return softmax(q @ k.mT / scale(q)) @ v

    return run


def not_shared(q, k, v):
    """Plain multi-head attention, which raises where the heads' numbers differ."""
    return torch.softmax(q @ k.mT / q.shape[-1] ** 0.5, dim=-1) @ v


def averaged(q, k, v):
    """One head, the mean of all."""
    return by_pytorch(q, k.mean(1, True), v.mean(1, True))


def queries_averaged(q, k, v):
    """The queries of a group replaced by their mean."""
    return by_pytorch(q.unflatten(1, (k.shape[1], -1)).mean(2), k, v)


def groups_last(q, k, v):
    """The heads returned with the groups as the inner axis."""
    return by_pytorch(q, k, v).unflatten(1, (k.shape[1], -1)).transpose(1, 2).flatten(1, 2)


def causal(scores):
    """Weights that see no later position."""
    may_attend = torch.ones(scores.shape[-2:], dtype=torch.bool).tril()
    return scores.masked_fill(~may_attend, -math.inf).softmax(-1)


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
    name="grouped_query",
    title="query heads that share keys and values",
    difficulty="medium",
    minutes=20,
    task="""
        A model that generates keeps the keys and values of all earlier positions. To keep fewer,
        neighbouring query heads share them (Ainslie et al. 2023, arXiv 2305.13245): head $h$ of $n_q$ reads
        head $g$ of $n_{kv}$,

        $$y_h = \\operatorname{softmax}\\!\\left(\\frac{q_h k_g^\\top}{\\sqrt{d_k}}\\right) v_g, \\qquad
        g = \\left\\lfloor \\frac{h}{n_q / n_{kv}} \\right\\rfloor$$

        `q` is $(B, n_q, T, d_k)$, `k` and `v` are $(B, n_{kv}, S, d_k)$. Return $(B, n_q, T, d_k)$. No mask,
        no `F.scaled_dot_product_attention`. Values and all gradients are compared.

        By hand first: $n_q = 6$, $n_{kv} = 2$. Which $g$ has $h = 4$?
    """,
    stub_function=my_grouped_attention,
    reference=by_pytorch,
    cases=lambda rng: [
        (  # one key each, so every weight is 1, and the values show which head was read
            torch.ones(1, 4, 1, 1, dtype=torch.float64),
            torch.ones(1, 2, 1, 1, dtype=torch.float64),
            torch.tensor([5.0, 7.0], dtype=torch.float64).reshape(1, 2, 1, 1),
        ),
        grouped_case(rng, 1, 2, 1, 1, 2, 2),
        grouped_case(rng, 1, 2, 2, 2, 2, 3),
        grouped_case(rng, 1, 4, 2, 2, 3, 2),
        grouped_case(rng, 2, 6, 3, 4, 4, 4),
        grouped_case(rng, 3, 6, 2, 3, 5, 3),
        grouped_case(rng, 2, 4, 1, 5, 2, 4, torch.float32),
        grouped_case(rng, 2, 8, 4, 1, 6, 8, torch.float32, 4.0),
        grouped_case(rng, 1, 4, 2, 3, 4, 4, torch.float64, 200.0),
        *(wide_grouped(rng) for _ in range(5)),
    ],
    wide=wide_grouped,
    gradients=True,
    hints=(
        "Everything but the heads is plain attention. Either give every query head a key head of its own, or "
        "give the queries an axis for the groups.",
        "`k.repeat_interleave(n, dim=1)` repeats each head n times, 0, 0, 1, 1; `k.repeat` would give 0, 1, "
        "0, 1. Or `q.unflatten(1, (n_kv, -1))` and `k.unsqueeze(2)`, which copies nothing.",
        "`scores = q.unflatten(1, (n_kv, -1)) @ k.unsqueeze(2).mT / d_k**0.5`, softmax over the last axis, "
        "times `v.unsqueeze(2)`, then `.flatten(1, 2)`.",
    ),
    solution_function=solve_grouped_attention,
    alternatives=(grouped_by_copies, grouped_by_head, grouped_as_longer_queries),
    misconceptions=(
        Misconception(
            "heads_in_turn",
            "Your query heads take the key heads in turn, h % n_kv, as `repeat` lays them. Neighbours "
            "share a head: h // (n_q / n_kv), as `repeat_interleave` does.",
            variant(in_turn),
        ),
        Misconception(
            "values_in_turn",
            "The keys are right, but the values are read in turn, h % n_kv: keys and values go together.",
            variant(in_blocks, in_turn),
        ),
        Misconception(
            "first_head_for_all",
            "All query heads read key and value head 0: that is multi-query attention, right for n_kv = 1.",
            variant(lambda n_q, n_kv: torch.zeros(n_q, dtype=torch.int64)),
        ),
        Misconception(
            "heads_averaged",
            "You average the key and value heads: each group reads one head as it is. (The paper averages "
            "once, when it converts a trained model.)",
            averaged,
        ),
        Misconception(
            "not_shared",
            "Right where n_q equals n_kv or n_kv is 1, else the shapes do not fit: each key and value head "
            "must serve n_q / n_kv query heads.",
            not_shared,
        ),
        Misconception(
            "queries_averaged",
            "You average the queries of a group and return n_kv heads: every query head has an output.",
            queries_averaged,
        ),
        Misconception(
            "groups_last",
            "The heads are right but out of order: after `unflatten(1, (n_kv, -1))` the group comes first, "
            "so flatten the two axes as they lie, without a transpose.",
            groups_last,
        ),
        Misconception(
            "heads_merged",
            "The numbers are right, but you merge the heads into (B, T, n_q d_k): return (B, n_q, T, d_k).",
            lambda q, k, v: by_pytorch(q, k, v).transpose(1, 2).flatten(2),
        ),
        Misconception(
            "not_scaled",
            "The scores are not divided by sqrt(d_k).",
            variant(scale=lambda q: 1.0),
        ),
        Misconception(
            "divided_by_d_k",
            "You divide by d_k: divide by its square root.",
            variant(scale=lambda q: q.shape[-1]),
        ),
        Misconception(
            "scaled_by_d_model",
            "You divide by the root of n_q d_k: the products run over d_k numbers, so it is sqrt(d_k).",
            variant(scale=lambda q: (q.shape[1] * q.shape[-1]) ** 0.5),
        ),
        Misconception(
            "softmax_over_queries",
            "Your softmax runs over the queries: the weights of one query, over the keys, must sum to 1: "
            "take the last axis.",
            variant(softmax=lambda scores: scores.softmax(-2)),
        ),
        Misconception(
            "softmax_over_heads",
            "Your softmax runs over the heads, dim=1: heads do not compete, keys do. That is the last axis.",
            variant(softmax=lambda scores: scores.softmax(1)),
        ),
        Misconception(
            "masked",
            "You hide later positions: no mask is asked for.",
            variant(softmax=causal),
        ),
    ),
)

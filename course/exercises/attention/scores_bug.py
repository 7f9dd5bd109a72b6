"""Chapter 3, exercise: find two bugs in causal self-attention."""

import torch
import torch.nn.functional as F

from course.exercises.draw import normal
from course.exercises.engine import Exercise, Misconception


def my_causal_attention(x, weight_q, weight_k, weight_v, n_h):
    """Causal self-attention with n_h heads, (B, T, D), no output projection. x (B, T, D), weight_q, weight_k
    and weight_v (D, D)."""
    b, steps, d_model = x.shape
    q, k, v = ((x @ w.T).reshape(b, steps, n_h, -1).transpose(1, 2) for w in (weight_q, weight_k, weight_v))
    scores = q @ k.mT / d_model**0.5  # (B, n_h, T, T)
    past = torch.ones(steps, steps, dtype=torch.bool, device=x.device).tril()
    attn = torch.softmax(scores, dim=-1) * past
    return (attn @ v).transpose(1, 2).reshape(b, steps, d_model)


def solve_causal_attention(x, weight_q, weight_k, weight_v, n_h):
    """Causal self-attention with n_h heads, (B, T, D), no output projection. x (B, T, D), weight_q, weight_k
    and weight_v (D, D)."""
    b, steps, d_model = x.shape
    q, k, v = ((x @ w.T).reshape(b, steps, n_h, -1).transpose(1, 2) for w in (weight_q, weight_k, weight_v))
    scores = q @ k.mT / q.shape[-1] ** 0.5  # a score is a sum of d_k products, not of d_model
    past = torch.ones(steps, steps, dtype=torch.bool, device=x.device).tril()
    # Before the softmax, so that the future has no part in the denominator either.
    attn = torch.softmax(scores.masked_fill(~past, -torch.inf), dim=-1)
    return (attn @ v).transpose(1, 2).reshape(b, steps, d_model)


def causal_by_query(x, weight_q, weight_k, weight_v, n_h):
    """The same, one step at a time, over the keys up to it."""
    q, k, v = (F.linear(x, w).unflatten(2, (n_h, -1)) for w in (weight_q, weight_k, weight_v))
    rows = []
    for t in range(x.shape[1]):
        scores = torch.einsum("bhk,bshk->bsh", q[:, t], k[:, : t + 1]) / (x.shape[2] / n_h) ** 0.5
        rows.append(torch.einsum("bsh,bshk->bhk", scores.softmax(dim=1), v[:, : t + 1]).flatten(1))
    return torch.stack(rows, dim=1)


def causal_by_head(x, weight_q, weight_k, weight_v, n_h):
    """The same, one head at a time, with -inf added to the scores of the future."""
    future = torch.full((x.shape[1], x.shape[1]), -torch.inf, dtype=x.dtype).triu(1)
    heads = []
    for w_q, w_k, w_v in zip(weight_q.chunk(n_h), weight_k.chunk(n_h), weight_v.chunk(n_h), strict=True):
        scores = (x @ w_q.T) @ (x @ w_k.T).transpose(1, 2) / len(w_k) ** 0.5
        heads.append(torch.softmax(scores + future, dim=-1) @ (x @ w_v.T))
    return torch.cat(heads, dim=-1)


def causal_renormalised(x, weight_q, weight_k, weight_v, n_h):
    """The same with the past's share of a softmax over all keys made to sum to 1 again."""
    weights = weight_q, weight_k, weight_v
    q, k, v = (F.linear(x, w).unflatten(2, (n_h, -1)).permute(0, 2, 1, 3) for w in weights)
    attn = torch.softmax(q @ k.mT * (n_h / x.shape[2]) ** 0.5, dim=3).tril()
    return (attn / attn.sum(dim=3, keepdim=True) @ v).transpose(1, 2).flatten(2)


def by_pytorch(x, weight_q, weight_k, weight_v, n_h):
    """The same by `F.scaled_dot_product_attention` with is_causal, in float64."""
    wide = [F.linear(x.double(), w.double()) for w in (weight_q, weight_k, weight_v)]
    q, k, v = (torch.stack(part.chunk(n_h, dim=2), dim=1) for part in wide)
    out = F.scaled_dot_product_attention(q, k, v, is_causal=True)
    return torch.cat(out.unbind(1), dim=2).to(x.dtype)


def masked(scores):
    """The right weights."""
    future = torch.ones_like(scores, dtype=torch.bool).triu(1)
    return scores.masked_fill(future, -torch.inf).softmax(-1)


def masked_after(scores):
    """The weights with the future removed after the softmax."""
    return scores.softmax(-1).tril()


def bare_past(scores):
    """The weights of a query that does not see itself: NaN for the first one, which sees nothing."""
    return scores.masked_fill(torch.ones_like(scores, dtype=torch.bool).triu(), -torch.inf).softmax(-1)


def variant(weigh=masked, scale=lambda d_k, n_h: d_k**-0.5):
    """Self-attention with other weights, or with the scores times another scale."""

    def attend(x, weight_q, weight_k, weight_v, n_h):
        weights = weight_q, weight_k, weight_v
        q, k, v = (torch.stack(F.linear(x, w).chunk(n_h, 2), 1) for w in weights)  # (B, n_h, T, d_k)
        out = weigh(q @ k.mT * scale(q.shape[-1], n_h)) @ v
        return out.transpose(1, 2).flatten(2)

    return attend


def by_d_model(d_k, n_h):
    """The scale of the broken program."""
    return (d_k * n_h) ** -0.5


def scale_bug(name, diagnosis, scale):
    """A wrong scale: with the mask mended, and with the mask as it was."""
    too = f"{diagnosis} Besides, the mask still comes after the softmax: the future has its share of the sum."
    return (
        Misconception(name, diagnosis, variant(scale=scale)),
        Misconception(f"{name}_and_mask_after", too, variant(masked_after, scale)),
    )


def mask_bug(name, diagnosis, weigh):
    """A wrong mask: with the scale mended, and with the scale as it was."""
    too = f"{diagnosis} Besides, the scores are still divided by the square root of d_model, not of d_k."
    return (
        Misconception(name, diagnosis, variant(weigh)),
        Misconception(f"{name}_and_d_model", too, variant(weigh, by_d_model)),
    )


def causal_case(rng, b, steps, n_h, d_k, dtype=torch.float64, scale=1.0):
    """A case of given sizes; scale multiplies x."""
    d = n_h * d_k
    weights = [normal(rng, d, d, dtype=dtype, scale=d**-0.5) for _ in range(3)]
    return normal(rng, b, steps, d, dtype=dtype, scale=scale), *weights, n_h


def wide_causal(rng):
    """One valid case of small random sizes."""
    dtype, scale = rng.choice((torch.float32, torch.float64)), 10 ** rng.uniform(-1, 0.5)
    return causal_case(rng, *(rng.randint(1, 4) for _ in range(4)), dtype, scale)


leaky_attention = Exercise(
    name="leaky_attention",
    title="find two bugs in causal self-attention",
    difficulty="hard",
    minutes=20,
    task="""
        The program below is meant to be multi-head causal self-attention. The shapes are right. But the
        weights of early queries sum to less than 1. A change to the last token changes earlier outputs,
        though each weight for a later key is exactly 0. And the more heads share the same $D$, the flatter
        the weights.

        There are two bugs, none of them where heads are split or merged. Mend both, without
        `F.scaled_dot_product_attention`. Values and gradients are compared.

        By hand first: all scores are 0 and $T = 4$. What should the first row of weights be, and what is it
        here?
    """,
    stub_function=my_causal_attention,
    reference=by_pytorch,
    cases=lambda rng: [
        (  # small enough to follow: two heads of one feature, and weights that change nothing
            torch.tensor([[[0.0, 1.0], [2.0, 3.0]]], dtype=torch.float64),
            *(torch.eye(2, dtype=torch.float64) for _ in range(3)),
            2,
        ),
        causal_case(rng, 1, 1, 1, 1),
        causal_case(rng, 1, 2, 1, 2),
        causal_case(rng, 2, 4, 1, 3),
        causal_case(rng, 2, 1, 3, 2),
        causal_case(rng, 3, 3, 3, 3),
        causal_case(rng, 2, 5, 2, 3),
        causal_case(rng, 2, 3, 4, 2, torch.float32),
        causal_case(rng, 1, 6, 3, 5, torch.float32, 3.0),
        causal_case(rng, 2, 4, 2, 4, torch.float64, 8.0),
        *(wide_causal(rng) for _ in range(6)),
    ],
    wide=wide_causal,
    gradients=True,
    hints=(
        "The weights of a query are a softmax over the keys that it may see. Over which keys does the "
        "program take its softmax? And of how many products is one score the sum?",
        "What is masked after the softmax has had its share of the denominator: mask the scores, so that the "
        "softmax never sees the future. And a head's q has d_k = D / n_h features.",
        "Divide by `q.shape[-1] ** 0.5`, and write "
        "`attn = torch.softmax(scores.masked_fill(~past, -torch.inf), dim=-1)`.",
    ),
    solution_function=solve_causal_attention,
    alternatives=(causal_by_query, causal_by_head, causal_renormalised),
    misconceptions=(
        *mask_bug(
            "mask_still_after",
            "The mask still comes after the softmax: the future has its share of the denominator. Set the "
            "scores of the future to -inf before the softmax.",
            masked_after,
        ),
        Misconception(
            "scale_still_by_d_model",
            "The mask is right, but the scale is not: a score is a sum of d_k products, so divide by the "
            "square root of d_k = D / n_h.",
            variant(scale=by_d_model),
        ),
        *scale_bug(
            "not_scaled",
            "The scores are not scaled: divide them by the square root of d_k.",
            lambda d_k, n_h: 1.0,
        ),
        *scale_bug(
            "scaled_by_d_k",
            "You divide by d_k: divide by its square root.",
            lambda d_k, n_h: 1 / d_k,
        ),
        *scale_bug(
            "scaled_by_the_heads",
            "You divide by the square root of the number of heads: d_k = D / n_h is the size of one head.",
            lambda d_k, n_h: n_h**-0.5,
        ),
        *mask_bug(
            "strictly_causal",
            "Your mask hides each position from itself, and the first query, left with nothing, gives NaN. A "
            "position may attend to itself: keep the diagonal.",
            bare_past,
        ),
        *mask_bug(
            "past_hidden",
            "Your mask hides the past and shows the future: `past` is True where a query may attend, so -inf "
            "belongs where it is False.",
            lambda scores: masked(scores.flip(2, 3)).flip(2, 3),
        ),
        *mask_bug(
            "past_hidden_with_the_diagonal",
            "Your mask is inverted: `past` is True where a query may attend, so -inf belongs where it is "
            "False. The last query, left with nothing, gives NaN.",
            lambda scores: bare_past(scores.flip(2, 3)).flip(2, 3),
        ),
        *mask_bug(
            "scores_set_to_zero",
            "You mask before the softmax, but with 0, and exp(0) = 1 is a weight like others: set the "
            "scores of the future to -inf.",
            lambda scores: scores.tril().softmax(-1),
        ),
        *mask_bug(
            "mask_added",
            "You add the mask as 0 and 1: the future then loses no more than a factor e. Its scores must be "
            "-inf.",
            lambda scores: (scores + torch.ones_like(scores).tril()).softmax(-1),
        ),
        *mask_bug(
            "mask_gone",
            "The mask is gone: the weights sum to 1, but every query sees the future.",
            lambda scores: scores.softmax(-1),
        ),
        *mask_bug(
            "softmax_over_queries",
            "Your softmax runs over the queries: it runs over the keys, dim=-1.",
            lambda scores: masked(scores.mT.flip(2, 3)).flip(2, 3).mT,
        ),
    ),
)

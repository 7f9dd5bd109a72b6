"""Chapter 3: find two bugs in causal self-attention."""

import torch
import torch.nn.functional as F
from course.exercises.cases import normal
from course.exercises.engine import Exercise


def my_causal_attention(x, weight_q, weight_k, weight_v, n_h):
    """Causal self-attention with n_h heads, (B, T, D), no output projection. x (B, T, D), weight_q, weight_k
    and weight_v (D, D)."""
    b, steps, d_model = x.shape
    q, k, v = ((x @ w.T).reshape(b, steps, n_h, -1).transpose(1, 2) for w in (weight_q, weight_k, weight_v))
    scores = q @ k.mT / q.shape[-1] ** 0.5  # a score is a sum of d_k products, not of d_model
    past = torch.ones(steps, steps, dtype=torch.bool, device=x.device).tril()
    # Before the softmax, so that the future has no part in the denominator either.
    attn = torch.softmax(scores.masked_fill(~past, -torch.inf), dim=-1)
    return (attn @ v).transpose(1, 2).reshape(b, steps, d_model)


def by_pytorch(x, weight_q, weight_k, weight_v, n_h):
    """The same by `F.scaled_dot_product_attention` with is_causal, in float64."""
    wide = [F.linear(x.double(), w.double()) for w in (weight_q, weight_k, weight_v)]
    q, k, v = (torch.stack(part.chunk(n_h, dim=2), dim=1) for part in wide)
    out = F.scaled_dot_product_attention(q, k, v, is_causal=True)
    return torch.cat(out.unbind(1), dim=2).to(x.dtype)


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
    my_causal_attention,
    reference=by_pytorch,
    gradients=True,
    # OLD wide=wide_causal
    # OLD cases:
    # lambda rng: [
    #         (  # small enough to follow: two heads of one feature, and weights that change nothing
    #             torch.tensor([[[0.0, 1.0], [2.0, 3.0]]], dtype=torch.float64),
    #             *(torch.eye(2, dtype=torch.float64) for _ in range(3)),
    #             2,
    #         ),
    #         causal_case(rng, 1, 1, 1, 1),
    #         causal_case(rng, 1, 2, 1, 2),
    #         causal_case(rng, 2, 4, 1, 3),
    #         causal_case(rng, 2, 1, 3, 2),
    #         causal_case(rng, 3, 3, 3, 3),
    #         causal_case(rng, 2, 5, 2, 3),
    #         causal_case(rng, 2, 3, 4, 2, torch.float32),
    #         causal_case(rng, 1, 6, 3, 5, torch.float32, 3.0),
    #         causal_case(rng, 2, 4, 2, 4, torch.float64, 8.0),
    #         *(wide_causal(rng) for _ in range(6)),
    #     ]
    by_hand=(),
    draw=None,
    sizes=[],
    spans={},
    bug="""
        bug: SOLUTION → STUB
    """,
    hints="""
        The weights of a query are a softmax over the keys that it may see. Over which keys does the program
        take its softmax? And of how many products is one score the sum?

        What is masked after the softmax has had its share of the denominator: mask the scores, so that the
        softmax never sees the future. And a head's q has d_k = D / n_h features.

        Divide by `q.shape[-1] ** 0.5`, and write `attn = torch.softmax(scores.masked_fill(~past, -torch.inf),
        dim=-1)`.
    """,
    wrong="""
        mask_still_after: OLD → NEW
            The mask still comes after the softmax: the future has its share of the denominator. Set the
            scores of the future to -inf before the softmax.
        mask_still_after_and_d_model: OLD → NEW
            The mask still comes after the softmax: the future has its share of the denominator. Set the
            scores of the future to -inf before the softmax. Besides, the scores are still divided by the
            square root of d_model, not of d_k.
        scale_still_by_d_model: OLD → NEW
            The mask is right, but the scale is not: a score is a sum of d_k products, so divide by the square
            root of d_k = D / n_h.
        not_scaled: OLD → NEW
            The scores are not scaled: divide them by the square root of d_k.
        not_scaled_and_mask_after: OLD → NEW
            The scores are not scaled: divide them by the square root of d_k. Besides, the mask still comes
            after the softmax: the future has its share of the sum.
        scaled_by_d_k: OLD → NEW
            You divide by d_k: divide by its square root.
        scaled_by_d_k_and_mask_after: OLD → NEW
            You divide by d_k: divide by its square root. Besides, the mask still comes after the softmax: the
            future has its share of the sum.
        scaled_by_the_heads: OLD → NEW
            You divide by the square root of the number of heads: d_k = D / n_h is the size of one head.
        scaled_by_the_heads_and_mask_after: OLD → NEW
            You divide by the square root of the number of heads: d_k = D / n_h is the size of one head.
            Besides, the mask still comes after the softmax: the future has its share of the sum.
        strictly_causal: OLD → NEW
            Your mask hides each position from itself, and the first query, left with nothing, gives NaN. A
            position may attend to itself: keep the diagonal.
        strictly_causal_and_d_model: OLD → NEW
            Your mask hides each position from itself, and the first query, left with nothing, gives NaN. A
            position may attend to itself: keep the diagonal. Besides, the scores are still divided by the
            square root of d_model, not of d_k.
        past_hidden: OLD → NEW
            Your mask hides the past and shows the future: `past` is True where a query may attend, so -inf
            belongs where it is False.
        past_hidden_and_d_model: OLD → NEW
            Your mask hides the past and shows the future: `past` is True where a query may attend, so -inf
            belongs where it is False. Besides, the scores are still divided by the square root of d_model,
            not of d_k.
        past_hidden_with_the_diagonal: OLD → NEW
            Your mask is inverted: `past` is True where a query may attend, so -inf belongs where it is False.
            The last query, left with nothing, gives NaN.
        past_hidden_with_the_diagonal_and_d_model: OLD → NEW
            Your mask is inverted: `past` is True where a query may attend, so -inf belongs where it is False.
            The last query, left with nothing, gives NaN. Besides, the scores are still divided by the square
            root of d_model, not of d_k.
        scores_set_to_zero: OLD → NEW
            You mask before the softmax, but with 0, and exp(0) = 1 is a weight like others: set the scores of
            the future to -inf.
        scores_set_to_zero_and_d_model: OLD → NEW
            You mask before the softmax, but with 0, and exp(0) = 1 is a weight like others: set the scores of
            the future to -inf. Besides, the scores are still divided by the square root of d_model, not of
            d_k.
        mask_added: OLD → NEW
            You add the mask as 0 and 1: the future then loses no more than a factor e. Its scores must be
            -inf.
        mask_added_and_d_model: OLD → NEW
            You add the mask as 0 and 1: the future then loses no more than a factor e. Its scores must be
            -inf. Besides, the scores are still divided by the square root of d_model, not of d_k.
        mask_gone: OLD → NEW
            The mask is gone: the weights sum to 1, but every query sees the future.
        mask_gone_and_d_model: OLD → NEW
            The mask is gone: the weights sum to 1, but every query sees the future. Besides, the scores are
            still divided by the square root of d_model, not of d_k.
        softmax_over_queries: OLD → NEW
            Your softmax runs over the queries: it runs over the keys, dim=-1.
        softmax_over_queries_and_d_model: OLD → NEW
            Your softmax runs over the queries: it runs over the keys, dim=-1. Besides, the scores are still
            divided by the square root of d_model, not of d_k.
    """,
)

"""Chapter 3: scaled dot-product attention with a mask."""

import math
import torch
import torch.nn.functional as F
from course.exercises.cases import normal
from course.exercises.engine import Exercise


def my_attention(q, k, v, mask):
    """Attention (B, T_q, d_v). q (B, T_q, d_k), k (B, T_k, d_k), v (B, T_k, d_v), mask (B, T_q, T_k) bool,
    True = may attend; a query that may attend to nothing gets 0."""
    scores = q @ k.mT / q.shape[-1] ** 0.5  # (B, T_q, T_k)
    attn = torch.softmax(scores.masked_fill(~mask, -torch.inf), dim=-1)
    # The softmax of a row of -inf is NaN. Left to meet v, it would reach v's gradient even through a 0.
    return attn.masked_fill(~mask, 0.0) @ v


def by_pytorch(q, k, v, mask):
    """The same by `F.scaled_dot_product_attention`, in float64."""
    return F.scaled_dot_product_attention(q.double(), k.double(), v.double(), attn_mask=mask).to(q.dtype)


def random_mask(rng, share, *shape):
    """A boolean mask with about this share of True."""
    return normal(rng, *shape) < math.sqrt(2) * torch.erfinv(torch.tensor(2 * share - 1.0)).item()


def attention_case(rng, sizes, dtype=torch.float64, scale=1.0, share=0.6):
    """A case; sizes are B, T_q, T_k, d_k, d_v, and scale multiplies queries and keys."""
    b, t_q, t_k, d_k, d_v = sizes
    q, k = (normal(rng, b, steps, d_k, dtype=dtype, scale=scale) for steps in (t_q, t_k))
    return q, k, normal(rng, b, t_k, d_v, dtype=dtype), random_mask(rng, share, b, t_q, t_k)


def shifted_case(rng, dtype, q_mean, far=1):
    """Scores near 40 q_mean, whole numbers, exact in float32; key 0's far times that, hidden if far > 1."""
    q, k = q_mean + normal(rng, 2, 3, 4, dtype=dtype).round(), 20 + normal(rng, 2, 5, 4, dtype=dtype).round()
    k[:, 0] *= far
    return q, k, normal(rng, 2, 5, 3, dtype=dtype), torch.tensor([far == 1] + [True] * 4).repeat(2, 3, 1)


def wide_attention(rng):
    """One valid case of small random sizes."""
    sizes = [rng.randint(1, high) for high in (3, 4, 4, 4, 3)]
    dtype, share = rng.choice((torch.float32, torch.float64)), rng.choice((0.3, 0.6, 0.95))
    return attention_case(rng, sizes, dtype, 10 ** rng.uniform(-1, 0.3), share)


scaled_dot_product = Exercise(
    my_attention,
    reference=by_pytorch,
    gradients=True,
    # OLD wide=wide_attention
    # OLD cases:
    # lambda rng: [
    #         (  # by hand: weights 1/4 and 3/4
    #             torch.tensor([[[2.0, 0.0, 0.0, 0.0]]], dtype=torch.float64),
    #             torch.tensor([[[0.0, 0.0, 0.0, 0.0], [math.log(3.0), 0.0, 0.0, 0.0]]], dtype=torch.float64),
    #             torch.tensor([[[0.0], [4.0]]], dtype=torch.float64),
    #             torch.tensor([[[True, True]]]),
    #         ),
    #         (*attention_case(rng, (1, 2, 2, 2, 1))[:3], torch.tensor([[[True, False], [False, False]]])),
    #         attention_case(rng, (1, 1, 1, 1, 1), share=0.99),
    #         attention_case(rng, (2, 3, 5, 4, 2)),
    #         attention_case(rng, (3, 4, 4, 4, 4), share=0.5),
    #         attention_case(rng, (2, 5, 3, 2, 6), torch.float32, share=0.4),
    #         attention_case(rng, (2, 4, 6, 4, 2), torch.float64, 8.0),
    #         shifted_case(rng, torch.float32, 10, far=2),
    #         shifted_case(rng, torch.float64, 30),
    #         *(wide_attention(rng) for _ in range(6)),
    #     ]
    by_hand=(),
    draw=None,
    sizes=[],
    spans={},
    hints="""
        The scores of all queries with all keys are one product, (B, T_q, T_k): `k.mT` swaps the last two
        axes. A forbidden key must have no part in the softmax's denominator.

        Set forbidden scores to `-torch.inf` with `masked_fill`, then take the softmax over the keys, dim=-1.
        Which rows of weights are NaN now?

        Rows without any allowed key: `attn.masked_fill(~mask, 0.0)`, before the product with v, since 0 times
        NaN is NaN in v's gradient too.
    """,
    wrong="""
        fully_masked_row_nan: OLD → NEW
            All is right but for a query that may attend to nothing, which gives NaN: so does a softmax of
            -inf alone, and 0 / 0. Set its weights to 0 before they meet v.
        fully_masked_row_averaged: OLD → NEW
            A large negative number in place of -inf: where all keys are forbidden, all scores are equal, and
            the query gets the mean of v. It is to get 0.
        nan_in_the_gradient_of_v: OLD → NEW
            The values are right, but you take the NaN out after the product with v, whose gradient is then
            NaN. Set the weights to 0 before the product.
        nan_in_the_gradient_of_the_scores: OLD → NEW
            The values are right, but gradients are NaN: -inf is added to the scores, and the NaN of a row
            without keys goes back through the sum. `masked_fill` stops it.
        not_scaled: OLD → NEW
            The scores are not scaled: divide them by the square root of d_k.
        not_scaled_and_nan: OLD → NEW
            The scores are not scaled: divide them by the square root of d_k. Besides, a query that may attend
            to nothing gives NaN: its weights are to be 0.
        scaled_by_d_k: OLD → NEW
            You divide by d_k: a score's standard deviation grows as the square root of d_k.
        scaled_by_d_k_and_nan: OLD → NEW
            You divide by d_k: a score's standard deviation grows as the square root of d_k. Besides, a query
            that may attend to nothing gives NaN: its weights are to be 0.
        softmax_over_queries: OLD → NEW
            Your softmax runs over the queries: a query's weights must sum to 1, so use dim=-1, the keys.
        softmax_over_queries_and_nan: OLD → NEW
            Your softmax runs over the queries: a query's weights must sum to 1, so use dim=-1, the keys.
            Besides, a query that may attend to nothing gives NaN: its weights are to be 0.
        mask_inverted: OLD → NEW
            Your mask is inverted: True means may attend, so -inf belongs where it is False.
        mask_inverted_and_nan: OLD → NEW
            Your mask is inverted: True means may attend, so -inf belongs where it is False. Besides, a query
            that may attend to nothing gives NaN: its weights are to be 0.
        masked_after_the_softmax: OLD → NEW
            You mask after the softmax: forbidden keys have had their share of the denominator, and the rows
            sum to less than 1. Mask the scores, with -inf.
        renormalised: OLD → NEW
            Right for moderate scores, but where a forbidden one is far above the allowed ones, these get
            weights of 0 before you make them sum to 1. Mask the scores, with -inf.
        renormalised_and_nan: OLD → NEW
            Right for moderate scores, but where a forbidden one is far above the allowed ones, these get
            weights of 0 before you make them sum to 1. Mask the scores, with -inf. Besides, a query that may
            attend to nothing gives NaN: its weights are to be 0.
        mask_added: OLD → NEW
            You add the mask as 0 and 1: a forbidden key loses only a factor e. Its score must be -inf.
        scores_set_to_zero: OLD → NEW
            A forbidden score becomes 0, and exp(0) = 1 is a weight like others. Set it to -inf.
        mask_ignored: OLD → NEW
            The mask is not used: a query attends to forbidden keys.
        exponentials_overflow: OLD → NEW
            Right for moderate scores, but exp overflows for large ones, and inf / inf is NaN. Use
            torch.softmax, or take each row's largest score out first.
        exponentials_overflow_and_nan: OLD → NEW
            Right for moderate scores, but exp overflows for large ones, and inf / inf is NaN. Use
            torch.softmax, or take each row's largest score out first. Besides, a query that may attend to
            nothing gives NaN: its weights are to be 0.
    """,
)

"""Chapter 3: scaled dot-product attention with a mask."""

import math

import torch
import torch.nn.functional as F

from course.exercises.cases import tensors
from course.exercises.engine import Exercise


def my_attention(q, k, v, mask):
    """Attention (B, T_q, d_v). q (B, T_q, d_k), k (B, T_k, d_k), v (B, T_k, d_v), mask (B, T_q, T_k) bool,
    True = may attend; a query that may attend to nothing gets 0."""
    scores = q @ k.mT / q.shape[-1] ** 0.5  # (B, T_q, T_k)
    allowed = scores.masked_fill(~mask, -torch.inf)
    attn = torch.softmax(allowed, dim=-1)
    # The softmax of a row of -inf is NaN. Left to meet v, it would reach v's gradient even through a 0.
    return attn.masked_fill(~mask, 0.0) @ v


def by_pytorch(q, k, v, mask):
    """The same by `F.scaled_dot_product_attention`, in float64."""
    return F.scaled_dot_product_attention(q.double(), k.double(), v.double(), attn_mask=mask).to(q.dtype)


def draw(rng, cut=0.25, scale=1.0, mean=0, far=1, dtype=torch.float64, **sizes):
    """A case; T queries, S keys, K is d_k, V is d_v. A key is seen where a normal number is below `cut`, and
    `scale` multiplies queries and keys. With a mean, scores are near 40 times it for K=4 and exact in
    float32; with far > 1, those of key 0 are `far` times as large, and it is hidden."""
    q, k, v = tensors(rng, "BTK BSK BSV", dtype, **sizes)
    mask = tensors(rng, "BTS", **sizes)[0] < cut
    if mean:
        q, k = mean + q.round(), 20 + k.round()
        k[:, 0] *= far
        mask[:, :, 0] &= far == 1
    return scale * q, scale * k, v, mask


scaled_dot_product = Exercise(
    my_attention,
    reference=by_pytorch,
    gradients=True,
    draw=draw,
    by_hand=[
        (  # weights 1/4 and 3/4
            [[[2.0, 0.0, 0.0, 0.0]]],
            [[[0.0, 0.0, 0.0, 0.0], [math.log(3.0), 0.0, 0.0, 0.0]]],
            [[[0.0], [4.0]]],
            torch.tensor([[[True, True]]]),
        ),
        (  # a query that sees key 0, and one that sees none
            [[[1.0, 2.0], [-1.0, 0.5]]],
            [[[0.5, -1.0], [2.0, 1.0]]],
            [[[3.0], [-2.0]]],
            torch.tensor([[[True, False], [False, False]]]),
        ),
        (  # scores of all sizes: what three queries see is far below key 0, the two others see two keys each
            [[[2.0, 0.0, 0.0, 0.0]] * 5],
            [[[s, 0.0, 0.0, 0.0] for s in (1e10, -1e10, -2e5, -300.0, 9.9e9, -9.9e9)]],
            [[[1.0], [2.0], [3.0], [4.0], [5.0], [6.0]]],
            torch.tensor([[[key in seen for key in range(6)] for seen in ([1], [2], [3], [0, 4], [1, 5])]]),
        ),
        (  # one query of float32 sees 100 and 80, the other -80 and -100
            torch.ones(1, 2, 1),
            torch.tensor([[[100.0], [80.0], [-80.0], [-100.0]]]),
            torch.tensor([[[1.0], [2.0], [3.0], [4.0]]]),
            torch.tensor([[[True, True, False, False], [False, False, True, True]]]),
        ),
    ],
    sizes=[
        dict(B=1, T=1, S=1, K=1, V=1, cut=9.0),
        dict(B=2, T=3, S=5, K=4, V=2),
        dict(B=3, T=4, S=4, K=4, V=4, cut=0.0),
        dict(B=2, T=5, S=3, K=2, V=6, cut=-0.25, dtype=torch.float32),
        dict(B=2, T=4, S=6, K=4, V=2, scale=8.0),
        dict(B=2, T=3, S=5, K=4, V=3, cut=9.0, mean=7, far=1.25, scale=0.5, dtype=torch.float32),
        dict(B=2, T=3, S=5, K=4, V=3, cut=9.0, mean=30),
        dict(B=20, T=2, S=4, K=3, V=2, cut=9.0),  # a root that float32 rounds
        dict(B=2, T=2, S=3, K=25, V=25, cut=9.0),
        dict(B=1, T=600, S=2, K=1, V=1, cut=9.0),
        dict(B=1, T=2, S=600, K=1, V=1),
    ],
    spans=dict(B=(1, 3), T=(1, 4), S=(1, 4), K=(1, 4), V=(1, 3), cut=[-0.5, 0.25, 1.6], scale=(0.1, 2.0)),
    hints="""
        The scores of all queries with all keys are one product, (B, T_q, T_k): `k.mT` swaps the last two
        axes. A forbidden key must have no part in the softmax's denominator.

        Set forbidden scores to `-torch.inf` with `masked_fill`, then take the softmax over the keys, dim=-1.
        Which rows of weights are NaN now?

        These are the lines: `scores.masked_fill(~mask, -torch.inf)` before the softmax, and for rows without
        any allowed key: `attn.masked_fill(~mask, 0.0)`, before the product with v, since 0 times NaN is NaN
        in v's gradient too.
    """,
    forbids="""torch*.*scaled_dot_product* torch*.*multi_head*: Write scores, softmax and mean yourself, since
        that is what the exercise is about.""",
    special="""
        no_square: math.isqrt(q.shape[-1]) ** 2 < q.shape[-1]
            Your function is right but where d_k is no square: divide by its square root, in full. A tensor of
            float32, `torch.sqrt(torch.tensor(d_k))`, is rounded to seven digits.
        many_keys: k.shape[1] > 60
            Your function is right but for many keys: is there a limit on their number?
        empty_row: not mask.any(-1).all()
            Your function is right but for queries that may attend to nothing: they get 0, and they alone.
        visible_far_below: (q @ k.mT).where(mask, -math.inf).amax(2).nan_to_num(0, neginf=0).min() < -90
            Your function is right but where all visible keys have scores far below 0. Has a hidden one a
            finite score, such as -1e9 (-torch.inf hides)? Are scores clamped, or is one maximum taken off all
            queries?
        hidden_above: (q @ k.mT - (q @ k.mT).where(mask, -math.inf).amax(2, True)).nan_to_num(0, 0).max() > 9
            Your function is right but where a hidden key's score is far above the visible ones, which then
            have nothing left. A hidden key may have no part in the softmax: set its score to -torch.inf.
        large_scores: (q @ k.mT).abs().max() > 60
            Your function is right but where scores are large: are they clamped, or do exponentials overflow?
    """,
    wrong="""
        fully_masked_row_nan: attn.masked_fill(~mask, 0.0) → attn
            All is right but for a query that may attend to nothing, which gives NaN: so does a softmax of
            -inf alone, and 0 / 0. Set its weights to 0 before they meet v.
        fully_masked_row_averaged: -torch.inf → -1e9
        and: attn.masked_fill(~mask, 0.0) → attn
            A large negative number in place of -inf: where all keys are forbidden, all scores are equal, and
            the query gets the mean of v. It is to get 0.
        nan_in_the_gradient_of_v: attn.masked_fill(~mask, 0.0) @ v → (attn @ v).nan_to_num()
            The values are right, but you take the NaN out after the product with v, whose gradient is then
            NaN. Set the weights to 0 before the product.
        nan_in_the_gradient_of_the_scores: scores.masked_fill(~mask, -torch.inf) → scores + mask.log()
            The values are right, but gradients are NaN: -inf is added to the scores, and the NaN of a row
            without keys goes back through the sum. `masked_fill` stops it.
        scores_set_to_zero_and_empty_rows_to_0: -torch.inf → 0.0
        and: attn.masked_fill(~mask, 0.0) → (attn * mask.any(-1, True))
            A forbidden score becomes 0, and exp(0) = 1 is a weight like others. Set it to -inf.
        one_row_of_the_mask: ~mask → ~mask[:, :1]
            You read the mask of the first query and use it for all: each query has a row of its own.
        masked_after_the_softmax: torch.softmax(allowed, dim=-1) → torch.softmax(scores, dim=-1)
            You mask after the softmax: forbidden keys have had their share of the denominator, and the rows
            sum to less than 1. Mask the scores, with -inf.
        mask_added: scores.masked_fill(~mask, -torch.inf) → scores + mask
        and: attn.masked_fill(~mask, 0.0) → attn
            You add the mask as 0 and 1: a forbidden key loses only a factor e. Its score must be -inf.
        scores_set_to_zero: -torch.inf → 0.0
        and: attn.masked_fill(~mask, 0.0) → attn
            A forbidden score becomes 0, and exp(0) = 1 is a weight like others. Set it to -inf.
        mask_ignored: torch.softmax(allowed, dim=-1) → torch.softmax(scores, dim=-1)
        and: attn.masked_fill(~mask, 0.0) → attn
            The mask is not used: a query attends to forbidden keys.
        renormalised: torch.softmax(allowed, dim=-1) → torch.softmax(scores, dim=-1) * mask
        and: attn.masked_fill(~mask, 0.0) → (attn / attn.sum(-1, True)).nan_to_num()
            Right for moderate scores, but where a forbidden one is far above the allowed ones, these get
            weights of 0 before you make them sum to 1. Mask the scores, with -inf.
        renormalised_and_nan: torch.softmax(allowed, dim=-1) → torch.softmax(scores, dim=-1) * mask
        and: attn.masked_fill(~mask, 0.0) → (attn / attn.sum(-1, True))
            Right for moderate scores, but where a forbidden one is far above the allowed ones, these get
            weights of 0 before you make them sum to 1. Mask the scores, with -inf. Besides, a query that may
            attend to nothing gives NaN: its weights are to be 0.
    """,
    twice=(
        (
            """
            not_scaled: / q.shape[-1] ** 0.5 → nothing
                The scores are not scaled: divide them by the square root of d_k.
            scaled_by_d_v: q.shape[-1] → v.shape[-1]
                You divide by the square root of d_v: a score is a sum of d_k products, so it is sqrt(d_k).
            scaled_by_the_number_of_keys: q.shape[-1] → k.shape[1]
                You divide by the square root of T_k, the number of keys: it is d_k, the last size of k.
            keys_reshaped: k.mT → k.reshape(len(k), k.shape[2], -1)
                A reshape of k to (B, d_k, T_k) mixes the keys: swap the axes, `k.mT` or k.transpose(1, 2).
            scaled_by_d_k: q.shape[-1] ** 0.5 → q.shape[-1]
                You divide by d_k: a score's standard deviation grows as the square root of d_k.
            softmax_over_queries: dim=-1 → dim=1
                Your softmax runs over the queries: a query's weights must sum to 1, so use dim=-1, the keys.
            mask_inverted: ~mask → mask
                Your mask is inverted: True means may attend, so -inf belongs where it is False.
            exponentials_overflow: torch.softmax(allowed, dim=-1) → allowed.exp() / allowed.exp().sum(2, True)
                Right for moderate scores, but exp overflows for large ones, and inf / inf is NaN. Use
                torch.softmax, or take each row's largest score out first.
            """,
            """
            and_nan: attn.masked_fill(~mask, 0.0) → attn
                Besides, a query that may attend to nothing gives NaN: its weights are to be 0.
            """,
        ),
    ),
)

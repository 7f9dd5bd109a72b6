"""Chapter 3: find two bugs in causal self-attention."""

import torch
import torch.nn.functional as F

from course.exercises.cases import tensors
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


def draw(rng, B, T, H, K, scale=1.0, dtype=torch.float64):
    """A case of H heads of K features; `scale` multiplies x."""
    x, *weights = tensors(rng, "BTD DD DD DD", dtype, B=B, T=T, D=H * K)
    return scale * x, *(w / (H * K) ** 0.5 for w in weights), H


leaky_attention = Exercise(
    my_causal_attention,
    reference=by_pytorch,
    gradients=True,
    draw=draw,
    by_hand=[
        # small enough to follow: two heads of one feature, and weights that change nothing
        ([[[0.0, 1.0], [2.0, 3.0]]], *([[1.0, 0.0], [0.0, 1.0]] for _ in range(3)), 2),
        # the first scores of the two heads are -1e10 and 1e10, the ones behind them 1e10 and -1e10; the last
        # query sees 9.9e9 and 9.8e9
        (
            [[[1e5, 1e5], [-1e5, -1e5], [9.9e4, 9.9e4]]],
            *([[sign, 0.0], [0.0, 1.0]] for sign in (1.0, -1.0, 1.0)),
            2,
        ),
        # the last two scores are large and nearly equal, 442.3 and 442.7
        ([[[25.0, 1.0], [25.02, 4.0]]], *([[a, 0.0], [0.0, 1.0 - a]] for a in (1.0, 1.0, 0.0)), 1),
    ],
    sizes=[
        dict(B=1, T=1, H=1, K=1),
        dict(B=1, T=2, H=1, K=2),
        dict(B=2, T=4, H=1, K=3),
        dict(B=2, T=1, H=3, K=2),
        dict(B=3, T=3, H=3, K=3),
        dict(B=2, T=5, H=2, K=3),
        dict(B=2, T=3, H=4, K=2, dtype=torch.float32),
        dict(B=1, T=6, H=3, K=5, scale=3.0, dtype=torch.float32),
        dict(B=2, T=4, H=2, K=4, scale=8.0),
        dict(B=1, T=2, H=20, K=1),
        dict(B=20, T=2, H=2, K=2),
        dict(B=1, T=2, H=2, K=50),
        dict(B=1, T=520, H=1, K=1),
    ],
    spans=dict(B=(1, 4), T=(1, 4), H=(1, 4), K=(1, 4), scale=(0.1, 3.0)),
    bug="""
        bug: q.shape[-1] ** 0.5 → d_model**0.5
        and: scores.masked_fill(~past, -torch.inf), dim=-1) → scores, dim=-1) * past
    """,
    hints="""
        The weights of a query are a softmax over the keys that it may see. Over which keys does the program
        take its softmax? And of how many products is one score the sum?

        What is masked after the softmax has had its share of the denominator: mask the scores, so that the
        softmax never sees the future. And a head's q has d_k = D / n_h features.

        These are the lines: divide by `q.shape[-1] ** 0.5`, and write `attn =
        torch.softmax(scores.masked_fill(~past, -torch.inf), dim=-1)`.
    """,
    forbids="""torch*.*scaled_dot_product* torch*.*multi_head*: Fix the two lines instead, since finding
        them is what the exercise is about.""",
    special="""
        all_large: x[..., 0].abs().min() > 20
            Your function is right but where all scores are large. Are they clamped, is the largest weight
            rounded to 1, or has a later key a finite score, such as -1e9? Visible ones may lie below it: only
            -torch.inf hides.
        large_scores: x.abs().max() > 9
            Your function is right but where scores are large. Has a later key a finite score, such as -1e9?
            Visible ones may lie below it: only -torch.inf hides. Or are scores clamped, or does an
            exponential overflow?
        many_positions: x.shape[1] > 60
            Your function is right but for many positions: is there a limit on their number?
    """,
    wrong="""
        scale_still_by_d_model: q.shape[-1] → d_model
            The mask is right, but the scale is not: a score is a sum of d_k products, so divide by the square
            root of d_k = D / n_h.
    """,
    twice=(
        (
            """
            mask_still_after: scores.masked_fill(~past, -torch.inf), dim=-1) → scores, dim=-1) * past
                The mask still comes after the softmax: the future has its share of the denominator. Set the
                scores of the future to -inf before the softmax.
            strictly_causal: .tril() → .tril(-1)
                Your mask hides each position from itself, and the first query, left with nothing, gives NaN.
                A position may attend to itself: keep the diagonal.
            past_hidden: .tril() → .triu()
                Your mask hides the past and shows the future: `past` is True where a query may attend, so
                -inf belongs where it is False.
            past_hidden_with_the_diagonal: ~past → past
                Your mask is inverted: `past` is True where a query may attend, so -inf belongs where it is
                False. The last query, left with nothing, gives NaN.
            one_step_ahead: .tril() → .tril(1)
                Your mask lets each position see the next one: the last key that is visible is its own.
            renormalised: scores.masked_fill(~past, -torch.inf), dim=-1) → scores, dim=-1) * past
            and: return (attn → return (attn / attn.sum(-1, True)
                You mask after the softmax and make the rest sum to 1. Where a later score is far above the
                earlier ones, the rest is 0, and 0 / 0. Set the scores of the future to -inf instead.
            renormalised_and_{}: scores.masked_fill(~past, -torch.inf), dim=-1) → scores, dim=-1) * past
            and: return (attn → return (attn / (attn.sum(-1, True) + {})
            for: 1e-08, 1e-12
                You mask after the softmax and make the rest sum to about 1. Where a later score is far above
                the earlier ones, nothing is left. Set the scores of the future to -inf instead.
            zero_before_and_after: scores.masked_fill(~past, -torch.inf) → scores * past
            and: return (attn → return (attn.tril()
                You mask before the softmax, but with 0, and exp(0) = 1 takes a share, which the mask after it
                takes away: set the scores of the future to -inf, and no more is needed.
            scores_set_to_{}: -torch.inf → {}
            for: 0.0, -1e-09
                You mask before the softmax, but with 0 or hardly less, and exp(0) = 1 is a weight like
                others: set the scores of the future to -inf.
            mask_added: scores.masked_fill(~past, -torch.inf) → scores + past
                You add the mask as 0 and 1: the future then loses no more than a factor e. Its scores must be
                -inf.
            mask_gone: scores.masked_fill(~past, -torch.inf) → scores
                The mask is gone: the weights sum to 1, but every query sees the future.
            softmax_over_queries: dim=-1 → dim=-2
                Your softmax runs over the queries: it runs over the keys, dim=-1.
            """,
            """
            and_d_model: q.shape[-1] → d_model
                Besides, the scores are still divided by the square root of d_model, not of d_k.
            """,
        ),
        (
            """
            not_scaled: / q.shape[-1] ** 0.5 → nothing
                The scores are not scaled: divide them by the square root of d_k.
            scaled_by_d_k: q.shape[-1] ** 0.5 → q.shape[-1]
                You divide by d_k: divide by its square root.
            scaled_by_the_heads: q.shape[-1] → n_h
                You divide by the square root of the number of heads: d_k = D / n_h is the size of one head.
            """,
            """
            and_mask_after: scores.masked_fill(~past, -torch.inf), dim=-1) → scores, dim=-1) * past
                Besides, the mask still comes after the softmax: the future has its share of the sum.
            """,
        ),
    ),
)

"""Chapter 3, exercise: scaled dot-product attention with a mask."""

import math

import torch
import torch.nn.functional as F

from course.exercises.draw import normal
from course.exercises.engine import Exercise, Misconception


def my_attention(q, k, v, mask):
    """Attention (B, T_q, d_v). q (B, T_q, d_k), k (B, T_k, d_k), v (B, T_k, d_v), mask (B, T_q, T_k) bool,
    True = may attend; a query that may attend to nothing gets 0."""
    raise NotImplementedError


def solve_attention(q, k, v, mask):
    """Attention (B, T_q, d_v). q (B, T_q, d_k), k (B, T_k, d_k), v (B, T_k, d_v), mask (B, T_q, T_k) bool,
    True = may attend; a query that may attend to nothing gets 0."""
    scores = q @ k.mT / q.shape[-1] ** 0.5  # (B, T_q, T_k)
    attn = torch.softmax(scores.masked_fill(~mask, -torch.inf), dim=-1)
    # The softmax of a row of -inf is NaN. Left to meet v, it would reach v's gradient even through a 0.
    return attn.masked_fill(~mask, 0.0) @ v


def attention_by_exponentials(q, k, v, mask):
    """The same with the softmax written out; the largest allowed score is taken out of each row."""
    scores = torch.einsum("btd,bsd->bts", q, k) / math.sqrt(k.shape[-1])
    largest = scores.masked_fill(~mask, -torch.inf).amax(dim=-1, keepdim=True)
    weights = torch.exp((scores - largest).masked_fill(~mask, -torch.inf))
    total = weights.sum(dim=-1, keepdim=True)
    return torch.einsum("bts,bsd->btd", weights / torch.where(total > 0, total, 1), v)


def attention_by_query(q, k, v, mask):
    """The same, one query at a time, over the keys that it may see."""
    out = v.new_zeros(q.shape[0], q.shape[1], v.shape[2])
    for b in range(q.shape[0]):
        for t in range(q.shape[1]):
            seen = mask[b, t]
            if seen.any():
                weights = (k[b, seen] @ q[b, t] / q.shape[2] ** 0.5).softmax(dim=0)
                out[b, t] = weights @ v[b, seen]
    return out


def by_pytorch(q, k, v, mask):
    """The same by `F.scaled_dot_product_attention`, in float64."""
    return F.scaled_dot_product_attention(q.double(), k.double(), v.double(), attn_mask=mask).to(q.dtype)


def bare(scores, mask):
    """The weights with NaN in a row that is masked whole."""
    return torch.softmax(scores.masked_fill(~mask, -torch.inf), dim=-1)


def zeroed(scores, mask):
    """The right weights."""
    return bare(scores, mask).masked_fill(~mask, 0.0)


def overflowing(scores, mask):
    """The softmax written out with nothing taken out of the exponent."""
    weights = torch.exp(scores.masked_fill(~mask, -torch.inf))
    return weights / weights.sum(-1, keepdim=True)


def renormalised(scores, mask, spare=0.0):
    """A softmax over all keys, its allowed part made to sum to 1 again; spare divides where that sum is 0."""
    weights = scores.softmax(-1) * mask
    total = weights.sum(-1, keepdim=True)
    return weights / total.masked_fill(total == 0, spare)


def variant(weigh=zeroed, scale=lambda q, k: q.shape[-1] ** -0.5, finish=lambda out, mask: out):
    """Attention with other weights, another scale, or another end."""
    return lambda q, k, v, mask: finish(weigh(q @ k.mT * scale(q, k), mask) @ v, mask)


def twice(name, diagnosis, weigh=zeroed, weigh_bare=bare, **others):
    """The misconception, and the same of a learner who also leaves a NaN in a row that is masked whole."""
    too = f"{diagnosis} Besides, a query that may attend to nothing gives NaN: its weights are to be 0."
    return (
        Misconception(name, diagnosis, variant(weigh, **others)),
        Misconception(f"{name}_and_nan", too, variant(weigh_bare, **others)),
    )


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
    name="scaled_dot_product",
    title="scaled dot-product attention with a mask",
    difficulty="medium",
    minutes=20,
    task="""
        Write attention, without `F.scaled_dot_product_attention`:

        $$A = \\operatorname{softmax}\\Big(\\frac{Q K^\\top}{\\sqrt{d_k}}\\Big), \\qquad O = A V$$

        The mask is True where a query may attend to a key: other keys get a weight of 0, and the weights of a
        query sum to 1. A query that may attend to nothing gets 0. Scores may be in the hundreds. Values and
        all gradients are compared; both must be finite.

        By hand first: $q = (2, 0, 0, 0)$, the keys are $(0, 0, 0, 0)$ and $(\\ln 3, 0, 0, 0)$, the values 0
        and 4. What is $O$?
    """,
    stub_function=my_attention,
    reference=by_pytorch,
    cases=lambda rng: [
        (  # by hand: weights 1/4 and 3/4
            torch.tensor([[[2.0, 0.0, 0.0, 0.0]]], dtype=torch.float64),
            torch.tensor([[[0.0, 0.0, 0.0, 0.0], [math.log(3.0), 0.0, 0.0, 0.0]]], dtype=torch.float64),
            torch.tensor([[[0.0], [4.0]]], dtype=torch.float64),
            torch.tensor([[[True, True]]]),
        ),
        (*attention_case(rng, (1, 2, 2, 2, 1))[:3], torch.tensor([[[True, False], [False, False]]])),
        attention_case(rng, (1, 1, 1, 1, 1), share=0.99),
        attention_case(rng, (2, 3, 5, 4, 2)),
        attention_case(rng, (3, 4, 4, 4, 4), share=0.5),
        attention_case(rng, (2, 5, 3, 2, 6), torch.float32, share=0.4),
        attention_case(rng, (2, 4, 6, 4, 2), torch.float64, 8.0),
        shifted_case(rng, torch.float32, 10, far=2),
        shifted_case(rng, torch.float64, 30),
        *(wide_attention(rng) for _ in range(6)),
    ],
    wide=wide_attention,
    gradients=True,
    hints=(
        "The scores of all queries with all keys are one product, (B, T_q, T_k): `k.mT` swaps the last two "
        "axes. A forbidden key must have no part in the softmax's denominator.",
        "Set forbidden scores to `-torch.inf` with `masked_fill`, then take the softmax over the keys, "
        "dim=-1. Which rows of weights are NaN now?",
        "Rows without any allowed key: `attn.masked_fill(~mask, 0.0)`, before the product with v, since "
        "0 times NaN is NaN in v's gradient too.",
    ),
    solution_function=solve_attention,
    alternatives=(
        attention_by_exponentials,
        attention_by_query,
        variant(lambda scores, mask: bare(scores, mask).nan_to_num()),
    ),
    misconceptions=(
        Misconception(
            "fully_masked_row_nan",
            "All is right but for a query that may attend to nothing, which gives NaN: so does a softmax "
            "of -inf alone, and 0 / 0. Set its weights to 0 before they meet v.",
            variant(bare),
        ),
        Misconception(
            "fully_masked_row_averaged",
            "A large negative number in place of -inf: where all keys are forbidden, all scores are "
            "equal, and the query gets the mean of v. It is to get 0.",
            variant(lambda scores, mask: scores.masked_fill(~mask, -1e9).softmax(-1)),
        ),
        Misconception(
            "nan_in_the_gradient_of_v",
            "The values are right, but you take the NaN out after the product with v, whose gradient is then "
            "NaN. Set the weights to 0 before the product.",
            variant(bare, finish=lambda out, mask: out.masked_fill(~mask.any(-1, keepdim=True), 0.0)),
        ),
        Misconception(
            "nan_in_the_gradient_of_the_scores",
            "The values are right, but gradients are NaN: -inf is added to the scores, and the NaN of a row "
            "without keys goes back through the sum. `masked_fill` stops it.",
            variant(
                lambda scores, mask: (scores + torch.where(mask, 0.0, -torch.inf)).softmax(-1).nan_to_num()
            ),
        ),
        *twice(
            "not_scaled",
            "The scores are not scaled: divide them by the square root of d_k.",
            scale=lambda q, k: 1.0,
        ),
        *twice(
            "scaled_by_d_k",
            "You divide by d_k: a score's standard deviation grows as the square root of d_k.",
            scale=lambda q, k: 1 / q.shape[-1],
        ),
        *twice(
            "softmax_over_queries",
            "Your softmax runs over the queries: a query's weights must sum to 1, so use dim=-1, the keys.",
            lambda scores, mask: zeroed(scores.mT, mask.mT).mT,
            lambda scores, mask: bare(scores.mT, mask.mT).mT,
        ),
        *twice(
            "mask_inverted",
            "Your mask is inverted: True means may attend, so -inf belongs where it is False.",
            lambda scores, mask: zeroed(scores, ~mask),
            lambda scores, mask: bare(scores, ~mask),
        ),
        Misconception(
            "masked_after_the_softmax",
            "You mask after the softmax: forbidden keys have had their share of the denominator, and the "
            "rows sum to less than 1. Mask the scores, with -inf.",
            variant(lambda scores, mask: scores.softmax(-1) * mask),
        ),
        *twice(
            "renormalised",
            "Right for moderate scores, but where a forbidden one is far above the allowed ones, these get "
            "weights of 0 before you make them sum to 1. Mask the scores, with -inf.",
            lambda scores, mask: renormalised(scores, mask, 1.0),
            renormalised,
        ),
        Misconception(
            "mask_added",
            "You add the mask as 0 and 1: a forbidden key loses only a factor e. Its score must be -inf.",
            variant(lambda scores, mask: (scores + mask).softmax(-1)),
        ),
        Misconception(
            "scores_set_to_zero",
            "A forbidden score becomes 0, and exp(0) = 1 is a weight like others. Set it to -inf.",
            variant(lambda scores, mask: (scores * mask).softmax(-1)),
        ),
        Misconception(
            "mask_ignored",
            "The mask is not used: a query attends to forbidden keys.",
            variant(lambda scores, mask: scores.softmax(-1)),
        ),
        *twice(
            "exponentials_overflow",
            "Right for moderate scores, but exp overflows for large ones, and inf / inf is NaN. Use "
            "torch.softmax, or take each row's largest score out first.",
            lambda scores, mask: overflowing(scores, mask).masked_fill(~mask, 0.0),
            overflowing,
        ),
    ),
)

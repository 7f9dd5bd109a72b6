"""Chapter 3: find the bug, heads merged without moving their axis."""

import torch
import torch.nn.functional as F
from course.exercises.cases import normal
from course.exercises.engine import Exercise


def my_merge(heads, weight, bias):
    """The output (B, T, D_out) of multi-head attention. heads (B, n_h, T, d_k), weight (D_out, n_h d_k),
    bias (D_out,)."""
    b, n_h, steps, d_k = heads.shape
    # A reshape joins neighbouring axes only, so the heads must stand beside their features first.
    merged = heads.transpose(1, 2).reshape(b, steps, n_h * d_k)
    return merged @ weight.T + bias


def by_blocks(heads, weight, bias):
    """The same as a sum over heads, each with its own block of W_O, in float64."""
    d_k = heads.shape[3]
    out = bias.double().expand(heads.shape[0], heads.shape[2], -1)
    for h in range(heads.shape[1]):
        out = out + heads[:, h].double() @ weight[:, h * d_k : (h + 1) * d_k].double().T
    return out.to(heads.dtype)


def merge_case(rng, b, n_h, steps, d_k, d_out, dtype=torch.float64, scale=1.0):
    """A case of given sizes."""
    weight, bias = normal(rng, d_out, n_h * d_k, dtype=dtype), normal(rng, d_out, dtype=dtype)
    return normal(rng, b, n_h, steps, d_k, dtype=dtype, scale=scale), weight, bias


def wide_merge(rng):
    """One valid case of small random sizes."""
    dtype = rng.choice((torch.float32, torch.float64))
    return merge_case(rng, *(rng.randint(1, 4) for _ in range(5)), dtype, 10 ** rng.uniform(-1, 1))


merged_heads = Exercise(
    my_merge,
    reference=by_blocks,
    gradients=True,
    # OLD wide=wide_merge
    # OLD cases:
    # lambda rng: [
    #         (  # by hand: the rows are (1, 3) and (2, 4)
    #             torch.tensor([[[[1.0], [2.0]], [[3.0], [4.0]]]], dtype=torch.float64),
    #             torch.eye(2, dtype=torch.float64),
    #             torch.tensor([0.0, 10.0], dtype=torch.float64),
    #         ),
    #         merge_case(rng, 1, 1, 1, 1, 1),
    #         merge_case(rng, 2, 1, 4, 3, 2),
    #         merge_case(rng, 2, 3, 1, 2, 4),
    #         merge_case(rng, 2, 4, 3, 1, 3),
    #         merge_case(rng, 3, 3, 3, 3, 9),
    #         merge_case(rng, 2, 2, 5, 3, 6),
    #         merge_case(rng, 2, 4, 3, 2, 5, torch.float32),
    #         merge_case(rng, 1, 3, 4, 2, 1, torch.float32, 1e6),
    #         merge_case(rng, 3, 2, 3, 4, 7, torch.float64, 1e6),
    #         *(wide_merge(rng) for _ in range(6)),
    #     ]
    by_hand=(),
    draw=None,
    sizes=[],
    spans={},
    bug="""
        bug: SOLUTION → STUB
    """,
    hints="""
        `reshape` reads all numbers in the order of their axes, the last one fastest, and cuts that row anew.
        In which order do they come here: a position's heads, or a head's positions?

        Numbers to be joined must stand on neighbouring axes: n_h and d_k, which T keeps apart.

        Move the axis first: `heads.transpose(1, 2).reshape(b, steps, n_h * d_k)`.
    """,
    wrong="""
        positions_still_mixed: OLD → NEW
            The bug is still there: a reshape of (B, n_h, T, d_k) joins positions of one head to a row. Bring
            the heads beside their features first, with transpose(1, 2).
        view_of_moved_axes: OLD → NEW
            The axes are right, but `view` needs the numbers in that order in memory, and a transpose does not
            move them. Use reshape, which copies where it must, or call .contiguous() first.
        positions_and_features_swapped: OLD → NEW
            You swap the last two axes, positions and features. It is heads and positions that change places:
            transpose(1, 2).
        interleaved: OLD → NEW
            You join features first and heads last, so the heads take turns along a row. Each head is to keep
            its d_k features side by side: (B, T, n_h, d_k) before the reshape.
        order_reversed: OLD → NEW
            The heads are joined in the reverse order: head 1 comes first.
        heads_averaged: OLD → NEW
            You average the heads: they are put side by side, and W_O decides how they mix.
        heads_added: OLD → NEW
            You add the heads up: they are put side by side, and W_O decides how they mix.
        not_projected: OLD → NEW
            The heads are merged, but the output projection is gone: multiply by W_O and add b.
        bias_left_out: OLD → NEW
            The heads are merged, but the bias is gone: add b.
        weight_not_transposed: OLD → NEW
            The heads are merged, but W_O is turned: with positions as rows, W_O h of the formula is `merged @
            weight.T`.
    """,
)

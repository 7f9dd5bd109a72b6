"""Chapter 3: find the bug, heads merged without moving their axis."""

import torch

from course.exercises.cases import tensors
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
    blocks = weight.double().chunk(heads.shape[1], dim=1)
    parts = [head @ block.T for head, block in zip(heads.double().unbind(1), blocks, strict=True)]
    return (sum(parts) + bias.double()).to(heads.dtype)


def draw(rng, B, H, T, K, D, dtype=torch.float64, scale=1.0):
    """A case of H heads of K features, and D features out; `scale` multiplies the heads."""
    heads, weight, bias = tensors(rng, "BHTK DW D", dtype, B=B, H=H, T=T, K=K, D=D, W=H * K)
    return scale * heads, weight, bias


merged_heads = Exercise(
    my_merge,
    reference=by_blocks,
    gradients=True,
    draw=draw,
    by_hand=(  # the rows are (1, 3) and (2, 4)
        [[[[1.0], [2.0]], [[3.0], [4.0]]]],
        [[1.0, 0.0], [0.0, 1.0]],
        [0.0, 10.0],
    ),
    sizes=[
        dict(B=1, H=1, T=1, K=1, D=1),
        dict(B=2, H=1, T=4, K=3, D=2),
        dict(B=2, H=3, T=1, K=2, D=4),
        dict(B=2, H=4, T=3, K=1, D=3),
        dict(B=3, H=3, T=3, K=3, D=9),
        dict(B=2, H=2, T=5, K=3, D=6),
        dict(B=2, H=4, T=3, K=2, D=5, dtype=torch.float32),
        dict(B=1, H=3, T=4, K=2, D=1, dtype=torch.float32, scale=1e6),
        dict(B=3, H=2, T=3, K=4, D=7, scale=1e6),
    ],
    spans=dict(B=(1, 4), H=(1, 4), T=(1, 4), K=(1, 4), D=(1, 4), scale=(0.1, 10.0)),
    bug="""
        bug: .transpose(1, 2) → nothing
    """,
    hints="""
        `reshape` reads all numbers in the order of their axes, the last one fastest, and cuts that row anew.
        In which order do they come here: a position's heads, or a head's positions?

        Numbers to be joined must stand on neighbouring axes: n_h and d_k, which T keeps apart.

        Move the axis first: `heads.transpose(1, 2).reshape(b, steps, n_h * d_k)`.
    """,
    wrong="""
        positions_still_mixed: .transpose(1, 2) → nothing
            The bug is still there: a reshape of (B, n_h, T, d_k) joins positions of one head to a row. Bring
            the heads beside their features first, with transpose(1, 2).
        view_of_moved_axes: .reshape( → .view(
            The axes are right, but `view` needs the numbers in that order in memory, and a transpose does not
            move them. Use reshape, which copies where it must, or call .contiguous() first.
        positions_and_features_swapped: .transpose(1, 2) → .transpose(2, 3)
            You swap the last two axes, positions and features. It is heads and positions that change places:
            transpose(1, 2).
        interleaved: .transpose(1, 2) → .permute(0, 2, 3, 1)
            You join features first and heads last, so the heads take turns along a row. Each head is to keep
            its d_k features side by side: (B, T, n_h, d_k) before the reshape.
        order_reversed: heads.transpose(1, 2) → heads.flip(1).transpose(1, 2)
            The heads are joined in the reverse order: head 1 comes first.
        heads_averaged: heads.transpose(1, 2).reshape(b, steps, n_h * d_k) → heads.mean(1).repeat(1, 1, n_h)
            You average the heads: they are put side by side, and W_O decides how they mix.
        heads_added: heads.transpose(1, 2).reshape(b, steps, n_h * d_k) → heads.sum(1).repeat(1, 1, n_h)
            You add the heads up: they are put side by side, and W_O decides how they mix.
        not_projected: merged @ weight.T + bias → merged
            The heads are merged, but the output projection is gone: multiply by W_O and add b.
        bias_left_out: weight.T + bias → weight.T
            The heads are merged, but the bias is gone: add b.
        weight_not_transposed: weight.T → weight
            The heads are merged, but W_O is turned: with positions as rows, W_O h of the formula is `merged @
            weight.T`.
    """,
)

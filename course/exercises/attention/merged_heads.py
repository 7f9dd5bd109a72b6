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


def draw(rng, B, H, T, K, D, dtype=torch.float64, scale=1.0, turned=None):
    """A case of H heads of K features, and D features out; `scale` multiplies the heads. In memory their axis
    and `turned` change places."""
    heads, weight, bias = tensors(rng, "BHTK DW D", dtype, B=B, H=H, T=T, K=K, D=D, W=H * K)
    heads = heads.transpose(1, turned).contiguous().transpose(1, turned) if turned else heads
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
        dict(B=2, H=2, T=3, K=2, D=4, turned=2),
        dict(B=2, H=2, T=3, K=2, D=4, turned=3),
        dict(B=1, H=20, T=1001, K=1, D=1),
        dict(B=20, H=2, T=2, K=1, D=2),
        dict(B=1, H=90, T=2, K=1, D=40),
        dict(B=1, H=2, T=2, K=130, D=3),
    ],
    spans=dict(B=(1, 4), H=(1, 4), T=(1, 4), K=(1, 4), D=(1, 4), scale=(0.1, 10.0)),
    bug="""
        bug: .transpose(1, 2) → nothing
    """,
    hints="""
        `reshape` reads all numbers in the order of their axes, the last one fastest, and cuts that row again.
        In which order do they come here: a position's heads, or a head's positions?

        Numbers to be joined must stand on neighbouring axes: n_h and d_k, which T keeps apart.

        This is the line itself: `merged = heads.transpose(1, 2).reshape(b, steps, n_h * d_k)`.
    """,
    wrong="""
        positions_still_mixed: .transpose(1, 2) → nothing
            The bug is still there: a reshape of (B, n_h, T, d_k) joins positions of one head to a row. Bring
            the heads beside their features first, with transpose(1, 2).
        reshaped_first: heads.transpose(1, 2) → heads.reshape(b, steps, n_h, d_k).transpose(1, 2)
            Your first reshape renames axes and moves no number, so what the transpose then moves is mixed
            already: begin with the transpose.
        batch_in_place_of_positions: .transpose(1, 2) → .transpose(0, 1)
        batch_behind_positions: .transpose(1, 2) → .permute(2, 0, 1, 3)
            You move the batch, and rows of several sequences are mixed: it is heads and positions that change
            places, transpose(1, 2).
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
        first_block_for_all: merged @ weight.T → heads.sum(1) @ weight[:, :d_k].T
            All your heads go through the first d_k columns of W_O: each head has d_k columns of its own.
        rows_as_wide_as_the_output: n_h * d_k) → len(weight))
            You make rows of D_out numbers: a row joins n_h heads of d_k numbers, whatever D_out is.
        shares_averaged: merged @ weight.T → merged @ weight.T / n_h
            You average what the heads contribute: [h_1; ...; h_n] W_O is the sum over the heads.
        bias_for_each_head: + bias → + n_h * bias
            The bias is added once for each head: add it once, after the sum.
        bias_before_the_projection: merged @ weight.T + bias → (merged + bias) @ weight.T
            You add the bias before the projection: it comes after it, W_O h + b.
        heads_averaged: heads.transpose(1, 2).reshape(b, steps, n_h * d_k) → heads.mean(1).repeat(1, 1, n_h)
            You average the heads: they are put side by side, and W_O decides how they mix.
        heads_added: heads.transpose(1, 2).reshape(b, steps, n_h * d_k) → heads.sum(1).repeat(1, 1, n_h)
            You add the heads up: they are put side by side, and W_O decides how they mix.
        not_projected: merged @ weight.T + bias → merged
            The heads are merged, but the output projection is gone: multiply by W_O and add b.
        weight_not_transposed: weight.T → weight
            The heads are merged, but W_O is turned: with positions as rows, W_O h of the formula is `merged @
            weight.T`.
    """,
)

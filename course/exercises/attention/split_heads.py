"""Chapter 3: split the features into heads."""

import torch

from course.exercises.cases import normal
from course.exercises.engine import Exercise


def my_split_heads(x, n_h):
    """The heads (B, n_h, T, d_k) of x (B, T, D), d_k = D / n_h; head h has the h-th block of features."""
    b, steps, d_model = x.shape
    blocks = x.reshape(b, steps, n_h, d_model // n_h)  # cuts the last axis, and no other
    return blocks.transpose(1, 2)  # (B, n_h, T, d_k)


def by_feature(x, n_h):
    """The same, feature by feature."""
    b, steps, d_model = x.shape
    d_k = d_model // n_h
    out = x.new_zeros(b, n_h, steps, d_k)
    for f in range(d_model):
        out[:, f // d_k, :, f % d_k] = x[:, :, f]
    return out


def draw(rng, B, T, H, K, dtype=torch.float64, scale=1.0, turned=None):
    """A case of H heads of K features; in memory the first axis and `turned` change places."""
    x = normal(rng, B, T, H * K, dtype=dtype, scale=scale)
    return (x.transpose(0, turned).contiguous().transpose(0, turned) if turned else x), H


split_heads = Exercise(
    my_split_heads,
    reference=by_feature,
    gradients=True,
    draw=draw,
    by_hand=([[[1.0, 2.0, 3.0, 4.0], [5.0, 6.0, 7.0, 8.0]]], 2),
    sizes=[
        dict(B=1, T=1, H=1, K=1),
        dict(B=1, T=1, H=3, K=2),
        dict(B=2, T=4, H=1, K=3),
        dict(B=2, T=3, H=4, K=1),
        dict(B=2, T=3, H=2, K=5),
        dict(B=3, T=3, H=3, K=3),
        dict(B=3, T=5, H=4, K=2, dtype=torch.float32),
        dict(B=2, T=2, H=2, K=3, dtype=torch.float32, scale=1e30),
        dict(B=4, T=2, H=3, K=4, scale=1e-30),
        dict(B=2, T=3, H=2, K=2, turned=1),
        dict(B=2, T=3, H=2, K=2, turned=2),
        dict(B=1, T=1001, H=20, K=1),
        dict(B=20, T=2, H=2, K=1),
        dict(B=1, T=2, H=90, K=1),
        dict(B=1, T=2, H=2, K=130),
    ],
    spans=dict(B=(1, 4), T=(1, 4), H=(1, 4), K=(1, 4)),
    hints="""
        `reshape` never moves a number: it only cuts the row of all numbers again. So let it cut the last axis
        alone, and leave B and T as they are.

        x as (B, T, n_h, d_k) holds the blocks already. What is left is to bring the heads before the
        positions, which takes a transpose, not a reshape.

        This is the line itself: `x.reshape(b, steps, n_h, d_model // n_h).transpose(1, 2)`.
    """,
    forbids="loops: One reshape and one transpose do it for all heads, and copy no more than they must.",
    special="""
        not_contiguous: not x.is_contiguous()
            Your function is right but for an x that is a transposed view: its numbers lie in another order in
            memory. `reshape` and `unflatten` mind that; `view` and `as_strided` do not.
    """,
    wrong="""
        positions_mixed: steps, n_h, d_model // n_h) → n_h, steps, d_model // n_h)
        and: .transpose(1, 2) → nothing
            The shape is right, but a reshape alone mixes positions: your first head holds whole rows of the
            first positions. Reshape to (B, T, n_h, d_k), then transpose(1, 2).
        interleaved: n_h, d_model // n_h) → d_model // n_h, n_h)
        and: transpose(1, 2) → permute(0, 3, 1, 2)
            Your heads take turns with the features, feature f to head f % n_h: head h takes a block, features
            h d_k to (h + 1) d_k - 1. Reshape to (..., n_h, d_k), in this order.
        columns_mixed: x.reshape(b, steps, n_h, d_model // n_h) → x.mT.reshape(b, n_h, steps, d_model // n_h)
        and: .transpose(1, 2) → nothing
            You swap positions and features, and then reshape: numbers of one feature at several positions
            become a row. Reshape first, to (B, T, n_h, d_k), then transpose(1, 2).
        positions_cut: steps, n_h, d_model // n_h) → d_model // n_h, n_h, steps)
        and: transpose(1, 2) → permute(0, 2, 3, 1)
            Your reshape cuts through the positions, and the axes are then named as you wish them. Only the
            last axis of (B, T, D) may be cut: (B, T, n_h, d_k).
        heads_after_positions: .transpose(1, 2) → nothing
            The blocks are right, but the heads stand third, (B, T, n_h, d_k): attention would run over the
            heads of a position. Finish with transpose(1, 2).
        sizes_swapped: n_h, d_model // n_h) → d_model // n_h, n_h)
            n_h and d_k are swapped: you make d_k heads of n_h features. (`split` takes the size of a part,
            `chunk` the number of parts.)
        stacked_in_front: blocks.transpose(1, 2) → blocks.permute(2, 0, 1, 3).reshape(b, n_h, steps, -1)
            The blocks are right, but you stack them in front of the batch, and a reshape moves no axis: stack
            along dim=1.
        heads_in_the_batch: .transpose(1, 2) → .transpose(1, 2).flatten(0, 1)
            The blocks are right, but batch and heads share one axis, (B n_h, T, d_k): keep two axes.
        same_block_for_all: blocks.transpose(1, 2) → blocks[:, None, :, 0].repeat(1, n_h, 1, 1)
            All your heads hold the first block: head h begins at feature h d_k.
        not_cut: blocks.transpose(1, 2) → x[:, None].repeat(1, n_h, 1, 1)
            Every head holds all D features: a head has d_k = D / n_h of them.
        features_summed: blocks.transpose(1, 2) → blocks.sum(2)[:, None].repeat(1, n_h, 1, 1)
            Your heads hold the sum of all blocks: cut the features, add nothing.
    """,
)

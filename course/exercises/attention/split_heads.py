"""Chapter 3: split the features into heads."""

import torch
from course.exercises.cases import normal
from course.exercises.engine import Exercise


def my_split_heads(x, n_h):
    """The heads (B, n_h, T, d_k) of x (B, T, D), d_k = D / n_h; head h has the h-th block of features."""
    b, steps, d_model = x.shape
    blocks = x.reshape(b, steps, n_h, d_model // n_h)  # cuts the last axis, and no other
    return blocks.transpose(1, 2)  # (B, n_h, T, d_k)


def by_element(x, n_h):
    """The same, element by element."""
    b, steps, d_model = x.shape
    d_k = d_model // n_h
    out = x.new_zeros(b, n_h, steps, d_k)
    for f in range(d_model):
        for t in range(steps):
            out[:, f // d_k, t, f % d_k] = x[:, t, f]
    return out


def wide_heads(rng):
    """One valid case of small random sizes."""
    b, steps, n_h, d_k = (rng.randint(1, 4) for _ in range(4))
    return normal(rng, b, steps, n_h * d_k, dtype=rng.choice((torch.float32, torch.float64))), n_h


def heads_case(rng, b, steps, n_h, d_k, dtype=torch.float64, scale=1.0):
    """A case of given sizes."""
    return normal(rng, b, steps, n_h * d_k, dtype=dtype, scale=scale), n_h


split_heads = Exercise(
    my_split_heads,
    reference=by_element,
    gradients=True,
    # OLD wide=wide_heads
    # OLD cases:
    # lambda rng: [
    #         (torch.arange(1, 9, dtype=torch.float64).reshape(1, 2, 4), 2),  # by hand
    #         heads_case(rng, 1, 1, 1, 1),
    #         heads_case(rng, 1, 1, 3, 2),
    #         heads_case(rng, 2, 4, 1, 3),
    #         heads_case(rng, 2, 3, 4, 1),
    #         heads_case(rng, 2, 3, 2, 5),
    #         heads_case(rng, 3, 3, 3, 3),
    #         heads_case(rng, 3, 5, 4, 2, torch.float32),
    #         heads_case(rng, 2, 2, 2, 3, torch.float32, 1e30),
    #         heads_case(rng, 4, 2, 3, 4, torch.float64, 1e-30),
    #         *(wide_heads(rng) for _ in range(6)),
    #     ]
    by_hand=(),
    draw=None,
    sizes=[],
    spans={},
    hints="""
        `reshape` never moves a number: it only cuts the row of all numbers anew. So let it cut the last axis
        alone, and leave B and T as they are.

        x as (B, T, n_h, d_k) holds the blocks already. What is left is to bring the heads before the
        positions, which takes a transpose, not a reshape.

        `x.reshape(b, steps, n_h, d_model // n_h).transpose(1, 2)`.
    """,
    wrong="""
        positions_mixed: OLD → NEW
            The shape is right, but a reshape alone mixes positions: your first head holds whole rows of the
            first positions. Reshape to (B, T, n_h, d_k), then transpose(1, 2).
        interleaved: OLD → NEW
            Your heads take turns with the features, feature f to head f % n_h: head h takes a block, features
            h d_k to (h + 1) d_k - 1. Reshape to (..., n_h, d_k), in this order.
        columns_mixed: OLD → NEW
            You swap positions and features, and then reshape: numbers of one feature at several positions
            become a row. Reshape first, to (B, T, n_h, d_k), then transpose(1, 2).
        positions_cut: OLD → NEW
            Your reshape cuts through the positions, and the axes are then named as you wish them. Only the
            last axis of (B, T, D) may be cut: (B, T, n_h, d_k).
        heads_after_positions: OLD → NEW
            The blocks are right, but the heads stand third, (B, T, n_h, d_k): attention would run over the
            heads of a position. Finish with transpose(1, 2).
        sizes_swapped: OLD → NEW
            n_h and d_k are swapped: you make d_k heads of n_h features. (`split` takes the size of a part,
            `chunk` the number of parts.)
        positions_last: OLD → NEW
            The blocks are right, but positions stand last, (B, n_h, d_k, T): each position's features belong
            on the last axis.
        heads_first: OLD → NEW
            The blocks are right, but the heads stand before the batch, (n_h, B, T, d_k): stack along dim=1.
        heads_in_the_batch: OLD → NEW
            The blocks are right, but batch and heads share one axis, (B n_h, T, d_k): keep two axes.
        order_reversed: OLD → NEW
            Your heads come in the reverse order: head 0 holds the first block.
        same_block_for_all: OLD → NEW
            All your heads hold the first block: head h begins at feature h d_k.
        not_cut: OLD → NEW
            Every head holds all D features: a head has d_k = D / n_h of them.
        features_summed: OLD → NEW
            Your heads hold the sum of all blocks: cut the features, add nothing.
    """,
)

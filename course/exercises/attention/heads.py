"""Chapter 3, exercise: split the features into heads."""

import torch

from course.exercises.draw import normal
from course.exercises.engine import Exercise, Misconception


def my_split_heads(x, n_h):
    """The heads (B, n_h, T, d_k) of x (B, T, D), d_k = D / n_h; head h has the h-th block of features."""
    raise NotImplementedError


def solve_split_heads(x, n_h):
    """The heads (B, n_h, T, d_k) of x (B, T, D), d_k = D / n_h; head h has the h-th block of features."""
    b, steps, d_model = x.shape
    blocks = x.reshape(b, steps, n_h, d_model // n_h)  # cuts the last axis, and no other
    return blocks.transpose(1, 2)  # (B, n_h, T, d_k)


def heads_by_chunks(x, n_h):
    """The same with one slice of the features for each head."""
    d_k = x.shape[-1] // n_h
    return torch.stack([x[:, :, h * d_k : (h + 1) * d_k] for h in range(n_h)], dim=1)


def heads_by_permute(x, n_h):
    """The same with an axis that is unfolded and moved."""
    d_k = x.size(2) // n_h
    return x.unflatten(2, (n_h, d_k)).permute(0, 2, 1, 3)


def heads_features_first(x, n_h):
    """The same from x with its features before its positions: there the blocks need no axis moved."""
    b, steps, d_model = x.shape
    columns = x.transpose(1, 2).reshape(b, n_h, d_model // n_h, steps)
    return columns.transpose(2, 3)


def heads_by_product(x, n_h):
    """The same by matrices of 0 and 1, one for each head, which pick its features."""
    d_k = x.shape[2] // n_h
    pick = torch.eye(x.shape[2], dtype=x.dtype).reshape(n_h, d_k, -1)
    return torch.einsum("btf,hkf->bhtk", x, pick)


def by_element(x, n_h):
    """The same, element by element."""
    b, steps, d_model = x.shape
    d_k = d_model // n_h
    out = x.new_zeros(b, n_h, steps, d_k)
    for f in range(d_model):
        for t in range(steps):
            out[:, f // d_k, t, f % d_k] = x[:, t, f]
    return out


def sizes(x, n_h):
    """B, T, n_h, d_k."""
    return x.shape[0], x.shape[1], n_h, x.shape[2] // n_h


def mixed(x, n_h):
    """The shape asked for by a reshape alone."""
    b, steps, n_h, d_k = sizes(x, n_h)
    return x.reshape(b, n_h, steps, d_k)


def interleaved(x, n_h):
    """Feature f given to head f % n_h."""
    return x.unflatten(2, (-1, n_h)).permute(0, 3, 1, 2)


def columns_mixed(x, n_h):
    """Positions and features swapped first, then a reshape to the shape asked for."""
    b, steps, n_h, d_k = sizes(x, n_h)
    return x.transpose(1, 2).reshape(b, n_h, steps, d_k)


def positions_cut(x, n_h):
    """A reshape that cuts the positions in place of the features, then an axis moved to give the shape."""
    b, steps, n_h, d_k = sizes(x, n_h)
    return x.reshape(b, d_k, n_h, steps).permute(0, 2, 3, 1)


def wide_heads(rng):
    """One valid case of small random sizes."""
    b, steps, n_h, d_k = (rng.randint(1, 4) for _ in range(4))
    return normal(rng, b, steps, n_h * d_k, dtype=rng.choice((torch.float32, torch.float64))), n_h


def heads_case(rng, b, steps, n_h, d_k, dtype=torch.float64, scale=1.0):
    """A case of given sizes."""
    return normal(rng, b, steps, n_h * d_k, dtype=dtype, scale=scale), n_h


split_heads = Exercise(
    name="split_heads",
    title="split the features into heads",
    difficulty="easy",
    minutes=10,
    task="""
        Multi-head attention cuts the $D$ features of each position into $n_h$ heads of $d_k = D / n_h$
        features. Turn `x` $(B, T, D)$ into $(B, n_h, T, d_k)$ so that head $h$ holds the $h$-th block of
        features of every position, heads counted from 0:

        $$\\text{out}_{b,h,t,j} = x_{b,\\,t,\\,h\\, d_k + j}$$

        $D$ is a multiple of `n_h`. No loop. Values and gradients are compared.

        By hand first: $B = 1$, $n_h = 2$, and `x` has the rows `[1, 2, 3, 4]` and `[5, 6, 7, 8]`. What are
        the two heads? What does `x.reshape(1, 2, 2, 2)` give?
    """,
    stub_function=my_split_heads,
    reference=by_element,
    cases=lambda rng: [
        (torch.arange(1, 9, dtype=torch.float64).reshape(1, 2, 4), 2),  # by hand
        heads_case(rng, 1, 1, 1, 1),
        heads_case(rng, 1, 1, 3, 2),
        heads_case(rng, 2, 4, 1, 3),
        heads_case(rng, 2, 3, 4, 1),
        heads_case(rng, 2, 3, 2, 5),
        heads_case(rng, 3, 3, 3, 3),
        heads_case(rng, 3, 5, 4, 2, torch.float32),
        heads_case(rng, 2, 2, 2, 3, torch.float32, 1e30),
        heads_case(rng, 4, 2, 3, 4, torch.float64, 1e-30),
        *(wide_heads(rng) for _ in range(6)),
    ],
    wide=wide_heads,
    gradients=True,
    hints=(
        "`reshape` never moves a number: it only cuts the row of all numbers anew. So let it cut the last "
        "axis alone, and leave B and T as they are.",
        "x as (B, T, n_h, d_k) holds the blocks already. What is left is to bring the heads before the "
        "positions, which takes a transpose, not a reshape.",
        "`x.reshape(b, steps, n_h, d_model // n_h).transpose(1, 2)`.",
    ),
    solution_function=solve_split_heads,
    alternatives=(heads_by_chunks, heads_by_permute, heads_features_first, heads_by_product),
    misconceptions=(
        Misconception(
            "positions_mixed",
            "The shape is right, but a reshape alone mixes positions: your first head holds whole rows of "
            "the first positions. Reshape to (B, T, n_h, d_k), then transpose(1, 2).",
            mixed,
        ),
        Misconception(
            "interleaved",
            "Your heads take turns with the features, feature f to head f % n_h: head h takes a block, "
            "features h d_k to (h + 1) d_k - 1. Reshape to (..., n_h, d_k), in this order.",
            interleaved,
        ),
        Misconception(
            "columns_mixed",
            "You swap positions and features, and then reshape: numbers of one feature at several positions "
            "become a row. Reshape first, to (B, T, n_h, d_k), then transpose(1, 2).",
            columns_mixed,
        ),
        Misconception(
            "positions_cut",
            "Your reshape cuts through the positions, and the axes are then named as you wish them. Only the "
            "last axis of (B, T, D) may be cut: (B, T, n_h, d_k).",
            positions_cut,
        ),
        Misconception(
            "heads_after_positions",
            "The blocks are right, but the heads stand third, (B, T, n_h, d_k): attention would run over the "
            "heads of a position. Finish with transpose(1, 2).",
            lambda x, n_h: by_element(x, n_h).transpose(1, 2),
        ),
        Misconception(
            "sizes_swapped",
            "n_h and d_k are swapped: you make d_k heads of n_h features. (`split` takes the size of a part, "
            "`chunk` the number of parts.)",
            lambda x, n_h: by_element(x, x.shape[2] // n_h),
        ),
        Misconception(
            "positions_last",
            "The blocks are right, but positions stand last, (B, n_h, d_k, T): each position's features "
            "belong on the last axis.",
            lambda x, n_h: by_element(x, n_h).mT,
        ),
        Misconception(
            "heads_first",
            "The blocks are right, but the heads stand before the batch, (n_h, B, T, d_k): stack along "
            "dim=1.",
            lambda x, n_h: by_element(x, n_h).transpose(0, 1),
        ),
        Misconception(
            "heads_in_the_batch",
            "The blocks are right, but batch and heads share one axis, (B n_h, T, d_k): keep two axes.",
            lambda x, n_h: by_element(x, n_h).flatten(0, 1),
        ),
        Misconception(
            "order_reversed",
            "Your heads come in the reverse order: head 0 holds the first block.",
            lambda x, n_h: by_element(x, n_h).flip(1),
        ),
        Misconception(
            "same_block_for_all",
            "All your heads hold the first block: head h begins at feature h d_k.",
            lambda x, n_h: by_element(x, n_h)[:, :1].repeat(1, n_h, 1, 1),
        ),
        Misconception(
            "not_cut",
            "Every head holds all D features: a head has d_k = D / n_h of them.",
            lambda x, n_h: x[:, None].repeat(1, n_h, 1, 1),
        ),
        Misconception(
            "features_summed",
            "Your heads hold the sum of all blocks: cut the features, add nothing.",
            lambda x, n_h: by_element(x, n_h).sum(1, keepdim=True).repeat(1, n_h, 1, 1),
        ),
    ),
)

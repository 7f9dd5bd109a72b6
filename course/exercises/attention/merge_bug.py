"""Chapter 3, exercise: find the bug, heads merged without moving their axis."""

import torch
import torch.nn.functional as F

from course.exercises.draw import normal
from course.exercises.engine import Exercise, Misconception


def my_merge(heads, weight, bias):
    """The output (B, T, D_out) of multi-head attention. heads (B, n_h, T, d_k), weight (D_out, n_h d_k),
    bias (D_out,)."""
    b, n_h, steps, d_k = heads.shape
    merged = heads.reshape(b, steps, n_h * d_k)
    return merged @ weight.T + bias


def solve_merge(heads, weight, bias):
    """The output (B, T, D_out) of multi-head attention. heads (B, n_h, T, d_k), weight (D_out, n_h d_k),
    bias (D_out,)."""
    b, n_h, steps, d_k = heads.shape
    # A reshape joins neighbouring axes only, so the heads must stand beside their features first.
    merged = heads.transpose(1, 2).reshape(b, steps, n_h * d_k)
    return merged @ weight.T + bias


def merge_by_joining(heads, weight, bias):
    """The same with the heads joined one by one along the features."""
    merged = torch.cat([heads[:, h] for h in range(heads.shape[1])], dim=-1)  # (B, T, n_h d_k)
    return F.linear(merged, weight, bias)


def merge_by_einsum(heads, weight, bias):
    """The same with no merged tensor: the weight is cut into heads in its place."""
    cut = weight.reshape(weight.shape[0], heads.shape[1], heads.shape[3])
    return torch.einsum("bhtk,ohk->bto", heads, cut) + bias


def merge_by_position(heads, weight, bias):
    """The same, one position after the other."""
    rows = [heads[:, :, t].flatten(1) for t in range(heads.shape[2])]  # each (B, n_h d_k)
    return torch.stack([torch.addmm(bias, row, weight.T) for row in rows], dim=1)


def by_blocks(heads, weight, bias):
    """The same as a sum over heads, each with its own block of W_O, in float64."""
    d_k = heads.shape[3]
    out = bias.double().expand(heads.shape[0], heads.shape[2], -1)
    for h in range(heads.shape[1]):
        out = out + heads[:, h].double() @ weight[:, h * d_k : (h + 1) * d_k].double().T
    return out.to(heads.dtype)


def wrong(name, diagnosis, merge, project=lambda merged, weight, bias: merged @ weight.T + bias):
    """A misconception that merges or projects in another way; `merge` is a function of (B, n_h, T, d_k)."""
    return Misconception(name, diagnosis, lambda heads, weight, bias: project(merge(heads), weight, bias))


def right(heads):
    """The heads merged."""
    return heads.transpose(1, 2).flatten(2)


def viewed(heads):
    """A view of the heads that are moved, which cannot be had in general: it raises RuntimeError."""
    b, n_h, steps, d_k = heads.shape
    return heads.transpose(1, 2).view(b, steps, n_h * d_k)


def renamed(heads):
    """The last two axes swapped, and the shape asked for taken out of that."""
    b, n_h, steps, d_k = heads.shape
    return heads.mT.reshape(b, steps, n_h * d_k)


def merge_case(rng, b, n_h, steps, d_k, d_out, dtype=torch.float64, scale=1.0):
    """A case of given sizes."""
    weight, bias = normal(rng, d_out, n_h * d_k, dtype=dtype), normal(rng, d_out, dtype=dtype)
    return normal(rng, b, n_h, steps, d_k, dtype=dtype, scale=scale), weight, bias


def wide_merge(rng):
    """One valid case of small random sizes."""
    dtype = rng.choice((torch.float32, torch.float64))
    return merge_case(rng, *(rng.randint(1, 4) for _ in range(5)), dtype, 10 ** rng.uniform(-1, 1))


merged_heads = Exercise(
    name="merged_heads",
    title="find the bug where heads are merged",
    difficulty="medium",
    minutes=12,
    task="""
        The heads $(B, n_h, T, d_k)$ are joined and go through the output projection:

        $$y_t = W_O\\, [\\,h_{1,t};\\, \\dots;\\, h_{n_h,t}\\,] + b$$

        The program below runs and the shapes are right. But a change to the second token changes the first
        output, in spite of a causal mask. With one head or one position nothing is wrong. Find the bug and
        mend it. Values and gradients are compared.

        By hand first: $n_h = T = 2$, $d_k = 1$, head 1 is $(1, 2)$, head 2 is $(3, 4)$. Which row belongs to
        the first position?
    """,
    stub_function=my_merge,
    reference=by_blocks,
    cases=lambda rng: [
        (  # by hand: the rows are (1, 3) and (2, 4)
            torch.tensor([[[[1.0], [2.0]], [[3.0], [4.0]]]], dtype=torch.float64),
            torch.eye(2, dtype=torch.float64),
            torch.tensor([0.0, 10.0], dtype=torch.float64),
        ),
        merge_case(rng, 1, 1, 1, 1, 1),
        merge_case(rng, 2, 1, 4, 3, 2),
        merge_case(rng, 2, 3, 1, 2, 4),
        merge_case(rng, 2, 4, 3, 1, 3),
        merge_case(rng, 3, 3, 3, 3, 9),
        merge_case(rng, 2, 2, 5, 3, 6),
        merge_case(rng, 2, 4, 3, 2, 5, torch.float32),
        merge_case(rng, 1, 3, 4, 2, 1, torch.float32, 1e6),
        merge_case(rng, 3, 2, 3, 4, 7, torch.float64, 1e6),
        *(wide_merge(rng) for _ in range(6)),
    ],
    wide=wide_merge,
    gradients=True,
    hints=(
        "`reshape` reads all numbers in the order of their axes, the last one fastest, and cuts that row "
        "anew. In which order do they come here: a position's heads, or a head's positions?",
        "Numbers to be joined must stand on neighbouring axes: n_h and d_k, which T keeps apart.",
        "Move the axis first: `heads.transpose(1, 2).reshape(b, steps, n_h * d_k)`.",
    ),
    solution_function=solve_merge,
    alternatives=(merge_by_joining, merge_by_einsum, merge_by_position),
    misconceptions=(
        wrong(
            "positions_still_mixed",
            "The bug is still there: a reshape of (B, n_h, T, d_k) joins positions of one head to a row. "
            "Bring the heads beside their features first, with transpose(1, 2).",
            lambda heads: heads.reshape(heads.shape[0], heads.shape[2], -1),
        ),
        wrong(
            "view_of_moved_axes",
            "The axes are right, but `view` needs the numbers in that order in memory, and a transpose "
            "does not move them. Use reshape, which copies where it must, or call .contiguous() first.",
            viewed,
        ),
        wrong(
            "positions_and_features_swapped",
            "You swap the last two axes, positions and features. It is heads and positions that change "
            "places: transpose(1, 2).",
            renamed,
        ),
        wrong(
            "interleaved",
            "You join features first and heads last, so the heads take turns along a row. Each head is to "
            "keep its d_k features side by side: (B, T, n_h, d_k) before the reshape.",
            lambda heads: heads.permute(0, 2, 3, 1).flatten(2),
        ),
        wrong(
            "order_reversed",
            "The heads are joined in the reverse order: head 1 comes first.",
            lambda heads: right(heads.flip(1)),
        ),
        wrong(
            "heads_averaged",
            "You average the heads: they are put side by side, and W_O decides how they mix.",
            lambda heads: right(heads.mean(1, keepdim=True).expand_as(heads)),
        ),
        wrong(
            "heads_added",
            "You add the heads up: they are put side by side, and W_O decides how they mix.",
            lambda heads: right(heads.sum(1, keepdim=True).expand_as(heads)),
        ),
        wrong(
            "not_projected",
            "The heads are merged, but the output projection is gone: multiply by W_O and add b.",
            right,
            lambda merged, weight, bias: merged,
        ),
        wrong(
            "bias_left_out",
            "The heads are merged, but the bias is gone: add b.",
            right,
            lambda merged, weight, bias: merged @ weight.T,
        ),
        wrong(
            "weight_not_transposed",
            "The heads are merged, but W_O is turned: with positions as rows, W_O h of the formula is "
            "`merged @ weight.T`.",
            right,
            lambda merged, weight, bias: merged @ weight + bias,
        ),
    ),
)

"""Chapter 5: packing, Lin et al. (2018), "PacGAN: The power of two samples in generative
adversarial networks"."""

import torch

from course.exercises.cases import normal
from course.exercises.engine import Exercise


def my_pack(x, m):
    """m consecutive samples as one. x (B, D) -> (B / m, m D), or (B, C, H, W) -> (B / m, m C, H, W); m, a
    whole number that divides B."""
    B, C, *rest = x.shape
    # Samples stand one after the other, and so do the channels of each: the order of the numbers stays.
    return x.reshape(B // m, m * C, *rest)


def by_index(x, m):
    """The same by looking up each row: row c of pack k is row c mod C of sample k m + c div C."""
    packs, rows = x.shape[0] // m, m * x.shape[1]
    k, c = torch.meshgrid(torch.arange(packs), torch.arange(rows), indexing="ij")
    return x[k * m + c.div(x.shape[1], rounding_mode="floor"), c % x.shape[1]]


def draw(rng, packs, m, shape, dtype=torch.float64, last=False, scale=1.0):
    """A case; `shape` is a sample's; with `last` the batch lies last in memory."""
    if last:
        return normal(rng, *shape, packs * m, dtype=dtype, scale=scale).movedim(-1, 0), m
    return normal(rng, packs * m, *shape, dtype=dtype, scale=scale), m


pack = Exercise(
    my_pack,
    reference=by_index,
    gradients=True,
    draw=draw,
    by_hand=([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0], [7.0, 8.0]], 2),  # (1, 2, 3, 4), (5, 6, 7, 8)
    sizes=[
        dict(packs=2, shape=(3,), m=2, scale=1e3),
        dict(packs=3, m=1, shape=(2,)),
        dict(packs=1, m=3, shape=(2,)),
        dict(packs=3, m=2, shape=(1,)),
        dict(packs=2, m=3, shape=(4,)),
        dict(packs=4, m=4, shape=(4,)),
        dict(packs=3, m=2, shape=(5,), dtype=torch.float32),
        dict(packs=2, m=2, shape=(1, 2, 3)),
        dict(packs=3, m=2, shape=(3, 4, 2)),
        dict(packs=2, m=4, shape=(2, 3, 3)),
        dict(packs=1, m=3, shape=(2, 1, 1)),
        dict(packs=2, m=1, shape=(2, 3, 2)),
        dict(packs=2, m=2, shape=(3,), last=True),
        dict(packs=2, m=2, shape=(2, 2, 1), last=True),
        dict(packs=2, m=120, shape=(1,)),
        dict(packs=130, m=2, shape=(2,)),
    ],
    spans=dict(
        packs=(1, 4), m=(1, 4), shape=lambda rng: [rng.randint(1, 4) for _ in range(rng.choice((1, 3)))]
    ),
    special="""
        not_contiguous: not x.is_contiguous()
            Right but for a tensor whose numbers lie in another order in memory, as after a transpose: `view`
            and `as_strided` look at memory. `reshape` copies where it must.
        one_pack: len(x) == m
            Right but where all samples make one pack: it keeps its batch axis, of size 1.
    """,
    hints="""
        In which order do the numbers of x stand, row by row, and in which order those of the packed tensor?

        It is the same order: only the shape changes. Write the new shape with x.shape, for points and images
        alike.

        This is the line itself: `x.reshape(x.shape[0] // m, m * x.shape[1], *x.shape[2:])`.
    """,
    wrong="""
        far_apart: x.reshape(B // m, m * C, *rest) → torch.cat(x.chunk(m), dim=1)
            You pair sample 0 with sample B/m, as `torch.chunk` along the batch does: a pack holds m
            consecutive samples.
        last_axis: return x.reshape( → return torch.cat(x.reshape(
        and: m * C, *rest) → m, C, *rest).unbind(1), dim=-1)
            Right for points, but you put images side by side along their last axis, into one wide image: they
            belong one behind the other, dim=1.
        rows_stacked: return x.reshape( → return torch.cat(x.reshape(
        and: m * C, *rest) → m, C, *rest).unbind(1), dim=2 if rest else 1)
            Right for points, but you put images one above the other, dim=2: they are packed as channels,
            dim=1.
        flattened: m * C, *rest → -1
            Right for points, but images lose their shape: keep H and W, and pack along dim=1.
        features_interleaved: m * C, *rest) → m, C, *rest).transpose(1, 2).flatten(1, 2)
            You interleave the samples: first every sample's feature 0, then every feature 1. A sample stays
            in one piece.
        same_sample_repeated: x.reshape(B // m, m * C, *rest) → torch.cat([x[::m]] * m, dim=1)
            You repeat the first sample of each pack m times, so that every pack looks collapsed: the pack
            holds m different samples.
        every_sample_repeated: x.reshape(B // m, m * C, *rest) → torch.cat([x] * m, dim=1)
            You repeat each sample m times and keep B packs: m different samples make one, B/m in all.
        rolling: x.reshape(B // m, m * C, *rest) → torch.cat([x.roll(-i, 0) for i in range(m)], dim=1)
        sliding: x.reshape(B // m, m * C, *rest) → torch.cat([x[i : B - m + 1 + i] for i in range(m)], dim=1)
            Your packs overlap, one starting at each sample: each sample belongs to one pack, B/m in all.
        unfolded: x.reshape( → x.unfold(0, m, m).reshape(
            `unfold` puts the m samples of a pack on the last axis, so they are interleaved: move it to dim=1.
        axes_squeezed: *rest) → *rest).squeeze()
            You drop all axes of size 1: the batch or the channels may be one, and keep their axis.
        height_and_width_swapped: *rest) → *rest[::-1])
            Right for points, but you swap the height and the width of images: H comes before W.
        first_learns: x.reshape( → torch.stack([a.detach() if b % m else a for b, a in enumerate(x)]).reshape(
            The values are right, but the gradient reaches the first sample of each pack alone: detach none.
        list_of_packs: return x.reshape(B // m, m * C, *rest) → return list(x.reshape(B // m, m * C, *rest))
            The packs are right, but in a list: make one tensor of them, by `torch.stack`.
        in_float32: *rest) → *rest).float()
            The numbers are right, but float64 comes back as float32: keep the type of x.
        samples_reversed: m * C, *rest) → m, C, *rest).flip(1).flatten(1, 2)
            The samples of a pack stand in reverse order.
        axis_not_merged: m * C → m, C
            The packs are right, but the axis of the m samples still stands: merge it with the next one.
        split_in_two_axes: B // m, m * C → m, B // m, C
            You give the packs an axis of their own at the front of m, (m, B/m, ...): the packs are the new
            batch, and m goes into dim=1.
        m_packs: B // m, m * C → m, B // m * C
            You make m packs of B/m samples: it is B/m packs of m samples.
        mean_repeated: x.reshape( → x.reshape(B // m, m, -1).mean(1, True).repeat(1, m, 1).reshape(
        mean_of_the_pack: m * C, *rest) → m, C, *rest).mean(1)
            You average over the pack, which hides whether its samples differ: put them side by side.
        sum_of_the_pack: m * C, *rest) → m, C, *rest).sum(1)
            You add the samples of a pack: put them side by side, so that the discriminator can compare.
        first_of_the_pack: x.reshape(B // m, m * C, *rest) → x[::m]
            You keep the first sample of each pack and drop the others.
    """,
)

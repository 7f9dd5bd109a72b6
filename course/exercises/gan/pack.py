"""Chapter 5: packing, Lin et al. (2018), "PacGAN: The power of two samples in generative
adversarial networks"."""

import torch
from course.exercises.cases import normal
from course.exercises.engine import Exercise


def my_pack(x, m):
    """m consecutive samples as one. x (B, D) -> (B / m, m D), or (B, C, H, W) -> (B / m, m C, H, W); m, a
    whole number that divides B."""
    # Samples lie one after the other in memory, and so do the channels of each: nothing has to move.
    return x.reshape(x.shape[0] // m, m * x.shape[1], *x.shape[2:])


def by_index(x, m):
    """The same by looking up each row: row c of pack k is row c mod C of sample k m + c div C."""
    packs, rows = x.shape[0] // m, m * x.shape[1]
    k, c = torch.meshgrid(torch.arange(packs), torch.arange(rows), indexing="ij")
    return x[k * m + c.div(x.shape[1], rounding_mode="floor"), c % x.shape[1]]


def points_case(rng, packs, m, dims, dtype=torch.float64):
    """A case of points."""
    return normal(rng, packs * m, dims, dtype=dtype), m


def images_case(rng, packs, m, channels, height, width):
    """A case of images."""
    return normal(rng, packs * m, channels, height, width), m


def wide_pack(rng):
    """One valid case, points or images."""
    sizes = [rng.randint(1, 4) for _ in range(5)]
    if rng.random() < 0.5:
        return points_case(rng, *sizes[:3], rng.choice((torch.float32, torch.float64)))
    return images_case(rng, *sizes)


pack = Exercise(
    my_pack,
    reference=by_index,
    gradients=True,
    # OLD wide=wide_pack
    # OLD cases:
    # lambda rng: [
    #         (torch.arange(1, 9, dtype=torch.float64).reshape(4, 2), 2),  # by hand: (1, 2, 3, 4), (5, 6, 7, 8)
    #         points_case(rng, 3, 1, 2),
    #         points_case(rng, 1, 3, 2),
    #         points_case(rng, 3, 2, 1),
    #         points_case(rng, 2, 3, 4),
    #         points_case(rng, 4, 4, 4),
    #         points_case(rng, 3, 2, 5, torch.float32),
    #         images_case(rng, 2, 2, 1, 2, 3),
    #         images_case(rng, 3, 2, 3, 4, 2),
    #         images_case(rng, 2, 4, 2, 3, 3),
    #         images_case(rng, 1, 3, 2, 1, 1),
    #         images_case(rng, 2, 1, 2, 3, 2),
    #         *(wide_pack(rng) for _ in range(5)),
    #     ]
    by_hand=(),
    draw=None,
    sizes=[],
    spans={},
    hints="""
        In which order do the numbers of x lie in memory, and in which order those of the packed tensor?

        It is the same order: only the shape changes. Write the new shape with x.shape, for points and images
        alike.

        `x.reshape(x.shape[0] // m, m * x.shape[1], *x.shape[2:])`.
    """,
    wrong="""
        far_apart: OLD → NEW
            You pair sample 0 with sample B/m, as `torch.chunk` along the batch does: a pack holds m
            consecutive samples.
        last_axis: OLD → NEW
            Right for points, but you put images side by side along their last axis, into one wide image: they
            belong one behind the other, dim=1.
        rows_stacked: OLD → NEW
            Right for points, but you put images one above the other, dim=2: they are packed as channels,
            dim=1.
        flattened: OLD → NEW
            Right for points, but images lose their shape: keep H and W, and pack along dim=1.
        features_interleaved: OLD → NEW
            You interleave the samples: first every sample's feature 0, then every feature 1. A sample stays
            in one piece.
        same_sample_repeated: OLD → NEW
            You repeat the first sample of each pack m times, so that every pack looks collapsed: the pack
            holds m different samples.
        every_sample_repeated: OLD → NEW
            You repeat each sample m times and keep B packs: m different samples make one, B/m in all.
        rolling: OLD → NEW
            Your packs overlap, one starting at each sample: each sample belongs to one pack, B/m in all.
        axis_not_merged: OLD → NEW
            The packs are right, but the axis of the m samples still stands: merge it with the next one.
        split_in_two_axes: OLD → NEW
            You give the packs an axis of their own at the front of m, (m, B/m, ...): the packs are the new
            batch, and m goes into dim=1.
        m_packs: OLD → NEW
            You make m packs of B/m samples: it is B/m packs of m samples.
        mean_of_the_pack: OLD → NEW
            You average over the pack, which hides whether its samples differ: put them side by side.
        sum_of_the_pack: OLD → NEW
            You add the samples of a pack: put them side by side, so that the discriminator can compare.
        first_of_the_pack: OLD → NEW
            You keep the first sample of each pack and drop the others.
        samples_reversed: OLD → NEW
            The samples of a pack stand in reverse order.
        shuffled: OLD → NEW
            You shuffle the batch: the samples are drawn at random already, and the order is given here.
    """,
)

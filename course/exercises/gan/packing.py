"""Chapter 5, exercise: packing, Lin et al. (2018), "PacGAN: The power of two samples in generative
adversarial networks"."""

import torch

from course.exercises.draw import normal
from course.exercises.engine import Exercise, Misconception


def my_pack(x, m):
    """m consecutive samples as one. x (B, D) -> (B / m, m D), or (B, C, H, W) -> (B / m, m C, H, W); m, a
    whole number that divides B."""
    raise NotImplementedError


def solve_pack(x, m):
    """m consecutive samples as one. x (B, D) -> (B / m, m D), or (B, C, H, W) -> (B / m, m C, H, W); m, a
    whole number that divides B."""
    # Samples lie one after the other in memory, and so do the channels of each: nothing has to move.
    return x.reshape(x.shape[0] // m, m * x.shape[1], *x.shape[2:])


def pack_by_slices(x, m):
    """The same: the first of each pack, the second of each, and so on, side by side."""
    return torch.cat([x[i::m] for i in range(m)], dim=1)


def pack_by_axes(x, m):
    """The same with an axis of packs split off, and the axis within a pack merged into the next."""
    return x.unflatten(0, (-1, m)).flatten(1, 2)


def pack_in_two_steps(x, m):
    """The same, the pack's own axis moved before the features first."""
    packs = torch.stack(x.split(m))  # (B / m, m, D) or (B / m, m, C, H, W)
    return torch.cat(packs.unbind(1), 1)


def pack_by_pack(x, m):
    """The same, one pack after the other, filled sample by sample."""
    packs = []
    for start in range(0, len(x), m):
        packs.append(torch.cat(list(x[start : start + m]), dim=0))
    return torch.stack(packs)


def by_index(x, m):
    """The same by looking up each row: row c of pack k is row c mod C of sample k m + c div C."""
    packs, rows = x.shape[0] // m, m * x.shape[1]
    k, c = torch.meshgrid(torch.arange(packs), torch.arange(rows), indexing="ij")
    return x[k * m + c.div(x.shape[1], rounding_mode="floor"), c % x.shape[1]]


def as_packs(x, m):
    """(B / m, m, D) or (B / m, m, C, H, W)."""
    return x.unflatten(0, (-1, m))


def reordered(order):
    """Packs of the samples in another order; `order` is a function of B and m that returns positions."""
    return lambda x, m: by_index(x[order(len(x), m)], m)


def strided(b, m):
    """Sample 0 with sample B / m, 2 B / m, and so on."""
    return torch.arange(b).reshape(m, b // m).T.flatten()


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
    name="pack",
    title="show the discriminator several samples at once",
    difficulty="medium",
    minutes=12,
    task="""
        A discriminator that sees one sample at a time cannot notice that all fakes are alike. In PacGAN
        (Lin et al. 2018) it judges $m$ at once, all real or all fake, and a pack of equal ones gives a
        collapsed generator away.

        Write the packing: of `x` $(B,D)$ put samples $0 \\dots m-1$ side by side, then $m \\dots 2m-1$, and
        so on: $(B/m,mD)$. Images $(B,C,H,W)$ go one behind the other, as channels: $(B/m,mC,H,W)$. $m$
        divides $B$. Values and gradients are compared.

        By hand first: pack $(1,2), (3,4), (5,6), (7,8)$ with $m = 2$.
    """,
    stub_function=my_pack,
    reference=by_index,
    cases=lambda rng: [
        (torch.arange(1, 9, dtype=torch.float64).reshape(4, 2), 2),  # by hand: (1, 2, 3, 4), (5, 6, 7, 8)
        points_case(rng, 3, 1, 2),
        points_case(rng, 1, 3, 2),
        points_case(rng, 3, 2, 1),
        points_case(rng, 2, 3, 4),
        points_case(rng, 4, 4, 4),
        points_case(rng, 3, 2, 5, torch.float32),
        images_case(rng, 2, 2, 1, 2, 3),
        images_case(rng, 3, 2, 3, 4, 2),
        images_case(rng, 2, 4, 2, 3, 3),
        images_case(rng, 1, 3, 2, 1, 1),
        images_case(rng, 2, 1, 2, 3, 2),
        *(wide_pack(rng) for _ in range(5)),
    ],
    wide=wide_pack,
    gradients=True,
    hints=(
        "In which order do the numbers of x lie in memory, and in which order those of the packed tensor?",
        "It is the same order: only the shape changes. Write the new shape with x.shape, for points and "
        "images alike.",
        "`x.reshape(x.shape[0] // m, m * x.shape[1], *x.shape[2:])`.",
    ),
    solution_function=solve_pack,
    alternatives=(pack_by_slices, pack_by_axes, pack_in_two_steps, pack_by_pack),
    misconceptions=(
        Misconception(
            "far_apart",
            "You pair sample 0 with sample B/m, as `torch.chunk` along the batch does: a pack holds m "
            "consecutive samples.",
            reordered(strided),
        ),
        Misconception(
            "last_axis",
            "Right for points, but you put images side by side along their last axis, into one wide image: "
            "they belong one behind the other, dim=1.",
            lambda x, m: torch.cat(as_packs(x, m).unbind(1), dim=-1),
        ),
        Misconception(
            "rows_stacked",
            "Right for points, but you put images one above the other, dim=2: they are packed as channels, "
            "dim=1.",
            lambda x, m: torch.cat(as_packs(x, m).unbind(1), dim=min(2, x.dim() - 1)),
        ),
        Misconception(
            "flattened",
            "Right for points, but images lose their shape: keep H and W, and pack along dim=1.",
            lambda x, m: x.reshape(len(x) // m, -1),
        ),
        Misconception(
            "features_interleaved",
            "You interleave the samples: first every sample's feature 0, then every feature 1. A sample "
            "stays in one piece.",
            lambda x, m: as_packs(x, m).transpose(1, 2).flatten(1, 2),
        ),
        Misconception(
            "same_sample_repeated",
            "You repeat the first sample of each pack m times, so that every pack looks collapsed: the pack "
            "holds m different samples.",
            lambda x, m: torch.cat([x[::m]] * m, dim=1),
        ),
        Misconception(
            "every_sample_repeated",
            "You repeat each sample m times and keep B packs: m different samples make one, B/m in all.",
            lambda x, m: torch.cat([x] * m, dim=1),
        ),
        Misconception(
            "rolling",
            "Your packs overlap, one starting at each sample: each sample belongs to one pack, B/m in all.",
            lambda x, m: torch.cat([x.roll(-i, 0) for i in range(m)], dim=1),
        ),
        Misconception(
            "axis_not_merged",
            "The packs are right, but the axis of the m samples still stands: merge it with the next one.",
            as_packs,
        ),
        Misconception(
            "split_in_two_axes",
            "You give the packs an axis of their own at the front of m, (m, B/m, ...): the packs are the new "
            "batch, and m goes into dim=1.",
            lambda x, m: x.unflatten(0, (m, -1)),
        ),
        Misconception(
            "m_packs",
            "You make m packs of B/m samples: it is B/m packs of m samples.",
            lambda x, m: x.reshape(m, len(x) // m * x.shape[1], *x.shape[2:]),
        ),
        Misconception(
            "mean_of_the_pack",
            "You average over the pack, which hides whether its samples differ: put them side by side.",
            lambda x, m: as_packs(x, m).mean(1),
        ),
        Misconception(
            "sum_of_the_pack",
            "You add the samples of a pack: put them side by side, so that the discriminator can compare.",
            lambda x, m: as_packs(x, m).sum(1),
        ),
        Misconception(
            "first_of_the_pack",
            "You keep the first sample of each pack and drop the others.",
            lambda x, m: x[::m],
        ),
        Misconception(
            "samples_reversed",
            "The samples of a pack stand in reverse order.",
            lambda x, m: torch.cat(as_packs(x, m).flip(1).unbind(1), dim=1),
        ),
        Misconception(
            "shuffled",
            "You shuffle the batch: the samples are drawn at random already, and the order is given here.",
            reordered(lambda b, m: torch.randperm(b)),
        ),
    ),
)

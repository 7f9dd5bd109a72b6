"""Chapter 4: active latent units, Burda, Grosse and Salakhutdinov (2016), section 5.2."""

import statistics
import torch
from course.exercises.cases import normal
from course.exercises.engine import Exercise


def my_active_units(mu, threshold):
    """Which latent units are active, (Z,) bool. mu (N, Z), the posterior means of N >= 2 images."""
    variance = mu.var(dim=0)  # (Z,), over the images; torch.var divides by N - 1
    return variance > threshold


def by_statistics(mu, threshold):
    """The same by Python's statistics module, in exact fractions."""
    columns = zip(*mu.tolist(), strict=True)
    return torch.tensor([statistics.variance(column) > threshold for column in columns])


def active_case(rng, n, z, dtype=torch.float64, centre=0.0, threshold=0.01):
    """A case of given sizes: around means of size `centre`, units from asleep to awake."""
    spread = threshold**0.5 * 2.0 ** normal(rng, z, dtype=dtype, scale=1.5)
    return normal(rng, n, z, dtype=dtype) * spread + normal(rng, z, dtype=dtype, scale=centre), threshold


def wide_active(rng):
    """One valid case of small random sizes."""
    sizes, centre = (rng.randint(2, 6), rng.randint(1, 6)), rng.choice((0.0, 0.3, 1.0))
    return active_case(
        rng, *sizes, rng.choice((torch.float32, torch.float64)), centre, 10 ** rng.uniform(-2, 1)
    )


active_units = Exercise(
    my_active_units,
    reference=by_statistics,
    # OLD wide=wide_active
    # OLD cases:
    # lambda rng: [
    #         (torch.tensor([[2.0, -0.2], [2.0, 0.0], [2.0, 0.2]], dtype=torch.float64), 0.01),  # by hand
    #         (torch.tensor([[0.0], [0.05]], dtype=torch.float64), 0.01),  # inactive, but for its deviation
    #         (torch.tensor([[-0.5, -1.0], [0.0, 0.0], [0.5, 1.0]], dtype=torch.float64), 0.25),  # the first: equal
    #         (torch.tensor([[0.0, 0.0], [1.0, 2.0]], dtype=torch.float64), 0.4),  # 0.5 with N - 1, 0.25 with N
    #         (  # the mean of the squares less the square of the mean is 0 in float32
    #             torch.tensor([[4096.25, 0.0], [4095.75, 0.0], [4096.25, 1.0], [4095.75, 1.0]]),
    #             0.01,
    #         ),
    #         (torch.tensor([[3.0, -3.0, 0.0], [3.0, -3.0, 0.0]]), 0.01),
    #         (  # one odd image: measures of spread differ by factors, so that some unit tells them apart
    #             torch.outer(torch.tensor([0.0, 1.0, 0.0, 0.0]), torch.linspace(0.31, 1.41, 12)).double(),
    #             0.36,
    #         ),
    #         active_case(rng, 3, 3),
    #         active_case(rng, 5, 2, threshold=0.3),
    #         active_case(rng, 2, 7, centre=1.0),
    #         active_case(rng, 4, 4, torch.float32, 0.2),
    #         active_case(rng, 50, 10, torch.float32, 0.5),
    #         active_case(rng, 40, 12, centre=0.1, threshold=4.0),
    #         *(wide_active(rng) for _ in range(6)),
    #     ]
    by_hand=(),
    draw=None,
    sizes=[],
    spans={},
    hints="""
        One number for each unit: which axis of mu is gone after the variance?

        `mu.var(dim=0)` runs over the images, and divides by N - 1 unless told otherwise. A comparison of a
        tensor with a number is a boolean tensor.

        `mu.var(dim=0) > threshold`.
    """,
    wrong="""
        deviation_for_the_variance: OLD → NEW
            You compare the standard deviation: it is larger than the variance where both are below 1, so
            sleeping units count as active. Square it.
        divided_by_n: OLD → NEW
            Your variance divides by N: here it divides by N - 1, as `torch.var` does by default.
        deviation_divided_by_n: OLD → NEW
            Two things: you compare the standard deviation, not the variance, and it divides by N where N - 1
            is asked for.
        not_divided: OLD → NEW
            You add the squared deviations up and do not divide by N - 1: every unit becomes active once there
            are images enough.
        over_the_units: OLD → NEW
            Your variance runs over the units of one image, dim=1: it is to run over the images, dim=0.
        over_everything: OLD → NEW
            You take one variance of the whole tensor: each unit has its own, over dim=0.
        mean_square: OLD → NEW
            You average the squares without taking the mean away: a unit with the same mean for all images,
            which tells nothing about them, then counts as active.
        mean_absolute_value: OLD → NEW
            You average the absolute values: how far a unit's means lie from 0 does not matter, only how far
            they lie from each other.
        absolute_mean: OLD → NEW
            You compare the size of a unit's mean over the images: what counts is how it varies.
        mean_absolute_deviation: OLD → NEW
            You average absolute deviations from the mean: a variance averages their squares.
        range: OLD → NEW
            You compare the range, largest less smallest: one odd image decides it. Take the variance.
        difference_of_squares: OLD → NEW
            Right near 0, but mean(mu²) - mean(mu)² loses all digits where the means are far from 0. Take the
            mean away first, then square, or use `torch.var`.
        threshold_ignored: OLD → NEW
            Your threshold is always 0.01: use the argument.
        inverted: OLD → NEW
            Your mask is inverted: True where the variance exceeds the threshold.
        at_the_threshold: OLD → NEW
            A unit whose variance equals the threshold is not active: it is >, not >=.
        counted: OLD → NEW
            You return how many units are active: return the mask, (Z,), which says which they are.
        counted_as_int: OLD → NEW
            You return how many units are active: return the mask, (Z,), which says which they are.
        indices: OLD → NEW
            You return the numbers of the active units: return a boolean mask, (Z,).
        whole_numbers: OLD → NEW
            The values are right, but as whole numbers: `mu[:, mask]` would pick units 0 and 1. Make the mask
            boolean.
        floats: OLD → NEW
            The values are right, but as floats, which cannot select units. Make the mask boolean.
        variances: OLD → NEW
            You return the variances themselves: compare them with the threshold.
    """,
)

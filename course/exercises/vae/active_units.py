"""Chapter 4: active latent units, Burda, Grosse and Salakhutdinov (2016), section 5.2."""

import math

import torch

from course.exercises.cases import normal
from course.exercises.engine import Exercise


def my_active_units(mu, threshold):
    """Which latent units are active, (Z,) bool. mu (N, Z), the posterior means of N >= 2 images."""
    variance = mu.var(dim=0)  # (Z,), over the images; torch.var divides by N - 1
    return variance > threshold


def by_exact_sums(mu, threshold):
    """The same with Python's numbers: sums that are rounded once, deviations from the mean squared."""
    columns = mu.double().T.tolist()
    means = [math.fsum(column) / len(mu) for column in columns]
    squares = [math.fsum((v - mean) ** 2 for v in c) for c, mean in zip(columns, means, strict=True)]
    return torch.tensor([square / (len(mu) - 1) > threshold for square in squares])


def draw(rng, N, Z, centre=0.0, threshold=0.01, dtype=torch.float64):
    """A case: around means of size `centre`, units from asleep to awake."""
    spread = threshold**0.5 * 2.0 ** normal(rng, Z, dtype=dtype, scale=1.5)
    return normal(rng, N, Z, dtype=dtype) * spread + normal(rng, Z, dtype=dtype, scale=centre), threshold


def late_ones(N):
    """A unit that differs on the last image alone, and one that varies on the first hundred alone."""
    mu = torch.zeros(N, 2, dtype=torch.float64)
    mu[-1, 0], mu[:100:2, 1] = 30.0, 1.0
    return mu, 0.5


def far_away():
    """Four units far from 0: variances of 4 and 1/4 times 10^-12, and two of 0. In float64 too squares lose
    such digits; 18 numbers and more are not shown, since they would look the same."""
    steps = torch.tensor([1.0, -1.0] * 4 + [0.0], dtype=torch.float64)  # of variance 1
    return torch.stack(
        [9e3 + 2e-6 * steps, 9e3 + 5e-7 * steps, 0 * steps - 1e4, 0 * steps + 9000.3], 1
    ), 1e-12


active_units = Exercise(
    my_active_units,
    reference=by_exact_sums,
    by_hand=[
        ([[2.0, -0.2], [2.0, 0.0], [2.0, 0.2]], 0.01),
        ([[0.0], [0.05]], 0.01),  # inactive, but for its deviation
        # the first: equal, and its standard deviation has no rounding either
        ([[-0.5, -1.0], [0.5, 1.0], [-0.5, -1.0], [0.5, 1.0], [0.0, 0.0]], 0.25),
        ([[0.0, 0.0], [1.0, 2.0]], 0.4),  # 0.5 with N - 1, 0.25 with N
        # in float32 the mean of the squares less the square of the mean is 0
        (torch.tensor([[4096.25, 0.0], [4095.75, 0.0], [4096.25, 1.0], [4095.75, 1.0]]), 0.01),
        (torch.tensor([[3.0, -3.0, 0.0], [3.0, -3.0, 0.0]]), 0.01),
        ([[2.0, 0.5, 0.0], [2.0, 0.25, 0.0], [2.0, 0.5, 0.125]], 0),
        (torch.tensor([[2.0, 0.5], [2.0, 0.5625]]), 0.0),
        ([[0.0, 0.0, 0.0], [1e-6, 2e-6, 1e-4]], 1e-12),
        ([[0.0, 0.0], [1.4142137, 1.4142134]], 1),  # 1 + 2e-7 and 1 - 2e-7
        ([[0.0], [1e-7]], 0),
        ([[0.0], [0.1414213559]], 0.01),  # below 0.01, and above what float32 makes of it
        ([[5000.0, 1.0], [5010.0, 1.0]], 0.01),
        far_away(),
        late_ones(1200),
        # one odd image: measures of spread differ by factors, so that some unit tells them apart
        (torch.tensor([[0.0], [1.0], [0.0], [0.0]]).double() * torch.linspace(0.31, 1.41, 12), 0.36),
    ],
    draw=draw,
    sizes=[
        dict(N=3, Z=3),
        dict(N=5, Z=2, threshold=0.3),
        dict(N=2, Z=7, centre=1.0),
        dict(N=4, Z=4, centre=0.2, dtype=torch.float32),
        dict(N=50, Z=10, centre=0.5, dtype=torch.float32),
        dict(N=40, Z=300, centre=0.1, threshold=4.0),
    ],
    spans=dict(N=(2, 6), Z=(1, 6), centre=[0.0, 0.3, 1.0], threshold=lambda rng: 10 ** rng.uniform(-2, 1)),
    hints="""
        One number for each unit: which axis of mu is gone after the variance?

        `mu.var(dim=0)` runs over the images, and divides by N - 1 unless told otherwise. A comparison of a
        tensor with a number is a boolean tensor.

        This is the line itself: `mu.var(dim=0) > threshold`.
    """,
    wrong="""
        deviation_for_the_variance: mu.var → mu.std
            You compare the standard deviation: it is larger than the variance where both are below 1, so
            sleeping units count as active. Square it.
        divided_by_n: dim=0 → dim=0, correction=0
            Your variance divides by N: here it divides by N - 1, as `torch.var` does by default.
        deviation_divided_by_n: mu.var(dim=0) → mu.std(dim=0, correction=0)
            Two things: you compare the standard deviation, not the variance, and it divides by N where N - 1
            is asked for.
        not_divided: mu.var(dim=0) → (mu - mu.mean(dim=0)).square().sum(dim=0)
            You add the squared deviations up and do not divide by N - 1: every unit becomes active once there
            are images enough.
        over_the_units: mu.var(dim=0) → (mu.T - mu.mean(dim=1)).square().sum(dim=0) / (mu.shape[1] - 1)
            Your variance runs over the units of one image, dim=1: it is to run over the images, dim=0.
        over_everything: mu.var(dim=0) → mu.var()
            You take one variance of the whole tensor: each unit has its own, over dim=0.
        mean_square: mu.var(dim=0) → mu.square().mean(dim=0)
        square_over_n_minus_1: mu.var(dim=0) → mu.square().sum(dim=0) / (len(mu) - 1)
            You average the squares without taking the mean away: a unit with the same mean for all images,
            which tells nothing about them, then counts as active.
        one_mean_for_all: mu.var(dim=0) → (mu - mu.mean()).square().sum(dim=0) / (len(mu) - 1)
            You subtract one mean of all images and units: each unit has its own, over dim=0.
        relative: variance > → variance / variance.max() >
            You compare each variance with the largest one: the threshold is for the variance itself.
        mean_absolute_value: mu.var(dim=0) → mu.abs().mean(dim=0)
            You average the absolute values: how far a unit's means lie from 0 does not matter, only how far
            they lie from each other.
        absolute_mean: mu.var(dim=0) → mu.mean(dim=0).abs()
            You compare the size of a unit's mean over the images: what counts is how it varies.
        mean_absolute_deviation: mu.var(dim=0) → (mu - mu.mean(dim=0)).abs().mean(dim=0)
            You average absolute deviations from the mean: a variance averages their squares.
        range: mu.var(dim=0) → mu.amax(dim=0) - mu.amin(dim=0)
            You compare the range, largest less smallest: one odd image decides it. Take the variance.
        difference_of_squares: mu.var(dim=0) → mu.square().mean(dim=0) - mu.mean(dim=0).square()
        and: variance > → variance * len(mu) / (len(mu) - 1) >
            Right near 0, but mean(mu²) - mean(mu)² loses all digits where the means are far from 0. Take the
            mean away first, then square, or use `torch.var`.
        threshold_ignored: > threshold → > 0.01
            Your threshold is always 0.01: use the argument.
        inverted: variance > → variance <=
            Your mask is inverted: True where the variance exceeds the threshold.
        at_the_threshold: variance > → variance >=
            A unit whose variance equals the threshold is not active: it is >, not >=.
        counted: variance > threshold → (variance > threshold).sum()
        counted_as_int: variance > threshold → int((variance > threshold).sum())
            You return how many units are active: return the mask, (Z,), which says which they are.
        indices: variance > threshold → (variance > threshold).nonzero()[:, 0]
            You return the numbers of the active units: return a boolean mask, (Z,).
        whole_numbers: variance > threshold → (variance > threshold).long()
            The values are right, but as whole numbers: `mu[:, mask]` would pick units 0 and 1. Make the mask
            boolean.
        floats: variance > threshold → (variance > threshold).float()
            The values are right, but as floats, which cannot select units. Make the mask boolean.
        variances: > threshold → nothing
            You return the variances themselves: compare them with the threshold.
    """,
    special="""
        tiny_variance: threshold == 0 and mu.abs().max() < 1e-6
            A variance of 5e-15 is above a threshold of 0: round nothing and set no floor.
        rounded_threshold: threshold < 0.1 and ((mu.var(0) - threshold).abs() < 1e-8 * threshold).any()
            Right but for a variance just below the threshold. Is the threshold rounded to float32, as
            `torch.tensor` does? Compare with the number itself.
        zero_threshold: threshold == 0
            A threshold of 0 is a value like others: `threshold or 0.01` takes it for "not given".
        far_from_zero: mu.abs().max() > 900
            Right near 0 alone. Is mu clamped, or do digits get lost where the means are large? Take the mean
            away first, in the type of `mu`, then square.
        near_threshold: ((mu.double().var(0) - threshold).abs() < 6e-3).any()
            A variance near the threshold comes out on the wrong side: round nothing, add nothing to either,
            and keep the type of `mu`.
    """,
    forbids="loops: `mu.var(dim=0)` runs over all images, for all units at once.",
)

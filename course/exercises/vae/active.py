"""Chapter 4, exercise: active latent units, Burda, Grosse and Salakhutdinov (2016), section 5.2."""

import statistics

import torch

from course.exercises.draw import normal
from course.exercises.engine import Exercise, Misconception


def my_active_units(mu, threshold):
    """Which latent units are active, (Z,) bool. mu (N, Z), the posterior means of N >= 2 images."""
    raise NotImplementedError


def solve_active_units(mu, threshold):
    """Which latent units are active, (Z,) bool. mu (N, Z), the posterior means of N >= 2 images."""
    variance = mu.var(dim=0)  # (Z,), over the images; torch.var divides by N - 1
    return variance > threshold


def active_by_squares(mu, threshold):
    """The same with the variance written out."""
    centred = mu - mu.mean(dim=0, keepdim=True)
    return centred.square().sum(dim=0) / (mu.shape[0] - 1) > threshold


def active_by_covariance(mu, threshold):
    """The same from the diagonal of the covariance matrix, its sums compared with N - 1 thresholds."""
    centred = mu - mu.sum(0) / len(mu)
    return torch.gt((centred.T @ centred).diagonal(), threshold * (len(mu) - 1))


def active_by_unit(mu, threshold):
    """The same, one unit after the other, with the variance by a correction for the mean."""
    flags = []
    for unit in mu.unbind(dim=1):
        biased = (unit - unit.mean()).pow(2).mean().item()
        flags.append(biased * len(unit) / (len(unit) - 1) > threshold)
    return torch.tensor(flags)


def by_statistics(mu, threshold):
    """The same by Python's statistics module, in exact fractions."""
    columns = zip(*mu.tolist(), strict=True)
    return torch.tensor([statistics.variance(column) > threshold for column in columns])


def variance(mu, dim=0, correction=1):
    """The variance along an axis; `torch.var` would warn of a count of 0."""
    count = mu.shape[dim] - correction
    return (mu - mu.mean(dim, keepdim=True)).square().sum(dim) / count


def measured(measure):
    """The mask of another measure, a function of mu that returns (Z,)."""
    return lambda mu, threshold: measure(mu) > threshold


def ended(finish):
    """The right mask with another end, a function of (Z,)."""
    return lambda mu, threshold: finish(variance(mu) > threshold)


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
    name="active_units",
    title="which latent units are active",
    difficulty="easy",
    minutes=10,
    task="""
        A latent unit that the posterior keeps at the prior has the same mean for every image. A unit $u$
        counts as active where its posterior mean varies over the images:

        $$\\operatorname{Var}_x \\big(\\mu_u(x)\\big) > \\text{threshold},$$

        usually 0.01, with the variance that divides by $N - 1$. `mu` $(N, Z)$ holds the means of $N$ images;
        return a boolean tensor $(Z)$, True where the unit is active. No loop.

        By hand first: three images, one unit with the means 2, 2 and 2, another with $-0.2$, 0 and 0.2.
        Which is active at 0.01?
    """,
    stub_function=my_active_units,
    reference=by_statistics,
    cases=lambda rng: [
        (torch.tensor([[2.0, -0.2], [2.0, 0.0], [2.0, 0.2]], dtype=torch.float64), 0.01),  # by hand
        (torch.tensor([[0.0], [0.05]], dtype=torch.float64), 0.01),  # inactive, but for its deviation
        (torch.tensor([[-0.5, -1.0], [0.0, 0.0], [0.5, 1.0]], dtype=torch.float64), 0.25),  # the first: equal
        (torch.tensor([[0.0, 0.0], [1.0, 2.0]], dtype=torch.float64), 0.4),  # 0.5 with N - 1, 0.25 with N
        (  # the mean of the squares less the square of the mean is 0 in float32
            torch.tensor([[4096.25, 0.0], [4095.75, 0.0], [4096.25, 1.0], [4095.75, 1.0]]),
            0.01,
        ),
        (torch.tensor([[3.0, -3.0, 0.0], [3.0, -3.0, 0.0]]), 0.01),
        (  # one odd image: measures of spread differ by factors, so that some unit tells them apart
            torch.outer(torch.tensor([0.0, 1.0, 0.0, 0.0]), torch.linspace(0.31, 1.41, 12)).double(),
            0.36,
        ),
        active_case(rng, 3, 3),
        active_case(rng, 5, 2, threshold=0.3),
        active_case(rng, 2, 7, centre=1.0),
        active_case(rng, 4, 4, torch.float32, 0.2),
        active_case(rng, 50, 10, torch.float32, 0.5),
        active_case(rng, 40, 12, centre=0.1, threshold=4.0),
        *(wide_active(rng) for _ in range(6)),
    ],
    wide=wide_active,
    hints=(
        "One number for each unit: which axis of mu is gone after the variance?",
        "`mu.var(dim=0)` runs over the images, and divides by N - 1 unless told otherwise. A comparison of "
        "a tensor with a number is a boolean tensor.",
        "`mu.var(dim=0) > threshold`.",
    ),
    solution_function=solve_active_units,
    alternatives=(active_by_squares, active_by_covariance, active_by_unit),
    misconceptions=(
        Misconception(
            "deviation_for_the_variance",
            "You compare the standard deviation: it is larger than the variance where both are below 1, so "
            "sleeping units count as active. Square it.",
            measured(lambda mu: variance(mu).sqrt()),
        ),
        Misconception(
            "divided_by_n",
            "Your variance divides by N: here it divides by N - 1, as `torch.var` does by default.",
            measured(lambda mu: variance(mu, correction=0)),
        ),
        Misconception(
            "deviation_divided_by_n",
            "Two things: you compare the standard deviation, not the variance, and it divides by N where N "
            "- 1 is asked for.",
            measured(lambda mu: variance(mu, correction=0).sqrt()),
        ),
        Misconception(
            "not_divided",
            "You add the squared deviations up and do not divide by N - 1: every unit becomes active once "
            "there are images enough.",
            measured(lambda mu: (mu - mu.mean(0)).square().sum(0)),
        ),
        Misconception(
            "over_the_units",
            "Your variance runs over the units of one image, dim=1: it is to run over the images, dim=0.",
            measured(lambda mu: variance(mu, 1)),
        ),
        Misconception(
            "over_everything",
            "You take one variance of the whole tensor: each unit has its own, over dim=0.",
            measured(lambda mu: variance(mu.flatten())),
        ),
        Misconception(
            "mean_square",
            "You average the squares without taking the mean away: a unit with the same mean for all "
            "images, which tells nothing about them, then counts as active.",
            measured(lambda mu: mu.square().mean(0)),
        ),
        Misconception(
            "mean_absolute_value",
            "You average the absolute values: how far a unit's means lie from 0 does not matter, only how "
            "far they lie from each other.",
            measured(lambda mu: mu.abs().mean(0)),
        ),
        Misconception(
            "absolute_mean",
            "You compare the size of a unit's mean over the images: what counts is how it varies.",
            measured(lambda mu: mu.mean(0).abs()),
        ),
        Misconception(
            "mean_absolute_deviation",
            "You average absolute deviations from the mean: a variance averages their squares.",
            measured(lambda mu: (mu - mu.mean(0)).abs().mean(0)),
        ),
        Misconception(
            "range",
            "You compare the range, largest less smallest: one odd image decides it. Take the variance.",
            measured(lambda mu: mu.amax(0) - mu.amin(0)),
        ),
        Misconception(
            "difference_of_squares",
            "Right near 0, but mean(mu²) - mean(mu)² loses all digits where the means are far from 0. Take "
            "the mean away first, then square, or use `torch.var`.",
            measured(lambda mu: (mu.square().mean(0) - mu.mean(0).square()) * len(mu) / (len(mu) - 1)),
        ),
        Misconception(
            "threshold_ignored",
            "Your threshold is always 0.01: use the argument.",
            lambda mu, threshold: variance(mu) > 0.01,
        ),
        Misconception(
            "inverted",
            "Your mask is inverted: True where the variance exceeds the threshold.",
            ended(torch.logical_not),
        ),
        Misconception(
            "at_the_threshold",
            "A unit whose variance equals the threshold is not active: it is >, not >=.",
            lambda mu, threshold: variance(mu) >= threshold,
        ),
        *(
            Misconception(
                name,
                "You return how many units are active: return the mask, (Z,), which says which they are.",
                ended(count),
            )
            for name, count in (("counted", torch.sum), ("counted_as_int", lambda mask: int(mask.sum())))
        ),
        Misconception(
            "indices",
            "You return the numbers of the active units: return a boolean mask, (Z,).",
            ended(lambda mask: mask.nonzero()[:, 0]),
        ),
        Misconception(
            "whole_numbers",
            "The values are right, but as whole numbers: `mu[:, mask]` would pick units 0 and 1. Make the "
            "mask boolean.",
            ended(torch.Tensor.long),
        ),
        Misconception(
            "floats",
            "The values are right, but as floats, which cannot select units. Make the mask boolean.",
            ended(torch.Tensor.float),
        ),
        Misconception(
            "variances",
            "You return the variances themselves: compare them with the threshold.",
            lambda mu, threshold: variance(mu),
        ),
    ),
)

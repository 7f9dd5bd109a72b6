"""Chapter 4, exercise: free bits, Kingma et al. (2016), arXiv 1606.04934."""

import math

import torch
import torch.nn.functional as F

from course.exercises.draw import normal
from course.exercises.engine import Exercise, Misconception


def my_free_bits(kl, nats):
    """The KL term with free bits, a tensor of no axes. kl (B, Z): nats of each image and latent dimension;
    nats: what each dimension may spend for free, a number >= 0."""
    raise NotImplementedError


def solve_free_bits(kl, nats):
    """The KL term with free bits, a tensor of no axes. kl (B, Z): nats of each image and latent dimension;
    nats: what each dimension may spend for free, a number >= 0."""
    spent = kl.mean(dim=0)  # (Z,): before the floor, so that one image may spend what another one saves
    return spent.clamp(min=nats).sum()


def free_bits_by_relu(kl, nats):
    """The same: the floor of all dimensions, and what goes beyond it."""
    beyond = F.relu(kl.sum(dim=0) / kl.shape[0] - nats)  # (Z,)
    return beyond.sum() + nats * kl.shape[1]


def free_bits_by_where(kl, nats):
    """The same with the maximum as a choice."""
    spent = torch.einsum("bz->z", kl) / len(kl)
    return torch.where(spent > nats, spent, nats).sum()


def free_bits_by_dimension(kl, nats):
    """The same, one dimension after the other."""
    total = kl.new_zeros(())
    for column in kl.T:
        spent = column.sum() / len(column)
        total = total + (spent if spent > nats else nats)
    return total


def by_threshold(kl, nats):
    """The same by `F.threshold`, in float64."""
    return F.threshold(kl.double().mean(0), nats, nats).sum().to(kl.dtype)


def wrong(name, diagnosis, floor):
    """A misconception about what is done to the mean of each dimension, (Z,)."""
    return Misconception(name, diagnosis, lambda kl, nats: floor(kl.mean(0), nats))


def free_case(rng, batch, dims, dtype=torch.float64, scale=1.0, share=0.5):
    """A case of positive KLs, some dimensions nearly unused; `share` is nats over the mean KL."""
    kl = normal(rng, batch, dims, dtype=dtype).square() * normal(rng, dims, dtype=dtype).exp() * scale
    return kl, share * kl.mean().item()


def wide_free(rng):
    """One valid case."""
    dtype, scale = rng.choice((torch.float32, torch.float64)), 10 ** rng.uniform(-3, 3)
    return free_case(rng, rng.randint(1, 5), rng.randint(1, 5), dtype, scale, rng.uniform(0.01, 2))


free_bits = Exercise(
    name="free_bits",
    title="give each latent dimension its free nats",
    difficulty="easy",
    minutes=10,
    task="""
        Free bits keep latent dimensions from falling silent: up to $\\lambda$ nats of a dimension cost
        nothing extra, so there is nothing to gain by saving them.

        $$\\sum_{j=1}^{Z} \\max\\Big(\\lambda,\\ \\frac1B \\sum_{i=1}^{B} \\text{kl}_{ij}\\Big)$$

        `kl` is $(B, Z)$, and $\\lambda$ is `nats`, a number. Return a tensor of no axes, without a loop.
        Values and gradients are compared.

        By hand first: the rows of `kl` are $(0, 0.2)$ and $(4, 0.4)$, and $\\lambda = 1$. What is the sum,
        and which of the four numbers get a gradient?
    """,
    stub_function=my_free_bits,
    reference=by_threshold,
    cases=lambda rng: [
        (torch.tensor([[0.0, 0.2], [4.0, 0.4]], dtype=torch.float64), 1.0),  # by hand: 2 + 1
        (torch.tensor([[0.5]], dtype=torch.float64), 2.0),
        (torch.tensor([[3.0]], dtype=torch.float64), 2.0),
        free_case(rng, 1, 4),
        free_case(rng, 4, 1, share=0.7),
        free_case(rng, 3, 3, share=0.8),
        free_case(rng, 5, 2, share=0.0),  # nothing free: the KL as it is
        free_case(rng, 3, 4, share=100.0),  # all below: a constant
        free_case(rng, 6, 5, torch.float32),
        free_case(rng, 2, 6, torch.float32, 1e6),
        free_case(rng, 4, 3, scale=1e6),
        free_case(rng, 4, 3, scale=0.1, share=0.9),
        *(wide_free(rng) for _ in range(6)),
    ],
    wide=wide_free,
    gradients=True,
    hints=(
        "Two sums in a fixed order: over the images inside the maximum, over the dimensions outside it. "
        "What shape is left between the two?",
        "`kl.mean(dim=0)` is (Z,). `clamp(min=...)` is a maximum with a number, and its gradient is 0 where "
        "the number wins.",
        "`kl.mean(dim=0).clamp(min=nats).sum()`.",
    ),
    solution_function=solve_free_bits,
    alternatives=(
        free_bits_by_relu,
        free_bits_by_where,
        free_bits_by_dimension,
        lambda kl, nats: torch.maximum(kl.mean(0), kl.new_tensor(nats)).sum(),
    ),
    misconceptions=(
        Misconception(
            "floor_for_each_image",
            "You take the maximum for each image, then the mean. λ belongs to a dimension's mean over the "
            "batch: an image may stay below it while another goes above.",
            lambda kl, nats: kl.clamp(min=nats).mean(0).sum(),
        ),
        wrong(
            "floor_for_the_total",
            "You add the dimensions up before the maximum: then a single one may spend all that is free, and "
            "the others fall silent. Each dimension has its own maximum.",
            lambda spent, nats: spent.sum().clamp(min=nats),
        ),
        wrong(
            "one_floor_of_all_dimensions",
            "The floor Z λ stands under the total: one dimension may use up what is free for all. Each "
            "dimension has its own maximum with λ.",
            lambda spent, nats: spent.sum().clamp(min=nats * len(spent)),
        ),
        Misconception(
            "floor_for_each_images_total",
            "You add up an image's dimensions, take the maximum, and average over the images. It is the "
            "other way round: mean over images, maximum for each dimension, then the sum.",
            lambda kl, nats: kl.sum(1).clamp(min=nats).mean(),
        ),
        Misconception(
            "axes_swapped",
            "You average over the latent dimensions and add up the images: the mean runs over the batch, "
            "dim=0.",
            lambda kl, nats: kl.mean(1).clamp(min=nats).sum(),
        ),
        Misconception(
            "batch_summed",
            "You add the images up where the mean is asked for: λ is what a dimension has free for an "
            "average image, whatever the batch's size.",
            lambda kl, nats: kl.sum(0).clamp(min=nats).sum(),
        ),
        Misconception(
            "batch_summed_before_the_floor",
            "You compare λ with the sum over the images and divide by B afterwards, so the floor shrinks "
            "with the batch: take the mean first.",
            lambda kl, nats: kl.sum(0).clamp(min=nats).sum() / len(kl),
        ),
        wrong(
            "minimum",
            "This is the minimum: it makes all that goes beyond λ free, and takes the gradient there. The "
            "maximum is asked for, clamp(min=nats).",
            lambda spent, nats: spent.clamp(max=nats).sum(),
        ),
        wrong(
            "floor_subtracted",
            "You subtract λ, max(0, KL - λ). The gradients are the same, but the bound is not: it must stay "
            "below the ELBO, so a dimension below λ counts as λ.",
            lambda spent, nats: F.relu(spent - nats).sum(),
        ),
        wrong(
            "zero_below_the_floor",
            "A dimension below λ counts 0 in your sum, so at λ the loss jumps: it counts λ.",
            lambda spent, nats: F.threshold(spent, nats, 0.0).sum(),
        ),
        wrong(
            "mean_over_dimensions",
            "You average over the latent dimensions: their KLs add up to that of the whole code.",
            lambda spent, nats: spent.clamp(min=nats).mean(),
        ),
        wrong(
            "floor_added",
            "You add λ to each dimension: a constant changes no gradient, so nothing is free. Take the "
            "maximum of the two.",
            lambda spent, nats: (spent + nats).sum(),
        ),
        wrong(
            "floor_left_out",
            "λ is not used: this is the KL as it is.",
            lambda spent, nats: spent.sum(),
        ),
        wrong(
            "floor_in_bits",
            "You multiply λ by ln 2 as if it were in bits. The method's name says bits, but `nats` is in "
            "nats, as `kl` is.",
            lambda spent, nats: spent.clamp(min=nats * math.log(2)).sum(),
        ),
        wrong(
            "not_summed",
            "You return one number for each dimension: add them up.",
            lambda spent, nats: spent.clamp(min=nats),
        ),
        wrong(
            "gradient_below_the_floor",
            "The value is right, but dimensions below λ still get a gradient and go on falling: the constant "
            "λ must take the mean's place, gradient and all.",
            lambda spent, nats: spent.sum() + (spent.clamp(min=nats) - spent).detach().sum(),
        ),
        wrong(
            "no_gradient",
            "The value is right, but cut off from `kl`: dimensions above λ need their gradient. No "
            ".detach(), .item() or torch.tensor(...) on the way.",
            lambda spent, nats: spent.clamp(min=nats).sum().detach(),
        ),
    ),
)

"""Chapter 4: free bits, Kingma et al. (2016), arXiv 1606.04934."""

import math

import torch
import torch.nn.functional as F

from course.exercises.cases import normal
from course.exercises.engine import Exercise


def my_free_bits(kl, nats):
    """The KL term with free bits, a scalar tensor. kl (B, Z): nats of each image and latent dimension;
    nats: what each dimension may spend for free, a number >= 0."""
    spent = kl.mean(dim=0)  # (Z,): before the floor, so that one image may spend what another one saves
    return spent.clamp(min=nats).sum()


def by_threshold(kl, nats):
    """The same by `F.threshold`, in float64."""
    return F.threshold(kl.double().mean(0), nats, nats).sum().to(kl.dtype)


def draw(rng, B, Z, scale=1.0, share=0.5, dtype=torch.float64):
    """A case of positive KLs, some dimensions nearly unused; `share` is nats over the mean KL."""
    kl = normal(rng, B, Z, dtype=dtype).square() * normal(rng, Z, dtype=dtype).exp() * scale
    return kl, share * kl.mean().item()


free_bits = Exercise(
    my_free_bits,
    reference=by_threshold,
    gradients=True,
    by_hand=[
        ([[0.0, 0.2], [4.0, 0.4]], 1.0),  # 2 + 1
        ([[0.5]], math.log(4)),  # two bits are free
        ([[3.0]], math.log(4)),
        ([[0.0, 1e-3], [2e-3, 4e-3]], 0),
        (torch.tensor([[1e-3, 2e-2], [3e-3, 0.0]]), 0.0),
        ([[1e-4, 2e-7]], 0),
        ([[1e8, 0.5]], 0.75),
        (torch.tensor([[0.5, 2.5], [0.25, 3.0]]), 1),
    ],
    draw=draw,
    sizes=[
        dict(B=1, Z=4),
        dict(B=4, Z=1, share=0.7),
        dict(B=3, Z=3, share=0.8),
        dict(B=300, Z=2),
        dict(B=2, Z=300),
        dict(B=3, Z=4, share=100.0),  # all below: a constant
        dict(B=6, Z=5, dtype=torch.float32),
        dict(B=2, Z=6, scale=1e6, dtype=torch.float32),
        dict(B=4, Z=3, scale=1e6),
        dict(B=4, Z=3, scale=0.1, share=0.9),
    ],
    spans=dict(B=(1, 5), Z=(1, 5), scale=lambda rng: 10 ** rng.uniform(-3, 3), share=(0.01, 2.0)),
    hints="""
        Two sums in a fixed order: over the images inside the maximum, over the dimensions outside it. What
        shape is left between the two?

        `kl.mean(dim=0)` is (Z,). `clamp(min=...)` is a maximum with a number, and its gradient is 0 where the
        number wins.

        This is the line itself: `kl.mean(dim=0).clamp(min=nats).sum()`.
    """,
    wrong="""
        floor_for_each_image: spent.clamp(min=nats) → kl.clamp(min=nats).mean(dim=0)
            You take the maximum for each image, then the mean. λ belongs to a dimension's mean over the
            batch: an image may stay below it while another goes above.
        floor_for_the_total: clamp(min=nats).sum() → sum().clamp(min=nats)
            You add the dimensions up before the maximum: then a single one may spend all that is free, and
            the others fall silent. Each dimension has its own maximum.
        one_floor_of_all_dimensions: clamp(min=nats).sum() → sum().clamp(min=nats * len(spent))
            The floor Z λ stands under the total: one dimension may use up what is free for all. Each
            dimension has its own maximum with λ.
        floor_for_each_images_total: spent.clamp(min=nats).sum() → kl.sum(dim=1).clamp(min=nats).mean()
            You add up an image's dimensions, take the maximum, and average over the images. It is the other
            way round: mean over images, maximum for each dimension, then the sum.
        axes_swapped: dim=0 → dim=1
            You average over the latent dimensions and add up the images: the mean runs over the batch, dim=0.
        batch_summed: kl.mean → kl.sum
            You add the images up where the mean is asked for: λ is what a dimension has free for an average
            image, whatever the batch's size.
        batch_summed_before_the_floor: kl.mean → kl.sum
        and: .sum() → .sum() / len(kl)
            You compare λ with the sum over the images and divide by B afterwards, so the floor shrinks with
            the batch: take the mean first.
        minimum: min=nats → max=nats
            This is the minimum: it makes all that goes beyond λ free, and takes the gradient there. The
            maximum is asked for, clamp(min=nats).
        floor_subtracted: spent.clamp(min=nats) → F.relu(spent - nats)
            You subtract λ, max(0, KL - λ). The gradients are the same, but the bound is not: it must stay
            below the ELBO, so a dimension below λ counts as λ.
        zero_below_the_floor: spent.clamp(min=nats) → F.threshold(spent, nats, 0.0)
            A dimension below λ counts 0 in your sum, so at λ the loss jumps: it counts λ.
        mean_over_dimensions: .sum() → .mean()
            You average over the latent dimensions: their KLs add up to that of the whole code.
        floor_added: spent.clamp(min=nats) → (spent + nats)
            You add λ to each dimension: a constant changes no gradient, so nothing is free. Take the maximum
            of the two.
        floor_left_out: .clamp(min=nats) → nothing
            λ is not used: this is the KL as it is.
        floor_in_bits: min=nats → min=nats * math.log(2)
            You multiply λ by ln 2 as if it were in bits. The method's name says bits, but `nats` is in nats,
            as `kl` is.
        whole_number: min=nats → min=int(nats)
            λ is cut to a whole number: it may be 0.5 as well.
        leaky: spent.clamp(min=nats) → (F.leaky_relu(spent - nats) + nats)
        smooth: spent.clamp(min=nats) → (F.softplus(spent - nats) + nats)
            Your maximum has no corner, so a dimension below λ does not count exactly λ and still gets a
            gradient: take clamp(min=nats).
        not_summed: .sum() → nothing
            You return one number for each dimension: add them up.
        gradient_below_the_floor: spent.clamp(min=nats) → (spent + (spent.clamp(min=nats) - spent).detach())
            The value is right, but dimensions below λ still get a gradient and go on falling: the constant λ
            must take the mean's place, gradient and all.
        no_gradient: .sum() → .sum().detach()
            The value is right, but cut off from `kl`: dimensions above λ need their gradient. No .detach(),
            .item() or torch.tensor(...) on the way.
    """,
    special="""
        tiny: nats == 0 and kl.max() < 1e-3
            Right but for KLs that are nearly 0 where nothing is free. Is there another floor besides nats?
    """,
    forbids="loops: `kl.mean(dim=0)`, `clamp` and `sum` take all images and dimensions at once.",
)

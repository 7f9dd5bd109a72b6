"""Chapter 4: free bits, Kingma et al. (2016), arXiv 1606.04934."""

import math
import torch
import torch.nn.functional as F
from course.exercises.cases import normal
from course.exercises.engine import Exercise


def my_free_bits(kl, nats):
    """The KL term with free bits, a tensor of no axes. kl (B, Z): nats of each image and latent dimension;
    nats: what each dimension may spend for free, a number >= 0."""
    spent = kl.mean(dim=0)  # (Z,): before the floor, so that one image may spend what another one saves
    return spent.clamp(min=nats).sum()


def by_threshold(kl, nats):
    """The same by `F.threshold`, in float64."""
    return F.threshold(kl.double().mean(0), nats, nats).sum().to(kl.dtype)


def free_case(rng, batch, dims, dtype=torch.float64, scale=1.0, share=0.5):
    """A case of positive KLs, some dimensions nearly unused; `share` is nats over the mean KL."""
    kl = normal(rng, batch, dims, dtype=dtype).square() * normal(rng, dims, dtype=dtype).exp() * scale
    return kl, share * kl.mean().item()


def wide_free(rng):
    """One valid case."""
    dtype, scale = rng.choice((torch.float32, torch.float64)), 10 ** rng.uniform(-3, 3)
    return free_case(rng, rng.randint(1, 5), rng.randint(1, 5), dtype, scale, rng.uniform(0.01, 2))


free_bits = Exercise(
    my_free_bits,
    reference=by_threshold,
    gradients=True,
    # OLD wide=wide_free
    # OLD cases:
    # lambda rng: [
    #         (torch.tensor([[0.0, 0.2], [4.0, 0.4]], dtype=torch.float64), 1.0),  # by hand: 2 + 1
    #         (torch.tensor([[0.5]], dtype=torch.float64), 2.0),
    #         (torch.tensor([[3.0]], dtype=torch.float64), 2.0),
    #         free_case(rng, 1, 4),
    #         free_case(rng, 4, 1, share=0.7),
    #         free_case(rng, 3, 3, share=0.8),
    #         free_case(rng, 5, 2, share=0.0),  # nothing free: the KL as it is
    #         free_case(rng, 3, 4, share=100.0),  # all below: a constant
    #         free_case(rng, 6, 5, torch.float32),
    #         free_case(rng, 2, 6, torch.float32, 1e6),
    #         free_case(rng, 4, 3, scale=1e6),
    #         free_case(rng, 4, 3, scale=0.1, share=0.9),
    #         *(wide_free(rng) for _ in range(6)),
    #     ]
    by_hand=(),
    draw=None,
    sizes=[],
    spans={},
    hints="""
        Two sums in a fixed order: over the images inside the maximum, over the dimensions outside it. What
        shape is left between the two?

        `kl.mean(dim=0)` is (Z,). `clamp(min=...)` is a maximum with a number, and its gradient is 0 where the
        number wins.

        `kl.mean(dim=0).clamp(min=nats).sum()`.
    """,
    wrong="""
        floor_for_each_image: OLD → NEW
            You take the maximum for each image, then the mean. λ belongs to a dimension's mean over the
            batch: an image may stay below it while another goes above.
        floor_for_the_total: OLD → NEW
            You add the dimensions up before the maximum: then a single one may spend all that is free, and
            the others fall silent. Each dimension has its own maximum.
        one_floor_of_all_dimensions: OLD → NEW
            The floor Z λ stands under the total: one dimension may use up what is free for all. Each
            dimension has its own maximum with λ.
        floor_for_each_images_total: OLD → NEW
            You add up an image's dimensions, take the maximum, and average over the images. It is the other
            way round: mean over images, maximum for each dimension, then the sum.
        axes_swapped: OLD → NEW
            You average over the latent dimensions and add up the images: the mean runs over the batch, dim=0.
        batch_summed: OLD → NEW
            You add the images up where the mean is asked for: λ is what a dimension has free for an average
            image, whatever the batch's size.
        batch_summed_before_the_floor: OLD → NEW
            You compare λ with the sum over the images and divide by B afterwards, so the floor shrinks with
            the batch: take the mean first.
        minimum: OLD → NEW
            This is the minimum: it makes all that goes beyond λ free, and takes the gradient there. The
            maximum is asked for, clamp(min=nats).
        floor_subtracted: OLD → NEW
            You subtract λ, max(0, KL - λ). The gradients are the same, but the bound is not: it must stay
            below the ELBO, so a dimension below λ counts as λ.
        zero_below_the_floor: OLD → NEW
            A dimension below λ counts 0 in your sum, so at λ the loss jumps: it counts λ.
        mean_over_dimensions: OLD → NEW
            You average over the latent dimensions: their KLs add up to that of the whole code.
        floor_added: OLD → NEW
            You add λ to each dimension: a constant changes no gradient, so nothing is free. Take the maximum
            of the two.
        floor_left_out: OLD → NEW
            λ is not used: this is the KL as it is.
        floor_in_bits: OLD → NEW
            You multiply λ by ln 2 as if it were in bits. The method's name says bits, but `nats` is in nats,
            as `kl` is.
        not_summed: OLD → NEW
            You return one number for each dimension: add them up.
        gradient_below_the_floor: OLD → NEW
            The value is right, but dimensions below λ still get a gradient and go on falling: the constant λ
            must take the mean's place, gradient and all.
        no_gradient: OLD → NEW
            The value is right, but cut off from `kl`: dimensions above λ need their gradient. No .detach(),
            .item() or torch.tensor(...) on the way.
    """,
)

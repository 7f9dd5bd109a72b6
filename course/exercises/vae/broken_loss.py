"""Chapter 4: find three bugs in a VAE's loss."""

import torch
import torch.nn.functional as F
from torch.distributions import Bernoulli, Normal, kl_divergence
from course.exercises.cases import normal
from course.exercises.engine import Exercise


def my_vae_loss(x, logits, mu, logvar):
    """The loss to minimise, in nats an image, a tensor of no axes: the batch's mean of recon_nll + kl.
    x (B, D) of whole numbers 0 and 1, logits (B, D); mu and logvar (B, Z), logvar the log variance."""
    pixel_nll = F.binary_cross_entropy_with_logits(logits, x.to(logits.dtype), reduction="none")  # (B, D)
    recon_nll = pixel_nll.sum(dim=1)  # (B,), summed over the pixels as the KL is over the dimensions
    kl = 0.5 * (mu.square() + logvar.exp() - 1 - logvar).sum(dim=1)  # (B,), exp(logvar) is the variance
    return (recon_nll + kl).mean()


def by_pytorch(x, logits, mu, logvar):
    """The same by `torch.distributions`, in float64."""
    q = Normal(mu.double(), logvar.double().exp().sqrt())
    log_likelihood = Bernoulli(logits=logits.double()).log_prob(x.double()).sum(-1)
    elbo = log_likelihood - kl_divergence(q, Normal(0.0, 1.0)).sum(-1)
    return -elbo.mean().to(logits.dtype)


def loss_case(rng, batch, pixels, dims, dtype=torch.float64, scale=1.0):
    """A case; `scale` multiplies the logits."""
    x = (normal(rng, batch, pixels) > 0).long()
    logits = normal(rng, batch, pixels, dtype=dtype, scale=scale)
    return x, logits, *(normal(rng, batch, dims, dtype=dtype, scale=s) for s in (1.0, 3.0))


def wide_loss(rng):
    """One valid case of small random sizes; at logits above 20 `F.softplus` drops digits of float64."""
    dtype, scale = rng.choice((torch.float32, torch.float64)), 10 ** rng.uniform(-1, 0.6)
    return loss_case(rng, *(rng.randint(1, 4) for _ in range(3)), dtype, scale)


broken_loss = Exercise(
    my_vae_loss,
    reference=by_pytorch,
    gradients=True,
    # OLD wide=wide_loss
    # OLD cases:
    # lambda rng: [
    #         (  # by hand: two pixels at log 2, and a KL of 2
    #             torch.tensor([[1, 0]]),
    #             torch.zeros(1, 2, dtype=torch.float64),
    #             torch.tensor([[2.0]], dtype=torch.float64),
    #             torch.tensor([[0.0]], dtype=torch.float64),
    #         ),
    #         loss_case(rng, 1, 1, 1),
    #         loss_case(rng, 3, 1, 2),
    #         loss_case(rng, 1, 3, 4),
    #         loss_case(rng, 3, 3, 3),
    #         loss_case(rng, 4, 5, 2),
    #         loss_case(rng, 3, 6, 2, torch.float32),
    #         loss_case(rng, 2, 5, 3, torch.float64, 1e3),
    #         loss_case(rng, 2, 5, 3, torch.float32, 1e3),
    #         loss_case(rng, 2, 784, 20),
    #         *(wide_loss(rng) for _ in range(6)),
    #     ]
    by_hand=(),
    draw=None,
    sizes=[],
    spans={},
    bug="""
        bug: SOLUTION → STUB
    """,
    hints="""
        One symptom, one bug. An untrained decoder gives each pixel log 2 nats: what is that for 784 pixels,
        and what would turn it into 0.7?

        `reduction` is "mean" unless you say otherwise, over pixels and images alike. For the KL, set its
        derivative with respect to logvar to 0: where is the minimum, and where should it be?

        Sum the pixels' costs over dim=1. The variance is `logvar.exp()`, not its root, and the KL has a
        factor 0.5 in front.
    """,
    wrong="""
        all_three_left: OLD → NEW
            All three bugs are still there: the reduction over the pixels, the variance in the KL, and the
            KL's factor.
        pixels_still_averaged: OLD → NEW
            The KL is right. But the reconstruction is still a mean over the pixels, so the KL weighs D times
            too much: sum over dim=1.
        half_still_missing: OLD → NEW
            The variance in the KL is right, but its ½ is still missing: with mu = 2 and sigma = 1 a dimension
            costs 2 nats.
        half_still_missing_and_pixels_averaged: OLD → NEW
            The variance in the KL is right, but its ½ is still missing: with mu = 2 and sigma = 1 a dimension
            costs 2 nats. Besides, the reconstruction is still averaged over the pixels: sum it, dim=1.
        root_of_the_variance_still_there: OLD → NEW
            The KL has its ½, but still the standard deviation exp(logvar / 2) in the variance's place: it
            falls below 0, which no KL does.
        root_of_the_variance_still_there_and_pixels_averaged: OLD → NEW
            The KL has its ½, but still the standard deviation exp(logvar / 2) in the variance's place: it
            falls below 0, which no KL does. Besides, the reconstruction is still averaged over the pixels:
            sum it, dim=1.
        kl_as_it_was: OLD → NEW
            The reconstruction is right, but the KL still has both its bugs: its ½ is missing, and the
            variance is exp(logvar).
        twice_the_log_variance: OLD → NEW
            You write exp(2 logvar), as for a log standard deviation: the variance is exp(logvar).
        twice_the_log_variance_and_pixels_averaged: OLD → NEW
            You write exp(2 logvar), as for a log standard deviation: the variance is exp(logvar). Besides,
            the reconstruction is still averaged over the pixels: sum it, dim=1.
        half_of_the_square_alone: OLD → NEW
            The ½ stands before mu² alone: it belongs to all four terms.
        half_of_the_square_alone_and_pixels_averaged: OLD → NEW
            The ½ stands before mu² alone: it belongs to all four terms. Besides, the reconstruction is still
            averaged over the pixels: sum it, dim=1.
        kl_averaged_over_dimensions: OLD → NEW
            You average the KL over the latent dimensions: sum over dim=1, as over the pixels.
        kl_averaged_over_dimensions_and_pixels_averaged: OLD → NEW
            You average the KL over the latent dimensions: sum over dim=1, as over the pixels. Besides, the
            reconstruction is still averaged over the pixels: sum it, dim=1.
        kl_summed_over_the_batch: OLD → NEW
            Your KL is summed over the images, so it grows with the batch: average over the batch.
        kl_summed_over_the_batch_and_pixels_averaged: OLD → NEW
            Your KL is summed over the images, so it grows with the batch: average over the batch. Besides,
            the reconstruction is still averaged over the pixels: sum it, dim=1.
        kl_subtracted: OLD → NEW
            You subtract the KL. That is its sign in the ELBO; the loss is the negative ELBO, and adds it.
        kl_subtracted_and_pixels_averaged: OLD → NEW
            You subtract the KL. That is its sign in the ELBO; the loss is the negative ELBO, and adds it.
            Besides, the reconstruction is still averaged over the pixels: sum it, dim=1.
        pixels_summed_over_the_batch: OLD → NEW
            reduction="sum" adds up the images too: divide by the batch's size, or sum over dim=1 and take the
            mean.
        pixels_in_float32: OLD → NEW
            Right for float32 logits, but x.float() rounds the cost of others: x.to(logits.dtype).
        everything_summed: OLD → NEW
            Both terms are summed over the batch: the loss is the mean over the images, whatever the batch's
            size.
        nats_a_pixel: OLD → NEW
            Both terms are divided by D: the minimum is the same, but the loss is asked for in nats an image.
        sign_turned: OLD → NEW
            This is the ELBO itself: a loss is minimised, so return its negative.
        batch_not_averaged: OLD → NEW
            You return one loss for each image: take their mean.
    """,
)

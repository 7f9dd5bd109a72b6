"""Chapter 4: find three bugs in a VAE's loss."""

import torch
import torch.nn.functional as F
from torch.distributions import Bernoulli, Normal, kl_divergence

from course.exercises.cases import normal
from course.exercises.engine import Exercise


def my_vae_loss(x, logits, mu, logvar):
    """The loss to minimise, in nats an image, a scalar tensor: the batch's mean of recon_nll + kl.
    x (B, D) of whole numbers 0 and 1, logits (B, D); mu and logvar (B, Z), logvar the log variance."""
    # (B,), summed over the pixels as the KL is over the dimensions
    recon_nll = F.binary_cross_entropy_with_logits(logits, x.to(logits.dtype), reduction="none").sum(dim=1)
    kl = 0.5 * (mu.square() + logvar.exp() - 1 - logvar).sum(dim=1)  # (B,), exp(logvar) is the variance
    return (recon_nll + kl).mean()


def by_pytorch(x, logits, mu, logvar):
    """The same by `torch.distributions`, in float64."""
    q = Normal(mu.double(), logvar.double().exp().sqrt())
    log_likelihood = Bernoulli(logits=logits.double()).log_prob(x.double()).sum(-1)
    elbo = log_likelihood - kl_divergence(q, Normal(0.0, 1.0)).sum(-1)
    return -elbo.mean().to(logits.dtype)


def draw(rng, B, D, Z, scale=1.0, dtype=torch.float64):
    """A case; `scale` multiplies the logits."""
    x = (normal(rng, B, D) > 0).long()
    logits = normal(rng, B, D, dtype=dtype, scale=scale)
    return x, logits, normal(rng, B, Z, dtype=dtype), normal(rng, B, Z, dtype=dtype, scale=1.2)


KL_WRONG = """
    half_still_missing: 0.5 * (mu.square() → (mu.square()
        The variance in the KL is right, but its ½ is still missing: with mu = 2 and sigma = 1 a
        dimension costs 2 nats.
    root_of_the_variance_still_there: logvar.exp() → torch.exp(0.5 * logvar)
        The KL has its ½, but still the standard deviation exp(logvar / 2) in the variance's place: it
        falls below 0, which no KL does.
    twice_the_log_variance: logvar.exp() → torch.exp(2 * logvar)
        You write exp(2 logvar), as for a log standard deviation: the variance is exp(logvar).
    half_missing_before_logvar: - 1 - logvar) → - 1 - 2 * logvar)
        The ½ stands before three terms alone: logvar, the fourth, is halved as well.
    log_sigma_for_the_log_variance: logvar.exp() - 1 - logvar → (logvar / 2).exp() - 1 - logvar / 2
        Your terms fit together now, but as sigma and ln sigma: sigma² and ln sigma² are meant, exp(logvar)
        and logvar.
    half_of_the_square_alone: 0.5 * (mu.square() → (0.5 * mu.square()
        The ½ stands before mu² alone: it belongs to all four terms.
    kl_averaged_over_dimensions: - logvar).sum(dim=1) → - logvar).mean(dim=1)
        You average the KL over the latent dimensions: sum over dim=1, as over the pixels.
    kl_summed_over_the_batch: - logvar).sum(dim=1) → - logvar).sum()
        Your KL is summed over the images, so it grows with the batch: average over the batch.
    kl_subtracted: return (recon_nll + kl) → return (recon_nll - kl)
        You subtract the KL. That is its sign in the ELBO; the loss is the negative ELBO, and adds it.
"""

PIXELS_STILL_AVERAGED = """
    and_pixels_averaged: reduction="none").sum(dim=1) → reduction="mean")
        Besides, the reconstruction is still averaged over the pixels: sum it, dim=1.
"""

broken_loss = Exercise(
    my_vae_loss,
    reference=by_pytorch,
    gradients=True,
    by_hand=[
        (torch.tensor([[1, 0]]), [[0.0, 0.0]], [[2.0]], [[0.0]]),  # two pixels at log 2, and a KL of 2
        (torch.tensor([[1, 0]], dtype=torch.int32), [[0.5, -1.0]], [[0.0, 1.0]], [[-40.0, -30.0]]),
        (torch.tensor([[0]]), [[0.5]], [[1.0]], [[15.0]]),
        (torch.tensor([[1, 0, 1]]), [[9.0, -12.0, 18.0]], [[0.5]], [[0.25]]),  # nearly sure
        (torch.tensor([[1, 0]]), [[-1e4, 9e3]], [[0.5]], [[0.5]]),
        (torch.tensor([[1]]), [[0.5]], [[4.0, -40.0]], [[0.5, -0.5]]),
        tuple(torch.tensor(v) for v in ([[1], [0]], [[2.0], [0.5]], [[1.0], [0.0]], [[15.0], [-40.0]])),
    ],
    draw=draw,
    sizes=[
        dict(B=1, D=1, Z=1),
        dict(B=3, D=1, Z=2),
        dict(B=1, D=3, Z=4),
        dict(B=3, D=3, Z=3),
        dict(B=4, D=5, Z=2),
        dict(B=3, D=6, Z=2, dtype=torch.float32),
        dict(B=2, D=5, Z=3, scale=1e3),
        dict(B=2, D=5, Z=3, scale=1e3, dtype=torch.float32),
        dict(B=300, D=2, Z=3),
        dict(B=2, D=1000, Z=300),
    ],
    # at logits above 20 `F.softplus`, which some learners take, drops digits of float64
    spans=dict(B=(1, 4), D=(1, 4), Z=(1, 4), scale=(0.1, 4.0)),
    bug="""
        bug: , reduction="none").sum(dim=1) → )
        and: 0.5 * (mu.square() + logvar.exp() → (mu.square() + torch.exp(0.5 * logvar)
        and: (recon_nll + kl).mean() → recon_nll + kl.mean()
    """,
    hints="""
        One symptom, one bug. An untrained decoder gives each pixel log 2 nats: what is that for 784 pixels,
        and what would turn it into 0.7?

        `reduction` is "mean" unless you say otherwise, over pixels and images alike. For the KL, set its
        derivative with respect to logvar to 0: where is the minimum, and where should it be?

        These are the cures themselves: sum the pixels' costs over dim=1. The variance is `logvar.exp()`, not
        its root, and the KL has a factor 0.5 in front.
    """,
    wrong="""
        all_three_left: reduction="none").sum(dim=1) → reduction="mean")
        and: 0.5 * (mu.square() + logvar.exp() → (mu.square() + torch.exp(0.5 * logvar)
            All three bugs are still there: the reduction over the pixels, the variance in the KL, and the
            KL's factor.
        pixels_still_averaged: reduction="none").sum(dim=1) → reduction="mean")
            The KL is right. But the reconstruction is still a mean over the pixels, so the KL weighs D times
            too much: sum over dim=1.
        kl_as_it_was: 0.5 * (mu.square() + logvar.exp() → (mu.square() + torch.exp(0.5 * logvar)
            The reconstruction is right, but the KL still has both its bugs: its ½ is missing, and the
            variance is exp(logvar).
        pixels_summed_over_the_batch: reduction="none").sum(dim=1) → reduction="sum")
            reduction="sum" adds up the images too: divide by the batch's size, or sum over dim=1 and take the
            mean.
        pixels_in_float32: x.to(logits.dtype) → x.float()
        and: reduction="none").sum(dim=1) → reduction="sum") / len(x)
            Right for float32 logits, but x.float() rounds the cost of others: x.to(logits.dtype).
        mean_times_784: reduction="none").sum(dim=1) → reduction="mean") * 784
            You multiply the mean by 784, which is right for MNIST alone: sum over dim=1.
        half_of_all: 0.5 * (mu.square() → (mu.square()
        and: (recon_nll + kl).mean() → 0.5 * (recon_nll + kl).mean()
            The ½ belongs to the KL alone: you take it of the reconstruction as well.
        everything_summed: .mean() → .sum()
            Both terms are summed over the batch: the loss is the mean over the images, whatever the batch's
            size.
        nats_a_pixel: .mean() → .mean() / x.shape[1]
            Both terms are divided by D: the minimum is the same, but the loss is asked for in nats an image.
        sign_turned: return (recon_nll + kl) → return -(recon_nll + kl)
            This is the ELBO itself: a loss is minimised, so return its negative.
        variance_detached: logvar.exp() → logvar.exp().detach()
            The variance is cut off, so logvar gets the gradient of its own term alone. No .detach() here.
        batch_not_averaged: .mean() → nothing
            You return one loss for each image: take their mean.
    """,
    special="""
        many: len(x) > 9 or x.shape[1] > 9
            Right but for many images, pixels or dimensions. Is there a limit on a size?
        nearly_sure: 8 < logits.abs().max() < 20
            Right but for logits of 9 to 20, where the probability of a mistake is small, not 0. Does a branch
            take it for 0, as `F.softplus` does beyond its threshold?
        zero_logit: (logits == 0).any()
            Right but for logits of exactly 0, where the gradient is 1/2 - x: abs, relu and clamp have corners
            there, whose slopes do not add up to it. The loss on logits was right.
        large_mu: mu.abs().max() > 3
            Right for small mu alone. Is mu clamped? It is squared as it stands.
        extreme_logvar: logvar.abs().max() > 4
            Right for moderate logvar alone. Is it clamped, or is a logarithm or a root taken of exp(logvar),
            which may be 0? The last term is logvar as it stands.
        extreme_logits: logits.abs().max() > 7.9
            Right for moderate logits alone: a probability is rounded to 0 or 1, or clamped. The loss on
            logits was right.
    """,
    forbids="torch.distributions*: The program is to be repaired, not replaced.",
    twice=((KL_WRONG, PIXELS_STILL_AVERAGED),),
)

"""Chapter 4, exercise: find three bugs in a VAE's loss."""

import torch
import torch.nn.functional as F
from torch.distributions import Bernoulli, Normal, kl_divergence

from course.exercises.draw import normal
from course.exercises.engine import Exercise, Misconception


def my_vae_loss(x, logits, mu, logvar):
    """The loss to minimise, in nats an image, a tensor of no axes: the batch's mean of recon_nll + kl.
    x (B, D) of whole numbers 0 and 1, logits (B, D); mu and logvar (B, Z), logvar the log variance."""
    recon_nll = F.binary_cross_entropy_with_logits(logits, x.to(logits.dtype))
    kl = (mu.square() + torch.exp(0.5 * logvar) - 1 - logvar).sum(dim=1)  # (B,)
    return recon_nll + kl.mean()


def solve_vae_loss(x, logits, mu, logvar):
    """The loss to minimise, in nats an image, a tensor of no axes: the batch's mean of recon_nll + kl.
    x (B, D) of whole numbers 0 and 1, logits (B, D); mu and logvar (B, Z), logvar the log variance."""
    pixel_nll = F.binary_cross_entropy_with_logits(logits, x.to(logits.dtype), reduction="none")  # (B, D)
    recon_nll = pixel_nll.sum(dim=1)  # (B,), summed over the pixels as the KL is over the dimensions
    kl = 0.5 * (mu.square() + logvar.exp() - 1 - logvar).sum(dim=1)  # (B,), exp(logvar) is the variance
    return (recon_nll + kl).mean()


def loss_by_sums(x, logits, mu, logvar):
    """The same: all that the batch costs, over its size."""
    recon = F.softplus(logits).sum() - (x * logits).sum()
    kl = (mu.square().sum() + torch.expm1(logvar).sum() - logvar.sum()) / 2
    return (recon + kl) / x.shape[0]


def loss_by_means(x, logits, mu, logvar):
    """The same: means over everything, each times the number of its terms."""
    d, z = logits.shape[1], mu.shape[1]
    recon = d * F.binary_cross_entropy_with_logits(logits, x.type_as(logits), reduction="mean")
    return recon + z / 2 * (mu**2 + logvar.exp() - logvar - 1).mean()


def loss_by_image(x, logits, mu, logvar):
    """The same, one image after the other, a pixel as a sign."""
    total = 0.0
    for pixels, scores, m, s in zip(x, logits, mu, logvar, strict=True):
        recon_nll = -F.logsigmoid((2 * pixels - 1) * scores).sum()
        kl = (m @ m + s.exp().sum() - s.sum() - len(m)) / 2
        total = total + recon_nll + kl
    return total / len(x)


def by_pytorch(x, logits, mu, logvar):
    """The same by `torch.distributions`, in float64."""
    q = Normal(mu.double(), logvar.double().exp().sqrt())
    log_likelihood = Bernoulli(logits=logits.double()).log_prob(x.double()).sum(-1)
    elbo = log_likelihood - kl_divergence(q, Normal(0.0, 1.0)).sum(-1)
    return -elbo.mean().to(logits.dtype)


def pixel_nll(x, logits):
    """The cost of each pixel, (B, D)."""
    return F.binary_cross_entropy_with_logits(logits, x.to(logits), reduction="none")


def summed(x, logits):
    """The right reconstruction, averaged over the batch."""
    return pixel_nll(x, logits).sum(1).mean()


def averaged(x, logits):
    """The reconstruction of the broken program."""
    return pixel_nll(x, logits).mean()


def kl_terms(factor=0.5, power=1.0, reduce=lambda terms: terms.sum(1).mean()):
    """The KL with another factor, another power of the variance, or another reduction."""
    return lambda mu, logvar: reduce(factor * (mu.square() + (power * logvar).exp() - 1 - logvar))


right_kl = kl_terms()


def left(name, diagnosis, recon=summed, kl=right_kl):
    """A misconception: what is wrong with the terms."""
    return Misconception(name, diagnosis, lambda x, logits, *code: recon(x, logits) + kl(*code))


def kl_bug(name, diagnosis, kl):
    """A wrong KL: with the reconstruction mended, and with it averaged as it was."""
    too = f"{diagnosis} Besides, the reconstruction is still averaged over the pixels: sum it, dim=1."
    return left(name, diagnosis, kl=kl), left(f"{name}_and_pixels_averaged", too, averaged, kl)


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
    name="broken_loss",
    title="find three bugs in a VAE's loss",
    difficulty="medium",
    minutes=15,
    task="""
        The program below is meant to be the negative ELBO of Bernoulli images. It trains, but:

        - untrained, with logits near 0, its `recon_nll` is 0.7 for 784 pixels;
        - after an epoch all samples and reconstructions look like the mean image;
        - its `kl` ends below 0, and $\\sigma$ near 2.

        Mend the three bugs, without `torch.distributions`. Values and gradients are compared.

        By hand first: what should a latent dimension with $\\mu = 2$, $\\sigma = 1$ cost, and what does it
        cost here?
    """,
    stub_function=my_vae_loss,
    reference=by_pytorch,
    cases=lambda rng: [
        (  # by hand: two pixels at log 2, and a KL of 2
            torch.tensor([[1, 0]]),
            torch.zeros(1, 2, dtype=torch.float64),
            torch.tensor([[2.0]], dtype=torch.float64),
            torch.tensor([[0.0]], dtype=torch.float64),
        ),
        loss_case(rng, 1, 1, 1),
        loss_case(rng, 3, 1, 2),
        loss_case(rng, 1, 3, 4),
        loss_case(rng, 3, 3, 3),
        loss_case(rng, 4, 5, 2),
        loss_case(rng, 3, 6, 2, torch.float32),
        loss_case(rng, 2, 5, 3, torch.float64, 1e3),
        loss_case(rng, 2, 5, 3, torch.float32, 1e3),
        loss_case(rng, 2, 784, 20),
        *(wide_loss(rng) for _ in range(6)),
    ],
    wide=wide_loss,
    gradients=True,
    hints=(
        "One symptom, one bug. An untrained decoder gives each pixel log 2 nats: what is that for 784 "
        "pixels, and what would turn it into 0.7?",
        '`reduction` is "mean" unless you say otherwise, over pixels and images alike. For the KL, set its '
        "derivative with respect to logvar to 0: where is the minimum, and where should it be?",
        "Sum the pixels' costs over dim=1. The variance is `logvar.exp()`, not its root, and the KL has a "
        "factor 0.5 in front.",
    ),
    solution_function=solve_vae_loss,
    alternatives=(loss_by_sums, loss_by_means, loss_by_image),
    misconceptions=(
        left(
            "all_three_left",
            "All three bugs are still there: the reduction over the pixels, the variance in the KL, and "
            "the KL's factor.",
            averaged,
            kl_terms(1.0, 0.5),
        ),
        left(
            "pixels_still_averaged",
            "The KL is right. But the reconstruction is still a mean over the pixels, so the KL weighs D "
            "times too much: sum over dim=1.",
            averaged,
        ),
        *kl_bug(
            "half_still_missing",
            "The variance in the KL is right, but its ½ is still missing: with mu = 2 and sigma = 1 a "
            "dimension costs 2 nats.",
            kl_terms(1.0),
        ),
        *kl_bug(
            "root_of_the_variance_still_there",
            "The KL has its ½, but still the standard deviation exp(logvar / 2) in the variance's place: it "
            "falls below 0, which no KL does.",
            kl_terms(0.5, 0.5),
        ),
        left(
            "kl_as_it_was",
            "The reconstruction is right, but the KL still has both its bugs: its ½ is missing, and the "
            "variance is exp(logvar).",
            kl=kl_terms(1.0, 0.5),
        ),
        *kl_bug(
            "twice_the_log_variance",
            "You write exp(2 logvar), as for a log standard deviation: the variance is exp(logvar).",
            kl_terms(0.5, 2.0),
        ),
        *kl_bug(
            "half_of_the_square_alone",
            "The ½ stands before mu² alone: it belongs to all four terms.",
            lambda mu, logvar: (0.5 * mu.square() + logvar.exp() - 1 - logvar).sum(1).mean(),
        ),
        *kl_bug(
            "kl_averaged_over_dimensions",
            "You average the KL over the latent dimensions: sum over dim=1, as over the pixels.",
            kl_terms(reduce=torch.mean),
        ),
        *kl_bug(
            "kl_summed_over_the_batch",
            "Your KL is summed over the images, so it grows with the batch: average over the batch.",
            kl_terms(reduce=torch.sum),
        ),
        *kl_bug(
            "kl_subtracted",
            "You subtract the KL. That is its sign in the ELBO; the loss is the negative ELBO, and adds it.",
            lambda mu, logvar: -right_kl(mu, logvar),
        ),
        left(
            "pixels_summed_over_the_batch",
            'reduction="sum" adds up the images too: divide by the batch\'s size, or sum over dim=1 and take '
            "the mean.",
            lambda x, logits: pixel_nll(x, logits).sum(),
        ),
        left(
            "pixels_in_float32",
            "Right for float32 logits, but x.float() rounds the cost of others: x.to(logits.dtype).",
            lambda x, logits: F.binary_cross_entropy_with_logits(logits, x.float(), reduction="sum") / len(x),
        ),
        left(
            "everything_summed",
            "Both terms are summed over the batch: the loss is the mean over the images, whatever the "
            "batch's size.",
            lambda x, logits: pixel_nll(x, logits).sum(),
            kl_terms(reduce=torch.sum),
        ),
        Misconception(
            "nats_a_pixel",
            "Both terms are divided by D: the minimum is the same, but the loss is asked for in nats an "
            "image.",
            lambda x, logits, mu, logvar: by_pytorch(x, logits, mu, logvar) / x.shape[1],
        ),
        Misconception(
            "sign_turned",
            "This is the ELBO itself: a loss is minimised, so return its negative.",
            lambda *args: -by_pytorch(*args),
        ),
        Misconception(
            "batch_not_averaged",
            "You return one loss for each image: take their mean.",
            lambda x, logits, mu, logvar: (
                pixel_nll(x, logits).sum(1) + kl_terms(reduce=lambda t: t.sum(1))(mu, logvar)
            ),
        ),
    ),
)

"""Chapter 4: the β that hides in two reductions. Higgins et al. (2017), "beta-VAE", call β Z / D
the normalised β for the same reason."""

import torch

from course.exercises.engine import Exercise


def my_effective_beta(recon, kl, n_pixels, n_latents):
    """The β of a loss, a float. recon and kl, "sum" or "mean": how the loss reduces the pixels' negative
    log-likelihoods and the latent dimensions' KLs; n_pixels and n_latents: how many there are."""
    recon_weight = 1 / n_pixels if recon == "mean" else 1.0  # of a pixel in the loss
    kl_weight = 1 / n_latents if kl == "mean" else 1.0  # of a latent dimension
    # Divided by the first, the loss has a summed reconstruction; a positive factor moves no minimum.
    return kl_weight / recon_weight


def by_slopes(recon, kl, n_pixels, n_latents):
    """The same by autograd: the loss's slope along one dimension's KL over that along one pixel's cost."""
    pixels, dims = (torch.zeros(n, dtype=torch.float64, requires_grad=True) for n in (n_pixels, n_latents))
    loss = getattr(pixels, recon)() + getattr(dims, kl)()
    by_pixel, by_dim = torch.autograd.grad(loss, (pixels, dims))
    return (by_dim[0] / by_pixel[0]).item()


effective_beta = Exercise(
    my_effective_beta,
    reference=by_slopes,
    by_hand=[
        ("mean", "sum", 784, 20),
        ("sum", "mean", 784, 20),
        ("mean", "mean", 784, 20),
        ("sum", "sum", 784, 20),
        ("mean", "mean", 6, 4),
        ("mean", "sum", 3, 5),
        ("sum", "mean", 3, 5),
        ("mean", "mean", 5, 5),
        ("mean", "mean", 1, 1),
        ("sum", "mean", 10, 1),
        ("mean", "sum", 3072, 128),
        ("sum", "mean", 1, 1),
        ("mean", "mean", 7, 1000),
        ("sum", "mean", 50, 10**6),
        ("sum", "mean", 10, 300),
        ("mean", "sum", 150528, 3),
    ],
    draw=lambda rng, recon, kl, D, Z: (recon, kl, D, Z),
    sizes=[],
    spans=dict(recon=["sum", "mean"], kl=["sum", "mean"], D=(1, 3000), Z=(1, 300)),
    hints="""
        A mean is a sum times something. Write both terms of the loss as sums, each with its factor.

        Multiplying the whole loss by a positive number moves no minimum. Which number turns the factor of the
        reconstruction into 1, and what does it make of the KL's?

        Nearly the line itself: the loss is w_r times a sum plus w_k times a sum, with w = 1 for a sum and 1/n
        for a mean. Then beta = w_k / w_r.
    """,
    wrong="""
        reciprocal: kl_weight / recon_weight → recon_weight / kl_weight
            This is 1 / β, the weight of the reconstruction against the KL. An averaged reconstruction weighs
            less, so the KL weighs more: β is D times as large.
        kl_reduction_forgotten: kl_weight / recon_weight → 1 / recon_weight
            The KL's reduction is not counted: averaged over Z dimensions it weighs 1/Z of its sum.
        recon_reduction_forgotten: kl_weight / recon_weight → kl_weight
            The reconstruction's reduction is not counted: averaged over D pixels it weighs 1/D of its sum,
            which makes the KL D times as heavy.
        recon_mean_taken_as_weight_of_the_kl: / recon_weight → * recon_weight
            You divide by D where the reconstruction is averaged. That is the reconstruction's weight: β is
            the KL's weight divided by it, so it grows by D.
        kl_mean_multiplied: 1 / n_latents → float(n_latents)
            You multiply by Z where the KL is averaged: a mean weighs 1/Z of the sum, so β falls.
        always_one: kl_weight / recon_weight → 1.0
            Always 1, as if a mean changed only the scale of the loss. It scales one term and not the other,
            and that moves the minimum.
        numbers_swapped: 1 / n_pixels if recon → 1 / n_latents if recon
        and: 1 / n_latents if kl → 1 / n_pixels if kl
            D and Z are swapped: the reconstruction runs over the pixels, the KL over the latent dimensions.
        terms_swapped: n_pixels if recon → n_pixels if kl
        and: n_latents if kl → n_latents if recon
            The two reductions are swapped: the first argument is the reconstruction's.
        sum_and_mean_swapped: == "mean" → == "sum"
            You divide where the loss sums: it is the mean that divides by the number of terms.
        normalised: / recon_weight → / recon_weight * n_latents / n_pixels
            This is the normalised β, times Z / D, which tells models of other sizes apart: here the β of the
            sums is asked for.
        mnist_built_in: 1 / n_pixels → 1 / 784
        latents_built_in: 1 / n_latents → 1 / 20
            You have a number of one model built in: use n_pixels and n_latents.
    """,
    special="""
        many_latents: kl == "mean" and n_latents > 40
            Right but for many latent dimensions. Is there a limit, or is something rounded?
        fraction_above_1: recon == kl == "mean" and n_pixels > n_latents and n_pixels % n_latents
            Right but where β is above 1 and no whole number: round nothing.
        two_means: recon == kl == "mean"
            Right but for two means, which do not cancel: one divides by D, the other by Z. With both, β = D /
            Z.
        kl_mean_alone: recon == "sum" and kl == "mean"
            Right but where the KL alone is averaged: there the KL weighs 1/Z of its sum, so β = 1/Z, below 1.
        fraction: kl == "mean" and (recon == "sum" or n_pixels % n_latents)
            Right but where β is no whole number. Divide with /, round nothing (float32 rounds to
            seven digits), and set no lower limit: β may be below 1.
    """,
    forbids="torch.* numpy.* autograd: Two divisions of Python's numbers do.",
)

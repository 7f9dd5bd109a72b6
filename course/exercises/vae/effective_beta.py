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


def wide_beta(rng):
    """One valid case."""
    recon, kl = rng.choice(("sum", "mean")), rng.choice(("sum", "mean"))
    return recon, kl, rng.randint(1, 3000), rng.randint(1, 300)


effective_beta = Exercise(
    my_effective_beta,
    reference=by_slopes,
    # OLD wide=wide_beta
    # OLD cases:
    # lambda rng: [
    #         ("mean", "sum", 784, 20),  # by hand
    #         ("sum", "mean", 784, 20),
    #         ("mean", "mean", 784, 20),
    #         ("sum", "sum", 784, 20),
    #         ("mean", "mean", 6, 4),
    #         ("mean", "sum", 3, 5),
    #         ("sum", "mean", 3, 5),
    #         ("mean", "mean", 5, 5),
    #         ("mean", "mean", 1, 1),
    #         ("sum", "mean", 10, 1),
    #         ("mean", "sum", 3072, 128),
    #         *(wide_beta(rng) for _ in range(8)),
    #     ]
    by_hand=(),
    draw=None,
    sizes=[],
    spans={},
    hints="""
        A mean is a sum times something. Write both terms of the loss as sums, each with its factor.

        Multiplying the whole loss by a positive number moves no minimum. Which number turns the factor of the
        reconstruction into 1, and what does it make of the KL's?

        The loss is w_r times a sum plus w_k times a sum, with w = 1 for a sum and 1/n for a mean. Then beta =
        w_k / w_r.
    """,
    wrong="""
        reciprocal: OLD → NEW
            This is 1 / β, the weight of the reconstruction against the KL. An averaged reconstruction weighs
            less, so the KL weighs more: β is D times as large.
        kl_reduction_forgotten: OLD → NEW
            The KL's reduction is not counted: averaged over Z dimensions it weighs 1/Z of its sum.
        recon_reduction_forgotten: OLD → NEW
            The reconstruction's reduction is not counted: averaged over D pixels it weighs 1/D of its sum,
            which makes the KL D times as heavy.
        recon_mean_taken_as_weight_of_the_kl: OLD → NEW
            You divide by D where the reconstruction is averaged. That is the reconstruction's weight: β is
            the KL's weight divided by it, so it grows by D.
        kl_mean_multiplied: OLD → NEW
            You multiply by Z where the KL is averaged: a mean weighs 1/Z of the sum, so β falls.
        upside_down_and_kl_forgotten: OLD → NEW
            Your fraction is upside down, and the KL's reduction is not counted: β is the KL's weight divided
            by the reconstruction's.
        upside_down_and_recon_forgotten: OLD → NEW
            Your fraction is upside down, and the reconstruction's reduction is not counted: β is the KL's
            weight divided by the reconstruction's.
        always_one: OLD → NEW
            Always 1, as if a mean changed only the scale of the loss. It scales one term and not the other,
            and that moves the minimum.
        two_means_taken_as_fair: OLD → NEW
            Two means do not cancel: one divides by D, the other by Z. With both, β = D / Z.
        numbers_swapped: OLD → NEW
            D and Z are swapped: the reconstruction runs over the pixels, the KL over the latent dimensions.
        terms_swapped: OLD → NEW
            The two reductions are swapped: the first argument is the reconstruction's.
        sum_and_mean_swapped: OLD → NEW
            You divide where the loss sums: it is the mean that divides by the number of terms.
        whole_numbers: OLD → NEW
            Right but for the rounding: // drops the fraction, and a β below 1 becomes 0. Divide with /.
        difference_of_the_numbers: OLD → NEW
            You subtract: a mean is a sum times 1/n, so the numbers come in as factors, D / Z.
    """,
)

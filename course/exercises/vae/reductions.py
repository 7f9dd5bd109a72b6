"""Chapter 4, exercise: the β that hides in two reductions. Higgins et al. (2017), "beta-VAE", call β Z / D
the normalised β for the same reason."""

import torch

from course.exercises.engine import Exercise, Misconception


def my_effective_beta(recon, kl, n_pixels, n_latents):
    """The β of a loss, a float. recon and kl, "sum" or "mean": how the loss reduces the pixels' negative
    log-likelihoods and the latent dimensions' KLs; n_pixels and n_latents: how many there are."""
    raise NotImplementedError


def solve_effective_beta(recon, kl, n_pixels, n_latents):
    """The β of a loss, a float. recon and kl, "sum" or "mean": how the loss reduces the pixels' negative
    log-likelihoods and the latent dimensions' KLs; n_pixels and n_latents: how many there are."""
    recon_weight = 1 / n_pixels if recon == "mean" else 1.0  # of a pixel in the loss
    kl_weight = 1 / n_latents if kl == "mean" else 1.0  # of a latent dimension
    # Divided by the first, the loss has a summed reconstruction; a positive factor moves no minimum.
    return kl_weight / recon_weight


def beta_step_by_step(recon, kl, n_pixels, n_latents):
    """The same, one reduction after the other."""
    beta = 1.0
    if recon == "mean":
        beta *= n_pixels
    if kl == "mean":
        beta /= n_latents
    return beta


def beta_by_table(recon, kl, n_pixels, n_latents):
    """The same, looked up."""
    table = {
        ("sum", "sum"): 1.0,
        ("mean", "sum"): n_pixels,
        ("sum", "mean"): 1 / n_latents,
        ("mean", "mean"): n_pixels / n_latents,
    }
    return table[recon, kl]


def beta_by_divisors(recon, kl, n_pixels, n_latents):
    """The same: what each reduction divides by."""
    divisors = [n if how == "mean" else 1 for how, n in ((recon, n_pixels), (kl, n_latents))]
    return divisors[0] / divisors[1]


def by_slopes(recon, kl, n_pixels, n_latents):
    """The same by autograd: the loss's slope along one dimension's KL over that along one pixel's cost."""
    pixels, dims = (torch.zeros(n, dtype=torch.float64, requires_grad=True) for n in (n_pixels, n_latents))
    loss = getattr(pixels, recon)() + getattr(dims, kl)()
    by_pixel, by_dim = torch.autograd.grad(loss, (pixels, dims))
    return (by_dim[0] / by_pixel[0]).item()


def wrong(name, diagnosis, mean_recon, mean_kl):
    """A misconception about the factor that a mean brings in, one function of the number for each term."""
    return Misconception(
        name,
        diagnosis,
        lambda recon, kl, n_pixels, n_latents: (
            (mean_recon(n_pixels) if recon == "mean" else 1.0) * (mean_kl(n_latents) if kl == "mean" else 1.0)
        ),
    )


def one(n):
    """No factor."""
    return 1.0


def itself(n):
    """The factor n."""
    return float(n)


def inverse(n):
    """The factor 1 / n."""
    return 1 / n


def wide_beta(rng):
    """One valid case."""
    recon, kl = rng.choice(("sum", "mean")), rng.choice(("sum", "mean"))
    return recon, kl, rng.randint(1, 3000), rng.randint(1, 300)


effective_beta = Exercise(
    name="effective_beta",
    title="which β is it really?",
    difficulty="medium",
    minutes=10,
    task="""
        A loss adds a reconstruction term, reduced over $D$ pixels, and a KL, reduced over $Z$ latent
        dimensions, each by "sum" or by "mean"; both are then averaged over the batch. Some $\\beta$-VAE

        $$\\sum_{i=1}^{D} \\text{nll}_i + \\beta \\sum_{j=1}^{Z} \\text{kl}_j$$

        has the same minima. Return its $\\beta$ as a number; $D$ is `n_pixels`, $Z$ is `n_latents`.
        Neither tensors nor training are needed or allowed.

        By hand first: the reconstruction is averaged over 784 pixels, the KL summed. Which $\\beta$? And
        with the KL averaged over 20 dimensions?
    """,
    stub_function=my_effective_beta,
    reference=by_slopes,
    cases=lambda rng: [
        ("mean", "sum", 784, 20),  # by hand
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
        *(wide_beta(rng) for _ in range(8)),
    ],
    wide=wide_beta,
    hints=(
        "A mean is a sum times something. Write both terms of the loss as sums, each with its factor.",
        "Multiplying the whole loss by a positive number moves no minimum. Which number turns the factor of "
        "the reconstruction into 1, and what does it make of the KL's?",
        "The loss is w_r times a sum plus w_k times a sum, with w = 1 for a sum and 1/n for a mean. Then "
        "beta = w_k / w_r.",
    ),
    solution_function=solve_effective_beta,
    alternatives=(
        beta_step_by_step,
        beta_by_table,
        beta_by_divisors,
        lambda recon, kl, d, z: d ** (recon == "mean") / z ** (kl == "mean"),
    ),
    misconceptions=(
        wrong(
            "reciprocal",
            "This is 1 / β, the weight of the reconstruction against the KL. An averaged reconstruction "
            "weighs less, so the KL weighs more: β is D times as large.",
            inverse,
            itself,
        ),
        wrong(
            "kl_reduction_forgotten",
            "The KL's reduction is not counted: averaged over Z dimensions it weighs 1/Z of its sum.",
            itself,
            one,
        ),
        wrong(
            "recon_reduction_forgotten",
            "The reconstruction's reduction is not counted: averaged over D pixels it weighs 1/D of its sum, "
            "which makes the KL D times as heavy.",
            one,
            inverse,
        ),
        wrong(
            "recon_mean_taken_as_weight_of_the_kl",
            "You divide by D where the reconstruction is averaged. That is the reconstruction's weight: β is "
            "the KL's weight divided by it, so it grows by D.",
            inverse,
            inverse,
        ),
        wrong(
            "kl_mean_multiplied",
            "You multiply by Z where the KL is averaged: a mean weighs 1/Z of the sum, so β falls.",
            itself,
            itself,
        ),
        wrong(
            "upside_down_and_kl_forgotten",
            "Your fraction is upside down, and the KL's reduction is not counted: β is the KL's weight "
            "divided by the reconstruction's.",
            inverse,
            one,
        ),
        wrong(
            "upside_down_and_recon_forgotten",
            "Your fraction is upside down, and the reconstruction's reduction is not counted: β is the KL's "
            "weight divided by the reconstruction's.",
            one,
            itself,
        ),
        wrong(
            "always_one",
            "Always 1, as if a mean changed only the scale of the loss. It scales one term and not the "
            "other, and that moves the minimum.",
            one,
            one,
        ),
        Misconception(
            "two_means_taken_as_fair",
            "Two means do not cancel: one divides by D, the other by Z. With both, β = D / Z.",
            lambda recon, kl, d, z: 1.0 if recon == kl else d if recon == "mean" else 1 / z,
        ),
        Misconception(
            "numbers_swapped",
            "D and Z are swapped: the reconstruction runs over the pixels, the KL over the latent "
            "dimensions.",
            lambda recon, kl, d, z: by_slopes(recon, kl, z, d),
        ),
        Misconception(
            "terms_swapped",
            "The two reductions are swapped: the first argument is the reconstruction's.",
            lambda recon, kl, d, z: by_slopes(kl, recon, d, z),
        ),
        Misconception(
            "sum_and_mean_swapped",
            "You divide where the loss sums: it is the mean that divides by the number of terms.",
            lambda recon, kl, d, z: (d if recon == "sum" else 1.0) / (z if kl == "sum" else 1.0),
        ),
        Misconception(
            "whole_numbers",
            "Right but for the rounding: // drops the fraction, and a β below 1 becomes 0. Divide with /.",
            lambda recon, kl, d, z: (d if recon == "mean" else 1) // (z if kl == "mean" else 1),
        ),
        Misconception(
            "difference_of_the_numbers",
            "You subtract: a mean is a sum times 1/n, so the numbers come in as factors, D / Z.",
            lambda recon, kl, d, z: (d if recon == "mean" else 1) - (z if kl == "mean" else 1),
        ),
    ),
)

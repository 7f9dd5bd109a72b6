"""Chapter 4: a Gaussian decoder with one learnt standard deviation."""

import math
import torch
from torch.distributions import Normal
from course.exercises.cases import normal
from course.exercises.engine import Exercise


def my_gaussian_nll(x, mean, log_sigma):
    """-log N(x; mean, sigma² I) of each image in nats, (B,). x and mean (B, D), log_sigma a tensor of no
    axes."""
    scaled = (x - mean) * torch.exp(-log_sigma)  # (B, D), errors in units of sigma
    pixel_nll = 0.5 * scaled.square() + log_sigma + 0.5 * math.log(2 * math.pi)
    return pixel_nll.sum(dim=1)


def by_pytorch(x, mean, log_sigma):
    """The same by `torch.distributions`, in float64."""
    log_prob = Normal(mean.double(), log_sigma.double().exp()).log_prob(x.double())
    return -log_prob.sum(-1).to(x.dtype)


def nll_case(rng, batch, d, dtype=torch.float64, log_sigma=0.3, error=1.0):
    """A case with errors of this size."""
    x = normal(rng, batch, d, dtype=dtype)
    return x, x + normal(rng, batch, d, dtype=dtype, scale=error), torch.tensor(log_sigma, dtype=dtype)


def wide_nll(rng):
    """One valid case."""
    sizes, dtype = (rng.randint(1, 4), rng.randint(1, 6)), rng.choice((torch.float32, torch.float64))
    return nll_case(rng, *sizes, dtype, rng.uniform(-5, 5), 10 ** rng.uniform(-2, 1))


gaussian_nll = Exercise(
    my_gaussian_nll,
    reference=by_pytorch,
    gradients=True,
    # OLD wide=wide_nll
    # OLD cases:
    # lambda rng: [
    #         (  # by hand: sigma is the root mean square of the errors, and the gradient for it is 0
    #             torch.tensor([[1.0, 7.0]], dtype=torch.float64),
    #             torch.zeros(1, 2, dtype=torch.float64),
    #             torch.tensor(math.log(5.0), dtype=torch.float64),
    #         ),
    #         nll_case(rng, 1, 1),
    #         nll_case(rng, 3, 1, log_sigma=-0.7),
    #         nll_case(rng, 3, 3),
    #         nll_case(rng, 2, 5, error=0.0),  # no errors: only sigma is left to pay for
    #         nll_case(rng, 4, 6, torch.float32, -1.0),
    #         nll_case(rng, 2, 4, torch.float32, -5.0),
    #         nll_case(rng, 2, 4, torch.float32, 5.0, 1e3),
    #         nll_case(rng, 3, 4, torch.float64, -5.0),
    #         nll_case(rng, 3, 4, torch.float64, 5.0),
    #         nll_case(rng, 2, 784, torch.float64, -2.0, 0.1),
    #         *(wide_nll(rng) for _ in range(6)),
    #     ]
    by_hand=(),
    draw=None,
    sizes=[],
    spans={},
    hints="""
        Everything inside the bracket belongs to one pixel. How often does an image of D pixels pay log sigma?

        `torch.exp(-2 * log_sigma)` is 1 / sigma². Sum over the pixels, dim=1: what no pixel changes counts D
        times. Keep log_sigma a tensor, since it is to be learnt.

        `(0.5 * (x - mean).square() * torch.exp(-2 * log_sigma) + log_sigma + 0.5 * math.log(2 *
        math.pi)).sum(dim=1)`.
    """,
    wrong="""
        constant_left_out: OLD → NEW
            ½ log 2π is missing. It changes no gradient, but without it the numbers are no likelihood, and
            cannot be compared with others.
        constant_once: OLD → NEW
            ½ log 2π is added once for an image: each of the D pixels has one.
        constant_not_halved: OLD → NEW
            The constant is log 2π in your sum: it is half of it for each pixel.
        log_sigma_once: OLD → NEW
            log sigma is added once for an image: each of the D pixels pays for it, else sigma is learnt too
            large.
        log_sigma_and_constant_once: OLD → NEW
            You sum the squares and then add log sigma and ½ log 2π once: both stand inside the sum, so they
            count D times.
        log_sigma_and_no_constant: OLD → NEW
            log sigma is added once, and ½ log 2π is missing: both stand inside the sum, D times.
        log_sigma_taken_as_log_variance: OLD → NEW
            You read log_sigma as the log variance. The variance is exp(2 log_sigma), and each pixel pays
            log_sigma, not half of it.
        divided_by_sigma: OLD → NEW
            You divide the squares by sigma: it is sigma squared, exp(2 log_sigma).
        log_sigma_halved: OLD → NEW
            log sigma is halved: ½ log σ² = log σ, and `log_sigma` is already that.
        multiplied_by_the_variance: OLD → NEW
            You multiply the squares by the variance: divide, exp(-2 log_sigma).
        sign_of_log_sigma: OLD → NEW
            log sigma has the wrong sign: a wide density is low, so its negative logarithm is large.
        square_not_halved: OLD → NEW
            The square is not halved: (x - mean)² / (2 sigma²). With your sum sigma is learnt too large, by a
            factor of root 2.
        squared_error_alone: OLD → NEW
            This is the squared error: no sigma, no constant, and twice the error term of sigma = 1. Nothing
            here can learn sigma.
        half_the_squared_error: OLD → NEW
            This is half the squared error, the cost for sigma = 1 without its constant. Nothing here can
            learn sigma.
        errors_not_scaled: OLD → NEW
            The errors are not divided by sigma, so nothing keeps log sigma from falling for ever.
        mean_over_pixels: OLD → NEW
            You average over the pixels: an image's cost is the sum. Averaged, the KL beside it would weigh D
            times as much.
        batch_averaged: OLD → NEW
            You average over the images: return one number for each.
        log_likelihood: OLD → NEW
            This is the log likelihood: the negative one was asked for.
        sigma_cut_off: OLD → NEW
            The values are right, but no gradient reaches log_sigma, so it stays as it is for ever: no
            .item(), .detach() or math.exp on it.
    """,
)

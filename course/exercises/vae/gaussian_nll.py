"""Chapter 4: a Gaussian decoder with one learnt standard deviation."""

import math

import torch
from torch.distributions import Normal

from course.exercises.cases import normal
from course.exercises.engine import Exercise


def my_gaussian_nll(x, mean, log_sigma):
    """-log N(x; mean, sigma² I) of each image in nats, (B,). x and mean (B, D), log_sigma a scalar
    tensor."""
    scaled = (x - mean) * torch.exp(-log_sigma)  # (B, D), errors in units of sigma
    pixel_nll = 0.5 * scaled.square() + log_sigma + 0.5 * math.log(2 * math.pi)
    return pixel_nll.sum(dim=1)


def by_pytorch(x, mean, log_sigma):
    """The same by `torch.distributions`, in float64."""
    log_prob = Normal(mean.double(), log_sigma.double().exp()).log_prob(x.double())
    return -log_prob.sum(-1).to(x.dtype)


def draw(rng, B, D, log_sigma=0.3, error=1.0, centre=0.0, dtype=torch.float64):
    """A case with errors of this size, around the centre."""
    x = normal(rng, B, D, dtype=dtype) + centre
    return x, x + normal(rng, B, D, dtype=dtype, scale=error), torch.tensor(log_sigma, dtype=dtype)


gaussian_nll = Exercise(
    my_gaussian_nll,
    reference=by_pytorch,
    gradients=True,
    by_hand=[
        # sigma is the root mean square of the errors: the gradient for it is 0
        ([[1.0, 7.0]], [[0.0, 0.0]], torch.tensor(math.log(5.0), dtype=torch.float64)),
        ([[1e4, 0.5]], [[-1e4, 0.0]], torch.tensor(5.0, dtype=torch.float64)),
    ],
    draw=draw,
    sizes=[
        dict(B=1, D=1),
        dict(B=3, D=1, log_sigma=-0.7),
        dict(B=3, D=3),
        dict(B=2, D=5, error=0.0),  # only sigma is left to pay for
        dict(B=4, D=6, log_sigma=-1.0, dtype=torch.float32),
        dict(B=2, D=4, log_sigma=-5.0, dtype=torch.float32),
        dict(B=3, D=4, log_sigma=5.0, error=1e3, dtype=torch.float32),
        dict(B=3, D=4, log_sigma=-5.0),
        dict(B=3, D=4, log_sigma=5.0),
        dict(B=3, D=2, log_sigma=0.0),
        dict(B=2, D=3, log_sigma=-2.0, error=0.1, centre=9e3),
        dict(B=3, D=2, log_sigma=0.0, centre=-9e3, dtype=torch.float32),
        dict(B=300, D=3, log_sigma=-1.0),
        dict(B=2, D=1000, log_sigma=-2.0, error=0.1),
    ],
    spans=dict(B=(1, 4), D=(1, 6), log_sigma=(-5.0, 5.0), error=lambda rng: 10 ** rng.uniform(-2, 1)),
    hints="""
        Everything inside the bracket belongs to one pixel. How often does an image of D pixels pay log sigma?

        `torch.exp(-2 * log_sigma)` is 1 / sigma². Sum over the pixels, dim=1: what no pixel changes counts D
        times. Keep log_sigma a tensor, since it is to be learnt.

        This is the line itself: `(0.5 * (x - mean).square() * torch.exp(-2 * log_sigma) + log_sigma + 0.5 *
        math.log(2 * math.pi)).sum(dim=1)`.
    """,
    wrong="""
        constant_left_out: + 0.5 * math.log(2 * math.pi) → nothing
            ½ log 2π is missing. It changes no gradient, but without it the numbers are no likelihood, and
            cannot be compared with others.
        constant_once: + 0.5 * math.log(2 * math.pi) → nothing
        and: sum(dim=1) → sum(dim=1) + 0.5 * math.log(2 * math.pi)
            ½ log 2π is added once for an image: each of the D pixels has one.
        constant_not_halved: + 0.5 * math.log(2 * math.pi) → + math.log(2 * math.pi)
            The constant is log 2π in your sum: it is half of it for each pixel.
        log_sigma_once: + log_sigma → nothing
        and: sum(dim=1) → sum(dim=1) + log_sigma
            log sigma is added once for an image: each of the D pixels pays for it, else sigma is learnt too
            large.
        log_sigma_and_constant_once: + log_sigma + 0.5 * math.log(2 * math.pi) → nothing
        and: sum(dim=1) → sum(dim=1) + log_sigma + 0.5 * math.log(2 * math.pi)
            You sum the squares and then add log sigma and ½ log 2π once: both stand inside the sum, so they
            count D times.
        pixels_of_mnist: + log_sigma + 0.5 * math.log(2 * math.pi) → nothing
        and: sum(dim=1) → sum(dim=1) + 784 * (log_sigma + 0.5 * math.log(2 * math.pi))
        images_for_pixels: + log_sigma + 0.5 * math.log(2 * math.pi) → nothing
        and: sum(dim=1) → sum(dim=1) + len(x) * (log_sigma + 0.5 * math.log(2 * math.pi))
            log sigma and ½ log 2π count D times, once for each pixel: D is `x.shape[1]`.
        log_sigma_taken_as_log_variance: (-log_sigma) → (-0.5 * log_sigma)
        and: + log_sigma → + 0.5 * log_sigma
            You read log_sigma as the log variance. The variance is exp(2 log_sigma), and each pixel pays
            log_sigma, not half of it.
        divided_by_sigma: scaled.square() → (x - mean).square() / torch.exp(log_sigma)
            You divide the squares by sigma: it is sigma squared, exp(2 log_sigma).
        log_sigma_halved: + log_sigma → + 0.5 * log_sigma
            log sigma is halved: ½ log σ² = log σ, and `log_sigma` is already that.
        multiplied_by_the_variance: (-log_sigma) → (log_sigma)
            You multiply the squares by the variance: divide, exp(-2 log_sigma).
        sign_of_log_sigma: + log_sigma → - log_sigma
            log sigma has the wrong sign: a wide density is low, so its negative logarithm is large.
        square_not_halved: 0.5 * scaled.square() → scaled.square()
            The square is not halved: (x - mean)² / (2 sigma²). With your sum sigma is learnt too large, by a
            factor of root 2.
        square_of_two_sigma: 0.5 * scaled.square() → (0.5 * scaled).square()
            You divide by (2 sigma)², which is 4 sigma²: it is 2 sigma².
        squared_error_alone: pixel_nll.sum → (x - mean).square().sum
            This is the squared error: no sigma, no constant, and twice the error term of sigma = 1. Nothing
            here can learn sigma.
        half_the_squared_error: pixel_nll.sum → 0.5 * (x - mean).square().sum
            This is half the squared error, the cost for sigma = 1 without its constant. Nothing here can
            learn sigma.
        errors_not_scaled: * torch.exp(-log_sigma) → nothing
            The errors are not divided by sigma, so nothing keeps log sigma from falling for ever.
        mean_over_pixels: sum(dim=1) → mean(dim=1)
            You average over the pixels: an image's cost is the sum. Averaged, the KL beside it would weigh D
            times as much.
        batch_averaged: sum(dim=1) → sum(dim=1).mean()
            You average over the images: return one number for each.
        log_likelihood: return pixel_nll → return -pixel_nll
            This is the log likelihood: the negative one was asked for.
        sigma_cut_off_in_the_square: (-log_sigma) → (-log_sigma.detach())
            The values are right, but in the square sigma is cut off: log sigma alone is learnt, and falls for
            ever. No .detach() or .item() on it.
        sigma_cut_off: (-log_sigma) → (-log_sigma.detach())
        and: + log_sigma → + log_sigma.detach()
            The values are right, but no gradient reaches log_sigma, so it stays as it is for ever: no
            .item(), .detach() or math.exp on it.
    """,
    special="""
        large_errors: (x - mean).abs().max() > 4e3
            Right but for large errors. Is x, the mean or their difference clamped? Take it as it stands.
        far_from_zero: x.abs().max() > 3e3
            Right near 0, but x² - 2 x m + m² loses all digits where x and m are large: subtract first, then
            square.
        extreme_sigma: log_sigma.abs() > 2.2
            Right for moderate sigma alone. Is log_sigma or sigma clamped, a small number added, or the
            density made before its logarithm? Stay with the logarithm, and take exp(-2 log_sigma) as it
            stands.
    """,
    forbids="""
        torch.distributions* torch*.gaussian_nll_loss: Write the three terms yourself, since they are what the
        exercise is about.
    """,
)

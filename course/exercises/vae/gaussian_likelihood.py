"""Chapter 4, exercise: a Gaussian decoder with one learnt standard deviation."""

import math

import torch
from torch.distributions import Normal

from course.exercises.draw import normal
from course.exercises.engine import Exercise, Misconception

HALF_LOG_2_PI = 0.5 * math.log(2 * math.pi)


def my_gaussian_nll(x, mean, log_sigma):
    """-log N(x; mean, sigma² I) of each image in nats, (B,). x and mean (B, D), log_sigma a tensor of no
    axes."""
    raise NotImplementedError


def solve_gaussian_nll(x, mean, log_sigma):
    """-log N(x; mean, sigma² I) of each image in nats, (B,). x and mean (B, D), log_sigma a tensor of no
    axes."""
    scaled = (x - mean) * torch.exp(-log_sigma)  # (B, D), errors in units of sigma
    pixel_nll = 0.5 * scaled.square() + log_sigma + 0.5 * math.log(2 * math.pi)
    return pixel_nll.sum(dim=1)


def gaussian_nll_by_squares(x, mean, log_sigma):
    """The same: the squared error of an image, then D times what no error changes."""
    squares = (x - mean).pow(2).sum(dim=1)  # (B,)
    constant = x.shape[1] * (log_sigma + math.log(2 * math.pi) / 2)
    return squares / (2 * torch.exp(2 * log_sigma)) + constant


def gaussian_nll_by_pixel(x, mean, log_sigma):
    """The same, the log density one pixel after the other."""
    sigma, total = log_sigma.exp(), x.new_zeros(len(x))
    for i in range(x.shape[1]):
        error = (x[:, i] - mean[:, i]) / sigma
        total = total - error * error / 2 - torch.log(sigma * math.sqrt(2 * math.pi))
    return -total


def gaussian_nll_by_norm(x, mean, log_sigma):
    """The same from the variance and the length of the error."""
    variance = torch.exp(log_sigma) ** 2
    length = torch.linalg.vector_norm(x - mean, dim=1)
    return 0.5 * (length**2 / variance + x.shape[1] * torch.log(2 * math.pi * variance))


def by_pytorch(x, mean, log_sigma):
    """The same by `torch.distributions`, in float64."""
    log_prob = Normal(mean.double(), log_sigma.double().exp()).log_prob(x.double())
    return -log_prob.sum(-1).to(x.dtype)


def squared(x, mean):
    """The squared error of each image, (B,)."""
    return (x - mean).square().sum(1)


def right_error(squares, s):
    """Half the squared error in units of sigma."""
    return 0.5 * squares * torch.exp(-2 * s)


def right_constant(s, d):
    """D (log sigma + ½ log 2π)."""
    return d * (s + HALF_LOG_2_PI)


def wrong(name, diagnosis, error_term=right_error, constant=right_constant):
    """A misconception about the two terms: functions of (squared error, log_sigma), and of
    (log_sigma, D)."""
    return Misconception(
        name, diagnosis, lambda x, mean, s: error_term(squared(x, mean), s) + constant(s, x.shape[1])
    )


def nll_case(rng, batch, d, dtype=torch.float64, log_sigma=0.3, error=1.0):
    """A case with errors of this size."""
    x = normal(rng, batch, d, dtype=dtype)
    return x, x + normal(rng, batch, d, dtype=dtype, scale=error), torch.tensor(log_sigma, dtype=dtype)


def wide_nll(rng):
    """One valid case."""
    sizes, dtype = (rng.randint(1, 4), rng.randint(1, 6)), rng.choice((torch.float32, torch.float64))
    return nll_case(rng, *sizes, dtype, rng.uniform(-5, 5), 10 ** rng.uniform(-2, 1))


gaussian_nll = Exercise(
    name="gaussian_nll",
    title="a Gaussian decoder with a learnt σ",
    difficulty="medium",
    minutes=15,
    task="""
        For grey-scale images the decoder may be Gaussian, with one learnt standard deviation for all pixels:

        $$-\\log p(x \\mid z) = \\sum_{i=1}^{D} \\Big[ \\frac{(x_i - m_i)^2}{2 \\sigma^2} + \\log \\sigma
        + \\tfrac12 \\log 2\\pi \\Big]$$

        `x` and `mean` are $(B, D)$, `log_sigma` is $\\log \\sigma$, a tensor of no axes, from -5 to 5. Return
        $(B)$, without `torch.distributions` and `F.gaussian_nll_loss`. Values and all gradients are compared.

        By hand first: the errors $x - m$ of an image are 1 and 7. Which $\\sigma$ makes its cost least?
    """,
    stub_function=my_gaussian_nll,
    reference=by_pytorch,
    cases=lambda rng: [
        (  # by hand: sigma is the root mean square of the errors, and the gradient for it is 0
            torch.tensor([[1.0, 7.0]], dtype=torch.float64),
            torch.zeros(1, 2, dtype=torch.float64),
            torch.tensor(math.log(5.0), dtype=torch.float64),
        ),
        nll_case(rng, 1, 1),
        nll_case(rng, 3, 1, log_sigma=-0.7),
        nll_case(rng, 3, 3),
        nll_case(rng, 2, 5, error=0.0),  # no errors: only sigma is left to pay for
        nll_case(rng, 4, 6, torch.float32, -1.0),
        nll_case(rng, 2, 4, torch.float32, -5.0),
        nll_case(rng, 2, 4, torch.float32, 5.0, 1e3),
        nll_case(rng, 3, 4, torch.float64, -5.0),
        nll_case(rng, 3, 4, torch.float64, 5.0),
        nll_case(rng, 2, 784, torch.float64, -2.0, 0.1),
        *(wide_nll(rng) for _ in range(6)),
    ],
    wide=wide_nll,
    gradients=True,
    hints=(
        "Everything inside the bracket belongs to one pixel. How often does an image of D pixels pay "
        "log sigma?",
        "`torch.exp(-2 * log_sigma)` is 1 / sigma². Sum over the pixels, dim=1: what no pixel changes counts "
        "D times. Keep log_sigma a tensor, since it is to be learnt.",
        "`(0.5 * (x - mean).square() * torch.exp(-2 * log_sigma) + log_sigma + 0.5 * math.log(2 * math.pi))"
        ".sum(dim=1)`.",
    ),
    solution_function=solve_gaussian_nll,
    alternatives=(gaussian_nll_by_squares, gaussian_nll_by_pixel, gaussian_nll_by_norm),
    misconceptions=(
        wrong(
            "constant_left_out",
            "½ log 2π is missing. It changes no gradient, but without it the numbers are no likelihood, and "
            "cannot be compared with others.",
            constant=lambda s, d: d * s,
        ),
        wrong(
            "constant_once",
            "½ log 2π is added once for an image: each of the D pixels has one.",
            constant=lambda s, d: d * s + HALF_LOG_2_PI,
        ),
        wrong(
            "constant_not_halved",
            "The constant is log 2π in your sum: it is half of it for each pixel.",
            constant=lambda s, d: d * (s + 2 * HALF_LOG_2_PI),
        ),
        wrong(
            "log_sigma_once",
            "log sigma is added once for an image: each of the D pixels pays for it, else sigma is learnt "
            "too large.",
            constant=lambda s, d: s + d * HALF_LOG_2_PI,
        ),
        wrong(
            "log_sigma_and_constant_once",
            "You sum the squares and then add log sigma and ½ log 2π once: both stand inside the sum, so "
            "they count D times.",
            constant=lambda s, d: s + HALF_LOG_2_PI,
        ),
        wrong(
            "log_sigma_and_no_constant",
            "log sigma is added once, and ½ log 2π is missing: both stand inside the sum, D times.",
            constant=lambda s, d: s,
        ),
        wrong(
            "log_sigma_taken_as_log_variance",
            "You read log_sigma as the log variance. The variance is exp(2 log_sigma), and each pixel pays "
            "log_sigma, not half of it.",
            lambda squares, s: 0.5 * squares * torch.exp(-s),
            lambda s, d: d * (s / 2 + HALF_LOG_2_PI),
        ),
        wrong(
            "divided_by_sigma",
            "You divide the squares by sigma: it is sigma squared, exp(2 log_sigma).",
            lambda squares, s: 0.5 * squares * torch.exp(-s),
        ),
        wrong(
            "log_sigma_halved",
            "log sigma is halved: ½ log σ² = log σ, and `log_sigma` is already that.",
            constant=lambda s, d: d * (s / 2 + HALF_LOG_2_PI),
        ),
        wrong(
            "multiplied_by_the_variance",
            "You multiply the squares by the variance: divide, exp(-2 log_sigma).",
            lambda squares, s: 0.5 * squares * torch.exp(2 * s),
        ),
        wrong(
            "sign_of_log_sigma",
            "log sigma has the wrong sign: a wide density is low, so its negative logarithm is large.",
            constant=lambda s, d: d * (HALF_LOG_2_PI - s),
        ),
        wrong(
            "square_not_halved",
            "The square is not halved: (x - mean)² / (2 sigma²). With your sum sigma is learnt too large, by "
            "a factor of root 2.",
            lambda squares, s: 2 * right_error(squares, s),
        ),
        wrong(
            "squared_error_alone",
            "This is the squared error: no sigma, no constant, and twice the error term of sigma = 1. "
            "Nothing here can learn sigma.",
            lambda squares, s: squares,
            lambda s, d: 0.0,
        ),
        wrong(
            "half_the_squared_error",
            "This is half the squared error, the cost for sigma = 1 without its constant. Nothing here can "
            "learn sigma.",
            lambda squares, s: 0.5 * squares,
            lambda s, d: 0.0,
        ),
        wrong(
            "errors_not_scaled",
            "The errors are not divided by sigma, so nothing keeps log sigma from falling for ever.",
            lambda squares, s: 0.5 * squares,
        ),
        Misconception(
            "mean_over_pixels",
            "You average over the pixels: an image's cost is the sum. Averaged, the KL beside it would weigh "
            "D times as much.",
            lambda x, mean, s: by_pytorch(x, mean, s) / x.shape[1],
        ),
        Misconception(
            "batch_averaged",
            "You average over the images: return one number for each.",
            lambda x, mean, s: by_pytorch(x, mean, s).mean(),
        ),
        Misconception(
            "log_likelihood",
            "This is the log likelihood: the negative one was asked for.",
            lambda x, mean, s: -by_pytorch(x, mean, s),
        ),
        Misconception(
            "sigma_cut_off",
            "The values are right, but no gradient reaches log_sigma, so it stays as it is for ever: no "
            ".item(), .detach() or math.exp on it.",
            lambda x, mean, s: by_pytorch(x, mean, s.detach()),
        ),
    ),
)

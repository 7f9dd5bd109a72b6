"""Chapter 5, exercise: the logit of the best discriminator, Goodfellow et al. (2014), proposition 1."""

import math

import torch
import torch.nn.functional as F
from torch.distributions import Normal

from course.exercises.draw import normal
from course.exercises.engine import Exercise, Misconception


def my_optimal_logit(x, mean, std):
    """The best discriminator's logit at each point, (N,). x (N,); the data's density is N(0, 1), the
    generator's N(mean, std^2); mean and std are floats, std > 0."""
    raise NotImplementedError


def solve_optimal_logit(x, mean, std):
    """The best discriminator's logit at each point, (N,). x (N,); the data's density is N(0, 1), the
    generator's N(mean, std^2); mean and std are floats, std > 0."""
    # The logit of p / (p + q) is log p - log q. Both have -log(2 pi) / 2, which cancels.
    log_p = -0.5 * x.square()
    log_q = -0.5 * ((x - mean) / std).square() - math.log(std)
    return log_p - log_q


def logit_by_product(x, mean, std):
    """The same: a difference of two squares is a product."""
    score = (x - mean) / std
    return (score - x) * (score + x) / 2 + math.log(std)


def logit_by_polynomial(x, mean, std):
    """The same as a polynomial in x: of degree 2, or 1 where both densities are equally wide."""
    precision = std**-2
    constant = mean * mean * precision / 2 + math.log(std)
    return ((precision - 1) / 2 * x - mean * precision) * x + constant


def logit_by_point(x, mean, std):
    """The same with the whole log-densities, one point after the other."""

    def log_density(point, centre, variance):
        return -((point - centre) ** 2) / (2 * variance) - math.log(2 * math.pi * variance) / 2

    return torch.stack([log_density(point, 0, 1) - log_density(point, mean, std**2) for point in x])


def by_pytorch(x, mean, std):
    """The same by `torch.distributions`, in float64."""
    wide = x.double()
    p, q = Normal(wide.new_tensor(0.0), 1.0), Normal(wide.new_tensor(mean), std)
    return (p.log_prob(wide) - q.log_prob(wide)).to(x.dtype)


def right(x, mean, std):
    """The logit."""
    return ((x - mean) / std).square() / 2 - x.square() / 2 + math.log(std)


def parts(data=lambda x: x.square() / 2, fake=lambda x, m, s: ((x - m) / s).square() / 2, norm=math.log):
    """The logit with another exponent of either density, or another constant."""
    return lambda x, mean, std: fake(x, mean, std) - data(x) + norm(std)


def density(x, mean, std):
    """A Gaussian's density."""
    return (-((x - mean) / std).square() / 2).exp() / (std * math.sqrt(2 * math.pi))


def by_densities(finish):
    """A function of both densities, which underflow far out."""
    return lambda x, mean, std: finish(density(x, 0.0, 1.0), density(x, mean, std))


def points_case(rng, n, mean, std, dtype=torch.float64, scale=2.0):
    """A case of n points around 0; `scale` is their standard deviation."""
    return normal(rng, n, dtype=dtype, scale=scale), mean, std


def far_case(dtype, mean, std, *values):
    """Each of the values and its negative."""
    return torch.tensor([sign * value for value in values for sign in (1, -1)], dtype=dtype), mean, std


def wide_points(rng):
    """One valid case; float32 points stay near 0, since far out two large squares may nearly cancel."""
    dtype, scale = rng.choice(((torch.float32, 2.0), (torch.float64, 30.0)))
    mean, std = rng.uniform(-3, 3), 10 ** rng.uniform(-0.5, 0.5)
    return points_case(rng, rng.randint(1, 6), mean, std, dtype, scale)


optimal_logit = Exercise(
    name="optimal_logit",
    title="the best discriminator's logit",
    difficulty="medium",
    minutes=12,
    task="""
        For fixed densities $p$ of the data and $q$ of the generator the best discriminator is
        $D^*(x) = p(x) / (p(x) + q(x))$ (Goodfellow et al. 2014, proposition 1). Its logit, the number that
        goes into the sigmoid, is $\\log p(x) - \\log q(x)$.

        Here $p$ is $\\mathcal N(0, 1)$ and $q$ is $\\mathcal N(\\mu, \\sigma^2)$. Return the logit at each
        `x` $(N)$; `mean` $\\mu$ and `std` $\\sigma$ are floats. $|x|$ may be $10^3$ in float32, where both
        densities underflow: values and gradients, which are compared, must be finite. No
        `torch.distributions`.

        By hand first: $\\mu = 2$, $\\sigma = 1$. Which function of $x$ is the logit?
    """,
    stub_function=my_optimal_logit,
    reference=by_pytorch,
    cases=lambda rng: [
        (torch.tensor([0.0, 1.0, 3.0]).double(), 2.0, 1.0),  # by hand: 2 - 2 x
        (torch.tensor([1.0, -2.0]).double(), 0.0, 2.0),
        (torch.tensor([0.5, 1.5]).double(), 0.0, 1.0),  # equal densities: 0 everywhere
        points_case(rng, 1, -1.0, 0.5),
        points_case(rng, 5, 1.5, 3.0),
        points_case(rng, 6, -0.75, 1.25, torch.float32),
        far_case(torch.float32, 0.5, 2.0, 20.0, 1e3),
        far_case(torch.float32, -1.0, 0.5, 13.0, 1e3),
        far_case(torch.float64, 2.0, 1.5, 10.0, 37.0),
        far_case(torch.float64, 2.0, 0.5, 50.0, 1e3),
        *(wide_points(rng) for _ in range(6)),
    ],
    wide=wide_points,
    gradients=True,
    hints=(
        "Write down log p(x) and log q(x) before any code. Which of their terms cancel, and which do not?",
        "An exponential that is taken only to be undone by a logarithm is where the underflow comes from. "
        "And a wide density is a low one: sigma stands in front of the exponential too.",
        "log p is -x²/2 and log q is -((x - mean) / std)²/2 - log(std), each up to the same constant.",
    ),
    solution_function=solve_optimal_logit,
    alternatives=(logit_by_product, logit_by_polynomial, logit_by_point),
    misconceptions=(
        Misconception(
            "probability",
            "This is D itself, which is 0 or 1 to all digits far out: return its logit, before the sigmoid.",
            lambda *args: right(*args).sigmoid(),
        ),
        Misconception(
            "log_probability",
            "This is log D = log(p / (p + q)), never above 0: the logit is log(p / q).",
            lambda *args: F.logsigmoid(right(*args)),
        ),
        Misconception(
            "log_probability_of_densities",
            "Two things: log(p / (p + q)) is log D, not the logit; and where both densities underflow it is "
            "0/0, NaN. Subtract log-densities.",
            by_densities(lambda p, q: (p / (p + q)).log()),
        ),
        Misconception(
            "probability_of_densities",
            "Two things: p / (p + q) is D, not its logit; and where both densities underflow it is 0/0, NaN. "
            "Subtract log-densities.",
            by_densities(lambda p, q: p / (p + q)),
        ),
        Misconception(
            "inverse_ratio",
            "Your ratio is upside down: the logit is high where the data's density is, log p - log q.",
            lambda *args: -right(*args),
        ),
        Misconception(
            "ratio",
            "You return p / q: the logit is its logarithm, which does not overflow.",
            lambda *args: right(*args).exp(),
        ),
        Misconception(
            "ratio_of_densities",
            "Two things: the logit is the logarithm of p / q; and where both densities underflow it is 0/0, "
            "NaN. Subtract log-densities.",
            by_densities(lambda p, q: p / q),
        ),
        Misconception(
            "log_of_the_ratio",
            "Right near the data, but far out both densities underflow, and 0/0, or log 0 - log 0, is NaN. "
            "Write the logarithms down as formulas: exp and log undo each other.",
            by_densities(lambda p, q: (p / q).log()),
        ),
        Misconception(
            "logit_of_the_probability",
            "Right near the data, but D is rounded to 0 or 1 further out, and is NaN where both densities "
            "underflow. Subtract log-densities.",
            by_densities(lambda p, q: torch.logit(p / (p + q))),
        ),
        *(
            Misconception(
                f"epsilon_{small:.0e}",
                "You add a small number to the densities: far out it is all that is left, and the logit and "
                "its slope become 0. Subtract log-densities.",
                by_densities(lambda p, q, small=small: (p + small).log() - (q + small).log()),
            )
            for small in (1e-6, 1e-8, 1e-10, 1e-12)
        ),
        Misconception(
            "constant_forgotten",
            "log std is missing: q has 1 / std in front of its exponential, so a wide density is a low one.",
            parts(norm=lambda s: 0.0),
        ),
        Misconception(
            "constant_subtracted",
            "The sign of log std is turned: log q has - log std, and q is subtracted.",
            parts(norm=lambda s: -math.log(s)),
        ),
        Misconception(
            "log_variance",
            "You add the log variance: the constant of q is 1 / std, so it is log std.",
            parts(norm=lambda s: 2 * math.log(s)),
        ),
        *(
            Misconception(
                name,
                "Right to seven digits: `torch.tensor(std)` is float32. Keep std a float: `math.log(std)`.",
                function,
            )
            for name, function in (
                ("constant_in_float32", parts(norm=lambda s: torch.tensor(s).log())),
                ("std_in_float32", lambda x, m, s: right(x, m, float(torch.tensor(s)))),
            )
        ),
        Misconception(
            "two_pi_left",
            "A constant log(2 pi) / 2 is left: both densities have it, so it cancels.",
            parts(norm=lambda s: math.log(s) + math.log(2 * math.pi) / 2),
        ),
        Misconception(
            "std_taken_as_variance",
            "You take std for the variance: its square divides the squared distance, and log std is the "
            "constant.",
            parts(fake=lambda x, m, s: (x - m).square() / (2 * s), norm=lambda s: math.log(s) / 2),
        ),
        Misconception(
            "std_not_squared",
            "You divide the squared distance by std: by its square, the variance.",
            parts(fake=lambda x, m, s: (x - m).square() / (2 * s)),
        ),
        Misconception(
            "half_forgotten",
            "The ½ before the squares is missing in both densities.",
            parts(lambda x: x.square(), lambda x, m, s: ((x - m) / s).square()),
        ),
        Misconception(
            "sign_of_the_mean",
            "The mean has the wrong sign: the distance is x - mean.",
            parts(fake=lambda x, m, s: ((x + m) / s).square() / 2),
        ),
    ),
)

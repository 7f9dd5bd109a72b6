"""Chapter 5: the logit of the best discriminator, Goodfellow et al. (2014), proposition 1."""

import math
import torch
import torch.nn.functional as F
from torch.distributions import Normal
from course.exercises.cases import normal
from course.exercises.engine import Exercise


def my_optimal_logit(x, mean, std):
    """The best discriminator's logit at each point, (N,). x (N,); the data's density is N(0, 1), the
    generator's N(mean, std^2); mean and std are floats, std > 0."""
    # The logit of p / (p + q) is log p - log q. Both have -log(2 pi) / 2, which cancels.
    log_p = -0.5 * x.square()
    log_q = -0.5 * ((x - mean) / std).square() - math.log(std)
    return log_p - log_q


def by_pytorch(x, mean, std):
    """The same by `torch.distributions`, in float64."""
    wide = x.double()
    p, q = Normal(wide.new_tensor(0.0), 1.0), Normal(wide.new_tensor(mean), std)
    return (p.log_prob(wide) - q.log_prob(wide)).to(x.dtype)


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
    my_optimal_logit,
    reference=by_pytorch,
    gradients=True,
    # OLD wide=wide_points
    # OLD cases:
    # lambda rng: [
    #         (torch.tensor([0.0, 1.0, 3.0]).double(), 2.0, 1.0),  # by hand: 2 - 2 x
    #         (torch.tensor([1.0, -2.0]).double(), 0.0, 2.0),
    #         (torch.tensor([0.5, 1.5]).double(), 0.0, 1.0),  # equal densities: 0 everywhere
    #         points_case(rng, 1, -1.0, 0.5),
    #         points_case(rng, 5, 1.5, 3.0),
    #         points_case(rng, 6, -0.75, 1.25, torch.float32),
    #         far_case(torch.float32, 0.5, 2.0, 20.0, 1e3),
    #         far_case(torch.float32, -1.0, 0.5, 13.0, 1e3),
    #         far_case(torch.float64, 2.0, 1.5, 10.0, 37.0),
    #         far_case(torch.float64, 2.0, 0.5, 50.0, 1e3),
    #         *(wide_points(rng) for _ in range(6)),
    #     ]
    by_hand=(),
    draw=None,
    sizes=[],
    spans={},
    hints="""
        Write down log p(x) and log q(x) before any code. Which of their terms cancel, and which do not?

        An exponential that is taken only to be undone by a logarithm is where the underflow comes from. And a
        wide density is a low one: sigma stands in front of the exponential too.

        log p is -x²/2 and log q is -((x - mean) / std)²/2 - log(std), each up to the same constant.
    """,
    wrong="""
        probability: OLD → NEW
            This is D itself, which is 0 or 1 to all digits far out: return its logit, before the sigmoid.
        log_probability: OLD → NEW
            This is log D = log(p / (p + q)), never above 0: the logit is log(p / q).
        log_probability_of_densities: OLD → NEW
            Two things: log(p / (p + q)) is log D, not the logit; and where both densities underflow it is
            0/0, NaN. Subtract log-densities.
        probability_of_densities: OLD → NEW
            Two things: p / (p + q) is D, not its logit; and where both densities underflow it is 0/0, NaN.
            Subtract log-densities.
        inverse_ratio: OLD → NEW
            Your ratio is upside down: the logit is high where the data's density is, log p - log q.
        ratio: OLD → NEW
            You return p / q: the logit is its logarithm, which does not overflow.
        ratio_of_densities: OLD → NEW
            Two things: the logit is the logarithm of p / q; and where both densities underflow it is 0/0,
            NaN. Subtract log-densities.
        log_of_the_ratio: OLD → NEW
            Right near the data, but far out both densities underflow, and 0/0, or log 0 - log 0, is NaN.
            Write the logarithms down as formulas: exp and log undo each other.
        logit_of_the_probability: OLD → NEW
            Right near the data, but D is rounded to 0 or 1 further out, and is NaN where both densities
            underflow. Subtract log-densities.
        epsilon_1e-06: OLD → NEW
            You add a small number to the densities: far out it is all that is left, and the logit and its
            slope become 0. Subtract log-densities.
        epsilon_1e-08: OLD → NEW
            You add a small number to the densities: far out it is all that is left, and the logit and its
            slope become 0. Subtract log-densities.
        epsilon_1e-10: OLD → NEW
            You add a small number to the densities: far out it is all that is left, and the logit and its
            slope become 0. Subtract log-densities.
        epsilon_1e-12: OLD → NEW
            You add a small number to the densities: far out it is all that is left, and the logit and its
            slope become 0. Subtract log-densities.
        constant_forgotten: OLD → NEW
            log std is missing: q has 1 / std in front of its exponential, so a wide density is a low one.
        constant_subtracted: OLD → NEW
            The sign of log std is turned: log q has - log std, and q is subtracted.
        log_variance: OLD → NEW
            You add the log variance: the constant of q is 1 / std, so it is log std.
        constant_in_float32: OLD → NEW
            Right to seven digits: `torch.tensor(std)` is float32. Keep std a float: `math.log(std)`.
        std_in_float32: OLD → NEW
            Right to seven digits: `torch.tensor(std)` is float32. Keep std a float: `math.log(std)`.
        two_pi_left: OLD → NEW
            A constant log(2 pi) / 2 is left: both densities have it, so it cancels.
        std_taken_as_variance: OLD → NEW
            You take std for the variance: its square divides the squared distance, and log std is the
            constant.
        std_not_squared: OLD → NEW
            You divide the squared distance by std: by its square, the variance.
        half_forgotten: OLD → NEW
            The ½ before the squares is missing in both densities.
        sign_of_the_mean: OLD → NEW
            The mean has the wrong sign: the distance is x - mean.
    """,
)

"""Chapter 5: the logit of the best discriminator, Goodfellow et al. (2014), proposition 1."""

import math

import torch
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


def draw(rng, N, mean, std, scale=2.0, dtype=torch.float64):
    """A case of points around 0; `scale` is their standard deviation."""
    return normal(rng, N, dtype=dtype, scale=scale), mean, std


def small_sizes(rng):
    """Float32 points stay near 0, since far out two large squares may nearly cancel."""
    dtype, scale = rng.choice(((torch.float32, 2.0), (torch.float64, 30.0)))
    mean, std = rng.uniform(-3, 3), 10 ** rng.uniform(-0.5, 0.5)
    return dict(N=rng.randint(1, 6), mean=mean, std=std, scale=scale, dtype=dtype)


optimal_logit = Exercise(
    my_optimal_logit,
    reference=by_pytorch,
    gradients=True,
    draw=draw,
    by_hand=[
        ([0.0, 1.0, 3.0], 2.0, 1.0),  # 2 - 2 x
        ([1.0, -2.0], 0.0, 2.0),
        ([0.5, 1.5], 0.0, 1.0),  # equal densities: 0 everywhere
        (torch.tensor([20.0, -20.0, 1e3, -1e3]), 0.5, 2.0),
        (torch.tensor([13.0, -13.0, 1e3, -1e3]), -1.0, 0.5),
        ([10.0, -10.0, 37.0, -37.0], 2.0, 1.5),
        ([50.0, -50.0, 1e3, -1e3], 2.0, 0.5),
        ([0.0, 11.0, -1e3], 10.0, 0.1),
        (torch.tensor([0.0, 2.0, -1e3]), -10.0, 10.0),
    ],
    sizes=[
        dict(N=1, mean=-1.1, std=0.6),
        dict(N=5, mean=1.6, std=3.1),
        dict(N=6, mean=-0.75, std=1.25, dtype=torch.float32),
        dict(N=1100, mean=1.1, std=0.7),
    ],
    spans=small_sizes,
    forbids="torch.distributions*: Write both log-densities yourself: that is what the exercise is about.",
    special="""
        far_out: max(x.abs().max(), ((x - mean) / std).abs().max()) > 8
            Right near the data. Far out densities underflow, and a clamp or an added number is all that is
            left: the logit goes on as a parabola. Subtract log-densities, without an exponential.
    """,
    hints="""
        Write down log p(x) and log q(x) before any code. Which of their terms cancel, and which do not?

        An exponential that is taken only to be undone by a logarithm is where the underflow comes from. And a
        wide density is a low one: sigma stands in front of the exponential too.

        These are the lines in words: log p is -x²/2 and log q is -((x - mean) / std)²/2 - log(std), each up
        to the same constant.
    """,
    wrong="""
        log_probability: return log_p - log_q → return log_p - torch.logaddexp(log_p, log_q)
            This is log D = log(p / (p + q)), never above 0: the logit is log(p / q).
        log_probability_of_densities: log_p - log_q → (log_p.exp() / (log_p.exp() + log_q.exp())).log()
            Two things: log(p / (p + q)) is log D, not the logit; and where both densities underflow it is
            0/0, NaN. Subtract log-densities.
        probability_of_densities: log_p - log_q → log_p.exp() / (log_p.exp() + log_q.exp())
            Two things: p / (p + q) is D, not its logit; and where both densities underflow it is 0/0, NaN.
            Subtract log-densities.
        ratio_of_densities: return log_p - log_q → return log_p.exp() / log_q.exp()
            Two things: the logit is the logarithm of p / q; and where both densities underflow it is 0/0,
            NaN. Subtract log-densities.
        epsilon_{}: return log_p - log_q → return (log_p.exp() + {}).log() - (log_q.exp() + {}).log()
        and: x.square() → (x.square() + math.log(2 * math.pi))
        and: math.log(std) → math.log(math.sqrt(2 * math.pi) * std)
        for: 1e-06, 1e-08, 1e-10, 1e-12
            You add a small number to the densities: far out it is all that is left, and the logit and its
            slope become 0. Subtract log-densities.
        constant_forgotten: .square() - math.log(std) → .square()
            log std is missing: q has 1 / std in front of its exponential, so a wide density is a low one.
        log_variance: math.log(std) → math.log(std**2)
            You add the log variance: the constant of q is 1 / std, so it is log std.
        half_log_std: math.log(std) → 0.5 * math.log(std)
            You subtract half of log std, which belongs to a variance: std is the standard deviation.
        two_pi_in_p: log_p = -0.5 * x.square() → log_p = -0.5 * x.square() - 0.5 * math.log(2 * math.pi)
        two_pi_left: math.log(std) → math.log(math.sqrt(2 * math.pi) * std)
            A constant log(2 pi) / 2 is left: both densities have it, so it cancels.
        std_taken_as_variance: ((x - mean) / std).square() → (x - mean).square() / std
        and: math.log(std) → 0.5 * math.log(std)
            You take std for the variance: its square divides the squared distance, and log std is the
            constant.
        both_of_width_std: log_p = -0.5 * x → log_p = -0.5 * (x / std)
            You give both densities the width std, so that the squares of x cancel: the data's is 1.
        cross_term_halved: ((x - mean) / std).square() → ((x.square() - mean * x + mean**2) / std**2)
            (x - mean)² is x² - 2 mean x + mean²: the 2 is missing.
        std_not_squared: ((x - mean) / std).square() → (x - mean).square() / std
            You divide the squared distance by std: by its square, the variance.
        half_forgotten: -0.5 * → -1 *
            The ½ before the squares is missing in both densities.
    """,
)

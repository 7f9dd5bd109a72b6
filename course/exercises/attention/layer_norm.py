"""Chapter 3, exercise: layer normalisation, Ba, Kiros and Hinton (2016), arXiv 1607.06450."""

import torch
import torch.nn.functional as F

from course.exercises.draw import normal
from course.exercises.engine import Exercise, Misconception


def my_layer_norm(x, weight, bias, eps):
    """x (B, T, D) normalised over its last axis, times weight (D,), plus bias (D,): (B, T, D)."""
    raise NotImplementedError


def solve_layer_norm(x, weight, bias, eps):
    """x (B, T, D) normalised over its last axis, times weight (D,), plus bias (D,): (B, T, D)."""
    centred = x - x.mean(dim=-1, keepdim=True)
    variance = centred.square().mean(dim=-1, keepdim=True)  # (B, T, 1), divided by D and not by D - 1
    return centred / torch.sqrt(variance + eps) * weight + bias


def norm_by_var(x, weight, bias, eps):
    """The same by `torch.var_mean`."""
    variance, mean = torch.var_mean(x, dim=2, correction=0, keepdim=True)
    return weight * (x - mean) * (variance + eps).rsqrt() + bias


def norm_by_token(x, weight, bias, eps):
    """The same, one token after the other, with sums in place of means."""
    d, rows = len(weight), []
    for row in x.reshape(-1, d):
        deviation = row - row.sum() / d
        rows.append(bias + weight * deviation / (deviation @ deviation / d + eps) ** 0.5)
    return torch.stack(rows).reshape(x.shape)


def norm_by_matrix(x, weight, bias, eps):
    """The same; subtracting the mean is a product with I - 1/D."""
    d = x.shape[-1]
    centring = torch.eye(d, dtype=x.dtype) - 1 / d
    flat = x.flatten(0, 1) @ centring
    length = torch.linalg.vector_norm(flat, dim=1, keepdim=True)  # of a zero row: slope 0, not NaN
    scale = torch.sqrt(length**2 / d + eps)
    return torch.addcmul(bias, flat / scale, weight).unflatten(0, x.shape[:2])


def by_pytorch(x, weight, bias, eps):
    """The same by `F.layer_norm`, in float64."""
    near = x.double() - x[..., :1].detach()  # far from 0 its gradient has few right digits
    return F.layer_norm(near, weight.shape, weight.double(), bias.double(), eps).to(x.dtype)


def variant(
    axes=(-1,),
    correction=0,
    scale=lambda variance, eps: (variance + eps).sqrt(),
    affine=lambda y, weight, bias: y * weight + bias,
):
    """The layer with moments over other axes, or another step in between."""

    def run(x, weight, bias, eps):
        mean = x.mean(axes, keepdim=True)
        count = x.numel() // mean.numel() - correction  # `torch.var` would warn of a count of 0
        variance = (x - mean).square().sum(axes, keepdim=True) / count
        return affine((x - mean) / scale(variance, eps), weight, bias)

    return run


def root_mean_square(x, weight, bias, eps):
    """RMSNorm: no mean at all."""
    return x / (x.square().mean(-1, keepdim=True) + eps).sqrt() * weight + bias


def difference_of_squares(x, weight, bias, eps):
    """The variance as E[x^2] - E[x]^2."""
    mean = x.mean(-1, keepdim=True)
    variance = (x * x).mean(-1, keepdim=True) - mean * mean
    return (x - mean) / (variance + eps).sqrt() * weight + bias


def norm_case(rng, batch, steps, d, dtype=torch.float64, scale=1.0, offset=0.0, eps=1e-5):
    """A case; one token is moved by the offset more than the others."""
    x = normal(rng, batch, steps, d, dtype=dtype, scale=scale) + offset
    x[-1, -1] += offset
    return x, normal(rng, d, dtype=dtype), normal(rng, d, dtype=dtype), eps


def constant_rows(rng, batch, steps, d, dtype=torch.float64, eps=1e-5):
    """A case in which all features of a token are the same, but in the last one."""
    x, weight, bias, eps = norm_case(rng, batch, steps, d, dtype, eps=eps)
    x[:, :-1] = torch.arange(-1.0, steps - 2.0, dtype=dtype)[:, None]  # exact, so that the variance is 0
    return x, weight, bias, eps


def wide_norm(rng):
    """One valid case; eps is large enough that the rounding of a constant token does not show."""
    sizes = rng.randint(1, 4), rng.randint(1, 4), rng.randint(1, 5)
    dtype, scale = rng.choice((torch.float32, torch.float64)), 10 ** rng.uniform(-1, 1)
    return norm_case(rng, *sizes, dtype, scale, rng.choice((0.0, 2.0)), 10 ** rng.uniform(-4, 0))


layer_norm = Exercise(
    name="layer_norm",
    title="normalise each token",
    difficulty="easy",
    minutes=15,
    task="""
        Layer normalisation treats every token $x$, $D$ numbers, on its own:

        $$\\mu = \\frac1D \\sum_{j} x_j \\qquad \\sigma^2 = \\frac1D \\sum_{j} (x_j - \\mu)^2 \\qquad
        y_j = w_j\\,\\frac{x_j - \\mu}{\\sqrt{\\sigma^2 + \\varepsilon}} + b_j$$

        `x` is $(B, T, D)$, `weight` and `bias` are $(D)$, `eps` is a number. Return $(B, T, D)$. No
        ready-made normalisation such as `F.layer_norm`. Values and all gradients are compared.

        By hand first: with $w = 1$, $b = 0$ and $\\varepsilon = 0$, what becomes of the token $[1, 3]$, and
        what of $[101, 103]$?
    """,
    stub_function=my_layer_norm,
    reference=by_pytorch,
    cases=lambda rng: [
        (  # mean 2, variance 1, root of 1 + 3
            torch.tensor([[[1.0, 3.0]]], dtype=torch.float64),
            torch.tensor([2.0, 1.0], dtype=torch.float64),
            torch.tensor([0.0, 1.0], dtype=torch.float64),
            3.0,
        ),
        norm_case(rng, 1, 1, 4),
        norm_case(rng, 2, 3, 4, offset=1.0),
        norm_case(rng, 3, 3, 3),
        norm_case(rng, 2, 2, 1),  # a token of one number: only the bias is left
        constant_rows(rng, 2, 3, 4),
        constant_rows(rng, 1, 2, 8, torch.float32, 1e-3),
        norm_case(rng, 2, 2, 3, offset=100.0),
        (  # neighbours so far from 0 that their squares cannot tell them apart
            torch.tensor([[[2.0**30, 2.0**30 + 1]]], dtype=torch.float64),
            torch.ones(2, dtype=torch.float64),
            torch.zeros(2, dtype=torch.float64),
            0.01,
        ),
        norm_case(rng, 2, 3, 5, scale=1e-3),
        norm_case(rng, 3, 2, 6, scale=1e6, eps=1e-12),
        norm_case(rng, 4, 5, 8, torch.float32),
        *(wide_norm(rng) for _ in range(5)),
    ],
    wide=wide_norm,
    gradients=True,
    hints=(
        "Nothing is shared between tokens: mean and variance run over the last axis alone, and there are "
        "B * T of each.",
        "With `keepdim=True` a mean is (B, T, 1) and subtracts from x. The variance divides by D, while "
        "`torch.var` divides by D - 1 unless you say `correction=0`.",
        "`mean = x.mean(-1, keepdim=True)`, `variance = x.var(-1, correction=0, keepdim=True)`; return "
        "`(x - mean) / torch.sqrt(variance + eps) * weight + bias`.",
    ),
    solution_function=solve_layer_norm,
    alternatives=(norm_by_var, norm_by_token, norm_by_matrix),
    misconceptions=(
        Misconception(
            "unbiased_variance",
            "Your variance divides by D - 1, as torch.var and torch.std do by default. Here it divides by D: "
            "say correction=0.",
            variant(correction=1),
        ),
        Misconception(
            "eps_outside_the_root",
            "You add eps to the standard deviation: it belongs under the root, sqrt(variance + eps).",
            variant(scale=lambda variance, eps: variance.sqrt() + eps),
        ),
        Misconception(
            "unbiased_and_eps_outside",
            "Two things, both often printed: your standard deviation divides by D - 1, and eps is added "
            "outside the root. It is sqrt(variance + eps) with a variance that divides by D.",
            variant(correction=1, scale=lambda variance, eps: variance.sqrt() + eps),
        ),
        Misconception(
            "eps_forgotten",
            "eps is missing: a token of equal numbers has variance 0, and 0 / 0 is not a number.",
            variant(scale=lambda variance, eps: variance.sqrt()),
        ),
        Misconception(
            "eps_as_a_floor",
            "You use eps as the least value of the variance: it is added to every variance, large or small.",
            variant(scale=lambda variance, eps: variance.clamp(min=eps).sqrt()),
        ),
        Misconception(
            "divided_by_the_variance",
            "You divide by the variance: divide by its square root, else doubling x halves y.",
            variant(scale=lambda variance, eps: variance + eps),
        ),
        Misconception(
            "over_the_batch",
            "Your moments run over the batch, dim=0: a token would depend on its neighbours in the batch. "
            "Normalise over the last axis.",
            variant((0,)),
        ),
        Misconception(
            "over_time",
            "Your moments run over the positions, dim=1, so a token sees those that come later. Normalise "
            "over the last axis.",
            variant((1,)),
        ),
        Misconception(
            "over_time_and_features",
            "Your moments run over positions and features together: every token has a mean and a variance of "
            "its own, over the last axis alone.",
            variant((1, 2)),
        ),
        Misconception(
            "batch_norm",
            "Your moments run over batch and positions, one for each feature: that is batch normalisation. "
            "Normalise over the last axis.",
            variant((0, 1)),
        ),
        Misconception(
            "one_mean_for_all",
            "You take one mean and one variance of the whole tensor: each token has its own, with dim=-1.",
            variant((0, 1, 2)),
        ),
        Misconception(
            "root_mean_square",
            "You do not subtract the mean: that is RMSNorm. Layer normalisation centres each token first.",
            root_mean_square,
        ),
        Misconception(
            "weight_and_bias_forgotten",
            "weight and bias are not used: multiply the normalised token by weight, then add bias.",
            variant(affine=lambda y, weight, bias: y),
        ),
        Misconception(
            "weight_forgotten",
            "weight is not used: multiply the normalised token by it before the bias is added.",
            variant(affine=lambda y, weight, bias: y + bias),
        ),
        Misconception(
            "bias_forgotten",
            "The bias is missing: add it at the end.",
            variant(affine=lambda y, weight, bias: y * weight),
        ),
        Misconception(
            "difference_of_squares",
            "Right for moderate numbers, but mean(x²) - mean(x)² loses all digits where x is far from 0. "
            "Subtract the mean first, then square.",
            difference_of_squares,
        ),
    ),
)

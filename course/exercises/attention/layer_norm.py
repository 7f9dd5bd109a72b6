"""Chapter 3: layer normalisation, Ba, Kiros and Hinton (2016), arXiv 1607.06450."""

import torch
import torch.nn.functional as F
from course.exercises.cases import normal
from course.exercises.engine import Exercise


def my_layer_norm(x, weight, bias, eps):
    """x (B, T, D) normalised over its last axis, times weight (D,), plus bias (D,): (B, T, D)."""
    centred = x - x.mean(dim=-1, keepdim=True)
    variance = centred.square().mean(dim=-1, keepdim=True)  # (B, T, 1), divided by D and not by D - 1
    return centred / torch.sqrt(variance + eps) * weight + bias


def by_pytorch(x, weight, bias, eps):
    """The same by `F.layer_norm`, in float64."""
    near = x.double() - x[..., :1].detach()  # far from 0 its gradient has few right digits
    return F.layer_norm(near, weight.shape, weight.double(), bias.double(), eps).to(x.dtype)


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
    my_layer_norm,
    reference=by_pytorch,
    gradients=True,
    # OLD wide=wide_norm
    # OLD cases:
    # lambda rng: [
    #         (  # mean 2, variance 1, root of 1 + 3
    #             torch.tensor([[[1.0, 3.0]]], dtype=torch.float64),
    #             torch.tensor([2.0, 1.0], dtype=torch.float64),
    #             torch.tensor([0.0, 1.0], dtype=torch.float64),
    #             3.0,
    #         ),
    #         norm_case(rng, 1, 1, 4),
    #         norm_case(rng, 2, 3, 4, offset=1.0),
    #         norm_case(rng, 3, 3, 3),
    #         norm_case(rng, 2, 2, 1),  # a token of one number: only the bias is left
    #         constant_rows(rng, 2, 3, 4),
    #         constant_rows(rng, 1, 2, 8, torch.float32, 1e-3),
    #         norm_case(rng, 2, 2, 3, offset=100.0),
    #         (  # neighbours so far from 0 that their squares cannot tell them apart
    #             torch.tensor([[[2.0**30, 2.0**30 + 1]]], dtype=torch.float64),
    #             torch.ones(2, dtype=torch.float64),
    #             torch.zeros(2, dtype=torch.float64),
    #             0.01,
    #         ),
    #         norm_case(rng, 2, 3, 5, scale=1e-3),
    #         norm_case(rng, 3, 2, 6, scale=1e6, eps=1e-12),
    #         norm_case(rng, 4, 5, 8, torch.float32),
    #         *(wide_norm(rng) for _ in range(5)),
    #     ]
    by_hand=(),
    draw=None,
    sizes=[],
    spans={},
    hints="""
        Nothing is shared between tokens: mean and variance run over the last axis alone, and there are B * T
        of each.

        With `keepdim=True` a mean is (B, T, 1) and subtracts from x. The variance divides by D, while
        `torch.var` divides by D - 1 unless you say `correction=0`.

        `mean = x.mean(-1, keepdim=True)`, `variance = x.var(-1, correction=0, keepdim=True)`; return `(x -
        mean) / torch.sqrt(variance + eps) * weight + bias`.
    """,
    wrong="""
        unbiased_variance: OLD → NEW
            Your variance divides by D - 1, as torch.var and torch.std do by default. Here it divides by D:
            say correction=0.
        eps_outside_the_root: OLD → NEW
            You add eps to the standard deviation: it belongs under the root, sqrt(variance + eps).
        unbiased_and_eps_outside: OLD → NEW
            Two things, both often printed: your standard deviation divides by D - 1, and eps is added outside
            the root. It is sqrt(variance + eps) with a variance that divides by D.
        eps_forgotten: OLD → NEW
            eps is missing: a token of equal numbers has variance 0, and 0 / 0 is not a number.
        eps_as_a_floor: OLD → NEW
            You use eps as the least value of the variance: it is added to every variance, large or small.
        divided_by_the_variance: OLD → NEW
            You divide by the variance: divide by its square root, else doubling x halves y.
        over_the_batch: OLD → NEW
            Your moments run over the batch, dim=0: a token would depend on its neighbours in the batch.
            Normalise over the last axis.
        over_time: OLD → NEW
            Your moments run over the positions, dim=1, so a token sees those that come later. Normalise over
            the last axis.
        over_time_and_features: OLD → NEW
            Your moments run over positions and features together: every token has a mean and a variance of
            its own, over the last axis alone.
        batch_norm: OLD → NEW
            Your moments run over batch and positions, one for each feature: that is batch normalisation.
            Normalise over the last axis.
        one_mean_for_all: OLD → NEW
            You take one mean and one variance of the whole tensor: each token has its own, with dim=-1.
        root_mean_square: OLD → NEW
            You do not subtract the mean: that is RMSNorm. Layer normalisation centres each token first.
        weight_and_bias_forgotten: OLD → NEW
            weight and bias are not used: multiply the normalised token by weight, then add bias.
        weight_forgotten: OLD → NEW
            weight is not used: multiply the normalised token by it before the bias is added.
        bias_forgotten: OLD → NEW
            The bias is missing: add it at the end.
        difference_of_squares: OLD → NEW
            Right for moderate numbers, but mean(x²) - mean(x)² loses all digits where x is far from 0.
            Subtract the mean first, then square.
    """,
)

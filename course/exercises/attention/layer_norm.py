"""Chapter 3: layer normalisation, Ba, Kiros and Hinton (2016), arXiv 1607.06450."""

import torch
import torch.nn.functional as F

from course.exercises.cases import tensors
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


def draw(rng, scale=1.0, offset=0.0, eps=1e-5, constant=False, dtype=torch.float64, **sizes):
    """A case; one token is moved by the offset more than the others. In a constant one all features of a
    token are the same, but in the last token."""
    x, weight, bias = tensors(rng, "BTD D D", dtype, **sizes)
    x = scale * x + offset
    x[-1, -1] += offset
    if constant:
        x[:, :-1] = torch.arange(-1.0, sizes["T"] - 2.0)[:, None]  # exact, so that the variance is 0
    return x, weight, bias, eps


layer_norm = Exercise(
    my_layer_norm,
    reference=by_pytorch,
    gradients=True,
    draw=draw,
    by_hand=[
        ([[[1.0, 3.0]]], [2.0, 1.0], [0.0, 1.0], 3.0),  # mean 2, variance 1, root of 1 + 3
        ([[[1e-7, 3e-7, 8e-7]]], [2.0, 1.0, 1.0], [0.0, 1.0, 0.0], 0.0),
        ([[[1.0] + [0.0] * 199]], [1.0] * 200, [0.0] * 200, 1e-5),  # the first becomes 14
    ],
    sizes=[
        dict(B=1, T=1, D=4),
        dict(B=2, T=3, D=4, offset=1.0),
        dict(B=3, T=3, D=3),
        dict(B=2, T=2, D=1),  # a token of one number: only the bias is left
        dict(B=2, T=3, D=4, constant=True),
        dict(B=1, T=2, D=8, constant=True, eps=1e-3, dtype=torch.float32),
        dict(B=2, T=2, D=3, eps=0.0),
        dict(B=2, T=2, D=3, offset=1e4),
        dict(B=1, T=1, D=600),
        dict(B=1, T=600, D=3),
        dict(B=100, T=1, D=3),
        dict(B=2, T=3, D=5, scale=1e-3),
        dict(B=2, T=2, D=4, scale=1e-6, eps=1e-12),
        dict(B=3, T=2, D=6, scale=1e6, eps=1e-12),
        dict(B=4, T=5, D=8, dtype=torch.float32),
    ],
    forbids="""torch*.*layer_norm torch*.*group_norm torch*.*batch_norm torch*.*rms_norm torch*.*instance_norm
        torch*.normalize: Write mean, variance and division yourself, since the exercise is about them.""",
    special="""
        small_and_zero_eps: eps == 0 and x.var(-1, correction=0).min() < 1e-7
            Your function is right but where eps is 0 and the numbers of a token lie close together: nothing
            may keep the root from 0 then, no clamp and no other number.
        zero_eps: eps == 0
            Your function is right but for an eps of 0: `eps or 1e-5` takes it for "not given".
        far_from_zero: x.mean(-1).abs().max() > 5e3 > x.std(-1, correction=0).max()
            Your function is right but where x is far from 0. Do you subtract large numbers that are nearly
            equal, such as mean(x²) - mean(x)²? Subtract the mean first, then square.
        one_far_out: ((x - x.mean(-1, True)).abs().amax(-1) > 5 * x.std(-1, correction=0)).any()
            Your function is right but where one number of a token is far from all others: are normalised
            numbers clamped?
        one_feature: x.shape[-1] == 1
            Your function is right but for a token of one number, where D - 1 is 0: divide by D, correction=0.
        small_variance: x.var(-1, correction=0).min() < 1e-7
            Your function is right but for a token whose numbers are nearly or wholly equal: nothing but eps
            keeps the root from 0, no clamp and no other number.
    """,
    # with a smaller eps the rounding of a token of one number would show
    spans=dict(B=(1, 4), T=(1, 4), D=(1, 5), scale=(0.1, 10.0), offset=[0.0, 2.0], eps=[1e-4, 1e-2, 1.0]),
    hints="""
        Nothing is shared between tokens: mean and variance run over the last axis alone, and there are B * T
        of each.

        With `keepdim=True` a mean is (B, T, 1) and subtracts from x. The variance divides by D, while
        `torch.var` divides by D - 1 unless you say `correction=0`.

        These are the lines: `mean = x.mean(-1, keepdim=True)`, `variance = x.var(-1, correction=0,
        keepdim=True)`; return `(x - mean) / torch.sqrt(variance + eps) * weight + bias`.
    """,
    wrong="""
        unbiased_variance: square().mean( → square().sum(
        and: variance + eps → variance / (len(weight) - 1) + eps
            Your variance divides by D - 1, as torch.var and torch.std do by default. Here it divides by D:
            say correction=0.
        eps_outside_the_root: torch.sqrt(variance + eps) → (torch.sqrt(variance) + eps)
            You add eps to the standard deviation: it belongs under the root, sqrt(variance + eps).
        unbiased_and_eps_outside: square().mean( → square().sum(
        and: torch.sqrt(variance + eps) → (torch.sqrt(variance / (len(weight) - 1)) + eps)
            Two things, both often printed: your standard deviation divides by D - 1, and eps is added outside
            the root. It is sqrt(variance + eps) with a variance that divides by D.
        eps_forgotten: variance + eps → variance
            eps is missing: a token of equal numbers has variance 0, and 0 / 0 is not a number.
        eps_fixed: variance + eps → variance + 1e-05
            You add 1e-5 whatever eps is: use the argument.
        eps_as_a_floor: variance + eps → variance.clamp(min=eps)
            You use eps as the least value of the variance: it is added to every variance, large or small.
        divided_by_the_variance: torch.sqrt(variance + eps) → (variance + eps)
            You divide by the variance: divide by its square root, else doubling x halves y.
        over_the_batch: dim=-1 → dim=0
            Your moments run over the batch, dim=0: a token would depend on its neighbours in the batch.
            Normalise over the last axis.
        over_time: dim=-1 → dim=1
            Your moments run over the positions, dim=1, so a token sees those that come later. Normalise over
            the last axis.
        over_time_and_features: dim=-1 → dim=(1, 2)
            Your moments run over positions and features together: every token has a mean and a variance of
            its own, over the last axis alone.
        batch_norm: dim=-1 → dim=(0, 1)
            Your moments run over batch and positions, one for each feature: that is batch normalisation.
            Normalise over the last axis.
        one_mean_for_all: dim=-1 → dim=(0, 1, 2)
            You take one mean and one variance of the whole tensor: each token has its own, with dim=-1.
        root_mean_square: x - x.mean(dim=-1, keepdim=True) → x
            You do not subtract the mean: that is RMSNorm. Layer normalisation centres each token first.
        one_added_to_weight: * weight + bias → * (1 + weight) + bias
            You multiply by 1 + weight, as a few models do: here it is weight itself.
        bias_before_weight: return centred → return (centred
        and: * weight + bias → + bias) * weight
            You add the bias before you multiply: weight multiplies the normalised token alone.
        moments_detached: keepdim=True) → keepdim=True).detach()
        variance_detached: variance + eps → variance.detach() + eps
            The values are right, but mean or variance is detached: they depend on x too, so gradients flow
            through them.
        weight_and_bias_forgotten: * weight + bias → nothing
            weight and bias are not used: multiply the normalised token by weight, then add bias.
        difference_of_squares: centred.square().mean(dim=-1, keepdim=True) → x.square().mean(-1, True)
        and: variance + eps → variance - x.mean(-1, True).square() + eps
            Right for moderate numbers, but mean(x²) - mean(x)² loses all digits where x is far from 0.
            Subtract the mean first, then square.
    """,
)

"""Answers to `attention.layer_norm`, written from its statement alone."""

import torch
import torch.nn.functional as F


def wrong_unbiased(x, weight, bias, eps):
    """The variance is divided by D - 1 (torch.var as it comes)."""
    return weight * (x - x.mean(-1, keepdim=True)) / torch.sqrt(x.var(-1, keepdim=True) + eps) + bias


def wrong_eps_outside(x, weight, bias, eps):
    """eps is added to the deviation, outside the root."""
    c = x - x.mean(-1, keepdim=True)
    return weight * c / (c.pow(2).mean(-1, keepdim=True).sqrt() + eps) + bias


def wrong_over_sequence(x, weight, bias, eps):
    """One mean and one variance for all tokens of a sequence."""
    c = x - x.mean((1, 2), keepdim=True)
    return weight * c / torch.sqrt(c.pow(2).mean((1, 2), keepdim=True) + eps) + bias


def wrong_batch_statistics(x, weight, bias, eps):
    """Batch normalisation: each feature over all tokens."""
    c = x - x.mean((0, 1))
    return weight * c / torch.sqrt(c.pow(2).mean((0, 1)) + eps) + bias


def wrong_bias_inside(x, weight, bias, eps):
    """The bias is added before the multiplication by the weight."""
    c = x - x.mean(-1, keepdim=True)
    return weight * (c / torch.sqrt(c.pow(2).mean(-1, keepdim=True) + eps) + bias)


def wrong_constant_statistics(x, weight, bias, eps):
    """Mean and variance are detached, as if they were constants."""
    mean = x.mean(-1, keepdim=True).detach()
    var = x.var(-1, correction=0, keepdim=True).detach()
    return weight * (x - mean) / torch.sqrt(var + eps) + bias


def wrong_no_root(x, weight, bias, eps):
    """Divides by the variance, not by its root."""
    c = x - x.mean(-1, keepdim=True)
    return weight * c / (c.pow(2).mean(-1, keepdim=True) + eps) + bias


def wrong_mean_of_squares(x, weight, bias, eps):
    """The variance as mean of squares minus square of the mean: cancels near 1e4."""
    mean = x.mean(-1, keepdim=True)
    var = x.pow(2).mean(-1, keepdim=True) - mean**2
    return weight * (x - mean) / torch.sqrt(var.clamp(min=0) + eps) + bias


def wrong_eps_or_default(x, weight, bias, eps):
    """An eps of 0 is taken for not given."""
    eps = eps or 1e-5
    c = x - x.mean(-1, keepdim=True)
    return weight * c / torch.sqrt(c.pow(2).mean(-1, keepdim=True) + eps) + bias


def wrong_root_squared(x, weight, bias, eps):
    """Takes the deviation and squares it again: the gradient of a constant token is NaN."""
    c = x - x.mean(-1, keepdim=True)
    sigma = torch.sqrt(c.pow(2).mean(-1, keepdim=True))
    return weight * c / torch.sqrt(sigma**2 + eps) + bias


def wrong_float32_inside(x, weight, bias, eps):
    """Computes in float32 and casts back."""
    z = x.float()
    c = z - z.mean(-1, keepdim=True)
    return weight * (c * torch.rsqrt(c.pow(2).mean(-1, keepdim=True) + eps)).to(x.dtype) + bias


def wrong_annotated(x, weight, bias, eps):
    """Two mistakes of a well-known article: std with D - 1, and eps outside the root."""
    mean = x.mean(-1, keepdim=True)
    std = x.std(-1, keepdim=True)
    return weight * (x - mean) / (std + eps) + bias


def right_centred(x, weight, bias, eps):
    """Centres first, then the mean of squares."""
    c = x - x.mean(-1, keepdim=True)
    return weight * c / torch.sqrt(c.pow(2).mean(-1, keepdim=True) + eps) + bias


def right_var_mean(x, weight, bias, eps):
    """torch.var_mean with correction 0, rsqrt and addcmul."""
    var, mean = torch.var_mean(x, dim=-1, correction=0, keepdim=True)
    return torch.addcmul(bias, (x - mean) * torch.rsqrt(var + eps), weight)


def right_loop_over_tokens(x, weight, bias, eps):
    """Token by token, with sums."""
    d = x.shape[-1]
    out = []
    for token in x.reshape(-1, d):
        c = token - token.sum() / d
        out.append(c * ((c * c).sum() + d * eps) ** -0.5 * d**0.5 * weight + bias)
    return torch.stack(out).reshape(x.shape)


def right_float64_matrix(x, weight, bias, eps):
    """A centring matrix in float64, a dot product for the variance, cast back."""
    d = x.shape[-1]
    centre = torch.eye(d, dtype=torch.float64, device=x.device) - 1 / d
    c = x.double() @ centre
    sigma = (torch.einsum("btd,btd->bt", c, c) / d + eps).sqrt()
    return (c / sigma[..., None] * weight.double() + bias.double()).to(x.dtype)


def forbidden_native(x, weight, bias, eps):
    """torch.native_layer_norm, what F.layer_norm calls."""
    return torch.native_layer_norm(x, [x.shape[-1]], weight, bias, eps)[0]


def forbidden_rms_norm(x, weight, bias, eps):
    """F.rms_norm of the centred tokens."""
    return F.rms_norm(x - x.mean(-1, keepdim=True), (x.shape[-1],), weight, eps) + bias


def wrong_eps_or_default_again(x, weight, bias, eps):
    """Takes an eps of 0 for not given."""
    eps = eps or 1e-5
    var, mean = torch.var_mean(x, -1, keepdim=True, correction=0)
    return weight * (x - mean) / torch.sqrt(var + eps) + bias

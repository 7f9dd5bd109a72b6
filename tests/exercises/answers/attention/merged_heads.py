"""Answers to `attention.merged_heads`, written from its statement alone."""

import torch
import torch.nn.functional as F


def wrong_contiguous_only(heads, weight, bias):
    """Makes the heads contiguous; the axes stay in the wrong order."""
    b, n_h, steps, d_k = heads.shape
    return heads.contiguous().view(b, steps, n_h * d_k) @ weight.T + bias


def wrong_features_interleaved(heads, weight, bias):
    """Positions are right, but a position's features are ordered feature by feature, not head by head."""
    return heads.permute(0, 2, 3, 1).flatten(2) @ weight.T + bias


def wrong_features_first(heads, weight, bias):
    """Exchanges the last two axes, then reshapes."""
    b, n_h, steps, d_k = heads.shape
    return heads.transpose(2, 3).reshape(b, steps, n_h * d_k) @ weight.T + bias


def wrong_batch_mixed(heads, weight, bias):
    """Moves the positions before the batch, then reshapes as if the batch came first."""
    b, n_h, steps, d_k = heads.shape
    return heads.permute(2, 0, 1, 3).reshape(b, steps, n_h * d_k) @ weight.T + bias


def wrong_bias_per_head(heads, weight, bias):
    """Each head goes through its part of the projection with the bias: n_h times the bias."""
    parts = weight.chunk(heads.shape[1], dim=1)
    return sum(F.linear(h, w, bias) for h, w in zip(heads.unbind(1), parts))


def wrong_weight_not_transposed(heads, weight, bias):
    """Mends the merging and multiplies by weight, not by its transpose."""
    merged = heads.transpose(1, 2).flatten(2)
    return merged @ weight + bias


def wrong_gradient_cut(heads, weight, bias):
    """Copies the numbers into a new tensor: no gradient for the heads."""
    b, n_h, steps, d_k = heads.shape
    merged = torch.empty(b, steps, n_h, d_k, dtype=heads.dtype, device=heads.device)
    merged.copy_(heads.detach().transpose(1, 2))
    return merged.reshape(b, steps, n_h * d_k) @ weight.T + bias


def wrong_view(heads, weight, bias):
    """Transposes and calls view: works only where the heads were themselves a transposed view."""
    b, n_h, steps, d_k = heads.shape
    return heads.transpose(1, 2).view(b, steps, n_h * d_k) @ weight.T + bias


def wrong_squeezed(heads, weight, bias):
    """squeeze() on the way: a batch of 1 or one position loses an axis."""
    merged = torch.cat(heads.split(1, dim=1), dim=-1).squeeze()
    return merged @ weight.T + bias


def wrong_strides_assumed(heads, weight, bias):
    """as_strided with the strides of contiguous heads."""
    b, n_h, steps, d_k = heads.shape
    strides = (n_h * steps * d_k, d_k, steps * d_k, 1)
    merged = heads.as_strided((b, steps, n_h, d_k), strides).reshape(b, steps, -1)
    return merged @ weight.T + bias


def wrong_float32_buffer(heads, weight, bias):
    """Heads are written into torch.zeros of the default type, so float64 is rounded to float32."""
    b, n_h, steps, d_k = heads.shape
    merged = torch.zeros(b, steps, n_h * d_k)
    for h in range(n_h):
        merged[:, :, h * d_k : (h + 1) * d_k] = heads[:, h]
    return merged.to(weight.dtype) @ weight.T + bias


def wrong_interleaved_no_bias(heads, weight, bias):
    """Two mistakes: features interleaved, and the bias is forgotten."""
    return torch.stack(heads.unbind(1), dim=-1).flatten(2) @ weight.T


def right_transpose(heads, weight, bias):
    """Positions before heads, then reshape."""
    b, n_h, steps, d_k = heads.shape
    return heads.transpose(1, 2).reshape(b, steps, n_h * d_k) @ weight.T + bias


def right_einsum(heads, weight, bias):
    """No merging: the weight is cut by heads."""
    b, n_h, steps, d_k = heads.shape
    return torch.einsum("bhtd,ohd->bto", heads, weight.reshape(-1, n_h, d_k)) + bias


def right_concatenated(heads, weight, bias):
    """Concatenates the heads along the features."""
    return F.linear(torch.cat(heads.unbind(1), dim=-1), weight, bias)


def right_sum_of_projections(heads, weight, bias):
    """Adds up the projections of the heads, the bias once."""
    d_k = heads.shape[-1]
    out = bias
    for h in range(heads.shape[1]):
        out = out + heads[:, h] @ weight[:, h * d_k : (h + 1) * d_k].T
    return out

"""Right answers to `layer_norm` in other words than the solution's."""

import torch


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


def norm_by_scale_and_shift(x, weight, bias, eps):
    """The same; each token is multiplied by one number, and then moved by another."""
    variance, mean = torch.var_mean(x, dim=-1, unbiased=False, keepdim=True)
    scale = 1 / (variance + eps) ** 0.5
    return (x * scale - mean * scale) * weight + bias


RIGHT = (norm_by_var, norm_by_token, norm_by_matrix, norm_by_scale_and_shift)

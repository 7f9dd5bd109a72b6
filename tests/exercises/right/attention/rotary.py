"""Right answers to `rotary` in other words than the solution's."""

import torch


def rotary_in_place(x, base):
    """The same in a new tensor, filled column by column."""
    steps, d_k = x.shape[2:]
    t, out = torch.arange(steps, dtype=x.dtype), torch.empty_like(x)
    for j in range(0, d_k, 2):
        angle = t / base ** (j / d_k)
        out[..., j] = x[..., j] * angle.cos() - x[..., j + 1] * angle.sin()
        out[..., j + 1] = x[..., j] * angle.sin() + x[..., j + 1] * angle.cos()
    return out


def rotary_by_partner(x, base):
    """The same: x times cosines, plus each feature's partner times sines."""
    pairs = x.unflatten(-1, (-1, 2))
    partner = torch.stack([-pairs[..., 1], pairs[..., 0]], dim=-1).flatten(-2)
    column = torch.arange(x.shape[3])
    rates = float(base) ** (-(column - column % 2).to(x.dtype) / x.shape[3])
    angles = torch.outer(torch.arange(x.shape[2]).to(x.dtype), rates)  # (T, d_k), each rate twice
    return x * torch.cos(angles) + partner * torch.sin(angles)


def rotary_by_matrices(x, base):
    """The same with a 2 x 2 matrix for each position and pair, as in the formula."""
    i = torch.arange(x.shape[3] // 2, dtype=torch.float64)
    angles = torch.arange(x.shape[2])[:, None] * base ** (-2 * i / x.shape[3])
    cos, sin = angles.cos().to(x.dtype), angles.sin().to(x.dtype)
    turns = torch.stack([torch.stack([cos, -sin], -1), torch.stack([sin, cos], -1)], -2)  # (T, d_k / 2, 2, 2)
    return (turns @ x.unflatten(-1, (-1, 2))[..., None]).flatten(-3)


RIGHT = (rotary_in_place, rotary_by_partner, rotary_by_matrices)

"""Right answers to `minimal_gated_unit` in other words than the solution's."""

import torch
import torch.nn.functional as F


def mgu_by_blocks(x_t, h, weight_f, bias_f, weight_h, bias_h):
    """The same with each matrix cut into the columns for h and those for x."""
    d = h.shape[1]
    f = torch.sigmoid(h @ weight_f[:, :d].T + x_t @ weight_f[:, d:].T + bias_f)
    candidate = torch.tanh((f * h) @ weight_h[:, :d].T + x_t @ weight_h[:, d:].T + bias_h)
    return h + f * (candidate - h)


def mgu_by_linear(x_t, h, weight_f, bias_f, weight_h, bias_h):
    """The same by linear layers and an interpolation."""
    f = F.linear(torch.hstack([h, x_t]), weight_f, bias_f).sigmoid()
    return torch.lerp(h, F.linear(torch.hstack([f * h, x_t]), weight_h, bias_h).tanh(), f)


def mgu_in_place(x_t, h, weight_f, bias_f, weight_h, bias_h):
    """The same; the old state's columns are overwritten by the gated ones."""
    d = h.shape[1]
    both = torch.cat([h, x_t], dim=1)
    f = (1 + torch.tanh((both @ weight_f.T + bias_f) / 2)) / 2
    gated = both.clone()
    gated[:, :d] = f * h
    candidate = torch.tanh(gated @ weight_h.T + bias_h)
    return h - f * h + f * candidate


RIGHT = (mgu_by_blocks, mgu_by_linear, mgu_in_place)

"""Answers to `rnn.minimal_gated_unit`, written from its statement alone."""

import torch
import torch.nn.functional as F


def wrong_x_first(x_t, h, weight_f, bias_f, weight_h, bias_h):
    """[x_t, h] where the statement has [h, x_t]."""
    f = torch.sigmoid(torch.cat([x_t, h], dim=1) @ weight_f.T + bias_f)
    new = torch.tanh(torch.cat([x_t, f * h], dim=1) @ weight_h.T + bias_h)
    return (1 - f) * h + f * new


def wrong_f_swapped(x_t, h, weight_f, bias_f, weight_h, bias_h):
    """f keeps the old state, as an LSTM's forget gate does."""
    f = torch.sigmoid(torch.cat([h, x_t], dim=1) @ weight_f.T + bias_f)
    new = torch.tanh(torch.cat([f * h, x_t], dim=1) @ weight_h.T + bias_h)
    return f * h + (1 - f) * new


def wrong_no_reset(x_t, h, weight_f, bias_f, weight_h, bias_h):
    """The candidate reads h itself, not f times h."""
    both = torch.cat([h, x_t], dim=1)
    f = torch.sigmoid(both @ weight_f.T + bias_f)
    return (1 - f) * h + f * torch.tanh(both @ weight_h.T + bias_h)


def wrong_reset_after(x_t, h, weight_f, bias_f, weight_h, bias_h):
    """f multiplies the product of matrix and state, as PyTorch's GRU does."""
    d = h.shape[1]
    f = torch.sigmoid(torch.cat([h, x_t], dim=1) @ weight_f.T + bias_f)
    new = torch.tanh(f * (h @ weight_h[:, :d].T) + x_t @ weight_h[:, d:].T + bias_h)
    return (1 - f) * h + f * new


def wrong_h_reused(x_t, h, weight_f, bias_f, weight_h, bias_h):
    """The name h is given to f times h, and the last line reads it."""
    f = torch.sigmoid(torch.cat([h, x_t], dim=1) @ weight_f.T + bias_f)
    h = f * h
    new = torch.tanh(torch.cat([h, x_t], dim=1) @ weight_h.T + bias_h)
    return (1 - f) * h + f * new


def wrong_complement_in_candidate(x_t, h, weight_f, bias_f, weight_h, bias_h):
    """The candidate reads (1 - f) times h."""
    f = torch.sigmoid(torch.cat([h, x_t], dim=1) @ weight_f.T + bias_f)
    new = torch.tanh(torch.cat([(1 - f) * h, x_t], dim=1) @ weight_h.T + bias_h)
    return (1 - f) * h + f * new


def wrong_same_bias(x_t, h, weight_f, bias_f, weight_h, bias_h):
    """bias_f is added in both places."""
    f = torch.sigmoid(torch.cat([h, x_t], dim=1) @ weight_f.T + bias_f)
    new = torch.tanh(torch.cat([f * h, x_t], dim=1) @ weight_h.T + bias_f)
    return (1 - f) * h + f * new


def wrong_gate_detached(x_t, h, weight_f, bias_f, weight_h, bias_h):
    """In the candidate f is detached: of its two jobs only one sends a gradient."""
    f = torch.sigmoid(torch.cat([h, x_t], dim=1) @ weight_f.T + bias_f)
    new = torch.tanh(torch.cat([f.detach() * h, x_t], dim=1) @ weight_h.T + bias_h)
    return (1 - f) * h + f * new


def wrong_sigmoid_overflow(x_t, h, weight_f, bias_f, weight_h, bias_h):
    """sigmoid as e^a / (1 + e^a), NaN for large arguments."""
    e = torch.exp(torch.cat([h, x_t], dim=1) @ weight_f.T + bias_f)
    f = e / (1 + e)
    new = torch.tanh(torch.cat([f * h, x_t], dim=1) @ weight_h.T + bias_h)
    return (1 - f) * h + f * new


def wrong_split_at_d_in(x_t, h, weight_f, bias_f, weight_h, bias_h):
    """The weights are cut behind D_in columns; right where D_in = D_h."""
    d = x_t.shape[1]
    f = torch.sigmoid(F.linear(h, weight_f[:, :d]) + F.linear(x_t, weight_f[:, d:]) + bias_f)
    new = torch.tanh(F.linear(f * h, weight_h[:, :d]) + F.linear(x_t, weight_h[:, d:]) + bias_h)
    return (1 - f) * h + f * new


def wrong_state_clamped(x_t, h, weight_f, bias_f, weight_h, bias_h):
    """The new state is clamped to the range of tanh, though h may be larger."""
    f = torch.sigmoid(torch.cat([h, x_t], dim=1) @ weight_f.T + bias_f)
    new = torch.tanh(torch.cat([f * h, x_t], dim=1) @ weight_h.T + bias_h)
    return ((1 - f) * h + f * new).clamp(-1, 1)


def wrong_f_swapped_and_sigmoid(x_t, h, weight_f, bias_f, weight_h, bias_h):
    """f keeps the old state, and the candidate is a sigmoid."""
    f = torch.sigmoid(torch.cat([h, x_t], dim=1) @ weight_f.T + bias_f)
    new = torch.sigmoid(torch.cat([f * h, x_t], dim=1) @ weight_h.T + bias_h)
    return f * h + (1 - f) * new


def right_cat(x_t, h, weight_f, bias_f, weight_h, bias_h):
    """As the statement writes it."""
    f = torch.sigmoid(torch.cat([h, x_t], dim=1) @ weight_f.T + bias_f)
    new = torch.tanh(torch.cat([f * h, x_t], dim=1) @ weight_h.T + bias_h)
    return (1 - f) * h + f * new


def right_lerp(x_t, h, weight_f, bias_f, weight_h, bias_h):
    """F.linear and lerp from h to the candidate."""
    f = F.linear(torch.cat((h, x_t), -1), weight_f, bias_f).sigmoid()
    return torch.lerp(h, F.linear(torch.cat((f * h, x_t), -1), weight_h, bias_h).tanh(), f)


def right_split_weights(x_t, h, weight_f, bias_f, weight_h, bias_h):
    """The weights are cut in two; 1 - f as sigmoid of the opposite."""
    d = h.shape[1]
    a = torch.einsum("bj,ij->bi", h, weight_f[:, :d]) + torch.einsum("bj,ij->bi", x_t, weight_f[:, d:])
    a = a + bias_f
    f, keep = torch.sigmoid(a), torch.sigmoid(-a)
    b = torch.einsum("bj,bj,ij->bi", f, h, weight_h[:, :d]) + torch.einsum("bj,ij->bi", x_t, weight_h[:, d:])
    return keep * h + f * torch.tanh(b + bias_h)


def right_row_by_row(x_t, h, weight_f, bias_f, weight_h, bias_h):
    """One text at a time, in float64."""
    rows = []
    for x, s in zip(x_t.double(), h.double()):
        f = (weight_f.double() @ torch.hstack([s, x]) + bias_f).sigmoid()
        new = (weight_h.double() @ torch.hstack([f * s, x]) + bias_h).tanh()
        rows.append(s - f * s + f * new)
    return torch.stack(rows).to(h.dtype)


def open_old_plus_difference(x_t, h, weight_f, bias_f, weight_h, bias_h):
    """Open: h + f * (new - h) loses digits in float32 where h is 1e4 and f nearly 1."""
    f = torch.sigmoid(torch.cat([h, x_t], dim=1) @ weight_f.T + bias_f)
    new = torch.tanh(torch.cat([f * h, x_t], dim=1) @ weight_h.T + bias_h)
    return h + f * (new - h)


def wrong_sigmoid_by_exponential(x_t, h, weight_f, bias_f, weight_h, bias_h):
    """e / (1 + e) for the sigmoid: inf / inf for a large argument."""
    e = torch.exp(torch.cat([h, x_t], dim=1) @ weight_f.T + bias_f)
    f = e / (1 + e)
    new = torch.tanh(torch.cat([f * h, x_t], dim=1) @ weight_h.T + bias_h)
    return (1 - f) * h + f * new


def wrong_sigmoid_gradient_nan(x_t, h, weight_f, bias_f, weight_h, bias_h):
    """1 / (1 + exp(-a)) for the sigmoid: the value holds, the gradient is NaN where exp overflows."""
    f = 1 / (1 + torch.exp(-(torch.cat([h, x_t], dim=1) @ weight_f.T + bias_f)))
    new = torch.tanh(torch.cat([f * h, x_t], dim=1) @ weight_h.T + bias_h)
    return (1 - f) * h + f * new


def wrong_reset_by_division(x_t, h, weight_f, bias_f, weight_h, bias_h):
    """Divides the old state's share out again: (f h) (1 - f) / f is NaN for a closed gate."""
    f = torch.sigmoid(torch.cat([h, x_t], dim=1) @ weight_f.T + bias_f)
    fh = f * h
    new = torch.tanh(torch.cat([fh, x_t], dim=1) @ weight_h.T + bias_h)
    return fh * (1 - f) / f + f * new

"""Answers to `rnn.forgetful_lstm`, written from its statement alone."""

import torch
import torch.nn.functional as F


def _gates(x_t, h, weight_ih, weight_hh, bias):
    i, f, g, o = (x_t @ weight_ih.T + h @ weight_hh.T + bias).chunk(4, dim=1)
    return torch.sigmoid(i), torch.sigmoid(f), torch.tanh(g), torch.sigmoid(o)


def wrong_no_output_gate(x_t, h, c, weight_ih, weight_hh, bias):
    """The cell is right; h is its tanh, without o."""
    i, f, g, o = _gates(x_t, h, weight_ih, weight_hh, bias)
    c_t = f * c + i * g
    return torch.tanh(c_t), c_t


def wrong_no_tanh(x_t, h, c, weight_ih, weight_hh, bias):
    """h is o times the cell, without tanh."""
    i, f, g, o = _gates(x_t, h, weight_ih, weight_hh, bias)
    c_t = f * c + i * g
    return o * c_t, c_t


def wrong_h_for_c(x_t, h, c, weight_ih, weight_hh, bias):
    """o and tanh are put in, but f still keeps h, not c."""
    i, f, g, o = _gates(x_t, h, weight_ih, weight_hh, bias)
    c_t = i * g + f * h
    return o * torch.tanh(c_t), c_t


def wrong_h_twice(x_t, h, c, weight_ih, weight_hh, bias):
    """h_t is right, and it is still returned as the cell too."""
    i, f, g, o = _gates(x_t, h, weight_ih, weight_hh, bias)
    h_t = o * torch.tanh(i * g + f * c)
    return h_t, h_t


def wrong_pair_swapped(x_t, h, c, weight_ih, weight_hh, bias):
    """Returns (c_t, h_t)."""
    i, f, g, o = _gates(x_t, h, weight_ih, weight_hh, bias)
    c_t = f * c + i * g
    return c_t, o * torch.tanh(c_t)


def wrong_old_cell(x_t, h, c, weight_ih, weight_hh, bias):
    """h reads the cell before the step."""
    i, f, g, o = _gates(x_t, h, weight_ih, weight_hh, bias)
    return o * torch.tanh(c), f * c + i * g


def wrong_coupled_gate(x_t, h, c, weight_ih, weight_hh, bias):
    """What is written is 1 - f, as in the variant with coupled gates."""
    i, f, g, o = _gates(x_t, h, weight_ih, weight_hh, bias)
    c_t = f * c + (1 - f) * g
    return o * torch.tanh(c_t), c_t


def wrong_cell_detached(x_t, h, c, weight_ih, weight_hh, bias):
    """The values are right, but h sends no gradient into the cell."""
    i, f, g, o = _gates(x_t, h, weight_ih, weight_hh, bias)
    c_t = f * c + i * g
    return o * torch.tanh(c_t.detach()), c_t


def wrong_cell_clamped(x_t, h, c, weight_ih, weight_hh, bias):
    """The cell is clamped to the range from -50 to 50, as some libraries clip it."""
    i, f, g, o = _gates(x_t, h, weight_ih, weight_hh, bias)
    c_t = (f * c + i * g).clamp(-50, 50)
    return o * torch.tanh(c_t), c_t


def wrong_tanh_by_exp(x_t, h, c, weight_ih, weight_hh, bias):
    """tanh as (e^2c - 1) / (e^2c + 1), NaN for a large cell."""
    i, f, g, o = _gates(x_t, h, weight_ih, weight_hh, bias)
    c_t = f * c + i * g
    e = torch.exp(2 * c_t)
    return o * (e - 1) / (e + 1), c_t


def wrong_cell_overwritten(x_t, h, c, weight_ih, weight_hh, bias):
    """The new cell is written into the argument c as well."""
    i, f, g, o = _gates(x_t, h, weight_ih, weight_hh, bias)
    c_t = f * c.clone() + i * g
    c.data.copy_(c_t.data)
    return o * torch.tanh(c_t), c_t


def wrong_order_and_no_tanh(x_t, h, c, weight_ih, weight_hh, bias):
    """The gates' right lines are changed to i, f, o, g, and h lacks tanh."""
    i, f, o, g = (x_t @ weight_ih.T + h @ weight_hh.T + bias).chunk(4, dim=1)
    c_t = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
    return torch.sigmoid(o) * c_t, c_t


def right_fixed(x_t, h, c, weight_ih, weight_hh, bias):
    """The article's lines, with the cell and the output gate."""
    i, f, g, o = (x_t @ weight_ih.T + h @ weight_hh.T + bias).chunk(4, dim=1)
    i, f, g, o = torch.sigmoid(i), torch.sigmoid(f), torch.tanh(g), torch.sigmoid(o)
    c_t = f * c + i * g
    h_t = o * torch.tanh(c_t)
    return h_t, c_t


def right_lstm_cell(x_t, h, c, weight_ih, weight_hh, bias):
    """PyTorch's own step; the second bias is 0."""
    return torch.lstm_cell(x_t, (h, c), weight_ih, weight_hh, bias, torch.zeros_like(bias))


def right_one_product(x_t, h, c, weight_ih, weight_hh, bias):
    """One product for input and state together; sizes by unflatten."""
    joined = F.linear(torch.cat([x_t, h], 1), torch.cat([weight_ih, weight_hh], 1), bias)
    packed = joined.unflatten(1, (4, h.shape[1]))
    gates, candidate = packed.sigmoid(), packed[:, 2].tanh()
    c_t = torch.addcmul(gates[:, 1] * c, gates[:, 0], candidate)
    return gates[:, 3] * c_t.tanh(), c_t


def right_row_by_row(x_t, h, c, weight_ih, weight_hh, bias):
    """One text and one gate at a time, in float64."""
    d = h.shape[1]
    hs, cs = [], []
    for x, s, cell in zip(x_t.double(), h.double(), c.double()):
        a = [
            weight_ih[k * d : (k + 1) * d].double() @ x
            + weight_hh[k * d : (k + 1) * d].double() @ s
            + bias[k * d : (k + 1) * d].double()
            for k in range(4)
        ]
        cs.append(a[1].sigmoid() * cell + a[0].sigmoid() * a[2].tanh())
        hs.append(a[3].sigmoid() * cs[-1].tanh())
    return torch.stack(hs).to(x_t.dtype), torch.stack(cs).to(x_t.dtype)


def open_sigmoid_by_tanh(x_t, h, c, weight_ih, weight_hh, bias):
    """Open: sigmoid as (1 + tanh(a / 2)) / 2 loses the digits of a nearly closed gate."""
    a = x_t @ weight_ih.T + h @ weight_hh.T + bias
    i, f, _, o = ((1 + torch.tanh(a / 2)) / 2).chunk(4, dim=1)
    c_t = f * c + i * torch.tanh(a.chunk(4, dim=1)[2])
    return o * torch.tanh(c_t), c_t


def open_list(x_t, h, c, weight_ih, weight_hh, bias):
    """Open: a list of the two tensors where the statement writes (h_t, c_t)."""
    return list(right_fixed(x_t, h, c, weight_ih, weight_hh, bias))


def gates(x_t, h, weight_ih, weight_hh, bias):
    """The four activated blocks, as the handed-out step has them."""
    i, f, g, o = (x_t @ weight_ih.T + h @ weight_hh.T + bias).chunk(4, dim=1)
    return torch.sigmoid(i), torch.sigmoid(f), torch.tanh(g), torch.sigmoid(o)


def wrong_tanh_by_exponentials(x_t, h, c, weight_ih, weight_hh, bias):
    """Writes tanh(c) as a quotient of exponentials: inf / inf for a large cell."""
    i, f, g, o = gates(x_t, h, weight_ih, weight_hh, bias)
    c_t = i * g + f * c
    e = torch.exp(2 * c_t)
    return o * (e - 1) / (e + 1), c_t


def wrong_sigmoid_by_exponential(x_t, h, c, weight_ih, weight_hh, bias):
    """Writes the sigmoids as 1 / (1 + exp(-a)): NaN in the gradient where exp overflows."""
    i, f, g, o = (x_t @ weight_ih.T + h @ weight_hh.T + bias).chunk(4, dim=1)
    i, f, o = (1 / (1 + torch.exp(-a)) for a in (i, f, o))
    c_t = i * torch.tanh(g) + f * c
    return o * torch.tanh(c_t), c_t

"""Right answers to `forgetful_lstm` in other words than the solution's."""

import torch
import torch.nn.functional as F


def lstm_gate_by_gate(x_t, h, c, weight_ih, weight_hh, bias):
    """The same, each gate with its own rows of the matrices."""
    parts = zip(weight_ih.chunk(4), weight_hh.chunk(4), bias.chunk(4), strict=True)
    i, f, g, o = (F.linear(x_t, w, b) + F.linear(h, u) for w, u, b in parts)
    c_t = f.sigmoid() * c + i.sigmoid() * g.tanh()
    h_t = o.sigmoid() * c_t.tanh()
    return h_t, c_t


def lstm_one_matrix(x_t, h, c, weight_ih, weight_hh, bias):
    """The same with one matrix for x and h side by side; the tanh of g as a sigmoid."""
    packed = F.linear(torch.cat([x_t, h], 1), torch.cat([weight_ih, weight_hh], 1), bias)
    i, f, g, o = packed.unflatten(1, (4, -1)).unbind(1)
    new = torch.addcmul(torch.sigmoid(f) * c, torch.sigmoid(i), 2 * torch.sigmoid(2 * g) - 1)
    return torch.tanh(new) * torch.sigmoid(o), new


def lstm_by_example(x_t, h, c, weight_ih, weight_hh, bias):
    """The same, one example at a time, matrix times column."""
    d, pairs = h.shape[1], []
    for x, old_h, old_c in zip(x_t, h, c, strict=True):
        a = weight_ih @ x + weight_hh @ old_h + bias
        i, f, o = (a[k * d : (k + 1) * d].sigmoid() for k in (0, 1, 3))
        new_c = f * old_c + i * a[2 * d : 3 * d].tanh()
        pairs.append((o * new_c.tanh(), new_c))
    new_h, new_c = zip(*pairs, strict=True)
    return torch.stack(new_h), torch.stack(new_c)


RIGHT = (lstm_gate_by_gate, lstm_one_matrix, lstm_by_example)

"""Right answers to `gru_step` in other words than the solution's."""

import torch
import torch.nn.functional as F


def gru_gate_by_gate(x_t, h, weight_ih, weight_hh, bias_ih, bias_hh):
    """The same with the packed matrices cut into three, and each gate written as in the formula."""
    w_r, w_z, w_n = weight_ih.chunk(3)
    u_r, u_z, u_n = weight_hh.chunk(3)
    b_r, b_z, b_n = bias_ih.chunk(3)
    c_r, c_z, c_n = bias_hh.chunk(3)
    r = (F.linear(x_t, w_r, b_r) + F.linear(h, u_r, c_r)).sigmoid()
    z = (F.linear(x_t, w_z, b_z) + F.linear(h, u_z, c_z)).sigmoid()
    n = (F.linear(x_t, w_n, b_n) + r * F.linear(h, u_n, c_n)).tanh()
    return torch.lerp(n, h, z)


def gru_by_slices(x_t, h, weight_ih, weight_hh, bias_ih, bias_hh):
    """The same; both gates come from one sigmoid, and z moves the candidate towards the old state."""
    d = h.shape[1]
    from_x, from_h = F.linear(x_t, weight_ih, bias_ih), F.linear(h, weight_hh, bias_hh)
    gates = torch.sigmoid(from_x[:, : 2 * d] + from_h[:, : 2 * d])
    n = torch.tanh(from_x[:, 2 * d :] + gates[:, :d] * from_h[:, 2 * d :])
    return n + gates[:, d:] * (h - n)


def gru_by_example(x_t, h, weight_ih, weight_hh, bias_ih, bias_hh):
    """The same, one example at a time, matrix times column."""
    states = []
    for x, old in zip(x_t, h, strict=True):
        from_x = (weight_ih @ x + bias_ih).reshape(3, -1)
        from_h = (weight_hh @ old + bias_hh).reshape(3, -1)
        r, z = torch.sigmoid(from_x[:2] + from_h[:2])
        n = torch.tanh(from_x[2] + r * from_h[2])
        states.append(n - z * n + z * old)
    return torch.stack(states)


RIGHT = (gru_gate_by_gate, gru_by_slices, gru_by_example)

"""Answers to `rnn.gru_step`, written from its statement alone."""

import torch
import torch.nn.functional as F


def _parts(x_t, h, weight_ih, weight_hh, bias_ih, bias_hh):
    a = x_t @ weight_ih.T + bias_ih
    b = h @ weight_hh.T + bias_hh
    return a.chunk(3, dim=1) + b.chunk(3, dim=1)


def wrong_reset_before(x_t, h, weight_ih, weight_hh, bias_ih, bias_hh):
    """r multiplies h before the matrix, as in Cho et al."""
    d = h.shape[1]
    ir, iz, i_n, hr, hz, _ = _parts(x_t, h, weight_ih, weight_hh, bias_ih, bias_hh)
    r, z = torch.sigmoid(ir + hr), torch.sigmoid(iz + hz)
    n = torch.tanh(i_n + (r * h) @ weight_hh[2 * d :].T + bias_hh[2 * d :])
    return (1 - z) * n + z * h


def wrong_z_swapped(x_t, h, weight_ih, weight_hh, bias_ih, bias_hh):
    """z takes the new and 1 - z keeps the old, as the papers write it."""
    ir, iz, i_n, hr, hz, hn = _parts(x_t, h, weight_ih, weight_hh, bias_ih, bias_hh)
    r, z = torch.sigmoid(ir + hr), torch.sigmoid(iz + hz)
    n = torch.tanh(i_n + r * hn)
    return (1 - z) * h + z * n


def wrong_bias_outside(x_t, h, weight_ih, weight_hh, bias_ih, bias_hh):
    """b_hn is added after r, not multiplied by it."""
    packed_x, packed_h = x_t @ weight_ih.T + bias_ih + bias_hh, h @ weight_hh.T
    ir, iz, i_n = packed_x.chunk(3, dim=1)
    hr, hz, hn = packed_h.chunk(3, dim=1)
    r, z = torch.sigmoid(ir + hr), torch.sigmoid(iz + hz)
    n = torch.tanh(i_n + r * hn)
    return (1 - z) * n + z * h


def wrong_order_z_first(x_t, h, weight_ih, weight_hh, bias_ih, bias_hh):
    """Unpacked in the order z, r, n, as Keras packs."""
    iz, ir, i_n, hz, hr, hn = _parts(x_t, h, weight_ih, weight_hh, bias_ih, bias_hh)
    r, z = torch.sigmoid(ir + hr), torch.sigmoid(iz + hz)
    n = torch.tanh(i_n + r * hn)
    return (1 - z) * n + z * h


def wrong_one_bias(x_t, h, weight_ih, weight_hh, bias_ih, bias_hh):
    """bias_hh is never read."""
    ir, iz, i_n = (x_t @ weight_ih.T + bias_ih).chunk(3, dim=1)
    hr, hz, hn = (h @ weight_hh.T).chunk(3, dim=1)
    r, z = torch.sigmoid(ir + hr), torch.sigmoid(iz + hz)
    n = torch.tanh(i_n + r * hn)
    return (1 - z) * n + z * h


def wrong_reset_of_all(x_t, h, weight_ih, weight_hh, bias_ih, bias_hh):
    """r multiplies the input's part of the candidate too."""
    ir, iz, i_n, hr, hz, hn = _parts(x_t, h, weight_ih, weight_hh, bias_ih, bias_hh)
    r, z = torch.sigmoid(ir + hr), torch.sigmoid(iz + hz)
    n = torch.tanh(r * (i_n + hn))
    return (1 - z) * n + z * h


def wrong_interleaved(x_t, h, weight_ih, weight_hh, bias_ih, bias_hh):
    """The gates are read as if each unit had its three rows side by side."""
    a = (x_t @ weight_ih.T + bias_ih).view(len(h), h.shape[1], 3)
    b = (h @ weight_hh.T + bias_hh).view(len(h), h.shape[1], 3)
    r, z = torch.sigmoid(a[..., 0] + b[..., 0]), torch.sigmoid(a[..., 1] + b[..., 1])
    n = torch.tanh(a[..., 2] + r * b[..., 2])
    return (1 - z) * n + z * h


def wrong_sigmoid_by_exp(x_t, h, weight_ih, weight_hh, bias_ih, bias_hh):
    """1 / (1 + exp(-a)): right values, but a gradient of NaN where exp overflows."""
    ir, iz, i_n, hr, hz, hn = _parts(x_t, h, weight_ih, weight_hh, bias_ih, bias_hh)
    r, z = 1 / (1 + torch.exp(-(ir + hr))), 1 / (1 + torch.exp(-(iz + hz)))
    n = torch.tanh(i_n + r * hn)
    return (1 - z) * n + z * h


def wrong_clamped(x_t, h, weight_ih, weight_hh, bias_ih, bias_hh):
    """The gates' arguments are clamped to the range from -15 to 15 against overflow."""
    ir, iz, i_n, hr, hz, hn = _parts(x_t, h, weight_ih, weight_hh, bias_ih, bias_hh)
    r, z = torch.sigmoid((ir + hr).clamp(-15, 15)), torch.sigmoid((iz + hz).clamp(-15, 15))
    n = torch.tanh((i_n + r * hn).clamp(-15, 15))
    return (1 - z) * n + z * h


def wrong_squeezed(x_t, h, weight_ih, weight_hh, bias_ih, bias_hh):
    """All axes of size 1 are squeezed away at the end."""
    columns = x_t.unsqueeze(-1), h.unsqueeze(-1)
    a = (weight_ih @ columns[0]).squeeze(-1) + bias_ih
    b = (weight_hh @ columns[1]).squeeze(-1) + bias_hh
    (ir, iz, i_n), (hr, hz, hn) = a.chunk(3, dim=1), b.chunk(3, dim=1)
    r, z = torch.sigmoid(ir + hr), torch.sigmoid(iz + hz)
    n = torch.tanh(i_n + r * hn)
    return ((1 - z) * n + z * h).squeeze()


def wrong_reset_detached(x_t, h, weight_ih, weight_hh, bias_ih, bias_hh):
    """No gradient flows through r; the values are right."""
    ir, iz, i_n, hr, hz, hn = _parts(x_t, h, weight_ih, weight_hh, bias_ih, bias_hh)
    r, z = torch.sigmoid(ir + hr).detach(), torch.sigmoid(iz + hz)
    n = torch.tanh(i_n + r * hn)
    return (1 - z) * n + z * h


def wrong_reset_before_and_z_swapped(x_t, h, weight_ih, weight_hh, bias_ih, bias_hh):
    """r before the matrix, and z and 1 - z the other way round."""
    d = h.shape[1]
    ir, iz, i_n, hr, hz, _ = _parts(x_t, h, weight_ih, weight_hh, bias_ih, bias_hh)
    r, z = torch.sigmoid(ir + hr), torch.sigmoid(iz + hz)
    n = torch.tanh(i_n + (r * h) @ weight_hh[2 * d :].T + bias_hh[2 * d :])
    return z * n + (1 - z) * h


def right_chunks(x_t, h, weight_ih, weight_hh, bias_ih, bias_hh):
    """Two products, cut into three."""
    ir, iz, i_n, hr, hz, hn = _parts(x_t, h, weight_ih, weight_hh, bias_ih, bias_hh)
    r, z = torch.sigmoid(ir + hr), torch.sigmoid(iz + hz)
    n = torch.tanh(i_n + r * hn)
    return (1 - z) * n + z * h


def right_lerp(x_t, h, weight_ih, weight_hh, bias_ih, bias_hh):
    """F.linear gate by gate, lerp from n to h."""

    def gate(k):
        rows = slice(k * h.shape[1], (k + 1) * h.shape[1])
        return F.linear(x_t, weight_ih[rows], bias_ih[rows]), F.linear(h, weight_hh[rows], bias_hh[rows])

    r, z = torch.sigmoid(sum(gate(0))), torch.sigmoid(sum(gate(1)))
    a, b = gate(2)
    return torch.lerp(torch.tanh(torch.addcmul(a, r, b)), h, z)


def right_einsum(x_t, h, weight_ih, weight_hh, bias_ih, bias_hh):
    """einsum over the three blocks; 1 - z as sigmoid of the opposite."""
    d = h.shape[1]
    a = torch.einsum("bi,gdi->gbd", x_t, weight_ih.unflatten(0, (3, d))) + bias_ih.view(3, 1, d)
    b = torch.einsum("bi,gdi->gbd", h, weight_hh.unflatten(0, (3, d))) + bias_hh.view(3, 1, d)
    both = a[1] + b[1]
    n = (a[2] + (a[0] + b[0]).sigmoid() * b[2]).tanh()
    return (-both).sigmoid() * n + both.sigmoid() * h


def right_row_by_row(x_t, h, weight_ih, weight_hh, bias_ih, bias_hh):
    """One text at a time, in float64, matrix times vector."""
    rows = []
    for x, s in zip(x_t.double(), h.double()):
        a = weight_ih.double().mv(x) + bias_ih
        b = weight_hh.double().mv(s) + bias_hh
        (ir, iz, i_n), (hr, hz, hn) = a.split(len(s)), b.split(len(s))
        z = torch.special.expit(iz + hz)
        n = torch.tanh(i_n + torch.special.expit(ir + hr) * hn)
        rows.append(n - z * n + z * s)
    return torch.stack(rows).to(h.dtype)


def forbidden_gru_cell(x_t, h, weight_ih, weight_hh, bias_ih, bias_hh):
    """torch.gru_cell is the whole step."""
    return torch.gru_cell(x_t, h, weight_ih, weight_hh, bias_ih, bias_hh)


def forbidden_module(x_t, h, weight_ih, weight_hh, bias_ih, bias_hh):
    """nn.GRU over a sequence of one step, with the weights handed in."""
    module = torch.nn.GRU(x_t.shape[1], h.shape[1], dtype=h.dtype)
    weights = {
        "weight_ih_l0": weight_ih,
        "weight_hh_l0": weight_hh,
        "bias_ih_l0": bias_ih,
        "bias_hh_l0": bias_hh,
    }
    return torch.func.functional_call(module, weights, (x_t[None], h[None]))[0][0]


def parts(x_t, h, weight_ih, weight_hh, bias_ih, bias_hh):
    """The three blocks from the input and the three from the state."""
    from_x = (x_t @ weight_ih.T + bias_ih).chunk(3, dim=1)
    from_h = (h @ weight_hh.T + bias_hh).chunk(3, dim=1)
    return from_x, from_h


def wrong_sigmoid_by_exponential(x_t, h, weight_ih, weight_hh, bias_ih, bias_hh):
    """1 / (1 + exp(-a)) for the sigmoid: NaN in the gradient where exp overflows."""
    (i_r, i_z, i_n), (h_r, h_z, h_n) = parts(x_t, h, weight_ih, weight_hh, bias_ih, bias_hh)
    r, z = 1 / (1 + torch.exp(-i_r - h_r)), 1 / (1 + torch.exp(-i_z - h_z))
    n = torch.tanh(i_n + r * h_n)
    return (1 - z) * n + z * h


def wrong_tanh_by_exponentials(x_t, h, weight_ih, weight_hh, bias_ih, bias_hh):
    """A quotient of exponentials for tanh: inf / inf for a large argument."""
    (i_r, i_z, i_n), (h_r, h_z, h_n) = parts(x_t, h, weight_ih, weight_hh, bias_ih, bias_hh)
    r, z = torch.sigmoid(i_r + h_r), torch.sigmoid(i_z + h_z)
    e = torch.exp(2 * (i_n + r * h_n))
    return (1 - z) * (e - 1) / (e + 1) + z * h

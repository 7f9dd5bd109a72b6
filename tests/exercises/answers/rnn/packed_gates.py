"""Answers to `rnn.packed_gates`, written from its statement alone."""

import torch
import torch.nn.functional as F


def wrong_order_only(x_t, h, c, weight_ih, weight_hh, bias_ih, bias_hh):
    """The order is i, f, g, o now; bias_hh is still missing."""
    packed = x_t @ weight_ih.T + h @ weight_hh.T + bias_ih
    i, f, g, o = packed.chunk(4, dim=1)
    c_t = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
    return torch.sigmoid(o) * torch.tanh(c_t), c_t


def wrong_bias_only(x_t, h, c, weight_ih, weight_hh, bias_ih, bias_hh):
    """bias_hh is added; the order is still i, f, o, g."""
    packed = x_t @ weight_ih.T + bias_ih + h @ weight_hh.T + bias_hh
    i, f, o, g = packed.chunk(4, dim=1)
    c_t = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
    return torch.sigmoid(o) * torch.tanh(c_t), c_t


def wrong_bias_ih_twice(x_t, h, c, weight_ih, weight_hh, bias_ih, bias_hh):
    """bias_ih is added twice, a slip of copying."""
    packed = x_t @ weight_ih.T + bias_ih + h @ weight_hh.T + bias_ih
    i, f, g, o = packed.chunk(4, dim=1)
    c_t = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
    return torch.sigmoid(o) * torch.tanh(c_t), c_t


def wrong_tensorflow_order(x_t, h, c, weight_ih, weight_hh, bias_ih, bias_hh):
    """Both biases, in the order i, g, f, o of TensorFlow's old LSTM cell."""
    packed = x_t @ weight_ih.T + bias_ih + h @ weight_hh.T + bias_hh
    i, g, f, o = packed.chunk(4, dim=1)
    c_t = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
    return torch.sigmoid(o) * torch.tanh(c_t), c_t


def wrong_half_renamed(x_t, h, c, weight_ih, weight_hh, bias_ih, bias_hh):
    """The cell reads the third block, but the output gate still does too."""
    packed = x_t @ weight_ih.T + bias_ih + h @ weight_hh.T + bias_hh
    i, f, o, g = packed.chunk(4, dim=1)
    c_t = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(o)
    return torch.sigmoid(o) * torch.tanh(c_t), c_t


def wrong_forget_bias(x_t, h, c, weight_ih, weight_hh, bias_ih, bias_hh):
    """Both are fixed, and 1 is added to the forget gate, as other libraries do."""
    packed = x_t @ weight_ih.T + bias_ih + h @ weight_hh.T + bias_hh
    i, f, g, o = packed.chunk(4, dim=1)
    c_t = torch.sigmoid(f + 1) * c + torch.sigmoid(i) * torch.tanh(g)
    return torch.sigmoid(o) * torch.tanh(c_t), c_t


def wrong_tanh_lost(x_t, h, c, weight_ih, weight_hh, bias_ih, bias_hh):
    """Both are fixed, and tanh of the cell is lost on the way."""
    packed = x_t @ weight_ih.T + bias_ih + h @ weight_hh.T + bias_hh
    i, f, g, o = packed.chunk(4, dim=1)
    c_t = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
    return torch.sigmoid(o) * c_t, c_t


def wrong_bias_into_argument(x_t, h, c, weight_ih, weight_hh, bias_ih, bias_hh):
    """bias_hh is added into bias_ih itself: right at the first call, and no gradient for bias_hh."""
    bias_ih.data += bias_hh.data
    packed = x_t @ weight_ih.T + h @ weight_hh.T + bias_ih
    i, f, g, o = packed.chunk(4, dim=1)
    c_t = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
    return torch.sigmoid(o) * torch.tanh(c_t), c_t


def wrong_sigmoid_by_exp(x_t, h, c, weight_ih, weight_hh, bias_ih, bias_hh):
    """sigmoid as 1 / (1 + exp(-a)): right values, gradients of NaN for large inputs."""
    packed = x_t @ weight_ih.T + bias_ih + h @ weight_hh.T + bias_hh
    i, f, g, o = packed.chunk(4, dim=1)
    i, f, o = 1 / (1 + torch.exp(-i)), 1 / (1 + torch.exp(-f)), 1 / (1 + torch.exp(-o))
    c_t = f * c + i * torch.tanh(g)
    return o * torch.tanh(c_t), c_t


def wrong_blocks_of_d_in(x_t, h, c, weight_ih, weight_hh, bias_ih, bias_hh):
    """Blocks of D_in columns; right where D_in = D_h."""
    packed = x_t @ weight_ih.T + bias_ih + h @ weight_hh.T + bias_hh
    n = x_t.shape[1]
    i, f, g, o = packed[:, :n], packed[:, n : 2 * n], packed[:, 2 * n : 3 * n], packed[:, 3 * n :]
    c_t = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
    return torch.sigmoid(o) * torch.tanh(c_t), c_t


def wrong_tanh_by_exp(x_t, h, c, weight_ih, weight_hh, bias_ih, bias_hh):
    """tanh of the cell as a quotient of exponentials, NaN for a large cell."""
    packed = x_t @ weight_ih.T + bias_ih + h @ weight_hh.T + bias_hh
    i, f, g, o = packed.chunk(4, dim=1)
    c_t = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
    up, down = torch.exp(c_t), torch.exp(-c_t)
    return torch.sigmoid(o) * (up - down) / (up + down), c_t


def wrong_onnx_order_and_mean_bias(x_t, h, c, weight_ih, weight_hh, bias_ih, bias_hh):
    """The order i, o, f, g of ONNX, and the mean of the two biases."""
    packed = x_t @ weight_ih.T + h @ weight_hh.T + (bias_ih + bias_hh) / 2
    i, o, f, g = packed.chunk(4, dim=1)
    c_t = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
    return torch.sigmoid(o) * torch.tanh(c_t), c_t


def right_fixed(x_t, h, c, weight_ih, weight_hh, bias_ih, bias_hh):
    """Both biases, and the order i, f, g, o."""
    packed = x_t @ weight_ih.T + h @ weight_hh.T + bias_ih + bias_hh
    i, f, g, o = packed.chunk(4, dim=1)
    c_t = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
    return torch.sigmoid(o) * torch.tanh(c_t), c_t


def right_lstm_cell(x_t, h, c, weight_ih, weight_hh, bias_ih, bias_hh):
    """PyTorch's own step, which the statement does not forbid."""
    return torch.lstm_cell(x_t, (h, c), weight_ih, weight_hh, bias_ih, bias_hh)


def right_rows_permuted(x_t, h, c, weight_ih, weight_hh, bias_ih, bias_hh):
    """The tensors' rows are put in the step's order i, f, o, g; the step stays."""

    def turned(tensor):
        i, f, g, o = tensor.tensor_split(4)
        return torch.cat([i, f, o, g])

    packed = F.linear(x_t, turned(weight_ih), turned(bias_ih))
    packed = packed + F.linear(h, turned(weight_hh), turned(bias_hh))
    i, f, o, g = packed.chunk(4, dim=1)
    c_t = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
    return torch.sigmoid(o) * torch.tanh(c_t), c_t


def right_module(x_t, h, c, weight_ih, weight_hh, bias_ih, bias_hh):
    """nn.LSTM itself over a sequence of one step, with the tensors handed in."""
    module = torch.nn.LSTM(x_t.shape[1], h.shape[1], dtype=h.dtype)
    weights = {
        "weight_ih_l0": weight_ih,
        "weight_hh_l0": weight_hh,
        "bias_ih_l0": bias_ih,
        "bias_hh_l0": bias_hh,
    }
    _, (h_t, c_t) = torch.func.functional_call(module, weights, (x_t[None], (h[None], c[None])))
    return h_t[0], c_t[0]


def blocks(x_t, h, weight_ih, weight_hh, bias_ih, bias_hh):
    """The four blocks of the packed sum with both biases."""
    return (x_t @ weight_ih.T + h @ weight_hh.T + bias_ih + bias_hh).chunk(4, dim=1)


def wrong_sigmoid_by_exponential(x_t, h, c, weight_ih, weight_hh, bias_ih, bias_hh):
    """exp(a) / (1 + exp(a)) for the sigmoid: NaN for a large argument."""
    i, f, g, o = blocks(x_t, h, weight_ih, weight_hh, bias_ih, bias_hh)
    i, f, o = (torch.exp(a) / (1 + torch.exp(a)) for a in (i, f, o))
    c_t = f * c + i * torch.tanh(g)
    return o * torch.tanh(c_t), c_t


def wrong_cell_clipped(x_t, h, c, weight_ih, weight_hh, bias_ih, bias_hh):
    """Both bugs mended, and the cell clipped to +-5."""
    i, f, g, o = blocks(x_t, h, weight_ih, weight_hh, bias_ih, bias_hh)
    c_t = (torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)).clamp(-5, 5)
    return torch.sigmoid(o) * torch.tanh(c_t), c_t

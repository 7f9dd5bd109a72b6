"""Chapter 2: find two bugs, PyTorch's packed LSTM weights read in another order, one bias lost."""

import itertools
import torch
import torch.nn.functional as F
from torch import nn
from course.exercises.cases import normal
from course.exercises.rnn.pytorch import by_pytorch
from course.exercises.engine import Exercise


def my_packed_step(x_t, h, c, weight_ih, weight_hh, bias_ih, bias_hh):
    """One step of `nn.LSTM`: (h_t, c_t), both (B, D_h). x_t (B, D_in), h and c (B, D_h), weight_ih (4 D_h,
    D_in), weight_hh (4 D_h, D_h), bias_ih and bias_hh (4 D_h,), packed as PyTorch packs them."""
    packed = x_t @ weight_ih.T + h @ weight_hh.T + bias_ih + bias_hh
    i, f, g, o = packed.chunk(4, dim=1)  # PyTorch's order
    c_t = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
    return torch.sigmoid(o) * torch.tanh(c_t), c_t


def by_lstm_cell(x_t, h, c, weight_ih, weight_hh, bias_ih, bias_hh):
    """The same by `nn.LSTMCell`, in float64."""
    module = nn.LSTMCell(x_t.shape[1], h.shape[1], device="meta")
    names = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    tensors = (weight_ih, weight_hh, bias_ih, bias_hh)
    return by_pytorch(module, dict(zip(names, tensors, strict=True)), x_t, (h, c))


def packed_case(rng, batch, d_in, d_h, dtype=torch.float64, scale=1.0):
    """A case; a large scale saturates the gates."""
    x_t, h = normal(rng, batch, d_in, dtype=dtype, scale=scale), normal(rng, batch, d_h, dtype=dtype).tanh()
    weights = normal(rng, 4 * d_h, d_in, dtype=dtype), normal(rng, 4 * d_h, d_h, dtype=dtype)
    biases = normal(rng, 4 * d_h, dtype=dtype), normal(rng, 4 * d_h, dtype=dtype)
    return x_t, h, normal(rng, batch, d_h, dtype=dtype, scale=2.0), *weights, *biases


def wide_packed(rng):
    """One valid case of small random sizes."""
    dtype, scale = rng.choice((torch.float32, torch.float64)), 10 ** rng.uniform(-1, 1)
    return packed_case(rng, rng.randint(1, 4), rng.randint(1, 4), rng.randint(1, 4), dtype, scale)


def packed_cases(rng):
    """The cases, one to follow by hand first."""
    return [
        (  # i = 1/2, f = 3/4, g = tanh(1), o = 4/5
            torch.tensor([[1.0]], dtype=torch.float64),
            torch.tensor([[0.5]], dtype=torch.float64),
            torch.tensor([[2.0]], dtype=torch.float64),
            torch.tensor([[0.0], [0.0], [1.0], [0.0]], dtype=torch.float64),
            torch.zeros(4, 1, dtype=torch.float64),
            torch.tensor([0.0, 2.0, 0.0, 0.0], dtype=torch.float64).log1p(),
            torch.tensor([0.0, 0.0, 0.0, 3.0], dtype=torch.float64).log1p(),
        ),
        packed_case(rng, 1, 1, 1),
        packed_case(rng, 1, 3, 2),
        packed_case(rng, 4, 4, 4),
        packed_case(rng, 4, 2, 3),
        packed_case(rng, 3, 5, 4, torch.float32),
        packed_case(rng, 2, 1, 5, torch.float64, 50.0),
        packed_case(rng, 3, 3, 2, torch.float32, 8.0),
        *(wide_packed(rng) for _ in range(6)),
    ]


packed_gates = Exercise(
    my_packed_step,
    reference=by_lstm_cell,
    gradients=True,
    # OLD wide=wide_packed
    # OLD cases:
    # packed_cases
    by_hand=(),
    draw=None,
    sizes=[],
    spans={},
    bug="""
        bug: SOLUTION → STUB
    """,
    hints="""
        `help(torch.nn.LSTM)` says under Variables how the rows of `weight_ih_l0` are ordered, and its
        formulas say how many biases a gate has.

        The rows come as i, f, g, o, with the candidate g third. And each gate adds b_i and b_h.

        Add `bias_hh` to `packed`, and write `i, f, g, o = packed.chunk(4, dim=1)`.
    """,
    wrong="""
        one_bias: OLD → NEW
            The order is right now, but bias_hh is still missing: PyTorch adds both biases to every gate.
        other_bias_alone: OLD → NEW
            The order is right now, but you add bias_hh in place of bias_ih: PyTorch adds both.
        biases_averaged: OLD → NEW
            You take the mean of the biases: PyTorch adds both. A forget bias of 1 in each acts as 2.
        no_bias: OLD → NEW
            The order is right now, but no bias is added: PyTorch adds both to every gate.
        forget_bias_added: OLD → NEW
            You add 1 to the forget gate, as one does when weights are first drawn. Trained biases hold it
            already.
        interleaved: OLD → NEW
            You take every fourth row for a gate: PyTorch's packed rows come in four blocks, all rows of i,
            then all of f, g and o.
        order_ifog: OLD → NEW
            Both biases are there, but the order is still i, f, o, g, as many papers list the gates. PyTorch
            packs i, f, g, o: the candidate comes third.
        order_igfo: OLD → NEW
            You read the order i, g, f, o, that of TensorFlow's first LSTM cells: PyTorch packs i, f, g, o.
        order_igof: OLD → NEW
            You read the order i, g, o, f: PyTorch packs i, f, g, o.
        order_iofg: OLD → NEW
            You read the order i, o, f, g: PyTorch packs i, f, g, o.
        order_iogf: OLD → NEW
            You read the order i, o, g, f: PyTorch packs i, f, g, o.
        order_figo: OLD → NEW
            You read the order f, i, g, o: PyTorch packs i, f, g, o.
        order_fiog: OLD → NEW
            You read the order f, i, o, g: PyTorch packs i, f, g, o.
        order_fgio: OLD → NEW
            You read the order f, g, i, o: PyTorch packs i, f, g, o.
        order_fgoi: OLD → NEW
            You read the order f, g, o, i: PyTorch packs i, f, g, o.
        order_foig: OLD → NEW
            You read the order f, o, i, g: PyTorch packs i, f, g, o.
        order_fogi: OLD → NEW
            You read the order f, o, g, i: PyTorch packs i, f, g, o.
        order_gifo: OLD → NEW
            You read the order g, i, f, o: PyTorch packs i, f, g, o.
        order_giof: OLD → NEW
            You read the order g, i, o, f: PyTorch packs i, f, g, o.
        order_gfio: OLD → NEW
            You read the order g, f, i, o: PyTorch packs i, f, g, o.
        order_gfoi: OLD → NEW
            You read the order g, f, o, i: PyTorch packs i, f, g, o.
        order_goif: OLD → NEW
            You read the order g, o, i, f: PyTorch packs i, f, g, o.
        order_gofi: OLD → NEW
            You read the order g, o, f, i: PyTorch packs i, f, g, o.
        order_oifg: OLD → NEW
            You read the order o, i, f, g: PyTorch packs i, f, g, o.
        order_oigf: OLD → NEW
            You read the order o, i, g, f: PyTorch packs i, f, g, o.
        order_ofig: OLD → NEW
            You read the order o, f, i, g: PyTorch packs i, f, g, o.
        order_ofgi: OLD → NEW
            You read the order o, f, g, i: PyTorch packs i, f, g, o.
        order_ogif: OLD → NEW
            You read the order o, g, i, f: PyTorch packs i, f, g, o.
        order_ogfi: OLD → NEW
            You read the order o, g, f, i: PyTorch packs i, f, g, o.
    """,
)

"""Chapter 2: find two bugs, PyTorch's packed LSTM weights read in another order, one bias lost."""

import itertools
import math
import textwrap

import torch

from course.exercises.cases import tensors
from course.exercises.engine import Exercise
from course.exercises.rnn.pytorch import by_lstm_cell


def my_packed_step(x_t, h, c, weight_ih, weight_hh, bias_ih, bias_hh):
    """One step of `nn.LSTM`: (h_t, c_t), both (B, D_h). x_t (B, D_in), h and c (B, D_h), weight_ih (4 D_h,
    D_in), weight_hh (4 D_h, D_h), bias_ih and bias_hh (4 D_h,), packed as PyTorch packs them."""
    packed = x_t @ weight_ih.T + h @ weight_hh.T + bias_ih + bias_hh
    i, f, g, o = packed.chunk(4, dim=1)  # PyTorch's order
    c_t = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
    return torch.sigmoid(o) * torch.tanh(c_t), c_t


def draw(rng, B, D_in, D_h, scale=1.0, cell=1.5, state=1.0, dtype=torch.float64):
    """A case; a large `scale` of the inputs saturates the gates, `cell` and `state` are scales of c and h."""
    sizes = dict(B=B, I=D_in, H=D_h, G=4 * D_h)
    x_t, h, c, *others = tensors(rng, "BI BH BH GI GH G G", dtype, **sizes)
    return scale * x_t, state * h.tanh(), cell * c, *others


# Every order but the right one and the two that have words of their own below.
ORDERS = sorted({"".join(order) for order in itertools.permutations("ifgo")} - {"ifgo", "ifog", "igfo"})
OTHER_ORDERS = """
order_{name}: i, f, g, o = packed → {listed} = packed
    You read the order {listed}: PyTorch packs i, f, g, o.
"""


packed_gates = Exercise(
    my_packed_step,
    reference=by_lstm_cell,
    gradients=True,
    by_hand=[
        (  # i = 1/2, f = 3/4, g = tanh(1), o = 4/5
            [[1.0]],
            [[0.5]],
            [[2.0]],
            [[0.0], [0.0], [1.0], [0.0]],
            [[0.0], [0.0], [0.0], [0.0]],
            [0.0, math.log(3.0), 0.0, 0.0],
            [0.0, 0.0, 0.0, math.log(4.0)],
        ),
        (  # f = σ(10)
            [[1e4]],
            [[0.5]],
            [[-1e4]],
            [[1e-4], [1e-3], [-1e-4], [-1e-4]],
            [[0.0], [0.0], [0.0], [0.0]],
            [0.5, 0.0, 0.0, 0.0],
            [0.0, 0.0, 0.0, 0.0],
        ),
        (  # f = σ(-60) closes a large cell out
            [[1.0]],
            [[0.5]],
            [[1e4]],
            [[0.0], [0.0], [0.1], [0.0]],
            [[0.0], [0.0], [0.0], [0.0]],
            [0.0, -60.0, 0.0, 0.0],
            [0.0, 0.0, 0.0, 0.0],
        ),
    ],
    draw=draw,
    sizes=[
        dict(B=1, D_in=1, D_h=1),
        dict(B=130, D_in=1, D_h=1, cell=1.0),
        dict(B=1, D_in=3, D_h=2),
        dict(B=4, D_in=4, D_h=4),
        dict(B=4, D_in=2, D_h=3),
        dict(B=2, D_in=2, D_h=3, state=0.0),
        dict(B=3, D_in=5, D_h=4, dtype=torch.float32),
        dict(B=2, D_in=1, D_h=5, scale=50.0),
        dict(B=3, D_in=2, D_h=3, scale=3e3),
        dict(B=3, D_in=2, D_h=2, cell=3e3),
        dict(B=3, D_in=3, D_h=2, scale=8.0, dtype=torch.float32),
    ],
    spans=dict(B=(1, 4), D_in=(1, 4), D_h=(1, 4), scale=lambda rng: 10 ** rng.uniform(-1, 1)),
    bug="""
        bug: + bias_ih + bias_hh → + bias_ih
        and: i, f, g, o = packed → i, f, o, g = packed
    """,
    hints="""
        `help(torch.nn.LSTM)` says under Variables how the rows of `weight_ih_l0` are ordered, and its
        formulas say how many biases a gate has.

        The rows come as i, f, g, o, with the candidate g third. And each gate adds b_i and b_h.

        These are both changes: add `bias_hh` to `packed`, and write `i, f, g, o = packed.chunk(4, dim=1)`.
    """,
    wrong=textwrap.dedent("""
        one_bias: + bias_ih + bias_hh → + bias_ih
            The order is right now, but bias_hh is still missing: PyTorch adds both biases to every gate.
        other_bias_alone: + bias_ih + bias_hh → + bias_hh
            The order is right now, but you add bias_hh in place of bias_ih: PyTorch adds both.
        first_bias_twice: + bias_ih + bias_hh → + bias_ih + bias_ih
            You add bias_ih twice: the second is bias_hh.
        biases_averaged: + bias_ih + bias_hh → + (bias_ih + bias_hh) / 2
            You take the mean of the biases: PyTorch adds both. A forget bias of 1 in each acts as 2.
        no_bias:  + bias_ih + bias_hh → nothing
            The order is right now, but no bias is added: PyTorch adds both to every gate.
        forget_bias_added: sigmoid(f) → sigmoid(f + 1)
            You add 1 to the forget gate, as one does when weights are first drawn. Trained biases hold it
            already.
        interleaved: packed.chunk(4, dim=1) → (packed[:, k::4] for k in range(4))
            You take every fourth row for a gate: PyTorch's packed rows come in four blocks, all rows of i,
            then all of f, g and o.
        reshaped_for_chunked: packed.chunk(4, dim=1) → packed.reshape(4, *h.shape)
            You reshape (B, 4 D_h) to (4, B, D_h): that keeps the numbers' order in memory and mixes sequences
            and gates up. Cut along the rows' axis, `packed.chunk(4, dim=1)`.
        recurrent_weights_transposed: h @ weight_hh.T → torch.cat([h @ w for w in weight_hh.chunk(4)], dim=1)
            You transpose the blocks of weight_hh: the products were right as they stood.
        order_ifog: i, f, g, o = packed → i, f, o, g = packed
            Both biases are there, but the order is still i, f, o, g, as many papers list the gates. PyTorch
            packs i, f, g, o: the candidate comes third.
        order_igfo: i, f, g, o = packed → i, g, f, o = packed
            You read the order i, g, f, o, that of TensorFlow's first LSTM cells: PyTorch packs i, f, g, o.
    """)
    + "".join(OTHER_ORDERS.format(name=order, listed=", ".join(order)) for order in ORDERS),
    special="""
        large_closed_out: c.abs().max() > 9e3 and (bias_ih + bias_hh).min() < -15
            Your function is right but where a gate closes a large cell out. Is the gate's sum clamped?
            Leave it as it is.
        saturated: (x_t @ weight_ih.T + h @ weight_hh.T + bias_ih + bias_hh).abs().max() > 15
            Your function is right until the sum in a gate is far from 0. Is it clamped? A gate of 1e-7 or
            1e-12 still lets something of a large cell through: leave the sum as it is.
    """,
)

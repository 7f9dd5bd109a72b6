"""Chapter 2: find the bug, an LSTM without its cell."""

import math

import torch

from course.exercises.cases import tensors
from course.exercises.engine import Exercise
from course.exercises.rnn.pytorch import by_lstm_cell


def my_lstm_step(x_t, h, c, weight_ih, weight_hh, bias):
    """One step of an LSTM: (h_t, c_t), both (B, D_h). x_t (B, D_in), h and c (B, D_h), weight_ih
    (4 D_h, D_in), weight_hh (4 D_h, D_h), bias (4 D_h,), each packed in the order i, f, g, o."""
    i, f, g, o = (x_t @ weight_ih.T + h @ weight_hh.T + bias).chunk(4, dim=1)
    i, f, g, o = torch.sigmoid(i), torch.sigmoid(f), torch.tanh(g), torch.sigmoid(o)
    c_t = i * g + f * c  # the cell: no matrix and no tanh between one step and the next
    return o * torch.tanh(c_t), c_t


def by_one_bias(x_t, h, c, weight_ih, weight_hh, bias):
    """The same by `nn.LSTMCell`, in float64, with its second bias at 0."""
    return by_lstm_cell(x_t, h, c, weight_ih, weight_hh, bias, torch.zeros_like(bias))


def draw(rng, B, D_in, D_h, scale=1.0, cell=1.5, state=1.0, dtype=torch.float64):
    """A case; a large `scale` of the inputs saturates the gates, `cell` and `state` are scales of c and h."""
    sizes = dict(B=B, I=D_in, H=D_h, G=4 * D_h)
    x_t, h, c, *others = tensors(rng, "BI BH BH GI GH G", dtype, **sizes)
    return scale * x_t, state * h.tanh(), cell * c, *others


forgetful_lstm = Exercise(
    my_lstm_step,
    reference=by_one_bias,
    gradients=True,
    by_hand=[
        (  # i = 1/2, f = 3/4, g = tanh(1), o = 4/5
            [[1.0]],
            [[0.5]],
            [[2.0]],
            [[0.0], [0.0], [1.0], [0.0]],
            [[0.0], [0.0], [0.0], [0.0]],
            [0.0, math.log(3.0), 0.0, math.log(4.0)],
        ),
        (  # f = σ(10)
            [[1e4]],
            [[0.5]],
            [[-1e4]],
            [[1e-4], [1e-3], [-1e-4], [-1e-4]],
            [[0.0], [0.0], [0.0], [0.0]],
            [0.0, 0.0, 0.0, 0.0],
        ),
        (  # f = σ(-60) closes a large cell out
            [[1.0]],
            [[0.5]],
            [[1e4]],
            [[0.0], [0.0], [0.1], [0.0]],
            [[0.0], [0.0], [0.0], [0.0]],
            [0.0, -60.0, 0.0, 0.0],
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
        bug: c_t = i * g + f * c → h_t = i * g + f * h
        and: return o * torch.tanh(c_t), c_t → return h_t, h_t
    """,
    hints="""
        An LSTM keeps two things: the cell c, its memory, and h, which is what it shows of it. Which line uses
        c, and which uses o?

        The printed line is nearly the one of the cell: it is c that f multiplies and that i * g is added to.
        h_t is then made from c_t and o.

        These are the lines themselves: `c_t = i * g + f * c`, then return `o * torch.tanh(c_t), c_t`.
    """,
    wrong="""
        tanh_left_off: o * torch.tanh(c_t) → o * c_t
            The cell is right, but h_t lacks its tanh: a cell can grow past 1, and h_t = o * tanh(c_t) keeps
            what it shows between -1 and 1.
        state_still_without_the_cell: o * torch.tanh(c_t) → i * g + f * h
            c_t is right, but h_t is still made as printed, from the old h: it is o * tanh(c_t).
        output_gate_missing: o * torch.tanh(c_t) → torch.tanh(c_t)
            The output gate is still unused: h_t = o * tanh(c_t).
        cell_shown_bare: o * torch.tanh(c_t) → c_t
            You return the cell as h_t too: h_t = o * tanh(c_t), and only c_t stays bare.
        still_as_printed: o * torch.tanh(c_t), c_t → i * g + f * h, i * g + f * h
            This is still the printed step: h_t is returned twice, and the old cell c is never read. Give the
            line to the cell first, c_t = i * g + f * c.
        state_returned_twice: torch.tanh(c_t), c_t → torch.tanh(c_t), o * torch.tanh(c_t)
            h_t is right, but you return it for the cell too: return (h_t, c_t).
        tanh_of_the_product: o * torch.tanh(c_t) → torch.tanh(o * c_t)
            The gate is inside the tanh: h_t = o * tanh(c_t), so that o = 1 shows the whole of it.
        gates_coupled: i * g → (1 - f) * g
            You let 1 - f stand for i, as coupled LSTMs do: here the input gate i is a gate of its own.
        order_changed: i, f, g, o = (x_t → i, f, o, g = (x_t
            You changed the order in which the gates are unpacked: here i, f, g, o is right.
        cell_from_the_state: f * c → f * h
            Your cell starts from the old h: f multiplies the old cell c, which is what carries the memory.
        output_gate_on_the_printed_line: i * g + f * c → o * (i * g + f * h)
        and: o * torch.tanh(c_t) → c_t
            You multiply the printed line by o, but there is still no cell: c_t = i * g + f * c, and h_t = o *
            tanh(c_t).
        output_gate_on_the_cell: i * g + f * c → o * (i * g + f * c)
        and: o * torch.tanh(c_t) → torch.tanh(c_t)
            You multiply the cell by o, so closing the output erases the memory. o only decides what h_t
            shows: c_t stays without it.
        output_gate_twice: i * g + f * c → o * (i * g + f * c)
            You multiply both the cell and the output by o: it belongs to h_t alone.
        tanh_in_the_cell: i * g + f * c → torch.tanh(i * g + f * c)
        and: o * torch.tanh(c_t) → o * c_t
            You put the tanh on the cell itself: it would squeeze the memory at every step. c_t is the plain
            sum, the tanh is for h_t.
        gates_swapped: i * g + f * c → f * g + i * c
            i and f are swapped: f multiplies the old cell, i the candidate g.
    """,
    special="""
        large_closed_out: c.abs().max() > 9e3 and (bias).min() < -15
            Your function is right but where a gate closes a large cell out. Is the gate's sum clamped?
            Leave it as it is.
        saturated: (x_t @ weight_ih.T + h @ weight_hh.T + bias).abs().max() > 15
            Your function is right until the sum in a gate is far from 0. Is it clamped? A gate of 1e-7 or
            1e-12 still lets something of a large cell through: leave the sum as it is.
    """,
)

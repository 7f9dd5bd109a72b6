"""Chapter 2: find the bug, an LSTM without its cell."""

import torch
import torch.nn.functional as F
from course.exercises.rnn.packed_order import by_lstm_cell, packed_cases, wide_packed
from course.exercises.engine import Exercise


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


forgetful_lstm = Exercise(
    my_lstm_step,
    reference=by_one_bias,
    gradients=True,
    # OLD wide=lambda rng: wide_packed(rng)[:-1]
    # OLD cases:
    # lambda rng: [case[:-1] for case in packed_cases(rng)]
    by_hand=(),
    draw=None,
    sizes=[],
    spans={},
    bug="""
        bug: SOLUTION → STUB
    """,
    hints="""
        An LSTM keeps two things: the cell c, its memory, and h, which is what it shows of it. Which line uses
        c, and which uses o?

        The printed line is nearly the one of the cell: it is c that f multiplies and that i * g is added to.
        h_t is then made from c_t and o.

        `c_t = i * g + f * c`, then return `o * torch.tanh(c_t), c_t`.
    """,
    wrong="""
        tanh_left_off: OLD → NEW
            The cell is right, but h_t lacks its tanh: a cell can grow past 1, and h_t = o * tanh(c_t) keeps
            what it shows between -1 and 1.
        state_still_without_the_cell: OLD → NEW
            c_t is right, but h_t is still made as printed, from the old h: it is o * tanh(c_t).
        output_gate_missing: OLD → NEW
            The output gate is still unused: h_t = o * tanh(c_t).
        cell_shown_bare: OLD → NEW
            You return the cell as h_t too: h_t = o * tanh(c_t), and only c_t stays bare.
        cell_from_the_state: OLD → NEW
            Your cell starts from the old h: f multiplies the old cell c, which is what carries the memory.
        output_gate_on_the_printed_line: OLD → NEW
            You multiply the printed line by o, but there is still no cell: c_t = i * g + f * c, and h_t = o *
            tanh(c_t).
        output_gate_on_the_cell: OLD → NEW
            You multiply the cell by o, so closing the output erases the memory. o only decides what h_t
            shows: c_t stays without it.
        output_gate_twice: OLD → NEW
            You multiply both the cell and the output by o: it belongs to h_t alone.
        tanh_in_the_cell: OLD → NEW
            You put the tanh on the cell itself: it would squeeze the memory at every step. c_t is the plain
            sum, the tanh is for h_t.
        gates_swapped: OLD → NEW
            i and f are swapped: f multiplies the old cell, i the candidate g.
        cell_not_updated: OLD → NEW
            h_t is right, but you return the old cell: return c_t, which the next step needs.
        results_swapped: OLD → NEW
            The numbers are right, but in the order (c_t, h_t): return (h_t, c_t).
        sigmoid_for_tanh: OLD → NEW
            h_t takes a sigmoid of the cell, so it is never negative: it is o * tanh(c_t).
    """,
)

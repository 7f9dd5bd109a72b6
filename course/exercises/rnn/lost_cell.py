"""Chapter 2, exercise: find the bug, an LSTM without its cell."""

import torch
import torch.nn.functional as F

from course.exercises.engine import Exercise, Misconception
from course.exercises.rnn.packed_order import by_lstm_cell, packed_cases, wide_packed


def my_lstm_step(x_t, h, c, weight_ih, weight_hh, bias):
    """One step of an LSTM: (h_t, c_t), both (B, D_h). x_t (B, D_in), h and c (B, D_h), weight_ih
    (4 D_h, D_in), weight_hh (4 D_h, D_h), bias (4 D_h,), each packed in the order i, f, g, o."""
    i, f, g, o = (x_t @ weight_ih.T + h @ weight_hh.T + bias).chunk(4, dim=1)
    i, f, g, o = torch.sigmoid(i), torch.sigmoid(f), torch.tanh(g), torch.sigmoid(o)
    h_t = i * g + f * h
    return h_t, h_t


def solve_lstm_step(x_t, h, c, weight_ih, weight_hh, bias):
    """One step of an LSTM: (h_t, c_t), both (B, D_h). x_t (B, D_in), h and c (B, D_h), weight_ih
    (4 D_h, D_in), weight_hh (4 D_h, D_h), bias (4 D_h,), each packed in the order i, f, g, o."""
    i, f, g, o = (x_t @ weight_ih.T + h @ weight_hh.T + bias).chunk(4, dim=1)
    i, f, g, o = torch.sigmoid(i), torch.sigmoid(f), torch.tanh(g), torch.sigmoid(o)
    c_t = i * g + f * c  # the cell: no matrix and no tanh between one step and the next
    return o * torch.tanh(c_t), c_t


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


def by_one_bias(x_t, h, c, weight_ih, weight_hh, bias):
    """The same by `nn.LSTMCell`, in float64, with its second bias at 0."""
    return by_lstm_cell(x_t, h, c, weight_ih, weight_hh, bias, torch.zeros_like(bias))


def wrong(name, diagnosis, update):
    """A misconception that makes (h_t, c_t) in another way; `update` is a function of (i, f, g, o, h, c)."""

    def step(x_t, h, c, weight_ih, weight_hh, bias):
        i, f, g, o = (F.linear(x_t, weight_ih, bias) + F.linear(h, weight_hh)).chunk(4, dim=1)
        return update(i.sigmoid(), f.sigmoid(), g.tanh(), o.sigmoid(), h, c)

    return Misconception(name, diagnosis, step)


def both(state):
    """One tensor as h_t and as c_t."""
    return state, state


def after(c_t, new_h):
    """(h_t, c_t) with h_t made of c_t."""
    return new_h(c_t), c_t


forgetful_lstm = Exercise(
    name="forgetful_lstm",
    title="find the bug in an LSTM from an article",
    difficulty="medium",
    minutes=15,
    task="""
        The step below follows an article that prints an LSTM's new state as
        $h_t = i \\odot g + f \\odot h_{t-1}$. It runs, the shapes are right, and training lowers the loss.
        But the gradient for the last quarter of the weights is exactly 0, and $h$ leaves the range from $-1$
        to 1. The lines that make the gates $i$, $f$, $o$ and the candidate $g$ are right. Mend the rest, so
        that it is one step of an LSTM and returns $(h_t, c_t)$.

        Before you look: which of the step's arguments does it never read?
    """,
    stub_function=my_lstm_step,
    reference=by_one_bias,
    cases=lambda rng: [case[:-1] for case in packed_cases(rng)],  # without the second bias
    wide=lambda rng: wide_packed(rng)[:-1],
    gradients=True,
    hints=(
        "An LSTM keeps two things: the cell c, its memory, and h, which is what it shows of it. Which line "
        "uses c, and which uses o?",
        "The printed line is nearly the one of the cell: it is c that f multiplies and that i * g is added "
        "to. h_t is then made from c_t and o.",
        "`c_t = i * g + f * c`, then return `o * torch.tanh(c_t), c_t`.",
    ),
    solution_function=solve_lstm_step,
    alternatives=(lstm_gate_by_gate, lstm_one_matrix, lstm_by_example),
    misconceptions=(
        wrong(
            "tanh_left_off",
            "The cell is right, but h_t lacks its tanh: a cell can grow past 1, and h_t = o * tanh(c_t) "
            "keeps what it shows between -1 and 1.",
            lambda i, f, g, o, h, c: after(i * g + f * c, lambda c_t: o * c_t),
        ),
        wrong(
            "state_still_without_the_cell",
            "c_t is right, but h_t is still made as printed, from the old h: it is o * tanh(c_t).",
            lambda i, f, g, o, h, c: (i * g + f * h, i * g + f * c),
        ),
        wrong(
            "output_gate_missing",
            "The output gate is still unused: h_t = o * tanh(c_t).",
            lambda i, f, g, o, h, c: after(i * g + f * c, torch.tanh),
        ),
        wrong(
            "cell_shown_bare",
            "You return the cell as h_t too: h_t = o * tanh(c_t), and only c_t stays bare.",
            lambda i, f, g, o, h, c: both(i * g + f * c),
        ),
        wrong(
            "cell_from_the_state",
            "Your cell starts from the old h: f multiplies the old cell c, which is what carries the memory.",
            lambda i, f, g, o, h, c: after(i * g + f * h, lambda c_t: o * torch.tanh(c_t)),
        ),
        wrong(
            "output_gate_on_the_printed_line",
            "You multiply the printed line by o, but there is still no cell: c_t = i * g + f * c, and "
            "h_t = o * tanh(c_t).",
            lambda i, f, g, o, h, c: both(o * (i * g + f * h)),
        ),
        wrong(
            "output_gate_on_the_cell",
            "You multiply the cell by o, so closing the output erases the memory. o only decides what h_t "
            "shows: c_t stays without it.",
            lambda i, f, g, o, h, c: after(o * (i * g + f * c), torch.tanh),
        ),
        wrong(
            "output_gate_twice",
            "You multiply both the cell and the output by o: it belongs to h_t alone.",
            lambda i, f, g, o, h, c: after(o * (i * g + f * c), lambda c_t: o * torch.tanh(c_t)),
        ),
        wrong(
            "tanh_in_the_cell",
            "You put the tanh on the cell itself: it would squeeze the memory at every step. c_t is the "
            "plain sum, the tanh is for h_t.",
            lambda i, f, g, o, h, c: after(torch.tanh(i * g + f * c), lambda c_t: o * c_t),
        ),
        wrong(
            "gates_swapped",
            "i and f are swapped: f multiplies the old cell, i the candidate g.",
            lambda i, f, g, o, h, c: after(f * g + i * c, lambda c_t: o * torch.tanh(c_t)),
        ),
        wrong(
            "cell_not_updated",
            "h_t is right, but you return the old cell: return c_t, which the next step needs.",
            lambda i, f, g, o, h, c: (o * torch.tanh(i * g + f * c), c),
        ),
        wrong(
            "results_swapped",
            "The numbers are right, but in the order (c_t, h_t): return (h_t, c_t).",
            lambda i, f, g, o, h, c: after(i * g + f * c, lambda c_t: o * torch.tanh(c_t))[::-1],
        ),
        wrong(
            "sigmoid_for_tanh",
            "h_t takes a sigmoid of the cell, so it is never negative: it is o * tanh(c_t).",
            lambda i, f, g, o, h, c: after(i * g + f * c, lambda c_t: o * torch.sigmoid(c_t)),
        ),
    ),
)

"""Chapter 2: one step of a GRU in PyTorch's convention."""

import math

import torch
from torch import nn

from course.exercises.cases import tensors
from course.exercises.engine import Exercise
from course.exercises.rnn.pytorch import by_pytorch


def my_gru_step(x_t, h, weight_ih, weight_hh, bias_ih, bias_hh):
    """The next state (B, D_h) of a GRU. x_t (B, D_in), h (B, D_h), weight_ih (3 D_h, D_in), weight_hh
    (3 D_h, D_h), bias_ih and bias_hh (3 D_h,), each packed in the order r, z, n."""
    x_r, x_z, x_n = (x_t @ weight_ih.T + bias_ih).chunk(3, dim=1)  # each (B, D_h)
    h_r, h_z, h_n = (h @ weight_hh.T + bias_hh).chunk(3, dim=1)
    r = torch.sigmoid(x_r + h_r)
    z = torch.sigmoid(x_z + h_z)
    n = torch.tanh(x_n + r * h_n)  # two products are kept apart because r gates only one of them
    return (1 - z) * n + z * h


def by_gru_cell(x_t, h, weight_ih, weight_hh, bias_ih, bias_hh):
    """The same by `nn.GRUCell`, in float64."""
    module = nn.GRUCell(x_t.shape[1], h.shape[1], device="meta")
    parameters = dict(weight_ih=weight_ih, weight_hh=weight_hh, bias_ih=bias_ih, bias_hh=bias_hh)
    return by_pytorch(module, parameters, x_t, h)[0]


def draw(rng, B, D_in, D_h, scale=1.0, state=None, dtype=torch.float64):
    """A case; a large `scale` of the inputs and states saturates the gates, `state` is for states alone."""
    sizes = dict(B=B, I=D_in, H=D_h, G=3 * D_h)
    x_t, h, *others = tensors(rng, "BI BH GI GH G G", dtype, **sizes)
    return scale * x_t, (scale if state is None else state) * h, *others


gru_step = Exercise(
    my_gru_step,
    reference=by_gru_cell,
    gradients=True,
    by_hand=[
        (  # r = 1/2, z = 3/4, n = tanh(1/2)
            [[1.0]],
            [[2.0]],
            [[0.0], [0.0], [1.0]],
            [[0.0], [0.0], [-1.0]],
            [0.0, math.log(3.0), 0.0],
            [0.0, 0.0, 1.0],
        ),
        (  # r = σ(0), z = σ(10)
            [[1e4]],
            [[-1e4]],
            [[1e-4], [2e-3], [-1e-4]],
            [[1e-4], [1e-3], [-1e-5]],
            [0.0, 0.0, 0.0],
            [0.0, 0.0, 0.0],
        ),
        (  # r = z = σ(-60) close a large state out
            [[1.0]],
            [[1e4]],
            [[0.0], [0.0], [0.1]],
            [[0.0], [0.0], [1.0]],
            [-60.0, -60.0, 0.0],
            [0.0, 0.0, 0.1],
        ),
    ],
    draw=draw,
    sizes=[
        dict(B=1, D_in=1, D_h=1),
        dict(B=130, D_in=1, D_h=1),
        dict(B=1, D_in=2, D_h=3),
        dict(B=3, D_in=3, D_h=3),
        dict(B=2, D_in=2, D_h=3, state=0.0),
        dict(B=2, D_in=4, D_h=2, dtype=torch.float32),
        dict(B=4, D_in=1, D_h=5, scale=50.0),
        dict(B=3, D_in=2, D_h=2, scale=3e3),
        dict(B=2, D_in=3, D_h=4, scale=8.0, dtype=torch.float32),
    ],
    spans=dict(B=(1, 4), D_in=(1, 4), D_h=(1, 4), scale=lambda rng: 10 ** rng.uniform(-1, 1)),
    hints="""
        One product `x_t @ weight_ih.T + bias_ih` holds what all three need from the input, (B, 3 D_h):
        `.chunk(3, dim=1)` cuts it. Do the same for h.

        r and z add their two parts. The candidate must not: r multiplies what comes from h, bias included,
        before the sum.

        These are the lines themselves: `n = torch.tanh(x_n + r * h_n)` with x_n and h_n the last chunks;
        return `(1 - z) * n + z * h`: here z = 1 keeps the old state.
    """,
    wrong="""
        update_gate_turned: (1 - z) * n + z * h → z * n + (1 - z) * h
            z and 1 - z are swapped: in PyTorch z is the share of the old state. Papers differ here, which
            turns the meaning of every trained z.
        reset_before_the_product: r * h_n → (r * h) @ weight_hh.chunk(3)[2].T + bias_hh.chunk(3)[2]
            You reset the state before the product, W_hn (r * h): that is the paper's form. PyTorch multiplies
            by r afterwards, r * (W_hn h + b_hn).
        paper_form: r * h_n → (r * h) @ weight_hh.chunk(3)[2].T + bias_hh.chunk(3)[2]
        and: (1 - z) * n + z * h → z * n + (1 - z) * h
            This is the GRU of a paper: r acts before the product, and z is the share of the candidate. In
            PyTorch r acts after it, and z is the share of the old state.
        gates_swapped: x_r, x_z, x_n → x_z, x_r, x_n
        and: h_r, h_z, h_n → h_z, h_r, h_n
            r and z are swapped: PyTorch packs r, z, n. (Keras packs z first.)
        bias_not_reset: r * h_n → r * (h @ weight_hh.chunk(3)[2].T) + bias_hh.chunk(3)[2]
            r gates W_hn h alone in your step, and b_hn is added outside: in PyTorch r multiplies both, r *
            (W_hn h + b_hn). It is why a GRU needs its two biases.
        input_reset_too: x_n + r * h_n → r * (x_n + h_n)
            r multiplies the whole candidate: the input must get through. Multiply only what comes from h.
        reset_outside_the_tanh: torch.tanh(x_n + r * h_n) → r * torch.tanh(x_n + h_n)
            You multiply by r after the tanh: r belongs inside, on what comes from h.
        reset_state_kept: z * h → z * (r * h)
            You keep z * (r * h): r belongs to the candidate alone, and z multiplies the old state as it is.
        candidate_bias_forgotten: r * h_n → r * (h_n - bias_hh.chunk(3)[2])
            b_hn is missing: r and z could do with one bias, but in the candidate r multiplies the second, r *
            (W_hn h + b_hn).
        recurrent_weights_transposed: h @ weight_hh.T → torch.cat([h @ w for w in weight_hh.chunk(3)], dim=1)
            The blocks of weight_hh are transposed: with the state as a row, W h is `h @ W.T`.
        interleaved: .chunk(3, dim=1) → .unflatten(1, (-1, 3)).unbind(2)
            You take every third row for a gate: the packed rows come in three blocks, all of r, z, then n.
        sigmoid_by_exponentials: torch.sigmoid(x_r + h_r) → 1 / (1 + torch.exp(-x_r - h_r))
        and: torch.sigmoid(x_z + h_z) → 1 / (1 + torch.exp(-x_z - h_z))
            1 / (1 + exp(-a)) is right until exp overflows: then its gradient is 0 times infinity, NaN. Use
            torch.sigmoid.
    """,
    special="""
        large_closed_out: h.abs().max() > 9e3 and (h @ weight_hh.T + bias_hh + bias_ih).min() < -15
            Your function is right but where a gate closes a large state out. Is the gate's sum clamped?
            Leave it as it is.
        saturated: (x_t @ weight_ih.T + h @ weight_hh.T + bias_ih + bias_hh).abs().max() > 15
            Your function is right until the sum in a gate is far from 0. Is it clamped? A gate of 1e-7 or
            1e-12 still lets something of a large state through: leave the sum as it is.
    """,
    forbids="torch.gru*: Write the gates and the candidate yourself: that is what the exercise is about.",
)

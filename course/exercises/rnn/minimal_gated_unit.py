"""Chapter 2: the minimal gated unit of Zhou, Wu, Zhang and Zhou (2016), arXiv 1603.09420."""

import math

import torch

from course.exercises.cases import tensors
from course.exercises.engine import Exercise


def my_mgu_step(x_t, h, weight_f, bias_f, weight_h, bias_h):
    """The next state (B, D_h) of a minimal gated unit. x_t (B, D_in), h (B, D_h), weight_f and weight_h
    (D_h, D_h + D_in), bias_f and bias_h (D_h,)."""
    f = torch.sigmoid(torch.cat([h, x_t], dim=1) @ weight_f.T + bias_f)  # (B, D_h)
    candidate = torch.tanh(torch.cat([f * h, x_t], dim=1) @ weight_h.T + bias_h)
    return (1 - f) * h + f * candidate  # the gate that lets the old state into the candidate replaces it


def by_einsum(x_t, h, weight_f, bias_f, weight_h, bias_h):
    """The same in float64, written by index."""
    x, old, w_f, b_f, w_h, b_h = (t.double() for t in (x_t, h, weight_f, bias_f, weight_h, bias_h))
    (u_f, v_f), (u_h, v_h) = (w.tensor_split([h.shape[1]], dim=1) for w in (w_f, w_h))
    f = 0.5 + 0.5 * torch.tanh(
        (torch.einsum("bj,ij->bi", old, u_f) + torch.einsum("bk,ik->bi", x, v_f) + b_f) / 2
    )
    from_h = torch.einsum("bj,bj,ij->bi", f, old, u_h)
    candidate = torch.tanh(from_h + torch.einsum("bk,ik->bi", x, v_h) + b_h)
    return (old + f * (candidate - old)).to(h.dtype)


def draw(rng, B, D_in, D_h, scale=1.0, state=None, dtype=torch.float64):
    """A case; a large `scale` of the input and the state saturates the gate, `state` is for states alone."""
    x_t, h, *layers = tensors(rng, "BI BH HW H HW H", dtype, B=B, I=D_in, H=D_h, W=D_h + D_in)
    return scale * x_t, (scale if state is None else state) * h, *layers


minimal_gated_unit = Exercise(
    my_mgu_step,
    reference=by_einsum,
    gradients=True,
    by_hand=[
        ([[1.0]], [[2.0]], [[0.0, 0.0]], [math.log(3.0)], [[1.0, -1.0]], [0.0]),  # f = 3/4, tanh(1/2)
        ([[1e4]], [[-1e4]], [[1.5e-3, 5e-4]], [0.0], [[1e-4, -1e-4]], [0.0]),  # f = σ(-10)
        ([[1.0]], [[1e4]], [[0.0, 0.0]], [60.0], [[1e-5, 0.1]], [0.0]),  # a large state is closed out
    ],
    draw=draw,
    sizes=[
        dict(B=1, D_in=1, D_h=1),
        dict(B=130, D_in=1, D_h=1),
        dict(B=1, D_in=3, D_h=2),
        dict(B=3, D_in=2, D_h=2),
        dict(B=2, D_in=2, D_h=3, state=0.0),
        dict(B=4, D_in=2, D_h=5),
        dict(B=2, D_in=4, D_h=3, dtype=torch.float32),
        dict(B=3, D_in=1, D_h=4, scale=50.0),
        dict(B=3, D_in=2, D_h=2, scale=3e3),
        dict(B=2, D_in=2, D_h=3, scale=8.0, dtype=torch.float32),
    ],
    spans=dict(B=(1, 4), D_in=(1, 4), D_h=(1, 4), scale=lambda rng: 10 ** rng.uniform(-1, 1)),
    hints="""
        It is a GRU whose reset gate and update gate are one and the same. Compute f first: both other lines
        need it.

        `torch.cat([h, x_t], dim=1)` is (B, D_h + D_in), the state's columns first. For the candidate put `f *
        h` in the place of h and leave x_t as it is.

        These are the lines themselves: `f = torch.sigmoid(torch.cat([h, x_t], dim=1) @ weight_f.T +
        bias_f)`, the candidate likewise with
        tanh and `f * h`; return `(1 - f) * h + f * candidate`.
    """,
    wrong="""
        gate_turned: (1 - f) * h + f * candidate → f * h + (1 - f) * candidate
            f and 1 - f are swapped in the new state. Although it is called a forget gate, f is the share of
            the candidate here, and 1 - f keeps the old state.
        candidate_not_gated: [f * h, x_t] → [h, x_t]
            Your candidate sees the whole old state: the gate's second job is to let only f * h into it.
        candidate_not_gated_and_turned: [f * h, x_t] → [h, x_t]
        and: (1 - f) * h + f * candidate → f * h + (1 - f) * candidate
            Two things: the candidate must see f * h, and in the new state f is the share of the candidate.
        gate_after_the_product: candidate = → U, V = weight_h.tensor_split([h.shape[1]], dim=1); candidate =
        and: torch.cat([f * h, x_t], dim=1) @ weight_h.T → f * (h @ U.T) + x_t @ V.T
            You multiply by f after the product with the matrix, as PyTorch's GRU does with r. Here f
            multiplies the state before it.
        candidate_gated_by_the_rest: [f * h, x_t] → [(1 - f) * h, x_t]
            You let (1 - f) * h into the candidate: it is f * h.
        input_gated_too: [f * h, x_t] → [h, x_t]
        and: candidate = torch.tanh( → candidate = torch.tanh(f * (
        and: + bias_h) → + bias_h))
            Your gate multiplies the input's part as well: x_t enters the candidate ungated.
        reset_state_kept: candidate = → h = f * h; candidate =
        and: [f * h, x_t] → [h, x_t]
            You put f * h in the place of h for good: only the candidate sees f * h, and (1 - f) multiplies
            the whole old state.
        sigmoid_by_exponentials: f = torch.sigmoid( → f = 1 / (1 + torch.exp(-
        and: weight_f.T + bias_f) → weight_f.T - bias_f))
            1 / (1 + exp(-a)) is right until exp overflows: then its gradient is 0 times infinity, NaN. Use
            torch.sigmoid.
        input_first_in_the_gate: [h, x_t] → [x_t, h]
        input_first: [h, x_t] → [x_t, h]
        and: [f * h, x_t] → [x_t, f * h]
            You lay x_t before h: the matrices' first D_h columns belong to the state, [h, x_t].
        weights_swapped: weight_f.T + bias_f → weight_h.T + bias_h
        and: [f * h, x_t], dim=1) @ weight_h.T + bias_h → [f * h, x_t], dim=1) @ weight_f.T + bias_f
            weight_f and weight_h are swapped: the gate has weight_f and bias_f, the candidate the others.
        biases_forgotten: + bias_f) → + 0 * bias_f)
        and: + bias_h) → + 0 * bias_h)
            The biases are missing: add bias_f in the gate and bias_h in the candidate.
    """,
    special="""
        large_closed_out: h.abs().max() > 9e3 and (torch.cat([h, x_t], 1) @ weight_f.T + bias_f).max() > 15
            Your function is right but where a gate closes a large state out. Is the gate's sum clamped?
            Leave it as it is.
        saturated: (torch.cat([h, x_t], 1) @ weight_f.T + bias_f).abs().max() > 15
            Your function is right until the sum in the gate is far from 0. Is it clamped? A gate that is off
            by 1e-7 or 1e-12 lets something of a large state through: leave the sum as it is.
    """,
)

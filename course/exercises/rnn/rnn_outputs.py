"""Chapter 2: the hidden states of a plain recurrent network."""

import torch
from torch import nn

from course.exercises.cases import tensors
from course.exercises.engine import Exercise
from course.exercises.rnn.pytorch import by_pytorch


def my_rnn(x, h_0, weight_xh, weight_hh, bias):
    """All hidden states (B, T, D_h) of a plain RNN. x (B, T, D_in), h_0 (B, D_h), weight_xh (D_h, D_in),
    weight_hh (D_h, D_h), bias (D_h,)."""
    h, states = h_0, []
    for t in range(x.shape[1]):
        h = torch.tanh(x[:, t] @ weight_xh.T + h @ weight_hh.T + bias)  # (B, D_h)
        states.append(h)
    return torch.stack(states, dim=1)


def by_rnn(x, h_0, weight_xh, weight_hh, bias):
    """The same by `nn.RNN`, in float64."""
    module = nn.RNN(x.shape[2], len(bias), batch_first=True, device="meta")
    pair = {"weight_ih_l0": weight_xh, "weight_hh_l0": weight_hh}
    biases = {"bias_ih_l0": bias, "bias_hh_l0": torch.zeros_like(bias)}
    return by_pytorch(module, pair | biases, x, h_0[None])[0]


def draw(rng, B, T, D_in, D_h, scale=1.0, quiet=False, dtype=torch.float64):
    """A case; the recurrent weights are small enough that rounding errors do not grow from step to step.

    A `quiet` one has nothing but its first and last input, so that the state settles between them.
    """
    x, h_0, *weights, bias = tensors(rng, "BTI BH HI HH H", dtype, B=B, T=T, I=D_in, H=D_h)
    if quiet:
        x[:, 1:-1] = 0.0
    return scale * x, scale * h_0, weights[0], weights[1] / D_h**0.5, bias


rnn_outputs = Exercise(
    my_rnn,
    reference=by_rnn,
    gradients=True,
    by_hand=[
        ([[[0.5], [-1.0], [0.25]]], [[0.75]], [[1.5]], [[-0.5]], [0.125]),
        ([[[1.0], [0.0]]], [[0.0]], [[1.0]], [[1.0]], [0.0]),
        (  # large numbers and small weights: the sums are 0.5 and -0.5, 10.2 and -9.2
            [[[1e4], [-1e4]]],
            [[-1e4, 5.0]],
            [[1e-4], [9.7e-4]],
            [[1e-4, 0.0], [0.0, 0.0]],
            [0.5, 0.5],
        ),
    ],
    draw=draw,
    sizes=[
        dict(B=1, T=1, D_in=2, D_h=3),
        dict(B=130, T=1, D_in=1, D_h=1),
        dict(B=1, T=3, D_in=2, D_h=2),
        dict(B=3, T=3, D_in=2, D_h=2),
        dict(B=2, T=4, D_in=3, D_h=5),
        dict(B=4, T=2, D_in=5, D_h=3, dtype=torch.float32),
        dict(B=2, T=3, D_in=2, D_h=4, scale=3e3),
        dict(B=2, T=26, D_in=1, D_h=3, dtype=torch.float32),
        dict(B=1, T=520, D_in=1, D_h=2, quiet=True),
    ],
    spans=dict(B=(1, 4), T=(1, 5), D_in=(1, 4), D_h=(1, 4)),
    hints="""
        Time cannot be done all at once: h_2 needs h_1. Loop over t, and keep the state in one variable.

        `x[:, t]` is the input of all sequences at one time, (B, D_in). A row of it times the matrix of the
        formula is `x[:, t] @ weight_xh.T`.

        This is the code itself: start with `h = h_0` and an empty list. In the loop `h = torch.tanh(x[:, t] @
        weight_xh.T + h @ weight_hh.T + bias)`, append h; at the end `torch.stack(states, dim=1)`.
    """,
    wrong="""
        tanh_on_the_outputs_only: h = torch.tanh( → h = (
        and: append(h) → append(h.tanh())
            You hand on the state before its tanh. The recurrence uses the h_t that you return.
        state_not_carried: h @ weight_hh → h_0 @ weight_hh
            Every step starts from h_0 again: assign the new state to h, so that the next step sees it.
        state_detached: append(h) → append(h); h = h.detach()
            The numbers are right, but you detach the state between the steps: no gradient then flows back
            through time. Hand h on as it is.
        initial_state_ignored: h, states = h_0 → h, states = torch.zeros_like(h_0)
            You start from zeros: start from h_0, the state that the caller hands in.
        relu_for_tanh: tanh( → relu(
            Your states go through a ReLU, so they can grow without bound. A plain RNN uses tanh.
        along_the_batch: range(x.shape[1]) → range(len(x))
        and: x[:, t] → x[t]
        and: states, dim=1) → states)
            Your recurrence runs along the batch: `for x_t in x` takes the first axis, and x is (B, T, D_in).
            Take `x[:, t]`, or `x.unbind(dim=1)`.
        reshaped_for_transposed: torch.stack(states, dim=1) → torch.stack(states).reshape(*x.shape[:2], -1)
            You reshape (T, B, D_h) to (B, T, D_h): that keeps the numbers' order in memory and mixes
            sequences and steps up. Stack along dim=1, or transpose.
        one_tensor_overwritten: torch.stack(states, dim=1) → torch.stack([h for _ in states], dim=1)
            All your rows are h_T: the list holds one tensor many times, and each step writes over it. Make a
            new tensor at each step.
        shifted_by_one: states = h_0, [] → states = h_0, [h_0]
        and: stack(states → stack(states[:-1]
            Your output begins with h_0 and lacks h_T: append the state after the update, not before.
        initial_state_included: states = h_0, [] → states = h_0, [h_0]
            Your output begins with h_0, so it holds T + 1 states: return h_1 to h_T.
        recurrent_weights_transposed: weight_hh.T → weight_hh
            W_hh is transposed: with the state as a row, W h of the formula is `h @ weight_hh.T`.
        bias_forgotten:  + bias) → )
            The bias is missing: add b inside the tanh, at every step.
    """,
    special="""
        long: x.shape[1] > 20
            Your function is right for short sequences alone. Is there a limit on T, does the loop stop once
            the state has settled, or is the gradient cut?
    """,
    forbids="torch.rnn_*: Write the loop over the steps yourself, since that is what the exercise is about.",
)

"""Chapter 2: the hidden states of a plain recurrent network."""

import torch
import torch.nn.functional as F
from torch import nn
from course.exercises.cases import normal
from course.exercises.rnn.pytorch import by_pytorch
from course.exercises.engine import Exercise


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


def rnn_case(rng, batch, length, d_in, d_h, dtype=torch.float64, scale=1.0):
    """A case; the recurrent weights are small enough that rounding errors do not grow from step to step."""
    x, h_0 = normal(rng, batch, length, d_in, dtype=dtype, scale=scale), normal(rng, batch, d_h, dtype=dtype)
    weight_hh = normal(rng, d_h, d_h, dtype=dtype, scale=d_h**-0.5)
    return x, h_0, normal(rng, d_h, d_in, dtype=dtype), weight_hh, normal(rng, d_h, dtype=dtype)


def wide_rnn(rng):
    """One valid case of small random sizes."""
    sizes = rng.randint(1, 4), rng.randint(1, 5), rng.randint(1, 4), rng.randint(1, 4)
    return rnn_case(rng, *sizes, rng.choice((torch.float32, torch.float64)))


rnn_outputs = Exercise(
    my_rnn,
    reference=by_rnn,
    gradients=True,
    # OLD wide=wide_rnn
    # OLD cases:
    # lambda rng: [
    #         (  # by hand
    #             torch.tensor([[[1.0], [0.0]]], dtype=torch.float64),
    #             torch.tensor([[0.0]], dtype=torch.float64),
    #             torch.tensor([[1.0]], dtype=torch.float64),
    #             torch.tensor([[1.0]], dtype=torch.float64),
    #             torch.tensor([0.0], dtype=torch.float64),
    #         ),
    #         rnn_case(rng, 1, 1, 2, 3),
    #         rnn_case(rng, 1, 3, 2, 2),
    #         rnn_case(rng, 3, 3, 2, 2),
    #         rnn_case(rng, 2, 4, 3, 5),
    #         rnn_case(rng, 4, 2, 5, 3, torch.float32),
    #         rnn_case(rng, 2, 3, 2, 4, torch.float64, 1000.0),
    #         rnn_case(rng, 2, 12, 1, 3, torch.float32),
    #         *(wide_rnn(rng) for _ in range(6)),
    #     ]
    by_hand=(),
    draw=None,
    sizes=[],
    spans={},
    hints="""
        Time cannot be done all at once: h_2 needs h_1. Loop over t, and keep the state in one variable.

        `x[:, t]` is the input of all sequences at one time, (B, D_in). A row of it times the matrix of the
        formula is `x[:, t] @ weight_xh.T`.

        Start with `h = h_0` and an empty list. In the loop `h = torch.tanh(x[:, t] @ weight_xh.T + h @
        weight_hh.T + bias)`, append h; at the end `torch.stack(states, dim=1)`.
    """,
    wrong="""
        sigmoid_for_tanh: OLD → NEW
            Your states go through a sigmoid, so none is negative. A plain RNN uses tanh; the sigmoid belongs
            to gates.
        tanh_on_the_outputs_only: OLD → NEW
            You hand on the state before its tanh. The recurrence uses the h_t that you return.
        state_not_carried: OLD → NEW
            Every step starts from h_0 again: assign the new state to h, so that the next step sees it.
        state_detached: OLD → NEW
            The numbers are right, but you detach the state between the steps: no gradient then flows back
            through time. Hand h on as it is.
        initial_state_ignored: OLD → NEW
            You start from zeros: start from h_0, the state that the caller hands in.
        along_the_batch: OLD → NEW
            Your recurrence runs along the batch: `for x_t in x` takes the first axis, and x is (B, T, D_in).
            Take `x[:, t]`, or `x.unbind(dim=1)`.
        time_axis_first: OLD → NEW
            The states are right, but you return (T, B, D_h): stack them along dim=1.
        last_state_only: OLD → NEW
            You return the last state alone: all of h_1 to h_T are asked for.
        shifted_by_one: OLD → NEW
            Your output begins with h_0 and lacks h_T: append the state after the update, not before.
        initial_state_included: OLD → NEW
            Your output begins with h_0, so it holds T + 1 states: return h_1 to h_T.
        recurrent_weights_transposed: OLD → NEW
            W_hh is transposed: with the state as a row, W h of the formula is `h @ weight_hh.T`.
        bias_forgotten: OLD → NEW
            The bias is missing: add b inside the tanh, at every step.
    """,
)

"""Chapter 2, exercise: the hidden states of a plain recurrent network."""

import torch
import torch.nn.functional as F
from torch import nn

from course.exercises.draw import normal
from course.exercises.engine import Exercise, Misconception
from course.exercises.rnn.pytorch import by_pytorch


def my_rnn(x, h_0, weight_xh, weight_hh, bias):
    """All hidden states (B, T, D_h) of a plain RNN. x (B, T, D_in), h_0 (B, D_h), weight_xh (D_h, D_in),
    weight_hh (D_h, D_h), bias (D_h,)."""
    raise NotImplementedError


def solve_rnn(x, h_0, weight_xh, weight_hh, bias):
    """All hidden states (B, T, D_h) of a plain RNN. x (B, T, D_in), h_0 (B, D_h), weight_xh (D_h, D_in),
    weight_hh (D_h, D_h), bias (D_h,)."""
    h, states = h_0, []
    for t in range(x.shape[1]):
        h = torch.tanh(x[:, t] @ weight_xh.T + h @ weight_hh.T + bias)  # (B, D_h)
        states.append(h)
    return torch.stack(states, dim=1)


def rnn_inputs_first(x, h_0, weight_xh, weight_hh, bias):
    """The same; what comes from the inputs needs no state, so it is computed for all times at once."""
    from_x = F.linear(x, weight_xh, bias)  # (B, T, D_h)
    states = [h_0]
    for from_x_t in from_x.unbind(dim=1):
        states.append(torch.tanh(from_x_t + states[-1] @ weight_hh.T))
    return torch.stack(states[1:], dim=1)


def rnn_one_matrix(x, h_0, weight_xh, weight_hh, bias):
    """The same with one matrix for the input and the state side by side."""
    weight = torch.cat([weight_xh, weight_hh], dim=1)  # (D_h, D_in + D_h)
    out = x.new_zeros(x.shape[0], x.shape[1], len(bias))
    h = h_0
    for t in range(x.shape[1]):
        h = F.linear(torch.cat([x[:, t], h], dim=1), weight, bias).tanh()
        out[:, t] = h
    return out


def rnn_by_sequence(x, h_0, weight_xh, weight_hh, bias):
    """The same, one sequence of the batch after the other, matrix times column as in the formula."""
    batch = []
    for sequence, h in zip(x, h_0, strict=True):
        states = []
        for x_t in sequence:
            h = torch.tanh(weight_xh @ x_t + weight_hh @ h + bias)
            states.append(h)
        batch.append(torch.stack(states))
    return torch.stack(batch)


def by_rnn(x, h_0, weight_xh, weight_hh, bias):
    """The same by `nn.RNN`, in float64."""
    module = nn.RNN(x.shape[2], len(bias), batch_first=True, device="meta")
    pair = {"weight_ih_l0": weight_xh, "weight_hh_l0": weight_hh}
    biases = {"bias_ih_l0": bias, "bias_hh_l0": torch.zeros_like(bias)}
    return by_pytorch(module, pair | biases, x, h_0[None])[0]


def variant(step=torch.tanh, carry=lambda h, h_0: h):
    """The recurrence with another activation, or with another state handed on."""

    def run(x, h_0, weight_xh, weight_hh, bias):
        h, states = h_0, []
        for x_t in x.unbind(dim=1):
            states.append(step(x_t @ weight_xh.T + h @ weight_hh.T + bias))
            h = carry(states[-1], h_0)
        return torch.stack(states, dim=1)

    return run


def along_the_batch(x, h_0, weight_xh, weight_hh, bias):
    """`for x_t in x`, which runs over the batch."""
    h, states = h_0, []
    for x_t in x:
        h = torch.tanh(x_t @ weight_xh.T + h @ weight_hh.T + bias)
        states.append(h)
    return torch.stack(states)


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
    name="rnn_outputs",
    title="run a recurrence over a sequence",
    difficulty="easy",
    minutes=12,
    task="""
        Run a plain recurrent network over a batch of sequences, without `nn.RNN`:

        $$h_t = \\tanh(W_{xh}\\, x_t + W_{hh}\\, h_{t-1} + b), \\qquad t = 1, \\dots, T$$

        `x` is $(B, T, D_{in})$, `h_0` $(B, D_h)$. Return $h_1, \\dots, h_T$ in one tensor $(B, T, D_h)$. The
        check compares values and all gradients, so compute with tensors throughout.

        By hand first: all sizes are 1, $T = 2$, both weights are 1, $b = h_0 = 0$, and `x` is `[1, 0]`. Why
        is $h_2$ not 0?
    """,
    stub_function=my_rnn,
    reference=by_rnn,
    cases=lambda rng: [
        (  # by hand
            torch.tensor([[[1.0], [0.0]]], dtype=torch.float64),
            torch.tensor([[0.0]], dtype=torch.float64),
            torch.tensor([[1.0]], dtype=torch.float64),
            torch.tensor([[1.0]], dtype=torch.float64),
            torch.tensor([0.0], dtype=torch.float64),
        ),
        rnn_case(rng, 1, 1, 2, 3),
        rnn_case(rng, 1, 3, 2, 2),
        rnn_case(rng, 3, 3, 2, 2),
        rnn_case(rng, 2, 4, 3, 5),
        rnn_case(rng, 4, 2, 5, 3, torch.float32),
        rnn_case(rng, 2, 3, 2, 4, torch.float64, 1000.0),
        rnn_case(rng, 2, 12, 1, 3, torch.float32),
        *(wide_rnn(rng) for _ in range(6)),
    ],
    wide=wide_rnn,
    gradients=True,
    hints=(
        "Time cannot be done all at once: h_2 needs h_1. Loop over t, and keep the state in one variable.",
        "`x[:, t]` is the input of all sequences at one time, (B, D_in). A row of it times the matrix of the "
        "formula is `x[:, t] @ weight_xh.T`.",
        "Start with `h = h_0` and an empty list. In the loop `h = torch.tanh(x[:, t] @ weight_xh.T + "
        "h @ weight_hh.T + bias)`, append h; at the end `torch.stack(states, dim=1)`.",
    ),
    solution_function=solve_rnn,
    alternatives=(rnn_inputs_first, rnn_one_matrix, rnn_by_sequence),
    misconceptions=(
        Misconception(
            "sigmoid_for_tanh",
            "Your states go through a sigmoid, so none is negative. A plain RNN uses tanh; the sigmoid "
            "belongs to gates.",
            variant(torch.sigmoid),
        ),
        Misconception(
            "tanh_on_the_outputs_only",
            "You hand on the state before its tanh. The recurrence uses the h_t that you return.",
            lambda *arguments: variant(lambda a: a)(*arguments).tanh(),
        ),
        Misconception(
            "state_not_carried",
            "Every step starts from h_0 again: assign the new state to h, so that the next step sees it.",
            variant(carry=lambda h, h_0: h_0),
        ),
        Misconception(
            "state_detached",
            "The numbers are right, but you detach the state between the steps: no gradient then flows back "
            "through time. Hand h on as it is.",
            variant(carry=lambda h, h_0: h.detach()),
        ),
        Misconception(
            "initial_state_ignored",
            "You start from zeros: start from h_0, the state that the caller hands in.",
            lambda x, h_0, *weights: by_rnn(x, torch.zeros_like(h_0), *weights),
        ),
        Misconception(
            "along_the_batch",
            "Your recurrence runs along the batch: `for x_t in x` takes the first axis, and x is "
            "(B, T, D_in). Take `x[:, t]`, or `x.unbind(dim=1)`.",
            along_the_batch,
        ),
        Misconception(
            "time_axis_first",
            "The states are right, but you return (T, B, D_h): stack them along dim=1.",
            lambda *arguments: by_rnn(*arguments).transpose(0, 1),
        ),
        Misconception(
            "last_state_only",
            "You return the last state alone: all of h_1 to h_T are asked for.",
            lambda *arguments: by_rnn(*arguments)[:, -1],
        ),
        Misconception(
            "shifted_by_one",
            "Your output begins with h_0 and lacks h_T: append the state after the update, not before.",
            lambda x, h_0, *weights: torch.cat([h_0[:, None], by_rnn(x, h_0, *weights)[:, :-1]], dim=1),
        ),
        Misconception(
            "initial_state_included",
            "Your output begins with h_0, so it holds T + 1 states: return h_1 to h_T.",
            lambda x, h_0, *weights: torch.cat([h_0[:, None], by_rnn(x, h_0, *weights)], dim=1),
        ),
        Misconception(
            "recurrent_weights_transposed",
            "W_hh is transposed: with the state as a row, W h of the formula is `h @ weight_hh.T`.",
            lambda x, h_0, weight_xh, weight_hh, bias: by_rnn(x, h_0, weight_xh, weight_hh.T, bias),
        ),
        Misconception(
            "bias_forgotten",
            "The bias is missing: add b inside the tanh, at every step.",
            lambda x, h_0, weight_xh, weight_hh, bias: by_rnn(x, h_0, weight_xh, weight_hh, 0 * bias),
        ),
    ),
)

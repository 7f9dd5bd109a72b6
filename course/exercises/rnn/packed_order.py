"""Chapter 2, exercise: find two bugs, PyTorch's packed LSTM weights read in another order, one bias lost."""

import itertools

import torch
import torch.nn.functional as F
from torch import nn

from course.exercises.draw import normal
from course.exercises.engine import Exercise, Misconception
from course.exercises.rnn.pytorch import by_pytorch


def my_packed_step(x_t, h, c, weight_ih, weight_hh, bias_ih, bias_hh):
    """One step of `nn.LSTM`: (h_t, c_t), both (B, D_h). x_t (B, D_in), h and c (B, D_h), weight_ih (4 D_h,
    D_in), weight_hh (4 D_h, D_h), bias_ih and bias_hh (4 D_h,), packed as PyTorch packs them."""
    packed = x_t @ weight_ih.T + h @ weight_hh.T + bias_ih
    i, f, o, g = packed.chunk(4, dim=1)
    c_t = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
    return torch.sigmoid(o) * torch.tanh(c_t), c_t


def solve_packed_step(x_t, h, c, weight_ih, weight_hh, bias_ih, bias_hh):
    """One step of `nn.LSTM`: (h_t, c_t), both (B, D_h). x_t (B, D_in), h and c (B, D_h), weight_ih (4 D_h,
    D_in), weight_hh (4 D_h, D_h), bias_ih and bias_hh (4 D_h,), packed as PyTorch packs them."""
    packed = x_t @ weight_ih.T + h @ weight_hh.T + bias_ih + bias_hh
    i, f, g, o = packed.chunk(4, dim=1)  # PyTorch's order
    c_t = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
    return torch.sigmoid(o) * torch.tanh(c_t), c_t


def packed_two_linear(x_t, h, c, weight_ih, weight_hh, bias_ih, bias_hh):
    """The same with a bias in each of two linear layers, and a table of four blocks."""
    packed = F.linear(x_t, weight_ih, bias_ih) + F.linear(h, weight_hh, bias_hh)
    table = packed.unflatten(1, (4, h.shape[1]))  # (B, 4, D_h)
    i, f, o = torch.sigmoid(table[:, [0, 1, 3]]).unbind(1)
    new = f * c + i * torch.tanh(table[:, 2])
    return o * new.tanh(), new


def packed_by_slices(x_t, h, c, weight_ih, weight_hh, bias_ih, bias_hh):
    """The same by slices of the rows, one gate after the other."""
    d, gates = h.shape[1], []
    for k in range(4):
        rows = slice(k * d, (k + 1) * d)
        a = x_t @ weight_ih[rows].T + h @ weight_hh[rows].T + (bias_ih[rows] + bias_hh[rows])
        gates.append(a.tanh() if k == 2 else a.sigmoid())
    c_t = gates[0] * gates[2] + gates[1] * c
    return gates[3] * torch.tanh(c_t), c_t


def packed_by_columns(x_t, h, c, weight_ih, weight_hh, bias_ih, bias_hh):
    """The same with states as columns, as formulas have them."""
    packed = weight_ih @ x_t.T + weight_hh @ h.T + (bias_ih + bias_hh)[:, None]  # (4 D_h, B)
    i, f, g, o = packed.tensor_split(4, dim=0)
    c_t = f.sigmoid() * c.T + i.sigmoid() * g.tanh()
    return (o.sigmoid() * c_t.tanh()).T, c_t.T


def by_lstm_cell(x_t, h, c, weight_ih, weight_hh, bias_ih, bias_hh):
    """The same by `nn.LSTMCell`, in float64."""
    module = nn.LSTMCell(x_t.shape[1], h.shape[1], device="meta")
    names = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    tensors = (weight_ih, weight_hh, bias_ih, bias_hh)
    return by_pytorch(module, dict(zip(names, tensors, strict=True)), x_t, (h, c))


def reading(order, blocks=lambda tensor: tensor.chunk(4)):
    """The step for someone who takes the packed blocks for those of `order`, a text such as "ifog"."""

    def step(x_t, h, c, *packed):
        places = [order.index(gate) for gate in "ifgo"]
        packed = [torch.cat([blocks(tensor)[place] for place in places]) for tensor in packed]
        return by_lstm_cell(x_t, h, c, *packed)

    return step


def with_biases(step, total):
    """The step with another sum of the biases, a function of the two."""
    return lambda x_t, h, c, weight_ih, weight_hh, bias_ih, bias_hh: step(
        x_t, h, c, weight_ih, weight_hh, total(bias_ih, bias_hh), torch.zeros_like(bias_hh)
    )


def forget_bias_raised(bias_ih, bias_hh):
    """1 added to the second block."""
    return (
        bias_ih
        + bias_hh
        + torch.tensor([0.0, 1.0, 0.0, 0.0], dtype=bias_ih.dtype).repeat_interleave(len(bias_ih) // 4)
    )


DIAGNOSES = {  # of each order but the right one, where both biases are added
    "ifog": "Both biases are there, but the order is still i, f, o, g, as many papers list the gates. "
    "PyTorch packs i, f, g, o: the candidate comes third.",
    "igfo": "You read the order i, g, f, o, that of TensorFlow's first LSTM cells: PyTorch packs i, f, g, o.",
}
OTHERS = [
    order for order in map("".join, itertools.permutations("ifgo")) if order not in ("ifgo", *DIAGNOSES)
]


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
    name="packed_gates",
    title="find two bugs in an LSTM with PyTorch's weights",
    difficulty="medium",
    minutes=15,
    task="""
        The tensors `weight_ih_l0`, `weight_hh_l0`, `bias_ih_l0` and `bias_hh_l0` of a trained `nn.LSTM` are
        handed to the step below. It runs, and the shapes are right, but `nn.LSTM` itself gives other numbers
        with the same tensors. A net trained with this step from the start learns just as well. There are two
        bugs. Find and mend both.

        Before you look: why can training not show either of them?
    """,
    stub_function=my_packed_step,
    reference=by_lstm_cell,
    cases=packed_cases,
    wide=wide_packed,
    gradients=True,
    hints=(
        "`help(torch.nn.LSTM)` says under Variables how the rows of `weight_ih_l0` are ordered, and its "
        "formulas say how many biases a gate has.",
        "The rows come as i, f, g, o, with the candidate g third. And each gate adds b_i and b_h.",
        "Add `bias_hh` to `packed`, and write `i, f, g, o = packed.chunk(4, dim=1)`.",
    ),
    solution_function=solve_packed_step,
    alternatives=(packed_two_linear, packed_by_slices, packed_by_columns),
    misconceptions=(
        Misconception(
            "one_bias",
            "The order is right now, but bias_hh is still missing: PyTorch adds both biases to every gate.",
            with_biases(by_lstm_cell, lambda bias_ih, bias_hh: bias_ih),
        ),
        Misconception(
            "other_bias_alone",
            "The order is right now, but you add bias_hh in place of bias_ih: PyTorch adds both.",
            with_biases(by_lstm_cell, lambda bias_ih, bias_hh: bias_hh),
        ),
        Misconception(
            "biases_averaged",
            "You take the mean of the biases: PyTorch adds both. A forget bias of 1 in each acts as 2.",
            with_biases(by_lstm_cell, lambda bias_ih, bias_hh: (bias_ih + bias_hh) / 2),
        ),
        Misconception(
            "no_bias",
            "The order is right now, but no bias is added: PyTorch adds both to every gate.",
            with_biases(by_lstm_cell, lambda bias_ih, bias_hh: 0 * bias_ih),
        ),
        Misconception(
            "forget_bias_added",
            "You add 1 to the forget gate, as one does when weights are first drawn. Trained biases hold it "
            "already.",
            with_biases(by_lstm_cell, forget_bias_raised),
        ),
        Misconception(
            "interleaved",
            "You take every fourth row for a gate: PyTorch's packed rows come in four blocks, all rows of i, "
            "then all of f, g and o.",
            reading("ifgo", lambda tensor: [tensor[k::4] for k in range(4)]),
        ),
        *(
            Misconception(f"order_{order}", diagnosis, reading(order))
            for order, diagnosis in DIAGNOSES.items()
        ),
        *(
            Misconception(
                f"order_{order}",
                f"You read the order {', '.join(order)}: PyTorch packs i, f, g, o.",
                reading(order),
            )
            for order in OTHERS
        ),
    ),
)

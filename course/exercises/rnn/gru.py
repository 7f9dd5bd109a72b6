"""Chapter 2, exercise: one step of a GRU in PyTorch's convention."""

import torch
import torch.nn.functional as F
from torch import nn

from course.exercises.draw import normal
from course.exercises.engine import Exercise, Misconception
from course.exercises.rnn.pytorch import by_pytorch


def my_gru_step(x_t, h, weight_ih, weight_hh, bias_ih, bias_hh):
    """The next state (B, D_h) of a GRU. x_t (B, D_in), h (B, D_h), weight_ih (3 D_h, D_in), weight_hh
    (3 D_h, D_h), bias_ih and bias_hh (3 D_h,), each packed in the order r, z, n."""
    raise NotImplementedError


def solve_gru_step(x_t, h, weight_ih, weight_hh, bias_ih, bias_hh):
    """The next state (B, D_h) of a GRU. x_t (B, D_in), h (B, D_h), weight_ih (3 D_h, D_in), weight_hh
    (3 D_h, D_h), bias_ih and bias_hh (3 D_h,), each packed in the order r, z, n."""
    x_r, x_z, x_n = (x_t @ weight_ih.T + bias_ih).chunk(3, dim=1)  # each (B, D_h)
    h_r, h_z, h_n = (h @ weight_hh.T + bias_hh).chunk(3, dim=1)
    r = torch.sigmoid(x_r + h_r)
    z = torch.sigmoid(x_z + h_z)
    n = torch.tanh(x_n + r * h_n)  # two products are kept apart because r gates only one of them
    return (1 - z) * n + z * h


def gru_gate_by_gate(x_t, h, weight_ih, weight_hh, bias_ih, bias_hh):
    """The same with the packed matrices cut into three, and each gate written as in the formula."""
    w_r, w_z, w_n = weight_ih.chunk(3)
    u_r, u_z, u_n = weight_hh.chunk(3)
    b_r, b_z, b_n = bias_ih.chunk(3)
    c_r, c_z, c_n = bias_hh.chunk(3)
    r = (F.linear(x_t, w_r, b_r) + F.linear(h, u_r, c_r)).sigmoid()
    z = (F.linear(x_t, w_z, b_z) + F.linear(h, u_z, c_z)).sigmoid()
    n = (F.linear(x_t, w_n, b_n) + r * F.linear(h, u_n, c_n)).tanh()
    return torch.lerp(n, h, z)


def gru_by_slices(x_t, h, weight_ih, weight_hh, bias_ih, bias_hh):
    """The same; both gates come from one sigmoid, and z moves the candidate towards the old state."""
    d = h.shape[1]
    from_x, from_h = F.linear(x_t, weight_ih, bias_ih), F.linear(h, weight_hh, bias_hh)
    gates = torch.sigmoid(from_x[:, : 2 * d] + from_h[:, : 2 * d])
    n = torch.tanh(from_x[:, 2 * d :] + gates[:, :d] * from_h[:, 2 * d :])
    return n + gates[:, d:] * (h - n)


def gru_by_example(x_t, h, weight_ih, weight_hh, bias_ih, bias_hh):
    """The same, one example at a time, matrix times column."""
    states = []
    for x, old in zip(x_t, h, strict=True):
        from_x = (weight_ih @ x + bias_ih).reshape(3, -1)
        from_h = (weight_hh @ old + bias_hh).reshape(3, -1)
        r, z = torch.sigmoid(from_x[:2] + from_h[:2])
        n = torch.tanh(from_x[2] + r * from_h[2])
        states.append(n - z * n + z * old)
    return torch.stack(states)


def by_gru_cell(x_t, h, weight_ih, weight_hh, bias_ih, bias_hh):
    """The same by `nn.GRUCell`, in float64."""
    module = nn.GRUCell(x_t.shape[1], h.shape[1], device="meta")
    names = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    tensors = (weight_ih, weight_hh, bias_ih, bias_hh)
    return by_pytorch(module, dict(zip(names, tensors, strict=True)), x_t, h)[0]


def variant(candidate=None, state=lambda z, n, h: (1 - z) * n + z * h):
    """The step with another candidate, a function of (x_n, h, U_n, c_n, r), or another new state."""

    def step(x_t, h, weight_ih, weight_hh, bias_ih, bias_hh):
        x_r, x_z, x_n = F.linear(x_t, weight_ih, bias_ih).chunk(3, dim=1)
        h_r, h_z, h_n = F.linear(h, weight_hh, bias_hh).chunk(3, dim=1)
        r, z = torch.sigmoid(x_r + h_r), torch.sigmoid(x_z + h_z)
        last = weight_hh.chunk(3)[2], bias_hh.chunk(3)[2]
        n = torch.tanh(x_n + r * h_n) if candidate is None else candidate(x_n, h, *last, r)
        return state(z, n, h)

    return step


def reset_first(x_n, h, u_n, c_n, r):
    """The candidate of the paper: the reset gate acts on the state before the product."""
    return torch.tanh(x_n + F.linear(r * h, u_n, c_n))


def update_gate_first(x_t, h, *packed):
    """The step that takes the packed order for z, r, n."""
    parts = [tensor.chunk(3) for tensor in packed]
    return by_gru_cell(x_t, h, *(torch.cat([second, first, last]) for first, second, last in parts))


def gru_case(rng, batch, d_in, d_h, dtype=torch.float64, scale=1.0):
    """A case; a large scale saturates the gates."""
    x_t, h = normal(rng, batch, d_in, dtype=dtype, scale=scale), normal(rng, batch, d_h, dtype=dtype)
    weight_ih, weight_hh = normal(rng, 3 * d_h, d_in, dtype=dtype), normal(rng, 3 * d_h, d_h, dtype=dtype)
    return x_t, h, weight_ih, weight_hh, normal(rng, 3 * d_h, dtype=dtype), normal(rng, 3 * d_h, dtype=dtype)


def wide_gru(rng):
    """One valid case of small random sizes."""
    dtype, scale = rng.choice((torch.float32, torch.float64)), 10 ** rng.uniform(-1, 1)
    return gru_case(rng, rng.randint(1, 4), rng.randint(1, 4), rng.randint(1, 4), dtype, scale)


gru_step = Exercise(
    name="gru_step",
    title="one step of a GRU",
    difficulty="medium",
    minutes=20,
    task="""
        Write one step of a gated recurrent unit as PyTorch defines it:

        $$r = \\sigma(W_{ir} x_t + b_{ir} + W_{hr} h + b_{hr}) \\qquad
        z = \\sigma(W_{iz} x_t + b_{iz} + W_{hz} h + b_{hz})$$

        $$n = \\tanh\\big(W_{in} x_t + b_{in} + r \\odot (W_{hn} h + b_{hn})\\big) \\qquad
        h' = (1 - z) \\odot n + z \\odot h$$

        `weight_ih` holds $W_{ir}$, $W_{iz}$, $W_{in}$ one below the other, in this order, and so do
        `weight_hh` and the biases. No `nn.GRU` or `nn.GRUCell`. Values and all gradients are compared.

        By hand first: what is $h'$ if all weights and biases are 0 and $h = 2$?
    """,
    stub_function=my_gru_step,
    reference=by_gru_cell,
    cases=lambda rng: [
        (  # r = 1/2, z = 3/4, n = tanh(1/2)
            torch.tensor([[1.0]], dtype=torch.float64),
            torch.tensor([[2.0]], dtype=torch.float64),
            torch.tensor([[0.0], [0.0], [1.0]], dtype=torch.float64),
            torch.tensor([[0.0], [0.0], [-1.0]], dtype=torch.float64),
            torch.tensor([0.0, 2.0, 0.0], dtype=torch.float64).log1p(),
            torch.tensor([0.0, 0.0, 1.0], dtype=torch.float64),
        ),
        gru_case(rng, 1, 1, 1),
        gru_case(rng, 1, 2, 3),
        gru_case(rng, 3, 3, 3),
        gru_case(rng, 2, 4, 2, torch.float32),
        gru_case(rng, 4, 1, 5, torch.float64, 50.0),
        gru_case(rng, 2, 3, 4, torch.float32, 8.0),
        *(wide_gru(rng) for _ in range(6)),
    ],
    wide=wide_gru,
    gradients=True,
    hints=(
        "One product `x_t @ weight_ih.T + bias_ih` holds what all three need from the input, (B, 3 D_h): "
        "`.chunk(3, dim=1)` cuts it. Do the same for h.",
        "r and z add their two parts. The candidate must not: r multiplies what comes from h, bias included, "
        "before the sum.",
        "`n = torch.tanh(x_n + r * h_n)` with x_n and h_n the last chunks; return `(1 - z) * n + z * h`: "
        "here z = 1 keeps the old state.",
    ),
    solution_function=solve_gru_step,
    alternatives=(gru_gate_by_gate, gru_by_slices, gru_by_example),
    misconceptions=(
        Misconception(
            "update_gate_turned",
            "z and 1 - z are swapped: in PyTorch z is the share of the old state. Papers differ here, which "
            "turns the meaning of every trained z.",
            variant(state=lambda z, n, h: z * n + (1 - z) * h),
        ),
        Misconception(
            "reset_before_the_product",
            "You reset the state before the product, W_hn (r * h): that is the paper's form. PyTorch "
            "multiplies by r afterwards, r * (W_hn h + b_hn).",
            variant(reset_first),
        ),
        Misconception(
            "paper_form",
            "This is the GRU of a paper: r acts before the product, and z is the share of the candidate. In "
            "PyTorch r acts after it, and z is the share of the old state.",
            variant(reset_first, lambda z, n, h: z * n + (1 - z) * h),
        ),
        Misconception(
            "gates_swapped",
            "r and z are swapped: PyTorch packs r, z, n. (Keras packs z first.)",
            update_gate_first,
        ),
        Misconception(
            "bias_not_reset",
            "r gates W_hn h alone in your step, and b_hn is added outside: in PyTorch r multiplies both, "
            "r * (W_hn h + b_hn). It is why a GRU needs its two biases.",
            variant(lambda x_n, h, u_n, c_n, r: torch.tanh(x_n + r * (h @ u_n.T) + c_n)),
        ),
        Misconception(
            "input_reset_too",
            "r multiplies the whole candidate: the input must get through. Multiply only what comes from h.",
            variant(lambda x_n, h, u_n, c_n, r: torch.tanh(r * (x_n + F.linear(h, u_n, c_n)))),
        ),
        Misconception(
            "reset_outside_the_tanh",
            "You multiply by r after the tanh: r belongs inside, on what comes from h.",
            variant(lambda x_n, h, u_n, c_n, r: r * torch.tanh(x_n + F.linear(h, u_n, c_n))),
        ),
        Misconception(
            "reset_forgotten",
            "The reset gate is not used: in the candidate, multiply what comes from h by r.",
            variant(lambda x_n, h, u_n, c_n, r: torch.tanh(x_n + F.linear(h, u_n, c_n))),
        ),
        Misconception(
            "sigmoid_in_the_candidate",
            "Your candidate goes through a sigmoid: it is a value, not a gate, so it takes tanh.",
            variant(lambda x_n, h, u_n, c_n, r: torch.sigmoid(x_n + r * F.linear(h, u_n, c_n))),
        ),
        Misconception(
            "old_state_forgotten",
            "You return (1 - z) * n: add z * h, which carries the old state on.",
            variant(state=lambda z, n, h: (1 - z) * n),
        ),
        Misconception(
            "recurrent_bias_forgotten",
            "bias_hh is missing: PyTorch adds a bias to each of the two products.",
            lambda *arguments: by_gru_cell(*arguments[:5], torch.zeros_like(arguments[5])),
        ),
    ),
)

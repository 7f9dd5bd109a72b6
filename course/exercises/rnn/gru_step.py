"""Chapter 2: one step of a GRU in PyTorch's convention."""

import torch
import torch.nn.functional as F
from torch import nn
from course.exercises.cases import normal
from course.exercises.rnn.pytorch import by_pytorch
from course.exercises.engine import Exercise


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
    names = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    tensors = (weight_ih, weight_hh, bias_ih, bias_hh)
    return by_pytorch(module, dict(zip(names, tensors, strict=True)), x_t, h)[0]


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
    my_gru_step,
    reference=by_gru_cell,
    gradients=True,
    # OLD wide=wide_gru
    # OLD cases:
    # lambda rng: [
    #         (  # r = 1/2, z = 3/4, n = tanh(1/2)
    #             torch.tensor([[1.0]], dtype=torch.float64),
    #             torch.tensor([[2.0]], dtype=torch.float64),
    #             torch.tensor([[0.0], [0.0], [1.0]], dtype=torch.float64),
    #             torch.tensor([[0.0], [0.0], [-1.0]], dtype=torch.float64),
    #             torch.tensor([0.0, 2.0, 0.0], dtype=torch.float64).log1p(),
    #             torch.tensor([0.0, 0.0, 1.0], dtype=torch.float64),
    #         ),
    #         gru_case(rng, 1, 1, 1),
    #         gru_case(rng, 1, 2, 3),
    #         gru_case(rng, 3, 3, 3),
    #         gru_case(rng, 2, 4, 2, torch.float32),
    #         gru_case(rng, 4, 1, 5, torch.float64, 50.0),
    #         gru_case(rng, 2, 3, 4, torch.float32, 8.0),
    #         *(wide_gru(rng) for _ in range(6)),
    #     ]
    by_hand=(),
    draw=None,
    sizes=[],
    spans={},
    hints="""
        One product `x_t @ weight_ih.T + bias_ih` holds what all three need from the input, (B, 3 D_h):
        `.chunk(3, dim=1)` cuts it. Do the same for h.

        r and z add their two parts. The candidate must not: r multiplies what comes from h, bias included,
        before the sum.

        `n = torch.tanh(x_n + r * h_n)` with x_n and h_n the last chunks; return `(1 - z) * n + z * h`: here z
        = 1 keeps the old state.
    """,
    wrong="""
        update_gate_turned: OLD → NEW
            z and 1 - z are swapped: in PyTorch z is the share of the old state. Papers differ here, which
            turns the meaning of every trained z.
        reset_before_the_product: OLD → NEW
            You reset the state before the product, W_hn (r * h): that is the paper's form. PyTorch multiplies
            by r afterwards, r * (W_hn h + b_hn).
        paper_form: OLD → NEW
            This is the GRU of a paper: r acts before the product, and z is the share of the candidate. In
            PyTorch r acts after it, and z is the share of the old state.
        gates_swapped: OLD → NEW
            r and z are swapped: PyTorch packs r, z, n. (Keras packs z first.)
        bias_not_reset: OLD → NEW
            r gates W_hn h alone in your step, and b_hn is added outside: in PyTorch r multiplies both, r *
            (W_hn h + b_hn). It is why a GRU needs its two biases.
        input_reset_too: OLD → NEW
            r multiplies the whole candidate: the input must get through. Multiply only what comes from h.
        reset_outside_the_tanh: OLD → NEW
            You multiply by r after the tanh: r belongs inside, on what comes from h.
        reset_forgotten: OLD → NEW
            The reset gate is not used: in the candidate, multiply what comes from h by r.
        sigmoid_in_the_candidate: OLD → NEW
            Your candidate goes through a sigmoid: it is a value, not a gate, so it takes tanh.
        old_state_forgotten: OLD → NEW
            You return (1 - z) * n: add z * h, which carries the old state on.
        recurrent_bias_forgotten: OLD → NEW
            bias_hh is missing: PyTorch adds a bias to each of the two products.
    """,
)

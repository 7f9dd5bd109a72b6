"""Chapter 2: the minimal gated unit of Zhou, Wu, Zhang and Zhou (2016), arXiv 1603.09420."""

import torch
import torch.nn.functional as F
from course.exercises.cases import normal
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


def mgu_case(rng, batch, d_in, d_h, dtype=torch.float64, scale=1.0):
    """A case; a large scale saturates the gate."""
    x_t, h = normal(rng, batch, d_in, dtype=dtype, scale=scale), normal(rng, batch, d_h, dtype=dtype)
    layers = [normal(rng, *shape, dtype=dtype) for _ in range(2) for shape in ((d_h, d_h + d_in), (d_h,))]
    return x_t, h, *layers


def wide_mgu(rng):
    """One valid case of small random sizes."""
    dtype, scale = rng.choice((torch.float32, torch.float64)), 10 ** rng.uniform(-1, 1)
    return mgu_case(rng, rng.randint(1, 4), rng.randint(1, 4), rng.randint(1, 4), dtype, scale)


minimal_gated_unit = Exercise(
    my_mgu_step,
    reference=by_einsum,
    gradients=True,
    # OLD wide=wide_mgu
    # OLD cases:
    # lambda rng: [
    #         (  # f = 3/4, candidate tanh(1/2)
    #             torch.tensor([[1.0]], dtype=torch.float64),
    #             torch.tensor([[2.0]], dtype=torch.float64),
    #             torch.tensor([[0.0, 0.0]], dtype=torch.float64),
    #             torch.tensor([3.0], dtype=torch.float64).log(),
    #             torch.tensor([[1.0, -1.0]], dtype=torch.float64),
    #             torch.tensor([0.0], dtype=torch.float64),
    #         ),
    #         mgu_case(rng, 1, 1, 1),
    #         mgu_case(rng, 1, 3, 2),
    #         mgu_case(rng, 3, 2, 2),
    #         mgu_case(rng, 4, 2, 5),
    #         mgu_case(rng, 2, 4, 3, torch.float32),
    #         mgu_case(rng, 3, 1, 4, torch.float64, 50.0),
    #         mgu_case(rng, 2, 2, 3, torch.float32, 8.0),
    #         *(wide_mgu(rng) for _ in range(6)),
    #     ]
    by_hand=(),
    draw=None,
    sizes=[],
    spans={},
    hints="""
        It is a GRU whose reset gate and update gate are one and the same. Compute f first: both other lines
        need it.

        `torch.cat([h, x_t], dim=1)` is (B, D_h + D_in), the state's columns first. For the candidate put `f *
        h` in the place of h and leave x_t as it is.

        `f = torch.sigmoid(torch.cat([h, x_t], dim=1) @ weight_f.T + bias_f)`, the candidate likewise with
        tanh and `f * h`; return `(1 - f) * h + f * candidate`.
    """,
    wrong="""
        gate_turned: OLD → NEW
            f and 1 - f are swapped in the new state. Although it is called a forget gate, f is the share of
            the candidate here, and 1 - f keeps the old state.
        candidate_not_gated: OLD → NEW
            Your candidate sees the whole old state: the gate's second job is to let only f * h into it.
        candidate_not_gated_and_turned: OLD → NEW
            Two things: the candidate must see f * h, and in the new state f is the share of the candidate.
        gate_after_the_product: OLD → NEW
            You multiply by f after the product with the matrix, as PyTorch's GRU does with r. Here f
            multiplies the state before it.
        candidate_gated_by_the_rest: OLD → NEW
            You let (1 - f) * h into the candidate: it is f * h.
        input_gated_too: OLD → NEW
            Your gate multiplies the input's part as well: x_t enters the candidate ungated.
        input_first: OLD → NEW
            You lay x_t before h: the matrices' first D_h columns belong to the state, [h, x_t].
        sigmoid_in_the_candidate: OLD → NEW
            Your candidate goes through a sigmoid: it is a value, not a gate, so it takes tanh.
        old_state_forgotten: OLD → NEW
            You return f * candidate: add (1 - f) * h, the share of the old state that stays.
        old_state_whole: OLD → NEW
            You add f * candidate to the whole old state: the shares are 1 - f and f, so that the state stays
            between old and new.
        weights_swapped: OLD → NEW
            weight_f and weight_h are swapped: the gate has weight_f and bias_f, the candidate the others.
        biases_forgotten: OLD → NEW
            The biases are missing: add bias_f in the gate and bias_h in the candidate.
    """,
)

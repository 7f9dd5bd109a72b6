"""Chapter 2, exercise: the minimal gated unit of Zhou, Wu, Zhang and Zhou (2016), arXiv 1603.09420."""

import torch
import torch.nn.functional as F

from course.exercises.draw import normal
from course.exercises.engine import Exercise, Misconception


def my_mgu_step(x_t, h, weight_f, bias_f, weight_h, bias_h):
    """The next state (B, D_h) of a minimal gated unit. x_t (B, D_in), h (B, D_h), weight_f and weight_h
    (D_h, D_h + D_in), bias_f and bias_h (D_h,)."""
    raise NotImplementedError


def solve_mgu_step(x_t, h, weight_f, bias_f, weight_h, bias_h):
    """The next state (B, D_h) of a minimal gated unit. x_t (B, D_in), h (B, D_h), weight_f and weight_h
    (D_h, D_h + D_in), bias_f and bias_h (D_h,)."""
    f = torch.sigmoid(torch.cat([h, x_t], dim=1) @ weight_f.T + bias_f)  # (B, D_h)
    candidate = torch.tanh(torch.cat([f * h, x_t], dim=1) @ weight_h.T + bias_h)
    return (1 - f) * h + f * candidate  # the gate that lets the old state into the candidate replaces it


def mgu_by_blocks(x_t, h, weight_f, bias_f, weight_h, bias_h):
    """The same with each matrix cut into the columns for h and those for x."""
    d = h.shape[1]
    f = torch.sigmoid(h @ weight_f[:, :d].T + x_t @ weight_f[:, d:].T + bias_f)
    candidate = torch.tanh((f * h) @ weight_h[:, :d].T + x_t @ weight_h[:, d:].T + bias_h)
    return h + f * (candidate - h)


def mgu_by_linear(x_t, h, weight_f, bias_f, weight_h, bias_h):
    """The same by linear layers and an interpolation."""
    f = F.linear(torch.hstack([h, x_t]), weight_f, bias_f).sigmoid()
    return torch.lerp(h, F.linear(torch.hstack([f * h, x_t]), weight_h, bias_h).tanh(), f)


def mgu_in_place(x_t, h, weight_f, bias_f, weight_h, bias_h):
    """The same; the old state's columns are overwritten by the gated ones."""
    d = h.shape[1]
    both = torch.cat([h, x_t], dim=1)
    f = 1 / (1 + torch.exp(-(both @ weight_f.T + bias_f)))
    gated = both.clone()
    gated[:, :d] = f * h
    candidate = torch.tanh(gated @ weight_h.T + bias_h)
    return h - f * h + f * candidate


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


def variant(
    candidate=lambda f, h, from_h, from_x: torch.tanh(from_h(f * h) + from_x),
    state=lambda f, n, h: (1 - f) * h + f * n,
):
    """The step with another candidate, of two maps without and with the bias, or another new state."""

    def step(x_t, h, weight_f, bias_f, weight_h, bias_h):
        d = h.shape[1]
        f = torch.sigmoid(F.linear(torch.cat([h, x_t], 1), weight_f, bias_f))
        from_x = F.linear(x_t, weight_h[:, d:], bias_h)
        return state(f, candidate(f, h, lambda s: s @ weight_h[:, :d].T, from_x), h)

    return step


def input_first(x_t, h, weight_f, bias_f, weight_h, bias_h):
    """The step that lays x before h."""
    f = torch.sigmoid(F.linear(torch.cat([x_t, h], 1), weight_f, bias_f))
    candidate = torch.tanh(F.linear(torch.cat([x_t, f * h], 1), weight_h, bias_h))
    return (1 - f) * h + f * candidate


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
    name="minimal_gated_unit",
    title="a recurrent unit with a single gate",
    difficulty="hard",
    minutes=25,
    task="""
        Zhou et al. (2016, arXiv 1603.09420) keep one gate $f$ for two jobs. With $[a, b]$ for $a$ and $b$
        one after the other, a step is

        $$f = \\sigma(W_f [h, x_t] + b_f) \\qquad \\tilde h = \\tanh(W_h [f \\odot h, x_t] + b_h)$$

        $$h' = (1 - f) \\odot h + f \\odot \\tilde h$$

        Write it for `x_t` $(B, D_{in})$ and `h` $(B, D_h)$; `weight_f` and `weight_h` are
        $(D_h, D_h{+}D_{in})$. Values and all gradients are compared.

        By hand first: what is $h'$ if all weights and biases are 0 and $h = 2$? How many weights has the
        unit for every three of a GRU?
    """,
    stub_function=my_mgu_step,
    reference=by_einsum,
    cases=lambda rng: [
        (  # f = 3/4, candidate tanh(1/2)
            torch.tensor([[1.0]], dtype=torch.float64),
            torch.tensor([[2.0]], dtype=torch.float64),
            torch.tensor([[0.0, 0.0]], dtype=torch.float64),
            torch.tensor([3.0], dtype=torch.float64).log(),
            torch.tensor([[1.0, -1.0]], dtype=torch.float64),
            torch.tensor([0.0], dtype=torch.float64),
        ),
        mgu_case(rng, 1, 1, 1),
        mgu_case(rng, 1, 3, 2),
        mgu_case(rng, 3, 2, 2),
        mgu_case(rng, 4, 2, 5),
        mgu_case(rng, 2, 4, 3, torch.float32),
        mgu_case(rng, 3, 1, 4, torch.float64, 50.0),
        mgu_case(rng, 2, 2, 3, torch.float32, 8.0),
        *(wide_mgu(rng) for _ in range(6)),
    ],
    wide=wide_mgu,
    gradients=True,
    hints=(
        "It is a GRU whose reset gate and update gate are one and the same. Compute f first: both other "
        "lines need it.",
        "`torch.cat([h, x_t], dim=1)` is (B, D_h + D_in), the state's columns first. For the candidate put "
        "`f * h` in the place of h and leave x_t as it is.",
        "`f = torch.sigmoid(torch.cat([h, x_t], dim=1) @ weight_f.T + bias_f)`, the candidate likewise with "
        "tanh and `f * h`; return `(1 - f) * h + f * candidate`.",
    ),
    solution_function=solve_mgu_step,
    alternatives=(mgu_by_blocks, mgu_by_linear, mgu_in_place),
    misconceptions=(
        Misconception(
            "gate_turned",
            "f and 1 - f are swapped in the new state. Although it is called a forget gate, f is the share "
            "of the candidate here, and 1 - f keeps the old state.",
            variant(state=lambda f, n, h: f * h + (1 - f) * n),
        ),
        Misconception(
            "candidate_not_gated",
            "Your candidate sees the whole old state: the gate's second job is to let only f * h into it.",
            variant(lambda f, h, from_h, from_x: torch.tanh(from_h(h) + from_x)),
        ),
        Misconception(
            "candidate_not_gated_and_turned",
            "Two things: the candidate must see f * h, and in the new state f is the share of the candidate.",
            variant(
                lambda f, h, from_h, from_x: torch.tanh(from_h(h) + from_x),
                lambda f, n, h: f * h + (1 - f) * n,
            ),
        ),
        Misconception(
            "gate_after_the_product",
            "You multiply by f after the product with the matrix, as PyTorch's GRU does with r. Here f "
            "multiplies the state before it.",
            variant(lambda f, h, from_h, from_x: torch.tanh(f * from_h(h) + from_x)),
        ),
        Misconception(
            "candidate_gated_by_the_rest",
            "You let (1 - f) * h into the candidate: it is f * h.",
            variant(lambda f, h, from_h, from_x: torch.tanh(from_h((1 - f) * h) + from_x)),
        ),
        Misconception(
            "input_gated_too",
            "Your gate multiplies the input's part as well: x_t enters the candidate ungated.",
            variant(lambda f, h, from_h, from_x: torch.tanh(f * (from_h(h) + from_x))),
        ),
        Misconception(
            "input_first",
            "You lay x_t before h: the matrices' first D_h columns belong to the state, [h, x_t].",
            input_first,
        ),
        Misconception(
            "sigmoid_in_the_candidate",
            "Your candidate goes through a sigmoid: it is a value, not a gate, so it takes tanh.",
            variant(lambda f, h, from_h, from_x: torch.sigmoid(from_h(f * h) + from_x)),
        ),
        Misconception(
            "old_state_forgotten",
            "You return f * candidate: add (1 - f) * h, the share of the old state that stays.",
            variant(state=lambda f, n, h: f * n),
        ),
        Misconception(
            "old_state_whole",
            "You add f * candidate to the whole old state: the shares are 1 - f and f, so that the state "
            "stays between old and new.",
            variant(state=lambda f, n, h: h + f * n),
        ),
        Misconception(
            "weights_swapped",
            "weight_f and weight_h are swapped: the gate has weight_f and bias_f, the candidate the others.",
            lambda x_t, h, weight_f, bias_f, weight_h, bias_h: by_einsum(
                x_t, h, weight_h, bias_h, weight_f, bias_f
            ),
        ),
        Misconception(
            "biases_forgotten",
            "The biases are missing: add bias_f in the gate and bias_h in the candidate.",
            lambda x_t, h, weight_f, bias_f, weight_h, bias_h: by_einsum(
                x_t, h, weight_f, 0 * bias_f, weight_h, 0 * bias_h
            ),
        ),
    ),
)

"""Chapter 2, exercise: the direct path of the gradient along an LSTM's cell."""

import torch

from course.exercises.draw import normal
from course.exercises.engine import Exercise, Misconception


def my_direct_path(f):
    """Row t of the result (T + 1, D_h) is the slope of c_T for c_t along the cell, t = 0 ... T. f (T, D_h)
    holds the forget gates f_1 ... f_T."""
    raise NotImplementedError


def solve_direct_path(f):
    """Row t of the result (T + 1, D_h) is the slope of c_T for c_t along the cell, t = 0 ... T. f (T, D_h)
    holds the forget gates f_1 ... f_T."""
    rows = [torch.ones_like(f[0])]  # the slope of c_T for itself
    for f_s in f.flip(0):  # f_T, ..., f_1: one step further back each time
        rows.append(rows[-1] * f_s)
    return torch.stack(rows[::-1])


def path_by_cumprod(f):
    """The same: the running product of the gates in reverse order, turned back."""
    ones = torch.ones(1, f.shape[1], dtype=f.dtype)
    return torch.cat([ones, f.flip(0)]).cumprod(0).flip(0)


def path_by_rows(f):
    """The same, each row as a product of its own: f[t:] holds f_{t+1} ... f_T."""
    return torch.stack([f[t:].prod(dim=0) for t in range(len(f) + 1)])


def path_forwards(f):
    """The same, forwards: each gate multiplies all rows that lie before it."""
    out = f.new_ones(f.shape[0] + 1, f.shape[1])
    for s in range(1, f.shape[0] + 1):
        out[:s] *= f[s - 1]
    return out


def path_by_logarithms(f):
    """The same; the logarithm of a closed gate is minus infinity, and exp brings it back to 0."""
    logs = torch.cat([f.log(), torch.zeros_like(f[:1])])
    return logs.flip(0).cumsum(0).flip(0).exp()


def by_autograd(f):
    """The same in float64: the cell is run from each c_t on, and autograd differentiates it."""
    gates, slopes = f.detach().double(), []
    for t in range(len(f) + 1):
        start = torch.zeros_like(gates[0], requires_grad=True)
        c = start
        for f_s in gates[t:]:
            c = f_s * c + 1.0
        slopes.append(torch.autograd.grad(c.sum(), start)[0])
    return torch.stack(slopes).to(f.dtype)


def path_by_division(f):
    """The product of all gates divided by that of the first t."""
    ones = torch.ones_like(f[:1])
    return f.prod(0) / torch.cat([ones, f]).cumprod(0)


def shifted(f, by):
    """Row t is the product of the rows of f from t + by on, where there are any."""
    return torch.stack([f[max(t + by, 0) :].prod(0) for t in range(len(f) + 1)])


def path_case(rng, length, d_h, dtype=torch.float64, shift=1.0):
    """Gates between 0 and 1; the larger the shift, the more open."""
    return (torch.sigmoid(normal(rng, length, d_h, dtype=dtype) + shift),)


def wide_path(rng):
    """One valid case of small random size, with a closed gate now and then."""
    (f,) = path_case(rng, rng.randint(1, 8), rng.randint(1, 4), rng.choice((torch.float32, torch.float64)))
    if rng.random() < 0.3:
        f[rng.randrange(f.shape[0]), rng.randrange(f.shape[1])] = 0.0
    return (f,)


direct_path = Exercise(
    name="direct_path",
    title="the gradient along the cell",
    difficulty="easy",
    minutes=12,
    task="""
        An LSTM's cell is $c_t = f_t \\odot c_{t-1} + i_t \\odot g_t$. Take the gates as given, so that
        $c_T$ depends on $c_t$ through this line alone. Then

        $$\\frac{\\partial c_T}{\\partial c_t} = \\prod_{s=t+1}^{T} f_s, \\qquad t = 0, \\dots, T,$$

        for each unit by itself. `f` $(T, D_h)$ holds $f_1, \\dots, f_T$. Return a tensor $(T + 1, D_h)$ whose
        row $t$ is this slope. A gate may be exactly 0, and $T$ may be large.

        By hand first: one unit, `f = [[0.5], [0.8], [0.1]]`. The four rows are 0.04, 0.08, 0.1 and 1. Which
        gate is in none but the first?
    """,
    stub_function=my_direct_path,
    reference=by_autograd,
    cases=lambda rng: [
        (torch.tensor([[0.5], [0.8], [0.1]], dtype=torch.float64),),  # by hand
        (torch.tensor([[0.25]], dtype=torch.float64),),
        (torch.tensor([[0.5, 0.9], [0.0, 1.0], [0.7, 0.6]], dtype=torch.float64),),
        (torch.tensor([[0.0, 0.5], [0.5, 0.0]], dtype=torch.float32),),
        path_case(rng, 1, 3),
        path_case(rng, 3, 3),
        path_case(rng, 5, 2, torch.float32),
        path_case(rng, 4, 1),
        path_case(rng, 100, 2, torch.float32, -4.0),  # the products underflow
        path_case(rng, 100, 3, torch.float64, -9.0),
        path_case(rng, 100, 2, torch.float64, 4.0),
        *(wide_path(rng) for _ in range(4)),
    ],
    wide=wide_path,
    hints=(
        "Begin at the end. What is the slope of c_T for itself, and what does each step back multiply it by?",
        "Row T is 1, row T - 1 is f_T, row T - 2 is f_T f_{T-1}. In Python f_T is `f[-1]`, since `f[0]` is "
        "f_1.",
        "Keep a list that starts with `torch.ones_like(f[0])`, loop over `f.flip(0)` and append the last row "
        "times the gate; turn the list round and stack it.",
    ),
    solution_function=solve_direct_path,
    alternatives=(path_by_cumprod, path_by_rows, path_forwards, path_by_logarithms),
    misconceptions=(
        Misconception(
            "sum_for_product",
            "You add the gates: one step back multiplies by its gate, and steps in a row multiply.",
            lambda f: torch.cat([f, torch.ones_like(f[:1])]).flip(0).cumsum(0).flip(0),
        ),
        Misconception(
            "product_from_the_front",
            "Your row t is f_1 ... f_t, the slope of c_t for c_0. Asked is that of c_T for c_t: the product "
            "of the gates after t.",
            lambda f: torch.cat([torch.ones_like(f[:1]), f]).cumprod(0),
        ),
        Misconception(
            "rows_backwards",
            "Your rows are right but in reverse order: row 0 belongs to c_0, the longest way, and the last "
            "row is all ones.",
            lambda f: torch.cat([torch.ones_like(f[:1]), f.flip(0)]).cumprod(0),
        ),
        Misconception(
            "own_gate_included",
            "Row t contains f_t. That gate lies before c_t, on the way from c_{t-1}: the product begins at "
            "f_{t+1}.",
            lambda f: shifted(f, -1),
        ),
        Misconception(
            "first_gate_left_out",
            "Row t lacks f_{t+1}: the rows of f count from 0, so f_{t+1} is `f[t]`.",
            lambda f: shifted(f, 1),
        ),
        Misconception(
            "last_row_forgotten",
            "The last row is missing: t runs from 0 to T, and the slope of c_T for itself is 1.",
            lambda f: path_by_rows(f)[:-1],
        ),
        Misconception(
            "first_row_forgotten",
            "The row of t = 0 is missing: c_0 is the state before the first step, and all T gates lie after "
            "it.",
            lambda f: path_by_rows(f)[1:],
        ),
        Misconception(
            "one_step_only",
            "Each of your rows is a single gate, the slope of c_{t+1} for c_t. Multiply all gates up to f_T.",
            lambda f: torch.cat([f, torch.ones_like(f[:1])]),
        ),
        Misconception(
            "power_of_the_mean_gate",
            "You take the mean gate to the power T - t: the gates differ, and a closed one closes the path. "
            "Multiply them.",
            lambda f: f.mean(0) ** torch.arange(len(f), -1, -1)[:, None],
        ),
        Misconception(
            "units_mixed",
            "You multiply over the units too: each unit has a path of its own.",
            lambda f: path_by_rows(f).prod(1, keepdim=True).expand(-1, f.shape[1]),
        ),
        Misconception(
            "divided_products",
            "Right until a gate is 0 or the product underflows: then you divide 0 by 0. Multiply from the "
            "end instead of dividing.",
            path_by_division,
        ),
    ),
)

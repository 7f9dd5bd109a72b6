"""Chapter 2: the direct path of the gradient along an LSTM's cell."""

import itertools
import operator

import torch

from course.exercises.cases import normal
from course.exercises.engine import Exercise


def my_direct_path(f):
    """Row t of the result (T + 1, D_h) is the slope of c_T for c_t along the cell, t = 0 ... T. f (T, D_h)
    holds the forget gates f_1 ... f_T."""
    rows = [torch.ones_like(f[0])]  # the slope of c_T for itself
    for f_s in f.flip(0):  # f_T, ..., f_1: one step further back each time
        rows.append(rows[-1] * f_s)
    return torch.stack(rows[::-1])


def by_numbers(f):
    """The same with Python's own numbers, unit by unit."""
    columns = []
    for gates in f.T.tolist():
        columns.append([*itertools.accumulate([1.0, *reversed(gates)], operator.mul)][::-1])
    return torch.tensor(columns, dtype=torch.float64).T.to(f.dtype)


def draw(rng, T, D_h, shift=1.0, closed=False, opened=False, dtype=torch.float64):
    """A case with gates between 0 and 1, the more open the larger `shift`.

    `closed` sets one of them to 0, `opened` all of the first unit to 1.
    """
    f = torch.sigmoid(normal(rng, T, D_h, dtype=dtype) + shift)
    if closed:
        f[rng.randrange(T), rng.randrange(D_h)] = 0.0
    if opened:
        f[:, 0] = 1.0
    return (f,)


direct_path = Exercise(
    my_direct_path,
    reference=by_numbers,
    by_hand=[
        ([[0.5], [0.8], [0.1]],),
        ([[0.25]],),
        ([[0.1], [0.05], [1e-8], [1.0]],),  # small, and still to be told from 0
        ([[0.5, 0.9], [0.0, 1.0], [0.7, 0.6]],),
        (torch.tensor([[0.0, 0.5], [0.5, 0.0]]),),
        (torch.tensor([[0.0]] * 50 + [[0.9]] * 50),),
    ],
    draw=draw,
    sizes=[
        dict(T=1, D_h=130),
        dict(T=3, D_h=3),
        dict(T=5, D_h=2, dtype=torch.float32),
        dict(T=4, D_h=1),
        dict(T=100, D_h=2, shift=-4.0, dtype=torch.float32),  # the products underflow
        dict(T=100, D_h=3, shift=-9.0),
        dict(T=100, D_h=2, shift=4.0),
        dict(T=5100, D_h=2, shift=9.0, opened=True),
    ],
    spans=dict(T=(1, 8), D_h=(1, 4), closed=[True, False, False]),
    hints="""
        Begin at the end. What is the slope of c_T for itself, and what does each step back multiply it by?

        Row T is 1, row T - 1 is f_T, row T - 2 is f_T f_{T-1}. In Python f_T is `f[-1]`, since `f[0]` is f_1.

        This is the code itself: keep a list that starts with `torch.ones_like(f[0])`, loop over `f.flip(0)`
        and append the last row times the gate; turn the list round and stack it.
    """,
    wrong="""
        sum_for_product: rows[-1] * f_s → rows[-1] + f_s
        sum_of_gates: torch.stack(rows[::-1]) → torch.cat([f.flip(0).cumsum(0).flip(0), rows[0][None]])
            You add the gates: one step back multiplies by its gate, and steps in a row multiply.
        product_from_the_front: f.flip(0): → f:
        and: rows[::-1] → rows
            Your row t is f_1 ... f_t, the slope of c_t for c_0. Asked is that of c_T for c_t: the product of
            the gates after t.
        rows_backwards: rows[::-1] → rows
            Your rows are right but in reverse order: row 0 belongs to c_0, the longest way, and the last row
            is all ones.
        own_gate_included: rows[::-1] → (rows[1:] + rows[-1:])[::-1]
            Row t contains f_t. That gate lies before c_t, on the way from c_{t-1}: the product begins at
            f_{t+1}.
        first_gate_left_out: rows[::-1] → (rows[:1] + rows[:-1])[::-1]
            Row t lacks f_{t+1}: the rows of f count from 0, so f_{t+1} is `f[t]`.
        last_row_forgotten: rows[::-1] → rows[:0:-1]
            The last row is missing: t runs from 0 to T, and the slope of c_T for itself is 1.
        first_row_forgotten: rows[::-1] → rows[-2::-1]
            The row of t = 0 is missing: c_0 is the state before the first step, and all T gates lie after it.
        one_step_only: rows[-1] * f_s → f_s
            Each of your rows is a single gate, the slope of c_{t+1} for c_t. Multiply all gates up to f_T.
        power_of_the_mean_gate: rows[-1] * f_s → rows[-1] * f.mean(0)
            You take the mean gate to the power T - t: the gates differ, and a closed one closes the path.
            Multiply them.
        units_mixed: torch.stack(rows[::-1]) → torch.stack(rows[::-1]).prod(1)[:, None].repeat(1, f.shape[1])
            You multiply over the units too: each unit has a path of its own.
        along_the_units: torch.stack(rows[::-1]) → torch.cat([f.flip(1).cumprod(1).flip(1), rows[0][None]])
            Your product runs along the units, within one step: multiply along axis 0, over the steps.
        divided_products: torch.stack(rows[::-1]) → f.prod(0) / torch.cat([rows[0][None], f]).cumprod(0)
            Right until a gate is 0 or the product underflows: then you divide 0 by 0. Multiply from the end
            instead of dividing.
    """,
    special="""
        open_gates: (f > 1 - 1e-5).any()
            Your function is right but where a gate is 1 or next to it: use the gates as they are, without a
            clamp, and all of them.
        small_products: f.prod(0).min() < 1e-3
            Your function is right until a gate is 0 or a product of gates is small. Multiply the gates from
            the end: no division by a product, no logarithm, no clamp, and nothing is added.
    """,
)

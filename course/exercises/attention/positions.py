"""Chapter 3, exercise: the sinusoidal positions of Vaswani et al. (2017), section 3.5, arXiv 1706.03762."""

import math

import numpy as np
import torch

from course.exercises.engine import Exercise, Misconception


def my_positions(steps, d_model):
    """Sinusoidal positions, (steps, d_model) float64. d_model is even."""
    raise NotImplementedError


def solve_positions(steps, d_model):
    """Sinusoidal positions, (steps, d_model) float64. d_model is even."""
    p = torch.arange(steps, dtype=torch.float64)[:, None]
    two_i = torch.arange(0, d_model, 2, dtype=torch.float64)  # whole numbers divided would give float32
    angles = p / 10000 ** (two_i / d_model)  # (steps, d_model / 2)
    return torch.stack([angles.sin(), angles.cos()], dim=-1).flatten(1)  # a sine, its cosine, the next sine


def positions_by_slices(steps, d_model):
    """The same by every second column; the powers as exponentials of logarithms."""
    p = torch.arange(steps).double().unsqueeze(1)
    rates = torch.exp(torch.arange(0, d_model, 2).double() * (-math.log(10000.0) / d_model))
    table = torch.zeros(steps, d_model, dtype=torch.float64)
    table[:, 0::2] = torch.sin(p * rates)
    table[:, 1::2] = torch.cos(p * rates)
    return table


def positions_by_numbers(steps, d_model):
    """The same with Python's own numbers, entry by entry."""
    rows = []
    for p in range(steps):
        row = []
        for column in range(d_model):
            angle = p / 10000 ** (column // 2 * 2 / d_model)
            row.append(math.cos(angle) if column % 2 == 1 else math.sin(angle))
        rows.append(row)
    return torch.tensor(rows, dtype=torch.float64)


def positions_by_phase(steps, d_model):
    """The same; a cosine is a sine a quarter turn ahead, so one sine does both."""
    column = np.arange(d_model)
    rates = 10000.0 ** -((column - column % 2) / d_model)
    return torch.from_numpy(np.sin(np.arange(steps)[:, None] * rates + np.pi / 2 * (column % 2)))


def by_complex_numbers(steps, d_model):
    """The same: imaginary and real part of the powers of exp(i rate)."""
    rates = np.logspace(0, -4, d_model // 2, endpoint=False)
    turns = np.exp(1j * np.outer(np.arange(steps), rates))
    table = np.empty((steps, d_model))
    table[:, ::2], table[:, 1::2] = turns.imag, turns.real
    return torch.from_numpy(table)


def table(sines, cosines):
    """Sines and cosines, each (steps, d_model / 2), in turn."""
    return torch.stack([sines, cosines], dim=-1).flatten(1)


def variant(sine_exponent=lambda i, d: 2 * i / d, cosine_exponent=None, base=10000.0, first=0):
    """The table with other exponents, functions of the pair i and d_model, base or first position."""
    cosine_exponent = cosine_exponent or sine_exponent

    def run(steps, d_model):
        p = torch.arange(first, first + steps, dtype=torch.float64)[:, None]
        i = torch.arange(d_model // 2, dtype=torch.float64)
        sines, cosines = (p / base ** exponent(i, d_model) for exponent in (sine_exponent, cosine_exponent))
        return table(sines.sin(), cosines.cos())

    return run


def from_both(arrange):
    """Something made of the right sines and cosines."""

    def run(steps, d_model):
        right = by_complex_numbers(steps, d_model)
        return arrange(right[:, ::2], right[:, 1::2])

    return run


def power_outside(combine):
    """The table with the powers outside sine and cosine; `combine` is a function of (f, p, exponent)."""

    def run(steps, d_model):
        p = torch.arange(steps, dtype=torch.float64)[:, None]
        exponent = torch.arange(0, d_model, 2, dtype=torch.float64) / d_model
        return table(combine(torch.sin, p, exponent), combine(torch.cos, p, exponent))

    return run


def exponents_in_single(steps, d_model):
    """Exponents from whole numbers, which PyTorch divides in float32."""
    p = torch.arange(steps, dtype=torch.float64)[:, None]
    angles = p / 10000 ** (torch.arange(0, d_model, 2) / d_model)
    return table(angles.sin(), angles.cos())


def in_single(steps, d_model):
    """All in float32, as tutorials have it."""
    rates = torch.exp(torch.arange(0, d_model, 2) * (-math.log(10000.0) / d_model))
    angles = torch.arange(steps)[:, None] * rates
    return table(angles.sin(), angles.cos())


def wide_positions(rng):
    """One valid case."""
    return rng.randint(1, 12), 2 * rng.randint(1, 9)


sinusoids = Exercise(
    name="sinusoids",
    title="a table of sinusoidal positions",
    difficulty="easy",
    minutes=12,
    task="""
        Make the table that tells positions apart (Vaswani et al. 2017, section 3.5):

        $$PE_{p,\\,2i} = \\sin\\frac{p}{10000^{2i/d_{model}}} \\qquad
        PE_{p,\\,2i+1} = \\cos\\frac{p}{10000^{2i/d_{model}}}$$

        for $p = 0, \\dots, \\text{steps} - 1$ and $i = 0, \\dots, d_{model}/2 - 1$. Return a float64 tensor
        `(steps, d_model)`; `d_model` is even. All of PyTorch, NumPy and `math` may be used.

        By hand first: what is the row of $p = 0$, and which two columns change most slowly with $p$?
    """,
    stub_function=my_positions,
    reference=by_complex_numbers,
    cases=lambda rng: [
        (2, 2),
        (1, 4),
        (2, 4),
        (3, 6),
        (7, 10),
        (300, 4),
        (20, 64),
        (1, 512),
        *(wide_positions(rng) for _ in range(6)),
    ],
    wide=wide_positions,
    hints=(
        "Columns come in pairs: 2i and 2i + 1 share one angle, and only the function differs. First the "
        "angles, (steps, d_model / 2).",
        "2i takes the values 0, 2, 4, ...: that is `torch.arange(0, d_model, 2, dtype=torch.float64)`. "
        "Positions as a column, `[:, None]`, divide into all angles at once.",
        "`angles = p / 10000 ** (two_i / d_model)`; then a zero tensor whose columns `[:, 0::2]` are "
        "`angles.sin()` and `[:, 1::2]` are `angles.cos()`.",
    ),
    solution_function=solve_positions,
    alternatives=(positions_by_slices, positions_by_numbers, positions_by_phase),
    misconceptions=(
        Misconception(
            "halves",
            "Your sines fill the first half of the columns and the cosines the second, as some libraries "
            "do. In the paper they take turns: even columns are sines, odd ones cosines.",
            from_both(lambda sines, cosines: torch.cat([sines, cosines], dim=1)),
        ),
        Misconception(
            "cosine_first",
            "Sine and cosine are swapped: even columns are sines, odd ones cosines.",
            from_both(lambda sines, cosines: table(cosines, sines)),
        ),
        Misconception(
            "transposed",
            "The table lies on its side: return (steps, d_model), a row for each position.",
            from_both(lambda sines, cosines: table(sines, cosines).T),
        ),
        Misconception(
            "two_forgotten",
            "The exponent is i / d_model in your table, so the rates fall half as far: it is 2i / d_model.",
            variant(lambda i, d: i / d),
        ),
        Misconception(
            "a_rate_for_each_column",
            "Your cosines have the exponent (2i + 1) / d_model: both columns of a pair share 2i / d_model.",
            variant(lambda i, d: 2 * i / d, lambda i, d: (2 * i + 1) / d),
        ),
        Misconception(
            "column_for_pair",
            "You double the column: 2i is the even column 0, 2, 4, ... itself, so it is column / d_model.",
            variant(lambda i, d: 4 * i / d),
        ),
        Misconception(
            "column_for_pair_in_each",
            "You put the column itself in the place of i, so all exponents are doubled and the cosines have "
            "rates of their own. Columns 2i and 2i + 1 share the exponent 2i / d_model.",
            variant(lambda i, d: 4 * i / d, lambda i, d: 2 * (2 * i + 1) / d),
        ),
        Misconception(
            "slowest_at_the_base",
            "Your exponents run from 0 to 1, both included, as in the authors' program. In the paper's "
            "formula they are 2i / d_model and stop short of 1.",
            variant(lambda i, d: 2 * i / max(d - 2, 1)),
        ),
        Misconception(
            "from_one",
            "Your first row belongs to position 1: positions count from 0.",
            variant(first=1),
        ),
        Misconception(
            "base_of_a_thousand",
            "Your base is 1000: it is 10000.",
            variant(base=1000.0),
        ),
        Misconception(
            "multiplied",
            "You multiply p by the power, so the angles race: divide, and later pairs turn more slowly.",
            variant(lambda i, d: -2 * i / d),
        ),
        Misconception(
            "log2_for_ln",
            "You write the power as exp(-2i log2(10000) / d_model): with exp belongs the natural logarithm.",
            variant(base=math.exp(math.log2(10000))),
        ),
        Misconception(
            "divided_outside",
            "You divide sine and cosine by the power: it belongs inside, where it sets the wavelength.",
            power_outside(lambda f, p, exponent: f(p) / 10000**exponent),
        ),
        Misconception(
            "raised_outside",
            "You raise sin(p / 10000) and cos(p / 10000) to the power 2i / d_model: it is 10000's alone.",
            power_outside(lambda f, p, exponent: f(p / 10000) ** exponent),
        ),
        Misconception(
            "single_precision",
            "The table is float32: start from `torch.arange(..., dtype=torch.float64)`.",
            in_single,
        ),
        Misconception(
            "converted_at_the_end",
            "Right to seven digits: you compute in float32 and convert the result. Start from float64.",
            lambda steps, d_model: in_single(steps, d_model).double(),
        ),
        Misconception(
            "exponents_in_single",
            "Right to seven digits: whole numbers are divided in float32. Give arange dtype=torch.float64.",
            exponents_in_single,
        ),
    ),
)

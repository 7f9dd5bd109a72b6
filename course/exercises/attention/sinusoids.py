"""Chapter 3: the sinusoidal positions of Vaswani et al. (2017), section 3.5, arXiv 1706.03762."""

import numpy as np
import torch

from course.exercises.engine import Exercise


def my_positions(steps, d_model):
    """Sinusoidal positions, (steps, d_model) float64. d_model is even."""
    p = torch.arange(steps, dtype=torch.float64)[:, None]
    two_i = torch.arange(0, d_model, 2, dtype=torch.float64)  # whole numbers divided would give float32
    angles = p / 10000 ** (two_i / d_model)  # (steps, d_model / 2)
    return torch.stack([angles.sin(), angles.cos()], dim=-1).flatten(1)  # a sine, its cosine, the next sine


def by_complex_numbers(steps, d_model):
    """The same: imaginary and real part of the powers of exp(i rate)."""
    rates = np.logspace(0, -4, d_model // 2, endpoint=False)
    turns = np.exp(1j * np.outer(np.arange(steps), rates))
    return torch.from_numpy(np.stack([turns.imag, turns.real], axis=-1).reshape(steps, d_model))


sinusoids = Exercise(
    my_positions,
    reference=by_complex_numbers,
    draw=lambda rng, steps, d_model: (steps, d_model),
    by_hand=(2, 2),
    sizes=[
        dict(steps=1, d_model=4),
        dict(steps=2, d_model=4),
        dict(steps=3, d_model=6),
        dict(steps=7, d_model=10),
        dict(steps=10000, d_model=4),
        dict(steps=20, d_model=64),
        dict(steps=2, d_model=1000),
    ],
    spans=dict(steps=(1, 12), d_model=list(range(2, 20, 2))),
    hints="""
        Columns come in pairs: 2i and 2i + 1 share one angle, and only the function differs. First the angles,
        (steps, d_model / 2).

        2i takes the values 0, 2, 4, ...: that is `torch.arange(0, d_model, 2, dtype=torch.float64)`.
        Positions as a column, `[:, None]`, divide into all angles at once.

        These are the lines: `angles = p / 10000 ** (two_i / d_model)`; then a zero tensor whose columns `[:,
        0::2]` are `angles.sin()` and `[:, 1::2]` are `angles.cos()`.
    """,
    wrong="""
        halves: torch.stack → torch.cat
            Your sines fill the first half of the columns and the cosines the second, as some libraries do. In
            the paper they take turns: even columns are sines, odd ones cosines.
        cosine_first: [angles.sin(), angles.cos()] → [angles.cos(), angles.sin()]
            Sine and cosine are swapped: even columns are sines, odd ones cosines.
        two_forgotten: torch.arange(0, d_model, 2, → torch.arange(d_model // 2,
            The exponent is i / d_model in your table, so the rates fall half as far: it is 2i / d_model.
        a_rate_for_each_column: angles.cos() → (p / 10000 ** ((two_i + 1) / d_model)).cos()
            Your cosines have the exponent (2i + 1) / d_model: both columns of a pair share 2i / d_model.
        column_for_pair: two_i / d_model → 2 * two_i / d_model
            You double the column: 2i is the even column 0, 2, 4, ... itself, so it is column / d_model.
        column_for_pair_in_each: two_i / d_model → 2 * two_i / d_model
        and: angles.cos() → (p / 10000 ** (2 * (two_i + 1) / d_model)).cos()
            You put the column itself in the place of i, so all exponents are doubled and the cosines have
            rates of their own. Columns 2i and 2i + 1 share the exponent 2i / d_model.
        slowest_at_the_base: two_i / d_model → two_i / max(d_model - 2, 1)
            Your exponents run from 0 to 1, both included, as in the authors' program. In the paper's formula
            they are 2i / d_model and stop short of 1.
        from_one: torch.arange(steps, → torch.arange(1, steps + 1,
            Your first row belongs to position 1: positions count from 0.
        base_of_a_thousand: 10000 → 1000
            Your base is 1000: it is 10000.
        multiplied: p / 10000 → p * 10000
            You multiply p by the power, so the angles race: divide, and later pairs turn more slowly.
        log2_for_ln: p / 10000 ** (two_i / d_model) → p * torch.exp(-two_i * np.log2(10000) / d_model)
            You write the power as exp(-2i log2(10000) / d_model): with exp belongs the natural logarithm.
        divided_outside: angles = p / 10000 ** → power = 10000 **
        and: [angles.sin(), angles.cos()] → [p.sin() / power, p.cos() / power]
            You divide sine and cosine by the power: it belongs inside, where it sets the wavelength.
        whole_number_division: two_i / d_model → two_i // d_model
            You divide with //, so every exponent is 0 and all pairs are alike: divide with /.
        raised_outside: angles = p / 10000 ** (two_i / d_model) → power = two_i / d_model
        and: [angles.sin(), angles.cos()] → [(p / 10000).sin() ** power, (p / 10000).cos() ** power]
            You raise sin(p / 10000) and cos(p / 10000) to the power 2i / d_model: it is 10000's alone.
        single_precision: , dtype=torch.float64 → nothing
            The table is float32: start from `torch.arange(..., dtype=torch.float64)`.
        converted_at_the_end: , dtype=torch.float64 → nothing
        and: p / 10000 ** (two_i / d_model) → p * torch.exp(two_i * (-np.log(10000) / d_model))
        and: .flatten(1) → .flatten(1).double()
            Right to seven digits: you compute in float32 and convert the result. Start from float64.
        exponents_in_single: 2, dtype=torch.float64) → 2)
            Right to seven digits: whole numbers are divided in float32. Give arange dtype=torch.float64.
    """,
)

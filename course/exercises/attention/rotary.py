"""Chapter 3: rotary positions, Su et al. (2021), section 3.2.2, arXiv 2104.09864."""

import torch
from course.exercises.cases import normal
from course.exercises.engine import Exercise


def my_rotary(x, base):
    """x (B, n_h, T, d_k) with each pair of features turned by its position: same shape. d_k is even, base a
    number."""
    steps, d_k = x.shape[-2:]
    rates = base ** -(torch.arange(0, d_k, 2, dtype=x.dtype) / d_k)
    angles = torch.arange(steps, dtype=x.dtype)[:, None] * rates  # (T, d_k / 2)
    cos, sin = angles.cos(), angles.sin()
    a, b = x[..., 0::2], x[..., 1::2]  # (B, n_h, T, d_k / 2)
    return torch.stack([a * cos - b * sin, a * sin + b * cos], dim=-1).flatten(-2)


def by_complex_numbers(x, base):
    """The same by multiplying complex numbers, in float64."""
    pairs = torch.view_as_complex(x.double().unflatten(-1, (-1, 2)).contiguous())
    angles = [[t * base ** (-i / pairs.shape[-1]) for i in range(pairs.shape[-1])] for t in range(x.shape[2])]
    angles = torch.tensor(angles, dtype=torch.float64)
    return torch.view_as_real(pairs * torch.polar(torch.ones_like(angles), angles)).flatten(-2).to(x.dtype)


def rotary_case(rng, batch, n_h, steps, d_k, base=10000.0, dtype=torch.float64, scale=1.0):
    """A case; in float32 few steps, since angles are rounded in proportion to the position."""
    return normal(rng, batch, n_h, steps, d_k, dtype=dtype, scale=scale), base


def wide_rotary(rng):
    """One valid case of small random sizes."""
    sizes = rng.randint(1, 3), rng.randint(1, 3), rng.randint(1, 5), 2 * rng.randint(1, 4)
    dtype = rng.choice((torch.float32, torch.float64))
    return rotary_case(rng, *sizes, 10 ** rng.uniform(1, 5), dtype, 10 ** rng.uniform(-1, 1))


rotary = Exercise(
    my_rotary,
    reference=by_complex_numbers,
    gradients=True,
    # OLD wide=wide_rotary
    # OLD cases:
    # lambda rng: [
    #         (torch.tensor([[[[1.0, 2.0], [1.0, 2.0]]]], dtype=torch.float64), 10000.0),
    #         (torch.tensor([[[[3.0, 4.0], [3.0, 4.0], [0.0, 1.0]]]], dtype=torch.float64), 10.0),
    #         rotary_case(rng, 1, 1, 1, 4),
    #         rotary_case(rng, 1, 1, 3, 4, 100.0),
    #         rotary_case(rng, 2, 3, 3, 4),
    #         rotary_case(rng, 3, 2, 5, 6, 50.0),
    #         rotary_case(rng, 2, 2, 4, 8, 10000.0, torch.float32),
    #         rotary_case(rng, 1, 2, 3, 2, 500000.0, torch.float32, 100.0),
    #         rotary_case(rng, 1, 1, 300, 2),
    #         rotary_case(rng, 1, 2, 6, 10, 2.0, torch.float64, 1e6),
    #         *(wide_rotary(rng) for _ in range(5)),
    #     ]
    by_hand=(),
    draw=None,
    sizes=[],
    spans={},
    hints="""
        First the angles, (T, d_k / 2): a position for each row, a rate for each pair. They broadcast over
        batch and heads.

        `x[..., 0::2]` are all first features of the pairs, `x[..., 1::2]` all second ones. Rotate, then lay
        the results side by side again: `torch.stack([...], dim=-1).flatten(-2)`.

        `rates = base ** -(torch.arange(0, d_k, 2, dtype=x.dtype) / d_k)`, `angles = torch.arange(steps,
        dtype=x.dtype)[:, None] * rates`; the stack holds `a * cos - b * sin` and `a * sin + b * cos`.
    """,
    wrong="""
        halves_paired: OLD → NEW
            You pair feature i with feature i + d_k / 2, the layout of GPT-NeoX and of many libraries. It
            serves as well, but weights do not carry over. Here neighbours 2i and 2i + 1 are a pair.
        not_interleaved: OLD → NEW
            You put all first features in front and all second ones behind: each pair must return to its old
            place, with stack along a new last axis and flatten.
        mixed_layouts: OLD → NEW
            Two layouts are mixed: your partners come from the two halves, your angles are laid out for
            neighbours. The partner of 2i is 2i + 1.
        turned_back: OLD → NEW
            You turn the other way: the minus belongs to a cos - b sin, in the first feature of the pair.
        no_minus: OLD → NEW
            The minus is missing: (a cos + b sin, a sin + b cos) is no rotation and changes lengths. The first
            is a cos - b sin.
        overwritten: OLD → NEW
            Your second line uses the new a, which the first line has overwritten: keep the old one.
        pair_swapped: OLD → NEW
            The two features of each pair have changed places: a cos - b sin comes first.
        added: OLD → NEW
            You add sines and cosines to x, as sinusoidal positions do: here x is multiplied, a rotation.
        from_one: OLD → NEW
            Your first position is 1. Products of queries and keys stay the same, but the numbers differ:
            count from 0, where nothing is turned.
        two_forgotten: OLD → NEW
            Your exponent is i / d_k, so the rates fall half as far: it is 2i / d_k.
        exponent_doubled: OLD → NEW
            Your exponent is twice too large: in 2i / d_k, 2i is already the feature 0, 2, 4, ...
        a_rate_for_each_feature: OLD → NEW
            Your second features have the exponent (2i + 1) / d_k: both of a pair share one angle, else it is
            no rotation.
        base_ignored: OLD → NEW
            You compute with 10000 whatever base is: use the argument.
        along_the_heads: OLD → NEW
            Your angle grows with the head, not with the position: x is (B, n_h, T, d_k), so the position is
            the index along dim=2.
        angles_in_single: OLD → NEW
            Right to seven digits: PyTorch divides whole numbers in float32, so your angles are rounded. Give
            arange dtype=x.dtype.
    """,
)

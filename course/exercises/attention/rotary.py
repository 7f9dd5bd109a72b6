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
    new_a = a * cos - b * sin
    new_b = a * sin + b * cos
    return torch.stack([new_a, new_b], dim=-1).flatten(-2)


def by_complex_numbers(x, base):
    """The same by multiplying complex numbers, in float64."""
    pairs = torch.view_as_complex(x.double().unflatten(-1, (-1, 2)).contiguous())
    angles = [[t * base ** (-i / pairs.shape[-1]) for i in range(pairs.shape[-1])] for t in range(x.shape[2])]
    angles = torch.tensor(angles, dtype=torch.float64)
    return torch.view_as_real(pairs * torch.polar(torch.ones_like(angles), angles)).flatten(-2).to(x.dtype)


def draw(rng, B, H, T, K, base=10000.0, dtype=torch.float64, scale=1.0):
    """A case; in float32 few steps, since angles are rounded in proportion to the position."""
    return normal(rng, B, H, T, K, dtype=dtype, scale=scale), base


rotary = Exercise(
    my_rotary,
    reference=by_complex_numbers,
    gradients=True,
    draw=draw,
    by_hand=[
        ([[[[1.0, 2.0], [1.0, 2.0]]]], 10000.0),
        ([[[[3.0, 4.0], [3.0, 4.0], [0.0, 1.0]]]], 10.0),
    ],
    sizes=[
        dict(B=1, H=1, T=1, K=4),
        dict(B=1, H=1, T=3, K=4, base=100.0),
        dict(B=2, H=3, T=3, K=4),
        dict(B=3, H=2, T=5, K=6, base=50.0),
        dict(B=2, H=2, T=4, K=8, dtype=torch.float32),
        dict(B=1, H=2, T=3, K=2, base=500000.0, dtype=torch.float32, scale=100.0),
        dict(B=1, H=1, T=1000, K=4, base=1.1),  # a base that float32 rounds
        dict(B=1, H=1, T=3, K=130),
        dict(B=1, H=1, T=3, K=4, base=1),
        dict(B=2, H=1, T=3, K=4, base=0.5),
        dict(B=1, H=2, T=3, K=4, base=0.01),
        dict(B=1, H=2, T=3, K=4, base=1e7),
        dict(B=20, H=1, T=3, K=4),
        dict(B=1, H=20, T=3, K=4),
        dict(B=1, H=2, T=3, K=4, base=10000),
        dict(B=1, H=2, T=6, K=10, base=2.0, scale=1e6),
    ],
    spans=dict(B=(1, 3), H=(1, 3), T=(1, 5), K=[2, 4, 6, 8], base=[10.0, 1e3, 1e5], scale=(0.1, 10.0)),
    hints="""
        First the angles, (T, d_k / 2): a position for each row, a rate for each pair. They broadcast over
        batch and heads.

        `x[..., 0::2]` are all first features of the pairs, `x[..., 1::2]` all second ones. Rotate, then lay
        the results side by side again: `torch.stack([...], dim=-1).flatten(-2)`.

        These are the lines: `rates = base ** -(torch.arange(0, d_k, 2, dtype=x.dtype) / d_k)`, `angles =
        torch.arange(steps, dtype=x.dtype)[:, None] * rates`; stack `a * cos - b * sin` and `a * sin + b *
        cos`.
    """,
    forbids="torch.onnx*: Write angles and rotation yourself, since that is what the exercise is about.",
    special="""
        large_base: base > 2e5
            Your function is right but for a large base: is there a limit?
        small_base: base <= 1
            Your function is right but for a base of 1 or less: it is a number like others.
    """,
    wrong="""
        halves_paired: x[..., 0::2], x[..., 1::2] → x.chunk(2, dim=-1)
        and: torch.stack([new_a, new_b], dim=-1).flatten(-2) → torch.cat([new_a, new_b], dim=-1)
            You pair feature i with feature i + d_k / 2, the layout of GPT-NeoX and of many libraries. It
            serves as well, but weights do not carry over. Here neighbours 2i and 2i + 1 are a pair.
        not_interleaved: torch.stack([new_a, new_b], dim=-1).flatten(-2) → torch.cat([new_a, new_b], dim=-1)
            You put all first features in front and all second ones behind: each pair must return to its old
            place, with stack along a new last axis and flatten.
        mixed_layouts: * rates → * rates.repeat_interleave(2)
        and: x[..., 0::2], x[..., 1::2] → x.chunk(2, dim=-1)
        and: new_a = a * cos - b * sin → partner = torch.cat([-b, a], dim=-1)
        and: new_b = a * sin + b * cos → turned = x * cos + partner * sin
        and: torch.stack([new_a, new_b], dim=-1).flatten(-2) → turned
            Two layouts are mixed: your partners come from the two halves, your angles are laid out for
            neighbours. The partner of 2i is 2i + 1.
        angles_in_halves: cos, sin = angles.cos(), angles.sin() → turn = torch.cat([angles, angles], dim=-1)
        and: a * cos - b * sin → a * turn[:, 0::2].cos() - b * turn[:, 0::2].sin()
        and: a * sin + b * cos → a * turn[:, 1::2].sin() + b * turn[:, 1::2].cos()
            Your pairs are neighbours, but your angles stand twice one behind the other, as for pairs from two
            halves: each angle belongs to two neighbours, repeat_interleave(2).
        slowest_at_the_base: dtype=x.dtype) / d_k) → dtype=x.dtype) / max(d_k - 2, 1))
            Your exponents run from 0 to 1, both included: they are 2i / d_k and stop short of 1.
        turned_back: cos - b * sin → cos + b * sin
        and: a * sin + b → -a * sin + b
            You turn the other way: the minus belongs to a cos - b sin, in the first feature of the pair.
        no_minus: cos - b * sin → cos + b * sin
            The minus is missing: (a cos + b sin, a sin + b cos) is no rotation and changes lengths. The first
            is a cos - b sin.
        overwritten: a * sin + b → new_a * sin + b
            Your second line uses the new a, which the first line has overwritten: keep the old one.
        pair_swapped: [new_a, new_b] → [new_b, new_a]
            The two features of each pair have changed places: a cos - b sin comes first.
        added: a * cos - b * sin → a + sin
        and: a * sin + b * cos → b + cos
            You add sines and cosines to x, as sinusoidal positions do: here x is multiplied, a rotation.
        from_one: torch.arange(steps, → torch.arange(1, steps + 1,
            Your first position is 1. Products of queries and keys stay the same, but the numbers differ:
            count from 0, where nothing is turned.
        two_forgotten: torch.arange(0, d_k, 2, → torch.arange(d_k // 2,
            Your exponent is i / d_k, so the rates fall half as far: it is 2i / d_k.
        exponent_doubled: -(torch.arange → -(2 * torch.arange
            Your exponent is twice too large: in 2i / d_k, 2i is already the feature 0, 2, 4, ...
        a_rate_for_each_feature: torch.arange(0, d_k, 2, → torch.arange(d_k,
        and: a * cos - b * sin → a * cos[:, 0::2] - b * sin[:, 0::2]
        and: a * sin + b * cos → a * sin[:, 1::2] + b * cos[:, 1::2]
            Your second features have the exponent (2i + 1) / d_k: both of a pair share one angle, else it is
            no rotation.
        base_ignored: base ** → 10000.0 **
            You compute with 10000 whatever base is: use the argument.
        along_the_heads: x.shape[-2:] → x.shape[1::2]
        and: [:, None] * rates → [:, None, None] * rates
            Your angle grows with the head, not with the position: x is (B, n_h, T, d_k), so the position is
            the index along dim=2.
        angles_in_single: , dtype=x.dtype → nothing
            Right to seven digits: PyTorch divides whole numbers in float32, so your angles are rounded. Give
            arange dtype=x.dtype.
    """,
)

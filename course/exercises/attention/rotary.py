"""Chapter 3, exercise: rotary positions, Su et al. (2021), section 3.2.2, arXiv 2104.09864."""

import torch

from course.exercises.draw import normal
from course.exercises.engine import Exercise, Misconception


def my_rotary(x, base):
    """x (B, n_h, T, d_k) with each pair of features turned by its position: same shape. d_k is even, base a
    number."""
    raise NotImplementedError


def solve_rotary(x, base):
    """x (B, n_h, T, d_k) with each pair of features turned by its position: same shape. d_k is even, base a
    number."""
    steps, d_k = x.shape[-2:]
    rates = base ** -(torch.arange(0, d_k, 2, dtype=x.dtype) / d_k)
    angles = torch.arange(steps, dtype=x.dtype)[:, None] * rates  # (T, d_k / 2)
    cos, sin = angles.cos(), angles.sin()
    a, b = x[..., 0::2], x[..., 1::2]  # (B, n_h, T, d_k / 2)
    return torch.stack([a * cos - b * sin, a * sin + b * cos], dim=-1).flatten(-2)


def rotary_in_place(x, base):
    """The same in a new tensor, filled column by column."""
    steps, d_k = x.shape[2:]
    t, out = torch.arange(steps, dtype=x.dtype), torch.empty_like(x)
    for j in range(0, d_k, 2):
        angle = t / base ** (j / d_k)
        out[..., j] = x[..., j] * angle.cos() - x[..., j + 1] * angle.sin()
        out[..., j + 1] = x[..., j] * angle.sin() + x[..., j + 1] * angle.cos()
    return out


def rotary_by_partner(x, base):
    """The same: x times cosines, plus each feature's partner times sines."""
    pairs = x.unflatten(-1, (-1, 2))
    partner = torch.stack([-pairs[..., 1], pairs[..., 0]], dim=-1).flatten(-2)
    column = torch.arange(x.shape[3])
    rates = float(base) ** (-(column - column % 2).to(x.dtype) / x.shape[3])
    angles = torch.outer(torch.arange(x.shape[2]).to(x.dtype), rates)  # (T, d_k), each rate twice
    return x * torch.cos(angles) + partner * torch.sin(angles)


def rotary_by_matrices(x, base):
    """The same with a 2 x 2 matrix for each position and pair, as in the formula."""
    i = torch.arange(x.shape[3] // 2, dtype=torch.float64)
    angles = torch.arange(x.shape[2])[:, None] * base ** (-2 * i / x.shape[3])
    cos, sin = angles.cos().to(x.dtype), angles.sin().to(x.dtype)
    turns = torch.stack([torch.stack([cos, -sin], -1), torch.stack([sin, cos], -1)], -2)  # (T, d_k / 2, 2, 2)
    return (turns @ x.unflatten(-1, (-1, 2))[..., None]).flatten(-3)


def by_complex_numbers(x, base):
    """The same by multiplying complex numbers, in float64."""
    pairs = torch.view_as_complex(x.double().unflatten(-1, (-1, 2)).contiguous())
    angles = [[t * base ** (-i / pairs.shape[-1]) for i in range(pairs.shape[-1])] for t in range(x.shape[2])]
    angles = torch.tensor(angles, dtype=torch.float64)
    return torch.view_as_real(pairs * torch.polar(torch.ones_like(angles), angles)).flatten(-2).to(x.dtype)


def variant(
    exponent=lambda j, d: (j - j % 2) / d,
    first=0,
    turn=lambda a, b, cos, sin: (a * cos - b * sin, a * sin + b * cos),
    split=lambda x: (x[..., ::2], x[..., 1::2]),
    join=lambda a, b: torch.stack([a, b], dim=-1).flatten(-2),
):
    """The rotation with other exponents, a function of the feature and d_k, or another step in between."""

    def run(x, base):
        t = torch.arange(first, first + x.shape[-2], dtype=x.dtype)[:, None]
        angles = t * base ** -exponent(torch.arange(x.shape[-1], dtype=x.dtype), x.shape[-1])
        of_a, of_b = split(angles)
        new_a, _ = turn(*split(x), of_a.cos(), of_a.sin())
        _, new_b = turn(*split(x), of_b.cos(), of_b.sin())
        return join(new_a, new_b)

    return run


def overwritten(a, b, cos, sin):
    """The new a in the second line."""
    a = a * cos - b * sin
    return a, a * sin + b * cos


def halves(x):
    """The first and the last half of the features."""
    return x.chunk(2, dim=-1)


def angles_in_single(x, base):
    """Angles from whole numbers, which PyTorch divides in float32."""
    angles = torch.arange(x.shape[-2])[:, None] * base ** -(torch.arange(0, x.shape[-1], 2) / x.shape[-1])
    a, b, cos, sin = x[..., 0::2], x[..., 1::2], angles.cos(), angles.sin()
    return torch.stack([a * cos - b * sin, a * sin + b * cos], dim=-1).flatten(-2)


def along_the_heads(x, base):
    """The head's number in the place of the position."""
    return by_complex_numbers(x.transpose(1, 2), base).transpose(1, 2)


def rotary_case(rng, batch, n_h, steps, d_k, base=10000.0, dtype=torch.float64, scale=1.0):
    """A case; in float32 few steps, since angles are rounded in proportion to the position."""
    return normal(rng, batch, n_h, steps, d_k, dtype=dtype, scale=scale), base


def wide_rotary(rng):
    """One valid case of small random sizes."""
    sizes = rng.randint(1, 3), rng.randint(1, 3), rng.randint(1, 5), 2 * rng.randint(1, 4)
    dtype = rng.choice((torch.float32, torch.float64))
    return rotary_case(rng, *sizes, 10 ** rng.uniform(1, 5), dtype, 10 ** rng.uniform(-1, 1))


rotary = Exercise(
    name="rotary",
    title="rotary positions",
    difficulty="hard",
    minutes=25,
    task="""
        Su et al. (2021, arXiv 2104.09864) turn queries and keys, so that the product of a query at $t$ and
        a key at $s$ depends on $t - s$ only. At position $t$, from 0, each pair
        $(a, b) = (x_{2i}, x_{2i+1})$ becomes, in its place,

        $$(a \\cos\\theta - b \\sin\\theta,\\; a \\sin\\theta + b \\cos\\theta), \\qquad
        \\theta = t \\cdot \\text{base}^{-2i/d_k}$$

        `x` and the result are $(B, n_h, T, d_k)$, $d_k$ even. No ready-made rotary embedding. Values and
        gradients are compared.

        By hand first, for $d_k = 2$: what are $(1, 0)$ at $t$, $(1, 0)$ at $s$, and their product?
    """,
    stub_function=my_rotary,
    reference=by_complex_numbers,
    cases=lambda rng: [
        (torch.tensor([[[[1.0, 2.0], [1.0, 2.0]]]], dtype=torch.float64), 10000.0),
        (torch.tensor([[[[3.0, 4.0], [3.0, 4.0], [0.0, 1.0]]]], dtype=torch.float64), 10.0),
        rotary_case(rng, 1, 1, 1, 4),
        rotary_case(rng, 1, 1, 3, 4, 100.0),
        rotary_case(rng, 2, 3, 3, 4),
        rotary_case(rng, 3, 2, 5, 6, 50.0),
        rotary_case(rng, 2, 2, 4, 8, 10000.0, torch.float32),
        rotary_case(rng, 1, 2, 3, 2, 500000.0, torch.float32, 100.0),
        rotary_case(rng, 1, 1, 300, 2),
        rotary_case(rng, 1, 2, 6, 10, 2.0, torch.float64, 1e6),
        *(wide_rotary(rng) for _ in range(5)),
    ],
    wide=wide_rotary,
    gradients=True,
    hints=(
        "First the angles, (T, d_k / 2): a position for each row, a rate for each pair. They broadcast over "
        "batch and heads.",
        "`x[..., 0::2]` are all first features of the pairs, `x[..., 1::2]` all second ones. Rotate, then "
        "lay the results side by side again: `torch.stack([...], dim=-1).flatten(-2)`.",
        "`rates = base ** -(torch.arange(0, d_k, 2, dtype=x.dtype) / d_k)`, "
        "`angles = torch.arange(steps, dtype=x.dtype)[:, None] * rates`; the stack holds "
        "`a * cos - b * sin` and `a * sin + b * cos`.",
    ),
    solution_function=solve_rotary,
    alternatives=(rotary_in_place, rotary_by_partner, rotary_by_matrices),
    misconceptions=(
        Misconception(
            "halves_paired",
            "You pair feature i with feature i + d_k / 2, the layout of GPT-NeoX and of many libraries. It "
            "serves as well, but weights do not carry over. Here neighbours 2i and 2i + 1 are a pair.",
            variant(lambda j, d: j % (d // 2) * 2 / d, split=halves, join=lambda a, b: torch.cat([a, b], -1)),
        ),
        Misconception(
            "not_interleaved",
            "You put all first features in front and all second ones behind: each pair must return to its "
            "old place, with stack along a new last axis and flatten.",
            variant(join=lambda a, b: torch.cat([a, b], -1)),
        ),
        Misconception(
            "mixed_layouts",
            "Two layouts are mixed: your partners come from the two halves, your angles are laid out for "
            "neighbours. The partner of 2i is 2i + 1.",
            variant(split=halves, join=lambda a, b: torch.cat([a, b], -1)),
        ),
        Misconception(
            "turned_back",
            "You turn the other way: the minus belongs to a cos - b sin, in the first feature of the pair.",
            variant(turn=lambda a, b, cos, sin: (a * cos + b * sin, b * cos - a * sin)),
        ),
        Misconception(
            "no_minus",
            "The minus is missing: (a cos + b sin, a sin + b cos) is no rotation and changes lengths. The "
            "first is a cos - b sin.",
            variant(turn=lambda a, b, cos, sin: (a * cos + b * sin, a * sin + b * cos)),
        ),
        Misconception(
            "overwritten",
            "Your second line uses the new a, which the first line has overwritten: keep the old one.",
            variant(turn=overwritten),
        ),
        Misconception(
            "pair_swapped",
            "The two features of each pair have changed places: a cos - b sin comes first.",
            variant(turn=lambda a, b, cos, sin: (a * sin + b * cos, a * cos - b * sin)),
        ),
        Misconception(
            "added",
            "You add sines and cosines to x, as sinusoidal positions do: here x is multiplied, a rotation.",
            variant(turn=lambda a, b, cos, sin: (a + sin, b + cos)),
        ),
        Misconception(
            "from_one",
            "Your first position is 1. Products of queries and keys stay the same, but the numbers differ: "
            "count from 0, where nothing is turned.",
            variant(first=1),
        ),
        Misconception(
            "two_forgotten",
            "Your exponent is i / d_k, so the rates fall half as far: it is 2i / d_k.",
            variant(lambda j, d: (j - j % 2) / 2 / d),
        ),
        Misconception(
            "exponent_doubled",
            "Your exponent is twice too large: in 2i / d_k, 2i is already the feature 0, 2, 4, ...",
            variant(lambda j, d: 2 * (j - j % 2) / d),
        ),
        Misconception(
            "a_rate_for_each_feature",
            "Your second features have the exponent (2i + 1) / d_k: both of a pair share one angle, else "
            "it is no rotation.",
            variant(lambda j, d: j / d),
        ),
        Misconception(
            "base_ignored",
            "You compute with 10000 whatever base is: use the argument.",
            lambda x, base: by_complex_numbers(x, 10000.0),
        ),
        Misconception(
            "along_the_heads",
            "Your angle grows with the head, not with the position: x is (B, n_h, T, d_k), so the position "
            "is the index along dim=2.",
            along_the_heads,
        ),
        Misconception(
            "angles_in_single",
            "Right to seven digits: PyTorch divides whole numbers in float32, so your angles are rounded. "
            "Give arange dtype=x.dtype.",
            angles_in_single,
        ),
    ),
)

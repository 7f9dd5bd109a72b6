"""Chapter 1, exercise: the output length of a convolution along one axis."""

import math

import torch
import torch.nn.functional as F

from course.exercises.engine import Exercise, Misconception


def my_output_size(n, kernel, stride, padding, dilation):
    """The output length of a convolution along one axis, as an int."""
    raise NotImplementedError


def solve_output_size(n, kernel, stride, padding, dilation):
    """The output length of a convolution along one axis, as an int."""
    reach = dilation * (kernel - 1) + 1  # from the first input element under the kernel to the last
    return (n + 2 * padding - reach) // stride + 1


def output_size_by_counting(n, kernel, stride, padding, dilation):
    """The same: a start counts if the kernel's last element is still on the padded axis."""
    starts = range(0, n + 2 * padding, stride)
    return sum(1 for start in starts if start + dilation * (kernel - 1) < n + 2 * padding)


def output_size_by_range(n, kernel, stride, padding, dilation):
    """The same: the starts are a range."""
    return len(range(0, n + 2 * padding - dilation * (kernel - 1), stride))


def wide_output_size(rng):
    """One valid case: the kernel fits on the padded axis."""
    kernel, dilation, padding = rng.randint(1, 7), rng.randint(1, 4), rng.randint(0, 5)
    shortest = max(1, dilation * (kernel - 1) + 1 - 2 * padding)
    return shortest + rng.randint(0, 40), kernel, rng.randint(1, 5), padding, dilation


output_size = Exercise(
    name="output_size",
    title="how long is the output?",
    difficulty="easy",
    minutes=8,
    task="""
        An axis of `n` elements gets `padding` zeros at **each** of its two ends. A kernel of `kernel`
        elements, which lie `dilation` apart, starts at the left end and moves on by `stride` as long as it
        fits. Return the number of positions, as an `int`. All arguments are whole numbers, and the kernel
        fits at least once.

        Try it by hand first: how many positions has a kernel of 3 on 6 elements, with stride 2 and no
        padding?
    """,
    stub_function=my_output_size,
    reference=lambda n, k, s, p, d: F.conv1d(torch.ones(1, n), torch.ones(1, 1, k), None, s, p, d).numel(),
    cases=lambda rng: [
        (6, 3, 2, 0, 1),  # by hand: starts 0 and 2, and one element is left over
        (5, 3, 1, 0, 1),
        (5, 3, 1, 1, 1),
        (7, 3, 1, 0, 2),
        (8, 3, 2, 1, 1),
        (28, 5, 1, 2, 1),
        (32, 2, 2, 0, 1),
        (7, 1, 3, 0, 2),
        (10, 4, 3, 2, 3),
        (1, 3, 2, 1, 1),
        (224, 7, 2, 3, 1),
        *(wide_output_size(rng) for _ in range(10)),
    ],
    wide=wide_output_size,
    hints=(
        "Draw the axis with its padding. At the first position the kernel covers some elements: how many "
        "are left over to its right?",
        "With dilation the kernel spans `dilation * (kernel - 1) + 1` elements, from its first to its last.",
        "With `left` elements over to its right the kernel can take `left // stride` more steps. Then count "
        "the first position.",
    ),
    solution_function=solve_output_size,
    alternatives=(
        output_size_by_counting,
        output_size_by_range,
        lambda n, k, s, p, d: math.floor((n + 2 * p - d * (k - 1) - 1) / s + 1),
        lambda n, k, s, p, d: (n + 2 * p - d * (k - 1) + s - 1) // s,
    ),
    misconceptions=(
        Misconception(
            "no_floor",
            "The floor is missing: a half position does not exist. Divide with //, which rounds down to an "
            "int.",
            lambda n, k, s, p, d: (n + 2 * p - d * (k - 1) - 1) / s + 1,
        ),
        Misconception(
            "rounded_up",
            "You round up: the last position then hangs over the end of the axis. Round down.",
            lambda n, k, s, p, d: -(-(n + 2 * p - d * (k - 1) - 1) // s) + 1,
        ),
        Misconception(
            "rounded_to_nearest",
            "You round to the nearest whole number: the last position may then hang over the end. Round "
            "down.",
            lambda n, k, s, p, d: round((n + 2 * p - d * (k - 1) - 1) / s + 1),
        ),
        Misconception(
            "padding_on_one_side",
            "You count the padding once: it is added at both ends, so the axis grows by 2 * padding.",
            lambda n, k, s, p, d: (n + p - d * (k - 1) - 1) // s + 1,
        ),
        Misconception(
            "padding_forgotten",
            "The padding is not counted: the axis has n + 2 * padding elements.",
            lambda n, k, s, p, d: (n - d * (k - 1) - 1) // s + 1,
        ),
        Misconception(
            "dilation_forgotten",
            "The dilation is not counted: a dilated kernel spans dilation * (kernel - 1) + 1 elements.",
            lambda n, k, s, p, d: (n + 2 * p - k) // s + 1,
        ),
        Misconception(
            "dilation_times_kernel",
            "Your kernel spans dilation * kernel elements. There are only kernel - 1 gaps between kernel "
            "elements: it spans dilation * (kernel - 1) + 1.",
            lambda n, k, s, p, d: (n + 2 * p - d * k) // s + 1,
        ),
        Misconception(
            "gaps_alone",
            "Your kernel spans dilation * (kernel - 1) elements, one too few: gaps lie between elements, "
            "and the last element counts as well.",
            lambda n, k, s, p, d: (n + 2 * p - d * (k - 1)) // s + 1,
        ),
        Misconception(
            "first_position_forgotten",
            "You count the steps, not the positions: the first position comes before the first step, so add "
            "1.",
            lambda n, k, s, p, d: (n + 2 * p - d * (k - 1) - 1) // s,
        ),
        Misconception(
            "one_added_before_dividing",
            "You add the 1 before you divide by the stride: divide and round down first, then add the first "
            "position.",
            lambda n, k, s, p, d: (n + 2 * p - d * (k - 1)) // s,
        ),
        Misconception(
            "stride_forgotten",
            "The stride is not counted: the kernel moves by `stride` elements at a time.",
            lambda n, k, s, p, d: n + 2 * p - d * (k - 1),
        ),
    ),
)

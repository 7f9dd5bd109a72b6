"""Answers to `cnn.output_size`, written from its statement alone."""

import math

import numpy as np
import torch


def wrong_no_plus_one(n, kernel, stride, padding, dilation):
    """The first position is not counted."""
    return (n + 2 * padding - dilation * (kernel - 1) - 1) // stride


def wrong_padding_once(n, kernel, stride, padding, dilation):
    """The padding counts once, as if it were that of both ends together."""
    return (n + padding - dilation * (kernel - 1) - 1) // stride + 1


def wrong_dilation_ignored(n, kernel, stride, padding, dilation):
    """The formula without dilation."""
    return (n + 2 * padding - kernel) // stride + 1


def wrong_span_is_product(n, kernel, stride, padding, dilation):
    """The kernel spans kernel * dilation places: a gap too many at its end."""
    return (n + 2 * padding - kernel * dilation) // stride + 1


def wrong_rounded_up(n, kernel, stride, padding, dilation):
    """The last position may stick out."""
    return -((dilation * (kernel - 1) + 1 - n - 2 * padding) // stride) + 1


def wrong_tensor(n, kernel, stride, padding, dilation):
    """A tensor for a Python int."""
    return torch.tensor((n + 2 * padding - dilation * (kernel - 1) - 1) // stride + 1)


def wrong_arguments_reordered(n, kernel, padding, stride, dilation):
    """The arguments stand in another order."""
    return (n + 2 * padding - dilation * (kernel - 1) - 1) // stride + 1


def wrong_float_division(n, kernel, stride, padding, dilation):
    """A division of floats, rounded down afterwards: 16 digits."""
    return int((n + 2 * padding - dilation * (kernel - 1) - 1) / stride) + 1


def wrong_at_most_n_positions(n, kernel, stride, padding, dilation):
    """The loop makes at most n steps, too few where the padding is long."""
    count = 0
    for i in range(n):
        if i * stride + dilation * (kernel - 1) + 1 > n + 2 * padding:
            break
        count += 1
    return count


def wrong_padding_limited(n, kernel, stride, padding, dilation):
    """Padding beyond the kernel is cut off, as if it could do no more."""
    span = dilation * (kernel - 1) + 1
    padding = min(padding, span - 1)
    return (n + 2 * padding - span) // stride + 1


def wrong_place_by_place(n, kernel, stride, padding, dilation):
    """Visits each place of the padded axis: never ends for large numbers."""
    count, place = 0, 0
    while place + dilation * (kernel - 1) < n + 2 * padding:
        if place % stride == 0:
            count += 1
        place += 1
    return count


def wrong_padding_once_and_no_plus_one(n, kernel, stride, padding, dilation):
    """The padding counts once, and the first position is not counted."""
    return (n + padding - dilation * (kernel - 1) - 1) // stride


def right_formula(n, kernel, stride, padding, dilation):
    """What is left after the first position, in whole strides."""
    return (n + 2 * padding - dilation * (kernel - 1) - 1) // stride + 1


def right_range(n, kernel, stride, padding, dilation):
    """The length of the range of starting places."""
    return len(range(-padding, n + padding - dilation * (kernel - 1), stride))


def right_counting(n, kernel, stride, padding, dilation):
    """Moves on as long as the last element stays on the padded axis."""
    last, count = dilation * (kernel - 1), 0
    while last < n + 2 * padding:
        count += 1
        last += stride
    return count


def right_bisection(n, kernel, stride, padding, dilation):
    """Bisection for the last position that fits."""
    room = n + 2 * padding - 1 - (kernel - 1) * dilation
    low, high = 0, room + 1
    while high - low > 1:
        middle = (low + high) // 2
        if middle * stride <= room:
            low = middle
        else:
            high = middle
    return low + 1


def wrong_true_division_loses_digits(n, kernel, stride, padding, dilation):
    """int(a / stride): wrong beyond 2**53."""
    return int((n + 2 * padding - dilation * (kernel - 1) - 1) / stride) + 1


def wrong_float32_tensor(n, kernel, stride, padding, dilation):
    """float32 in between: wrong beyond 2**24."""
    length = torch.tensor(float(n + 2 * padding - dilation * (kernel - 1) - 1))
    return int(torch.floor(length / stride)) + 1


def wrong_numpy_int(n, kernel, stride, padding, dilation):
    """A NumPy integer in place of an int."""
    return np.int64((n + 2 * padding - dilation * (kernel - 1) - 1) // stride + 1)


def wrong_reciprocal_stride(n, kernel, stride, padding, dilation):
    """Times 1 / stride: a whole quotient may come out just below itself."""
    return math.floor((n + 2 * padding - dilation * (kernel - 1) - 1) * (1 / stride)) + 1

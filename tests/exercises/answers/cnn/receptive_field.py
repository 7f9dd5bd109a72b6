"""Answers to `cnn.receptive_field`, written from its statement alone."""

import functools
import math

import numpy as np


def wrong_jump_first(layers):
    """The jump grows before the size: each layer's own stride counts already."""
    size, jump = 1, 1
    for kernel, stride, dilation in layers:
        jump *= stride
        size += dilation * (kernel - 1) * jump
    return size, jump


def wrong_dilation_ignored(layers):
    """The dilation is read, but not used."""
    size, jump = 1, 1
    for kernel, stride, dilation in layers:
        size += (kernel - 1) * jump
        jump *= stride
    return size, jump


def wrong_dilation_in_jump(layers):
    """The dilation spreads the output units too."""
    size, jump = 1, 1
    for kernel, stride, dilation in layers:
        size += dilation * (kernel - 1) * jump
        jump *= stride * dilation
    return size, jump


def wrong_backwards(layers):
    """The forward recursion, run from the output to the input."""
    size, jump = 1, 1
    for kernel, stride, dilation in reversed(layers):
        size += dilation * (kernel - 1) * jump
        jump *= stride
    return size, jump


def wrong_span_is_product(layers):
    """A dilated kernel spans kernel * dilation: a gap too many at its end."""
    size, jump = 1, 1
    for kernel, stride, dilation in layers:
        size += (kernel * dilation - 1) * jump
        jump *= stride
    return size, jump


def wrong_jump_of_last_layer(layers):
    """The strides do not multiply: each layer looks only at the stride before it."""
    size, jump = 1, 1
    for kernel, stride, dilation in layers:
        size += dilation * (kernel - 1) * jump
        jump = stride
    return size, jump


def wrong_pixels_counted(layers):
    """The number of pixels that the unit depends on, without the holes; slow for large fields."""
    pixels, jump = {0}, 1
    for kernel, stride, dilation in reversed(layers):
        pixels = {stride * p + dilation * k for p in pixels for k in range(kernel)}
        jump *= stride
    return len(pixels), jump


def wrong_float_sum(layers):
    """The sizes are summed as floats: 16 digits."""
    jumps = [math.prod(s for _, s, _ in layers[:i]) for i in range(len(layers) + 1)]
    size = 1 + math.fsum(d * (k - 1) * j for (k, _, d), j in zip(layers, jumps))
    return int(size), jumps[-1]


def wrong_list_emptied(layers):
    """Right numbers, but the list is empty afterwards."""
    size, jump = 1, 1
    while layers:
        kernel, stride, dilation = layers.pop()
        size = (size - 1) * stride + dilation * (kernel - 1) + 1
        jump *= stride
    return size, jump


def wrong_two_calls_a_layer(layers):
    """Each call makes two of one layer less: 2^40 calls."""
    if not layers:
        return 1, 1
    kernel, stride, dilation = layers[-1]
    size = wrong_two_calls_a_layer(layers[:-1])[0]
    jump = wrong_two_calls_a_layer(layers[:-1])[1]
    return size + dilation * (kernel - 1) * jump, jump * stride


def wrong_no_layer(layers):
    """Starts from the first layer, so it needs one."""
    kernel, jump, dilation = layers[0]
    size = dilation * (kernel - 1) + 1
    for kernel, stride, dilation in layers[1:]:
        size += dilation * (kernel - 1) * jump
        jump *= stride
    return size, jump


def wrong_swapped_from_zero(layers):
    """The size starts at 0, and the pair is the wrong way round."""
    size, jump = 0, 1
    for kernel, stride, dilation in layers:
        size += dilation * (kernel - 1) * jump
        jump *= stride
    return jump, size


def right_forward(layers):
    """From the input to the output: each kernel step is as long as the jump so far."""
    size, jump = 1, 1
    for kernel, stride, dilation in layers:
        size += dilation * (kernel - 1) * jump
        jump *= stride
    return size, jump


def right_backward(layers):
    """The first and last place of two neighbours, from the output back to the input."""
    last, neighbour = 0, 1
    for kernel, stride, dilation in layers[::-1]:
        last = last * stride + dilation * (kernel - 1)
        neighbour *= stride
    return last + 1, neighbour


def right_recursion(layers):
    """The first layer below all the others."""
    if len(layers) == 0:
        return 1, 1
    (kernel, stride, dilation), *rest = layers
    size, jump = right_recursion(rest)
    return (size - 1) * stride + (kernel - 1) * dilation + 1, jump * stride


def right_one_layer_for_all(layers):
    """Two layers are as good as one with a longer span and the product of the strides."""

    def join(a, b):
        return a[0] + b[0] * a[1], a[1] * b[1]

    span, jump = functools.reduce(join, [((k - 1) * d, s) for k, s, d in layers], (0, 1))
    return span + 1, jump


def open_list_for_pair(layers):
    """Open: whether a list of two ints is a pair."""
    return list(right_forward(layers))


def wrong_int32(layers):
    """int32 arrays: deep stacks overflow."""
    jumps = np.cumprod([1] + [s for _, s, _ in layers], dtype=np.int32)
    reach = np.array([(k - 1) * d for k, _, d in layers], dtype=np.int32)
    size = 1 + (reach * jumps[:-1]).sum(dtype=np.int32)
    return int(size), int(jumps[-1])


def wrong_float64(layers):
    """Floats, rounded at the end: digits are lost beyond 2**53."""
    jumps = np.cumprod([1.0] + [s for _, s, _ in layers])
    size = 1 + sum((k - 1) * d * j for (k, _, d), j in zip(layers, jumps))
    return int(size), int(jumps[-1])


def wrong_numpy_types(layers):
    """A pair of NumPy integers."""
    jumps = np.cumprod([1] + [s for _, s, _ in layers])
    reach = np.array([(k - 1) * d for k, _, d in layers], dtype=np.int64)
    return 1 + (reach * jumps[:-1]).sum(), jumps[-1]


def wrong_probe_of_512_pixels(layers):
    """Measured on an input of 512 pixels: too short for deep stacks."""
    n = 512
    touched = [{i} for i in range(n)]
    for kernel, stride, dilation in layers:
        last = len(touched) - (kernel - 1) * dilation
        touched = [
            set().union(*touched[i : i + (kernel - 1) * dilation + 1 : dilation])
            for i in range(0, last, stride)
        ]
    first, second = touched[0], touched[1]
    return max(first) - min(first) + 1, min(second) - min(first)

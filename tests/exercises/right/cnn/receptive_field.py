"""Right answers to `receptive_field` in other words than the solution's."""

import math


def receptive_field_from_the_output(layers):
    """The same from the last layer back to the input: n neighbouring outputs see so many inputs."""
    size, jump = 1, 1
    for kernel, stride, dilation in reversed(layers):
        size = (size - 1) * stride + dilation * (kernel - 1) + 1
        jump = stride * jump
    return size, jump


def receptive_field_by_interval(layers):
    """The same: the first and the last pixel that outputs 0 and 1 see."""
    first, last, next_first = 0, 0, 1
    for kernel, stride, dilation in layers[::-1]:
        first, next_first = first * stride, next_first * stride
        last = last * stride + dilation * (kernel - 1)
    return last - first + 1, next_first - first


def receptive_field_by_sum(layers):
    """The same as a sum: each layer adds its reach, times the strides of all layers before it."""
    strides = [stride for _, stride, _ in layers]
    reaches = [dilation * (kernel - 1) for kernel, _, dilation in layers]
    grown = [reach * math.prod(strides[:i]) for i, reach in enumerate(reaches)]
    return 1 + sum(grown), math.prod(strides)


RIGHT = (receptive_field_from_the_output, receptive_field_by_interval, receptive_field_by_sum)

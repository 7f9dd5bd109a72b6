"""Right answers to `parameter_count` in other words than the solution's."""

import math

import torch


def parameter_count_by_group(c_in, c_out, kernel, groups, bias):
    """The same: so many small convolutions side by side."""
    total = 0
    for _ in range(groups):
        total = total + (c_in // groups) * (c_out // groups) * math.prod(kernel)
    if bias:
        total = total + c_out
    return total


def parameter_count_by_channel(c_in, c_out, kernel, groups, bias):
    """The same: the weights of one output channel and perhaps its bias, for each of them."""
    one = c_in * kernel[0] * kernel[1] // groups + int(bias)
    return one * c_out


def parameter_count_by_shape(c_in, c_out, kernel, groups, bias):
    """The same from the shapes of the tensors, without their memory."""
    weight = torch.empty(c_out, c_in // groups, *kernel, device="meta")
    return weight.numel() + (weight.shape[0] if bias else 0)


RIGHT = (
    parameter_count_by_group,
    parameter_count_by_channel,
    parameter_count_by_shape,
    lambda c_in, c_out, kernel, groups, bias: c_out * (c_in // groups * math.prod(kernel) + bias),
)

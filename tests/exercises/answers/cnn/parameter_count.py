"""Answers to `cnn.parameter_count`, written from its statement alone."""

import math

import numpy as np
import torch


def wrong_groups_ignored(c_in, c_out, kernel, groups, bias):
    """As for one group."""
    return c_in * c_out * kernel[0] * kernel[1] + (c_out if bias else 0)


def wrong_one_group_only(c_in, c_out, kernel, groups, bias):
    """Both channel counts are divided: the kernels of one group only."""
    weights = (c_in // groups) * (c_out // groups) * kernel[0] * kernel[1]
    return weights + (c_out if bias else 0)


def wrong_square_kernel(c_in, c_out, kernel, groups, bias):
    """The kernel is taken for a square."""
    return c_out * (c_in // groups) * kernel[0] ** 2 + (c_out if bias else 0)


def wrong_bias_for_each_kernel(c_in, c_out, kernel, groups, bias):
    """A bias for each pair of an output and an input channel."""
    per_kernel = kernel[0] * kernel[1] + (1 if bias else 0)
    return c_out * (c_in // groups) * per_kernel


def wrong_bias_not_none(c_in, c_out, kernel, groups, bias):
    """False is not None either: the bias always counts."""
    count = c_out * (c_in // groups) * kernel[0] * kernel[1]
    if bias is not None:
        count += c_out
    return count


def wrong_bias_divided_too(c_in, c_out, kernel, groups, bias):
    """The whole count is divided by the groups, the bias with it."""
    return (c_in * c_out * kernel[0] * kernel[1] + (c_out if bias else 0)) // groups


def wrong_groups_multiply(c_in, c_out, kernel, groups, bias):
    """Each group is counted as a whole layer of its own."""
    return groups * c_in * c_out * kernel[0] * kernel[1] + (c_out if bias else 0)


def wrong_float_division(c_in, c_out, kernel, groups, bias):
    """A division of floats, and int only at the end: 16 digits."""
    return int(c_out * (c_in / groups) * kernel[0] * kernel[1] + (c_out if bias else 0))


def wrong_layer_built(c_in, c_out, kernel, groups, bias):
    """Builds the layer and counts: no memory holds it."""
    layer = torch.nn.Conv2d(c_in, c_out, kernel, groups=groups, bias=bias)
    return sum(p.numel() for p in layer.parameters())


def wrong_groups_mean_depthwise(c_in, c_out, kernel, groups, bias):
    """More than one group is taken for one channel in each."""
    seen = 1 if groups > 1 else c_in
    return c_out * seen * kernel[0] * kernel[1] + (c_out if bias else 0)


def wrong_numpy_number(c_in, c_out, kernel, groups, bias):
    """An int64 of numpy for a Python int."""
    return np.prod([c_out, c_in // groups, *kernel], dtype=np.int64) + np.int64(c_out if bias else 0)


def wrong_kernel_sum_and_bias_of_inputs(c_in, c_out, kernel, groups, bias):
    """K_h + K_w for the product, and a bias for each input channel."""
    return c_out * (c_in // groups) * (kernel[0] + kernel[1]) + (c_in if bias else 0)


def right_formula(c_in, c_out, kernel, groups, bias):
    """The kernels, then the biases."""
    k_h, k_w = kernel
    return c_out * (c_in // groups) * k_h * k_w + (c_out if bias else 0)


def right_one_unit(c_in, c_out, kernel, groups, bias):
    """What one output channel has, times their number."""
    return c_out * (math.prod(kernel) * c_in // groups + int(bias))


def right_group_by_group(c_in, c_out, kernel, groups, bias):
    """Small dense layers side by side."""
    i, o = c_in // groups, c_out // groups
    dense = i * o * kernel[0] * kernel[1]
    if bias:
        dense += o
    return groups * dense


def right_shapes(c_in, c_out, kernel, groups, bias):
    """The sizes of the two tensors, which are not made."""
    shapes = [torch.Size((c_out, c_in // groups, *kernel))]
    if bias:
        shapes.append(torch.Size((c_out,)))
    return sum(shape.numel() for shape in shapes)


def open_layer_without_memory(c_in, c_out, kernel, groups, bias):
    """Open: a layer of PyTorch on the device "meta", which takes no memory; is it allowed to build one?"""
    layer = torch.nn.Conv2d(c_in, c_out, kernel, groups=groups, bias=bias, device="meta")
    return sum(p.numel() for p in layer.parameters())


def wrong_numpy_int(c_in, c_out, kernel, groups, bias):
    """np.prod's own integer type in place of an int."""
    return np.prod([c_out, c_in // groups, *kernel]) + (c_out if bias else 0)


def wrong_float32_inside(c_in, c_out, kernel, groups, bias):
    """float32 in between: digits are lost over 2**24 parameters."""
    n = torch.tensor([c_out, c_in // groups, *kernel], dtype=torch.float32).prod()
    return int(n) + (c_out if bias else 0)


def wrong_int32_inside(c_in, c_out, kernel, groups, bias):
    """int32 in between: overflows from 2**31 on."""
    n = np.array([c_out, c_in // groups, *kernel], dtype=np.int32).prod(dtype=np.int32)
    return int(n) + (c_out if bias else 0)


def wrong_float64_inside(c_in, c_out, kernel, groups, bias):
    """int(c_in / groups * ...): digits are lost beyond 2**53."""
    return int(c_in / groups * c_out * kernel[0] * kernel[1]) + (c_out if bias else 0)


def wrong_depthwise_special_case(c_in, c_out, kernel, groups, bias):
    """A special case for depthwise layers that forgets the several kernels of one input channel."""
    n = c_out * (c_in // groups) * kernel[0] * kernel[1]
    if groups == c_in > 1:
        n = c_in * kernel[0] * kernel[1]
    return n + (c_out if bias else 0)

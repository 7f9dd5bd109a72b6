"""Chapter 1, exercise: how many parameters a convolution has."""

import math

import torch
from torch import nn

from course.exercises.engine import Exercise, Misconception


def my_parameter_count(c_in, c_out, kernel, groups, bias):
    """The number of parameters of a convolution, as an int."""
    raise NotImplementedError


def solve_parameter_count(c_in, c_out, kernel, groups, bias):
    """The number of parameters of a convolution, as an int."""
    k_h, k_w = kernel
    weights = c_out * (c_in // groups) * k_h * k_w  # an output channel sees its own group's inputs alone
    return weights + c_out if bias else weights


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


def pytorch_count(c_in, c_out, kernel, groups, bias):
    """The reference: PyTorch's own module, made without memory."""
    module = nn.Conv2d(c_in, c_out, kernel, groups=groups, bias=bias, device="meta")
    return sum(parameter.numel() for parameter in module.parameters())


def wide_parameter_count(rng):
    """One valid case: both channel counts are multiples of the groups."""
    groups = rng.choice((1, 1, 2, 3, 4))
    kernel = rng.randint(1, 7), rng.randint(1, 7)
    return groups * rng.randint(1, 6), groups * rng.randint(1, 6), kernel, groups, rng.random() < 0.5


parameter_count = Exercise(
    name="parameter_count",
    title="count the parameters",
    difficulty="easy",
    minutes=8,
    task="""
        Return the number of parameters of a two-dimensional convolution from `c_in` to `c_out` channels, as
        an `int`. `kernel` is the pair `(K_h, K_w)`. `bias` is `True` or `False`: with or without one. With
        `groups` > 1 the channels are split into so many groups, side by side: an output channel sees the
        input channels of its own group only. Both channel counts are multiples of `groups`.

        By hand first: 3 colours to 16 channels, a kernel of 5 × 5, one group, with bias. And a linear layer
        from 28 · 28 · 3 numbers to 16?
    """,
    stub_function=my_parameter_count,
    reference=pytorch_count,
    cases=lambda rng: [
        (2, 3, (2, 1), 1, True),  # by hand: 12 weights and 3 biases
        (2, 3, (1, 2), 1, False),
        (3, 16, (5, 5), 1, True),
        (1, 4, (3, 3), 1, True),
        (4, 2, (3, 3), 2, True),
        (8, 8, (3, 3), 8, True),
        (6, 12, (2, 5), 3, False),
        (64, 128, (1, 1), 1, False),
        (32, 32, (1, 7), 32, False),
        (512, 512, (3, 3), 1, True),
        *(wide_parameter_count(rng) for _ in range(10)),
    ],
    wide=wide_parameter_count,
    hints=(
        "Write down the shapes of the weight and of the bias: the number of parameters is the product of a "
        "shape's sizes.",
        "The weight has the shape (C_out, C_in, K_h, K_w), the bias (C_out,). What becomes of C_in when an "
        "output channel sees one group of the inputs?",
        "`c_out * (c_in // groups) * k_h * k_w` weights, and `c_out` more with a bias.",
    ),
    solution_function=solve_parameter_count,
    alternatives=(
        parameter_count_by_group,
        parameter_count_by_channel,
        parameter_count_by_shape,
        lambda c_in, c_out, kernel, groups, bias: c_out * (c_in // groups * math.prod(kernel) + bias),
    ),
    misconceptions=(
        Misconception(
            "groups_forgotten",
            "The groups are not counted: an output channel sees c_in / groups input channels.",
            lambda c_in, c_out, kernel, groups, bias: pytorch_count(c_in, c_out, kernel, 1, bias),
        ),
        Misconception(
            "one_group_alone",
            "You divide both channel counts by the groups: that counts one group's weights. There are "
            "`groups` of them.",
            lambda c_in, c_out, kernel, groups, bias: (
                pytorch_count(c_in // groups, c_out // groups, kernel, 1, False) + c_out * bias
            ),
        ),
        Misconception(
            "groups_multiplied",
            "You multiply by the groups: they make a convolution smaller, since an output channel sees fewer "
            "inputs.",
            lambda c_in, c_out, kernel, groups, bias: (
                groups * pytorch_count(c_in, c_out, kernel, 1, False) + c_out * bias
            ),
        ),
        Misconception(
            "input_channels_forgotten",
            "You count one kernel of K_h * K_w for each output channel: it has one for each input channel "
            "that it sees.",
            lambda c_in, c_out, kernel, groups, bias: pytorch_count(1, c_out, kernel, 1, bias),
        ),
        Misconception(
            "bias_for_each_input_channel",
            "You count one bias for each input channel: there is one for each output channel.",
            lambda c_in, c_out, kernel, groups, bias: (
                pytorch_count(c_in, c_out, kernel, groups, False) + c_in * bias
            ),
        ),
        Misconception(
            "bias_for_each_kernel",
            "You count one bias for each pair of input and output channel: an output channel has one, added "
            "after the sum over its inputs.",
            lambda c_in, c_out, kernel, groups, bias: (
                pytorch_count(c_in, c_out, kernel, groups, False) + c_out * c_in // groups * bias
            ),
        ),
        Misconception(
            "one_bias",
            "You count a single bias: there is one for each output channel.",
            lambda c_in, c_out, kernel, groups, bias: (
                pytorch_count(c_in, c_out, kernel, groups, False) + bias
            ),
        ),
        Misconception(
            "bias_forgotten",
            "The bias is not counted: where `bias` is True there is one for each output channel.",
            lambda c_in, c_out, kernel, groups, bias: pytorch_count(c_in, c_out, kernel, groups, False),
        ),
        Misconception(
            "bias_always",
            "You always count a bias: where `bias` is False there is none.",
            lambda c_in, c_out, kernel, groups, bias: pytorch_count(c_in, c_out, kernel, groups, True),
        ),
        Misconception(
            "square_of_the_height",
            "You square the kernel's height: it need not be square, K_h * K_w.",
            lambda c_in, c_out, kernel, groups, bias: pytorch_count(c_in, c_out, kernel[0], groups, bias),
        ),
        Misconception(
            "square_of_the_width",
            "You square the kernel's width: it need not be square, K_h * K_w.",
            lambda c_in, c_out, kernel, groups, bias: pytorch_count(c_in, c_out, kernel[1], groups, bias),
        ),
        Misconception(
            "kernel_sides_added",
            "You add the kernel's sides: it has K_h * K_w elements.",
            lambda c_in, c_out, kernel, groups, bias: pytorch_count(
                c_in, c_out, (sum(kernel), 1), groups, bias
            ),
        ),
    ),
)

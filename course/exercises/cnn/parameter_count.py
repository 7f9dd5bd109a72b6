"""Chapter 1: how many parameters a convolution has."""

from torch import nn

from course.exercises.engine import Exercise


def my_parameter_count(c_in, c_out, kernel, groups, bias):
    """The number of parameters of a convolution, as an int."""
    k_h, k_w = kernel
    weights = c_out * (c_in // groups) * k_h * k_w  # an output channel sees its own group's inputs alone
    return weights + c_out if bias else weights


def pytorch_count(c_in, c_out, kernel, groups, bias):
    """The reference: PyTorch's own module, made without memory."""
    module = nn.Conv2d(c_in, c_out, kernel, groups=groups, bias=bias, device="meta")
    return sum(parameter.numel() for parameter in module.parameters())


def draw(rng, c_in, c_out, kernel, groups):
    """A case with groups times c_in and c_out channels."""
    return groups * c_in, groups * c_out, kernel, groups, rng.random() < 0.5


parameter_count = Exercise(
    my_parameter_count,
    reference=pytorch_count,
    by_hand=[
        (2, 3, (2, 1), 1, True),  # 12 weights and 3 biases
        (2, 3, (1, 2), 1, False),
        (3, 16, (5, 5), 1, True),
        (1, 4, (3, 3), 1, True),
        (4, 2, (3, 3), 2, True),
        (8, 8, (3, 3), 8, True),
        (6, 12, (2, 5), 3, False),
        (64, 128, (1, 1), 1, False),
        (32, 32, (1, 7), 32, False),
        (512, 512, (3, 3), 1, True),
        (1, 1, (1, 1), 1, True),
        (4, 8, (3, 2), 4, True),  # two kernels for each input channel
        (8, 4, (1, 3), 4, False),
        (10**17 + 1, 3, (1, 3), 1, True),
        (10**7, 10**7, (1000, 1000), 10**7, False),  # 10^13; without the groups it would be 10^20
        (3000, 60000, (7, 9), 1000, True),
    ],
    draw=draw,
    spans=dict(
        c_in=(1, 6),
        c_out=(1, 6),
        kernel=lambda rng: (rng.randint(1, 7), rng.randint(1, 7)),
        groups=[1, 1, 2, 3, 4],
    ),
    hints="""
        Write down the shapes of the weight and of the bias: the number of parameters is the product of a
        shape's sizes.

        The weight has the shape (C_out, C_in, K_h, K_w), the bias (C_out,). What becomes of C_in when an
        output channel sees one group of the inputs?

        This is the line itself: `c_out * (c_in // groups) * k_h * k_w` weights, and `c_out` more with a bias.
    """,
    special="""
        large_numbers: c_in * c_out * kernel[0] * kernel[1] > 2**31
            Your function is right but for large numbers: a float, or an int32, has too few digits for them,
            and no memory holds such a layer. Multiply Python ints, and divide with //.
        depthwise: groups == c_in > 1
            Your function is right but where each input channel has a group to itself: no special case.
        grouped: groups > 1
            Your function is right for one group. With more, an output channel sees c_in / groups inputs.
    """,
    wrong="""
        groups_forgotten: (c_in // groups) → c_in
            The groups are not counted: an output channel sees c_in / groups input channels.
        one_group_alone: weights = c_out * → weights = c_out // groups *
            You divide both channel counts by the groups: that counts one group's weights. There are `groups`
            of them.
        groups_multiplied: (c_in // groups) → c_in * groups
            You multiply by the groups: they make a convolution smaller, since an output channel sees fewer
            inputs.
        input_channels_forgotten:  * (c_in // groups) → nothing
            You count one kernel of K_h * K_w for each output channel: it has one for each input channel that
            it sees.
        bias_for_each_input_channel: weights + c_out → weights + c_in
            You count one bias for each input channel: there is one for each output channel.
        bias_for_each_kernel: weights + c_out → weights + c_out * c_in // groups
            You count one bias for each pair of input and output channel: an output channel has one, added
            after the sum over its inputs.
        bias_in_the_groups: weights + c_out → weights + c_out // groups
            You divide the biases by the groups as well: there is one for each output channel.
        bias_for_each_group: weights + c_out → weights + c_out * groups
            You count `groups` biases for each output channel: each has one.
        one_bias: weights + c_out → weights + 1
            You count a single bias: there is one for each output channel.
        bias_forgotten: weights + c_out → weights
            The bias is not counted: where `bias` is True there is one for each output channel.
        bias_always:  if bias else weights → nothing
            You always count a bias: where `bias` is False there is none.
        square_of_the_height: * k_h * k_w → * k_h * k_h
            You square the kernel's height: it need not be square, K_h * K_w.
        kernel_sides_added: * k_h * k_w → * (k_h + k_w)
            You add the kernel's sides: it has K_h * K_w elements.
    """,
)

"""Chapter 1, exercise: the depthwise separable convolution."""

import torch
import torch.nn.functional as F

from course.exercises.draw import normal
from course.exercises.engine import Exercise, Misconception


def my_depthwise_separable(x, depthwise, pointwise, bias, stride, padding):
    """A kernel for each channel of x (B, C_in, H, W), then a 1 x 1 convolution with bias (C_out,)."""
    raise NotImplementedError


def solve_depthwise_separable(x, depthwise, pointwise, bias, stride, padding):
    """A kernel for each channel of x (B, C_in, H, W), then a 1 x 1 convolution with bias (C_out,)."""
    filtered = F.conv2d(x, depthwise, None, stride, padding, groups=x.shape[1])  # (B, C_in, H_out, W_out)
    return F.conv2d(filtered, pointwise, bias)  # (B, C_out, H_out, W_out)


def separable_by_channel(x, depthwise, pointwise, bias, stride, padding):
    """The same, one channel at a time: its filtered image, times its column of the pointwise matrix."""
    total = bias[:, None, None]
    for c in range(x.shape[1]):
        filtered = F.conv2d(x[:, c : c + 1], depthwise[c : c + 1], None, stride, padding)
        total = total + filtered * pointwise[:, c]
    return total


def separable_by_element(x, depthwise, pointwise, bias, stride, padding):
    """The same, looping over the kernel's elements, then a linear layer at every pixel."""
    x = F.pad(x, (padding[1], padding[1], padding[0], padding[0]))
    k_h, k_w = depthwise.shape[2], depthwise.shape[3]
    last_i, last_j = x.shape[2] - k_h, x.shape[3] - k_w
    filtered = 0
    for k in range(k_h):
        for m in range(k_w):
            view = x[:, :, k : k + last_i + 1 : stride[0], m : m + last_j + 1 : stride[1]]
            filtered = filtered + view * depthwise[:, :, k, m, None]
    return torch.einsum("bchw,oc->bohw", filtered, pointwise[:, :, 0, 0]) + bias[:, None, None]


def stride_in_the_pointwise(x, depthwise, pointwise, bias, stride, padding):
    """The same at more cost: the pixels that a stride leaves out may be left out later."""
    return F.conv2d(F.conv2d(x, depthwise, None, 1, padding, 1, len(depthwise)), pointwise, bias, stride)


def dense(x, depthwise, pointwise, bias, stride, padding):
    """The reference: one ordinary convolution, its kernel the product of the two, in float64."""
    weight = pointwise.double() * depthwise.double().transpose(0, 1)  # (C_out, C_in, K_h, K_w)
    return F.conv2d(x.double(), weight, bias.double(), stride, padding).to(x.dtype)


def two_steps(x, depthwise, pointwise, bias=None, first=(1, 0), second=(1, 0), first_bias=None, between=None):
    """Depthwise, then pointwise, each with its own (stride, padding) and bias, and something between."""
    filtered = F.conv2d(x, depthwise, first_bias, *first, groups=x.shape[1])
    return F.conv2d(between(filtered) if between else filtered, pointwise, bias, *second)


def separable_case(rng, image, c_out, kernel, stride, padding, dtype=torch.float64):
    """A case with images (B, C_in, H, W), c_out output channels and a kernel (K_h, K_w)."""
    shapes = image, (image[1], 1, *kernel), (c_out, image[1], 1, 1), (c_out,)
    return *(normal(rng, *shape, dtype=dtype) for shape in shapes), stride, padding


def wide_separable(rng):
    """One valid case of small random sizes."""
    kernel, padding = (rng.randint(1, 3), rng.randint(1, 3)), (rng.randint(0, 2), rng.randint(0, 2))
    sides = (max(1, k - 2 * p) + rng.randint(0, 3) for k, p in zip(kernel, padding, strict=True))
    image = rng.randint(1, 2), rng.randint(1, 3), *sides
    return separable_case(
        rng, image, rng.randint(1, 3), kernel, (rng.randint(1, 3), rng.randint(1, 3)), padding
    )


def wrong(name, diagnosis, function):
    """A misconception from a function of (x, depthwise, pointwise, bias, (stride, padding))."""
    return Misconception(name, diagnosis, lambda x, d, p, b, s, pad: function(x, d, p, b, (s, pad)))


depthwise_separable = Exercise(
    name="depthwise_separable",
    title="depthwise separable convolution",
    difficulty="hard",
    minutes=20,
    task="""
        Write the layer of MobileNet in two steps; `F.conv2d` is allowed. First, each channel of `x` is
        cross-correlated with a kernel of its own, out of `depthwise` $(C_{in}, 1, K_h, K_w)$, with `stride`
        and `padding` (pairs, rows first). Then a 1 × 1 convolution mixes the channels: `pointwise`
        $(C_{out}, C_{in}, 1, 1)$ and `bias` $(C_{out},)$. Nothing stands between the two.

        The output has the shape $(B, C_{out}, H_{out}, W_{out})$. The check compares values and the
        gradients for all four tensors. How many multiplications does it save against a dense kernel?
    """,
    stub_function=my_depthwise_separable,
    reference=dense,
    cases=lambda rng: [
        (  # by hand
            torch.tensor([[[[1.0, 2.0]], [[3.0, 5.0]]]], dtype=torch.float64),
            torch.tensor([[[[1.0, -1.0]]], [[[2.0, 1.0]]]], dtype=torch.float64),
            torch.tensor([[[[10.0]], [[1.0]]]], dtype=torch.float64),
            torch.tensor([0.5], dtype=torch.float64),
            (1, 1),
            (0, 0),
        ),
        separable_case(rng, (1, 2, 3, 3), 2, (2, 2), (1, 1), (0, 0)),
        separable_case(rng, (1, 1, 4, 4), 1, (3, 3), (1, 1), (1, 1)),
        separable_case(rng, (2, 3, 5, 6), 3, (3, 2), (2, 1), (1, 0)),
        separable_case(rng, (2, 3, 6, 5), 4, (2, 3), (1, 2), (0, 1)),
        separable_case(rng, (1, 4, 7, 7), 2, (3, 3), (3, 3), (2, 2)),
        separable_case(rng, (3, 2, 8, 3), 5, (5, 1), (2, 2), (2, 0), torch.float32),
        separable_case(rng, (1, 4, 5, 5), 4, (1, 1), (1, 1), (0, 0), torch.float32),
        *(wide_separable(rng) for _ in range(6)),
    ],
    wide=wide_separable,
    gradients=True,
    hints=(
        "Read what the argument `groups` of `F.conv2d` does. How many groups make every channel a group of "
        "its own?",
        "With `groups=x.shape[1]` a weight of the shape (C_in, 1, K_h, K_w) meets channel by channel. Stride "
        "and padding belong to this step, the bias to the next.",
        "`filtered = F.conv2d(x, depthwise, None, stride, padding, groups=x.shape[1])`, and then "
        "`F.conv2d(filtered, pointwise, bias)`.",
    ),
    solution_function=solve_depthwise_separable,
    alternatives=(separable_by_channel, separable_by_element, stride_in_the_pointwise),
    misconceptions=(
        wrong(
            "stride_twice",
            "You apply the stride in both steps: it is applied once. The pointwise step has a stride of 1.",
            lambda x, d, p, b, how: two_steps(x, d, p, b, how, (how[0], 0)),
        ),
        wrong(
            "padding_twice",
            "You pad in both steps: the pointwise step needs no padding, its kernel is 1 × 1.",
            lambda x, d, p, b, how: two_steps(x, d, p, b, how, (1, how[1])),
        ),
        wrong(
            "stride_and_padding_twice",
            "You apply stride and padding in both steps: they belong to the depthwise step alone.",
            lambda x, d, p, b, how: two_steps(x, d, p, b, how, how),
        ),
        wrong(
            "padding_in_the_pointwise",
            "You pad before the pointwise step: pad the image, so that the kernel reaches over its border.",
            lambda x, d, p, b, how: two_steps(x, d, p, b, (how[0], 0), (1, how[1])),
        ),
        wrong(
            "stride_forgotten",
            "The stride is missing: the depthwise kernel moves by `stride`.",
            lambda x, d, p, b, how: two_steps(x, d, p, b, (1, how[1])),
        ),
        wrong(
            "padding_forgotten",
            "The padding is missing: the depthwise step pads the image with zeros.",
            lambda x, d, p, b, how: two_steps(x, d, p, b, (how[0], 0)),
        ),
        wrong(
            "rows_and_columns_swapped",
            "Height and width are swapped in stride and padding: the first of each pair belongs to the rows.",
            lambda x, d, p, b, how: two_steps(x, d, p, b, (how[0][::-1], how[1][::-1])),
        ),
        wrong(
            "bias_before_the_pointwise",
            "You add the bias before the pointwise step, which then mixes it: there is one bias for each "
            "output channel, added at the end.",
            lambda x, d, p, b, how: two_steps(x, d, p, None, how, first_bias=b),
        ),
        wrong(
            "bias_in_both",
            "You add the bias in both steps: add it once, at the end.",
            lambda x, d, p, b, how: two_steps(x, d, p, b, how, first_bias=b),
        ),
        wrong(
            "bias_for_each_input_channel",
            "You add the bias once for every input channel: add it once, after the sum over channels.",
            lambda x, d, p, b, how: two_steps(x, d, p, x.shape[1] * b, how),
        ),
        wrong(
            "bias_forgotten",
            "The bias is missing: add bias[c] to every element of output channel c.",
            lambda x, d, p, b, how: two_steps(x, d, p, None, how),
        ),
        wrong(
            "order_swapped",
            "You mix the channels first: that runs where C_in = C_out, but is another function, since each "
            "kernel then sees a mixture. First depthwise, then pointwise.",
            lambda x, d, p, b, how: F.conv2d(F.conv2d(x, p), d, b, *how, groups=x.shape[1]),
        ),
        wrong(
            "flipped_kernels",
            "Your kernels are flipped: deep learning uses cross-correlation.",
            lambda x, d, p, b, how: two_steps(x, d.flip(-2, -1), p, b, how),
        ),
        wrong(
            "one_kernel_for_all",
            "You use the first kernel for every channel: channel c has depthwise[c].",
            lambda x, d, p, b, how: two_steps(x, d[:1].expand_as(d), p, b, how),
        ),
        wrong(
            "channels_mixed_at_once",
            "Each of your kernels sums over all channels: the depthwise step filters channel c with "
            "depthwise[c] alone, groups=C_in.",
            lambda x, d, p, b, how: F.conv2d(F.conv2d(x, d.expand(-1, len(d), -1, -1), None, *how), p, b),
        ),
        wrong(
            "pointwise_transposed",
            "Your pointwise matrix is transposed: pointwise[o, c] leads from channel c to output o.",
            lambda x, d, p, b, how: two_steps(x, d, p.transpose(0, 1), b, how),
        ),
        wrong(
            "activation_between",
            "You put a ReLU between the steps. MobileNet has one there, but this layer has not: nothing "
            "stands between the two.",
            lambda x, d, p, b, how: two_steps(x, d, p, b, how, between=F.relu),
        ),
    ),
)

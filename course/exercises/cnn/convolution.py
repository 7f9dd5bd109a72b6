"""Chapter 1, exercise: conv2d with stride and padding."""

import torch
import torch.nn.functional as F

from course.exercises.draw import normal
from course.exercises.engine import Exercise, Misconception


def my_conv2d(x, weight, bias, stride, padding):
    """Cross-correlation of x (B, C_in, H, W) with weight (C_out, C_in, K_h, K_w), plus bias (C_out,)."""
    raise NotImplementedError


def solve_conv2d(x, weight, bias, stride, padding):
    """Cross-correlation of x (B, C_in, H, W) with weight (C_out, C_in, K_h, K_w), plus bias (C_out,)."""
    (s_h, s_w), (p_h, p_w) = stride, padding
    k_h, k_w = weight.shape[2], weight.shape[3]
    x = F.pad(x, (p_w, p_w, p_h, p_h))  # F.pad counts axes from the last one
    h_out = (x.shape[2] - k_h) // s_h + 1
    w_out = (x.shape[3] - k_w) // s_w + 1
    out = x.new_zeros(x.shape[0], weight.shape[0], h_out, w_out)
    for i in range(h_out):
        for j in range(w_out):
            top, left = i * s_h, j * s_w
            patch = x[:, :, top : top + k_h, left : left + k_w]  # (B, C_in, K_h, K_w)
            out[:, :, i, j] = torch.einsum("bckl,ockl->bo", patch, weight) + bias
    return out


def conv2d_by_kernel_element(x, weight, bias, stride, padding):
    """The same, looping over the kernel: each element adds its weight times a strided view of the image."""
    (s_h, s_w), (p_h, p_w) = stride, padding
    k_h, k_w = weight.shape[2:]
    x = F.pad(x, (p_w, p_w, p_h, p_h))
    last_i, last_j = x.shape[2] - k_h, x.shape[3] - k_w
    total = bias[None, :, None, None]
    for k in range(k_h):
        for m in range(k_w):
            view = x[:, :, k : k + last_i + 1 : s_h, m : m + last_j + 1 : s_w]
            total = total + torch.einsum("bchw,oc->bohw", view, weight[:, :, k, m])
    return total


def conv2d_by_unfold(x, weight, bias, stride, padding):
    """The same as one matrix product over all patches."""
    rows = F.unfold(x, weight.shape[2:], padding=padding, stride=stride)  # (B, C_in K_h K_w, positions)
    h_out = (x.shape[2] + 2 * padding[0] - weight.shape[2]) // stride[0] + 1
    return (weight.flatten(1) @ rows + bias[:, None]).unflatten(2, (h_out, -1))


def conv2d_by_numbers(x, weight, bias, stride, padding):
    """The same, one output number at a time."""
    x = F.pad(x, (padding[1], padding[1], padding[0], padding[0]))
    rows = range(0, x.shape[2] - weight.shape[2] + 1, stride[0])
    columns = range(0, x.shape[3] - weight.shape[3] + 1, stride[1])
    numbers = [
        (image[:, i : i + weight.shape[2], j : j + weight.shape[3]] * kernel).sum() + b
        for image in x
        for kernel, b in zip(weight, bias, strict=True)
        for i in rows
        for j in columns
    ]
    return torch.stack(numbers).reshape(x.shape[0], weight.shape[0], len(rows), len(columns))


def wide_conv2d(rng, dtype=torch.float64):
    """One valid case of small random sizes."""
    k_h, k_w, p_h, p_w = rng.randint(1, 3), rng.randint(1, 3), rng.randint(0, 2), rng.randint(0, 2)
    h, w = (max(1, k - 2 * p) + rng.randint(0, 3) for k, p in ((k_h, p_h), (k_w, p_w)))
    c_in, c_out = rng.randint(1, 3), rng.randint(1, 3)
    return conv2d_case(rng, (rng.randint(1, 2), c_in, h, w), (c_out, k_h, k_w), (p_h, p_w), dtype)


def conv2d_case(rng, image, kernel, padding, dtype=torch.float64, stride=None):
    """A case with an image (B, C_in, H, W) and a kernel (C_out, K_h, K_w); draws the stride unless given."""
    weight = normal(rng, kernel[0], image[1], *kernel[1:], dtype=dtype)
    bias = normal(rng, kernel[0], dtype=dtype)
    return (
        normal(rng, *image, dtype=dtype),
        weight,
        bias,
        stride or (rng.randint(1, 3), rng.randint(1, 3)),
        padding,
    )


def conv2d_with_bias_by_row(x, weight, bias, stride, padding):
    """conv2d with `bias[i]` for output row i."""
    out = F.conv2d(x, weight, None, stride, padding)
    return out + bias[torch.arange(out.shape[2])][:, None]


conv2d = Exercise(
    name="conv2d",
    title="conv2d with stride and padding",
    difficulty="medium",
    minutes=25,
    task="""
        Write `my_conv2d` without `F.conv2d` or `F.unfold`; loops are welcome. The kernel is not flipped.
        `stride` and `padding` are pairs, rows first: `stride = (2, 1)` moves down two rows, but right one
        column, at a time. `padding = (p_h, p_w)` adds `p_h` rows of zeros at the top and as many at the
        bottom, and likewise `p_w` columns left and right. Image and kernel need not be square.

        The output has the shape $(B, C_{out}, H_{out}, W_{out})$ and the type of `x`. The check compares its
        values and the gradients for `x`, `weight` and `bias`, so compute with tensors throughout.
    """,
    stub_function=my_conv2d,
    reference=lambda x, weight, bias, stride, padding: F.conv2d(
        x.double(), weight.double(), bias.double(), stride, padding
    ).to(x.dtype),
    cases=lambda rng: [
        (  # by hand
            torch.arange(1.0, 10.0, dtype=torch.float64).reshape(1, 1, 3, 3),
            torch.tensor([[[[1.0, 0.0], [0.0, -2.0]]]], dtype=torch.float64),
            torch.tensor([10.0], dtype=torch.float64),
            (1, 1),
            (0, 0),
        ),
        conv2d_case(rng, (1, 1, 3, 4), (1, 2, 2), (1, 1), stride=(1, 1)),
        conv2d_case(rng, (1, 2, 3, 3), (1, 2, 2), (0, 0), stride=(1, 1)),
        conv2d_case(rng, (1, 1, 5, 5), (2, 3, 3), (0, 0), stride=(2, 2)),
        conv2d_case(rng, (2, 1, 6, 4), (3, 2, 3), (0, 1), stride=(2, 1)),
        conv2d_case(rng, (2, 3, 5, 8), (4, 3, 1), (1, 0), stride=(1, 3)),
        conv2d_case(rng, (1, 2, 4, 4), (4, 3, 3), (1, 1), stride=(1, 1)),
        conv2d_case(rng, (3, 2, 2, 7), (5, 2, 4), (2, 1), torch.float32, (3, 2)),
        conv2d_case(rng, (1, 2, 7, 6), (2, 3, 2), (0, 2), torch.float32, (1, 2)),
        *(wide_conv2d(rng) for _ in range(6)),
    ],
    wide=wide_conv2d,
    gradients=True,
    hints=(
        "Pad first. Then the output element at row i and column j looks at one patch of the padded image: "
        "where does that patch begin?",
        "The patch begins at row `i * s_h` and column `j * s_w`. Multiply it by the kernel, element by "
        "element, and sum over channels, rows and columns; add the bias of the output channel.",
        "`F.pad(x, (p_w, p_w, p_h, p_h))` pads: it counts axes from the last one. Start from "
        "`out = x.new_zeros(B, C_out, h_out, w_out)`, loop over i and j, and fill `out[:, :, i, j]` with "
        "`torch.einsum('bckl,ockl->bo', patch, weight) + bias`.",
    ),
    solution_function=solve_conv2d,
    alternatives=(conv2d_by_kernel_element, conv2d_by_unfold, conv2d_by_numbers, F.conv2d),
    misconceptions=(
        Misconception(
            "flipped_kernel",
            "Your kernel is flipped: this is convolution as in signal processing. Deep learning uses "
            "cross-correlation: kernel element (k, l) meets image element (i + k, j + l).",
            lambda x, weight, bias, stride, padding: F.conv2d(x, weight.flip(-2, -1), bias, stride, padding),
        ),
        Misconception(
            "transposed_kernel",
            "Your kernel is transposed: its first axis runs down the rows of the image, its second along "
            "the columns.",
            lambda x, weight, bias, stride, padding: F.conv2d(x, weight.mT, bias, stride, padding),
        ),
        Misconception(
            "bias_by_row",
            "You index the bias by output row. There is one bias for each output channel, the same at every "
            "pixel.",
            conv2d_with_bias_by_row,
        ),
        Misconception(
            "bias_along_the_width",
            "Your bias runs along the width: broadcasting lines up its only axis with the last one of the "
            "output. Give it the shape (C_out, 1, 1).",
            lambda x, weight, bias, stride, padding: F.conv2d(x, weight, None, stride, padding) + bias,
        ),
        Misconception(
            "bias_forgotten",
            "The bias is missing: add bias[c] to every element of output channel c.",
            lambda x, weight, bias, stride, padding: F.conv2d(x, weight, None, stride, padding),
        ),
        Misconception(
            "bias_for_each_input_channel",
            "You add the bias once for every input channel: add it once, after the sum over channels.",
            lambda x, weight, bias, stride, padding: F.conv2d(x, weight, x.shape[1] * bias, stride, padding),
        ),
        Misconception(
            "first_channel_only",
            "You use the first input channel alone: sum over all of them.",
            lambda x, weight, bias, stride, padding: F.conv2d(x[:, :1], weight[:, :1], bias, stride, padding),
        ),
        Misconception(
            "mean_for_sum",
            "You take the mean over the patch: the products are summed.",
            lambda x, weight, bias, stride, padding: F.conv2d(
                x, weight / weight[0].numel(), bias, stride, padding
            ),
        ),
        Misconception(
            "padding_at_the_start_only",
            "You pad the top and the left only: padding is added on both sides of each axis.",
            lambda x, weight, bias, stride, padding: F.conv2d(
                F.pad(x, (padding[1], 0, padding[0], 0)), weight, bias, stride
            ),
        ),
        Misconception(
            "padding_at_the_end_only",
            "You pad the bottom and the right only: padding is added on both sides of each axis.",
            lambda x, weight, bias, stride, padding: F.conv2d(
                F.pad(x, (0, padding[1], 0, padding[0])), weight, bias, stride
            ),
        ),
        Misconception(
            "padding_forgotten",
            "The padding is missing: add p_h rows of zeros above and below, p_w columns left and right.",
            lambda x, weight, bias, stride, padding: F.conv2d(x, weight, bias, stride),
        ),
        Misconception(
            "padding_swapped",
            "Height and width are swapped in the padding. F.pad counts axes from the last one: (p_w, p_w, "
            "p_h, p_h).",
            lambda x, weight, bias, stride, padding: F.conv2d(x, weight, bias, stride, padding[::-1]),
        ),
        Misconception(
            "stride_swapped",
            "Height and width are swapped in the stride: stride[0] is the step down the rows.",
            lambda x, weight, bias, stride, padding: F.conv2d(x, weight, bias, stride[::-1], padding),
        ),
        Misconception(
            "stride_and_padding_swapped",
            "Height and width are swapped in both stride and padding: the first of each pair belongs to the "
            "rows.",
            lambda x, weight, bias, stride, padding: F.conv2d(x, weight, bias, stride[::-1], padding[::-1]),
        ),
        Misconception(
            "height_stride_for_both",
            "You step by stride[0] along both axes: the columns step by stride[1].",
            lambda x, weight, bias, stride, padding: F.conv2d(x, weight, bias, stride[0], padding),
        ),
        Misconception(
            "stride_forgotten",
            "The stride is missing: the patch of output (i, j) begins at row i * s_h and column j * s_w.",
            lambda x, weight, bias, stride, padding: F.conv2d(x, weight, bias, 1, padding),
        ),
        Misconception(
            "stride_inside_the_kernel",
            "You apply the stride between the kernel's elements: that is dilation. The stride moves the "
            "whole kernel.",
            lambda x, weight, bias, stride, padding: F.conv2d(x, weight, bias, 1, padding, dilation=stride),
        ),
        Misconception(
            "steps_of_a_whole_kernel",
            "You step by the kernel's size, so patches never overlap: step by the stride.",
            lambda x, weight, bias, stride, padding: F.conv2d(x, weight, bias, weight.shape[2:], padding),
        ),
    ),
)

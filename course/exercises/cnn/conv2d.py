"""Chapter 1: conv2d with stride and padding."""

import torch
import torch.nn.functional as F
from course.exercises.cases import normal
from course.exercises.engine import Exercise


def my_conv2d(x, weight, bias, stride, padding):
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


conv2d = Exercise(
    my_conv2d,
    reference=lambda x, weight, bias, stride, padding: F.conv2d(
        x.double(), weight.double(), bias.double(), stride, padding
    ).to(x.dtype),
    gradients=True,
    # OLD wide=wide_conv2d
    # OLD cases:
    # lambda rng: [
    #         (  # by hand
    #             torch.arange(1.0, 10.0, dtype=torch.float64).reshape(1, 1, 3, 3),
    #             torch.tensor([[[[1.0, 0.0], [0.0, -2.0]]]], dtype=torch.float64),
    #             torch.tensor([10.0], dtype=torch.float64),
    #             (1, 1),
    #             (0, 0),
    #         ),
    #         conv2d_case(rng, (1, 1, 3, 4), (1, 2, 2), (1, 1), stride=(1, 1)),
    #         conv2d_case(rng, (1, 2, 3, 3), (1, 2, 2), (0, 0), stride=(1, 1)),
    #         conv2d_case(rng, (1, 1, 5, 5), (2, 3, 3), (0, 0), stride=(2, 2)),
    #         conv2d_case(rng, (2, 1, 6, 4), (3, 2, 3), (0, 1), stride=(2, 1)),
    #         conv2d_case(rng, (2, 3, 5, 8), (4, 3, 1), (1, 0), stride=(1, 3)),
    #         conv2d_case(rng, (1, 2, 4, 4), (4, 3, 3), (1, 1), stride=(1, 1)),
    #         conv2d_case(rng, (3, 2, 2, 7), (5, 2, 4), (2, 1), torch.float32, (3, 2)),
    #         conv2d_case(rng, (1, 2, 7, 6), (2, 3, 2), (0, 2), torch.float32, (1, 2)),
    #         *(wide_conv2d(rng) for _ in range(6)),
    #     ]
    by_hand=(),
    draw=None,
    sizes=[],
    spans={},
    hints="""
        Pad first. Then the output element at row i and column j looks at one patch of the padded image: where
        does that patch begin?

        The patch begins at row `i * s_h` and column `j * s_w`. Multiply it by the kernel, element by element,
        and sum over channels, rows and columns; add the bias of the output channel.

        `F.pad(x, (p_w, p_w, p_h, p_h))` pads: it counts axes from the last one. Start from `out =
        x.new_zeros(B, C_out, h_out, w_out)`, loop over i and j, and fill `out[:, :, i, j]` with
        `torch.einsum('bckl,ockl->bo', patch, weight) + bias`.
    """,
    wrong="""
        flipped_kernel: OLD → NEW
            Your kernel is flipped: this is convolution as in signal processing. Deep learning uses
            cross-correlation: kernel element (k, l) meets image element (i + k, j + l).
        transposed_kernel: OLD → NEW
            Your kernel is transposed: its first axis runs down the rows of the image, its second along the
            columns.
        bias_by_row: OLD → NEW
            You index the bias by output row. There is one bias for each output channel, the same at every
            pixel.
        bias_along_the_width: OLD → NEW
            Your bias runs along the width: broadcasting lines up its only axis with the last one of the
            output. Give it the shape (C_out, 1, 1).
        bias_forgotten: OLD → NEW
            The bias is missing: add bias[c] to every element of output channel c.
        bias_for_each_input_channel: OLD → NEW
            You add the bias once for every input channel: add it once, after the sum over channels.
        first_channel_only: OLD → NEW
            You use the first input channel alone: sum over all of them.
        mean_for_sum: OLD → NEW
            You take the mean over the patch: the products are summed.
        padding_at_the_start_only: OLD → NEW
            You pad the top and the left only: padding is added on both sides of each axis.
        padding_at_the_end_only: OLD → NEW
            You pad the bottom and the right only: padding is added on both sides of each axis.
        padding_forgotten: OLD → NEW
            The padding is missing: add p_h rows of zeros above and below, p_w columns left and right.
        padding_swapped: OLD → NEW
            Height and width are swapped in the padding. F.pad counts axes from the last one: (p_w, p_w, p_h,
            p_h).
        stride_swapped: OLD → NEW
            Height and width are swapped in the stride: stride[0] is the step down the rows.
        stride_and_padding_swapped: OLD → NEW
            Height and width are swapped in both stride and padding: the first of each pair belongs to the
            rows.
        height_stride_for_both: OLD → NEW
            You step by stride[0] along both axes: the columns step by stride[1].
        stride_forgotten: OLD → NEW
            The stride is missing: the patch of output (i, j) begins at row i * s_h and column j * s_w.
        stride_inside_the_kernel: OLD → NEW
            You apply the stride between the kernel's elements: that is dilation. The stride moves the whole
            kernel.
        steps_of_a_whole_kernel: OLD → NEW
            You step by the kernel's size, so patches never overlap: step by the stride.
    """,
)

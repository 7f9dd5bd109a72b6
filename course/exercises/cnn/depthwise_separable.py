"""Chapter 1: the depthwise separable convolution."""

import torch
import torch.nn.functional as F
from course.exercises.cases import normal
from course.exercises.engine import Exercise


def my_depthwise_separable(x, depthwise, pointwise, bias, stride, padding):
    """A kernel for each channel of x (B, C_in, H, W), then a 1 x 1 convolution with bias (C_out,)."""
    filtered = F.conv2d(x, depthwise, None, stride, padding, groups=x.shape[1])  # (B, C_in, H_out, W_out)
    return F.conv2d(filtered, pointwise, bias)  # (B, C_out, H_out, W_out)


def dense(x, depthwise, pointwise, bias, stride, padding):
    """The reference: one ordinary convolution, its kernel the product of the two, in float64."""
    weight = pointwise.double() * depthwise.double().transpose(0, 1)  # (C_out, C_in, K_h, K_w)
    return F.conv2d(x.double(), weight, bias.double(), stride, padding).to(x.dtype)


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


depthwise_separable = Exercise(
    my_depthwise_separable,
    reference=dense,
    gradients=True,
    # OLD wide=wide_separable
    # OLD cases:
    # lambda rng: [
    #         (  # by hand
    #             torch.tensor([[[[1.0, 2.0]], [[3.0, 5.0]]]], dtype=torch.float64),
    #             torch.tensor([[[[1.0, -1.0]]], [[[2.0, 1.0]]]], dtype=torch.float64),
    #             torch.tensor([[[[10.0]], [[1.0]]]], dtype=torch.float64),
    #             torch.tensor([0.5], dtype=torch.float64),
    #             (1, 1),
    #             (0, 0),
    #         ),
    #         separable_case(rng, (1, 2, 3, 3), 2, (2, 2), (1, 1), (0, 0)),
    #         separable_case(rng, (1, 1, 4, 4), 1, (3, 3), (1, 1), (1, 1)),
    #         separable_case(rng, (2, 3, 5, 6), 3, (3, 2), (2, 1), (1, 0)),
    #         separable_case(rng, (2, 3, 6, 5), 4, (2, 3), (1, 2), (0, 1)),
    #         separable_case(rng, (1, 4, 7, 7), 2, (3, 3), (3, 3), (2, 2)),
    #         separable_case(rng, (3, 2, 8, 3), 5, (5, 1), (2, 2), (2, 0), torch.float32),
    #         separable_case(rng, (1, 4, 5, 5), 4, (1, 1), (1, 1), (0, 0), torch.float32),
    #         *(wide_separable(rng) for _ in range(6)),
    #     ]
    by_hand=(),
    draw=None,
    sizes=[],
    spans={},
    hints="""
        Read what the argument `groups` of `F.conv2d` does. How many groups make every channel a group of its
        own?

        With `groups=x.shape[1]` a weight of the shape (C_in, 1, K_h, K_w) meets channel by channel. Stride
        and padding belong to this step, the bias to the next.

        `filtered = F.conv2d(x, depthwise, None, stride, padding, groups=x.shape[1])`, and then
        `F.conv2d(filtered, pointwise, bias)`.
    """,
    wrong="""
        stride_twice: OLD → NEW
            You apply the stride in both steps: it is applied once. The pointwise step has a stride of 1.
        padding_twice: OLD → NEW
            You pad in both steps: the pointwise step needs no padding, its kernel is 1 × 1.
        stride_and_padding_twice: OLD → NEW
            You apply stride and padding in both steps: they belong to the depthwise step alone.
        padding_in_the_pointwise: OLD → NEW
            You pad before the pointwise step: pad the image, so that the kernel reaches over its border.
        stride_forgotten: OLD → NEW
            The stride is missing: the depthwise kernel moves by `stride`.
        padding_forgotten: OLD → NEW
            The padding is missing: the depthwise step pads the image with zeros.
        rows_and_columns_swapped: OLD → NEW
            Height and width are swapped in stride and padding: the first of each pair belongs to the rows.
        bias_before_the_pointwise: OLD → NEW
            You add the bias before the pointwise step, which then mixes it: there is one bias for each output
            channel, added at the end.
        bias_in_both: OLD → NEW
            You add the bias in both steps: add it once, at the end.
        bias_for_each_input_channel: OLD → NEW
            You add the bias once for every input channel: add it once, after the sum over channels.
        bias_forgotten: OLD → NEW
            The bias is missing: add bias[c] to every element of output channel c.
        order_swapped: OLD → NEW
            You mix the channels first: that runs where C_in = C_out, but is another function, since each
            kernel then sees a mixture. First depthwise, then pointwise.
        flipped_kernels: OLD → NEW
            Your kernels are flipped: deep learning uses cross-correlation.
        one_kernel_for_all: OLD → NEW
            You use the first kernel for every channel: channel c has depthwise[c].
        channels_mixed_at_once: OLD → NEW
            Each of your kernels sums over all channels: the depthwise step filters channel c with
            depthwise[c] alone, groups=C_in.
        pointwise_transposed: OLD → NEW
            Your pointwise matrix is transposed: pointwise[o, c] leads from channel c to output o.
        activation_between: OLD → NEW
            You put a ReLU between the steps. MobileNet has one there, but this layer has not: nothing stands
            between the two.
    """,
)

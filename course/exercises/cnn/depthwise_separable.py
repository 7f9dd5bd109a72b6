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


def draw(rng, B, C, D, H, W, kernel, stride, padding, dtype=torch.float64):
    """A case with C input and D output channels."""
    shapes = (B, C, H, W), (C, 1, *kernel), (D, C, 1, 1), (D,)
    return *(normal(rng, *shape, dtype=dtype) for shape in shapes), stride, padding


def spans(rng):
    """Small sizes; the kernel fits also without padding, and with rows and columns swapped."""
    kernel, padding, stride = ((rng.randint(low, 3), rng.randint(low, 3)) for low in (1, 0, 1))
    H, W = (max(kernel) + rng.randint(0, 3) for _ in range(2))
    B, C, D = rng.randint(1, 2), rng.randint(1, 3), rng.randint(1, 3)
    return dict(B=B, C=C, D=D, H=H, W=W, kernel=kernel, stride=stride, padding=padding)


depthwise_separable = Exercise(
    my_depthwise_separable,
    reference=dense,
    gradients=True,
    by_hand=[
        (
            [[[[1.0, 2.0]], [[3.0, 5.0]]]],
            [[[[1.0, -1.0]]], [[[2.0, 1.0]]]],
            [[[[10.0]], [[1.0]]]],
            [0.5],
            (1, 1),
            (0, 0),
        ),
        (  # one kernel is 0, and so are the weights of one channel
            [[[[1.0]], [[2.0]]]],
            [[[[0.0]]], [[[3.0]]]],
            [[[[5.0]], [[0.0]]], [[[7.0]], [[0.0]]]],
            [0.5, -1.0],
            (1, 1),
            (0, 0),
        ),
        (
            [[[[0.0]], [[0.0]]]],
            [[[[2.0]]], [[[3.0]]]],
            [[[[5.0]], [[1.0]]], [[[7.0]], [[4.0]]]],
            [0.5, -1.0],
            (1, 1),
            (0, 0),
        ),
        (
            [[[[100.0]], [[-200.0]]]],
            [[[[2.0]]], [[[3.0]]]],
            [[[[5.0]], [[1.0]]], [[[7.0]], [[4.0]]]],
            [0.5, -1.0],
            (1, 1),
            (0, 0),
        ),
    ],
    draw=draw,
    sizes=[
        dict(B=1, C=2, D=2, H=3, W=3, kernel=(2, 2), stride=(1, 1), padding=(0, 0)),
        dict(B=1, C=2, D=2, H=4, W=4, kernel=(2, 2), stride=(2, 2), padding=(0, 0)),
        dict(B=1, C=1, D=1, H=1, W=1, kernel=(1, 1), stride=(1, 1), padding=(0, 0), dtype=torch.float32),
        dict(B=1, C=1, D=1, H=4, W=4, kernel=(3, 3), stride=(1, 1), padding=(1, 1)),
        dict(B=2, C=3, D=3, H=5, W=6, kernel=(3, 2), stride=(2, 1), padding=(1, 0)),
        dict(B=2, C=3, D=4, H=6, W=5, kernel=(2, 3), stride=(1, 2), padding=(0, 1)),
        dict(B=1, C=4, D=2, H=7, W=7, kernel=(3, 3), stride=(3, 3), padding=(2, 2)),
        dict(B=3, C=2, D=5, H=8, W=3, kernel=(5, 1), stride=(2, 2), padding=(2, 0), dtype=torch.float32),
        dict(B=1, C=4, D=4, H=5, W=5, kernel=(1, 1), stride=(1, 1), padding=(0, 0), dtype=torch.float32),
        dict(B=1, C=1, D=3, H=1, W=4, kernel=(1, 2), stride=(1, 2), padding=(3, 1)),
        dict(B=2, C=17, D=1, H=1, W=2, kernel=(2, 3), stride=(1, 1), padding=(1, 1)),
        dict(B=1, C=2, D=2, H=3, W=3, kernel=(2, 2), stride=(1, 1), padding=(3, 3)),
        dict(B=1, C=2, D=2, H=5, W=5, kernel=(2, 2), stride=(1, 2), padding=(0, 0)),
        dict(B=1, C=2, D=2, H=4, W=4, kernel=(3, 3), stride=(1, 1), padding=(0, 1)),
        dict(B=1, C=2, D=2, H=34, W=34, kernel=(2, 2), stride=(2, 2), padding=(0, 0)),
        dict(B=16, C=2, D=20, H=2, W=2, kernel=(2, 2), stride=(1, 1), padding=(0, 0)),
    ],
    spans=spans,
    hints="""
        Read what the argument `groups` of `F.conv2d` does. How many groups make every channel a group of its
        own?

        With `groups=x.shape[1]` a weight of the shape (C_in, 1, K_h, K_w) meets channel by channel. Stride
        and padding belong to this step, the bias to the next.

        These are the lines themselves: `filtered = F.conv2d(x, depthwise, None, stride, padding,
        groups=x.shape[1])`, and then `F.conv2d(filtered, pointwise, bias)`.
    """,
    special="""
        zeros: not all(t.abs().sum(axes).all() for t,axes in ((x,(0,2,3)),(depthwise,(2,3)),(pointwise,(0,))))
            Your function is right but where a channel of x, its kernel or its weights in `pointwise` are 0:
            skip none, since the gradients for the others are not 0, and divide by nothing that may be 0.
        wider_padding: any(p > k for p, k in zip(padding, depthwise.shape[2:]))
            Your function is right but where the padding is wider than the kernel: places on padding alone
            count as well.
        wide_padding: any(p >= k for p, k in zip(padding, depthwise.shape[2:]))
            Your function is right but where the padding is as wide as the kernel: places on padding alone
            count as well.
        larger_output: any((n+2*p-k)//s>=n for n,p,k,s in zip(x.shape[2:],padding,depthwise.shape[2:],stride))
            Your function is right but where the output is larger than the image: cut nothing off.
        unequal_strides: stride[0] != stride[1]
            Your function is right where both strides are equal: the first is for the rows, and the depthwise
            step alone makes them.
        unequal_paddings: padding[0] != padding[1]
            Your function is right where both paddings are equal: the first is for the rows.
        one_channel: 1 in pointwise.shape[:2]
            Your function is right but where C_in or C_out is 1: a squeeze() takes such an axis away.
        equal_channels: pointwise.shape[0] != pointwise.shape[1]
            Your function is right where C_in = C_out: groups is C_in, the bias has C_out elements.
        in_part: any((n+2*p-k) % s for n,p,k,s in zip(x.shape[2:], padding, depthwise.shape[2:], stride))
            Your function is right but where the kernel fits only in part at the end: round down.
        square_kernel: depthwise.shape[2] != depthwise.shape[3]
            Your function is right for square kernels alone: K_h belongs to the rows, K_w to the columns.
        unequal_pairs: stride[0] != stride[1] or padding[0] != padding[1]
            Your function is right where both numbers of each pair are equal: the first is for the rows.
        padded: max(padding) > 0
            Your function is right without padding: zeros go around the image before the depthwise step.
        strided: max(stride) > 1
            Your function is right for strides of 1: places (i * s_h, j * s_w) of the depthwise step remain.
        several_inputs: x.shape[1] > 1
            Your function is right for one input channel: each has its own kernel and its own pointwise[o, c].
        several_outputs: len(bias) > 1
            Your function is right for one output channel: each has its own weights and bias.
    """,
    wrong="""
        stride_and_padding_in_wrong_order: stride, padding, groups → padding, stride, groups
            Stride and padding stand in each other's place: F.conv2d(x, weight, bias, stride, padding).
        mean_over_channels: pointwise, bias) → pointwise / x.shape[1], bias)
            You take the mean over the channels: the pointwise step sums.
        activation_at_the_end: (filtered, pointwise, bias) → (filtered, pointwise, bias).relu()
            You put a ReLU at the end: nothing follows the bias here.
        stride_twice: pointwise, bias) → pointwise, bias, stride)
            You apply the stride in both steps: it is applied once. The pointwise step has a stride of 1.
        padding_twice: pointwise, bias) → pointwise, bias, 1, padding)
            You pad in both steps: the pointwise step needs no padding, its kernel is 1 × 1.
        bias_before_the_pointwise: None, stride → bias, stride
        and: pointwise, bias) → pointwise)
            You add the bias before the pointwise step, which then mixes it: there is one bias for each output
            channel, added at the end.
        bias_in_both: None, stride → bias, stride
            You add the bias in both steps: add it once, at the end.
        bias_forgotten: pointwise, bias) → pointwise)
            The bias is missing: add bias[c] to every element of output channel c.
        order_swapped: (x, depthwise, None, stride, padding, groups=x.shape[1]) → (x, pointwise)
        and: pointwise, bias) → depthwise, bias, stride, padding, groups=x.shape[1])
            You mix the channels first: that runs where C_in = C_out, but is another function, since each
            kernel then sees a mixture. First depthwise, then pointwise.
        flipped_kernels: (x, depthwise, None → (x, depthwise.flip(-2, -1), None
            Your kernels are flipped: deep learning uses cross-correlation.
        channels_mixed_at_once: (x, depthwise, None → (x, depthwise.expand(-1, len(depthwise), -1, -1), None
        and: , groups=x.shape[1] → nothing
            Each of your kernels sums over all channels: the depthwise step filters channel c with
            depthwise[c] alone, groups=C_in.
        pointwise_transposed: pointwise, bias) → pointwise.transpose(0, 1), bias)
            Your pointwise matrix is transposed: pointwise[o, c] leads from channel c to output o.
        activation_between: (filtered, → (F.relu(filtered),
            You put a ReLU between the steps. MobileNet has one there, but this layer has not: nothing stands
            between the two.
    """,
)

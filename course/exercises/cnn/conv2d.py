"""Chapter 1: conv2d with stride and padding."""

import torch
import torch.nn.functional as F

from course.exercises.cases import normal, tensors
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


def draw(rng, B, C, H, W, D, kernel, stride, padding, dtype=torch.float64):
    """A case with C input and D output channels; image and kernel need not be square."""
    x, bias = tensors(rng, "BCHW D", dtype, B=B, C=C, H=H, W=W, D=D)
    return x, normal(rng, D, C, *kernel, dtype=dtype), bias, stride, padding


def spans(rng):
    """Small sizes; the kernel fits also where rows and columns are swapped, or the padding is forgotten."""
    kernel, padding, stride = ((rng.randint(low, 3), rng.randint(low, 3)) for low in (1, 0, 1))
    H, W = (max(kernel) + rng.randint(0, 3) for _ in range(2))
    B, C, D = (rng.randint(1, 3) for _ in range(3))
    return dict(B=B, C=C, H=H, W=W, D=D, kernel=kernel, stride=stride, padding=padding)


conv2d = Exercise(
    my_conv2d,
    reference=lambda x, weight, bias, stride, padding: F.conv2d(
        x.double(), weight.double(), bias.double(), stride, padding
    ).to(x.dtype),
    gradients=True,
    by_hand=[
        (
            [[[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0], [7.0, 8.0, 9.0]]]],
            [[[[1.0, 0.0], [0.0, -2.0]]]],
            [10.0],
            (1, 1),
            (0, 0),
        ),
        ([[[[0.0, 0.0], [0.0, 0.0]]]], [[[[1.0, 3.0], [-2.0, 0.5]]]], [0.5], (1, 1), (0, 0)),
        ([[[[100.0, -200.0], [-300.0, 400.0]]]], [[[[2.0]]]], [-50.0], (1, 1), (0, 0)),
    ],
    draw=draw,
    sizes=[
        dict(B=1, C=1, H=1, W=1, D=1, kernel=(1, 1), stride=(1, 1), padding=(0, 0), dtype=torch.float32),
        dict(B=1, C=1, H=3, W=4, D=1, kernel=(2, 2), stride=(1, 1), padding=(1, 1)),
        dict(B=1, C=2, H=3, W=3, D=1, kernel=(2, 2), stride=(1, 1), padding=(0, 0)),
        dict(B=1, C=1, H=5, W=5, D=2, kernel=(3, 3), stride=(2, 2), padding=(0, 0)),
        dict(B=2, C=1, H=6, W=4, D=3, kernel=(2, 3), stride=(2, 1), padding=(0, 1)),
        dict(B=2, C=3, H=5, W=8, D=4, kernel=(3, 1), stride=(1, 3), padding=(1, 0)),
        dict(B=1, C=2, H=4, W=4, D=4, kernel=(3, 3), stride=(1, 1), padding=(1, 1)),
        dict(B=3, C=2, H=2, W=7, D=5, kernel=(2, 4), stride=(3, 2), padding=(2, 1), dtype=torch.float32),
        dict(B=1, C=2, H=7, W=6, D=2, kernel=(3, 2), stride=(1, 2), padding=(0, 2), dtype=torch.float32),
        dict(B=2, C=20, H=1, W=2, D=3, kernel=(2, 3), stride=(1, 1), padding=(1, 1)),
        dict(B=1, C=1, H=1, W=3, D=1, kernel=(1, 2), stride=(2, 3), padding=(4, 5)),
        dict(B=1, C=1, H=1, W=1, D=1, kernel=(1, 1), stride=(1, 1), padding=(2, 2)),
        dict(B=1, C=1, H=5, W=5, D=1, kernel=(2, 2), stride=(1, 2), padding=(0, 0)),
        dict(B=1, C=1, H=4, W=4, D=1, kernel=(3, 3), stride=(1, 1), padding=(0, 1)),
        dict(B=1, C=1, H=7, W=7, D=1, kernel=(6, 6), stride=(1, 1), padding=(0, 0)),
        dict(B=1, C=1, H=34, W=2, D=1, kernel=(2, 2), stride=(2, 2), padding=(0, 0)),
        dict(B=16, C=1, H=2, W=2, D=1, kernel=(2, 2), stride=(1, 1), padding=(0, 0)),
        dict(B=1, C=1, H=2, W=2, D=20, kernel=(2, 2), stride=(1, 1), padding=(0, 0)),
    ],
    spans=spans,
    forbids="""torch*.*conv?d torch*.*convolution* torch*.conv_t* torch.nn.functional.unfold torch*.im2col:
        Write the sum over the kernel's elements yourself, since that is what this exercise is about.""",
    hints="""
        Pad first. Then the output element at row i and column j looks at one patch of the padded image: where
        does that patch begin?

        The patch begins at row `i * s_h` and column `j * s_w`. Multiply it by the kernel, element by element,
        and sum over channels, rows and columns; add the bias of the output channel.

        These are the lines themselves: `F.pad(x, (p_w, p_w, p_h, p_h))` pads, since it counts axes from the
        last one. Start from `out = x.new_zeros(B, C_out, h_out, w_out)`, loop over i and j, and fill `out[:,
        :, i, j]` with `torch.einsum('bckl,ockl->bo', patch, weight) + bias`.
    """,
    special="""
        zeros: not x.any()
            Your function is right but where x is 0: skip no window, as the gradient for x is the kernel even
            there, and divide by nothing that may be 0.
        many_examples: len(x) > 2
            Your function is right for two examples at most: treat all of the batch, len(x) counts them.
        large_kernel: min(weight.shape[2:]) > 5
            Your function is right but for a kernel of 6 by 6: is there a limit on its size?
        wider_padding: any(p > k for p, k in zip(padding, weight.shape[2:]))
            Your function is right but where the padding is wider than the kernel: places on padding alone
            count as well.
        wide_padding: any(p >= k for p, k in zip(padding, weight.shape[2:]))
            Your function is right but where the padding is as wide as the kernel: places on padding alone
            count as well.
        larger_output: any((n+2*p-k)//s >= n for n,p,k,s in zip(x.shape[2:],padding,weight.shape[2:],stride))
            Your function is right but where the output is larger than the image: cut nothing off.
        several_examples: len(x) > 1
            Your function is right for one example: each of the batch is convolved by itself.
        unequal_strides: stride[0] != stride[1]
            Your function is right where both strides are equal: the first is for the rows.
        unequal_paddings: padding[0] != padding[1]
            Your function is right where both paddings are equal: the first is for the rows.
        in_part: any((n+2*p-k) % s for n,p,k,s in zip(x.shape[2:], padding, weight.shape[2:], stride))
            Your function is right but where the kernel fits only in part at the end: round down.
        padding_of_0: 0 in padding
            Your function is right but where a padding is 0: a slice like [p:-p] is then empty.
        square_kernel: weight.shape[2] != weight.shape[3]
            Your function is right for square kernels alone: K_h belongs to the rows, K_w to the columns.
        unequal_pairs: stride[0] != stride[1] or padding[0] != padding[1]
            Your function is right where both numbers of each pair are equal: the first is for the rows.
        all_square: len({*x.shape[2:]}) + len({*weight.shape[2:]}) + len({*stride}) + len({*padding}) > 4
            Your function is right where rows and columns are alike: count each by itself.
        padded: max(padding) > 0
            Your function is right without padding: zeros go around x, p_h rows and p_w columns, at first.
        strided: max(stride) > 1
            Your function is right for strides of 1: the patch of output (i, j) begins at (i * s_h, j * s_w).
        several_inputs: x.shape[1] > 1
            Your function is right for one input channel: the sum goes over all of them.
        several_outputs: len(weight) > 1
            Your function is right for one output channel: each has its own kernel and bias.
    """,
    wrong="""
        one_place_short: // s_h + 1 → // s_h
        and: // s_w + 1 → // s_w
        last_place_left_out: (x.shape[2] - k_h) // s_h + 1 → -(-(x.shape[2] - k_h) // s_h)
        and: (x.shape[3] - k_w) // s_w + 1 → -(-(x.shape[3] - k_w) // s_w)
            The last place is missing: the first one comes before the first step, so add 1 after the division;
            a range ends before its end.
        flipped_kernel: patch, weight) → patch, weight.flip(-2, -1))
            Your kernel is flipped: this is convolution as in signal processing. Deep learning uses
            cross-correlation: kernel element (u, v) meets image element (i + u, j + v).
        transposed_kernel: k_h, k_w = weight → weight = weight.mT; k_h, k_w = weight
            Your kernel is transposed: its first axis runs down the rows of the image, its second along the
            columns.
        bias_along_the_width: + bias → nothing
        and: return out → return out + bias
            Your bias runs along the width: broadcasting lines up its only axis with the last one of the
            output. Give it the shape (C_out, 1, 1).
        bias_forgotten:  + bias → nothing
            The bias is missing: add bias[c] to every element of output channel c.
        bias_for_each_input_channel: + bias → + x.shape[1] * bias
            You add the bias once for every input channel: add it once, after the sum over channels.
        mean_for_sum: patch, weight) → patch, weight / weight[0].numel())
            You take the mean over the patch: the products are summed.
        padding_at_the_start_only: (p_w, p_w, p_h, p_h) → (p_w, 0, p_h, 0)
            You pad the top and the left only: padding is added on both sides of each axis.
        padding_swapped: (p_w, p_w, p_h, p_h) → (p_h, p_h, p_w, p_w)
            Height and width are swapped in the padding. F.pad counts axes from the last one: (p_w, p_w, p_h,
            p_h).
        stride_swapped: = stride, padding → = stride[::-1], padding
            Height and width are swapped in the stride: stride[0] is the step down the rows.
        steps_of_a_whole_kernel: = stride, padding → = weight.shape[2:], padding
            You step by the kernel's size, so patches never overlap: step by the stride.
    """,
)

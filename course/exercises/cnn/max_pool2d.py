"""Chapter 1: max pooling with stride and padding."""

import torch
import torch.nn.functional as F

from course.exercises.cases import normal
from course.exercises.engine import Exercise


def my_max_pool2d(x, kernel, stride, padding):
    """Largest value of each window of x (B, C, H, W), in each channel by itself."""
    (k_h, k_w), (s_h, s_w), (p_h, p_w) = kernel, stride, padding
    x = F.pad(x, (p_w, p_w, p_h, p_h), value=-torch.inf)  # F.pad counts axes from the last one
    h_out = (x.shape[2] - k_h) // s_h + 1
    w_out = (x.shape[3] - k_w) // s_w + 1
    out = x.new_zeros(x.shape[0], x.shape[1], h_out, w_out)
    for i in range(h_out):
        for j in range(w_out):
            top, left = i * s_h, j * s_w
            window = x[:, :, top : top + k_h, left : left + k_w]  # (B, C, K_h, K_w)
            out[:, :, i, j] = window.amax(dim=(2, 3))
    return out


def draw(rng, B, C, H, W, kernel, stride, padding, shift=0, dtype=torch.float64):
    """A case; `shift` moves all values, below 0 for one that tells padding by zeros."""
    return normal(rng, B, C, H, W, dtype=dtype) + shift, kernel, stride, padding


def spans(rng):
    """Small sizes; at most half of a window is padding. Windows fit with rows and columns swapped too."""
    kernel, stride = ((rng.randint(1, 4), rng.randint(1, 4)) for _ in range(2))
    padding = tuple(rng.randint(0, k // 2) for k in kernel)
    B, C, H, W = rng.randint(1, 2), rng.randint(1, 3), *(max(kernel) + rng.randint(0, 4) for _ in range(2))
    return dict(B=B, C=C, H=H, W=W, kernel=kernel, stride=stride, padding=padding)


max_pool2d = Exercise(
    my_max_pool2d,
    reference=lambda x, kernel, stride, padding: F.max_pool2d(x.double(), kernel, stride, padding).to(
        x.dtype
    ),
    gradients=True,
    by_hand=[
        ([[[[1.0, 5.0, 2.0], [-3.0, 4.0, 0.0], [7.0, -1.0, 6.0]]]], (2, 2), (1, 1), (0, 0)),
        ([[[[-1.0, -2.0, -3.0], [-4.0, -5.0, -6.0], [-7.0, -8.0, -9.0]]]], (2, 2), (1, 1), (1, 1)),
        ([[[[-3e300, -1e300], [-2e300, 1e300]]]], (2, 2), (1, 1), (1, 1)),
        (torch.tensor([[[[-2e38, -1e38, -2.1e38], [3.0, 1.0, -3e38]]]]), (1, 2), (1, 2), (0, 1)),
        ([[[[1.0, 2.5, -1e20]]]], (1, 2), (1, 1), (0, 0)),
        ([[[[1.0, 1.00000001]]]], (1, 2), (1, 1), (0, 0)),  # nearly equal
        ([[[[-1e20]]], [[[-1e20]]]], (2, 2), (1, 1), (1, 1)),  # x.min() - 1 is x.min()
    ],
    draw=draw,
    sizes=[
        dict(B=1, C=1, H=4, W=4, kernel=(2, 2), stride=(2, 2), padding=(0, 0)),
        dict(B=1, C=1, H=1, W=1, kernel=(1, 1), stride=(1, 1), padding=(0, 0), dtype=torch.float32),
        dict(B=1, C=2, H=5, W=6, kernel=(3, 2), stride=(2, 1), padding=(0, 0)),
        dict(B=2, C=3, H=6, W=7, kernel=(2, 3), stride=(1, 3), padding=(0, 1)),
        dict(B=2, C=1, H=7, W=5, kernel=(2, 2), stride=(3, 3), padding=(1, 0)),
        dict(B=1, C=2, H=8, W=9, kernel=(4, 3), stride=(3, 2), padding=(2, 1), shift=-5),
        dict(B=3, C=2, H=2, W=4, kernel=(1, 2), stride=(1, 2), padding=(0, 1), shift=9, dtype=torch.float32),
        dict(B=1, C=1, H=7, W=7, kernel=(3, 3), stride=(2, 2), padding=(1, 1), shift=-3, dtype=torch.float32),
        dict(B=2, C=1, H=1, W=2, kernel=(2, 2), stride=(2, 5), padding=(1, 1), shift=-2000),
        dict(B=1, C=1, H=7, W=7, kernel=(6, 6), stride=(1, 1), padding=(0, 0)),
        dict(B=1, C=1, H=40, W=2, kernel=(2, 2), stride=(2, 2), padding=(0, 0)),
        dict(B=16, C=1, H=2, W=2, kernel=(2, 2), stride=(1, 1), padding=(0, 0)),
        dict(B=1, C=20, H=2, W=2, kernel=(2, 2), stride=(1, 1), padding=(0, 0)),
    ],
    spans=spans,
    forbids="""torch.[am]*_pool?d* torch._[Co]*_pool?d*:
        Take the largest value of each window yourself, since that is what this exercise is about.""",
    hints="""
        It is the loop of `conv2d` with another thing done to each patch. Which one, and over which of the
        patch's axes?

        Pad with minus infinity: `F.pad(x, (p_w, p_w, p_h, p_h), value=-torch.inf)`. The window of output (i,
        j) begins at row `i * s_h` and column `j * s_w`.

        These are the lines themselves: start from `out = x.new_zeros(B, C, h_out, w_out)`, loop over i and j,
        cut the window `x[:, :, top : top + k_h, left : left + k_w]` and fill `out[:, :, i, j]` with
        `window.amax(dim=(2, 3))`.
    """,
    special="""
        near_ties: x.numel() > 1 and 0 < x.flatten().sort().values.diff().min() < 3e-8
            Your function is right but where two values of a window nearly agree: the larger one alone counts,
            in all its digits, without isclose, a margin or float32.
        large_kernel: min(kernel) > 5
            Your function is right but for a kernel of 6 by 6: is there a limit on its size?
        finite_padding: x.abs().max() > 1e3
            Your function is right but for large numbers: a constant such as -1e9 in place of minus infinity
            wins over lower ones, and what is added to them and taken off again costs digits.
        in_part: any((n + 2 * p - k) % s for n, p, k, s in zip(x.shape[2:], padding, kernel, stride))
            Your function is right but where a last window fits only in part: it is left out, rounding down.
        padding_of_0: 0 in padding
            Your function is right but where a padding is 0: a slice like [p:-p] is then empty.
        square_kernel: kernel[0] != kernel[1]
            Your function is right for square kernels alone: K_h belongs to the rows, K_w to the columns.
        unequal_pairs: stride[0] != stride[1] or padding[0] != padding[1]
            Your function is right where both numbers of each pair are equal: the first is for the rows.
        all_square: len({*x.shape[2:]}) + len({*kernel}) + len({*stride}) + len({*padding}) > 4
            Your function is right where rows and columns are alike: count each by itself.
        padded: max(padding) > 0
            Your function is right without padding: minus infinity goes around x, p_h rows and p_w columns.
        strided: max(stride) > 1
            Your function is right for strides of 1: the window of output (i, j) begins at (i * s_h, j * s_w).
        several_channels: len(x) * x.shape[1] > 1
            Your function is right for one image of one channel: each is treated by itself.
    """,
    wrong="""
        one_place_short: // s_h + 1 → // s_h
        and: // s_w + 1 → // s_w
        last_place_left_out: (x.shape[2] - k_h) // s_h + 1 → -(-(x.shape[2] - k_h) // s_h)
        and: (x.shape[3] - k_w) // s_w + 1 → -(-(x.shape[3] - k_w) // s_w)
            The last window is missing: the first comes before the first step, so add 1 after the division; a
            range ends before its end.
        padding_with_the_minimum: value=-torch.inf → value=x.min().item()
            You pad with the smallest value: where it meets itself, half of its gradient goes to the padding.
        zero_padding: , value=-torch.inf → nothing
            Your padding is 0: where a window holds negative values only, the padding wins. Pad with minus
            infinity.
        steps_of_a_whole_kernel: = kernel, stride, padding → = kernel, kernel, padding
            You step by the kernel's size, so windows never overlap. That is a usual choice for pooling, but
            the step is the stride.
        kernel_swapped: = kernel, stride, padding → = kernel[::-1], stride, padding
            Height and width are swapped in the kernel: kernel[0] is the number of rows.
        stride_swapped: = kernel, stride, padding → = kernel, stride[::-1], padding
            Height and width are swapped in the stride: stride[0] is the step down the rows.
        padding_swapped: (p_w, p_w, p_h, p_h) → (p_h, p_h, p_w, p_w)
            Height and width are swapped in the padding. F.pad counts axes from the last one: (p_w, p_w, p_h,
            p_h).
        padding_at_the_start_only: (p_w, p_w, p_h, p_h) → (p_w, 0, p_h, 0)
            You pad the top and the left only: padding is added on both sides of each axis.
        average_with_infinity: window.amax → window.mean
        average_for_maximum: window.amax → window.mean
        and: , value=-torch.inf → nothing
            You take the average of the window: max pooling takes its largest value.
        maximum_over_channels: window.amax(dim=(2, 3)) → window.amax(dim=(1, 2, 3))[:, None]
            You take the maximum over the channels too: pooling treats each channel by itself.
    """,
)

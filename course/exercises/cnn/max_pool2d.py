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
    ],
    draw=draw,
    sizes=[
        dict(B=1, C=1, H=4, W=4, kernel=(2, 2), stride=(2, 2), padding=(0, 0)),
        dict(B=1, C=2, H=5, W=6, kernel=(3, 2), stride=(2, 1), padding=(0, 0)),
        dict(B=2, C=3, H=6, W=7, kernel=(2, 3), stride=(1, 3), padding=(0, 1)),
        dict(B=2, C=1, H=7, W=5, kernel=(2, 2), stride=(3, 3), padding=(1, 0)),
        dict(B=1, C=2, H=8, W=9, kernel=(4, 3), stride=(3, 2), padding=(2, 1), shift=-5),
        dict(B=3, C=2, H=2, W=4, kernel=(1, 2), stride=(1, 2), padding=(0, 1), dtype=torch.float32),
        dict(B=1, C=1, H=7, W=7, kernel=(3, 3), stride=(2, 2), padding=(1, 1), shift=-3, dtype=torch.float32),
    ],
    spans=spans,
    hints="""
        It is the loop of `conv2d` with another thing done to each patch. Which one, and over which of the
        patch's axes?

        Pad with minus infinity: `F.pad(x, (p_w, p_w, p_h, p_h), value=-torch.inf)`. The window of output (i,
        j) begins at row `i * s_h` and column `j * s_w`.

        Start from `out = x.new_zeros(B, C, h_out, w_out)`, loop over i and j, cut the window `x[:, :, top :
        top + k_h, left : left + k_w]` and fill `out[:, :, i, j]` with `window.amax(dim=(2, 3))`.
    """,
    wrong="""
        zero_padding: , value=-torch.inf → nothing
            Your padding is 0: where a window holds negative values only, the padding wins. Pad with minus
            infinity.
        window_too_large: top + k_h, left : left + k_w → top + k_h + 1, left : left + k_w + 1
        and: (p_w, p_w, p_h, p_h) → (p_w, p_w + 1, p_h, p_h + 1)
        and: k_h) // → k_h - 1) //
        and: k_w) // → k_w - 1) //
            Your window has one row and one column too many: it runs from i to i + K - 1, K elements.
        stride_forgotten: = kernel, stride, padding → = kernel, (1, 1), padding
            The stride is missing: the window of output (i, j) begins at row i * s_h and column j * s_w.
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
        rows_and_columns_swapped: = kernel, stride, padding → = kernel[::-1], stride[::-1], padding[::-1]
            Height and width are swapped in kernel, stride and padding: the first of each pair belongs to the
            rows.
        height_stride_for_both: j * s_w → j * s_h
        and: // s_w → // s_h
            You step by stride[0] along both axes: the columns step by stride[1].
        padding_forgotten: (p_w, p_w, p_h, p_h) → (0, 0, 0, 0)
            The padding is missing: add p_h rows above and below, p_w columns left and right.
        padding_at_the_start_only: (p_w, p_w, p_h, p_h) → (p_w, 0, p_h, 0)
            You pad the top and the left only: padding is added on both sides of each axis.
        average_for_maximum: window.amax → window.mean
        and: , value=-torch.inf → nothing
            You take the average of the window: max pooling takes its largest value.
        largest_magnitude: window.amax → window.abs().amax
        and: value=-torch.inf → value=0.0
            You take the largest magnitude: max pooling takes the largest value, and -3 is less than 1.
        maximum_over_channels: window.amax(dim=(2, 3)) → window.amax(dim=(1, 2, 3))[:, None]
            You take the maximum over the channels too: pooling treats each channel by itself.
    """,
)

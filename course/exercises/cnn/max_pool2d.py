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


def wide_max_pool2d(rng, dtype=torch.float64):
    """One valid case of small random sizes: at most half of a window is padding."""
    kernel = rng.randint(1, 4), rng.randint(1, 4)
    padding = tuple(rng.randint(0, k // 2) for k in kernel)
    image = [max(1, k - 2 * p) + rng.randint(0, 4) for k, p in zip(kernel, padding, strict=True)]
    x = normal(rng, rng.randint(1, 2), rng.randint(1, 3), *image, dtype=dtype)
    return x, kernel, (rng.randint(1, 4), rng.randint(1, 4)), padding


max_pool2d = Exercise(
    my_max_pool2d,
    reference=lambda x, kernel, stride, padding: F.max_pool2d(x.double(), kernel, stride, padding).to(
        x.dtype
    ),
    gradients=True,
    # OLD wide=wide_max_pool2d
    # OLD cases:
    # lambda rng: [
    #         (  # by hand
    #             torch.tensor([[[[1.0, 5.0, 2.0], [-3.0, 4.0, 0.0], [7.0, -1.0, 6.0]]]], dtype=torch.float64),
    #             (2, 2),
    #             (1, 1),
    #             (0, 0),
    #         ),
    #         (-torch.arange(1.0, 10.0, dtype=torch.float64).reshape(1, 1, 3, 3), (2, 2), (1, 1), (1, 1)),
    #         (normal(rng, 1, 1, 4, 4), (2, 2), (2, 2), (0, 0)),
    #         (normal(rng, 1, 2, 5, 6), (3, 2), (2, 1), (0, 0)),
    #         (normal(rng, 2, 3, 6, 7), (2, 3), (1, 3), (0, 1)),
    #         (normal(rng, 2, 1, 7, 5), (2, 2), (3, 3), (1, 0)),
    #         (normal(rng, 1, 2, 8, 9) - 5, (4, 3), (3, 2), (2, 1)),
    #         (normal(rng, 3, 2, 1, 4, dtype=torch.float32), (1, 2), (1, 2), (0, 1)),
    #         (normal(rng, 1, 1, 7, 7, dtype=torch.float32) - 3, (3, 3), (2, 2), (1, 1)),
    #         *(wide_max_pool2d(rng) for _ in range(6)),
    #     ]
    by_hand=(),
    draw=None,
    sizes=[],
    spans={},
    hints="""
        It is the loop of `conv2d` with another thing done to each patch. Which one, and over which of the
        patch's axes?

        Pad with minus infinity: `F.pad(x, (p_w, p_w, p_h, p_h), value=-torch.inf)`. The window of output (i,
        j) begins at row `i * s_h` and column `j * s_w`.

        Start from `out = x.new_zeros(B, C, h_out, w_out)`, loop over i and j, cut the window `x[:, :, top :
        top + k_h, left : left + k_w]` and fill `out[:, :, i, j]` with `window.amax(dim=(2, 3))`.
    """,
    wrong="""
        zero_padding: OLD → NEW
            Your padding is 0: where a window holds negative values only, the padding wins. Pad with minus
            infinity.
        window_too_large: OLD → NEW
            Your window has one row and one column too many: it runs from i to i + K - 1, K elements.
        stride_forgotten: OLD → NEW
            The stride is missing: the window of output (i, j) begins at row i * s_h and column j * s_w.
        steps_of_a_whole_kernel: OLD → NEW
            You step by the kernel's size, so windows never overlap. That is a usual choice for pooling, but
            the step is the stride.
        kernel_swapped: OLD → NEW
            Height and width are swapped in the kernel: kernel[0] is the number of rows.
        stride_swapped: OLD → NEW
            Height and width are swapped in the stride: stride[0] is the step down the rows.
        padding_swapped: OLD → NEW
            Height and width are swapped in the padding. F.pad counts axes from the last one: (p_w, p_w, p_h,
            p_h).
        rows_and_columns_swapped: OLD → NEW
            Height and width are swapped in kernel, stride and padding: the first of each pair belongs to the
            rows.
        height_stride_for_both: OLD → NEW
            You step by stride[0] along both axes: the columns step by stride[1].
        padding_forgotten: OLD → NEW
            The padding is missing: add p_h rows above and below, p_w columns left and right.
        padding_at_the_start_only: OLD → NEW
            You pad the top and the left only: padding is added on both sides of each axis.
        average_for_maximum: OLD → NEW
            You take the average of the window: max pooling takes its largest value.
        largest_magnitude: OLD → NEW
            You take the largest magnitude: max pooling takes the largest value, and -3 is less than 1.
        maximum_over_channels: OLD → NEW
            You take the maximum over the channels too: pooling treats each channel by itself.
    """,
)

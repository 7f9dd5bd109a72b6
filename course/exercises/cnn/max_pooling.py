"""Chapter 1, exercise: max pooling with stride and padding."""

import torch
import torch.nn.functional as F

from course.exercises.draw import normal
from course.exercises.engine import Exercise, Misconception


def my_max_pool2d(x, kernel, stride, padding):
    """Largest value of each window of x (B, C, H, W), in each channel by itself."""
    raise NotImplementedError


def solve_max_pool2d(x, kernel, stride, padding):
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


def max_pool2d_by_window_element(x, kernel, stride, padding):
    """The same, looping over the window: the larger of the result so far and a strided view of the image."""
    x = F.pad(x, (padding[1], padding[1], padding[0], padding[0]), value=-torch.inf)
    last_i, last_j = x.shape[2] - kernel[0], x.shape[3] - kernel[1]
    out = x[:, :, : last_i + 1 : stride[0], : last_j + 1 : stride[1]]
    for k in range(kernel[0]):
        for m in range(kernel[1]):
            out = torch.maximum(out, x[:, :, k : k + last_i + 1 : stride[0], m : m + last_j + 1 : stride[1]])
    return out


def max_pool2d_by_axis(x, kernel, stride, padding):
    """The same, first down the columns, then along the rows: a maximum of maxima."""
    x = F.pad(x, (padding[1], padding[1], padding[0], padding[0]), value=-torch.inf)
    rows = x.unfold(2, kernel[0], stride[0]).amax(-1)
    return rows.unfold(3, kernel[1], stride[1]).amax(-1)


def max_pool2d_clipped(x, kernel, stride, padding):
    """The same without padding: each window is cut at the border of the image."""
    (h, w), starts = x.shape[2:], []
    for n, k, s, p in zip((h, w), kernel, stride, padding, strict=True):
        starts.append(range(-p, n + p - k + 1, s))
    numbers = [
        x[:, :, max(i, 0) : i + kernel[0], max(j, 0) : j + kernel[1]].flatten(2).max(dim=2).values
        for i in starts[0]
        for j in starts[1]
    ]
    return torch.stack(numbers, dim=2).unflatten(2, (len(starts[0]), len(starts[1])))


def pool(x, kernel, stride, padding, fill=-torch.inf):
    """Max pooling after padding with `fill`; `padding` is (top, bottom, left, right) or a pair."""
    top, bottom, left, right = padding if len(padding) == 4 else (*padding[:1] * 2, *padding[1:] * 2)
    return F.max_pool2d(F.pad(x, (left, right, top, bottom), value=fill), kernel, stride)


def wide_max_pool2d(rng, dtype=torch.float64):
    """One valid case of small random sizes: at most half of a window is padding."""
    kernel = rng.randint(1, 4), rng.randint(1, 4)
    padding = tuple(rng.randint(0, k // 2) for k in kernel)
    image = [max(1, k - 2 * p) + rng.randint(0, 4) for k, p in zip(kernel, padding, strict=True)]
    x = normal(rng, rng.randint(1, 2), rng.randint(1, 3), *image, dtype=dtype)
    return x, kernel, (rng.randint(1, 4), rng.randint(1, 4)), padding


max_pool2d = Exercise(
    name="max_pool2d",
    title="max pooling with stride and padding",
    difficulty="medium",
    minutes=20,
    task="""
        Write `my_max_pool2d` without PyTorch's pooling functions; loops are welcome. `kernel`, `stride` and
        `padding` are pairs, rows first. `padding = (p_h, p_w)` adds `p_h` rows above and as many below, and
        `p_w` columns left and right; padding must never win, so it counts as minus infinity. It is at most
        half the kernel. Windows that do not fit whole on the padded image are left out.

        The output has the shape $(B, C, H_{out}, W_{out})$ and the type of `x`. The check compares values
        and the gradient for `x`; no window holds its largest value twice.
    """,
    stub_function=my_max_pool2d,
    reference=lambda x, kernel, stride, padding: F.max_pool2d(x.double(), kernel, stride, padding).to(
        x.dtype
    ),
    cases=lambda rng: [
        (  # by hand
            torch.tensor([[[[1.0, 5.0, 2.0], [-3.0, 4.0, 0.0], [7.0, -1.0, 6.0]]]], dtype=torch.float64),
            (2, 2),
            (1, 1),
            (0, 0),
        ),
        (-torch.arange(1.0, 10.0, dtype=torch.float64).reshape(1, 1, 3, 3), (2, 2), (1, 1), (1, 1)),
        (normal(rng, 1, 1, 4, 4), (2, 2), (2, 2), (0, 0)),
        (normal(rng, 1, 2, 5, 6), (3, 2), (2, 1), (0, 0)),
        (normal(rng, 2, 3, 6, 7), (2, 3), (1, 3), (0, 1)),
        (normal(rng, 2, 1, 7, 5), (2, 2), (3, 3), (1, 0)),
        (normal(rng, 1, 2, 8, 9) - 5, (4, 3), (3, 2), (2, 1)),
        (normal(rng, 3, 2, 1, 4, dtype=torch.float32), (1, 2), (1, 2), (0, 1)),
        (normal(rng, 1, 1, 7, 7, dtype=torch.float32) - 3, (3, 3), (2, 2), (1, 1)),
        *(wide_max_pool2d(rng) for _ in range(6)),
    ],
    wide=wide_max_pool2d,
    gradients=True,
    hints=(
        "It is the loop of `conv2d` with another thing done to each patch. Which one, and over which of the "
        "patch's axes?",
        "Pad with minus infinity: `F.pad(x, (p_w, p_w, p_h, p_h), value=-torch.inf)`. The window of output "
        "(i, j) begins at row `i * s_h` and column `j * s_w`.",
        "Start from `out = x.new_zeros(B, C, h_out, w_out)`, loop over i and j, cut the window "
        "`x[:, :, top : top + k_h, left : left + k_w]` and fill `out[:, :, i, j]` with "
        "`window.amax(dim=(2, 3))`.",
    ),
    solution_function=solve_max_pool2d,
    alternatives=(max_pool2d_by_window_element, max_pool2d_by_axis, max_pool2d_clipped, F.max_pool2d),
    misconceptions=(
        Misconception(
            "zero_padding",
            "Your padding is 0: where a window holds negative values only, the padding wins. Pad with minus "
            "infinity.",
            lambda x, kernel, stride, padding: pool(x, kernel, stride, padding, 0.0),
        ),
        Misconception(
            "window_too_large",
            "Your window has one row and one column too many: it runs from i to i + K - 1, K elements.",
            lambda x, kernel, stride, padding: pool(
                x, (kernel[0] + 1, kernel[1] + 1), stride, [p + end for p in padding for end in (0, 1)]
            ),
        ),
        Misconception(
            "stride_forgotten",
            "The stride is missing: the window of output (i, j) begins at row i * s_h and column j * s_w.",
            lambda x, kernel, stride, padding: pool(x, kernel, 1, padding),
        ),
        Misconception(
            "steps_of_a_whole_kernel",
            "You step by the kernel's size, so windows never overlap. That is a usual choice for pooling, "
            "but the step is the stride.",
            lambda x, kernel, stride, padding: pool(x, kernel, kernel, padding),
        ),
        Misconception(
            "kernel_swapped",
            "Height and width are swapped in the kernel: kernel[0] is the number of rows.",
            lambda x, kernel, stride, padding: pool(x, kernel[::-1], stride, padding),
        ),
        Misconception(
            "stride_swapped",
            "Height and width are swapped in the stride: stride[0] is the step down the rows.",
            lambda x, kernel, stride, padding: pool(x, kernel, stride[::-1], padding),
        ),
        Misconception(
            "padding_swapped",
            "Height and width are swapped in the padding. F.pad counts axes from the last one: (p_w, p_w, "
            "p_h, p_h).",
            lambda x, kernel, stride, padding: pool(x, kernel, stride, padding[::-1]),
        ),
        Misconception(
            "rows_and_columns_swapped",
            "Height and width are swapped in kernel, stride and padding: the first of each pair belongs to "
            "the rows.",
            lambda x, kernel, stride, padding: pool(x, kernel[::-1], stride[::-1], padding[::-1]),
        ),
        Misconception(
            "height_stride_for_both",
            "You step by stride[0] along both axes: the columns step by stride[1].",
            lambda x, kernel, stride, padding: pool(x, kernel, stride[0], padding),
        ),
        Misconception(
            "padding_forgotten",
            "The padding is missing: add p_h rows above and below, p_w columns left and right.",
            lambda x, kernel, stride, padding: pool(x, kernel, stride, (0, 0)),
        ),
        Misconception(
            "padding_at_the_start_only",
            "You pad the top and the left only: padding is added on both sides of each axis.",
            lambda x, kernel, stride, padding: pool(x, kernel, stride, (padding[0], 0, padding[1], 0)),
        ),
        Misconception(
            "average_for_maximum",
            "You take the average of the window: max pooling takes its largest value.",
            lambda x, kernel, stride, padding: F.avg_pool2d(x, kernel, stride, padding),
        ),
        Misconception(
            "largest_magnitude",
            "You take the largest magnitude: max pooling takes the largest value, and -3 is less than 1.",
            lambda x, kernel, stride, padding: pool(x.abs(), kernel, stride, padding),
        ),
        Misconception(
            "maximum_over_channels",
            "You take the maximum over the channels too: pooling treats each channel by itself.",
            lambda x, kernel, stride, padding: pool(
                x.amax(1, keepdim=True).expand_as(x), kernel, stride, padding
            ),
        ),
    ),
)

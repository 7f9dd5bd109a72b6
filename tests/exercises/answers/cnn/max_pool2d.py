"""Answers to `cnn.max_pool2d`, written from its statement alone."""

import torch
import torch.nn.functional as F


def padded_with(x, padding, value):
    """x with `value` on all four sides."""
    return F.pad(x, (padding[1], padding[1], padding[0], padding[0]), value=value)


def pooled(padded, kernel, stride):
    """Largest value of each whole window."""
    return padded.unfold(2, kernel[0], stride[0]).unfold(3, kernel[1], stride[1]).amax(dim=(4, 5))


def wrong_zero_padding(x, kernel, stride, padding):
    """The padding is 0 and wins over negative values."""
    return pooled(padded_with(x, padding, 0.0), kernel, stride)


def wrong_kernel_swapped(x, kernel, stride, padding):
    """The kernel is taken columns first."""
    padded = padded_with(x, padding, float("-inf"))
    return padded.unfold(3, kernel[0], stride[1]).unfold(2, kernel[1], stride[0]).amax(dim=(4, 5))


def wrong_stride_of_the_kernel(x, kernel, stride, padding):
    """The stride is always that of the kernel, as in nn.MaxPool2d(2)."""
    return pooled(padded_with(x, padding, float("-inf")), kernel, kernel)


def wrong_partial_windows_kept(x, kernel, stride, padding):
    """ceil_mode: windows that fit only in part are kept."""
    h_out = -((kernel[0] - x.shape[2] - 2 * padding[0]) // stride[0]) + 1
    w_out = -((kernel[1] - x.shape[3] - 2 * padding[1]) // stride[1]) + 1
    rows = []
    for i in range(h_out):
        top = i * stride[0] - padding[0]
        if top >= x.shape[2] + padding[0]:
            break
        row = []
        for j in range(w_out):
            left = j * stride[1] - padding[1]
            window = x[:, :, max(top, 0) : top + kernel[0], max(left, 0) : left + kernel[1]]
            if window.numel() > 0:
                row.append(window.amax(dim=(2, 3)))
        if row:
            rows.append(torch.stack(row, dim=2))
    return torch.stack(rows, dim=2)


def wrong_last_window_lost(x, kernel, stride, padding):
    """range stops one place too early: a window that ends at the edge is lost."""
    padded = padded_with(x, padding, float("-inf"))
    rows = []
    for top in range(0, max(padded.shape[2] - kernel[0], 1), stride[0]):
        row = []
        for left in range(0, max(padded.shape[3] - kernel[1], 1), stride[1]):
            row.append(padded[:, :, top : top + kernel[0], left : left + kernel[1]].amax(dim=(2, 3)))
        rows.append(torch.stack(row, dim=2))
    return torch.stack(rows, dim=2)


def wrong_padding_only_above_and_left(x, kernel, stride, padding):
    """Padding at one end of each axis only."""
    padded = F.pad(x, (padding[1], 0, padding[0], 0), value=float("-inf"))
    return pooled(padded, kernel, stride)


def wrong_gradient_cut(x, kernel, stride, padding):
    """The maxima are stored as Python numbers: no gradient for x."""
    padded = padded_with(x, padding, float("-inf"))
    patches = padded.unfold(2, kernel[0], stride[0]).unfold(3, kernel[1], stride[1])
    out = torch.empty(patches.shape[:4], dtype=x.dtype)
    for b in range(out.shape[0]):
        for c in range(out.shape[1]):
            for i in range(out.shape[2]):
                for j in range(out.shape[3]):
                    out[b, c, i, j] = patches[b, c, i, j].max().item()
    return out


def wrong_smallest_float32(x, kernel, stride, padding):
    """The smallest float32 stands for minus infinity: too large for float64."""
    return pooled(padded_with(x, padding, torch.finfo(torch.float32).min), kernel, stride)


def wrong_one_below_the_smallest(x, kernel, stride, padding):
    """The padding is x.min() - 1, which is x.min() for large numbers: it takes half of the gradient."""
    return pooled(padded_with(x, padding, x.min().item() - 1), kernel, stride)


def wrong_float32_buffer(x, kernel, stride, padding):
    """The image is laid into a tensor of PyTorch's default type."""
    b, c, h, w = x.shape
    padded = torch.full((b, c, h + 2 * padding[0], w + 2 * padding[1]), float("-inf"))
    padded[:, :, padding[0] : padding[0] + h, padding[1] : padding[1] + w] = x
    return pooled(padded, kernel, stride)


def wrong_mask_times_window(x, kernel, stride, padding):
    """The maximum is picked by a 0-1 mask and a sum: 0 times minus infinity is NaN in the padding."""
    padded = padded_with(x, padding, float("-inf"))
    patches = padded.unfold(2, kernel[0], stride[0]).unfold(3, kernel[1], stride[1]).flatten(4)
    mask = patches == patches.detach().amax(dim=4, keepdim=True)
    return (patches * mask).sum(dim=4)


def wrong_zeros_and_stride_swapped(x, kernel, stride, padding):
    """Zeros for padding, and the stride is taken columns first."""
    return pooled(padded_with(x, padding, 0.0), kernel, (stride[1], stride[0]))


def right_clipped_windows(x, kernel, stride, padding):
    """No padding at all: each window is cut off at the edges of the image."""
    h, w = x.shape[2:]
    rows = []
    for top in range(-padding[0], h + padding[0] - kernel[0] + 1, stride[0]):
        row = []
        for left in range(-padding[1], w + padding[1] - kernel[1] + 1, stride[1]):
            window = x[:, :, max(top, 0) : top + kernel[0], max(left, 0) : left + kernel[1]]
            row.append(window.flatten(2).max(dim=2).values)
        rows.append(torch.stack(row, dim=-1))
    return torch.stack(rows, dim=-2)


def right_running_maximum(x, kernel, stride, padding):
    """torch.maximum over shifted strided slices, one for each kernel element."""
    padded = padded_with(x, padding, float("-inf"))
    height, width = padded.shape[2] - kernel[0] + 1, padded.shape[3] - kernel[1] + 1
    out = None
    for k in range(kernel[0]):
        for m in range(kernel[1]):
            part = padded[:, :, k : k + height : stride[0], m : m + width : stride[1]]
            out = part if out is None else torch.maximum(out, part)
    return out


def right_rows_then_columns(x, kernel, stride, padding):
    """First the largest of each column of the window, then the largest of those."""
    padded = padded_with(x, padding, float("-inf"))
    tall = padded.unfold(2, kernel[0], stride[0]).max(dim=-1).values
    return tall.unfold(3, kernel[1], stride[1]).max(dim=-1).values


def right_gather(x, kernel, stride, padding):
    """F.unfold on the padded image, the largest index, and a gather."""
    b, c, h, w = x.shape
    padded = padded_with(x, padding, float("-inf"))
    patches = F.unfold(padded, kernel, stride=stride).reshape(b, c, kernel[0] * kernel[1], -1)
    best = patches.detach().argmax(dim=2, keepdim=True)
    h_out = (h + 2 * padding[0] - kernel[0]) // stride[0] + 1
    return patches.gather(2, best).reshape(b, c, h_out, -1)


def forbidden_module(x, kernel, stride, padding):
    """nn.MaxPool2d does it all."""
    return torch.nn.MaxPool2d(kernel, stride, padding)(x)


def forbidden_one_axis_at_a_time(x, kernel, stride, padding):
    """torch.max_pool1d over the columns, then over the rows."""
    across = torch.max_pool1d(x.flatten(0, 2), kernel[1], stride[1], padding[1])
    across = across.reshape(*x.shape[:3], -1).transpose(2, 3)
    down = torch.max_pool1d(across.flatten(0, 2), kernel[0], stride[0], padding[0])
    return down.reshape(*across.shape[:3], -1).transpose(2, 3)


INF = float("inf")


def _pad(x, padding, value=-INF):
    p_h, p_w = padding
    return F.pad(x, (p_w, p_w, p_h, p_h), value=value)


def _windows(xp, kernel, stride):
    return xp.unfold(2, kernel[0], stride[0]).unfold(3, kernel[1], stride[1])


def wrong_padding_minus_1000(x, kernel, stride, padding):
    """-1000 in place of minus infinity: wins over a border that lies below it."""
    return _windows(_pad(x, padding, -1e3), kernel, stride).amax(dim=(4, 5))


def wrong_padding_minus_1e9(x, kernel, stride, padding):
    """-1e9 in place of minus infinity."""
    return _windows(_pad(x, padding, -1e9), kernel, stride).amax(dim=(4, 5))


def wrong_padding_minimum_minus_one(x, kernel, stride, padding):
    """Pads with x.min() - 1: right unless rounding eats the 1 for huge values."""
    p_h, p_w = padding
    b, c, h, w = x.shape
    xp = (x.min().detach() - 1).expand(b, c, h + 2 * p_h, w + 2 * p_w).clone()
    xp[:, :, p_h : p_h + h, p_w : p_w + w] = x
    return _windows(xp, kernel, stride).amax(dim=(4, 5))


def wrong_padding_float32_lowest(x, kernel, stride, padding):
    """Half of float32's lowest number, for every type: wins over a float64 border below -1.7e38."""
    low = torch.finfo(torch.float32).min / 2
    return _windows(_pad(x, padding, low), kernel, stride).amax(dim=(4, 5))


def wrong_relu_shift(x, kernel, stride, padding):
    """Lifts x above 0 so that zeros can pad, and lowers it again: digits and gradient are lost."""
    low = x.min()
    p = _windows(_pad(x - low, padding, 0.0), kernel, stride)
    return p.amax(dim=(4, 5)) + low

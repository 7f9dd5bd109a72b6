"""Right answers to `max_pool2d` in other words than the solution's."""

import torch
import torch.nn.functional as F


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


RIGHT = (max_pool2d_by_window_element, max_pool2d_by_axis, max_pool2d_clipped, F.max_pool2d)

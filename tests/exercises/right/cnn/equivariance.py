"""Right answers to `equivariance` in other words than the solution's."""

import torch
import torch.nn.functional as F


def shift_error_by_assignment(x, weight, padding, shift):
    """The same with slices that are assigned, and one maximum after the other."""
    moved = torch.zeros_like(x)
    moved[..., shift:] = x[..., : max(x.shape[3] - shift, 0)]
    y, y_moved = F.conv2d(x, weight, None, 1, padding), F.conv2d(moved, weight, None, 1, padding)
    expected = torch.zeros_like(y)
    expected[..., shift:] = y[..., : max(y.shape[3] - shift, 0)]
    return (y_moved - expected).abs().flatten(0, 2).max(0).values


def shift_error_by_columns(x, weight, padding, shift):
    """The same, an output column at a time."""
    moved = torch.cat([x.new_zeros(*x.shape[:3], shift), x], 3)[..., : x.shape[3]]
    y, y_moved = F.conv2d(x, weight, padding=padding), F.conv2d(moved, weight, padding=padding)
    errors = []
    for j in range(y.shape[3]):
        expected = y[..., j - shift] if j >= shift else torch.zeros_like(y[..., j])
        errors.append((y_moved[..., j] - expected).abs().max())
    return torch.stack(errors)


def shift_error_by_roll(x, weight, padding, shift):
    """The same: roll, and blacken what came in on the wrong side."""

    def move(image):
        moved = image.roll(shift, -1)
        moved[..., :shift] = 0
        return moved

    y_moved = F.conv2d(move(x), weight, padding=padding)
    return torch.amax((y_moved - move(F.conv2d(x, weight, padding=padding))).abs(), dim=(0, 1, 2))


RIGHT = (shift_error_by_assignment, shift_error_by_columns, shift_error_by_roll)

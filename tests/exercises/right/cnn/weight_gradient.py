"""Right answers to `weight_gradient` in other words than the solution's."""

import torch
import torch.nn.functional as F


def weight_gradient_by_position(x, grad_y, kernel):
    """The same, looping over output positions: each adds its gradient times the patch that it saw."""
    total = 0
    for i in range(grad_y.shape[2]):
        for j in range(grad_y.shape[3]):
            patch = x[:, :, i : i + kernel[0], j : j + kernel[1]]
            total = total + torch.einsum("bo,bckm->ockm", grad_y[:, :, i, j], patch)
    return total


def weight_gradient_by_correlation(x, grad_y, kernel):
    """The same as one cross-correlation: examples take the place of channels, grad_y that of the kernel."""
    return F.conv2d(x.transpose(0, 1), grad_y.transpose(0, 1)).transpose(0, 1)


def weight_gradient_by_unfold(x, grad_y, kernel):
    """The same as a matrix product over all patches."""
    rows = F.unfold(x, kernel)  # (B, C_in K_h K_w, positions)
    grad = (grad_y.flatten(2) @ rows.mT).sum(0)
    return grad.reshape(grad_y.shape[1], x.shape[1], *kernel)


RIGHT = (
    weight_gradient_by_position,
    weight_gradient_by_correlation,
    weight_gradient_by_unfold,
    lambda x, grad_y, kernel: torch.nn.grad.conv2d_weight(x, (grad_y.shape[1], x.shape[1], *kernel), grad_y),
)

"""Answers to `cnn.weight_gradient`, written from its statement alone."""

import torch
import torch.nn.functional as F


def by_offsets(x, grad_y, kernel):
    """The gradient, one kernel element at a time, stacked to (C_out, C_in, K_h, K_w)."""
    h_out, w_out = grad_y.shape[2:]
    rows = []
    for k in range(kernel[0]):
        row = []
        for m in range(kernel[1]):
            part = x[:, :, k : k + h_out, m : m + w_out]
            row.append(torch.einsum("bcij,boij->oc", part, grad_y))
        rows.append(torch.stack(row, dim=-1))
    return torch.stack(rows, dim=-2)


def wrong_mean_over_batch(x, grad_y, kernel):
    """The mean over the batch: grad_y already knows whether L is a mean."""
    return by_offsets(x, grad_y, kernel) / x.shape[0]


def wrong_flipped(x, grad_y, kernel):
    """grad_y is flipped, as if it were slid over x by a true convolution."""
    return F.conv2d(x.transpose(0, 1), grad_y.flip(2, 3).transpose(0, 1)).transpose(0, 1)


def wrong_channels_not_swapped_back(x, grad_y, kernel):
    """The result has the shape (C_in, C_out, K_h, K_w)."""
    return F.conv2d(x.transpose(0, 1), grad_y.transpose(0, 1))


def wrong_mean_over_places(x, grad_y, kernel):
    """The mean over the output places, not the sum."""
    return by_offsets(x, grad_y, kernel) / (grad_y.shape[2] * grad_y.shape[3])


def wrong_sign(x, grad_y, kernel):
    """The direction of descent: minus the gradient."""
    return -by_offsets(x, grad_y, kernel)


def wrong_reshape_for_transpose(x, grad_y, kernel):
    """Batch and channels change places by a reshape."""
    b, c_in, h, w = x.shape
    c_out, h_out, w_out = grad_y.shape[1:]
    return F.conv2d(x.reshape(c_in, b, h, w), grad_y.reshape(c_out, b, h_out, w_out)).transpose(0, 1)


def wrong_patch_order(x, grad_y, kernel):
    """The patches hold columns before rows, and are reshaped rows first."""
    patches = x.unfold(3, kernel[1], 1).unfold(2, kernel[0], 1)
    grad = torch.einsum("bcijlk,boij->oclk", patches, grad_y)
    return grad.reshape(grad_y.shape[1], x.shape[1], *kernel)


def wrong_float32_buffer(x, grad_y, kernel):
    """The sums are collected in a tensor of PyTorch's default type."""
    grad = torch.zeros(grad_y.shape[1], x.shape[1], *kernel)
    h_out, w_out = grad_y.shape[2:]
    for i in range(h_out):
        for j in range(w_out):
            patch = x[:, :, i : i + kernel[0], j : j + kernel[1]]
            grad += torch.einsum("bckl,bo->ockl", patch, grad_y[:, :, i, j]).float()
    return grad


def wrong_square_kernel(x, grad_y, kernel):
    """As many columns as rows are taken."""
    size = kernel[0]
    return by_offsets(x, grad_y, (size, size))


def wrong_squeeze(x, grad_y, kernel):
    """squeeze without an axis: a patch of one row, column, channel or example loses it."""
    grad = x.new_zeros(grad_y.shape[1], x.shape[1], *kernel)
    h_out, w_out = grad_y.shape[2:]
    for k in range(kernel[0]):
        for m in range(kernel[1]):
            part = x[:, :, k : k + h_out, m : m + w_out].flatten(2).squeeze()
            grad[:, :, k, m] = torch.einsum("bcp,bop->oc", part, grad_y.flatten(2))
    return grad


@torch.no_grad()
def wrong_product_in_place(x, grad_y, kernel):
    """The slice is a view of x, and the product is written into it."""
    grad = x.new_zeros(grad_y.shape[1], x.shape[1], *kernel)
    h_out, w_out = grad_y.shape[2:]
    for o in range(grad_y.shape[1]):
        for k in range(kernel[0]):
            for m in range(kernel[1]):
                part = x[:, :, k : k + h_out, m : m + w_out]
                part *= grad_y[:, o : o + 1]
                grad[o, :, k, m] = part.sum(dim=(0, 2, 3))
    return grad


def wrong_mean_and_flipped(x, grad_y, kernel):
    """The mean over the batch, and the kernel comes out flipped."""
    return by_offsets(x, grad_y, kernel).flip(2, 3) / x.shape[0]


def right_conv2d(x, grad_y, kernel):
    """A cross-correlation of x with grad_y, in which the batch is the sum over channels."""
    return F.conv2d(x.transpose(0, 1), grad_y.transpose(0, 1)).transpose(0, 1)


def right_patches(x, grad_y, kernel):
    """All patches by Tensor.unfold, one einsum."""
    patches = x.detach().unfold(2, kernel[0], 1).unfold(3, kernel[1], 1)
    return torch.einsum("bcijkl,boij->ockl", patches, grad_y.detach())


def right_output_by_output(x, grad_y, kernel):
    """Each output place sends its gradient, times its patch; in float64."""
    a, g = x.double(), grad_y.double()
    grad = torch.zeros(g.shape[1], a.shape[1], *kernel, dtype=torch.float64)
    for i in range(g.shape[2]):
        for j in range(g.shape[3]):
            patch = a[:, :, i : i + kernel[0], j : j + kernel[1]]
            grad = grad + torch.tensordot(g[:, :, i, j], patch, dims=([0], [0]))
    return grad.to(x.dtype)


def right_matrix_product(x, grad_y, kernel):
    """F.unfold and a batch of matrix products."""
    columns = F.unfold(x, kernel)
    grad = torch.bmm(grad_y.flatten(2), columns.transpose(1, 2)).sum(dim=0)
    return grad.view(grad_y.shape[1], x.shape[1], *kernel)


def forbidden_backward(x, grad_y, kernel):
    """backward through F.conv2d."""
    with torch.enable_grad():
        weight = x.new_zeros(grad_y.shape[1], x.shape[1], *kernel).requires_grad_()
        F.conv2d(x.detach(), weight).backward(grad_y.detach())
    return weight.grad


def forbidden_nn_grad(x, grad_y, kernel):
    """torch.nn.grad has it."""
    return torch.nn.grad.conv2d_weight(x, (grad_y.shape[1], x.shape[1], *kernel), grad_y)


def open_backward_operator(x, grad_y, kernel):
    """Open: the operator that autograd calls, without autograd; is it forbidden?"""
    weight = x.new_zeros(grad_y.shape[1], x.shape[1], *kernel)
    pads = ((0, 0), (1, 1), False, (0, 0), 1, (False, True, False))
    return torch.ops.aten.convolution_backward(grad_y, x, weight, None, (1, 1), *pads)[1]

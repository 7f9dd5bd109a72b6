"""Answers to `cnn.conv2d`, written from its statement alone."""

import torch
import torch.nn.functional as F


def wrong_stride_swapped(x, weight, bias, stride, padding):
    """The stride of the columns moves the rows."""
    s_w, s_h = stride
    p_h, p_w = padding
    patches = F.pad(x, (p_w, p_w, p_h, p_h)).unfold(2, weight.shape[2], s_h).unfold(3, weight.shape[3], s_w)
    return torch.einsum("bcijkl,ockl->boij", patches, weight) + bias[:, None, None]


def wrong_padding_swapped(x, weight, bias, stride, padding):
    """F.pad takes the last axis first, so the rows get the padding of the columns."""
    p_h, p_w = padding
    padded = F.pad(x, (p_h, p_h, p_w, p_w))
    patches = padded.unfold(2, weight.shape[2], stride[0]).unfold(3, weight.shape[3], stride[1])
    return torch.einsum("bcijkl,ockl->boij", patches, weight) + bias[:, None, None]


def wrong_kernel_flipped(x, weight, bias, stride, padding):
    """The convolution of mathematics: the kernel is flipped."""
    p_h, p_w = padding
    patches = F.pad(x, (p_w, p_w, p_h, p_h))
    patches = patches.unfold(2, weight.shape[2], stride[0]).unfold(3, weight.shape[3], stride[1])
    return torch.einsum("bcijkl,ockl->boij", patches, weight.flip(2, 3)) + bias[:, None, None]


def wrong_patch_order(x, weight, bias, stride, padding):
    """The patches are flattened columns first, the kernel rows first."""
    p_h, p_w = padding
    c_out, c_in, k_h, k_w = weight.shape
    patches = F.pad(x, (p_w, p_w, p_h, p_h)).unfold(3, k_w, stride[1]).unfold(2, k_h, stride[0])
    b, _, h_out, w_out = patches.shape[:4]
    flat = patches.permute(0, 2, 3, 1, 4, 5).reshape(b, h_out, w_out, c_in * k_w * k_h)
    return (flat @ weight.reshape(c_out, -1).T + bias).permute(0, 3, 1, 2)


def wrong_reshape_for_permute(x, weight, bias, stride, padding):
    """The channels stand last and are brought to the front by a reshape."""
    p_h, p_w = padding
    c_out, c_in, k_h, k_w = weight.shape
    patches = F.pad(x, (p_w, p_w, p_h, p_h)).unfold(2, k_h, stride[0]).unfold(3, k_w, stride[1])
    b, _, h_out, w_out = patches.shape[:4]
    flat = patches.permute(0, 2, 3, 1, 4, 5).reshape(b, h_out * w_out, c_in * k_h * k_w)
    return (flat @ weight.reshape(c_out, -1).T + bias).reshape(b, c_out, h_out, w_out)


def wrong_bias_at_each_channel(x, weight, bias, stride, padding):
    """The bias is added in the loop, once for each input channel."""
    p_h, p_w = padding
    patches = F.pad(x, (p_w, p_w, p_h, p_h))
    patches = patches.unfold(2, weight.shape[2], stride[0]).unfold(3, weight.shape[3], stride[1])
    out = 0
    for c in range(x.shape[1]):
        out = out + torch.einsum("bijkl,okl->boij", patches[:, c], weight[:, c]) + bias[:, None, None]
    return out


def wrong_padding_counted_once(x, weight, bias, stride, padding):
    """The output size counts the padding once: the last rows and columns are lost."""
    k_h, k_w = weight.shape[2:]
    h_out = (x.shape[2] + padding[0] - k_h) // stride[0] + 1
    w_out = (x.shape[3] + padding[1] - k_w) // stride[1] + 1
    padded = F.pad(x, (padding[1], padding[1], padding[0], padding[0]))
    rows = []
    for i in range(h_out):
        row = []
        for j in range(w_out):
            top, left = i * stride[0], j * stride[1]
            patch = padded[:, :, top : top + k_h, left : left + k_w]
            row.append(torch.einsum("bckl,ockl->bo", patch, weight) + bias)
        rows.append(torch.stack(row, dim=2))
    return torch.stack(rows, dim=2)


def wrong_float32_buffer(x, weight, bias, stride, padding):
    """The output is collected in a new tensor of PyTorch's default type."""
    k_h, k_w = weight.shape[2:]
    padded = F.pad(x, (padding[1], padding[1], padding[0], padding[0]))
    h_out = (padded.shape[2] - k_h) // stride[0] + 1
    w_out = (padded.shape[3] - k_w) // stride[1] + 1
    out = torch.zeros(x.shape[0], weight.shape[0], h_out, w_out)
    for i in range(h_out):
        for j in range(w_out):
            top, left = i * stride[0], j * stride[1]
            patch = padded[:, :, top : top + k_h, left : left + k_w]
            out[:, :, i, j] = torch.einsum("bckl,ockl->bo", patch, weight) + bias
    return out


def wrong_slice_to_minus_zero(x, weight, bias, stride, padding):
    """The image is laid in at p:-p, which is empty for p = 0."""
    p_h, p_w = padding
    b, c, h, w = x.shape
    padded = x.new_zeros(b, c, h + 2 * p_h, w + 2 * p_w)
    padded[:, :, p_h:-p_h, p_w:-p_w] = x
    patches = padded.unfold(2, weight.shape[2], stride[0]).unfold(3, weight.shape[3], stride[1])
    return torch.einsum("bcijkl,ockl->boij", patches, weight) + bias[:, None, None]


def wrong_partial_places_kept(x, weight, bias, stride, padding):
    """The size is rounded up, with more zeros at the end, where the stride does not come out even."""
    p_h, p_w = padding
    k_h, k_w = weight.shape[2:]
    more_h = -(x.shape[2] + 2 * p_h - k_h) % stride[0]
    more_w = -(x.shape[3] + 2 * p_w - k_w) % stride[1]
    padded = F.pad(x, (p_w, p_w + more_w, p_h, p_h + more_h))
    patches = padded.unfold(2, k_h, stride[0]).unfold(3, k_w, stride[1])
    return torch.einsum("bcijkl,ockl->boij", patches, weight) + bias[:, None, None]


def wrong_kernel_as_numbers(x, weight, bias, stride, padding):
    """The kernel elements are taken out as Python numbers: no gradient for the weight."""
    k_h, k_w = weight.shape[2:]
    padded = F.pad(x, (padding[1], padding[1], padding[0], padding[0]))
    patches = padded.unfold(2, k_h, stride[0]).unfold(3, k_w, stride[1])
    maps = []
    for o, kernel in enumerate(weight.tolist()):
        total = bias[o]
        for c in range(x.shape[1]):
            for k in range(k_h):
                for m in range(k_w):
                    total = total + kernel[c][k][m] * patches[:, c, :, :, k, m]
        maps.append(total)
    return torch.stack(maps, dim=1)


def wrong_flipped_without_bias(x, weight, bias, stride, padding):
    """The kernel is flipped and the bias forgotten."""
    p_h, p_w = padding
    patches = F.pad(x, (p_w, p_w, p_h, p_h))
    patches = patches.unfold(2, weight.shape[2], stride[0]).unfold(3, weight.shape[3], stride[1])
    return torch.einsum("bcijkl,ockl->boij", patches, weight.flip(2).flip(3))


def right_kernel_loop(x, weight, bias, stride, padding):
    """One strided slice of the padded image for each kernel element."""
    k_h, k_w = weight.shape[2:]
    padded = F.pad(x, (padding[1], padding[1], padding[0], padding[0]))
    h_out = (padded.shape[2] - k_h) // stride[0] + 1
    w_out = (padded.shape[3] - k_w) // stride[1] + 1
    out = bias.view(1, -1, 1, 1).expand(x.shape[0], -1, h_out, w_out)
    for k in range(k_h):
        rows = padded[:, :, k : k + (h_out - 1) * stride[0] + 1 : stride[0]]
        for m in range(k_w):
            part = rows[:, :, :, m : m + (w_out - 1) * stride[1] + 1 : stride[1]]
            out = out + torch.einsum("bcij,oc->boij", part, weight[:, :, k, m])
    return out


def right_patch_matrix(x, weight, bias, stride, padding):
    """All patches by Tensor.unfold, then one matrix product."""
    p_h, p_w = padding
    c_out, c_in, k_h, k_w = weight.shape
    patches = F.pad(x, (p_w, p_w, p_h, p_h)).unfold(2, k_h, stride[0]).unfold(3, k_w, stride[1])
    flat = patches.permute(0, 2, 3, 1, 4, 5).flatten(3)
    return (flat @ weight.flatten(1).T + bias).permute(0, 3, 1, 2)


def right_index_arrays(x, weight, bias, stride, padding):
    """Numpy-like: two arrays of indices pick all patches from the padded image."""
    b, c, h, w = x.shape
    k_h, k_w = weight.shape[2:]
    padded = x.new_zeros(b, c, h + 2 * padding[0], w + 2 * padding[1])
    padded[:, :, padding[0] : padding[0] + h, padding[1] : padding[1] + w] = x
    tops = torch.arange(0, h + 2 * padding[0] - k_h + 1, stride[0])
    lefts = torch.arange(0, w + 2 * padding[1] - k_w + 1, stride[1])
    rows = (tops[:, None] + torch.arange(k_h))[:, None, :, None]
    cols = (lefts[:, None] + torch.arange(k_w))[None, :, None, :]
    patches = padded[:, :, rows, cols]
    return torch.tensordot(patches, weight, dims=([1, 4, 5], [1, 2, 3])).movedim(3, 1) + bias.view(-1, 1, 1)


def right_selection_matrices(x, weight, bias, stride, padding):
    """No padding at all: 0-1 matrices say which row and column stands under which kernel element."""

    def select(n, k, s, p):
        n_out = (n + 2 * p - k) // s + 1
        place = torch.arange(n_out)[:, None] * s + torch.arange(k) - p
        return (place[:, :, None] == torch.arange(n)).to(x.dtype)

    rows = select(x.shape[2], weight.shape[2], stride[0], padding[0])
    cols = select(x.shape[3], weight.shape[3], stride[1], padding[1])
    spread = torch.einsum("bchw,ikh->bcikw", x, rows)
    spread = torch.einsum("bcikw,jlw->bcikjl", spread, cols)
    return torch.einsum("bcikjl,ockl->boij", spread, weight) + bias.reshape(1, -1, 1, 1)


def forbidden_aten_convolution(x, weight, bias, stride, padding):
    """PyTorch's convolution under its inner name."""
    return torch.ops.aten.convolution(x, weight, bias, stride, padding, (1, 1), False, (0, 0), 1)


def forbidden_unfold_module(x, weight, bias, stride, padding):
    """nn.Unfold is F.unfold as a module."""
    k_h, k_w = weight.shape[2:]
    flat = torch.nn.Unfold((k_h, k_w), padding=padding, stride=stride)(x)
    h_out = (x.shape[2] + 2 * padding[0] - k_h) // stride[0] + 1
    out = weight.flatten(1) @ flat + bias[:, None]
    return out.reshape(x.shape[0], weight.shape[0], h_out, -1)

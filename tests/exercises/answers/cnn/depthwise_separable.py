"""Answers to `cnn.depthwise_separable`, written from its statement alone."""

import torch
import torch.nn.functional as F


def wrong_relu_between(x, depthwise, pointwise, bias, stride, padding):
    """A ReLU between the two, as in the block of MobileNet."""
    y = F.conv2d(x, depthwise, stride=stride, padding=padding, groups=x.shape[1])
    return F.conv2d(F.relu(y), pointwise, bias)


def wrong_padding_twice(x, depthwise, pointwise, bias, stride, padding):
    """The 1 x 1 convolution is padded too."""
    y = F.conv2d(x, depthwise, stride=stride, padding=padding, groups=x.shape[1])
    return F.conv2d(y, pointwise, bias, padding=padding)


def wrong_stride_twice(x, depthwise, pointwise, bias, stride, padding):
    """Both convolutions take the stride."""
    y = F.conv2d(x, depthwise, stride=stride, padding=padding, groups=x.shape[1])
    return F.conv2d(y, pointwise, bias, stride=stride)


def wrong_padding_order(x, depthwise, pointwise, bias, stride, padding):
    """F.pad gets the rows first, but takes the columns first."""
    padded = F.pad(x, (padding[0], padding[0], padding[1], padding[1]))
    return F.conv2d(F.conv2d(padded, depthwise, stride=stride, groups=x.shape[1]), pointwise, bias)


def wrong_channels_mixed_at_once(x, depthwise, pointwise, bias, stride, padding):
    """Each kernel is laid on the sum of all channels."""
    y = F.conv2d(x.sum(dim=1, keepdim=True), depthwise, stride=stride, padding=padding)
    return F.conv2d(y, pointwise, bias)


def wrong_one_kernel_for_all(x, depthwise, pointwise, bias, stride, padding):
    """The channels are folded into the batch and share the first kernel."""
    b, c, h, w = x.shape
    y = F.conv2d(x.reshape(b * c, 1, h, w), depthwise[:1], stride=stride, padding=padding)
    return F.conv2d(y.reshape(b, c, *y.shape[2:]), pointwise, bias)


def wrong_pointwise_reshaped(x, depthwise, pointwise, bias, stride, padding):
    """The mixing matrix is read as (C_in, C_out)."""
    y = F.conv2d(x, depthwise, stride=stride, padding=padding, groups=x.shape[1])
    mix = pointwise.reshape(x.shape[1], -1)
    return torch.einsum("bchw,co->bohw", y, mix) + bias[:, None, None]


def wrong_squeeze(x, depthwise, pointwise, bias, stride, padding):
    """squeeze without an axis also drops channels of size 1."""
    y = F.conv2d(x, depthwise, stride=stride, padding=padding, groups=x.shape[1])
    return torch.einsum("bchw,oc->bohw", y, pointwise.squeeze()) + bias[:, None, None]


def wrong_one_stride_for_both(x, depthwise, pointwise, bias, stride, padding):
    """The stride of the rows serves the columns too."""
    y = F.conv2d(x, depthwise, stride=stride[0], padding=padding, groups=x.shape[1])
    return F.conv2d(y, pointwise, bias)


def wrong_float32_buffer(x, depthwise, pointwise, bias, stride, padding):
    """The channels are collected in a tensor of PyTorch's default type."""
    h_out = (x.shape[2] + 2 * padding[0] - depthwise.shape[2]) // stride[0] + 1
    w_out = (x.shape[3] + 2 * padding[1] - depthwise.shape[3]) // stride[1] + 1
    y = torch.zeros(x.shape[0], x.shape[1], h_out, w_out)
    for c in range(x.shape[1]):
        y[:, c : c + 1] = F.conv2d(x[:, c : c + 1], depthwise[c : c + 1], stride=stride, padding=padding)
    return F.conv2d(y.to(x.dtype), pointwise, bias)


def wrong_merged_kernel_cut(x, depthwise, pointwise, bias, stride, padding):
    """The dense kernel is filled in from .data: no gradient for the two kernels."""
    c_out, c_in = pointwise.shape[:2]
    dense = x.new_zeros(c_out, c_in, *depthwise.shape[2:])
    for o in range(c_out):
        for c in range(c_in):
            dense[o, c] = pointwise.data[o, c, 0, 0] * depthwise.data[c, 0]
    return F.conv2d(x, dense, bias, stride, padding)


def wrong_flipped_without_bias(x, depthwise, pointwise, bias, stride, padding):
    """The kernels are flipped, and the bias is forgotten."""
    y = F.conv2d(x, depthwise.flip(2, 3), stride=stride, padding=padding, groups=x.shape[1])
    return F.conv2d(y, pointwise)


def right_groups(x, depthwise, pointwise, bias, stride, padding):
    """As many groups as channels, then the 1 x 1 convolution."""
    y = F.conv2d(x, depthwise, stride=stride, padding=padding, groups=x.shape[1])
    return F.conv2d(y, pointwise, bias)


def right_stride_at_the_end(x, depthwise, pointwise, bias, stride, padding):
    """All places first; the 1 x 1 convolution takes the stride."""
    y = F.conv2d(x, depthwise, padding=padding, groups=x.shape[1])
    return F.conv2d(y, pointwise, bias, stride=stride)


def right_dense_kernel(x, depthwise, pointwise, bias, stride, padding):
    """Both are linear: one dense kernel, the product of the two."""
    return F.conv2d(x, pointwise * depthwise.transpose(0, 1), bias, stride, padding)


def right_patches(x, depthwise, pointwise, bias, stride, padding):
    """Patches by Tensor.unfold, two sums by einsum."""
    padded = F.pad(x, (padding[1], padding[1], padding[0], padding[0]))
    patches = padded.unfold(2, depthwise.shape[2], stride[0]).unfold(3, depthwise.shape[3], stride[1])
    y = torch.einsum("bcijkl,ckl->bcij", patches, depthwise[:, 0])
    return torch.einsum("bcij,oc->boij", y, pointwise[:, :, 0, 0]) + bias.view(1, -1, 1, 1)

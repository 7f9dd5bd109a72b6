"""Answers to `gan.pack`, written from its statement alone."""

import torch


def wrong_view(x, m):
    """view in place of reshape: fails on a transposed x."""
    return x.view(x.shape[0] // m, m * x.shape[1], *x.shape[2:])


def wrong_strided_packs(x, m):
    """Samples B / m apart form a pack."""
    return torch.cat(x.chunk(m), dim=1)


def wrong_interleaved(x, m):
    """The features of a pack's samples alternate."""
    packs = x.unflatten(0, (-1, m)).transpose(1, 2)
    return packs.flatten(1, 2)


def wrong_flattened_images(x, m):
    """Images become flat rows."""
    return x.reshape(x.shape[0] // m, -1)


def wrong_images_on_top(x, m):
    """Images are put one below the other, along the height."""
    groups = [x[i::m] for i in range(m)]
    return torch.cat(groups, dim=-1 if x.dim() == 2 else 2)


def wrong_m_packs(x, m):
    """m packs of B / m samples, not packs of m."""
    return x.reshape(m, x.shape[0] // m * x.shape[1], *x.shape[2:])


def wrong_backwards(x, m):
    """Within a pack the last sample comes first."""
    return torch.cat([x[i::m] for i in reversed(range(m))], dim=1)


def wrong_memory_order(x, m):
    """as_strided reads the memory as if x lay row by row."""
    shape = (x.shape[0] // m, m * x.shape[1], *x.shape[2:])
    stride = [1]
    for size in reversed(shape[1:]):
        stride.insert(0, stride[0] * size)
    return torch.as_strided(x, shape, stride)


def wrong_squeezed(x, m):
    """squeeze drops sizes of 1: one pack, one feature, one pixel."""
    return x.reshape(x.shape[0] // m, m * x.shape[1], *x.shape[2:]).squeeze()


def wrong_default_type(x, m):
    """The result is filled into a tensor of the default type."""
    out = torch.zeros(x.shape[0] // m, m * x.shape[1], *x.shape[2:])
    for i in range(x.shape[0]):
        start = (i % m) * x.shape[1]
        out[i // m, start : start + x.shape[1]] = x[i]
    return out


def wrong_gradient_cut(x, m):
    """Through plain lists: no gradient."""
    rows = [torch.cat(list(x[i : i + m].detach())) for i in range(0, len(x), m)]
    return torch.stack(rows).clone()


def wrong_strided_interleaved(x, m):
    """Samples B / m apart, and their features alternate."""
    return torch.stack(x.chunk(m), dim=2).flatten(1, 2)


def right_reshape(x, m):
    """One reshape."""
    return x.reshape(x.shape[0] // m, m * x.shape[1], *x.shape[2:])


def right_cat_of_strides(x, m):
    """Every m-th sample, side by side."""
    return torch.cat([x[i::m] for i in range(m)], dim=1)


def right_unflatten(x, m):
    """unflatten the batch, flatten into the channels."""
    return x.unflatten(0, (x.shape[0] // m, m)).flatten(1, 2)


def right_pack_by_pack(x, m):
    """A loop over the packs."""
    return torch.stack([torch.cat(tuple(pack.unbind(0)), dim=0) for pack in x.split(m)])


def open_contiguous_view(x, m):
    """Open: a view of x for one that lies in order, a copy else; nothing says that memory may be shared."""
    return x.contiguous().view(x.size(0) // m, m * x.size(1), *x.size()[2:])


def wrong_view_again(x, m):
    """view, which fails on transposed or sliced arguments."""
    return x.view(x.shape[0] // m, m * x.shape[1], *x.shape[2:])


def wrong_as_strided(x, m):
    """as_strided with the strides of a contiguous tensor: reads other numbers from one that is not."""
    shape = (x.shape[0] // m, m * x.shape[1], *x.shape[2:])
    strides = [1]
    for n in reversed(shape[1:]):
        strides.insert(0, strides[0] * n)
    return torch.as_strided(x, shape, strides)

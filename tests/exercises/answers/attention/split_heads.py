"""Answers to `attention.split_heads`, written from its statement alone."""

import torch


def wrong_reshape_only(x, n_h):
    """Reshapes straight to (B, n_h, T, d_k): positions and heads are mixed."""
    b, steps, d = x.shape
    return x.reshape(b, n_h, steps, d // n_h)


def wrong_every_nth(x, n_h):
    """Head h gets the features h, h + n_h, ... and not a block."""
    b, steps, d = x.shape
    return x.reshape(b, steps, d // n_h, n_h).permute(0, 3, 1, 2)


def wrong_not_transposed(x, n_h):
    """Stops at (B, T, n_h, d_k)."""
    return x.reshape(*x.shape[:2], n_h, -1)


def wrong_keys_layout(x, n_h):
    """Returns (B, n_h, d_k, T), as keys are needed for the scores."""
    return x.unflatten(-1, (n_h, -1)).permute(0, 2, 3, 1)


def wrong_size_for_number(x, n_h):
    """split takes the size of a block, not their number: right only for d_k = n_h."""
    return torch.stack(x.split(n_h, dim=-1), dim=1)


def wrong_gradient_cut(x, n_h):
    """Copies the data into a new tensor: no gradient."""
    b, steps, d = x.shape
    return x.detach().clone().reshape(b, steps, n_h, d // n_h).transpose(1, 2)


def wrong_heads_first(x, n_h):
    """Stacks the heads along a new first axis: (n_h, B, T, d_k)."""
    return torch.stack(x.chunk(n_h, dim=-1))


def wrong_heads_into_batch(x, n_h):
    """Joins the heads along the batch and reshapes: right for a batch of 1 only."""
    b, steps, d = x.shape
    return torch.cat(x.chunk(n_h, dim=-1), dim=0).reshape(b, n_h, steps, d // n_h)


def wrong_flat_view(x, n_h):
    """view over batch and positions together: fails where x is a transposed view."""
    b, steps, d = x.shape
    return x.view(b * steps, n_h, d // n_h).view(b, steps, n_h, -1).transpose(1, 2)


def wrong_strides_assumed(x, n_h):
    """as_strided with the strides of a contiguous x."""
    b, steps, d = x.shape
    return x.as_strided((b, n_h, steps, d // n_h), (steps * d, d // n_h, d, 1))


def wrong_float32_buffer(x, n_h):
    """Writes into torch.empty of the default type: float64 becomes float32."""
    b, steps, d = x.shape
    out = torch.empty(b, n_h, steps, d // n_h)
    out[...] = x.reshape(b, steps, n_h, -1).transpose(1, 2)
    return out


def wrong_every_nth_squeezed(x, n_h):
    """Two mistakes: every n_h-th feature, and axes of size 1 are lost."""
    b, steps, d = x.shape
    return x.reshape(b, steps, d // n_h, n_h).movedim(-1, 1).squeeze()


def right_transpose(x, n_h):
    """Cuts the last axis, then exchanges positions and heads."""
    b, steps, d = x.shape
    return x.view(b, steps, n_h, d // n_h).transpose(1, 2)


def right_chunks(x, n_h):
    """Blocks of features, stacked along a new second axis."""
    return torch.stack(x.chunk(n_h, dim=2), dim=1)


def right_index(x, n_h):
    """Looks up the numbers of the features."""
    columns = torch.arange(x.shape[-1], device=x.device).reshape(n_h, 1, -1)
    rows = torch.arange(x.shape[1], device=x.device)[None, :, None]
    return x[:, rows, columns]


def right_selection(x, n_h):
    """einsum with an identity matrix that was cut into heads."""
    d = x.shape[-1]
    pick = torch.eye(d, dtype=x.dtype, device=x.device).reshape(d, n_h, d // n_h)
    return torch.einsum("btd,dhj->bhtj", x, pick)


def forbidden_loop_over_heads(x, n_h):
    """A loop over the heads."""
    d_k = x.shape[-1] // n_h
    out = x.new_empty(x.shape[0], n_h, x.shape[1], d_k)
    for h in range(n_h):
        out[:, h] = x[:, :, h * d_k : (h + 1) * d_k]
    return out


def forbidden_comprehension(x, n_h):
    """A list comprehension over the heads."""
    d_k = x.shape[-1] // n_h
    return torch.stack([x[..., h * d_k : (h + 1) * d_k] for h in range(n_h)], dim=1)


def wrong_strides_of_contiguous(x, n_h):
    """as_strided with the strides of a contiguous x: a transposed x is read in wrong order."""
    b, steps, d = x.shape
    d_k = d // n_h
    return x.as_strided((b, n_h, steps, d_k), (steps * d, d_k, d, 1))


def wrong_view_of_rows(x, n_h):
    """view over batch and positions as one axis: fails for an x that is itself a transposed view."""
    b, steps, d = x.shape
    return x.view(b * steps, n_h, d // n_h).view(b, steps, n_h, d // n_h).transpose(1, 2)

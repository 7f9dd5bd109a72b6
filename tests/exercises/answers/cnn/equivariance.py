"""Answers to `cnn.equivariance`, written from its statement alone."""

import torch
import torch.nn.functional as F


def shifted(t, shift):
    """Move t to the right: zeros come in, what passes the edge is lost."""
    shift = min(shift, t.shape[-1])
    return F.pad(t[..., : t.shape[-1] - shift], (shift, 0))


@torch.no_grad()
def wrong_circular(x, weight, padding, shift):
    """torch.roll brings in at the left what passes the right edge."""
    left = F.conv2d(torch.roll(x, shift, dims=3), weight, padding=padding)
    right = torch.roll(F.conv2d(x, weight, padding=padding), shift, dims=3)
    return (left - right).abs().amax(dim=(0, 1, 2))


@torch.no_grad()
def wrong_to_the_left(x, weight, padding, shift):
    """The shift goes to the left."""

    def move(t):
        return shifted(t.flip(-1), shift).flip(-1)

    left = F.conv2d(move(x), weight, padding=padding)
    return (left - move(F.conv2d(x, weight, padding=padding))).abs().amax(dim=(0, 1, 2))


@torch.no_grad()
def wrong_largest_signed(x, weight, padding, shift):
    """The largest difference, then its absolute value."""
    left = F.conv2d(shifted(x, shift), weight, padding=padding)
    right = shifted(F.conv2d(x, weight, padding=padding), shift)
    return (left - right).amax(dim=(0, 1, 2)).abs()


@torch.no_grad()
def wrong_mean(x, weight, padding, shift):
    """The mean over batch, channels and rows, not the largest."""
    left = F.conv2d(shifted(x, shift), weight, padding=padding)
    right = shifted(F.conv2d(x, weight, padding=padding), shift)
    return (left - right).abs().mean(dim=(0, 1, 2))


@torch.no_grad()
def wrong_padded_image_shifted(x, weight, padding, shift):
    """The image is padded first and shifted then: what passes its right edge stays in the padding."""
    padded = F.pad(x, (padding, padding, padding, padding))
    left = F.conv2d(shifted(padded, shift), weight)
    right = shifted(F.conv2d(padded, weight), shift)
    return (left - right).abs().amax(dim=(0, 1, 2))


@torch.no_grad()
def wrong_invariance(x, weight, padding, shift):
    """f(Tx) is compared with f(x): a test for invariance."""
    left = F.conv2d(shifted(x, shift), weight, padding=padding)
    return (left - F.conv2d(x, weight, padding=padding)).abs().amax(dim=(0, 1, 2))


def open_gradient_kept(x, weight, padding, shift):
    """The result still hangs on the graph of x and weight."""
    left = F.conv2d(shifted(x, shift), weight, padding=padding)
    right = shifted(F.conv2d(x, weight, padding=padding), shift)
    return (left - right).abs().amax(dim=(0, 1, 2))


@torch.no_grad()
def wrong_shift_beyond_width(x, weight, padding, shift):
    """A negative end of the slice where the shift exceeds the width."""

    def move(t):
        out = torch.zeros_like(t)
        out[..., shift:] = t[..., : t.shape[-1] - shift]
        return out

    left = F.conv2d(move(x), weight, padding=padding)
    return (left - move(F.conv2d(x, weight, padding=padding))).abs().amax(dim=(0, 1, 2))


@torch.no_grad()
def wrong_tolerance(x, weight, padding, shift):
    """Errors below 1e-5 are taken for rounding and set to 0."""
    left = F.conv2d(shifted(x, shift), weight, padding=padding)
    right = shifted(F.conv2d(x, weight, padding=padding), shift)
    errors = (left - right).abs().amax(dim=(0, 1, 2))
    return torch.where(errors < 1e-5, torch.zeros_like(errors), errors)


@torch.no_grad()
def wrong_limit_of_the_image(x, weight, padding, shift):
    """The shift is limited to the width of the image, also for a wider output."""
    shift = min(shift, x.shape[3])
    left = F.conv2d(shifted(x, shift), weight, padding=padding)
    right = shifted(F.conv2d(x, weight, padding=padding), shift)
    return (left - right).abs().amax(dim=(0, 1, 2))


@torch.no_grad()
def wrong_image_overwritten(x, weight, padding, shift):
    """Right numbers, but x itself is shifted in place."""
    right = shifted(F.conv2d(x, weight, padding=padding), shift)
    x.copy_(shifted(x, shift))
    left = F.conv2d(x, weight, padding=padding)
    return (left - right).abs().amax(dim=(0, 1, 2))


@torch.no_grad()
def wrong_rows_and_flipped(x, weight, padding, shift):
    """The shift moves the rows downwards, and the kernel is flipped."""

    def move(t):
        return shifted(t.transpose(2, 3), shift).transpose(2, 3)

    weight = weight.flip(2, 3)
    left = F.conv2d(move(x), weight, padding=padding)
    return (left - move(F.conv2d(x, weight, padding=padding))).abs().amax(dim=(0, 1, 2))


@torch.no_grad()
def right_slices(x, weight, padding, shift):
    """Zeros and a slice, joined."""

    def move(t):
        s = min(shift, t.shape[3])
        return torch.cat([t.new_zeros(*t.shape[:3], s), t[..., : t.shape[3] - s]], dim=3)

    left = F.conv2d(move(x), weight, padding=padding)
    return (left - move(F.conv2d(x, weight, padding=padding))).abs().amax(dim=(0, 1, 2))


def right_shift_matrix(x, weight, padding, shift):
    """T as a product with a shifted identity; in float64, detached at the end."""

    def move(t):
        place = torch.arange(t.shape[-1])
        return t @ (place[:, None] + shift == place).to(t.dtype)

    a, w = x.double(), weight.double()
    difference = F.conv2d(move(a), w, padding=padding) - move(F.conv2d(a, w, padding=padding))
    return difference.abs().flatten(0, 2).max(dim=0).values.to(x.dtype).detach()


def right_column_by_column(x, weight, padding, shift):
    """A loop over the output columns, which looks up the neighbour on the left."""
    x, weight = x.detach(), weight.detach()
    moved = torch.zeros_like(x)
    for column in range(shift, x.shape[3]):
        moved[..., column] = x[..., column - shift]
    left = F.conv2d(moved, weight, padding=padding)
    right = F.conv2d(x, weight, padding=padding)
    errors = []
    for column in range(left.shape[3]):
        here = left[..., column]
        if column >= shift:
            here = here - right[..., column - shift]
        errors.append(here.abs().max())
    return torch.stack(errors)


def right_by_patches(x, weight, padding, shift):
    """Roll and a mask for T, patches and einsum for f, a norm for the maximum."""
    x, weight = x.detach(), weight.detach()

    def move(t):
        keep = torch.arange(t.shape[3]) >= shift
        return torch.where(keep, torch.roll(t, shift % t.shape[3], dims=3), torch.zeros_like(t))

    def f(t):
        padded = F.pad(t, (padding,) * 4)
        patches = padded.unfold(2, weight.shape[2], 1).unfold(3, weight.shape[3], 1)
        return torch.einsum("bcijkl,ockl->boij", patches, weight)

    difference = (f(move(x)) - move(f(x))).flatten(0, 2)
    return torch.maximum(difference.amax(dim=0), -difference.amin(dim=0))


@torch.no_grad()
def open_pads_by_the_whole_shift(x, weight, padding, shift):
    """Open: how large a shift may be. This one makes `shift` columns of zeros, too many from 10^9 on."""

    def move(t):
        return F.pad(t, (shift, 0))[..., : t.shape[3]]

    left = F.conv2d(move(x), weight, padding=padding)
    return (left - move(F.conv2d(x, weight, padding=padding))).abs().amax(dim=(0, 1, 2))


def _shift(x, s):
    out = torch.zeros_like(x)
    if s < x.shape[-1]:
        out[..., s:] = x[..., : x.shape[-1] - s]
    return out


def _f(x, weight, padding):
    return F.conv2d(x, weight, padding=padding)


def wrong_slice_with_minus_shift(x, weight, padding, shift):
    """x[..., :-shift]: an empty slice for a shift of 0."""

    def t(z):
        return torch.cat([torch.zeros_like(z[..., :shift]), z[..., :-shift]], dim=-1)

    return (_f(t(x), weight, padding) - t(_f(x, weight, padding))).abs().amax(dim=(0, 1, 2))


def wrong_one_step_at_least(x, weight, padding, shift):
    """`shift or 1`: a shift of 0 is taken for not given."""
    s = shift or 1
    return (_f(_shift(x, s), weight, padding) - _shift(_f(x, weight, padding), s)).abs().amax(dim=(0, 1, 2))


def wrong_shift_modulo_width(x, weight, padding, shift):
    """The shift is taken modulo the width: wrong for shifts as wide as the image."""

    def t(z):
        return _shift(z, shift % z.shape[-1])

    return (_f(t(x), weight, padding) - t(_f(x, weight, padding))).abs().amax(dim=(0, 1, 2))


def wrong_negative_slice_for_wide_shift(x, weight, padding, shift):
    """z[..., :W - shift]: the bound turns negative when the shift is wider than the map."""

    def t(z):
        w = z.shape[-1]
        return torch.cat([z.new_zeros(*z.shape[:-1], shift), z[..., : w - shift]], dim=-1)

    return (_f(t(x), weight, padding) - t(_f(x, weight, padding))).abs().amax(dim=(0, 1, 2))


def wrong_rounded(x, weight, padding, shift):
    """Errors under 1e-3 are taken for rounding and set to 0."""
    diff = (_f(_shift(x, shift), weight, padding) - _shift(_f(x, weight, padding), shift)).abs()
    out = diff.amax(dim=(0, 1, 2))
    return torch.where(out < 1e-3, torch.zeros_like(out), out)

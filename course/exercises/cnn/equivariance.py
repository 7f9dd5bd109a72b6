"""Chapter 1: measure where a padded convolution is not equivariant."""

import numpy as np
import torch
import torch.nn.functional as F

from course.exercises.cases import normal
from course.exercises.engine import Exercise


def my_shift_error(x, weight, padding, shift):
    """Largest |f(T x) - T f(x)| in each output column, a tensor (W_out,)."""

    def move(image):
        return F.pad(image, (shift, 0))[..., : image.shape[3]]  # zeros come in, the last columns fall out

    def layer(image):
        return F.conv2d(image, weight, padding=padding)

    return (layer(move(x)) - move(layer(x))).abs().amax((0, 1, 2))


def numpy_shift_error(x, weight, padding, shift):
    """The reference: windows of the padded image in NumPy."""

    def move(image):
        return np.concatenate([np.zeros((*image.shape[:3], shift)), image], 3)[..., : image.shape[3]]

    def layer(image):
        padded = np.pad(image, ((0, 0), (0, 0), (padding, padding), (padding, padding)))
        windows = np.lib.stride_tricks.sliding_window_view(padded, weight.shape[2:], (2, 3))
        return np.einsum("bchwuv,ocuv->bohw", windows, weight.double().numpy())

    image = x.double().numpy()
    return torch.from_numpy(np.abs(layer(move(image)) - move(layer(image))).max((0, 1, 2))).to(x.dtype)


def draw(rng, B, C, D, H, W, kernel, padding, shift, scale=1.0, dtype=torch.float64):
    """A case with C input and D output channels; `scale` multiplies the image."""
    return (
        normal(rng, B, C, H, W, dtype=dtype, scale=scale),
        normal(rng, D, C, *kernel, dtype=dtype),
        padding,
        shift,
    )


def spans(rng):
    """Small sizes; some pixels stay in the picture."""
    B, C, D = (rng.randint(1, 2) for _ in range(3))
    sizes = dict(B=B, C=C, D=D, H=rng.randint(6, 9), W=rng.randint(6, 10), padding=rng.randint(0, 2))
    return sizes | dict(kernel=(rng.randint(1, 4), rng.randint(1, 4)), shift=rng.randint(1, 3))


equivariance = Exercise(
    my_shift_error,
    reference=numpy_shift_error,
    by_hand=[
        ([[[[1.0, 2.0, 3.0, 4.0]]]], [[[[1.0, 1.0]]]], 0, 1),
        ([[[[1000.0, 2000.0, 1e-4]]]], [[[[1.0, 1.0, 1.0]]]], 1, 1),  # errors of 1000 and 1e-4
        ([[[[5.0, 2.0, 3.0]]]], [[[[1.0]]]], 2, 2),
        ([[[[0.0, 0.0, 0.0]]]], [[[[2.0, 1.0]]]], 1, 1),
    ],
    draw=draw,
    sizes=[
        dict(B=2, C=2, D=3, H=7, W=7, kernel=(3, 3), padding=1, shift=2),
        dict(B=1, C=1, D=1, H=6, W=9, kernel=(2, 4), padding=2, shift=1),
        dict(B=2, C=1, D=2, H=8, W=6, kernel=(3, 2), padding=0, shift=3),
        dict(B=1, C=2, D=1, H=9, W=10, kernel=(1, 1), padding=1, shift=1),
        dict(B=1, C=2, D=2, H=6, W=7, kernel=(4, 3), padding=2, shift=2),
        dict(B=1, C=1, D=2, H=3, W=5, kernel=(2, 2), padding=1, shift=0),
        dict(B=2, C=1, D=1, H=1, W=5, kernel=(1, 4), padding=0, shift=3),  # past the output
        dict(B=1, C=1, D=1, H=2, W=3, kernel=(2, 3), padding=2, shift=4),  # past the image
        dict(B=1, C=1, D=1, H=2, W=3, kernel=(2, 3), padding=2, shift=10),
        dict(B=1, C=3, D=2, H=4, W=5, kernel=(3, 3), padding=1, shift=1, scale=1e-6),
        dict(B=1, C=1, D=1, H=2, W=40, kernel=(1, 3), padding=1, shift=25),
        dict(B=2, C=2, D=2, H=4, W=6, kernel=(3, 2), padding=1, shift=2, dtype=torch.float32),
        dict(B=1, C=1, D=1, H=1, W=2, kernel=(1, 1), padding=0, shift=1, dtype=torch.float32),
    ],
    spans=spans,
    hints="""
        Write T as a function of its own: it is used twice, on the image and on the output.

        `F.pad(image, (shift, 0))` puts `shift` columns of zeros on the left; then cut to the old width.

        This is the line itself: `(f(T(x)) - T(f(x))).abs().amax((0, 1, 2))` keeps the last axis, the columns.
    """,
    special="""
        no_shift: shift == 0
            Your function is right but for a shift of 0: x[..., :-0] is empty, and `shift or 1` is 1.
        wide_shift: shift >= x.shape[3] + 2 * padding - weight.shape[3] + 1 or shift >= x.shape[3]
            Your function is right but for a shift beyond image or output, where only zeros are left.
        zeros: not x.any()
            Your function is right but where x is 0: divide by nothing that may be 0.
        wide_image: x.shape[3] > 16
            Your function is right but for a wide image and shift: is there a limit on a size?
        wide_padding: padding > weight.shape[3] and shift > 1
            Your function is right but where the padding is wider than the kernel: compute f(T x) - T f(x) in
            every column, also where you expect no error.
        small_errors: x.abs().max() < 1e-3 or x.abs().max() > 500
            Your function is right but for errors that are small, or small beside others, or large: return
            each as it is, not rounded, not clipped, and none of them taken for 0, as `isclose` does.
        several_examples: len(x) > 1
            Your function is right for one example: take the largest error over all of them.
        several_outputs: len(weight) > 1
            Your function is right for one output channel: take the largest error over all of them.
        padded: padding > 0
            Your function is right without padding: f pads all four sides, of the image that T has moved.
        several_rows: x.shape[2] + 2 * padding - weight.shape[2] > 0
            Your function is right for one output row: take the largest error over all rows.
    """,
    wrong="""
        wraps_around: F.pad(image, (shift, 0))[..., : image.shape[3]] → image.roll(shift, 3)
            Your shift wraps around, as torch.roll does: what passes the right edge must be lost, and zeros
            come in.
        output_wraps_around: move(layer(x)) → layer(x).roll(shift, 3)
            Your shift of the output wraps around, as torch.roll does: T is the same shift as the image's.
        moves_left: (shift, 0))[..., : image.shape[3]] → (0, shift))[..., shift:]
            You shift to the left: T goes to the right.
        moves_down: (shift, 0))[..., : image.shape[3]] → (0, 0, shift, 0))[:, :, : image.shape[2]]
            You shift rows instead of columns: the last axis counts columns.
        output_not_moved: move(layer(x))) → layer(x))
            You compare f(T x) with f(x): equivariance says that the output moves along, T f(x).
        mean_error: .amax( → .mean(
            You average the errors: a single wrong value must show, so take the largest.
        both_moved: move(layer(x))) → move(layer(move(x))))
            You move the image in both terms: T f(x) begins with the image as it is.
        flipped_kernel: (image, weight, → (image, weight.flip(2, 3),
            Your kernel is flipped: cross-correlation is meant, as F.conv2d does it.
        absolute_value_last: .abs().amax((0, 1, 2)) → .amax((0, 1, 2)).abs()
        no_absolute_value: .abs() → nothing
            You take the largest difference before its absolute value: a large negative one is missed.
        by_row: (0, 1, 2) → (0, 1, 3)
            You keep the rows: the errors are asked for each column, the last axis.
    """,
)

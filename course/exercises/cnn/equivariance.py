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
        return np.einsum("bchwuv,ocuv->bohw", windows, weight.numpy())

    return torch.from_numpy(np.abs(layer(move(x.numpy())) - move(layer(x.numpy()))).max((0, 1, 2)))


def wide_shift_error(rng):
    """One valid case: some pixels stay in the picture."""
    k_h, k_w = rng.randint(1, 4), rng.randint(1, 4)
    h, w = rng.randint(6, 9), rng.randint(6, 10)
    c_in = rng.randint(1, 2)
    x = normal(rng, rng.randint(1, 2), c_in, h, w)
    weight = normal(rng, rng.randint(1, 2), c_in, k_h, k_w)
    return x, weight, rng.randint(0, 2), rng.randint(1, 3)


def shift_error_cases(rng):
    """A row that can be followed by hand, then awkward shapes."""
    row = torch.tensor([[[[1.0, 2.0, 3.0, 4.0]]]], dtype=torch.float64)
    two = torch.ones(1, 1, 1, 2, dtype=torch.float64)
    square = normal(rng, 2, 2, 7, 7), normal(rng, 3, 2, 3, 3), 1, 2
    return [(row, two, 0, 1), square, *(wide_shift_error(rng) for _ in range(12))]


equivariance = Exercise(
    my_shift_error,
    reference=numpy_shift_error,
    # OLD wide=wide_shift_error
    # OLD cases:
    # shift_error_cases
    by_hand=(),
    draw=None,
    sizes=[],
    spans={},
    hints="""
        Write T as a function of its own: it is used twice, on the image and on the output.

        `F.pad(image, (shift, 0))` puts `shift` columns of zeros on the left; then cut to the old width.

        `(f(T(x)) - T(f(x))).abs().amax((0, 1, 2))` keeps the last axis, the columns.
    """,
    wrong="""
        wraps_around: OLD → NEW
            Your shift wraps around, as torch.roll does: what passes the right edge must be lost, and zeros
            come in.
        image_wraps_around: OLD → NEW
            Your shift of the image wraps around, as torch.roll does: zeros must come in.
        output_wraps_around: OLD → NEW
            Your shift of the output wraps around, as torch.roll does: T is the same shift as the image's.
        moves_left: OLD → NEW
            You shift to the left: T goes to the right.
        moves_down: OLD → NEW
            You shift rows instead of columns: the last axis counts columns.
        output_not_moved: OLD → NEW
            You compare f(T x) with f(x): equivariance says that the output moves along, T f(x).
        padding_forgotten: OLD → NEW
            You convolve without the padding.
        mean_error: OLD → NEW
            You average the errors: a single wrong value must show, so take the largest.
        no_absolute_value: OLD → NEW
            You take the largest difference without its absolute value: a large negative one is missed.
        by_row: OLD → NEW
            You keep the rows: the errors are asked for each column, the last axis.
    """,
)

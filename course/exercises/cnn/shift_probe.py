"""Chapter 1, exercise: measure where a padded convolution is not equivariant."""

import numpy as np
import torch
import torch.nn.functional as F

from course.exercises.draw import normal
from course.exercises.engine import Exercise, Misconception


def my_shift_error(x, weight, padding, shift):
    """Largest |f(T x) - T f(x)| in each output column, a tensor (W_out,)."""
    raise NotImplementedError


def solve_shift_error(x, weight, padding, shift):
    """Largest |f(T x) - T f(x)| in each output column, a tensor (W_out,)."""

    def move(image):
        return F.pad(image, (shift, 0))[..., : image.shape[3]]  # zeros come in, the last columns fall out

    def layer(image):
        return F.conv2d(image, weight, padding=padding)

    return (layer(move(x)) - move(layer(x))).abs().amax((0, 1, 2))


def shift_error_by_assignment(x, weight, padding, shift):
    """The same with slices that are assigned, and one maximum after the other."""
    moved = torch.zeros_like(x)
    moved[..., shift:] = x[..., :-shift]
    y, y_moved = F.conv2d(x, weight, None, 1, padding), F.conv2d(moved, weight, None, 1, padding)
    expected = torch.zeros_like(y)
    expected[..., shift:] = y[..., :-shift]
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


def numpy_shift_error(x, weight, padding, shift):
    """The reference: windows of the padded image in NumPy."""

    def move(image):
        return np.concatenate([np.zeros((*image.shape[:3], shift)), image], 3)[..., : image.shape[3]]

    def layer(image):
        padded = np.pad(image, ((0, 0), (0, 0), (padding, padding), (padding, padding)))
        windows = np.lib.stride_tricks.sliding_window_view(padded, weight.shape[2:], (2, 3))
        return np.einsum("bchwuv,ocuv->bohw", windows, weight.numpy())

    return torch.from_numpy(np.abs(layer(move(x.numpy())) - move(layer(x.numpy()))).max((0, 1, 2)))


def variation(move_in=None, move_out=None, reduce=None, padded=True):
    """A wrong version: another shift of the image or of the output, another summary, no padding."""

    def right(image, shift):
        return F.pad(image, (shift, 0))[..., : image.shape[3]]

    def wrong(x, weight, padding, shift):
        def layer(image):
            return F.conv2d(image, weight, padding=padding * padded)

        difference = layer((move_in or right)(x, shift)) - (move_out or right)(layer(x), shift)
        return reduce(difference) if reduce else difference.abs().amax((0, 1, 2))

    return wrong


def roll(image, shift):
    """Move right; what falls out comes in again on the left."""
    return image.roll(shift, 3)


def left(image, shift):
    """Move left; zeros come in."""
    return F.pad(image, (0, shift))[..., shift:]


def down(image, shift):
    """Move down; zeros come in."""
    return F.pad(image, (0, 0, shift, 0))[..., : image.shape[2], :]


def stay(image, shift):
    """Do not move."""
    return image


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
    name="equivariance",
    title="an equivariance probe",
    difficulty="medium",
    minutes=20,
    task="""
        Let $f$ be the cross-correlation of `x` $(B, C_{in}, H, W)$ with `weight`, stride 1, no bias, with
        `padding` zeros on each of the four sides, and $T$ the shift to the right by `shift` columns: zeros
        come in at the left edge, what passes the right edge is lost. Return for each output column the
        largest $|f(Tx) - T f(x)|$ over the batch, the channels and the rows: a tensor $(W_{out},)$ that says
        *where* the layer is not equivariant. `F.conv2d` is allowed.

        By hand first: the row `[1, 2, 3, 4]`, the kernel `[1, 1]`, no padding, a shift by 1. Why is one of
        the three errors not 0?
    """,
    stub_function=my_shift_error,
    reference=numpy_shift_error,
    cases=shift_error_cases,
    wide=wide_shift_error,
    hints=(
        "Write T as a function of its own: it is used twice, on the image and on the output.",
        "`F.pad(image, (shift, 0))` puts `shift` columns of zeros on the left; then cut to the old width.",
        "`(f(T(x)) - T(f(x))).abs().amax((0, 1, 2))` keeps the last axis, the columns.",
    ),
    solution_function=solve_shift_error,
    alternatives=(shift_error_by_assignment, shift_error_by_columns, shift_error_by_roll),
    misconceptions=(
        Misconception(
            "wraps_around",
            "Your shift wraps around, as torch.roll does: what passes the right edge must be lost, and zeros "
            "come in.",
            variation(roll, roll),
        ),
        Misconception(
            "image_wraps_around",
            "Your shift of the image wraps around, as torch.roll does: zeros must come in.",
            variation(move_in=roll),
        ),
        Misconception(
            "output_wraps_around",
            "Your shift of the output wraps around, as torch.roll does: T is the same shift as the image's.",
            variation(move_out=roll),
        ),
        Misconception("moves_left", "You shift to the left: T goes to the right.", variation(left, left)),
        Misconception(
            "moves_down",
            "You shift rows instead of columns: the last axis counts columns.",
            variation(down, down),
        ),
        Misconception(
            "output_not_moved",
            "You compare f(T x) with f(x): equivariance says that the output moves along, T f(x).",
            variation(move_out=stay),
        ),
        Misconception("padding_forgotten", "You convolve without the padding.", variation(padded=False)),
        Misconception(
            "mean_error",
            "You average the errors: a single wrong value must show, so take the largest.",
            variation(reduce=lambda d: d.abs().mean((0, 1, 2))),
        ),
        Misconception(
            "no_absolute_value",
            "You take the largest difference without its absolute value: a large negative one is missed.",
            variation(reduce=lambda d: d.amax((0, 1, 2))),
        ),
        Misconception(
            "by_row",
            "You keep the rows: the errors are asked for each column, the last axis.",
            variation(reduce=lambda d: d.abs().amax((0, 1, 3))),
        ),
    ),
)

"""Chapter 5: the moving average of a generator's weights, studied by Yazıcı et al. (2019), "The
Unusual Effectiveness of Averaging in GAN Training"."""

import torch
from torch.optim.swa_utils import get_ema_avg_fn

from course.exercises.cases import normal
from course.exercises.engine import Exercise

ONE = torch.ones(1, dtype=torch.float64)
HALF = torch.ones(1, dtype=torch.bfloat16)


def my_average(average, weights, decay):
    """The new average, a list of new tensors. average and weights: lists of tensors, in the same order, of
    the same shapes and types; decay: a float in [0, 1]."""
    new = []
    for old, current in zip(average, weights, strict=True):
        if current.is_floating_point():
            mean = decay * old + (1 - decay) * current  # a new tensor: both inputs stay as they are
            new.append(mean)
        else:
            new.append(current.clone())  # a count has no average
    return new


def by_pytorch(average, weights, decay):
    """The same by the function that `torch.optim.swa_utils.AveragedModel` calls, in float64."""
    mean = get_ema_avg_fn(decay)
    return [
        current.clone()
        if "float" not in str(current.dtype)
        else mean(old.double(), current.double(), 1).to(old.dtype)
        for old, current in zip(average, weights, strict=True)
    ]


def draw(rng, shapes, decay, counts=1, kind=torch.int64, dtype=torch.float64):
    """A case: float tensors of given shapes, followed by counts, of which the average's are older."""
    average, weights = ([normal(rng, *shape, dtype=dtype) for shape in shapes] for _ in range(2))
    for _ in range(counts):
        count = rng.randint(10, 100)
        weights.append(torch.tensor(count, dtype=kind))
        average.append(torch.tensor((count - rng.randint(3, 9)) * (kind != torch.bool), dtype=kind))
    return average, weights, decay


def small_shapes(rng):
    """One to three shapes of at most three axes."""
    return [[rng.randint(1, 3) for _ in range(rng.randint(0, 3))] for _ in range(rng.randint(1, 3))]


average_weights = Exercise(
    my_average,
    reference=by_pytorch,
    draw=draw,
    fresh=True,
    by_hand=[
        ([0 * ONE], [ONE], 0.9),  # two steps: 0.1, 0.19
        ([0.1 * ONE], [ONE], 0.9),
        ([torch.tensor(3.0), torch.tensor([7, 1])], [torch.tensor(1.0), torch.tensor([2, 2**53 + 1])], 0.75),
        ([torch.tensor(3), ONE], [torch.tensor(5), 3 * ONE], 0.5),  # a count first
        ([torch.ones(1), 0 * HALF], [2 * torch.ones(1), 1000 * HALF], 0.999),
        ([torch.tensor(True)], [torch.tensor(False)], 0.5),
        ([0 * ONE], [ONE], 0.9999),
    ],
    sizes=[
        dict(shapes=[(2, 3), (2,)], decay=0.75),
        dict(shapes=[(3, 2), (3,), ()], decay=0.999, counts=2),
        dict(shapes=[(4, 1, 3, 3), (4,)], decay=0.3, dtype=torch.float32),
        dict(shapes=[(2, 2)], decay=0.0),
        dict(shapes=[(2, 2)], decay=1.0),
        dict(shapes=[(2,)], decay=0.9, kind=torch.int32),
        dict(shapes=[(2,)], decay=0.9, kind=torch.bool, dtype=torch.float32),
        dict(shapes=[(2,)], decay=0.75, dtype=torch.bfloat16),
        dict(shapes=[(1, 1100)] * 3, decay=0.99, counts=30),
        dict(shapes=[], decay=0.9),
    ],
    spans=dict(shapes=small_shapes, decay=[0.0, 0.3, 0.9, 0.999, 1.0], counts=(0, 2)),
    hints="""
        By hand: 0.1 after the first step, 0.19 after the second. Weights from k steps ago count (1 - decay)
        decay^k: over about 1 / (1 - decay) steps, 1,000 for 0.999, this falls to 1/e.

        `zip` goes through both lists at once. An operator such as `*` makes a new tensor, `*=` and `mul_`
        change the old one. `is_floating_point()` tells weights from counts.

        These are the lines: `decay * old + (1 - decay) * current` where `current.is_floating_point()`, else
        `current.clone()`.
    """,
    wrong="""
        decay_on_the_wrong_side: decay * old + (1 - decay) * current → (1 - decay) * old + decay * current
            The decay stands before the new weights, so the average forgets at once: it is the share of the
            old average.
        plain_mean: decay * old + (1 - decay) * current → (old + current) / 2
            You take the plain mean of the two, whatever the decay.
        away_from_the_weights: decay * old + (1 - decay) * current → old - (1 - decay) * (current - old)
            Your average steps away from the weights: the step is towards them, (1 - decay)(w - a).
        corrected_but_at_1: append(mean) → append(mean / max(1 - decay, 1e-8))
        corrected_for_the_start: append(mean) → append(mean / (1 - decay))
            You divide by 1 - decay, to correct for a start at 0 as Adam does: this average starts at the
            first weights, and needs no correction.
        squares: (1 - decay) * current → (1 - decay) * current.square()
            You average the squares, as Adam's second moment does.
        in_float32: append(mean) → append(mean.float())
            The values are right, but float64 weights come back as float32: keep each tensor's type.
        mean_of_each_tensor: append(mean) → append(mean.mean())
            You average over the elements of each tensor too: the average keeps each tensor's shape.
        int64_alone_copied: current.is_floating_point() → current.dtype != torch.int64
            The weights are right, but counts of other types than int64 are averaged: `is_floating_point()`
            tells them all from weights.
        float32_alone_averaged: current.is_floating_point() → current.dtype == torch.float32
            You average float32 weights alone: `is_floating_point()` is true of float64 too.
        scalars_copied: current.is_floating_point() → current.ndim
        scalars_copied_others_cast: current.is_floating_point() → current.ndim
        and: append(mean) → append(mean.to(old.dtype))
            You take every scalar for a count, and longer tensors for weights: it is the type that tells.
        whole_values_copied: current.is_floating_point() → not torch.equal(current, current.round())
            You copy weights whose values happen to be whole: it is the type that tells a count.
        counts_averaged: current.is_floating_point() → True
            The weights are right, but you average the counts too, and make them floats: copy them.
        counts_averaged_and_rounded: current.clone() → (decay * old + (1 - decay) * current).to(old.dtype)
            The weights are right, but you average the counts too, and cut off their fraction: copy them.
        old_counts_kept: current.clone() → old.clone()
            The weights are right, but the counts are those of the old average: copy those of `weights`.
        decay_on_the_wrong_side_counts_too: decay * old + (1 - decay) → (1 - decay) * old + decay
        and: current.is_floating_point() → True
            Two things: the decay is the share of the old average, not of the new weights; and counts are
            copied, not averaged.
        counts_as_numbers: current.clone() → current.tolist()
            The weights are right, but the counts come back as Python's numbers: copy the tensors.
        last_tensor_forgotten: return new → return new[:-1] + [old.clone() for old in average[-1:]]
            The last tensor keeps its old average: does your loop end one too early?
        first_tensor_alone: zip(average, weights → zip(average[:1], weights[:1]
            You return after the first tensor: go through the whole list.
    """,
)

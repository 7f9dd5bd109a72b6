"""Chapter 5: the moving average of a generator's weights, studied by Yazıcı et al. (2019), "The
Unusual Effectiveness of Averaging in GAN Training"."""

import torch
from torch.optim.swa_utils import get_ema_avg_fn
from course.exercises.cases import normal
from course.exercises.engine import Exercise


def my_average(average, weights, decay):
    """The new average, a list. average and weights: lists of tensors, in the same order and of the same
    shapes; decay: a float in [0, 1]."""
    new = []
    for old, current in zip(average, weights, strict=True):
        if current.is_floating_point():
            new.append(decay * old + (1 - decay) * current)  # a new tensor: both inputs stay as they are
        else:
            new.append(current.clone())  # a count has no average
    return new


def by_pytorch(average, weights, decay):
    """The same by the function that `torch.optim.swa_utils.AveragedModel` calls, in float64."""
    mean = get_ema_avg_fn(decay)
    return [
        current + 0 if "int" in str(current.dtype) else mean(old.double(), current.double(), 1).to(old.dtype)
        for old, current in zip(average, weights, strict=True)
    ]


def average_case(rng, shapes, decay, dtype=torch.float64, counts=1):
    """A case of float tensors of given shapes, followed by counts, of which the average's are older."""
    average, weights = ([normal(rng, *shape, dtype=dtype) for shape in shapes] for _ in range(2))
    for _ in range(counts):
        count = rng.randint(10, 1000)
        weights.append(torch.tensor(count))
        average.append(torch.tensor(count - rng.randint(3, 9)))
    return average, weights, decay


def wide_average(rng):
    """One valid case of a few small tensors."""
    shapes = [[rng.randint(1, 3) for _ in range(rng.randint(0, 3))] for _ in range(rng.randint(1, 3))]
    dtype, decay = rng.choice((torch.float32, torch.float64)), rng.choice((0.0, 0.3, 0.9, 0.999, 1.0))
    return average_case(rng, shapes, decay, dtype, rng.randint(0, 2))


average_weights = Exercise(
    my_average,
    reference=by_pytorch,
    # OLD wide=wide_average
    # OLD cases:
    # lambda rng: [
    #         ([torch.tensor([0.0], dtype=torch.float64)], [torch.tensor([1.0], dtype=torch.float64)], 0.9),
    #         ([torch.tensor([0.1], dtype=torch.float64)], [torch.tensor([1.0], dtype=torch.float64)], 0.9),
    #         average_case(rng, [(2, 3), (2,)], 0.75),
    #         average_case(rng, [(3, 2), (3,), ()], 0.999, counts=2),
    #         average_case(rng, [(4, 1, 3, 3), (4,)], 0.3, torch.float32),
    #         average_case(rng, [(2, 2)], 0.0),
    #         average_case(rng, [(2, 2)], 1.0),
    #         average_case(rng, [], 0.9, counts=1),
    #         *(wide_average(rng) for _ in range(6)),
    #     ]
    by_hand=(),
    draw=None,
    sizes=[],
    spans={},
    hints="""
        By hand: 0.1 after the first step, 0.19 after the second. Weights from k steps ago count (1 - decay)
        decay^k: over about 1 / (1 - decay) steps, 1,000 for 0.999, this falls to 1/e.

        `zip` goes through both lists at once. An operator such as `*` makes a new tensor, `*=` and `mul_`
        change the old one. `is_floating_point()` tells weights from counts.

        `decay * old + (1 - decay) * current` where `current.is_floating_point()`, else `current.clone()`.
    """,
    wrong="""
        decay_on_the_wrong_side: OLD → NEW
            The decay stands before the new weights, so the average forgets at once: it is the share of the
            old average.
        plain_mean: OLD → NEW
            You take the plain mean of the two, whatever the decay.
        new_weights_in_full: OLD → NEW
            The new weights count in full: without 1 - decay the average grows to 1 / (1 - decay) times the
            weights.
        old_average_in_full: OLD → NEW
            The old average counts in full, so that nothing is ever forgotten: multiply it by decay.
        away_from_the_weights: OLD → NEW
            Your average steps away from the weights: the step is towards them, (1 - decay)(w - a).
        subtracted: OLD → NEW
            You subtract the new weights: both shares are added.
        corrected_for_the_start: OLD → NEW
            You divide by 1 - decay, to correct for a start at 0 as Adam does: this average starts at the
            first weights, and needs no correction.
        squares: OLD → NEW
            You average the squares, as Adam's second moment does.
        weights_returned: OLD → NEW
            You return the new weights: nothing is averaged.
        average_unchanged: OLD → NEW
            You return the old average: nothing is added to it.
        in_float32: OLD → NEW
            The values are right, but float64 weights come back as float32: keep each tensor's type.
        mean_of_each_tensor: OLD → NEW
            You average over the elements of each tensor too: the average keeps each tensor's shape.
        counts_averaged: OLD → NEW
            The weights are right, but you average the counts too, and make them floats: copy them.
        counts_averaged_and_rounded: OLD → NEW
            The weights are right, but you average the counts too, and cut off their fraction: copy them.
        old_counts_kept: OLD → NEW
            The weights are right, but the counts are those of the old average: copy those of `weights`.
        decay_on_the_wrong_side_counts_too: OLD → NEW
            Two things: the decay is the share of the old average, not of the new weights; and counts are
            copied, not averaged.
        counts_left_out: OLD → NEW
            The weights are right, but the counts are missing: the list keeps its length.
        first_tensor_alone: OLD → NEW
            You return after the first tensor: go through the whole list.
    """,
)

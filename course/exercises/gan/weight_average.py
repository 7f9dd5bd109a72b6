"""Chapter 5, exercise: the moving average of a generator's weights, studied by Yazıcı et al. (2019), "The
Unusual Effectiveness of Averaging in GAN Training"."""

import torch
from torch.optim.swa_utils import get_ema_avg_fn

from course.exercises.draw import normal
from course.exercises.engine import Exercise, Misconception


def my_average(average, weights, decay):
    """The new average, a list. average and weights: lists of tensors, in the same order and of the same
    shapes; decay: a float in [0, 1]."""
    raise NotImplementedError


def solve_average(average, weights, decay):
    """The new average, a list. average and weights: lists of tensors, in the same order and of the same
    shapes; decay: a float in [0, 1]."""
    new = []
    for old, current in zip(average, weights, strict=True):
        if current.is_floating_point():
            new.append(decay * old + (1 - decay) * current)  # a new tensor: both inputs stay as they are
        else:
            new.append(current.clone())  # a count has no average
    return new


def average_by_lerp(average, weights, decay):
    """The same as a step from the old average towards the weights."""
    return [
        torch.lerp(old, current, 1 - decay) if old.is_floating_point() else current.clone()
        for old, current in zip(average, weights, strict=True)
    ]


def average_in_copies(average, weights, decay):
    """The same in place, in copies of the old average."""
    copies = [old.detach().clone() for old in average]
    for copy, current in zip(copies, weights, strict=True):
        if copy.dtype.is_floating_point:
            copy.mul_(decay).add_(current, alpha=1 - decay)
        else:
            copy.copy_(current)
    return copies


def average_by_difference(average, weights, decay):
    """The same: the weights, and what is left of their distance from the old average."""
    new = []
    for i in range(len(weights)):
        current = weights[i].clone()
        if torch.is_floating_point(current):
            current = current + decay * (average[i] - current)
        new.append(current)
    return tuple(new)


def by_pytorch(average, weights, decay):
    """The same by the function that `torch.optim.swa_utils.AveragedModel` calls, in float64."""
    mean = get_ema_avg_fn(decay)
    return [
        current + 0 if "int" in str(current.dtype) else mean(old.double(), current.double(), 1).to(old.dtype)
        for old, current in zip(average, weights, strict=True)
    ]


def right(old, current, decay):
    """The average of two tensors of floats."""
    return decay * old + (1 - decay) * current


def latest(old, current, decay):
    """The current one."""
    return current.clone()


def wrong(name, diagnosis, floats=right, counts=latest):
    """A misconception: another rule for the floats or for the whole numbers."""

    def run(average, weights, decay):
        pairs = zip(average, weights, strict=True)
        return [(floats if c.is_floating_point() else counts)(old, c, decay) for old, c in pairs]

    return Misconception(name, diagnosis, run)


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
    name="average_weights",
    title="average the generator's weights",
    difficulty="easy",
    minutes=10,
    task="""
        A generator circles around its goal, so images are often drawn with a moving average $a$ of its
        weights $w$ (Yazıcı et al. 2019), updated after each step, with $\\beta$ the `decay`:

        $$a \\leftarrow \\beta\\, a + (1 - \\beta)\\, w$$

        `average` and `weights` are lists of tensors in the same order. Return the new average as a list;
        change neither, since training goes on. Tensors of whole numbers, such as batch norm's count of
        steps, are not averaged: copy those of `weights`.

        By hand first: $a = 0$, $w = 1$ at each step, $\\beta=0.9$: what is $a$ after two? How many
        steps does $\\beta = 0.999$ remember?
    """,
    stub_function=my_average,
    reference=by_pytorch,
    cases=lambda rng: [
        ([torch.tensor([0.0], dtype=torch.float64)], [torch.tensor([1.0], dtype=torch.float64)], 0.9),
        ([torch.tensor([0.1], dtype=torch.float64)], [torch.tensor([1.0], dtype=torch.float64)], 0.9),
        average_case(rng, [(2, 3), (2,)], 0.75),
        average_case(rng, [(3, 2), (3,), ()], 0.999, counts=2),
        average_case(rng, [(4, 1, 3, 3), (4,)], 0.3, torch.float32),
        average_case(rng, [(2, 2)], 0.0),
        average_case(rng, [(2, 2)], 1.0),
        average_case(rng, [], 0.9, counts=1),
        *(wide_average(rng) for _ in range(6)),
    ],
    wide=wide_average,
    hints=(
        "By hand: 0.1 after the first step, 0.19 after the second. Weights from k steps ago count "
        "(1 - decay) decay^k: over about 1 / (1 - decay) steps, 1,000 for 0.999, this falls to 1/e.",
        "`zip` goes through both lists at once. An operator such as `*` makes a new tensor, `*=` and "
        "`mul_` change the old one. `is_floating_point()` tells weights from counts.",
        "`decay * old + (1 - decay) * current` where `current.is_floating_point()`, else `current.clone()`.",
    ),
    solution_function=solve_average,
    alternatives=(average_by_lerp, average_in_copies, average_by_difference),
    misconceptions=(
        wrong(
            "decay_on_the_wrong_side",
            "The decay stands before the new weights, so the average forgets at once: it is the share of the "
            "old average.",
            lambda old, current, decay: right(current, old, decay),
        ),
        wrong(
            "plain_mean",
            "You take the plain mean of the two, whatever the decay.",
            lambda old, current, decay: (old + current) / 2,
        ),
        wrong(
            "new_weights_in_full",
            "The new weights count in full: without 1 - decay the average grows to 1 / (1 - decay) "
            "times the weights.",
            lambda old, current, decay: decay * old + current,
        ),
        wrong(
            "old_average_in_full",
            "The old average counts in full, so that nothing is ever forgotten: multiply it by decay.",
            lambda old, current, decay: old + (1 - decay) * current,
        ),
        wrong(
            "away_from_the_weights",
            "Your average steps away from the weights: the step is towards them, (1 - decay)(w - a).",
            lambda old, current, decay: old - (1 - decay) * (current - old),
        ),
        wrong(
            "subtracted",
            "You subtract the new weights: both shares are added.",
            lambda old, current, decay: decay * old - (1 - decay) * current,
        ),
        wrong(
            "corrected_for_the_start",
            "You divide by 1 - decay, to correct for a start at 0 as Adam does: this average starts at the "
            "first weights, and needs no correction.",
            lambda old, current, decay: right(old, current, decay) / (1 - decay),
        ),
        wrong(
            "squares",
            "You average the squares, as Adam's second moment does.",
            lambda old, current, decay: right(old, current.square(), decay),
        ),
        wrong("weights_returned", "You return the new weights: nothing is averaged.", latest),
        wrong(
            "average_unchanged",
            "You return the old average: nothing is added to it.",
            lambda old, current, decay: old.clone(),
            lambda old, current, decay: old.clone(),
        ),
        wrong(
            "in_float32",
            "The values are right, but float64 weights come back as float32: keep each tensor's type.",
            lambda old, current, decay: right(old, current, decay).float(),
        ),
        wrong(
            "mean_of_each_tensor",
            "You average over the elements of each tensor too: the average keeps each tensor's shape.",
            lambda old, current, decay: right(old, current, decay).mean(),
        ),
        wrong(
            "counts_averaged",
            "The weights are right, but you average the counts too, and make them floats: copy them.",
            counts=right,
        ),
        wrong(
            "counts_averaged_and_rounded",
            "The weights are right, but you average the counts too, and cut off their fraction: copy them.",
            counts=lambda old, current, decay: right(old, current, decay).to(old.dtype),
        ),
        wrong(
            "old_counts_kept",
            "The weights are right, but the counts are those of the old average: copy those of `weights`.",
            counts=lambda old, current, decay: old.clone(),
        ),
        wrong(
            "decay_on_the_wrong_side_counts_too",
            "Two things: the decay is the share of the old average, not of the new weights; and counts are "
            "copied, not averaged.",
            lambda old, current, decay: right(current, old, decay),
            lambda old, current, decay: right(current, old, decay),
        ),
        Misconception(
            "counts_left_out",
            "The weights are right, but the counts are missing: the list keeps its length.",
            lambda average, weights, decay: [
                right(old, current, decay)
                for old, current in zip(average, weights, strict=True)
                if current.is_floating_point()
            ],
        ),
        Misconception(
            "first_tensor_alone",
            "You return after the first tensor: go through the whole list.",
            lambda average, weights, decay: by_pytorch(average[:1], weights[:1], decay),
        ),
    ),
)

"""Chapter 0, exercise: early stopping with patience, Goodfellow et al. (2016), "Deep Learning",
algorithm 7.1."""

import itertools
import math

import torch

from course.exercises.engine import Exercise, Misconception


def my_best_epoch(losses, patience):
    """(best, trained), ints: the epoch whose weights are kept, from 0 on, and the number of epochs trained.
    losses: the validation loss after each epoch, a list of floats, some perhaps NaN; patience >= 1."""
    raise NotImplementedError


def solve_best_epoch(losses, patience):
    """(best, trained), ints: the epoch whose weights are kept, from 0 on, and the number of epochs trained.
    losses: the validation loss after each epoch, a list of floats, some perhaps NaN; patience >= 1."""
    best, lowest, waited = None, math.inf, 0
    for epoch, loss in enumerate(losses):
        if loss < lowest:  # never true of NaN
            best, lowest, waited = epoch, loss, 0
        else:
            waited += 1
            if waited == patience:
                return best, epoch + 1
    return best, len(losses)


def best_epoch_by_distance(losses, patience):
    """The same: the distance from the last improvement, the start of training being one."""
    last, epoch = -1, 0
    while epoch < len(losses) and epoch - last <= patience:
        if not math.isnan(losses[epoch]) and (last < 0 or losses[epoch] < losses[last]):
            last = epoch
        epoch += 1
    return (None if last < 0 else last), epoch


def best_epoch_by_window(losses, patience):
    """The same: training ends with the first `patience` epochs in a row of which none is a record."""
    known = [math.inf if math.isnan(loss) else loss for loss in losses]
    records = [loss < min([math.inf, *known[:i]]) for i, loss in enumerate(known)]
    trained = 1
    while trained < len(losses) and (trained < patience or any(records[trained - patience : trained])):
        trained += 1
    kept = [i for i in range(trained) if records[i]]
    return (kept[-1] if kept else None), trained


def best_epoch_by_cummin(losses, patience):
    """The same with tensors: training ends where the running minimum stood still for `patience` epochs."""
    known = torch.tensor([math.inf, *losses], dtype=torch.float64).nan_to_num(math.inf, math.inf)
    lowest = known.cummin(0).values
    still = torch.nonzero(lowest[patience:] == lowest[:-patience])[:, 0]  # empty where patience lasts
    trained = int(still[0]) + patience if len(still) else len(losses)
    best = losses.index(lowest[trained].item()) if lowest[trained] < math.inf else None
    return best, trained


def by_gaps(losses, patience):
    """The reference: list all epochs that improve; the first gap that is too long ends training."""
    known = [math.inf if math.isnan(loss) else loss for loss in losses]
    before = itertools.accumulate(known, min, initial=math.inf)  # the lowest loss before each epoch
    better = [-1, *(i for i, (loss, lowest) in enumerate(zip(known, before, strict=False)) if loss < lowest)]
    kept = next(a for a, b in zip(better, [*better[1:], math.inf], strict=True) if b - a > patience)
    return (kept if kept >= 0 else None), min(kept + 1 + patience, len(losses))


def lower(loss, lowest, previous):
    """An improvement: a new lowest loss."""
    return loss < lowest


def looped(name, diagnosis, better=lower, most=0, first=0, reset=True, counted=lambda loss: True):
    """A misconception: another rule for what is better, how many more epochs are waited for, where the count
    begins, whether it begins anew, or which losses it counts."""

    def run(losses, patience):
        best, lowest, previous, waited = None, math.inf, math.inf, first
        for epoch, loss in enumerate(losses):
            if better(loss, lowest, previous):
                best, lowest, waited = epoch, loss, first if reset else waited
            else:
                waited += counted(loss)
            previous = loss
            if waited >= patience + most:
                return best, epoch + 1
        return best, len(losses)

    return Misconception(name, diagnosis, run)


def answered(name, diagnosis, change):
    """A misconception: `change` makes another answer of (losses, patience, best, trained)."""
    return Misconception(
        name, diagnosis, lambda losses, patience: change(losses, patience, *by_gaps(losses, patience))
    )


def lowest_of(losses):
    """The epoch of the lowest loss of all; None where every one is NaN."""
    known = [loss for loss in losses if not math.isnan(loss)]
    return losses.index(min(known)) if known else None


def from_the_first_loss(losses, patience):
    """Starts from the first loss, with which nothing compares if it is NaN."""
    best, trained = by_gaps(losses, patience)
    return (0, min(1 + patience, len(losses))) if math.isnan(losses[0]) else (best, trained)


def wide_losses(rng):
    """One valid case: eighths, so that many are equal, which fall at first, and now and then a NaN."""
    n, share = rng.randint(1, 12), rng.choice((0.0, 0.0, 0.2, 0.5))
    losses = [(rng.randint(0, 8) + max(0, 6 - i)) / 8 for i in range(n)]
    return [math.nan if rng.random() < share else loss for loss in losses], rng.randint(1, 5)


early_stopping = Exercise(
    name="early_stopping",
    title="when to stop, and what to keep",
    difficulty="medium",
    minutes=15,
    task="""
        After each epoch a model is scored on held-out data. Training stops after `patience` epochs in a row
        without a new lowest loss, or when `losses` ends. A loss that only equals the lowest is no
        improvement, and neither is NaN.

        Return two ints, `(best, trained)`: the epoch with the lowest loss that training has seen, counted
        from 0, whose weights are kept, and the number of epochs trained. Where training has seen NaN alone,
        `best` is `None`.

        By hand first: the losses are 5, 4, 4, 6, 3, and the patience is 2. What is returned?
    """,
    stub_function=my_best_epoch,
    reference=by_gaps,
    cases=lambda rng: [
        ([5.0, 4.0, 4.0, 6.0, 3.0], 2),  # by hand: (1, 4), and the 3 is never seen
        ([5.0, 4.0, 4.0, 6.0, 3.0], 3),
        ([1.0], 1),
        ([3.0, 2.0, 1.0], 1),  # never stops
        ([1.0, 2.0, 3.0, 4.0], 1),
        ([2.0, 3.0, 1.0, 2.0, 0.5, 2.0, 3.0, 4.0], 2),  # improves in between
        ([5.0, 3.0, 4.0, 3.5, 3.25, 2.0], 3),  # falls, but not below the lowest
        ([math.nan, 2.0, math.nan, 1.0, math.nan, math.nan, 0.5], 2),
        ([math.nan, math.nan, math.nan], 2),
        ([4.0, math.nan, 3.0, 5.0, 2.0], 4),
        ([-1.0, -2.0, -2.0, -1e300, 1e300], 2),
        ([0.5, 0.7, 0.6], 5),  # ends before patience does
        *(wide_losses(rng) for _ in range(12)),
    ],
    wide=wide_losses,
    hints=(
        "Go through the losses in order, as training does. Which three things must you remember from one "
        "epoch to the next?",
        "Remember the best epoch, its loss and how many epochs have passed since. Start from an infinite "
        "loss, not from the first: no comparison with NaN is true.",
        "If `loss < lowest`, set all three (the count to 0); else add 1 to the count, and where it is "
        "`patience`, return `best, epoch + 1`. After the loop, `best, len(losses)`.",
    ),
    solution_function=solve_best_epoch,
    alternatives=(best_epoch_by_distance, best_epoch_by_window, best_epoch_by_cummin),
    misconceptions=(
        answered(
            "last_epochs_weights",
            "You keep the last epoch's weights, which are past their best: keep those of the best epoch.",
            lambda losses, patience, best, trained: (trained - 1, trained),
        ),
        answered(
            "lowest_of_all",
            "You look for the lowest loss of the whole list: epochs after the stop are never trained.",
            lambda losses, patience, best, trained: (lowest_of(losses), trained),
        ),
        Misconception(
            "never_stops",
            "You never stop: training ends after `patience` epochs in a row without a new lowest loss.",
            lambda losses, patience: (lowest_of(losses), len(losses)),
        ),
        looped(
            "count_never_reset",
            "You count all epochs without a new lowest loss: they must be in a row, so begin anew at each "
            "improvement.",
            reset=False,
        ),
        looped(
            "one_epoch_too_many",
            "You stop when the count passes the patience, one epoch late: stop when it reaches it.",
            most=1,
        ),
        looped(
            "one_epoch_too_few",
            "You stop one epoch early: the best epoch is no epoch of waiting, so the count begins at 0.",
            first=1,
        ),
        looped(
            "better_than_the_previous",
            "You compare with the epoch before: a loss that comes down again is no improvement until it is "
            "the lowest so far.",
            lambda loss, lowest, previous: loss < previous,
        ),
        looped(
            "equal_is_better",
            "You take an equal loss for an improvement: on a plateau this never stops. Compare with <.",
            lambda loss, lowest, previous: loss <= lowest,
        ),
        looped(
            "higher_is_better",
            "You look for the highest: that suits an accuracy; a loss is to be low.",
            lambda loss, lowest, previous: loss > (-math.inf if lowest == math.inf else lowest),
        ),
        looped(
            "nan_is_better",
            "`not loss >= lowest` is true of NaN, and from then on of any loss: ask `loss < lowest`.",
            lambda loss, lowest, previous: not loss >= lowest,
        ),
        looped(
            "nan_not_counted",
            "You pass over NaN: it is an epoch without an improvement, and counts.",
            counted=lambda loss: not math.isnan(loss),
        ),
        Misconception(
            "starts_from_the_first_loss",
            "You start from the first loss: if it is NaN, nothing is ever lower. Start from infinity.",
            from_the_first_loss,
        ),
        answered(
            "epoch_0_by_default",
            "Right but for NaN alone: you return epoch 0, whose weights are no good. `None` was asked for.",
            lambda losses, patience, best, trained: (best or 0, trained),
        ),
        answered(
            "last_index_for_the_number",
            "You return the last epoch's index: epochs 0 to n - 1 are n epochs.",
            lambda losses, patience, best, trained: (best, trained - 1),
        ),
        answered(
            "counted_from_1",
            "You count the epochs from 1: the first is epoch 0.",
            lambda losses, patience, best, trained: (best if best is None else best + 1, trained),
        ),
        answered(
            "loss_for_epoch",
            "You return the lowest loss: its epoch was asked for.",
            lambda losses, patience, best, trained: (best if best is None else losses[best], trained),
        ),
    ),
)

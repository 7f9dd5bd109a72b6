"""Chapter 0: early stopping with patience, Goodfellow et al. (2016), "Deep Learning", algorithm 7.1."""

import itertools
import math

from course.exercises.engine import Exercise


def my_best_epoch(losses, patience):
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


def by_gaps(losses, patience):
    """The same: list all epochs that improve; the first gap that is too long ends training."""
    known = [math.inf if math.isnan(loss) else loss for loss in losses]
    before = itertools.accumulate(known, min, initial=math.inf)  # the lowest loss before each epoch
    better = [-1, *(i for i, (loss, lowest) in enumerate(zip(known, before, strict=False)) if loss < lowest)]
    kept = next(a for a, b in zip(better, [*better[1:], math.inf], strict=True) if b - a > patience)
    return (kept if kept >= 0 else None), min(kept + 1 + patience, len(losses))


def random_losses(rng):
    """Eighths, so that many are equal, which fall at first, and now and then a NaN."""
    share = rng.choice((0.0, 0.0, 0.2, 0.5))
    losses = [(rng.randint(0, 8) + max(0, 6 - i)) / 8 for i in range(rng.randint(1, 12))]
    return [math.nan if rng.random() < share else loss for loss in losses]


early_stopping = Exercise(
    my_best_epoch,
    reference=by_gaps,
    draw=lambda rng, losses, patience: (losses, patience),
    by_hand=[],  # which would make tensors of the lists
    sizes=[
        dict(losses=[5.0, 4.0, 4.0, 6.0, 3.0], patience=2),  # (1, 4), and the 3 is never seen
        dict(losses=[5.0, 4.0, 4.0, 6.0, 3.0], patience=3),
        dict(losses=[1.0], patience=1),
        dict(losses=[3.0, 2.0, 1.0], patience=1),  # never stops
        dict(losses=[1.0, 2.0, 3.0, 4.0], patience=1),
        dict(losses=[2.0, 3.0, 1.0, 2.0, 0.5, 2.0, 3.0, 4.0], patience=2),  # improves in between
        dict(losses=[5.0, 3.0, 4.0, 3.5, 3.25, 2.0], patience=3),  # falls, but not below the lowest
        dict(losses=[math.nan, 2.0, math.nan, 1.0, math.nan, math.nan, 0.5], patience=2),
        dict(losses=[math.nan, math.nan, math.nan], patience=2),
        dict(losses=[4.0, math.nan, 3.0, 5.0, 2.0], patience=4),
        dict(losses=[-1.0, -2.0, -2.0, -1e300, 1e300], patience=2),
        dict(losses=[0.5, 0.7, 0.6], patience=5),  # ends before patience does
    ],
    spans=dict(losses=random_losses, patience=(1, 5)),
    hints="""
        Go through the losses in order, as training does. Which three things must you remember from one epoch
        to the next?

        Remember the best epoch, its loss and how many epochs have passed since. Start from an infinite loss,
        not from the first: no comparison with NaN is true.

        If `loss < lowest`, set all three (the count to 0); else add 1 to the count, and where it is
        `patience`, return `best, epoch + 1`. After the loop, `best, len(losses)`.
    """,
    wrong="""
        last_epochs_weights: return best → return epoch
            You keep the last epoch's weights, which are past their best: keep those of the best epoch.
        lowest_of_all: waited = None, math.inf, 0 → waited, trained = None, math.inf, 0, len(losses)
        and: return best, epoch + 1 → trained = min(trained, epoch + 1)
        and: return best, len(losses) → return best, trained
            You look for the lowest loss of the whole list: epochs after the stop are never trained.
        never_stops: return best, epoch + 1 → pass
            You never stop: training ends after `patience` epochs in a row without a new lowest loss.
        count_never_reset: epoch, loss, 0 → epoch, loss, waited
            You count all epochs without a new lowest loss: they must be in a row, so begin anew at each
            improvement.
        one_epoch_too_many: waited == patience → waited > patience
            You stop when the count passes the patience, one epoch late: stop when it reaches it.
        one_epoch_too_few: waited == patience → waited + 1 >= patience
            You stop one epoch early: the best epoch is no epoch of waiting, so the count begins at 0.
        better_than_the_previous: loss < lowest → loss < [math.inf, *losses][epoch]
            You compare with the epoch before: a loss that comes down again is no improvement until it is the
            lowest so far.
        equal_is_better: loss < lowest → loss <= lowest
            You take an equal loss for an improvement: on a plateau this never stops. Compare with <.
        higher_is_better: math.inf → -math.inf
        and: loss < lowest → loss > lowest
            You look for the highest: that suits an accuracy; a loss is to be low.
        nan_is_better: loss < lowest → not loss >= lowest
            `not loss >= lowest` is true of NaN, and from then on of any loss: ask `loss < lowest`.
        nan_not_counted: waited += 1 → waited += not math.isnan(loss)
            You pass over NaN: it is an epoch without an improvement, and counts.
        starts_from_the_first_loss: None, math.inf, 0 → 0, losses[0], 0
        and: enumerate(losses) → enumerate(losses[1:], start=1)
            You start from the first loss: if it is NaN, nothing is ever lower. Start from infinity.
        epoch_0_by_default: None, math.inf → 0, math.inf
            Right but for NaN alone: you return epoch 0, whose weights are no good. `None` was asked for.
        last_index_for_the_number: epoch + 1 → epoch
        and: len(losses) → len(losses) - 1
            You return the last epoch's index: epochs 0 to n - 1 are n epochs.
        counted_from_1: epoch, loss, 0 → epoch + 1, loss, 0
            You count the epochs from 1: the first is epoch 0.
        loss_for_epoch: epoch, loss, 0 → loss, loss, 0
            You return the lowest loss: its epoch was asked for.
    """,
)

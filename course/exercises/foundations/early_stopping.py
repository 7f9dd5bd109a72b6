"""Chapter 0: early stopping with patience, Goodfellow et al. (2016), "Deep Learning", algorithm 7.1."""

import itertools
import math

from course.exercises.engine import Exercise


def my_best_epoch(losses, patience):
    """(best, trained), ints: the epoch whose weights are kept, from 0 on, and the number of epochs trained.
    losses: the validation loss after each epoch, a list of floats, some perhaps NaN; patience >= 1."""
    best, waited = None, 0
    for epoch, loss in enumerate(losses):
        if not math.isnan(loss) and (best is None or loss < losses[best]):
            best, waited = epoch, 0
        else:
            waited += 1
        if waited == patience:
            return best, epoch + 1
    return best, len(losses)


def by_gaps(losses, patience):
    """The same: list all epochs that improve; the first gap that is too long ends training."""
    none = (True, 0.0)  # as NaN: higher than any number, infinity too
    known = [none if math.isnan(loss) else (False, loss) for loss in losses]
    before = itertools.accumulate(known, min, initial=none)  # the lowest loss before each epoch
    better = [-1, *(i for i, (loss, lowest) in enumerate(zip(known, before, strict=False)) if loss < lowest)]
    kept = next(a for a, b in zip(better, [*better[1:], math.inf], strict=True) if b - a > patience)
    return (kept if kept >= 0 else None), min(kept + 1 + patience, len(losses))


def random_losses(rng):
    """Eighths, so that many are equal, which fall at first, and now and then a NaN or an infinity."""
    share, other = rng.choice((0.0, 0.0, 0.2, 0.5)), rng.choice((math.nan, math.nan, math.inf))
    losses = [(rng.randint(0, 8) + max(0, 6 - i)) / 8 for i in range(rng.randint(1, 12))]
    return [other if rng.random() < share else loss for loss in losses]


early_stopping = Exercise(
    my_best_epoch,
    reference=by_gaps,
    draw=lambda rng, losses, patience: (losses, patience),
    by_hand=([5.0, 4.0, 4, 6.0, 3.0], 2),  # (1, 4), and the 3 is never seen; with an int it stays a list
    sizes=[
        dict(losses=[5.0, 4.0, 4.0, 6.0, 3.0], patience=3),
        dict(losses=[1.0], patience=1),
        dict(losses=[3.0, 2.0, 1.0], patience=1),  # never stops
        dict(losses=[1.0, 2.0, 3.0, 4.0], patience=1),
        dict(losses=[2.0, 3.0, 1.0, 2.0, 0.5, 2.0, 3.0, 4.0], patience=2),  # improves in between
        dict(losses=[5.0, 3.0, 4.0, 3.5, 3.25, 2.0], patience=3),  # falls, but not below the lowest
        dict(losses=[math.nan, 2.0, math.nan, 1.0, math.nan, math.nan, 0.5], patience=2),
        dict(losses=[math.nan, math.nan, math.nan], patience=2),
        dict(losses=[math.nan, math.nan, 1.0], patience=5),
        dict(losses=[4.0, math.nan, 3.0, 5.0, 2.0], patience=4),
        dict(losses=[math.inf, math.inf, 2.0, math.inf], patience=2),
        dict(losses=[math.nan, math.inf, math.nan, math.inf], patience=2),
        dict(losses=[1.0, -math.inf, -math.inf], patience=1),
        dict(losses=[1e300, 1e300, math.nan], patience=3),
        dict(losses=[-1.0, -2.0, -2.0, -1e300, 1e300], patience=2),
        dict(losses=[0.5, 0.7, 0.6], patience=5),  # ends before patience does
        dict(losses=[2.0, 0.0, 0.5, 0.25, 0.125], patience=3),
        dict(losses=[1.0, 0.99995, 0.9999, 0.99989], patience=1),
        dict(losses=[1.0, 1 - 1e-12, 1 - 2e-12, 1.0, 1.0], patience=2),
        dict(losses=[0.3, 0.3 - 1e-12, 0.3], patience=2),
        dict(losses=[1.0] * 30, patience=20),
        dict(losses=[1 / (k + 1) for k in range(900)] + [1.0] * 300, patience=250),
    ],
    spans=dict(losses=random_losses, patience=(1, 5)),
    hints="""
        Go through the losses in order, as training does. What must you remember from one epoch to the next?

        Remember the best epoch and how many epochs have passed since. At first there is none: `best = None`.
        No comparison with NaN is true: `math.isnan` asks.

        If the loss is not NaN, and `best is None or loss < losses[best]`, set both (the count to 0); else add
        1 to the count, and where it is `patience`, return `best, epoch + 1`. After the loop, `best,
        len(losses)`.
    """,
    special="""
        infinite_loss: any(map(math.isinf, losses))
            Right but for infinite losses: the first loss that is not NaN is a new lowest, even an infinite
            one, which is not below a start of infinity. Ask `best is None`.
        loss_of_0: 0.0 in losses
            Right but for a lowest loss of 0, which `not lowest` takes for none: ask `is None`.
        limit: len(losses) > 100
            Right but for many epochs and a long patience: is there a limit on one of them?
        long_patience: patience > 10
            Right but for a long patience: is there a limit?
        tiny_improvement: any(0 < a - b < 1e-9 for a, b in zip(losses, losses[1:]))
            Right but for tiny improvements: any loss below the lowest is one. Compare the floats as they are,
            without a margin.
        small_improvement: any(0 < a - b < 1e-3 for a, b in zip(losses, losses[1:]))
            Right but for small improvements: any loss below the lowest is one. Compare the floats as they
            are, without a margin and without rounding to float32.
        large_loss: any(loss > 1e4 for loss in losses)
            Right but for a large loss: is there a number that stands for infinity?
    """,
    wrong="""
        last_epochs_weights: return best → return epoch
        last_weights_but_of_nan: return best → return best if best is None else epoch
            You keep the last epoch's weights, which are past their best: keep those of the best epoch.
        lowest_of_all: waited = None, 0 → waited, trained = None, 0, len(losses)
        and: return best, epoch + 1 → trained = min(trained, epoch + 1)
        and: return best, len(losses) → return best, trained
            You look for the lowest loss of the whole list: epochs after the stop are never trained.
        count_never_reset: epoch, 0 → epoch, waited
            You count all epochs without a new lowest loss: they must be in a row, so begin again at each
            improvement.
        one_epoch_too_many: waited == patience → waited > patience
            You stop when the count passes the patience, one epoch late: stop when it reaches it.
        one_epoch_too_few: epoch, 0 → epoch, 1
            You stop one epoch early: the best epoch is no epoch of waiting, so the count begins at 0.
        better_than_the_previous: loss < losses[best] → loss < [math.inf, *losses][epoch]
            You compare with the epoch before: a loss that comes down again is no improvement until it is the
            lowest so far.
        equal_is_better: loss < losses → loss <= losses
            You take an equal loss for an improvement: on a plateau this never stops. Compare with <.
        nan_is_better: not math.isnan(loss) and (best is None or → not (
        and: loss < losses[best] → loss >= (math.inf if best is None else losses[best])
            `not loss >= lowest` is true of NaN, and from then on of any loss: ask `loss < lowest`.
        nan_not_counted: waited += 1 → waited += not math.isnan(loss)
            You pass over NaN: it is an epoch without an improvement, and counts.
        nan_stops: if waited == patience → if waited == patience or math.isnan(loss)
            You stop at the first NaN: it is one epoch without an improvement, and patience goes on.
        waits_for_a_number: waited += 1 → waited += best is not None
            You count only once there is a lowest loss: NaN at the beginning counts too.
        starts_from_the_first_loss: not math.isnan(loss) and ( → (
            You start from the first loss: if it is NaN, nothing is ever lower.
        epoch_0_by_default: return best → return best or 0
            Right but for NaN alone: you return epoch 0, whose weights are no good. `None` was asked for.
        epoch_0_for_none: best is None → not best
        none_for_epoch_0: return best → return best or None
            Epoch 0 is an epoch like others, but `not best` and `best or ...` take it for none: ask `best is
            None`.
        last_index_for_the_number: epoch + 1 → epoch
        and: len(losses) → len(losses) - 1
            You return the last epoch's index: epochs 0 to n - 1 are n epochs.
        counted_from_1: return best → return best if best is None else best + 1
            You count the epochs from 1: the first is epoch 0.
        loss_for_epoch: return best → return best if best is None else losses[best]
            You return the lowest loss: its epoch was asked for.
        trained_to_the_best: , epoch + 1 → , 0 if best is None else best + 1
        and: , len(losses) → , 0 if best is None else best + 1
            You count the epochs up to the best one: those of waiting were trained too.
    """,
)

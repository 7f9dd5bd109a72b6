"""Answers to `foundations.early_stopping`, written from its statement alone."""

import math

import numpy as np
import torch


def wrong_ties_improve(losses, patience):
    """A loss equal to the lowest counts as an improvement."""
    best, lowest, waited = None, None, 0
    for epoch, loss in enumerate(losses):
        if not math.isnan(loss) and (lowest is None or loss <= lowest):
            best, lowest, waited = epoch, loss, 0
        else:
            waited += 1
            if waited == patience:
                return best, epoch + 1
    return best, len(losses)


def wrong_patience_plus_one(losses, patience):
    """Stops only when more than `patience` epochs bring nothing."""
    best, lowest, waited = None, None, 0
    for epoch, loss in enumerate(losses):
        if not math.isnan(loss) and (lowest is None or loss < lowest):
            best, lowest, waited = epoch, loss, 0
        else:
            waited += 1
            if waited > patience:
                return best, epoch + 1
    return best, len(losses)


def wrong_last_epoch_not_counted(losses, patience):
    """The index of the last epoch is returned as the number of epochs."""
    best, lowest, waited = None, None, 0
    for epoch, loss in enumerate(losses):
        if not math.isnan(loss) and (lowest is None or loss < lowest):
            best, lowest, waited = epoch, loss, 0
        else:
            waited += 1
            if waited >= patience:
                break
    return best, epoch


def wrong_best_of_all(losses, patience):
    """The best epoch is sought in the whole list, beyond the stop."""
    lowest, waited, trained = None, 0, 0
    for loss in losses:
        trained += 1
        if not math.isnan(loss) and (lowest is None or loss < lowest):
            lowest, waited = loss, 0
        else:
            waited += 1
            if waited >= patience:
                break
    numbers = [(loss, epoch) for epoch, loss in enumerate(losses) if not math.isnan(loss)]
    return (min(numbers)[1] if numbers else None), trained


def wrong_counter_never_reset(losses, patience):
    """Epochs without improvement are counted in all, not in a row."""
    best, lowest, waited = None, None, 0
    for epoch, loss in enumerate(losses):
        if not math.isnan(loss) and (lowest is None or loss < lowest):
            best, lowest = epoch, loss
        else:
            waited += 1
            if waited >= patience:
                return best, epoch + 1
    return best, len(losses)


def wrong_than_epoch_before(losses, patience):
    """A loss lower than the one before resets the counter, even above the lowest."""
    best, lowest, before, waited = None, None, math.inf, 0
    for epoch, loss in enumerate(losses):
        if not math.isnan(loss) and (lowest is None or loss < lowest):
            best, lowest = epoch, loss
        waited = 0 if best == epoch or loss < before else waited + 1
        before = loss
        if waited >= patience:
            return best, epoch + 1
    return best, len(losses)


def wrong_nan_costs_no_patience(losses, patience):
    """An epoch with NaN is passed over and costs no patience."""
    best, lowest, waited = None, None, 0
    for epoch, loss in enumerate(losses):
        if math.isnan(loss):
            continue
        if lowest is None or loss < lowest:
            best, lowest, waited = epoch, loss, 0
        else:
            waited += 1
            if waited >= patience:
                return best, epoch + 1
    return best, len(losses)


def wrong_starts_at_infinity(losses, patience):
    """The lowest loss begins at infinity, so that a first infinite loss is no improvement."""
    best, lowest, waited = None, math.inf, 0
    for epoch, loss in enumerate(losses):
        if loss < lowest:
            best, lowest, waited = epoch, loss, 0
        else:
            waited += 1
            if waited >= patience:
                return best, epoch + 1
    return best, len(losses)


def wrong_starts_with_first_loss(losses, patience):
    """The first loss is the first best, even where it is NaN."""
    best, lowest, waited = 0, losses[0], 0
    for epoch, loss in enumerate(losses[1:], start=1):
        if loss < lowest:
            best, lowest, waited = epoch, loss, 0
        else:
            waited += 1
            if waited >= patience:
                return best, epoch + 1
    return best, len(losses)


def wrong_float32_losses(losses, patience):
    """The losses become a float32 tensor, in which 1e-12 is lost."""
    best, lowest, waited = None, None, 0
    for epoch, loss in enumerate(torch.tensor(losses, dtype=torch.float32)):
        if not torch.isnan(loss) and (lowest is None or loss < lowest):
            best, lowest, waited = epoch, loss, 0
        else:
            waited += 1
            if waited >= patience:
                return best, epoch + 1
    return best, len(losses)


def wrong_epoch_zero_is_none(losses, patience):
    """`best or None`: where epoch 0 is the best, nothing is kept."""
    best, lowest, waited, trained = 0, None, 0, 0
    for epoch, loss in enumerate(losses):
        trained += 1
        if not math.isnan(loss) and (lowest is None or loss < lowest):
            best, lowest, waited = epoch, loss, 0
        else:
            waited += 1
            if waited >= patience:
                break
    return best or None, trained


def wrong_from_one_and_ties(losses, patience):
    """Two mistakes: epochs are counted from 1, and ties improve."""
    best, lowest, waited = None, None, 0
    for epoch, loss in enumerate(losses, start=1):
        if not math.isnan(loss) and (lowest is None or loss <= lowest):
            best, lowest, waited = epoch, loss, 0
        else:
            waited += 1
            if waited >= patience:
                return best, epoch
    return best, len(losses)


def right_counter(losses, patience):
    """A counter that each improvement resets."""
    best, waited = None, 0
    for epoch, loss in enumerate(losses):
        if loss == loss and (best is None or loss < losses[best]):
            best, waited = epoch, 0
        else:
            waited += 1
        if waited == patience:
            return best, epoch + 1
    return best, len(losses)


def right_gaps_between_records(losses, patience):
    """All records first, then the first gap between two that is too long."""
    records, lowest = [], None
    for epoch, loss in enumerate(losses):
        if not math.isnan(loss) and (lowest is None or loss < lowest):
            records.append(epoch)
            lowest = loss
    last = -1
    for record in records:
        if record - last > patience:
            break
        last = record
    return (last if last >= 0 else None), min(len(losses), last + 1 + patience)


def right_numpy(losses, patience):
    """fmin.accumulate passes over NaN; a record is lower than all before, or the first number."""
    a = np.array(losses, dtype=np.float64)
    low = np.fmin.accumulate(a)
    before = np.concatenate([[np.nan], low[:-1]])
    record = (a < before) | (~np.isnan(a) & np.isnan(before))
    epochs = np.arange(len(a))
    last = np.maximum.accumulate(np.where(record, epochs, -1))
    stops = np.flatnonzero(epochs - last >= patience)
    end = int(stops[0]) if len(stops) else len(a) - 1
    return (int(last[end]) if last[end] >= 0 else None), end + 1


def right_lookahead(losses, patience):
    """From each best epoch, look ahead at most `patience` epochs for a lower one."""
    best, position = None, 0
    while True:
        ahead = range(position, min(position + patience, len(losses)))
        bar = losses[best] if best is not None else None
        lower = [e for e in ahead if (losses[e] < bar if bar is not None else not math.isnan(losses[e]))]
        if not lower:
            return best, ahead.stop if len(ahead) else position
        best, position = lower[0], lower[0] + 1


def wrong_infinity_to_begin_with(losses, patience):
    """The lowest loss begins at infinity, so that a first loss of infinity is no epoch to keep."""
    best, lowest, waited = None, float("inf"), 0
    for epoch, loss in enumerate(losses):
        if loss < lowest:
            best, lowest, waited = epoch, loss, 0
        else:
            waited += 1
            if waited >= patience:
                return best, epoch + 1
    return best, len(losses)


def wrong_million_to_begin_with(losses, patience):
    """The lowest loss begins at a million, which a loss may exceed."""
    best, lowest, waited = None, 1e6, 0
    for epoch, loss in enumerate(losses):
        if loss < lowest:
            best, lowest, waited = epoch, loss, 0
        else:
            waited += 1
            if waited >= patience:
                return best, epoch + 1
    return best, len(losses)


def wrong_least_improvement(losses, patience):
    """An improvement must be of 1e-4 at least, many libraries' default."""
    best, waited = None, 0
    for epoch, loss in enumerate(losses):
        if not math.isnan(loss) and (best is None or loss < losses[best] - 1e-4):
            best, waited = epoch, 0
        else:
            waited += 1
            if waited == patience:
                return best, epoch + 1
    return best, len(losses)


def wrong_float32(losses, patience):
    """The losses are put into a float32 tensor, in which near ones become equal."""
    table = torch.tensor(losses)
    best, waited = None, 0
    for epoch in range(len(losses)):
        loss = table[epoch]
        if not loss.isnan() and (best is None or loss < table[best]):
            best, waited = epoch, 0
        else:
            waited += 1
            if waited == patience:
                return best, epoch + 1
    return best, len(losses)


def wrong_hundred_epochs(losses, patience):
    """Training is thought to end after a hundred epochs at most."""
    best, waited = None, 0
    for epoch, loss in enumerate(losses[:100]):
        if not math.isnan(loss) and (best is None or loss < losses[best]):
            best, waited = epoch, 0
        else:
            waited += 1
            if waited == patience:
                return best, epoch + 1
    return best, min(len(losses), 100)

"""Right answers to `early_stopping` in other words than the solution's."""

import math

import torch


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
    ranks = [(math.isnan(loss), 0.0 if math.isnan(loss) else loss) for loss in losses]
    records = [rank < min([(True, 0.0), *ranks[:i]]) for i, rank in enumerate(ranks)]
    trained = 1
    while trained < len(losses) and (trained < patience or any(records[trained - patience : trained])):
        trained += 1
    kept = [i for i in range(trained) if records[i]]
    return (kept[-1] if kept else None), trained


def best_epoch_by_cummin(losses, patience):
    """The same with tensors: training ends where the running record stood still for `patience` epochs."""
    known = torch.tensor(losses, dtype=torch.float64)
    numbers = [i for i in range(len(losses)) if not known[i].isnan()]
    lowest = known[numbers].cummin(0).values.tolist()
    before = [None, *lowest]
    records = {i for i, low, last in zip(numbers, lowest, before, strict=False) if last is None or low < last}
    latest = torch.tensor([-1] + [i if i in records else -1 for i in range(len(losses))]).cummax(0).values
    still = torch.nonzero(latest[patience:] == latest[:-patience])[:, 0]  # empty where patience lasts
    trained = int(still[0]) + patience if len(still) else len(losses)
    return (int(latest[trained]) if latest[trained] >= 0 else None), trained


RIGHT = (best_epoch_by_distance, best_epoch_by_window, best_epoch_by_cummin)

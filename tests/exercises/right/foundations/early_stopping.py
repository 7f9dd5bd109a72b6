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


RIGHT = (best_epoch_by_distance, best_epoch_by_window, best_epoch_by_cummin)

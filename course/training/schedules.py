"""Learning-rate schedules, as torch's own scheduler objects."""

import math
from contextlib import contextmanager

from torch.optim.lr_scheduler import LambdaLR, OneCycleLR

FACTORS = {
    "constant": lambda step, total: 1.0,
    "cosine": lambda step, total: 0.5 * (1 + math.cos(math.pi * step / total)),
}


def build(schedule, optimizer, total):
    """The scheduler of one optimiser for a run of `total` steps; `schedule` is as for `fit`.

    "one-cycle" cycles the momentum (Adam's beta_1) too, between 0.95 and 0.85.
    """
    if schedule == "one-cycle":
        peaks = [group["lr"] for group in optimizer.param_groups]
        return OneCycleLR(optimizer, max_lr=peaks, total_steps=total)
    factor = schedule if callable(schedule) else FACTORS.get(schedule)
    if factor is None:
        names = ", ".join(map(repr, [*FACTORS, "one-cycle"]))
        raise ValueError(
            f"schedule={schedule!r} is not known: give one of {names}, or a function (step, total) -> factor."
        )
    return LambdaLR(optimizer, lambda step: factor(step, total))


@contextmanager
def settings_restored(optimizers):
    """After the block the optimisers have the settings again that schedules changed inside it."""
    before = [dict(group) for optimizer in optimizers for group in optimizer.param_groups]
    try:
        yield
    finally:
        now = (group for optimizer in optimizers for group in optimizer.param_groups)
        for group, settings in zip(now, before, strict=True):
            group.clear()
            group.update(settings)

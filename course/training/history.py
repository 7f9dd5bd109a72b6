"""What a run records, and the error that stops it."""

import math
from dataclasses import dataclass, field

RECENT = 100  # steps whose mean is the loss that is shown


@dataclass(repr=False)
class History:
    """The record of a run; every list can be plotted as it is.

    Attributes:
        losses: for each step, the loss of its first update, the mean over the global batch.
        lrs: for each step, the (first) optimiser's learning rate.
        grad_norms: for each step, the gradient's norm before clipping; empty without `clip`.
        logged: name -> list of what `run.log(name=value)` recorded, in order.
        epochs: for each epoch {"epoch": from 1, "loss": its mean, and what `evaluate` returned}.
        seconds: wall-clock time of all sessions of the run together.
        interrupted: whether the run was ended by the user before its end.
    """

    losses: list[float] = field(default_factory=list)
    lrs: list[float] = field(default_factory=list)
    grad_norms: list[float] = field(default_factory=list)
    logged: dict[str, list[float]] = field(default_factory=dict)
    epochs: list[dict[str, float]] = field(default_factory=list)
    seconds: float = 0.0
    interrupted: bool = False

    def __repr__(self):
        # Short: a notebook's cell may end with a call of `fit`.
        return f"History({self.summary()})"

    def recent(self, values=None):
        """The mean of the last 100 losses, or of other numbers that were recorded."""
        last = (self.losses if values is None else values)[-RECENT:]
        return math.fsum(last) / len(last)

    def summary(self):
        """One line without a time in it, so that a saved notebook does not change from run to run."""
        values = {"loss": self.recent()} if self.losses else {}
        row = self.epochs[-1] if self.epochs else {"epoch": 0}
        values |= {name: value for name, value in row.items() if name not in ("epoch", "loss")}
        found = ", ".join(f"{name} {value:.4g}" for name, value in values.items())
        done = f"{_count(row['epoch'], 'epoch')}, {_count(len(self.losses), 'step')}"
        return f"{done}: {found}" if found else done


class NonFiniteLoss(ArithmeticError):
    """The loss (or the gradient's norm) was nan or infinite; the weights are those before that update.

    Attributes:
        history: the History up to there.
    """

    def __init__(self, what, value, epoch, step, lrs, history):
        lrs = ", ".join(f"{lr:.3g}" for lr in lrs)
        super().__init__(
            f"The {what} is {value} in epoch {epoch}, step {step} (both from 1); this update was not made. "
            f"Try a smaller learning rate (it is {lrs}), clip=1.0, inputs scaled to about 1, "
            "precision='float32'; and look for a log, a root or a division that meets 0."
        )
        self.history = history


def _count(number, noun):
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"

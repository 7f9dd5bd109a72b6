"""Batches out of tensors in memory, or out of a function: by indexing, never item by item."""

import torch

from course.training import draws

RESIDENT_BYTES = 1 << 30  # data up to this size is kept on the device as a whole


def order(n, seed, epoch):
    """The order of the examples in one epoch (from 0) of `fit(..., seed=seed)`: a (n,) permutation."""
    return torch.randperm(n, generator=draws.generator(seed, draws.ORDER, epoch))


def check_whole(least=1, **values):
    """Each value must be a whole number, and not below `least`."""
    for name, value in values.items():
        if type(value) is not int or value < least:
            raise ValueError(f"{name}={value!r}: expected a whole number of at least {least}.")


class Batches:
    """The batches of a run, of each this process's share; the arguments are those of `fit`.

    An incomplete last batch is dropped, so that every batch has the same size. A function that makes the data
    is called with the share's size.
    """

    def __init__(self, run, data, batch_size, shuffle=True, steps_per_epoch=None):
        check_whole(batch_size=batch_size)
        self.run, self.shuffle, self.make, self.tensors = run, shuffle, None, ()
        if callable(data) != (steps_per_epoch is not None):
            raise ValueError("steps_per_epoch is for data made by a function: then give steps_per_epoch.")
        if callable(data):
            check_whole(steps_per_epoch=steps_per_epoch)
            self.make, self.batch_size, self.per_epoch = data, batch_size, steps_per_epoch
        else:
            self.tensors = _checked(data)
            n = len(self.tensors[0])
            self.batch_size = min(batch_size, n)
            self.per_epoch = n // self.batch_size
        if self.batch_size % run.processes:
            raise ValueError(
                f"A batch of {self.batch_size} cannot be shared equally by {run.processes} processes: "
                f"batch_size counts all of them together, so give a multiple of {run.processes}."
            )
        self.share = self.batch_size // run.processes
        self.epoch, self.rows = None, None
        if sum(tensor.nbytes for tensor in self.tensors) <= RESIDENT_BYTES:
            self.tensors = tuple(tensor.to(run.device) for tensor in self.tensors)

    def batch(self, step):
        """The batch of a step (counted from the run's start): a tuple of tensors on the device."""
        if self.make:
            made = self.make(self.run, self.share)
            made = made if isinstance(made, tuple) else (made,)
            return tuple(tensor.to(self.run.device) for tensor in made)
        epoch, index = divmod(step, self.per_epoch)
        if epoch != self.epoch:
            n = len(self.tensors[0])
            rows = order(n, self.run.seed, epoch) if self.shuffle else torch.arange(n)
            self.epoch, self.rows = epoch, rows.to(self.tensors[0].device)
        start = index * self.batch_size + self.run.process * self.share
        rows = self.rows[start : start + self.share]
        # A copy of the rows: a loss function that changes its batch in place leaves the data as they are.
        return tuple(tensor.index_select(0, rows).to(self.run.device) for tensor in self.tensors)


def _checked(data):
    tensors = (data,) if isinstance(data, torch.Tensor) else tuple(data)
    if not tensors or not all(isinstance(tensor, torch.Tensor) and tensor.ndim for tensor in tensors):
        raise TypeError(
            "data must be a tuple of tensors, (x, y) for example, or a function (run, batch_size) -> tuple."
        )
    lengths = [len(tensor) for tensor in tensors]
    if len(set(lengths)) > 1 or lengths[0] == 0:
        raise ValueError(
            f"The tensors in data have lengths {lengths}: they must be equal and not 0, one row an example."
        )
    return tensors

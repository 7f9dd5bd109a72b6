"""The trainings of the chapters, cut short: each recorded table names a function that trains.

A new chapter, or a new table of a chapter, needs no entry here.
"""

from contextlib import contextmanager
from unittest import mock

import torch
from torch import nn

from course import chapters
from course.training import Run


def jobs():
    """Yield (chapter, table) for each table that a chapter records."""
    for path in chapters.paths():
        for table in getattr(chapters.load_definitions(path.stem), "RECORDED", {}):
            yield path.stem, table


class Ended(Exception):
    """The run that a chapter's function started has come to its end: what follows it is not of interest."""

    def __init__(self, run):
        super().__init__()
        self.run = run


def train(chapter, table, plain=False, **settings):
    """Make the first training of the first row of a recorded table, and nothing after it.

    Args:
        plain: without dropout and evaluation, and in float64: so several processes must come to what one
            comes to.
        settings: arguments of `Run` in place of the chapter's; max_steps and so on.
    Returns:
        the Run; None if the table's function starts none, or if plain and the model normalises over a batch.
    """
    function, rows = chapters.load_definitions(chapter).RECORDED[table]
    begin, batches = Run.__init__, Run.batches

    def begin_changed(run, models, optimizers, **own):
        if plain:
            torch.set_default_dtype(torch.float64)
            make_plain(models if isinstance(models, list | tuple) else [models])
        begin(run, models, optimizers, **{**own, "show": False, **settings})

    def batches_then_end(run, data, **how):
        if plain:
            data, how = in_float64(data), {**how, "evaluate": None}
        yield from batches(run, data, **how)
        raise Ended(run)

    changes = {"__init__": begin_changed, "batches": batches_then_end}
    with mock.patch.multiple(Run, **changes), default_dtype_kept():
        try:
            next(function(**rows[0], max_steps=settings["max_steps"]))
        except Ended as ended:
            normed = any(isinstance(m, nn.modules.batchnorm.BatchNorm2d) for m in modules(ended.run.models))
            return None if plain and normed else ended.run


def modules(models):
    return [module for model in models for module in model.modules()]


def make_plain(models):
    for module in modules(models):
        module.double()
        if isinstance(module, nn.Dropout):
            module.p = 0.0


def in_float64(data):
    """A run's data, a tuple of tensors or a function that makes one, with its numbers in float64."""
    if callable(data):
        return lambda run, batch_size: in_float64(data(run, batch_size))
    tensors = data if isinstance(data, tuple) else (data,)
    return tuple(tensor.double() if tensor.is_floating_point() else tensor for tensor in tensors)


@contextmanager
def default_dtype_kept():
    """New tensors and models have the same dtype after the block as before it."""
    before = torch.get_default_dtype()
    try:
        yield
    finally:
        torch.set_default_dtype(before)

"""Each chapter's own training, made short, with a checkpoint, in a process that can be killed at any time."""

import dataclasses
import os
import signal
from functools import partial
from types import SimpleNamespace

import torch

from course import chapters, data, training
from course.training import checkpoints

# Where a process kills itself in a checkpoint's writing: half of the file is written; then, in this order,
# before the file is flushed to the disk, before each of the two renames, before the folder is flushed.
STAGES = ("half", 1, 2, 3, 4)


def run(name, checkpoint, steps, every, resume=True):
    """Train as a chapter does, for `steps` steps, with a checkpoint each `every` steps.

    Args:
        name: one of `JOBS`; it begins with the chapter's number.
        checkpoint: the file, as for `training.fit`.
    Returns:
        (models, History), models a tuple.
    """
    module = chapters.load_definitions(name[:2])
    kept = {"checkpoint": checkpoint, "checkpoint_every": every, "resume": resume, "device": "cpu"}
    # The chapters' functions have no argument for a checkpoint: what they call gets it here.
    module.training = SimpleNamespace(
        **vars(training)
        | {"fit": partial(training.fit, progress=False, **kept), "Run": partial(training.Run, **kept)}
    )
    return JOBS[name](module, steps)


def killable(name, checkpoint, steps, every, events=None, torn=None):
    """`run` in a process of its own, going on from where it was killed.

    Args:
        events: a pipe's end that is told of each update, and of a checkpoint's writing, before and after.
        torn: (n, stage): the process kills itself at that stage of the n-th checkpoint that it writes.
    """
    torch.set_num_threads(1)
    if events:
        training.Run.update = _told(events, training.Run.update, after="update")
        checkpoints.write = _told(events, checkpoints.write, before="writing", after="written")
    if torn:
        _tear(*torn)
    run(name, checkpoint, steps, every)


def _told(events, function, before=None, after=None):
    def call(*arguments, **settings):
        if before:
            events.send(before)
        result = function(*arguments, **settings)
        events.send(after)
        return result

    return call


def _tear(n, stage):
    """Kill this process at `stage` of its n-th write; where that one has no such stage, of the next that has.

    (A run's first checkpoint replaces none, and is renamed once.)
    """
    write, state = checkpoints.write, {"writes": 0, "calls": 0}

    def counted_write(*arguments, **settings):
        state.update(writes=state["writes"] + 1, calls=0)
        write(*arguments, **settings)

    def counted(function):
        def call(*arguments):
            state["calls"] += 1
            if state["writes"] >= n and state["calls"] == stage:
                os.kill(os.getpid(), signal.SIGKILL)
            return function(*arguments)

        return call

    def open_torn(*arguments):
        file = open(*arguments)
        return _Torn(file) if state["writes"] >= n and stage == "half" else file

    checkpoints.write, checkpoints.open = counted_write, open_torn
    os.fsync, os.replace = counted(os.fsync), counted(os.replace)


class _Torn:
    """A file that gets half of what is written, and then the process is killed."""

    def __init__(self, file):
        self.file = file

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.file.close()

    def write(self, content):
        self.file.write(content[: len(content) // 2])
        self.file.flush()
        os.kill(os.getpid(), signal.SIGKILL)


def _digits(module, steps):
    """500 digits, ten steps an epoch, with everything that draws: dropout and moved images."""
    _, (x, y) = data.mnist().split()
    model, history = module.train_digits(
        seed=0, dropout=0.5, weight_decay=1.0, loss_fn=module.moved_loss, max_steps=steps,
        evaluate=lambda model: {"nats": module.surprise(module.probabilities(model, x), y)},
    )  # fmt: skip
    return (model,), history


def _houses(module, steps):
    """The net of the house prices. The chapter hands back the best epoch's weights, which it keeps beside the
    run: a resumed run has not seen the epochs before it. So only what the checkpoint holds is compared.
    """
    x, y = module.house_features(data.houses()), data.houses().price.log()
    rows, z = torch.arange(800), module.scaled(x).float()
    _, history = module.train_houses(
        z, module.scaled(y).float(), rows[:640], rows[640:], seed=0, max_steps=steps
    )
    return (), history


def _cnn(module, steps):
    x, y = (part[:640] for part in (data.mnist().x_train, data.mnist().y_train))
    model, history = module.train(module.CNN, x, y, module.augmented_loss, seed=0, max_steps=steps)
    return (model,), history


def _language(module, steps):
    """The novel's first 8,000 characters, nine steps an epoch, the state carried on between them."""
    novel = data.novel()
    start = dataclasses.replace(novel, train=novel.train[:8000], validation="")
    module.data = SimpleNamespace(**vars(data) | {"novel": lambda: start})
    model, history = module.train_language(epochs=20, max_steps=steps, progress=False)
    return (model,), history


def _dates(module, steps):
    part = data.dates(640, validation=0, held_out=0).train
    model, history = module.train_dates(part, epochs=20, max_steps=steps, progress=False)
    return (model,), history


def _vae(module, steps):
    x = data.mnist().x_train[:1000].flatten(1)
    model, history = module.train_vae(x, epochs=20, max_steps=steps, progress=False)
    return (model,), history


def _gan(module, steps):
    """Both models, and the average of the generator that the chapter keeps."""
    models = module.digit_models(0)
    real = module.batches_of(data.mnist().x_train)
    averaged, history = module.train_gan(models, real, **module.DIGITS, max_steps=steps, progress=False)
    return (*models, averaged), history


JOBS = {
    "00 digits": _digits,
    "00 houses": _houses,
    "01": _cnn,
    "02": _language,
    "03": _dates,
    "04": _vae,
    "05": _gan,
}

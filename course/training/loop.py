"""`fit`: one model, one optimiser."""

from contextlib import suppress

import torch

from course.training.modes import evaluating
from course.training.run import Run


def fit(
    model, loss_fn, data, *, optimizer, epochs, batch_size=64, steps_per_epoch=None, seed=0,
    schedule="constant", clip=None, average=None, evaluate=None, shuffle=True, device=None, precision=None,
    checkpoint=None, checkpoint_every=None, resume=False, max_steps=None, progress=True,
):  # fmt: skip
    """Train a model, and return the History of it.

    Args:
        model: an nn.Module; it is moved to the device, and left there in train mode.
        loss_fn: (model, batch, run) -> scalar tensor, the mean over the examples of `batch`, which is a tuple
            of tensors on the device. It draws from `run` (the Run under way): `run.normal(len(x), 16)`,
            `run.uniform`, `run.integers`; `run.carry` keeps a hidden state, `run.log(kl=...)` records.
        data: a tuple of tensors of equal length, one row an example, or a function (run, batch_size) -> tuple
            with `steps_per_epoch`. An incomplete last batch is dropped; data smaller than a batch are one.
        optimizer: built from model.parameters(); its settings are the caller's again at the end.
        epochs, batch_size: whole numbers; batch_size is that of all processes together.
        seed: of the order of the examples, of the run's draws, and of torch's own generators during the run.
        schedule: "constant", "cosine", "one-cycle" (its peak is the optimiser's lr), or a function
            (step, total) -> factor of the learning rate.
        clip: largest global norm of the gradient; the norm before clipping is recorded.
        average: decay of a moving average of the weights: `evaluate` sees it, the model holds it at the end.
        evaluate: model -> dict of numbers, called after each epoch in eval mode without gradients, with the
            model on the device (`predict` minds that).
        shuffle: False keeps the order of the rows.
        device: "cpu", "cuda", "mps"; None takes COURSE_DEVICE, else the best there is.
        precision: "float32" or "bf16" (autocast); None chooses by the device.
        checkpoint: a file to save the whole run in, each `checkpoint_every` steps (default: each epoch).
        resume: go on from that file, with a result as if the run had never stopped.
        max_steps: stop after so many steps (of the whole run), the schedule being that of all epochs.
        progress: False shows no bar and prints no summary.

    Raises:
        NonFiniteLoss: as soon as the loss is nan or infinite; before that update.
        CheckpointError: if the checkpoint is of another configuration, or none that is there is good.
        ValueError, TypeError: for arguments that cannot be meant.
    """
    run = Run(
        model, optimizer, seed=seed, schedule=schedule, clip=clip, average=average, device=device,
        precision=precision, checkpoint=checkpoint, checkpoint_every=checkpoint_every, resume=resume,
        max_steps=max_steps, progress=progress,
    )  # fmt: skip
    batches = run.batches(
        data,
        epochs=epochs,
        batch_size=batch_size,
        steps_per_epoch=steps_per_epoch,
        shuffle=shuffle,
        evaluate=evaluate,
    )
    for batch in batches:
        try:
            with run.autocast():
                loss = loss_fn(model, batch, run)
            run.update(optimizer, loss)
        except KeyboardInterrupt as interrupt:
            with suppress(StopIteration):
                batches.throw(interrupt)  # the generator saves, and ends
    return run.history


def predict(model, x, batch_size=500):
    """The model's outputs for all of x: in batches, in eval mode, on the model's device.

    Args:
        x: (N, ...) tensor on any device.
    Returns:
        (N, ...) tensor on the CPU; each module's train or eval mode is as before.
    """
    device = next(model.parameters()).device
    with evaluating(model):
        return torch.cat([model(part.to(device)).cpu() for part in x.split(batch_size)])

"""The checks of what a caller hands to a run: one clear error each."""

import torch


def whole(**values):
    """Each value must be a whole number of at least 1."""
    for name, value in values.items():
        if not isinstance(value, int) or isinstance(value, bool) or value < 1:
            raise ValueError(f"{name}={value!r}: expected a whole number of at least 1.")


def settings(seed, clip, averages, checkpoint, checkpoint_every, resume, max_steps):
    """The numbers among the settings, and the checkpoint's three arguments together."""
    if not isinstance(seed, int) or isinstance(seed, bool) or seed < 0:
        raise ValueError(f"seed={seed!r}: expected a whole number of at least 0.")
    if clip is not None and not clip > 0:
        raise ValueError(
            f"clip={clip!r}: expected the largest norm of the gradient, a number above 0, or None."
        )
    for decay in averages:
        if decay is not None and not 0 < decay < 1:
            raise ValueError(f"average={decay!r}: expected a decay between 0 and 1, such as 0.99, or None.")
    if checkpoint is None and (resume or checkpoint_every is not None):
        raise ValueError(
            "resume and checkpoint_every need checkpoint='some/file.ckpt': where to read and write."
        )
    if checkpoint_every is not None:
        whole(checkpoint_every=checkpoint_every)
    if max_steps is not None:
        whole(max_steps=max_steps)


def parameters(models, optimizers):
    """The optimisers must hold parameters of these models and of no other."""
    known = {id(parameter) for model in models for parameter in model.parameters()}
    for optimizer in optimizers:
        foreign = sum(id(p) not in known for group in optimizer.param_groups for p in group["params"])
        if foreign:
            raise ValueError(
                f"{foreign} of the parameters of {type(optimizer).__name__} are not the model's: "
                "make the optimiser from this model, optim.AdamW(model.parameters(), lr=1e-3)."
            )


def loss(value):
    """A loss must be one number that hangs on the weights."""
    if not isinstance(value, torch.Tensor) or value.numel() != 1:
        found = (
            f"a tensor of shape {tuple(value.shape)}"
            if isinstance(value, torch.Tensor)
            else type(value).__name__
        )
        raise ValueError(f"The loss is {found}: expected a scalar tensor, the mean over the batch.")
    if not value.requires_grad:
        raise ValueError(
            "The loss does not depend on the weights: was it detached, or computed under torch.no_grad()?"
        )


def evaluation(found):
    """What `evaluate` returned must be a dict of numbers."""
    if not isinstance(found, dict):
        raise TypeError(
            f"evaluate returned {type(found).__name__}: expected a dict, such as {{'accuracy': 0.98}}."
        )


def models_dtype(models):
    """The dtype of the models' first floating-point weight."""
    tensors = (
        parameter for model in models for parameter in model.parameters() if parameter.is_floating_point()
    )
    first = next(tensors, None)
    return torch.get_default_dtype() if first is None else first.dtype

"""Eval mode for a while."""

from contextlib import contextmanager

import torch


@contextmanager
def evaluating(*models):
    """Eval mode and no gradients inside the block; after it each module's own mode is as before.

    (A module that the caller keeps in eval mode, a frozen batch norm, stays in it.)
    """
    modes = [(module, module.training) for model in models for module in model.modules()]
    for model in models:
        model.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        for module, training in modes:
            module.training = training

"""The exponential moving average of a model's weights."""

from contextlib import contextmanager

import torch


class Average:
    """average = decay * average + (1 - decay) * weights, after each step; first the first step's weights.

    Floating-point buffers (batch norm's statistics) are averaged too; whole-number ones are copied.
    """

    def __init__(self, model, decay):
        self.model, self.decay, self.tensors = model, decay, None

    @torch.no_grad()
    def update(self):
        """Take in the model's weights as they are now."""
        now = tensors_of(self.model)
        if self.tensors is None:
            self.tensors = [tensor.clone() for tensor in now]
            return
        for average, tensor in zip(self.tensors, now, strict=True):
            if average.is_floating_point() or average.is_complex():
                average.lerp_(tensor, 1 - self.decay)
            else:
                average.copy_(tensor)

    @torch.no_grad()
    def put_into_model(self):
        """The model holds the averaged weights from here on."""
        if self.tensors is not None:
            for tensor, average in zip(tensors_of(self.model), self.tensors, strict=True):
                tensor.copy_(average)

    @contextmanager
    def in_model(self):
        """The model holds the averaged weights inside the block, and its own again after it."""
        own = [tensor.clone() for tensor in tensors_of(self.model)]
        self.put_into_model()
        try:
            yield
        finally:
            with torch.no_grad():
                for tensor, kept in zip(tensors_of(self.model), own, strict=True):
                    tensor.copy_(kept)

    def state(self):
        """What a checkpoint keeps."""
        return self.tensors

    def load(self, tensors):
        """Go on from what `state` returned."""
        if tensors is not None:
            now = tensors_of(self.model)
            self.tensors = [kept.to(like.device, copy=True) for kept, like in zip(tensors, now, strict=True)]


def tensors_of(model):
    """A model's weights and buffers, detached, in a fixed order."""
    return [tensor.detach() for tensor in (*model.parameters(), *model.buffers())]

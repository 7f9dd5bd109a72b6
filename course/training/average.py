"""The exponential moving average of a model's weights."""

import torch


class Average:
    """average = decay * average + (1 - decay) * weights, after each step; first the first step's weights.

    Floating-point buffers (batch norm's statistics) are averaged too; whole-number ones are copied.

    Attributes:
        decay: None for a model without an average, which `update` and `swap` leave alone.
        tensors: the averages, in the order of `tensors_of`; None before the first step.
    """

    def __init__(self, model, decay):
        self.model, self.decay, self.tensors = model, decay, None

    @torch.no_grad()
    def update(self):
        """Take in the model's weights as they are now."""
        if self.decay is None:
            return
        now = tensors_of(self.model)
        if self.tensors is None:
            self.tensors = [tensor.clone() for tensor in now]
        for average, tensor in zip(self.tensors, now, strict=True):
            if average.is_floating_point() or average.is_complex():
                average.lerp_(tensor, 1 - self.decay)
            else:
                average.copy_(tensor)

    @torch.no_grad()
    def swap(self):
        """The model gets the averages, which become its own tensors here until the next swap."""
        if self.tensors is None:
            return
        for average, tensor in zip(self.tensors, tensors_of(self.model), strict=True):
            own = tensor.clone()
            tensor.copy_(average)
            average.copy_(own)


def tensors_of(model):
    """A model's weights and buffers, detached, in a fixed order."""
    return [tensor.detach() for tensor in (*model.parameters(), *model.buffers())]

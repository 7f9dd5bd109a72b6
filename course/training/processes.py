"""What several processes must agree on: weights at the start, gradients and losses at each step, buffers.

The models are not wrapped in DistributedDataParallel: it hooks `forward` alone (a loss that calls another
method would train on one process's share), knows no second-order gradients, and renames the weights.
Averaging the gradients after the backward pass does the same work for any loss.
"""

import torch
from accelerate.utils import broadcast, broadcast_object_list

from course.training.average import tensors_of


def same_everywhere(models):
    """Every process takes over the first one's weights and buffers."""
    for model in models:
        for tensor in tensors_of(model):
            broadcast(tensor)


@torch.no_grad()
def average_gradients(accelerator, parameters, loss):
    """Replace each gradient by its mean over the processes; returns the loss's mean as a float.

    A parameter that has a gradient in no process keeps none.
    """
    grads = [torch.zeros_like(p) if p.grad is None else p.grad for p in parameters]
    present = loss.new_tensor([p.grad is not None for p in parameters])
    whole = torch.cat([*(grad.flatten() for grad in grads), present, loss.detach().reshape(1)])
    *means, present, loss = accelerator.reduce(whole, "mean").split(
        [*(p.numel() for p in parameters), len(present), 1]
    )
    for parameter, mean, has in zip(parameters, means, present.tolist(), strict=True):
        parameter.grad = mean.view_as(parameter).to(parameter.dtype) if has else None
    return loss.item()


@torch.no_grad()
def average_buffers(accelerator, models):
    """Replace floating-point buffers (batch norm's statistics) by their mean over the processes."""
    for model in models:
        for buffer in model.buffers():
            if buffer.is_floating_point():
                buffer.copy_(accelerator.reduce(buffer, "mean"))


def average_numbers(accelerator, numbers):
    """The mean over the processes of a list of floats."""
    if accelerator.num_processes == 1 or not numbers:
        return numbers
    return accelerator.reduce(
        torch.tensor(numbers, dtype=torch.float64, device=accelerator.device), "mean"
    ).tolist()


def from_first(accelerator, call):
    """What call() returns in the first process, or raises there, in every process."""
    outcome = [None, None]
    if accelerator.process_index == 0:
        try:
            outcome = [call(), None]
        except Exception as error:
            if accelerator.num_processes == 1:
                raise
            outcome = [None, error]
    if accelerator.num_processes > 1:
        broadcast_object_list(outcome)
    if outcome[1] is not None:
        raise outcome[1]
    return outcome[0]

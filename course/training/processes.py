"""The processes that share a run, and what they must agree on: weights, gradients, losses, buffers.

The models are not wrapped in DistributedDataParallel: it hooks `forward` alone (a loss that calls another
method would train on one process's share), knows no second-order gradients, and renames the weights.
Averaging the gradients after the backward pass does the same work for any loss.
"""

import os
import warnings

import torch

with warnings.catch_warnings():
    # Accelerate imports tqdm.auto, which warns in a notebook without ipywidgets; the course needs neither.
    warnings.filterwarnings("ignore", message="IProgress not found")
    from accelerate import PartialState
from accelerate.utils import broadcast, broadcast_object_list, reduce

from course.training.average import tensors_of


def launched():
    """How many processes this one was launched with (torchrun, accelerate launch), itself included."""
    return int(os.environ.get("WORLD_SIZE", 1))


def join(device):
    """Join the other processes, where this one was launched with others.

    Returns:
        (device, process, processes): this process's own device of that kind, its number, how many there are.
    Raises:
        ValueError: if there are not as many GPUs, or the processes share GPUs already.
    """
    if "LOCAL_RANK" not in os.environ and launched() == 1:
        return device, 0, 1
    gpus = torch.cuda.device_count()
    if device.type == "cuda" and int(os.environ.get("LOCAL_RANK", 0)) >= gpus:
        raise ValueError(
            f"{os.environ.get('LOCAL_WORLD_SIZE', launched())} processes were started on a machine with "
            f"{gpus} GPUs: start one for each GPU, or set COURSE_DEVICE=cpu."
        )
    joined = torch.distributed.is_initialized()
    if joined and device.type == "cpu" and torch.distributed.get_backend() == "nccl":
        raise ValueError("This process already shares GPUs with others: all its runs must use device='cuda'.")
    # Unset, Accelerate would choose a number of threads itself and warn about it.
    os.environ.setdefault("OMP_NUM_THREADS", str(torch.get_num_threads()))
    state = PartialState(cpu=device.type == "cpu")
    if device.type == "cuda":
        device = torch.device("cuda", state.local_process_index)
    return device, state.process_index, state.num_processes


def same_everywhere(run):
    """Every process takes over the first one's weights and buffers."""
    if run.processes > 1:
        broadcast([tensors_of(model) for model in run.models])


@torch.no_grad()
def average_gradients(parameters, loss):
    """Replace each gradient by its mean over the processes; returns the loss's mean as a float.

    A parameter that has a gradient in no process keeps none.
    """
    grads = [torch.zeros_like(p) if p.grad is None else p.grad for p in parameters]
    present = loss.new_tensor([p.grad is not None for p in parameters])
    whole = torch.cat([*(grad.flatten() for grad in grads), present, loss.detach().reshape(1)])
    sizes = [*(p.numel() for p in parameters), len(present), 1]
    *means, present, loss = reduce(whole, "mean").split(sizes)
    for parameter, mean, has in zip(parameters, means, present.tolist(), strict=True):
        parameter.grad = mean.view_as(parameter).to(parameter.dtype) if has else None
    return loss.item()


@torch.no_grad()
def average_buffers(run):
    """Replace floating-point buffers (batch norm's statistics) by their mean over the processes."""
    if run.processes > 1:
        for model in run.models:
            for buffer in model.buffers():
                if buffer.is_floating_point():
                    buffer.copy_(reduce(buffer, "mean"))


def average_numbers(run, numbers):
    """The mean over the processes of each of a list of floats."""
    if run.processes == 1 or not numbers:
        return numbers
    return reduce(torch.tensor(numbers, dtype=torch.float64, device=run.device), "mean").tolist()


def from_first(run, call):
    """What call() returns in the first process, or raises there, in every process."""
    if run.processes == 1:
        return call()
    outcome = [None]
    if run.process == 0:
        try:
            outcome = [call()]
        except Exception as error:
            outcome = [error]
    broadcast_object_list(outcome)
    if isinstance(outcome[0], Exception):
        raise outcome[0]
    return outcome[0]

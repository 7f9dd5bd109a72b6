"""Where a run computes, and how precisely."""

import os

import torch

from course.training.processes import launched


def choose_device(device=None, dtype=torch.float32):
    """The device of a run: the argument, else COURSE_DEVICE, else CUDA, then Apple's MPS, then the CPU.

    Args:
        device: "cpu", "cuda", "cuda:1", "mps", a torch.device, or None to choose.
        dtype: the model's; MPS has no float64 and is passed over for it.
    Returns:
        torch.device.
    Raises:
        ValueError: for a device that is unknown, or that this machine does not have.
    """
    gpus = torch.cuda.device_count() if torch.cuda.is_available() else 0
    there = {"cuda": gpus, "mps": int(torch.backends.mps.is_available()), "cpu": 1}
    available = [kind for kind, count in there.items() if count]
    not_mps = "computes no float64" if dtype == torch.float64 else ""
    if launched() > 1:  # processes talk over NCCL or Gloo, neither of which knows MPS
        not_mps = not_mps or "cannot be shared by several processes"
    source = "COURSE_DEVICE" if device is None else "device"
    asked = os.environ.get("COURSE_DEVICE") if device is None else device
    if not asked:
        return torch.device(next(kind for kind in available if kind != "mps" or not not_mps))
    try:
        chosen = torch.device(asked)
        found = (chosen.index or 0) < there.get(chosen.type, 0)
    except (RuntimeError, TypeError):
        found = False
    if not found:
        raise ValueError(
            f"{source}={str(asked)!r}: this machine has no such device. It has: {', '.join(available)}. "
            "Leave it out, and the course takes the first of them."
        )
    if chosen.type == "mps" and not_mps:
        raise ValueError(f"{source}='mps': Apple's MPS {not_mps}. Use 'cpu'.")
    return chosen


def choose_precision(device, precision=None, dtype=torch.float32):
    """The precision of a run: the argument, else "bf16" where the device gains by it, else "float32".

    "bf16" is autocast to bfloat16: chosen on GPUs (CUDA) that compute it natively. "float32" is without
    autocast: the model computes in its own dtype, float64 included.
    """
    if precision not in (None, "float32", "bf16"):
        raise ValueError(
            f"precision={precision!r} is not known: give 'float32', 'bf16' or None (choose by the device)."
        )
    if precision == "bf16" and dtype == torch.float64:
        raise ValueError(
            "precision='bf16' does nothing for a float64 model: leave it out, or use model.float()."
        )
    if precision is None and device.type == "cuda" and dtype != torch.float64:
        return "bf16" if torch.cuda.is_bf16_supported(including_emulation=False) else "float32"
    return precision or "float32"

"""Where a run computes and how precisely, and the processes that it shares the work with."""

import os
import warnings

import torch

with warnings.catch_warnings():
    # Accelerate imports tqdm.auto, which warns in a notebook without ipywidgets; our bar needs neither.
    warnings.filterwarnings("ignore", message="IProgress not found")
    from accelerate import Accelerator
from accelerate.state import AcceleratorState, PartialState


def processes():
    """How many processes this one was launched with (torchrun, accelerate launch), itself included."""
    return int(os.environ.get("WORLD_SIZE", 1))


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
    asked = device if device is not None else os.environ.get("COURSE_DEVICE") or None
    source = "device" if device is not None else "COURSE_DEVICE"
    available = [kind for kind in ("cuda", "mps", "cpu") if _available(kind)]
    if asked is None:
        # Several processes talk over NCCL or Gloo, neither of which knows MPS.
        unfit = "mps" if dtype == torch.float64 or processes() > 1 else None
        return torch.device(next(kind for kind in available if kind != unfit))
    try:
        chosen = torch.device(asked)
    except (RuntimeError, TypeError):
        chosen = None
    if chosen is None or chosen.type not in available or not _exists(chosen):
        raise ValueError(
            f"{source}={str(asked)!r}: this machine has no such device. It has: {', '.join(available)}. "
            "Leave it out, and the course takes the first of them."
        )
    if chosen.type == "mps" and (dtype == torch.float64 or processes() > 1):
        why = "computes no float64" if dtype == torch.float64 else "cannot be shared by several processes"
        raise ValueError(f"{source}='mps': Apple's MPS {why}. Use 'cpu'.")
    return chosen


def _available(kind):
    return {"cuda": torch.cuda.is_available, "mps": torch.backends.mps.is_available}.get(kind, lambda: True)()


def _exists(device):
    count = torch.cuda.device_count() if device.type == "cuda" else 1
    return device.index is None or device.index < count


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
    if precision is not None or dtype == torch.float64:
        return precision or "float32"
    gains = device.type == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False)
    return "bf16" if gains else "float32"


def connect(device, precision):
    """The Accelerator for this device and precision; joins the other processes where there are some.

    Accelerate keeps its state once per process and refuses another device or precision, so a state left by an
    earlier run of another kind is reset first.
    """
    mixed = "bf16" if precision == "bf16" else "no"
    if PartialState._shared_state or AcceleratorState._shared_state:
        state = AcceleratorState._shared_state
        same = state.get("_mixed_precision") == mixed and _same_device(state.get("device"), device)
        if not same:
            AcceleratorState._reset_state(reset_partial_state=True)
    if "LOCAL_RANK" in os.environ or processes() > 1:
        return _connect_launched(device, mixed)
    # Accelerate leaves the choice of one device to this variable: the only way to tell it "cuda:1".
    before = os.environ.get("ACCELERATE_TORCH_DEVICE")
    os.environ["ACCELERATE_TORCH_DEVICE"] = str(device)
    try:
        return Accelerator(cpu=device.type == "cpu", mixed_precision=mixed)
    finally:
        if before is None:
            del os.environ["ACCELERATE_TORCH_DEVICE"]
        else:
            os.environ["ACCELERATE_TORCH_DEVICE"] = before


def _connect_launched(device, mixed):
    """In a process that torchrun or accelerate launch started: Accelerate picks this process's GPU."""
    if device.type == "cuda" and int(os.environ.get("LOCAL_RANK", 0)) >= torch.cuda.device_count():
        raise ValueError(
            f"{os.environ.get('LOCAL_WORLD_SIZE', processes())} processes were started on a machine with "
            f"{torch.cuda.device_count()} GPUs: start one for each GPU, or set COURSE_DEVICE=cpu."
        )
    joined = torch.distributed.is_initialized()
    if joined and device.type == "cpu" and torch.distributed.get_backend() == "nccl":
        raise ValueError("This process already shares GPUs with others: all its runs must use device='cuda'.")
    # Unset, Accelerate would choose a number of threads itself and warn about it.
    os.environ.setdefault("OMP_NUM_THREADS", str(torch.get_num_threads()))
    return Accelerator(cpu=device.type == "cpu", mixed_precision=mixed)


def _same_device(known, device):
    # Among several processes Accelerate adds the index of this one's GPU.
    return known == device or (known is not None and processes() > 1 and known.type == device.type)

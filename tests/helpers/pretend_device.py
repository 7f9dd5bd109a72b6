"""A device that is none: tensors that compute on the CPU and refuse, as a GPU's do, to meet the CPU's.

Chapters and the package must run on a GPU, and the tests run without one. A `Pretend` tensor says that it is
on another device (`meta`, the one that torch knows everywhere), holds its numbers in a CPU tensor, and takes
part in every operation of torch, the backward passes included. Where CUDA would raise an error, so does it:
an operation on tensors of both devices, `.numpy()`, a generator of the other device.
"""

import contextlib
import warnings

import pytest
import torch
from torch import is_tensor
from torch.optim import optimizer
from torch.utils import _pytree as pytree
from torch.utils._python_dispatch import TorchDispatchMode, return_and_correct_aliasing

from course.training import devices

DEVICE = torch.device("meta")
ATEN = torch.ops.aten
PACK = ATEN._pack_padded_sequence.default
# May read from one device and write to the other, or wants a packed sequence's lengths on the CPU.
BOTH = {ATEN.copy_.default, ATEN._to_copy.default, PACK, ATEN._pack_padded_sequence_backward.default}
INDEXED = {ATEN.index.Tensor, ATEN.index_put.default, ATEN.index_put_.default, ATEN._index_put_impl_.default}


class Pretend(torch.Tensor):
    """A tensor on the pretended device."""

    @staticmethod
    def __new__(cls, held):
        return torch.Tensor._make_wrapper_subclass(
            cls, held.size(), strides=held.stride(), storage_offset=held.storage_offset(), dtype=held.dtype,
            layout=held.layout, device=DEVICE, requires_grad=held.requires_grad,
        )  # fmt: skip

    def __init__(self, held):
        self.held = held

    def __repr__(self):
        return f"Pretend({self.held!r})"

    def tolist(self):
        """Copied to the CPU first, as torch does for a GPU's tensor."""
        return self.cpu().tolist()

    def __reduce_ex__(self, protocol):
        """Saved as the CPU's tensor: what a file holds of a GPU's is its numbers too."""
        return self.detach().cpu().__reduce_ex__(protocol)

    __torch_function__ = torch._C._disabled_torch_function_impl

    @classmethod
    def __torch_dispatch__(cls, func, types, args=(), kwargs=None):
        return dispatch(func, args, kwargs or {})


class Placing(TorchDispatchMode):
    """Sees every operation on the way, also those that only make a tensor or put one on the device."""

    float64 = True  # whether the device computes it

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        return dispatch(func, args, kwargs or {})


def dispatch(func, args, kwargs):
    """One operation of torch: on the CPU's numbers, with its outputs on the device that they belong to."""
    tensors = [leaf for leaf in pytree.tree_leaves((args, kwargs)) if is_tensor(leaf)]
    pretended = any(isinstance(tensor, Pretend) for tensor in tensors)
    if pretended:
        refuse_mixed(func, args, tensors)
    if kwargs.get("device") is not None:
        pretended = torch.device(kwargs["device"]) == DEVICE
        kwargs = {**kwargs, "device": torch.device("cpu")}
    if pretended and kwargs.get("generator") is not None:
        raise RuntimeError(f"{func}: the generator is the CPU's, the tensor is on {DEVICE}.")
    held_args, held_kwargs = pytree.tree_map_only(Pretend, lambda tensor: tensor.held, (args, kwargs))
    out = func(*held_args, **held_kwargs)
    if not pretended:
        return out
    if not Placing.float64 and any(t.dtype == torch.float64 for t in pytree.tree_leaves(out) if is_tensor(t)):
        raise TypeError(f"{func}: this device has no float64, as Apple's MPS.")
    if func is PACK:
        return Pretend(out[0]), out[1]
    out = pytree.tree_map_only(torch.Tensor, Pretend, out)
    return return_and_correct_aliasing(func, args, kwargs, out)


def refuse_mixed(func, args, tensors):
    """Raise the error that CUDA would raise for a CPU tensor among the inputs."""
    if func in BOTH:
        return
    strangers = [tensor for tensor in tensors if not isinstance(tensor, Pretend)]
    if func in INDEXED and isinstance(args[0], Pretend):
        indices = [index for index in args[1] if index is not None]
        strangers = [s for s in strangers if not any(s is index for index in indices)]
    if func is not ATEN.stack.default:  # elsewhere a CPU tensor without dimensions is a number
        strangers = [tensor for tensor in strangers if tensor.ndim]
    if strangers:
        shapes = ", ".join(str(tuple(tensor.shape)) for tensor in strangers)
        raise RuntimeError(f"{func}: expected all tensors to be on one device; on the CPU: {shapes}.")


@contextlib.contextmanager
def pretending(float64=True):
    """Inside, training takes the pretended device for the best there is, and tensors can be put on it.

    Args:
        float64: whether the device has that dtype (CUDA) or not (MPS: training then takes the CPU for it).
    """

    def choose_device(device=None, dtype=torch.float32):
        best = DEVICE if float64 or dtype != torch.float64 else "cpu"
        return torch.device(device or best)

    with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings(), Placing():
        patch.setattr(Placing, "float64", float64)
        patch.setattr(devices, "choose_device", choose_device)
        fused = (*optimizer._get_fused_kernels_supported_devices(), DEVICE.type)
        patch.setattr(optimizer, "_get_fused_kernels_supported_devices", lambda: fused)
        patch.setattr(torch, "autocast", autocast)
        warnings.filterwarnings("ignore", message=".*to a meta parameter in the current model")
        torch.__future__.set_swap_module_params_on_conversion(True)  # parameters stay the same objects
        try:
            yield
        finally:
            torch.__future__.set_swap_module_params_on_conversion(False)


def autocast(device_type, *args, **settings):
    """torch.autocast, which does not know the pretended device."""
    if device_type == DEVICE.type:
        return contextlib.nullcontext()
    return torch.amp.autocast(device_type, *args, **settings)

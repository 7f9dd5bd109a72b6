"""PyTorch's recurrent modules as references."""

import torch
from torch import nn


def by_pytorch(module, parameters, *inputs):
    """What a module gives for these parameters: a tuple of tensors, computed in float64.

    Args:
        module: its own parameters are not read, so it may lie on the device "meta".
        parameters: dict of all its parameters by name.
        inputs: tensors, or tuples of tensors; the first one's type is the result's.
    """
    parameters = {name: tensor.double() for name, tensor in parameters.items()}
    arguments = [tuple(t.double() for t in i) if isinstance(i, tuple) else i.double() for i in inputs]
    outputs = torch.func.functional_call(module, parameters, tuple(arguments))
    outputs = (outputs,) if isinstance(outputs, torch.Tensor) else outputs
    return tuple(output.to(inputs[0].dtype) for output in outputs)


def by_lstm_cell(x_t, h, c, weight_ih, weight_hh, bias_ih, bias_hh):
    """One step of `nn.LSTMCell`, in float64: (h_t, c_t)."""
    module = nn.LSTMCell(x_t.shape[1], h.shape[1], device="meta")
    parameters = dict(weight_ih=weight_ih, weight_hh=weight_hh, bias_ih=bias_ih, bias_hh=bias_hh)
    return by_pytorch(module, parameters, x_t, (h, c))

"""PyTorch's recurrent modules as references."""

import torch


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

"""Random tensors, and what tests of several chapters do with them."""

import torch

from course.compare import check_agreement

CLOSE = {"rtol": 1e-9, "atol": 1e-11}  # of torch.testing.assert_close, for float64


def drawn(*shape, seed=0):
    """A standard normal tensor of this shape, float64."""
    rng = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=rng, dtype=torch.float64)


def flat(model):
    """All weights of a model in one vector, without their gradients."""
    return torch.cat([weight.detach().flatten() for weight in model.parameters()])


def check_modules(ours, theirs, **inputs):
    """Compare two modules, both with the weights of the first: outputs and all gradients, in float64."""
    weights = dict(ours.named_parameters())

    def of_weights(module):
        def call(**tensors):
            own = {name: tensors.pop(name) for name in weights}
            return torch.func.functional_call(module, own, tuple(tensors.values()))

        return call

    check_agreement(of_weights(ours), of_weights(theirs), **inputs, **weights)

"""Random tensors, and what tests of several chapters do with them."""

import torch

CLOSE = {"rtol": 1e-9, "atol": 1e-11}  # of torch.testing.assert_close, for float64


def drawn(*shape, seed=0):
    """A standard normal tensor of this shape, float64."""
    rng = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=rng, dtype=torch.float64)


def flat(model):
    """All weights of a model in one vector, without their gradients."""
    return torch.cat([weight.detach().flatten() for weight in model.parameters()])

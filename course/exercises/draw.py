"""Random tensors for an exercise's cases."""

import torch


def normal(rng, *shape, dtype=torch.float64, scale=1.0):
    """A normal tensor of standard deviation `scale`, seeded by a draw from a `random.Random`."""
    generator = torch.Generator().manual_seed(rng.getrandbits(63))
    return scale * torch.randn(shape, generator=generator, dtype=dtype)

"""The random numbers of a step: drawn once for the global batch, from one saved generator."""

import torch

from course.training import seeds


class Draws:
    """Random tensors for a run of `processes` processes, of which this is number `process`.

    Every process draws the same numbers for the global batch and takes its own rows of them: so several
    processes see together what one would see alone. The generator is the CPU's on every device.
    """

    def __init__(self, seed, device, dtype, process, processes):
        self.device, self.dtype, self.process, self.processes = device, dtype, process, processes
        self.draws = seeds.generator(seed, seeds.DRAWS)

    def normal(self, *shape, dtype=None):
        """Standard normal draws on the device, in the models' dtype.

        Args:
            shape: its first number is this process's batch length, `len(x)` for a batch x; without a shape,
                one number that is the same in every process.
        """
        return self._draw(torch.randn, shape, dtype or self.dtype)

    def uniform(self, *shape, dtype=None):
        """Draws from [0, 1), otherwise as `normal`."""
        return self._draw(torch.rand, shape, dtype or self.dtype)

    def integers(self, high, *shape):
        """Whole numbers from 0 to high - 1 (int64), otherwise as `normal`."""
        return self._draw(lambda size, **how: torch.randint(high, size, **how), shape, torch.int64)

    def _draw(self, make, shape, dtype):
        if not shape:
            return make((), generator=self.draws, dtype=dtype).to(self.device)
        rows, *rest = shape
        whole = make((rows * self.processes, *rest), generator=self.draws, dtype=dtype)
        return whole[rows * self.process : rows * (self.process + 1)].to(self.device)

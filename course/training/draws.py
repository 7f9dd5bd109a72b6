"""The random numbers of a run: independent streams out of one seed, and the draws of each step."""

import numpy as np
import torch

DRAWS, GLOBAL, ORDER = 0, 1, 2  # what a stream is for


def derive(seed, *key):
    """One 64-bit seed for (seed, *key). Streams of different keys are independent of each other.

    (Neighbouring seeds would not do: torch's CPU generator keeps only the low 32 bits of a seed, and the same
    seed used for two purposes gives the same numbers twice.)
    """
    return int(np.random.SeedSequence((seed, *key)).generate_state(1, np.uint64)[0] >> np.uint64(1))


def generator(seed, *key):
    """A CPU generator for the stream (seed, *key)."""
    return torch.Generator().manual_seed(derive(seed, *key))


class Draws:
    """Random tensors for a run of `processes` processes, of which this is number `process`.

    Every process draws the same numbers for the global batch and takes its own rows of them: so several
    processes see together what one would see alone. The generator is the CPU's on every device.
    """

    def __init__(self, seed, device, dtype, process, processes):
        self.device, self.dtype, self.process, self.processes = device, dtype, process, processes
        self.draws = generator(seed, DRAWS)

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

    def random_state(self):
        """Where all generators of a run stand: its own, and torch's, which dropout draws from."""
        state = {"run": self.draws.get_state(), "cpu": torch.get_rng_state()}
        if (kind := self.device.type) in ("cuda", "mps"):
            state[kind] = torch.get_device_module(self.device).get_rng_state(self.device)
        return state

    def set_random_state(self, state):
        """Put back what `random_state` returned; the part of another kind of device is left out."""
        self.draws.set_state(state["run"])
        torch.set_rng_state(state["cpu"])
        if (kind := self.device.type) in ("cuda", "mps") and kind in state:
            torch.get_device_module(self.device).set_rng_state(state[kind], self.device)

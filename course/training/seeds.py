"""Independent random streams derived from one seed, and the state of torch's own generators."""

from contextlib import contextmanager

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


def global_state(device):
    """The state of torch's global generators, the CPU's and the device's: what dropout draws from."""
    state = {"cpu": torch.get_rng_state()}
    if device.type == "cuda":
        state["cuda"] = torch.cuda.get_rng_state(device)
    elif device.type == "mps":
        state["mps"] = torch.mps.get_rng_state()
    return state


def set_global_state(state, device):
    """Put back what `global_state` returned; the part of another kind of device is left out."""
    torch.set_rng_state(state["cpu"])
    if device.type == "cuda" and "cuda" in state:
        torch.cuda.set_rng_state(state["cuda"], device)
    elif device.type == "mps" and "mps" in state:
        torch.mps.set_rng_state(state["mps"])


@contextmanager
def own_stream(device, seed, *key):
    """torch's global generators follow the stream (seed, *key) inside; they are put back after it."""
    callers = global_state(device)
    torch.manual_seed(derive(seed, *key))
    try:
        yield
    finally:
        set_global_state(callers, device)

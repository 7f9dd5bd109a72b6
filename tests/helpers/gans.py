"""What the tests of chapter 5 share: the centres of its mixtures, and a run's draws."""

import math

import pytest
import torch

from course.training.draws import Draws

CENTRES = {
    "ring": [[2 * math.cos(k * math.pi / 4), 2 * math.sin(k * math.pi / 4)] for k in range(8)],
    "grid": [[x, y] for x in (-4.0, -2, 0, 2, 4) for y in (-4.0, -2, 0, 2, 4)],
}
STD = {"ring": 0.02, "grid": 0.05}
targets = pytest.mark.parametrize("target", list(CENTRES))


def draws(dtype=torch.float32, seed=0):
    """The draws of a Run of this seed, alone on the CPU."""
    return Draws(seed, torch.device("cpu"), dtype, 0, 1)

"""Chapter 2's recurrent layers against PyTorch's, forward and backward, T = 100, batch 64, hidden 128."""

import torch
from torch import nn

from course import chapters
from tests.benchmarks.measure import Pair, compare, work

TITLE = "Chapter 2, recurrence"
BATCH, STEPS, WIDTH = 64, 100, 128
LIMITS = {"LSTM": (2, 1.4)}  # bar and aim


def pairs(chapter):
    """RNN, LSTM and GRU with the weights of their twins in torch.nn."""
    x = torch.randn(BATCH, STEPS, WIDTH, requires_grad=True)
    for name in ("RNN", "LSTM", "GRU"):
        ours, theirs = getattr(chapter, name)(WIDTH, WIDTH), getattr(nn, name)(WIDTH, WIDTH, batch_first=True)
        ours.load_state_dict(theirs.state_dict())
        limits = LIMITS.get(name, (None, None))
        yield Pair(f"{name} / nn.{name}", work(ours, x), work(theirs, x), *limits, tolerance=1e-3)


def rows(quick):
    """Yield the rows of the bench driver."""
    torch.manual_seed(0)
    yield from compare(pairs(chapters.load_definitions("02_rnn")), quick)

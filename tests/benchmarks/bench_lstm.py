"""The from-scratch LSTM of chapter 2 against nn.LSTM, forward and backward, T = 100, batch 64, hidden 128."""

import statistics
import time

import torch
from torch import nn

from course import chapters

ROUNDS = 15


def seconds(module, x, upstream):
    """Wall-clock time of one forward and backward pass."""
    start = time.perf_counter()
    module(x)[0].backward(upstream)
    return time.perf_counter() - start


def rows():
    """(name, value, bar) for the bench driver: medians of ratios taken within one round."""
    chapter = chapters.load_definitions("02_rnn")
    torch.manual_seed(0)
    theirs, ours = nn.LSTM(128, 128, batch_first=True), chapter.LSTM(128, 128)
    x, upstream = torch.randn(64, 100, 128, requires_grad=True), torch.randn(64, 100, 128)
    all_threads, found = torch.get_num_threads(), []
    try:
        for threads in sorted({1, all_threads}):
            torch.set_num_threads(threads)
            for module in (theirs, ours):
                seconds(module, x, upstream)
            ratios = [seconds(ours, x, upstream) / seconds(theirs, x, upstream) for _ in range(ROUNDS)]
            name = f"LSTM from scratch / nn.LSTM, {threads} thread{'s' * (threads > 1)}"
            found.append((name, statistics.median(ratios), "bar 2, aim 1.4"))
    finally:
        torch.set_num_threads(all_threads)
    return found

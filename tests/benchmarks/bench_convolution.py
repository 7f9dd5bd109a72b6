"""The from-scratch convolutions of chapter 1 against PyTorch's, forward and backward, at the net's sizes."""

import statistics
import time

import torch
import torch.nn.functional as F

from course import chapters

ROUNDS = 25


def make_work():
    """What the net's two convolutions do at batch 64: a list of (x, weight, bias, upstream gradient)."""
    torch.manual_seed(0)
    work = []
    for c_in, side, c_out in ((1, 28, 16), (16, 12, 32)):
        x = torch.randn(64, c_in, side, side, requires_grad=c_in > 1)  # images need no gradient
        weight = torch.randn(c_out, c_in, 5, 5, requires_grad=True)
        bias = torch.randn(c_out, requires_grad=True)
        work.append((x, weight, bias, torch.randn(64, c_out, side - 4, side - 4)))
    return work


def seconds(convolution, work):
    """CPU time of one forward and backward pass over both layers."""
    start = time.process_time()
    for x, weight, bias, upstream in work:
        convolution(x, weight, bias).backward(upstream)
    return time.process_time() - start


def rows():
    """(name, value, bar) for the bench driver: medians of ratios taken within one round."""
    chapter = chapters.load_definitions("01_cnn")
    ours = {"by autograd": chapter.conv2d, "by hand": chapter.conv2d_by_hand}
    work, threads = make_work(), torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        ratios = {name: [] for name in ours}
        for _ in range(ROUNDS):
            theirs = seconds(F.conv2d, work)
            for name, convolution in ours.items():
                ratios[name].append(seconds(convolution, work) / theirs)
    finally:
        torch.set_num_threads(threads)
    return [
        (f"conv2d {name} / F.conv2d, both layers, batch 64", statistics.median(found), "bar 5, aim 3")
        for name, found in ratios.items()
    ]

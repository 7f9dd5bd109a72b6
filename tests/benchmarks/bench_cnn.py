"""Chapter 1's layers against PyTorch's, forward and backward, at the net's sizes and batch 64."""

import torch
import torch.nn.functional as F
from torch import nn

from course import chapters
from tests.benchmarks.measure import Pair, compare, work

TITLE = "Chapter 1, convolution"
BATCH = 64


def make_layers():
    """What the net's two convolutions read: a list of (x, weight, bias)."""
    layers = []
    for c_in, side, c_out in ((1, 28, 16), (16, 12, 32)):
        x = torch.randn(BATCH, c_in, side, side, requires_grad=c_in > 1)  # images need no gradient
        weight = torch.randn(c_out, c_in, 5, 5, requires_grad=True)
        layers.append((x, weight, torch.randn(c_out, requires_grad=True)))
    return layers


def both_layers(convolution, layers):
    """A forward and a backward pass over both layers."""
    runs = [work(convolution, *layer) for layer in layers]
    return lambda: [part for run in runs for part in run()]


def pairs(chapter):
    """The chapter's functions and modules beside PyTorch's."""
    layers = make_layers()
    theirs = both_layers(F.conv2d, layers)
    for how, ours in (("by hand", chapter.conv2d_by_hand), ("by autograd", chapter.conv2d)):
        yield Pair(f"conv2d {how} / F.conv2d, both layers", both_layers(ours, layers), theirs, 5, 3, 1e-3)
    x = torch.randn(BATCH, 16, 24, 24, requires_grad=True)
    for name in ("max_pool2d", "avg_pool2d"):
        ours, theirs = getattr(chapter, name), getattr(F, name)
        yield Pair(f"{name} / F.{name}, 2 x 2", work(ours, x, 2), work(theirs, x, 2))
    x, linear = torch.randn(BATCH, 512, requires_grad=True), chapter.Linear(512, 64)
    twin = nn.Linear(512, 64)
    twin.load_state_dict(linear.state_dict())
    yield Pair("Linear / nn.Linear, 512 to 64", work(linear, x), work(twin, x))
    net, images = chapter.CNN(), torch.rand(BATCH, 1, 28, 28)
    twin = chapter.CNN(nn.Conv2d, nn.MaxPool2d, nn.Linear)
    twin.load_state_dict(net.state_dict())
    yield Pair("the whole CNN / of torch.nn's layers", work(net, images), work(twin, images), tolerance=1e-3)


def rows(quick):
    """Yield the rows of the bench driver."""
    torch.manual_seed(0)
    yield from compare(pairs(chapters.load_definitions("01_cnn")), quick)

"""Chapter 0's scalar reverse mode, its Adam and its training loop against PyTorch's and `training.fit`."""

import statistics
import time

import torch

from course import chapters, training

ROUNDS, EXPRESSIONS, STEPS, N = 9, 10, 100, 2048
FIT = {"epochs": 5, "batch_size": 64, "seed": 0}


def of_values(chapter):
    for seed in range(EXPRESSIONS):
        values = [chapter.Value(number) for number in (0.5, -1.2, 1.7, 0.3)]
        chapter.random_expression(values, seed, 40).backward()
    return [value.grad for value in values]


def of_tensors(chapter):
    for seed in range(EXPRESSIONS):
        numbers = torch.tensor([0.5, -1.2, 1.7, 0.3], dtype=torch.float64).unbind()
        leaves = [number.clone().requires_grad_() for number in numbers]
        last = chapter.random_expression(leaves, seed, 40)
        found = torch.autograd.grad(last, leaves, materialize_grads=True, allow_unused=True)
    return [slope.item() for slope in found]


def start(chapter):
    """The house net's weights and as many gradients."""
    torch.manual_seed(0)
    weights = [weight.detach() for weight in chapter.house_net().parameters()]
    return weights, [torch.randn_like(weight) for weight in weights]


def adam_by_hand(chapter):
    weights, gradients = start(chapter)
    states = [{} for _ in weights]
    for _ in range(STEPS):
        moves = zip(weights, gradients, states, strict=True)
        weights = [chapter.adam_step(w, g, state, lr=1e-3) for w, g, state in moves]
    return weights


def adam_of_torch(chapter):
    weights, gradients = start(chapter)
    for weight, gradient in zip(weights, gradients, strict=True):
        weight.grad = gradient
    optimizer = torch.optim.Adam(weights, lr=1e-3)
    for _ in range(STEPS):
        optimizer.step()
    return weights


def houses(chapter):
    """A new house net, its optimiser and data of the houses' shape."""
    torch.manual_seed(0)
    x, y, net = torch.randn(N, 40), torch.randn(N), chapter.house_net()
    return net, x, y, torch.optim.AdamW(net.parameters(), lr=3e-3)


def by_fit(chapter):
    net, x, y, optimizer = houses(chapter)
    how = {"device": "cpu", "progress": False, **FIT}
    training.fit(net, chapter.house_loss, (x, y), optimizer=optimizer, **how)
    return [weight.detach() for weight in net.parameters()]


def by_hand(chapter):
    net, x, y, optimizer = houses(chapter)
    chapter.train_by_hand(net, x, y, optimizer, **FIT)
    return [weight.detach() for weight in net.parameters()]


PAIRS = (  # what, its two sides, the bar, the tolerance within which both get the same
    ("reverse mode on Values / in PyTorch", of_values, of_tensors, "bar 1", 1e-9),
    ("Adam's step by hand / torch.optim.Adam", adam_by_hand, adam_of_torch, "bar 2.5", 1e-4),
    ("house net: fit / by hand", by_fit, by_hand, "bar 1.3", 0.0),
)


def seconds(side, chapter):
    """CPU time of one run."""
    begin = time.process_time()
    side(chapter)
    return time.process_time() - begin


def rows():
    """(name, value, bar) for the bench driver: medians of ratios taken within one round, on one thread."""
    chapter, threads, found = chapters.load_definitions("00_foundations"), torch.get_num_threads(), []
    torch.set_num_threads(1)
    try:
        for name, ours, theirs, bar, tolerance in PAIRS:
            for a, b in zip(ours(chapter), theirs(chapter), strict=True):  # also warms up
                torch.testing.assert_close(a, b, rtol=tolerance, atol=tolerance)
            ratios = [seconds(ours, chapter) / seconds(theirs, chapter) for _ in range(ROUNDS)]
            found.append((name, statistics.median(ratios), bar))
    finally:
        torch.set_num_threads(threads)
    return found

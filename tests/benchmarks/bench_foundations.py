"""Chapter 0's reverse mode, losses, optimisers and training loop against PyTorch's and `training.fit`."""

from functools import partial

import torch
import torch.nn.functional as F

from course import chapters, training
from tests.benchmarks.measure import Pair, compare, work

TITLE = "Chapter 0, foundations"
EXPRESSIONS, STEPS, N = 10, 100, 2048
FIT = {"epochs": 5, "batch_size": 64, "seed": 0}
LIMITS = {"Adam": 2.5}


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


def stepped_by_hand(chapter, step):
    weights, gradients = start(chapter)
    states = [{} for _ in weights]
    for _ in range(STEPS):
        moves = zip(weights, gradients, states, strict=True)
        weights = [step(w, g, state) for w, g, state in moves]
    return weights


def stepped_by_torch(chapter, make):
    weights, gradients = start(chapter)
    for weight, gradient in zip(weights, gradients, strict=True):
        weight.grad = gradient
    optimizer = make(weights)
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
    how = {"device": "cpu", "show": False, **FIT}
    training.fit(net, chapter.house_loss, (x, y), optimizer=optimizer, **how)
    return [weight.detach() for weight in net.parameters()]


def by_hand(chapter):
    net, x, y, optimizer = houses(chapter)
    chapter.train_by_hand(net, x, y, optimizer, **FIT)
    return [weight.detach() for weight in net.parameters()]


def loss_pairs(chapter):
    """The losses beside PyTorch's, on 2,048 examples."""
    predicted, y = torch.randn(N, requires_grad=True), torch.randn(N)
    logits, labels = torch.randn(N, 10, requires_grad=True), torch.randint(10, (N,))
    named = {"mse": F.mse_loss, "mae": F.l1_loss, "huber": F.huber_loss, "cross_entropy": F.cross_entropy}
    for name, theirs in named.items():
        inputs = (logits, labels) if name == "cross_entropy" else (predicted, y)
        sides = work(getattr(chapter, name), *inputs), work(theirs, *inputs)
        yield Pair(f"{name} / F.{theirs.__name__}", *sides)


def pairs(chapter):
    """Reverse mode, losses, the optimisers with the chapter's own settings, and the training loop."""
    sides = partial(of_values, chapter), partial(of_tensors, chapter)
    yield Pair("reverse mode on Values / in PyTorch", *sides, bar=1, tolerance=1e-9)
    yield from loss_pairs(chapter)
    for name, (step, make) in chapter.PAIRS.items():
        sides = partial(stepped_by_hand, chapter, step), partial(stepped_by_torch, chapter, make)
        yield Pair(f"{name}'s step by hand / in torch.optim", *sides, bar=LIMITS.get(name))
    sides = partial(by_fit, chapter), partial(by_hand, chapter)
    yield Pair("house net: fit / by hand", *sides, bar=1.3, tolerance=0.0)


def rows(quick):
    """Yield the rows of the bench driver, on one thread: the chapter's tensors are small."""
    torch.manual_seed(0)
    yield from compare(pairs(chapters.load_definitions("00_foundations")), quick, threads=[1])

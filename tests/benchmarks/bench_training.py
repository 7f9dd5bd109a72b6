"""What `training.fit` costs over the same loop by hand, and over an Accelerate loop with a DataLoader.

Each round runs the loops one after the other, in a new order, on new copies of one model. A value is the
median over the rounds of the ratio of two CPU times (one thread) of the same round: the machine's other
work, which changes wall-clock times by factors, hardly moves it.
"""

import io
import statistics
import time
from contextlib import redirect_stderr, redirect_stdout

import torch
import torch.nn.functional as F
from accelerate import Accelerator
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from course import training
from tests.benchmarks.measure import Row, torch_threads

TITLE = "training.fit against other loops"
ROUNDS, EPOCHS, N = 15, 2, 2048


class Terminal(io.StringIO):
    """A place for the bar to draw on: without one there would be no bar, and nothing to time."""

    def isatty(self):
        return True


def lenet():
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(1, 8, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(8, 16, 5), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(400, 64), nn.ReLU(), nn.Linear(64, 10),
    )  # fmt: skip


def mlp():
    torch.manual_seed(0)
    return nn.Sequential(nn.Flatten(), nn.Linear(784, 32), nn.ReLU(), nn.Linear(32, 10))


def loss_fn(model, batch, run):
    x, y = batch
    return F.cross_entropy(model(x), y)


def by_fit(model, optimizer, x, y):
    training.fit(model, loss_fn, (x, y), optimizer=optimizer, epochs=EPOCHS, device="cpu")


def by_hand(model, optimizer, x, y):
    losses = []
    for epoch in range(EPOCHS):
        order = training.order(len(x), seed=0, epoch=epoch)
        for start in range(0, len(x) - 63, 64):
            rows = order[start : start + 64]
            loss = F.cross_entropy(model(x[rows]), y[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())


def by_loader(model, optimizer, x, y):
    accelerator = Accelerator(cpu=True)
    loader = DataLoader(TensorDataset(x, y), batch_size=64, shuffle=True, drop_last=True)
    model, optimizer, loader = accelerator.prepare(model, optimizer, loader)
    losses = []
    for _ in range(EPOCHS):
        for images, labels in loader:
            loss = F.cross_entropy(model(images), labels)
            optimizer.zero_grad()
            accelerator.backward(loss)
            optimizer.step()
            losses.append(loss.item())


def seconds(loop, make, x, y):
    """CPU time of one training by `loop`, on a new model."""
    model = make()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    with redirect_stderr(Terminal()), redirect_stdout(io.StringIO()):
        start = time.process_time()
        loop(model, optimizer, x, y)
        return time.process_time() - start


def ratios(make, count):
    """The median ratios of fit's time to that by hand and with a DataLoader, and fit's seconds a step."""
    torch.manual_seed(0)
    x, y = torch.rand(N, 1, 28, 28), torch.randint(10, (N,))
    loops = [by_fit, by_hand, by_loader]
    rounds = []
    for _ in range(count + 1):
        rounds.append({loop: seconds(loop, make, x, y) for loop in loops})
        loops = loops[1:] + loops[:1]
    rounds = rounds[1:]  # the first one warms up
    to_hand = statistics.median(r[by_fit] / r[by_hand] for r in rounds)
    to_loader = statistics.median(r[by_fit] / r[by_loader] for r in rounds)
    step = statistics.median(r[by_fit] for r in rounds) / (EPOCHS * (N // 64))
    return to_hand, to_loader, step


def rows(quick):
    """Yield the rows of the bench driver. The small MLP shows the fixed cost of a step: it has no bar."""
    for name, make in (("LeNet-like", lenet), ("small MLP", mlp)):
        with torch_threads(1):
            to_hand, to_loader, step = ratios(make, 2 if quick else ROUNDS)
        yield Row(f"fit / by hand, {name}", to_hand, "x", 1.05 if make is lenet else None)
        yield Row(f"fit / Accelerate with a DataLoader, {name}", to_loader, "x", aim=1)
        yield Row(f"fit's step, {name}", step * 1e6, "us")

"""What `training.fit` costs over the same loop by hand, with the loss drawn as in a notebook."""

import contextlib
import io
import json
from types import SimpleNamespace
from unittest import mock

import torch
import torch.nn.functional as F
from torch import nn

from course import training
from tools.bench.measure import compare

EPOCHS, BATCH, EXAMPLES = 10, 64, 6400  # some seconds, so that there are frames: a chapter trains longer
BAR = 1.05


def shown(curve, display_id=None):
    """What a notebook's `display` does with a picture but for sending it; the handle that replaces it."""
    json.dumps(curve._repr_mimebundle_())
    return SimpleNamespace(update=shown)


@contextlib.contextmanager
def notebook():
    """`training` draws as in a notebook's kernel, and nothing is printed."""
    kernel = SimpleNamespace(kernel=True)
    with (
        mock.patch("IPython.get_ipython", lambda: kernel),
        mock.patch("IPython.display.display", shown),
        contextlib.redirect_stdout(io.StringIO()),
    ):
        yield


def lenet():
    return nn.Sequential(
        nn.Conv2d(1, 8, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(8, 16, 5), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(400, 64), nn.ReLU(), nn.Linear(64, 10),
    )  # fmt: skip


def loss_fn(model, batch, run):
    x, y = batch
    return F.cross_entropy(model(x), y)


def by_fit(model, optimizer, x, y):
    with notebook():
        training.fit(
            model, loss_fn, (x, y), optimizer=optimizer, epochs=EPOCHS, batch_size=BATCH, device="cpu"
        )


def by_hand(model, optimizer, x, y):
    losses = []
    for epoch in range(EPOCHS):
        order = training.order(len(x), seed=0, epoch=epoch)
        for start in range(0, len(x) - BATCH + 1, BATCH):
            rows = order[start : start + BATCH]
            loss = F.cross_entropy(model(x[rows]), y[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())


def trained(loop, x, y):
    """A function that trains a new model by a loop and returns its weights."""

    def run():
        torch.manual_seed(0)
        model = lenet()
        loop(model, torch.optim.AdamW(model.parameters(), lr=1e-3), x, y)
        return [weight.detach() for weight in model.parameters()]

    return run


def rows(quick):
    """Yield one row; the quick form trains on fewer examples."""
    n = 4 * BATCH if quick else EXAMPLES
    torch.manual_seed(0)
    x, y = torch.rand(n, 1, 28, 28), torch.randint(10, (n,))
    yield compare("LeNet: fit / the loop by hand", trained(by_fit, x, y), trained(by_hand, x, y), quick, BAR)

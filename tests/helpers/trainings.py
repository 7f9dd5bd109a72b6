"""Small trainings with much state: to be killed and resumed, and to be shared by two processes."""

import os

import torch
import torch.nn.functional as F
from torch import nn

from course import training


def data(dtype=torch.float32):
    """96 examples of 6 numbers, and which of 3 of them is the largest."""
    x = torch.randn(96, 6, generator=torch.Generator().manual_seed(1)).to(dtype)
    return x, x[:, :3].argmax(1)


def restless_fit(checkpoint, resume=False, on_step=None, **changes):
    """A run with every kind of state at once; `on_step()` is called within each step.

    Returns:
        (model, History).
    """
    torch.manual_seed(0)
    layers = nn.Linear(6, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Dropout(0.3), nn.Linear(16, 3)
    model = nn.Sequential(*layers)

    def loss_fn(model, batch, run):
        x, y = batch
        shift = run.normal(*x.shape) * 0.1 + run.uniform(len(x), 1) * (1 + run.integers(3, len(x), 1))
        run.carry = shift.mean() if run.carry is None else 0.9 * run.carry + 0.1 * shift.mean()
        if on_step:  # after the draws and the carried state: a step that is taken back takes them back too
            on_step()
        loss = F.cross_entropy(model(x + 0.1 * shift), y) + 0 * run.carry
        run.log(carry=run.carry, size=len(x))
        return loss

    how = {"epochs": 9, "batch_size": 8, "seed": 3, "schedule": "one-cycle", "clip": 0.5, "average": 0.9,
           "evaluate": lambda model: {"noise": torch.rand(()).item()}, "checkpoint_every": 5,
           "device": "cpu", "show": False, "checkpoint": checkpoint, "resume": resume}  # fmt: skip
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.01)
    return model, training.fit(model, loss_fn, data(), optimizer=optimizer, **{**how, **changes})


def shared_fit(**changes):
    """A float64 run without batch norm and dropout: as many processes as there are see what one sees."""

    def loss_fn(model, batch, run):
        x, y = batch
        run.log(noise=run.normal(len(x), 2).mean())
        run.carry = x.sum(1) if run.carry is None else run.carry + x.sum(1)
        noise = 0.1 * run.normal(*x.shape)
        return F.cross_entropy(model(x + noise + 0.01 * run.carry[:, None]), y)

    # Every process has other first weights: training begins with those of the first.
    torch.manual_seed(int(os.environ.get("RANK", "0")))
    model = nn.Sequential(nn.Linear(6, 16), nn.Tanh(), nn.Linear(16, 3)).double()
    x, y = data(torch.float64)
    history = training.fit(
        model, loss_fn, (x, y), optimizer=torch.optim.AdamW(model.parameters(), lr=0.02), device="cpu",
        **{"epochs": 3, "batch_size": 16, "schedule": "cosine", "clip": 0.5, "average": 0.8, **changes},
        evaluate=lambda m: {"accuracy": (training.predict(m, x).argmax(1) == y).double().mean()},
    )  # fmt: skip
    return summary(history, model)


def adversaries(dtype=torch.float32):
    """A generator, which maps 2 numbers to 5, a critic, and an optimiser for each."""
    torch.manual_seed(0)
    g, d = nn.Linear(2, 5, dtype=dtype), nn.Sequential(nn.Linear(5, 8), nn.Tanh(), nn.Linear(8, 1)).to(dtype)
    return g, d, *(torch.optim.Adam(model.parameters(), lr=0.01) for model in (g, d))


def critic_loss(d, real, fake, mix):
    """With a penalty on the gradient, so that backward goes through a gradient."""
    mixed = (real + (fake.detach() - real) * mix).requires_grad_()
    slope = torch.autograd.grad(d(mixed).sum(), mixed, create_graph=True)[0]
    return F.softplus(d(fake.detach())).mean() + F.softplus(-d(real)).mean() + slope.square().mean()


def shared_gan():
    """Two models and two optimisers, on made data."""
    g, d, opt_g, opt_d = adversaries(torch.float64)
    run = training.Run([g, d], [opt_d, opt_g], average=[0.9, None], device="cpu")
    made = run.batches(lambda run, n: run.normal(n, 5) + 2, epochs=2, steps_per_epoch=6, batch_size=8)
    for (real,) in made:
        fake = g(run.normal(len(real), 2))
        run.update(opt_d, critic_loss(d, real, fake, run.uniform(len(real), 1)))
        run.log(g_loss=run.update(opt_g, F.softplus(-d(fake)).mean()))
    return summary(run.history, g, d)


def summary(history, *models):
    """What can be compared between runs, as JSON."""
    weights = [tensor.tolist() for model in models for tensor in model.state_dict().values()]
    return {"losses": history.losses, "norms": history.grad_norms, "logged": history.logged,
            "epochs": history.epochs, "weights": weights}  # fmt: skip

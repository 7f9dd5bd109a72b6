"""Trainings that the tests run in other processes: killed and resumed, and shared by two under torchrun."""

import json
import sys
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import nn

from course import training


def data(dtype=torch.float32):
    """96 examples of 6 numbers, and which of 3 of them is the largest."""
    x = torch.randn(96, 6, generator=torch.Generator().manual_seed(1)).to(dtype)
    return x, x[:, :3].argmax(1)


def restless_model():
    """A net with everything that has state beside its weights: batch norm and dropout."""
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(6, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Dropout(0.3), nn.Linear(16, 3))


def restless_fit(checkpoint, resume=False, on_step=None, **changes):
    """A run with every kind of state at once; `on_step()` is called within each step."""

    def loss_fn(model, batch, run):
        x, y = batch
        shift = run.normal(*x.shape) * 0.1 + run.uniform(len(x), 1) * (1 + run.integers(3, len(x), 1))
        if on_step:  # after the draws, so that a step taken back must take them back too
            on_step()
        run.carry = shift.mean() if run.carry is None else 0.9 * run.carry + 0.1 * shift.mean()
        loss = F.cross_entropy(model(x + 0.1 * shift), y) + 0 * run.carry
        run.log(carry=run.carry, size=len(x))
        return loss

    model = restless_model()
    arguments = {
        "optimizer": torch.optim.AdamW(model.parameters(), lr=0.01),
        "epochs": 17,
        "batch_size": 8,
        "seed": 3,
        "schedule": "one-cycle",
        "clip": 0.5,
        "average": 0.9,
        "evaluate": lambda model: {"noise": torch.rand(()).item()},
        "checkpoint": checkpoint,
        "checkpoint_every": 5,
        "resume": resume,
        "device": "cpu",
        "progress": False,
    }
    return model, training.fit(model, loss_fn, data(), **{**arguments, **changes})


def killable(checkpoint, reports):
    """`restless_fit`, going on from where it was killed; sends a message within each step."""
    torch.set_num_threads(1)
    restless_fit(checkpoint, resume=True, on_step=lambda: reports.send(None))


def plain_model():
    torch.manual_seed(int(torch.distributed.is_initialized() and torch.distributed.get_rank()))
    return nn.Sequential(nn.Linear(6, 16), nn.Tanh(), nn.Linear(16, 3)).double()


def shared_fit(**changes):
    """A float64 run without batch norm and dropout: as many processes as there are see what one sees."""

    def loss_fn(model, batch, run):
        x, y = batch
        run.log(noise=run.normal(len(x), 2).mean())
        run.carry = x.sum(1) if run.carry is None else run.carry + x.sum(1)
        noise = 0.1 * run.normal(*x.shape)
        return F.cross_entropy(model(x + noise + 0.01 * run.carry[:, None]), y)

    model = plain_model()
    x, y = data(torch.float64)
    history = training.fit(
        model, loss_fn, (x, y), optimizer=torch.optim.AdamW(model.parameters(), lr=0.02), batch_size=16,
        device="cpu", **{"epochs": 3, "schedule": "cosine", "clip": 0.5, "average": 0.8, **changes},
        evaluate=lambda m: {"accuracy": (training.predict(m, x).argmax(1) == y).double().mean()},
    )  # fmt: skip
    return summary(history, model)


def shared_gan():
    """Two models, two optimisers and a gradient of a gradient, on made data."""
    torch.manual_seed(0)
    g, d = nn.Linear(2, 3).double(), nn.Sequential(nn.Linear(3, 8), nn.Tanh(), nn.Linear(8, 1)).double()
    opt_g, opt_d = (torch.optim.Adam(model.parameters(), lr=0.01) for model in (g, d))
    run = training.Run([g, d], [opt_d, opt_g], average=[0.9, None], device="cpu")
    made = run.batches(lambda run, n: run.normal(n, 3) + 2, epochs=2, steps_per_epoch=6, batch_size=8)
    for (real,) in made:
        fake = g(run.normal(len(real), 2))
        mixed = (real + (fake.detach() - real) * run.uniform(len(real), 1)).requires_grad_()
        slope = torch.autograd.grad(d(mixed).sum(), mixed, create_graph=True)[0]
        penalty = slope.norm(dim=1).sub(1).square().mean()
        run.update(opt_d, F.softplus(d(fake.detach())).mean() + F.softplus(-d(real)).mean() + penalty)
        run.log(g_loss=run.update(opt_g, F.softplus(-d(fake)).mean()))
    return summary(run.history, g, d)


def summary(history, *models):
    """What can be compared between runs, as JSON."""
    weights = [tensor.tolist() for model in models for tensor in model.state_dict().values()]
    return {"losses": history.losses, "norms": history.grad_norms, "logged": history.logged,
            "epochs": history.epochs, "weights": weights}  # fmt: skip


def every_shared_job(folder):
    """All that is compared between one process and two; name -> result."""
    results = {
        "fit": shared_fit(),
        "again": shared_fit(schedule="one-cycle", average=None),
        "gan": shared_gan(),
    }
    path = Path(folder) / "shared.ckpt"
    shared_fit(checkpoint=path, checkpoint_every=4, max_steps=8)
    results["resumed"] = shared_fit(checkpoint=path, checkpoint_every=4, resume=True)
    return results


def refused_batch_size():
    """The message for a batch that two processes cannot share."""
    model = plain_model()
    run = training.Run(model, torch.optim.SGD(model.parameters(), lr=0.1), device="cpu", progress=False)
    try:
        next(run.batches(data(torch.float64), epochs=1, batch_size=15))
    except ValueError as error:
        return str(error)


if __name__ == "__main__":
    torch.set_num_threads(1)
    found = every_shared_job(sys.argv[1]) | {"odd": refused_batch_size()}
    (Path(sys.argv[1]) / f"rank{torch.distributed.get_rank()}.json").write_text(json.dumps(found))

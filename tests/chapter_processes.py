"""The first steps of each chapter's main training, by the chapter's own functions.

The models are in float64 and without dropout: so several processes must come to what one comes to. A program
too, for torchrun: `chapter_processes.py FOLDER` writes what each process found.
"""

import json
import sys
from contextlib import contextmanager
from pathlib import Path

import torch

from course import data
from course.chapters import load_definitions
from tests.training_jobs import summary

STEPS = 6


def houses():
    """Chapter 0: the net of house prices; dropout is its argument."""
    chapter = load_definitions("00_foundations")
    table = data.houses()
    x, y = chapter.house_features(table), table.price.log()
    rows = chapter.split(len(y), seed=0)
    z, target = (chapter.scaled(part, rows[0]).to(torch.get_default_dtype()) for part in (x, y))
    return chapter.train_houses(z, target, *rows[:2], seed=0, dropout=0.0, max_steps=STEPS)


def digits():
    """Chapter 1: the network with both passes by hand, on digits moved at random; an averaged model."""
    chapter, seen = load_definitions("01_cnn"), data.mnist()
    x = seen.x_train[:640].to(torch.get_default_dtype())
    return chapter.train(chapter.CNN, x, seen.y_train[:640], chapter.augmented_loss, seed=0, max_steps=STEPS)


def novel():
    """Chapter 2: the character model, whose state goes from batch to batch, each process with its streams."""
    return load_definitions("02_rnn").train_language(d_h=48, max_steps=STEPS, progress=False)


def dates():
    """Chapter 3: the Transformer, whose batches a function of the chapter makes for each process."""
    return load_definitions("03_attention").train_dates(max_steps=STEPS, progress=False)


def images():
    """Chapter 4: the VAE, which draws distortions, pixels and codes in every step."""
    chapter = load_definitions("04_vae")
    x = data.mnist().x_train[:600].flatten(1).to(torch.get_default_dtype())
    return chapter.train_vae(x, hidden=64, max_steps=STEPS, progress=False)


JOBS = {"00": houses, "01": digits, "02": novel, "03": dates, "04": images}


@contextmanager
def default_dtype(dtype):
    """New tensors and models have this dtype inside the block."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        yield
    finally:
        torch.set_default_dtype(before)


def every_chapter():
    """Number -> the losses, norms, logs and final weights of a chapter's training in float64."""
    with default_dtype(torch.float64):
        trained = {number: job() for number, job in JOBS.items()}
    for model, _ in trained.values():
        assert next(model.parameters()).dtype == torch.float64
    return {number: summary(history, model) for number, (model, history) in trained.items()}


if __name__ == "__main__":
    torch.set_num_threads(1)
    found = every_chapter()
    (Path(sys.argv[1]) / f"rank{torch.distributed.get_rank()}.json").write_text(json.dumps(found))

"""How the time of `training.fit` grows with the data: N to 8N examples, and the exponent that fits."""

import statistics
import time

import torch

from course import chapters, training
from tests.benchmarks.measure import Row, exponent, torch_threads

TITLE = "Training time by the number of examples"
FIRST, FACTORS, ROUNDS = 1024, (1, 2, 4, 8), 3


def house(chapter, n):
    """Chapter 0's net on n rows of 40 features."""
    return chapter.house_net(), chapter.house_loss, (torch.randn(n, 40), torch.randn(n))


def digits(chapter, n):
    """Chapter 1's net, of its own layers, on n images."""
    return chapter.CNN(), chapter.plain_loss, (torch.rand(n, 1, 28, 28), torch.randint(10, (n,)))


def pieces(chapter, n):
    """Chapter 2's character model, made smaller, on n pieces of 32 characters."""
    return chapter.CharModel(d_h=64), chapter.language_loss, (torch.randint(75, (n, 33)),)


MODELS = (
    ("00_foundations", "house net", house),
    ("01_cnn", "CNN", digits),
    ("02_rnn", "character model", pieces),
)


def fit_seconds(model, loss_fn, batch):
    """CPU time of one epoch in batches of 64, the start of `fit` included."""
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    start = time.process_time()
    training.fit(
        model, loss_fn, batch, optimizer=optimizer, epochs=1, batch_size=64, device="cpu", show=False
    )
    return time.process_time() - start


def rows(quick):
    """Yield the rows of the bench driver, on one thread: CPU time then hardly feels the machine's other work.

    Of the exponent 1 is expected, less where the start of `fit` counts.
    """
    sizes = [(FIRST // 4 if quick else FIRST) * factor for factor in FACTORS]
    for name, what, make in MODELS:
        chapter = chapters.load_definitions(name)
        with torch_threads(1):
            fit_seconds(*make(chapter, sizes[0]))  # warms up
            rounds = [
                [fit_seconds(*make(chapter, size)) for size in sizes] for _ in range(1 if quick else ROUNDS)
            ]
        times = [statistics.median(column) for column in zip(*rounds, strict=True)]
        for size, seconds in zip(sizes, times, strict=True):
            yield Row(f"an epoch of the {what}, {size} examples", seconds, "s")
        yield Row(f"exponent p of time = c N^p, {what}", exponent(sizes, times), "")

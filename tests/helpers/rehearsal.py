"""A whole chapter in a short time: every statement of it, and of its trainings a few steps.

What is looked for are mistakes that need no trained model to show: a tensor that is left on the CPU, a line
that every process prints. A program too: `rehearsal.py CHAPTER.py`.
"""

import ast
import contextlib
import sys
from pathlib import Path
from unittest import mock

from course.training import Run

BATCHES = Run.batches
FIRST, EVERY = 3, 250  # the steps of a run that are made, beside the first one of each epoch


def few_batches(run, *arguments, **settings):
    """In place of `Run.batches`: a step that is left out records what the one before it recorded."""
    history, epoch, counts, names = run.history, None, {}, []
    for batch in BATCHES(run, *arguments, **settings):
        before, counts = counts, {name: len(values) for name, values in history.logged.items()}
        if run.step < FIRST or run.epoch != epoch or run.step % EVERY == 0:
            names = None
            epoch = run.epoch
            yield batch
        else:
            if names is None:
                names = [name for name in counts if counts[name] > before.get(name, 0)]
            run.log(**{name: history.logged[name][-1] for name in names})
            for values in (history.losses, history.lrs, history.grad_norms):
                values.extend(values[-1:])


def rehearse(path):
    """Execute a chapter's statements one by one.

    A failed `assert` is let pass: what a chapter asserts of its results does not hold of untrained models.

    Raises:
        Any other error of the chapter, with its line.
    """
    names = {"__name__": "__main__", "__file__": str(path)}
    with mock.patch.object(Run, "batches", few_batches):
        for node in ast.parse(Path(path).read_text(encoding="utf-8"), filename=str(path)).body:
            with contextlib.suppress(AssertionError):
                exec(compile(ast.Module([node], []), str(path), "exec"), names)


if __name__ == "__main__":
    rehearse(sys.argv[1])

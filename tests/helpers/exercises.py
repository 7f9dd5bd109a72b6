"""The exercises of all chapters, as tests go through them."""

import functools
import importlib
import random
import re

from course import chapters
from course.exercises import CHAPTERS
from course.exercises.engine import Exercise
from course.exercises.outcome import evaluate


def all_exercises():
    """dict from the name that a learner writes, `cnn.conv2d`, to the Exercise."""
    return {
        f"{module.__name__.rpartition('.')[2]}.{name}": exercise
        for module in CHAPTERS
        for name, exercise in vars(module).items()
        if isinstance(exercise, Exercise)
    }


def outcomes(exercise, function):
    """What a function comes to on each case of a check."""
    cases = exercise.cases(random.Random(0))
    return [evaluate(function, case, exercise.gradients) for case in cases]


def answers(name, kind):
    """What people wrote who saw the statement of an exercise alone.

    Args:
        name: as the learner writes it, `cnn.conv2d`.
        kind: "right", "wrong", "forbidden" (right by a way that the statement rules out) or "open" (the
            statement leaves it open).
    Returns:
        list of functions.
    """
    module = importlib.import_module(f"tests.exercises.answers.{name}")
    return [item for key, item in vars(module).items() if key.startswith(f"{kind}_")]


def in_the_chapter(name, exercise):
    """Where a chapter sets an exercise.

    Args:
        name: as the learner writes it, `cnn.conv2d`.
    Returns:
        (the Markdown of the cells above, one str each; the source of the cell with the stub and its check).
    """
    cells = cells_of(exercise.chapter)
    call = f"exercises.{name}.check({exercise.worked.__name__})"
    (place,) = [i for i, (head, _, body) in enumerate(cells) if call in body and "[markdown]" not in head]
    above = [re.sub(r"^# ?", "", body, flags=re.M) for head, _, body in cells[:place] if "[markdown]" in head]
    return above, cells[place][2]


@functools.cache
def cells_of(chapter):
    """The cells of a chapter's source, each as (its head, newline, its body)."""
    text = chapters.find(chapter).read_text(encoding="utf-8")
    return [cell.partition("\n") for cell in re.split(r"^# %%", text, flags=re.M)[1:]]

"""The exercises of all chapters, as tests go through them."""

import random
import re

from course import chapters
from course.compare import difference
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


def differ(exercise, first, second):
    """Whether two lists of outcomes differ on some case."""
    cases = exercise.cases(random.Random(0))
    triples = zip(cases, first, second, strict=True)
    return any(difference(a, b, exercise.leaf_names(case)) for case, a, b in triples)


def in_the_chapter(name, exercise):
    """Where a chapter sets an exercise.

    Args:
        name: as the learner writes it, `cnn.conv2d`.
    Returns:
        (the Markdown of the cells above, one str each; the source of the cell with the stub and its check).
    """
    text = chapters.find(exercise.chapter).read_text(encoding="utf-8")
    cells = [cell.partition("\n") for cell in re.split(r"^# %%", text, flags=re.M)[1:]]
    call = f"exercises.{name}.check({exercise.worked.__name__})"
    (place,) = [i for i, (head, _, body) in enumerate(cells) if call in body and "[markdown]" not in head]
    above = [re.sub(r"^# ?", "", body, flags=re.M) for head, _, body in cells[:place] if "[markdown]" in head]
    return above, cells[place][2]

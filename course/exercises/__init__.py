"""Exercises that check a learner's function.

`exercises.cnn.conv2d.check(my_conv2d)` gives the verdict, `.hint()` the next hint, `.solution()` the worked
solution; `exercises.progress()` shows what is solved. Each chapter's exercises are a package here.
"""

import importlib
import pkgutil

from course.exercises.engine import Exercise
from course.progress import standing

PACKAGES = [f"{__name__}.{module.name}" for module in pkgutil.iter_modules(__path__) if module.ispkg]
CHAPTERS = sorted(map(importlib.import_module, PACKAGES), key=lambda package: package.CHAPTER)


def catalogue():
    """The exercises that there are.

    Returns:
        dict from a chapter's name to a dict from its exercises' names to their titles; both in the course's
        order.
    """
    return {package.CHAPTER: package.TITLES for package in CHAPTERS}


def progress():
    """What the learner has solved, by chapter; the last line of a cell shows it.

    Returns:
        Progress; `.export(path)` writes it as CSV.
    """
    return standing(catalogue())

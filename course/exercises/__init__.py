"""Exercises that check a learner's function.

`exercises.cnn.conv2d.check(my_conv2d)` gives the verdict, `.hint()` the next hint, `.solution()` the worked
solution; `exercises.progress()` shows what is solved.
"""

from course.exercises import attention, cnn, foundations, gan, rnn, vae
from course.exercises.engine import Exercise
from course.progress import standing

__all__ = ["attention", "catalogue", "cnn", "foundations", "gan", "progress", "rnn", "vae"]


def catalogue():
    """The exercises that there are.

    Returns:
        dict from a chapter's name, in order, to a dict from names to its Exercises.
    """
    modules = sorted((attention, cnn, foundations, gan, rnn, vae), key=lambda module: module.CHAPTER)
    return {
        module.CHAPTER: {name: item for name, item in vars(module).items() if isinstance(item, Exercise)}
        for module in modules
    }


def progress():
    """What the learner has solved, by chapter; as the last line of a cell it is shown as a table.

    Returns:
        Progress; `.export(path)` writes it as CSV.
    """
    return standing(catalogue())

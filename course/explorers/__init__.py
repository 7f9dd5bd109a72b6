"""Interactive pictures, a package for each chapter. Each receives the chapter's own functions and models."""

import functools
import importlib
import pkgutil

for module in pkgutil.iter_modules(__path__):
    if module.ispkg:
        importlib.import_module(f"{__name__}.{module.name}")


def play(name):
    """An explorer as its chapter makes it, on recorded weights and without the chapter's training.

    Args:
        name: chapter and explorer, "cnn.sliding_kernel".
    Returns:
        the `Explorer`.
    Raises:
        ValueError: there is no such explorer; names those of the chapter.
        FileNotFoundError: if `course` was installed without its chapters.
    """
    makers = _makers(name.split(".")[0])
    if name not in makers:
        raise ValueError(f"There is no explorer {name!r}; there are {', '.join(makers) or 'none'}.")
    return makers[name]()


@functools.cache
def _makers(chapter):
    from course import chapters  # an explorer in a chapter does without

    stems = [path.stem for path in chapters.paths() if path.stem.partition("_")[2] == chapter]
    return chapters.explorers_of(stems[0]) if stems else {}

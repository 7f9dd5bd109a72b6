"""Reading the files in `embedded/`: unchanged, or one clear error."""

from pathlib import Path

from course.files import read_checked

FOLDER = Path(__file__).with_name("embedded")
CURE = "Restore it with `git checkout -- course/data/embedded`, or install the course again."


def read(name):
    """The bytes of an embedded file; DataError if it is missing or damaged."""
    return read_checked(FOLDER / name, CURE)

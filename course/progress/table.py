"""The learner's progress as a table: HTML in a notebook, plain text elsewhere, CSV for a teacher."""

import csv
import getpass
import html
import io
import os
import textwrap
from dataclasses import dataclass
from pathlib import Path

from course.files import write_whole
from course.progress import record

COLUMNS = ("learner", "chapter", "exercise", "status", "first_solved", "checks")
STATUSES = ("solved", "tried", "not yet tried")
BAR = 20  # characters of a whole bar
WIDTH = 88
FILLED = "#0072b2"  # dark enough on white, light enough on black; the outline has the colour of the text


class ProgressError(Exception):
    """An export cannot be written; the message says why, in one line."""


@dataclass(frozen=True)
class Item:
    """One exercise's standing.

    Attributes:
        chapter, exercise: `01_cnn` and `conv2d`.
        status: one of STATUSES; a solved exercise stays solved.
        first_solved: time, ISO 8601 in UTC; None if not solved.
        checks: how many checks of the learner's own function there were.
    """

    chapter: str
    exercise: str
    status: str
    first_solved: str | None
    checks: int


@dataclass(frozen=True, repr=False)
class Progress:
    """Where a learner stands; a notebook shows it as a table.

    Attributes:
        items: tuple of Item, every exercise of every chapter.
        lines: what the reader should know about the record, such as that it cannot be written.
        is_read: False where no record could be read; then no item tells anything.
    """

    items: tuple
    lines: tuple
    is_read: bool = True

    def __repr__(self):
        blocks = []
        for chapter, items in self._chapters().items():
            solved, total = _count(items)
            filled = max(solved > 0, BAR * solved // total)
            bar = "#" * filled + "." * (BAR - filled)
            blocks.append(f"{chapter:<16}  [{bar}]  {solved} of {total} solved")
            for status, names in _names(items):
                indents = {"initial_indent": "  ", "subsequent_indent": "    "}
                blocks.append(textwrap.fill(f"{status}: {names}", WIDTH, **indents))
        return "\n".join([*blocks, self._total(), *self.lines])

    def _repr_html_(self):
        rows = "".join(_row(chapter, items) for chapter, items in self._chapters().items())
        heads = "".join(f'<th scope="col">{head}</th>' for head in ("Chapter", "Solved", "Exercises"))
        table = (
            f'<table style="text-align: left"><caption>{self._total()}</caption>'
            f"<thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table>"
        )
        return table + "".join(f"<p>{html.escape(line)}</p>" for line in self.lines)

    def _chapters(self):
        chapters = {}
        for item in self.items:
            chapters.setdefault(item.chapter, []).append(item)
        return chapters

    def _total(self):
        solved, total = _count(self.items)
        return f"All chapters: {solved} of {total} solved"

    def export(self, path, learner=None):
        """Write the progress as CSV for a teacher, a row for each exercise.

        Args:
            path: the file, replaced if it is there.
            learner: the name in the first column; by default the one on the JupyterHub, else the login name.
        Returns:
            Path of the file.
        Raises:
            ProgressError: it cannot be written, there is no name, or no record was read.
        """
        if not self.is_read:
            raise ProgressError(" ".join(("Nothing is written.", *self.lines)))
        learner = learner or _login()
        file = io.StringIO()
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        for item in self.items:
            solved = item.first_solved or ""
            writer.writerow((learner, item.chapter, item.exercise, item.status, solved, item.checks))
        try:
            return write_whole(Path(path).expanduser(), file.getvalue())
        except OSError as error:
            raise ProgressError(f"{path} cannot be written: {error.strerror}") from error


def catalogue():
    """The exercises that there are.

    Returns:
        dict from a chapter's name, in order, to a dict from names to its Exercises.
    """
    from course import exercises  # here, since that package imports this one
    from course.exercises.engine import Exercise

    modules = [vars(exercises)[name] for name in exercises.__all__]
    chapters = sorted((module for module in modules if hasattr(module, "CHAPTER")), key=lambda m: m.CHAPTER)
    return {
        module.CHAPTER: {name: item for name, item in vars(module).items() if isinstance(item, Exercise)}
        for module in chapters
    }


def progress():
    """What the learner has solved, by chapter; as the last line of a cell it is shown as a table.

    Returns:
        Progress; `.export(path)` writes it as CSV.
    """
    entries, lines = record.read()
    items = []
    for chapter, found in catalogue().items():
        for name in found:
            entry = (entries or {}).get(f"{chapter}.{name}", {"first_solved": None, "checks": 0})
            status = STATUSES[0] if entry["first_solved"] else STATUSES[1 if entry["checks"] else 2]
            items.append(Item(chapter, name, status, entry["first_solved"], entry["checks"]))
    return Progress(tuple(items), tuple(lines), entries is not None)


def _count(items):
    return sum(item.status == "solved" for item in items), len(items)


def _names(items):
    """(status, names of the exercises) for each status that occurs."""
    for status in STATUSES:
        names = ", ".join(item.exercise for item in items if item.status == status)
        if names:
            yield status, names


def _row(chapter, items):
    """A chapter's row; the bar is an image whose text says how full it is."""
    solved, total = _count(items)
    percent = 100 * solved // total
    outline = "width: 8em; height: 0.8em; border: 1px solid currentColor"
    inner = f'<div style="width: {percent}%; height: 100%; background: {FILLED}"></div>'
    bar = f'<div role="img" aria-label="bar, {percent} percent full" style="{outline}">{inner}</div>'
    names = "<br>".join(f"<strong>{status}</strong>: {names}" for status, names in _names(items))
    cell = '<td style="text-align: left">'
    head = f'<th scope="row">{chapter}</th>'
    return f"<tr>{head}{cell}{bar}{solved} of {total} solved</td>{cell}{names}</td></tr>"


def _login():
    """The learner's name; the hub's first, since in a hub's containers every login name is the same."""
    if os.environ.get("JUPYTERHUB_USER"):
        return os.environ["JUPYTERHUB_USER"]
    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError) as error:
        raise ProgressError("there is no login name: give the learner's name") from error

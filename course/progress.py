"""What a learner has solved: `exercises.progress()` shows it, `python -m course.progress` exports it as CSV.

The record is one JSON file in the user's data folder. It maps `01_cnn.conv2d` to the time when it was first
solved (or null), the last verdict and its time, and the number of checks. Only what a learner does is
recorded: checks in a Jupyter kernel, or anywhere if COURSE_PROGRESS names the file. An empty COURSE_PROGRESS
keeps no record.
"""

import argparse
import contextlib
import csv
import datetime
import errno
import getpass
import html
import io
import json
import os
import sys
import textwrap
import time
from dataclasses import astuple, dataclass, field, fields
from itertools import groupby
from pathlib import Path

from course.cards import heading
from course.files import set_aside, write_whole

try:
    import fcntl
except ImportError:  # Windows outside WSL: there, of two kernels that write at the same moment, one wins
    fcntl = None

PATIENCE = 1.0  # seconds to wait for another kernel's write, which takes a few milliseconds
MARKS = {"solved": "✓", "tried": "◐", "not yet tried": "○"}
STATUSES = tuple(MARKS)
BAR = 20  # characters of a whole bar
COLOURS = {"solved": "#009E73", "tried": "#D55E00", "not yet tried": "#888888"}  # 3:1 on white and on black

UNTRIED = {"first_solved": None, "checks": 0}

_trouble = []  # why this process could not record its last check: one line, or none


class ProgressError(Exception):
    """An export cannot be written; the message says why, in one line."""


@dataclass(frozen=True)
class Item:
    """One exercise's standing; the columns of an export.

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
    """Where a learner stands; a notebook shows it chapter by chapter.

    Attributes:
        items: tuple of Item, every exercise of every chapter.
        lines: what the reader should know about the record, such as that it cannot be written.
        is_read: False where no record could be read; then no item tells anything.
        titles: dict from `01_cnn.conv2d` to the exercise's title; where it has none its name is shown.
    """

    items: tuple
    lines: tuple
    is_read: bool = True
    titles: dict = field(default_factory=dict)

    def __repr__(self):
        blocks = []
        for chapter, items in self._by_chapter():
            filled = max(_solved(items) > 0, BAR * _solved(items) // len(items))
            blocks += [heading(chapter), f"  [{'#' * filled:.<{BAR}}]  {_share(items)}"]
            for status in STATUSES:
                names = "; ".join(self._name(item) for item in items if item.status == status)
                if names:
                    line = f"{status}: {names}"
                    blocks.append(textwrap.fill(line, 88, initial_indent="  ", subsequent_indent="    "))
        return "\n".join([*blocks, f"All chapters: {_share(self.items)}", *self.lines])

    def _repr_html_(self):
        marks = " &emsp; ".join(f"{_mark(status, hidden=True)} {status}" for status in STATUSES)
        head = f"<p><strong>All chapters: {_share(self.items)}</strong> &emsp; {marks}</p>"
        chapters = "".join(self._chapter(chapter, items) for chapter, items in self._by_chapter())
        lines = "".join(f"<p>{html.escape(line)}</p>" for line in self.lines)
        return f'<div style="max-width: 60em">{head}{chapters}{lines}</div>'

    def _chapter(self, chapter, items):
        """A chapter, unfolded where something is tried; no table, whose cells JupyterLab aligns right."""
        entry = '<li style="break-inside: avoid; padding-left: 1em">'
        names = "".join(f"{entry}{_mark(item.status)} {html.escape(self._name(item))}</li>" for item in items)
        listed = (
            f'<ul style="list-style: none; columns: 20em; margin: 0.4em 0 0.8em; padding: 0">{names}</ul>'
        )
        is_begun = any(item.status != STATUSES[-1] for item in items)
        summary = f"<summary><strong>{html.escape(heading(chapter))}</strong> {_bar(items)}</summary>"
        return f"<details{' open' * is_begun}>{summary}{listed}</details>"

    def _name(self, item):
        return self.titles.get(f"{item.chapter}.{item.exercise}", item.exercise)

    def _by_chapter(self):
        chapters = groupby(self.items, key=lambda item: item.chapter)
        return [(chapter, list(items)) for chapter, items in chapters]

    def export(self, path, learner=None):
        """Write the progress as CSV for a teacher, a row for each exercise; returns the file's Path.

        Args:
            path: the file, replaced if it is there.
            learner: the name in the first column; by default the one on the JupyterHub, else the login name.
        Raises:
            ProgressError: it cannot be written, there is no name, or no record was read.
        """
        if not self.is_read:
            raise ProgressError(" ".join(("Nothing is written.", *self.lines)))
        learner = learner or _login()
        file = io.StringIO()
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("learner", *(column.name for column in fields(Item))))
        writer.writerows((learner, *astuple(item)) for item in self.items)
        try:
            return write_whole(Path(path).expanduser(), file.getvalue())
        except OSError as error:
            raise ProgressError(f"{path} cannot be written: {error.strerror}") from error


def _solved(items):
    return sum(item.status == "solved" for item in items)


def _share(items):
    return f"{_solved(items)} of {len(items)} solved"


def _mark(status, hidden=False):
    """A status as one character; for screen readers a word, or nothing where the word stands beside it."""
    told = 'aria-hidden="true"' if hidden else f'role="img" aria-label="{status}"'
    style = f"color: {COLOURS[status]}; font-weight: bold; display: inline-block; width: 1.2em"
    return f'<span {told} style="{style}">{MARKS[status]}</span>'


def _bar(items):
    """How much of a chapter is solved: a bar, and for everybody the number beside it."""
    outline = "display: inline-block; width: 8em; height: 0.7em; border: 1px solid currentColor"
    inner = f"width: {100 * _solved(items) // len(items)}%; height: 100%; background: {COLOURS['solved']}"
    bar = f'<span aria-hidden="true" style="{outline}"><span style="display: block; {inner}"></span></span>'
    return f'<br><span style="margin-left: 1em">{bar} {_share(items)}</span>'


def _login():
    """The learner's name; the hub's first, since in a hub's containers every login name is the same."""
    try:
        return os.environ.get("JUPYTERHUB_USER") or getpass.getuser()
    except (KeyError, OSError, ImportError) as error:
        raise ProgressError("there is no login name: give the learner's name") from error


def standing(catalogue):
    """What the learner has solved, a Progress. It writes only in a kernel, there to see whether it could.

    Args:
        catalogue: dict from a chapter's name to a dict from its exercises' names to their titles, in order.
    """
    entries, lines = None, list(_trouble)
    try:
        path = location()
        if path is None:
            lines = ["No record is kept: COURSE_PROGRESS is empty."]
        else:
            entries = _parse(path)
            if in_kernel():
                with _locked(path):
                    entries, said = _open(path)
                lines += said
            elif entries is None:
                lines.append(f"The record {path} is damaged; the next check sets it aside.")
    except Exception as error:  # no home folder, a folder without permission, a full disk
        lines = [f"Your progress cannot be {'read' if entries is None else 'kept'}: {_reason(error)}."]
    items = []
    for chapter, names in catalogue.items():
        for name in names:
            entry = (entries or {}).get(f"{chapter}.{name}", UNTRIED)
            status = STATUSES[0 if entry["first_solved"] else 1 if entry["checks"] else 2]
            items.append(Item(chapter, name, status, entry["first_solved"], entry["checks"]))
    titles = {
        f"{chapter}.{name}": title for chapter, named in catalogue.items() for name, title in named.items()
    }
    return Progress(tuple(items), tuple(lines), entries is not None, titles)


def remember(key, function, result):
    """Record a check's verdict, if a learner's work was checked; never raises.

    Not recorded are untouched stubs, faults of the check itself, functions of this package, and exercises
    that belong to no chapter.

    Args:
        key: `01_cnn.conv2d`; None for an exercise of no chapter.
        function: what was given to the exercise's `check`.
        result: the verdict, with a `status` and a `diagnosis`.
    Returns:
        the keys of all that is solved, a set; None if this check is not recorded.
    """
    try:
        is_ours = str(getattr(function, "__module__", "")).split(".")[0] == "course"
        if key is None or is_ours or result.status == "not_attempted" or result.diagnosis == "check_failed":
            return None
        path = location() if in_kernel() or os.environ.get("COURSE_PROGRESS") else None
        if path is None:
            return None
        _trouble.clear()
        with _locked(path):
            entries, lines = _open(path)
            now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
            entry = entries.get(key, UNTRIED)
            solved = entry["first_solved"] or (now if result.status == "passed" else None)
            checks = entry["checks"] + 1
            entries[key] = entry | dict(first_solved=solved, status=result.status, checked=now, checks=checks)
            write_whole(path, json.dumps(entries, indent=1, sort_keys=True) + "\n")
        for line in lines:
            print(line)
        return {key for key, entry in entries.items() if entry["first_solved"]}
    except Exception as error:  # a verdict is worth more than its record
        _trouble[:] = [f"The last check is not recorded: {_reason(error)}."]
        return None


def location():
    """The file of the record, a Path that may not exist; None if no record is wanted."""
    named = os.environ.get("COURSE_PROGRESS")
    if named is not None:
        return Path(named).expanduser().resolve() if named else None
    variable, usual = {
        "darwin": ("", "Library/Application Support"),
        "win32": ("LOCALAPPDATA", "AppData/Local"),
    }.get(sys.platform, ("XDG_DATA_HOME", ".local/share"))
    wanted = os.environ.get(variable, "")
    data = Path(wanted) if os.path.isabs(wanted) else Path.home() / usual
    return (data / "from-formula-to-model" / "progress.json").resolve()


def in_kernel():
    """True where a Jupyter kernel runs this; a script, a test or IPython in a terminal has none."""
    get_ipython = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)
    return getattr(get_ipython(), "kernel", None) is not None


@contextlib.contextmanager
def _locked(path):
    """Hold the record's lock file, which stays; the record itself is replaced by each write."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = os.open(path.with_name(f".{path.name}.lock"), os.O_RDWR | os.O_CREAT, 0o666)
    try:
        _wait_for(lock)
        yield
    finally:
        os.close(lock)  # lets go of the lock, as the end of the process does


def _wait_for(lock):
    end = time.monotonic() + PATIENCE
    while fcntl is not None:
        try:
            return fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > end:
                raise TimeoutError(errno.ETIMEDOUT, "another program has not let go of the record") from None
            time.sleep(0.005)
        except OSError:
            return None  # a network drive without locks: better recorded without one than not at all


def _open(path):
    """The entries, and what to tell the learner if a damaged file was set aside, a list; under the lock."""
    entries = _parse(path)
    if entries is not None:
        return entries, []
    aside = set_aside(path)
    return {}, [f"The record of your progress was damaged. It is kept as {aside}; a new one begins."]


def _parse(path):
    """The entries: none if there is no file, None if it is damaged."""
    try:
        entries = json.loads(path.read_bytes().decode())
    except FileNotFoundError:
        return {}
    except (ValueError, RecursionError):
        return None
    right = isinstance(entries, dict) and all(map(_is_entry, entries.values()))
    return entries if right else None


def _is_entry(entry):
    return (
        isinstance(entry, dict)
        and isinstance(entry.get("first_solved", 0), str | None)
        and entry.get("status") in ("passed", "failed")
        and isinstance(entry.get("checked"), str)
        and isinstance(entry.get("checks"), int)
    )


def _reason(error):
    """One line: why an error came, with the file where it names one."""
    where = f"{error.filename}: " if getattr(error, "filename", None) else ""
    return f"{where}{getattr(error, 'strerror', None) or error}"


def main(show, arguments=None):
    """The command line, on the Progress that `show()` returns; returns the exit status."""
    parser = argparse.ArgumentParser(
        "python -m course.progress", description="print which exercises are solved"
    )
    parser.add_argument("--export", metavar="FILE", help="write them as CSV too")
    parser.add_argument("--learner", metavar="NAME", help="the name in the CSV; by default the login name")
    options = parser.parse_args(arguments)
    shown = show()
    print(shown)
    if options.export:
        try:
            print(f"written: {shown.export(options.export, options.learner)}")
        except ProgressError as error:
            print(f"error: {error}", file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    # Run as a program, this file is `__main__`; what the exercises raise and return is `course.progress`'s.
    from course import exercises, progress

    sys.exit(progress.main(exercises.progress))

"""The record of a learner's checks: one JSON file in the user's data folder.

It maps `01_cnn.conv2d` to the time when it was first solved (or null), the last verdict and its time, and the
number of checks. Only what a learner does is recorded: checks in a Jupyter kernel, or anywhere if
COURSE_PROGRESS names the file. An empty COURSE_PROGRESS keeps no record.
"""

import contextlib
import datetime
import errno
import json
import os
import sys
import time
from pathlib import Path

from course.files import set_aside, write_whole

try:
    import fcntl
except ImportError:  # Windows outside WSL: there, of two kernels that write at the same moment, one wins
    fcntl = None

PATIENCE = 1.0  # seconds to wait for another kernel's write, which takes a few milliseconds

_trouble = []  # why this process could not record its last check: one line, or none


def location():
    """The file of the record.

    Returns:
        Path, which may not exist; None if no record is wanted.
    """
    named = os.environ.get("COURSE_PROGRESS")
    if named is not None:
        return Path(named).expanduser().resolve() if named else None
    if sys.platform == "darwin":
        data = Path.home() / "Library" / "Application Support"
    elif sys.platform == "win32":
        data = Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    else:
        wanted = os.environ.get("XDG_DATA_HOME", "")
        data = Path(wanted) if os.path.isabs(wanted) else Path.home() / ".local" / "share"
    return (data / "from-formula-to-model" / "progress.json").resolve()


def in_kernel():
    """True where a Jupyter kernel runs this; a script, a test or IPython in a terminal has none."""
    get_ipython = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)
    return getattr(get_ipython(), "kernel", None) is not None


def remember(exercise, function, result):
    """Record a check's verdict, if a learner's work was checked; never raises.

    Not recorded are untouched stubs, faults of the check itself, functions of this package, and exercises
    that belong to no chapter.

    Args:
        exercise: Exercise.
        function: what was given to its `check`.
        result: Result, the verdict on it.
    """
    try:
        if result.status == "not_attempted" or result.diagnosis == "check_failed":
            return
        if not in_kernel() and not os.environ.get("COURSE_PROGRESS"):
            return
        path, chapter = location(), _chapter_of(exercise)
        if path is None or chapter is None or _is_ours(function):
            return
        _trouble.clear()
        said = _add(path, f"{chapter}.{exercise.name}", result.status)
        if said:
            print(said)
    except Exception as error:  # a verdict is worth more than its record
        _trouble[:] = [f"The last check is not recorded: {_describe(error)}."]


def read():
    """What has been recorded; writes only in a kernel, and there only to see whether it could.

    Returns:
        (dict from `chapter.exercise` to its entry, or None where no record can be read; list of lines that
        the reader should know).
    """
    entries, lines = None, list(_trouble)
    try:
        path = location()
        if path is None:
            return None, ["No record is kept: COURSE_PROGRESS is empty."]
        entries = _parse(path)
        if in_kernel():
            with _locked(path):
                entries, said = _open(path)
            lines += [said] if said else []
        elif entries is None:
            lines.append(f"The record {path} is damaged; the next check sets it aside.")
    except Exception as error:  # no home folder, a folder without permission, a full disk
        lines = [f"Your progress cannot be {'read' if entries is None else 'kept'}: {_describe(error)}."]
    return entries, lines


def _describe(error):
    """One line: an error's reason, with the file where it names one."""
    where = f"{error.filename}: " if getattr(error, "filename", None) else ""
    return f"{where}{getattr(error, 'strerror', None) or error}"


def _is_ours(function):
    """Whether a function comes with the course; a learner's is of `__main__` or of a module of theirs."""
    return str(getattr(function, "__module__", "")).split(".")[0] == "course"


def _chapter_of(exercise):
    from course.progress.table import catalogue  # here, since only a check that counts needs it

    for chapter, found in catalogue().items():
        if found.get(exercise.name) is exercise:
            return chapter
    return None


def _add(path, key, status):
    """Read, add one check and write, under the lock; returns a line for the learner, or None."""
    with _locked(path):
        entries, said = _open(path)
        now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
        entry = entries.setdefault(key, {"first_solved": None, "checks": 0})
        if status == "passed" and entry["first_solved"] is None:
            entry["first_solved"] = now
        entry.update(status=status, checked=now, checks=entry["checks"] + 1)
        write_whole(path, json.dumps(entries, indent=1, sort_keys=True) + "\n")
    return said


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
    """The entries, and a line if a damaged file was set aside; under the lock."""
    entries = _parse(path)
    if entries is not None:
        return entries, None
    aside = set_aside(path)
    return {}, f"The record of your progress was damaged. It is kept as {aside}; a new one begins."


def _parse(path):
    """The entries: none if there is no file, None if it is damaged."""
    try:
        entries = json.loads(path.read_bytes().decode())
    except FileNotFoundError:
        return {}
    except (ValueError, RecursionError):
        return None
    right = isinstance(entries, dict) and all(_is_entry(entry) for entry in entries.values())
    return entries if right else None


def _is_entry(entry):
    return (
        isinstance(entry, dict)
        and isinstance(entry.get("first_solved", 0), str | None)
        and entry.get("status") in ("passed", "failed")
        and isinstance(entry.get("checked"), str)
        and isinstance(entry.get("checks"), int)
    )

"""Make a learner's working copy: `python -m course.workspace [DIR]`, and `--reset 01` for a fresh chapter.

Learners never work in `notebooks/`, where saving would change the course itself. Each chapter is copied once,
without outputs (they would give the predictions away, but for those of cells with the tag `keep-output`) and
unpaired, and never overwritten. The folder is DIR; else `my/` in the checkout; else, where that cannot be
written, `$COURSE_WORK`, or `from-formula-to-model` in the home. A hidden file there remembers what each
chapter was copied from.

The start page alone is written anew each time, with the learner's present progress, as long as its texts are
as they were copied.
"""

import argparse
import hashlib
import json
import os
import sys
import tempfile
from pathlib import Path

from course import chapters
from course.files import set_aside, write_whole

MEMORY = ".copied-from.json"
START = "start"
KEPT = "keep-output"  # the tag of a cell that shows something from the first moment


class WorkspaceError(Exception):
    """A working copy cannot be made; the message says why and what to do."""


def make(wanted=None, reset=None, say=print):
    """Copy the chapters that a working copy does not have yet, say which have moved on; returns its Path.

    Args:
        wanted: the folder; by default the first of the usual ones that can be written.
        reset: a chapter's number or name: its old copy is set aside under a dated name and a fresh one taken.
        say: called with each line for the learner.
    Raises:
        WorkspaceError: no folder can be written, or there is no such chapter.
    """
    notebooks = _notebooks()
    if reset is not None and not any(chapters.is_named(stem, reset) for stem in notebooks):
        raise WorkspaceError(f"no chapter {reset!r} to reset; the chapters are: {', '.join(notebooks)}")
    folder = _choose_folder(wanted)
    origins = _read_memory(folder, say)
    remembered, copied = dict(origins), []
    for stem, path in notebooks.items():
        notebook, copy = _read(path), folder / path.name
        origin = notebook["metadata"].get("course", {}).get("inputs", "")
        if stem == START:
            origin = _hash_texts(notebook)
        if reset is not None and chapters.is_named(stem, reset) and copy.exists():
            say(f"{stem}: your copy is now {set_aside(copy).name}, {copy.name} is taken afresh")
        if not copy.exists():
            _write_json(copy, _for_a_learner(notebook, stem))
            origins[stem] = origin
            copied.append(stem)
        elif stem == START and _is_untouched(copy, origins.get(stem)):
            _renew(copy, notebook)
            origins[stem] = origin
        elif origins.setdefault(stem, origin) != origin:
            number = stem.split("_")[0]
            say(f"{stem} has a newer version; `make reset CH={number}` sets yours aside and takes it")
    if copied:
        say(f"copied: {', '.join(copied)}")
    if origins != remembered:
        _write_json(folder / MEMORY, origins)
    return folder


def _notebooks():
    """Name → Path of each chapter's notebook."""
    try:
        folder = chapters.folder()
    except FileNotFoundError as error:
        raise WorkspaceError(str(error)) from error
    notebooks = {
        path.stem: path
        for form in ("[0-9][0-9]_*.ipynb", "start.ipynb", "play.ipynb")
        for path in sorted(folder.glob(form))
    }
    if not notebooks:
        raise WorkspaceError(f"there are no notebooks in {folder}: run `make notebooks`")
    return notebooks


def _read(path):
    """A chapter's notebook, a dict."""
    try:
        notebook = json.loads(path.read_text(encoding="utf-8"))
        if isinstance(notebook["cells"], list) and isinstance(notebook["metadata"], dict):
            return notebook
    except (ValueError, KeyError, TypeError):
        pass
    raise WorkspaceError(f"{path} is not a readable notebook: restore it with git")


def _choose_folder(wanted):
    """The first candidate that can be written, made if it is not there."""
    usual = chapters.folder().parent / "my", os.environ.get("COURSE_WORK"), "~/from-formula-to-model"
    candidates = [Path(name) for name in ([wanted] if wanted is not None else usual) if name]
    refused = []
    for candidate in candidates:
        folder = candidate.expanduser().absolute()
        try:
            if (folder / "jupytext.toml").exists():
                raise WorkspaceError(f"{folder} holds the course's own notebooks; name another folder")
            folder.mkdir(parents=True, exist_ok=True)
            # Permission bits do not tell: a mount may be read-only, and root passes every bit.
            with tempfile.TemporaryFile(dir=folder):
                return folder
        except OSError as error:
            refused.append(f"{folder} ({error.strerror})")
    raise WorkspaceError(
        f"no folder for the working copy can be written: {', '.join(refused)}. "
        "Name one: `python -m course.workspace DIR`, or set COURSE_WORK"
    )


def _read_memory(folder, say):
    """What each copy was made from: chapter → hash. A damaged memory is set aside, and the copies stay."""
    path = folder / MEMORY
    try:
        origins = json.loads(path.read_text(encoding="utf-8"))
        if isinstance(origins, dict) and all(isinstance(origin, str) for origin in origins.values()):
            return origins
    except FileNotFoundError:
        return {}
    except (OSError, ValueError):  # a folder of that name, too
        pass
    say(
        f"{MEMORY} was damaged and is now {set_aside(path).name}. Your notebooks are kept; changes to the "
        "chapters up to today cannot be told"
    )
    return {}


def _for_a_learner(notebook, stem):
    """The notebook itself, now with neither pairing nor stamps, and with no outputs but those to be kept; in
    the start page these show the present progress.
    """
    for key in ("course", "jupytext"):
        notebook["metadata"].pop(key, None)
    # JupyterLab writes it where it is missing, and then asks to save what nobody has changed.
    notebook["metadata"].setdefault("language_info", {})["version"] = sys.version.split()[0]
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code" and KEPT not in cell["metadata"].get("tags", []):
            cell |= {"outputs": [], "execution_count": None}
    if stem == START:
        from course import start  # imports PyTorch, for the exercises

        data = start.page()._repr_mimebundle_()
        for cell in notebook["cells"]:
            for output in cell.get("outputs", []):
                if "start.page()" in "".join(cell["source"]):
                    output["data"] = {kind: text.splitlines(keepends=True) for kind, text in data.items()}
    return notebook


def _is_untouched(copy, origin):
    """Whether a copy's texts are those that it was made from: then nothing of the reader's is in it."""
    try:
        return _hash_texts(json.loads(copy.read_text(encoding="utf-8"))) == origin
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _hash_texts(notebook):
    """A checksum of the cells' kinds and texts, which opening, running and saving do not change."""
    texts = [[cell["cell_type"], "".join(cell["source"])] for cell in notebook["cells"]]
    return hashlib.sha256(json.dumps(texts).encode()).hexdigest()


def _renew(copy, notebook):
    """Write an untouched start page anew, if that changes it."""
    before, now = (
        [[cell["source"], cell.get("outputs")] for cell in one["cells"]]
        for one in (json.loads(copy.read_text(encoding="utf-8")), _for_a_learner(notebook, START))
    )
    if before != now:
        _write_json(copy, notebook)


def _write_json(path, content):
    write_whole(path, json.dumps(content, indent=1, ensure_ascii=False) + "\n")


def main(arguments=None):
    """The command line. The last line printed is the folder; with `--quiet` the only one on stdout."""
    parser = argparse.ArgumentParser(prog="python -m course.workspace", description="make a working copy")
    parser.add_argument("folder", nargs="?", metavar="DIR", help="where; my/ in the checkout by default")
    parser.add_argument("--reset", metavar="CH", help="set your copy of chapter CH aside, take a fresh one")
    parser.add_argument("--quiet", action="store_true", help="print the folder alone, what is new on stderr")
    options = parser.parse_args(arguments)
    try:
        stream = sys.stderr if options.quiet else sys.stdout
        folder = make(options.folder, options.reset, say=lambda line: print(line, file=stream))
    except (WorkspaceError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())

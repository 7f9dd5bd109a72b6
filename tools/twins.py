"""A chapter's twin: the `.ipynb` that its `.py` describes, the hashes that it carries, and how the two stand.

A twin carries two hashes in its metadata: of its own inputs (cells and tags), and of all that made it (the
source, `course/`, the constraints). Inputs that no longer match the first were edited by hand. Modification
times decide nothing: a clone has none worth trusting.
"""

import contextlib
import hashlib
from pathlib import Path

import jupytext
import nbformat

from course.chapters import is_named
from course.files import write_whole

ROOT = Path(__file__).resolve().parents[1]
METADATA = {
    "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
    "language_info": {"file_extension": ".py", "mimetype": "text/x-python", "name": "python"},
}


class NotebookError(Exception):
    """A twin cannot be made; the message says which, why, and what to do."""


def sources(names=()):
    """The chapters' `.py` files, sorted; all, or those named by number ("01") or name ("01_cnn").

    Raises:
        NotebookError: a name that no chapter has.
    """
    found = sorted((ROOT / "notebooks").glob("[0-9][0-9]_*.py"))
    wanted = []
    for name in names:
        matches = [path for path in found if is_named(path.stem, name)]
        if not matches:
            there_are = ", ".join(path.stem for path in found) or "none"
            raise NotebookError(f"no chapter {name!r}; the chapters are: {there_are}")
        wanted += matches
    return wanted if names else found


def convert(source):
    """The notebook that a source describes: cells, tags, fixed ids and metadata, no outputs."""
    notebook = jupytext.read(source)
    notebook.metadata = nbformat.from_dict(METADATA)
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    seen = {}
    for cell in notebook.cells:
        cell.metadata = nbformat.from_dict(
            {"tags": cell.metadata["tags"]} if cell.metadata.get("tags") else {}
        )
        # The id follows the text, so that a cell put in front does not change those of all cells after it.
        digest = hashlib.sha256(f"{cell.cell_type}\n{cell.source}".encode()).hexdigest()[:12]
        seen[digest] = seen.get(digest, 0) + 1
        cell.id = digest if seen[digest] == 1 else f"{digest}-{seen[digest]}"
    return notebook


def hash_inputs(notebook):
    """sha256 of what a source decides in a notebook: the cells' types, texts and tags."""
    digest = hashlib.sha256()
    for cell in notebook.cells:
        tags = ",".join(sorted(cell.metadata.get("tags", [])))
        digest.update(repr((cell.cell_type, tags, cell.source)).encode())
    return digest.hexdigest()


def hash_makers(source):
    """sha256 of all that a twin is made from: its source, the files of `course/`, the constraints."""
    files = [source, ROOT / "constraints.txt"]
    for path in sorted((ROOT / "course").rglob("*")):
        parts = path.relative_to(ROOT).parts
        if path.is_file() and not any(part.startswith(".") or part == "__pycache__" for part in parts):
            files.append(path)
    digest = hashlib.sha256()
    for path in files:
        content = path.read_bytes() if path.exists() else b""
        digest.update(f"{path.relative_to(ROOT).as_posix()}\n{len(content)}\n".encode() + content)
    return digest.hexdigest()


def state(source):
    """How a source's twin stands: "current", "stale", "missing", or "edited" by hand (or unreadable)."""
    twin = source.with_suffix(".ipynb")
    if not twin.exists():
        return "missing"
    try:
        saved = nbformat.read(twin, as_version=4)
    except (ValueError, nbformat.ValidationError):  # damaged JSON, or marks of a merge conflict
        return "edited"
    stamp = saved.metadata.get("course", {})
    described, held = hash_inputs(convert(source)), hash_inputs(saved)
    # Saved from a paired JupyterLab, both files hold the same edit: nothing would be lost.
    if held not in (stamp.get("inputs"), described):
        return "edited"
    in_step = held == stamp.get("inputs") == described and stamp.get("made_from") == hash_makers(source)
    return "current" if in_step else "stale"


def stamp_and_save(notebook, source):
    """Stamp a notebook with both hashes and write it as the source's twin, whole or not at all."""
    stamp = {"inputs": hash_inputs(notebook), "made_from": hash_makers(source)}
    notebook.metadata["course"] = nbformat.from_dict(stamp)
    twin = source.with_suffix(".ipynb")
    write_whole(twin, nbformat.writes(notebook) + "\n")


@contextlib.contextmanager
def kept_in_step(changed):
    """Let a tool edit sources and their twins alike, without executing: twins that were current stay current.

    A twin that was stale stays stale, so its next `make notebooks` executes it. Used as
    `with kept_in_step(sources()): ...` around the edit of all files.

    Args:
        changed: list of `.py` Paths whose twins the body edits in the same way.
    Raises:
        NotebookError: before the body, if a twin was edited by hand; after it, if a twin and its source
            differ.
    """
    before = {source: state(source) for source in changed}
    refuse([source for source in changed if before[source] == "edited"])
    yield
    for source in changed:
        if before[source] == "missing":
            continue
        notebook = nbformat.read(source.with_suffix(".ipynb"), as_version=4)
        fresh = convert(source)
        if before[source] == "current":
            if hash_inputs(notebook) != hash_inputs(fresh):
                raise NotebookError(
                    f"{source.name} and its .ipynb were not edited alike: run `make notebooks`"
                )
            for cell, described in zip(notebook.cells, fresh.cells, strict=True):
                cell.id = described.id
            stamp_and_save(notebook, source)
        else:
            notebook.metadata["course"] = nbformat.from_dict(
                {"inputs": hash_inputs(notebook), "made_from": ""}
            )
            source.with_suffix(".ipynb").write_text(nbformat.writes(notebook) + "\n", encoding="utf-8")


def refuse(edited):
    """Raise one NotebookError that names the twins edited by hand and says how to go on; nothing if there are
    none.
    """
    if edited:
        twins = ", ".join(f"notebooks/{source.stem}.ipynb" for source in edited)
        raise NotebookError(
            f"edited by hand (or not readable): {twins}. A notebook is made from its .py: move what you want "
            "to keep there, delete the .ipynb, and run `make notebooks` again. Nothing was changed."
        )

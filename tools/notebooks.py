"""Make each `notebooks/NN_name.ipynb` from its source `NN_name.py`: converted, executed, stripped, stamped.

`python tools/notebooks.py [NN ...]` makes what is missing or stale, `--all` everything; `--check` executes
nothing and says what is out of step. A notebook carries a hash of its own cells: where it no longer fits them
the notebook was edited by hand, and is refused and left as it is. Modification times decide nothing, since a
clone has none worth trusting; nor does a change of `course/`, whose effect on printed text the tests find.
"""

import argparse
import asyncio
import hashlib
import json
import os
import re
import sys
import tempfile
import time
from pathlib import Path

import jupytext
import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

from course.chapters import is_named
from course.files import write_whole

ROOT = Path(__file__).resolve().parents[1]
METADATA = {
    "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
    "language_info": {"file_extension": ".py", "mimetype": "text/x-python", "name": "python"},
}
CELL_METADATA = ("cellView", "jupyter", "tags")  # what a source decides; jupytext.toml names the same
WIDGET = "application/vnd.jupyter.widget-view+json"
AT_ONCE = 2
CELL_SECONDS = 900


class NotebookError(Exception):
    """A notebook cannot be made; the message says which, why, and what to do."""


def sources(names=()):
    """The chapters' `.py` files, sorted; all, or those named by number ("01") or name ("01_cnn").

    Raises:
        NotebookError: a name that no chapter has.
    """
    found = sorted((ROOT / "notebooks").glob("[0-9][0-9]_*.py"))
    for name in names:
        if not any(is_named(path.stem, name) for path in found):
            there_are = ", ".join(path.stem for path in found) or "none"
            raise NotebookError(f"no chapter {name!r}; the chapters are: {there_are}")
    return [path for path in found if not names or any(is_named(path.stem, name) for name in names)]


def convert(source):
    """The notebook that a source describes: cells with their metadata, fixed ids, no outputs."""
    notebook = jupytext.read(source)
    notebook.metadata = nbformat.from_dict(METADATA)
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    for cell in notebook.cells:
        cell.metadata = nbformat.from_dict({k: cell.metadata[k] for k in CELL_METADATA if k in cell.metadata})
    set_ids(notebook)
    return notebook


def set_ids(notebook):
    """Name each cell by its text, so that a cell put in front does not rename all cells after it."""
    seen = {}
    for cell in notebook.cells:
        digest = hashlib.sha256(f"{cell.cell_type}\n{cell.source}".encode()).hexdigest()[:12]
        seen[digest] = seen.get(digest, 0) + 1
        cell.id = digest if seen[digest] == 1 else f"{digest}-{seen[digest]}"


def hash_cells(notebook):
    """sha256 of what a source decides in a notebook: the cells' types, texts and metadata."""
    cells = [[cell.cell_type, cell.source, cell.metadata] for cell in notebook.cells]
    return hashlib.sha256(json.dumps(cells, sort_keys=True).encode()).hexdigest()


def stamp_of(notebook):
    """The hash that a notebook carries, None where it has none; `course.workspace` reads it too."""
    return notebook.metadata.get("course", {}).get("inputs")


def state(source):
    """How a source's notebook stands: "current", "stale", "missing", or "edited" by hand (or unreadable)."""
    path = source.with_suffix(".ipynb")
    if not path.exists():
        return "missing"
    try:
        saved = nbformat.read(path, as_version=4)
    except (ValueError, nbformat.ValidationError):  # damaged JSON, or marks of a merge conflict
        return "edited"
    described, held, stamp = hash_cells(convert(source)), hash_cells(saved), stamp_of(saved)
    # Saved from a paired JupyterLab, both files hold the same edit: nothing would be lost.
    if held not in (stamp, described):
        return "edited"
    return "current" if held == stamp == described else "stale"


def states(chapters, refuse=True):
    """How the notebooks of some sources stand: a dict from source to what `state` says.

    Raises:
        NotebookError: one of them was edited by hand, unless these are not to be refused.
    """
    found = {source: state(source) for source in chapters}
    edited = [f"notebooks/{source.stem}.ipynb" for source, how in found.items() if how == "edited"]
    if edited and refuse:
        raise NotebookError(
            f"edited by hand (or not readable): {', '.join(edited)}. A notebook is made from its .py: move "
            "what you want to keep there, delete the .ipynb, and run `make notebooks` again. Nothing was "
            "changed."
        )
    return found


def save(notebook, source):
    """Stamp a notebook with the hash of its cells and write it beside its source, whole or not at all."""
    notebook.metadata["course"] = nbformat.from_dict({"inputs": hash_cells(notebook)})
    write_whole(source.with_suffix(".ipynb"), nbformat.writes(notebook) + "\n")


def strip(notebook):
    """Take out of an executed notebook what differs from run to run: widget views (progress bars whole; an
    explorer leaves its still picture), widget state, and the kernel's own metadata.
    """
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)
        outputs = []
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            if data.pop(WIDGET, None) is None or "image/png" in data:
                outputs.append(output)
        if cell.cell_type == "code":
            cell.outputs = outputs
    notebook.metadata = nbformat.from_dict(METADATA)


async def execute(notebook, name):
    """Run a notebook's cells in a fresh kernel with one torch thread, in an empty folder.

    Raises:
        NotebookError: names the notebook and the cell that failed, with its error.
    """
    # An author's own IPython start-up files must not leak into what is committed, nor checks into a record.
    with tempfile.TemporaryDirectory() as empty, tempfile.TemporaryDirectory() as profile:
        path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
        env = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": path, "IPYTHONDIR": profile}
        env["COURSE_PROGRESS"] = ""
        client = NotebookClient(
            notebook,
            timeout=CELL_SECONDS,
            kernel_name="python3",
            record_timing=False,
            store_widget_state=False,
            coalesce_streams=True,
            resources={"metadata": {"path": empty}},
            extra_arguments=["--log-level=ERROR"],
        )
        try:
            await client.async_execute(env=env)
        except (CellExecutionError, CellTimeoutError, DeadKernelError) as error:
            number = max(1, sum(cell.get("execution_count") is not None for cell in notebook.cells))
            traceback = re.sub(r"\x1b\[[0-9;]*m", "", str(error)).strip()
            raise NotebookError(
                f"{name}.ipynb is not made, code cell {number} failed:\n\n{traceback}\n"
            ) from error


async def make(source, turn):
    """Make one notebook while `turn`, a semaphore, lets it; where it fails the old one stays."""
    async with turn:
        print(f"{source.stem}: running", flush=True)
        start = time.monotonic()
        notebook = convert(source)
        await execute(notebook, source.stem)
        strip(notebook)
        save(notebook, source)
        print(f"{source.stem}: made in {time.monotonic() - start:.0f} s", flush=True)


async def make_all(wanted):
    """Make notebooks, two at a time; returns the errors, so that a chapter that fails stops no other."""
    turn = asyncio.Semaphore(AT_ONCE)
    ends = await asyncio.gather(*(make(source, turn) for source in wanted), return_exceptions=True)
    for end in ends:
        if isinstance(end, BaseException) and not isinstance(end, NotebookError):
            raise end
    return [end for end in ends if end is not None]


def main(arguments=None):
    """The command line; returns the exit status."""
    parser = argparse.ArgumentParser(description="make notebooks/*.ipynb from their .py")
    parser.add_argument("chapters", nargs="*", help="numbers or names of chapters; all by default")
    parser.add_argument("--all", action="store_true", help="make those too that are up to date")
    parser.add_argument("--check", action="store_true", help="execute nothing, say which are out of step")
    options = parser.parse_args(arguments)
    try:
        found = states(sources(options.chapters), refuse=not options.check)
        behind = [source for source, how in found.items() if how != "current"]
        if options.check:
            for source in behind:
                print(f"notebooks/{source.stem}.ipynb is {found[source]}: run `make notebooks`")
            return int(bool(behind))
        wanted = list(found) if options.all else behind
        for source in sorted(found.keys() - wanted):
            print(f"{source.stem}: up to date")
        errors = asyncio.run(make_all(wanted))
    except NotebookError as error:
        errors = [error]
    for error in errors:
        print(f"error: {error}", file=sys.stderr)
    return int(bool(errors))


if __name__ == "__main__":
    sys.exit(main())

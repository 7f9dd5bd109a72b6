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
from pathlib import Path

import jupytext
import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

from course import chapters
from course.files import write_whole

ROOT = Path(__file__).resolve().parents[1]
METADATA = {
    "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
    # All that JupyterLab writes there but the version, which the working copy adds: so it opens as saved.
    "language_info": {
        "codemirror_mode": {"name": "ipython", "version": 3},
        "file_extension": ".py",
        "mimetype": "text/x-python",
        "name": "python",
        "nbconvert_exporter": "python",
        "pygments_lexer": "ipython3",
    },
}
CELL_METADATA = ("cellView", "jupyter", "tags")  # what a source decides; jupytext.toml names the same
WIDGET = "application/vnd.jupyter.widget-view+json"
AT_ONCE = 2
CELL_SECONDS = 900


class NotebookError(Exception):
    """A notebook cannot be made; the message says which, why, and what to do."""


def sources(names=()):
    """The notebooks' `.py` files, sorted; all, or those named by number ("01") or name ("01_cnn", "play").

    Raises:
        NotebookError: a name that none has.
    """
    try:
        return sorted({chapters.find(name) for name in names}) if names else chapters.sources()
    except FileNotFoundError as error:
        raise NotebookError(error) from None


def convert(source):
    """The notebook that a source describes: cells with their metadata, fixed ids, no outputs."""
    notebook = jupytext.read(source)
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


def states(chapters):
    """How the notebooks of some sources stand: a dict from source to what `state` says.

    Raises:
        NotebookError: one of them was edited by hand.
    """
    found = {source: state(source) for source in chapters}
    edited = [f"notebooks/{source.stem}.ipynb" for source, how in found.items() if how == "edited"]
    if edited:
        raise NotebookError(
            f"edited by hand (or not readable): {', '.join(edited)}. A notebook is made from its .py: move "
            "what you want to keep there, delete the .ipynb, and run `make notebooks`. Nothing was changed."
        )
    return found


def save(notebook, source):
    """Write a notebook beside its source, whole or not at all, with the hash of its cells in its metadata."""
    notebook.metadata = nbformat.from_dict(METADATA | {"course": {"inputs": hash_cells(notebook)}})
    write_whole(source.with_suffix(".ipynb"), nbformat.writes(notebook) + "\n")


def strip(notebook):
    """Take widgets out of an executed notebook: progress bars whole; an explorer leaves its still picture."""
    for cell in notebook.cells:
        outputs = []
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            if data.pop(WIDGET, None) is None or "image/png" in data:
                outputs.append(output)
        if cell.cell_type == "code":
            cell.outputs = outputs


async def execute(notebook, name):
    """Run a notebook's cells in a fresh kernel with one torch thread, in an empty folder.

    Raises:
        NotebookError: names the notebook and the cell that failed, with its error.
    """
    # An author's own IPython start-up files must not leak into what is committed, nor checks into a record.
    with tempfile.TemporaryDirectory() as empty, tempfile.TemporaryDirectory() as profile:
        env = os.environ | {"OMP_NUM_THREADS": "1", "IPYTHONDIR": profile, "COURSE_PROGRESS": ""}
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
    """Make one notebook while `turn`, a semaphore, lets it; returns whether it is made, else the old one
    stays.
    """
    async with turn:
        print(f"{source.stem}: running", flush=True)
        notebook = convert(source)
        try:
            await execute(notebook, source.stem)
        except NotebookError as error:
            print(f"error: {error}", file=sys.stderr)
            return False
        strip(notebook)
        save(notebook, source)
        print(f"{source.stem}: made", flush=True)
        return True


async def make_all(wanted):
    """Make notebooks, two at a time; returns whether all are made. One that fails stops no other."""
    turn = asyncio.Semaphore(AT_ONCE)
    return all(await asyncio.gather(*(make(source, turn) for source in wanted)))


def main(arguments=None):
    """The command line; returns the exit status."""
    parser = argparse.ArgumentParser(description="make notebooks/*.ipynb from their .py")
    parser.add_argument("chapters", nargs="*", help="numbers or names of chapters; all by default")
    parser.add_argument("--all", action="store_true", help="make those too that are up to date")
    parser.add_argument("--check", action="store_true", help="execute nothing, say which are out of step")
    options = parser.parse_args(arguments)
    try:
        wanted = sources(options.chapters)
        if options.check:
            behind = {source.stem: how for source in wanted if (how := state(source)) != "current"}
            for stem, how in behind.items():
                print(f"notebooks/{stem}.ipynb is {how}: run `make notebooks`")
            return int(bool(behind))
        for source, how in states(wanted).items():
            if how == "current" and not options.all:
                print(f"{source.stem}: up to date")
                wanted.remove(source)
    except NotebookError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return int(not asyncio.run(make_all(wanted)))


if __name__ == "__main__":
    sys.exit(main())

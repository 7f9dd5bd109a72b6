"""Make each `notebooks/NN_name.ipynb` from its source `NN_name.py`: converted, executed, stripped, stamped.

`python tools/notebooks.py [NN ...]` makes what is out of step; `--check` executes nothing and says what is.
A twin that was edited by hand is refused and left as it is.
"""

import argparse
import asyncio
import os
import re
import sys
import tempfile
import time

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from twins import METADATA, ROOT, NotebookError, convert, hash_makers, refuse, sources, stamp_and_save, state

WIDGET = "application/vnd.jupyter.widget-view+json"
AT_ONCE = 2
CELL_SECONDS = 900


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
            raise NotebookError(f"{name}.ipynb is not made, {_describe_failure(notebook, error)}") from error


def _describe_failure(notebook, error):
    """The failing cell's number and text, and the error's own short form."""
    done = [cell for cell in notebook.cells if cell.cell_type == "code" and cell.source.strip()]
    number = max(1, sum(cell.execution_count is not None for cell in done))
    for position, cell in enumerate(done, start=1):
        if any(output.output_type == "error" for output in cell.outputs):
            number = position
    traceback = re.sub(r"\x1b\[[0-9;]*m", "", str(error)).strip()
    return f"code cell {number} failed:\n\n{traceback}\n"


async def make(source, turn):
    """Make one twin while `turn`, a semaphore, lets it; a failed one leaves the old twin as it was."""
    async with turn:
        print(f"{source.stem}: running", flush=True)
        start = time.monotonic()
        notebook = convert(source)
        makers = hash_makers(source)
        await execute(notebook, source.stem)
        strip(notebook)
        if hash_makers(source) != makers:
            raise NotebookError(
                f"{source.stem}.ipynb is not made: its makers changed while it ran; run again"
            )
        stamp_and_save(notebook, source)
        print(f"{source.stem}: made in {time.monotonic() - start:.0f} s", flush=True)


async def make_all(stale):
    """Make twins, two at a time; returns the errors, so that one failing chapter does not stop the others."""
    turn = asyncio.Semaphore(AT_ONCE)
    ends = await asyncio.gather(*(make(source, turn) for source in stale), return_exceptions=True)
    for end in ends:
        if isinstance(end, BaseException) and not isinstance(end, NotebookError):
            raise end
    return [end for end in ends if end is not None]


def main(arguments=None):
    """The command line; returns the exit status."""
    parser = argparse.ArgumentParser(description="make notebooks/*.ipynb from their .py")
    parser.add_argument("chapters", nargs="*", help="numbers or names of chapters; all by default")
    parser.add_argument("--check", action="store_true", help="execute nothing, say which are out of step")
    options = parser.parse_args(arguments)
    try:
        states = {source: state(source) for source in sources(options.chapters)}
        if options.check:
            for source, how in states.items():
                if how != "current":
                    print(f"notebooks/{source.stem}.ipynb is {how}: run `make notebooks`")
            return int(any(how != "current" for how in states.values()))
        refuse([source for source, how in states.items() if how == "edited"])
        for source, how in states.items():
            if how == "current":
                print(f"{source.stem}: up to date")
        errors = asyncio.run(make_all([source for source, how in states.items() if how != "current"]))
    except NotebookError as error:
        errors = [error]
    for error in errors:
        print(f"error: {error}", file=sys.stderr)
    return int(bool(errors))


if __name__ == "__main__":
    sys.exit(main())

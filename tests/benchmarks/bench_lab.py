"""From `make lab`, in an environment that is installed, to the first explorer of chapter 1 in Chromium.

`make lab` itself runs, in a temporary folder that holds a copy of `course` and links to the rest of the
checkout: so the working copy that it makes lies there, and the user's own `my/` stays as it is.
"""

import contextlib
import os
import secrets
import shutil
import tempfile
import time
from pathlib import Path

from tests.benchmarks.measure import Row
from tools.bench import lab

TITLE = "From `make lab` to the first explorer"
CHAPTER = "01_cnn.ipynb"
LINKED = ("Makefile", "tools", "notebooks", ".venv", "pyproject.toml", "constraints.txt")
PATIENCE = 300  # seconds for each part
# Scrolls to the first explorer once its cell has an output: a cell out of sight is not in the page.
SCROLL = """() => {
    const notebook = window.jupyterapp.shell.currentWidget.content;
    const cells = Array.from(notebook.model.cells);
    const shown = cells.findIndex(cell => cell.type === "code" && cell.outputs.toJSON().some(
        output => output.data?.["application/vnd.jupyter.widget-view+json"]
            && String(output.data["text/plain"]).startsWith("[explorer]")));
    if (shown >= 0) notebook.scrollToItem(shown);
    const picture = document.querySelector(".course-explorer img");
    return Boolean(picture?.complete && picture.naturalWidth);
}"""


def copy_checkout(folder):
    """A folder in which `make lab` runs as in the checkout, with a `my/` of its own."""
    shutil.copytree(lab.ROOT / "course", folder / "course", ignore=shutil.ignore_patterns("__pycache__"))
    for name in LINKED:
        (folder / name).symlink_to(lab.ROOT / name)


@contextlib.contextmanager
def make_lab(folder):
    """Run `make lab`; yields lab.Server at once, before it answers, and the process."""
    port = lab.free_port()
    server = lab.Server(f"http://127.0.0.1:{port}", secrets.token_hex(16), folder / "my")
    arguments = f"--no-browser --ServerApp.port={port} --ServerApp.port_retries=0 --ServerApp.ip=127.0.0.1 "
    arguments += f"--IdentityProvider.token={server.token} --LabApp.expose_app_in_browser=True"
    # As if make had been called by hand: not by the `make bench` that runs this, nor with its threads.
    outside = {key: value for key, value in os.environ.items() if key not in ("MAKEFLAGS", "MAKELEVEL", "CH")}
    outside |= {f"JUPYTER_{kind}_DIR": str(folder / "jupyter" / kind) for kind in ("CONFIG", "RUNTIME")}
    outside["IPYTHONDIR"] = str(folder / "ipython")
    command = ["make", "lab", f"JUPYTER_ARGS={arguments}"]
    with lab.running(command, folder / "log", cwd=folder, env=outside) as process:
        yield server, process


def rows(quick):
    """Yield the rows of the bench driver: seconds from the call of `make lab`, one run."""
    with tempfile.TemporaryDirectory() as temporary, lab.browse() as browser:
        folder = Path(temporary, "checkout")
        folder.mkdir()
        copy_checkout(folder)
        page = browser.new_page(viewport={"width": 1280, "height": 800})
        start = time.monotonic()
        with make_lab(folder) as (server, process):
            lab.wait_until_it_answers(server, process, folder / "log", PATIENCE)
            yield Row("make lab: the server answers", time.monotonic() - start, "s", 9)
            lab.open_notebook(page, server, CHAPTER, PATIENCE)
            yield Row(f"make lab: {CHAPTER} is open, its kernel idle", time.monotonic() - start, "s")
            lab.choose(page, "Run", "runmenu:run-all")
            page.wait_for_function(SCROLL, timeout=1000 * PATIENCE, polling=100)
            yield Row("make lab: its first explorer is to be seen", time.monotonic() - start, "s")

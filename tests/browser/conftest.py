"""One JupyterLab on a fresh working copy, and one Chromium, for the browser tests of a file; a book for all.

The first two end with the file, not with the session: Playwright keeps an event loop running in this thread
meanwhile.
"""

import contextlib
import fcntl
import functools
import http.server
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from course import chapters
from tests.helpers.places import ROOT
from tools.bench import lab


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """JupyterLab on a working copy, made by the command that `make lab` uses."""
    folder = tmp_path_factory.mktemp("working copy") / "my"
    subprocess.run([sys.executable, "-m", "course.workspace", str(folder)], check=True)
    with lab.serve(folder, tmp_path_factory.mktemp("jupyter")) as running:
        yield running


@pytest.fixture(scope="module")
def browser():
    with lab.browse() as running:
        yield running


@contextlib.contextmanager
def opened(browser, **settings):
    """A page of its own, as on a 13-inch laptop; at the end no error may stand in its console."""
    context = browser.new_context(**{"viewport": {"width": 1280, "height": 800}, **settings})
    page, errors = context.new_page(), []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    yield page
    context.close()
    assert not errors, errors


@pytest.fixture
def page(browser):
    with opened(browser) as page:
        yield page


class Quiet(http.server.SimpleHTTPRequestHandler):
    """A server that writes no log."""

    def log_message(self, *arguments):
        pass


@pytest.fixture(scope="session", params=["01_cnn", pytest.param("all", marks=pytest.mark.soak)])
def moving(request):
    """The chapters whose explorers move."""
    return [path.stem for path in chapters.paths()] if request.param == "all" else [request.param]


@pytest.fixture(scope="session")
def folder(moving, tmp_path_factory):
    """The folder of the book, built as `make book` builds it: once, for all processes of this run."""
    here = tmp_path_factory.getbasetemp()
    here = here.parent if "PYTEST_XDIST_WORKER" in os.environ else here
    folder = here / f"book of {len(moving)}"
    with open(here / "book.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.is_dir():
            command = [sys.executable, "tools/book.py", *moving, "--output", f"{folder}.made"]
            run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
            assert run.returncode == 0, run.stdout + run.stderr
            Path(f"{folder}.made").rename(folder)
    return folder


@pytest.fixture(scope="session")
def address(folder):
    """The book served on this machine alone; its address."""
    handler = functools.partial(Quiet, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.handle_error = lambda *of: None  # a page was closed while its pictures came
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()

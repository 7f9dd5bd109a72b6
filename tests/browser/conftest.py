"""One JupyterLab on a fresh working copy, and one Chromium, for the browser tests of a file.

They end with the file, not with the session: Playwright keeps an event loop running in this thread meanwhile.
"""

import subprocess
import sys

import pytest

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


@pytest.fixture
def page(browser):
    """A page of its own, as on a 13-inch laptop; at the end no error may stand in its console."""
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    opened = context.new_page()
    errors = []
    opened.on("pageerror", lambda error: errors.append(str(error)))
    opened.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    yield opened
    context.close()
    assert not errors, errors

"""One JupyterLab on a fresh working copy, and one Chromium, for the browser tests of a file.

They end with the file, not with the session: Playwright keeps an event loop running in this thread meanwhile.
"""

import contextlib
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

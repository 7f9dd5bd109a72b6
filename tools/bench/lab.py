"""JupyterLab and Chromium for tests and benchmarks: start both, open and run a notebook, move an explorer's
controls.

What a user does (menus, keys) is done in the page; what is waited for is read from JupyterLab's own model of
the notebook, since cells that are not in sight are not in the page either.
"""

import contextlib
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.parse
import urllib.request
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import sync_playwright

ROOT = Path(__file__).resolve().parents[2]
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
FLAGS = [
    "--no-sandbox",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1",
]
IDLE = """() => {
    const panel = window.jupyterapp?.shell.currentWidget;
    return panel?.sessionContext?.session?.kernel?.status === "idle" && panel.context.isReady;
}"""
# Done: every code cell that is not empty has run, or one has failed.
FINISHED = """() => {
    const panel = window.jupyterapp.shell.currentWidget;
    const cells = Array.from(panel.content.model.cells).filter(
        cell => cell.type === "code" && cell.sharedModel.getSource().trim());
    const failed = cells.some(cell => cell.outputs.toJSON().some(output => output.output_type === "error"));
    const all = cells.every(cell => cell.executionCount !== null && cell.executionState !== "running");
    return failed || (all && panel.sessionContext.session.kernel.status === "idle");
}"""
OUTPUTS = """() => Array.from(window.jupyterapp.shell.currentWidget.content.model.cells)
    .filter(cell => cell.type === "code")
    .map(cell => ({source: cell.sharedModel.getSource(), outputs: cell.outputs.toJSON()}))"""
# Milliseconds from a key press to the decoded new picture, by the page's own clock. One explorer is watched
# at a time, and once: two watchers would count each press twice, and the next press would come too early.
WATCH = """explorer => {
    window.unwatch?.();
    const picture = explorer.querySelector("img.course-picture, .course-picture img");
    window.latencies = [];
    let pressed = null;
    const press = () => { pressed = performance.now(); };
    explorer.addEventListener("keydown", press, {capture: true});
    const observer = new MutationObserver(async () => {
        if (pressed === null) return;
        const start = pressed;
        pressed = null;
        await picture.decode();
        window.latencies.push(performance.now() - start);
    });
    observer.observe(picture, {attributes: true, attributeFilter: ["src"]});
    window.unwatch = () => {
        explorer.removeEventListener("keydown", press, {capture: true});
        observer.disconnect();
    };
}"""


@dataclass
class Server:
    """A running JupyterLab: its address, its token, and the folder that it serves."""

    address: str
    token: str
    folder: Path

    def page_of(self, name):
        """The address that opens a notebook without a restored workspace."""
        return f"{self.address}/lab/tree/{urllib.parse.quote(name)}?token={self.token}&reset"


@contextlib.contextmanager
def serve(folder, state):
    """Run JupyterLab on a folder, as `make lab` does, with nothing of the user's own configuration.

    Args:
        folder: what it serves.
        state: an empty folder for its configuration, run-time files and log.
    Yields:
        Server, once it answers.
    """
    port = free_port()
    server = Server(f"http://127.0.0.1:{port}", secrets.token_hex(16), Path(folder))
    env = os.environ | {
        f"JUPYTER_{kind}_DIR": str(state / kind.lower()) for kind in ("CONFIG", "DATA", "RUNTIME")
    }
    env |= {"IPYTHONDIR": str(state / "ipython"), "JUPYTER_CONFIG_PATH": str(ROOT / "tools" / "jupyter")}
    env["PYTHONPATH"] = os.pathsep.join(filter(None, [os.environ.get("PYTHONPATH"), str(ROOT)]))
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", f"--ServerApp.root_dir={folder}"]
    command += [f"--ServerApp.port={port}", "--ServerApp.port_retries=0", "--ServerApp.ip=127.0.0.1"]
    command += [f"--IdentityProvider.token={server.token}", "--LabApp.expose_app_in_browser=True"]
    command += ["--allow-root"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []
    with running(command, state / "log", env=env) as process:
        wait_until_it_answers(server, process, state / "log")
        yield server


def free_port():
    """A port of this machine that nothing listens on."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        return free.getsockname()[1]


@contextlib.contextmanager
def running(command, log, **settings):
    """Run a command in the block, with its process group ended after it; yields the process.

    Args:
        command: list, as for `subprocess.Popen`.
        log: Path of the file for what it prints.
        settings: more arguments of `subprocess.Popen`.
    """
    with open(log, "w") as stream:
        process = subprocess.Popen(command, stdout=stream, stderr=stream, start_new_session=True, **settings)
        try:
            yield process
        finally:
            _end(process, signal.SIGTERM)
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                _end(process, signal.SIGKILL)
                process.wait()


def _end(process, number):
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, number)


def wait_until_it_answers(server, process, log, seconds=90):
    """Return once JupyterLab answers.

    Raises:
        RuntimeError: the process ended, or the time is over; the end of its log.
    """
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            with urllib.request.urlopen(f"{server.address}/api/status?token={server.token}", timeout=5):
                return
        except OSError:
            if process.poll() is not None:
                break
            time.sleep(0.2)
    raise RuntimeError(f"JupyterLab does not answer on {server.address}:\n{log.read_text()[-3000:]}")


@contextlib.contextmanager
def browse():
    """Run Chromium without a window: the system's where there is one, else Playwright's own. Yields the
    browser.
    """
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=FLAGS)
        try:
            yield browser
        finally:
            browser.close()


def open_notebook(page, server, name, seconds=90):
    """Open a notebook and wait until its kernel is idle."""
    page.goto(server.page_of(name))
    page.wait_for_selector(".jp-NotebookPanel:not(.lm-mod-hidden) .jp-Notebook", timeout=1000 * seconds)
    page.wait_for_function(IDLE, timeout=1000 * seconds)


def choose(page, menu, command):
    """Click an entry of the menu bar, by the menu's name and the entry's command."""
    page.locator(".lm-MenuBar-itemLabel", has_text=menu).first.click()
    page.locator(f'.lm-Menu-item[data-command="{command}"]').first.click()


def run_all(page, seconds=240):
    """Run All Cells, and wait until the last has run or one has failed; returns a dict of source and outputs
    a cell.
    """
    choose(page, "Run", "runmenu:run-all")
    page.wait_for_function(FINISHED, timeout=1000 * seconds, polling=250)
    return page.evaluate(OUTPUTS)


def save(page, path, seconds=30):
    """Save with the keyboard, and wait until the file has changed; returns the notebook as a dict."""
    before = path.read_bytes()
    page.keyboard.press("Control+s")
    end = time.monotonic() + seconds
    while path.read_bytes() == before:
        if time.monotonic() > end:
            raise TimeoutError(f"{path.name} is not saved after {seconds} s")
        page.wait_for_timeout(100)
    page.wait_for_function("() => !window.jupyterapp.shell.currentWidget.context.model.dirty")
    return json.loads(path.read_text(encoding="utf-8"))


def picture_of(explorer):
    """The address of the picture that an explorer shows; a new one for each new picture."""
    return explorer.locator(".course-picture").evaluate(
        "e => (e.matches('img') ? e : e.querySelector('img')).src"
    )


def settled_picture_of(page, explorer, milliseconds=300):
    """As `picture_of`, once the picture has stayed for a while: one move may redraw more than once."""
    while True:
        before = picture_of(explorer)
        page.wait_for_timeout(milliseconds)
        if picture_of(explorer) == before:
            return before


def controls_of(explorer):
    """(label, element, keys that change it) of each control of an explorer, in the order of the page."""
    kinds = {
        "[role=slider]": ("ArrowRight", "ArrowLeft"),
        "select": (),  # JupyterLab takes its arrow keys while its list is closed: see `move`
        "input[type=number]": ("ArrowUp", "ArrowDown"),
        "input[type=text]": ("e", "Backspace"),
        "input[type=checkbox]": ("Space", "Space"),
        "button:not(.mod-active)": ("Enter", "Space"),
    }
    found = []
    for element in explorer.locator(", ".join(kinds)).all():
        if element.is_visible():
            keys = next(
                keys for kind, keys in kinds.items() if element.evaluate("(e, kind) => e.matches(kind)", kind)
            )
            found.append((label_of(element), element, keys))
    return found


def label_of(element):
    """What a control is called: its widget's label, the label's tooltip, else its own title or text."""
    return element.evaluate("""e => {
        const label = e.closest(".widget-inline-hbox, .jupyter-widgets")?.querySelector(".widget-label");
        const titled = e.closest("[title]:not([title=''])");
        const own = e.getAttribute("aria-label") || e.textContent;
        return (label?.textContent || label?.title || titled?.title || own).trim();
    }""")


def move(page, explorer, element, keys, seconds=10):
    """Focus a control and press a key; if the picture stays, as at the end of a range, the other key.

    Of a list another entry is chosen, as a reader does in the list that Space opens, which is no part of the
    page.

    Returns:
        whether the picture changed.
    """
    before = settled_picture_of(page, explorer)
    chosen = element.evaluate("e => e.selectedIndex ?? 0")
    for key in keys or (0 if chosen else 1, 2):
        element.focus()
        if keys:
            page.keyboard.press(key)
        else:
            element.select_option(index=key)
        end = time.monotonic() + seconds / 2
        while time.monotonic() < end:
            if picture_of(explorer) != before:
                return True
            page.wait_for_timeout(50)
    return False


def measure_latencies(page, explorer, element, keys, times=20):
    """Milliseconds from key press to changed picture, taken inside the page.

    Args:
        explorer, element: locators of the explorer and of one of its controls.
        keys: pressed in turn, so that each press changes the picture, as ("ArrowRight", "ArrowLeft").
        times: how many presses.
    Returns:
        list of floats, one a press.
    """
    explorer.evaluate(WATCH)
    element.focus()
    for number in range(times):
        page.keyboard.press(keys[number % len(keys)])
        page.wait_for_function("number => window.latencies.length > number", arg=number, timeout=10_000)
        page.wait_for_timeout(50)  # a reader's pace, so that presses do not queue
    return page.evaluate("window.latencies")


def write_explorer_notebook(source, path):
    """A small notebook with a chapter's definitions and its explorer cells, without its training.

    Kept are the cells tagged `explorer`, and what they need beyond definitions: cells tagged `explorer-
    needs`.

    Args:
        source: the chapter's `.py`.
        path: the `.ipynb` to write.
    Returns:
        how many explorer cells it has.
    """
    import jupytext
    import nbformat

    start = (
        "import course\nfrom course import chapters\n\ncourse.setup()\n"
        f"definitions = vars(chapters.load_definitions({source.stem!r}))\n"
        "globals().update({name: value for name, value in definitions.items() if not name.startswith('__')})"
    )
    notebook = jupytext.read(source)
    tagged = [(cell, cell.metadata.get("tags", [])) for cell in notebook.cells if cell.cell_type == "code"]
    sources = [cell.source for cell, tags in tagged if {"explorer", "explorer-needs"} & set(tags)]
    metadata = {
        "kernelspec": {"name": "python3", "display_name": "Python 3 (ipykernel)", "language": "python"}
    }
    cells = [nbformat.v4.new_code_cell(text) for text in [start, *sources]]
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=metadata), path)
    return sum("explorer" in tags for _, tags in tagged)

"""JupyterLab and Chromium, for benchmarks and tests: start both, run a notebook, move an explorer's controls.

What a user does (menus, keys) is done in the page; what is waited for is read from JupyterLab's own model of
the notebook, since cells that are not in sight are not in the page either.
"""

import contextlib
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

import jupytext
import nbformat
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
STAGE = ".course-explorer .course-stage"  # there once the browser has answered
# Of a picture a checksum of its file, since its address changes with each; of a page of text its HTML.
SHOWN = """async explorer => {
    const page = explorer.querySelector(".course-page:not([hidden]), div.course-picture");
    if (page) return page.innerHTML;
    const image = explorer.querySelector("img.course-picture");
    if (!image) return "";
    const bytes = await (await fetch(image.src)).arrayBuffer();
    const sum = new Uint8Array(await crypto.subtle.digest("SHA-1", bytes));
    return (image.dataset.quick === "true" ? "quick " : "") + Array.from(sum).join("-");
}"""
WATCH = Path(__file__).with_name("watch.js").read_text(encoding="utf-8")
PRESSES = "Enter", "Space"  # of a button
# A list has no keys: JupyterLab takes its arrow keys while it is closed, and it opens outside the page. So
# its entries are chosen by a script.
KEYS = {
    "[role=slider]": ("ArrowRight", "ArrowLeft"),
    "select": (),
    "input[type=number]": ("ArrowUp", "ArrowDown"),
    "input[type=text]": ("e", "Backspace"),
    "input[type=checkbox]": ("Space", "Space"),
    ".course-grid button": PRESSES,
}
# In turn the second and the third of three and more: the first or last may be "own settings", which keeps the
# picture that stands.
CHOOSE = """list => {
    const [one, other] = list.options.length > 2 ? [1, 2] : [0, 1];
    list.dispatchEvent(new KeyboardEvent("keydown", {bubbles: true}));  // here watch.js begins to count
    list.selectedIndex = list.selectedIndex === one ? other : one;
    list.dispatchEvent(new Event("change", {bubbles: true}));
}"""

START = """
import course
from course import chapters

course.setup()
definitions = vars(chapters.load_definitions({path!r}))
globals().update({{name: value for name, value in definitions.items() if not name.startswith("__")}})
"""


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
            for number in (signal.SIGTERM, signal.SIGKILL):
                with contextlib.suppress(ProcessLookupError):  # the whole group has ended
                    os.killpg(process.pid, number)
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(20)


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
    """Chromium without a window: the system's where there is one, else Playwright's own; yields it."""
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


def run_all(page, seconds=240):
    """Run all cells, until the last has run or one has failed; returns {"source", "outputs"} of each."""
    page.locator(".lm-MenuBar-itemLabel", has_text="Run").first.click()
    page.locator('.lm-Menu-item[data-command="runmenu:run-all"]').first.click()
    page.wait_for_function(FINISHED, timeout=1000 * seconds, polling=250)
    return page.evaluate(OUTPUTS)


def shown_by(explorer):
    """What an explorer shows, a text: another one for each other picture or page."""
    return explorer.evaluate(SHOWN)


def settled(page, explorer, milliseconds=250):
    """As `shown_by`, once it is crisp and has stayed for a while: one move may redraw more than once."""
    while True:
        before = shown_by(explorer)
        page.wait_for_timeout(milliseconds)
        if before and shown_by(explorer) == before and not before.startswith("quick"):
            return before


def has_changed(page, explorer, before, seconds):
    """Whether an explorer comes to show something else than before, once it is crisp."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        now = shown_by(explorer)
        if now != before and not now.startswith("quick"):
            return True
        page.wait_for_timeout(50)
    return False


def open_all_controls(page, explorer):
    """Show the controls that lie under "More"."""
    more = explorer.get_by_role("button", name="More", exact=True)
    if more.count() and not explorer.locator(".course-more").is_visible():
        more.click()
        explorer.locator(".course-more").wait_for()
        settled(page, explorer)


def controls_of(explorer):
    """(label, element, keys that change it) of each control of an explorer, kind by kind."""
    return [
        (label_of(element), element, keys)
        for kind, keys in KEYS.items()
        for element in explorer.locator(kind).all()
        if element.is_visible()
    ]


def label_of(element):
    """What a control is called: its widget's label, the label's tooltip, else its own title or text."""
    return element.evaluate("""e => {
        const label = e.closest(".widget-inline-hbox, .jupyter-widgets")?.querySelector(".widget-label");
        const titled = e.closest("[title]:not([title=''])");
        const own = e.getAttribute("aria-label") || e.textContent;
        return (label?.textContent || label?.title || titled?.title || own).trim();
    }""")


def move(page, explorer, element, keys, seconds=10):
    """Press one of a control's keys, or choose another entry of a list; returns whether the picture changed.

    Where it stays, as at the end of a range, the other key is pressed, or a third entry chosen.
    """
    before = settled(page, explorer)
    chosen, entries = element.evaluate("e => [e.selectedIndex ?? 0, e.length ?? 0]")
    for key in keys or [entry for entry in range(min(3, entries)) if entry != chosen]:
        element.focus()
        if keys:
            page.keyboard.press(key)
        else:
            element.select_option(index=key)
        if has_changed(page, explorer, before, seconds / 2):
            return True
    return False


def places_on(panel, times=1):
    """Places of a panel, in pixels of the page: `times` there and back along a slanted line."""
    box = panel.bounding_box()
    shares = [0.3 + 0.4 * i / 8 for i in range(8)]
    for i in range(times):
        share = (shares + shares[::-1])[i % 16]
        yield box["x"] + share * box["width"], box["y"] + (0.85 - 0.7 * share) * box["height"]


def drag(page, explorer, panel, seconds=10):
    """Press into a panel and move on from there; returns whether the picture changed."""
    panel.scroll_into_view_if_needed()
    before = settled(page, explorer)
    start, *places = places_on(panel, 8)
    page.mouse.move(*start)
    page.mouse.down()
    for place in places:
        page.mouse.move(*place, steps=2)
        page.wait_for_timeout(30)
    page.mouse.up()
    page.mouse.move(0, 0)
    return has_changed(page, explorer, before, seconds)


def play(page, explorer, seconds=1.5):
    """Play for a while, then pause; returns whether the picture changed."""
    before, button = settled(page, explorer), explorer.locator(".course-play")
    button.click()
    page.wait_for_timeout(1000 * seconds)
    if "Pause" in button.inner_text():
        button.click()
    return has_changed(page, explorer, before, 10)


def measure_latencies(page, explorer, element, keys, times):
    """Milliseconds from key press to changed picture, taken inside the page.

    Args:
        explorer, element: locators of the explorer and of one of its controls.
        keys: pressed in turn, so that each press changes the picture, as ("ArrowRight", "ArrowLeft"). Without
            keys two entries of a list are chosen in turn.
        times: how many presses.
    """
    explorer.evaluate(WATCH)
    element.focus()
    for number in range(times):
        if keys:
            page.keyboard.press(keys[number % len(keys)])
        else:
            element.evaluate(CHOOSE)
        _await_latency(page, number)
    return page.evaluate("window.latencies")


def measure_drag(page, explorer, panel, times):
    """As `measure_latencies`, of a pointer that is pressed in a panel and moves over it."""
    panel.scroll_into_view_if_needed()
    start, *places = places_on(panel, times + 1)
    page.mouse.move(*start)
    page.mouse.down()
    settled(page, explorer)
    explorer.evaluate(WATCH)
    for place in places:
        page.mouse.move(*place)
        page.wait_for_timeout(120)
    page.mouse.up()
    return page.evaluate("window.latencies")


def _await_latency(page, number):
    page.wait_for_function("number => window.latencies.length > number", arg=number, timeout=10_000)
    page.wait_for_timeout(50)  # a reader's pace, so that presses do not queue


def write_explorer_notebook(source, path):
    """A small notebook with a chapter's definitions and its explorers, without its training.

    Kept are the cells tagged `explorer` and `explorer-needs`: what those need beyond definitions.

    Args:
        source: the chapter's `.py`.
        path: the `.ipynb` to write.
    Returns:
        how many explorer cells it has.
    """
    wanted = {"explorer", "explorer-needs"}
    cells = [cell for cell in jupytext.read(source).cells if wanted & set(cell.metadata.get("tags", []))]
    code = [START.format(path=str(source)), *(cell.source for cell in cells)]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(text) for text in code])
    notebook.metadata.kernelspec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(notebook, path)
    return sum("explorer" in cell.metadata["tags"] for cell in cells)

"""What a learner meets in JupyterLab: the working copy, a chapter run whole, and explorers that answer."""

import json
import subprocess
import sys
import time

import pytest

from course import chapters
from tools.bench import lab

pytestmark = [pytest.mark.browser, pytest.mark.timeout(420)]
SOURCES = chapters.paths()


def course_files():
    """Bytes of everything that a learner must not change by working."""
    return {path.name: path.read_bytes() for path in chapters.folder().glob("[0-9][0-9]_*")}


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


def test_no_dialog_and_no_news(server, page):
    lab.open_notebook(page, server, "01_cnn.ipynb")
    page.wait_for_timeout(3000)  # the news pop-up comes a while after the start
    assert page.locator(".jp-Dialog").count() == 0
    assert page.locator(".Toastify__toast").count() == 0
    assert (
        page.evaluate("window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.name") == "python3"
    )


def test_work_is_saved_in_the_copy_alone_and_reset_sets_it_aside(server, page):
    before = course_files()
    copy = server.folder / "01_cnn.ipynb"
    lab.open_notebook(page, server, copy.name)
    page.locator(".jp-CodeCell .cm-content").first.click()
    page.keyboard.press("Control+End")
    page.keyboard.type("\nmy_answer = 42")
    saved = save(page, copy)
    assert "my_answer = 42" in json.dumps(saved["cells"])
    assert "jupytext" not in saved["metadata"]
    assert sorted(path.suffix for path in server.folder.glob("01_cnn*")) == [".ipynb"], (
        "no .py is written beside it"
    )
    assert course_files() == before
    page.close()
    command = [sys.executable, "-m", "course.workspace", "--reset", "01", str(server.folder)]
    subprocess.run(command, check=True)
    [aside] = server.folder.glob("01_cnn.2*.ipynb")
    assert "my_answer" in aside.read_text() and "my_answer" not in copy.read_text()
    assert course_files() == before


@pytest.mark.soak
def test_chapter_runs_whole(server, page):
    copy = server.folder / "01_cnn.ipynb"
    lab.open_notebook(page, server, copy.name)
    cells = lab.run_all(page)
    for cell in cells:
        for output in cell["outputs"]:
            assert output["output_type"] != "error", f"{cell['source']}\n{output}"
            assert output.get("name") != "stderr", f"{cell['source']}\n{output}"
    saved = save(page, copy)
    code = [cell for cell in saved["cells"] if cell["cell_type"] == "code"]
    assert all(cell["execution_count"] for cell in code)
    pictures = [
        output for cell in code for output in cell["outputs"] if "image/png" in output.get("data", {})
    ]
    assert pictures, "the saved copy holds its pictures"


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_every_control_of_every_explorer_changes_the_picture(server, page, source):
    path = server.folder / f"explorers of {source.stem}.ipynb"
    expected = lab.write_explorer_notebook(source, path)
    lab.open_notebook(page, server, path.name)
    cells = lab.run_all(page)
    assert not [output for cell in cells for output in cell["outputs"] if output["output_type"] == "error"], (
        cells
    )
    page.locator(".course-explorer img").first.wait_for()
    explorers = page.locator(".course-explorer").all()
    assert len(explorers) == expected
    for explorer in explorers:
        explorer.scroll_into_view_if_needed()
        controls = lab.controls_of(explorer)
        assert controls
        for label, element, keys in controls:
            assert label, "a control without a label"
            assert element.evaluate("e => e.tabIndex") >= 0, f"{label} is not reached by keyboard"
            changed = lab.move(page, explorer, element, keys)
            assert changed, f"{label} does not change the picture; shown: {explorer.inner_text()}"
        width = explorer.locator("img").first.evaluate("e => e.naturalWidth")
        assert width >= 400


def test_latency_is_taken_inside_the_page(page):
    """The measurement itself, on a stand-in whose picture follows a key press by 80 ms."""
    page.goto("about:blank")
    page.set_content(
        "<div class=course-explorer><button>next</button><div class=course-picture><img></div></div>"
        """<script>
        const colours = ["red", "blue"].map(fill => {
            const canvas = document.createElement("canvas");
            const context = canvas.getContext("2d");
            context.fillStyle = fill;
            context.fillRect(0, 0, 300, 150);
            return canvas.toDataURL();
        });
        let count = 0;
        document.querySelector("button").addEventListener("keydown", () =>
            setTimeout(() => { document.querySelector("img").src = colours[count++ % 2]; }, 80));
        </script>"""
    )
    explorer = page.locator(".course-explorer")
    for _ in range(2):  # a second control of the same explorer
        latencies = lab.measure_latencies(page, explorer, explorer.locator("button"), ("a", "b"), times=6)
        assert len(latencies) == 6 and min(latencies) >= 79

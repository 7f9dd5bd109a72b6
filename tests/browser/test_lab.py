"""What a learner meets in JupyterLab: the working copy, a chapter run whole, and explorers that answer."""

import json
import subprocess
import sys

import nbformat
import pytest

from course import chapters
from tools.bench import lab

pytestmark = [pytest.mark.browser, pytest.mark.timeout(1500)]


def course_files():
    """Bytes of everything that a learner must not change by working."""
    return {path.name: path.read_bytes() for path in chapters.folder().glob("[0-9][0-9]_*")}


def save(page, path):
    """Save with the keyboard, and wait until that is done; returns the notebook as a dict."""
    page.keyboard.press("Control+s")
    page.wait_for_function("() => !window.jupyterapp.shell.currentWidget.context.model.dirty")
    return json.loads(path.read_text(encoding="utf-8"))


def test_no_dialog_and_no_news_and_work_is_saved_in_the_copy_alone(server, page):
    before, copy = course_files(), server.folder / "01_cnn.ipynb"
    lab.open_notebook(page, server, copy.name)
    page.wait_for_timeout(3000)  # the news pop-up comes a while after the start
    assert page.locator(".jp-Dialog, .Toastify__toast").count() == 0
    page.locator(".jp-CodeCell .cm-content").first.click()
    page.keyboard.press("Control+End")
    page.keyboard.type("\nmy_answer = 42")
    saved = save(page, copy)
    assert "my_answer = 42" in json.dumps(saved["cells"]) and "jupytext" not in saved["metadata"]
    assert [path.name for path in server.folder.glob("01_cnn*")] == [copy.name], "no .py is written beside it"
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
    lab.run_all(page)
    code = [cell for cell in save(page, copy)["cells"] if cell["cell_type"] == "code"]
    assert all(cell["execution_count"] for cell in code)
    outputs = [output for cell in code for output in cell["outputs"]]
    assert not [output for output in outputs if "ename" in output or output.get("name") == "stderr"]
    assert any("image/png" in output.get("data", {}) for output in outputs)


def test_every_control_of_every_explorer_changes_the_picture(server, page):
    """All chapters' explorers in one notebook: one kernel and one page."""
    path, everything, expected = server.folder / "explorers.ipynb", nbformat.v4.new_notebook(), 0
    for source in chapters.paths():
        expected += lab.write_explorer_notebook(source, path)
        everything.cells += nbformat.read(path, as_version=4).cells
    everything.metadata = nbformat.read(path, as_version=4).metadata
    nbformat.write(everything, path)
    lab.open_notebook(page, server, path.name)
    cells = lab.run_all(page)
    assert not [output for cell in cells for output in cell["outputs"] if "ename" in output], cells
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
        assert explorer.locator("img").first.evaluate("e => e.naturalWidth") >= 400

"""What a learner meets in JupyterLab: the working copy, a chapter run whole, and explorers that answer."""

import collections
import json
import subprocess
import sys

import nbformat
import pytest

from course import chapters
from tests.browser.conftest import opened
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


def shown(page, server, notebook, expected):
    """The explorers of a notebook, run here and now in sight, one after the other; the stage has answered."""
    lab.open_notebook(page, server, notebook)
    cells = lab.run_all(page)
    assert not [output for cell in cells for output in cell["outputs"] if "ename" in output], cells
    page.locator(lab.STAGE).nth(expected - 1).wait_for(state="attached")
    found = page.locator(".course-explorer").all()
    assert len(found) == expected
    for explorer in found:
        explorer.scroll_into_view_if_needed()
        lab.settled(page, explorer)
        yield explorer


def test_explorers_fit_into_the_window_and_answer_keys_pointer_pen_and_play(server, page):
    """All chapters' explorers in one notebook: one kernel and one page."""
    path, everything, expected = server.folder / "explorers.ipynb", nbformat.v4.new_notebook(), 0
    for source in chapters.paths():
        expected += lab.write_explorer_notebook(source, path)
        everything.cells += nbformat.read(path, as_version=4).cells
    everything.metadata = nbformat.read(path, as_version=4).metadata
    nbformat.write(everything, path)
    page.set_viewport_size({"width": 1280, "height": 720})
    did, faults = collections.Counter(), []

    def hold(what, kind, name):
        did[kind] += 1
        if not what:
            faults.append(f"{kind} {name}, of an explorer that shows: {explorer.inner_text()}")

    for explorer in shown(page, server, path.name, expected):
        lab.open_all_controls(page, explorer)
        box = explorer.bounding_box()
        hold(box["width"] <= 848 and box["height"] <= 600, "size", box)
        hold(explorer.locator(".course-alt").count() == 0, "text alternative", "twice")
        for label, element, keys in lab.controls_of(explorer):
            hold(label and element.evaluate("e => e.tabIndex") >= 0, "label or tab stop of", label)
            if keys == lab.PRESSES:  # it may empty what another control has emptied
                explorer.get_by_role("button", name="Reset").click()
            hold(lab.move(page, explorer, element, keys, 4), "control", label)
        for panel in explorer.locator("[data-panel]").all():
            explorer.get_by_role("button", name="Reset").click()
            hold(lab.drag(page, explorer, panel, 4), "panel", panel.get_attribute("data-panel"))
            if panel.locator("canvas").count():
                wide, natural = explorer.locator("img.course-picture").evaluate(
                    "e => [e.width, e.naturalWidth]"
                )
                hold(natural == 2 * wide, "crisp picture", "after ink")
        letters = explorer.locator("[data-letter]")
        if letters.count():
            before = lab.settled(page, explorer)
            letters.nth(20).click()
            hold(lab.has_changed(page, explorer, before, 4), "letter", "clicked")
            (x, y), (right, _) = (
                (box["x"] + 2, box["y"] + 8) for box in (letters.nth(k).bounding_box() for k in (2, 12))
            )
            page.mouse.move(x, y)
            page.mouse.down()
            page.mouse.move(right, y, steps=5)
            page.mouse.up()
            hold(len(page.evaluate("getSelection().toString()")) > 5, "letter", "selected")
        parts = explorer.locator("[data-set]:not([data-letter])")
        if parts.count():
            before = lab.settled(page, explorer)
            parts.last.focus()
            page.keyboard.press("Enter")
            hold(lab.has_changed(page, explorer, before, 4), "part", parts.count())
        if explorer.locator(".course-play").count():
            explorer.get_by_role("button", name="Reset").click()
            hold(lab.play(page, explorer), "play", "")
    assert not faults, "\n\n".join(faults)
    least = {"control": 50, "panel": 20, "crisp picture": 3, "part": 3, "play": 8}
    assert all(did[kind] >= count for kind, count in least.items()), did


@pytest.fixture
def small(server):
    """A notebook with the explorers of chapter 1: its name, and how many they are."""
    expected = lab.write_explorer_notebook(chapters.find("01"), server.folder / "small.ipynb")
    return "small.ipynb", expected


def test_a_notebook_opened_again_without_its_kernel_shows_the_still_pictures(server, browser, small):
    name, expected = small
    with opened(browser) as page:
        list(shown(page, server, name, expected))
        saved = save(page, server.folder / name)
        page.evaluate("window.jupyterapp.commands.execute('kernelmenu:shutdown')")
        page.wait_for_function("() => !window.jupyterapp.shell.currentWidget.sessionContext.session?.kernel")
    outputs = [output for cell in saved["cells"] for output in cell.get("outputs", [])]
    stills = [output["data"] for output in outputs if "image/png" in output.get("data", {})]
    assert len(stills) == expected and all(still.keys() == {"image/png", "text/plain"} for still in stills)
    with opened(browser) as page:
        page.goto(server.page_of(name))
        still = page.locator(".jp-RenderedImage img").first
        still.wait_for()
        assert page.locator("text=model not found").count() == 0
        wide, natural = still.evaluate("e => [e.width, e.naturalWidth]")
        assert wide <= 840 and natural == 2 * wide


def test_without_the_anywidget_the_sliders_do_everything_and_no_error_is_shown(browser, tmp_path):
    state, folder = tmp_path / "jupyter", tmp_path / "my"
    folder.mkdir()
    (state / "config" / "labconfig").mkdir(parents=True)
    disabled = {"disabledExtensions": {"anywidget": True}}
    (state / "config" / "labconfig" / "page_config.json").write_text(json.dumps(disabled))
    expected = lab.write_explorer_notebook(chapters.find("01"), folder / "small.ipynb")
    with lab.serve(folder, state) as server, browser.new_context() as context:
        page = context.new_page()
        lab.open_notebook(page, server, "small.ipynb")
        lab.run_all(page)
        page.locator(".course-explorer").nth(expected - 1).wait_for(state="attached")
        page.wait_for_timeout(1000)
        assert page.locator(".course-stage").count() == 0
        for error in (".jupyter-widgets-error-widget", "text=/Error displaying|Failed to/"):
            assert page.locator(error).count() == 0
        for explorer in page.locator(".course-explorer").all():
            explorer.scroll_into_view_if_needed()
            label, element, keys = lab.controls_of(explorer)[0]
            assert lab.move(page, explorer, element, keys), label


def test_notebook_7_shows_an_explorer_that_the_pointer_moves(server, browser, small):
    name, expected = small
    with browser.new_context() as context:  # its own console is not free of errors
        page = context.new_page()
        page.goto(f"{server.address}/notebooks/{name}?token={server.token}")
        page.locator(".jp-Notebook .jp-CodeCell").first.wait_for()
        page.get_by_role("menuitem", name="Run", exact=True).click()
        page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
        page.locator(lab.STAGE).nth(expected - 1).wait_for(state="attached", timeout=60_000)
        explorer = page.locator(".course-explorer").nth(1)  # its first control is a menu, which has no keys
        explorer.scroll_into_view_if_needed()
        label, element, keys = lab.controls_of(explorer)[0]
        assert lab.move(page, explorer, element, keys), label
        assert lab.drag(page, explorer, explorer.locator("[data-panel]").first)
        assert lab.play(page, explorer)

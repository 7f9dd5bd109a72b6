"""What a learner meets under a check in JupyterLab: the verdict, hints and the solution by buttons."""

import nbformat
import pytest

from tests.browser.conftest import opened
from tools.bench import lab

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

CELLS = """
from course import exercises

def my_output_size(n, kernel, stride, padding, dilation):
    return n - 7 * kernel

exercises.cnn.output_size.check(my_output_size)
# %%
def my_output_size(n, kernel, stride, padding, dilation):
    return (n + 2 * padding - dilation * (kernel - 1) - 1) // stride + 1

exercises.cnn.output_size.check(my_output_size)
# %%
exercises.progress()
"""


def test_buttons_give_hints_and_after_a_question_the_solution(server, browser):
    path = server.folder / "exercise.ipynb"
    cells = [nbformat.v4.new_code_cell(source.strip()) for source in CELLS.split("# %%")]
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=kernel), path)
    with opened(browser) as page:
        lab.open_notebook(page, server, path.name)
        lab.run_all(page)
        failed, passed, progress = page.locator(".jp-CodeCell").all()
        assert "✗ Not right yet. Expected" in failed.inner_text()
        assert "✓ Passed." in passed.inner_text() and passed.get_by_role("button").count() == 1
        for number in (1, 2, 3):
            failed.get_by_role("button", name=f"Hint {number} of 3").click()
            failed.get_by_text(f"Hint {number} of 3.").wait_for()
        assert failed.get_by_role("button", name="No more hints").is_disabled()
        failed.get_by_role("button", name="Worked solution").click()
        failed.get_by_role("button", name="Show the solution?").wait_for()
        assert failed.get_by_text("A worked solution").count() == 0
        failed.get_by_role("button", name="Show the solution?").click()
        failed.get_by_text("A worked solution").wait_for()
        for summary in progress.locator("summary, li").all():
            assert summary.evaluate("e => getComputedStyle(e).textAlign") in ("left", "start")
        lab.run_all(page)  # a second check begins with the hints that were given
        for number in (1, 2, 3):
            failed.get_by_text(f"Hint {number} of 3.").wait_for()
        assert failed.get_by_text("A worked solution").count() == 0
        page.keyboard.press("Control+s")
        page.wait_for_function("() => !window.jupyterapp.shell.currentWidget.context.model.dirty")
        page.evaluate("window.jupyterapp.commands.execute('kernelmenu:shutdown')")
        page.wait_for_function("() => !window.jupyterapp.shell.currentWidget.sessionContext.session?.kernel")
    with opened(browser) as page:  # without its kernel, no widget can be shown
        page.goto(server.page_of(path.name))
        failed, passed = (page.locator(".jp-CodeCell").nth(i) for i in (0, 1))
        failed.get_by_text("exercises.cnn.output_size.hint()").wait_for()
        assert "✗ Not right yet." in failed.inner_text() and "✓ Passed." in passed.inner_text()
        assert page.locator("text=/model not found|Error displaying/").count() == 0

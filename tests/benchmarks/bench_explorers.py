"""From key press to changed picture: each control of each explorer, in Chromium, by the page's own clock."""

import statistics
import tempfile
from pathlib import Path

from course import chapters
from tests.browser import lab

PRESSES = 15
BAR = "median <= 100 ms, aim 50"


def rows():
    """Measure every slider and text field of every chapter's explorers.

    Returns:
        list of (name, median milliseconds, bar).
    """
    with tempfile.TemporaryDirectory() as temporary:
        folder, state = Path(temporary, "my"), Path(temporary, "jupyter")
        folder.mkdir()
        state.mkdir()
        with lab.serve(folder, state) as server, lab.browse() as browser:
            measured = []
            for source in chapters.paths():
                measured += measure_chapter(browser, server, source)
    return measured


def measure_chapter(browser, server, source):
    """The rows of one chapter's explorers."""
    page = browser.new_page(viewport={"width": 1280, "height": 800})
    path = server.folder / f"{source.stem}.ipynb"
    if lab.write_explorer_notebook(source, path) == 0:
        return []
    lab.open_notebook(page, server, path.name)
    lab.run_all(page)
    page.locator(".course-explorer img").first.wait_for()
    found = []
    for explorer in page.locator(".course-explorer").all():
        explorer.scroll_into_view_if_needed()
        for label, element, keys in lab.controls_of(explorer):
            if element.evaluate("e => e.matches('[role=slider], input[type=text]')"):
                if lab.move(page, explorer, element, keys):  # now away from the end of its range
                    pressed = lab.measure_latencies(page, explorer, element, keys[::-1], PRESSES)
                    found.append((f"{source.stem} explorer, {label}: ms", statistics.median(pressed), BAR))
    page.close()
    return found

"""From a change of a control to the changed picture: each control of each explorer, in Chromium.

The page's own clock is read, from the key press (of a list: from the choice) to the decoded new picture.
"""

import statistics
import tempfile
from pathlib import Path

from playwright.sync_api import Error

from course import chapters
from tests.benchmarks.measure import Row, percentile
from tools.bench import lab

TITLE = "Explorers in the browser"
CHANGES, QUICK_CHANGES = 50, 6
MEDIAN, AIM = 100, 50  # milliseconds
# A list opens outside the page, so its entries are chosen by a script; WATCH counts from the key event.
CHOOSE = """(element, index) => {
    element.dispatchEvent(new KeyboardEvent("keydown", {bubbles: true}));
    element.selectedIndex = index;
    element.dispatchEvent(new Event("change", {bubbles: true}));
}"""


def choice_latencies(page, explorer, element, times):
    """As lab.measure_latencies, of a list: two entries in turn, its second and third where it has three.

    The first or the last may be "own settings", which keeps the picture that the entry before has left.
    """
    a, b = (1, 2) if element.evaluate("e => e.options.length") > 2 else (0, 1)
    explorer.evaluate(lab.WATCH)
    for number in range(times):
        chosen = element.evaluate("e => e.selectedIndex")
        element.evaluate(CHOOSE, b if chosen == a else a)
        page.wait_for_function("number => window.latencies.length > number", arg=number, timeout=10_000)
        page.wait_for_timeout(50)
    return page.evaluate("window.latencies")


def latencies(page, explorer, element, keys, times):
    """Milliseconds of each of so many changes of a control, which is moved once before."""
    if not lab.move(page, explorer, element, keys):  # now away from the end of its range
        raise RuntimeError(f"{lab.label_of(element)} does not change the picture")
    if element.evaluate("e => e.matches('select')"):
        return choice_latencies(page, explorer, element, times)
    return lab.measure_latencies(page, explorer, element, keys[::-1], times)


def chapter_rows(browser, server, source, times):
    """Yield two rows for each control of one chapter's explorers."""
    page = browser.new_page(viewport={"width": 1280, "height": 800})
    path = server.folder / f"{source.stem}.ipynb"
    if lab.write_explorer_notebook(source, path) == 0:
        return
    lab.open_notebook(page, server, path.name)
    lab.run_all(page)
    page.locator(".course-explorer img").first.wait_for()
    for number, explorer in enumerate(page.locator(".course-explorer").all(), 1):
        explorer.scroll_into_view_if_needed()
        for label, element, keys in lab.controls_of(explorer):
            name = f"{source.stem}, explorer {number}, {label}"
            try:
                found = latencies(page, explorer, element, keys, times)
            except (RuntimeError, Error) as error:  # of one control: the others are measured all the same
                yield Row(name, float("nan"), "ms", MEDIAN, failure=str(error))
                continue
            yield Row(f"{name}: median", statistics.median(found), "ms", MEDIAN, AIM)
            yield Row(f"{name}: 95th percentile", percentile(found, 95), "ms")
    page.close()


def rows(quick):
    """Yield the rows of the bench driver; the quick form measures the explorers of chapter 1 alone."""
    sources = [chapters.find("01")] if quick else chapters.paths()
    with tempfile.TemporaryDirectory() as temporary:
        folder, state = Path(temporary, "my"), Path(temporary, "jupyter")
        folder.mkdir()
        state.mkdir()
        with lab.serve(folder, state) as server, lab.browse() as browser:
            for source in sources:
                yield from chapter_rows(browser, server, source, QUICK_CHANGES if quick else CHANGES)

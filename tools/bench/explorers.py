"""Explorers in JupyterLab: from a key press (of a list the choice, of a panel the pointer's move)
to the decoded new picture.

Found are all controls of all explorers of all chapters, and all panels that the pointer reaches.
"""

import statistics
import tempfile
from functools import partial
from pathlib import Path

from playwright.sync_api import Error

from course import chapters
from tools.bench import lab
from tools.bench.measure import Row, crash

CHANGES, QUICK_CHANGES = 50, 4
BAR, AIM = 100, 50  # milliseconds


def chapter_rows(page, server, source, times):
    """Yield a row for each control of one chapter's explorers.

    Raises:
        RuntimeError: not every cell tagged `explorer` shows one.
    """
    path = server.folder / f"{source.stem}.ipynb"
    expected = lab.write_explorer_notebook(source, path)
    if expected == 0:
        return
    lab.open_notebook(page, server, path.name)
    lab.run_all(page)
    page.locator(lab.STAGE).nth(expected - 1).wait_for(state="attached")
    explorers = page.locator(".course-explorer").all()
    if len(explorers) != expected:
        raise RuntimeError(f"{len(explorers)} explorers are shown by {expected} cells")
    for number, explorer in enumerate(explorers, 1):
        explorer.scroll_into_view_if_needed()
        lab.open_all_controls(page, explorer)
        moves = {
            label: partial(median_latency, page, explorer, element, keys, times)
            for label, element, keys in lab.controls_of(explorer)
            if keys != lab.PRESSES  # pressed twice, a button may change nothing
        } | {
            f"pointer in {panel.get_attribute('data-panel')}": partial(
                median_drag, page, explorer, panel, times
            )
            for panel in explorer.locator("[data-panel]").all()
        }
        for label, measure in moves.items():
            name = f"{source.stem}, explorer {number}, {label}"
            try:
                yield Row(name, measure(), "ms", BAR, AIM)
            except (RuntimeError, Error) as error:  # of one control: the others are measured all the same
                yield crash(name, error)


def median_latency(page, explorer, element, keys, times):
    """Milliseconds of a change of a control: the median of so many, after one to warm up.

    Raises:
        RuntimeError: the control does not change the picture.
    """
    if not lab.move(page, explorer, element, keys):  # now away from the end of its range
        raise RuntimeError("it does not change the picture")
    return statistics.median(lab.measure_latencies(page, explorer, element, keys[::-1], times))


def median_drag(page, explorer, panel, times):
    """Milliseconds of a pointer's move in a panel: the median of those that changed the picture.

    Raises:
        RuntimeError: none did.
    """
    latencies = lab.measure_drag(page, explorer, panel, times)
    if not latencies:
        raise RuntimeError("it does not change the picture")
    return statistics.median(latencies)


def rows(quick):
    """Yield the rows of all chapters; the quick form measures the first chapter's explorers alone."""
    times = QUICK_CHANGES if quick else CHANGES
    with tempfile.TemporaryDirectory() as temporary:
        folder, state = Path(temporary, "my"), Path(temporary, "jupyter")
        folder.mkdir()
        state.mkdir()
        with lab.serve(folder, state) as server, lab.browse() as browser:
            for source in chapters.paths()[: 1 if quick else None]:
                page = browser.new_page(viewport={"width": 1280, "height": 800})
                try:
                    yield from chapter_rows(page, server, source, times)
                except (RuntimeError, Error) as error:
                    yield crash(source.stem, error)
                page.close()

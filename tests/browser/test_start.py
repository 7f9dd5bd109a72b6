"""The start page in JupyterLab, as a learner first sees it: before any cell has run, and not yet trusted."""

import pytest

from course.cards import CARDS
from tools.bench import lab

pytestmark = [pytest.mark.browser, pytest.mark.timeout(600)]
CARD = ".jp-OutputArea-output img:not([src^='data:image/svg'])"
# Whether a picture is drawn, how wide, and whether its card ends with its progress.
LOOK = """images => images.map(image => [image.complete && image.naturalWidth > 0 && image.clientWidth,
    image.closest("div").textContent.trim().endsWith("exercises solved")])"""


@pytest.fixture
def start_page(server, page):
    lab.open_notebook(page, server, "start.ipynb")
    page.locator(CARD).nth(len(CARDS) - 1).wait_for(state="attached")
    return page


def test_cards_stand_there_untrusted_and_nothing_asks_to_be_saved(start_page):
    page = start_page
    shown = page.locator(CARD).evaluate_all(LOOK)
    assert len(shown) == len(CARDS) and all(width > 200 and whole for width, whole in shown), shown
    assert page.locator(CARD).first.get_attribute("alt")
    begin = page.get_by_role("link", name="Begin with chapter 0")
    assert begin.bounding_box()["y"] < 500, "in sight at once"
    page.wait_for_timeout(1000)  # the kernel has said what it is
    model = "window.jupyterapp.shell.currentWidget"
    assert page.evaluate(f"{model}.context.model.dirty") is False
    assert page.evaluate(f"{model}.content.model.cells.get(1).trusted") is False


def test_a_click_opens_the_notebook_beside_it(start_page):
    page, current = start_page, "window.jupyterapp.shell.currentWidget"
    for name, opened in (("1 · CNN", "01_cnn"), ("Play with", "play")):
        page.get_by_role("link", name=name).click()
        page.wait_for_function(f"() => {current}?.context?.path === '{opened}.ipynb'", timeout=60_000)
        page.get_by_role("tab", name="start.ipynb").click()
    assert len(page.context.pages) == 1, "in JupyterLab itself"

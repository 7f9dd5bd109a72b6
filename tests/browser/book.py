"""What the tests of the book share."""

import contextlib

from axe_playwright_python.sync_playwright import Axe
from bs4 import BeautifulSoup

from course import chapters
from tests.browser.conftest import opened

STEMS = [path.stem for path in chapters.paths()]
PHONE = {"width": 390, "height": 844}
# Every formula is set, and every picture has come, those too that are fetched when scrolled to.
READY = """async () => {
    await window.MathJax?.startup?.promise;
    const pictures = [...document.querySelectorAll("main img")];
    pictures.forEach(picture => { picture.loading = "eager"; });
    await Promise.all(pictures.map(picture => picture.decode()));
}"""


@contextlib.contextmanager
def shown(browser, address, name, **settings):
    """A page of the book, ready; at the end nothing may be missing, and no request gone elsewhere."""
    with opened(browser, **settings) as page:
        missing, page.asked = [], []
        page.on("response", lambda answer: missing.append(answer.url) if answer.status >= 400 else None)
        page.on("request", lambda request: page.asked.append(request.url))
        page.goto(address + name)
        page.evaluate(READY)
        yield page
        elsewhere = [url for url in page.asked if not url.startswith((address, "data:"))]
        assert not missing and not elsewhere, missing + elsewhere


def parsed(path):
    return BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser")


def faults_of(page, context=None, **options):
    """What axe finds to be serious; with `preload` it would fetch the style sheets a second time."""
    found = Axe().run(page, context, options={"preload": False, "resultTypes": ["violations"]} | options)
    return [
        (fault["id"], node["html"][:200], node["failureSummary"])
        for fault in found.response["violations"]
        if fault["impact"] in ("serious", "critical")
        for node in fault["nodes"]
    ]

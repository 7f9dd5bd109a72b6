"""The book as its reader meets it: no warning in building it, every link followed.

All pages are built and looked at each time, with frames for one chapter; with all frames in `make soak`.
"""

import json
import re
from urllib.parse import unquote, urldefrag

import pytest

import links
from tests.browser.book import PHONE, STEMS, faults_of, parsed, shown
from tests.helpers.places import ROOT

pytestmark = [pytest.mark.browser, pytest.mark.timeout(1500)]
PAGES = ["index", "class", *(f"notebooks/{stem}" for stem in STEMS)]
# Code consists of thousands of coloured words of a few kinds: one of each kind in each kind of place is left.
ONE_WORD_OF_EACH_KIND = """() => {
    const seen = new Set();
    for (const word of document.querySelectorAll(".highlight span:not(:has(span))")) {
        const place = word.closest(".cell_input, .cell_output, .highlight").className;
        const kind = [place, word.parentElement.className, word.className].join("|");
        if (seen.has(kind)) word.replaceWith(word.textContent);
        seen.add(kind);
    }
}"""


def test_every_link_leads_somewhere_and_nothing_is_loaded_from_elsewhere(folder):
    # `_static` holds templates of the theme too.
    pages = {path: parsed(path) for path in folder.rglob("*.html") if "_static" not in path.parts}
    names = {path: {tag["id"] for tag in soup.find_all(id=True)} for path, soup in pages.items()}
    followed = 0
    for path, soup in pages.items():
        for tag in soup.find_all(["a", "link", "script", "img", "source", "iframe"]):
            link = tag.get("href") or tag.get("src") or ""
            if not link or re.match(r"[a-z]+:|//", link):
                assert tag.name == "a" or not link or link.startswith("data:"), f"{path.name} loads {link}"
                continue
            target, fragment = urldefrag(link)
            target = (path.parent / unquote(target.split("?")[0])).resolve() if target else path
            target = target / "index.html" if target.is_dir() else target
            assert target.is_file(), f"{path.relative_to(folder)}: {link}"
            assert not fragment or target not in names or unquote(fragment) in names[target], (path, link)
            followed += 1
    assert followed > 1000
    for stem in STEMS:  # the theme's own buttons
        launch = pages[folder / "notebooks" / f"{stem}.html"].select(".dropdown-launch-buttons a")
        assert {tag["href"] for tag in launch} == {
            f"https://mybinder.org/v2/gh/{links.stated()}/HEAD?urlpath=lab/tree/my/{stem}.ipynb",
            f"https://colab.research.google.com/github/{links.stated()}/blob/main/notebooks/{stem}.ipynb",
        }


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_legible_to_everybody(browser, address, name):
    with shown(browser, address, f"{name}.html", color_scheme="light") as page:
        assert page.locator("article h1").count() == 1
        assert page.locator("mjx-merror").count() == 0
        prose = "main p, main li, main h2, main h3, main td, main summary"
        texts = page.locator(prose).evaluate_all(
            "all => all.filter(e => !e.closest('.cell_output, code')).map(e => e.textContent)"
        )
        assert not [text for text in texts if name.startswith("n") and "$" in text], "a formula not set"
        if name.startswith("notebooks"):
            check_content(page, json.loads((ROOT / f"{name}.ipynb").read_text(encoding="utf-8"))["cells"])
        page.evaluate(ONE_WORD_OF_EACH_KIND)
        assert faults_of(page) == []
        # Without a transition, in which axe would meet colours on their way.
        page.add_style_tag(content="* { transition: none !important }")
        page.emulate_media(color_scheme="dark")
        page.wait_for_function("document.documentElement.dataset.theme === 'dark'")
        assert faults_of(page, runOnly=["color-contrast"]) == []
        page.set_viewport_size(PHONE)
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


def check_content(page, cells):
    """A chapter's page has its formulas, pictures and code."""
    assert page.locator("mjx-container").count() > 50
    outputs = [output.get("data", {}) for cell in cells for output in cell.get("outputs", [])]
    pictures = page.locator("main .cell_output img")
    assert pictures.count() == sum("image/png" in data for data in outputs)
    assert all(pictures.evaluate_all("all => all.map(i => i.alt.length > 20 && i.naturalWidth > 100)"))
    assert page.locator("main .cell_input").count() == sum(cell["cell_type"] == "code" for cell in cells)


def test_the_reader_searches_and_copies_code(browser, address):
    with shown(browser, address, "search.html?q=convolution") as page:
        page.locator("#search-results li a[href*='01_cnn']").first.wait_for()
    clipboard = {"permissions": ["clipboard-read", "clipboard-write"]}
    with shown(browser, address, "notebooks/01_cnn.html", **clipboard) as page:
        cell = page.locator(".cell_input .highlight", has_text="def correlate").first
        cell.hover()
        cell.locator("button.copybtn").click()
        cell.locator("button.copybtn.success").wait_for()
        assert page.evaluate("navigator.clipboard.readText()").startswith("def correlate(x, weight):\n")

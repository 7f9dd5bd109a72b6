"""The book as its reader meets it: no warning in building it, every link followed, every page looked at.

All pages are built and measured each time, with frames for one chapter; with all frames in `make soak`.
"""

import json
import re
from urllib.parse import unquote, urldefrag

import pytest

import links
from tests.browser.book import PHONE, STEMS, faults_of, parsed, shown
from tests.browser.conftest import opened
from tests.helpers.places import ROOT

pytestmark = [pytest.mark.browser, pytest.mark.timeout(1500)]
KINDS = [  # one page of each kind, for what takes long
    "index",
    "class",
    "terms",
    "diagrams",
    "notebooks/play",
    "notebooks/01_cnn",
    "notebooks/01_cnn/the-size-of-the-output",
    "notebooks/01_cnn/a-convolution-is-a-matrix",
    "notebooks/03_attention/the-whole-transformer",
]
PREDICTION = "notebooks/01_cnn/convolution-or-correlation.html"
PAPER = {"width": 718, "height": 1000}  # A4 without margins of 1 cm, in the page's pixels
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
WIDE_CODE = """() => [...document.querySelectorAll("article .cell_input pre")]
    .filter(e => e.scrollWidth > e.clientWidth).map(e => e.textContent.slice(0, 200))"""
# What a printer would cut: the text of a page, or what a box of its own would scroll to.
CUT = """() => [document.documentElement, ...document.querySelectorAll("article pre, article .cell_output")]
    .filter(e => e.scrollWidth > e.clientWidth + 1).map(e => e.textContent.trim().slice(0, 200))"""
FITS = "document.documentElement.scrollWidth <= window.innerWidth"
PROSE = "article p, article li, article h2, article h3, article td, article summary"


@pytest.fixture(scope="module")
def pages(folder):
    """All pages, parsed; `_static` holds templates of the theme too."""
    return {path: parsed(path) for path in folder.rglob("*.html") if "_static" not in path.parts}


def cells_of(stem):
    return json.loads((ROOT / "notebooks" / f"{stem}.ipynb").read_text(encoding="utf-8"))["cells"]


def test_every_link_leads_somewhere_and_nothing_is_loaded_from_elsewhere(folder, pages):
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


def test_a_section_is_a_page_that_runs_as_its_whole_chapter(folder, pages):
    for stem in STEMS:
        cells = cells_of(stem)
        texts = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown"]
        headings = re.findall(r"^## (?!Go further|Sources)(.*)", "\n".join(texts), re.MULTILINE)
        chapter = folder / "notebooks" / f"{stem}.html"
        parts = [chapter.parent / link["href"] for link in pages[chapter].select(".toctree-wrapper a")]
        assert len(parts) == len(headings) == len(set(parts)) == len(list(chapter.with_suffix("").iterdir()))
        soups = [pages[part.resolve()] for part in (chapter, *parts)]
        for soup in soups:
            assert {tag["href"] for tag in soup.select(".dropdown-launch-buttons a")} == {
                f"https://mybinder.org/v2/gh/{links.stated()}/HEAD?urlpath=lab/tree/my/{stem}.ipynb",
                f"https://colab.research.google.com/github/{links.stated()}/blob/main/notebooks/{stem}.ipynb",
            }
        check_content(soups, cells)


def check_content(soups, cells):
    """The pages of a chapter have all its code, pictures and exercises, and not its set-up and checks."""
    code = [cell for cell in cells if cell["cell_type"] == "code"]
    open_cells = [cell for cell in code if not cell["metadata"].get("jupyter", {}).get("source_hidden")]
    assert sum(len(soup.select("article .cell_input")) for soup in soups) == len(open_cells) > 20
    outputs = [output for cell in code for output in cell["outputs"]]
    pictures = [image for soup in soups for image in soup.select("article .cell_output img")]
    assert len(pictures) == sum("image/png" in output.get("data", {}) for output in outputs)
    assert all(len(image["alt"]) > 20 for image in pictures)
    stubs = [output for output in outputs if "Not attempted yet" in json.dumps(output)]
    solve = [link for soup in soups for link in soup.select(".solve a")]
    assert len(solve) == len(stubs) > 5 and all("colab" in link["href"] for link in solve)
    assert not [soup for soup in soups if "Not attempted yet" in soup.get_text()]
    results = [cell for cell in code if "result" in cell["metadata"].get("tags", []) and cell["outputs"]]
    assert sum(len(soup.select("details.hide")) for soup in soups) == len(results)
    texts = "".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown")
    for kind in ("exercise", "prediction"):
        blocks = [block for soup in soups for block in soup.select(f".course-{kind}")]
        assert len(blocks) == texts.count(f'<div class="course-{kind}"')
        assert all(block.find_previous_sibling().name == "h2" for block in blocks)


def test_terms_lead_to_the_words_in_bold(folder, pages):
    lines = (ROOT / "docs" / "terms.txt").read_text(encoding="utf-8").splitlines()
    said = {line.partition(" = ")[0]: line.split(" = ")[-1] for line in lines}
    found = {}
    for link in pages[folder / "terms.html"].select("article li a[href*='#term-']"):
        place, _, fragment = link["href"].partition("#")
        found[plain(link)] = plain(pages[folder / place].find(id=fragment).strong).casefold()
    assert found == {term: words.casefold() for term, words in said.items()} and len(said) > 50


def plain(tag):
    """A tag's text, its apostrophes as an author types them."""
    return " ".join(tag.get_text().replace("’", "'").split())


def test_the_front_page_shows_all_there_is(folder, pages):
    soup = pages[folder / "index.html"]
    assert [link["href"] for link in soup.select(".cards a")] == [f"notebooks/{s}.html" for s in STEMS]
    shown = {link["href"].partition("#")[2] for link in soup.select(".gallery a")}
    play = pages[folder / "notebooks" / "play.html"]
    assert len(shown) == sum("[explorer]" in json.dumps(cell.get("outputs")) for cell in cells_of("play"))
    assert all(play.find(id=each) for each in shown)
    assert soup.select("figure.explorer input")


def test_the_whole_book_is_small(folder, moving):
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    assert size <= (60e6 if len(moving) > 1 else 35e6)


@pytest.mark.parametrize("name", KINDS)
def test_a_page_is_legible_to_everybody(browser, address, name):
    with shown(browser, address, f"{name}.html", color_scheme="light") as page:
        # Without a transition, in which axe would meet colours on their way.
        page.add_style_tag(content="* { transition: none !important; animation: none !important }")
        page.locator("article details").evaluate_all("all => all.forEach(e => { e.open = true; })")
        page.evaluate(ONE_WORD_OF_EACH_KIND)
        assert faults_of(page) == []
        page.emulate_media(color_scheme="dark")
        page.wait_for_function("document.documentElement.dataset.theme === 'dark'")
        assert faults_of(page, runOnly=["color-contrast"]) == []


def test_pages_fit_a_laptop_a_phone_and_paper(browser, address, folder, pages, moving):
    """Every third one of the chapters' pages; in the soak run every one."""
    inner = sorted(path for path in pages if path.parent.parent.name == "notebooks")
    outer = sorted(pages.keys() - set(inner))
    with opened(browser) as page:
        for path in outer + (inner if len(moving) > 1 else inner[::3]):
            name = path.relative_to(folder).as_posix()
            page.set_viewport_size({"width": 1440, "height": 900})
            page.goto(address + name)
            page.evaluate("window.MathJax?.startup?.promise")
            assert page.locator("article h1").count() == (name != "search.html"), name
            assert page.locator("mjx-merror").count() == 0, name
            if name.startswith("notebooks"):
                texts = page.locator(PROSE).evaluate_all(
                    "all => all.filter(e => !e.closest('.cell_output, code')).map(e => e.textContent)"
                )
                assert not [text for text in texts if "$" in text], f"{name}: a formula not set"
                assert page.evaluate(WIDE_CODE) == [], f"{name}: code wider than its cell"
            page.set_viewport_size(PHONE)
            assert page.evaluate(FITS), f"{name}: wider than a phone"
            page.set_viewport_size(PAPER)
            page.emulate_media(media="print")
            assert page.evaluate(CUT) == [], f"{name}: cut on paper"
            page.emulate_media(media="screen")


def test_a_result_is_folded_until_it_is_asked_for(browser, address):
    with shown(browser, address, PREDICTION) as page:
        fold = page.locator("details.hide").first
        result, text = fold.locator(".cell_output, pre").first, "largest difference"
        assert fold.count() == 1 and text in fold.text_content() and not result.is_visible()
        fold.locator("summary", has_text="Show the result").click()
        assert text in fold.inner_text() and result.is_visible()


def test_the_reader_searches_and_copies_code(browser, address):
    with shown(browser, address, "search.html?q=dilation") as page:
        page.locator("#search-results li a[href*='01_cnn/the-size-of-the-output']").first.wait_for()
    clipboard = {"permissions": ["clipboard-read", "clipboard-write"]}
    with shown(browser, address, "notebooks/01_cnn/the-naive-loop.html", **clipboard) as page:
        cell = page.locator(".cell_input .highlight", has_text="def correlate").first
        cell.hover()
        cell.locator("button.copybtn").click()
        cell.locator("button.copybtn.success").wait_for()
        assert page.evaluate("navigator.clipboard.readText()").startswith("def correlate(x, weight):\n")

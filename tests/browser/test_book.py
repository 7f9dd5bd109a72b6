"""The book as its reader meets it: no warning in building it, every link followed, explorers moved.

All pages are built and looked at each time, with frames for one chapter; with all frames in `make soak`.
"""

import contextlib
import functools
import http.server
import json
import re
import subprocess
import sys
import threading
from urllib.parse import unquote, urldefrag

import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from bs4 import BeautifulSoup
from PIL import Image

import links
from course import chapters
from tests.browser.conftest import opened
from tests.helpers.places import ROOT

pytestmark = [pytest.mark.browser, pytest.mark.timeout(1500)]
STEMS = [path.stem for path in chapters.paths()]
PAGES = ["index", "class", *(f"notebooks/{stem}" for stem in STEMS)]
PHONE = {"width": 390, "height": 844}
# Every formula is set, and every picture has come, those too that are fetched when scrolled to.
READY = """async () => {
    await window.MathJax?.startup?.promise;
    const pictures = [...document.querySelectorAll("main img")];
    pictures.forEach(picture => { picture.loading = "eager"; });
    await Promise.all(pictures.map(picture => picture.decode()));
}"""
EXPLORERS = "figure.explorer"
CONTROLS = "input[type=range], select"
FRAMES = "e => new URL(e.dataset.frames, document.baseURI).href"
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


@pytest.fixture(scope="module", params=["01_cnn", pytest.param("all", marks=pytest.mark.soak)])
def moving(request):
    """The chapters whose explorers move."""
    return STEMS if request.param == "all" else [request.param]


@pytest.fixture(scope="module")
def folder(moving, tmp_path_factory):
    """The folder of the book, built as `make book` builds it."""
    folder = tmp_path_factory.mktemp("book")
    command = [sys.executable, "tools/book.py", *moving, "--output", str(folder)]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert run.returncode == 0, run.stdout + run.stderr
    return folder


class Quiet(http.server.SimpleHTTPRequestHandler):
    """A server that writes no log."""

    def log_message(self, *arguments):
        pass


@pytest.fixture(scope="module")
def address(folder):
    """The book served on this machine alone; its address."""
    handler = functools.partial(Quiet, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


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


def faults_of(page, **options):
    """What axe finds to be serious; with `preload` it would fetch the style sheets a second time."""
    found = Axe().run(page, options={"preload": False, "resultTypes": ["violations"]} | options)
    return [
        (fault["id"], node["html"][:200], node["failureSummary"])
        for fault in found.response["violations"]
        if fault["impact"] in ("serious", "critical")
        for node in fault["nodes"]
    ]


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


def explorers_of(page):
    """The explorers of a page, one after the other, in sight."""
    for explorer in page.locator(EXPLORERS).all():
        explorer.scroll_into_view_if_needed()
        yield explorer


def test_explorers_move_without_a_kernel(browser, address, moving):
    for stem in moving:
        text = (ROOT / "notebooks" / f"{stem}.ipynb").read_text(encoding="utf-8")
        with shown(browser, address, f"notebooks/{stem}.html") as page:
            assert page.locator(EXPLORERS).count() == text.count('"[explorer] ') > 0
            assert not [url for url in page.asked if url.endswith(".webp")], "fetched before it is in sight"
            for explorer in explorers_of(page):
                move_all(page, explorer)


def move_all(page, explorer):
    """Move each control of an explorer by the keyboard to both its ends; its frames are there before."""
    controls, frames = explorer.locator(CONTROLS), explorer.evaluate(FRAMES)
    assert controls.count() in (1, 2)
    lengths = controls.evaluate_all("all => all.map(e => e.options?.length ?? Number(e.max) + 1)")
    while len([url for url in page.asked if url.startswith(frames)]) < np.prod(lengths):
        page.wait_for_timeout(50)
    before = len(page.asked)
    for control in controls.all():
        assert control.evaluate("e => e.labels[0].textContent.trim()")
        control.focus()
        if control.evaluate("e => e.matches('select')"):
            for index in (control.locator("option").count() - 1, 0):
                control.select_option(index=index)
                check_shown(explorer)
            continue
        for key in ("End", "Home", "ArrowRight"):
            page.keyboard.press(key)
            check_shown(explorer)
        labels = json.loads(control.get_attribute("data-labels"))
        assert control.input_value() == "1" and control.get_attribute("aria-valuetext") == labels[1]
        assert explorer.locator(f"output[for='{control.get_attribute('id')}']").text_content() == labels[1]
    assert page.asked[before:] == [], "a frame is fetched a second time"


def check_shown(explorer):
    """The picture is the one of the controls' places, and it is decoded."""
    place = "-".join(explorer.locator(CONTROLS).evaluate_all("all => all.map(e => e.value)"))
    width, address = explorer.locator("img").evaluate(
        "async i => { await i.decode(); return [i.naturalWidth, i.src]; }"
    )
    assert width > 100 and address == f"{explorer.evaluate(FRAMES)}{place}.webp"


def test_frames_begin_with_the_notebooks_picture_and_are_small(folder, moving):
    pages = folder / "notebooks"
    for figure in (figure for stem in moving for figure in parsed(pages / f"{stem}.html").select(EXPLORERS)):
        frames = {path.stem: path for path in (pages / figure["data-frames"]).glob("*.webp")}
        assert sum(path.stat().st_size for path in frames.values()) <= 1_500_000
        assert len({path.read_bytes() for path in frames.values()}) > 0.5 * len(frames)
        start = "-".join(place["value"] for place in figure.select("input, option[selected]"))
        first, still = (
            np.asarray(Image.open(path).convert("RGB"), dtype=float)
            for path in (frames[start], pages / figure.select_one("img")["src"])
        )
        assert tuple(2 * side for side in first.shape[:2]) == still.shape[:2]
        # By blocks of 10 of the page's pixels: the still has twice the density. Other frames differ by 6.
        difference = np.abs(in_blocks(first, 10) - in_blocks(still, 20)).mean()
        assert difference < 4, f"{figure['id']}: frame {start} is not the first picture"


def in_blocks(picture, side):
    """The means of a picture (H, W, 3) over squares of so many pixels."""
    height, width, _ = picture.shape
    return picture.reshape(height // side, side, width // side, side, 3).mean((1, 3))


def test_a_finger_moves_an_explorer(browser, address, moving):
    settings = {"viewport": PHONE, "has_touch": True, "is_mobile": True, "device_scale_factor": 2}
    for stem in moving:
        with shown(browser, address, f"notebooks/{stem}.html", **settings) as page:
            for explorer in explorers_of(page):
                before = explorer.locator("img").get_attribute("src")
                slider = explorer.locator("input[type=range]").first
                if slider.count() == 0:  # menus alone
                    continue
                box = slider.bounding_box()
                assert box["height"] >= 24 and box["x"] >= 0 and box["x"] + box["width"] <= PHONE["width"]
                start = int(slider.input_value()) / int(slider.get_attribute("max"))
                place = box["x"] + box["width"] * (0.95 if start < 0.5 else 0.05)
                page.touchscreen.tap(place, box["y"] + box["height"] / 2)
                check_shown(explorer)
                assert explorer.locator("img").get_attribute("src") != before
                picture = explorer.locator(".explorer-picture")
                assert picture.evaluate("e => { e.scrollLeft = 9; return e.scrollLeft; }") == 9


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

"""The site as its reader meets it: no warning in building it, every link followed, every explorer moved."""

import contextlib
import functools
import http.server
import io
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

from course import chapters
from tools.bench.lab import ROOT

pytestmark = [pytest.mark.browser, pytest.mark.timeout(1500)]
STEMS = [path.stem for path in chapters.paths()]
PAGES = ["index.html", "class.html", *(f"notebooks/{stem}.html" for stem in STEMS)]
DESKTOP, PHONE = {"width": 1280, "height": 800}, {"width": 390, "height": 844}
# Every formula is set, and every picture has come, those too that are fetched when scrolled to.
READY = """async () => {
    await window.MathJax?.startup?.promise;
    const pictures = [...document.querySelectorAll("main img")];
    pictures.forEach(picture => { picture.loading = "eager"; });
    await Promise.all(pictures.map(picture => picture.decode()));
}"""
EXPLORERS = "figure.explorer"
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


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The folder of the site, built as `make site` builds it."""
    folder = tmp_path_factory.mktemp("site")
    run = subprocess.run(
        [sys.executable, "tools/book.py", str(folder)], cwd=ROOT, capture_output=True, text=True
    )
    assert run.returncode == 0, run.stdout + run.stderr
    return folder


class Quiet(http.server.SimpleHTTPRequestHandler):
    """A server that writes no log."""

    def log_message(self, *arguments):
        pass


@pytest.fixture(scope="module")
def address(site):
    """The site served on this machine alone; its address."""
    handler = functools.partial(Quiet, directory=str(site))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


@contextlib.contextmanager
def opened(browser, address, name, **settings):
    """A page of the site, ready; at the end nothing may have failed, and no request gone elsewhere."""
    context = browser.new_context(**{"viewport": DESKTOP, **settings})
    page = context.new_page()
    faults, page.asked = [], []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("console", lambda message: faults.append(message.text) if message.type == "error" else None)
    page.on("response", lambda answer: faults.append(answer.url) if answer.status >= 400 else None)
    page.on("request", lambda request: page.asked.append(request.url))
    try:
        page.goto(address + name)
        page.evaluate(READY)
        yield page
    finally:
        context.close()
    assert not faults, faults
    elsewhere = [url for url in page.asked if not url.startswith((address, "data:"))]
    assert not elsewhere, elsewhere


def frames_asked(page):
    return [url for url in page.asked if url.endswith(".webp")]


def pages_of(site):
    """Paths of the pages; `_static` holds templates of the theme too."""
    return [path for path in site.rglob("*.html") if "_static" not in path.parts]


def twin(stem):
    return json.loads((ROOT / "notebooks" / f"{stem}.ipynb").read_text(encoding="utf-8"))


def test_every_internal_link_leads_somewhere(site):
    pages = {path: BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser") for path in pages_of(site)}
    places = {
        path: {tag["id"] for tag in soup.find_all(id=True)}
        | {tag["name"] for tag in soup.find_all("a", attrs={"name": True})}
        for path, soup in pages.items()
    }
    followed = 0
    for path, soup in pages.items():
        for tag in soup.find_all(["a", "link", "script", "img", "source"]):
            link = tag.get("href") or tag.get("src") or ""
            if not link or re.match(r"[a-z]+:", link):
                continue
            target, fragment = urldefrag(link)
            target = (path.parent / unquote(target.split("?")[0])).resolve() if target else path
            target = target / "index.html" if target.is_dir() else target
            assert target.is_file(), f"{path.relative_to(site)}: {link}"
            if fragment and target in places:
                assert unquote(fragment) in places[target], f"{path.relative_to(site)}: {link}"
            followed += 1
    assert followed > 1000


def test_what_a_page_loads_is_in_the_site(site):
    for path in pages_of(site):
        soup = BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser")
        loaded = [tag.get("src") for tag in soup.find_all(["script", "img", "iframe", "source"])]
        loaded += [
            tag.get("href")
            for tag in soup.find_all("link")
            if {"stylesheet", "preload"} & set(tag.get("rel", []))
        ]
        assert not [link for link in loaded if link and re.match(r"(https?:)?//", link)], path.name


@pytest.mark.parametrize("stem", STEMS)
def test_a_chapter_has_its_formulas_pictures_and_code(browser, address, stem):
    cells = twin(stem)["cells"]
    prose = "".join("".join(cell["source"]) + "\n\n" for cell in cells if cell["cell_type"] == "markdown")
    formulas = len(re.findall(r"(?s)\$\$.+?\$\$|(?<!\$)\$[^$\n]+\$(?!\$)", re.sub(r"`[^`\n]*`", "", prose)))
    outputs = [output.get("data", {}) for cell in cells for output in cell.get("outputs", [])]
    alts = sum("image/png" in data for data in outputs)
    with opened(browser, address, f"notebooks/{stem}.html") as page:
        assert page.locator("article h1").count() == 1
        assert page.locator("mjx-merror").count() == 0
        # A formula that is broken over two lines escapes the count above.
        assert page.locator("mjx-container").count() >= 0.9 * formulas > 50
        pictures = page.locator("main .cell_output img")
        assert pictures.count() == alts
        assert all(pictures.evaluate_all("all => all.map(i => i.alt.length > 20 && i.naturalWidth > 100)"))
        assert page.locator("main .cell_input").count() == sum(c["cell_type"] == "code" for c in cells)
        prose = "main p, main li, main h2, main h3, main td, main summary"
        texts = page.locator(prose).evaluate_all(
            "all => all.filter(e => !e.closest('.cell_output')).map(e => e.textContent)"
        )
        assert not [text for text in texts if "$" in text], "a formula that was not set"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", PAGES)
def test_no_serious_accessibility_fault(browser, address, name, scheme):
    with opened(browser, address, name, color_scheme=scheme) as page:
        page.evaluate(ONE_WORD_OF_EACH_KIND)
        # With `preload` axe would fetch the style sheets a second time, to paths of its own.
        options = {"preload": False, "resultTypes": ["violations"]}
        found = Axe().run(page, options=options).response["violations"]
    serious = [
        (fault["id"], node["html"][:200], node["failureSummary"])
        for fault in found
        if fault["impact"] in ("serious", "critical")
        for node in fault["nodes"]
    ]
    assert not serious, serious


@pytest.mark.parametrize("stem", STEMS)
def test_explorers_move_without_a_kernel(browser, address, site, stem):
    outputs = [output.get("data", {}) for cell in twin(stem)["cells"] for output in cell.get("outputs", [])]
    count = sum("".join(data.get("text/plain", "")).startswith("[explorer]") for data in outputs)
    with opened(browser, address, f"notebooks/{stem}.html") as page:
        explorers = page.locator(EXPLORERS)
        assert explorers.count() == count > 0
        assert not frames_asked(page), "frames are fetched before anybody scrolls to them"
        for explorer in explorers.all():
            explorer.scroll_into_view_if_needed()
            move_all(page, explorer)


def move_all(page, explorer):
    """Move each control of an explorer by the keyboard to both its ends; its frames are there before."""
    controls = explorer.locator("input[type=range], select")
    assert controls.count() in (1, 2)
    frames = explorer.evaluate("e => new URL(e.dataset.frames, document.baseURI).href")
    count = controls.evaluate_all(
        "all => all.reduce((n, e) => n * (e.options?.length ?? Number(e.max) + 1), 1)"
    )
    while len([url for url in page.asked if url.startswith(frames)]) < count:
        page.wait_for_timeout(50)
    before = len(page.asked)
    for control in controls.all():
        assert control.evaluate("e => e.labels[0].textContent.trim()")
        control.focus()
        if control.evaluate("e => e.matches('select')"):
            for index in (control.locator("option").count() - 1, 0):
                control.select_option(index=index)
                check_shown(explorer, controls, frames)
            continue
        for key in ("End", "Home", "ArrowRight"):
            page.keyboard.press(key)
            check_shown(explorer, controls, frames)
        labels = json.loads(control.get_attribute("data-labels"))
        assert control.input_value() == "1" and control.get_attribute("aria-valuetext") == labels[1]
        assert explorer.locator(f"output[for='{control.get_attribute('id')}']").text_content() == labels[1]
    assert page.asked[before:] == [], "a frame is fetched a second time"


def check_shown(explorer, controls, frames):
    """The picture is the one of the controls' places, and it is decoded."""
    place = "-".join(controls.evaluate_all("all => all.map(e => e.value)"))
    width, address = explorer.locator("img").evaluate(
        "async i => { await i.decode(); return [i.naturalWidth, i.src]; }"
    )
    assert width > 100 and address == f"{frames}{place}.webp"


@pytest.mark.parametrize("stem", STEMS)
def test_frames_begin_with_the_notebooks_picture_and_are_small(site, stem):
    soup = BeautifulSoup((site / "notebooks" / f"{stem}.html").read_text(encoding="utf-8"), "html.parser")
    for figure in soup.select(EXPLORERS):
        folder = (site / "notebooks" / figure["data-frames"]).resolve()
        frames = {path.stem: path.read_bytes() for path in folder.glob("*.webp")}
        assert sum(map(len, frames.values())) <= 1_500_000
        controls = figure.select("input, select")
        sizes = [int(c["max"]) + 1 if c.name == "input" else len(c.select("option")) for c in controls]
        assert len(frames) == np.prod(sizes) and len(set(frames.values())) > 0.5 * len(frames)
        start = "-".join(
            c["value"] if c.name == "input" else c.select_one("option[selected]")["value"] for c in controls
        )
        still = site / "notebooks" / figure.select_one("img")["src"]
        first, second = (
            np.asarray(Image.open(file).convert("RGB"), dtype=float)
            for file in (io.BytesIO(frames[start]), still)
        )
        assert first.shape == second.shape
        assert np.abs(first - second).mean() < 2, f"{figure['id']}: frame {start} is not the first picture"


def test_on_a_phone(browser, address):
    settings = {"viewport": PHONE, "has_touch": True, "is_mobile": True, "device_scale_factor": 2}
    for name in PAGES:
        with opened(browser, address, name, **settings) as page:
            assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), name
            for explorer in page.locator(EXPLORERS).all():
                explorer.scroll_into_view_if_needed()
                before = explorer.locator("img").get_attribute("src")
                slider = explorer.locator("input[type=range]").first
                box = slider.bounding_box()
                assert box["height"] >= 24 and box["x"] >= 0 and box["x"] + box["width"] <= PHONE["width"]
                start = int(slider.input_value()) / int(slider.get_attribute("max"))
                page.touchscreen.tap(
                    box["x"] + box["width"] * (0.95 if start < 0.5 else 0.05), box["y"] + box["height"] / 2
                )
                frames = explorer.evaluate("e => new URL(e.dataset.frames, document.baseURI).href")
                check_shown(explorer, explorer.locator("input[type=range], select"), frames)
                assert explorer.locator("img").get_attribute("src") != before
                picture = explorer.locator(".explorer-picture")
                assert picture.evaluate("e => { e.scrollLeft = 9; return e.scrollLeft; }") == 9


def test_search_finds_a_word_of_a_chapter(browser, address):
    with opened(browser, address, "search.html?q=convolution") as page:
        page.locator("#search-results li a").first.wait_for()
        links = page.locator("#search-results li a").evaluate_all("all => all.map(a => a.href)")
        assert any("01_cnn" in link for link in links)


def test_the_reader_can_choose_dark(browser, address):
    with opened(browser, address, "index.html", color_scheme="light") as page:
        page.locator(".theme-switch-button:visible").click()
        page.locator(".theme-switch-container .dropdown-item", has_text="Dark").click()
        page.wait_for_function("getComputedStyle(document.body).backgroundColor != 'rgb(255, 255, 255)'")
        page.reload()
        page.wait_for_function("getComputedStyle(document.body).backgroundColor != 'rgb(255, 255, 255)'")


def test_code_can_be_copied(browser, address):
    with opened(
        browser, address, "notebooks/01_cnn.html", permissions=["clipboard-read", "clipboard-write"]
    ) as page:
        cell = page.locator(".cell_input .highlight", has_text="def correlate").first
        cell.scroll_into_view_if_needed()
        cell.hover()
        cell.locator("button.copybtn").click()
        cell.locator("button.copybtn.success").wait_for()
        assert page.evaluate("navigator.clipboard.readText()").startswith("def correlate(x, weight):\n")


@pytest.mark.parametrize("stem", STEMS)
def test_launch_buttons_follow_the_one_address(site, stem):
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    name = re.search(r'(?m)^Repository = "https://github\.com/(.+)"', project)[1]
    soup = BeautifulSoup((site / "notebooks" / f"{stem}.html").read_text(encoding="utf-8"), "html.parser")
    links = {tag["href"] for tag in soup.select(".dropdown-launch-buttons a")}
    assert links == {
        f"https://mybinder.org/v2/gh/{name}/HEAD?urlpath=lab/tree/my/{stem}.ipynb",
        f"https://colab.research.google.com/github/{name}/blob/main/notebooks/{stem}.ipynb",
    }

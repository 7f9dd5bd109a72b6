"""The book's explorers: moved by keyboard, finger and mouse, over frames fetched once they are near."""

import json

import numpy as np
import pytest
from PIL import Image

from tests.browser.book import PHONE, parsed, shown
from tests.helpers.places import ROOT

pytestmark = [pytest.mark.browser, pytest.mark.timeout(1500)]
EXPLORERS = "figure.explorer"
CONTROLS = "input[type=range], select"
FRAMES = "e => new URL(e.dataset.frames, document.baseURI).href"


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

"""The book's explorers: moved by keyboard, finger and mouse, over frames fetched once they are near."""

import base64
import io
import json

import numpy as np
import pytest
from PIL import Image

from course import chapters
from tests.browser.book import PHONE, faults_of, parsed, shown
from tests.helpers.places import ROOT

pytestmark = [pytest.mark.browser, pytest.mark.timeout(1500)]
EXPLORERS = "figure.explorer"
CONTROLS = "input[type=range], select"
FRAMES = "e => new URL(e.dataset.frames, document.baseURI).href"
HERO = "explorer-cnn-sliding_kernel"
FINGER = {"viewport": PHONE, "has_touch": True, "is_mobile": True, "device_scale_factor": 2}


@pytest.fixture(scope="module")
def places(folder, moving):
    """Pages with explorers, each explorer on one of them: dict of an address to their ids."""
    places, seen = {}, set()
    for path in sorted((folder / "notebooks").rglob("*.html")):
        ids = [figure["id"] for figure in parsed(path).select(EXPLORERS)]
        if fresh := [each for each in ids if each not in seen]:
            places[path.relative_to(folder).as_posix()] = fresh
            seen.update(fresh)
    assert len(seen) == sum(len(stills_of(stem)) for stem in moving) > 0
    return places


def stills_of(stem):
    """The explorers that a chapter's notebook shows, each once: dict of a title to its first picture."""
    cells = json.loads((ROOT / "notebooks" / f"{stem}.ipynb").read_text(encoding="utf-8"))["cells"]
    stills = {}
    for data in (output.get("data", {}) for cell in cells for output in cell.get("outputs", [])):
        text = "".join(data.get("text/plain", ""))
        if text.startswith("[explorer] "):
            stills.setdefault(text.partition(":")[0], data["image/png"])
    return stills


def explorers_of(page, ids):
    """Explorers of a page, one after the other, in sight."""
    for each in ids:
        explorer = page.locator(f"#{each}")
        explorer.scroll_into_view_if_needed()
        yield explorer


def test_explorers_move_without_a_kernel(browser, address, places):
    for name, ids in places.items():
        with shown(browser, address, name) as page:
            for explorer in explorers_of(page, ids):
                move_all(page, explorer)


def test_frames_are_fetched_once_an_explorer_is_near(browser, address, folder, places):
    name, [first, *_] = next(iter(places.items()))
    far = (folder / name).with_name("far.htm")  # no page of the book
    text = (folder / name).read_text(encoding="utf-8")
    far.write_text(text.replace("<figure", '<div style="height: 3000px"></div><figure', 1), encoding="utf-8")
    with shown(browser, address, f"{name.rpartition('/')[0]}/far.htm") as page:
        page.wait_for_timeout(200)
        frames = [url for url in page.asked if url.endswith(".webp")]
        assert len(frames) == page.locator(EXPLORERS).count()  # the first picture of each
        [_] = explorers_of(page, [first])
        page.wait_for_function(f"document.getElementById('{first}').explorer.frames")
    far.unlink()


def move_all(page, explorer):
    """Move each control of an explorer by the keyboard to both its ends; its frames are there before."""
    controls, frames = explorer.locator(CONTROLS), explorer.evaluate(FRAMES)
    assert controls.count() in (1, 2)
    lengths = controls.evaluate_all("all => all.map(e => e.options?.length ?? Number(e.max) + 1)")
    while len({url for url in page.asked if url.startswith(frames)}) < np.prod(lengths):
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
    start = json.loads(explorer.get_attribute("data-moves"))["start"]
    for control, value in zip(controls.all(), start, strict=True):
        if control.evaluate("e => e.matches('input')"):
            control.fill(str(value))
            check_shown(explorer)  # a key frame has nothing above it
    assert page.asked[before:] == [], "a frame is fetched a second time"


def place_of(explorer):
    """The controls' places."""
    return explorer.locator(CONTROLS).evaluate_all("all => all.map(e => Number(e.value))")


def check_shown(explorer):
    """The key frame of the row lies below and the frame of the controls' places above, both decoded."""
    place, moves = place_of(explorer), json.loads(explorer.get_attribute("data-moves"))
    shown = explorer.locator("img").evaluate_all(
        """async all => {
            await Promise.all(all.map(image => image.decode()));
            return all.map(image => [image.naturalWidth > 100, image.src]);
        }"""
    )
    key, start = list(place), moves["start"]
    key[moves["inner"]] = start[moves["inner"]]
    wanted = [key] if key == place else [key, place]
    frames = explorer.evaluate(FRAMES)
    assert shown == [[True, f"{frames}{'-'.join(map(str, each))}.webp"] for each in wanted]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_frame_lets_its_key_frame_through_on_every_kind_of_page(browser, address, places, scheme):
    for name in ("index.html", "notebooks/play.html", *places):
        with shown(browser, address, name, color_scheme=scheme) as page:
            explorer = page.locator(f"{EXPLORERS}:has(input[type=range])").first
            if explorer.count() == 0:  # menus alone
                continue
            explorer.locator("input[type=range]").last.focus()
            page.keyboard.press("End")
            grounds = "all => all.map(image => getComputedStyle(image).backgroundColor)"
            assert explorer.locator("img.explorer-over").evaluate_all(grounds) == ["rgba(0, 0, 0, 0)"], name


def test_frames_begin_with_the_notebooks_picture_and_are_small(folder, moving, places):
    stills = {}
    for stem in moving:
        ids = [f"explorer-{name.replace('.', '-')}" for name in chapters.explorers_of(stem)]
        stills |= dict(zip(ids, stills_of(stem).values(), strict=True))
    for name, ids in places.items():
        soup = parsed(folder / name)
        for figure in (soup.find(id=each) for each in ids):
            frames = {path.stem: path for path in ((folder / name).parent / figure["data-frames"]).iterdir()}
            assert sum(path.stat().st_size for path in frames.values()) <= 4_000_000
            assert len({path.read_bytes() for path in frames.values()}) > 0.5 * len(frames)
            moves = json.loads(figure["data-moves"])
            first = Image.open(frames["-".join(map(str, moves["start"]))])
            still = Image.open(io.BytesIO(base64.b64decode("".join(stills[figure["id"]]))))
            assert first.size == still.size
            first, still = (np.asarray(each.convert("RGB"), dtype=float) for each in (first, still))
            difference = np.abs(in_blocks(first, 20) - in_blocks(still, 20)).mean()
            assert difference < 4, f"{figure['id']}: the first frame is not the first picture"


def in_blocks(picture, side):
    """The means of a picture (H, W, 3) over squares of so many pixels."""
    height, width, _ = picture.shape
    return picture.reshape(height // side, side, width // side, side, 3).mean((1, 3))


def test_play_goes_to_the_end_and_a_hand_stops_it(browser, address, places):
    for name, ids in places.items():
        with shown(browser, address, name) as page:
            page.evaluate(
                "document.querySelectorAll('figure.explorer').forEach(e => { e.explorer.pace = 5; })"
            )
            for explorer in explorers_of(page, ids):
                button = explorer.locator(".explorer-play")
                played = json.loads(explorer.get_attribute("data-moves"))["play"]
                assert button.count() == (played is not None)
                if played is None:
                    continue
                slider, before = explorer.locator(CONTROLS).nth(played), place_of(explorer)
                last = int(slider.get_attribute("max"))
                button.click()
                explorer.locator(".explorer-play", has_text="Play").wait_for()
                assert place_of(explorer) == [last if i == played else at for i, at in enumerate(before)]
                check_shown(explorer)
                explorer.evaluate("e => { e.explorer.pace = 50; }")
                button.click()
                explorer.locator(".explorer-play", has_text="Pause").wait_for()
                slider.focus()
                page.keyboard.press("End")
                assert "Play" in button.text_content()
                page.wait_for_timeout(120)
                assert place_of(explorer)[played] == last


def drag(page, explorer, start, end):
    """Drag by the mouse between two places of the picture, in fractions."""
    box = explorer.locator(".explorer-picture").bounding_box()
    points = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in (start, end)]
    page.mouse.move(*points[0])
    page.mouse.down()
    page.mouse.move(*points[1], steps=3)
    page.mouse.up()


def test_the_window_follows_the_mouse(browser, address, places):
    [name] = [name for name, ids in places.items() if HERO in ids]
    with shown(browser, address, name) as page:
        [explorer] = explorers_of(page, [HERO])
        labels = json.loads(explorer.locator("input").last.get_attribute("data-labels"))
        for panel, shift in ((60, 1), (515, 0)):  # of 270 × 270 pixels; the window's middle, or its value
            side = 28 - 2 * (1 - shift)
            for row, column in ((4, 8), (20, 3), (14, 22)):
                middle = [(panel + 270 * (column + 0.5) / side) / 840, (60 + 270 * (row + 0.5) / side) / 380]
                drag(page, explorer, [middle[0] + 0.02, middle[1]], middle)
                top, left = divmod(int(labels[place_of(explorer)[1]]), 26)
                assert abs(top + shift - row) <= 2 and abs(left + shift - column) <= 2, (panel, row, column)
                check_shown(explorer)
        before = place_of(explorer)
        drag(page, explorer, (0.5, 0.02), (0.6, 0.02))  # the title moves nothing
        assert place_of(explorer) == before


def test_where_no_panel_moves_a_drag_goes_sideways(browser, address, places):
    for name, ids in places.items():
        with shown(browser, address, name) as page:
            for explorer in explorers_of(page, ids):
                moves = json.loads(explorer.get_attribute("data-moves"))
                if moves["panels"] or moves["play"] is None:
                    continue
                drag(page, explorer, (0.4, 0.5), (0.999, 0.5))
                last = explorer.locator(CONTROLS).nth(moves["play"]).get_attribute("max")
                assert place_of(explorer)[moves["play"]] == int(last)


def test_hand_and_effect_are_in_view_on_a_phone(browser, address, places):
    for name, ids in places.items():
        with shown(browser, address, name, **FINGER) as page:
            for explorer in explorers_of(page, ids):
                sizes = explorer.evaluate(
                    """e => [...e.querySelectorAll(".explorer-picture, input, select, button")].map(part => {
                        const { left, right, top, bottom } = part.getBoundingClientRect();
                        return [left, right, top, bottom];
                    })"""
                )
                left, right, top, bottom = np.transpose(sizes)
                assert left.min() >= 0 and right.max() <= PHONE["width"] and (bottom - top).min() >= 24
                assert bottom.max() - top.min() < 500, "hand and effect are not in view together"
                assert np.max(right - left) > 330, "the picture has the page's width"


def test_a_finger_moves_an_explorer_and_scrolls_the_page(browser, address, places):
    for name, ids in places.items():
        with shown(browser, address, name, **FINGER) as page:
            for explorer in explorers_of(page, ids):
                slider = explorer.locator("input[type=range]").first
                if slider.count() == 0:  # menus alone
                    continue
                box = slider.bounding_box()
                start = int(slider.input_value()) / int(slider.get_attribute("max"))
                place = box["x"] + box["width"] * (0.95 if start < 0.5 else 0.05)
                before = place_of(explorer)
                page.touchscreen.tap(place, box["y"] + box["height"] / 2)
                check_shown(explorer)
                assert place_of(explorer) != before
            if HERO in ids:
                swipe_over(page, page.locator(f"#{HERO}"))


def swipe_over(page, explorer):
    """A finger to the side moves the window, and one upwards the page alone."""
    explorer.evaluate("e => e.scrollIntoView({ block: 'center', behavior: 'instant' })")
    box = explorer.locator(".explorer-picture").bounding_box()
    x, y = box["x"] + 0.15 * box["width"], box["y"] + 0.5 * box["height"]
    fingers = page.context.new_cdp_session(page)

    def swipe(across, down):
        before, scrolled = place_of(explorer), page.evaluate("scrollY")
        point = {"x": x, "y": y}
        fingers.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [point]})
        for i in range(1, 9):
            point = {"x": x + across * i / 8, "y": y + down * i / 8}
            fingers.send("Input.dispatchTouchEvent", {"type": "touchMove", "touchPoints": [point]})
            page.wait_for_timeout(20)
        fingers.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
        page.wait_for_timeout(100)
        return place_of(explorer) != before, abs(page.evaluate("scrollY") - scrolled) > 20

    assert swipe(40, 0) == (True, False)
    assert swipe(0, -80) == (False, True)


def test_explorers_are_legible_in_light_and_dark(browser, address, places):
    for name in places:
        with shown(browser, address, name, color_scheme="dark") as page:
            page.add_style_tag(content="* { transition: none !important }")
            for scheme in ("dark", "light"):
                page.emulate_media(color_scheme=scheme)
                page.wait_for_function(f"document.documentElement.dataset.theme === '{scheme}'")
                assert faults_of(page, context=EXPLORERS) == []
                ground = page.locator(".explorer-picture").first.evaluate(
                    "e => getComputedStyle(e).backgroundColor"
                )
                assert ground == "rgb(255, 255, 255)"

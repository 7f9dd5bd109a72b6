"""The explorers of the book: frames that cover the main controls' ranges, and errors that say what to do."""

import io

import numpy as np
import pytest
from PIL import Image

import frames
from course.explorers.base import Explorer
from course.explorers.controls import list_slider, menu, slider
from course.explorers.picture import Picture


def explorer(main=("height", "kind"), adjust=None, **conduct):
    """Bars of one height, and a menu; `width` is no main control. Its panel is "bars"."""
    controls = {
        "height": slider("bar height", (0, 1, 0.05), 0.3),
        "kind": menu("kind", [("plain", 1), ("double", 2)], 2),
        "width": slider("width", (1, 5), 3),
    }

    def build(figure):
        axes = figure.subplots()
        axes.set_label("bars")
        return {"bar": axes.plot([0, 1], [0, 1])[0]}

    def update(artists, state):
        artists["bar"].set_ydata([0, state["height"] * state["kind"] / 2])

    picture = Picture(build, update, (4, 3))
    conduct |= {"main": main, "adjust": adjust}
    return Explorer("bars", controls, lambda **values: {}, picture, "Bars.", **conduct)


def pixels(picture):
    return np.asarray(Image.open(picture).convert("RGB"))


def laid_over(key, frame):
    """What a page shows: a frame over its row's key frame."""
    below = Image.open(key).convert("RGBA")
    below.alpha_composite(Image.open(frame).convert("RGBA"))
    return np.asarray(below.convert("RGB"))


def size_of(folder):
    """How many bytes the frames in a folder have."""
    return sum(path.stat().st_size for path in folder.glob("*.webp"))


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    """The example's frames: their folder, and what the page says of them."""
    folder = tmp_path_factory.mktemp("drawn") / "frames"
    return folder, frames.draw(explorer(), folder)


def test_values_are_labelled_as_the_control_labels_them():
    values = frames.values_of(slider("x", (0, 1, 0.05), 0.35))
    assert values[7] == (0.35, "0.35") and len(values) == 21 and values[-1][0] == 1
    stops = [("a tenth", 0.1), ("one", 1.0), ("ten", 10.0)]
    for control in (list_slider("x", stops, 1.0), menu("x", stops)):
        assert frames.values_of(control) == [(value, label) for label, value in stops]


def test_each_frame_shows_its_values(drawn):
    folder, page = drawn
    height, kind = page["controls"]
    assert (height["kind"], kind["kind"], page["left_out"]) == ("slider", "menu", ["width"])
    assert height["label"] == "bar height" and kind["label"] == "kind"
    assert height["values"][height["start"]] == 0.3 and kind["values"][kind["start"]] == 2
    files = {path.stem: path for path in folder.glob("*.webp")}
    assert len(files) == len(height["values"]) * len(kind["values"]) and len(height["values"]) > 15
    assert page["inner"] == 0 and page["size"] == (400, 300)
    for i, j in ((0, 0), (height["start"], 1), (len(height["values"]) - 1, 1), (2, 0)):
        afresh = explorer()
        afresh.set(height=height["values"][i], kind=kind["values"][j])
        shown = laid_over(files[f"{height['start']}-{j}"], files[f"{i}-{j}"])
        assert np.array_equal(shown, pixels(io.BytesIO(afresh.png())))
    key, other = (np.asarray(Image.open(files[f"{i}-0"]).convert("RGBA")) for i in (height["start"], 0))
    assert (key[..., 3] == 255).all() and 0.02 < (other[..., 3] == 255).mean() < 0.6


def test_what_differs_is_kept_with_a_margin():
    first = np.full((50, 70, 3), 255, np.uint8)
    second = first.copy()
    second[33, 69] = 254
    kept = frames._differing(second, first)[..., 0]
    assert kept.shape == (50, 70) and kept[24:48, 56:70].all() and kept.sum() == 24 * 14
    assert not frames._differing(first, first).any()


def test_values_can_be_named_and_counted(tmp_path):
    moved = {"height": [0, 0.3, 0.9], "width": 3}
    page = frames.draw(explorer(), tmp_path / "frames", moved)
    height, width = page["controls"]
    assert height["values"] == (0, 0.3, 0.9) and width["values"] == (1, 3, 5) and page["left_out"] == ["kind"]
    assert len(list((tmp_path / "frames").iterdir())) == 9


def test_what_plays_is_the_explorers_own_control_or_the_longest_slider(tmp_path):
    def played(name, main=("height", "width"), **conduct):
        page = frames.draw(explorer(main, **conduct), tmp_path / name)
        play = page["play"]
        return play if play is None else (page["controls"][play]["name"], page["pace"])

    assert played("own", play="width", pace=90)[0] == "width"
    name, pace = played("longest")
    assert name == "height" and frames.QUICKEST <= pace <= frames.SLOWEST
    assert played("menu", main=("kind",)) is None


def test_a_pointer_moves_what_it_moves_in_a_notebook(tmp_path):
    # The kind depends on what it is now: another picture would need another table.
    touch = {"bars": lambda state, x, y: {"height": y, "width": 3, "kind": 1 if y < state["height"] else 2}}
    drawn = explorer(touch=touch)
    page = frames.draw(drawn, tmp_path / "frames", {"height": [0, 0.3, 0.9], "kind": None})
    [panel] = page["panels"]
    assert np.allclose(panel["box"], drawn.picture.panels()["bars"], atol=1e-3)
    assert panel["moves"].keys() == {0}  # the width does not move here
    rows = panel["moves"][0]
    assert len(rows) == frames.GRID and all(len(row) == 1 for row in rows)  # it depends on y alone
    _, top, _, tall = panel["box"]
    for i, [number] in enumerate(rows):
        y = drawn.picture.data_at("bars", 0.5, top + tall * (i + 0.5) / frames.GRID)[1]
        away = np.abs(np.array([0, 0.3, 0.9]) - y)
        assert away[number] <= away.min() + 0.06, (y, number)


def test_too_many_bytes_thin_the_values_of_the_one_main_control(drawn, tmp_path, monkeypatch):
    monkeypatch.setattr(frames, "MOST_BYTES", size_of(drawn[0]) // 5)
    page = frames.draw(explorer(main=()), tmp_path / "frames")
    [height] = page["controls"]
    values = height["values"]
    assert 2 < len(values) < 21 and (values[0], values[height["start"]], values[-1]) == (0, 0.3, 1)
    names = [path.stem for path in (tmp_path / "frames").glob("*.webp")]
    assert sorted(map(int, names)) == list(range(len(values)))
    assert 0 < size_of(tmp_path / "frames") <= frames.MOST_BYTES


@pytest.mark.parametrize("main", [("kind",), ("height", "kind")])
def test_no_room_for_two_frames_is_an_error(tmp_path, monkeypatch, main):
    monkeypatch.setattr(frames, "MOST_BYTES", 100)
    with pytest.raises(ValueError, match="bars: two frames are too many bytes: name other main controls"):
        frames.draw(explorer(main=main), tmp_path / "frames")


def test_a_control_that_does_not_stay_is_named(tmp_path):
    def hold(controls, state):
        controls["height"].value = min(controls["height"].value, 0.5)

    with pytest.raises(ValueError, match="bars: height does not take every value"):
        frames.draw(explorer(adjust=hold), tmp_path / "frames")

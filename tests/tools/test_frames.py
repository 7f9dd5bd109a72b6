"""The explorers of the book: frames that cover the main controls' ranges, and errors that say what to do."""

import io

import numpy as np
import pytest
from PIL import Image

import frames
from course.explorers.base import Explorer
from course.explorers.controls import list_slider, menu, slider
from course.explorers.picture import Picture


def explorer(main=("height", "kind"), adjust=None):
    """Bars of one height, and a menu; `width` is no main control."""
    controls = {
        "height": slider("bar height", (0, 1, 0.05), 0.3),
        "kind": menu("kind", [("plain", 1), ("double", 2)], 2),
        "width": slider("width", (1, 5), 3),
    }

    def build(figure):
        return {"bar": figure.subplots().plot([0, 1], [0, 1])[0]}

    def update(artists, state):
        artists["bar"].set_ydata([0, state["height"] * state["kind"] / 2])

    picture = Picture(build, update, (4, 3))
    return Explorer("bars", controls, lambda **values: {}, picture, "Bars.", main=main, adjust=adjust)


def pixels(picture):
    return np.asarray(Image.open(picture).convert("RGB"))


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
    for i, j in ((0, 0), (height["start"], kind["start"]), (len(height["values"]) - 1, 1)):
        afresh = explorer()
        afresh.set(height=height["values"][i], kind=kind["values"][j])
        assert np.array_equal(pixels(files[f"{i}-{j}"]), pixels(io.BytesIO(afresh.png(density=1))))


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

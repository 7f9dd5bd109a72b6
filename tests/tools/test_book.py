"""What the book is made of: frames that cover the main controls' ranges, and errors that say what to do."""

import base64
import io

import nbformat
import numpy as np
import pytest
from PIL import Image

import book
import frames
from course.explorers.base import Explorer
from course.explorers.controls import list_slider, menu, slider
from course.explorers.picture import Picture
from course.plots import quantised
from notebooks import NotebookError
from tests.helpers.places import ROOT


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


def write(tmp_path, pages, outputs):
    """The cell of the book that a chapter of one code cell with these outputs becomes."""
    head = nbformat.v4.new_markdown_cell("[Colab](https://a/07_new.ipynb) · [Binder](https://b/07_new.ipynb)")
    cell = nbformat.v4.new_code_cell("1", outputs=outputs, metadata={"jupyter": {"source_hidden": True}})
    nbformat.write(nbformat.v4.new_notebook(cells=[head, cell]), tmp_path / "07_new.ipynb")
    (tmp_path / "stage" / "static").mkdir(parents=True)
    book.Chapter(tmp_path / "07_new.py", tmp_path / "stage", pages).write()
    return nbformat.read(tmp_path / "stage" / "notebooks" / "07_new.ipynb", as_version=4).cells[1]


def picture(text):
    """An output with a picture, as a notebook holds it."""
    png = base64.b64encode(quantised(explorer().png())).decode()
    metadata = {"image/png": {"alt": 'Bars, "tall" < wide.'}}
    return nbformat.v4.new_output("display_data", {"image/png": png, "text/plain": text}, metadata=metadata)


def test_pictures_and_explorers_become_html(drawn, tmp_path):
    printed = nbformat.v4.new_output("stream", text="1")
    outputs = [picture("[picture] Bars."), picture("[explorer] bars: Bars."), printed]
    cell = write(tmp_path, [drawn[1]], outputs)
    still, moving, printed = cell.outputs
    assert cell.metadata["tags"] == ["hide-input"] and printed.text == "1"
    assert 'alt="Bars, &quot;tall&quot; &lt; wide."' in still.data["text/html"]
    assert moving.data.keys() == {"text/html"}
    parts = ['<input type="range"', '<option value="1" selected>double', "others too (width), open"]
    for part in [*parts, '<a href="https://b/07_new.ipynb">Binder</a>']:
        assert part in moving.data["text/html"]
    assert len(list((tmp_path / "stage" / "static" / "pictures").iterdir())) == 1


@pytest.mark.parametrize("titles", [(), ("bars", "bars"), ("lines",)], ids=["fewer", "more", "another"])
def test_pictures_of_other_explorers_are_an_error(drawn, tmp_path, titles):
    outputs = [picture(f"[explorer] {title}: Bars.") for title in titles]
    with pytest.raises(NotebookError, match="07_new.ipynb shows other explorers .* run `make notebooks`"):
        write(tmp_path, [drawn[1]], outputs)


def test_notebooks_that_are_not_there_are_refused(monkeypatch, capsys):
    monkeypatch.setattr(book, "sources", lambda names=(): [ROOT / "notebooks" / "99_nothing.py"])
    monkeypatch.setattr(book, "write_pages", lambda *arguments: pytest.fail("it went on"))
    assert book.main([]) == 1
    assert "99_nothing.ipynb is not made yet: run `make notebooks`" in capsys.readouterr().err

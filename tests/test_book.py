"""What the book is made of: frames that cover the main controls' ranges, and errors that say what to do."""

import ast
import io
import sys

import ipywidgets as widgets
import nbformat
import numpy as np
import pytest
from PIL import Image

from course import chapters
from course.explorers.base import Explorer, Picture
from course.plots import quantised
from tests.conftest import ROOT, load_tool


@pytest.fixture(scope="module")
def frames():
    return load_tool("frames")


@pytest.fixture(scope="module")
def book():
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(ROOT / "tools"))
        yield load_tool("book")
    for name in ("links", "twins"):
        sys.modules.pop(name, None)


def explorer(main=("height", "kind"), adjust=None):
    """Bars of one height, and a menu; `width` is no main control."""
    controls = {
        "height": widgets.FloatSlider(description="bar height", value=0.3, min=0, max=1, step=0.05),
        "kind": widgets.Dropdown(options=[("plain", 1), ("double", 2)], value=2),
        "width": widgets.IntSlider(description="width", value=3, min=1, max=5),
    }

    def build(figure):
        return {"bar": figure.subplots().plot([0, 1], [0, 1])[0]}

    def update(artists, state):
        artists["bar"].set_ydata([0, state["height"] * state["kind"] / 2])

    picture = Picture(build, update, (9, 4))
    return Explorer("bars", controls, lambda **c: c, picture, "Bars.", main=main, adjust=adjust)


def test_values_hold_both_ends_and_the_present_value(frames):
    slider = widgets.FloatSlider(value=0.35, min=0, max=1, step=0.05)
    for most in (2, 3, 5, 9, 100):
        values = [value for value, _ in frames.values_of(slider, most)]
        assert values == sorted(set(values)) and 0.35 in values and len(values) == min(most, 21)
        if most > 2:
            assert values[0] == 0 and values[-1] == 1
    assert frames.values_of(slider, 3)[1] == (0.35, "0.35")


def test_named_values_keep_their_names_and_a_menu_is_whole(frames):
    stops = [("a tenth", 0.1), ("one", 1.0), ("ten", 10.0), ("a hundred", 100.0)]
    slider = widgets.SelectionSlider(options=stops, value=10.0)
    assert frames.values_of(slider, 3) == [(0.1, "a tenth"), (10.0, "ten"), (100.0, "a hundred")]
    menu = widgets.Dropdown(options=stops, value=0.1)
    assert frames.values_of(menu, 2) == [(value, label) for label, value in stops]


def test_each_frame_shows_its_values(frames, tmp_path):
    shown = explorer()
    page = frames.draw(shown, tmp_path)
    height, kind = page["controls"]
    assert (height["kind"], kind["kind"], page["left_out"]) == ("slider", "menu", ["width"])
    assert height["label"] == "bar height" and kind["label"] == "kind"
    assert height["values"][height["start"]] == 0.3 and kind["values"][kind["start"]] == 2
    files = {path.stem: path for path in tmp_path.glob("*.webp")}
    assert len(files) == len(height["values"]) * len(kind["values"]) and len(height["values"]) > 15
    assert page["bytes"] == sum(path.stat().st_size for path in files.values()) <= frames.MOST_BYTES
    for i, j in ((0, 0), (height["start"], kind["start"]), (len(height["values"]) - 1, 1)):
        afresh = explorer()
        afresh.set(height=height["values"][i], kind=kind["values"][j])
        expected = np.asarray(Image.open(io.BytesIO(afresh.png())).convert("RGB"))
        assert np.array_equal(np.asarray(Image.open(files[f"{i}-{j}"]).convert("RGB")), expected)


def test_one_main_control_is_the_default(frames, tmp_path):
    page = frames.draw(explorer(main=()), tmp_path)
    assert [control["name"] for control in page["controls"]] == ["height"]
    assert sorted(int(path.stem) for path in tmp_path.glob("*.webp")) == list(range(21))


def test_too_many_bytes_thin_the_values(frames, tmp_path, monkeypatch):
    whole = frames.draw(explorer(), tmp_path)
    monkeypatch.setattr(frames, "MOST_BYTES", whole["bytes"] // 2)
    for path in tmp_path.iterdir():
        path.unlink()
    page = frames.draw(explorer(), tmp_path)
    files = list(tmp_path.glob("*.webp"))
    assert 0 < page["bytes"] <= whole["bytes"] // 2
    assert page["bytes"] == sum(path.stat().st_size for path in files)
    assert page["controls"][0]["values"][page["controls"][0]["start"]] == 0.3


@pytest.mark.parametrize("main", [("kind",), ("height",), ("height", "kind")])
def test_no_room_for_two_frames_is_an_error(frames, tmp_path, monkeypatch, main):
    monkeypatch.setattr(frames, "MOST_BYTES", 100)
    with pytest.raises(ValueError, match="bars: frames of 100 bytes are not enough: name other main"):
        frames.draw(explorer(main=main), tmp_path)


def test_a_control_that_does_not_stay_is_named(frames, tmp_path):
    def hold(controls, state):
        controls["height"].value = min(controls["height"].value, 0.5)

    with pytest.raises(ValueError, match="bars: height does not take every value"):
        frames.draw(explorer(adjust=hold), tmp_path)


def test_a_main_control_that_there_is_none_for_is_passed_over():
    assert explorer(main=("weight", "kind")).main == ("kind",)
    assert explorer(main=("weight",)).main == ("height",)


@pytest.mark.parametrize("path", chapters.paths(), ids=lambda path: path.stem)
def test_every_explorer_names_its_main_controls(path):
    """Each name is a control of the explorer that the chapter makes, so no name is misspelt."""
    folder = ROOT / "course" / "explorers" / path.stem.split("_", 1)[1]
    named = [
        ast.literal_eval(keyword.value)
        for module in folder.glob("*.py")
        for call in ast.walk(ast.parse(module.read_text(encoding="utf-8")))
        if isinstance(call, ast.Call) and getattr(call.func, "id", "") == "Explorer"
        for keyword in call.keywords
        if keyword.arg == "main"
    ]
    made = [make().main for make in load_tool("frames").makers_of(path.stem)]
    assert sorted(made) == sorted(named) and all(len(main) in (1, 2) for main in made)


def chapter(book, tmp_path, pages, outputs):
    """A chapter of one code cell with these outputs, ready to be written."""
    cell = nbformat.v4.new_code_cell("# Set-up. And more", outputs=outputs)
    nbformat.write(nbformat.v4.new_notebook(cells=[cell]), tmp_path / "07_new.ipynb")
    for number in range(len(pages)):
        (tmp_path / "frames" / str(number)).mkdir(parents=True)
    (tmp_path / "stage" / "static").mkdir(parents=True)
    return book.Chapter(tmp_path / "07_new.py", tmp_path / "stage", (tmp_path / "frames", pages))


def picture(text):
    """An output with a picture, as a twin holds it."""
    import base64

    png = base64.b64encode(quantised(explorer().png())).decode()
    metadata = {"image/png": {"alt": 'Bars, "tall" < wide.'}}
    return nbformat.v4.new_output("display_data", {"image/png": png, "text/plain": text}, metadata=metadata)


def test_pictures_and_explorers_become_html(book, frames, tmp_path):
    page = frames.draw(explorer(), tmp_path)
    outputs = [
        picture("[picture] Bars."),
        picture("[explorer] bars: Bars."),
        nbformat.v4.new_output("stream", text="1"),
    ]
    chapter(book, tmp_path, [page], outputs).write()
    (cell,) = nbformat.read(tmp_path / "stage" / "notebooks" / "07_new.ipynb", as_version=4).cells
    still, moving, printed = cell.outputs
    assert cell.metadata["tags"] == ["hide-input"] and printed.text == "1"
    assert 'alt="Bars, &quot;tall&quot; &lt; wide."' in still.data["text/html"]
    assert moving.data.keys() == {"text/html"}
    for part in (
        '<input type="range"',
        '<option value="1" selected>double',
        "To move the others too (width), open",
        "07_new.ipynb",
    ):
        assert part in moving.data["text/html"]
    assert len(list((tmp_path / "stage" / "static" / "pictures").iterdir())) == 1


@pytest.mark.parametrize("texts", [(), ("bars", "bars"), ("lines",)], ids=["fewer", "more", "another"])
def test_pictures_of_other_explorers_are_an_error(book, frames, tmp_path, texts):
    page = frames.draw(explorer(), tmp_path)
    outputs = [picture(f"[explorer] {text}: Bars.") for text in texts]
    with pytest.raises(book.BookError, match="07_new.ipynb shows other explorers .* run `make notebooks`"):
        chapter(book, tmp_path, [page], outputs).write()


@pytest.mark.parametrize(
    ("how", "said"),
    [("missing", "not executed yet: 01_cnn: run `make notebooks`"), ("edited", "edited by hand")],
)
def test_notebooks_that_are_not_there_or_edited_are_refused(book, monkeypatch, capsys, how, said):
    monkeypatch.setattr(book, "sources", lambda: [ROOT / "notebooks" / "01_cnn.py"])
    monkeypatch.setattr(book, "state", lambda source: how)
    monkeypatch.setattr(book, "stage_pages", lambda stage: pytest.fail("it went on"))
    assert book.main([]) == 1
    assert said in capsys.readouterr().err

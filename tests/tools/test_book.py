"""What the book is made of: pictures and explorers of executed notebooks as HTML."""

import base64

import nbformat
import pytest

import book
from course.plots import quantised
from notebooks import NotebookError
from tests.helpers.places import ROOT
from tests.tools.test_frames import explorer

PAGE = {  # what frames.draw_chapter says of an explorer
    "name": "new.bars",
    "folder": "frames/new.bars",
    "title": "bars",
    "alt": "Bars.",
    "size": (400, 300),
    "controls": [
        {"name": "height", "label": "bar height", "kind": "slider", "start": 1, "labels": ["0", "0.3", "1"]},
        {"name": "kind", "label": "kind", "kind": "menu", "start": 1, "labels": ["plain", "double"]},
    ],
    **{"inner": 0, "play": 0, "pace": 100, "panels": [], "left_out": ["width"]},
}


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


def test_pictures_and_explorers_become_html(tmp_path):
    printed = nbformat.v4.new_output("stream", text="1")
    outputs = [picture("[picture] Bars."), picture("[explorer] bars: Bars."), printed]
    cell = write(tmp_path, [PAGE], outputs)
    still, moving, printed = cell.outputs
    assert cell.metadata["tags"] == ["hide-input"] and printed.text == "1"
    assert 'alt="Bars, &quot;tall&quot; &lt; wide."' in still.data["text/html"]
    assert moving.data.keys() == {"text/html"}
    parts = ['<input type="range"', '<option value="1" selected>double', "1 more control: run it in"]
    for part in [*parts, '<a href="https://b/07_new.ipynb">Binder</a>']:
        assert part in moving.data["text/html"]
    assert len(list((tmp_path / "stage" / "static" / "pictures").iterdir())) == 1


@pytest.mark.parametrize("titles", [(), ("bars", "bars"), ("lines",)], ids=["fewer", "more", "another"])
def test_pictures_of_other_explorers_are_an_error(tmp_path, titles):
    outputs = [picture(f"[explorer] {title}: Bars.") for title in titles]
    with pytest.raises(NotebookError, match="07_new.ipynb shows other explorers .* run `make notebooks`"):
        write(tmp_path, [PAGE], outputs)


def test_notebooks_that_are_not_there_are_refused(monkeypatch, capsys):
    monkeypatch.setattr(book, "sources", lambda names=(): [ROOT / "notebooks" / "99_nothing.py"])
    monkeypatch.setattr(book, "write_pages", lambda *arguments: pytest.fail("it went on"))
    assert book.main([]) == 1
    assert "99_nothing.ipynb is not made yet: run `make notebooks`" in capsys.readouterr().err

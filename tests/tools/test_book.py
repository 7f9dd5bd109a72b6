"""What the book is made of: sections of executed notebooks, with pictures and explorers as HTML."""

import base64

import nbformat
import pytest

import book
import front
import pages
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
    **{"inner": 0, "play": 0, "pace": 100, "panels": [], "draws": True, "left_out": ["width"]},
}


def write(tmp_path, drawn, *cells):
    """The cells of the book that a chapter of these cells becomes, all on one page."""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell("# New"), *cells])
    nbformat.write(notebook, tmp_path / "07_new.ipynb")
    (tmp_path / "stage" / "static").mkdir(parents=True)
    chapter = pages.Chapter(
        tmp_path / "07_new.py", tmp_path / "stage", {page["title"]: page for page in drawn}
    )
    chapter.write()
    chapter.check([page["title"] for page in drawn])
    return nbformat.read(tmp_path / "stage" / "notebooks" / "07_new.ipynb", as_version=4).cells[1:]


def code(source, *outputs, hidden=False, tags=()):
    metadata = {"jupyter": {"source_hidden": True}} if hidden else {}
    return nbformat.v4.new_code_cell(source, outputs=list(outputs), metadata=metadata | {"tags": list(tags)})


def picture(text):
    """An output with a picture, as a notebook holds it."""
    png = base64.b64encode(quantised(explorer().png())).decode()
    metadata = {"image/png": {"alt": 'Bars, "tall" < wide.'}}
    return nbformat.v4.new_output("display_data", {"image/png": png, "text/plain": text}, metadata=metadata)


def test_pictures_and_explorers_become_html(tmp_path):
    printed = nbformat.v4.new_output("stream", text="1")
    shown = code("1", picture("[picture] Bars."), picture("[explorer] bars: Bars."), printed)
    [cell] = write(tmp_path, [PAGE], shown)
    still, moving, printed = cell.outputs
    assert printed.text == "1" and cell.source == "1" and cell.metadata.tags == []
    assert 'alt="Bars, &quot;tall&quot; &lt; wide."' in still.data["text/html"]
    assert moving.data.keys() == {"text/html"}
    parts = ['<input type="range"', '<option value="1" selected>double', '07_new.ipynb">Binder</a>']
    for part in [*parts, "Your own drawing, and 1 more control: run it in"]:
        assert part in moving.data["text/html"]
    assert len(list((tmp_path / "stage" / "static" / "pictures").iterdir())) == 1


def test_a_diagram_becomes_its_drawing(tmp_path):
    drawing = base64.b64encode(b"<svg></svg>").decode()
    output = picture("[diagram] Bars.")
    output.metadata["image/png"] |= {"width": 840, "height": 400}
    output.data["text/html"] = f'<img alt="Bars." src="data:image/svg+xml;base64,{drawing}">'
    [cell] = write(tmp_path, [], code("1", output))
    [path] = (tmp_path / "stage" / "static" / "pictures").iterdir()
    assert path.read_bytes() == b"<svg></svg>" and path.name in cell.outputs[0].data["text/html"]


def test_what_only_a_learner_needs_is_left_out(tmp_path):
    stub = nbformat.v4.new_output("execute_result", {"text/plain": "Not attempted yet. Edit it."})
    printed = nbformat.v4.new_output("stream", text="0.93")
    cells = [code("# Set-up", hidden=True), code("# Check: seen", printed, hidden=True)]
    seen, result, exercise = write(
        tmp_path, [], *cells, code("2", printed, tags=["result"]), code("check(f)", stub)
    )
    assert "remove-input" in seen.metadata.tags and seen.outputs == [printed]
    assert result.metadata.tags == ["result", "hide-output"]
    assert "Solve this in Colab" in exercise.outputs[0].data["text/html"]
    assert "Not attempted" not in str(exercise)


def test_sections_become_pages_and_blocks_have_real_headings(tmp_path):
    block = '<div class="course-exercise" style="border-left: 1px">\n\n### Exercise: do it\n\nNow.\n\n</div>'
    text = f"## 1 One, by $x$\n\nThe **stride**.\n\n{block}\n\n## 2 Two\n\n## Sources\n\nA book."
    [contents] = write(tmp_path, [], nbformat.v4.new_markdown_cell(text))
    assert "07_new/one-by-x\n07_new/two\n" in contents.source
    one, two = (
        "\n\n".join(cell.source for cell in nbformat.read(path, as_version=4).cells)
        for path in sorted((tmp_path / "stage" / "notebooks" / "07_new").iterdir())
    )
    assert one.startswith("# 1 One, by $x$\n") and two == "# 2 Two\n\n\n\n## Sources\n\nA book."
    assert '\n## Exercise: do it\n\n<div class="course-exercise">\n\nNow.\n\n</div>' in one


def test_a_term_is_introduced_where_it_is_first_in_bold(tmp_path, monkeypatch):
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "terms.txt").write_text("stride\nthe jump = jump\n", encoding="utf-8")
    monkeypatch.setattr(front, "ROOT", tmp_path)
    texts = ["# A", "## 1 One\n\n**Stride** and **other**", "## 2 Two\n\n**stride** and **jump**"]
    cells = [nbformat.v4.new_markdown_cell(text) for text in texts]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), tmp_path / "07_new.ipynb")
    chapter = pages.Chapter(tmp_path / "07_new.py", tmp_path, {})
    page = front.terms([chapter])
    assert '- <a href="notebooks/07_new/one.html#term-stride">stride</a>: chapter 7, One' in page
    assert page.index("07_new/one") < page.index('07_new/two.html#term-the-jump">the jump</a>')
    marked = [chapter.pages[f"07_new/{name}"][0].source for name in ("one", "two")]
    assert '<span class="term" id="term-stride">**Stride**</span> and **other**' in marked[0]
    assert "**stride** and <span" in marked[1]
    (tmp_path / "docs" / "terms.txt").write_text("stride\npadding\n", encoding="utf-8")
    with pytest.raises(NotebookError, match="no chapter sets in bold: padding"):
        front.terms([chapter])


@pytest.mark.parametrize("titles", [(), ("bars", "lines"), ("lines",)], ids=["fewer", "more", "another"])
def test_pictures_of_other_explorers_are_an_error(tmp_path, titles):
    outputs = [picture(f"[explorer] {title}: Bars.") for title in titles]
    with pytest.raises(NotebookError, match="07_new.ipynb shows other explorers .* run `make notebooks`"):
        write(tmp_path, [PAGE], code("1", *outputs))


def test_notebooks_that_are_not_there_are_refused(monkeypatch, capsys):
    monkeypatch.setattr(book, "sources", lambda names=(): [ROOT / "notebooks" / "99_nothing.py"])
    monkeypatch.setattr(book, "write_pages", lambda *arguments: pytest.fail("it went on"))
    assert book.main([]) == 1
    assert "99_nothing.ipynb is not made yet: run `make notebooks`" in capsys.readouterr().err

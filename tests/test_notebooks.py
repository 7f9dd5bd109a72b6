"""Chapters and their notebooks: in step, within the caps of the design, and saved without what differs from
machine to machine.
"""

import ast
import functools
import json
import re
import tomllib

import jupytext
import pytest

import notebooks
from course import chapters
from course.cards import CARDS

SOURCES = chapters.paths()
TAGS = {"nbval-ignore-output", "explorer", "explorer-needs", "keep-output", "result"}
HIDDEN = {"jupyter": {"source_hidden": True}, "cellView": "form"}
FORBIDDEN = {
    r"\brank\s*==\s*0|\bis_main\(": "code for one rank alone deadlocks beside a collective fit",
    r"\bsys\.path\b": "chapters do not edit the path",
    r"\bfilterwarnings\(|\bsimplefilter\(": "a warning is fixed, not hidden",
    r"import \*": "names are imported one by one",
    r"(?m)^\s*[%!]\w|get_ipython": "a chapter is a plain script too",
    r"(?m)^(from|import) (matplotlib|pylab|PIL|seaborn|plotly)\b": "chapters hold no plotting code",
    r"(?m)^(from|import) .*(\bchapters\b|\b\d\d_)": "a chapter imports no chapter",
}
MACHINE = r"(?<![\w.])/(home|root|tmp|work|usr|Users|opt|private)/|site-packages|at 0x"
# Folded answers, code, mathematics, tables, tags and addresses.
NO_PROSE = re.compile(
    r"(?s)<details>.*?</details>|```.*?```|\$\$.*?\$\$|\$[^$\n]+\$|(?m:^\s*\|[^\n]*$)|<[^>]+>"
    r"|!\[[^\]]*\]\([^)]*\)|(?<=\])\([^)]*\)"
)
every_chapter = pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.stem)
every_notebook = pytest.mark.parametrize("path", chapters.sources(), ids=lambda path: path.stem)
read = functools.cache(jupytext.read)
BLOCK = r'<div class="course-(exercise|prediction)" style="border-left: 5px solid #\w{6}; padding: 0 1em">'
# Chapters whose exercises and predictions have a block of their own.
FORMED = [path for path in SOURCES if re.search(BLOCK, path.read_text(encoding="utf-8"))]
every_formed_chapter = pytest.mark.parametrize("path", FORMED, ids=lambda path: path.stem)


def cells_of(path, kind):
    return [cell for cell in read(path).cells if cell.cell_type == kind]


@every_notebook
def test_cells_stay_within_the_caps_and_take_no_shortcuts(path):
    for cell in cells_of(path, "code"):
        lines = [line for line in cell.source.splitlines() if line.strip()]
        assert len(lines) <= 25, f"a code cell of {len(lines)} lines:\n{cell.source}"
        for pattern, why in FORBIDDEN.items():
            assert not re.search(pattern, cell.source), f"{why}:\n{cell.source}"
    for cell in cells_of(path, "markdown"):
        words = len(re.findall(r"[^\W_][\w'’.,/-]*", NO_PROSE.sub(" ", cell.source)))
        assert words <= 120, f"a text cell of {words} words:\n{cell.source}"


@every_notebook
def test_sources_have_88_columns(path):
    text = path.read_text(encoding="utf-8")
    assert "fmt: skip" not in text
    long = [line for line in text.splitlines() if len(line) > 88]
    # A row of a table and an address cannot be broken.
    assert not [line for line in long if not re.match(r"# \|", line) and "](http" not in line]


@every_chapter
def test_a_chapter_starts_as_all_do(path):
    assert read(path).metadata["kernelspec"]["name"] == "python3"
    texts, setup = [cell.source for cell in cells_of(path, "markdown")], cells_of(path, "code")[0]
    number, _, _ = path.stem.partition("_")
    assert texts[0].splitlines()[0] == f"# {int(number)} · {CARDS[path.stem].title}"
    links = dict(re.findall(r"\[(Colab|Kaggle|Binder)\]\((\S+)\)", "".join(texts[:4])))
    assert len(links) == 3 and all(link.endswith(f"/{path.stem}.ipynb") for link in links.values())
    lines = [line for line in setup.source.splitlines() if line]
    assert lines[0].startswith("# Set-up: ") and lines[-1] == "setup()" and len(lines) <= 8
    assert setup.metadata == HIDDEN, "the reader sees one line of it"
    assert setup.source == cells_of(SOURCES[0], "code")[0].source


@every_notebook
def test_tags_are_known_and_ignored_outputs_are_asserted(path):
    code = cells_of(path, "code")
    for position, cell in enumerate(code):
        tags = set(cell.metadata.get("tags", []))
        assert tags <= TAGS, f"unknown tags {tags - TAGS}"
        if "nbval-ignore-output" in tags:
            after = ast.parse(code[position + 1].source if position + 1 < len(code) else "")
            has_assert = any(isinstance(node, ast.Assert) for node in ast.walk(after))
            assert has_assert, f"the cell after this one asserts what must hold:\n{cell.source}"
        if re.search(r"(?m)^explorers\.", cell.source):
            assert "explorer" in tags, f"tag this cell 'explorer', for the browser tests:\n{cell.source}"


@every_formed_chapter
def test_exercises_and_predictions_have_blocks_and_headings(path):
    for cell in cells_of(path, "markdown"):
        heads = re.findall(r"(?m)^### (Exercise|Predict): \S", cell.source)
        assert bool(heads) == bool(re.search(BLOCK, cell.source)), cell.source
        if heads:  # the block is the whole cell
            assert len(heads) == 1 and re.match(rf"{BLOCK}\n\n### ", cell.source), cell.source
            assert cell.source.endswith("\n\n</div>"), cell.source
        assert "**Predict" not in cell.source and "**Exercise" not in cell.source, cell.source


@every_formed_chapter
def test_a_prediction_is_not_answered_in_the_next_cell_and_its_answer_folds(path):
    cells = jupytext.read(path.with_suffix(".ipynb")).cells
    asked = [i for i, cell in enumerate(cells) if "### Predict: " in cell.source]
    assert len(asked) >= 10
    for start, end in zip(asked, [*asked[1:], len(cells)], strict=True):
        after = cells[start + 1 : end]
        assert not after[0].get("outputs"), f"the answer stands right under its question:\n{after[0].source}"
        results = [cell for cell in after if "result" in cell.metadata.get("tags", [])]
        assert len(results) == 1 and results[0].outputs, cells[start].source
        between = after[: after.index(results[0])]
        assert not [cell.source for cell in between if "<details>" in cell.source], (
            "answered before the result"
        )


@every_formed_chapter
def test_checks_and_alternatives_are_out_of_sight(path):
    for cell in cells_of(path, "code"):
        asserts = [node for node in ast.walk(ast.parse(cell.source)) if isinstance(node, ast.Assert)]
        is_check = cell.source.startswith("# Check: ")
        assert bool(asserts) == is_check, cell.source
        if is_check:
            assert HIDDEN.items() <= cell.metadata.items(), cell.source
        for alt in re.findall(r"\balt=(.*)", cell.source):
            assert re.fullmatch(r'"[a-z]+\.\w+",?\)?', alt), cell.source


@every_notebook
def test_every_notebook_is_in_step(path):
    assert notebooks.state(path) == "current", "run `make notebooks`"


def test_every_notebook_has_a_source_and_pairing_keeps_what_it_decides():
    assert {path.stem for path in chapters.folder().glob("*.ipynb")} == {
        path.stem for path in chapters.sources()
    }
    pairing = tomllib.loads((chapters.folder() / "jupytext.toml").read_text(encoding="utf-8"))
    assert pairing["cell_metadata_filter"].split(",") == [*notebooks.CELL_METADATA, "-all"]


@every_chapter
def test_a_notebook_is_executed_and_clean(path):
    text = path.with_suffix(".ipynb").read_text(encoding="utf-8")
    assert len(text.encode()) < 2_000_000
    notebook = json.loads(text)
    assert notebook["metadata"].keys() == {"course", "kernelspec", "language_info"}
    assert "version" not in notebook["metadata"]["language_info"]
    code = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    assert [cell["execution_count"] for cell in code] == list(range(1, len(code) + 1))
    for cell in notebook["cells"]:
        assert cell["metadata"].keys() <= {"tags", "jupyter", "cellView"}
        for output in cell.get("outputs", []):
            check_output(output, "".join(cell["source"]))


def check_output(output, source):
    """One saved output: no error, stderr, widget or path of a machine; a picture has its alternative."""
    assert output["output_type"] != "error" and output.get("name") != "stderr", f"{source}\n{output}"
    assert "".join(output.get("text", "no stream")).strip(), f"an empty line stands below:\n{source}"
    data = output.get("data", {})
    assert not any("widget" in kind for kind in data), source
    text = "".join(data.get("text/plain", ""))
    shown = "".join(output.get("text", "")) + text
    assert not re.search(MACHINE, shown), shown
    if "image/png" in data:
        alternative = output["metadata"].get("image/png", {}).get("alt", "").strip()
        # The text that nbval compares: what kind of output it is, and the same alternative.
        assert alternative and re.fullmatch(r"\[(picture|diagram|explorer)\] .*", text), source
        assert text.endswith(alternative), source

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

SOURCES = chapters.paths()
TAGS = {"nbval-ignore-output", "explorer", "explorer-needs", "keep-output"}
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


@every_chapter
def test_a_chapter_starts_as_all_do(path):
    assert read(path).metadata["kernelspec"]["name"] == "python3"
    head, setup = cells_of(path, "markdown")[0].source, cells_of(path, "code")[0]
    links = dict(re.findall(r"\[(Colab|Kaggle|Binder)\]\((\S+)\)", head))
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
        assert alternative and re.fullmatch(r"\[(picture|explorer)\] .*", text), source
        assert text.endswith(alternative), source

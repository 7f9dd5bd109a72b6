"""Chapters and their twins: in step, within the caps of design, and saved without what differs between
machines.
"""

import ast
import json
import re
import subprocess
import sys
from pathlib import Path

import jupytext
import pytest

from course import chapters

ROOT = Path(__file__).resolve().parents[1]
SOURCES = chapters.paths()
TAGS = {"nbval-ignore-output", "explorer", "explorer-needs"}
FORBIDDEN = {
    r"\brank\s*==\s*0|\bis_main\(": "code for one rank alone deadlocks beside a collective fit",
    r"\bsys\.path\b": "chapters do not edit the path",
    r"\bfilterwarnings\(|\bsimplefilter\(": "a warning is mended, not hidden",
    r"import \*": "names are imported one by one",
}
PLOTTING = {"matplotlib", "pylab", "PIL", "seaborn", "plotly"}


def cells_of(path, kind):
    return [cell for cell in jupytext.read(path).cells if cell.cell_type == kind]


def count_words(markdown):
    """Words of a cell's prose, without tables, mathematics, code, folded answers, tags and addresses."""
    for dropped in (
        r"(?s)<details>.*?</details>",
        r"(?s)```.*?```",
        r"(?s)\$\$.*?\$\$",
        r"\$[^$\n]+\$",
        r"(?m)^\s*\|.*$",
        r"(?s)<[^>]+>",
        r"!\[[^\]]*\]\([^)]*\)",
        r"(?<=\])\([^)]*\)",
    ):
        markdown = re.sub(dropped, " ", markdown)
    return len(re.findall(r"[^\W_][\w'’.,/-]*", markdown))


def test_words_are_counted_as_prose():
    assert count_words("One *two* three: $a + b$ four.") == 4
    assert count_words("| a | table |\n|---|---|\n| of | words |\n\nfive") == 1
    assert (
        count_words("$$\nx = y\n$$\n<details><summary>Answer</summary>no no</details> [link](http://a.b/c)")
        == 1
    )
    assert count_words("word " * 121) == 121


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.stem)
def test_cells_stay_within_the_caps(path):
    for cell in cells_of(path, "code"):
        lines = [line for line in cell.source.splitlines() if line.strip()]
        assert len(lines) <= 25, f"a code cell of {len(lines)} lines:\n{cell.source}"
    for cell in cells_of(path, "markdown"):
        words = count_words(cell.source)
        assert words <= 120, f"a text cell of {words} words:\n{cell.source}"


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.stem)
def test_chapter_starts_as_all_do(path):
    assert jupytext.read(path).metadata["kernelspec"]["name"] == "python3"
    assert cells_of(path, "markdown")[0].source.lstrip().startswith(("#", "[!["))
    assert re.search(r"(?m)^course\.setup\(\)", cells_of(path, "code")[0].source), (
        "the set-up cell comes first"
    )


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.stem)
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


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.stem)
def test_chapters_hold_no_plotting_code_and_no_shortcuts(path):
    for cell in cells_of(path, "code"):
        for pattern, why in FORBIDDEN.items():
            assert not re.search(pattern, cell.source), f"{why}:\n{cell.source}"
        for node in ast.walk(ast.parse(cell.source)):
            modules = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            modules += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            for module in modules:
                assert module.split(".")[0] not in PLOTTING, f"plotting code in a chapter:\n{cell.source}"
                assert not re.search(r"(^|\.)chapters$|\d\d_", module), (
                    f"a chapter imports no chapter: {module}"
                )


def test_every_twin_is_in_step():
    run = subprocess.run(
        [sys.executable, "tools/notebooks.py", "--check"], cwd=ROOT, capture_output=True, text=True
    )
    assert (run.returncode, run.stdout) == (0, ""), run.stdout + run.stderr


def test_every_twin_has_a_source():
    twins = {path.stem for path in chapters.folder().glob("*.ipynb")}
    assert twins == {path.stem for path in SOURCES}


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.stem)
def test_twin_is_executed_and_clean(path):
    twin = path.with_suffix(".ipynb")
    text = twin.read_text(encoding="utf-8")
    assert len(text.encode()) < 2_000_000
    notebook = json.loads(text)
    assert set(notebook["metadata"]) == {"course", "kernelspec", "language_info"}
    assert "version" not in notebook["metadata"]["language_info"]
    code = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    assert [cell["execution_count"] for cell in code] == list(range(1, len(code) + 1))
    for cell in notebook["cells"]:
        assert set(cell["metadata"]) <= {"tags"}
        for output in cell.get("outputs", []):
            check_output(output, "".join(cell["source"]))


def check_output(output, source):
    """One saved output: no error, stderr, widget or path of a machine; a picture has its alternative."""
    assert output["output_type"] != "error", source
    assert output.get("name") != "stderr", f"{source}\nwrote to stderr: {output['text']}"
    assert output.get("name") is None or "".join(output["text"]).strip(), (
        f"an empty line stands below:\n{source}"
    )
    data = output.get("data", {})
    assert not any("widget" in kind for kind in data), source
    shown = "".join(output.get("text", "")) + "".join("".join(data.get("text/plain", "")))
    assert not re.search(
        r"(?<![\w.])/(home|root|tmp|work|usr|Users|opt|private)/|site-packages|at 0x", shown
    ), shown
    if "image/png" in data:
        alternative = output["metadata"].get("image/png", {}).get("alt", "")
        assert alternative.strip(), f"a picture without a text alternative:\n{source}"
        # The text that nbval compares: what kind of output it is, and the same alternative.
        assert re.fullmatch(r"\[(picture|explorer)\] .*", text := "".join(data["text/plain"])), source
        assert text.endswith(alternative), source

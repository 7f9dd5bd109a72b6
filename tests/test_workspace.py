"""The working copy: made once, never overwritten, without outputs; resets; folders that cannot be written."""

import datetime
import json
import sys
from pathlib import Path

import pytest

from course import chapters, workspace
from tests.helpers.places import ROOT

TODAY = datetime.date.today().isoformat()


def save_notebook(folder, stem, text="1 + 1", inputs="first"):
    """A chapter's notebook, as `make notebooks` leaves it."""
    output = {"output_type": "stream", "name": "stdout", "text": ["2\n"]}
    code = {"cell_type": "code", "execution_count": 1, "source": [text], "outputs": [output]}
    cells = [
        {"cell_type": "markdown", "metadata": {}, "source": ["# Größe\n", "$x$"]},
        code | {"metadata": {"tags": ["keep-output"]}},
        code | {"metadata": {"tags": ["explorer"]}},
        code | {"metadata": {}},
    ]
    metadata = {"course": {"inputs": inputs}, "jupytext": {"formats": "ipynb,py:percent"}, "kernelspec": {}}
    notebook = {"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}
    (folder / f"{stem}.ipynb").write_text(json.dumps(notebook))


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    """A checkout with two chapters, in a path with a space; a home beside it."""
    notebooks = tmp_path / "the course" / "notebooks"
    notebooks.mkdir(parents=True)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("COURSE_WORK", raising=False)
    monkeypatch.setattr(chapters, "folder", lambda: notebooks)
    for stem in ("01_cnn", "02_rnn"):
        save_notebook(notebooks, stem)
    return notebooks.parent


@pytest.fixture
def run(checkout, capsys):
    """Run the command line: its exit status, and the lines on stdout and stderr."""

    def run(*arguments):
        code = workspace.main(list(map(str, arguments)))
        return code, *(text.splitlines() for text in capsys.readouterr())

    return run


@pytest.fixture
def copy(checkout, run):
    """The learner's copy of chapter 1, made by a first run."""
    assert run() == (0, ["copied: 01_cnn, 02_rnn", str(checkout / "my")], [])
    return checkout / "my" / "01_cnn.ipynb"


def test_copies_are_unpaired_and_without_outputs_but_those_to_be_kept(checkout, copy):
    kept = json.loads((checkout / "notebooks" / "01_cnn.ipynb").read_text())
    found = json.loads(copy.read_text())
    version = sys.version.split()[0]
    assert found["metadata"] == {"kernelspec": {}, "language_info": {"version": version}}
    assert found["cells"][:2] == kept["cells"][:2]
    for cell, before in zip(found["cells"][2:], kept["cells"][2:], strict=True):
        assert cell == before | {"outputs": [], "execution_count": None}
    names = {path.name for path in copy.parent.iterdir()}
    assert names == {".copied-from.json", "01_cnn.ipynb", "02_rnn.ipynb"}


def test_second_run_overwrites_nothing(run, copy):
    copy.write_text("my answers, not even a notebook")
    memory = copy.with_name(".copied-from.json").stat().st_mtime_ns
    assert run() == (0, [str(copy.parent)], [])
    assert copy.read_text() == "my answers, not even a notebook"
    assert copy.with_name(".copied-from.json").stat().st_mtime_ns == memory


@pytest.fixture
def page(checkout, run, monkeypatch, tmp_path):
    """The learner's copy of the start page, the committed one; made while nothing is solved."""
    (checkout / "notebooks" / "start.ipynb").write_bytes((ROOT / "notebooks" / "start.ipynb").read_bytes())
    monkeypatch.setenv("COURSE_PROGRESS", str(tmp_path / "progress.json"))
    assert run()[1] == ["copied: 01_cnn, 02_rnn, start", str(checkout / "my")]
    return checkout / "my" / "start.ipynb"


def solve_one(tmp_path):
    """A record in which one exercise of chapter 1 is solved."""
    now = "2026-01-31T12:00:00+00:00"
    entry = {"first_solved": now, "status": "passed", "checked": now, "checks": 1}
    (tmp_path / "progress.json").write_text(json.dumps({"01_cnn.conv2d": entry}))


def test_the_start_page_shows_the_present_progress(tmp_path, run, page):
    before, written = page.read_text(), page.stat().st_mtime_ns
    assert "Begin with chapter 0" in before and "1 of 10 exercises" not in before
    assert run()[1] == [str(page.parent)] and page.stat().st_mtime_ns == written, "nothing to renew"
    solve_one(tmp_path)
    assert run()[1] == [str(page.parent)]
    assert "Go on with chapter 1" in page.read_text() and "1 of 10 exercises" in page.read_text()


def test_a_start_page_that_was_opened_run_and_saved_is_renewed(tmp_path, run, page):
    notebook = json.loads(page.read_text())
    notebook["cells"][1] |= {"execution_count": 7, "metadata": {"tags": ["keep-output"], "collapsed": False}}
    page.write_text(json.dumps(notebook))
    solve_one(tmp_path)
    run()
    assert "Go on with chapter 1" in page.read_text()


@pytest.mark.parametrize("position", [0, 1, -1])
def test_a_start_page_with_a_word_of_the_readers_stays_as_it_is(tmp_path, run, page, position):
    notebook = json.loads(page.read_text())
    notebook["cells"][position]["source"].append("\n# mine")
    page.write_text(json.dumps(notebook))
    before = page.read_bytes()
    solve_one(tmp_path)
    assert run()[1] == [str(page.parent)] and page.read_bytes() == before
    run("--reset", "start")
    assert "Go on with chapter 1" in page.read_text()
    assert page.with_name(f"start.{TODAY}.ipynb").read_bytes() == before


def test_a_cell_of_the_readers_and_a_damaged_start_page_stay(tmp_path, run, page):
    notebook, cell = json.loads(page.read_text()), {"cell_type": "code", "metadata": {}, "source": "1 + 1"}
    notebook["cells"].append(cell | {"id": "mine", "outputs": [], "execution_count": None})
    solve_one(tmp_path)
    for content in (json.dumps(notebook).encode(), b"<<<<<<< mine", b"[]", b""):
        page.write_bytes(content)
        assert run()[1] == [str(page.parent)] and page.read_bytes() == content


@pytest.mark.parametrize("is_touched", [False, True])
def test_a_newer_start_page_replaces_an_untouched_one_alone(checkout, run, page, is_touched):
    if is_touched:
        page.write_text(page.read_text().replace("# From Formula to Model", "# Mine"))
    newer = checkout / "notebooks" / "start.ipynb"
    newer.write_text(newer.read_text().replace("**How it works.**", "**How it goes.**"))
    line = "start has a newer version; `make reset CH=start` sets yours aside and takes it"
    for _ in range(2):
        assert run()[1] == [*([line] if is_touched else []), str(page.parent)]
    assert ("# Mine" in page.read_text()) == is_touched
    assert ("How it goes" in page.read_text()) != is_touched


def test_deleted_copy_and_new_chapter_are_copied(checkout, run, copy):
    copy.unlink()
    save_notebook(checkout / "notebooks", "03_attention")
    assert run()[1] == ["copied: 01_cnn, 03_attention", str(copy.parent)]


def test_chapter_that_moved_on_is_said_until_reset(checkout, run, copy):
    save_notebook(checkout / "notebooks", "01_cnn", text="2 + 2", inputs="second")
    line = "01_cnn has a newer version; `make reset CH=01` sets yours aside and takes it"
    for _ in range(2):
        assert run()[1] == [line, str(copy.parent)] and "1 + 1" in copy.read_text()
    run("--reset", "01")
    assert "2 + 2" in copy.read_text() and run()[1] == [str(copy.parent)]


def test_reset_never_loses_an_earlier_copy(run, copy):
    whole, mine = copy.read_bytes(), [b"my answers", b"", b"\0" * 50]
    for answers, number in zip(mine, ("", "-2", "-3"), strict=True):
        copy.write_bytes(answers)
        said = f"01_cnn: your copy is now 01_cnn.{TODAY}{number}.ipynb, 01_cnn.ipynb is taken afresh"
        assert run("--reset", "01")[1][0] == said and copy.read_bytes() == whole
        assert copy.with_name(f"01_cnn.{TODAY}{number}.ipynb").read_bytes() == answers
    assert len(list(copy.parent.glob("*.ipynb"))) == 5


def test_unknown_chapter_is_one_line_and_touches_nothing(checkout, run):
    error = "error: no chapter '07' to reset; the chapters are: 01_cnn, 02_rnn"
    assert run("--reset", "07") == (1, [], [error])
    assert not (checkout / "my").exists()


@pytest.mark.parametrize("damage", [b'{"01_cnn": "fi', b"", b"[]", b'{"01_cnn": 3}', b"\xff\xfe", b"\0"])
def test_a_damaged_memory_is_set_aside_and_loses_nothing(run, copy, damage):
    copy.write_text("my answers")
    copy.with_name(".copied-from.json").write_bytes(damage)
    code, [line, _], errors = run()
    aside = f".copied-from.{TODAY}.json"
    assert line.startswith(f".copied-from.json was damaged and is now {aside}. Your notebooks are kept")
    assert (code, errors) == (0, []) and copy.with_name(aside).read_bytes() == damage
    assert copy.read_text() == "my answers" and run()[1] == [str(copy.parent)]


def test_quiet_prints_the_folder_alone(checkout, run):
    assert run("--quiet") == (0, [str(checkout / "my")], ["copied: 01_cnn, 02_rnn"])


def test_named_folder_is_used(checkout, tmp_path, run):
    assert run(tmp_path / "a b" / "mine")[1][-1] == str(tmp_path / "a b" / "mine")
    assert not (checkout / "my").exists()
    (tmp_path / "a file").write_text("")
    code, lines, [error] = run(tmp_path / "a file")
    assert (code, lines) == (1, []) and "a file" in error


@pytest.fixture
def unwritable(monkeypatch):
    """A list of folders in which nothing can be written; permission bits would not stop root."""
    folders, real = [], workspace.tempfile.TemporaryFile

    def refuse(dir):
        if any(Path(dir).is_relative_to(folder) for folder in folders):
            raise PermissionError(13, "Permission denied")
        return real(dir=dir)

    monkeypatch.setattr(workspace.tempfile, "TemporaryFile", refuse)
    return folders


def test_unwritable_checkout_falls_back_to_course_work_then_home(
    checkout, tmp_path, run, unwritable, monkeypatch
):
    unwritable.append(checkout)
    assert run()[1][-1] == str(tmp_path / "home" / "from-formula-to-model")
    monkeypatch.setenv("COURSE_WORK", str(tmp_path / "work"))
    assert run()[1] == ["copied: 01_cnn, 02_rnn", str(tmp_path / "work")]
    unwritable.append(tmp_path)
    code, lines, [error] = run()
    assert (code, lines) == (1, []) and "Permission denied" in error and "set COURSE_WORK" in error


def test_folder_of_the_course_itself_is_refused(checkout, run):
    (checkout / "notebooks" / "jupytext.toml").write_text("")
    before = (checkout / "notebooks" / "01_cnn.ipynb").read_bytes()
    code, _, [error] = run("--reset", "01", checkout / "notebooks")
    assert code == 1 and "name another folder" in error
    assert (checkout / "notebooks" / "01_cnn.ipynb").read_bytes() == before


def test_missing_or_unreadable_notebooks_are_said(checkout, run):
    (checkout / "notebooks" / "02_rnn.ipynb").write_text("<<<<<<< HEAD")
    code, _, [error] = run()
    assert code == 1 and "02_rnn.ipynb is not a readable notebook" in error
    for path in (checkout / "notebooks").iterdir():
        path.unlink()
    code, _, [error] = run()
    assert code == 1 and "run `make notebooks`" in error

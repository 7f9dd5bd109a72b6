"""The working copy: made once, never overwritten, without outputs; resets; folders that cannot be written."""

import datetime
import json
import os
import random
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from course import chapters, workspace
from tests.helpers import places
from tests.helpers.damage import content_of, flips

TODAY = datetime.date.today().isoformat()


def save_notebook(folder, stem, text="1 + 1", inputs="first"):
    """A chapter's notebook, as `make notebooks` leaves it."""
    output = {"output_type": "stream", "name": "stdout", "text": ["2\n"]}
    code = {"cell_type": "code", "execution_count": 1, "source": [text], "outputs": [output]}
    cells = [
        {"cell_type": "markdown", "id": "a", "metadata": {}, "source": ["# Größe\n", "$x$"]},
        code | {"id": "b", "metadata": {"tags": ["keep-output"]}},
        code | {"id": "c", "metadata": {"tags": ["explorer"]}},
        code | {"id": "d", "metadata": {}},
    ]
    metadata = {
        "course": {"inputs": inputs, "made_from": "x"},
        "jupytext": {"formats": "ipynb,py:percent"},
        "kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"},
    }
    notebook = {"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}
    (folder / f"{stem}.ipynb").write_text(json.dumps(notebook))
    (folder / f"{stem}.py").write_text(text)


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    """A checkout with two chapters, in a path with a space; a home beside it."""
    notebooks = tmp_path / "the course" / "notebooks"
    notebooks.mkdir(parents=True)
    (tmp_path / "home").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("COURSE_WORK", raising=False)
    monkeypatch.setattr(chapters, "folder", lambda: notebooks)
    for stem in ("01_cnn", "02_rnn"):
        save_notebook(notebooks, stem)
    return notebooks.parent


def run(capsys, *arguments):
    code = workspace.main(list(map(str, arguments)))
    return code, *(text.splitlines() for text in capsys.readouterr())


def test_copies_are_unpaired_and_without_outputs_but_those_to_be_kept(checkout, capsys):
    assert run(capsys) == (0, ["copied: 01_cnn, 02_rnn", str(checkout / "my")], [])
    copy = json.loads((checkout / "my" / "01_cnn.ipynb").read_text())
    notebook = json.loads((checkout / "notebooks" / "01_cnn.ipynb").read_text())
    assert copy["metadata"] == {"kernelspec": notebook["metadata"]["kernelspec"]}
    assert copy["cells"][:2] == notebook["cells"][:2] and copy["cells"][1]["outputs"]
    for copied, kept in zip(copy["cells"][2:], notebook["cells"][2:], strict=True):
        assert kept["outputs"] and copied == kept | {"outputs": [], "execution_count": None}
    assert sorted(path.name for path in (checkout / "my").iterdir()) == [
        ".copied-from.json",
        "01_cnn.ipynb",
        "02_rnn.ipynb",
    ]


def test_second_run_overwrites_nothing(checkout, capsys):
    run(capsys)
    mine = checkout / "my" / "01_cnn.ipynb"
    mine.write_text("my answers, not even a notebook")
    memory = (checkout / "my" / workspace.MEMORY).stat().st_mtime_ns
    assert run(capsys) == (0, [str(checkout / "my")], [])
    assert mine.read_text() == "my answers, not even a notebook"
    assert (checkout / "my" / workspace.MEMORY).stat().st_mtime_ns == memory


def test_deleted_copy_and_new_chapter_are_copied(checkout, capsys):
    run(capsys)
    (checkout / "my" / "01_cnn.ipynb").unlink()
    save_notebook(checkout / "notebooks", "03_attention")
    assert run(capsys)[1] == ["copied: 01_cnn, 03_attention", str(checkout / "my")]


def test_chapter_that_moved_on_is_said_until_reset(checkout, capsys):
    run(capsys)
    save_notebook(checkout / "notebooks", "01_cnn", text="2 + 2", inputs="second")
    line = "01_cnn has a newer version; `make reset CH=01` sets yours aside and takes it"
    for _ in range(2):
        assert run(capsys)[1] == [line, str(checkout / "my")]
    assert "1 + 1" in (checkout / "my" / "01_cnn.ipynb").read_text()
    run(capsys, "--reset", "01")
    assert "2 + 2" in (checkout / "my" / "01_cnn.ipynb").read_text()
    assert run(capsys)[1] == [str(checkout / "my")]


def test_reset_never_loses_an_earlier_copy(checkout, capsys):
    run(capsys)
    for answers in ("first", "second", "third"):
        (checkout / "my" / "01_cnn.ipynb").write_text(answers)
        code, lines, _ = run(capsys, "--reset", "01")
        assert code == 0 and "your copy is now 01_cnn." in lines[0]
    aside = [f"01_cnn.{TODAY}{number}.ipynb" for number in ("", "-2", "-3")]
    assert [(checkout / "my" / name).read_text() for name in aside] == ["first", "second", "third"]
    assert "1 + 1" in (checkout / "my" / "01_cnn.ipynb").read_text()
    assert not (checkout / "my" / f"02_rnn.{TODAY}.ipynb").exists()


def test_unknown_chapter_is_one_line_and_touches_nothing(checkout, capsys):
    assert run(capsys, "--reset", "07") == (
        1,
        [],
        ["error: no chapter '07' to reset; the chapters are: 01_cnn, 02_rnn"],
    )
    assert not (checkout / "my").exists()


def is_memory(content):
    """Whether these bytes are a JSON object of strings: such a one, though false, is taken at its word."""
    try:
        origins = json.loads(content.decode("utf-8"))
    except ValueError:
        return False
    return isinstance(origins, dict) and all(isinstance(origin, str) for origin in origins.values())


def test_a_damaged_memory_is_set_aside_and_loses_nothing(checkout, capsys):
    run(capsys)
    memory = checkout / "my" / ".copied-from.json"
    whole, copies = memory.read_bytes(), content_of(checkout / "my")
    del copies[memory]
    damages = [whole[: len(whole) // 2], b"", b"[]", b'{"01_cnn": 3}', b"\xff\xfe", b"\0"]
    for damage in [*damages, *flips(whole, 50, random.Random(0))]:
        memory.write_bytes(damage)
        code, lines, errors = run(capsys)
        assert (code, errors) == (0, [])
        now = content_of(checkout / "my")
        aside = [path for path in now if path not in (*copies, memory)]
        assert now.items() >= copies.items()
        assert [now[path] for path in aside] == ([] if is_memory(damage) else [damage])
        for path in aside:
            assert path.name == f".copied-from.{TODAY}.json"
            assert lines[0].startswith(f".copied-from.json was damaged and is now {path.name}")
            path.unlink()
        assert is_memory(damage) or run(capsys)[1] == [str(checkout / "my")]


def test_a_damaged_copy_is_left_and_a_reset_keeps_it(checkout, capsys):
    run(capsys)
    copy = checkout / "my" / "01_cnn.ipynb"
    whole = copy.read_bytes()
    for damage in (whole[:100], b"", b"\0" * 50):
        copy.write_bytes(damage)
        run(capsys)
        assert copy.read_bytes() == damage
        run(capsys, "--reset", "01")
        [aside] = copy.parent.glob("01_cnn.*.ipynb")
        assert aside.read_bytes() == damage and copy.read_bytes() == whole
        aside.unlink()


def test_quiet_prints_the_folder_alone(checkout, capsys):
    folder = str(checkout / "my")
    assert run(capsys, "--quiet") == (0, [folder], ["copied: 01_cnn, 02_rnn"])


def test_named_folder_is_used(checkout, tmp_path, capsys):
    assert run(capsys, tmp_path / "a b" / "mine")[1][-1] == str(tmp_path / "a b" / "mine")
    assert not (checkout / "my").exists()
    (tmp_path / "a file").write_text("")
    code, lines, errors = run(capsys, tmp_path / "a file")
    assert (code, lines) == (1, []) and len(errors) == 1 and "a file" in errors[0]


def make_unwritable(*folders, monkeypatch):
    """Let nothing be written in these folders; permission bits would not stop root."""
    real = workspace.tempfile.TemporaryFile

    def refuse(dir):
        if any(Path(dir).is_relative_to(folder) for folder in folders):
            raise PermissionError(13, "Permission denied")
        return real(dir=dir)

    monkeypatch.setattr(workspace.tempfile, "TemporaryFile", refuse)


def test_unwritable_checkout_falls_back_to_course_work_then_home(checkout, tmp_path, monkeypatch, capsys):
    make_unwritable(checkout, monkeypatch=monkeypatch)
    assert run(capsys)[1][-1] == str(tmp_path / "home" / "from-formula-to-model")
    monkeypatch.setenv("COURSE_WORK", str(tmp_path / "work"))
    assert run(capsys)[1] == ["copied: 01_cnn, 02_rnn", str(tmp_path / "work")]


def test_no_writable_folder_is_one_clear_line(checkout, tmp_path, monkeypatch, capsys):
    make_unwritable(tmp_path, monkeypatch=monkeypatch)
    code, lines, errors = run(capsys)
    assert (code, lines, len(errors)) == (1, [], 1)
    assert "Permission denied" in errors[0] and "set COURSE_WORK" in errors[0]


def test_folder_of_the_course_itself_is_refused(checkout, capsys):
    (checkout / "notebooks" / "jupytext.toml").write_text("")
    before = (checkout / "notebooks" / "01_cnn.ipynb").read_bytes()
    code, _, errors = run(capsys, "--reset", "01", checkout / "notebooks")
    assert code == 1 and "name another folder" in errors[0]
    assert (checkout / "notebooks" / "01_cnn.ipynb").read_bytes() == before


def test_missing_or_unreadable_notebooks_are_said(checkout, capsys):
    (checkout / "notebooks" / "02_rnn.ipynb").write_text("<<<<<<< HEAD")
    code, _, errors = run(capsys)
    assert code == 1 and "02_rnn.ipynb is not a readable notebook" in errors[0]
    for path in (checkout / "notebooks").iterdir():
        path.unlink()
    code, _, errors = run(capsys)
    assert code == 1 and "run `make notebooks`" in errors[0]


@pytest.mark.skipif(places.stopped_by_bits() is None, reason="root passes permission bits here")
def test_read_only_checkout_for_real(tmp_path):
    """The command itself in a checkout that its user may not write, as on a shared server."""
    root = tmp_path / "read only"
    (root / "notebooks").mkdir(parents=True)
    package = Path(workspace.__file__).parent
    (root / "course").mkdir()
    for name in ("__init__.py", "chapters.py", "files.py", "workspace.py"):
        shutil.copy(package / name, root / "course" / name)
    save_notebook(root / "notebooks", "01_cnn")
    home = tmp_path / "home"
    home.mkdir()
    places.set_writable(root, False)
    command = places.stopped_by_bits(sys.executable, "-B", "-m", "course.workspace")
    env = {key: value for key, value in os.environ.items() if key not in ("PYTHONPATH", "COURSE_WORK")}
    env["HOME"] = str(home)
    end = subprocess.run(command, cwd=root, env=env, capture_output=True, text=True)
    places.set_writable(root, True)
    assert end.returncode == 0, end.stderr
    assert end.stdout.splitlines() == ["copied: 01_cnn", str(home / "from-formula-to-model")]

"""Files: written whole, set aside under a free name, and read only as they were written."""

import datetime
import random
import shutil
import subprocess

import pytest

from course import files
from course.files import DataError
from tests.helpers.damage import DAMAGES, damage, flips

NUMBERS = b"[1, 2, 3]\n"


@pytest.fixture
def folder(tmp_path):
    """A folder with two files and their checksums, in a path with a space."""
    files.write_checked(tmp_path / "a folder" / "numbers.json", NUMBERS.decode())
    files.write_checked(tmp_path / "a folder" / "bytes.bin", bytes(range(256)))
    return tmp_path / "a folder"


def read(path):
    return files.read_checked(path, "Get it again.")


def refusal(path):
    """The message with which a file is refused; one line that names the cure."""
    with pytest.raises(DataError) as error:
        read(path)
    message = str(error.value)
    assert message.endswith(" Get it again.") and "\n" not in message
    return message


def test_what_was_written_is_read(folder):
    assert read(folder / "numbers.json") == NUMBERS
    files.write_checked(folder / "numbers.json", "[4]\n")
    assert read(folder / "numbers.json") == b"[4]\n" and read(folder / "bytes.bin") == bytes(range(256))
    assert {path.name for path in folder.iterdir()} == {"SHA256SUMS", "bytes.bin", "numbers.json"}


@pytest.mark.skipif(shutil.which("sha256sum") is None, reason="there is no sha256sum")
def test_the_list_is_that_of_sha256sum(folder):
    command = ["sha256sum", "bytes.bin", "numbers.json"]
    assert subprocess.check_output(command, cwd=folder, text=True) == (folder / "SHA256SUMS").read_text()


@pytest.mark.parametrize("how", DAMAGES)
def test_a_damaged_file_is_refused_and_the_others_are_read(folder, how, monkeypatch):
    damage(folder / "bytes.bin", how, monkeypatch)
    assert str(folder / "bytes.bin") in refusal(folder / "bytes.bin")
    assert read(folder / "numbers.json") == NUMBERS


@pytest.mark.parametrize("how", DAMAGES[1:])
def test_without_its_list_no_file_is_read(folder, how, monkeypatch):
    damage(folder / "SHA256SUMS", how, monkeypatch)
    assert "SHA256SUMS" in refusal(folder / "numbers.json")


def test_every_flipped_bit_every_length_and_every_stranger_is_noticed(folder):
    path, lengths = folder / "numbers.json", (NUMBERS[:length] for length in range(10))
    for content in (*flips(NUMBERS, 100, random.Random(0)), *lengths, NUMBERS + b" "):
        path.write_bytes(content)
        assert f"{path} is damaged: its SHA-256 begins with " in refusal(path)
    (folder / "new.json").write_bytes(NUMBERS)
    assert "SHA256SUMS says nothing" in refusal(folder / "new.json")


def test_a_damaged_line_refuses_its_own_file(folder):
    sums = folder / "SHA256SUMS"
    first, second = sums.read_bytes().splitlines(keepends=True)
    for line in flips(second[:-1], 100, random.Random(0)):
        sums.write_bytes(first + line + b"\n")
        refusal(folder / "numbers.json")
        assert read(folder / "bytes.bin")
    files.write_checked(folder / "numbers.json", NUMBERS)
    assert read(folder / "numbers.json")


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch):
    path = files.write_whole(tmp_path / "new" / "a.txt", "größer")

    def fail(*arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files.os, "replace", fail)
    with pytest.raises(OSError, match="No space left"):
        files.write_whole(path, "other")
    assert path.read_text(encoding="utf-8") == "größer" and list(path.parent.iterdir()) == [path]


def test_set_aside_takes_the_first_free_name(tmp_path):
    path, today = tmp_path / "a.json", datetime.date.today().isoformat()
    for pattern, name in (([], f"a.{today}{{}}.json"), (["{name}.damaged{number}"], "a.json.damaged{}")):
        for number in ("", "-2", "-3"):
            path.write_text(number)
            assert files.set_aside(path, *pattern) == tmp_path / name.format(number)
            assert (tmp_path / name.format(number)).read_text() == number and not path.exists()

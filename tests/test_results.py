"""Recorded results: how they are written and read."""

import random
import re
import shutil
import subprocess
import sys

import pytest
import torch

from course import chapters, results
from course.files import DataError
from tests.helpers.damage import flips
from tests.helpers.replay import replay

CHAPTER = """\
from course import results

print("the chapter ran")


def record_seed(seed, max_steps=30, **settings):
    \"\"\"A loss that falls, other for each seed.\"\"\"
    yield [1 / (step + 1 + seed) for step in range(max_steps)]
    yield {"accuracy": 0.9 + seed / 100}


def record_nothing(**settings):
    yield []
    yield {}


def record_tuple(**settings):
    yield [1.0]
    yield {"shape": (1, 2)}


def record_infinite(**settings):
    yield [float("inf")]
    yield {}


def record_computed(**settings):
    yield [net]
    yield {}


net = 1.0


def record_function(**settings):
    yield [1.0]
    yield {"what": record_tuple}


RECORDED = {
    "seeds": (record_seed, [{"seed": 0}, {"seed": 3}]),
    "nothing": (record_nothing, [{}]),
    "tuple": (record_tuple, [{}]),
    "infinite": (record_infinite, [{}]),
    "function": (record_function, [{}]),
    "computed": (record_computed, [{}]),
}
"""


@pytest.fixture
def small(tmp_path, monkeypatch):
    """A chapter 03_small and an empty folder of results in the place of the course's."""
    (tmp_path / "03_small.py").write_text(CHAPTER)
    (tmp_path / "04_plain.py").write_text("WIDTH = 3\n")
    monkeypatch.setattr(chapters, "folder", lambda: tmp_path)
    monkeypatch.setattr(results, "FILES", tmp_path / "files")
    yield tmp_path / "files" / "03_small"
    sys.modules.pop("chapter_03_small", None)


def test_recorded_rows_are_read_back_with_their_origin(small, capsys):
    assert results.record("03", ["seeds"]) == [small / "seeds.json"]
    assert "the chapter ran" not in capsys.readouterr().out
    rows = results.read("03", "seeds")
    assert rows == results.read("03_small", "seeds")
    assert [(row["seed"], row["accuracy"]) for row in rows] == [(0, 0.9), (3, 0.93)]
    assert rows[1]["losses"] == [1 / (step + 4) for step in range(20)]
    content = results.read_file("03", "seeds")
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", content["date"])
    assert content["versions"]["torch"] == torch.__version__ and "CPUs" in content["machine"]
    assert all(row["seconds"] >= 0 for row in content["rows"])
    assert {path.name for path in small.iterdir()} == {"SHA256SUMS", "seeds.json"}


def test_replay_compares_the_first_steps(small):
    results.record("03", ["seeds"])
    recorded, repeated = replay("03", "seeds", 1)
    assert recorded == repeated == [1 / (step + 4) for step in range(20)]
    recorded, repeated = replay("03", "seeds", 0, steps=5)
    assert recorded == repeated == [1 / (step + 1) for step in range(5)]
    source = small.parents[1] / "03_small.py"
    source.write_text(source.read_text().replace("1 / (step", "2 / (step"))
    recorded, repeated = replay("03", "seeds", 0)
    assert repeated == [2 * loss for loss in recorded]


@pytest.mark.parametrize("name", ["nothing", "tuple", "infinite", "function", "computed"])
def test_rows_that_json_cannot_hold_are_refused_and_nothing_is_written(small, name):
    with pytest.raises(ValueError, match=f"{name}, row 0"):
        results.record("03", [name])
    assert not small.exists()


def test_what_is_missing_or_damaged_is_said_with_the_cure(small):
    with pytest.raises(DataError, match="03 has no recorded seeds.json: `make results CH=03` makes it"):
        results.read("03", "seeds")
    with pytest.raises(ValueError, match="03_small records no epochs; it records: seeds, nothing"):
        results.record("03", ["epochs"])
    with pytest.raises(ValueError, match="04_plain records nothing"):
        results.record("04")
    results.record("03", ["seeds"])
    with pytest.raises(DataError, match="03_small has no recorded net.safetensors: `make results CH=03`"):
        results.load_weights("03", "net")


def test_reading_needs_no_chapter_to_be_read(small):
    results.record("03", ["seeds"])
    for path in chapters.paths():
        path.unlink()
    assert len(results.read("03", "seeds")) == 2


def test_weights_come_back_as_float32_rounded_to_half(small):
    model = torch.nn.Sequential(torch.nn.Conv2d(1, 4, 3), torch.nn.BatchNorm2d(4))
    path = results.save_weights("03", "net", model.state_dict())
    assert path == small / "net.safetensors"
    loaded = results.load_weights("03", "net")
    assert loaded.keys() == model.state_dict().keys()
    for key, kept in model.state_dict().items():
        assert loaded[key].dtype == kept.dtype and loaded[key].shape == kept.shape
        torch.testing.assert_close(loaded[key], kept, rtol=1e-3, atol=1e-7)
    model.load_state_dict(loaded)


def test_weights_that_share_memory_or_are_views_are_written(small):
    weight = torch.arange(6.0).reshape(2, 3)
    results.save_weights("03", "tied", {"a": weight, "b": weight, "c": weight.T})
    loaded = results.load_weights("03", "tied")
    assert torch.equal(loaded["a"], weight) and torch.equal(loaded["c"], weight.T)


def test_weights_that_cannot_be_kept_are_refused(small):
    for value in (float("nan"), float("inf"), 70000.0):
        with pytest.raises(ValueError, match="weight 'w' of 'net' is not finite or does not fit float16"):
            results.save_weights("03", "net", {"w": torch.tensor([0.0, value])})
    with pytest.raises(ValueError, match="take 2.2 MB, at most 2 MB"):
        results.save_weights("03", "net", {"w": torch.zeros(1_100_000)})
    assert not small.exists()


def test_command_line_says_what_is_wrong_in_one_line():
    run = subprocess.run([sys.executable, "-m", "course.results", "99"], capture_output=True, text=True)
    assert run.returncode == 1 and run.stdout == ""
    assert run.stderr.startswith("error: no chapter '99'; the chapters are: ") and run.stderr.count("\n") == 1


CHAPTERS = sorted(folder.name for folder in results.FILES.iterdir())


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_a_damaged_recorded_file_is_one_clear_error(tmp_path, monkeypatch, chapter):
    monkeypatch.setattr(results, "FILES", shutil.copytree(results.FILES / chapter, tmp_path / chapter).parent)
    for path in (tmp_path / chapter).glob("*.*"):
        read = results.read if path.suffix == ".json" else results.load_weights
        assert read(chapter, path.stem)
        for content in flips(path.read_bytes(), 3, random.Random(path.name)):
            path.write_bytes(content)
            with pytest.raises(DataError) as error:
                read(chapter, path.stem)
            message = str(error.value)
            assert str(path) in message and "\n" not in message
            assert message.endswith(f"or record it again with `make results CH={chapter[:2]}`.")


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_recorded_files_are_listed_small_and_wanted(chapter):
    files = [path for path in (results.FILES / chapter).iterdir() if path.name != "SHA256SUMS"]
    listed = (results.FILES / chapter / "SHA256SUMS").read_text().splitlines()
    assert [line.split()[1] for line in listed] == sorted(path.name for path in files)
    source = chapters.find(chapter).read_text(encoding="utf-8")
    for path in files:
        assert path.stat().st_size <= 2_000_000 and path.suffix in (".json", ".safetensors"), path.name
        assert path.stem in source, f"{path.name} is not used by its chapter"


def test_recorded_files_are_small_together():
    assert sum(path.stat().st_size for path in results.FILES.glob("*/*")) <= 15_000_000

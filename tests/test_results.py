"""Recorded results: how they are written and read."""

import re
import subprocess
import sys

import pytest
import torch

from course import chapters, results
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
    assert [path.name for path in small.iterdir()] == ["seeds.json"]


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
    with pytest.raises(FileNotFoundError, match="03_small has no recorded 'seeds': `make results CH=03`"):
        results.read("03", "seeds")
    with pytest.raises(FileNotFoundError, match="nothing is recorded for a chapter '09'"):
        results.read("09", "seeds")
    with pytest.raises(ValueError, match="03_small records no epochs; it records: seeds, nothing"):
        results.record("03", ["epochs"])
    with pytest.raises(ValueError, match="04_plain records nothing"):
        results.record("04")
    [path] = results.record("03", ["seeds"])
    whole = path.read_text()
    for damaged in (whole[:-40], "[]", '{"rows": [{}]}'):
        path.write_text(damaged)
        with pytest.raises(ValueError, match="seeds.json is damaged: .*`make results CH=03`"):
            results.read("03", "seeds")


def test_recording_needs_no_chapter_to_be_read(small, monkeypatch):
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
    with pytest.raises(FileNotFoundError, match="no recorded weights 'net': `make results CH=03`"):
        results.load_weights("03", "net")
    path = results.save_weights("03", "net", {"w": torch.zeros(10)})
    path.write_bytes(path.read_bytes()[:-3])
    with pytest.raises(ValueError, match="net.safetensors are damaged"):
        results.load_weights("03", "net")


def test_command_line_says_what_is_wrong_in_one_line():
    run = subprocess.run([sys.executable, "-m", "course.results", "99"], capture_output=True, text=True)
    assert run.returncode == 1 and run.stdout == ""
    assert run.stderr.startswith("error: no chapter '99'; the chapters are: ") and run.stderr.count("\n") == 1


def test_recorded_files_are_small_and_wanted():
    files = [path for path in results.FILES.rglob("*") if path.is_file() and not path.name.startswith(".")]
    assert sum(path.stat().st_size for path in files) <= 15_000_000
    assert all(path.stat().st_size <= 2_000_000 for path in files)
    for path in files:
        assert path.suffix in (".json", ".safetensors"), path.name
        source = chapters.find(path.parent.name).read_text(encoding="utf-8")
        assert path.stem in source, f"{path.name} is not used by its chapter"

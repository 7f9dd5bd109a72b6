"""Recorded results: how they are written and read."""

import re
import shutil
import subprocess
import sys

import pytest
import torch

from course import chapters, results
from course.files import DataError
from tests.helpers.damage import damage

CHAPTER = """\
print("the chapter ran")


def record_seed(seed, **settings):
    yield [1 / (step + 1 + seed) for step in range(30)]
    yield {"accuracy": 0.9 + seed / 100}


def recorder(losses, measured):
    def record(**settings):
        yield losses
        yield measured

    return record


def record_computed(**settings):
    yield [net]


net = 1.0
RECORDED = {
    "seeds": (record_seed, [{"seed": 0}, {"seed": 3}]),
    "nothing": (recorder([], {}), [{}]),
    "no measures": (recorder([1.0], 3), [{}]),
    "tuple": (recorder([1.0], {"shape": (1, 2)}), [{}]),
    "infinite": (recorder([float("inf")], {}), [{}]),
    "function": (recorder([1.0], {"what": record_seed}), [{}]),
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
    content, rows = results.read_file("03", "seeds"), results.read("03", "seeds")
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", content["date"])
    assert content["versions"]["torch"] == torch.__version__ and "CPUs" in content["machine"]
    assert [(row["seed"], row["accuracy"]) for row in rows] == [(0, 0.9), (3, 0.93)]
    assert rows[1]["losses"] == [1 / (step + 4) for step in range(20)] and rows[1]["seconds"] >= 0
    assert {path.name for path in small.iterdir()} == {"SHA256SUMS", "seeds.json"}
    for path in chapters.paths():
        path.unlink()
    assert results.read("03_small", "seeds") == rows  # without the chapter, as on Colab


@pytest.mark.parametrize("name", ["nothing", "no measures", "tuple", "infinite", "function", "computed"])
def test_rows_that_json_cannot_hold_are_refused_and_nothing_is_written(small, name):
    with pytest.raises(ValueError, match=f"{name}, row 0"):
        results.record("03", [name])
    assert not small.exists()


def test_what_is_missing_is_said_with_the_cure(small):
    with pytest.raises(DataError, match="03 has no recorded seeds.json: `make results CH=03` makes it"):
        results.read("03", "seeds")
    with pytest.raises(ValueError, match="03_small records no epochs; it records: seeds, nothing"):
        results.record("03", ["epochs"])
    with pytest.raises(ValueError, match="04_plain records nothing"):
        results.record("04")
    results.record("03", ["seeds"])
    with pytest.raises(DataError, match="03_small has no recorded net.safetensors: `make results CH=03`"):
        results.load_weights("03", "net")


def test_weights_come_back_as_float32_rounded_to_half(small):
    model = torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.BatchNorm1d(2))
    first = model[0].weight.detach()
    kept = model.state_dict() | {"shared": first, "a view": first.T}
    assert results.save_weights("03", "net", kept) == small / "net.safetensors"
    loaded = results.load_weights("03", "net")
    assert {key: tensor.dtype for key, tensor in loaded.items()} == {k: t.dtype for k, t in kept.items()}
    for key, tensor in kept.items():
        torch.testing.assert_close(loaded[key], tensor, rtol=1e-3, atol=1e-7)


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
def test_each_recorded_file_is_listed_small_wanted_and_refused_when_damaged(tmp_path, monkeypatch, chapter):
    folder = shutil.copytree(results.FILES / chapter, tmp_path / chapter)
    monkeypatch.setattr(results, "FILES", tmp_path)
    files = sorted(folder.glob("*.*"))
    listed = (folder / "SHA256SUMS").read_text().splitlines()
    assert [line.split()[1] for line in listed] == [path.name for path in files]
    source = chapters.find(chapter).read_text(encoding="utf-8")
    cure = f"{chapter}/{{}} is damaged.* or record it again with `make results CH={chapter[:2]}`.$"
    for path in files:
        assert path.stat().st_size <= 2_000_000, path.name
        assert path.stem in source, f"{path.name} is not used by its chapter"
        read = results.read if path.suffix == ".json" else results.load_weights
        assert read(chapter, path.stem)
        damage(path, "flipped", monkeypatch)
        with pytest.raises(DataError, match=cure.format(path.name)):
            read(chapter, path.stem)


def test_recorded_files_are_small_together():
    assert sum(path.stat().st_size for path in results.FILES.glob("*/*")) <= 15_000_000

"""Files flipped, cut, emptied, unreadable or gone: a clear error, no wrong numbers, and nothing is lost."""

import dataclasses
import json
import os
import random
import shutil

import pytest
from matplotlib import cbook

from course import chapters, data, results, workspace
from course.data import embedded
from course.training import checkpoints
from course.training.checkpoints import CheckpointError
from tests.damage import DAMAGES, content_of, damaged, flips
from tests.helpers.same import assert_same
from tests.helpers.trainings import restless_fit
from tests.test_data import write_idx
from tests.test_workspace import save_twin

LOADERS = {
    "ames_small.csv.gz": data.houses,
    "fashion_4000_1000.npz": data.fashion_mnist,
    "mnist5k.npz": data.mnist,
    "pride_and_prejudice.txt.xz": data.novel,
}


@pytest.fixture
def data_files(tmp_path, monkeypatch):
    """A copy of the embedded files, which the loaders read."""
    monkeypatch.setattr(embedded, "FOLDER", shutil.copytree(embedded.FOLDER, tmp_path / "files"))
    return embedded.FOLDER


def test_every_embedded_file_has_its_loader(data_files):
    assert LOADERS.keys() == embedded.SHA256.keys()
    assert LOADERS.keys() | {"ATTRIBUTION.md"} == {path.name for path in data_files.iterdir()}


@pytest.mark.parametrize("how", DAMAGES)
@pytest.mark.parametrize("name", LOADERS)
def test_a_damaged_data_file_is_one_clear_error_and_once_whole_loads_again(data_files, name, how):
    path, load = data_files / name, LOADERS[name]
    whole = dataclasses.asdict(load())
    for content in flips(path.read_bytes(), 20, random.Random(name)) if how == "flipped" else [None]:
        with damaged(path, how, content):
            if how != "unreadable":
                before = content_of(data_files)
            with pytest.raises(data.DataError) as error:
                load()
            if how != "unreadable":
                assert content_of(data_files) == before
            others = [loader for other, loader in LOADERS.items() if other != name]
            assert how != "missing" or all(loader() for loader in others)
        message = str(error.value)
        assert str(path) in message and embedded.CURE in message and "\n" not in message
    assert_same(dataclasses.asdict(load()), whole)


@pytest.mark.parametrize("how", DAMAGES)
def test_a_damaged_photograph_is_one_clear_error(tmp_path, monkeypatch, how):
    with cbook.get_sample_data("grace_hopper.jpg") as file:
        whole = file.read()
    path = tmp_path / "grace_hopper.jpg"
    path.write_bytes(whole)
    monkeypatch.setattr(cbook, "get_sample_data", lambda name: (tmp_path / name).open("rb"))
    expected = data.photograph()
    with damaged(path, how, bytes([whole[0] ^ 1]) + whole[1:]):
        with pytest.raises(
            data.DataError, match="grace_hopper.jpg cannot be read: .* Install matplotlib again"
        ):
            data.photograph()
    assert_same(dataclasses.asdict(data.photograph()), dataclasses.asdict(expected))


def test_damaged_zipped_idx_files_are_named_and_never_other_images(tmp_path):
    write_idx(tmp_path, zipped=True)
    whole, refused = dataclasses.asdict(data.fashion_mnist(tmp_path)), 0
    for path in sorted(tmp_path.iterdir()):
        for content in flips(path.read_bytes(), 200, random.Random(path.name)):
            with damaged(path, "flipped", content):
                try:
                    found = data.fashion_mnist(tmp_path)
                except data.DataError as error:
                    refused += 1
                    assert str(path) in str(error) and "get the file again" in str(error)
                else:  # the time of packing, for one
                    assert_same(dataclasses.asdict(found), whole)
    assert refused > 500


RECORDED = sorted(path.relative_to(results.FILES) for path in results.FILES.glob("*/*.*"))


def read_recorded(path):
    """A recorded file as the chapters get it."""
    read = results.read_file if path.suffix == ".json" else results.load_weights
    return read(path.parent.name, path.stem)


@pytest.mark.parametrize("how", DAMAGES)
@pytest.mark.parametrize("chapter", sorted({path.parent.name for path in RECORDED}))
def test_a_damaged_recorded_file_is_one_clear_error_and_never_other_numbers(
    tmp_path, monkeypatch, chapter, how
):
    monkeypatch.setattr(results, "FILES", shutil.copytree(results.FILES / chapter, tmp_path / chapter).parent)
    for file in [file for file in RECORDED if file.parent.name == chapter]:
        path, whole = tmp_path / file, read_recorded(file)
        contents = flips(path.read_bytes(), 12, random.Random(str(file))) if how == "flipped" else [None]
        refused = 0
        for content in contents:
            with damaged(path, how, content):
                try:
                    found = read_recorded(file)
                except (ValueError, FileNotFoundError) as error:
                    refused += 1
                    message = str(error)
                    assert (path.stem if how == "missing" else str(path)) in message
                    assert f"`make results CH={chapter[:2]}`" in message and "\n" not in message
                else:  # 1e-05 as 1E-05 is the same number
                    assert how == "flipped" and path.suffix == ".json"
                    assert_same(found, whole)
        assert refused >= (10 if how == "flipped" else 1)
        assert_same(read_recorded(file), whole)


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """The bytes of a run's newest checkpoint and of the one before, and the state in that one."""
    path = tmp_path_factory.mktemp("run") / "run.ckpt"
    restless_fit(path, max_steps=20)
    before = checkpoints.previous(path)
    return path.read_bytes(), before.read_bytes(), checkpoints.read(before)[0]


def lengths(content):
    """Each class of lengths: within and at the ends of the header's parts, within the content, one short."""
    header = len(checkpoints.MAGIC) + 65
    return (0, 1, header - 66, header - 65, header - 64, header - 1, header, header + 1,
            len(content) // 2, len(content) - 4096, len(content) - 1)  # fmt: skip


def test_a_damaged_checkpoint_is_kept_and_the_one_before_is_used(tmp_path, saved):
    newest, before, state = saved
    damages = [newest[:length] for length in lengths(newest)] + [newest + b"\0"]
    damages += flips(newest, 200, random.Random(0))
    for number, damage in enumerate(damages):
        path = tmp_path / str(number) / "run.ckpt"
        path.parent.mkdir()
        path.write_bytes(damage)
        checkpoints.previous(path).write_bytes(before)
        found, (message,) = checkpoints.read(path)
        assert_same(found, state)
        assert str(path) in message and "is damaged" in message and "run.ckpt.damaged" in message
        assert {file.name: file.read_bytes() for file in path.parent.iterdir()} == {
            "run.ckpt.damaged": damage,
            "run.ckpt.previous": before,
        }
        shutil.rmtree(path.parent)


def test_two_damaged_checkpoints_one_after_the_other_are_both_kept(tmp_path, saved):
    newest, before, state = saved
    path = tmp_path / "run.ckpt"
    for number, damage in enumerate((newest[:-1], newest[:-2], newest[:-3]), 1):
        path.write_bytes(damage)
        checkpoints.previous(path).write_bytes(before)
        assert_same(checkpoints.read(path)[0], state)
        assert len(list(tmp_path.glob("run.ckpt.damaged*"))) == number
    kept = {file.read_bytes() for file in tmp_path.glob("run.ckpt.damaged*")}
    assert kept == {newest[:-1], newest[:-2], newest[:-3]}


def test_where_both_checkpoints_are_damaged_both_are_kept(tmp_path, saved):
    newest, before, _ = saved
    path = tmp_path / "run.ckpt"
    path.write_bytes(newest[:-1])
    checkpoints.previous(path).write_bytes(before[:100])
    with pytest.raises(CheckpointError, match="No good checkpoint is left at .*run.ckpt"):
        checkpoints.read(path)
    assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == {
        "run.ckpt.damaged": newest[:-1],
        "run.ckpt.previous.damaged": before[:100],
    }


@pytest.fixture
def working_copy(tmp_path, monkeypatch):
    """A learner's working copy of two chapters."""
    (tmp_path / "notebooks").mkdir()
    for stem in ("01_cnn", "02_rnn"):
        save_twin(tmp_path / "notebooks", stem)
    monkeypatch.setattr(chapters, "folder", lambda: tmp_path / "notebooks")
    return workspace.make(tmp_path / "my", say=lambda line: None)


def is_memory(content):
    """Whether these bytes are a JSON object of strings: such a one, though false, is taken at its word."""
    try:
        origins = json.loads(content.decode("utf-8"))
    except ValueError:
        return False
    return isinstance(origins, dict) and all(isinstance(origin, str) for origin in origins.values())


def test_a_damaged_memory_of_the_working_copy_loses_nothing(working_copy):
    memory, chance = working_copy / workspace.MEMORY, random.Random(0)
    whole, copies = memory.read_bytes(), content_of(working_copy)
    del copies[memory]
    damages = [whole[:length] for length in range(len(whole) - 1)] + [b"\xff\xfe", *flips(whole, 200, chance)]
    for damage in damages:
        memory.write_bytes(damage)
        workspace.make(working_copy, say=lambda line: None)
        now = content_of(working_copy)
        aside = [path for path in now if path not in (*copies, memory)]
        assert now.items() >= copies.items()
        assert [now[path] for path in aside] == ([] if is_memory(damage) else [damage])
        for path in aside:
            path.unlink()
        workspace.make(working_copy, say=lambda line: None)
        assert [path for path in working_copy.iterdir() if path not in (*copies, memory)] == []


def test_a_damaged_chapter_copy_is_left_and_a_reset_keeps_it(working_copy):
    copy = working_copy / "01_cnn.ipynb"
    whole = copy.read_bytes()
    for damage in (whole[:100], b"", b"\0" * 50, *flips(whole, 10, random.Random(0))):
        copy.write_bytes(damage)
        workspace.make(working_copy, say=lambda line: None)
        assert copy.read_bytes() == damage
        workspace.make(working_copy, reset="01", say=lambda line: None)
        (aside,) = working_copy.glob("01_cnn.*.ipynb")
        assert aside.read_bytes() == damage and copy.read_bytes() == whole
        os.remove(aside)


def test_the_real_files_were_never_touched():
    for name in LOADERS:
        embedded.read_bytes(name)
    for file in RECORDED:
        assert read_recorded(file)

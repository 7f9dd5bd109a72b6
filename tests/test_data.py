"""The embedded data: what it holds, and what happens when a file is damaged, missing or of the wrong kind."""

import gzip

import numpy as np
import pytest
import torch
from sklearn.neighbors import KNeighborsClassifier
from sklearn.svm import SVC

from course import data
from course.data import embedded


@pytest.mark.parametrize("load", [data.mnist, data.fashion_mnist])
def test_an_image_set_has_balanced_classes_and_values_from_0_to_1(load):
    images = load()
    for x, y, count in ((images.x_train, images.y_train, 400), (images.x_test, images.y_test, 100)):
        assert x.shape == (10 * count, 1, 28, 28) and x.dtype == torch.float32
        assert y.dtype == torch.int64 and y.bincount().tolist() == [count] * 10
        assert x.min() == 0 and x.max() == 1
    assert len(images.class_names) == 10 and images.source


@pytest.mark.parametrize("load", [data.mnist, data.fashion_mnist])
def test_training_and_test_images_are_disjoint(load):
    images = load()
    train = {x.numpy().tobytes() for x in images.x_train}
    assert not any(x.numpy().tobytes() in train for x in images.x_test)


def test_split_keeps_the_last_600_training_images_for_choices():
    digits = data.mnist()
    (x_fit, y_fit), (x_val, y_val) = digits.split()
    assert len(x_val) == len(y_val) == 600
    assert torch.equal(torch.cat([x_fit, x_val]), digits.x_train)
    assert torch.equal(torch.cat([y_fit, y_val]), digits.y_train)


def test_the_digits_baselines_that_chapter_1_names():
    digits = data.mnist()
    x_train, x_test = digits.x_train.flatten(1).numpy(), digits.x_test.flatten(1).numpy()
    svc = SVC(C=10).fit(x_train, digits.y_train).score(x_test, digits.y_test)
    knn = KNeighborsClassifier(3).fit(x_train, digits.y_train).score(x_test, digits.y_test)
    assert round(100 * svc, 1) == 95.4 and round(100 * knn, 1) == 93.5


@pytest.mark.parametrize("damage", ["truncated", "one bit flipped", "missing"])
def test_a_damaged_file_gives_one_clear_error(tmp_path, damage):
    content = bytearray(embedded.read_bytes("mnist5k.npz"))
    if damage == "one bit flipped":
        content[5000] ^= 1
    if damage != "missing":
        (tmp_path / "mnist5k.npz").write_bytes(content[:1000] if damage == "truncated" else content)
    with pytest.raises(data.DataError, match="mnist5k.npz.*git checkout"):
        embedded.read_arrays("mnist5k.npz", folder=tmp_path)


def test_the_photograph_has_the_height_that_is_asked_for():
    photo = data.photograph(height=80)
    assert photo.pixels.shape == (80, 68) and photo.pixels.dtype == torch.float32
    assert 0 <= photo.pixels.min() < 0.1 and 0.9 < photo.pixels.max() <= 1
    with pytest.raises(ValueError, match="8 to 606"):
        data.photograph(height=0)


def write_idx(folder, images=12, test_images=5, zipped=False):
    """A small full set in IDX files; returns its training images."""
    rng = np.random.default_rng(0)
    for stem, count in (("train", images), ("t10k", test_images)):
        pixels = rng.integers(0, 256, (count, 28, 28), dtype=np.uint8)
        header = bytes([0, 0, 8, 3]) + b"".join(n.to_bytes(4, "big") for n in pixels.shape)
        save(folder / f"{stem}-images-idx3-ubyte", header + pixels.tobytes(), zipped)
        labels = bytes([0, 0, 8, 1]) + count.to_bytes(4, "big") + bytes(i % 10 for i in range(count))
        save(folder / f"{stem}-labels-idx1-ubyte", labels, zipped)
        if stem == "train":
            first = pixels
    return first


def save(path, content, zipped):
    path.with_name(path.name + ".gz").write_bytes(gzip.compress(content)) if zipped else path.write_bytes(
        content
    )


@pytest.mark.parametrize("zipped", [False, True])
def test_the_full_fashion_set_is_read_from_a_folder(tmp_path, zipped):
    pixels = write_idx(tmp_path, zipped=zipped)
    fashion = data.fashion_mnist(tmp_path)
    assert np.array_equal((fashion.x_train[:, 0] * 255).round().numpy(), pixels)
    assert fashion.y_test.tolist() == [0, 1, 2, 3, 4]


@pytest.mark.parametrize(
    ("name", "content", "complaint"),
    [
        ("train-images-idx3-ubyte", None, "is missing"),
        ("train-images-idx3-ubyte", b"\0\0\x08\x03", "not a whole IDX file"),
        ("t10k-labels-idx1-ubyte", bytes([0, 0, 8, 1, 0, 0, 0, 4, 1, 2, 3, 4]), "5 test images but 4 labels"),
        ("t10k-labels-idx1-ubyte", b"<html>not found</html>", "not a whole IDX file"),
    ],
)
def test_a_wrong_idx_file_is_named(tmp_path, name, content, complaint):
    write_idx(tmp_path)
    (tmp_path / name).unlink()
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(data.DataError, match=complaint):
        data.fashion_mnist(tmp_path)


def test_the_novel_is_cut_into_three_parts_that_follow_one_another():
    novel = data.novel()
    text = novel.train + novel.validation + novel.held_out
    assert [len(part) for part in (novel.train, novel.validation, novel.held_out)] == [585476, 30814, 68477]
    assert text.startswith("PRIDE AND PREJUDICE\n\nBy Jane Austen") and text.rstrip().endswith(
        "uniting them."
    )
    assert novel.vocabulary == "".join(sorted(set(text))) and len(novel.vocabulary) == 75
    assert "1813" in novel.source


def test_the_novel_encodes_and_decodes_and_names_what_it_does_not_know():
    novel = data.novel()
    indices = novel.encode(novel.held_out[:5000])
    assert indices.dtype == torch.int64 and indices.shape == (5000,)
    assert novel.decode(indices) == novel.held_out[:5000] == novel.decode(indices.tolist())
    assert novel.encode("").shape == (0,) and novel.decode([]) == ""
    assert [novel.vocabulary[i] for i in novel.encode("It")] == ["I", "t"]
    with pytest.raises(ValueError, match="character 'é' at position 3 does not occur in Pride and Prejudice"):
        novel.encode("café é")
    for wrong in (-1, 75):
        with pytest.raises(ValueError, match=f"Index {wrong} is no character: expected 0 to 74"):
            novel.decode([0, wrong])

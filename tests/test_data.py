"""The embedded data: what it holds, and what happens when a file is damaged, missing or of the wrong kind."""

import datetime
import gzip
import itertools
import os
import random
import shutil
import subprocess
import sys
from collections import Counter

import numpy as np
import pytest
import torch
from babel.dates import format_date
from matplotlib import cbook
from sklearn.svm import SVC

from course import data
from course.data import date_texts, reading
from course.data.date_texts import LANGUAGES, STYLES
from tests.helpers.damage import damage, flips

LOADERS = {
    "ames_small.csv.gz": data.houses,
    "fashion_4000_1000.npz": data.fashion_mnist,
    "mnist5k.npz": data.mnist,
    "pride_and_prejudice.txt.xz": data.novel,
}


def test_every_embedded_file_has_its_loader_and_its_checksum():
    files = {path.name for path in reading.FOLDER.iterdir()} - {"ATTRIBUTION.md", "SHA256SUMS"}
    assert files == LOADERS.keys()
    assert {line.split()[1] for line in (reading.FOLDER / "SHA256SUMS").read_text().splitlines()} == files


@pytest.mark.parametrize("name", LOADERS)
def test_a_damaged_data_file_is_one_clear_error(tmp_path, monkeypatch, name):
    monkeypatch.setattr(reading, "FOLDER", shutil.copytree(reading.FOLDER, tmp_path / "files"))
    damage(reading.FOLDER / name, "flipped", monkeypatch)
    cure = r"Restore it with `git checkout -- course/data/embedded`, or install the course again\.$"
    with pytest.raises(data.DataError, match=f"^The file .*{name} is damaged: .* {cure}"):
        LOADERS[name]()


@pytest.mark.parametrize("load", [data.mnist, data.fashion_mnist])
def test_an_image_set_has_balanced_classes_values_from_0_to_1_and_no_image_twice_over(load):
    images = load()
    for x, y, count in ((images.x_train, images.y_train, 400), (images.x_test, images.y_test, 100)):
        assert x.shape == (10 * count, 1, 28, 28) and x.dtype == torch.float32
        assert y.dtype == torch.int64 and y.bincount().tolist() == [count] * 10
        assert x.min() == 0 and x.max() == 1
    assert len(images.class_names) == 10 and images.source
    train, test = ({x.numpy().tobytes() for x in part} for part in (images.x_train, images.x_test))
    assert train.isdisjoint(test)


def test_split_keeps_the_last_600_training_images_for_choices():
    digits = data.mnist()
    (x_fit, y_fit), (x_val, y_val) = digits.split()
    assert len(x_val) == len(y_val) == 600
    assert torch.equal(torch.cat([x_fit, x_val]), digits.x_train)
    assert torch.equal(torch.cat([y_fit, y_val]), digits.y_train)


def test_the_digits_baseline_that_chapter_1_names():
    digits = data.mnist()
    x_train, x_test = digits.x_train.flatten(1).numpy(), digits.x_test.flatten(1).numpy()
    assert round(100 * SVC(C=10).fit(x_train, digits.y_train).score(x_test, digits.y_test), 1) == 95.4


def test_the_photograph_has_the_height_that_is_asked_for():
    photo = data.photograph(height=80)
    assert photo.pixels.shape == (80, 68) and photo.pixels.dtype == torch.float32
    assert 0 <= photo.pixels.min() < 0.1 and 0.9 < photo.pixels.max() <= 1
    with pytest.raises(ValueError, match="8 to 606"):
        data.photograph(height=0)


@pytest.mark.parametrize("how", ["cut", "emptied", "missing"])
def test_a_damaged_photograph_is_one_clear_error(tmp_path, monkeypatch, how):
    with cbook.get_sample_data("grace_hopper.jpg") as file:
        (tmp_path / "grace_hopper.jpg").write_bytes(file.read())
    monkeypatch.setattr(cbook, "get_sample_data", lambda name: (tmp_path / name).open("rb"))
    damage(tmp_path / "grace_hopper.jpg", how, monkeypatch)
    with pytest.raises(data.DataError, match="grace_hopper.jpg cannot be read: .* Install matplotlib again"):
        data.photograph()


# The houses' first three sales, and counts from worst to best condition, as in De Cock's table.
SALES = {
    "price": (215_000, 105_000, 172_000), "area": (1656, 896, 1329), "lot_area": (31_770, 11_622, 14_267),
    "year_built": (1960, 1961, 1958), "bedrooms": (3, 2, 3), "bathrooms": (1, 1, 1),
    "garage_area": (528, 730, 312), "basement_area": (1080, 882, 1329),
}  # fmt: skip
CONDITIONS = {
    "very poor": 7, "poor": 10, "fair": 50, "below average": 101, "average": 1654, "above average": 533,
    "good": 390, "very good": 144, "excellent": 41,
}  # fmt: skip


def test_the_houses_are_de_cocks_sales():
    houses = data.houses()
    assert len(houses) == 2930 and houses.source
    for name, first in SALES.items():
        column = getattr(houses, name)
        assert column.shape == (2930,) and column.dtype == torch.float64 and column.min() >= 0
        assert tuple(column[:3].tolist()) == first and torch.equal(column, column.round()), name
    for column, low, high in ((houses.latitude, 41.98, 42.07), (houses.longitude, -93.70, -93.57)):
        assert column.shape == (2930,) and low < column.min() and column.max() < high  # Ames
    assert houses.price.median() == 160_000 and houses.price.mean() == pytest.approx(180_796.06, abs=0.01)
    assert round(np.corrcoef(houses.area, houses.price)[0, 1] ** 2, 2) == 0.50


def test_the_houses_classes_are_indices_into_their_names():
    houses = data.houses()
    assert houses.neighborhood.dtype == houses.condition.dtype == torch.int64
    assert len(set(houses.neighborhoods)) == len(houses.neighborhood.unique()) == 28
    assert [houses.neighborhoods[i] for i in houses.neighborhood[:3]] == ["North Ames"] * 3
    counts = houses.condition.bincount().tolist()
    assert list(zip(houses.conditions, counts, strict=True)) == list(CONDITIONS.items())  # from worst to best


def write_idx(folder, zipped=False):
    """A small full set in IDX files, 12 + 5 images; returns its training images."""
    rng = np.random.default_rng(0)
    for stem, count in (("t10k", 5), ("train", 12)):
        pixels = rng.integers(0, 256, (count, 28, 28), dtype=np.uint8)
        labels = np.arange(count, dtype=np.uint8) % 10
        for name, array in (("images-idx3", pixels), ("labels-idx1", labels)):
            head = bytes([0, 0, 8, array.ndim]) + b"".join(n.to_bytes(4, "big") for n in array.shape)
            path, content = folder / f"{stem}-{name}-ubyte{'.gz' * zipped}", head + array.tobytes()
            path.write_bytes(gzip.compress(content) if zipped else content)
    return pixels


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
        ("t10k-labels-idx1-ubyte", bytes([0, 0, 8, 1, 0, 0, 0, 5, 1, 2, 3, 4]), "not a whole IDX file"),
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


def test_a_damaged_zipped_idx_file_is_named_and_never_other_images(tmp_path):
    pixels, refused = write_idx(tmp_path, zipped=True), 0
    path = tmp_path / "train-images-idx3-ubyte.gz"
    for damaged in flips(path.read_bytes(), 40, random.Random(0)):
        path.write_bytes(damaged)
        try:
            found = data.fashion_mnist(tmp_path)
        except data.DataError as error:
            refused += 1
            assert str(path) in str(error) and "get the file again" in str(error)
        else:  # the time of packing, for one
            assert np.array_equal((found.x_train[:, 0] * 255).round().numpy(), pixels)
    assert refused > 25


def test_the_novel_is_cut_into_three_parts_that_follow_one_another():
    novel = data.novel()
    text = novel.train + novel.validation + novel.held_out
    assert [len(part) for part in (novel.train, novel.validation, novel.held_out)] == [585476, 30814, 68477]
    assert text.startswith("PRIDE AND PREJUDICE\n\nBy Jane Austen")
    assert text.rstrip().endswith("uniting them.")
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


@pytest.fixture(scope="module")
def dates():
    return data.dates()


@pytest.fixture(scope="module")
def year():
    """Text -> [(iso, language, style)] of each day of 2021, which holds every weekday of every month."""
    found = {}
    days = [datetime.date(2021, 1, 1) + datetime.timedelta(day) for day in range(365)]
    for day, style, language in itertools.product(days, STYLES, LANGUAGES):
        text = " ".join(format_date(day, style, locale=language).split())
        found.setdefault(text, []).append((day.isoformat(), language, style))
    return found


def rows(dates):
    """(text, iso, languages, style) of each date."""
    return zip(dates.texts, dates.iso, dates.languages, dates.styles, strict=True)


def few(**choice):
    return data.dates(**dict(n=60, validation=0, held_out=0) | choice)


def test_dates_come_in_three_parts_and_no_text_is_in_two(dates):
    sets = dates.train, dates.validation, dates.held_out
    assert [len(part) for part in sets] == [10_000, 1_000, 2_000] and "CLDR" in dates.source
    texts = [text for part in sets for text in part.texts]
    assert len(set(texts)) == 13_000
    assert {c for text in texts for c in text if c.isspace()} == {" "}
    assert not any("  " in text or text != text.strip() for text in texts)
    assert few(n=1).held_out.texts == ()


def test_the_same_dates_are_drawn_in_every_call_and_process():
    code = "from course import data; d = data.dates(300); print(ascii(d.train.texts + d.held_out.texts))"
    environment = os.environ | {"PYTHONHASHSEED": "1"}
    elsewhere = subprocess.check_output([sys.executable, "-c", code], env=environment, text=True).strip()
    for _ in range(2):
        here = data.dates(300)
        assert elsewhere == ascii(here.train.texts + here.held_out.texts)
    assert data.dates(300, seed=1).train.texts != here.train.texts


def test_a_text_is_babels_and_counts_under_all_languages_and_the_first_style_that_write_it_so(year):
    drawn = few(n=3_000, years=(2021, 2021)).train
    for text, iso, languages, style in rows(drawn):
        assert {(iso, language) for language in languages.split()} == {by[:2] for by in year[text]}, text
        assert style == year[text][0][2]
    assert set(drawn.languages) == {*LANGUAGES, "zh ja"}
    asked = few(n=200, languages=["ja", "en"], styles=["long"]).train
    assert set(asked.languages) == {"zh ja", "en"} and set(asked.styles) == {"long"}
    assert data.normalised("\u202f5\xa0мая  2021\n") == "5 мая 2021" and data.normalised(" ") == ""


def test_languages_are_balanced_and_years_are_those_asked_for(dates):
    counts = Counter("zh ja" if name in ("zh", "ja") else name for name in dates.train.languages)
    counts["zh ja"] /= 2
    assert set(counts) == {*LANGUAGES, "zh ja"} - {"zh", "ja"}
    assert all(abs(count * 7 / 10_000 - 1) < 0.07 for count in counts.values())
    assert {int(iso[:4]) for iso in dates.train.iso} == set(range(1900, 2100))
    for years in ((1000, 1000), (9999, 9999), (1996, 1997)):
        found = few(n=500, years=years).train.iso
        assert {int(iso[:4]) for iso in found} == set(years)
        assert {iso[5:7] for iso in found} == {f"{month:02}" for month in range(1, 13)}


def test_the_vocabulary_is_what_all_languages_need_whatever_is_drawn(dates, year):
    assert dates.vocabulary == "".join(sorted(set("0123456789").union(*year)))
    assert set(dates.vocabulary).issuperset("".join(dates.train.texts))
    assert few(languages=["de"], seed=5, styles=["full"], years=(1000, 1500)).vocabulary == dates.vocabulary


def test_dates_encode_and_decode_and_name_what_is_unknown(dates):
    vocabulary, texts = dates.vocabulary, dates.held_out.texts
    encoded = data.encode(texts, vocabulary)
    assert encoded.dtype == torch.int64 and encoded.shape == (2000, max(map(len, texts)))
    assert data.decode(encoded, vocabulary) == list(texts)
    assert data.encode(["ab", "b"], "ab").tolist() == [[1, 2], [2, 0]]
    assert data.decode(torch.tensor([[0, 2, 0, 1], [0] * 4]), "ab") == ["ba", ""]
    assert data.encode([], "ab").shape == (0, 0)
    assert data.decode(data.encode(["", ""], "ab"), "ab") == ["", ""]
    with pytest.raises(ValueError, match="character 'q' is not among the .* characters of the vocabulary"):
        data.encode(["5 мая", "5 q", "é"], vocabulary)
    with pytest.raises(ValueError, match="Expected a list of texts; got the one text '5 мая'"):
        data.encode("5 мая", vocabulary)
    for wrong in (-1, 3):
        with pytest.raises(ValueError, match=f"Index {wrong} is no character: expected 0 to 2"):
            data.decode(torch.tensor([[0, wrong]]), "ab")


WRONG_YEARS = (
    (2001, 2000), (999, 2000), (2000, 10_000), (2000,), 2000, None, "1900", (1999.5, 2000), (False, 2000),
)  # fmt: skip


@pytest.mark.parametrize(
    ("choice", "complaint"),
    [
        (dict(languages=["en", "eng"]), "Unknown language 'eng': there are en, de, fr, es, ru, zh, ja"),
        (dict(styles=["short"]), "Unknown style 'short': there are medium, long, full"),
        (dict(languages="en"), "Expected a list of languages, some of .*; got 'en'"),
        (dict(styles=[]), r"Expected a list of styles, some of .*; got \[\]"),
        (dict(languages={"en"}), "Expected a list of languages"),  # a set has no order of its own
        (dict(n=1098 // 2 + 1, languages=["en"], years=(2000, 2000)), "550 .* too many: in en .* are 1,098"),
        *((dict(n=n), f"n={n!r}, validation=0, held_out=0: expected whole") for n in (0, -1, True, 5.0, "5")),
        (dict(validation=-1), "n=60, validation=-1, held_out=0: expected whole"),
        (dict(held_out=2.5), "held_out=2.5: expected whole"),
        *((dict(seed=seed), f"seed={seed!r}: expected a whole number") for seed in (None, 1.5, False)),
        *((dict(years=years), "years=.*: expected whole numbers") for years in WRONG_YEARS),
    ],
)
def test_impossible_dates_are_refused_with_one_message(choice, complaint):
    with pytest.raises(ValueError, match=complaint):
        few(**choice)


def test_half_of_what_is_possible_can_be_drawn():
    assert len(few(n=1098 // 2, languages=["en"], years=(2000, 2000)).train) == 549
    assert len(few(n=366, languages=["zh", "ja"], styles=["medium", "long"], years=(2000, 2000)).train) == 366


def test_a_text_that_stands_for_two_dates_is_refused(monkeypatch):
    monkeypatch.setattr(date_texts, "written", lambda day, language, style: f"{day:%d.%m.}")
    with pytest.raises(data.DataError, match="The text '.*' stands for .* and for .*: try another Babel"):
        few()

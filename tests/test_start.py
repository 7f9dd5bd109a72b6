"""The start page: its cards, links and progress; the README's table; the pictures of both."""

import json
import re
from pathlib import Path

import pytest
from bs4 import BeautifulSoup
from PIL import Image

from course import chapters, exercises, start
from course.cards import CARDS
from tests.helpers.places import ROOT

TIME = "2026-01-31T12:00:00+00:00"


@pytest.fixture
def shown(tmp_path, monkeypatch):
    """`shown(**statuses)` gives the page, parsed, of a learner of this record: "01_cnn.conv2d" → status."""

    def shown(statuses):
        path = tmp_path / "progress.json"
        first = {"passed": TIME, "failed": None}
        entries = {
            key: {"first_solved": first[status], "status": status, "checked": TIME, "checks": 1}
            for key, status in statuses.items()
        }
        path.write_text(json.dumps(entries))
        monkeypatch.setenv("COURSE_PROGRESS", str(path))
        return BeautifulSoup(start.page()._repr_html_(), "html.parser")

    return shown


def cards(page):
    """Chapter → the text of its card, by the link of its title."""
    titles = page.select("h2 > a")
    return {
        Path(title["href"]).stem: title.find_parent("div").get_text(" ").replace("\xa0", " ")
        for title in titles
    }


def test_every_chapter_has_a_card_and_every_card_a_chapter():
    assert list(CARDS) == [path.stem for path in chapters.paths()] == list(exercises.catalogue())
    assert start.ALTS.keys() == CARDS.keys()


def test_a_card_says_title_question_time_and_progress_and_its_links_lead_to_notebooks(shown):
    page = shown({"01_cnn.conv2d": "passed", "01_cnn.max_pool2d": "failed", "00_foundations.huber": "failed"})
    texts = cards(page)
    assert list(texts) == list(CARDS)
    for name, card in CARDS.items():
        for part in (f"{int(name[:2])} · {card.title}", card.question, card.times):
            assert part in texts[name]
    counts = {name: len(items) for name, items in exercises.catalogue().items()}
    assert {
        name: re.search(r"(\d+) of (\d+) exercises solved", text).groups() for name, text in texts.items()
    } == {name: (str(int(name == "01_cnn")), str(count)) for name, count in counts.items()}
    for link in page.select("a"):
        assert (chapters.folder() / link["href"]).is_file()
    assert all(image["alt"].endswith(".") for image in page.select("img")) and len(page.select("img")) == len(
        CARDS
    )


@pytest.mark.parametrize(
    ("statuses", "says", "leads"),
    [
        ({}, "Begin with chapter 0 →", "00_foundations.ipynb"),
        ({"00_foundations.huber": "failed"}, "Go on with chapter 0 →", "00_foundations.ipynb"),
        (
            {"00_foundations.huber": "passed", "02_rnn.gru_step": "failed"},
            "Go on with chapter 0 →",
            "00_foundations.ipynb",
        ),
        (
            {f"00_foundations.{name}": "passed" for name in exercises.catalogue()["00_foundations"]},
            "Go on with chapter 1 →",
            "01_cnn.ipynb",
        ),
    ],
)
def test_the_first_button_leads_to_where_the_learner_is(shown, statuses, says, leads):
    first, second = shown(statuses).select("a")[:2]
    assert (first.get_text(), first["href"], second["href"]) == (says, leads, "play.ipynb")


def test_all_solved_is_said_by_a_sign_too(shown):
    page = shown({f"05_gan.{name}": "passed" for name in exercises.catalogue()["05_gan"]})
    assert [name for name, text in cards(page).items() if "✓" in text] == ["05_gan"]


@pytest.mark.parametrize(
    ("variable", "place"), [("COLAB_RELEASE_TAG", start.COLAB), ("KAGGLE_KERNEL_RUN_TYPE", start.KAGGLE)]
)
def test_elsewhere_links_are_whole_addresses(shown, monkeypatch, variable, place):
    monkeypatch.setenv(variable, "1")
    links = [link["href"] for link in shown({}).select("a")]
    assert set(links) == {f"{place}{name}.ipynb" for name in (*CARDS, "play")}
    head = (ROOT / "notebooks" / "01_cnn.py").read_text(encoding="utf-8")
    assert f"{place}01_cnn.ipynb" in head, "the same address as at the head of the chapter"


def test_a_damaged_record_is_no_error(shown, tmp_path):
    shown({})
    (tmp_path / "progress.json").write_text("{")
    assert "Begin with chapter 0" in start.page()._repr_html_()


def test_pictures_are_small_and_of_one_shape():
    paths = sorted(start.PICTURES.glob("*"))
    assert [path.stem for path in paths] == list(CARDS) and {path.suffix for path in paths} == {".png"}
    assert sum(path.stat().st_size for path in paths) <= 150_000
    assert {Image.open(path).size for path in paths} == {(480, 300)}
    assert (ROOT / "docs" / "pictures" / "sliding_kernel.webp").stat().st_size <= 400_000


def test_the_readmes_table_is_that_of_the_cards():
    readme = BeautifulSoup((ROOT / "README.md").read_text(encoding="utf-8"), "html.parser")
    expected = [
        [start.ALTS[name], f"{int(name[:2])} · {card.title}", card.question, card.times]
        for name, card in CARDS.items()
    ]
    found = []
    for row in readme.select("tr"):
        picture, title, question, times = row.select("td")
        found.append(
            [picture.img["alt"], title.get_text(), question.get_text(), times.get_text(" · ", strip=True)]
        )
        name = Path(picture.img["src"]).stem
        assert {link["href"] for link in row.select("a")} == {f"notebooks/{name}.ipynb"}
        assert ROOT / picture.img["src"] == start.PICTURES / f"{name}.png"
    assert found == expected


def test_the_readme_is_read_in_a_minute():
    readme = (ROOT / "README.md").read_text(encoding="utf-8").partition("## Licence")[0]
    text = re.sub(r"\]\([^)]*\)|!\[[^\]]*|<[^>]*>", " ", readme)
    assert len(re.findall(r"[^\W_][\w'’.,/½¾-]*", text)) <= 450

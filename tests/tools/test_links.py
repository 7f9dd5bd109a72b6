"""The repository's address: it is replaced wherever it stands, and nothing else is touched."""

import re

import pytest

import links
import notebooks
from tests.helpers.places import ROOT
from tests.tools.conftest import OWN

BOOK = "https://from-formula-to-model.github.io/course/"


def test_this_checkout_has_one_address(capsys):
    assert links.main(["--check"]) == 0
    assert capsys.readouterr().err == ""


def test_address_reaches_every_place_and_no_other(checkout, contents):
    before, new = contents(), "ada/deep.course"
    assert links.main([new]) == 0 and links.main(["--check"]) == 0
    for name, content in contents().items():
        text, old = content.decode(), before[name].decode()
        kept = text.count(f"kept {OWN}") + text.count(f"{OWN}-other")
        assert text.count(OWN) == kept == old.count(f"kept {OWN}") + old.count(f"{OWN}-other")
        assert text.count(new) == old.count(OWN) - kept
        assert text.count("github.com%2Fada%2Fdeep.course\n") == old.count("%2F".join(OWN.split("/")))
        if not name.endswith(".ipynb"):  # where names of cells and the hash follow
            text = re.sub("ada(/|%2F)deep.course", r"from-formula-to-model\1course", text)
            assert text.replace("https://ada.github.io/deep.course/", BOOK) == old
    links.main([OWN])
    assert contents() == before


def test_a_notebook_keeps_its_standing(checkout, contents):
    first, second = notebooks.sources()
    second.write_text(second.read_text().replace("WIDTH", "HEIGHT"))
    links.main(["ada/course"])
    assert (notebooks.state(first), notebooks.state(second)) == ("current", "stale")
    first.with_suffix(".ipynb").write_text(first.with_suffix(".ipynb").read_text().replace("What a", "Mine"))
    before = contents()
    assert links.main(["eve/other"]) == 1
    assert contents() == before


@pytest.mark.parametrize(
    "name",
    ["", "course", "a/b/c", "https://github.com/a/b", "a/b.git", "a/b c", "-a/b", "a/.."],
)
def test_a_malformed_name_is_one_clear_line(checkout, contents, capsys, name):
    before = contents()
    assert links.main(["--", name]) == 1
    said = capsys.readouterr().err
    assert said.startswith("error: name it as on GitHub, make links REPO=owner/name") and repr(name) in said
    assert contents() == before


@pytest.mark.parametrize(
    ("path", "place"),
    [
        ("README.md", "mybinder.org/v2/gh/"),
        ("README.md", "git clone https://github.com/"),
        ("docs/class.md", "gitpuller https://github.com/"),
        ("notebooks/01_cnn.py", "git+https://github.com/"),
        ("notebooks/01_cnn.ipynb", "google.com/github/"),
        ("course/start/__init__.py", "google.com/github/"),
    ],
)
def test_check_names_what_has_another_address(checkout, capsys, path, place):
    text = (checkout / path).read_text(encoding="utf-8")
    assert place + OWN in text
    (checkout / path).write_text(text.replace(place + OWN, f"{place}eve/other", 1), encoding="utf-8")
    assert links.main(["--check"]) == 1
    assert capsys.readouterr().err == f"{path}: has eve/other, pyproject.toml {OWN}\n"


def test_the_books_address_follows_and_other_pages_stay(checkout, capsys):
    readme = checkout / "README.md"
    text = readme.read_text(encoding="utf-8")
    assert f"[the book]({BOOK})" in text
    other = "\n[a blog](https://eve.github.io/course/)\n"
    readme.write_text(text + other, encoding="utf-8")
    assert links.main(["ada/deep.course"]) == 0 and links.main(["--check"]) == 0
    now = readme.read_text(encoding="utf-8")
    assert "[the book](https://ada.github.io/deep.course/)" in now and now.endswith(other)
    readme.write_text(now.replace("https://ada.github", "https://eve.github"), encoding="utf-8")
    assert links.main(["--check"]) == 1
    assert capsys.readouterr().err == "README.md: has eve/deep.course, pyproject.toml ada/deep.course\n"


PAGES = [
    "README.md",
    "CONTRIBUTING.md",
    "CHANGELOG.md",
    *(f"docs/{page.name}" for page in ROOT.glob("docs/*.md")),
]


@pytest.mark.parametrize("page", sorted({*PAGES} - {"docs/index.md"}))
def test_pages_name_only_what_there_is(page):
    text = (ROOT / page).read_text(encoding="utf-8")
    files = re.findall(r"\]\((?!https?://)([^)#]+)\)", text)
    assert not [name for name in files if not (ROOT / page).parent.joinpath(name).is_file()]
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"(?m)(?:^|`)make ([a-z-]+)", text))
    assert targets <= set(re.findall(r"(?m)^([a-z-]+):", makefile))

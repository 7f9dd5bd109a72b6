"""The repository's address: it is replaced wherever it stands, and nothing else is touched."""

import re

import nbformat
import pytest

import links
import notebooks
from tests.helpers.places import ROOT
from tests.tools.conftest import OWN


def test_this_checkout_has_one_address(capsys):
    assert links.main(["--check"]) == 0
    assert capsys.readouterr().err == ""


def test_address_reaches_every_place_and_no_other(checkout, contents):
    before = contents()
    assert links.main(["ada/deep.course"]) == 0
    texts = {name: content.decode() for name, content in contents().items()}
    assert 'Repository = "https://github.com/ada/deep.course"' in texts["pyproject.toml"]
    assert "mybinder.org/v2/gh/ada/deep.course/HEAD" in texts["README.md"]
    assert "git clone https://github.com/ada/deep.course\n" in texts["README.md"]
    assert "repository-code: https://github.com/ada/deep.course\n" in texts["CITATION.cff"]
    assert "git clone https://github.com/ada/deep.course /srv" in texts["class.md"]
    assert "gitpuller https://github.com/ada/deep.course main" in texts["class.md"]
    assert "repo=https%3A%2F%2Fgithub.com%2Fada%2Fdeep.course\n" in texts["class.md"]
    for chapter in (texts["01_cnn.py"], texts["01_cnn.ipynb"]):
        assert "github/ada/deep.course/blob/main/notebooks/01_cnn.ipynb)" in chapter
        assert "mybinder.org/v2/gh/ada/deep.course/HEAD?urlpath=lab/tree/my/01_cnn.ipynb" in chapter
        assert "git+https://github.com/ada/deep.course" in chapter
        assert "zalandoresearch/fashion-mnist" in chapter and f"{OWN}-other" in chapter
    notebook = nbformat.read(checkout / "notebooks" / "01_cnn.ipynb", as_version=4)
    assert notebook.cells[-1].outputs[0].text == f"kept {OWN}"
    assert links.main(["--check"]) == 0
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
    ["", "course", "a/b/c", "https://github.com/a/b", "a/b.git", "a b/c", "a/b c", "-a/b", "a/..", "a/"],
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
    ],
)
def test_check_names_what_has_another_address(checkout, capsys, path, place):
    text = (checkout / path).read_text(encoding="utf-8")
    assert place + OWN in text
    (checkout / path).write_text(text.replace(place + OWN, f"{place}eve/other", 1), encoding="utf-8")
    assert links.main(["--check"]) == 1
    assert capsys.readouterr().err == f"{path}: has eve/other, pyproject.toml {OWN}\n"


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", "docs/class.md"])
def test_pages_name_only_what_there_is(page):
    text = (ROOT / page).read_text(encoding="utf-8")
    files = re.findall(r"\]\((?!https?://)([^)#]+)\)", text)
    assert not [name for name in files if not (ROOT / page).parent.joinpath(name).is_file()]
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"(?m)(?:^|`)make ([a-z-]+)", text))
    assert targets and targets <= set(re.findall(r"(?m)^([a-z-]+):", makefile))

"""The repository's address: one place decides, all others follow, and nothing else is touched."""

import importlib
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).resolve().parents[1]

CHAPTER = """\
# %% [markdown]
# Open this chapter in [Colab](somewhere)
#
# # What a convolution does
#
# See [another project](https://github.com/zalandoresearch/fashion-mnist).

# %%
# Set-up. An earlier text of it.
course.setup()

# %%
print("https://github.com/from-formula-to-model/other")
"""


@dataclass
class Ended:
    """How a run of the tool ended: its exit status and what it wrote."""

    status: int
    out: str
    err: str


@pytest.fixture
def checkout(tmp_path):
    """A small checkout with one chapter, no git remote, and links that are still to be written."""
    for name in ("pyproject.toml", "README.md", "constraints.txt", "tools"):
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, tmp_path / name)
    for name in ("course", "notebooks", "docs"):
        (tmp_path / name).mkdir()
    shutil.copy(ROOT / "docs" / "class.md", tmp_path / "docs")
    (tmp_path / "notebooks" / "01_cnn.py").write_text(CHAPTER, encoding="utf-8")
    subprocess.run(["git", "init", "--quiet", tmp_path], check=True)
    return tmp_path


@pytest.fixture
def tool(checkout, monkeypatch):
    """Gives the checkout's own copy of a module of `tools`, in this process: slow imports are paid once."""
    ours = ("links", "notebooks", "twins")
    monkeypatch.syspath_prepend(checkout / "tools")
    for name in ours:
        sys.modules.pop(name, None)
    yield importlib.import_module
    for name in ours:
        sys.modules.pop(name, None)


@pytest.fixture
def links(tool, capsys):
    """`links("ada/course")` runs the tool in the checkout."""

    def run(*arguments):
        status = tool("links").main(list(arguments))
        return Ended(status, *capsys.readouterr())

    return run


@pytest.fixture
def make_twin(tool):
    """`make_twin()` gives the chapter a twin with outputs, in step with it, as `make notebooks` would."""

    def make():
        twins = tool("twins")
        (source,) = twins.sources()
        notebook = twins.convert(source)
        notebook.cells[-1].outputs = [nbformat.v4.new_output("stream", text="kept")]
        twins.stamp_and_save(notebook, source)

    return make


@pytest.fixture
def twin_state(tool):
    """`twin_state()` tells how the chapter's twin stands: "current", "stale", "edited"."""
    return lambda: tool("twins").state(tool("twins").sources()[0])


def contents(checkout):
    """The bytes of all files that the tool may write."""
    names = ("pyproject.toml", "README.md", "docs/class.md")
    paths = [*(checkout / name for name in names), *sorted((checkout / "notebooks").iterdir())]
    return {path.name: path.read_bytes() for path in paths if path.is_file()}


def test_this_checkout_follows_its_own_address():
    command = [sys.executable, ROOT / "tools" / "links.py", "--check"]
    check = subprocess.run(command, capture_output=True, text=True)
    assert (check.returncode, check.stderr) == (0, "")


def test_address_reaches_every_place_and_no_other(checkout, links, make_twin):
    links()
    make_twin()
    assert links("ada/deep.course").status == 0
    texts = {name: content.decode() for name, content in contents(checkout).items()}
    assert 'Repository = "https://github.com/ada/deep.course"' in texts["pyproject.toml"]
    assert "mybinder.org/v2/gh/ada/deep.course/HEAD" in texts["README.md"]
    assert "git clone https://github.com/ada/deep.course" in texts["README.md"]
    assert "git clone https://github.com/ada/deep.course /srv" in texts["class.md"]
    assert "gitpuller https://github.com/ada/deep.course main" in texts["class.md"]
    assert "repo=https%3A%2F%2Fgithub.com%2Fada%2Fdeep.course\n" in texts["class.md"]
    for chapter in (texts["01_cnn.py"], texts["01_cnn.ipynb"]):
        assert "github/ada/deep.course/blob/main/notebooks/01_cnn.ipynb)" in chapter
        assert "mybinder.org/v2/gh/ada/deep.course/HEAD?urlpath=lab/tree/my/01_cnn.ipynb" in chapter
        assert "git+https://github.com/ada/deep.course" in chapter
        assert "zalandoresearch/fashion-mnist" in chapter and "from-formula-to-model/other" in chapter
    assert links("--check").status == 0


def test_a_second_time_changes_nothing(checkout, links, make_twin):
    links("ada/course")
    make_twin()
    before = contents(checkout)
    assert "nothing to change" in links("ada/course").out
    assert contents(checkout) == before
    links("eve/other")
    links("ada/course")
    assert contents(checkout) == before


def test_twin_keeps_outputs_and_stays_in_step(checkout, links, make_twin, twin_state):
    links()
    make_twin()
    assert twin_state() == "current"
    links("ada/course")
    assert twin_state() == "current"
    notebook = nbformat.read(checkout / "notebooks" / "01_cnn.ipynb", as_version=4)
    assert notebook.cells[-1].outputs[0].text == "kept"


def test_twin_out_of_step_stays_so(checkout, links, make_twin, twin_state):
    links()
    make_twin()
    (checkout / "course" / "new.py").write_text("x = 1\n")
    links("ada/course")
    assert twin_state() == "stale"


def test_twin_edited_by_hand_is_refused(checkout, links, make_twin):
    links()
    make_twin()
    twin = checkout / "notebooks" / "01_cnn.ipynb"
    twin.write_text(twin.read_text().replace("What a convolution does", "Mine"), encoding="utf-8")
    before = contents(checkout)
    run = links("ada/course")
    assert run.status == 1 and run.err.startswith("error: ") and "01_cnn.ipynb" in run.err
    assert contents(checkout) == before


@pytest.mark.parametrize(
    ("remote", "name"),
    [
        ("https://github.com/Ada/my-course.git", "Ada/my-course"),
        ("https://github.com/Ada/my-course", "Ada/my-course"),
        ("git@github.com:Ada/my-course.git", "Ada/my-course"),
        ("ssh://git@github.com/Ada/my-course.git", "Ada/my-course"),
        ("https://example.org/Ada/my-course.git", "from-formula-to-model/course"),
        ("https://github.com.example.org/Ada/my-course", "from-formula-to-model/course"),
        ("/srv/git/course", "from-formula-to-model/course"),
    ],
)
def test_default_is_the_remote_on_github(checkout, links, remote, name):
    links("from-formula-to-model/course")
    subprocess.run(["git", "-C", checkout, "remote", "add", "origin", remote], check=True)
    assert links().status == 0
    assert f'Repository = "https://github.com/{name}"'.encode() in contents(checkout)["pyproject.toml"]
    before = contents(checkout)
    assert links("--check").status == 0 and contents(checkout) == before


@pytest.mark.parametrize(
    "name", ["course", "a/b/c", "https://github.com/a/b", "a/b.git", "a b/c", "a/b c", "-a/b", "a/..", "a/"]
)
def test_malformed_name_is_one_clear_line(checkout, links, name):
    before = contents(checkout)
    run = links("--", name)
    assert run.status == 1
    assert run.err.startswith("error: REPO must be owner/name") and run.err.count("\n") == 1
    assert repr(name) in run.err and contents(checkout) == before


@pytest.mark.parametrize(
    ("path", "change"),
    [
        ("README.md", ("mybinder.org/v2/gh/ada/course", "mybinder.org/v2/gh/bob/course")),
        ("docs/class.md", ("github.com%2Fada%2Fcourse", "github.com%2Fbob%2Fcourse")),
        ("notebooks/01_cnn.py", ("git+https://github.com/ada/course", "git+https://github.com/bob/course")),
        ("notebooks/01_cnn.py", ("print(", "display(")),
        ("notebooks/01_cnn.ipynb", ("/github/ada/course/", "/github/bob/course/")),
        ("pyproject.toml", ("github.com/ada/course", "github.com/bob/course")),
    ],
)
def test_check_names_what_differs(checkout, links, make_twin, path, change):
    links("ada/course")
    make_twin()
    text = (checkout / path).read_text(encoding="utf-8")
    assert change[0] in text
    (checkout / path).write_text(text.replace(*change, 1), encoding="utf-8")
    check = links("--check")
    assert check.status == 1
    assert path == "pyproject.toml" or path in check.err


def test_chapter_without_the_blocks_is_named(checkout, links):
    (checkout / "notebooks" / "02_rnn.py").write_text("# %%\nprint(1)\n")
    check = links("--check")
    assert check.status == 1
    assert check.err.count("02_rnn.py: needs one block that begins with") == 2


@pytest.mark.parametrize("page", ["README.md", "docs/class.md"])
def test_pages_name_only_what_there_is(page):
    text = (ROOT / page).read_text(encoding="utf-8")
    files = re.findall(r"\]\((?!https?://)([^)#]+)\)", text)
    assert not [name for name in files if not (ROOT / page).parent.joinpath(name).is_file()]
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"(?m)(?:^|`)make ([a-z-]+)", text))
    assert targets and targets <= set(re.findall(r"(?m)^([a-z-]+):", makefile))

"""The definition loader: what it executes, what it leaves out, and what it says."""

import inspect
import subprocess
import sys
import traceback

import pytest

from course import chapters

CHAPTER = """\
import math
from dataclasses import dataclass

try:
    import course
except ImportError:
    pass
print("printed by the chapter")

STEPS, (WIDTH, *REST) = 200, [3, 4, 5]
SQUARES: list[int] = [n * n for n in range(WIDTH)]
images = [[0.0] * 4] * 2
B, C = len(images), 1
lower.attribute = UPPER = 5


@dataclass
class Shape:
    height: int = WIDTH


def root_of(x):
    # A comment that stands in the source.
    return math.sqrt(x)


TABLE = {"root": root_of, "steps": STEPS}
raise RuntimeError("the chapter was run")
"""


@pytest.fixture
def notebooks(tmp_path, monkeypatch):
    """A folder with one chapter in the place of the course's."""
    (tmp_path / "03_small.py").write_text(CHAPTER)
    (tmp_path / "notes.py").write_text("")
    monkeypatch.setattr(chapters, "folder", lambda: tmp_path)
    yield tmp_path
    sys.modules.pop("chapter_03_small", None)


def test_only_definitions_are_executed(notebooks, capsys):
    module = chapters.load_definitions("03")
    assert (module.STEPS, module.WIDTH, module.REST, module.SQUARES) == (200, 3, [4, 5], [0, 1, 4])
    assert module.Shape().height == 3 and module.root_of(4.0) == 2.0
    assert module.TABLE == {"root": module.root_of, "steps": 200}
    assert not {"images", "B", "C", "UPPER", "course"} & vars(module).keys()
    assert capsys.readouterr().out == ""
    assert chapters.load_definitions("03").Shape is not module.Shape  # a fresh module each time


def test_sources_and_tracebacks_are_those_of_the_file(notebooks):
    module = chapters.load_definitions("03_small")
    assert module.__name__ == "chapter_03_small" == module.root_of.__module__
    assert "A comment that stands" in inspect.getsource(module.root_of)
    assert inspect.getsource(module.Shape).startswith("@dataclass\nclass Shape")
    with pytest.raises(ValueError) as caught:
        module.root_of(-1)
    frame = traceback.extract_tb(caught.value.__traceback__)[-1]
    assert (frame.filename, frame.line) == (str(notebooks / "03_small.py"), "return math.sqrt(x)")


def test_override_reaches_what_is_defined_after_it(notebooks):
    module = chapters.load_definitions("03", STEPS=5, WIDTH=2)
    assert module.TABLE["steps"] == 5 and module.SQUARES == [0, 1] and module.Shape().height == 2
    assert chapters.load_definitions("03").STEPS == 200
    with pytest.raises(NameError, match="03_small has no constant STEP to override"):
        chapters.load_definitions("03", STEP=5)


def test_definition_that_needs_a_computed_value_is_named(notebooks):
    path = notebooks / "04_wrong.py"
    path.write_text("net = 3\n\n\ndef run(model=net):\n    return model\n")
    with pytest.raises(NameError, match=r"04_wrong.py, line 4: name 'net' is not defined.*UPPER_CASE"):
        chapters.load_definitions(path)


def test_explorers_are_made_without_the_rest_of_a_chapter(notebooks, capsys):
    (notebooks / "04_moving.py").write_text(
        "# %%\nSIZE = 2\n1 / 0\n\n"
        '# %% tags=["explorer-needs"]\nprint("not told")\nparts = [1] * SIZE\n\n'
        '# %% tags=["explorer"]\nmore = 1\ntype("Explorer", (), {"sides": parts, "more": more})()\n\n'
        '# %% tags=["explorer"]\ndict(explorers=[*parts])\n'
    )
    (first, second), makers = zip(*chapters.explorers_of("04").items(), strict=True)
    assert second == "dict" and makers[0]().sides == [1, 1] and makers[0]().more == 1
    assert makers[1]() == {"explorers": [1, 1]} and makers[1]() is not makers[1]()
    assert capsys.readouterr().out == "" and first.startswith("type(")


def test_start_page_and_page_of_all_explorers_are_notebooks_and_no_chapters(notebooks):
    pages = {name: notebooks / f"{name}.py" for name in ("start", "play")}
    for path in pages.values():
        path.write_text("")
    assert chapters.sources()[-2:] == list(pages.values())
    for name, path in pages.items():
        assert chapters.find(name) == path and path not in chapters.paths()


def test_find_by_number_name_and_path(notebooks):
    path = notebooks / "03_small.py"
    assert chapters.paths() == [path]
    assert chapters.find("03") == chapters.find("03_small") == chapters.find(path) == path
    for wrong in ("3", "07", "small", "notes", notebooks / "none.py"):
        with pytest.raises(FileNotFoundError, match="the chapters are: 03_small"):
            chapters.find(wrong)


@pytest.mark.parametrize("module", ["chapters", "models"])
def test_what_importing_costs(module):
    heavy = {"chapters": "torch", "models": "safetensors"}[module]
    code = f"import sys, course.{module}; sys.exit({heavy!r} in sys.modules or 'matplotlib' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


@pytest.mark.parametrize("path", chapters.paths(), ids=lambda path: path.stem)
def test_definitions_of_each_chapter_load_silently(path, capfd):
    module = chapters.load_definitions(path)
    assert any(map(inspect.isfunction, vars(module).values()))
    assert capfd.readouterr() == ("", "")

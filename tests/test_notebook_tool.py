"""tools/notebooks.py on two small chapters in a folder of their own."""

import importlib
import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
FIRST = """# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # A small chapter

# %%
import os
import ipywidgets
from IPython.display import display
from tqdm.auto import tqdm

# %% tags=["nbval-ignore-output"]
for _ in tqdm(range(3), leave=False):
    pass
print("finished")
print(os.listdir())

# %%
display({"image/png": "iVBORw0KGgo=", "text/plain": "a picture",
         "application/vnd.jupyter.widget-view+json": {"model_id": "0"}}, raw=True)
ipywidgets.IntSlider()
"""
SECOND = "# %% [markdown]\n# # Another\n\n# %%\nWIDTH = 3\nWIDTH * 2\n"


@dataclass
class Run:
    """How a run of the tool ended."""

    code: int
    stdout: str
    stderr: str


def twins_of(root):
    return {path.name: path.read_bytes() for path in sorted((root / "notebooks").glob("*.ipynb"))}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A folder with two chapters, made once; `root` gives each test a copy."""
    root = tmp_path_factory.mktemp("a course")
    (root / "notebooks").mkdir()
    (root / "course").mkdir()
    shutil.copytree(ROOT / "tools", root / "tools", ignore=shutil.ignore_patterns("__pycache__"))
    (root / "course" / "__init__.py").write_text("")
    (root / "constraints.txt").write_text("")
    (root / "notebooks" / "01_first.py").write_text(FIRST)
    (root / "notebooks" / "02_second.py").write_text(SECOND)
    command = [sys.executable, "tools/notebooks.py"]
    run = subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=120)
    assert run.returncode == 0, run.stdout + run.stderr
    return root


@pytest.fixture
def root(made, tmp_path):
    return Path(shutil.copytree(made, tmp_path / "copy"))


@pytest.fixture
def tool(root, monkeypatch, capsys):
    """`tool("--check")` runs the copy's tool in this process, where its slow imports are paid once."""
    monkeypatch.syspath_prepend(root / "tools")
    monkeypatch.chdir(root)
    notebooks = importlib.import_module("notebooks")

    def run(*arguments):
        capsys.readouterr()
        code = notebooks.main(arguments)
        return Run(code, *capsys.readouterr())

    run.twins = sys.modules["twins"]
    yield run
    del sys.modules["notebooks"], sys.modules["twins"]


def test_twin_holds_outputs_without_widgets_and_bars(made):
    notebook = json.loads((made / "notebooks" / "01_first.ipynb").read_text())
    code = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    assert [cell["execution_count"] for cell in code] == [1, 2, 3]
    assert ["".join(output["text"]) for output in code[1]["outputs"]] == ["finished\n[]\n"]
    assert [output["data"] for output in code[2]["outputs"]] == [
        {"image/png": "iVBORw0KGgo=", "text/plain": ["a picture"]}
    ]
    assert notebook["metadata"]["kernelspec"]["name"] == "python3"
    assert "version" not in notebook["metadata"]["language_info"]
    assert "widget" not in json.dumps(notebook["metadata"])


def test_second_run_changes_nothing_and_times_decide_nothing(root, tool):
    before = twins_of(root)
    os.utime(root / "notebooks" / "01_first.py")
    os.utime(root / "notebooks" / "02_second.ipynb", (0, 0))
    run = tool()
    assert run.stdout.splitlines() == ["01_first: up to date", "02_second: up to date"]
    assert (root / "notebooks" / "02_second.ipynb").stat().st_mtime == 0
    assert twins_of(root) == before
    assert tool("--check").code == 0


def test_missing_twin_is_made_byte_for_byte(root, tool):
    before = twins_of(root)
    (root / "notebooks" / "01_first.ipynb").unlink()
    check = tool("--check")
    assert check.code == 1 and "01_first.ipynb is missing" in check.stdout
    assert tool("01").code == 0
    assert twins_of(root) == before


def test_edited_source_changes_its_own_twin_alone(root, tool):
    before = twins_of(root)
    path = root / "notebooks" / "02_second.py"
    path.write_text(
        path.read_text().replace("# %%\nWIDTH", "# %%\nHEIGHT = 1\n\n# %%\nWIDTH").replace("* 2", "* 5")
    )
    run = tool()
    assert run.code == 0 and "01_first: up to date" in run.stdout
    after = twins_of(root)
    assert after["01_first.ipynb"] == before["01_first.ipynb"]
    cells = json.loads(after["02_second.ipynb"])["cells"]
    assert cells[2]["outputs"][0]["data"]["text/plain"] == ["15"]
    assert cells[0]["id"] == json.loads(before["02_second.ipynb"])["cells"][0]["id"]


def test_change_of_the_package_or_the_constraints_makes_all_stale(root, tool):
    (root / "course" / "extra.json").write_text("{}")
    assert tool("--check").stdout.count("is stale") == 2
    (root / "course" / "extra.json").unlink()
    (root / "course" / "__pycache__").mkdir()
    (root / "course" / "__pycache__" / "a.pyc").write_text("made by running")
    assert tool("--check").code == 0
    (root / "constraints.txt").write_text("torch==1\n")
    assert tool("--check").stdout.count("is stale") == 2


@pytest.mark.parametrize("damage", ["cell", "tag", "merge marks"])
def test_hand_edited_twin_is_refused_and_left(root, tool, damage):
    twin = root / "notebooks" / "02_second.ipynb"
    notebook = json.loads(twin.read_text())
    if damage == "cell":
        notebook["cells"].append(dict(notebook["cells"][0], source="An afterthought.", id="mine"))
    elif damage == "tag":
        notebook["cells"][1]["metadata"]["tags"] = ["nbval-skip"]
    twin.write_text("<<<<<<< HEAD\n" * (damage == "merge marks") + json.dumps(notebook))
    with (root / "notebooks" / "01_first.py").open("a") as file:
        file.write("\n# %%\n1 / 1\n")
    before = twins_of(root)
    run = tool()
    assert run.code == 1 and run.stdout == ""
    assert "notebooks/02_second.ipynb" in run.stderr and "delete the .ipynb" in run.stderr
    assert "Traceback" not in run.stderr and "01_first" not in run.stderr
    assert twins_of(root) == before
    if damage == "cell":
        assert "02_second.ipynb is edited" in tool("--check").stdout


def test_the_same_edit_in_source_and_twin_is_no_conflict(root, tool):
    for path in (root / "notebooks").glob("02_second.*"):
        path.write_text(path.read_text().replace("WIDTH", "LENGTH"))
    assert "02_second.ipynb is stale" in tool("--check").stdout


def test_failing_cell_is_named_and_the_old_twin_stays(root, tool):
    before = twins_of(root)
    for name in ("01_first", "02_second"):
        with (root / "notebooks" / f"{name}.py").open("a") as file:
            file.write("\n# %%\n1 / 0\n" if name == "01_first" else "\n# %%\n1 / 1\n")
    run = tool()
    assert run.code == 1
    assert "error: 01_first.ipynb is not made, code cell 4 failed" in run.stderr
    assert "ZeroDivisionError" in run.stderr and "1 / 0" in run.stderr
    assert "nbclient" not in run.stderr and "asyncio" not in run.stderr
    assert twins_of(root)["01_first.ipynb"] == before["01_first.ipynb"]
    assert twins_of(root)["02_second.ipynb"] != before["02_second.ipynb"]
    assert not list((root / "notebooks").glob(".*"))


def test_unknown_chapter_is_one_clear_line(root, tool):
    run = tool("07")
    assert run.code == 1
    assert run.stderr == "error: no chapter '07'; the chapters are: 01_first, 02_second\n"


def test_tool_edits_keep_current_twins_current_and_stale_ones_stale(root, tool):
    with (root / "notebooks" / "02_second.py").open("a") as file:
        file.write("\n# %%\n1 / 1\n")
    with tool.twins.kept_in_step(tool.twins.sources()):
        for path in (root / "notebooks").glob("0*"):
            text = path.read_text().replace("# A small", "# A little").replace("WIDTH", "LENGTH")
            path.write_text(text)
    check = tool("--check")
    assert check.stdout == "notebooks/02_second.ipynb is stale: run `make notebooks`\n"
    assert b"A little" in twins_of(root)["01_first.ipynb"] and b"LENGTH" in twins_of(root)["02_second.ipynb"]


def test_tool_edits_of_one_file_alone_are_an_error(root, tool):
    with pytest.raises(tool.twins.NotebookError, match="01_first"):
        with tool.twins.kept_in_step(tool.twins.sources()):
            path = root / "notebooks" / "01_first.py"
            path.write_text(path.read_text().replace("small", "little"))
    assert tool("--check").code == 1

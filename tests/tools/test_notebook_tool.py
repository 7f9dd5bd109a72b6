"""tools/notebooks.py: what is made, what is stale, and what is refused."""

import json
import os
import re

import pytest

import notebooks

EXECUTED = """
# %%
import os
import ipywidgets
from IPython.display import display
from tqdm.auto import tqdm

# %% tags=["nbval-ignore-output"] jupyter={"source_hidden": true}
for _ in tqdm(range(3), leave=False):
    pass
print("finished")
print(os.listdir())

# %%
display({"image/png": "iVBORw0KGgo=", "text/plain": "a picture",
         "application/vnd.jupyter.widget-view+json": {"model_id": "0"}}, raw=True)
ipywidgets.IntSlider()
"""


@pytest.fixture
def second(checkout):
    """The source of the second chapter."""
    return checkout / "notebooks" / "02_rnn.py"


@pytest.fixture
def executed(monkeypatch):
    """The names of the notebooks that would be executed; nothing is."""
    names = []

    async def execute(notebook, name):
        names.append(name)

    monkeypatch.setattr(notebooks, "execute", execute)
    return names


def edit(path, old, new):
    path.write_text(path.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")


def test_a_notebook_holds_outputs_without_widgets_and_bars(checkout, contents, capsys, second):
    """The one test that starts kernels: two chapters, one of which fails and keeps its old notebook."""
    (checkout / "notebooks" / "01_cnn.py").write_text("# %% [markdown]\n# # A chapter\n" + EXECUTED)
    second.write_text("# %%\n1\n\n# %%\n1 / 0\n")
    before = contents()
    assert notebooks.main(["--all"]) == 1
    assert contents()["02_rnn.ipynb"] == before["02_rnn.ipynb"]
    said = capsys.readouterr().err
    assert "error: 02_rnn.ipynb is not made, code cell 2 failed" in said
    assert "ZeroDivisionError" in said and "1 / 0" in said and "nbclient" not in said
    notebook = json.loads((checkout / "notebooks" / "01_cnn.ipynb").read_text())
    code = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    assert [cell["execution_count"] for cell in code] == [1, 2, 3]
    assert code[1]["metadata"] == {"tags": ["nbval-ignore-output"], "jupyter": {"source_hidden": True}}
    assert ["".join(output["text"]) for output in code[1]["outputs"]] == ["finished\n[]\n"]
    assert [output["data"] for output in code[2]["outputs"]] == [
        {"image/png": "iVBORw0KGgo=", "text/plain": ["a picture"]}
    ]
    assert notebook["metadata"].keys() == {"course", "kernelspec", "language_info"}
    assert "version" not in notebook["metadata"]["language_info"]
    assert not list((checkout / "notebooks").glob(".*"))


def test_times_and_other_files_make_nothing_stale(checkout, contents, capsys, second, executed):
    os.utime(second)
    os.utime(second.with_suffix(".ipynb"), (0, 0))
    (checkout / "course").mkdir(exist_ok=True)
    (checkout / "course" / "new.py").write_text("x = 1\n")
    (checkout / "constraints.txt").write_text("torch==1\n")
    before = contents()
    assert notebooks.main(["--check"]) == 0 and notebooks.main([]) == 0
    assert capsys.readouterr().out.splitlines() == ["01_cnn: up to date", "02_rnn: up to date"]
    assert (contents(), executed) == (before, [])


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("WIDTH * 2", "WIDTH * 5"),
        ("# %%\nWIDTH", '# %% tags=["explorer"]\nWIDTH'),
        ("# %%\nWIDTH", '# %% jupyter={"source_hidden": true}\nWIDTH'),
    ],
)
def test_a_changed_source_is_executed_alone(second, executed, capsys, old, new):
    edit(second, old, new)
    assert notebooks.main(["--check"]) == 1
    assert capsys.readouterr().out == "notebooks/02_rnn.ipynb is stale: run `make notebooks`\n"
    assert notebooks.main([]) == 0 and executed == ["02_rnn"]
    assert notebooks.main(["--check"]) == 0


def test_all_a_chapter_and_a_missing_one(second, executed, capsys, contents):
    before = contents()
    notebooks.main(["--all"])
    assert sorted(executed) == ["01_cnn", "02_rnn"]
    notebooks.main(["01", "--all"])
    assert executed[2:] == ["01_cnn"]
    second.with_suffix(".ipynb").unlink()
    assert notebooks.main(["--check"]) == 1 and "02_rnn.ipynb is missing" in capsys.readouterr().out
    notebooks.main([])
    assert executed[3:] == ["02_rnn"]
    ids = [re.findall(rb'"id": .*', files["02_rnn.ipynb"]) for files in (before, contents())]
    assert ids[0] == ids[1] != []


@pytest.mark.parametrize("damage", ["cell", "tag", "merge marks"])
def test_a_hand_edited_notebook_is_refused_and_left(checkout, contents, capsys, executed, second, damage):
    path = second.with_suffix(".ipynb")
    notebook = json.loads(path.read_text())
    if damage == "cell":
        notebook["cells"].append(dict(notebook["cells"][0], source="An afterthought.", id="mine"))
    elif damage == "tag":
        notebook["cells"][1]["metadata"]["tags"] = ["nbval-skip"]
    path.write_text("<<<<<<< HEAD\n" * (damage == "merge marks") + json.dumps(notebook))
    edit(checkout / "notebooks" / "01_cnn.py", "What a", "What does a")
    before = contents()
    assert notebooks.main(["--all"]) == 1
    out, err = capsys.readouterr()
    assert "notebooks/02_rnn.ipynb" in err and "delete the .ipynb" in err and "01_cnn" not in err
    assert (out, contents(), executed) == ("", before, [])
    assert notebooks.main(["--check"]) == 1 and "02_rnn.ipynb is edited" in capsys.readouterr().out


def test_the_same_edit_in_source_and_notebook_is_no_conflict(second, capsys):
    for path in (second, second.with_suffix(".ipynb")):
        edit(path, "WIDTH", "LENGTH")
    assert notebooks.main(["--check"]) == 1 and "02_rnn.ipynb is stale" in capsys.readouterr().out


def test_an_unknown_chapter_is_one_clear_line(checkout, capsys):
    assert notebooks.main(["07"]) == 1
    assert capsys.readouterr().err == "error: no chapter '07'; the chapters are: 01_cnn, 02_rnn\n"

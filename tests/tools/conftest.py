"""A small checkout for the tests of the tools that change notebooks."""

import shutil

import nbformat
import pytest

import links
import notebooks
from course import chapters
from tests.helpers.places import ROOT

OWN = "from-formula-to-model/course"
CHAPTER = f"""\
# %% [markdown]
# Open this chapter in [Colab](https://colab.research.google.com/github/{OWN}/blob/main/notebooks/01_cnn.ipynb)
# · [Binder](https://mybinder.org/v2/gh/{OWN}/HEAD?urlpath=lab/tree/my/01_cnn.ipynb)

# %% [markdown]
# What a convolution does. See [another project](https://github.com/zalandoresearch/fashion-mnist).

# %% jupyter={{"source_hidden": true}} cellView="form"
# Set-up
address = "git+https://github.com/{OWN}"

# %% tags=["nbval-ignore-output"]
print("https://github.com/{OWN}-other")
"""
SECOND = "# %% [markdown]\n# # Another\n\n# %%\nWIDTH = 3\nWIDTH * 2\n"


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    """A folder with pages and two chapters, whose notebooks are in step; the tools work there."""
    for name in ("pyproject.toml", "README.md", "CITATION.cff", "docs/class.md", "course/start/__init__.py"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    (tmp_path / "notebooks").mkdir()
    monkeypatch.setattr(links, "ROOT", tmp_path)
    monkeypatch.setattr(chapters, "folder", lambda: tmp_path / "notebooks")
    for name, text in (("01_cnn", CHAPTER), ("02_rnn", SECOND)):
        source = tmp_path / "notebooks" / f"{name}.py"
        source.write_text(text, encoding="utf-8")
        notebook = notebooks.convert(source)
        notebook.cells[-1].outputs = [nbformat.v4.new_output("stream", text=f"kept {OWN}")]
        notebooks.save(notebook, source)
    return tmp_path


@pytest.fixture
def contents(checkout):
    """`contents()` gives the bytes of all files of the checkout, by their names."""
    return lambda: {path.name: path.read_bytes() for path in sorted(checkout.rglob("*")) if path.is_file()}

"""A chapter opened alone, as on Colab: its set-up cell installs the course and changes no other package.

For real: a fresh environment with what Colab has, the one notebook in an empty folder, the course from a git
repository of this checkout as it stands. What is not there yet comes from the network.
"""

import json
import subprocess
import sys
import venv

import nbformat
import pytest
from nbclient import NotebookClient

from course import chapters
from tests.helpers import places
from tests.soak.test_versions import outside, torch_build
from tests.test_setup_cell import ADDRESS, CELL, SHOW, WATCH, environment, run

pytestmark = [pytest.mark.soak, pytest.mark.timeout(3600)]
COLAB = ["ipykernel", "ipywidgets==7.7.1", "matplotlib==3.10.*"]


def installed(python, env):
    """What pip lists: a dict from name to version."""
    listing = [python, "-m", "pip", "list", "--format=json"]
    listed = subprocess.run(listing, env=env, check=True, capture_output=True, text=True).stdout
    return {package["name"]: package["version"] for package in json.loads(listed)}


@pytest.mark.parametrize("chapter", chapters.paths(), ids=lambda path: path.stem)
def test_a_chapter_alone(chapter, snapshot, tmp_path, monkeypatch):
    env = outside() | places.instead_of(ADDRESS, snapshot)
    venv.create(tmp_path / "clean", with_pip=True)
    python = tmp_path / "clean" / "bin" / "python"
    index = ["--extra-index-url", env["TORCH_INDEX"]] if env.get("TORCH_INDEX") else []
    wanted = [*index, *COLAB, torch_build(python, index, newest=False)]
    subprocess.run([python, "-m", "pip", "install", "-qq", *wanted], env=env, check=True)
    # Colab has packages from elsewhere too: here one whose version carries a local tag.
    helper = next((tmp_path / "clean").glob("lib/python*/site-packages")) / "helper-1.0+local.1.dist-info"
    helper.mkdir()
    (helper / "METADATA").write_text("Metadata-Version: 2.1\nName: helper\nVersion: 1.0+local.1\n")
    kernel = [python, "-m", "ipykernel", "install", "--prefix", tmp_path / "kernels", "--name", "clean"]
    subprocess.run(kernel, env=env, check=True, capture_output=True)
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path / "kernels" / "share" / "jupyter"))
    before = installed(python, env)
    assert "from-formula-to-model" not in before and before["helper"] == "1.0+local.1"

    (tmp_path / "alone").mkdir()
    notebook = nbformat.read(chapter.with_suffix(".ipynb"), as_version=4)
    NotebookClient(notebook, kernel_name="clean", timeout=1800).execute(env=env, cwd=str(tmp_path / "alone"))

    setup = next(cell for cell in notebook.cells if cell.cell_type == "code")
    assert "Successfully installed" in "".join(output.get("text", "") for output in setup.outputs)
    after = installed(python, env)
    assert {name: after.get(name) for name in before} == before
    assert "from-formula-to-model" in after


def test_make_lab_without_network(snapshot):
    command = ["make", "--no-print-directory", "lab", f"PYTHON={sys.executable}"]
    end = subprocess.run(command, cwd=snapshot, env=places.variables(), capture_output=True, text=True)
    assert end.returncode == 2 and end.stderr.splitlines()[-2] == (
        "error: pip could not install the course: its message stands above. The first time it needs the "
        "network; running again goes on from here"
    )


def test_an_editable_install_wins_over_a_folder_of_that_name(snapshot, tmp_path):
    """pip's other kind of editable install, a finder, comes after every folder on the path."""
    python, _ = environment(tmp_path / "lab")
    install = [python, "-m", "pip", "install", "-q", "--no-deps", "--no-build-isolation", "-e", snapshot]
    subprocess.run(install, env=places.variables(), check=True)
    end = run(python, tmp_path, code=WATCH + CELL + SHOW)
    assert (end.stdout, end.stderr) == (f"{snapshot / 'course' / '__init__.py'}\n", "")

"""A chapter opened alone, as on Colab: its set-up cell installs the course and changes no other package.

For real: a fresh environment with what Colab has, the one `.ipynb` in an empty folder, the course from a git
URL of this checkout as it stands, everything else from `.wheelhouse`, which `make test` fills. No network.
"""

import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from course import chapters
from tests.helpers import places

ROOT = Path(__file__).resolve().parents[1]
WHEELS = ROOT / ".wheelhouse"
CELL = (ROOT / "tools" / "setup_cell.py").read_text(encoding="utf-8")
PACKAGE = "from-formula-to-model"
# One chapter shows each time that the cell works; the others only in `make soak`, since each runs whole.
CHAPTERS = [
    pytest.param(path.stem, id=path.stem, marks=[] if path.stem == "01_cnn" else pytest.mark.soak)
    for path in chapters.paths()
]

pytestmark = pytest.mark.timeout(3600)  # against a hang; a busy machine takes many minutes


@pytest.fixture(scope="module")
def snapshot(tmp_path_factory):
    """A git repository that holds this checkout with what is not committed yet; its Path."""
    return places.snapshot(tmp_path_factory.mktemp("source"))


@pytest.fixture
def environment(snapshot):
    """The variables of a process that has no network, no package index and no course of its own."""
    if not (WHEELS / ".filled").exists():
        pytest.fail("there is no .wheelhouse: `make install-test` fills it")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PIP_", "PYTHON"))}
    return kept | {
        "COURSE_SOURCE": f"git+{snapshot.as_uri()}",
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_FIND_LINKS": WHEELS.as_uri(),
        "PIP_NO_INDEX": "1",
        "PYTHONPATH": str(ROOT / "tests" / "no_network"),
    }


def make_venv(folder):
    """A fresh environment's Python."""
    venv.create(folder, with_pip=True)
    return folder / "bin" / "python"


def site_packages(python):
    """The folder that an environment keeps its packages in."""
    return next(python.parents[1].glob("lib/python*/site-packages"))


def pretend(python, name, version, **files):
    """Let an environment believe that it has a package: the folder that pip reads, without any code."""
    folder = site_packages(python) / f"{name}-{version}.dist-info"
    folder.mkdir()
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    for file, text in {"METADATA": metadata, "INSTALLER": "pip\n", "RECORD": "", **files}.items():
        (folder / file).write_text(text)


def installed(python, environment):
    """What pip lists: a dict from name to version."""
    listing = [python, "-m", "pip", "list", "--format=freeze"]
    lines = subprocess.run(listing, env=environment, check=True, capture_output=True, text=True).stdout
    return dict(line.split("==") for line in lines.splitlines())


def files_below(folder):
    """The files of a folder, as a set of relative paths."""
    return {path.relative_to(folder) for path in folder.rglob("*") if path.is_file()}


def run_setup_cell(python, environment, folder):
    """Run the set-up cell as a script in a folder; returns the finished process."""
    return subprocess.run([python, "-c", CELL], env=environment, cwd=folder, capture_output=True, text=True)


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_a_chapter_alone(chapter, tmp_path, environment, snapshot, monkeypatch):
    python = make_venv(tmp_path / "clean")
    install = [python, "-m", "pip", "install", "-qq", "--no-compile", "-r", ROOT / "tests" / "colab.txt"]
    subprocess.run(install, env=environment, check=True)
    # Colab has packages from elsewhere too: editable ones, and ones whose versions carry a local tag.
    address = '{"url": "file:///content/helper", "dir_info": {"editable": true}}'
    pretend(python, "helper", "1.0.dev3+local.1", **{"direct_url.json": address})
    kernel = [python, "-m", "ipykernel", "install", "--prefix", tmp_path / "kernels", "--name", "clean"]
    subprocess.run(kernel, env=environment, check=True, capture_output=True)
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path / "kernels" / "share" / "jupyter"))
    before = installed(python, environment)
    assert PACKAGE not in before and before["ipywidgets"] == "7.7.1" and before["matplotlib"] < "3.11"

    alone = tmp_path / "alone"
    alone.mkdir()
    shutil.copy(ROOT / "notebooks" / f"{chapter}.ipynb", alone)
    notebook = nbformat.read(alone / f"{chapter}.ipynb", as_version=4)
    client = NotebookClient(notebook, kernel_name="clean", timeout=1800)
    client.execute(env=environment, cwd=str(alone))  # raises where a cell ends in an error

    after = installed(python, environment)
    assert {name: after.get(name) for name in before} == before
    assert PACKAGE in after
    # The package is whole: modules, data and recorded results.
    course = files_below(snapshot / "course")
    assert course and course <= files_below(site_packages(python) / "course")


def test_a_range_that_cannot_be_met(tmp_path, environment):
    python = make_venv(tmp_path / "old")
    pretend(python, "matplotlib", "3.5.3")
    before = installed(python, environment)
    run = run_setup_cell(python, environment, tmp_path)
    assert run.returncode == 1
    assert run.stderr.splitlines()[-1] == (
        f"RuntimeError: the course cannot be installed here: {PACKAGE} 0.1.0 depends on "
        "matplotlib<4 and >=3.8, but matplotlib==3.5.3 is installed"
    )
    assert installed(python, environment) == before


def test_no_such_source(tmp_path, environment):
    python = make_venv(tmp_path / "clean")
    (tmp_path / "course").mkdir()  # a folder of that name is not the package
    environment["COURSE_SOURCE"] = f"git+{(tmp_path / 'nothing').as_uri()}"
    run = run_setup_cell(python, environment, tmp_path)
    assert run.returncode == 1
    last = run.stderr.splitlines()[-1]
    assert last.startswith("RuntimeError: the course cannot be installed here: fatal: ") and "nothing" in last


def test_setup_costs_nothing_where_the_course_is_there(tmp_path):
    """It runs neither pip nor anything else, and prints nothing."""
    watch = "import sys\nsys.addaudithook(lambda event, _: event == 'subprocess.Popen' and sys.exit(event))\n"
    run = subprocess.run([sys.executable, "-c", watch + CELL], cwd=tmp_path, capture_output=True, text=True)
    assert (run.returncode, run.stdout, run.stderr) == (0, "", "")

"""Places that give little: a read-only checkout, a home that cannot be written, no network, for real.

What a reader starts there works, or ends in one line that says what it needs.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import matplotlib
import pytest

from tests.helpers import places

# What a chapter does, with little of everything: data, pictures, an explorer, an exercise, a training.
SMALL_CHAPTER = """
import course
course.setup()
from torch import nn, optim
from course import chapters, data, exercises, explorers, plots, training
digits = data.mnist()
plots.images(digits.x_train[:2, 0], title="two digits")
chapter = chapters.load_definitions("01_cnn")
explorers.cnn.sliding_kernel(chapter.conv2d, {"digit": digits.x_train[1, 0]})
exercises.cnn.output_size.check(lambda n, k, stride, padding, dilation: n)
model = chapter.CNN()
loss = lambda model, batch, run: nn.functional.cross_entropy(model(batch[0]), batch[1])
rows = digits.x_train[:128], digits.y_train[:128]
training.fit(model, loss, rows, optimizer=optim.SGD(model.parameters(), lr=0.1), epochs=1)
"""

pytestmark = [
    pytest.mark.timeout(900),
    pytest.mark.skipif(places.stopped_by_bits() is None, reason="root passes permission bits here"),
]


@pytest.fixture
def checkout(snapshot):
    """A checkout that its user may not write, in a path with a space."""
    places.set_writable(snapshot, False)
    yield snapshot
    places.set_writable(snapshot, True)
    subprocess.run(["git", "clean", "-qfdx"], cwd=snapshot, check=True)


@pytest.fixture
def variables(tmp_path):
    """A user whose home cannot be written, whose temporary folder can, without network or package index."""
    for name, mode in (("home", 0o500), ("tmp", 0o700)):
        (tmp_path / name).mkdir()
        (tmp_path / name).chmod(mode)
    more = {"HOME": str(tmp_path / "home"), "TMPDIR": str(tmp_path / "tmp"), "PYTHONDONTWRITEBYTECODE": "1"}
    return places.variables("JUPYTER", "XDG_", "MPL", "IPYTHON", **more)


def run(folder, variables, *command):
    """Run a command in a folder, stopped by permission bits; returns the finished process."""
    command = places.stopped_by_bits(*command)
    return subprocess.run(command, cwd=folder, env=variables, capture_output=True, text=True)


def give_environment(checkout):
    """Lend a checkout the environment of these tests, as if `make lab` had made it there."""
    venv, python = checkout / ".venv", Path(sys.executable).resolve()
    (venv / "bin").mkdir(parents=True)
    (venv / "bin" / "python").symlink_to(python)
    for name in ("lib", "share"):
        (venv / name).symlink_to(Path(sys.prefix) / name)
    (venv / "pyvenv.cfg").write_text(f"home = {python.parent}\ncommand = {python} -m venv {venv}\n")
    stamp = "from environment import *; (VENV / '.installed-lab').write_text(fingerprint())"
    subprocess.run([python, "-c", stamp], cwd=checkout / "tools", check=True)


def test_a_chapter_where_only_the_temporary_folder_can_be_written(checkout, variables, tmp_path):
    """matplotlib keeps its settings where it is told; then nothing is said at all."""
    script = tmp_path / "tmp" / "small.py"
    script.write_text(SMALL_CHAPTER)
    variables["PYTHONPATH"] += f"{os.pathsep}{checkout}"
    variables["MPLCONFIGDIR"] = variables["TMPDIR"]
    for fonts in Path(matplotlib.get_cachedir()).glob("fontlist-*.json"):  # to look for them takes long
        shutil.copy(fonts, variables["TMPDIR"])
    end = run(tmp_path / "tmp", variables, sys.executable, script)
    # matplotlib says where it finds the fonts slowly.
    said = [line for line in end.stderr.splitlines() if "building the font cache" not in line]
    assert (end.returncode, said) == (0, [])


def make_lab(checkout, variables, *more):
    """`make lab`; returns its exit status, its output, and what stands on stderr but for make's own line."""
    command = ["make", "--no-print-directory", "lab", f"PYTHON={sys.executable}", *more]
    end = run(checkout, variables, *command)
    return end.returncode, end.stdout, re.sub(r"make: \*\*\* \[Makefile:.*\n", "", end.stderr)


def test_make_lab_in_a_read_only_checkout_without_an_environment(checkout, variables):
    status, _, line = make_lab(checkout, variables)
    assert status == 2 and len(line.splitlines()) == 1
    assert line.startswith(f"error: {checkout} cannot be written, and `make` installs into .venv there: ")


def test_make_lab_where_there_is_an_environment(checkout, variables, tmp_path):
    """In one's own checkout, but a home that cannot be written; then in a checkout that a class shares:
    JupyterLab opens on the copy in the learner's home, here only to say so.
    """
    places.set_writable(checkout, True)
    give_environment(checkout)
    status, _, said = make_lab(checkout, variables)
    copied, line = said.splitlines(keepends=True)
    assert (
        status == 2
        and copied.startswith("copied: 00_foundations, ")
        and line
        == (
            f"error: JupyterLab keeps its settings in your home, and {variables['HOME']} cannot be written; "
            "name a folder in its place: make lab HOME=/path/to/folder\n"
        )
    )
    assert (checkout / "my" / "00_foundations.ipynb").exists()
    places.set_writable(checkout, False)
    home = tmp_path / "learner"
    home.mkdir()
    status, shown, said = make_lab(checkout, variables, f"HOME={home}", "JUPYTER_ARGS=--show-config")
    assert status == 0, said
    assert "default_url = '/lab/tree/start.ipynb'" in shown
    assert "allow_root = True" in shown and f"root_dir = '{home}/from-formula-to-model'" in shown
    assert (home / "from-formula-to-model" / "00_foundations.ipynb").exists()

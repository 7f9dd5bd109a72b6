"""The set-up cell of every chapter: it finds the course or installs it, and says what to do where it cannot.

Nothing is downloaded: the environments share the packages of this one, and git takes the course from a
snapshot of this checkout. `tests/soak/test_alone.py` installs everything, as Colab does.
"""

import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import jupytext
import pytest

from course import chapters
from tests.helpers import places

pytestmark = pytest.mark.timeout(900)  # against a hang: an installation takes its time on a busy machine
CELL = next(cell.source for cell in jupytext.read(chapters.paths()[0]).cells if cell.cell_type == "code")
ADDRESS = "https://github.com/from-formula-to-model/course"
SHOW = "\nimport course\nprint(course.__file__)"
WATCH = "import sys\nsys.addaudithook(lambda event, _: event == 'subprocess.Popen' and sys.exit(event))\n"


def environment(folder):
    """A fresh environment's Python and its folder of packages: those of this one without the course."""
    venv.create(folder)
    packages = next(folder.glob("lib/python*/site-packages"))
    for path in Path(sysconfig.get_path("purelib")).iterdir():
        if not path.name.startswith(("from_formula_to_model", "__editable__", "__pycache__")):
            (packages / path.name).symlink_to(path)
    return folder / "bin" / "python", packages


def run(python, folder, code=CELL + SHOW, **variables):
    """Run code as a script in a folder, where a mere folder is named as the course; the finished process."""
    (folder / "course").mkdir(exist_ok=True)
    env = places.variables(**variables)
    return subprocess.run([python, "-c", code], env=env, cwd=folder, capture_output=True, text=True)


def test_it_installs_the_course_where_it_is_missing(snapshot, tmp_path):
    python, packages = environment(tmp_path / "clean")
    before = {path.name for path in packages.iterdir()}
    end = run(python, tmp_path, PIP_NO_BUILD_ISOLATION="0", **places.instead_of(ADDRESS, snapshot))
    assert end.returncode == 0, end.stdout + end.stderr
    assert "Successfully installed from-formula-to-model" in end.stdout, "pip shows what it does"
    assert end.stdout.splitlines()[-1] == str(packages / "course" / "__init__.py")
    new = {path.name for path in packages.iterdir()} - before
    assert sorted(name.split("-")[0] for name in new) == ["course", "from_formula_to_model"]
    there, installed = (
        {path.relative_to(folder) for path in folder.rglob("*") if path.is_file() and path.suffix != ".pyc"}
        for folder in (snapshot / "course", packages / "course")
    )
    chapters = {Path("notebooks", path.name) for path in (snapshot / "notebooks").glob("*.py")}
    assert there | chapters == installed, "modules, data, recorded results and the notebooks' sources"
    # Then it finds the course, and a sign that the output does not have ends nothing.
    again = run(python, tmp_path, WATCH + CELL + "\nprint('λ = 1')", PYTHONIOENCODING="latin-1")
    assert (again.returncode, again.stdout, again.stderr) == (0, "? = 1\n", "")


def test_where_pip_cannot_install_it_says_so(tmp_path):
    venv.create(tmp_path / "bare")
    end = run(tmp_path / "bare" / "bin" / "python", tmp_path)
    assert end.returncode == 1 and "No module named pip" in end.stderr
    assert end.stderr.splitlines()[-1] == (
        f"RuntimeError: pip failed, see above: try `make lab`, or install git+{ADDRESS}"
    )


def test_a_module_of_that_name_is_named(tmp_path):
    (tmp_path / "course.py").write_text("x = 1\n")
    end = run(sys.executable, tmp_path, PYTHONPATH="")
    assert end.returncode == 1 and "Popen" not in end.stderr
    last = end.stderr.splitlines()[-1]
    assert last.startswith("ImportError: cannot import name 'setup' from 'course'") and "course.py" in last

"""The course under versions that `.venv` does not have: other Pythons, newest releases, the oldest admitted.

Running chapters so is for `make soak`: each case installs an environment, and every chapter runs in it as a
script. That all sources compile without a warning under each Python that is at hand is asked each time.
"""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

from course import chapters
from tests.helpers import places

ROOT = Path(__file__).resolve().parents[1]
DEPENDENCIES = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["dependencies"]
PYTHONS = ("3.11", "3.12", "3.13", "3.14")
OTHERS = [python for python in PYTHONS if python != f"{sys.version_info[0]}.{sys.version_info[1]}"]
COMPILE = """import pathlib, sys
for path in sys.stdin.read().split("\\0"):
    compile(pathlib.Path(path).read_bytes(), path, "exec")
"""


def find(python):
    """A Python by its version: on PATH, or among pyenv's; None where none of that version starts."""
    name = f"python{python}"
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    # On PATH may stand a shim of pyenv's, which starts nothing as long as its version is not chosen.
    for found in filter(None, [shutil.which(name), *sorted(pyenv.glob(f"versions/{python}.*/bin/{name}"))]):
        if subprocess.run([found, "--version"], capture_output=True).returncode == 0:
            return found
    return None


@pytest.mark.parametrize("python", PYTHONS)
def test_sources_compile_without_a_warning(python):
    """Newer Pythons warn of what older ones let pass, as of an unknown escape in a formula."""
    found = find(python) or pytest.skip(f"Python {python} is not at hand")
    sources = places.files("*.py")
    assert {"course/__init__.py", "notebooks/01_cnn.py"} <= set(sources)
    command = [found, "-I", "-W", "error", "-c", COMPILE]
    run = subprocess.run(command, cwd=ROOT, input="\0".join(sources), capture_output=True, text=True)
    assert (run.returncode, run.stderr) == (0, "")


def oldest():
    """The dependencies at the lower ends of their ranges; without torch, whose old builds are large."""
    requirements = [requirement for requirement in DEPENDENCIES if not requirement.startswith("torch")]
    return [re.sub(r">=([\d.]+),.*", r"==\1", requirement) for requirement in requirements]


def torch_build(python, outside, index, newest):
    """What to ask of pip for torch: the pinned version or the newest, on Linux a build without CUDA.

    A CUDA build brings gigabytes that no test here uses; where there is no other, the test is skipped.
    """
    pinned = re.search(r"(?m)^torch==(.*)$", (ROOT / "constraints.txt").read_text(encoding="utf-8"))[1]
    if sys.platform != "linux":
        return "torch" if newest else f"torch=={pinned}"
    listing = [python, "-m", "pip", "index", "versions", "torch", *index]
    listed = subprocess.run(listing, env=outside, capture_output=True, text=True).stdout
    (admitted,) = (Requirement(line).specifier for line in DEPENDENCIES if line.startswith("torch"))
    builds = [Version(build) for build in re.findall(r"[\d.]+\+cpu", listed)]
    builds = [build for build in builds if build in admitted and (newest or build.public == pinned)]
    if not builds:
        pytest.skip(
            "torch has no CPU build for this Python here; TORCH_INDEX=url names an index that has one"
        )
    return f"torch=={max(builds)}"


@pytest.fixture(scope="module", params=[*OTHERS, "newest", "oldest"])
def environment(request, tmp_path_factory):
    """A fresh environment with the course in it; its Python and the variables that its processes get."""
    case = request.param
    python = find(case) if case in OTHERS else sys.executable
    if python is None:
        pytest.skip(f"Python {case} is not at hand")
    outside = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    folder = tmp_path_factory.mktemp(case)
    subprocess.run([python, "-m", "venv", folder / "environment"], env=outside, check=True)
    fresh = folder / "environment" / "bin" / "python"
    index = ["--extra-index-url", outside["TORCH_INDEX"]] if outside.get("TORCH_INDEX") else []
    wanted = [torch_build(fresh, outside, index, newest=case == "newest")]
    wanted += oldest() if case == "oldest" else []
    wanted += ["--constraint", ROOT / "constraints.txt"] if case in OTHERS else []
    # Beside ipykernel, as wherever notebooks run; the course not editable, as on Colab.
    source = places.snapshot(folder / "source")
    command = [fresh, "-m", "pip", "install", "-qq", *index, *wanted, "ipykernel", source]
    subprocess.run(command, env=outside, check=True)
    # Once before the chapters: where finding the fonts takes long, matplotlib says so on stderr.
    subprocess.run([fresh, "-c", "import matplotlib.font_manager"], env=outside, check=True)
    return fresh, outside


@pytest.mark.soak
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("chapter", chapters.paths(), ids=lambda path: path.stem)
def test_every_chapter(environment, chapter, tmp_path):
    python, outside = environment
    script = shutil.copy(chapter, tmp_path)
    run = subprocess.run([python, script], env=outside, cwd=tmp_path, capture_output=True, text=True)
    assert (run.returncode, run.stderr) == (0, "")

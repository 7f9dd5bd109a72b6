"""The course under versions that `.venv` does not have: other Pythons, newest releases, the oldest admitted.

Each case installs an environment from the network, and every chapter runs in it as a script.
"""

import os
import re
import shutil
import subprocess
import sys
import tomllib

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

from course import chapters
from tests.helpers import places
from tests.helpers.places import ROOT

pytestmark = [pytest.mark.soak, pytest.mark.timeout(3600)]
DEPENDENCIES = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["dependencies"]
OTHERS = [python for python in places.PYTHONS if python != f"{sys.version_info[0]}.{sys.version_info[1]}"]


def outside():
    """The variables of a process that has the network, and no course of its own.

    Where ipykernel sees pytest's, a notebook does not show what other programs print.
    """
    dropped = ("PYTHONPATH", "PYTEST_CURRENT_TEST")
    return {name: value for name, value in os.environ.items() if name not in dropped}


def oldest():
    """The dependencies at the lower ends of their ranges; without torch, whose old builds are large."""
    requirements = [requirement for requirement in DEPENDENCIES if not requirement.startswith("torch")]
    return [re.sub(r">=([\d.]+),.*", r"==\1", requirement) for requirement in requirements]


def torch_build(python, index, newest):
    """What to ask of pip for torch: the pinned version or the newest, on Linux a build without CUDA.

    A CUDA build brings gigabytes that no test here uses; where there is no other, the test is skipped.
    """
    pinned = re.search(r"(?m)^torch==(.*)$", (ROOT / "constraints.txt").read_text())[1]
    if sys.platform != "linux":
        return "torch" if newest else f"torch=={pinned}"
    listing = [python, "-m", "pip", "index", "versions", "torch", *index]
    listed = subprocess.run(listing, env=outside(), capture_output=True, text=True).stdout
    (admitted,) = (Requirement(line).specifier for line in DEPENDENCIES if line.startswith("torch"))
    builds = [Version(build) for build in re.findall(r"[\d.]+\+cpu", listed)]
    builds = [build for build in builds if build in admitted and (newest or build.public == pinned)]
    if not builds:
        pytest.skip(
            "torch has no CPU build for this Python here; TORCH_INDEX=url names an index that has one"
        )
    return f"torch=={max(builds)}"


@pytest.fixture(scope="module", params=[*OTHERS, "newest", "oldest"])
def fresh(request, snapshot, tmp_path_factory):
    """The Python of a fresh environment with the course in it."""
    case = request.param
    python = places.find_python(case) if case in OTHERS else sys.executable
    if python is None:
        pytest.skip(f"Python {case} is not at hand")
    folder = tmp_path_factory.mktemp(case)
    subprocess.run([python, "-m", "venv", folder / "environment"], env=outside(), check=True)
    fresh = folder / "environment" / "bin" / "python"
    index = ["--extra-index-url", os.environ["TORCH_INDEX"]] if os.environ.get("TORCH_INDEX") else []
    wanted = [torch_build(fresh, index, newest=case == "newest")]
    wanted += oldest() if case == "oldest" else []
    wanted += ["--constraint", ROOT / "constraints.txt"] if case in OTHERS else []
    # Beside ipykernel, as wherever notebooks run; the course not editable, as on Colab.
    command = [fresh, "-m", "pip", "install", "-qq", *index, *wanted, "ipykernel", snapshot]
    subprocess.run(command, env=outside(), check=True)
    # Once before the chapters: where finding the fonts takes long, matplotlib says so on stderr.
    subprocess.run([fresh, "-c", "import matplotlib.font_manager"], env=outside(), check=True)
    return fresh


@pytest.mark.parametrize("chapter", chapters.paths(), ids=lambda path: path.stem)
def test_every_chapter(fresh, chapter, tmp_path):
    script = shutil.copy(chapter, tmp_path)
    run = subprocess.run([fresh, script], env=outside(), cwd=tmp_path, capture_output=True, text=True)
    assert (run.returncode, run.stderr) == (0, "")

"""The course under versions that `.venv` does not have: other Pythons, newest releases, the oldest admitted.

Only in `make soak`: each case downloads and installs an environment, and runs chapter 1 in it as a script.
"""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
DEPENDENCIES = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["dependencies"]
PYTHONS = ("python3.11", "python3.12", "python3.13", "python3.14")

pytestmark = [pytest.mark.soak, pytest.mark.timeout(3600)]


def oldest():
    """The dependencies at the lower ends of their ranges; without torch, whose old builds are large."""
    requirements = [requirement for requirement in DEPENDENCIES if not requirement.startswith("torch")]
    return [re.sub(r">=([\d.]+),.*", r"==\1", requirement) for requirement in requirements]


def run_chapter(python, folder, *install):
    """Install the course in a fresh environment of a Python, and run chapter 1 in it from an empty folder."""
    outside = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    fresh = folder / "environment" / "bin" / "python"
    subprocess.run([python, "-m", "venv", fresh.parents[1]], env=outside, check=True)
    # Beside ipykernel, as wherever notebooks run; the course not editable, as on Colab.
    command = [fresh, "-m", "pip", "install", "-qq", *install, "ipykernel", ROOT]
    subprocess.run(command, env=outside, check=True)
    chapter = shutil.copy(ROOT / "notebooks" / "01_cnn.py", folder)
    run = subprocess.run([fresh, chapter], env=outside, cwd=folder, capture_output=True, text=True)
    assert (run.returncode, run.stderr) == (0, "")


@pytest.mark.parametrize("python", PYTHONS)
def test_other_pythons(python, tmp_path):
    found = subprocess.run([python, "--version"], capture_output=True) if shutil.which(python) else None
    if found is None or found.returncode:
        pytest.skip(f"{python} is not installed")
    run_chapter(python, tmp_path, "--constraint", ROOT / "constraints.txt")


def test_newest_versions(tmp_path):
    run_chapter(sys.executable, tmp_path)


def test_oldest_versions(tmp_path):
    constraints = (ROOT / "constraints.txt").read_text(encoding="utf-8")
    torch = re.search(r"(?m)^torch==.*$", constraints)[0]
    run_chapter(sys.executable, tmp_path, torch, *oldest())

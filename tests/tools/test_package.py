"""The package without a checkout, as on Colab: it brings what its explorers and pictures need."""

import subprocess
import sys

import pytest

from tests.helpers.places import ROOT

USED = """
import sys
sys.modules["jupytext"] = None  # Colab has none
import course
from course import chapters, explorers, plots
assert not course.__file__.startswith(ROOT), course.__file__
course.setup()
made = [name for path in chapters.paths() for name in chapters.explorers_of(path.stem)]
assert len(made) == 24, made
assert len(explorers.play("cnn.sliding_kernel").png()) > 10_000
plots.lines({"a": [1, 2]}, title="t", xlabel="x", ylabel="y", alt="cnn.training")
"""


def test_an_installed_package_plays_its_explorers(tmp_path):
    pytest.importorskip("setuptools")
    build = [sys.executable, "setup.py", "-q", "build", "--build-base", str(tmp_path)]
    made = subprocess.run(
        [*build, "egg_info", "--egg-base", str(tmp_path)], cwd=ROOT, capture_output=True, text=True
    )
    assert made.returncode == 0, made.stderr
    code = USED.replace("ROOT", repr(f"{ROOT}/course"))
    run = subprocess.run([sys.executable, "-c", code], cwd=tmp_path / "lib", capture_output=True, text=True)
    assert run.returncode == 0, run.stderr

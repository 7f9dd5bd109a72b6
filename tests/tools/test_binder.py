"""Binder's `start`, which makes the working copy in the image, in a copy of the checkout and without Docker.

What repo2docker makes of the checkout, and JupyterLab started so, is in tests/soak/test_binder_image.py.
"""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from course import chapters
from tests.helpers import places
from tests.helpers.places import ROOT

COPIES = sorted(f"{path.stem}.ipynb" for path in chapters.sources())
SHOW = """import json, os, sys
variables = [os.environ[name] for name in ("JUPYTER_CONFIG_PATH", "HOME")]
print(json.dumps([os.getpid(), os.getcwd(), sys.argv[1:], *variables]))
"""


@pytest.fixture
def image(snapshot, tmp_path):
    """The checkout as it lies in the image, where it is the home too, and a session's variables."""
    yield snapshot, variables(snapshot, tmp_path)
    subprocess.run(["git", "clean", "-qfdx"], cwd=snapshot, check=True)


def variables(home, temporary):
    """The variables of a session in the image."""
    env = places.variables("JUPYTER_CONFIG_PATH", HOME=str(home), TMPDIR=str(temporary))
    env["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{env['PATH']}"
    env["PYTHONPATH"] += f"{os.pathsep}{home}"
    return env


def start(home, env, *arguments):
    """Let `start` start a Python that shows what it was given: that, and what stands on stderr."""
    command = [home / "start", "python", "-c", SHOW, *arguments]
    with subprocess.Popen(command, cwd=home, env=env, stdout=-1, stderr=-1, text=True) as process:
        out, err = process.communicate()
    number, *shown = json.loads(out.splitlines()[-1])
    assert number == process.pid and process.returncode == 0, err
    return shown, err


def test_start_makes_the_copy_and_becomes_the_command(image):
    home, env = image
    arguments = ["two words", "", "*", "$HOME", "a'b\"c", "--port=8888"]
    shown, err = start(home, env | {"JUPYTER_CONFIG_PATH": "/of the image"}, *arguments)
    config = home / "tools" / "jupyter"
    assert shown == [str(home), arguments, f"{config / 'binder'}:{config}:/of the image", str(home)]
    assert sorted(path.name for path in (home / "my").glob("*.ipynb")) == COPIES and err == ""
    # repo2docker makes it executable; nothing should depend on that.
    staged = subprocess.run(["git", "ls-files", "-s", "start"], cwd=home, capture_output=True, text=True)
    assert staged.stdout.startswith("100755 ")


def test_a_session_without_room_starts_and_says_so(image):
    """What stands in the way: a file where each folder would be made, which stops root as well."""
    home, env = image
    (home / "my").write_text("")
    shown, err = start(home, env | {"HOME": f"{home}/my/nowhere"})
    error, warning, of_home = err.splitlines()
    assert error.startswith("error: no folder for the working copy can be written")
    assert warning.startswith("warning: there is no working copy")
    assert shown[2] == str(home / "tools" / "jupyter"), "nothing points to a copy that is not there"
    said = "cannot be written; Jupyter keeps its settings in a temporary folder"
    assert of_home == f"warning: {home}/my/nowhere {said}"
    assert Path(shown[3]).is_dir() and Path(shown[3]).parent == Path(env["TMPDIR"])


def test_readme_and_bare_address_open_the_same_page():
    config = json.loads((ROOT / "tools/jupyter/binder/jupyter_server_config.json").read_text())
    (address,) = {settings["default_url"] for settings in config.values()}
    assert address == "/lab/tree/my/start.ipynb" and "start.ipynb" in COPIES
    # JupyterLab, the classic page of repo2docker's own command, and a JupyterHub's single-user server.
    assert config.keys() == {"LabApp", "JupyterNotebookApp", "ServerApp"}
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert set(re.findall(r"mybinder\.org/v2/\S+\?urlpath=([^)]+)\)", readme)) == {address[1:]}

"""Binder: what repo2docker makes of the checkout, and `start`, which makes the working copy in the image.

Neither Docker nor network: the plan of the image is printed, and `start` runs in a copy of the checkout.
"""

import contextlib
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from course import chapters
from tests import places
from tools.bench import lab

ROOT = Path(__file__).resolve().parents[1]
PYTHON = Path(sys.executable).parent
USER = ("--user-id", "1000", "--user-name", "jovyan")  # Binder's
COPIES = sorted(f"{path.stem}.ipynb" for path in chapters.paths())
SHOW = """import json, os, sys
variables = [os.environ[name] for name in ("JUPYTER_CONFIG_PATH", "HOME")]
print(json.dumps([os.getpid(), os.getcwd(), sys.argv[1:], *variables]))
"""


@pytest.fixture(scope="module")
def plan(tmp_path_factory):
    """The Dockerfile that repo2docker writes for this checkout as it stands, and what it says meanwhile."""
    source = places.snapshot(tmp_path_factory.mktemp("source"))
    command = [PYTHON / "jupyter-repo2docker", "--no-build", "--debug", *USER, "."]
    env = {"HOME": str(source), "PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT / "tests" / "no_network")}
    run = subprocess.run(command, cwd=source, env=env, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    return run.stdout, run.stderr


def test_the_image_is_made_from_environment_yml(plan):
    dockerfile, said = plan
    (update,) = re.findall(r"\$\{MAMBA_EXE\} env update .*", dockerfile)
    assert '-p ${NB_PYTHON_PREFIX} --file "environment.yml"' in update
    assert "pip install" not in dockerfile and "pip3 install" not in dockerfile
    environment = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))
    (python,) = (line for line in environment["dependencies"] if str(line).startswith("python="))
    version = python.removeprefix("python=")
    assert f"environment-2epy-2d{version.replace('.', '-2e')}-2d" in dockerfile
    assert f"Building conda environment for python={version}" in said
    assert not re.search("warn|error|deprecat", said, re.IGNORECASE), said


def test_the_image_begins_with_start(plan):
    lines = plan[0].splitlines()
    assert 'ENV R2D_ENTRYPOINT="${REPO_DIR}/start"' in lines
    assert 'ENTRYPOINT ["/usr/local/bin/repo2docker-entrypoint"]' in lines
    # repo2docker makes it executable; nothing should depend on that.
    staged = subprocess.run(["git", "ls-files", "--stage", "start"], cwd=ROOT, capture_output=True, text=True)
    assert staged.stdout.startswith("100755 ") and os.access(ROOT / "start", os.X_OK)


@pytest.fixture
def image(tmp_path):
    """The checkout as it lies in the image, where it is the home too, and a session's variables."""
    home = places.snapshot(tmp_path / "home of jovyan")
    dropped = ("COURSE_WORK", "JUPYTER_CONFIG_PATH")
    env = {name: value for name, value in os.environ.items() if name not in dropped}
    env |= {"HOME": str(home), "TMPDIR": str(tmp_path), "PATH": f"{PYTHON}{os.pathsep}{os.environ['PATH']}"}
    return home, env | {"PYTHONPATH": os.pathsep.join([str(ROOT / "tests" / "no_network"), str(home)])}


def start(home, env, *arguments):
    """Let `start` start a Python that shows what it was given; returns that, the process, its two texts."""
    command = [home / "start", "python", "-c", SHOW, *arguments]
    with subprocess.Popen(command, cwd=home, env=env, stdout=-1, stderr=-1, text=True) as process:
        out, err = process.communicate()
    assert process.returncode == 0, err
    return json.loads(out.splitlines()[-1]), process, out, err


def test_start_makes_the_copy_and_becomes_the_command(image):
    home, env = image
    arguments = ["two words", "", "*", "$HOME", "a'b\"c", "--port=8888"]
    shown, process, out, err = start(home, env | {"JUPYTER_CONFIG_PATH": "/of the image"}, *arguments)
    config = home / "tools" / "jupyter"
    assert shown == [
        process.pid,
        str(home),
        arguments,
        f"{config / 'binder'}:{config}:/of the image",
        str(home),
    ]
    assert sorted(path.name for path in (home / "my").glob("*.ipynb")) == COPIES
    assert out.splitlines()[-2] == str(home / "my") and err == ""


def test_a_session_starts_without_a_working_copy_and_says_so(image):
    """What stands in the way: a file where each folder would be made, which stops root as well."""
    home, env = image
    (home / "my").write_text("")
    (home / "from-formula-to-model").write_text("")
    shown, _, _, err = start(home, env)
    error, warning = err.splitlines()
    assert error.startswith("error: no folder for the working copy can be written")
    assert warning.startswith("warning: there is no working copy")
    assert shown[3] == str(home / "tools" / "jupyter"), "nothing points to a copy that is not there"


def test_a_home_that_cannot_be_written_is_replaced(image):
    home, env = image
    shown, _, _, err = start(home, env | {"HOME": str(home / "nowhere")})
    assert (
        err
        == f"warning: {home}/nowhere cannot be written; Jupyter keeps its settings in a temporary folder\n"
    )
    assert Path(shown[4]).is_dir() and Path(shown[4]).parent == Path(env["TMPDIR"])


def test_readme_and_bare_address_open_the_same_page():
    config = json.loads((ROOT / "tools/jupyter/binder/jupyter_server_config.json").read_text())
    (address,) = {settings["default_url"] for settings in config.values()}
    assert address == f"/lab/tree/my/{COPIES[0]}"
    # JupyterLab, the classic page of repo2docker's own command, and a JupyterHub's single-user server.
    assert config.keys() == {"LabApp", "JupyterNotebookApp", "ServerApp"}
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert re.findall(r"mybinder\.org/v2/\S+\?urlpath=([^)]+)\)", readme) == [address[1:]]


@contextlib.contextmanager
def session(home, env, log):
    """JupyterLab, started by `start` with the options that Binder gives; yields lab.Server."""
    port = lab.free_port()
    command = [home / "start", "jupyter-lab", "--ip=127.0.0.1", f"--port={port}", "--no-browser"]
    command += ["--NotebookApp.base_url=/user/somebody/", "--NotebookApp.token=secret"]
    command += ["--NotebookApp.trust_xheaders=True", "--LabApp.expose_app_in_browser=True"]
    server = lab.Server(f"http://127.0.0.1:{port}/user/somebody", "secret", home)
    with lab.running(command, log, cwd=home, env=env) as process:
        lab.wait_until_it_answers(server, process, log)
        yield server


@pytest.mark.browser
@pytest.mark.timeout(600)
def test_the_bare_address_opens_jupyterlab_on_the_copy(image, tmp_path):
    with session(*image, tmp_path / "log") as server, lab.browse() as browser:
        page = browser.new_page()
        page.goto(f"{server.address}/?token={server.token}")
        page.wait_for_selector(".jp-NotebookPanel:not(.lm-mod-hidden) .jp-Notebook", timeout=300_000)
        path = page.evaluate("window.jupyterapp.shell.currentWidget.context.path")
        assert path == f"my/{COPIES[0]}"
        settings = "lab/api/settings/@jupyterlab/apputils-extension:notification"
        answer = page.request.get(f"{server.address}/{settings}?token={server.token}").json()
        asked = answer["schema"]["properties"]["fetchNews"]["default"]
        assert asked == "false", "the other settings of the course hold as well"

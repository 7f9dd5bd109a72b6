"""Binder's image: what repo2docker makes of the checkout, and JupyterLab as Binder starts it. No Docker."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.helpers import places
from tests.helpers.places import ROOT
from tests.tools.test_binder import variables
from tools.bench import lab

pytestmark = [pytest.mark.soak, pytest.mark.timeout(900)]
USER = ("--user-id", "1000", "--user-name", "jovyan")  # Binder's


def test_the_image_is_made_from_environment_yml_and_begins_with_start(snapshot):
    """The plan of the image, the Dockerfile that repo2docker writes, and what it says meanwhile."""
    command = [Path(sys.executable).parent / "jupyter-repo2docker", "--no-build", "--debug", *USER, "."]
    env = places.variables(HOME=str(snapshot), PATH="/usr/bin:/bin")
    run = subprocess.run(command, cwd=snapshot, env=env, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    (update,) = re.findall(r"\$\{MAMBA_EXE\} env update .*", run.stdout)
    assert '-p ${NB_PYTHON_PREFIX} --file "environment.yml"' in update
    assert "pip install" not in run.stdout and "pip3 install" not in run.stdout
    environment = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))
    (python,) = (line for line in environment["dependencies"] if str(line).startswith("python="))
    version = python.removeprefix("python=")
    assert f"environment-2epy-2d{version.replace('.', '-2e')}-2d" in run.stdout
    assert f"Building conda environment for python={version}" in run.stderr
    assert not re.search("warn|error|deprecat", run.stderr, re.IGNORECASE), run.stderr
    lines = run.stdout.splitlines()
    assert 'ENV R2D_ENTRYPOINT="${REPO_DIR}/start"' in lines
    assert 'ENTRYPOINT ["/usr/local/bin/repo2docker-entrypoint"]' in lines


def test_the_bare_address_opens_jupyterlab_on_the_copy(tmp_path):
    home, log, port = places.snapshot(tmp_path / "home of jovyan"), tmp_path / "log", lab.free_port()
    command = [home / "start", "jupyter-lab", "--ip=127.0.0.1", f"--port={port}", "--no-browser"]
    command += ["--NotebookApp.base_url=/user/somebody/", "--NotebookApp.token=secret"]
    command += ["--NotebookApp.trust_xheaders=True", "--LabApp.expose_app_in_browser=True"]
    server = lab.Server(f"http://127.0.0.1:{port}/user/somebody", "secret", home)
    with (
        lab.running(command, log, cwd=home, env=variables(home, tmp_path)) as process,
        lab.browse() as browser,
    ):
        lab.wait_until_it_answers(server, process, log)
        page = browser.new_page()
        page.goto(f"{server.address}/?token={server.token}")
        page.wait_for_selector(".jp-NotebookPanel:not(.lm-mod-hidden) .jp-Notebook", timeout=300_000)
        path = page.evaluate("window.jupyterapp.shell.currentWidget.context.path")
        assert path == "my/start.ipynb"
        settings = "lab/api/settings/@jupyterlab/apputils-extension:notification"
        answer = page.request.get(f"{server.address}/{settings}?token={server.token}").json()
        asked = answer["schema"]["properties"]["fetchNews"]["default"]
        assert asked == "false", "the other settings of the course hold as well"

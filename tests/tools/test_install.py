"""What gets installed, and the Makefile: files that state versions agree, and no set-up is done twice."""

import importlib.metadata
import json
import os
import re
import subprocess
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from tests.conftest import load_tool

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS = PROJECT["optional-dependencies"]
CONDA_NAMES = {"torch": "pytorch-cpu", "matplotlib": "matplotlib-base"}
# Torch's CUDA builds bring these at the exact versions that they were built with.
CUDA = ("nvidia-", "cuda-", "triton")


def ranges(*groups):
    """Requirements as a dict from canonical name to SpecifierSet."""
    requirements = [Requirement(line) for group in groups for line in group]
    return {canonicalize_name(one.name): one.specifier for one in requirements}


def pins():
    """constraints.txt as a dict from canonical name to version; every line is an exact pin."""
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    split = [re.fullmatch(r"([\w.-]+)==([\w.]+)", line) for line in lines if not line.startswith("#")]
    assert all(split), "constraints.txt holds a line that is not name==version, without a local tag"
    return {canonicalize_name(match[1]): match[2] for match in split}


def test_run_time_dependencies_are_these_alone():
    names = {"torch", "matplotlib", "ipywidgets", "accelerate", "babel", "tqdm", "safetensors"}
    assert ranges(PROJECT["dependencies"]).keys() == names
    assert ranges(EXTRAS["lab"]).keys() == {"jupyterlab", "jupytext"}


@pytest.mark.parametrize(
    ("name", "version"), [("ipywidgets", "7.7.1"), ("ipywidgets", "8.1.9"), ("matplotlib", "3.10.0")]
)
def test_ranges_admit_what_colab_has(name, version):
    assert version in ranges(PROJECT["dependencies"])[name]


def test_constraints_cover_all_that_gets_installed():
    """Every requirement, and what it brings in turn, is pinned to a version that suits all who ask for it."""
    pinned, seen = pins(), set()
    extras = [line for extra in EXTRAS.values() for line in extra]
    waiting = [Requirement(line) for line in (*PROJECT["dependencies"], *extras)]
    while waiting:
        wanted = waiting.pop()
        name = canonicalize_name(wanted.name)
        if name.startswith(CUDA):
            continue
        assert name in pinned, f"{name} gets installed and constraints.txt does not pin it"
        assert pinned[name] in wanted.specifier, f"{name}=={pinned[name]} does not suit {wanted}"
        if (name, frozenset(wanted.extras)) not in seen:
            seen.add((name, frozenset(wanted.extras)))
            brought = [Requirement(line) for line in importlib.metadata.requires(name) or []]
            extras = [*wanted.extras, ""]
            waiting += [
                one
                for one in brought
                if not one.marker or any(one.marker.evaluate({"extra": extra}) for extra in extras)
            ]
    assert len(seen) > 50


def test_environment_yml_agrees_with_pyproject():
    environment = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))
    assert environment["channels"][0] == "conda-forge"
    *packages, pip = environment["dependencies"]
    assert pip == {"pip": ["--editable ."]}
    conda = dict(re.fullmatch(r"([\w-]+)(.*)", package).groups() for package in packages)
    python = conda.pop("python").removeprefix("=")
    assert f"{python}.0" in SpecifierSet(PROJECT["requires-python"])
    assert conda.pop("pip") == ""
    expected = ranges(PROJECT["dependencies"], EXTRAS["lab"])
    assert {name: SpecifierSet(versions) for name, versions in conda.items()} == {
        CONDA_NAMES.get(name, name): specifier for name, specifier in expected.items()
    }


def make(*arguments):
    """Run make in this checkout, apart from the `make test` that runs this; returns the finished process."""
    inherited = ("MAKEFLAGS", "MAKELEVEL", "MFLAGS", "CH")
    outside = {name: value for name, value in os.environ.items() if name not in inherited}
    return subprocess.run(["make", *arguments], cwd=ROOT, env=outside, capture_output=True, text=True)


def test_help_lists_every_target():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"(?m)^([a-z-]+):", makefile)) - {"which-chapter"}
    assert targets | {"which-chapter"} == set(re.search(r"(?m)^\.PHONY: (.*)$", makefile)[1].split())
    plain = make()
    assert plain.stdout == make("help").stdout and plain.returncode == 0
    lines = [re.fullmatch(r"make ([a-z-]+) +(\S.*)", line) for line in plain.stdout.splitlines()]
    assert all(lines) and {line[1] for line in lines} == targets
    named = "lab test notebooks author reset results site check bench soak gpu-check links clean"
    assert targets >= set(named.split())


@pytest.mark.parametrize("target", ["reset", "results"])
def test_a_target_that_needs_a_chapter_says_so(target):
    run = make(target)
    assert run.returncode == 2
    assert run.stderr.splitlines()[0] == f"error: name a chapter, for example: make {target} CH=01"


def test_no_python_is_one_clear_line():
    run = make("lab", "PYTHON=")
    assert run.returncode == 2 and run.stderr.startswith("error: no Python 3.11 or newer found")


@pytest.fixture
def environment(tmp_path, monkeypatch):
    """tools/environment.py on a folder of its own, with its commands recorded in `.commands`, not run."""
    module = load_tool("environment")
    for name in ("pyproject.toml", "constraints.txt", "tests/colab.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes((ROOT / name).read_bytes())
    (tmp_path / ".venv").mkdir()
    module.ROOT, module.VENV, module.WHEELS = tmp_path, tmp_path / ".venv", tmp_path / ".wheelhouse"
    module.commands = []
    monkeypatch.setattr(module, "run", lambda *command, problem: module.commands.append(command))
    monkeypatch.delenv("TORCH_INDEX", raising=False)
    return module


def test_nothing_is_installed_twice(environment):
    environment.install("lab")
    (command,) = environment.commands
    assert command[-4:] == ("--constraint", "constraints.txt", "--editable", ".[lab]")
    environment.install("lab")
    assert len(environment.commands) == 1
    environment.install("test")
    assert environment.commands[-1][-1] == ".[lab,site,test]"
    environment.install("lab")
    environment.install("test")
    assert len(environment.commands) == 2


@pytest.mark.parametrize("name", ["pyproject.toml", "constraints.txt"])
def test_a_change_installs_again(environment, name):
    environment.install("lab")
    path = environment.ROOT / name
    path.write_text(path.read_text() + "# changed\n")
    environment.install("lab")
    assert len(environment.commands) == 2


def test_an_install_that_failed_is_tried_again(environment, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(environment, "run", lambda *command, problem: environment.fail(problem))
        with pytest.raises(SystemExit, match="error: pip could not install the course"):
            environment.install("lab")
    environment.install("lab")
    assert len(environment.commands) == 1


def test_torch_index_is_passed_on(environment, monkeypatch):
    monkeypatch.setenv("TORCH_INDEX", "https://example.org/cpu")
    environment.install("lab")
    assert environment.commands[0][-2:] == ("--extra-index-url", "https://example.org/cpu")


def test_wheelhouse_is_filled_once_with_colabs_versions(environment):
    environment.fill_wheelhouse()
    environment.fill_wheelhouse()
    (command,) = environment.commands
    assert command[-3:] == ("--requirement", "tests/colab.txt", ".")
    constraints = (environment.WHEELS / "constraints.txt").read_text()
    assert "torch==" in constraints
    assert "ipywidgets==" not in constraints and "matplotlib==" not in constraints


def test_an_old_python_is_named(environment, monkeypatch):
    monkeypatch.setattr(environment.sys, "version_info", (3, 9, 2))
    with pytest.raises(SystemExit, match=r"error: the course needs Python 3\.11 or newer, and .* is 3\.9;"):
        environment.main("lab")
    assert environment.commands == []


def test_without_a_browser_the_way_to_one_is_named(environment, monkeypatch):
    monkeypatch.setattr(environment.shutil, "which", lambda name: None)
    monkeypatch.setattr(environment, "PYTHON", environment.VENV / "bin" / "python")
    failed = subprocess.CompletedProcess([], 1, stdout=b"")
    monkeypatch.setattr(environment.subprocess, "run", lambda *arguments, **options: failed)
    monkeypatch.setattr(environment.sys, "platform", "linux")
    with pytest.raises(
        SystemExit, match="error: the browser tests need Chromium: `apt-get install chromium`"
    ):
        environment.find_browser()
    monkeypatch.setattr(environment.sys, "platform", "darwin")
    environment.find_browser()
    assert environment.commands[-1][-2:] == ("install", "chromium")


def test_jupyterlab_shows_no_news_and_runs_as_root():
    folder = ROOT / "tools" / "jupyter"
    overrides = json.loads((folder / "labconfig" / "default_setting_overrides.json").read_text())
    news = overrides["@jupyterlab/apputils-extension:notification"]
    assert news == {"checkForUpdates": False, "fetchNews": "false"}
    assert json.loads((folder / "jupyter_server_config.json").read_text())["ServerApp"]["allow_root"] is True

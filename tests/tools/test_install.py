"""What gets installed, and the Makefile: files that state versions agree, and no set-up is done twice."""

import importlib.metadata
import os
import re
import subprocess
import sys
import tomllib

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

import environment
from tests.helpers import places
from tests.helpers.places import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS = PROJECT["optional-dependencies"]
CONDA_NAMES = {"torch": "pytorch-cpu", "matplotlib": "matplotlib-base"}
# Torch's CUDA builds bring these at the exact versions that they were built with.
CUDA = ("nvidia-", "cuda-", "triton")
COMPILE = """import pathlib, sys
for path in sys.stdin.read().split("\\0"):
    compile(pathlib.Path(path).read_bytes(), path, "exec")
"""


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


def test_ranges_admit_what_colab_has():
    admitted = ranges(PROJECT["dependencies"])
    for name, version in (("ipywidgets", "7.7.1"), ("ipywidgets", "8.1.9"), ("matplotlib", "3.10.0")):
        assert version in admitted[name]


def test_constraints_cover_all_that_gets_installed():
    """Every requirement, and what it brings in turn, is pinned to a version that suits all who ask for it."""
    pinned, seen = pins(), set()
    waiting = [Requirement(line) for line in sum(EXTRAS.values(), PROJECT["dependencies"])]
    while waiting:
        wanted = waiting.pop()
        name = canonicalize_name(wanted.name)
        if name.startswith(CUDA):
            continue
        assert name in pinned, f"{name} gets installed and constraints.txt does not pin it"
        assert pinned[name] in wanted.specifier, f"{name}=={pinned[name]} does not suit {wanted}"
        if (name, frozenset(wanted.extras)) not in seen:
            seen.add((name, frozenset(wanted.extras)))
            for one in map(Requirement, importlib.metadata.requires(name) or []):
                extras = [*wanted.extras, ""]
                if not one.marker or any(one.marker.evaluate({"extra": extra}) for extra in extras):
                    waiting.append(one)
    assert len(seen) > 50


def test_environment_yml_agrees_with_pyproject():
    described = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))
    assert described["channels"][0] == "conda-forge"
    *packages, pip = described["dependencies"]
    assert pip == {"pip": ["--editable ."]}
    conda = dict(re.fullmatch(r"([\w-]+)(.*)", package).groups() for package in packages)
    python = conda.pop("python").removeprefix("=")
    assert f"{python}.0" in SpecifierSet(PROJECT["requires-python"])
    assert conda.pop("pip") == ""
    expected = ranges(PROJECT["dependencies"], EXTRAS["lab"])
    assert {name: SpecifierSet(versions) for name, versions in conda.items()} == {
        CONDA_NAMES.get(name, name): specifier for name, specifier in expected.items()
    }


def test_sources_compile_without_a_warning():
    """The newest Python warns of what others let pass, as of an unknown escape in a formula; the oldest
    refuses what is new.
    """
    found = [python for python in map(places.find_python, places.PYTHONS) if python]
    sources = places.files("*.py")
    assert {"course/__init__.py", "notebooks/01_cnn.py"} <= set(sources)
    for python in {found[0], found[-1]}:
        command = [python, "-I", "-W", "error", "-c", COMPILE]
        run = subprocess.run(command, cwd=ROOT, input="\0".join(sources), capture_output=True, text=True)
        assert (run.returncode, run.stderr) == (0, "")


def test_workflows_follow_their_schema_and_run_what_make_runs():
    workflows = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
    check = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.github-workflows"]
    run = subprocess.run([*check, *workflows], capture_output=True, text=True)
    assert run.returncode == 0, run.stdout + run.stderr
    steps = "".join(path.read_text(encoding="utf-8") for path in workflows)
    assert "run: .ci/run\n" in steps and "run: make book\n" in steps
    hooks = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))
    assert [hook["entry"] for repo in hooks["repos"] for hook in repo["hooks"]] == ["make check"]


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


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["reset"], "error: name a chapter, for example: make reset CH=01"),
        (["results"], "error: name a chapter, for example: make results CH=01"),
        (["lab", "PYTHON="], "error: no Python 3.11 or newer found; name one: make lab PYTHON="),
    ],
)
def test_what_make_lacks_is_one_clear_line(arguments, said):
    run = make(*arguments)
    assert run.returncode == 2 and run.stderr.startswith(said)


@pytest.fixture
def commands(tmp_path, monkeypatch):
    """tools/environment.py on a folder with a `.venv` made there; the commands, which do not run."""
    venv = tmp_path / ".venv"
    for name in ("pyproject.toml", "constraints.txt"):
        (tmp_path / name).write_bytes((ROOT / name).read_bytes())
    (venv / "bin").mkdir(parents=True)
    (venv / "bin" / "python").symlink_to(sys.executable)
    (venv / "pyvenv.cfg").write_text(f"command = python3 -m venv {venv}\n")
    for name, value in (("ROOT", tmp_path), ("VENV", venv), ("PYTHON", venv / "bin" / "python")):
        monkeypatch.setattr(environment, name, value)
    monkeypatch.delenv("TORCH_INDEX", raising=False)
    monkeypatch.setattr(environment.shutil, "which", lambda name: f"/usr/bin/{name}")
    run = []
    monkeypatch.setattr(environment, "run", lambda *command, problem: run.append(command))
    return run


def test_nothing_is_installed_twice(commands):
    environment.main("lab")
    (command,) = commands
    assert command[-4:] == ("--constraint", "constraints.txt", "--editable", ".[lab]")
    environment.main("test")
    assert commands[-1][-1] == ".[lab,book,test]"
    for kind in ("lab", "book", "test"):
        environment.main(kind)
    assert len(commands) == 2


@pytest.mark.parametrize("name", ["pyproject.toml", "constraints.txt"])
def test_a_change_installs_again(commands, name, monkeypatch):
    environment.main("lab")
    with (environment.ROOT / name).open("a") as file:
        file.write("# changed\n")
    monkeypatch.setenv("TORCH_INDEX", "https://example.org/cpu")
    environment.main("lab")
    assert len(commands) == 2
    assert ("--extra-index-url", "https://example.org/cpu") == commands[1][-6:-4]


def test_an_install_that_failed_is_tried_again(commands, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(environment, "run", lambda *command, problem: environment.fail(problem))
        with pytest.raises(SystemExit, match="error: pip could not install the course"):
            environment.main("lab")
    environment.main("lab")
    assert len(commands) == 1


@pytest.mark.parametrize("how", ["moved", "a link", "broken"])
def test_an_environment_that_was_not_made_here_is_made_again(commands, how, tmp_path):
    venv = tmp_path / ".venv"
    if how == "moved":
        (venv / "pyvenv.cfg").write_text("command = python3 -m venv /elsewhere/.venv\n")
    elif how == "a link":
        venv.rename(tmp_path / "of another")
        venv.symlink_to(tmp_path / "of another")
        (venv / "pyvenv.cfg").write_text(f"command = python3 -m venv {tmp_path / 'of another'}\n")
    else:
        (venv / "bin" / "python").unlink()
        (venv / "bin" / "python").symlink_to("/nowhere/python")
    environment.main("lab")
    assert commands[0] == (sys.executable, "-m", "venv", venv) and len(commands) == 2
    assert how != "a link" or (tmp_path / "of another" / "bin").exists()


def test_the_users_own_pip_settings_do_not_lead_elsewhere(monkeypatch):
    monkeypatch.setenv("PIP_USER", "1")
    code = "import os, sys; sys.exit(os.environ['PIP_USER'] != '0')"
    environment.run(sys.executable, "-c", code, problem="it does")


def test_an_old_python_is_named(commands, monkeypatch):
    monkeypatch.setattr(environment.sys, "version_info", (3, 9, 2))
    with pytest.raises(SystemExit, match=r"error: the course needs Python 3\.11 or newer, and .* is 3\.9;"):
        environment.main("lab")
    assert commands == []


def test_without_a_browser_playwrights_is_fetched(commands, monkeypatch):
    environment.find_browser()
    assert commands == []
    monkeypatch.setattr(environment.shutil, "which", lambda name: None)
    environment.find_browser()
    assert commands[0][-2:] == ("install", "chromium")

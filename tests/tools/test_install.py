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


@pytest.mark.parametrize("python", places.PYTHONS)
def test_sources_compile_without_a_warning(python):
    """Newer Pythons warn of what older ones let pass, as of an unknown escape in a formula."""
    found = places.find_python(python) or pytest.skip(f"Python {python} is not at hand")
    sources = places.files("*.py")
    assert {"course/__init__.py", "notebooks/01_cnn.py"} <= set(sources)
    command = [found, "-I", "-W", "error", "-c", COMPILE]
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
    named = "lab test notebooks author reset results book check bench soak gpu-check links clean"
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
def commands(tmp_path, monkeypatch):
    """tools/environment.py on a folder with a `.venv` made there; the commands, which do not run."""
    for name in ("pyproject.toml", "constraints.txt"):
        (tmp_path / name).write_bytes((ROOT / name).read_bytes())
    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    (tmp_path / ".venv" / "bin" / "python").symlink_to(sys.executable)
    (tmp_path / ".venv" / "pyvenv.cfg").write_text(f"command = python3 -m venv {tmp_path / '.venv'}\n")
    monkeypatch.setattr(environment, "ROOT", tmp_path)
    monkeypatch.setattr(environment, "VENV", tmp_path / ".venv")
    monkeypatch.setattr(environment, "PYTHON", tmp_path / ".venv" / "bin" / "python")
    monkeypatch.delenv("TORCH_INDEX", raising=False)
    monkeypatch.setattr(environment.shutil, "which", lambda name: f"/usr/bin/{name}")
    run = []
    monkeypatch.setattr(environment, "run", lambda *command, problem: run.append(command))
    return run


def test_nothing_is_installed_twice(commands):
    environment.main("lab")
    (command,) = commands
    assert command[-4:] == ("--constraint", "constraints.txt", "--editable", ".[lab]")
    environment.main("lab")
    assert len(commands) == 1
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


@pytest.mark.parametrize("how", ["moved", "foreign", "a link", "broken"])
def test_an_environment_that_was_not_made_here_is_made_anew(commands, how, tmp_path):
    venv = tmp_path / ".venv"
    if how == "moved":
        (venv / "pyvenv.cfg").write_text("command = python3 -m venv /elsewhere/.venv\n")
    elif how == "foreign":
        (venv / "pyvenv.cfg").write_text("uv = 1.0\n")
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


def test_the_users_own_pip_settings_do_not_lead_elsewhere(tmp_path, monkeypatch):
    monkeypatch.setattr(environment, "ROOT", tmp_path)
    monkeypatch.setenv("PIP_USER", "1")
    code = "import os; open('seen', 'w').write(os.environ['PIP_USER'])"
    environment.run(sys.executable, "-c", code, problem="no")
    assert (tmp_path / "seen").read_text() == "0"


def test_an_old_python_is_named(commands, monkeypatch):
    monkeypatch.setattr(environment.sys, "version_info", (3, 9, 2))
    with pytest.raises(SystemExit, match=r"error: the course needs Python 3\.11 or newer, and .* is 3\.9;"):
        environment.main("lab")
    assert commands == []


def test_without_a_browser_the_way_to_one_is_named(commands, monkeypatch):
    monkeypatch.setattr(environment.shutil, "which", lambda name: None)
    failed = subprocess.CompletedProcess([], 1, stdout=b"")
    monkeypatch.setattr(environment.subprocess, "run", lambda *arguments, **options: failed)
    monkeypatch.setattr(environment.sys, "platform", "linux")
    with pytest.raises(
        SystemExit, match="error: the browser tests need Chromium: `apt-get install chromium`"
    ):
        environment.find_browser()
    monkeypatch.setattr(environment.sys, "platform", "darwin")
    environment.find_browser()
    assert commands[-1][-2:] == ("install", "chromium")

"""Make `.venv` and install the course into it: `python tools/environment.py lab`, `book` or `test`.

`make` calls this before anything else that needs the environment. Nothing happens where nothing has changed
since the last time: a stamp in `.venv` holds a hash of all that decides what gets installed. Runs on an old
Python 3 too, with its standard library alone, so that it can say what is wrong with that one.
"""

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
OLDEST = (3, 11)
EXTRAS = {"lab": ("lab",), "book": ("lab", "book"), "test": ("lab", "book", "test")}


def fail(message):
    """End with one line on stderr."""
    sys.exit(f"error: {message}")


def run(*command, problem):
    """Run a command in the checkout; end with `problem` where it fails."""
    variables = dict(os.environ, PIP_USER="0")  # a user's `user = true` would miss the environment
    if subprocess.run([str(part) for part in command], cwd=str(ROOT), env=variables).returncode:
        fail(problem)


def fingerprint():
    """sha256 of what decides what gets installed, and of where the checkout lies."""
    digest = hashlib.sha256(str(ROOT).encode())
    for path in (Path(__file__), ROOT / "pyproject.toml", ROOT / "constraints.txt"):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def is_usable():
    """Whether `.venv` was made here (commands in it name their own place) and its Python runs."""
    settings = VENV / "pyvenv.cfg"
    made_here = settings.is_file() and f"-m venv {VENV}\n" in settings.read_text()
    if not made_here or not PYTHON.exists():
        return False
    check = f"import sys, pip; sys.exit(sys.version_info < {OLDEST})"
    return subprocess.run([str(PYTHON), "-c", check], stderr=subprocess.DEVNULL).returncode == 0


def make_environment():
    """Make `.venv`; anew where it is of another place or its Python does not run any more."""
    print("Making the environment .venv", flush=True)
    try:
        if VENV.is_symlink():
            VENV.unlink()
        shutil.rmtree(str(VENV), ignore_errors=True)
        VENV.mkdir(exist_ok=True)
    except OSError as error:
        advice = "clone the course to a folder of your own"
        fail(f"{ROOT} cannot be written, and `make` installs into .venv there: {error.strerror}; {advice}")
    hint = "Python's module venv failed; on Debian and Ubuntu it may lack: apt-get install python3-venv"
    run(sys.executable, "-m", "venv", VENV, problem=hint)


def install(kind):
    """Install the course, editable, with the extras of `kind` and the versions of constraints.txt."""
    value, stamp = fingerprint(), VENV / f".installed-{kind}"
    if stamp.is_file() and stamp.read_text() == value:
        return
    print(f"Installing the course, PyTorch and what `make {kind}` needs: some minutes, once", flush=True)
    # pip shows its progress on a terminal, where somebody waits for big downloads; elsewhere only errors.
    options = [] if sys.stdout.isatty() else ["-qq"]
    if os.environ.get("TORCH_INDEX"):
        options += ["--extra-index-url", os.environ["TORCH_INDEX"]]
    what = ["--constraint", "constraints.txt", "--editable", f".[{','.join(EXTRAS[kind])}]"]
    problem = "pip could not install the course: its message stands above. The first time it needs the "
    problem += "network; running again goes on from here"
    pip = [PYTHON, "-m", "pip", "--disable-pip-version-check", "install"]
    run(*pip, *options, *what, problem=problem)
    for extra in EXTRAS[kind]:
        (VENV / f".installed-{extra}").write_text(value)


def find_browser():
    """See that the tests have a Chromium: one on PATH, or Playwright's own, fetched where it is missing."""
    if not any(map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))):
        problem = "the browser tests need Chromium: `apt-get install chromium` (Debian), or Playwright's own"
        run(PYTHON, "-m", "playwright", "install", "chromium", problem=problem)


def main(kind):
    """Bring the environment up to date for `lab`, `book` or `test`."""
    if sys.version_info < OLDEST:
        found = f"{sys.executable} is {sys.version_info[0]}.{sys.version_info[1]}"
        fail(f"the course needs Python 3.11 or newer, and {found}; name one: make lab PYTHON=python3.12")
    if not is_usable():
        make_environment()
    install(kind)
    if kind == "test":
        find_browser()


if __name__ == "__main__":
    main(sys.argv[1])

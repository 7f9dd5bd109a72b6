"""Make `.venv` and install the course into it: `python tools/environment.py lab`, `site` or `test`.

`make` calls this before anything else that needs the environment. Nothing happens where nothing has changed
since the last time: a stamp in `.venv` holds a hash of all that decides what gets installed. Runs on an old
Python 3 too, with its standard library alone, so that it can say what is wrong with that one.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
WHEELS = ROOT / ".wheelhouse"
OLDEST = (3, 11)
EXTRAS = {"lab": ("lab",), "site": ("lab", "site"), "test": ("lab", "site", "test")}
BROWSERS = ("chromium", "chromium-browser", "google-chrome")


def fail(message):
    """End with one line on stderr."""
    sys.exit(f"error: {message}")


def run(*command, problem):
    """Run a command in the checkout; end with `problem` where it fails."""
    if subprocess.run([str(part) for part in command], cwd=str(ROOT)).returncode:
        fail(problem)


def pip(*arguments, problem):
    """Run the environment's pip, asking the index named by TORCH_INDEX too, if there is one.

    Its progress goes to a terminal, where somebody waits for big downloads; elsewhere it tells only errors.
    """
    quiet = [] if sys.stdout.isatty() else ["-qq"]
    index = os.environ.get("TORCH_INDEX")
    extra = ["--extra-index-url", index] if index else []
    run(PYTHON, "-m", "pip", "--disable-pip-version-check", *quiet, *arguments, *extra, problem=problem)


def fingerprint(*names):
    """sha256 of some files of the checkout, of where it lies, and of this program."""
    digest = hashlib.sha256(str(ROOT).encode())
    for path in (Path(__file__), *(ROOT / name for name in names)):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def is_current(stamp, value):
    """Whether the work that a stamp stands for was finished, for this very input."""
    return stamp.is_file() and stamp.read_text() == value


def need_writable_checkout():
    """End with one line where nothing can be installed: the checkout of somebody else, a read-only mount."""
    try:
        with tempfile.TemporaryFile(dir=str(ROOT)):
            return
    except OSError as error:
        advice = "clone the course to a folder of your own"
        fail(f"{ROOT} cannot be written, and `make` installs into .venv there: {error.strerror}; {advice}")


def make_environment():
    """Make `.venv`, anew where its Python no longer runs or is too old."""
    check = [str(PYTHON), "-c", f"import sys, pip; sys.exit(sys.version_info < {OLDEST})"]
    if PYTHON.exists() and subprocess.run(check, stderr=subprocess.DEVNULL).returncode == 0:
        return
    need_writable_checkout()
    print("Making the environment .venv", flush=True)
    shutil.rmtree(str(VENV), ignore_errors=True)
    hint = "Python's module venv failed; on Debian and Ubuntu: apt-get install python3-venv"
    run(sys.executable, "-m", "venv", VENV, problem=hint)


def install(kind):
    """Install the course, editable, with the extras of `kind` and the versions of constraints.txt."""
    value = fingerprint("pyproject.toml", "constraints.txt")
    if is_current(VENV / f".installed-{kind}", value):
        return
    tools = {"lab": "JupyterLab", "site": "JupyterLab, Sphinx", "test": "JupyterLab, Sphinx, the test tools"}
    print(f"Installing the course, PyTorch, {tools[kind]} into .venv: some minutes, once", flush=True)
    target = f".[{','.join(EXTRAS[kind])}]"
    problem = "pip could not install the course: its message stands above. The first time it needs the "
    problem += "network; running again goes on from here"
    pip("install", "--constraint", "constraints.txt", "--editable", target, problem=problem)
    for extra in EXTRAS[kind]:
        (VENV / f".installed-{extra}").write_text(value)


def find_browser():
    """See that the tests have a Chromium: one on PATH, or Playwright's own, which is fetched on macOS."""
    if any(shutil.which(name) for name in BROWSERS):
        return
    playwright = "from playwright.sync_api import sync_playwright as start\n"
    where = "with start() as browsers: print(browsers.chromium.executable_path)"
    answer = subprocess.run([str(PYTHON), "-c", playwright + where], stdout=subprocess.PIPE)
    if answer.returncode == 0 and Path(answer.stdout.decode().strip()).exists():
        return
    fetch = f"{PYTHON.relative_to(ROOT)} -m playwright install chromium"
    if sys.platform != "darwin":
        fail(f"the browser tests need Chromium: `apt-get install chromium` (Debian), or `{fetch}`")
    print("Fetching Chromium for the browser tests", flush=True)
    run(PYTHON, "-m", "playwright", "install", "chromium", problem=f"no Chromium: `{fetch}` failed")


def fill_wheelhouse():
    """Download all that the test of a notebook opened alone installs: Colab's packages, and the course's."""
    value = fingerprint("pyproject.toml", "constraints.txt", "tests/colab.txt")
    if is_current(WHEELS / ".filled", value):
        return
    print("Filling .wheelhouse for the test of a notebook opened alone", flush=True)
    shutil.rmtree(str(WHEELS), ignore_errors=True)
    WHEELS.mkdir()
    colab = (ROOT / "tests" / "colab.txt").read_text().split()
    free = {requirement.split("==")[0] for requirement in colab if "==" in requirement}
    free |= {"widgetsnbextension", "jupyterlab_widgets"}
    pins = (ROOT / "constraints.txt").read_text().splitlines()
    constraints = WHEELS / "constraints.txt"
    constraints.write_text("\n".join(pin for pin in pins if pin.split("==")[0] not in free))
    problem = "pip could not download the wheels: its message stands above"
    what = ["--constraint", constraints, "--requirement", "tests/colab.txt", "."]
    pip("download", "--dest", WHEELS, *what, problem=problem)
    (WHEELS / ".filled").write_text(value)


def main(kind):
    """Bring the environment up to date for `lab`, `site` or `test`."""
    if sys.version_info < OLDEST:
        found = f"{sys.executable} is {sys.version_info[0]}.{sys.version_info[1]}"
        fail(f"the course needs Python 3.11 or newer, and {found}; name one: make lab PYTHON=python3.12")
    make_environment()
    install(kind)
    if kind == "test":
        find_browser()
        fill_wheelhouse()


if __name__ == "__main__":
    if len(sys.argv) != 2 or sys.argv[1] not in EXTRAS:
        fail("say what for: python tools/environment.py lab (or site, test)")
    main(sys.argv[1])

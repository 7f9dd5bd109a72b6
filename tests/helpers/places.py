"""Places that tests start the course from: copies of the checkout, and commands that permission bits stop."""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PYTHONS = ("3.11", "3.12", "3.13", "3.14")
# What lets root write where nobody may; without it root is stopped as everybody is.
PASSES = "-dac_override,-dac_read_search"
# What a checkout holds besides its own files; asked for where git does not know it, as in an unpacked ZIP.
MADE = {"build", "my", ".venv", ".wheelhouse", ".git", ".hypothesis", "__pycache__", ".pytest_cache",
        ".ruff_cache", ".ipynb_checkpoints", "from_formula_to_model.egg-info"}  # fmt: skip


def files(pattern="*"):
    """The files of this checkout as it stands, committed or not: paths relative to it, a list of str."""
    git = ["git", "-c", f"safe.directory={ROOT}", "ls-files", "-coz", "--exclude-standard", pattern]
    listed = subprocess.run(git, cwd=ROOT, capture_output=True, text=True)
    names = listed.stdout.split("\0")[:-1]
    if listed.returncode:
        paths = [path.relative_to(ROOT) for path in ROOT.rglob(pattern)]
        names = [str(path) for path in paths if MADE.isdisjoint(path.parts)]
    return [name for name in names if (ROOT / name).is_file()]


def snapshot(folder):
    """Make a git repository, in this folder, of the checkout as it stands; returns the folder."""
    for name in files():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, folder / name)
    git = ["git", "-c", "user.name=test", "-c", "user.email=test@localhost", "-c", "core.compression=0"]
    for command in ("init --quiet", "add --all --force", "commit --quiet --message=now"):
        subprocess.run([*git, *command.split()], cwd=folder, check=True)
    return folder


def variables(*dropped, **more):
    """The variables of a process without network, course of its own and pip index: a dict.

    Args:
        dropped: beginnings of names that it does not have either.
        more: further variables, str.
    """
    dropped = ("PIP_", "PYTHON", "COURSE_", "MAKE", "MFLAGS", *dropped)
    kept = {name: value for name, value in os.environ.items() if not name.startswith(dropped)}
    block = str(ROOT / "tests" / "helpers" / "no_network")
    return kept | {"PIP_CONFIG_FILE": os.devnull, "PIP_NO_INDEX": "1", "PYTHONPATH": block} | more


def instead_of(address, folder):
    """Variables that let git fetch a repository on this machine in place of an address."""
    return {
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": f"url.{folder.as_uri()}.insteadOf",
        "GIT_CONFIG_VALUE_0": address,
    }


def find_python(version):
    """A Python by its version: on PATH, or among pyenv's; None where none of that version starts."""
    name = f"python{version}"
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    # On PATH may stand a shim of pyenv's, which starts nothing as long as its version is not chosen.
    for found in filter(None, [shutil.which(name), *sorted(pyenv.glob(f"versions/{version}.*/bin/{name}"))]):
        if subprocess.run([found, "--version"], capture_output=True).returncode == 0:
            return found
    return None


def set_writable(folder, writable):
    """Give or take the right to write a folder and all that it holds, links apart."""
    for path in (folder, *folder.rglob("*")):
        if not path.is_symlink():
            mode = path.stat().st_mode
            path.chmod(mode | 0o200 if writable else mode & ~0o222)


def stopped_by_bits(*command):
    """A command, list of str, that permission bits stop, also where root runs the tests; None where root
    cannot put its right to pass them off.
    """
    command = [str(part) for part in command]
    if os.geteuid() != 0:
        return command
    limited = ["setpriv", f"--bounding-set={PASSES}", f"--inh-caps={PASSES}", *command]
    return limited if shutil.which("setpriv") and _stops(limited[:3]) else None


def _stops(limit):
    """Whether a folder without write permission is one, under this prefix of a command."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o500)
        made = subprocess.run([*limit, "mkdir", f"{folder}/made"], capture_output=True)
        return made.returncode == 1

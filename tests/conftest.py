"""What every test runs under: one thread, no network; the order of the files; and each notebook's peak
memory, read after its last cell.
"""

import contextlib
import importlib.util
import os
import re
import sys
from pathlib import Path

import hypothesis
import pytest

from tests.helpers import places

ROOT = Path(__file__).resolve().parents[1]
BLOCK = ROOT / "tests" / "helpers" / "no_network"
PEAK_MEMORY_MB = 1000

hypothesis.settings.register_profile(
    "course", derandomize=True, deadline=None, max_examples=20, database=None
)
hypothesis.settings.load_profile("course")


def pytest_configure(config):
    """Set what subprocesses and kernels inherit, and block this process too."""
    os.environ["OMP_NUM_THREADS"] = "1"
    os.environ["COURSE_PROGRESS"] = ""  # kernels of the suite leave the user's own record alone
    path = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    # The checkout stands first, so that kernels and scripts use its `course` and no other.
    first = [str(BLOCK), str(ROOT)]
    os.environ["PYTHONPATH"] = os.pathsep.join(first + [part for part in path if part and part not in first])
    if not getattr(sys, "_course_network_blocked", False):
        spec = importlib.util.spec_from_file_location("block_network", BLOCK / "sitecustomize.py")
        spec.loader.exec_module(importlib.util.module_from_spec(spec))
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(1)


@contextlib.contextmanager
def torch_threads(count):
    """torch runs on this many threads, and afterwards on as many as before."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@pytest.fixture(scope="session")
def snapshot(tmp_path_factory):
    """A git repository that holds this checkout as it stands, in a path with a space; left as it was."""
    return places.snapshot(tmp_path_factory.mktemp("snapshot") / "the course")


@pytest.fixture
def one_thread():
    """torch runs on one thread in this process, whatever the test before left."""
    with torch_threads(1):
        yield


@pytest.fixture
def alone(monkeypatch):
    """This process is not one of several, whatever started the tests."""
    for name in ("RANK", "WORLD_SIZE"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(params=["forked", "in this process"])
def place(request, alone, monkeypatch):
    """Where an exercise's check calls the learner's function."""
    if request.param != "forked":
        monkeypatch.setenv("WORLD_SIZE", "2")
    return request.param


class PeakMemory(pytest.Item):
    """Fails where the kernel of a notebook has ever held more than 1 GB, which is what Binder gives."""

    def runtest(self):
        status = Path(f"/proc/{self.parent.kernel.km.provisioner.pid}/status")
        if not status.exists():
            pytest.skip("the peak memory of a process is read from /proc, which only Linux has")
        peak = int(re.search(r"VmHWM:\s+(\d+) kB", status.read_text())[1]) * 1024 / 1e6
        assert peak <= PEAK_MEMORY_MB, f"the kernel held {peak:.0f} MB; {PEAK_MEMORY_MB} MB are allowed"

    def repr_failure(self, excinfo):
        return str(excinfo.value)

    def reportinfo(self):
        return self.path, 0, f"{self.path.name}: peak memory"


def pytest_collection_modifyitems(items):
    """Long files first, so that no worker is left with one at the end: notebooks, files with a long timeout,
    then those with most tests. After the last cell of a notebook, while its kernel lives, comes PeakMemory.
    """
    files = {}
    for item in items:
        files.setdefault(item.path, []).append(item)

    def turn(path):
        run = [item for item in files[path] if not item.get_closest_marker("soak")]
        limits = [mark.args[0] for item in run for mark in item.iter_markers("timeout")]
        return path.suffix != ".ipynb", -max(limits, default=0), -len(run), str(path)

    items[:] = [item for path in sorted(files, key=turn) for item in files[path]]
    last_cells = {}
    for position, item in enumerate(items):
        if item.path.suffix == ".ipynb" and item.name.startswith("Cell "):
            last_cells[item.parent] = position
    for notebook, position in reversed(last_cells.items()):
        items.insert(position + 1, PeakMemory.from_parent(notebook, name="peak memory"))

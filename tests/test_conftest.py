"""What tests run under: no network, strict comparison of notebooks, their peak memory, long files first."""

import os
import re
import shutil
import socket
import subprocess
import sys
import threading
from pathlib import Path

import nbformat
import pytest

from tests.helpers import places
from tests.helpers.places import ROOT

OUTSIDE = "192.0.2.1"  # kept for documentation: no machine has it
REACH = f"""
import socket, urllib.request
attempts = [
    lambda: socket.create_connection(("{OUTSIDE}", 80), timeout=2),
    lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"x", ("{OUTSIDE}", 53)),
    lambda: socket.getaddrinfo("example.org", 443),
    lambda: socket.gethostbyname("example.org"),
    lambda: socket.create_connection(("2001:db8::1", 80), timeout=2),
    lambda: urllib.request.urlopen("http://example.org", timeout=2),
]
found = []
for attempt in attempts:
    try:
        attempt()
        found.append("reached")
    except OSError as error:
        found.append("blocked" if "tests use no network" in str(error) else repr(error))
print(found)
"""
BLOCKED = str(["blocked"] * 6)


def test_this_process_is_blocked_and_loopback_works(capsys):
    exec(REACH, {})
    assert capsys.readouterr().out.strip() == BLOCKED
    listener = socket.create_server(("127.0.0.1", 0))
    answer = threading.Thread(target=lambda: listener.accept()[0].sendall(b"here"))
    answer.start()
    for host in ("127.0.0.1", "localhost"):
        assert socket.getaddrinfo(host, 80)
    with socket.create_connection(listener.getsockname(), timeout=5) as connection:
        assert connection.recv(4) == b"here"
    answer.join()
    listener.close()


def test_other_processes_are_blocked_and_a_hidden_sitecustomize_is_executed(tmp_path):
    (tmp_path / "sitecustomize.py").write_text("print('the hidden one')")
    env = os.environ | {"PYTHONPATH": os.pathsep.join([os.environ["PYTHONPATH"], str(tmp_path)])}
    run = subprocess.run([sys.executable, "-c", REACH], cwd=tmp_path, env=env, capture_output=True, text=True)
    assert (run.stdout.splitlines(), run.stderr) == (["the hidden one", BLOCKED], "")


def save_notebook(path, *cells):
    """A notebook of (source, stdout, tags) cells, as nbval's reference."""
    notebook = nbformat.v4.new_notebook()
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    for source, stdout, tags in cells:
        outputs = [nbformat.v4.new_output("stream", text=stdout)] if stdout else []
        more = {"metadata": {"tags": tags}, "execution_count": 1, "outputs": outputs}
        notebook.cells.append(nbformat.v4.new_code_cell(source, **more))
    nbformat.write(notebook, path)


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    """Verdicts, item → outcome, of one run under this conftest over two small notebooks; and its output."""
    if not Path("/proc/self/status").exists():
        pytest.skip("peak memory is read on Linux alone")
    root = tmp_path_factory.mktemp("course")
    for name in ("conftest.py", "helpers/no_network/sitecustomize.py"):
        (root / "tests" / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / "tests" / name, root / "tests" / name)
    (root / "tests" / "test_short.py").write_text("def test_short():\n    pass\n")
    (root / "pytest.ini").write_text("[pytest]\n")
    count = [("count = 0", "", []), *[("count += 1", "", [])] * 7, ("print(count)", "7\n", [])]
    save_notebook(root / "a.ipynb", *count, (REACH, BLOCKED + "\n", []))
    save_notebook(
        root / "b.ipynb",
        ("print(1)", "2\n", []),
        ("print(1)", "2\n", ["nbval-ignore-output"]),
        ("import sys\nprint(1, file=sys.stderr)", "", []),
        ("1 / 0", "", ["nbval-ignore-output"]),
        ("1", "", []),
        ("x = b'x' * 1_050_000_000\ndel x", "", []),
    )
    command = [sys.executable, "-m", "pytest", "--nbval", "--nbval-current-env", "-v", "-p", "no:xdist"]
    run = subprocess.run([*command, "tests", "."], cwd=root, capture_output=True, text=True)
    lines = re.findall(r"(?m)^(\S+?)(?:\.ipynb|::ipynb|\.py)::(.+?) (PASSED|FAILED)", run.stdout)
    return {(file, item): outcome for file, item, outcome in lines}, run.stdout


def test_cells_run_in_order_on_one_kernel_without_network_and_long_files_first(report):
    verdicts, output = report
    assert [outcome for (file, _), outcome in verdicts.items() if file == "a"] == ["PASSED"] * 11, output
    assert list(dict.fromkeys(file for file, _ in verdicts)) == ["a", "b", "tests/test_short"]


def test_differing_outputs_stderr_errors_values_and_memory_that_was_freed_fail(report):
    verdicts, output = report
    outcomes = [verdicts["b", f"Cell {number}"] for number in range(6)]
    assert outcomes == ["FAILED", "PASSED", "FAILED", "FAILED", "FAILED", "PASSED"], output
    assert verdicts["b", "peak memory"] == "FAILED" and "1000 MB are allowed" in output


def test_the_files_of_an_unpacked_zip_are_found_too(tmp_path, monkeypatch):
    for name in ("a.py", "b.md", "course/c.py", ".venv/lib/d.py", "build/e.py", "my/f.py"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    monkeypatch.setattr(places, "ROOT", tmp_path)
    assert sorted(places.files("*.py")) == ["a.py", "course/c.py"]
    assert sorted(places.files()) == ["a.py", "b.md", "course/c.py"]

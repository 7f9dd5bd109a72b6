"""The frame that tests run in: no network, strict comparison of notebooks, their peak memory."""

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
OUTSIDE = "192.0.2.1"  # kept for documentation: no machine has it
REACH = f"""
import asyncio, socket, urllib.request
def attempts():
    yield lambda: socket.create_connection(("{OUTSIDE}", 80), timeout=2)
    yield lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"x", ("{OUTSIDE}", 53))
    yield lambda: socket.getaddrinfo("example.org", 443)
    yield lambda: socket.gethostbyname("example.org")
    yield lambda: socket.create_connection(("2001:db8::1", 80), timeout=2)
    yield lambda: urllib.request.urlopen("http://example.org", timeout=2)
found = []
for attempt in attempts():
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


def test_subprocesses_are_blocked_from_any_folder(tmp_path):
    run = subprocess.run([sys.executable, "-c", REACH], cwd=tmp_path, capture_output=True, text=True)
    assert (run.stdout.strip(), run.stderr) == (BLOCKED, "")


def test_a_hidden_sitecustomize_is_still_executed(tmp_path):
    (tmp_path / "sitecustomize.py").write_text("print('the hidden one')")
    env = os.environ | {"PYTHONPATH": os.pathsep.join([os.environ["PYTHONPATH"], str(tmp_path)])}
    run = subprocess.run([sys.executable, "-c", REACH], env=env, capture_output=True, text=True)
    assert run.stdout.splitlines() == ["the hidden one", BLOCKED]


def save_notebook(path, *cells):
    """A notebook of (source, stdout, tags) cells, as nbval's reference."""
    code = []
    for number, (source, stdout, tags) in enumerate(cells, start=1):
        outputs = [{"output_type": "stream", "name": "stdout", "text": stdout}] if stdout else []
        cell = {"cell_type": "code", "execution_count": number, "outputs": outputs, "source": source}
        code.append(cell | {"metadata": {"tags": tags}})
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    notebook = {"cells": code, "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 4}
    path.write_text(json.dumps(notebook))


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    """Verdicts, item → outcome, of one run of the frame over three small notebooks."""
    if not Path("/proc/self/status").exists():
        pytest.skip("peak memory is read on Linux alone")
    root = tmp_path_factory.mktemp("frame")
    (root / "tests").mkdir()
    (root / "notebooks").mkdir()
    shutil.copy(ROOT / "tests" / "conftest.py", root / "tests")
    shutil.copytree(ROOT / "tests" / "no_network", root / "tests" / "no_network")
    (root / "pytest.ini").write_text("[pytest]\n")
    numbered = [(f"count = {number}" if number == 0 else "count += 1", "", []) for number in range(8)]
    save_notebook(
        root / "notebooks" / "a.ipynb", *numbered, ("print(count)", "7\n", []), (REACH, BLOCKED + "\n", [])
    )
    save_notebook(
        root / "notebooks" / "b.ipynb",
        ("print(1)", "2\n", []),
        ("print(1)", "2\n", ["nbval-ignore-output"]),
        ("import sys\nprint(1, file=sys.stderr)", "", []),
        ("1 / 0", "", ["nbval-ignore-output"]),
        ("1", "", []),
    )
    save_notebook(
        root / "notebooks" / "c.ipynb", ("x = b'x' * 1_050_000_000\ndel x", "", []), ("print(1)", "1\n", [])
    )
    command = [
        sys.executable,
        "-m",
        "pytest",
        "--nbval",
        "--nbval-current-env",
        "-q",
        "-rpf",
        "-p",
        "no:xdist",
    ]
    run = subprocess.run([*command, "tests", "notebooks"], cwd=root, capture_output=True, text=True)
    lines = re.findall(r"(?m)^(PASSED|FAILED) notebooks/(.+?)(?: - .*)?$", run.stdout)
    return {item: outcome for outcome, item in lines}, run.stdout


def test_cells_run_in_order_on_one_kernel_without_network(report):
    verdicts, output = report
    cells = {item: outcome for item, outcome in verdicts.items() if item.startswith("a.ipynb")}
    assert len(cells) == 11 and set(cells.values()) == {"PASSED"}, output


def test_differing_outputs_stderr_errors_and_values_fail(report):
    verdicts, output = report
    outcomes = [verdicts[f"b.ipynb::Cell {number}"] for number in range(5)]
    assert outcomes == ["FAILED", "PASSED", "FAILED", "FAILED", "FAILED"], output


def test_peak_memory_fails_though_it_was_freed(report):
    verdicts, output = report
    assert verdicts["c.ipynb::Cell 0"] == verdicts["c.ipynb::Cell 1"] == "PASSED", output
    assert verdicts["c.ipynb::peak memory"] == "FAILED"
    assert verdicts["a.ipynb::peak memory"] == verdicts["b.ipynb::peak memory"] == "PASSED"
    assert "at most 1000 MB are allowed" in output

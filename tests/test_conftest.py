"""What tests run under: no network, strict comparison of notebooks, their peak memory."""

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


def test_in_a_notebook_other_values_stderr_errors_much_memory_and_the_network_are_failures(tmp_path):
    if not Path("/proc/self/status").exists():
        pytest.skip("peak memory is read on Linux alone")
    for name in ("conftest.py", "helpers/no_network/sitecustomize.py"):
        (tmp_path / "tests" / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / "tests" / name, tmp_path / "tests" / name)
    cells = [
        (REACH, BLOCKED, []),
        ("print(1)", "2", []),
        ("print(1)", "2", ["nbval-ignore-output"]),
        ("import sys\nprint(1, file=sys.stderr)", "", []),
        ("1 / 0", "", ["nbval-ignore-output"]),
        ("1", "", []),
        ("x = b'x' * 1_050_000_000\ndel x", "", []),
    ]
    notebook = nbformat.v4.new_notebook()
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    for source, stdout, tags in cells:
        outputs = [nbformat.v4.new_output("stream", text=f"{stdout}\n")] if stdout else []
        more = {"metadata": {"tags": tags}, "execution_count": 1, "outputs": outputs}
        notebook.cells.append(nbformat.v4.new_code_cell(source, **more))
    nbformat.write(notebook, tmp_path / "tests" / "a.ipynb")
    command = [sys.executable, "-m", "pytest", "--nbval", "--nbval-current-env", "-v", "-p", "no:xdist"]
    run = subprocess.run([*command, "tests"], cwd=tmp_path, capture_output=True, text=True)
    found = re.findall(r"(?m)ipynb::(.+?) (PASSED|FAILED)", run.stdout)
    assert [outcome == "PASSED" for _, outcome in found] == [1, 0, 1, 0, 0, 0, 1, 0], run.stdout
    assert found[-1][0] == "peak memory" and "1000 MB are allowed" in run.stdout

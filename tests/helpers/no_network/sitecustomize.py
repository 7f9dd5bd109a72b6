"""Blocks every network address but this machine's own, in each Python process that has this folder on its
path.

tests/conftest.py puts the folder on PYTHONPATH, so that the processes and kernels that tests start are
blocked too. A `sitecustomize` that this one hides (Debian's, coverage's) is still executed.
"""

import importlib.machinery
import importlib.util
import ipaddress
import os
import socket
import sys

HERE = os.path.dirname(os.path.abspath(__file__))


class NetworkBlocked(OSError):
    """A test reached for an address that is not this machine."""


def is_local(host):
    """Whether a host is this machine: empty, a loopback address, or one of its names."""
    host = host.decode() if isinstance(host, bytes) else str(host or "")
    if host in ("", "localhost", socket.gethostname()):
        return True
    try:
        return ipaddress.ip_address(host.split("%")[0]).is_loopback
    except ValueError:
        return False


def guard(event, arguments):
    """An audit hook: it sees connections and look-ups however they are made from Python."""
    if event in ("socket.connect", "socket.sendto") and isinstance(arguments[1], tuple):
        host = arguments[1][0]
    elif event in ("socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr"):
        host = arguments[0]
    else:
        return
    if not is_local(host):
        raise NetworkBlocked(f"tests use no network: {host!r} is not this machine")


def run_hidden():
    """Execute the sitecustomize that Python would have found, had this one not stood before it."""
    others = [path for path in sys.path if os.path.abspath(path or ".") != HERE]
    spec = importlib.machinery.PathFinder.find_spec("sitecustomize", others)
    if spec is not None and spec.loader is not None:
        spec.loader.exec_module(importlib.util.module_from_spec(spec))


if not getattr(sys, "_course_network_blocked", False):
    sys._course_network_blocked = True
    sys.addaudithook(guard)
    if __name__ == "sitecustomize":
        run_hidden()

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


def is_local(address):
    """Whether a socket address is a path, a loopback address, or a name of this machine."""
    if not isinstance(address, tuple):
        return True
    host = str(address[0])
    if host in ("", "localhost"):
        return True
    try:
        return ipaddress.ip_address(host.split("%")[0]).is_loopback
    except ValueError:
        return False


def refuse(address):
    raise NetworkBlocked(f"tests use no network: {address!r} is not this machine")


def guard(event, arguments):
    """An audit hook: it sees connections and look-ups however they are made from Python."""
    if event == "socket.connect" or event == "socket.sendto":
        if not is_local(arguments[1]):
            refuse(arguments[1])
    elif event == "socket.getaddrinfo":
        host = arguments[0]
        host = host.decode() if isinstance(host, bytes) else host
        if host not in (None, "", socket.gethostname()) and not is_local((host,)):
            refuse(host)
    elif event in ("socket.gethostbyname", "socket.gethostbyaddr"):
        if arguments[0] != socket.gethostname() and not is_local((arguments[0],)):
            refuse(arguments[0])


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

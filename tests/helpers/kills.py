"""A process that is killed at a chosen moment of its work."""

import itertools
import os
import resource
import signal
import sys
import traceback

CALLS = {"open", "os.link", "os.mkdir", "os.remove", "os.rename"}  # as Python's audit events name them


def killed(work, folder, moment=None, file_size=None):
    """Do work(tick) in a forked process; whether it was killed before its end.

    Args:
        work: a function; it may call tick() at moments of its own.
        folder: each call of the operating system that opens, links, removes or renames a file in it is a
            moment too (Python tells of them before they are made).
        moment: which moment kills, from 0; none if None.
        file_size: in bytes; a write beyond it kills after these bytes, in the middle of a file.
    """
    child = os.fork()
    if child == 0:
        count = itertools.count()

        def tick():
            if next(count) == moment:
                os.kill(os.getpid(), signal.SIGKILL)

        def audit(event, arguments):
            if event in CALLS and str(folder) in f"{arguments[:2]}":
                tick()

        try:
            sys.addaudithook(audit)
            if file_size is not None:
                signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
                resource.setrlimit(resource.RLIMIT_FSIZE, (file_size, file_size))
            work(tick)
            os._exit(0)
        except BaseException:
            traceback.print_exc()
            os._exit(1)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert code in (0, -signal.SIGKILL, -signal.SIGXFSZ), f"the work failed: {code}"
    return code != 0

"""Ctrl-C (a notebook's stop button) waits for the step under way, so that no update is left half done."""

import signal
import threading
from contextlib import contextmanager


class Interrupts:
    """While a run is under way: the first Ctrl-C is kept until `check`, a second one is raised at once.

    Where the program has a handler of its own, or in a thread that gets no signals, nothing is changed.
    """

    def __init__(self):
        self.pending = self.waiting = False
        main = threading.current_thread() is threading.main_thread()
        self.ours = main and signal.getsignal(signal.SIGINT) is signal.default_int_handler
        if self.ours:
            signal.signal(signal.SIGINT, self._arrived)

    def _arrived(self, number, frame):
        if self.pending or self.waiting:
            raise KeyboardInterrupt
        self.pending = True

    def check(self):
        """Raise the KeyboardInterrupt that was kept, if there is one."""
        if self.pending:
            self.pending = False
            raise KeyboardInterrupt

    @contextmanager
    def at_once(self):
        """Inside the block, Ctrl-C is raised when it comes."""
        self.check()
        self.waiting = True
        try:
            yield
        finally:
            self.waiting = False

    def close(self):
        """Put the usual handler back."""
        if self.ours:
            signal.signal(signal.SIGINT, signal.default_int_handler)

"""Ctrl-C (a notebook's stop button) waits for the step under way, so that no update is left half done."""

import signal
import threading
from contextlib import contextmanager


class Interrupts:
    """Inside the block the first Ctrl-C is kept until `check`; a second one is raised at once.

    Where the program has a handler of its own, or in a thread that gets no signals, nothing is changed.
    """

    def __enter__(self):
        self.kept, self.keeping = False, True
        main = threading.current_thread() is threading.main_thread()
        self.ours = main and signal.getsignal(signal.SIGINT) is signal.default_int_handler
        if self.ours:
            signal.signal(signal.SIGINT, self._arrived)
        return self

    def __exit__(self, *error):
        if self.ours:
            signal.signal(signal.SIGINT, signal.default_int_handler)

    def _arrived(self, number, frame):
        if self.kept or not self.keeping:
            raise KeyboardInterrupt
        self.kept = True

    def check(self):
        """Raise the KeyboardInterrupt that was kept, if there is one."""
        if self.kept:
            self.kept = False
            raise KeyboardInterrupt

    @contextmanager
    def at_once(self):
        """Inside the block, Ctrl-C is raised when it comes."""
        self.check()
        self.keeping = False
        try:
            yield
        finally:
            self.keeping = True

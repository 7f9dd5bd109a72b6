"""A progress bar that leaves one tidy line behind, in a terminal, a script and a saved notebook alike."""

import sys
import threading

from tqdm.std import tqdm


class _Bar(tqdm):
    # tqdm's monitor is a thread that outlives the bar, and the exercises' `check` forks this process.
    monitor_interval = 0


# And its lock between processes would need semaphores and a helper process, for a bar in one process.
_Bar.set_lock(threading.RLock())


class _CellOutput:
    """A file that shows what is written to it last in one output of a notebook's cell.

    (tqdm's own notebook bar is a widget: a saved notebook would keep a dead view of it for ever.)
    """

    encoding = "utf-8"  # tells tqdm that it may draw smooth blocks

    def __init__(self):
        from IPython.display import display

        self.handle = display({"text/plain": ""}, raw=True, display_id=True)

    def write(self, text):
        self.show(text.strip("\r\n"))

    def show(self, text):
        self.handle.update({"text/plain": text}, raw=True)

    def flush(self):
        """Nothing is held back."""


class Progress:
    """The bar of one run, from step `done` to `total`; `shown=False` shows and prints nothing.

    Where standard error is a file or a pipe there is no bar, only the line at the end.
    """

    def __init__(self, done, total, shown=True):
        self.cell = _CellOutput() if shown and _in_notebook() else None
        self.bar = None
        if shown:
            # disable=None: tqdm looks whether its file is a terminal.
            where = {"file": self.cell, "ncols": 80} if self.cell else {"file": sys.stderr, "disable": None}
            self.bar = _Bar(initial=done, total=total, leave=False, mininterval=0.2, unit="step", **where)

    def advance(self, losses):
        """One step further, with the last of the losses beside the bar."""
        if self.bar is not None:
            if losses:
                self.bar.postfix = f"loss {losses[-1]:.4f}"
            self.bar.update()

    def close(self, line=None):
        """Take the bar away, and leave `line` in its place."""
        if self.bar is None:
            return
        self.bar.close()
        if self.cell:
            self.cell.show(line or "")
        elif line:
            print(line)


def _in_notebook():
    """Whether this process is a Jupyter kernel (in IPython's terminal the plain bar is right)."""
    shell = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
    return getattr(shell, "kernel", None) is not None

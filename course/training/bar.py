"""A progress bar that leaves one tidy line behind, in a terminal, a script and a saved notebook alike."""

import sys
import time

EVERY = 0.2  # seconds between two drawings
WIDTH = 30
CLEAR = "\033[K"  # tells a terminal to clear the rest of the line


class Bar:
    """The bar of one run, from step `done` to `total`; at the block's end `line` stands in its place.

    With `show=False` nothing is shown or printed. Where standard error is a file or a pipe there is no bar,
    only the line. (No widget: a saved notebook would keep a dead view of it for ever.)
    """

    def __init__(self, done, total, show):
        self.first, self.done, self.total, self.show, self.line = done, done, total, show, ""
        self.cell = _cell_output() if show else None
        self.drawn = bool(self.cell) or (show and sys.stderr.isatty())
        self.start = self.next = time.monotonic()

    def __enter__(self):
        return self

    def advance(self, losses):
        """One step further, with the last of the losses beside the bar."""
        self.done += 1
        now = time.monotonic()
        if self.drawn and now >= self.next:
            left = (now - self.start) / (self.done - self.first) * (self.total - self.done)
            filled = "█" * (WIDTH * self.done // self.total)
            loss = f", loss {losses[-1]:.4f}" if losses else ""
            self._draw(f"{filled:░<{WIDTH}} {self.done}/{self.total} steps, {left:.0f} s left{loss}")
            self.next = now + EVERY

    def __exit__(self, *error):
        if self.drawn:
            self._draw(self.line if self.cell else "")
        if self.show and self.line and not self.cell:
            print(self.line)

    def _draw(self, text):
        if self.cell:
            self.cell.update({"text/plain": text}, raw=True)
        else:
            sys.stderr.write(f"\r{text}{CLEAR}\r")
            sys.stderr.flush()


def _cell_output():
    """An output of the notebook's cell that can be changed; None outside a Jupyter kernel."""
    shell = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
    if getattr(shell, "kernel", None) is None:  # IPython's terminal is a terminal
        return None
    from IPython.display import display

    return display({"text/plain": ""}, raw=True, display_id=True)

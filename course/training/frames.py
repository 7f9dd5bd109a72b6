"""What is seen of a run: the loss drawn in a notebook, a bar in a terminal, and one line at the end."""

import sys
import time

EVERY = 0.5  # seconds from one frame to the next, at the least
PAUSE = 40  # and so many times as long as the frame took: 2.5 % of the time, 3 % with the last one
WIDTH = 30  # characters of the bar
CLEAR = "\033[K"  # tells a terminal to clear the rest of the line


class Frames:
    """The frames of one run; at the block's end the last one, and `line`.

    A notebook has one picture, which every frame replaces. Where standard error is a file or a pipe only the
    line is printed, and with `show=False` nothing.

    Args:
        run: its history, step and show are read.
        last, per_epoch: how many steps the run has, and an epoch.
        samples: function () -> what is drawn beside the loss: (n, 2) points or (n, H, W) images; or None.
    """

    def __init__(self, run, last, per_epoch, samples=None):
        self.run, self.last, self.per_epoch, self.samples = run, last, per_epoch, samples
        self.line, self.curve, self.handle, self.first = "", None, None, run.step
        shell = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
        notebook = getattr(shell, "kernel", None)  # IPython's terminal is a terminal
        bar = self._bar if sys.stderr.isatty() else None
        self.draw = run.show and (self._picture if notebook else bar)
        self.start = time.monotonic()
        self.next = self.start + EVERY

    def __enter__(self):
        return self

    def advance(self):
        """Draw a frame, if it is time for one."""
        begin = time.monotonic()
        if self.draw and begin >= self.next:
            left = (begin - self.start) / (self.run.step - self.first) * (self.last - self.run.step)
            self.draw(f"{left:.0f} s left", self.samples and self.samples())
            end = time.monotonic()
            self.next = end + max(EVERY, PAUSE * (end - begin))

    def finish(self, whole):
        """Draw the last frame, once; with fresh samples if the models are `whole`."""
        draw, self.draw = self.draw, None
        if draw:
            draw("", self.samples() if whole and self.samples else None)

    def __exit__(self, error, *_):
        self.finish(whole=error is None)
        if self.run.show and self.line:
            print(self.line)

    def _bar(self, left, samples):
        filled = "█" * (WIDTH * self.run.step // self.last)
        loss = "".join(f", loss {loss:.4f}" for loss in self.run.history.losses[-1:])
        text = f"{filled:░<{WIDTH}} {self.run.step}/{self.last} steps, {left}{loss}" if left else ""
        sys.stderr.write(f"\r{text}{CLEAR}\r")
        sys.stderr.flush()

    def _picture(self, left, samples):
        from IPython.display import display

        from course.plots import LossCurve  # a picture is drawn in a notebook alone: no script imports this

        if not self.run.history.losses:
            return
        if self.curve is None:
            self.curve = LossCurve(self.last, self.per_epoch, beside=self.samples is not None)
        self.curve.draw(self.run.history, left, samples)
        if self.handle is None:
            self.handle = display(self.curve, display_id=True)
        else:
            self.handle.update(self.curve)

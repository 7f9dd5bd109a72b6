"""Panels set out by hand, and lines from one to another: what comes from where."""


def panel(figure, left, bottom, width, height, label="", **looks):
    """A panel at a place of the figure, all in inches; `looks` as `Axes.set` takes them."""
    figure.set_layout_engine("none")
    wide, high = figure.get_size_inches()
    axes = figure.add_axes((left / wide, bottom / high, width / wide, height / high), label=label)
    axes.set(**looks)
    return axes


def overlay(figure):
    """An unseen panel above all others, in inches of the figure: for lines from one panel to another."""
    wide, high = figure.get_size_inches()
    axes = panel(figure, 0, 0, wide, high, xlim=(0, wide), ylim=(0, high), zorder=5)
    axes.set_axis_off()
    return axes


def place(axes, x, y):
    """Where a point of a panel's data lies in the `overlay`, (x, y) in inches."""
    return axes.transData.transform((x, y)) / axes.figure.dpi

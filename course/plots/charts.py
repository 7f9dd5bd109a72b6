"""Charts: curves, bars, points."""

import numpy as np

from course.plots.showing import COLOURS, STYLES, show, subplots


def lines(
    series, *, title, xlabel, ylabel, alt=None, x=None, xscale="linear", yscale="linear", ylim=None, marks=(),
):  # fmt: skip
    """Curves over a common axis.

    Args:
        series: dict of label to a sequence of numbers; or to a pair (x, y) of them.
        title, xlabel, ylabel: texts, units in the labels.
        alt: see `showing.show`.
        x: the x values where the series do not bring their own; default 1, 2, 3, …
        xscale, yscale: "linear" or "log".
        ylim: (low, high), default from the data.
        marks: pairs (value, label): horizontal reference lines.
    """
    figure, axes = subplots(7, 3.6)
    for i, (label, values) in enumerate(series.items()):
        xs, ys = values if isinstance(values, tuple) else (x, values)
        xs = np.arange(1, len(ys) + 1) if xs is None else xs
        axes.plot(xs, ys, color=COLOURS[i % 7], linestyle=STYLES[i % 7], label=label)
    place = dict(xytext=(0, -2), xycoords=("axes fraction", "data"), textcoords="offset points")
    ground = dict(facecolor="white", edgecolor="none", alpha=0.85, pad=1)  # where a curve crosses
    style = dict(ha="right", va="top", color="0.25", fontsize=9, bbox=ground)
    for i, (value, label) in enumerate(marks):
        axes.axhline(value, color="0.35", linewidth=1, linestyle=STYLES[(i + 1) % 7])
        axes.annotate(label, (1, value), **place, **style)
    axes.set(title=title, xlabel=xlabel, ylabel=ylabel, xscale=xscale, yscale=yscale, ylim=ylim)
    axes.grid(True)
    if len(series) > 1:
        axes.legend()
    show(figure, alt, title)


def scatter(clouds, *, title, xlabel, ylabel, alt=None, curves=()):
    """Clouds of points with common axes, and curves through them.

    Args:
        clouds: dict of label to a pair (x, y) of sequences.
        title, xlabel, ylabel: texts, units in the labels.
        alt: see `showing.show`.
        curves: dict of label to a pair (x, y), drawn as lines over the points.
    """
    figure, axes = subplots(7, 3.8)
    for i, (label, (x, y)) in enumerate(clouds.items()):
        size, alpha = (8, 0.4) if i == 0 else (32, 0.9)
        style = {"marker": "o^sDv"[i % 5], "color": ("0.45", *COLOURS)[i % 8], "linewidths": 0, "zorder": 2}
        axes.scatter(np.asarray(x), np.asarray(y), s=size, alpha=alpha, label=label, **style)
    for i, label in enumerate(curves):
        axes.plot(*curves[label], color=COLOURS[i % 7], linestyle=STYLES[i % 7], label=label, zorder=3)
    axes.set(title=title, xlabel=xlabel, ylabel=ylabel)
    axes.grid(True)
    if len(clouds) + len(curves) > 1:
        axes.legend()
    show(figure, alt, title)


def bars(values, *, title, xlabel, alt=None, errors=None, xlim=None, mark=None):
    """Horizontal bars, one a name, its value written beside it.

    Args:
        values: dict of name to number.
        title, xlabel: texts; the unit stands in xlabel.
        alt: see `showing.show`.
        errors: dict of name to (low, high), the ends of an interval; names may be left out.
        xlim: (low, high).
        mark: a pair (value, label): a vertical reference line.
    """
    figure, axes = subplots(7, 0.9 + 0.42 * len(values))
    for i, (name, value) in enumerate(values.items()):
        axes.barh(i, value, color=COLOURS[0], height=0.6)
        low, high = (errors or {}).get(name, (value, value))
        if high > low:
            axes.plot([low, high], [i, i], color="black", linewidth=1.5, marker="|", markersize=9)
        place = dict(xytext=(6, 0), textcoords="offset points", va="center")
        axes.annotate(f"{value:.1f}", (max(value, high), i), **place)
    if mark:
        axes.axvline(mark[0], color="0.35", linestyle="--", linewidth=1)
        place = dict(xytext=(3, 0), textcoords="offset points", va="bottom")
        axes.annotate(mark[1], (mark[0], -0.55), fontsize=9, **place)
    axes.set(title=title, xlabel=xlabel, xlim=xlim, yticks=range(len(values)), yticklabels=list(values))
    axes.invert_yaxis()
    show(figure, alt, title)


def points(clouds, *, title, alt=None, centres=None, columns=4, size=2.1):
    """Clouds of points in the plane, a panel for each, both axes of all from -3 to 3.

    Args:
        clouds: dict of name to (N, 2) points. Those beyond the panel are drawn at its edge.
        title: text.
        alt: see `showing.show`.
        centres: (K, 2) places marked by rings in every panel.
        columns: how many panels stand in a row.
        size: inches a panel.
    """
    columns = min(columns, len(clouds))
    rows = -(-len(clouds) // columns)
    width, height = size * columns + 0.5, (size + 0.25) * rows + 0.6
    figure, grid = subplots(width, height, rows, columns, sharex=True, sharey=True, squeeze=False)
    for axes in grid.flat[len(clouds) :]:
        axes.set_axis_off()
    for axes, (name, cloud) in zip(grid.flat, clouds.items(), strict=False):
        if centres is not None:
            axes.plot(*np.asarray(centres).T, "o", color=COLOURS[1], markersize=9, fillstyle="none")
        axes.plot(*np.clip(np.asarray(cloud), -3, 3).T, ".", color=COLOURS[0], markersize=2)
        axes.set(xlim=(-3, 3), ylim=(-3, 3), aspect="equal")
        axes.set_title(name, fontsize=9)
    figure.suptitle(title, fontsize=11)
    figure.supxlabel("x₁", fontsize=10)
    figure.supylabel("x₂", fontsize=10)
    show(figure, alt, title)

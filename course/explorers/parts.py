"""What the pictures of several explorers have in common."""

import numpy as np
from matplotlib import colormaps
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.lines import Line2D

from course.plots import COLOURS
from course.plots.texts import Caption, Texts

FADING = LinearSegmentedColormap.from_list("fading", colormaps["YlOrBr"](np.linspace(0.25, 0.95, 64)))
RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
BEYOND = 100.0  # by what factor values out of a log scale are drawn beyond its ends


def legend(axes, handles, names=None, x=0.5, y=0.985, side="center", columns=None, room=False, **spacing):
    """A panel's legend above it, which may be wider than the panel.

    Args:
        axes: the panel.
        handles: artists.
        names: their names; default their labels.
        x, y: the place of its lower edge's middle, in fractions of the panel.
        side: "left" or "right" if (x, y) is that end of the lower edge.
        columns: how many names stand in a line; default all.
        room: whether the panel is made smaller for it.
        spacing: other settings of a matplotlib legend.
    """
    names = [handle.get_label() for handle in handles] if names is None else names
    spacing = dict(fontsize=9, columnspacing=0.9, handlelength=1.5, handletextpad=0.4) | spacing
    place = dict(loc=f"lower {side}", bbox_to_anchor=(x, y), ncols=columns or len(names))
    axes.legend(handles, names, **place, **spacing).set_in_layout(room)


def panel(figure, left, top, width, height, label="", **looks):
    """A panel at a place of the picture, in its pixels at 100 dpi from the upper left corner; all panels of
    the figure are then placed by hand. `looks` as `Axes.set` takes them.
    """
    figure.set_layout_engine("none")
    wide, high = 100 * figure.get_size_inches()
    place = (left / wide, 1 - (top + height) / high, width / wide, height / high)
    axes = figure.add_axes(place, label=label)
    axes.set(**looks)
    return axes


def overlay(figure):
    """An unseen panel above all others, in inches of the figure: for lines from one panel to another."""
    wide, high = figure.get_size_inches()
    axes = panel(figure, 0, 0, 100 * wide, 100 * high, xlim=(0, wide), ylim=(0, high), zorder=5)
    axes.set_axis_off()
    return axes


def place(axes, x, y):
    """Where a point of a panel's data lies in the `overlay`, (x, y) in inches."""
    return axes.transData.transform((x, y)) / axes.figure.dpi


def moving(axes, *form, **looks):
    """An empty line of a panel, which `update` fills; arguments as matplotlib's `plot` takes them."""
    return axes.plot([], [], *form, **looks)[0]


def mark(axes, sign, color=COLOURS[1], size=8, **looks):
    """A sign with a black edge that `update` puts somewhere, also onto the edge of the panel."""
    looks = dict(linestyle="", markeredgecolor="black", clip_on=False, in_layout=False, zorder=4) | looks
    return moving(axes, sign, color=color, markersize=size, **looks)


def headline(figure, size=10.5):
    """A caption of one line along a figure's upper edge, and the room for it: a `Caption`."""
    share = 0.3 / figure.get_figheight()
    figure.get_layout_engine().set(rect=(0, 0, 1, 1 - share))
    strip = figure.add_axes((0, 1 - share, 1, share))
    strip.set_axis_off()
    return strip.add_artist(Caption(0.5, 0.4, size))


def moving_scale(axes, ticks, widest="0.25"):
    """The numbers of an upright axis whose marks stay while their values change: a `Texts`.

    Args:
        axes: the panel.
        ticks: where the marks stand.
        widest: a number for which there must be room.
    """
    axes.set_yticks(ticks, [widest] * len(ticks))
    axes.tick_params(axis="y", labelcolor="none")
    scale = axes.add_artist(Texts(10, "DejaVu Sans", align=1))
    scale.set_transform(axes.get_yaxis_transform())
    return scale


def round_up(value, least):
    """The first of 1, 2 and 5 times a power of ten, from `least` on, that a value does not exceed."""
    sizes = (m * 10.0**power for power in range(-9, 300) for m in (1, 2, 5))
    return next(size for size in sizes if size >= least and value <= size * (1 + 1e-9))


def within(values, low, high):
    """Values clipped to just beyond a log scale's ends: it cannot place 0, nor a picture 1e300."""
    return np.clip(values, low / BEYOND, high * BEYOND)


def spread(heights, low, high, gap):
    """The heights of names moved apart to a gap between any two, and half of one to low and high."""
    moved = np.clip(heights, low + gap / 2, high - gap / 2)
    order = np.argsort(heights, kind="stable")
    for below, above in zip(order, order[1:], strict=False):
        moved[above] = max(moved[above], moved[below] + gap)
    moved[order[-1]] = min(moved[order[-1]], high - gap / 2)
    for below, above in zip(order[-2::-1], order[:0:-1], strict=True):
        moved[below] = min(moved[below], moved[above] - gap)
    return moved


def outline(left, top, width, height):
    """x and y of a rectangle, (5,) each."""
    return left + width * np.array([0, 1, 1, 0, 0]), top + height * np.array([0, 0, 1, 1, 0])


def stems(x, heights):
    """x and y of upright lines from 0 to the heights, (3 n,) each, with gaps between them."""
    gaps = np.full(len(x), np.nan)
    return np.repeat(x, 3), np.stack([0 * heights, heights, gaps], 1).ravel()


def fading_path():
    """What stands in a legend for a path whose dots are darker with time."""
    dot = Line2D([], [], color="0.35", linewidth=0.8, marker="o", markersize=5, markeredgewidth=0)
    dot.set_markerfacecolor(FADING(0.7))
    return dot


def factor_text(factor):
    """A factor to four decimals; to six where four would say 1.0000 of another number."""
    close = f"{factor:.4f}" == "1.0000" and abs(factor - 1) > 1e-8
    return f"{factor:.6f}" if close else f"{factor:.4f}"


def in_few(size):
    """A size of at least 0 in few characters: "0.69", "204", "3·10⁻⁷", "0"."""
    if size == 0 or 1e-3 <= size < 1e4:
        return f"{size:.2g}" if size < 99.5 else f"{size:.0f}"
    if not size < 1e99:
        return "too large"
    digit, power = f"{size:.0e}".split("e")
    return f"{digit}·10{str(int(power)).translate(RAISED)}"


def minus(text):
    """A text with true minus signs."""
    return text.replace("-", "−")


def arrays(tensor):
    """A tensor as a float64 array."""
    return tensor.detach().double().cpu().numpy()


def arrow_path(tails, along, longest_head=np.inf, ratio=1.0):
    """One path of arrows, with gaps between them.

    Args:
        tails: (n, 2), where they begin.
        along: (n, 2), from there to their tips.
        longest_head: how long a head is at most; it has 0.35 of its arrow's length otherwise.
        ratio: how many units of y are as long in the picture as one of x; lengths are meant in units of x.
    Returns:
        (6 n, 2): tail, tip, barb, tip, barb and a gap of NaN for each arrow.
    """
    flat = along / (1, ratio)
    length = np.linalg.norm(flat, axis=1, keepdims=True)
    head = np.minimum(0.35, longest_head / np.maximum(length, 1e-300))
    back, side = head * along, 0.6 * head * flat[:, ::-1] * (-1, ratio)
    tips = tails + along
    parts = (tails, tips, tips - back + side, tips, tips - back - side, np.full_like(tails, np.nan))
    return np.stack(parts, 1).reshape(-1, 2)

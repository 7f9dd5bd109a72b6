"""The picture of chapter 5's walk between two latent codes."""

import numpy as np

from course.plots import COLOURS, DPI
from course.plots.texts import Caption, Texts
from course.plots.tiles import SIDE, Tiles

FINE, EVERY = np.linspace(0, 1, 25), 3  # positions of the curves; every third has its image in the strip
SMALL, LARGE = 3, 6  # pixels of the picture for a pixel of an image, in the strip and below
EDGE = 0.065  # of the strip beyond its positions 0 and 1
TICKS = (0, 0.5, 1)  # of the moves' scale


def build(figure, units, longest):
    """All artists: the strip above, the image, the bars and the two curves below.

    Args:
        figure: where they go.
        units: Z, the size of a code.
        longest: the length of the longest code that can be shown.
    """
    grid = figure.add_gridspec(2, 1, height_ratios=(1, 1.7))
    cells = grid[1].subgridspec(2, 3, width_ratios=(0.75, 1, 1.1), wspace=0.06)
    strip = figure.add_subplot(grid[0])
    strip.set_title("\n", fontsize=11)  # room for the caption
    artists = {"caption": strip.add_artist(Caption(0.5, 1.15))} | _build_strip(strip)
    artists |= _build_image(figure.add_subplot(cells[:, 0])) | _build_bars(figure.add_subplot(cells[:, 1]))
    above = figure.add_subplot(cells[0, 2])
    artists |= _build_lengths(above, units, longest)
    return artists | _build_moves(figure.add_subplot(cells[1, 2], sharex=above))


def _build_strip(axes):
    axes.set(xlim=(-EDGE, 1 + EDGE), ylim=(-1, 0.85), xticks=FINE[::EVERY], yticks=[])
    axes.set_xticklabels([f"{position:g}" for position in FINE[::EVERY]])
    axes.set_xlabel("position on the way; above it the classifier's digit and its probability")
    axes.spines["left"].set_visible(False)
    frame = dict(color="none", markersize=(SIDE * SMALL + 10) * 72 / DPI, clip_on=False, in_layout=False)
    frame |= dict(markeredgecolor=COLOURS[1], markeredgewidth=2.5)
    mark = dict(color=COLOURS[1], markersize=10, markeredgecolor="black", markeredgewidth=0.7, zorder=4)
    artists = {
        "strip": axes.add_artist(Tiles([(position, 0) for position in FINE[::EVERY]], SMALL)),
        "frame": axes.plot([], [], "s", **frame)[0],
        "mark": axes.plot([], [], "v", **mark)[0],
        "names": axes.add_artist(Texts(9, "DejaVu Sans")),
    }
    return artists


def _build_image(axes):
    axes.set(xlim=(0, 1), ylim=(0, 1))
    axes.set_axis_off()
    axes.set_title("image at the mark", fontsize=10)
    return {"image": axes.add_artist(Tiles([(0.5, 0.5)], LARGE))}


def _build_bars(axes):
    axes.set(xlim=(-0.6, 9.6), ylim=(0, 1.08), xticks=range(10), yticks=(0, 0.25, 0.5, 0.75, 1))
    axes.set(xlabel="digit", ylabel="probability by the classifier")
    bars = list(axes.bar(range(10), 0, color=COLOURS[5], edgecolor="black", linewidth=0.6))
    mark = dict(color=COLOURS[1], markersize=8, markeredgecolor="black", clip_on=False, in_layout=False)
    return {"bars": bars, "most": axes.plot([], [], "v", **mark)[0]}


def _build_curve(axes, name):
    """The present way's curve and the mark of the present position on it."""
    axes.set(xlim=(-0.03, 1.03), xticks=(0, 0.5, 1))
    here = dict(color=COLOURS[1], markeredgecolor="black", markersize=8, zorder=4)
    here |= dict(clip_on=False, in_layout=False)
    return {
        f"{name} line": axes.plot([], [], color=COLOURS[0], zorder=3)[0],
        f"{name} here": axes.plot([], [], "D", **here)[0],
    }


def _build_lengths(axes, units, longest):
    low, high = typical(units)
    axes.set(ylabel="length of\nthe code", ylim=(0, 1.04 * max(longest, high)))
    axes.tick_params(labelbottom=False)
    axes.axhspan(low, high, color="0.85", linewidth=0, zorder=1, label="about 95 % of random codes")
    axes.axhline(np.sqrt(units), color="0.35", linestyle="--", linewidth=1.2, zorder=2, label="√Z")
    artists = _build_curve(axes, "lengths")
    handles, names = axes.get_legend_handles_labels()
    place = dict(loc="lower center", bbox_to_anchor=(0.45, 0.96), ncols=2, fontsize=9, handlelength=1.6)
    axes.legend(handles, names, **place).set_in_layout(False)
    axes.set_title(" ", fontsize=9)  # room for the legend
    return artists


def _build_moves(axes):
    artists = _build_curve(axes, "moves")
    axes.set(xlabel="position on the way", ylabel="distance to\nnext image", ylim=(0, 1.04))
    axes.set_yticks(TICKS, ["0.25"] * len(TICKS))  # room for the scale, which moves with the way
    axes.tick_params(axis="y", labelcolor="none")
    artists["scale"] = axes.add_artist(Texts(10, "DejaVu Sans", align=1))
    artists["scale"].set_transform(axes.get_yaxis_transform())
    return artists


def update(artists, state):
    """Put a state's numbers into the artists."""
    position, places = state["position"], FINE[::EVERY]
    artists["strip"].set_data(state["strip"])
    artists["frame"].set_data([places[state["nearest"]]], [0])
    artists["mark"].set_data([position], [0.72])
    names = [f"{digit}: {share:.2f}" for digit, share in zip(state["digits"], state["shares"], strict=True)]
    artists["names"].set_data(places, -0.82, names)
    artists["image"].set_data(state["image"][None])
    for bar, probability in zip(artists["bars"], state["probabilities"], strict=True):
        bar.set_height(probability)
    artists["most"].set_data([state["digit"]], [state["probabilities"][state["digit"]] + 0.04])
    artists["lengths line"].set_data(FINE, state["lengths"])
    artists["lengths here"].set_data([position], [state["length"]])
    top, moves = top_of(state["moves"].max()), state["moves"]
    artists["moves line"].set_data(FINE.repeat(2)[1:-1], moves.repeat(2) / top)  # level between neighbours
    artists["moves here"].set_data([position], [moves[step_of(position)] / top])
    artists["scale"].set_data(-0.05, TICKS, [f"{top * tick:g}" for tick in TICKS])
    artists["caption"].set_text(caption(state))


def step_of(position):
    """Between which two neighbours of FINE a position lies: the index of the first."""
    return int(np.clip(np.searchsorted(FINE, position, side="right") - 1, 0, len(FINE) - 2))


def top_of(move):
    """The first of 0.5, 1, 2, 5, 10, … that a move does not exceed."""
    return next(m * 10.0**e for e in range(9) for m in (0.5, 1, 2) if move <= m * 10.0**e)


def typical(units):
    """Between which lengths some 95 % of the codes from N(0, I) of this many dimensions lie."""
    spread = 2 * np.sqrt(0.5)  # the length's standard deviation tends to √½
    return max(np.sqrt(units) - spread, 0), np.sqrt(units) + spread


def caption(state):
    """What the picture shows, in one line."""
    return (
        f"digit {state['digit']} by the classifier, probability "
        f"{state['probabilities'][state['digit']]:.2f}; length of the code {state['length']:.2f}, "
        f"typical √Z = {np.sqrt(state['units']):.2f} (Z = {state['units']})"
    )

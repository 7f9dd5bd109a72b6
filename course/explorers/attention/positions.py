"""Chapter 3's explorer of sinusoidal positions: the map, similarities, and one pair's rotation."""

from functools import partial

import numpy as np
from matplotlib.patheffects import withStroke

from course.explorers.base import Explorer, Picture
from course.explorers.controls import list_slider, slider
from course.explorers.parts import caption_above, legend, minus, moving, outline
from course.plots import COLOURS, SIGNED
from course.plots.texts import Texts

STEPS = 100  # positions 0 to 99
REACH = 50  # of the offset
BASE = 10_000
SEEN = [withStroke(linewidth=3, foreground="white")]  # black lines, also where the map is dark
ALT = (
    "A map of the positional encoding over positions and columns, below it the similarity of one position "
    "with all others, and beside them one pair of columns as two points of the unit circle with the arc "
    "between them."
)


def positions(encoding):
    """Explore sinusoidal positional encodings: an offset is a rotation of each pair of columns.

    Args:
        encoding: the chapter's function (steps, d_model) -> (steps, d_model) tensor: sine in the even
            columns, cosine in the odd ones.
    """
    controls = {
        "d_model": list_slider(
            "d_model", range(4, 65, 2), 32, "how many columns the encoding has, two for each frequency"
        ),
        "position": slider("position p", (0, STEPS - 1), 20, "a position, counted from 0"),
        "offset": slider(
            "offset k",
            (-REACH, REACH),
            10,
            f"steps from p to the second position, which stays within 0 and {STEPS - 1}",
        ),
        "pair": slider("pair i", (0, 31), 2, "columns 2i (sine) and 2i + 1 (cosine), of one frequency"),
    }
    compute = partial(compute_positions, encoding)
    picture = Picture(build, update, (9.4, 4.6))
    return Explorer(
        "positions", controls, compute, picture, ALT, main=("position", "pair"), adjust=bound_sliders
    )


def compute_positions(encoding, *, d_model, position, offset, pair):
    """The numbers behind one picture of positions.

    Args:
        offset: steps; beyond the ends of the positions, those that lead to the end count.
        pair: index; beyond the last one the last one counts.
    Returns:
        dict: map (d_model, STEPS), similarity (STEPS,): PE(p) · PE(q) / (d_model / 2), points (2, 2):
        (cosine, sine) of the pair at p and at p + k, wavelength in steps, angle k · omega in radians, not
        reduced, and the offset and the pair that count.
    """
    pair = min(pair, d_model // 2 - 1)
    offset = int(np.clip(offset, -position, STEPS - 1 - position))
    table = encoding(STEPS, d_model).numpy()
    omega = BASE ** (-2 * pair / d_model)
    return {
        "map": table.T,
        "similarity": table @ table[position] / (d_model / 2),
        "points": table[[position, position + offset]][:, [2 * pair + 1, 2 * pair]],
        "wavelength": 2 * np.pi / omega,
        "angle": offset * omega,
        "offset": offset,
        "pair": pair,
    }


def bound_sliders(controls, state):
    """Keep the pair within d_model and the second position within the positions."""
    controls["pair"].max = state["d_model"] // 2 - 1
    controls["offset"].min = max(-REACH, -state["position"])  # never above 0, the maximum never below it
    controls["offset"].max = min(REACH, STEPS - 1 - state["position"])


def build(figure):
    """All artists: the map above the similarities, over the same positions; the circle beside them."""
    figure.get_layout_engine().set(wspace=0.06)
    grid = figure.add_gridspec(2, 2, width_ratios=(1.7, 1), height_ratios=(1.15, 1))
    caption = caption_above(figure, grid, 1.165, "\n\n\n")
    above, below = figure.add_subplot(grid[0, 0]), figure.add_subplot(grid[1, 0])
    for axes in (above, below):
        axes.set(xlim=(-1.5, STEPS + 0.5), xticks=range(0, STEPS, 10))
    below.set(xlabel="position q", ylabel="PE(p) · PE(q)\nover d_model / 2")
    below.set(ylim=(-0.5, 1.15), yticks=(-0.5, 0, 0.5, 1))
    below.axhline(0, color="0.7", linewidth=1, zorder=0)
    artists = {"caption": caption, "similarity": moving(below, color=COLOURS[0], linewidth=1.5)}
    artists |= _build_map(above)
    for name, line in (("first", "-"), ("second", "--")):
        style = dict(color="black", linewidth=1.3)
        artists[name] = [moving(above, line, path_effects=SEEN, **style), moving(below, line, **style)]
    return artists | _build_circle(figure.add_subplot(grid[:, 1])) | _build_points(below, "on the curve")


def _build_map(axes):
    """The map always fills the panel, d_model only changes its rows' height: so no axis moves."""
    axes.set(ylabel="column", ylim=(1, 0), yticks=[0.5], xticklabels=[])
    axes.set_yticklabels(["−0.5"], color="none")  # room for the columns' numbers
    axes.tick_params(axis="y", length=0)
    style = dict(cmap=SIGNED, vmin=-1, vmax=1, aspect="auto", interpolation="nearest")
    return {
        "map": axes.imshow(np.zeros((2, 2)), extent=(-0.5, STEPS - 0.5, 1, 0), **style),
        "columns": axes.add_artist(Texts(9, "DejaVu Sans", align=1)),
        "pair": moving(axes, "-", color="black", linewidth=1.2, path_effects=SEEN),
        "side": moving(axes, "<", color="black", markersize=7, clip_on=False, in_layout=False),
    }


def _build_circle(axes):
    turn = np.linspace(0, 2 * np.pi, 200)
    axes.plot(np.cos(turn), np.sin(turn), color="0.7", linewidth=1)
    for line in (axes.axhline, axes.axvline):
        line(0, color="0.85", linewidth=1, zorder=0)
    axes.set(xlabel="column 2i + 1: cosine", ylabel="column 2i: sine", aspect="equal")
    axes.set(xlim=(-1.15, 1.15), ylim=(-1.15, 1.15), xticks=(-1, 0, 1), yticks=(-1, 0, 1))
    artists = {
        "radii": moving(axes, color="0.45", linewidth=1),
        "arc": moving(axes, color=COLOURS[2], linewidth=1.8),
        "head": moving(axes, color=COLOURS[2], markersize=9, linestyle="none"),
    } | _build_points(axes, "on the circle")
    names = [artists[f"{which} on the circle"] for which in ("first", "second")] + [artists["arc"]]
    spacing = dict(room=True, columnspacing=2, handlelength=2, handletextpad=0.8)
    legend(axes, names, ["p", "p + k", "rotation by kω"], y=0.98, **spacing)
    return artists


def _build_points(axes, where):
    return {
        f"first {where}": moving(axes, "o", color=COLOURS[0], markersize=11, zorder=4),
        f"second {where}": moving(axes, "D", color=COLOURS[1], markersize=7, zorder=5),
    }


def update(artists, state):
    """Put a state's numbers into the artists."""
    size, pair, similarity = state["d_model"], state["pair"], state["similarity"]
    artists["map"].set_data(state["map"])
    numbers = np.arange(0, size, max(1, 2 ** int(np.ceil(np.log2(size / 8)))))
    artists["columns"].set_data(-2.5, (numbers + 0.5) / size, [str(number) for number in numbers])
    artists["pair"].set_data(*outline(-0.5, 2 * pair / size, STEPS, 2 / size))
    artists["side"].set_data([STEPS + 1.2], [(2 * pair + 1) / size])
    artists["similarity"].set_data(range(STEPS), similarity)
    places = (state["position"], state["position"] + state["offset"])
    for which, place, point in zip(("first", "second"), places, state["points"], strict=True):
        for line in artists[which]:
            line.set_data([place] * 2, line.axes.get_ylim())
        artists[f"{which} on the curve"].set_data([place], [similarity[place]])
        artists[f"{which} on the circle"].set_data([point[0]], [point[1]])
    _update_arc(artists, state)
    artists["caption"].set_text(_caption(state))


def _update_arc(artists, state):
    """The rotation from p to p + k, a spiral so that several turns can be told apart."""
    (x0, y0), (x1, y1) = state["points"]
    artists["radii"].set_data([x0, 0, x1], [y0, 0, y1])
    start, angle = np.arctan2(y0, x0), state["angle"]
    angles = np.linspace(0, angle, 2 + int(abs(angle) / 0.05))
    radius = 0.3 + 0.065 * np.abs(angles) / (2 * np.pi)  # 8 turns at most
    artists["arc"].set_data(radius * np.cos(start + angles), radius * np.sin(start + angles))
    large = abs(angle) > 0.3  # a head on a shorter arc would hide it
    end = start + angle
    artists["head"].set_data([radius[-1] * np.cos(end)] * large, [radius[-1] * np.sin(end)] * large)
    artists["head"].set_marker((3, 0, np.degrees(end) + (0 if angle > 0 else 180)))


def _caption(state):
    size, pair, place, offset = state["d_model"], state["pair"], state["position"], state["offset"]
    wavelength, degrees = state["wavelength"], np.degrees(state["angle"])
    turned = f"{degrees:,.1f}°" if abs(degrees) >= 1 else f"{degrees:.2g}°"
    turned += "" if -1 < degrees < 360 else f" ({degrees % 360:.1f}° mod 360°)"
    steps = f"{wavelength:.4g}" if wavelength < 1000 else f"{wavelength:,.0f}"
    product = state["similarity"][place + offset] * size / 2
    ends = f"; k is bounded, positions here are 0 to {STEPS - 1}" if place + offset in (0, STEPS - 1) else ""
    return minus(
        f"pair i = {pair}, columns {2 * pair} and {2 * pair + 1} (framed): "
        f"wavelength 2π · 10000^({2 * pair}/{size}) = {steps} steps\n"
        f"from p = {place} to p + k = {place + offset} it turns by kω = {turned}{ends}\n"
        f"PE(p) · PE(p + k) = {product:.2f}, at most d_model / 2 = {size // 2};   "
        "map: dark orange −1, white 0, dark purple 1"
    )

"""Chapter 3's explorer of sinusoidal positions: clock hands, one for each pair of columns, and their map."""

from functools import partial

import numpy as np

from course.explorers.base import Explorer
from course.explorers.controls import slider
from course.explorers.parts import headline, mark, moving
from course.explorers.picture import Picture
from course.plots import COLOURS, SIGNED

WIDTH = 32  # columns, two for each frequency
PLAYED, REACH = 99, 50  # the last position p, the largest offset k
STEPS = PLAYED + REACH + 1
PAIRS = (0, 2, 4, 6)  # whose hands are shown
BASE = 10_000
LOOKS = {"first": ("-", COLOURS[0], "o"), "second": ("--", COLOURS[1], "D")}
ALT = (
    "Four clocks, one for a pair of columns each, with a hand at a position and a second hand some steps "
    "further, the angle between them shaded; beside them a map of all columns over the positions and, below "
    "it, the similarity of the position with all others."
)


def positions(encoding):
    """Explore sinusoidal positional encodings: an offset is a rotation of each pair of columns.

    Args:
        encoding: the chapter's function (steps, d_model) -> (steps, d_model) tensor: sine in the even
            columns, cosine in the odd ones.
    """
    controls = {
        "position": slider("position p", (0, PLAYED), 20, "a position, counted from 0"),
        "offset": slider("offset k", (0, REACH), 5, "steps from p to the second hand's position"),
    }
    table = encoding(STEPS, WIDTH).numpy()
    touch = {name: lambda state, x, y: {"position": x} for name in ("map", "similarity")}
    touch |= {f"clock {pair}": partial(turned, pair) for pair in PAIRS}
    compute, picture = partial(compute_positions, table), Picture(partial(build, table), update, (8.4, 3.9))
    return Explorer(
        "positions", controls, compute, picture, ALT, main=("position", "offset"), touch=touch,
        play="position", pace=120, hint="Play, drag a hand of a clock, or drag in the map.",
    )  # fmt: skip


def compute_positions(table, *, position, offset):
    """The numbers behind one picture of positions.

    Args:
        table: (STEPS, WIDTH), the encoding.
    Returns:
        dict: hands (2, len(PAIRS), 2): (cosine, sine) of each pair shown, at p and at p + k; turns
        (len(PAIRS),): by which angle k steps turn each, in radians, not reduced; similarity (STEPS,):
        PE(p) · PE(q) / (WIDTH / 2).
    """
    return {
        "hands": table[[position, position + offset]].reshape(2, -1, 2)[:, PAIRS, ::-1],
        "turns": offset * frequency(np.array(PAIRS)),
        "similarity": table @ table[position] / (WIDTH / 2),
    }


def frequency(pair):
    """Radians a step of a pair of columns, or of several."""
    return BASE ** (-2 * pair / WIDTH)


def turned(pair, state, x, y):
    """The position, or the offset, with which that hand of a pair that is nearer points to (x, y)."""
    angles = frequency(pair) * (state["position"] + np.array([0, state["offset"]]))
    away = np.remainder(np.arctan2(y, x) - angles + np.pi, 2 * np.pi) - np.pi
    name, turn = min(zip(("position", "offset"), away, strict=True), key=lambda each: abs(each[1]))
    return {name: state[name] + turn / frequency(pair)}


def build(table, figure):
    """All artists: the map above the similarities, over the same positions; the clocks beside them."""
    caption = headline(figure)
    sides = figure.add_gridspec(1, 2, width_ratios=(1.25, 1))
    left = sides[0].subgridspec(2, 1, height_ratios=(1.3, 1))
    clocks = sides[1].subgridspec(2, 2)
    above = figure.add_subplot(left[0], label="map")
    below = figure.add_subplot(left[1], label="similarity")
    for axes in (above, below):
        axes.set(xlim=(-1, STEPS), xticks=range(0, STEPS, 25))
    edges = np.arange(STEPS + 1) - 0.5, np.arange(WIDTH + 1)
    mesh = above.pcolormesh(*edges, table.T, cmap=SIGNED, vmin=-1, vmax=1, rasterized=True)
    figure.colorbar(mesh, ax=above, ticks=(-1, 0, 1), pad=0.02, aspect=12, label="entry")
    above.set(ylabel="column", ylim=(WIDTH, 0), xticklabels=[])
    above.set_yticks([2 * pair + 1 for pair in PAIRS], [f"{2 * pair}, {2 * pair + 1}" for pair in PAIRS])
    below.set(xlabel="position $q$;  ● $p$,  ◆ $p + k$", ylabel="similarity of $p$\nand $q$")
    below.set(ylim=(0, 1.15), yticks=(0, 0.5, 1))
    artists = {"caption": caption, "similarity": moving(below, color="0.25", linewidth=1.5)}
    for name, (line, colour, sign) in LOOKS.items():
        artists[name] = [moving(axes, line, color=colour, linewidth=1.8) for axes in (above, below)]
        artists[f"{name} sign"] = mark(below, sign, colour, 8)
    for number, pair in enumerate(PAIRS):
        artists |= _build_clock(figure.add_subplot(clocks[number], label=f"clock {pair}"), number, pair)
    return artists


def _build_clock(axes, number, pair):
    turn = np.linspace(0, 2 * np.pi, 200)
    axes.plot(np.cos(turn), np.sin(turn), color="0.6", linewidth=1)
    axes.set(xlim=(-1.18, 1.18), ylim=(-1.18, 1.18), aspect="equal")
    axes.set_axis_off()
    wavelength = 2 * np.pi / frequency(pair)
    steps = f"{wavelength:.1f}" if wavelength < 10 else f"{wavelength:.0f}"
    axes.set_title(
        f"columns {2 * pair}, {2 * pair + 1} turn in\n"
        f"$2\\pi \\cdot 10000^{{{2 * pair}/{WIDTH}}}$ = {steps} steps",
        fontsize=9,
    )
    artists = {f"wedge {number}": axes.fill([0], [0], color=COLOURS[4], alpha=0.4, linewidth=0)[0]}
    for name, (line, colour, sign) in LOOKS.items():
        artists[f"{name} hand {number}"] = moving(axes, line, color=colour, linewidth=2)
        artists[f"{name} tip {number}"] = mark(axes, sign, colour, 8)
    return artists


def update(artists, state):
    """Put a state's numbers into the artists."""
    places = state["position"], state["position"] + state["offset"]
    artists["similarity"].set_data(range(STEPS), state["similarity"])
    for name, place, hands in zip(LOOKS, places, state["hands"], strict=True):
        for line in artists[name]:
            line.set_data([place] * 2, line.axes.get_ylim())
        artists[f"{name} sign"].set_data([place], [state["similarity"][place]])
        for number, (x, y) in enumerate(hands):
            artists[f"{name} hand {number}"].set_data([0, x], [0, y])
            artists[f"{name} tip {number}"].set_data([x], [y])
    for number, turn in enumerate(state["turns"]):
        x, y = state["hands"][0, number]
        angles = np.arctan2(y, x) + np.linspace(0, min(turn, 2 * np.pi), 60)
        rim = 0.55 * np.stack([np.cos(angles), np.sin(angles)], 1)
        artists[f"wedge {number}"].set_xy(np.concatenate([[[0, 0]], rim]))
    artists["caption"].set_text(caption(state))


def caption(state):
    """What the picture shows, in one line."""
    if state["offset"] == 0:
        return "Each pair of columns is a hand; the similarity moves along with p, its shape unchanged"
    turns = ", ".join(f"{degrees:,.0f}°" for degrees in np.degrees(state["turns"]))
    steps = "One step turns" if state["offset"] == 1 else f"{state['offset']} steps turn"
    return f"{steps} the hands by {turns} from every p: the similarity keeps its shape"

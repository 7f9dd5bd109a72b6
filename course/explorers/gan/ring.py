"""Chapter 5's replay of recorded training runs in the plane: discriminator, samples and their pull."""

from functools import lru_cache, partial

import numpy as np
import torch
from matplotlib import colormaps
from matplotlib.cm import ScalarMappable
from matplotlib.colors import ListedColormap, Normalize
from matplotlib.lines import Line2D

from course.explorers.base import Explorer, Picture
from course.explorers.controls import menu, slider
from course.explorers.parts import arrays, caption_above, legend, minus, moving
from course.plots import COLOURS, SIGNED
from course.plots.texts import Caption, Texts

CELLS = 60  # of the map in a row
ARROWS = 40  # at most
LONGEST = 0.22  # arrow, in halves of the map's side; a pull of 1 has half of it: see `arrows`
HEAD = 0.35  # of an arrow's length
TICKS = np.linspace(0, 1, 5)  # of the map's scale
PALE = ListedColormap(colormaps[SIGNED](np.linspace(0.12, 0.88, 256)))  # black marks show on both its ends
MARGIN = 1.0  # of the map around the outermost centre
MOST_LOGIT = 10.0
LEGEND = dict(y=0.99, columnspacing=1.0, handlelength=1.4, handletextpad=0.5)
SHADES = ("probability", "logit")
ALT = (
    "A map of the discriminator's output over the plane, with the data's centres as rings, the generator's "
    "samples as dots and arrows for the direction in which the generator's loss pulls some of them; beside "
    "it two curves over the steps of training, the modes found and the share of samples near a mode, the "
    "present frame marked."
)


def ring(replays, centres):
    """Replay recorded training runs of GANs whose data are clusters of points in the plane.

    Args:
        replays: dict of a run's name to its frames in order of time, each a dict: "step", int; "sample",
            function () -> (n, 2), generated points, from the same noise in every frame; "logits", function
            (x (N, 2) float32) -> (N,), the discriminator before the sigmoid; "pull", function (x (N, 2)) ->
            (N, 2), minus the gradient of each point's generator loss by its place; "modes", how many modes
            were found; "quality", 0 to 1, the share of samples near a mode. A frame's functions are called
            once, when it is first shown.
        centres: (K, 2), the middles of the data's modes.
    """
    centres = arrays(torch.as_tensor(centres))
    half = half_of(centres)
    lengths = [len(frames) for frames in replays.values()]
    controls = {
        "run": menu("run", replays, None, "which of the recorded training runs"),
        "frame": slider(
            "frame",
            (1, max(lengths)),
            lengths[0],
            "a moment of the run, counted from 1; its step stands above the picture",
        ),
        "shade": menu(
            "shade", SHADES, None, "what the map shows: the discriminator's probability of real, or its logit"
        ),
    }
    seen = lru_cache(maxsize=None)(lambda name, index: look(replays[name][index], half))
    compute = partial(compute_ring, replays, seen, centres)
    runs = [course_of(run) for run in replays.values()]
    picture = Picture(partial(build, centres=centres, half=half, runs=runs), update, (9.4, 4.8))
    return Explorer("ring", controls, compute, picture, ALT, main=("run", "frame"), adjust=_adjust)


def _adjust(controls, state):
    """Let the slider end where the run ends."""
    controls["frame"].max = len(state["steps"])


def half_of(centres):
    """Half of the side of the square around 0 that the map shows."""
    return float(np.abs(centres).max()) + MARGIN


def course_of(frames):
    """steps, modes and quality of a run: three float arrays, one entry a frame."""
    return tuple(np.array([frame[key] for frame in frames], float) for key in ("step", "modes", "quality"))


def look(frame, half):
    """What a frame's functions give in a map from -half to half.

    Returns:
        dict: samples and, at these, pulls (n, 2); logits (CELLS, CELLS), the first axis upwards, the second
        to the right.
    """
    middles = half * ((2 * np.arange(CELLS) + 1) / CELLS - 1)  # of the map's cells, along either axis
    up, right = np.meshgrid(middles, middles, indexing="ij")
    places = torch.as_tensor(np.stack([right.ravel(), up.ravel()], 1), dtype=torch.float32)
    with torch.no_grad():
        samples, logits = frame["sample"](), frame["logits"](places)
    pulls = frame["pull"](samples.detach())  # has gradients to take
    logits = arrays(logits).reshape(CELLS, CELLS)
    return {"samples": arrays(samples), "logits": logits, "pulls": arrays(pulls)}


def compute_ring(replays, seen, centres, *, run, frame, shade):
    """The numbers behind one picture of the replay.

    Args:
        seen: function (name, index) -> what `look` returned for that frame.
        centres: (K, 2) array.
        frame: from 1; beyond the run's end the last one is taken.
    Returns:
        dict: samples, pulls (n, 2); map (CELLS, CELLS), the probability or the clipped logit, and limits,
        the ends of its scale; outside, how many samples lie outside the map; pull, the pulls' mean length;
        steps, modes, quality, arrays over the run's frames; of, how many modes there are; index, the present
        frame counted from 0.
    """
    index = min(frame, len(replays[run])) - 1
    view, half = seen(run, index), half_of(centres)
    steps, modes, quality = course_of(replays[run])
    logits = np.clip(view["logits"], -MOST_LOGIT, MOST_LOGIT)
    probability = arrays(torch.as_tensor(view["logits"]).sigmoid())
    return {
        "samples": view["samples"],
        "pulls": view["pulls"],
        "map": logits if shade == "logit" else probability,
        "limits": (-MOST_LOGIT, MOST_LOGIT) if shade == "logit" else (0.0, 1.0),
        "outside": int((~(np.abs(view["samples"]).max(1) <= half)).sum()),
        "pull": float(np.linalg.norm(view["pulls"], axis=1).mean()),
        "steps": steps,
        "modes": modes,
        "quality": quality,
        "of": len(centres),
        "index": index,
    }


def build(figure, centres, half, runs):
    """All artists: the map, from -half to half, with the modes' centres (K, 2) to the left; to the right two
    curves over the steps, runs having (steps, modes, quality) of each run.
    """
    figure.get_layout_engine().set(wspace=0.05)
    grid = figure.add_gridspec(2, 2, width_ratios=(1.45, 1))
    artists = {"caption": caption_above(figure, grid, 1.19)}
    plane, above = figure.add_subplot(grid[:, 0]), figure.add_subplot(grid[0, 1])
    below = figure.add_subplot(grid[1, 1], sharex=above)
    artists |= _build_plane(plane, centres, half)
    artists |= _build_curve(above, "modes", [run[:2] for run in runs], len(centres))
    artists |= _build_curve(below, "quality", [(steps, 100 * share) for steps, _, share in runs], 100)
    above.set_ylabel("modes found")
    above.yaxis.get_major_locator().set_params(integer=True)
    above.tick_params(labelbottom=False)
    below.set(xlabel="step of training", ylabel="samples within\n3 sd of a mode (%)")
    handles = [artists["modes line"], artists["modes here"], above.lines[0]]
    legend(above, handles, ["this run", "this frame", "other runs"], **LEGEND)
    return artists


def _build_plane(axes, centres, half):
    axes.set(xlabel="first coordinate", ylabel="second coordinate", box_aspect=1)
    edges = half * np.linspace(-1, 1, CELLS + 1)
    mesh = axes.pcolormesh(edges, edges, np.zeros((CELLS, CELLS)), cmap=PALE, vmin=0, vmax=1)
    axes.set(xlim=(-half, half), ylim=(-half, half))
    bar = axes.figure.colorbar(ScalarMappable(Normalize(0, 1), PALE), ax=axes, ticks=TICKS, pad=0.02)
    bar.ax.set_yticks(TICKS, ["−0.00"] * len(TICKS))  # room for the scale, which the shade decides
    bar.ax.tick_params(labelcolor="none")
    ring = dict(markersize=13, markerfacecolor="none", zorder=2)
    for colour, width in (("white", 3.6), ("black", 1.2)):
        rings = axes.plot(*centres.T, "o", markeredgecolor=colour, markeredgewidth=width, **ring)[0]
    arrow = dict(linewidth=1.1, solid_joinstyle="miter", zorder=4)
    artists = {
        "map": mesh,
        "rings": axes.lines[:],
        "samples": moving(axes, "o", color="black", markersize=2.2, markeredgewidth=0, zorder=3),
        "halos": moving(axes, color="white", **arrow | dict(linewidth=2.8)),
        "arrows": moving(axes, color=COLOURS[0], **arrow),
        "scale": bar.ax.add_artist(Texts(10, "DejaVu Sans", align=0)),
        "name": bar.ax.add_artist(Caption(1.6, 1.06, 10)),
    }
    sign = Line2D([], [], linestyle="", marker=r"$\rightarrow$", color=COLOURS[0], markersize=13)
    dot = Line2D([], [], linestyle="", marker="o", color="black", markersize=4)
    legend(axes, [rings, dot, sign], ["modes of the data", "samples", "pull"], **LEGEND)
    return artists


def _build_curve(axes, name, runs, top):
    """A panel with every run's curve in grey, and artists for the present one; values go from 0 to top."""
    for run in runs:
        axes.plot(*run, color="0.78", linewidth=1.2, zorder=1)
    last = max(max(steps.max() for steps, _ in runs), 1)
    axes.set(xlim=(-0.03 * last, 1.03 * last), ylim=(-0.05 * top, 1.1 * top))
    here = dict(color=COLOURS[1], markeredgecolor="black", markersize=9, zorder=4)
    return {
        f"{name} line": moving(axes, "o-", color=COLOURS[0], markersize=3.5, zorder=3),
        f"{name} rule": moving(axes, ":", color="0.4", linewidth=1.2, zorder=2),
        f"{name} here": moving(axes, "D", **here),
    }


def update(artists, state):
    """Put a state's numbers into the artists."""
    low, high = state["limits"]
    artists["map"].set_array((state["map"] - low) / (high - low))
    artists["scale"].set_data(1.7, TICKS, [minus(f"{low + (high - low) * tick:g}") for tick in TICKS])
    artists["name"].set_text("logit" if state["shade"] == "logit" else "P(real)")
    artists["samples"].set_data(*state["samples"].T)
    half = artists["map"].axes.get_xlim()[1]
    paths = arrows(state["samples"], state["pulls"], half)
    for name in ("halos", "arrows"):
        artists[name].set_data(*paths.T)
    step = state["steps"][state["index"]]
    for name, values in (("modes", state["modes"]), ("quality", 100 * state["quality"])):
        line, here, rule = (artists[f"{name} {part}"] for part in ("line", "here", "rule"))
        line.set_data(state["steps"], values)
        here.set_data([step], [values[state["index"]]])
        rule.set_data([step, step], rule.axes.get_ylim())
    artists["caption"].set_text(caption(state))


def arrows(places, pulls, half):
    """One path of arrows at ARROWS of the places at most, spaced evenly in their order.

    A pull of length p has an arrow of LONGEST·half·p / (1 + p): pulls differ by powers of ten between frames.

    Args:
        places, pulls: (n, 2).
        half: half of the map's side, the unit of LONGEST.
    Returns:
        (6 m, 2): tail, tip, barb, tip, barb and a gap of NaN for each arrow.
    """
    chosen = np.unique(np.linspace(0, len(places) - 1, ARROWS).round().astype(int))
    tails, pulls = places[chosen], pulls[chosen]
    length = np.linalg.norm(pulls, axis=1, keepdims=True)
    along = LONGEST * half * pulls / (1 + length)
    back, side = HEAD * along, 0.6 * HEAD * along[:, ::-1] * (-1, 1)
    tips = tails + along
    parts = (tails, tips, tips - back + side, tips, tips - back - side, np.full_like(tails, np.nan))
    return np.stack(parts, 1).reshape(-1, 2)


def caption(state):
    """What the picture shows, in two lines."""
    index, count = state["index"], len(state["samples"])
    outside = f"; {state['outside']} of {count} samples outside the map" if state["outside"] else ""
    return (
        f"{state['run']}, step {state['steps'][index]:,.0f}: "
        f"{state['modes'][index]:.0f} of {state['of']} modes found, "
        f"{100 * state['quality'][index]:.0f} % of the samples within 3 standard deviations\n"
        f"mean length of the pull: {state['pull']:.3g} (a pull of 1 has half of the longest arrow){outside}"
    ).replace("e-", "e−")

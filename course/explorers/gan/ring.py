"""Chapter 5's replay of recorded training runs in the plane, side by side."""

from functools import lru_cache, partial

import numpy as np
import torch
from matplotlib import colormaps
from matplotlib.cm import ScalarMappable
from matplotlib.colors import ListedColormap, Normalize
from matplotlib.lines import Line2D

from course.explorers.base import Explorer
from course.explorers.controls import list_slider
from course.explorers.parts import arrays, arrow_path, headline, mark, moving
from course.explorers.picture import Picture
from course.plots import COLOURS, SIGNED
from course.plots.texts import Caption

CELLS = 60  # of the map in a row
ARROWS = 40  # at most
LONGEST = 0.22  # arrow, in halves of the map's side; a pull of 1 has half of it
MARGIN = 1.0  # of the map around the outermost centre
PALE = ListedColormap(colormaps[SIGNED](np.linspace(0.12, 0.88, 256)))  # black marks show on both its ends
ALT = (
    "A map for each training run: the discriminator's probability of real as shades over the plane, the "
    "data's centres as rings, the generator's samples as dots and arrows for the direction in which the "
    "generator's loss pulls some of them; below each map the number of modes found over the steps, with the "
    "present step marked."
)


def ring(replays, centres):
    """Replay recorded training runs of GANs whose data are clusters of points in the plane, side by side.

    Args:
        replays: dict of a run's name to its frames in order of time, at the same steps in every run, each a
            dict: "step", int; "sample", function () -> (n, 2), generated points, from the same noise in every
            frame; "logits", function (x (N, 2) float32) -> (N,), the discriminator before the sigmoid;
            "pull", function (x (N, 2)) -> (N, 2), minus the gradient of each point's generator loss by its
            place; "modes", how many modes were found; "quality", 0 to 1, the share of samples near a mode. A
            frame's functions are called once, when it is first shown.
        centres: (K, 2), the middles of the data's modes.
    """
    centres = arrays(torch.as_tensor(centres))
    half = float(np.abs(centres).max()) + MARGIN  # of the side of the square around 0 that a map shows
    steps = [frame["step"] for frame in next(iter(replays.values()))]
    modes = {name: np.array([frame["modes"] for frame in frames]) for name, frames in replays.items()}
    names = [(f"{step:,}", step) for step in steps]
    controls = {"step": list_slider("step of training", names, steps[0], "a moment of all runs")}
    seen = lru_cache(maxsize=None)(lambda name, index: look(replays[name][index], half))
    compute = partial(compute_ring, replays, seen, steps, len(centres))
    picture = Picture(partial(build, centres, half, steps, modes), update, (8.4, 4.0))
    return Explorer(
        "ring", controls, compute, picture, ALT, main=("step",), play="step", pace=250,
        touch=dict.fromkeys((f"modes {name}" for name in replays), lambda state, x, y: {"step": x}),
        hint="Play the training, or click a step below a map.",
    )  # fmt: skip


def look(frame, half):
    """What a frame's functions give in a map from -half to half.

    Returns:
        dict: samples and, at these, pulls (n, 2); real (CELLS, CELLS), the discriminator's probability of
        real, the first axis upwards, the second to the right.
    """
    middles = half * ((2 * np.arange(CELLS) + 1) / CELLS - 1)  # of the map's cells, along either axis
    right, up = np.meshgrid(middles, middles)
    places = torch.as_tensor(np.stack([right.ravel(), up.ravel()], 1), dtype=torch.float32)
    with torch.no_grad():
        samples, logits = frame["sample"](), frame["logits"](places)
    pulls = frame["pull"](samples.detach())  # has gradients to take
    real = arrays(logits.sigmoid()).reshape(CELLS, CELLS)
    return {"samples": arrays(samples), "real": real, "pulls": arrays(pulls)}


def compute_ring(replays, seen, steps, of, *, step):
    """The numbers behind one picture of the replay.

    Args:
        seen: function (name, index) -> what `look` returned for that frame.
        steps: the frames' steps, and of, how many modes there are.
    Returns:
        dict: runs, of each run's name what `look` returned, and its modes and quality; of.
    """
    index = steps.index(step)
    measured = {
        name: {key: frames[index][key] for key in ("modes", "quality")} for name, frames in replays.items()
    }
    return {"runs": {name: seen(name, index) | measured[name] for name in replays}, "of": of}


def build(centres, half, steps, modes, figure):
    """All artists: a map for each run, from -half to half, and below it the modes found over the steps."""
    figure.get_layout_engine().set(wspace=0.03, hspace=0.01)
    artists = {"caption": headline(figure)}
    grid = figure.add_gridspec(2, len(modes) + 1, height_ratios=(4.5, 1), width_ratios=[6] * len(modes) + [1])
    for column, (name, found) in enumerate(modes.items()):
        artists |= _build_map(figure.add_subplot(grid[0, column]), name, centres, half)
        below = figure.add_subplot(grid[1, column])
        artists |= _build_modes(below, name, steps, found, len(centres))
        if column == 0:
            below.set_ylabel("modes")
        else:
            below.tick_params(labelleft=False)
    _build_scale(figure.add_subplot(grid[0, -1]))
    return artists


def _build_map(axes, name, centres, half):
    axes.set(box_aspect=1, xticks=(), yticks=())
    axes.spines[:].set(visible=True, color="0.6")
    axes.set_title("\n", fontsize=10)  # room for the run's name and its modes
    frame = dict(extent=(-half, half, -half, half), origin="lower", interpolation="bilinear")
    image = axes.imshow(np.zeros((CELLS, CELLS)), cmap=PALE, vmin=0, vmax=1, **frame)
    ring = dict(markersize=11, markerfacecolor="none", zorder=2)
    rings = [
        axes.plot(*centres.T, "o", markeredgecolor=colour, markeredgewidth=width, **ring)[0]
        for colour, width in (("white", 3.4), ("black", 1.1))
    ]
    arrow = dict(solid_joinstyle="miter", zorder=4)
    axes.set(xlim=(-half, half), ylim=(-half, half))
    return {
        f"map {name}": image,
        f"rings {name}": rings,
        f"samples {name}": moving(axes, "o", color="black", markersize=2.2, markeredgewidth=0, zorder=3),
        f"halos {name}": moving(axes, color="white", linewidth=2.6, **arrow),
        f"arrows {name}": moving(axes, color=COLOURS[0], linewidth=1.1, **arrow),
        f"title {name}": axes.add_artist(Caption(0.5, 1.13, 9.5)),
    }


def _build_modes(axes, name, steps, found, of):
    """How many modes a run has found over the steps, and a mark for the present step."""
    axes.set_label(f"modes {name}")
    axes.plot(steps, found, color="0.45", linewidth=1.4, zorder=2)
    axes.set(ylim=(-0.08 * of, 1.12 * of), yticks=(0, of), xlim=(0, steps[-1]), xlabel="step of training")
    return {f"here {name}": mark(axes, "D", size=7)}


def _build_scale(axes):
    """What the shades and signs mean."""
    axes.set_axis_off()
    scale = axes.inset_axes((0, 0.5, 0.16, 0.5))
    scale.figure.colorbar(ScalarMappable(Normalize(0, 1), PALE), cax=scale, ticks=(0, 0.5, 1))
    scale.set_ylabel("probability of real, by\nthe discriminator", fontsize=9)
    ring = Line2D([], [], linestyle="", marker="o", color="black", markersize=9, markerfacecolor="none")
    dot = Line2D([], [], linestyle="", marker="o", color="black", markersize=4)
    pull = Line2D([], [], linestyle="", marker=r"$\rightarrow$", color=COLOURS[0], markersize=12)
    names = ["mode", "sample", "pull"]
    axes.legend([ring, dot, pull], names, loc="lower left", bbox_to_anchor=(-0.6, -0.02), fontsize=9)


def update(artists, state):
    """Put a state's numbers into the artists."""
    for name, run in state["runs"].items():
        artists[f"map {name}"].set_data(run["real"])
        artists[f"samples {name}"].set_data(*run["samples"].T)
        path = arrow_path(*arrows(run["samples"], run["pulls"], artists[f"map {name}"].get_extent()[1]))
        for part in ("halos", "arrows"):
            artists[f"{part} {name}"].set_data(*path.T)
        share = f"{100 * run['quality']:.0f} % near one"
        artists[f"title {name}"].set_text(f"{name}\n{run['modes']} of {state['of']} modes, {share}")
        artists[f"here {name}"].set_data([state["step"]], [run["modes"]])
    artists["caption"].set_text(finding(state))


def arrows(places, pulls, half):
    """Where arrows begin and how far they reach, at ARROWS of the places at most, spaced evenly.

    A pull of length p has an arrow of LONGEST·half·p / (1 + p): pulls differ by powers of ten between frames.

    Args:
        places, pulls: (n, 2).
        half: half of the map's side, the unit of LONGEST.
    Returns:
        two arrays (m, 2).
    """
    chosen = np.unique(np.linspace(0, len(places) - 1, ARROWS).round().astype(int))
    pulls = pulls[chosen]
    return places[chosen], LONGEST * half * pulls / (1 + np.linalg.norm(pulls, axis=1, keepdims=True))


def finding(state):
    """Which runs hold the data's modes at this step, in one line."""
    found = {f"“{name}”": run["modes"] for name, run in state["runs"].items()}
    when = f"Step {state['step']:,}"
    if not any(found.values()):
        return f"{when}: no run has found a mode yet"
    whole = [name for name, modes in found.items() if modes == state["of"]]
    if not whole:
        told = ", ".join(f"{name} {modes}" for name, modes in found.items())
        return f"{when}: no run holds all {state['of']} modes ({told})"
    rest = [f", {name} {modes or 'finds none'}" for name, modes in found.items() if name not in whole]
    held = f"{' and '.join(whole)} hold{'s' if len(whole) == 1 else ''} all {state['of']} modes"
    return f"{when}: {held}{''.join(rest)}"

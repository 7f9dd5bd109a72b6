"""Chapter 5's explorer of the latent space: images on the way from one code to another."""

from functools import lru_cache, partial

import numpy as np
import torch

from course.explorers.base import Explorer, Picture
from course.explorers.controls import menu, slider
from course.explorers.parts import arrays, legend, mark, moving, moving_scale, round_up
from course.plots import COLOURS, DPI
from course.plots.texts import Caption, Texts
from course.plots.tiles import SIDE, Tiles

FINE, EVERY = np.linspace(0, 1, 25), 3  # positions of the curves; every third has its image in the strip
SMALL, LARGE = 3, 6  # pixels of the picture for a pixel of an image, in the strip and below
EDGE = 0.065  # of the strip beyond its positions 0 and 1
TICKS = (0, 0.5, 1)  # of the moves' scale
SEEDS = 20  # codes to choose from
LINE, CIRCLE = "straight line", "great circle"
MOST_SCALE = 1.5
ALT = (
    "A strip of generated images on the way from one latent code to another, the nearest one framed; below "
    "it the image at the present position, large, a bar for each digit's probability by the classifier, and "
    "two curves along the way: the length of the code, and how far the image moves from step to step."
)


def walk(generate, classify, noise_size):
    """Explore what lies between two latent codes of an image generator whose noise is N(0, I).

    Args:
        generate: function noise (N, Z) float32 -> (N, 28, 28), 0 to 1, 1 = ink; a model with batch norm must
            be in evaluation mode.
        classify: function images (N, 28, 28) -> (N, 10), the digits' probabilities.
        noise_size: Z.
    """
    codes = draw_codes(noise_size)
    seen = lru_cache(maxsize=64)(partial(look, generate, classify, codes))
    longest = MOST_SCALE * float(np.linalg.norm(codes, axis=1).max())
    controls = {
        "start": slider("from", (1, SEEDS), 1, "which random code the way begins at"),
        "end": slider("to", (1, SEEDS), 2, "which random code the way ends at"),
        "position": slider(
            "position", (0, 1, 0.05), 0.5, "how far along the way: 0 is the first code, 1 the second"
        ),
        "path": menu(
            "path",
            (LINE, CIRCLE),
            LINE,
            "a straight line, or an arc around the origin that keeps the length of the code",
        ),
        "scale": slider(
            "scale",
            (0.5, MOST_SCALE, 0.05),
            1,
            "what every code is multiplied by; below 1 stands for truncated noise",
        ),
    }
    compute = partial(compute_walk, generate, classify, codes, seen)
    picture = Picture(partial(build, units=noise_size, longest=longest), update, (9.4, 4.9))
    return Explorer("latent walk between codes", controls, compute, picture, ALT, main=("position", "scale"))


def draw_codes(units):
    """The codes to choose from, standard normal, the same each time: a (SEEDS, units) array."""
    return np.stack(
        [arrays(torch.randn(units, generator=torch.Generator().manual_seed(i + 1))) for i in range(SEEDS)]
    )


def between(a, b, positions, path):
    """Codes on the way from a to b.

    Args:
        a, b: (Z,) arrays, not 0.
        positions: (n,), 0 at a, 1 at b.
        path: LINE: (1 − t) a + t b. CIRCLE: the direction turns from a's to b's at an even rate (spherical
            interpolation), the length goes evenly from a's to b's. Opposite codes have no such arc.
    Returns:
        (n, Z).
    Source: for the great circle, Shoemake 1985 (slerp); White 2016, Sampling Generative Networks.
    """
    t = np.asarray(positions, dtype=float)[:, None]
    if path == LINE:
        return (1 - t) * a + t * b
    lengths = np.linalg.norm(a), np.linalg.norm(b)
    a, b = a / lengths[0], b / lengths[1]
    angle = np.arccos(np.clip(a @ b, -1, 1))
    if np.sin(angle) > 1e-6:
        direction = (np.sin((1 - t) * angle) * a + np.sin(t * angle) * b) / np.sin(angle)
    else:  # one direction: nothing turns
        direction = np.broadcast_to(a, (len(t), len(a)))
    return ((1 - t) * lengths[0] + t * lengths[1]) * direction


@torch.no_grad()
def judged(generate, classify, codes):
    """Images (n, 28, 28) and digits' probabilities (n, 10) of codes (n, Z): arrays."""
    images = generate(torch.as_tensor(codes, dtype=torch.float32))
    return arrays(images), arrays(classify(images))


def look(generate, classify, codes, start, end, path, scale):
    """What depends on the way, not on the position on it; codes are (SEEDS, Z).

    Returns:
        dict: strip (9, 28, 28), images at every EVERY-th of the positions FINE; digits, shares (9,), the
        classifier's digit of each and its probability; moves (len(FINE) − 1,), the distances between
        neighbouring images; lengths (len(FINE),) of the codes.
    """
    way = scale * between(codes[start - 1], codes[end - 1], FINE, path)
    images, probabilities = judged(generate, classify, way)
    return {
        "strip": images[::EVERY],
        "digits": probabilities[::EVERY].argmax(1),
        "shares": probabilities[::EVERY].max(1),
        "moves": np.sqrt(np.square(np.diff(images, axis=0)).sum((1, 2))),
        "lengths": np.linalg.norm(way, axis=1),
    }


def compute_walk(generate, classify, codes, seen, *, start, end, position, path, scale):
    """The numbers behind one picture of the walk.

    Args:
        codes: (SEEDS, Z).
        seen: `look` without its first three arguments.
    Returns:
        dict: what `look` returns; image (28, 28) and probabilities (10,) at the position; digit, the
        likeliest; length of the code there; units: Z; nearest, the strip's index nearest to it.
    """
    code = scale * between(codes[start - 1], codes[end - 1], [position], path)
    images, probabilities = judged(generate, classify, code)
    return seen(start, end, path, scale) | {
        "image": images[0],
        "probabilities": probabilities[0],
        "digit": int(probabilities[0].argmax()),
        "length": float(np.linalg.norm(code)),
        "units": codes.shape[1],
        "nearest": int(np.abs(FINE[::EVERY] - position).argmin()),
    }


def build(figure, units, longest):
    """All artists: the strip above, the image, the bars and the two curves below; units is Z, longest the
    length of the longest code that can be shown.
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
    return {
        "strip": axes.add_artist(Tiles([(position, 0) for position in FINE[::EVERY]], SMALL)),
        "frame": moving(axes, "s", **frame),
        "mark": mark(axes, "v", size=10, markeredgewidth=0.7),
        "names": axes.add_artist(Texts(9, "DejaVu Sans")),
    }


def _build_image(axes):
    axes.set(xlim=(0, 1), ylim=(0, 1))
    axes.set_axis_off()
    axes.set_title("image at the mark", fontsize=10)
    return {"image": axes.add_artist(Tiles([(0.5, 0.5)], LARGE))}


def _build_bars(axes):
    axes.set(xlim=(-0.6, 9.6), ylim=(0, 1.08), xticks=range(10), yticks=(0, 0.25, 0.5, 0.75, 1))
    axes.set(xlabel="digit", ylabel="probability by the classifier")
    bars = list(axes.bar(range(10), 0, color=COLOURS[5], edgecolor="black", linewidth=0.6))
    return {"bars": bars, "most": mark(axes, "v", zorder=2)}


def _build_curve(axes, name):
    """The present way's curve and the mark of the present position on it."""
    axes.set(xlim=(-0.03, 1.03), xticks=(0, 0.5, 1))
    return {f"{name} line": moving(axes, color=COLOURS[0], zorder=3), f"{name} here": mark(axes, "D")}


def _build_lengths(axes, units, longest):
    low, high = typical(units)
    axes.set(ylabel="length of\nthe code", ylim=(0, 1.04 * max(longest, high)))
    axes.tick_params(labelbottom=False)
    axes.axhspan(low, high, color="0.85", linewidth=0, zorder=1, label="about 95 % of random codes")
    axes.axhline(np.sqrt(units), color="0.35", linestyle="--", linewidth=1.2, zorder=2, label="√Z")
    artists = _build_curve(axes, "lengths")
    handles, names = axes.get_legend_handles_labels()
    legend(axes, handles, names, 0.45, 0.96, columnspacing=2, handlelength=1.6, handletextpad=0.8)
    axes.set_title(" ", fontsize=9)  # room for the legend
    return artists


def _build_moves(axes):
    artists = _build_curve(axes, "moves")
    axes.set(xlabel="position on the way", ylabel="distance to\nnext image", ylim=(0, 1.04))
    return artists | {"scale": moving_scale(axes, TICKS)}


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
    top, moves = round_up(state["moves"].max(), 0.5), state["moves"]
    artists["moves line"].set_data(FINE.repeat(2)[1:-1], moves.repeat(2) / top)  # level between neighbours
    artists["moves here"].set_data([position], [moves[step_of(position)] / top])
    artists["scale"].set_data(-0.05, TICKS, [f"{top * tick:g}" for tick in TICKS])
    artists["caption"].set_text(caption(state))


def step_of(position):
    """Between which two neighbours of FINE a position lies: the index of the first."""
    return int(np.clip(np.searchsorted(FINE, position, side="right") - 1, 0, len(FINE) - 2))


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

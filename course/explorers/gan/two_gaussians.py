"""Chapter 5's explorer of two Gaussians: where each loss pulls samples, and what divergences see."""

import math
from functools import partial

import numpy as np
import torch

from course.explorers import parts
from course.explorers.base import Explorer
from course.explorers.controls import list_slider, slider
from course.explorers.picture import Picture
from course.plots import COLOURS
from course.plots.texts import Texts

LOW, HIGH = -4.0, 11.0  # of the line shown
X = torch.linspace(LOW, HIGH, 451, dtype=torch.float64)
MEANS = (-1.0, 6.0, 0.1)
# Spaced evenly on a log scale, but for their rounding.
STDS = (0.3, 0.35, 0.4, 0.45, 0.5, 0.6, 0.7, 0.85, 1.0, 1.2, 1.4, 1.7, 2.0)
TICKS = (0, 0.5, 1)  # of the densities' scale
SAMPLES = 8
QUANTILES = torch.special.ndtri((torch.arange(SAMPLES, dtype=torch.float64) + 0.5) / SAMPLES)  # of N(0, 1)
SPREAD = 0.66  # of a row, over which its samples are spread, so that no arrow hides another
RATIO = 0.31  # rows that are as high in the picture as one unit of x is wide
LONGEST = 3.0  # arrow, in units of x; a pull of 1 has half of it
MOST = 10.0  # of the scale of the divergences
RAISED = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")
APART = 0.97 * math.log(2)  # of JS: from here on p and q hardly overlap
ALT = (
    "Above, the densities of the data and of the generator; below them a row for each loss, in which arrows "
    "show where it pulls samples of the generator, with the mean size of the pull; beside them a bar for "
    "each divergence of the two densities."
)


def two_gaussians(densities, divergences, pulls):
    """Explore losses and divergences of data p = N(0, 1) and a generator q = N(mean, std²) on a line.

    Args:
        densities: function (x (N,) float64, mean, std) -> p (N,), q (N,).
        divergences: function (mean, std) -> dict of name to float, in the same order each time: "JS" first,
            "KL(p||q)", "KL(q||p)", in nats, and "W1" in units of x.
        pulls: dict of a loss's name to a function (x (N,), mean, std) -> (N,): minus the derivative of the
            generator's loss for a sample by its place x, under the discriminator that is best for that loss.
    """
    controls = {
        "mean": slider("mean of q", MEANS, 5, "the mean of the generator's distribution; the data's is 0"),
        "std": list_slider("standard deviation of q", STDS, 1.0, "on a log scale; the data's deviation is 1"),
    }
    compute = partial(compute_two_gaussians, densities, divergences, pulls)
    picture = Picture(partial(build, list(pulls), list(divergences(2.0, 1.0))), update, (8.4, 4.0))
    touch = dict.fromkeys(("densities", "pulls"), lambda state, x, y: {"mean": x})
    return Explorer(
        "two Gaussians", controls, compute, picture, ALT,
        main=("mean", "std"), touch=touch, hint="Drag q to the data and away from it.",
    )  # fmt: skip


@torch.no_grad()
def compute_two_gaussians(densities, divergences, pulls, *, mean, std):
    """The numbers behind one picture of the two Gaussians.

    Returns:
        dict: p, q (len(X),); samples (SAMPLES,), quantiles of q in place of chance; pulls and sizes, of each
        loss the pulls (SAMPLES,) on these and their mean size; divergences, dict of name to float.
    """
    samples = mean + std * QUANTILES
    p, q = densities(X, mean, std)
    pulled = {name: parts.arrays(pull(samples, mean, std)) for name, pull in pulls.items()}
    return {
        "p": parts.arrays(p),
        "q": parts.arrays(q),
        "samples": parts.arrays(samples),
        "pulls": pulled,
        "sizes": {name: float(np.abs(pull).mean()) for name, pull in pulled.items()},
        "divergences": {name: float(value) for name, value in divergences(mean, std).items()},
    }


def build(losses, names, figure):
    """All artists: densities above the losses' rows to the left, the divergences' bars to the right."""
    figure.get_layout_engine().set(wspace=0.02, hspace=0, w_pad=0.08)
    grid = figure.add_gridspec(2, 3, height_ratios=(1, 2.1), width_ratios=(5, 0.75, 2))
    artists = {"caption": parts.headline(figure)}
    above = figure.add_subplot(grid[0, 0])
    artists |= _build_densities(above)
    below = figure.add_subplot(grid[1, 0], sharex=above)
    sizes = figure.add_subplot(grid[1, 1], sharey=below)
    artists |= _build_rows(below, sizes, losses)
    return artists | _build_bars(figure.add_subplot(grid[:, 2]), names)


def _build_densities(axes):
    axes.set_label("densities")
    axes.set(xlim=(LOW, HIGH), ylim=(0, 1.08), ylabel="density")
    axes.tick_params(labelbottom=False)
    artists = {"scale": parts.moving_scale(axes, TICKS)}
    for name, label, colour, style in (
        ("p", "data p", COLOURS[0], "-"),
        ("q", "generator q", COLOURS[1], "--"),
    ):
        artists[name] = axes.plot(X, 0 * X, style, color=colour, linewidth=2, label=label)[0]
        artists[f"{name} area"] = axes.fill_between(X, 0, 0 * X, color=colour, alpha=0.15, linewidth=0)
    parts.legend(axes, [artists["p"], artists["q"]], room=True)
    return artists


def _build_rows(axes, sizes, losses):
    """A row for each loss, the first on top; sizes is the panel for the pulls' mean sizes beside them."""
    axes.set_label("pulls")
    count = len(losses)
    axes.set(ylim=(count - 0.5, -0.5), yticks=range(count), yticklabels=losses)
    axes.set_xlabel("x; an arrow shows where a loss pulls a sample of q")
    axes.tick_params(axis="y", length=0)
    for row in range(1, count):
        axes.axhline(row - 0.5, color="0.88", linewidth=0.8)
    sizes.set_axis_off()
    heading = sizes.text(0.5, -0.62, "mean pull", ha="center", va="bottom", fontsize=9)
    heading.set_in_layout(False)
    return {
        "arrows": parts.moving(axes, color="black", linewidth=1.1, solid_joinstyle="miter", zorder=3),
        "samples": parts.moving(axes, "o", color=COLOURS[1], markersize=3.2, markeredgewidth=0, zorder=4),
        "sizes": sizes.add_artist(Texts(10, "DejaVu Sans")),
    }


def _build_bars(axes, names):
    axes.set(xlim=(0, MOST), ylim=(len(names) - 0.6, -0.5), yticks=[], xticks=(0, 5, 10))
    axes.set_xlabel("nats; $W_1$ in units of x")
    bars = list(axes.barh(range(len(names)), 0, height=0.34, color=COLOURS[5], edgecolor="black"))
    for bar in bars:
        bar.set_linewidth(0.6)
    axes.plot([math.log(2)] * 2, [-0.17, 0.17], color="black", linewidth=1.5)
    axes.text(math.log(2) + 0.2, 0, "at most ln 2", va="center", fontsize=9)
    axes.spines["left"].set_visible(False)
    beyond = parts.mark(axes, ">", "black", 7)
    return {"bars": bars, "beyond": beyond, "names": axes.add_artist(Texts(9.5, "DejaVu Sans", align=0))}


def update(artists, state):
    """Put a state's numbers into the artists."""
    top = parts.round_up(max(state["p"].max(), state["q"].max()), 0.5)
    for name in ("p", "q"):
        artists[name].set_ydata(state[name] / top)
        artists[f"{name} area"].set_data(X, 0 * state[name], state[name] / top)
    artists["scale"].set_data(-0.02, TICKS, [f"{top * tick:g}" for tick in TICKS])
    tails, along = rows(state["samples"], state["pulls"])
    artists["samples"].set_data(*tails.T)
    artists["arrows"].set_data(*parts.arrow_path(tails, along, 0.22, ratio=RATIO).T)
    sizes = [said(size) for size in state["sizes"].values()]
    artists["sizes"].set_data(0.5, np.arange(len(sizes)), sizes)
    divergences = state["divergences"]
    for bar, value in zip(artists["bars"], divergences.values(), strict=True):
        bar.set_width(min(value, MOST))
    beyond = np.flatnonzero(np.array(list(divergences.values())) > MOST)
    artists["beyond"].set_data(np.full(len(beyond), MOST), beyond)
    names = [f"{name} = {said(value)}" for name, value in divergences.items()]
    names = [name.replace("||", "‖").replace("W1", "W₁") for name in names]
    artists["names"].set_data(0, np.arange(len(names)) - 0.33, names)
    artists["caption"].set_text(finding(state))


def rows(samples, pulls):
    """Where the arrows of all losses begin, and how far they reach: two arrays (losses · SAMPLES, 2).

    A pull of size s has an arrow of LONGEST·s / (1 + s): pulls differ by powers of ten.
    """
    lift = SPREAD * (0.5 - (np.arange(SAMPLES) + 0.5) / SAMPLES)
    tails = [np.stack([samples, row + lift], 1) for row in range(len(pulls))]
    pull = np.concatenate(list(pulls.values()))
    along = LONGEST * pull / (1 + np.abs(pull))
    return np.concatenate(tails), np.stack([along, 0 * along], 1)


def finding(state):
    """What the present q shows, in one line."""
    sizes = state["sizes"]
    silent = [name for name, size in sizes.items() if said(size) == "0"]
    pulling = [name for name in sizes if name not in silent]
    if not pulling:
        return "q is p: no loss pulls at any sample"
    outward = np.sign(state["samples"] - state["mean"])
    for direction, words in ((1, "too narrow: every loss{} spreads"), (-1, "too wide: every loss{} gathers")):
        if all((direction * outward * state["pulls"][name] > 0).all() for name in pulling):
            but = f" but the {' and '.join(silent)}" if silent else ""
            return f"q is {words.format(but)} its samples"
    ends = min(sizes, key=sizes.get), max(sizes, key=sizes.get)
    least, most = (f"{said(sizes[name])} ({name})" for name in ends)
    far = state["divergences"]["JS"] >= APART
    start = "Far apart, JS nears its limit ln 2" if far else "The losses disagree"
    return f"{start}: the mean pull is from {least} to {most}"


def said(number):
    """A size, with a power of ten where it is small: "0.69", "12.5", "204", "3·10⁻⁷", "0"."""
    if number >= 1e-3:
        return f"{number:.2g}" if number < 9.95 else f"{number:.{int(number < 100)}f}"
    if number < 1e-12:
        return "0"
    digit, power = f"{number:.0e}".split("e-")
    return f"{digit}·10⁻{power.lstrip('0').translate(RAISED)}"

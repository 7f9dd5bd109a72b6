"""Chapter 5's explorer of two Gaussians: what divergences see, and where a generator's loss pulls."""

import math
from functools import lru_cache, partial

import numpy as np
import torch

from course.explorers.base import Explorer, Picture
from course.explorers.controls import list_slider, menu, slider
from course.explorers.parts import arrays, caption_above, legend, mark, minus, moving, moving_scale, round_up
from course.plots import COLOURS, STYLES
from course.plots.texts import Caption

PLACES = (-6, -3, 0, 3, 6)  # marked on the scales of x and of q's mean
TICKS = (0, 0.5, 1)  # of the densities' scale
LINEAR = 0.1  # the pull's scale is linear up to here, and logarithmic beyond
MOST_PULL = 100.0
WEAK = 1e-3  # |pull|, below which no direction is shown
MOST = 10.0  # of the scale of all divergences but JS
MOST_MEAN = 6.0
# Spaced evenly on a log scale, but for their rounding.
STDS = (
    0.2, 0.22, 0.25, 0.27, 0.3, 0.33, 0.36, 0.4, 0.45, 0.5, 0.55, 0.6, 0.67, 0.75, 0.82, 0.9, 1.0, 1.1, 1.2,
    1.35, 1.5, 1.65, 1.8, 2.0, 2.2, 2.5, 2.75, 3.0,
)  # fmt: skip
X = torch.linspace(-9, 9, 481, dtype=torch.float64)
SAMPLES = 20
LEGEND = dict(y=0.98, columnspacing=0.8, handlelength=1.7, handletextpad=0.3)
# Of the divergences' curves; denser where these bend, since a curve is computed as soon as a std is chosen.
_HALF = np.array([*np.linspace(0, 4.2, 15), 4.7, 5.3, MOST_MEAN])
MEANS = np.concatenate([-_HALF[:0:-1], _HALF])
ALT = (
    "The densities of the data and of the generator with the best discriminator below; the pull of the "
    "chosen loss as a curve over the place of a sample, with samples of the generator as marks that point "
    "the way they are pulled; and the divergences as curves over the generator's mean, the present one "
    "marked."
)


def two_gaussians(densities, best, divergences, pulls):
    """Explore losses and divergences of data p = N(0, 1) and a generator q = N(mean, std²) on a line.

    Args:
        densities: function (x (N,) float64, mean, std) -> p (N,), q (N,).
        best: function (x (N,), mean, std) -> (N,), the best discriminator's probability p / (p + q).
        divergences: function (mean, std) -> dict of name to float: "JS" in nats; the others, up to five and
            in the same order each time, share one scale: "KL(p||q)", "KL(q||p)" in nats, "W1" in units of x.
            It is called at all `MEANS` when a std is first shown.
        pulls: dict of a loss's name to a function (x (N,), mean, std) -> (N,): minus the derivative of the
            generator's loss for a sample by its place x, under the discriminator that is best for that loss.
    """
    controls = {
        "mean": slider(
            "mean",
            (-MOST_MEAN, MOST_MEAN, 0.1),
            2,
            "the mean of the generator's distribution q; the data's is 0",
        ),
        "std": list_slider("std", STDS, 1.0, "the standard deviation of q, on a log scale; the data's is 1"),
        "loss": menu("loss", pulls, None, "the generator's loss, whose pull on samples is shown"),
    }
    surveyed = lru_cache(maxsize=None)(lambda std: survey(divergences, std))
    compute = partial(compute_two_gaussians, densities, best, divergences, pulls, surveyed)
    names = [name for name in divergences(2.0, 1.0) if name != "JS"]
    picture = Picture(partial(build, names=names), update, (9.8, 5.0))
    return Explorer("two Gaussians", controls, compute, picture, ALT, main=("mean", "std"))


def quantiles(mean, std):
    """SAMPLES samples of N(mean, std²) without chance: its quantiles at (i + ½) / SAMPLES, (SAMPLES,)."""
    share = (torch.arange(SAMPLES, dtype=torch.float64) + 0.5) / SAMPLES
    return mean + std * torch.special.ndtri(share)


def survey(divergences, std):
    """Each divergence over MEANS at one std: dict of name to (len(MEANS),)."""
    found = [divergences(float(mean), std) for mean in MEANS]
    return {name: np.array([float(each[name]) for each in found]) for name in found[0]}


@torch.no_grad()
def compute_two_gaussians(densities, best, divergences, pulls, surveyed, *, mean, std, loss):
    """The numbers behind one picture of the two Gaussians.

    Args:
        surveyed: function (std) -> what `survey` returned for that std.
    Returns:
        dict: p, q, best, pull (len(X),); samples and sample_pulls (SAMPLES,), and outside, how many of them
        lie beyond X; sizes, each loss's mean |pull| on the samples; divergences, at this mean, and curves,
        over MEANS: dicts of names.
    """
    samples = quantiles(mean, std)
    on_samples = {name: arrays(pull(samples, mean, std)) for name, pull in pulls.items()}
    p, q = densities(X, mean, std)
    return {
        "p": arrays(p),
        "q": arrays(q),
        "best": arrays(best(X, mean, std)),
        "pull": arrays(pulls[loss](X, mean, std)),
        "samples": arrays(samples),
        "sample_pulls": on_samples[loss],
        "outside": int((samples.abs() > X[-1]).sum()),
        "sizes": {name: float(np.abs(pull).mean()) for name, pull in on_samples.items()},
        "divergences": {name: float(value) for name, value in divergences(mean, std).items()},
        "curves": surveyed(std),
    }


def build(figure, names):
    """All artists: densities and discriminator to the left, pulls in the middle, divergences to the right;
    names are those of the divergences other than JS.
    """
    figure.get_layout_engine().set(wspace=0.06, hspace=0.1)
    grid = figure.add_gridspec(2, 3, width_ratios=(1, 1.25, 1))
    artists = {"caption": caption_above(figure, grid, 1.235)}
    above, right = figure.add_subplot(grid[0, 0]), figure.add_subplot(grid[0, 2])
    artists |= _build_densities(above)
    artists |= _build_best(figure.add_subplot(grid[1, 0], sharex=above))
    artists |= _build_pull(figure.add_subplot(grid[:, 1]))
    artists |= _build_js(right)
    return artists | _build_others(figure.add_subplot(grid[1, 2], sharex=right), names)


def _build_densities(axes):
    axes.set(xlim=(X[0], X[-1]), xticks=PLACES, ylim=(0, 1.05), ylabel="density")
    axes.tick_params(labelbottom=False)
    artists = {
        "p": axes.plot(X, 0 * X, color=COLOURS[0], linewidth=2, label="data p")[0],
        "q": axes.plot(X, 0 * X, "--", color=COLOURS[1], linewidth=2, label="generator q")[0],
        "scale": moving_scale(axes, TICKS),
    }
    legend(axes, [artists["p"], artists["q"]], **LEGEND)
    return artists


def _build_best(axes):
    axes.set(xlabel="x", ylim=(-0.04, 1.04), yticks=TICKS, ylabel="best D = p / (p + q)")
    axes.axhline(0.5, color="0.6", linewidth=1, linestyle=":")
    return {"best": axes.plot(X, 0 * X, color=COLOURS[6], linewidth=1.8)[0]}


def _build_pull(axes):
    axes.set_yscale("symlog", linthresh=LINEAR, linscale=1)
    powers = 10.0 ** np.arange(round(math.log10(LINEAR)), round(math.log10(MOST_PULL)) + 1)
    ticks = [*-powers[::-1], 0, *powers]
    axes.set(xlabel="place x of a sample", ylabel="pull on a sample (above 0: to the right)")
    axes.set_yticks(ticks, [minus(f"{tick:g}") for tick in ticks])
    axes.minorticks_off()
    axes.set(xlim=(X[0], X[-1]), xticks=PLACES, ylim=(-1.4 * MOST_PULL, 1.4 * MOST_PULL))
    axes.axhline(0, color="0.6", linewidth=1)
    marks = dict(linestyle="", color=COLOURS[1], markeredgecolor="black", markeredgewidth=0.6, zorder=4)
    artists = {
        "pull": axes.plot(X, 0 * X, color=COLOURS[0], linewidth=1.8, zorder=3)[0],
        "left": moving(axes, "<", markersize=7, label="pulled left", **marks),
        "right": moving(axes, ">", markersize=7, label="right", **marks),
        "weak": moving(axes, "o", markersize=5, label=f"hardly (< {WEAK:g})", **marks),
        "title": axes.add_artist(Caption(0.5, 1.1, 11)),
    }
    artists["weak"].set_markerfacecolor("white")
    legend(axes, [artists[name] for name in ("left", "right", "weak")], **LEGEND)
    return artists


def _build_js(axes):
    axes.set(xlim=(MEANS[0], MEANS[-1]), xticks=PLACES, ylim=(0, 0.78), ylabel="JS (nats)")
    axes.tick_params(labelbottom=False)
    axes.axhline(math.log(2), color="0.4", linewidth=1.2, linestyle=":")
    axes.text(0, math.log(2) - 0.02, "ln 2", ha="center", va="top", fontsize=9, color="0.25")
    return {
        "JS": axes.plot(MEANS, 0 * MEANS, color=COLOURS[6], linewidth=1.8)[0],
        "JS here": mark(axes, "D", size=7, zorder=5),
    }


def _build_others(axes, names):
    axes.set(xlabel="mean of q", xlim=(MEANS[0], MEANS[-1]), ylim=(0, MOST))
    axes.set_ylabel("KL (nats), W1 (units of x)")
    artists = {}
    for name, colour, style in zip(names, COLOURS[2:], STYLES, strict=False):
        look = dict(color=colour, linestyle=style, linewidth=1.8, label=name.replace("||", "‖"))
        artists[name] = axes.plot(MEANS, 0 * MEANS, **look)[0]
        artists[f"{name} here"] = mark(axes, "D", size=7, zorder=5)
    legend(axes, [artists[name] for name in names], **LEGEND)
    return artists


def update(artists, state):
    """Put a state's numbers into the artists."""
    top = round_up(max(state["p"].max(), state["q"].max()), 0.5)
    artists["p"].set_ydata(state["p"] / top)
    artists["q"].set_ydata(state["q"] / top)
    artists["scale"].set_data(-0.04, TICKS, [f"{top * tick:g}" for tick in TICKS])
    artists["best"].set_ydata(state["best"])
    artists["pull"].set_ydata(state["pull"])
    artists["title"].set_text(title(state))
    _update_samples(artists, state["samples"], state["sample_pulls"])
    for name, curve in state["curves"].items():
        artists[name].set_ydata(curve)
        _update_here(artists[f"{name} here"], state["mean"], state["divergences"][name])
    artists["caption"].set_text(caption(state))


def _update_samples(artists, samples, pulls):
    heights = np.clip(pulls, -MOST_PULL, MOST_PULL)
    marks = {"left": pulls <= -WEAK, "right": pulls >= WEAK, "weak": np.abs(pulls) < WEAK}
    for name, chosen in marks.items():
        artists[name].set_data(samples[chosen], heights[chosen])


def _update_here(here, mean, value):
    """A value beyond the panel is an arrow at its upper edge."""
    top = here.axes.get_ylim()[1]
    here.set_data([mean], [min(value, top)])
    here.set_marker("D" if value <= top else "^")


def title(state):
    """The loss, and how many samples the panel cannot show."""
    outside, count = state["outside"], len(state["samples"])
    return f"{state['loss']} loss" + (f" ({outside} of {count} samples outside)" if outside else "")


def caption(state):
    """The divergences and the mean pull of every loss, in two lines."""
    values = state["divergences"]
    others = [f"{name.replace('||', '‖')} {said(value)}" for name, value in values.items() if name != "JS"]
    sizes = ",  ".join(f"{name} {said(size)}" for name, size in state["sizes"].items())
    mean = minus(f"{round(state['mean'], 2) + 0.0:g}")  # no "−0"
    return (
        f"q = N({mean}, {state['std']:g}²):  "
        + ",  ".join([f"JS {said(values['JS'])} of at most ln 2 = 0.693", *others])
        + f"\nmean |pull| on samples of q:  {sizes}"
    )


def said(number):
    """A size, with an exponent where it is small: "0.693", "1.2e−08", "0"."""
    if abs(number) < 1e-3:
        return minus(f"{number:.1e}") if number else "0"
    return f"{number:.3g}"

"""Chapter 4's explorer of the evidence lower bound: one observation, a z of one dimension, a Gaussian q."""

from functools import lru_cache, partial

import numpy as np
import torch
from matplotlib import colormaps
from matplotlib.colors import BoundaryNorm

from course.explorers.base import Explorer, Picture
from course.explorers.controls import list_slider, menu, slider
from course.explorers.parts import arrays, legend, mark, minus, moving, moving_scale, round_up
from course.plots import COLOURS
from course.plots.texts import Caption, Texts

LEVELS = (0, 0.03, 0.1, 0.3, 1, 3, 10, 30, 100)  # nats, of the map's colours
TICKS = (0, 0.5, 1)  # of the densities' scale
STEPS = 8  # of the bars' scale
# Spaced evenly on a log scale, but for their rounding.
SIGMAS = (
    0.1, 0.11, 0.125, 0.14, 0.16, 0.18, 0.2, 0.22, 0.25, 0.28, 0.32, 0.36, 0.4, 0.45, 0.5, 0.56, 0.63, 0.7,
    0.8, 0.9, 1.0, 1.1, 1.25, 1.4, 1.6, 1.8, 2.0, 2.25, 2.5, 2.75, 3.0,
)  # fmt: skip
MOST_MU = 3.0
GRID = np.linspace(-4, 4, 321)  # of z
MAP_MUS = np.linspace(-MOST_MU, MOST_MU, 81)
MAP_SIGMAS = np.geomspace(SIGMAS[0], SIGMAS[-1], 61)
ROUNDS = 16  # of the search for the best q, which halves its step in each
ALT = (
    "The densities of the prior, the exact posterior and the Gaussian q as three curves; a map of how far "
    "the ELBO lies below the log evidence for each mean and standard deviation of q, the present and the "
    "best q marked; and two stacked bars: the log evidence made up of the ELBO and its gap, and the expected "
    "log likelihood made up of the ELBO and the divergence from the prior."
)


def bound(models, mu=0.0, sigma=1.0):
    """Explore log p(x) = ELBO + KL(q || posterior) for q = N(mu, sigma²), the prior N(0, 1) and one fixed x.

    Args:
        models: dict of name to (log_likelihood, elbo, log_evidence): the chapter's functions log_likelihood(z
            (n,) float64) -> (n,), log p(x | z), and elbo(mu, sigma), float64 tensors that broadcast to some
            shape, -> that shape, nats; and the float log p(x), nats. `elbo` is called at some 5,000 pairs, a
            row of 81 at a time, when a model is first shown.
        mu, sigma: of q, to begin with; sigma is one of `SIGMAS`.
    """
    controls = {
        "model": menu("model", models, None, "the decoder p(x | z), which decides how the posterior looks"),
        "mu": slider("mean μ", (-MOST_MU, MOST_MU, 0.05), mu, "the mean of q"),
        "sigma": list_slider("sd σ", SIGMAS, sigma, "the standard deviation of q, on a log scale"),
    }
    surveyed = lru_cache(maxsize=None)(lambda name: survey(*models[name]))
    compute = partial(compute_bound, models, surveyed)
    picture = Picture(build, update, (9.8, 4.4))
    return Explorer("evidence lower bound", controls, compute, picture, ALT, main=("mu", "sigma"))


def kl_to_prior(mu, sigma):
    """KL(N(mu, sigma²) || N(0, 1)) = ½ (mu² + sigma² − 1 − ln sigma²), nats; numbers or arrays.

    Source: Kingma & Welling 2013, appendix B.
    """
    return 0.5 * (mu**2 + sigma**2 - 1 - np.log(sigma**2))


def normal(z, mu=0.0, sigma=1.0):
    """The density of N(mu, sigma²) at z."""
    return np.exp(-0.5 * ((z - mu) / sigma) ** 2) / (sigma * np.sqrt(2 * np.pi))


@torch.no_grad()
def evaluate(function, *numbers):
    """A function of float64 tensors at arrays or numbers, as a float64 array."""
    return arrays(function(*(torch.as_tensor(number, dtype=torch.float64) for number in numbers)))


def survey(log_likelihood, elbo, log_evidence):
    """What does not depend on the present q of a model, see `bound`.

    Returns:
        dict: posterior (len(GRID),), the density p(z | x); map (len(MAP_SIGMAS), len(MAP_MUS)), the gap
        log p(x) − ELBO in nats; best, (mu, sigma) of the least gap within the map, and least, that gap.
    """
    posterior = np.exp(evaluate(log_likelihood, GRID) - log_evidence) * normal(GRID)
    gaps = log_evidence - np.stack([evaluate(elbo, MAP_MUS, np.full_like(MAP_MUS, s)) for s in MAP_SIGMAS])
    row, column = np.unravel_index(gaps.argmin(), gaps.shape)
    best = _refine(elbo, MAP_MUS[column], MAP_SIGMAS[row])
    least = log_evidence - float(evaluate(elbo, *best))
    return {"posterior": posterior, "map": gaps, "best": best, "least": least}


def _refine(elbo, mu, sigma):
    """(mu, sigma) of the greatest ELBO near a point of the map, by ever smaller grids around the best."""
    wide, high = MAP_MUS[1] - MAP_MUS[0], np.log(MAP_SIGMAS[1] / MAP_SIGMAS[0])
    steps = np.linspace(-1, 1, 5)
    for power in range(ROUNDS):
        mus = np.clip(mu + wide * steps / 2**power, -MOST_MU, MOST_MU)
        sigmas = np.clip(sigma * np.exp(high * steps / 2**power), SIGMAS[0], SIGMAS[-1])
        around = [array.ravel() for array in np.meshgrid(mus, sigmas)]
        most = evaluate(elbo, *around).argmax()
        mu, sigma = (float(array[most]) for array in around)
    return mu, sigma


def compute_bound(models, surveyed, *, model, mu, sigma):
    """The numbers behind one picture of the bound.

    Args:
        surveyed: function (name) -> what `survey` returned for that model.
    Returns:
        dict: prior, posterior, q (len(GRID),) densities; map, best, least as in `survey`; and in nats
        log_evidence, elbo, gap = log_evidence − elbo = KL(q || posterior), kl = KL(q || prior) and expected =
        elbo + kl = E_q[log p(x | z)].
    """
    _, function, log_evidence = models[model]
    elbo, kl = float(evaluate(function, mu, sigma)), float(kl_to_prior(mu, sigma))
    return surveyed(model) | {
        "prior": normal(GRID),
        "q": normal(GRID, mu, sigma),
        "log_evidence": float(log_evidence),
        "elbo": elbo,
        "gap": float(log_evidence) - elbo,
        "kl": kl,
        "expected": elbo + kl,
    }


def build(figure):
    """All artists: the densities, the map with its scale, the bars."""
    figure.get_layout_engine().set(wspace=0.09)  # the map's scale has its label next to the bars
    left, middle, right = figure.subplots(1, 3, width_ratios=(1, 1.2, 1))
    left.set_title("\n\n\n\n", fontsize=11)  # room for the caption and the legends
    artists = _build_densities(left) | _build_map(middle) | _build_bars(right)
    bar = figure.colorbar(artists["map"], ax=middle, ticks=LEVELS, spacing="uniform", pad=0.03, aspect=22)
    bar.set_label("ELBO − log p(x) (nats)", labelpad=0)
    bar.ax.set_yticklabels([f"−{level:g}" if level else "0" for level in LEVELS])
    bar.ax.invert_yaxis()  # the greatest ELBO above
    return artists | {"caption": middle.add_artist(Caption(0.63, 1.26))}


def _build_densities(axes):
    axes.set(xlabel="z", xlim=(GRID[0], GRID[-1]), xticks=range(-4, 5, 2), ylim=(0, 1.05))
    axes.set_ylabel("density")
    artists = {
        "prior": moving(axes, ":", color="0.45", linewidth=1.8, label="prior"),
        "posterior": moving(axes, color=COLOURS[0], linewidth=2.2, label="posterior"),
        "q": moving(axes, "--", color=COLOURS[1], linewidth=2.2, label="q"),
    }
    legend(axes, list(artists.values()), y=0.99, handlelength=1.6)
    return artists | {"scale": moving_scale(axes, TICKS)}


def _build_map(axes):
    edges = [_edges(MAP_MUS), np.exp(_edges(np.log(MAP_SIGMAS)))]
    norm = BoundaryNorm(LEVELS, 256, extend="max")
    blank = np.zeros((len(MAP_SIGMAS), len(MAP_MUS)))
    mesh = axes.pcolormesh(*edges, blank, cmap=colormaps["viridis_r"], norm=norm)
    axes.set(xlabel="mean μ of q", ylabel="standard deviation σ of q", yscale="log")
    axes.set(xlim=(edges[0][0], edges[0][-1]), ylim=(edges[1][0], edges[1][-1]), xticks=range(-3, 4))
    axes.set_yticks((0.1, 0.2, 0.5, 1, 2), ("0.1", "0.2", "0.5", "1", "2"))
    axes.minorticks_off()
    artists = {
        "map": mesh,
        "best": mark(axes, "*", "white", 15, label="best q", zorder=2),
        "here": mark(axes, "D", label="this q", zorder=2),
    }
    legend(axes, [artists["here"], artists["best"]], y=0.99, handlelength=1.6)
    return artists


def _build_bars(axes):
    axes.set(xlim=(-0.55, 1.55), ylim=(0, STEPS), ylabel="value (nats)")
    axes.set_xticks((0, 1), ("ELBO + gap\n= log p(x)", "ELBO + KL =\nE_q[log p(x|z)]"), fontsize=9)
    axes.tick_params(axis="x", length=0)
    style = dict(width=0.8, edgecolor="black", linewidth=0.8)
    artists = {
        "elbos": list(axes.bar((0, 1), 1, color=COLOURS[5], **style)),
        "gap": axes.bar(0, 1, color=COLOURS[4], hatch="//", **style)[0],
        "kl": axes.bar(1, 1, color="white", hatch="..", **style)[0],
        "evidence": moving(axes, "--", color="black", linewidth=1.4, label="log p(x)", zorder=4),
        "ticks": moving_scale(axes, range(STEPS + 1), "−0000"),
    }
    for name, label in (("gap", "gap"), ("kl", "KL(q‖prior)")):
        artists[name].set_label(label)  # `bar` gives its label to the container
    handles = [artists[name] for name in ("evidence", "gap", "kl")]
    legend(axes, handles, None, 1.03, 0.99, "right", handlelength=1.6)
    artists["names"] = axes.add_artist(Texts(9, "DejaVu Sans"))
    artists["names"].set_zorder(5)
    return artists


def _edges(centres):
    """The edges of cells of one width around their centres."""
    half = (centres[1] - centres[0]) / 2
    return np.append(centres - half, centres[-1] + half)


def update(artists, state):
    """Put a state's numbers into the artists."""
    names = ("prior", "posterior", "q")
    top = round_up(max(state[name].max() for name in names), 0.5)
    for name in names:
        artists[name].set_data(GRID, state[name] / top)
    artists["scale"].set_data(-0.04, TICKS, [f"{top * tick:g}" for tick in TICKS])
    artists["map"].set_array(state["map"])
    artists["here"].set_data([state["mu"]], [state["sigma"]])
    artists["best"].set_data(*([value] for value in state["best"]))
    _update_bars(artists, state)
    artists["caption"].set_text(caption(state))


def _update_bars(artists, state):
    bottom, step = scale_of(state["log_evidence"], state["elbo"], state["expected"])
    elbo, evidence, expected = (
        (state[name] - bottom) / step for name in ("elbo", "log_evidence", "expected")
    )
    for bar in artists["elbos"]:
        bar.set_height(elbo)
    for name, end in (("gap", evidence), ("kl", expected)):
        artists[name].set_y(elbo)
        artists[name].set_height(end - elbo)
    artists["evidence"].set_data([-0.55, 1.55], [evidence, evidence])
    labels = [minus(f"{round(bottom + i * step, 9):g}") for i in range(STEPS + 1)]
    artists["ticks"].set_data(-0.04, range(STEPS + 1), labels)
    artists["names"].set_data([0, 1], elbo / 2, ["ELBO", "ELBO"])


def scale_of(log_evidence, elbo, expected):
    """(value at the bottom, value of a step), nats, of a scale of `STEPS` steps around three numbers, the
    least of them one to two steps above the bottom.
    """
    low, high = min(log_evidence, elbo, expected), max(log_evidence, elbo, expected)
    step = round_up((high - low) / 5, 0.01)
    return (np.floor(low / step) - 1) * step, step


def caption(state):
    """The two sums, rounded so that they come out as shown."""
    evidence, elbo, kl = (round(state[name], 3) for name in ("log_evidence", "elbo", "kl"))
    return minus(
        f"log p(x) = ELBO + KL(q‖posterior):  {evidence:.3f} = {elbo:.3f} + {evidence - elbo + 0.0:.3f} nats "
        f"(gap of the best q: {max(state['least'], 0):.3f})\n"
        f"ELBO = E_q[log p(x|z)] − KL(q‖prior):  {elbo:.3f} = {elbo + kl:.3f} − {kl:.3f} nats"
    )

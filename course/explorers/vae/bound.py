"""Chapter 4's explorer of the evidence lower bound: one observation, a z of one dimension, a Gaussian q."""

from functools import lru_cache, partial
from itertools import pairwise

import numpy as np
import torch
from matplotlib import colormaps
from matplotlib.patheffects import withStroke

from course.explorers.base import Explorer
from course.explorers.controls import menu, slider
from course.explorers.parts import arrays, headline, legend, mark, minus, moving
from course.explorers.picture import Picture
from course.plots import COLOURS
from course.plots.texts import Texts

LEVELS = (0, 0.03, 0.1, 0.3, 1, 3, 10, 30)  # nats, of the map's contours
NAMED = (0.1, 1, 10)  # of these, the ones whose value is written
MOST_MU = 3.0
LEAST_SIGMA, MOST_SIGMA = 0.2, 2.5
EDGE = 3.5  # of the axes of z and of μ
GRID = np.linspace(-4, 4, 321)  # of z
MAP_MUS = np.linspace(-EDGE, EDGE, 81)
MAP_SIGMAS = np.geomspace(LEAST_SIGMA, MOST_SIGMA, 51)
STEPS, RATE, LONGEST = 25, 0.15, 0.3  # of the ascent: how many, the learning rate, and the longest step
CLOSED = 1e-3  # nats: a gap that counts as closed
DEEP = 6  # nats below log p(x) where the bars' panel ends
SUMS = (
    "reconstruction\n$E_q[\\log\\,p(x|z)]$",
    "price\n$-$KL$(q\\,\\Vert\\,p(z))$",
    "gap\nKL$(q\\,\\Vert\\,p(z|x))$",
)
ALT = (
    "Above, the densities of the prior, the exact posterior and the Gaussian q over z; below on the same "
    "axis, a map of the gap for each mean and standard deviation of q, with the way of gradient ascent from "
    "q to the best one; beside them bars that lead from the reconstruction down by the price to the ELBO, "
    "and up by the gap to the log evidence."
)


def bound(models, mu=0.0, sigma=1.0):
    """Explore log p(x) = ELBO + KL(q || posterior) for q = N(mu, sigma²), the prior N(0, 1) and one fixed x.

    Args:
        models: dict of name to (log_likelihood, elbo, log_evidence): the chapter's functions log_likelihood(z
            (n,) float64) -> (n,), log p(x | z), and elbo(mu, sigma), float64 tensors that broadcast to some
            shape, -> that shape, nats, differentiable; and the float log p(x), nats.
        mu, sigma: of q, to begin with.
    """
    controls = {
        "step": slider("step of the ascent", (0, STEPS), 0, "how many steps q has climbed towards the best"),
        "mu": slider("mean μ", (-MOST_MU, MOST_MU, 0.05), mu, "the mean of q before the first step"),
        "sigma": slider("standard deviation σ", (LEAST_SIGMA, MOST_SIGMA, 0.01), sigma, "of that q"),
        "model": menu("model", models, None, "the decoder p(x | z), which decides how the posterior looks"),
    }
    surveyed = {name: survey(*model) for name, model in models.items()}
    ascents = lru_cache(maxsize=64)(lambda name, mu, sigma: ascent(models[name][1], mu, sigma))
    compute = partial(compute_bound, models, surveyed, ascents)
    picture = Picture(partial(build, models=models, surveyed=surveyed), update, (8.4, 4.0))
    touch = {
        "map": lambda state, x, y: {"mu": x, "sigma": y, "step": 0},
        "densities": lambda state, x, y: {"mu": x, "sigma": normal(0) / max(y, 1e-3), "step": 0},
    }
    return Explorer(
        "evidence lower bound", controls, compute, picture, ALT, main=("step",), touch=touch,
        play="step", pace=100, hint="Drag q, above or below, or play the ascent.",
    )  # fmt: skip


def kl_to_prior(mu, sigma):
    """KL(N(mu, sigma²) || N(0, 1)), nats; Kingma & Welling 2013, appendix B."""
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
        log p(x) − ELBO in nats; best, (mu, sigma) of the least gap that sliders reach, and least, that gap.
    """
    posterior = np.exp(evaluate(log_likelihood, GRID) - log_evidence) * normal(GRID)
    gaps = log_evidence - np.stack([evaluate(elbo, MAP_MUS, np.full_like(MAP_MUS, s)) for s in MAP_SIGMAS])
    row, column = np.unravel_index(gaps.argmin(), gaps.shape)
    best = tuple(map(float, ascent(elbo, MAP_MUS[column], MAP_SIGMAS[row])[-1]))
    least = log_evidence - float(evaluate(elbo, *best))
    return {"posterior": posterior, "map": gaps, "best": best, "least": least}


def ascent(elbo, mu, sigma):
    """The way of gradient ascent on the ELBO over (mu, ln sigma), within the map.

    A step is `RATE` times the gradient, shortened to `LONGEST` where it would be longer.

    Returns:
        (STEPS + 1, 2) array of mu and sigma, the start first.
    """
    low = torch.tensor([-MOST_MU, np.log(LEAST_SIGMA)], dtype=torch.float64)
    high = torch.tensor([MOST_MU, np.log(MOST_SIGMA)], dtype=torch.float64)
    place = torch.tensor([mu, np.log(sigma)], dtype=torch.float64)
    way = [place]
    for _ in range(STEPS):
        place = place.clone().requires_grad_()
        [gradient] = torch.autograd.grad(elbo(place[0], place[1].exp()), place)
        step = RATE * gradient
        step = step * (LONGEST / step.norm()).clamp(max=1)
        place = (place.detach() + step).clamp(low, high)
        way.append(place)
    way = arrays(torch.stack(way))
    return np.stack([way[:, 0], np.exp(way[:, 1])], 1)


def compute_bound(models, surveyed, ascents, *, model, mu, sigma, step):
    """The numbers behind one picture of the bound.

    Args:
        surveyed: dict of a model's name to what `survey` returned for it.
        ascents: function (name, mu, sigma) -> what `ascent` returns.
    Returns:
        dict: way (STEPS + 1, 2), mean and standard deviation of q at each step, and place, (mu, sigma) at the
        present one; posterior, q (len(GRID),) densities; best, least as in `survey`; and in nats
        log_evidence, elbo, gap = log_evidence − elbo = KL(q || posterior), first, the gap at the start, kl =
        KL(q || prior) and expected = elbo + kl = E_q[log p(x | z)].
    """
    _, function, log_evidence = models[model]
    way = ascents(model, mu, sigma)
    place = tuple(map(float, way[step]))
    elbo, kl = float(evaluate(function, *place)), float(kl_to_prior(*place))
    return {name: surveyed[model][name] for name in ("posterior", "best", "least")} | {
        "way": way,
        "place": place,
        "q": normal(GRID, *place),
        "log_evidence": float(log_evidence),
        "elbo": elbo,
        "gap": float(log_evidence) - elbo,
        "first": float(log_evidence) - float(evaluate(function, *way[0])),
        "kl": kl,
        "expected": elbo + kl,
    }


def build(figure, models, surveyed):
    """All artists: the densities above the map, which share their axis; the bars to the right."""
    artists = {"caption": headline(figure, 11)}
    figure.get_layout_engine().set(hspace=0.02)
    grid = figure.add_gridspec(2, 2, width_ratios=(1.3, 1), height_ratios=(1, 1.15))
    above, below = figure.add_subplot(grid[0, 0]), figure.add_subplot(grid[1, 0])
    right = figure.add_subplot(grid[:, 1])
    artists |= _build_densities(above) | _build_map(below, surveyed)
    return artists | _build_bars(right, [evidence for _, _, evidence in models.values()])


def _build_densities(axes):
    axes.set_label("densities")
    axes.set(xlim=(-EDGE, EDGE), xticks=range(-3, 4), ylabel="density at $z$", yticks=(0, 1, 2))
    axes.set_ylim(0, 1.04 * normal(0, 0, LEAST_SIGMA))
    axes.tick_params(axis="x", labelbottom=False)
    prior = axes.plot(GRID, normal(GRID), ":", color="0.35", linewidth=1.6, label="prior $p(z)$")[0]
    artists = {
        "posterior": moving(axes, color=COLOURS[0], linewidth=2, label="posterior $p(z|x)$"),
        "q": moving(axes, "--", color=COLOURS[1], linewidth=2.4, label="$q(z)$"),
        "top": mark(axes, "D", size=8),
    }
    legend(axes, [artists["q"], artists["posterior"], prior], room=True)
    return artists


def _build_map(axes, surveyed):
    axes.set_label("map")
    axes.set(yscale="log", xlim=(-EDGE, EDGE), ylim=(LEAST_SIGMA, MOST_SIGMA), xticks=range(-3, 4))
    axes.set_yticks((0.2, 0.5, 1, 2), ("0.2", "0.5", "1", "2"))
    axes.minorticks_off()
    axes.set(xlabel="$z$ above, mean $\\mu$ of $q$ below", ylabel="$\\sigma$ of $q$")
    shades = colormaps["Blues"](np.linspace(0, 0.75, len(LEVELS)))
    for name, surveys in surveyed.items():
        gaps = np.maximum(surveys["map"], 0)
        filled = axes.contourf(MAP_MUS, MAP_SIGMAS, gaps, LEVELS, colors=shades, extend="max", zorder=0)
        lines = axes.contour(MAP_MUS, MAP_SIGMAS, gaps, LEVELS[1:], colors="0.35", linewidths=0.6, zorder=1)
        labels = axes.clabel(lines, NAMED, fmt="%g", fontsize=8, colors="black")
        for artist in (filled, lines, *labels):
            artist.set_gid(name)
            artist.set_visible(False)
    words = axes.text(0.015, 0.965, "☆ best $q$;  contours: gap (nats)", va="top", fontsize=9, zorder=2)
    words.set(transform=axes.transAxes, bbox=dict(facecolor="white", edgecolor="none", alpha=0.8, pad=1.5))
    return {
        "ahead": moving(axes, color=COLOURS[1], linewidth=1, zorder=2),
        "way": moving(axes, ".-", color=COLOURS[1], linewidth=2, markersize=5, zorder=3),
        "best": mark(axes, "*", "white", 13),
        "here": mark(axes, "D", size=9, zorder=5),
    }


def _build_bars(axes, evidences):
    lowest, top = min(evidences) - DEEP, max(0.0, max(evidences) + 1)
    band = 0.09 * (top - lowest)  # below, where the numbers stand
    axes.set(xlim=(-0.5, 2.8), ylim=(lowest - band, top + 0.2 * band), ylabel="nats")
    axes.set_xticks(range(3), SUMS, fontsize=9)
    axes.tick_params(axis="x", length=0)
    axes.yaxis.get_major_locator().set_params(integer=True)
    style = dict(width=0.62, edgecolor="black", linewidth=0.8, zorder=2)
    looks = (dict(color=COLOURS[5]), dict(color="white", hatch="..."), dict(color=COLOURS[4], hatch="//"))
    artists = {"bars": [axes.bar(i, 1, **style | look)[0] for i, look in enumerate(looks)]}
    for name, line in (("evidence", "--"), ("elbo", "-")):
        artists[name] = moving(axes, line, color="black", linewidth=1.3, zorder=3)
    edge = [withStroke(linewidth=5.5, foreground="black")]
    artists["breaks"] = moving(axes, color="white", linewidth=4, path_effects=edge, zorder=4)
    artists["numbers"] = axes.add_artist(Texts(9.5, "DejaVu Sans"))
    artists["names"] = axes.add_artist(Texts(9, "DejaVu Sans", align=1))
    return artists


def update(artists, state):
    """Put a state's numbers into the artists."""
    mu, sigma = state["place"]
    artists["posterior"].set_data(GRID, state["posterior"])
    artists["q"].set_data(GRID, state["q"])
    artists["top"].set_data([mu], [normal(0, 0, sigma)])
    for artist in artists["here"].axes.get_children():
        if artist.get_gid() and artist.get_visible() != (artist.get_gid() == state["model"]):
            artist.set_visible(artist.get_gid() == state["model"])  # and all is drawn again
    way, step = state["way"], state["step"]
    artists["ahead"].set_data(*way.T)
    artists["way"].set_data(*way[: step + 1].T)
    artists["here"].set_data([mu], [sigma])
    artists["best"].set_data(*([value] for value in state["best"]))
    _update_bars(artists, state)
    artists["caption"].set_text(caption(state))


def _update_bars(artists, state):
    low, high = artists["elbo"].axes.get_ylim()
    band = (high - low) / 12
    floor = low + band
    levels = np.array([0, state["expected"], state["elbo"], state["log_evidence"]])
    _, _, elbo, evidence = shown = np.maximum(levels, floor)  # the rest is off the scale
    broken = []
    for i, (bar, (start, end)) in enumerate(zip(artists["bars"], pairwise(shown), strict=True)):
        bar.set_y(start)
        bar.set_height(end - start)
        if start != end and min(levels[i : i + 2]) < floor:
            broken += [(i - 0.35, floor + 0.3 * band), (i + 0.35, floor + 0.7 * band), (np.nan, np.nan)]
    artists["breaks"].set_data(*np.reshape(broken, (-1, 2)).T)
    artists["evidence"].set_data([-0.5, 2.8], [evidence, evidence])
    off = state["elbo"] < floor
    artists["elbo"].set_data([0.69, 2.8], [np.nan if off else elbo] * 2)
    gap = max(state["gap"], 0)
    values = (f"{state['expected']:.2f}", f"−{max(state['kl'], 0):.2f}", f"{gap:.{2 if gap > 0.1 else 3}f}")
    artists["numbers"].set_data(range(3), low + band / 2, [minus(value) for value in values])
    names = ("log p(x)", "ELBO ↓" if off else "ELBO")
    artists["names"].set_data(2.77, [evidence + band / 2, elbo - band / 2], names)


def caption(state):
    """What the gap is now, and what became of it."""
    gap, step = max(state["gap"], 0), state["step"]
    if gap < CLOSED:
        return minus(f"q is the posterior: the gap is closed, ELBO = log p(x) = {state['elbo']:.3f} nats")
    if gap - state["least"] < CLOSED:
        return f"The best Gaussian: a gap of {gap:.3f} nats stays open, since the posterior is no Gaussian"
    if step:
        was = f"it was {state['first']:.2f}"
        return f"Step {step} of the ascent: the gap KL(q ‖ posterior) is {gap:.2f} nats; {was}"
    if state["kl"] < 1e-9:
        return f"q is the prior: the code costs nothing, and the ELBO is {gap:.2f} nats below log p(x)"
    return f"The ELBO is {gap:.2f} nats below log p(x): the gap is KL(q ‖ posterior)"

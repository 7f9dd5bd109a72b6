"""The picture of chapter 4's evidence lower bound."""

import numpy as np
from matplotlib import colormaps
from matplotlib.colors import BoundaryNorm

from course.plots import COLOURS
from course.plots.texts import Caption, Texts

LEVELS = (0, 0.03, 0.1, 0.3, 1, 3, 10, 30, 100)  # nats, of the map's colours
TICKS = (0, 0.5, 1)  # of the densities' scale
STEPS = 8  # of the bars' scale


def build(figure, grid, mus, sigmas):
    """All artists: the densities over `grid`, the map over `mus` and `sigmas` with its scale, the bars."""
    figure.get_layout_engine().set(wspace=0.09)  # the map's scale has its label next to the bars
    left, middle, right = figure.subplots(1, 3, width_ratios=(1, 1.2, 1))
    left.set_title("\n\n\n\n", fontsize=11)  # room for the caption and the legends
    artists = _build_densities(left, grid) | _build_map(middle, mus, sigmas) | _build_bars(right)
    bar = figure.colorbar(artists["map"], ax=middle, ticks=LEVELS, spacing="uniform", pad=0.03, aspect=22)
    bar.set_label("ELBO − log p(x) (nats)", labelpad=0)
    bar.ax.set_yticklabels([f"−{level:g}" if level else "0" for level in LEVELS])
    bar.ax.invert_yaxis()  # the greatest ELBO above
    return artists | {"caption": middle.add_artist(Caption(0.63, 1.26))}


def _build_densities(axes, grid):
    axes.set(xlabel="z", xlim=(grid[0], grid[-1]), xticks=range(-4, 5, 2), ylim=(0, 1.05))
    axes.set_ylabel("density")
    axes.set_yticks(TICKS, ["0.25"] * len(TICKS))  # room for the scale, which moves with the densities
    axes.tick_params(axis="y", labelcolor="none")
    artists = {}
    for name, label, colour, style, width in (
        ("prior", "prior", "0.45", ":", 1.8),
        ("posterior", "posterior", COLOURS[0], "-", 2.2),
        ("q", "q", COLOURS[1], "--", 2.2),
    ):
        artists[name] = axes.plot([], [], color=colour, linestyle=style, linewidth=width, label=label)[0]
    _legend(axes, list(artists.values()))
    artists["scale"] = axes.add_artist(Texts(10, "DejaVu Sans", align=1))
    artists["scale"].set_transform(axes.get_yaxis_transform())
    return artists


def _build_map(axes, mus, sigmas):
    edges = [_edges(mus), np.exp(_edges(np.log(sigmas)))]
    norm = BoundaryNorm(LEVELS, 256, extend="max")
    mesh = axes.pcolormesh(*edges, np.zeros((len(sigmas), len(mus))), cmap=colormaps["viridis_r"], norm=norm)
    axes.set(xlabel="mean μ of q", ylabel="standard deviation σ of q", yscale="log")
    axes.set(xlim=(edges[0][0], edges[0][-1]), ylim=(edges[1][0], edges[1][-1]), xticks=range(-3, 4))
    axes.set_yticks((0.1, 0.2, 0.5, 1, 2), ("0.1", "0.2", "0.5", "1", "2"))
    axes.minorticks_off()
    style = dict(linestyle="", markeredgecolor="black", clip_on=False, in_layout=False)
    artists = {
        "map": mesh,
        "best": axes.plot([], [], marker="*", color="white", markersize=15, label="best q", **style)[0],
        "here": axes.plot([], [], marker="D", color=COLOURS[1], markersize=8, label="this q", **style)[0],
    }
    _legend(axes, [artists["here"], artists["best"]])
    return artists


def _build_bars(axes):
    axes.set(xlim=(-0.55, 1.55), ylim=(0, STEPS), ylabel="value (nats)")
    axes.set_xticks((0, 1), ("ELBO + gap\n= log p(x)", "ELBO + KL =\nE_q[log p(x|z)]"), fontsize=9)
    axes.tick_params(axis="x", length=0)
    axes.set_yticks(range(STEPS + 1), ["−0000"] * (STEPS + 1))  # room for the scale
    axes.tick_params(axis="y", labelcolor="none")
    style = dict(width=0.8, edgecolor="black", linewidth=0.8)
    artists = {
        "elbos": list(axes.bar((0, 1), 1, color=COLOURS[5], **style)),
        "gap": axes.bar(0, 1, color=COLOURS[4], hatch="//", **style)[0],
        "kl": axes.bar(1, 1, color="white", hatch="..", **style)[0],
        "evidence": axes.plot([], [], "--", color="black", linewidth=1.4, label="log p(x)", zorder=4)[0],
        "ticks": axes.add_artist(Texts(10, "DejaVu Sans", align=1)),
    }
    artists["ticks"].set_transform(axes.get_yaxis_transform())
    for name, label in (("gap", "gap"), ("kl", "KL(q‖prior)")):
        artists[name].set_label(label)  # `bar` gives its label to the container
    _legend(axes, [artists[name] for name in ("evidence", "gap", "kl")], "right", 1.03)
    artists["names"] = axes.add_artist(Texts(9, "DejaVu Sans"))
    artists["names"].set_zorder(5)
    return artists


def _legend(axes, handles, align="center", x=0.5):
    """A panel's legend in one line above it, which may be wider than the panel."""
    place = dict(loc=f"lower {align}", bbox_to_anchor=(x, 0.99), ncols=len(handles), fontsize=9)
    legend = axes.legend(handles=handles, **place, columnspacing=0.9, handlelength=1.6, handletextpad=0.4)
    legend.set_in_layout(False)


def _edges(centres):
    """The edges of cells of one width around their centres."""
    half = (centres[1] - centres[0]) / 2
    return np.append(centres - half, centres[-1] + half)


def update(artists, state):
    """Put a state's numbers into the artists."""
    names = ("prior", "posterior", "q")
    top = top_of(max(state[name].max() for name in names))
    for name in names:
        z = np.linspace(*artists[name].axes.get_xlim(), len(state[name]))
        artists[name].set_data(z, state[name] / top)
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
    labels = [f"{round(bottom + i * step, 9):g}".replace("-", "−") for i in range(STEPS + 1)]
    artists["ticks"].set_data(-0.04, range(STEPS + 1), labels)
    artists["names"].set_data([0, 1], elbo / 2, ["ELBO", "ELBO"])


def top_of(density):
    """The first of 0.5, 1, 2, 5, 10, … that the density does not exceed."""
    return next(m * 10.0**e for e in range(9) for m in (0.5, 1, 2) if density <= m * 10.0**e)


def scale_of(log_evidence, elbo, expected):
    """(value at the bottom, value of a step), nats, of a scale of `STEPS` steps around three numbers, the
    least of them one to two steps above the bottom.
    """
    low, high = min(log_evidence, elbo, expected), max(log_evidence, elbo, expected)
    sizes = (m * 10.0**e for e in range(-2, 9) for m in (1, 2, 5))
    step = next(size for size in sizes if high - low <= 5 * size)
    return (np.floor(low / step) - 1) * step, step


def caption(state):
    """The two sums, rounded so that they come out as shown."""
    evidence, elbo, kl = (round(state[name], 3) for name in ("log_evidence", "elbo", "kl"))
    return (
        f"log p(x) = ELBO + KL(q‖posterior):  {evidence:.3f} = {elbo:.3f} + {evidence - elbo + 0.0:.3f} nats "
        f"(gap of the best q: {max(state['least'], 0):.3f})\n"
        f"ELBO = E_q[log p(x|z)] − KL(q‖prior):  {elbo:.3f} = {elbo + kl:.3f} − {kl:.3f} nats"
    ).replace("-", "−")

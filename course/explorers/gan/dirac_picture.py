"""The picture of chapter 5's Dirac GAN."""

import numpy as np
from matplotlib import colormaps
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.lines import Line2D

from course.plots import COLOURS
from course.plots.texts import Caption

HALF = 2.5  # of the side of the plane shown
ACROSS = 15  # arrows in a row
FLOOR, MOST = 1e-6, 1e3  # of the distances' scale
FAR = 100.0  # places further out are drawn here, beyond the picture's edge
EVERY = 3  # steps from one dot of the path to the next
MEANINGS = {  # of |λ| at (0, 0)
    "inwards": "|λ| = {} < 1: comes to rest near (0, 0)",
    "outwards": "|λ| = {} > 1: driven away from (0, 0)",
    "marginal": "|λ| = 1, marginal: only the path tells",
    "none": "no |λ| here: only the path tells",
}
FADING = LinearSegmentedColormap.from_list("fading", colormaps["YlOrBr"](np.linspace(0.25, 0.95, 64)))


def build(figure, grid, steps):
    """All artists: the phase portrait to the left, the distance over the steps to the right.

    Args:
        figure: where they go.
        grid: the arrows' places along either axis.
        steps: of a path.
    """
    figure.get_layout_engine().set(wspace=0.05)
    plane, right = figure.subplots(1, 2, width_ratios=(1.15, 1))
    plane.set_title("\n\n\n\n", fontsize=10)  # room for the caption and the legends
    artists = _build_plane(plane, grid, steps) | _build_distance(right, steps)
    return artists | {"caption": plane.add_artist(Caption(1.19, 1.185))}


def _build_plane(axes, grid, steps):
    axes.set(xlabel="generator θ (the data is at 0)", ylabel="discriminator ψ (the logit is ψ·x)")
    axes.set(xlim=(-HALF, HALF), ylim=(-HALF, HALF), box_aspect=1)
    blank = np.zeros((len(grid), len(grid)))
    style = dict(pivot="mid", color="0.62", scale=22, width=0.0035, headwidth=4.5, headlength=5, zorder=1)
    dots = axes.scatter(*np.zeros((2, steps // EVERY + 1)), s=13, c=np.arange(steps // EVERY + 1), zorder=3)
    dots.set(cmap=FADING, linewidths=0)
    mark = dict(linestyle="", markeredgecolor="black", markersize=9, zorder=5)
    artists = {
        "arrows": axes.quiver(grid, grid, blank, blank, angles="xy", **style),
        "line": axes.plot([], [], color="0.35", linewidth=0.8, zorder=2)[0],
        "dots": dots,
        "start": axes.plot([], [], "o", color="white", **mark)[0],
        "end": axes.plot([], [], "D", color=COLOURS[0], **mark | dict(markersize=8))[0],
        "rest": axes.plot(0, 0, "x", color="black", markersize=10, markeredgewidth=2.2, zorder=4)[0],
    }
    dot = Line2D([], [], color="0.35", linewidth=0.8, marker="o", markersize=5, markeredgewidth=0)
    dot.set_markerfacecolor(FADING(0.7))
    names = ["start", "path, darker with time", "end", "equilibrium"]
    _legend(axes, [artists["start"], dot, artists["end"], artists["rest"]], names)
    return artists


def _build_distance(axes, steps):
    axes.set(xlabel="step", ylabel="distance from the equilibrium", yscale="log")
    axes.set(xlim=(0, steps), ylim=(FLOOR, MOST))
    axes.minorticks_off()
    artists = {
        "distance": axes.plot([], [], color=COLOURS[0], linewidth=2, zorder=3)[0],
        "predicted": axes.plot([], [], "--", color=COLOURS[1], linewidth=1.8, zorder=4)[0],
    }
    _legend(axes, list(artists.values()), ["this path", "start · |λ|^step"])
    return artists


def _legend(axes, handles, names):
    """A panel's legend in one line above it, which may be wider than the panel."""
    place = dict(loc="lower center", bbox_to_anchor=(0.5, 0.985), ncols=len(names), columnspacing=0.9)
    legend = axes.legend(handles, names, fontsize=9, handlelength=1.5, handletextpad=0.4, **place)
    legend.set_in_layout(False)


def update(artists, state):
    """Put a state's numbers into the artists."""
    artists["arrows"].set_UVC(state["arrows"][..., 0], state["arrows"][..., 1])
    places = np.clip(np.where(np.isfinite(state["path"]), state["path"], np.nan), -FAR, FAR)
    artists["line"].set_data(*places.T)
    artists["dots"].set_offsets(places[::EVERY])
    for name, place in (("start", places[0]), ("end", places[-1])):
        artists[name].set_data(*place[:, None])
    distances = np.where(np.isfinite(state["distances"]), state["distances"], np.nan)
    artists["distance"].set_data(np.arange(len(distances)), within(distances))
    predicted = [] if state["predicted"] is None else within(state["predicted"])
    artists["predicted"].set_data(np.arange(len(predicted)), predicted)
    artists["caption"].set_text(caption(state))


def within(distances):
    """Distances clipped to just beyond the scale's ends: a log scale cannot place 0, nor a picture 1e300."""
    return np.clip(distances, FLOOR / 100, MOST * 100)


def caption(state):
    """The settings, |λ| with its meaning and how far the path has come, in two lines."""
    end, last = state["distances"][-1], len(state["distances"]) - 1
    setting = f"{state['loss']} loss, penalty: {state['penalty']} (γ = {state['gamma']:g})"
    far = f"{end:.2g}" if end <= MOST else f"above {MOST:,.0f} (diverged)"
    meaning = MEANINGS[state["verdict"]].format(factor_text(state["multiplier"]))
    return (f"{setting}, {state['order']} steps\n{meaning};  distance after {last} steps: {far}").replace(
        "e-", "e−"
    )


def factor_text(factor):
    """|λ| to four decimals, to six where four would say 1.0000."""
    if factor is None:
        return ""
    return f"{factor:.4f}" if f"{factor:.4f}" != "1.0000" else f"{factor:.6f}"

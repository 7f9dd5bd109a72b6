"""The picture of chapter 4's explorer of β."""

import numpy as np
from matplotlib.patheffects import withStroke
from matplotlib.ticker import MaxNLocator

from course.plots import COLOURS
from course.plots.texts import Caption
from course.plots.tiles import Tiles

COLUMNS = 6  # images in a row
NEAR = 0.06  # of the panel's width or height: models nearer to each other share a label


def build(figure, rows):
    """All artists: rate and distortion to the left, samples above originals and reconstructions."""
    grid = figure.add_gridspec(2, 2, width_ratios=(0.655, 1))
    whole = figure.add_subplot(grid[:, :])  # unseen: it centres the caption above both columns
    whole.set_axis_off()
    whole.set_title("\n\n\n", fontsize=11)  # room for the caption and the titles
    plane, above, below = (figure.add_subplot(cell) for cell in (grid[:, 0], grid[0, 1], grid[1, 1]))
    above.set_title("decoded from the prior, z ~ N(0, I)", fontsize=10, pad=4)
    below.set_title("held-out images, and below each its reconstruction from μ", fontsize=10, pad=4)
    places = [(column, row) for row in range(2) for column in range(COLUMNS)]
    artists = {"caption": whole.add_artist(Caption(0.5, 1.185))} | _build_plane(plane, rows)
    for name, axes in (("samples", above), ("pairs", below)):
        axes.set(xlim=(-0.5, COLUMNS - 0.5), ylim=(1.5, -0.5))
        axes.set_axis_off()
        artists[name] = axes.add_artist(Tiles(places, scale=3))
    return artists


def _build_plane(axes, rows):
    rate, distortion = (np.array([row[key] for row in rows], dtype=float) for key in ("kl", "recon_nll"))
    axes.set(xlabel="rate: mean KL (nats)", ylabel="distortion: mean reconstruction NLL (nats)")
    axes.set(xlim=_limits(rate), ylim=_limits(distortion))
    models = axes.plot(rate, distortion, "o-", color=COLOURS[0], markersize=5.5, zorder=3)[0]
    equal = _draw_equal_elbo(axes)
    _label_models(axes, rate, distortion, [row["beta"] for row in rows])
    slope = axes.plot([], [], "--", color=COLOURS[1], linewidth=1.5, zorder=2)[0]
    style = dict(color=COLOURS[1], markeredgecolor="black", markersize=11, zorder=4)
    shown = axes.plot([], [], "D", **style)[0]
    names = ["models, with β", "equal ELBO (nats)", "the model shown", "slope −β"]
    place = dict(loc="lower center", bbox_to_anchor=(0.46, 0.985), ncols=2, columnspacing=1.0)
    axes.legend([models, equal, shown, slope], names, fontsize=9, handlelength=1.6, borderpad=0, **place)
    return {"slope": slope, "shown": shown}


def _limits(values):
    """Limits with room for labels, also where all values are equal."""
    low, high = values.min(), values.max()
    room = max(high - low, 1.0)
    return low - 0.1 * room, high + 0.16 * room


def _draw_equal_elbo(axes):
    """Lines rate + distortion = −ELBO, each with its ELBO where it leaves the panel."""
    (left, right), (bottom, top) = axes.get_xlim(), axes.get_ylim()
    style = dict(xytext=(-2, 1), textcoords="offset points", ha="right", fontsize=8.5, color="0.35")
    for total in MaxNLocator(7).tick_values(left + bottom, right + top):
        line = axes.plot([left, right], [total - left, total - right], color="0.72", linewidth=1, zorder=1)[0]
        if bottom + 0.05 * (top - bottom) < total - right < top - 0.05 * (top - bottom):
            axes.annotate(f"{-total:g}".replace("-", "−"), (right, total - right), **style)
    return line


def _label_models(axes, rate, distortion, betas):
    """Each model's β to the upper right of its point; neighbours that coincide share one label."""
    size = np.ptp(axes.get_xlim()), np.ptp(axes.get_ylim())
    groups = []  # (place of the first, betas)
    for place, beta in zip(np.stack([rate, distortion], 1), betas, strict=True):
        if groups and (np.abs(place - groups[-1][0]) / size).max() < NEAR:
            groups[-1][1].append(beta)
        else:
            groups.append((place, [beta]))
    style = dict(xytext=(8, 5), textcoords="offset points", fontsize=9, zorder=5)
    for place, together in groups:
        label = axes.annotate(", ".join(f"{beta:g}" for beta in together), place, **style)
        label.set_path_effects([withStroke(linewidth=3, foreground="white")])


def update(artists, state):
    """Put a state's numbers into the artists."""
    rate, distortion = state["rate"], state["distortion"]
    rates = np.array(artists["slope"].axes.get_xlim())
    artists["slope"].set_data(rates, distortion - state["beta"] * (rates - rate))
    artists["shown"].set_data([rate], [distortion])
    artists["samples"].set_data(state["samples"])
    artists["pairs"].set_data(np.concatenate([state["images"], state["reconstructions"]]))
    artists["caption"].set_text(caption(state))


def caption(state):
    """What the picture shows, in two lines."""
    return (
        f"β = {state['beta']:g}: rate {state['rate']:.1f} nats, distortion {state['distortion']:.1f} nats\n"
        f"ELBO = −(rate + distortion) = {state['elbo']:.1f} nats; "
        f"{state['active']} of {state['units']} latent dimensions active"
    ).replace("-", "−")

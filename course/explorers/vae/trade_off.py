"""Chapter 4's explorer of β: rate against distortion of several models, with their samples and
reconstructions.
"""

from functools import partial

import numpy as np
import torch
from matplotlib.patheffects import withStroke
from matplotlib.ticker import MaxNLocator

from course.explorers.base import Explorer, Picture
from course.explorers.controls import list_slider, slider
from course.explorers.parts import arrays, caption_above, legend, mark, minus, moving
from course.plots import COLOURS
from course.plots.tiles import Tiles

COLUMNS = 6  # images in a row
NEAR = 0.06  # of the panel's width or height: models nearer to each other share a label
DRAWS = 5
SAMPLES = 2 * COLUMNS
ALT = (
    "The rate and the distortion of models trained with different β, as a curve with the chosen model marked "
    "and lines of equal ELBO; beside it images that this model decodes from the prior, and held-out images "
    "above its reconstructions of them."
)


def trade_off(rows, decode, encode, images):
    """Explore what β makes of a VAE: rate, distortion, samples and reconstructions.

    Args:
        rows: list of dicts, one a trained model, β rising: "beta"; "kl", the mean KL in nats (the rate);
            "recon_nll", the mean reconstruction error in nats (the distortion); "active", the number of
            active units.
        decode: function (i, z (N, Z)) -> (N, 28, 28), the pixels' probabilities under model i.
        encode: function (i, x (N, 784)) -> mu, logvar (N, Z) of model i; Z is the same for all models.
        images: (6, 784) held-out images of 0 and 1.
    """
    betas = [row["beta"] for row in rows]
    controls = {
        "beta": list_slider(
            "β",
            [(f"{b:g}", b) for b in betas],
            min(betas, key=lambda b: abs(b - 1)),
            "the weight of the KL in the loss that the model was trained with",
        ),
        "draw": slider(
            "draw", (1, DRAWS), 1, "which random codes from the prior are decoded; the same for every model"
        ),
    }
    with torch.no_grad():
        codes = prior_codes(encode(0, images[:1])[0])
    compute = partial(compute_trade_off, rows, decode, encode, images, codes)
    picture = Picture(partial(build, rows=rows), update, (9.4, 5.1))
    return Explorer("trade-off", controls, compute, picture, ALT, main=("beta", "draw"))


def prior_codes(mu):
    """The codes that are decoded: (DRAWS, SAMPLES, Z), standard normal, of mu's (n, Z) type and device."""
    rng = torch.Generator().manual_seed(0)
    return torch.randn(DRAWS, SAMPLES, mu.shape[1], generator=rng).to(mu)


@torch.no_grad()
def compute_trade_off(rows, decode, encode, images, codes, *, beta, draw):
    """The numbers behind one picture of the trade-off.

    Args:
        codes: what `prior_codes` returned.
    Returns:
        dict: samples (SAMPLES, 28, 28), images and reconstructions (6, 28, 28), the latter decoded from mu;
        rate, distortion, elbo = −(rate + distortion) in nats, active, units: Z.
    """
    i = [row["beta"] for row in rows].index(beta)
    mu, _ = encode(i, images)
    decoded = arrays(decode(i, torch.cat([codes[draw - 1], mu])))
    rate, distortion = float(rows[i]["kl"]), float(rows[i]["recon_nll"])
    return {
        "samples": decoded[:SAMPLES],
        "images": arrays(images).reshape(-1, *decoded.shape[1:]),
        "reconstructions": decoded[SAMPLES:],
        "rate": rate,
        "distortion": distortion,
        "elbo": -(rate + distortion),
        "active": int(rows[i]["active"]),
        "units": mu.shape[1],
    }


def build(figure, rows):
    """All artists: rate and distortion to the left, samples above originals and reconstructions."""
    grid = figure.add_gridspec(2, 2, width_ratios=(0.655, 1))
    artists = {"caption": caption_above(figure, grid, 1.185, "\n\n\n")}
    plane, above, below = (figure.add_subplot(cell) for cell in (grid[:, 0], grid[0, 1], grid[1, 1]))
    above.set_title("decoded from the prior, z ~ N(0, I)", fontsize=10, pad=4)
    below.set_title("held-out images, and below each its reconstruction from μ", fontsize=10, pad=4)
    places = [(column, row) for row in range(2) for column in range(COLUMNS)]
    artists |= _build_plane(plane, rows)
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
    slope = moving(axes, "--", color=COLOURS[1], linewidth=1.5, zorder=2)
    shown = mark(axes, "D", size=11, clip_on=True, in_layout=True)
    names = ["models, with β", "equal ELBO (nats)", "the model shown", "slope −β"]
    spacing = dict(columnspacing=1.0, handlelength=1.6, handletextpad=0.8, borderpad=0)
    legend(axes, [models, equal, shown, slope], names, 0.46, columns=2, room=True, **spacing)
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
            axes.annotate(minus(f"{-total:g}"), (right, total - right), **style)
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
    return minus(
        f"β = {state['beta']:g}: rate {state['rate']:.1f} nats, distortion {state['distortion']:.1f} nats\n"
        f"ELBO = −(rate + distortion) = {state['elbo']:.1f} nats; "
        f"{state['active']} of {state['units']} latent dimensions active"
    )

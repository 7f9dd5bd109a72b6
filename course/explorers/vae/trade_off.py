"""Chapter 4's explorer of β: rate against distortion of several models, with their samples and
reconstructions.
"""

from functools import partial

import numpy as np
import torch
from matplotlib.patheffects import withStroke

from course.explorers.base import Explorer
from course.explorers.controls import list_slider, slider
from course.explorers.parts import arrays, mark, minus, moving
from course.explorers.picture import Picture
from course.plots import COLOURS
from course.plots.texts import Caption
from course.plots.tiles import Tiles

COLUMNS = 5  # images in a row
NEAR = 0.06  # of the panel's width or height: models nearer to each other share a label
DRAWS = 5
EMPTY = 0.1  # nats: a code of less tells nothing
ROWS = ("held-out images $x$", "reconstruction of each", "samples: decoded from random codes")
ALT = (
    "The rate and the distortion of models trained with different β, as a falling curve with the chosen "
    "model marked and a line of the slope at which it stopped; beside it held-out images, this model's "
    "reconstructions of them, and images that it decodes from the prior."
)


def trade_off(rows, decode, encode, images):
    """Explore what β makes of a VAE: rate, distortion, samples and reconstructions.

    Args:
        rows: list of dicts, one a trained model, β rising: "beta"; "kl", the mean KL in nats (the rate);
            "recon_nll", the mean reconstruction error in nats (the distortion).
        decode: function (i, z (N, Z)) -> (N, 28, 28), the pixels' probabilities under model i.
        encode: function (i, x (N, 784)) -> mu, logvar (N, Z) of model i; Z is the same for all models.
        images: (COLUMNS, 784) held-out images of 0 and 1.
    """
    betas = [row["beta"] for row in rows]
    named = [(f"{beta:g}", beta) for beta in betas]
    controls = {
        "beta": list_slider("β, the weight of the rate", named, betas[0], "the KL's weight in training"),
        "draw": slider("random codes", (1, DRAWS), 1, "which draw is decoded; the same for every model"),
    }
    with torch.no_grad():
        codes = prior_codes(encode(0, images[:1])[0])
    compute = partial(compute_trade_off, rows, decode, encode, images, codes)
    picture = Picture(partial(build, rows=rows), update, (8.4, 3.8))
    return Explorer(
        "trade-off", controls, compute, picture, ALT, main=("beta",),
        touch={"curve": partial(nearest_model, rows)}, hint="Click a model, or drag along the curve.",
    )  # fmt: skip


def prior_codes(mu):
    """The codes that are decoded: (DRAWS, COLUMNS, Z), standard normal, of mu's (n, Z) type and device."""
    rng = torch.Generator().manual_seed(0)
    return torch.randn(DRAWS, COLUMNS, mu.shape[1], generator=rng).to(mu)


def nearest_model(rows, state, rate, distortion):
    """The β of the model nearest to a place of the curve, each axis measured by the models' range."""
    places = np.array([(row["kl"], row["recon_nll"]) for row in rows])
    away = (places - (rate, distortion)) / np.maximum(np.ptp(places, axis=0), 1e-9)
    return {"beta": rows[int(np.linalg.norm(away, axis=1).argmin())]["beta"]}


@torch.no_grad()
def compute_trade_off(rows, decode, encode, images, codes, *, beta, draw):
    """The numbers behind one picture of the trade-off.

    Args:
        codes: what `prior_codes` returned.
    Returns:
        dict: samples, images and reconstructions (COLUMNS, 28, 28), the latter decoded from mu; rate,
        distortion, elbo = −(rate + distortion) in nats, below, by how many it is below that of the best
        model, and best, the β of that one; closest, whether no model's distortion is less.
    """
    i = [row["beta"] for row in rows].index(beta)
    mu, _ = encode(i, images)
    decoded = arrays(decode(i, torch.cat([codes[draw - 1], mu])))
    costs = [float(row["kl"]) + float(row["recon_nll"]) for row in rows]
    return {
        "samples": decoded[:COLUMNS],
        "images": arrays(images).reshape(-1, *decoded.shape[1:]),
        "reconstructions": decoded[COLUMNS:],
        "rate": float(rows[i]["kl"]),
        "distortion": float(rows[i]["recon_nll"]),
        "elbo": -costs[i],
        "below": costs[i] - min(costs),
        "best": rows[int(np.argmin(costs))]["beta"],
        "closest": rows[i]["recon_nll"] == min(row["recon_nll"] for row in rows),
    }


def build(figure, rows):
    """All artists: the curve to the left; to the right images, reconstructions and samples, a row of each."""
    grid = figure.add_gridspec(3, 2, width_ratios=(1, 1.18))
    curve = figure.add_subplot(grid[:, 0])
    curve.set_title("\n", fontsize=11)  # room for the caption
    artists = _build_curve(curve, rows)
    for i, (name, title) in enumerate(zip(("images", "reconstructions", "samples"), ROWS, strict=True)):
        axes = figure.add_subplot(grid[i, 1])
        axes.set(xlim=(-0.5, COLUMNS - 0.5), ylim=(-0.5, 0.5))
        axes.set_axis_off()
        axes.set_title(title, fontsize=9.5, pad=3, loc="left", x=0.015)
        artists[name] = axes.add_artist(Tiles([(i, 0) for i in range(COLUMNS)], scale=3))
    return artists | {"caption": curve.add_artist(Caption(1.03, 1.1, 11))}


def _build_curve(axes, rows):
    axes.set_label("curve")
    rate, distortion = (np.array([row[key] for row in rows], dtype=float) for key in ("kl", "recon_nll"))
    axes.set(xlabel="rate: mean KL (nats)", ylabel="distortion: mean reconstruction NLL (nats)")
    axes.margins(0.15)  # room for labels
    models = axes.plot(rate, distortion, "o-", color=COLOURS[0], markersize=6, zorder=3)[0]
    axes.set(xlim=axes.get_xlim(), ylim=axes.get_ylim())
    _label_models(axes, rate, distortion, [row["beta"] for row in rows])
    slope = moving(axes, "--", color=COLOURS[1], linewidth=1.5, zorder=2)
    shown = mark(axes, "D", size=11, clip_on=True, in_layout=True)
    names = (
        "trained with this $\\beta$",
        "slope $-\\beta$: one more nat of\nrate would save $\\beta$ nats\nof distortion",
    )
    axes.legend([models, slope], names, loc=(0.37, 0.47), fontsize=9, handlelength=1.6)
    ends = dict(transform=axes.transAxes, va="center", fontsize=9.5, style="italic")
    axes.text(0.35, 0.86, "reconstructs poorly,\nsamples alike", **ends)
    axes.text(0.97, 0.255, "reconstructs well,\nsamples poorly", ha="right", **ends)
    return {"slope": slope, "shown": shown}


def _label_models(axes, rate, distortion, betas):
    """Each model's β to the upper right of its point; neighbours that coincide share one label."""
    size = np.ptp(axes.get_xlim()), np.ptp(axes.get_ylim())
    groups = []  # (place of the first, betas)
    for place, beta in zip(np.stack([rate, distortion], 1), betas, strict=True):
        if groups and (np.abs(place - groups[-1][0]) / size).max() < NEAR:
            groups[-1][1].append(beta)
        else:
            groups.append((place, [beta]))
    style = dict(xytext=(10, 8), textcoords="offset points", fontsize=9, zorder=5)
    for place, together in groups:
        label = axes.annotate(", ".join(f"{beta:g}" for beta in together), place, **style)
        label.set_path_effects([withStroke(linewidth=3, foreground="white")])


def update(artists, state):
    """Put a state's numbers into the artists."""
    rate, distortion = state["rate"], state["distortion"]
    rates = np.array(artists["slope"].axes.get_xlim())
    artists["slope"].set_data(rates, distortion - state["beta"] * (rates - rate))
    artists["shown"].set_data([rate], [distortion])
    for name in ("images", "reconstructions", "samples"):
        artists[name].set_data(state[name])
    artists["caption"].set_text(caption(state))


def caption(state):
    """What this β buys, and what it costs of the ELBO."""
    beta = f"{state['beta']:g}"
    if state["rate"] < EMPTY:
        return f"β = {beta}: no nat of rate saves {beta} of distortion; the code is empty"
    if state["beta"] == state["best"]:
        return minus(f"β = {beta} has the best ELBO: {state['elbo']:.1f} nats")
    how = "saves rate, but reconstructs roughly"
    if state["beta"] < state["best"]:
        how = f"reconstructs {'best' if state['closest'] else 'well'}, but samples poorly"
    return f"β = {beta} {how}: {state['below']:.1f} nats below the best ELBO"

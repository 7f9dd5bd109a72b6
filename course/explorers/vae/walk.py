"""Chapter 4's explorer of the latent dimensions: what one of them does to a reconstruction."""

from functools import partial

import numpy as np
import torch
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize

from course.explorers.base import Explorer, Picture
from course.explorers.controls import slider
from course.explorers.parts import arrays, caption_above, minus, moving
from course.plots import COLOURS, DPI
from course.plots.texts import Caption
from course.plots.tiles import SIDE, Tiles

LIMIT = 3.0
STRIP = np.linspace(-LIMIT, LIMIT, 9)
EDGE = LIMIT + 0.4  # of the strip's axis
CHANGES = "RdBu_r"  # blue negative, red positive; the sums of both are written below
NAMES = (
    "original",
    "reconstruction\nfrom μ",
    "reconstruction,\nvalue changed",
    "change of the\nprobabilities",
)
SMALL, LARGE = 3, 4  # pixels of the picture for a pixel of an image, in the strip and above
ALT = (
    "A held-out image, its reconstruction, the same with one latent dimension changed, and the difference of "
    "the two; bars of the KL of each dimension, the chosen one marked; below, a strip of reconstructions "
    "over the values of that dimension."
)


def walk(encode, decode, images, kl):
    """Explore what each latent dimension of a trained VAE does to the reconstruction of an image.

    Args:
        encode: function x (N, 784) -> mu, logvar (N, Z). It is called once: a model trained further needs a
            new explorer.
        decode: function z (N, Z) -> (N, 28, 28), the pixels' probabilities.
        images: (n, 784) held-out images of 0 and 1 to choose from.
        kl: (Z,) mean KL of each dimension over the held-out images, nats.
    Raises:
        ValueError: if kl has not one entry for each dimension.
    """
    with torch.no_grad():
        mu, logvar = encode(images)
    kl = arrays(torch.as_tensor(kl))
    if kl.shape != mu.shape[1:]:
        raise ValueError(f"kl has shape {kl.shape}; {mu.shape[1]} latent dimensions need ({mu.shape[1]},).")
    controls = {
        "image": slider("image", (1, len(images)), 1, "which of the held-out images, counted from 1"),
        "rank": slider(
            "dimension, by KL",
            (1, len(kl)),
            1,
            "which latent dimension is changed: 1 is the one of the largest KL",
        ),
        "value": slider(
            "value",
            (-LIMIT, LIMIT, 0.1),
            2,
            "what the chosen dimension is set to; the others stay at the image's μ",
            form=".1f",
        ),
    }
    compute = partial(compute_walk, decode, images, mu, logvar, kl)
    picture = Picture(partial(build, kl=np.sort(kl)[::-1]), update, (9.4, 4.9))
    return Explorer("latent walk", controls, compute, picture, ALT, main=("rank", "value"))


@torch.no_grad()
def compute_walk(decode, images, mu, logvar, kl, *, image, rank, value):
    """The numbers behind one picture of the walk.

    Args:
        mu, logvar: (n, Z), what the images are encoded to.
        kl: (Z,) array, nats.
        image, rank: ints from 1; rank 1 is the dimension of the largest KL.
    Returns:
        dict: original, plain (decoded from mu), changed (the dimension set to value) and difference = changed
        − plain, (28, 28) each; strip (9, 28, 28), the dimension set to each of `STRIP`, and nearest, an index
        into it; gained, lost: sums of the difference's positive and negative parts, both >= 0; dimension
        (index from 0), units: Z; kl (nats), mu and sigma of the dimension.
    """
    dimension = int(np.argsort(-kl, kind="stable")[rank - 1])
    codes = mu[image - 1].repeat(2 + len(STRIP), 1)  # (11, Z)
    codes[1:, dimension] = torch.as_tensor([value, *STRIP]).to(codes)
    plain, changed, *strip = arrays(decode(codes))
    difference = changed - plain
    return {
        "original": arrays(images[image - 1]).reshape(plain.shape),
        "plain": plain,
        "changed": changed,
        "difference": difference,
        "strip": np.stack(strip),
        "nearest": int(np.abs(STRIP - value).argmin()),
        "gained": float(difference.clip(0).sum()),
        "lost": float((-difference).clip(0).sum()),
        "dimension": dimension,
        "units": len(kl),
        "kl": float(kl[dimension]),
        "mu": float(mu[image - 1, dimension]),
        "sigma": float((logvar[image - 1, dimension] / 2).exp()),
    }


def build(figure, kl):
    """All artists: four images and the bars above, the strip below; kl (Z,) falls."""
    grid = figure.add_gridspec(2, 2, width_ratios=(1, 0.55))
    artists = {"caption": caption_above(figure, grid, 1.235)}
    artists |= _build_images(figure.add_subplot(grid[0, 0]))
    artists |= _build_bars(figure.add_subplot(grid[0, 1]), kl)
    return artists | _build_strip(figure.add_subplot(grid[1, :]))


def _build_images(axes):
    axes.set(xlim=(-0.5, 3.8), ylim=(0.5, -0.5), yticks=[])
    axes.xaxis.tick_top()
    axes.set_xticks(range(4), NAMES, fontsize=9.5)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    axes.plot([3], [0], "s", color="none", markeredgecolor="0.6", markersize=frame_points(LARGE, 1))
    scale = axes.inset_axes((3.53, -0.35, 0.07, 0.7), transform=axes.transData)
    bar = axes.figure.colorbar(ScalarMappable(Normalize(-1, 1), CHANGES), cax=scale)
    bar.set_ticks((-1, 0, 1), labels=("−1", "0", "+1"))
    scale.tick_params(labelsize=9, length=2, pad=1)
    return {
        "images": axes.add_artist(Tiles([(i, 0) for i in range(3)], LARGE)),
        "difference": axes.add_artist(Tiles([(3, 0)], LARGE, CHANGES, (-1, 1))),
        "sums": axes.add_artist(Caption(0.7, -0.06, 9)),
    }


def _build_bars(axes, kl):
    top = max(float(kl.max()), 0.1)
    ranks = np.arange(1, len(kl) + 1)
    axes.bar(ranks, kl, color=COLOURS[5], width=0.75)
    axes.set(xlim=(0.3, len(kl) + 0.7), ylim=(0, 1.2 * top))
    axes.set(xlabel="rank of the dimension by KL", ylabel="mean KL (nats)")
    axes.xaxis.get_major_locator().set_params(integer=True)
    style = dict(color=COLOURS[1], markersize=9, markeredgecolor="black", markeredgewidth=0.7)
    return {
        "chosen": axes.bar([1], [0], color=COLOURS[1], width=0.75)[0],
        "mark": moving(axes, "v", **style),
    }


def _build_strip(axes):
    axes.set(xlim=(-EDGE, EDGE), ylim=(-0.82, 0.82), xticks=STRIP, yticks=[])
    axes.set_xticklabels([minus(f"{value:g}") for value in STRIP])
    axes.set_xlabel("value of the chosen dimension, all others at μ")
    axes.spines["left"].set_visible(False)
    style = dict(clip_on=True, in_layout=False, zorder=3, markeredgecolor="black", markeredgewidth=0.7)
    frame = dict(color="none", markersize=frame_points(SMALL, 5), clip_on=False, in_layout=False)
    frame |= dict(markeredgecolor=COLOURS[1], markeredgewidth=2.5)
    artists = {
        "strip": axes.add_artist(Tiles([(value, 0) for value in STRIP], SMALL)),
        "frame": moving(axes, "s", **frame),
        "value": moving(axes, "v", color=COLOURS[1], markersize=10, **style),
        "spread": moving(axes, "|-", color=COLOURS[0], linewidth=2, markersize=9, in_layout=False),
        "mu": moving(axes, "D", color=COLOURS[0], markersize=7, **style),
    }
    place = dict(loc="lower right", bbox_to_anchor=(1.0, 0.97), ncols=2, borderpad=0)
    names = ["value, and the nearest image framed", "the image's own μ ± σ"]
    axes.legend([artists["value"], artists["mu"]], names, fontsize=9, handlelength=1, **place)
    return artists


def frame_points(scale, gap):
    """The size of a square marker around an image of `Tiles`, at `gap` pixels from it."""
    return (SIDE * scale + 2 * gap) * 72 / DPI


def update(artists, state):
    """Put a state's numbers into the artists."""
    artists["images"].set_data(np.stack([state["original"], state["plain"], state["changed"]]))
    artists["difference"].set_data(state["difference"][None])
    artists["strip"].set_data(state["strip"])
    artists["frame"].set_data([STRIP[state["nearest"]]], [0])
    artists["value"].set_data([state["value"]], [0.66])
    mu, sigma = state["mu"], state["sigma"]
    artists["mu"].set_data([np.clip(mu, -EDGE + 0.05, EDGE - 0.05)], [-0.65])
    artists["mu"].set_marker("D" if abs(mu) < EDGE else "<" if mu < 0 else ">")  # beyond the strip: an arrow
    artists["spread"].set_data([mu - sigma, mu + sigma], [-0.65, -0.65])
    artists["chosen"].set_x(state["rank"] - 0.375)
    artists["chosen"].set_height(state["kl"])
    artists["mark"].set_data([state["rank"]], [state["kl"] + 0.08 * artists["mark"].axes.get_ylim()[1]])
    gained, lost = state["gained"], state["lost"]
    artists["sums"].set_text(f"ink gained (red) {gained:.1f}, lost (blue) {lost:.1f} pixels")
    artists["caption"].set_text(caption(state))


def caption(state):
    """What the picture shows, in two lines."""
    mu, value = round(state["mu"], 2) + 0.0, round(state["value"], 1) + 0.0  # no "-0.0"
    first = (
        f"dimension z[:, {state['dimension']}], number {state['rank']} of {state['units']} by KL: "
        f"{state['kl']:.3f} nats (mean over the held-out images)"
    )
    second = f"this image: μ = {mu:.2f}, σ = {state['sigma']:.2f}; value set to {value:.1f}"
    return first + "\n" + minus(second)

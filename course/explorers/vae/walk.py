"""Chapter 4's explorer of the latent dimensions: what each of them does to a reconstruction."""

from functools import partial

import numpy as np
import torch

from course.explorers.base import Explorer
from course.explorers.controls import slider
from course.explorers.parts import arrays, legend, mark, minus, moving, panel
from course.explorers.picture import Picture
from course.plots import COLOURS
from course.plots.texts import Caption
from course.plots.tiles import SIDE, Tiles

LIMIT = 3.0  # of the values
COLUMNS, LINES = 7, 3  # of images, the first of which is the plain reconstruction
MOST = COLUMNS * LINES - 1  # dimensions that are shown
FREE = 0.1  # nats: a dimension of less counts as one that costs nothing
SCALE = 3  # pixels of the picture for a pixel of an image
WIDE, HIGH = 92, 116  # pixels of the picture from image to image
REACH = SIDE * SCALE / 2 / WIDE  # from the middle of an image to its edge, in columns
NAME, TRACK = -0.44, 0.42  # where its price and the line of its values stand, from its middle, in lines
COST, NONE = COLOURS[1], COLOURS[0]
ALT = (
    "The reconstruction of a held-out image, and for each latent dimension the same with this one dimension "
    "set to the chosen value, the most expensive first; below each image a line of the values with the "
    "image's own marked; beside them each dimension's price against the change that it makes."
)


def walk(encode, decode, images, kl):
    """Explore what each latent dimension of a trained VAE does to the reconstruction of an image.

    Args:
        encode: function x (N, 784) -> mu, logvar (N, Z). It is called once: a model trained further needs a
            new explorer.
        decode: function z (N, Z) -> (N, 28, 28), the pixels' probabilities.
        images: (n, 784) held-out images of 0 and 1 to choose from.
        kl: (Z,) mean KL of each dimension over the held-out images, nats. The 20 dimensions of the largest
            are shown.
    Raises:
        ValueError: if kl has not one entry for each dimension.
    """
    with torch.no_grad():
        mu, _ = encode(images)
    kl = arrays(torch.as_tensor(kl))
    if kl.shape != mu.shape[1:]:
        raise ValueError(f"kl has shape {kl.shape}; {mu.shape[1]} latent dimensions need ({mu.shape[1]},).")
    controls = {
        "value": slider(
            "value of the dimension", (-LIMIT, LIMIT, 0.1), -LIMIT, "in each image of one", ".1f"
        ),
        "image": slider("image", (1, len(images)), 1, "which of the held-out images, counted from 1"),
    }
    order = np.argsort(-kl, kind="stable")[:MOST]
    compute = partial(compute_walk, decode, mu, kl, order)
    ends = [compute(value=end, image=i)["change"] for end in (-LIMIT, LIMIT) for i in range(1, len(mu) + 1)]
    picture = Picture(partial(build, kl=kl[order], most=np.max(ends)), update, (8.4, 4.0))
    return Explorer(
        "latent walk", controls, compute, picture, ALT, main=("value", "image"), touch={"walk": dragged},
        play="value", pace=60, hint="Play, or drag across an image: its left edge is −3, its right edge 3.",
    )  # fmt: skip


def dragged(state, x, y):
    """The value at a place of a changed image: its left edge is −LIMIT, its right edge LIMIT."""
    if (round(x), round(y)) == (0, 0):
        return {}
    return {"value": LIMIT * (x - round(x)) / REACH}


@torch.no_grad()
def compute_walk(decode, mu, kl, order, *, value, image):
    """The numbers behind one picture of the walk.

    Args:
        mu: (n, Z), what the images are encoded to.
        kl: (Z,) array, nats.
        order: (n,) the dimensions that are shown, of falling KL.
        image: an int from 1.
    Returns:
        dict: plain (28, 28), decoded from mu; changed (n, 28, 28), each with one dimension set to value;
        change (n,), the sum over the pixels of how far each is from plain; own (n,), mu of each dimension; kl
        (n,), nats.
    """
    codes = mu[image - 1].repeat(1 + len(order), 1)
    codes[torch.arange(1, len(codes)), torch.as_tensor(order)] = value
    plain, *changed = arrays(decode(codes))
    return {
        "plain": plain,
        "changed": np.stack(changed),
        "change": np.abs(np.stack(changed) - plain).sum((1, 2)),
        "own": arrays(mu[image - 1])[order],
        "kl": kl[order],
    }


def places(count):
    """(column, line) of the plain image and of `count` others, (count + 1, 2)."""
    return np.array([(i % COLUMNS, i // COLUMNS) for i in range(count + 1)])


def build(figure, kl, most):
    """All artists: the images to the left, price against change to the right.

    kl (n,) of the dimensions shown, falling; most: the greatest change.
    """
    artists = _build_images(panel(figure, 8, 40, COLUMNS * WIDE, LINES * HIGH, "walk"), kl)
    artists |= _build_change(panel(figure, 714, 54, 118, 294), kl, most)
    return artists | {"caption": artists["value"].axes.add_artist(Caption(412 / (COLUMNS * WIDE), 1.06, 11))}


def _build_images(axes, kl):
    axes.set(xlim=(-0.5, COLUMNS - 0.5), ylim=(LINES - 0.5, -0.5))
    axes.set_axis_off()
    where = places(len(kl))
    names = ["reconstruction", *(f"{nats:.2f} nats" for nats in kl)]
    colours = ["black", *(COST if nats > FREE else NONE for nats in kl)]
    for (column, line), name, colour in zip(where, names, colours, strict=True):
        axes.text(column, line + NAME, name, fontsize=9, color=colour, ha="center", va="center")
    columns, lines = where[1:].T
    axes.hlines(lines + TRACK, columns - REACH, columns + REACH, color="0.75", linewidth=2)
    artists = {
        "images": axes.add_artist(Tiles(where, SCALE)),
        "own": moving(axes, "|", color="black", markersize=8, markeredgewidth=2, zorder=3),
        "value": mark(axes, "o", COST, 6, markeredgewidth=0.6),
    }
    key = [artists["value"], artists["own"]]
    place = dict(x=0.5 / COLUMNS, y=1 - (TRACK + 0.61) / LINES, frameon=False)
    legend(axes, key, ("set", "own"), handlelength=0.8, borderpad=0, **place)
    return artists


def _build_change(axes, kl, most):
    top = max(float(kl.max()), 0.1)
    axes.set(xlim=(-0.08 * top, 1.1 * top), ylim=(-0.04 * most, 1.06 * most))
    axes.set(xlabel="mean KL (nats)", ylabel="change (sum over pixels)")
    axes.locator_params(axis="y", nbins=5)
    costs = kl > FREE
    looks = (("o", COST, "has a price"), ("s", NONE, "costs nothing"))
    artists = {}
    for (sign, colour, label), chosen in zip(looks, (costs, ~costs), strict=True):
        if chosen.any():
            artists[label] = mark(axes, sign, colour, 7, markeredgewidth=0.6, label=label)
    axes.legend(loc="upper left", fontsize=9, handlelength=0.8, handletextpad=0.3, borderaxespad=0.2)
    return artists


def update(artists, state):
    """Put a state's numbers into the artists."""
    kl, change = state["kl"], state["change"]
    artists["images"].set_data(np.concatenate([state["plain"][None], state["changed"]]))
    column, line = places(len(kl))[1:].T
    for name, values in (("own", np.clip(state["own"], -LIMIT, LIMIT)), ("value", state["value"])):
        artists[name].set_data(column + REACH * values / LIMIT, line + TRACK)
    for name, chosen in (("has a price", kl > FREE), ("costs nothing", kl <= FREE)):
        if name in artists:
            artists[name].set_data(kl[chosen], change[chosen])
    artists["caption"].set_text(caption(state))


def caption(state):
    """How much the dimensions change that have a price, and those that have none."""
    priced, free = (state["change"][chosen] for chosen in (state["kl"] > FREE, state["kl"] <= FREE))
    value = minus(f"{round(state['value'], 1) + 0.0:.1f}")
    text = f"Set to {value}"
    if len(priced):
        text += f", dimensions with a price change the image by {priced.min():.0f} to {priced.max():.0f}"
    if len(free):
        text += f", free ones by {free.max():.1f} at most"
    return text

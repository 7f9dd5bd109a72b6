"""Chapter 4's explorer of a latent plane: what each place decodes to, and whose codes lie there."""

from functools import partial

import numpy as np
import torch
from matplotlib.patches import Rectangle

from course.explorers.base import Explorer, Picture
from course.explorers.controls import menu, slider
from course.explorers.parts import arrays, minus, moving, outline
from course.plots import COLOURS
from course.plots.texts import Caption, Texts
from course.plots.tiles import SIDE, Tiles

ALL = -1  # instead of a digit
ACROSS, STEP = 5, 0.5  # decoded places in a row, and the distance between two
# Of the digits; the signs differ too, so these need not be told apart.
INKS = (*COLOURS[:6], "#332288", "#882255", "#6B6B00", "0.5")
ROOM = (5, 7)  # the least limit of the map, which holds every square, and the greatest
WITHIN = 0.995  # of the codes; a few far ones would shrink the others
MOST_SHOWN = 800  # codes
REACH = 3.5  # of the sliders
NEAREST = 20
ALT = (
    "A map of the latent plane with each image's code written as its digit, circles for one and two standard "
    "deviations of the prior and a cross at the present place; beside it the image that this place decodes "
    "to, and those of a square of places around it."
)


def plane(decode, codes, labels):
    """Explore a model with two latent dimensions and the prior N(0, I).

    Args:
        decode: the chapter's function z (N, 2) float32 -> (N, 28, 28) probabilities of ink.
        codes: (n, 2) posterior means of n images; a random 800 of them at most are drawn, the same each time.
        labels: (n,) int, the images' digits, drawn as the codes' signs.
    Raises:
        ValueError: if `codes` is not (n, 2), or has not one label each.
    """
    codes, labels = (np.asarray(torch.as_tensor(given).detach().cpu()) for given in (codes, labels))
    if codes.ndim != 2 or codes.shape[1] != 2 or len(codes) != len(labels):
        raise ValueError(
            f"plane needs codes (n, 2) and labels (n,), got shapes {codes.shape} and {labels.shape}."
        )
    digits = [("all digits", ALL), *((str(digit), int(digit)) for digit in np.unique(labels))]
    controls = {
        "z_1": slider(
            "z_1",
            (-REACH, REACH, 0.1),
            0,
            "the first coordinate of the place that is decoded, to the right",
        ),
        "z_2": slider("z_2", (-REACH, REACH, 0.1), 0, "the second coordinate, upwards"),
        "digit": menu("digit", digits, ALL, "whose codes stand out in the map"),
    }
    shown = chosen(len(codes))
    compute = partial(compute_plane, decode, codes, labels)
    picture = Picture(partial(build, codes=codes[shown], labels=labels[shown]), update, (9.8, 4.6))
    return Explorer("latent plane", controls, compute, picture, ALT, main=("z_1", "z_2"))


def chosen(count):
    """Indices of the codes that are drawn: at most `MOST_SHOWN` of `count`, the same each time."""
    return np.random.default_rng(4).permutation(count)[:MOST_SHOWN]


def compute_plane(decode, codes, labels, *, z_1, z_2, digit):
    """The numbers behind one picture of the plane.

    Args:
        codes, labels: (n, 2) and (n,) arrays.
    Returns:
        dict: z (2,); image (28, 28), what z decodes to; around (ACROSS², 28, 28), what a square of places
        around z does, row by row, z_1 growing along a row and z_2 from row to row; density, the prior's at z
        relative to its greatest; commonest, the digit that most of the nearest codes have, share, how many
        have it, of, how many of these codes there are; distance to the nearest code.
    """
    z = np.array([z_1, z_2])
    offsets = STEP * (np.arange(ACROSS) - ACROSS // 2)
    up, right = np.meshgrid(offsets, offsets, indexing="ij")
    places = np.stack([z_1 + right, z_2 + up], -1).reshape(-1, 2)
    with torch.no_grad():
        images = decode(torch.as_tensor(places, dtype=torch.float32))
    images = arrays(images)
    distances = np.linalg.norm(codes - z, axis=1)
    near = np.argsort(distances, kind="stable")[:NEAREST]
    digits, counts = np.unique(labels[near], return_counts=True)
    return {
        "z": z,
        "image": images[len(images) // 2],
        "around": images,
        "density": float(np.exp(-0.5 * (z**2).sum())),
        "commonest": int(digits[counts.argmax()]),
        "share": int(counts.max()),
        "of": len(near),
        "distance": float(distances[near[0]]),
    }


def build(figure, codes, labels):
    """All artists: the codes (n, 2) as signs of their labels (n,), the decoded image, those around it."""
    left, middle, right = figure.subplots(1, 3, width_ratios=(1.25, 0.7, 1.25))
    left.set_title("\n\n\n\n", fontsize=10)  # room for the caption and the legend
    artists = _build_codes(left, codes, labels) | _build_image(middle) | _build_around(right)
    return artists | {"caption": left.add_artist(Caption(1.38, 1.22))}


def _build_codes(axes, codes, labels):
    limit = float(np.clip(np.ceil(np.quantile(np.abs(codes).max(1), WITHIN)), *ROOM))
    axes.set(xlabel="z_1 (each digit: one image's code)", ylabel="z_2", box_aspect=1)
    axes.set(xlim=(-limit, limit), ylim=(-limit, limit))
    for digit in np.unique(labels):
        _codes_of(axes, codes, labels, digit)
    turn = np.linspace(0, 2 * np.pi, 121)
    for radius, style in ((1, "-"), (2, "--")):
        look = dict(color="black", linewidth=1.2, label=f"prior, {radius} sd")
        axes.plot(radius * np.cos(turn), radius * np.sin(turn), style, **look)
    veil = Rectangle((-limit, -limit), 2 * limit, 2 * limit, color="white", alpha=0.8, linewidth=0, zorder=3)
    cross = dict(color=COLOURS[1], markeredgecolor="white", markersize=12, zorder=6)
    artists = {
        "veil": axes.add_patch(veil),  # fades the digits that were not chosen
        "digits": [_codes_of(axes, codes, labels, digit, zorder=4) for digit in np.unique(labels)],
        "square": moving(axes, color=COLOURS[1], linewidth=1.8, zorder=5),
        "cross": moving(axes, "P", **cross),
    }
    place = dict(loc="lower center", bbox_to_anchor=(0.5, 0.99), ncols=2, fontsize=9)
    axes.legend(handles=[line for line in axes.lines if "sd" in line.get_label()], **place)
    return artists


def _codes_of(axes, codes, labels, digit, zorder=2):
    sign = dict(marker=f"${digit}$", markersize=6, markeredgewidth=0.3, linestyle="", label=str(digit))
    return axes.plot(*codes[labels == digit].T, color=INKS[digit % 10], zorder=zorder, **sign)[0]


def _build_image(axes):
    axes.set_title("decoded at the cross", fontsize=10)
    axes.set(xlabel="column (pixels)", ylabel="row (pixels)", xticks=(0, 9, 18, 27), yticks=(0, 9, 18, 27))
    edges = np.arange(SIDE + 1) - 0.5
    mesh = axes.pcolormesh(edges, edges, np.zeros((SIDE, SIDE)), cmap="gray", vmin=0, vmax=1)
    axes.set(ylim=(SIDE - 0.5, -0.5), box_aspect=1)
    return {"image": mesh}


def _build_around(axes):
    axes.set_title(f"decoded around it, {STEP:g} apart", fontsize=10)
    axes.set(xlabel="\nz_1", ylabel="z_2\n\n\n", xticks=[], yticks=[])  # room for their values
    ends = (-0.5, ACROSS - 0.5)
    axes.set(xlim=ends, ylim=ends, box_aspect=1)
    right, up = np.meshgrid(np.arange(ACROSS), np.arange(ACROSS))
    middle = ACROSS // 2 - 0.5
    frame = dict(color=COLOURS[1], linewidth=2, zorder=3)
    artists = {
        "around": axes.add_artist(Tiles(np.stack([right.ravel(), up.ravel()], 1), scale=2)),
        "frame": axes.plot(*outline(middle, middle, 1, 1), **frame)[0],
    }
    for name, align in (("z_1", 0.5), ("z_2", 1)):
        artists[name] = axes.add_artist(Texts(9, "DejaVu Sans", align=align))
    artists["z_1"].set_transform(axes.get_xaxis_transform())
    artists["z_2"].set_transform(axes.get_yaxis_transform())
    return artists


def update(artists, state):
    """Put a state's numbers into the artists."""
    z, chosen = state["z"], state["digit"]
    artists["veil"].set_visible(chosen != ALL)
    for line in artists["digits"]:
        line.set_visible(line.get_label() == str(chosen))
    width = STEP * ACROSS
    artists["square"].set_data(*outline(*(z - width / 2), width, width))
    artists["cross"].set_data(*([value] for value in z))
    artists["image"].set_array(state["image"])
    artists["around"].set_data(state["around"])
    offsets, steps = STEP * (np.arange(ACROSS) - ACROSS // 2), np.arange(ACROSS)
    artists["z_1"].set_data(steps, -0.045, [signed(value) for value in z[0] + offsets])
    artists["z_2"].set_data(-0.03, steps, [signed(value) for value in z[1] + offsets])
    artists["caption"].set_text(caption(state))


def signed(value):
    """A coordinate with one decimal and a true minus sign."""
    return minus(f"{round(value, 1) + 0.0:.1f}")


def caption(state):
    """Where the cross stands, and what lies there."""
    z_1, z_2 = (signed(value) for value in state["z"])
    text = (
        f"z = ({z_1}, {z_2}): the prior's density is {state['density']:.2g} times its greatest; "
        f"the nearest code is {state['distance']:.2f} away\n"
        f"the commonest digit among the {state['of']} nearest codes: {state['commonest']} "
        f"({state['share']} of them, {100 * state['share'] / state['of']:.0f} %)"
    )
    return text.replace("e-", "e−")

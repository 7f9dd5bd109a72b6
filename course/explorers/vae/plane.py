"""Chapter 4's explorer of a latent plane: what each place decodes to, whose codes lie there, and where the
code of the reader's own digit lies.
"""

from functools import lru_cache, partial

import numpy as np
import torch
from matplotlib.patheffects import withStroke
from torch.nn import functional as F

from course.explorers.base import Explorer
from course.explorers.controls import list_slider, slider
from course.explorers.drawing import PEN, Strokes, digit_image
from course.explorers.parts import arrays, legend, mark, moving, panel
from course.explorers.picture import Picture
from course.plots import COLOURS
from course.plots.texts import Caption, Texts
from course.plots.tiles import SIDE, Tiles

# Of the digits; their signs differ too, so these need not be told apart.
INKS = (*COLOURS[:6], "#332288", "#882255", "#6B6B00", "0.5")
REACH = 4.0  # of the sliders and of the map
MOST_SHOWN = 800  # codes
SIGNS = 3  # how often a digit is written among its codes, at most
NEAREST = 20
CLEAR = 0.7  # of them: a region of one digit
FAR = 3.0  # standard deviations of the prior
NODES = 7  # of the rule that averages over a code's Gaussian, in each dimension
MOST_NATS = 400  # of the costs' panel
SQUARE = 128  # pixels of the picture: the side of a panel for an image
DOT = 1e-3  # a line of no length would not be drawn
PLACE, OWN, PLAIN = COLOURS[1], "black", "0.6"  # frames
ALT = (
    "A map of the latent plane with each image's code as a dot in its digit's colour, circles for the prior, "
    "a cross at the chosen place and a ring at the code of a drawn digit; beside it the drawing, the image "
    "that the encoder sees, its reconstruction, what the cross decodes to, and bars of what the drawing and "
    "held-out images cost in nats."
)


def plane(decode, encode, codes, labels, images):
    """Explore a model with two latent dimensions and the prior N(0, I).

    Args:
        decode: the chapter's function z (N, 2) float32 -> (N, 28, 28) probabilities of ink.
        encode: the chapter's function x (N, 784) float32 -> mu, logvar (N, 2).
        codes: (n, 2) posterior means of n images; a random 800 of them at most are drawn, the same each time.
        labels: (n,) int, the images' digits.
        images: (m, 784) held-out images of 0 and 1, shown where nothing is drawn; the mean of their costs
            stands beside the cost of the drawing.
    Raises:
        ValueError: if `codes` is not (n, 2), or has not one label each.
    """
    codes, labels = (np.asarray(torch.as_tensor(given).detach().cpu()) for given in (codes, labels))
    if codes.ndim != 2 or codes.shape[1] != 2 or len(codes) != len(labels):
        raise ValueError(
            f"plane needs codes (n, 2) and labels (n,), got shapes {codes.shape} and {labels.shape}."
        )
    ends = (-REACH, REACH, 0.05)
    controls = {
        "z_1": slider("z₁ of the cross", ends, 2.2, "the first coordinate of the place that is decoded"),
        "z_2": slider("z₂ of the cross", ends, 0.7, "the second coordinate, upwards"),
        "drawing": Strokes(),
        "image": slider("held-out image", (1, len(images)), 1, "what is encoded while nothing is drawn"),
        "turn": list_slider("turn of this image (degrees)", range(-90, 91, 5), 0, "to the left"),
    }
    for name in ("image", "turn"):  # each empties the pad
        controls[name].observe(lambda change: controls["drawing"].set_trait("value", ()), "value")
    images = torch.as_tensor(images, dtype=torch.float32)
    seen = lru_cache(maxsize=64)(partial(see, decode, encode, images))
    usual = np.mean([seen((), number + 1, 0)["costs"] for number in range(len(images))], 0)
    compute = partial(compute_plane, decode, codes, labels, seen, usual)
    shown = chosen(len(codes))
    built = partial(build, codes=codes[shown], labels=labels[shown], usual=usual)
    picture = Picture(built, update, (8.4, 4.0))
    return Explorer(
        "latent plane", controls, compute, picture, ALT, main=("z_1", "z_2"), ink={"pad": "drawing"},
        touch={
            "plane": lambda state, x, y: {"z_1": x, "z_2": y},
            "clear": lambda state, x, y: {"drawing": ()},
        },
        hint="Drag the cross through the plane. Draw a digit of your own.",
    )  # fmt: skip


def chosen(count):
    """Indices of the codes that are drawn: at most `MOST_SHOWN` of `count`, the same each time."""
    return np.random.default_rng(4).permutation(count)[:MOST_SHOWN]


def binarised(grey):
    """0/1 pixels, float32, of a grey image (28, 28), the chances of ink; with the same noise each time."""
    return (np.random.default_rng(0).random(grey.shape) < grey).astype(np.float32)


@torch.no_grad()
def costs(decode, mu, logvar, x):
    """(reconstruction, KL) in nats of an image x (784,) whose code is N(mu, diag(exp(logvar))), (2,) each.

    The mean over the code is taken by the Gauss–Hermite rule in both dimensions: no chance is in it.
    """
    nodes, weights = map(torch.from_numpy, np.polynomial.hermite_e.hermegauss(NODES))
    weights = torch.outer(weights, weights).ravel() / weights.sum() ** 2
    z = mu + (logvar / 2).exp() * torch.cartesian_prod(nodes, nodes).to(mu)
    chances = decode(z).flatten(1)
    nll = F.binary_cross_entropy(chances, x.expand_as(chances), reduction="none").sum(1)
    kl = 0.5 * (mu.square() + torch.expm1(logvar) - logvar).sum()
    return float((weights * nll).sum()), float(kl)


def turned(x, degrees):
    """An image (784,) turned to the left."""
    cosine, sine = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    places = torch.tensor([[[cosine, -sine, 0], [sine, cosine, 0]]], dtype=x.dtype)
    grid = F.affine_grid(places, (1, 1, SIDE, SIDE), align_corners=False)
    return F.grid_sample(x.view(1, 1, SIDE, SIDE), grid, mode="nearest", align_corners=False).ravel()


@torch.no_grad()
def see(decode, encode, images, drawing, image, turn):
    """What a model makes of a drawing (strokes), or where there is none of a held-out image (its number),
    turned by some degrees.

    Returns:
        dict: x, reconstruction (28, 28); mu (2,) of its code; costs, (reconstruction, KL) in nats.
    """
    x = turned(images[image - 1], turn)
    if drawing:
        x = torch.from_numpy(binarised(digit_image(drawing)).ravel()).to(images)
    mu, logvar = (part[0] for part in encode(x[None]))
    return {
        "x": arrays(x).reshape(SIDE, SIDE),
        "reconstruction": arrays(decode(mu[None]))[0],
        "mu": arrays(mu),
        "costs": costs(decode, mu, logvar, x),
    }


@torch.no_grad()
def compute_plane(decode, codes, labels, seen, usual, *, z_1, z_2, drawing, **image):
    """The numbers behind one picture of the plane.

    Args:
        codes, labels: (n, 2) and (n,) arrays.
        seen: function (drawing, image, turn) -> what `see` returns.
        usual: the mean of the held-out images' costs.
    Returns:
        dict: what `seen` returns; z (2,); decoded (28, 28), what z decodes to; near, what is `around` the
        code of the drawing, or z where there is none; times, the image's cost over the usual one.
    """
    z = np.array([z_1, z_2])
    image = seen(drawing, **image)
    decoded = arrays(decode(torch.as_tensor(z[None], dtype=torch.float32)))[0]
    near = around(image["mu"] if drawing else z, codes, labels)
    return image | {"z": z, "decoded": decoded, "near": near, "times": sum(image["costs"]) / sum(usual)}


def around(z, codes, labels):
    """The digit that most of the codes nearest to a place have, how many have it, and of how many."""
    near = np.argsort(np.linalg.norm(codes - z, axis=1), kind="stable")[:NEAREST]
    digits, counts = np.unique(labels[near], return_counts=True)
    return int(digits[counts.argmax()]), int(counts.max()), len(near)


def build(figure, codes, labels, usual):
    """All artists: the plane to the left; the drawing and what becomes of it above the place and the costs.

    codes (n, 2) and labels (n,) are drawn; usual: mean reconstruction and KL of held-out images, nats.
    """
    artists = _build_plane(panel(figure, 46, 52, 304, 304, "plane"), codes, labels)
    pad = _square(figure, 400, 60, "draw a digit", OWN, label="pad", xlim=(0, 1), ylim=(1, 0))
    pen = dict(color="#222", linewidth=0.72 * PEN * SQUARE, solid_capstyle="round", solid_joinstyle="round")
    artists["strokes"] = moving(pad, **pen)
    artists["empty"] = pad.add_artist(Caption(0.5, 0.6, 9))
    button = panel(figure, 439, 192, 50, 19, "clear", xticks=[], yticks=[], facecolor="0.93")
    button.spines[:].set(color="0.6", visible=True)
    button.text(0.5, 0.45, "Clear", fontsize=9, ha="center", va="center")
    squares = {
        "x": (552, 60, "$x$, what is encoded", PLAIN),
        "reconstruction": (704, 60, "its reconstruction", PLAIN),
        "decoded": (400, 246, "decoded at the cross", PLACE),
    }
    for name, (*place, title, colour) in squares.items():
        square = _square(figure, *place, title, colour, xlim=(-0.5, 0.5), ylim=(-0.5, 0.5))
        artists[name] = square.add_artist(Tiles([(0, 0)], 4, "gray_r"))
        if name != "decoded":  # an arrow from the square before it
            arrow = dict(arrowstyle="->", color="0.3", linewidth=1.5)
            square.annotate("", (-0.02, 0.5), (-0.17, 0.5), xycoords="axes fraction", arrowprops=arrow)
    artists |= _build_costs(panel(figure, 554, 258, 272, 96), usual)
    return artists | {"caption": pad.add_artist(Caption(0.16, 1.36, 11))}


def _square(figure, left, top, title, colour, **looks):
    """A framed panel for an image, without axes."""
    axes = panel(figure, left, top, SQUARE, SQUARE, xticks=[], yticks=[], **looks)
    axes.set_title(title, fontsize=9.5, pad=4)
    axes.spines[:].set(color=colour, linewidth=1.5, visible=True)
    return axes


def _build_plane(axes, codes, labels):
    ticks = range(-4, 5, 2)
    axes.set(xlabel="$z_1$", ylabel="$z_2$", xticks=ticks, yticks=ticks)
    axes.set(xlim=(-REACH, REACH), ylim=(-REACH, REACH))
    axes.yaxis.labelpad = 0
    for digit in np.unique(labels):
        dots = dict(color=INKS[digit % 10], markersize=4, markeredgewidth=0, alpha=0.75)
        axes.plot(*codes[labels == digit].T, "o", **dots)
    for place, digit in signs(codes, labels):
        look = dict(color=INKS[digit % 10], fontsize=12, weight="bold", ha="center", va="center", zorder=3)
        text = axes.text(*place, str(digit), clip_on=True, **look)
        text.set_path_effects([withStroke(linewidth=3, foreground="white")])
    turn = np.linspace(0, 2 * np.pi, 121)
    for radius in (1, 2):
        circle = axes.plot(radius * np.cos(turn), radius * np.sin(turn), color="0.3", linewidth=0.9, zorder=2)
    cross = dict(color=PLACE, markeredgecolor="white", markersize=14, zorder=6)
    artists = {
        "own": mark(axes, "o", "white", 10, markeredgewidth=3, markeredgecolor=OWN, zorder=5),
        "cross": moving(axes, "X", clip_on=False, **cross),
    }
    handles, names = [*artists.values(), *circle], ("code of $x$", "the cross", "prior, 1 and 2 sd")
    legend(axes, handles, names, 0.5, 1.012, handletextpad=0.5, borderpad=0, frameon=False)
    return artists


def signs(codes, labels):
    """Where the digits are written: pairs of a code (2,) and its digit.

    Each digit gets up to `SIGNS` places where its codes are many and others few, apart from all before.
    """
    near = np.exp(-0.5 * (np.linalg.norm(codes[:, None] - codes[None], axis=2) / 0.3) ** 2)
    own = (near * (labels[:, None] == labels)).sum(1)
    clear = own**2 / near.sum(1)
    written = []
    for _ in range(SIGNS):
        for digit in np.unique(labels):
            free = clear * ((labels == digit) & (np.abs(codes).max(1) < 0.93 * REACH))
            for place, other in written:
                free = free * (np.linalg.norm(codes - place, axis=1) > (1.4 if other == digit else 0.5))
            if free.any():
                written.append((codes[free.argmax()], digit))
    return written


def _build_costs(axes, usual):
    axes.set(xlim=(0, MOST_NATS), ylim=(-0.35, 1.95), yticks=[], xlabel="cost = −ELBO (nats)")
    style = dict(height=0.45, edgecolor="black", linewidth=0.8)
    looks = (dict(color=COLOURS[5]), dict(color="white", hatch="...."))
    axes.barh(0, usual[0], **style | looks[0])
    axes.barh(0, usual[1], left=usual[0], **style | looks[1])
    bars = [axes.barh(1, 1, **style | look)[0] for look in looks]
    names = ("reconstruction", "KL, the price of the code")
    legend(axes, bars, names, 0.5, 1.0, fontsize=8.5, borderpad=0, frameon=False)
    axes.text(5, 0.34, f"held-out mean: {sums(*usual)}", fontsize=9)
    return {"bars": bars, "numbers": axes.add_artist(Texts(9, "DejaVu Sans", align=0))}


def sums(recon_nll, kl):
    """The two costs and their sum, rounded so that they add up as shown."""
    recon_nll, kl = round(recon_nll, 1), round(kl, 1)
    return f"{recon_nll:.1f} + {kl:.1f} = {recon_nll + kl:.1f}"


def update(artists, state):
    """Put a state's numbers into the artists."""
    drawing = state["drawing"]
    artists["cross"].set_data(*([value] for value in state["z"]))
    artists["own"].set_data(*([value] for value in state["mu"].clip(-REACH, REACH)))
    for name in ("x", "reconstruction", "decoded"):
        artists[name].set_data(state[name][None])
    points = [point for stroke in drawing for point in (*stroke, np.add(stroke[-1], DOT), (np.nan,) * 2)]
    artists["strokes"].set_data(*np.reshape(points, (-1, 2)).T)
    artists["empty"].set_text("" if drawing else "Draw here. Until\nthen, a held-out\nimage is encoded.")
    recon_nll, kl = state["costs"]
    for bar, start, length in zip(artists["bars"], (0, recon_nll), (recon_nll, kl), strict=True):
        bar.set_x(start)
        bar.set_width(length)
    whose = "your digit" if drawing else "this held-out image"
    artists["numbers"].set_data([5], [1.5], [f"{whose}: {sums(recon_nll, kl)}"])
    artists["caption"].set_text(caption(state))


def caption(state):
    """Whose codes lie around the reader's digit, or else around the cross."""
    digit, share, count = state["near"]
    near = f"{share} of the {count} nearest codes"
    if state["drawing"]:
        cost = f"it costs {state['times']:.1f} times the held-out mean"
        return f"Your digit lies among the {digit}s ({near}); {cost}"
    if np.linalg.norm(state["z"]) > FAR:
        return f"The cross lies beyond {FAR:g} sd, where the prior hardly ever draws a code"
    if share > CLEAR * count:
        return f"The cross lies among the {digit}s: they have {near}"
    return f"Digits meet at the cross: the commonest, {digit}, has only {near}"

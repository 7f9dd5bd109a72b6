"""Chapter 5's explorer of the latent space: images on the way from one code to another."""

from functools import lru_cache, partial

import numpy as np
import torch

from course.explorers.base import Explorer
from course.explorers.controls import menu, slider
from course.explorers.parts import arrays, headline, mark, moving, panel
from course.explorers.picture import Picture
from course.plots import COLOURS, STYLES
from course.plots.texts import Caption, Texts

FINE, EVERY = np.linspace(0, 1, 25), 3  # positions of the curves; every third has its image in the strip
EDGE = 1 / 16  # of the strip beyond its positions 0 and 1
TRIED, SURE = 1000, 0.9995  # codes drawn for the ends; how sure the classifier is of an end's digit
LIKELY = 0.2  # a digit that is somewhere on the way as likely as this has a coloured curve
LINE, CIRCLE = "straight line", "great circle"
ALT = (
    "A generated digit, large, at the present position between two latent codes; beside it a strip of images "
    "on the way from one code to the other, and below the strip the probabilities that a classifier gives to "
    "the digits along the way."
)


def walk(generate, classify, noise_size, great_circle):
    """Explore what lies between two latent codes of an image generator whose noise is N(0, I).

    Args:
        generate: function noise (N, Z) float32 -> (N, 28, 28), 0 to 1, 1 = ink; a model with batch norm must
            be in evaluation mode.
        classify: function images (N, 28, 28) -> (N, 10), the digits' probabilities.
        noise_size: Z.
        great_circle: function (start (Z,), end (Z,), t (N,)) -> codes (N, Z), float64; start and end differ.
    """
    ends = choose_ends(generate, classify, noise_size)
    way = partial(way_between, great_circle, torch.as_tensor(ends))
    seen = lru_cache(maxsize=64)(partial(look, generate, classify, way))
    digits = [(str(digit), digit) for digit in range(10)]
    note = "the plainest, of 1,000 codes, of which the classifier is quite sure"
    controls = {
        "position": slider("position on the way", (0, 1, 0.025), 0, "0 is the first code, 1 the second"),
        "start": menu("from a", digits, 5, note),
        "end": menu("to a", digits, 9, note),
        "path": menu("path", (LINE, CIRCLE), LINE, "straight, or an arc that keeps the length of the code"),
        "scale": slider("scale of the codes", (0.4, 1.4, 0.1), 1, "what every code is multiplied by", ".1f"),
    }
    compute = partial(compute_walk, generate, classify, way, seen)
    touch = dict.fromkeys(("strip", "curves"), lambda state, x, y: {"position": x})
    return Explorer(
        "latent walk between codes", controls, compute, Picture(build, update, (8.4, 4.0)), ALT,
        main=("position",), touch=touch, play="position", pace=100, hint="Drag along the strip, or play.",
    )  # fmt: skip


@torch.no_grad()
def judged(generate, classify, codes):
    """Images (n, 28, 28) and digits' probabilities (n, 10) of codes (n, Z): arrays."""
    images = generate(torch.as_tensor(codes, dtype=torch.float32))
    return arrays(images), arrays(classify(images))


def choose_ends(generate, classify, units):
    """Two codes for each digit, the same each time: (2, 10, units).

    Of TRIED standard normal codes those in which the classifier is SURE of the digit, and of these the two
    whose images have the least grey; the surest where it is not SURE.
    """
    codes = arrays(torch.randn(TRIED, units, generator=torch.Generator().manual_seed(3)))
    images, chances = judged(generate, classify, codes)
    grey = (images * (1 - images)).sum((1, 2))  # at most 196
    return codes[np.where(chances > SURE, grey[:, None], 1e6 * (1 - chances)).argsort(0, kind="stable")[:2]]


def way_between(great_circle, ends, start, end, path, scale, positions):
    """The codes (N, Z) at positions (N,) from 0 to 1 on the way between two of the ends (2, 10, Z), scaled.

    From a digit to the same one it leads to the second code.
    """
    first, last = ends[0, start], ends[int(start == end), end]
    t = torch.as_tensor(positions, dtype=torch.float64)
    if path == CIRCLE:
        return scale * great_circle(first, last, t)
    return scale * ((1 - t[:, None]) * first + t[:, None] * last)


def look(generate, classify, way, start, end, path, scale):
    """What depends on the way, not on the position on it; way is `way_between` without its first arguments.

    Returns:
        dict: strip (9, 28, 28), images at every EVERY-th of the positions FINE; chances (len(FINE), 10), the
        classifier's probabilities there; read, the digits it reads one after the other, a list; least, how
        sure it is where it is least sure.
    """
    images, chances = judged(generate, classify, way(start, end, path, scale, FINE))
    read = chances.argmax(1)
    return {
        "strip": images[::EVERY],
        "chances": chances,
        "read": [int(digit) for i, digit in enumerate(read) if i == 0 or digit != read[i - 1]],
        "least": float(chances.max(1).min()),
    }


def compute_walk(generate, classify, way, seen, *, start, end, position, path, scale):
    """The numbers behind one picture of the walk.

    Args:
        way, seen: `way_between` and `look` without what is fixed.
    Returns:
        dict: what `look` returns; image (28, 28) at the position; digit, the likeliest, and sure, its
        probability; length of the code there; units: Z.
    """
    code = way(start, end, path, scale, [position])
    images, probabilities = judged(generate, classify, code)
    return seen(start, end, path, scale) | {
        "image": images[0],
        "digit": int(probabilities[0].argmax()),
        "sure": float(probabilities[0].max()),
        "length": float(code.norm()),
        "units": code.shape[1],
    }


def build(figure):
    """All artists: the image to the left, the strip above the curves to the right."""
    artists = {"caption": headline(figure)}
    large = panel(figure, 10, 45, 280, 280)
    strip, curves = (
        panel(figure, 370, 51, 459, 51, "strip"),
        panel(figure, 370, 115, 459, 230, "curves"),
    )
    for axes in (large, strip):
        axes.set(xticks=(), yticks=())
        axes.spines[:].set(visible=axes is large, color="0.7")
    curves.set(xlim=(-EDGE, 1 + EDGE), ylim=(0, 1.2), xticks=(0, 0.25, 0.5, 0.75, 1), yticks=(0, 0.5, 1))
    curves.set(xlabel="position on the way", ylabel="probability of a digit,\nby the classifier")
    extent = (-EDGE, 1 + EDGE, 0, 1)
    shade = dict(cmap="gray_r", vmin=0, vmax=1, aspect="auto")
    return artists | {
        "image": large.imshow(np.zeros((28, 28)), **shade),
        "strip": strip.imshow(np.zeros((28, 9 * 28)), extent=extent, **shade),
        "place": mark(strip, "v", size=8),
        "rule": moving(curves, color=COLOURS[1], linewidth=1.6, zorder=2),
        "curves": [moving(curves, linewidth=2, zorder=3) for _ in range(10)],
        "digits": curves.add_artist(Texts(11, "DejaVu Sans", "bold")),
        "here": mark(curves, "D", size=7, zorder=5),
        "length": large.add_artist(Caption(0.5, -0.07, 9.5)),
    }


def update(artists, state):
    """Put a state's numbers into the artists."""
    artists["image"].set_data(state["image"])
    artists["strip"].set_data(np.concatenate(state["strip"], axis=1))
    artists["place"].set_data([state["position"]], [1])
    artists["rule"].set_data([state["position"]] * 2, [0, state["sure"]])  # the curves' numbers stay free
    chances = state["chances"]
    likely = np.flatnonzero(chances.max(0) >= LIKELY)
    for digit, curve in enumerate(artists["curves"]):
        curve.set_data(FINE, chances[:, digit])
        place = list(likely).index(digit) % len(COLOURS) if digit in likely else None
        curve.set_color("0.8" if place is None else COLOURS[place])
        curve.set_linestyle("-" if place is None else STYLES[place])
    peaks = chances[:, likely].argmax(0)
    artists["digits"].set_data(FINE[peaks], chances[peaks, likely] + 0.11, [str(digit) for digit in likely])
    artists["here"].set_data([state["position"]], [state["sure"]])
    typical = f"typical √{state['units']} = {np.sqrt(state['units']):.1f}"
    artists["length"].set_text(f"length of the code {state['length']:.1f}; {typical}")
    artists["caption"].set_text(finding(state))


def finding(state):
    """What the classifier reads on the way, and here, in one line."""
    read = " → ".join(map(str, state["read"]))
    here = f"here: {state['digit']} ({state['sure']:.2f})"
    return f"On the way the classifier reads {read} (never less sure than {state['least']:.2f}); {here}"

"""Chapter 5's explorer of the latent space: images on the way from one code to another."""

from functools import lru_cache, partial

import ipywidgets as widgets
import numpy as np
import torch

from course.explorers.base import Explorer, describe
from course.explorers.gan.walk_picture import EVERY, FINE, build, update
from course.plots.tiles import arrays

SEEDS = 20  # codes to choose from
LINE, CIRCLE = "straight line", "great circle"
MOST_KEPT = 64  # ways whose images are kept
LEAST_SCALE, MOST_SCALE = 0.5, 1.5
ALT = (
    "A strip of generated images on the way from one latent code to another, the nearest one framed; below "
    "it the image at the present position, large, a bar for each digit's probability by the classifier, and "
    "two curves along the way: the length of the code, and how far the image moves from step to step."
)


def walk(generate, classify, noise_size, start=1, end=2):
    """Explore what lies between two latent codes of an image generator whose noise is N(0, I).

    Args:
        generate: function noise (N, Z) float32 -> (N, 28, 28), 0 to 1, 1 = ink; a model with batch norm must
            be in evaluation mode.
        classify: function images (N, 28, 28) -> (N, 10), the digits' probabilities.
        noise_size: Z.
        start, end: seeds of the two codes to begin with, 1 to SEEDS.
    Returns:
        Explorer.
    """
    codes = draw_codes(noise_size)
    seen = lru_cache(maxsize=MOST_KEPT)(partial(look, generate, classify, codes))
    longest = MOST_SCALE * float(np.linalg.norm(codes, axis=1).max())
    return Explorer(
        "latent walk between codes",
        _controls(start, end),
        partial(compute_walk, generate, classify, codes, seen),
        partial(build, units=noise_size, longest=longest),
        update,
        alt=ALT,
        main=("position", "scale"),
        size=(9.4, 4.9),
    )


def _controls(start, end):
    """All controls, with the seeds to begin with."""
    slider = dict(layout=widgets.Layout(width="290px"), style={"description_width": "60px"})
    seed = dict(min=1, max=SEEDS) | slider
    controls = {
        "start": widgets.IntSlider(description="from", value=start, **seed),
        "end": widgets.IntSlider(description="to", value=end, **seed),
        "position": widgets.FloatSlider(
            description="position", value=0.5, min=0.0, max=1.0, step=0.05, **slider
        ),
        "path": widgets.Dropdown(description="path", options=(LINE, CIRCLE), **slider),
        "scale": widgets.FloatSlider(
            description="scale", value=1.0, min=LEAST_SCALE, max=MOST_SCALE, step=0.05, **slider
        ),
    }
    for name, words in (
        ("start", "which random code the way begins at"),
        ("end", "which random code the way ends at"),
        ("position", "how far along the way: 0 is the first code, 1 the second"),
        ("path", "a straight line, or an arc around the origin that keeps the length of the code"),
        ("scale", "what every code is multiplied by; below 1 stands for truncated noise"),
    ):
        describe(controls[name], words)
    return controls


def draw_codes(units):
    """The codes to choose from, standard normal, the same each time: a (SEEDS, units) array."""
    return np.stack(
        [arrays(torch.randn(units, generator=torch.Generator().manual_seed(i + 1))) for i in range(SEEDS)]
    )


def between(a, b, positions, path):
    """Codes on the way from a to b.

    Args:
        a, b: (Z,) arrays, not 0.
        positions: (n,), 0 at a, 1 at b.
        path: LINE: (1 − t) a + t b. CIRCLE: the direction turns from a's to b's at an even rate (spherical
            interpolation), the length goes evenly from a's to b's. Opposite codes have no such arc.
    Returns:
        (n, Z).
    Source: for the great circle, Shoemake 1985 (slerp); White 2016, Sampling Generative Networks.
    """
    t = np.asarray(positions, dtype=float)[:, None]
    if path == LINE:
        return (1 - t) * a + t * b
    lengths = np.linalg.norm(a), np.linalg.norm(b)
    a, b = a / lengths[0], b / lengths[1]
    angle = np.arccos(np.clip(a @ b, -1, 1))
    if np.sin(angle) > 1e-6:
        direction = (np.sin((1 - t) * angle) * a + np.sin(t * angle) * b) / np.sin(angle)
    else:  # one direction: nothing turns
        direction = np.broadcast_to(a, (len(t), len(a)))
    return ((1 - t) * lengths[0] + t * lengths[1]) * direction


@torch.no_grad()
def judged(generate, classify, codes):
    """Images (n, 28, 28) and digits' probabilities (n, 10) of codes (n, Z): arrays."""
    images = generate(torch.as_tensor(codes, dtype=torch.float32))
    return arrays(images), arrays(classify(images))


def look(generate, classify, codes, start, end, path, scale):
    """What depends on the way, not on the position on it.

    Args:
        generate, classify: as in `walk`.
        codes: (SEEDS, Z).
        start, end, path, scale: as the controls say.
    Returns:
        dict: strip (9, 28, 28), images at every EVERY-th of the positions FINE; digits, shares (9,), the
        classifier's digit of each and its probability; moves (len(FINE) − 1,), the Euclidean distances
        between neighbours of the len(FINE) images; lengths (len(FINE),) of the codes.
    """
    way = scale * between(codes[start - 1], codes[end - 1], FINE, path)
    images, probabilities = judged(generate, classify, way)
    return {
        "strip": images[::EVERY],
        "digits": probabilities[::EVERY].argmax(1),
        "shares": probabilities[::EVERY].max(1),
        "moves": np.sqrt(np.square(np.diff(images, axis=0)).sum((1, 2))),
        "lengths": np.linalg.norm(way, axis=1),
    }


def compute_walk(generate, classify, codes, seen, *, start, end, position, path, scale):
    """The numbers behind one picture of the walk.

    Args:
        generate, classify: as in `walk`.
        codes: (SEEDS, Z).
        seen: `look` without its first three arguments.
        start, end, position, path, scale: as the controls say.
    Returns:
        dict: what `look` returns; image (28, 28) and probabilities (10,) at the position; digit, the
        likeliest; length of the code there; units: Z; position; nearest, the strip's index nearest to it.
    """
    code = scale * between(codes[start - 1], codes[end - 1], [position], path)
    images, probabilities = judged(generate, classify, code)
    return seen(start, end, path, scale) | {
        "image": images[0],
        "probabilities": probabilities[0],
        "digit": int(probabilities[0].argmax()),
        "length": float(np.linalg.norm(code)),
        "units": codes.shape[1],
        "position": position,
        "nearest": int(np.abs(FINE[::EVERY] - position).argmin()),
    }

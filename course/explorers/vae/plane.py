"""Chapter 4's explorer of a latent plane: what each place decodes to, and whose codes lie there."""

from functools import partial

import ipywidgets as widgets
import numpy as np
import torch

from course.explorers.base import Explorer, describe
from course.explorers.vae.plane_picture import ACROSS, ALL, STEP, build, update

MOST_SHOWN = 800  # codes
REACH = 3.5  # of the sliders
NEAREST = 20
ALT = (
    "A map of the latent plane with each image's code written as its digit, circles for one and two standard "
    "deviations of the prior and a cross at the present place; beside it the image that this place decodes "
    "to, and those of a square of places around it."
)


def plane(decode, codes, labels, z_1=0.0, z_2=0.0):
    """Explore a model with two latent dimensions and the prior N(0, I).

    Args:
        decode: the chapter's function z (N, 2) float32 -> (N, 28, 28) probabilities of ink.
        codes: (n, 2) posterior means of n images; a random 800 of them at most are drawn, the same each time.
        labels: (n,) int, the images' digits, drawn as the codes' signs.
        z_1, z_2: to begin with.
    Returns:
        Explorer.
    Raises:
        ValueError: if `codes` is not (n, 2), or has not one label each.
    """
    codes, labels = (np.asarray(torch.as_tensor(given).detach().cpu()) for given in (codes, labels))
    if codes.ndim != 2 or codes.shape[1] != 2 or len(codes) != len(labels):
        raise ValueError(
            f"plane needs codes (n, 2) and labels (n,), got shapes {codes.shape} and {labels.shape}."
        )
    slider = dict(layout=widgets.Layout(width="300px"), style={"description_width": "60px"})
    place = dict(min=-REACH, max=REACH, step=0.1) | slider
    digits = [("all digits", ALL), *((str(digit), int(digit)) for digit in np.unique(labels))]
    controls = {
        "z_1": widgets.FloatSlider(description="z_1", value=z_1, **place),
        "z_2": widgets.FloatSlider(description="z_2", value=z_2, **place),
        "digit": widgets.Dropdown(description="digit", options=digits, value=ALL, **slider),
    }
    for name, words in (
        ("z_1", "the first coordinate of the place that is decoded, to the right"),
        ("z_2", "the second coordinate, upwards"),
        ("digit", "whose codes stand out in the map"),
    ):
        describe(controls[name], words)
    shown = chosen(len(codes))
    return Explorer(
        "latent plane",
        controls,
        partial(compute_plane, decode, codes, labels),
        partial(build, codes=codes[shown], labels=labels[shown]),
        update,
        alt=ALT,
        main=("z_1", "z_2"),
        size=(9.8, 4.6),
    )


def chosen(count):
    """Indices of the codes that are drawn: at most `MOST_SHOWN` of `count`, the same each time."""
    return np.random.default_rng(4).permutation(count)[:MOST_SHOWN]


def compute_plane(decode, codes, labels, *, z_1, z_2, digit):
    """The numbers behind one picture of the plane.

    Args:
        decode: as in `plane`.
        codes, labels: (n, 2) and (n,) arrays.
        z_1, z_2, digit: as the controls say.
    Returns:
        dict: z (2,); image (28, 28), what z decodes to; around (ACROSS², 28, 28), what a square of places
        around z, `STEP` apart, decodes to, row by row, z_1 growing along a row and z_2 from row to row;
        density, the prior's at z relative to its greatest; commonest, the digit that most of the `NEAREST`
        nearest of all n codes have, share, how many have it, of, how many of these codes there are; distance
        to the nearest code; digit.
    """
    z = np.array([z_1, z_2])
    offsets = STEP * (np.arange(ACROSS) - ACROSS // 2)
    up, right = np.meshgrid(offsets, offsets, indexing="ij")
    places = np.stack([z_1 + right, z_2 + up], -1).reshape(-1, 2)
    with torch.no_grad():
        images = decode(torch.as_tensor(places, dtype=torch.float32))
    images = images.cpu().float().numpy()
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
        "digit": digit,
    }

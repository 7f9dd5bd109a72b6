"""Chapter 4's explorer of the latent dimensions: what one of them does to a reconstruction."""

from functools import partial

import ipywidgets as widgets
import numpy as np
import torch

from course.explorers.base import Explorer, describe
from course.explorers.vae.walk_picture import LIMIT, STRIP, build, update
from course.plots.tiles import arrays

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
    Returns:
        Explorer.
    Raises:
        ValueError: if kl has not one entry for each dimension.
    """
    with torch.no_grad():
        mu, logvar = encode(images)
    kl = arrays(torch.as_tensor(kl))
    if kl.shape != mu.shape[1:]:
        raise ValueError(f"kl has shape {kl.shape}; {mu.shape[1]} latent dimensions need ({mu.shape[1]},).")
    slider = dict(layout=widgets.Layout(width="340px"), style={"description_width": "120px"})
    controls = {
        "image": widgets.IntSlider(description="image", value=1, min=1, max=len(images), **slider),
        "rank": widgets.IntSlider(description="dimension, by KL", value=1, min=1, max=len(kl), **slider),
        "value": widgets.FloatSlider(
            description="value", value=2.0, min=-LIMIT, max=LIMIT, step=0.1, readout_format=".1f", **slider
        ),
    }
    for name, words in (
        ("image", "which of the held-out images, counted from 1"),
        ("rank", "which latent dimension is changed: 1 is the one of the largest KL"),
        ("value", "what the chosen dimension is set to; the others stay at the image's μ"),
    ):
        describe(controls[name], words)
    for name in ("image", "rank"):
        if controls[name].max == 1:  # nothing to choose
            del controls[name]
    return Explorer(
        "latent walk",
        controls,
        partial(compute_walk, decode, images, mu, logvar, kl),
        partial(build, kl=np.sort(kl)[::-1]),
        update,
        alt=ALT,
        main=("rank", "value"),
        size=(9.4, 4.9),
    )


@torch.no_grad()
def compute_walk(decode, images, mu, logvar, kl, *, value, image=1, rank=1):
    """The numbers behind one picture of the walk.

    Args:
        decode, images: as in `walk`.
        mu, logvar: (n, Z), what the images are encoded to.
        kl: (Z,) array, nats.
        value: what the dimension is set to.
        image, rank: ints from 1; rank 1 is the dimension of the largest KL.
    Returns:
        dict: original, plain (decoded from mu), changed (the dimension set to value) and difference = changed
        − plain, (28, 28) each; strip (9, 28, 28), the dimension set to each of `STRIP`; nearest, the index in
        the strip nearest to value; gained, lost: sums of the difference's positive and negative parts, both
        >= 0; dimension (index from 0), units: Z, rank, value; kl (nats), mu and sigma of the dimension.
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
        "rank": rank,
        "value": float(value),
        "kl": float(kl[dimension]),
        "mu": float(mu[image - 1, dimension]),
        "sigma": float((logvar[image - 1, dimension] / 2).exp()),
    }

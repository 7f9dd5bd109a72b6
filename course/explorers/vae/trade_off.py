"""Chapter 4's explorer of β: rate against distortion of several models, with their samples and
reconstructions.
"""

from functools import partial

import ipywidgets as widgets
import torch

from course.explorers.base import Explorer, describe
from course.explorers.vae.trade_off_picture import COLUMNS, build, update
from course.plots.tiles import arrays

DRAWS = 5
SAMPLES = 2 * COLUMNS
ALT = (
    "The rate and the distortion of models trained with different β, as a curve with the chosen model marked "
    "and lines of equal ELBO; beside it images that this model decodes from the prior, and held-out images "
    "above its reconstructions of them."
)


def trade_off(rows, decode, encode, images, beta=1.0):
    """Explore what β makes of a VAE: rate, distortion, samples and reconstructions.

    Args:
        rows: list of dicts, one a trained model, β rising: "beta"; "kl", the mean KL in nats (the rate);
            "recon_nll", the mean reconstruction error in nats (the distortion); "active", the number of
            active units.
        decode: function (i, z (N, Z)) -> (N, 28, 28), the pixels' probabilities under model i.
        encode: function (i, x (N, 784)) -> mu, logvar (N, Z) of model i; Z is the same for all models.
        images: (6, 784) held-out images of 0 and 1.
        beta: to begin with; the nearest one that `rows` has.
    Returns:
        Explorer.
    Raises:
        ValueError: for fewer than two rows, or β that does not rise.
    """
    betas = [row["beta"] for row in rows]
    if len(betas) < 2 or any(b <= a for a, b in zip(betas[:-1], betas[1:], strict=True)):
        raise ValueError(f"There must be two models or more, in order of β; the rows have β = {betas}.")
    slider = dict(layout=widgets.Layout(width="340px"), style={"description_width": "60px"})
    options = [(f"{b:g}", b) for b in betas]
    nearest = min(betas, key=lambda b: abs(b - beta))
    controls = {
        "beta": widgets.SelectionSlider(description="β", options=options, value=nearest, **slider),
        "draw": widgets.IntSlider(description="draw", value=1, min=1, max=DRAWS, **slider),
    }
    describe(controls["beta"], "the weight of the KL in the loss that the model was trained with")
    describe(controls["draw"], "which random codes from the prior are decoded; the same for every model")
    with torch.no_grad():
        codes = prior_codes(encode(0, images[:1])[0])
    return Explorer(
        "trade-off",
        controls,
        partial(compute_trade_off, rows, decode, encode, images, codes),
        partial(build, rows=rows),
        update,
        alt=ALT,
        main=("beta", "draw"),
        size=(9.4, 5.1),
    )


def prior_codes(mu):
    """The codes that are decoded: (DRAWS, SAMPLES, Z), standard normal, of mu's (n, Z) type and device."""
    rng = torch.Generator().manual_seed(0)
    return torch.randn(DRAWS, SAMPLES, mu.shape[1], generator=rng).to(mu)


@torch.no_grad()
def compute_trade_off(rows, decode, encode, images, codes, *, beta, draw):
    """The numbers behind one picture of the trade-off.

    Args:
        rows, decode, encode, images: as in `trade_off`.
        codes: what `prior_codes` returned.
        beta: of one of the rows.
        draw: 1 to DRAWS.
    Returns:
        dict: samples (SAMPLES, 28, 28), images and reconstructions (6, 28, 28), the latter decoded from mu;
        beta, rate, distortion, elbo = −(rate + distortion) in nats, active, units: Z.
    """
    i = [row["beta"] for row in rows].index(beta)
    mu, _ = encode(i, images)
    decoded = arrays(decode(i, torch.cat([codes[draw - 1], mu])))
    rate, distortion = float(rows[i]["kl"]), float(rows[i]["recon_nll"])
    return {
        "samples": decoded[:SAMPLES],
        "images": arrays(images).reshape(-1, *decoded.shape[1:]),
        "reconstructions": decoded[SAMPLES:],
        "beta": beta,
        "rate": rate,
        "distortion": distortion,
        "elbo": -(rate + distortion),
        "active": int(rows[i]["active"]),
        "units": mu.shape[1],
    }

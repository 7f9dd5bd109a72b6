"""Chapter 5's explorer of the smallest adversarial game: one point against one slope, step by step."""

from functools import lru_cache, partial

import ipywidgets as widgets
import numpy as np
import torch

from course.explorers.base import Explorer, describe
from course.explorers.gan.dirac_picture import ACROSS, HALF, build, update

STEPS = 300
# Spaced evenly on a log scale, but for their rounding.
GAMMAS = (
    0.1, 0.12, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.5, 0.6, 0.7, 0.85, 1.0, 1.2, 1.4, 1.7, 2.0, 2.5, 3.0,
)  # fmt: skip
RATES = (0.02, 0.03, 0.04, 0.05, 0.07, 0.1, 0.14, 0.2, 0.3, 0.4, 0.5, 0.7, 1.0)
ORDERS = ("simultaneous", "alternating")
GRID = np.linspace(-HALF, HALF, ACROSS + 2)[1:-1]  # of the arrows, along either axis
MARGINAL = 1e-9  # of |λ| around 1
ALT = (
    "The plane of the generator's point and the discriminator's slope, with arrows for the direction of an "
    "update, the path of training from its start to its end, and a cross at the equilibrium; beside it the "
    "distance from the equilibrium over the steps on a log scale, with the straight line that the largest "
    "eigenvalue of the update predicts."
)


def dirac(field, path, multiplier, losses, penalties, loss="non-saturating", penalty="R1"):
    """Explore the Dirac GAN: the data is the point 0, the generator the point theta, the logit psi·x.

    Args:
        field: function (theta (N,), psi (N,), loss, penalty, gamma) of float64 arrays -> (dtheta (N,), dpsi
            (N,)), the direction of gradient descent of both sides.
        path: function (theta, psi, loss, penalty, gamma, lr_g, lr_d, alternating, steps) -> (steps + 1, 2),
            theta and psi from the start on; may grow without bound.
        multiplier: function (loss, penalty, gamma, lr_g, lr_d, alternating) -> |λ|, the largest modulus of
            the update's eigenvalues at (0, 0), or None where there is none.
        losses, penalties: sequences of the names that the functions know.
        loss, penalty: to begin with; the first one if there is none of that name.
    Returns:
        Explorer.
    Raises:
        ValueError: without a loss or a penalty.
    Source: Mescheder et al. 2018, section 2.
    """
    if not losses or not penalties:
        raise ValueError("dirac needs at least one loss and one penalty, which may be called none.")
    loss = loss if loss in losses else losses[0]
    penalty = penalty if penalty in penalties else penalties[0]
    seen = lru_cache(maxsize=1024)(lambda *setting: directions(field, *setting))
    return Explorer(
        "Dirac GAN",
        _controls(losses, penalties, loss, penalty),
        partial(compute_dirac, path, multiplier, seen),
        partial(build, grid=GRID, steps=STEPS),
        update,
        alt=ALT,
        main=("gamma", "lr_d"),
        size=(9.4, 4.9),
    )


def _controls(losses, penalties, loss, penalty):
    slider = dict(layout=widgets.Layout(width="300px"), style={"description_width": "100px"})
    controls = {
        "loss": widgets.Dropdown(description="loss", options=losses, value=loss, **slider),
        "penalty": widgets.Dropdown(description="penalty", options=penalties, value=penalty, **slider),
        "order": widgets.Dropdown(description="order", options=ORDERS, value=ORDERS[1], **slider),
        "gamma": widgets.SelectionSlider(description="γ", options=GAMMAS, value=0.3, **slider),
        "lr_g": widgets.SelectionSlider(description="generator's lr", options=RATES, value=0.1, **slider),
        "lr_d": widgets.SelectionSlider(description="discr.'s lr", options=RATES, value=0.1, **slider),
        "theta": widgets.FloatSlider(description="start θ", value=1, min=0.2, max=2, step=0.1, **slider),
        "psi": widgets.FloatSlider(description="start ψ", value=0, min=-1, max=1, step=0.1, **slider),
    }
    for name, words in (
        ("loss", "what both sides minimise"),
        ("penalty", "what holds the discriminator's slope"),
        ("order", "whether both sides move at once, or the generator after the discriminator"),
        ("gamma", "the strength of the penalty, on a log scale"),
        ("lr_g", "the generator's learning rate, on a log scale"),
        ("lr_d", "the discriminator's learning rate, on a log scale"),
        ("theta", "the generator's point at the start; the data is at 0"),
        ("psi", "the slope of the discriminator's logit at the start"),
    ):
        describe(controls[name], words)
    return controls


def directions(field, loss, penalty, gamma):
    """The field on the grid: (ACROSS, ACROSS, 2), rows upwards, of (dtheta, dpsi)."""
    psi, theta = (array.ravel() for array in np.meshgrid(GRID, GRID, indexing="ij"))
    parts = [np.asarray(part, dtype=float) for part in field(theta, psi, loss, penalty, gamma)]
    return np.stack(parts, 1).reshape(ACROSS, ACROSS, 2)


def compute_dirac(path, multiplier, seen, *, loss, penalty, order, gamma, lr_g, lr_d, theta, psi):
    """The numbers behind one picture of the Dirac GAN.

    Args:
        path, multiplier: as in `dirac`.
        seen: function (loss, penalty, gamma) -> what `directions` returned for these.
        loss, penalty, order, gamma, lr_g, lr_d, theta, psi: the controls.
    Returns:
        dict: arrows (ACROSS, ACROSS, 2), the direction of an update at the grid's places, of length 1, or 0
        where nothing moves; path (STEPS + 1, 2); distances (STEPS + 1,) from (0, 0), inf from where the path
        is not finite; multiplier, |λ| or None; predicted (STEPS + 1,), the first distance times |λ|^step, or
        None; verdict, see there; loss, penalty, order, gamma.
    """
    alternating = order == ORDERS[1]
    moves = seen(loss, penalty, gamma) * (lr_g, lr_d)
    length = np.linalg.norm(moves, axis=2, keepdims=True)
    with np.errstate(all="ignore"):  # a path that leaves may overflow
        places = path(theta, psi, loss, penalty, gamma, lr_g, lr_d, alternating, STEPS)
        places = torch.as_tensor(places).detach().double().numpy()
        factor = multiplier(loss, penalty, gamma, lr_g, lr_d, alternating)
        distances = np.hypot(*places.T)
        predicted = None if factor is None else distances[0] * float(factor) ** np.arange(STEPS + 1)
    return {
        "arrows": np.divide(moves, length, out=np.zeros_like(moves), where=length > 0),
        "path": places,
        "distances": np.where(np.isfinite(places).all(1), distances, np.inf),
        "multiplier": None if factor is None else float(factor),
        "predicted": predicted,
        "verdict": verdict(factor),
        "loss": loss,
        "penalty": penalty,
        "order": order,
        "gamma": gamma,
    }


def verdict(factor):
    """What |λ|, a float or None, says about updates near (0, 0): a key of `dirac_picture.MEANINGS`."""
    if factor is None:
        return "none"
    if abs(factor - 1) < MARGINAL:
        return "marginal"
    return "inwards" if factor < 1 else "outwards"

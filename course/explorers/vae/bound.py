"""Chapter 4's explorer of the evidence lower bound: one observation, a z of one dimension, a Gaussian q."""

from functools import lru_cache, partial

import ipywidgets as widgets
import numpy as np
import torch

from course.explorers.base import Explorer, describe
from course.explorers.vae.bound_picture import build, update

# Spaced evenly on a log scale, but for their rounding.
SIGMAS = (
    0.1, 0.11, 0.125, 0.14, 0.16, 0.18, 0.2, 0.22, 0.25, 0.28, 0.32, 0.36, 0.4, 0.45, 0.5, 0.56, 0.63, 0.7,
    0.8, 0.9, 1.0, 1.1, 1.25, 1.4, 1.6, 1.8, 2.0, 2.25, 2.5, 2.75, 3.0,
)  # fmt: skip
MOST_MU = 3.0
GRID = np.linspace(-4, 4, 321)  # of z
MAP_MUS = np.linspace(-MOST_MU, MOST_MU, 81)
MAP_SIGMAS = np.geomspace(SIGMAS[0], SIGMAS[-1], 61)
ROUNDS = 16  # of the search for the best q, which halves its step in each
ALT = (
    "The densities of the prior, the exact posterior and the Gaussian q as three curves; a map of how far "
    "the ELBO lies below the log evidence for each mean and standard deviation of q, the present and the "
    "best q marked; and two stacked bars: the log evidence made up of the ELBO and its gap, and the expected "
    "log likelihood made up of the ELBO and the divergence from the prior."
)


def bound(models, mu=0.0, sigma=1.0):
    """Explore log p(x) = ELBO + KL(q || posterior) for q = N(mu, sigma²), the prior N(0, 1) and one fixed x.

    Args:
        models: dict of name to (log_likelihood, elbo, log_evidence): the chapter's functions log_likelihood(z
            (n,) float64) -> (n,), log p(x | z), and elbo(mu, sigma), float64 tensors that broadcast to some
            shape, -> that shape, nats; and the float log p(x), nats. `elbo` is called at some 5,000 pairs, a
            row of 81 at a time, when a model is first shown.
        mu, sigma: of q, to begin with; sigma is one of `SIGMAS`.
    Returns:
        Explorer.
    Raises:
        ValueError: if there is no model.
    """
    if not models:
        raise ValueError("bound needs at least one model.")
    slider = dict(layout=widgets.Layout(width="300px"), style={"description_width": "60px"})
    controls = {
        "model": widgets.Dropdown(description="model", options=list(models), **slider),
        "mu": widgets.FloatSlider(
            description="mean μ", value=mu, min=-MOST_MU, max=MOST_MU, step=0.05, **slider
        ),
        "sigma": widgets.SelectionSlider(description="sd σ", options=SIGMAS, value=sigma, **slider),
    }
    for name, words in (
        ("model", "the decoder p(x | z), which decides how the posterior looks"),
        ("mu", "the mean of q"),
        ("sigma", "the standard deviation of q, on a log scale"),
    ):
        describe(controls[name], words)
    if len(models) == 1:  # nothing to choose
        del controls["model"]
    surveyed = lru_cache(maxsize=None)(lambda name: survey(*models[name]))
    return Explorer(
        "evidence lower bound",
        controls,
        partial(compute_bound, models, surveyed),
        partial(build, grid=GRID, mus=MAP_MUS, sigmas=MAP_SIGMAS),
        update,
        alt=ALT,
        main=("mu", "sigma"),
        size=(9.8, 4.4),
    )


def kl_to_prior(mu, sigma):
    """KL(N(mu, sigma²) || N(0, 1)) = ½ (mu² + sigma² − 1 − ln sigma²), nats; numbers or arrays.

    Source: Kingma & Welling 2013, appendix B.
    """
    return 0.5 * (mu**2 + sigma**2 - 1 - np.log(sigma**2))


def normal(z, mu=0.0, sigma=1.0):
    """The density of N(mu, sigma²) at z."""
    return np.exp(-0.5 * ((z - mu) / sigma) ** 2) / (sigma * np.sqrt(2 * np.pi))


def evaluate(function, *arrays):
    """A function of float64 tensors at arrays or numbers, as a float64 array; no gradients."""
    with torch.no_grad():
        out = function(*(torch.as_tensor(array, dtype=torch.float64) for array in arrays))
    return torch.as_tensor(out).cpu().double().numpy()


def survey(log_likelihood, elbo, log_evidence):
    """What does not depend on the present q.

    Args:
        log_likelihood, elbo, log_evidence: a model, as in `bound`.
    Returns:
        dict: posterior (len(GRID),), the density p(z | x); map (len(MAP_SIGMAS), len(MAP_MUS)), the gap
        log p(x) − ELBO in nats; best, (mu, sigma) of the least gap within the map, and least, that gap.
    """
    posterior = np.exp(evaluate(log_likelihood, GRID) - log_evidence) * normal(GRID)
    gaps = log_evidence - np.stack([evaluate(elbo, MAP_MUS, np.full_like(MAP_MUS, s)) for s in MAP_SIGMAS])
    row, column = np.unravel_index(gaps.argmin(), gaps.shape)
    best = _refine(elbo, MAP_MUS[column], MAP_SIGMAS[row])
    least = log_evidence - float(evaluate(elbo, *best))
    return {"posterior": posterior, "map": gaps, "best": best, "least": least}


def _refine(elbo, mu, sigma):
    """(mu, sigma) of the greatest ELBO near a point of the map, by ever smaller grids around the best."""
    wide, high = MAP_MUS[1] - MAP_MUS[0], np.log(MAP_SIGMAS[1] / MAP_SIGMAS[0])
    steps = np.linspace(-1, 1, 5)
    for power in range(ROUNDS):
        mus = np.clip(mu + wide * steps / 2**power, -MOST_MU, MOST_MU)
        sigmas = np.clip(sigma * np.exp(high * steps / 2**power), SIGMAS[0], SIGMAS[-1])
        around = [array.ravel() for array in np.meshgrid(mus, sigmas)]
        most = evaluate(elbo, *around).argmax()
        mu, sigma = (float(array[most]) for array in around)
    return mu, sigma


def compute_bound(models, surveyed, *, mu, sigma, model=None):
    """The numbers behind one picture of the bound.

    Args:
        models: as in `bound`.
        surveyed: function (name) -> what `survey` returned for that model.
        mu, sigma: of q.
        model: a name, default the first.
    Returns:
        dict: prior, posterior, q (len(GRID),) densities; map, best, least as in `survey`; mu, sigma; and in
        nats log_evidence, elbo, gap = log_evidence − elbo = KL(q || posterior), kl = KL(q || prior) and
        expected = elbo + kl = E_q[log p(x | z)].
    """
    model = next(iter(models)) if model is None else model
    _, function, log_evidence = models[model]
    elbo, kl = float(evaluate(function, mu, sigma)), float(kl_to_prior(mu, sigma))
    return surveyed(model) | {
        "prior": normal(GRID),
        "q": normal(GRID, mu, sigma),
        "mu": mu,
        "sigma": sigma,
        "log_evidence": float(log_evidence),
        "elbo": elbo,
        "gap": float(log_evidence) - elbo,
        "kl": kl,
        "expected": elbo + kl,
    }

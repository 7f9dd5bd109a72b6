"""Chapter 5's explorer of two Gaussians: what divergences see, and where a generator's loss pulls."""

from functools import lru_cache, partial

import ipywidgets as widgets
import numpy as np
import torch

from course.explorers.base import Explorer, describe
from course.explorers.gan.two_gaussians_picture import build, update
from course.plots.tiles import arrays

MOST_MEAN = 6.0
# Spaced evenly on a log scale, but for their rounding.
STDS = (
    0.2, 0.22, 0.25, 0.27, 0.3, 0.33, 0.36, 0.4, 0.45, 0.5, 0.55, 0.6, 0.67, 0.75, 0.82, 0.9, 1.0, 1.1, 1.2,
    1.35, 1.5, 1.65, 1.8, 2.0, 2.2, 2.5, 2.75, 3.0,
)  # fmt: skip
X = torch.linspace(-9, 9, 481, dtype=torch.float64)
SAMPLES = 20
# Of the divergences' curves; denser where these bend, since a curve is computed as soon as a std is chosen.
_HALF = np.array([*np.linspace(0, 4.2, 15), 4.7, 5.3, MOST_MEAN])
MEANS = np.concatenate([-_HALF[:0:-1], _HALF])
ALT = (
    "The densities of the data and of the generator with the best discriminator below; the pull of the "
    "chosen loss as a curve over the place of a sample, with samples of the generator as marks that point "
    "the way they are pulled; and the divergences as curves over the generator's mean, the present one "
    "marked."
)


def two_gaussians(densities, best, divergences, pulls, mean=2.0, std=1.0):
    """Explore losses and divergences of data p = N(0, 1) and a generator q = N(mean, std²) on a line.

    Args:
        densities: function (x (N,) float64, mean, std) -> p (N,), q (N,).
        best: function (x (N,), mean, std) -> (N,), the best discriminator's probability p / (p + q).
        divergences: function (mean, std) -> dict of name to float: "JS" in nats; the others, up to six and
            in the same order each time, share one scale: "KL(p||q)", "KL(q||p)" in nats, "W1" in units of x.
            It is called at all `MEANS` when a std is first shown.
        pulls: dict of a loss's name to a function (x (N,), mean, std) -> (N,): minus the derivative of the
            generator's loss for a sample by its place x, under the discriminator that is best for that loss.
        mean, std: of q, to begin with; std is one of `STDS`.
    Returns:
        Explorer.
    Raises:
        ValueError: if there is no loss, or no "JS" among the divergences.
    """
    if not pulls:
        raise ValueError("two_gaussians needs the pull of at least one loss.")
    names = list(divergences(mean, std))
    if "JS" not in names:
        raise ValueError(f"There must be a divergence named JS; there are {', '.join(names) or 'none'}.")
    surveyed = lru_cache(maxsize=None)(lambda std: survey(divergences, std))
    return Explorer(
        "two Gaussians",
        _controls(list(pulls), mean, std),
        partial(compute_two_gaussians, densities, best, divergences, pulls, surveyed),
        partial(build, x=X.numpy(), means=MEANS, names=[name for name in names if name != "JS"]),
        update,
        alt=ALT,
        main=("mean", "std"),
        size=(9.8, 5.0),
    )


def _controls(names, mean, std):
    slider = dict(layout=widgets.Layout(width="300px"), style={"description_width": "60px"})
    moved = dict(min=-MOST_MEAN, max=MOST_MEAN, step=0.1, **slider)
    controls = {
        "mean": widgets.FloatSlider(description="mean", value=mean, **moved),
        "std": widgets.SelectionSlider(description="std", options=STDS, value=std, **slider),
        "loss": widgets.Dropdown(description="loss", options=names, **slider),
    }
    for name, words in (
        ("mean", "the mean of the generator's distribution q; the data's is 0"),
        ("std", "the standard deviation of q, on a log scale; the data's is 1"),
        ("loss", "the generator's loss, whose pull on samples is shown"),
    ):
        describe(controls[name], words)
    if len(names) == 1:  # nothing to choose
        del controls["loss"]
    return controls


def quantiles(mean, std):
    """SAMPLES samples of N(mean, std²) without chance: its quantiles at (i + ½) / SAMPLES, (SAMPLES,)."""
    share = (torch.arange(SAMPLES, dtype=torch.float64) + 0.5) / SAMPLES
    return mean + std * torch.special.ndtri(share)


def survey(divergences, std):
    """Each divergence over MEANS at one std: dict of name to (len(MEANS),)."""
    found = [divergences(float(mean), std) for mean in MEANS]
    return {name: np.array([float(each[name]) for each in found]) for name in found[0]}


@torch.no_grad()
def compute_two_gaussians(densities, best, divergences, pulls, surveyed, *, mean, std, loss=None):
    """The numbers behind one picture of the two Gaussians.

    Args:
        densities, best, divergences, pulls: as in `two_gaussians`.
        surveyed: function (std) -> what `survey` returned for that std.
        mean, std: of q.
        loss: a name, default the first.
    Returns:
        dict: p, q, best, pull (len(X),), over X; samples and sample_pulls (SAMPLES,), and outside, how many
        of them lie beyond X; sizes, dict of each loss's name to its mean |pull| on the samples; divergences,
        dict of name to the present value, and curves, dict of name to (len(MEANS),); mean, std, loss.
    """
    loss = next(iter(pulls)) if loss is None else loss
    samples = quantiles(mean, std)
    on_samples = {name: arrays(pull(samples, mean, std)) for name, pull in pulls.items()}
    p, q = densities(X, mean, std)
    return {
        "p": arrays(p),
        "q": arrays(q),
        "best": arrays(best(X, mean, std)),
        "pull": arrays(pulls[loss](X, mean, std)),
        "samples": arrays(samples),
        "sample_pulls": on_samples[loss],
        "outside": int((samples.abs() > X[-1]).sum()),
        "sizes": {name: float(np.abs(pull).mean()) for name, pull in on_samples.items()},
        "divergences": {name: float(value) for name, value in divergences(mean, std).items()},
        "curves": surveyed(std),
        "mean": mean,
        "std": std,
        "loss": loss,
    }

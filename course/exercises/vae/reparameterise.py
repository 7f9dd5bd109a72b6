"""Chapter 4: a sample that gradients pass through, Kingma and Welling (2013), section 2.4."""

import math

import torch
from torch.distributions.transforms import AffineTransform

from course.exercises.cases import tensors
from course.exercises.engine import Exercise


def my_reparameterise(mu, logvar, eps):
    """The latent code z (B, Z) from standard normal noise. mu, logvar, eps (B, Z); logvar is ln sigma^2."""
    # Halved before the exponential: the variance itself underflows long before its root does.
    sigma = torch.exp(0.5 * logvar)  # (B, Z)
    return mu + sigma * eps


def by_pytorch(mu, logvar, eps):
    """The same by the affine transform of torch.distributions, in float64."""
    sigma = torch.sqrt(torch.exp(logvar.double()))
    return AffineTransform(mu.double(), sigma)(eps.double()).to(mu.dtype)


def draw(rng, B, Z, scale=1.0, logvar_scale=1.0, dtype=torch.float64):
    """A case; `scale` multiplies the means."""
    mu, logvar, eps = tensors(rng, "BZ BZ BZ", dtype, B=B, Z=Z)
    return scale * mu, logvar_scale * logvar, eps


reparameterise = Exercise(
    my_reparameterise,
    reference=by_pytorch,
    gradients=True,
    by_hand=[
        ([[1.0]], [[math.log(4)]], [[3.0]]),  # z = 7, slope 3
        ([[0.5, -0.5], [1.0, 0.0]], [[-200.0, 10.0], [0.0, -40.0]], [[1.0, 2.0], [-3.0, 1e3]]),
        (  # the variance underflows in float32, the standard deviation does not
            torch.tensor([[1.0, -2.0], [0.0, 1e-3]]),
            torch.tensor([[-150.0, 0.5], [-120.0, -200.0]]),
            torch.tensor([[2.0, 1.0], [-0.5, 0.25]]),
        ),
        ([[0.0, 1e-3], [0.0, 1.0]], [[-200.0, 0.0], [-25.0, -200.0]], [[1e3, 0.0], [1.0, 0.0]]),
        ([[0.5]], [[1.0]], [[0.0]]),  # noise that is 0
        ([[0.5], [0.0]], [[40.0], [30.0]], [[-2.0], [0.0]]),
        (torch.tensor([[0.0]]), torch.tensor([[40.0]]), torch.tensor([[1.0]])),
    ],
    draw=draw,
    sizes=[
        dict(B=1, Z=1),
        dict(B=1, Z=4),
        dict(B=4, Z=1),
        dict(B=3, Z=3),
        dict(B=300, Z=2),
        dict(B=2, Z=300),
        dict(B=2, Z=5, dtype=torch.float32),
        dict(B=3, Z=2, scale=1e3, logvar_scale=3.0),
        dict(B=3, Z=4, scale=10.0, logvar_scale=4.0, dtype=torch.float32),
    ],
    spans=dict(B=(1, 4), Z=(1, 5), scale=(0.1, 6.0), logvar_scale=(0.1, 6.0)),
    hints="""
        What is asked is one multiplication and one addition, number by number. Only sigma must be made from
        logvar first.

        sigma is the root of the variance, and the root of exp(a) is exp(a / 2). Halve before the exponential:
        exp(-150) is 0 in float32, and a root has no slope at 0.

        This is the line itself: `mu + torch.exp(0.5 * logvar) * eps`.
    """,
    wrong="""
        variance_for_the_deviation: 0.5 * logvar → logvar
            You multiply the noise by the variance, exp(logvar): the standard deviation is exp(logvar / 2).
        logvar_for_the_deviation: torch.exp(0.5 * logvar) → logvar
            You multiply the noise by logvar itself, a logarithm that may be negative. The standard deviation
            is exp(logvar / 2).
        exponential_forgotten: torch.exp(0.5 * logvar) → 0.5 * logvar
            You halve logvar, which gives ln sigma, but take no exponential: sigma is exp(logvar / 2).
        root_of_logvar: torch.exp(0.5 * logvar) → logvar.sqrt()
            You take the root of logvar, which is NaN where logvar < 0: the variance is exp(logvar), and its
            root exp(logvar / 2).
        doubled_for_halved: 0.5 * logvar → 2 * logvar
            You double logvar in the exponent: a root halves it, exp(logvar / 2).
        half_outside_the_exponential: torch.exp(0.5 * logvar) → 0.5 * torch.exp(logvar)
            You halve the variance: the half stands inside the exponential, exp(logvar / 2): that is its
            root.
        inverse: 0.5 * logvar → -0.5 * logvar
            You divide by the standard deviation: noise of variance 1 is multiplied by it.
        whitened: mu + sigma * eps → (eps - mu) / sigma
            This is the way back, from a sample to its noise: here the noise is given and z is asked for.
        softplus: torch.exp(0.5 * logvar) → torch.nn.functional.softplus(logvar)
            You turn logvar into a standard deviation with softplus: that belongs to an encoder whose output
            means something else. logvar is ln sigma², so sigma is exp(logvar / 2).
        root_of_the_exponential: torch.exp(0.5 * logvar) → torch.exp(logvar).sqrt()
            Right for moderate logvar, but exp(logvar) underflows to 0 for very low ones, where a root has no
            finite slope: the gradient is NaN. Halve first: exp(logvar / 2).
        no_noise: + sigma * eps → nothing
            You return the mean: without noise it is an autoencoder. Add sigma times eps.
        noise_not_used: sigma * eps → sigma
            You add sigma without the noise: it is to be multiplied by eps first.
        noise_not_scaled: sigma * eps → eps
            You add the noise as it is, with variance 1: multiply it by sigma = exp(logvar / 2).
        mean_forgotten: mu + sigma * eps → sigma * eps
            The mean is missing: this sample lies around 0 whatever the image.
        mean_scaled: mu + sigma * eps → sigma * (mu + eps)
            You multiply the mean by sigma as well: scale the noise alone, then add the mean.
        mean_and_deviation_swapped: mu + sigma * eps → sigma + mu * eps
            Mean and standard deviation have changed places: mu is added, sigma multiplies the noise.
        minus: mu + sigma * eps → mu - sigma * eps
            You subtract the noise. It is a sample of the same distribution, since eps and -eps are equally
            likely, so a VAE would train as well; here the numbers are compared: add it.
        one_noise_for_the_batch: * eps → * eps[:1]
            You use the first image's noise for the whole batch: the samples are then dependent. Each image
            has its own row of eps.
        fresh_noise: * eps → * torch.randn_like(eps)
            You draw new noise: use eps, which is given, so that the sample can be repeated.
        deviation_detached: sigma * eps → sigma.detach() * eps
            The values are right, but no gradient reaches logvar: the standard deviation is cut off from the
            graph, so the encoder would never learn it. Leave out .detach() and no_grad.
        mean_detached: mu + sigma * eps → mu.detach() + sigma * eps
            The values are right, but no gradient reaches mu: the mean is cut off from the graph. Leave out
            .detach() and no_grad.
        parameters_detached: mu + sigma * eps → mu.detach() + sigma.detach() * eps
            The values are right, but neither mu nor logvar gets a gradient, as if the sample were drawn by
            `torch.normal(mu, sigma)`. That both get one is the point: leave out .detach() and no_grad.
        all_detached: mu + sigma * eps → (mu + sigma * eps).detach()
            The values are right, but nothing gets a gradient: the sample is cut off from the graph. Leave out
            .detach() and no_grad.
    """,
    special="""
        extreme_logvar: logvar.abs().max() > 15
            Right for moderate logvar alone. Is it clamped, does sigma have a floor, or is a root taken of
            exp(logvar), which may be 0? sigma is exp(logvar / 2) as it stands.
    """,
    forbids="""
        torch.rand* torch.normal normal_ torch*.sample torch*.rsample: The noise is given as eps, so that the
        sample can be repeated: draw none, not even to throw it away.
    """,
)

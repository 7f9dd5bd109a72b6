"""Chapter 4, exercise: a sample that gradients pass through, Kingma and Welling (2013), section 2.4."""

import math

import torch
import torch.nn.functional as F
from torch.distributions.transforms import AffineTransform

from course.exercises.draw import normal
from course.exercises.engine import Exercise, Misconception


def my_reparameterise(mu, logvar, eps):
    """The latent code z (B, Z) from standard normal noise. mu, logvar, eps (B, Z); logvar is ln sigma^2."""
    raise NotImplementedError


def solve_reparameterise(mu, logvar, eps):
    """The latent code z (B, Z) from standard normal noise. mu, logvar, eps (B, Z); logvar is ln sigma^2."""
    # Halved before the exponential: the variance itself underflows long before its root does.
    sigma = torch.exp(0.5 * logvar)  # (B, Z)
    return mu + sigma * eps


def sample_by_quarters(mu, logvar, eps):
    """The same with the square of exp(logvar / 4)."""
    return torch.addcmul(mu, (logvar / 4).exp().square(), eps)


def sample_by_base_two(mu, logvar, eps):
    """The same with a power of 2."""
    return eps * torch.exp2(logvar / math.log(4)) + mu


def sample_by_matrix(mu, logvar, eps):
    """The same with the noise multiplied by a diagonal matrix for each image."""
    spread = torch.diag_embed(torch.exp(logvar / 2))  # (B, Z, Z)
    return mu + (spread @ eps[:, :, None])[:, :, 0]


def sample_by_image(mu, logvar, eps):
    """The same, one image after the other."""
    return torch.stack([mu[b] + logvar[b].mul(0.5).exp() * eps[b] for b in range(len(mu))])


def by_pytorch(mu, logvar, eps):
    """The same by the affine transform of torch.distributions, in float64."""
    sigma = torch.sqrt(torch.exp(logvar.double()))
    return AffineTransform(mu.double(), sigma)(eps.double()).to(mu.dtype)


def spread_by(sigma):
    """The sample with another standard deviation, a function of logvar."""
    return lambda mu, logvar, eps: mu + sigma(logvar) * eps


def noise_by(noise):
    """The sample with other noise, a function of eps."""
    return lambda mu, logvar, eps: mu + torch.exp(0.5 * logvar) * noise(eps)


def sample_case(rng, b, z, dtype=torch.float64, scale=1.0, logvar_scale=1.0):
    """A case of given sizes; scale multiplies the means."""
    logvar = normal(rng, b, z, dtype=dtype, scale=logvar_scale)
    return normal(rng, b, z, dtype=dtype, scale=scale), logvar, normal(rng, b, z, dtype=dtype)


def wide_sample(rng):
    """One valid case of small random sizes."""
    dtype, scales = rng.choice((torch.float32, torch.float64)), [10 ** rng.uniform(-1, 0.8) for _ in range(2)]
    return sample_case(rng, rng.randint(1, 4), rng.randint(1, 5), dtype, *scales)


reparameterise = Exercise(
    name="reparameterise",
    title="a sample that gradients pass through",
    difficulty="easy",
    minutes=10,
    task="""
        A draw from $\\mathcal N(\\mu, \\operatorname{diag} \\sigma^2)$ can be written as a function of the
        parameters and of noise that does not depend on them:

        $$z = \\mu + \\sigma \\odot \\varepsilon, \\qquad \\varepsilon \\sim \\mathcal N(0, I)$$

        `mu`, `logvar` $= \\ln \\sigma^2$ and the noise `eps` are $(B, Z)$; return `z`, $(B, Z)$. Draw nothing
        yourself. `logvar` may be as low as $-200$. Values and all gradients are compared.

        By hand first: $\\mu = 1$, $\\ln \\sigma^2 = \\ln 4$ and $\\varepsilon = 3$. What is $z$, and what is
        $\\partial z / \\partial \\ln \\sigma^2$?
    """,
    stub_function=my_reparameterise,
    reference=by_pytorch,
    cases=lambda rng: [
        tuple(torch.tensor([[v]], dtype=torch.float64) for v in (1.0, math.log(4), 3.0)),  # z = 7, slope 3
        sample_case(rng, 1, 1),
        sample_case(rng, 1, 4),
        sample_case(rng, 4, 1),
        sample_case(rng, 3, 3),
        sample_case(rng, 2, 5, torch.float32),
        sample_case(rng, 3, 2, torch.float64, 1e3, 3.0),
        sample_case(rng, 3, 4, torch.float32, 10.0, 4.0),
        (
            torch.tensor([[0.5, -0.5], [1.0, 0.0]], dtype=torch.float64),
            torch.tensor([[-200.0, 10.0], [0.0, -40.0]], dtype=torch.float64),
            torch.tensor([[1.0, 2.0], [-3.0, 1e3]], dtype=torch.float64),
        ),
        (  # the variance underflows in float32, the standard deviation does not
            torch.tensor([[1.0, -2.0], [0.0, 1e-3]]),
            torch.tensor([[-150.0, 0.5], [-120.0, -200.0]]),
            torch.tensor([[2.0, 1.0], [-0.5, 0.25]]),
        ),
        *(wide_sample(rng) for _ in range(5)),
    ],
    wide=wide_sample,
    gradients=True,
    hints=(
        "What is asked is one multiplication and one addition, number by number. Only sigma must be made "
        "from logvar first.",
        "sigma is the root of the variance, and the root of exp(a) is exp(a / 2). Halve before the "
        "exponential: exp(-150) is 0 in float32, and a root has no slope at 0.",
        "`mu + torch.exp(0.5 * logvar) * eps`.",
    ),
    solution_function=solve_reparameterise,
    alternatives=(sample_by_quarters, sample_by_base_two, sample_by_matrix, sample_by_image),
    misconceptions=(
        Misconception(
            "variance_for_the_deviation",
            "You multiply the noise by the variance, exp(logvar): the standard deviation is exp(logvar / 2).",
            spread_by(torch.exp),
        ),
        Misconception(
            "logvar_for_the_deviation",
            "You multiply the noise by logvar itself, a logarithm that may be negative. The standard "
            "deviation is exp(logvar / 2).",
            spread_by(lambda logvar: logvar),
        ),
        Misconception(
            "exponential_forgotten",
            "You halve logvar, which gives ln sigma, but take no exponential: sigma is exp(logvar / 2).",
            spread_by(lambda logvar: logvar / 2),
        ),
        Misconception(
            "root_of_logvar",
            "You take the root of logvar, which is NaN where logvar < 0: the variance is exp(logvar), and "
            "its root exp(logvar / 2).",
            spread_by(torch.sqrt),
        ),
        Misconception(
            "doubled_for_halved",
            "You double logvar in the exponent: a root halves it, exp(logvar / 2).",
            spread_by(lambda logvar: torch.exp(2 * logvar)),
        ),
        Misconception(
            "inverse",
            "You divide by the standard deviation: noise of variance 1 is multiplied by it.",
            spread_by(lambda logvar: torch.exp(-logvar / 2)),
        ),
        Misconception(
            "softplus",
            "You turn logvar into a standard deviation with softplus: that belongs to an encoder whose "
            "output means something else. logvar is ln sigma², so sigma is exp(logvar / 2).",
            spread_by(F.softplus),
        ),
        Misconception(
            "root_of_the_exponential",
            "Right for moderate logvar, but exp(logvar) underflows to 0 for very low ones, where a root has "
            "no finite slope: the gradient is NaN. Halve first: exp(logvar / 2).",
            spread_by(lambda logvar: torch.sqrt(torch.exp(logvar))),
        ),
        Misconception(
            "no_noise",
            "You return the mean: without noise it is an autoencoder. Add sigma times eps.",
            lambda mu, logvar, eps: mu.clone(),
        ),
        Misconception(
            "noise_not_used",
            "You add sigma without the noise: it is to be multiplied by eps first.",
            noise_by(torch.ones_like),
        ),
        Misconception(
            "noise_not_scaled",
            "You add the noise as it is, with variance 1: multiply it by sigma = exp(logvar / 2).",
            spread_by(torch.ones_like),
        ),
        Misconception(
            "mean_forgotten",
            "The mean is missing: this sample lies around 0 whatever the image.",
            lambda mu, logvar, eps: torch.exp(0.5 * logvar) * eps,
        ),
        Misconception(
            "mean_scaled",
            "You multiply the mean by sigma as well: scale the noise alone, then add the mean.",
            lambda mu, logvar, eps: torch.exp(0.5 * logvar) * (mu + eps),
        ),
        Misconception(
            "mean_and_deviation_swapped",
            "Mean and standard deviation have changed places: mu is added, sigma multiplies the noise.",
            lambda mu, logvar, eps: torch.exp(0.5 * logvar) + mu * eps,
        ),
        Misconception(
            "minus",
            "You subtract the noise. It is a sample of the same distribution, since eps and -eps are "
            "equally likely, so a VAE would train as well; here the numbers are compared: add it.",
            noise_by(torch.neg),
        ),
        Misconception(
            "one_noise_for_the_batch",
            "You use the first image's noise for the whole batch: the samples are then dependent. Each "
            "image has its own row of eps.",
            noise_by(lambda eps: eps[:1]),
        ),
        Misconception(
            "one_noise_for_the_latents",
            "You use one number of noise for all latent dimensions of an image: each has its own.",
            noise_by(lambda eps: eps[:, :1]),
        ),
        Misconception(
            "fresh_noise",
            "You draw new noise: use eps, which is given, so that the sample can be repeated.",
            noise_by(torch.randn_like),
        ),
        Misconception(
            "deviation_detached",
            "The values are right, but no gradient reaches logvar: the standard deviation is cut off from "
            "the graph, so the encoder would never learn it. Leave out .detach() and no_grad.",
            spread_by(lambda logvar: torch.exp(0.5 * logvar).detach()),
        ),
        Misconception(
            "mean_detached",
            "The values are right, but no gradient reaches mu: the mean is cut off from the graph. Leave "
            "out .detach() and no_grad.",
            lambda mu, logvar, eps: mu.detach() + torch.exp(0.5 * logvar) * eps,
        ),
        Misconception(
            "parameters_detached",
            "The values are right, but neither mu nor logvar gets a gradient, as if the sample were drawn "
            "by `torch.normal(mu, sigma)`. That both get one is the point: leave out .detach() and no_grad.",
            lambda mu, logvar, eps: mu.detach() + torch.exp(0.5 * logvar).detach() * eps,
        ),
        Misconception(
            "all_detached",
            "The values are right, but nothing gets a gradient: the sample is cut off from the graph. Leave "
            "out .detach() and no_grad.",
            lambda mu, logvar, eps: (mu + torch.exp(0.5 * logvar) * eps).detach(),
        ),
    ),
)

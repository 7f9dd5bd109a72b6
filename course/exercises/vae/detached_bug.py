"""Chapter 4, exercise: find the bug that empties the code, a sample drawn outside the graph."""

import torch
import torch.nn.functional as F
from torch.distributions import Bernoulli, Normal, kl_divergence

from course.exercises.draw import normal
from course.exercises.engine import Exercise, Misconception


def my_elbo(x, mu, logvar, eps, weight, bias):
    """The ELBO (B,) in nats, one sample an image. x (B, D) of whole numbers 0 and 1; mu, logvar and eps
    (B, Z); the decoder is linear: weight (D, Z), bias (D,)."""
    std = torch.exp(0.5 * logvar)
    with torch.no_grad():  # a draw, not a layer
        z = mu + std * eps  # (B, Z)
    logits = z @ weight.T + bias  # (B, D)
    recon_nll = F.binary_cross_entropy_with_logits(logits, x.to(logits.dtype), reduction="none").sum(dim=1)
    kl = 0.5 * (mu.square() + logvar.exp() - 1 - logvar).sum(dim=1)
    return -recon_nll - kl


def solve_elbo(x, mu, logvar, eps, weight, bias):
    """The ELBO (B,) in nats, one sample an image. x (B, D) of whole numbers 0 and 1; mu, logvar and eps
    (B, Z); the decoder is linear: weight (D, Z), bias (D,)."""
    std = torch.exp(0.5 * logvar)
    z = mu + std * eps  # (B, Z), in the graph: only through z does the reconstruction reach the encoder
    logits = z @ weight.T + bias  # (B, D)
    recon_nll = F.binary_cross_entropy_with_logits(logits, x.to(logits.dtype), reduction="none").sum(dim=1)
    kl = 0.5 * (mu.square() + logvar.exp() - 1 - logvar).sum(dim=1)
    return -recon_nll - kl


def elbo_by_softplus(x, mu, logvar, eps, weight, bias):
    """The same with the Bernoulli's logarithm as x times the logit, minus softplus."""
    z = torch.addcmul(mu, eps, (logvar / 2).exp())
    logits = F.linear(z, weight, bias)
    log_likelihood = (x * logits - F.softplus(logits)).sum(1)
    return log_likelihood - (mu**2 + logvar.exp() - logvar - 1).sum(1) / 2


def elbo_by_signs(x, mu, logvar, eps, weight, bias):
    """The same with the noise sent through the decoder on its own, and a pixel as a sign."""
    noise = eps * torch.exp(logvar / 2)
    logits = mu @ weight.T + noise @ weight.T + bias
    signs = 2 * x - 1
    kl = (mu * mu + logvar.expm1() - logvar).sum(dim=1) / 2
    return F.logsigmoid(signs * logits).sum(dim=1) - kl


def elbo_by_image(x, mu, logvar, eps, weight, bias):
    """The same, one image after the other."""
    rows = []
    for pixels, m, s, e in zip(x, mu, logvar, eps, strict=True):
        logits = weight @ (m + (0.5 * s).exp() * e) + bias
        kl = 0.5 * (m @ m + s.exp().sum() - len(m) - s.sum())
        rows.append(logits[pixels == 1].sum() - F.softplus(logits).sum() - kl)
    return torch.stack(rows)


def by_pytorch(x, mu, logvar, eps, weight, bias):
    """The same by `torch.distributions`, in float64."""
    q = Normal(mu.double(), logvar.double().exp().sqrt())
    z = q.loc + q.scale * eps.double()
    p = Bernoulli(logits=torch.einsum("bz,dz->bd", z, weight.double()) + bias.double())
    kl = kl_divergence(q, Normal(0.0, 1.0))
    return (p.log_prob(x.double()).sum(-1) - kl.sum(-1)).to(mu.dtype)


def sample(mu, logvar, eps):
    """z, in the graph."""
    return mu + (0.5 * logvar).exp() * eps


def detached(mu, logvar, eps):
    """z, outside the graph."""
    return sample(mu, logvar, eps).detach()


def closed_kl(mu, logvar):
    """KL(q || N(0, I)) of each image."""
    return 0.5 * (mu.square() + logvar.exp() - 1 - logvar).sum(1)


def log_likelihood(x, z, weight, bias):
    """log p(x | z) of each image."""
    return -F.binary_cross_entropy_with_logits(z @ weight.T + bias, x.to(z), reduction="none").sum(1)


def wrong(name, diagnosis, draw=sample, kl=closed_kl, likelihood=log_likelihood, finish=torch.positive):
    """A misconception with one part of the ELBO exchanged."""

    def run(x, mu, logvar, eps, *decoder):
        return finish(likelihood(x, draw(mu, logvar, eps), *decoder) - kl(mu, logvar))

    return Misconception(name, diagnosis, run)


def score_function(x, mu, logvar, eps, weight, bias):
    """The right value with the gradient of the score-function estimator."""
    z = detached(mu, logvar, eps)
    log_q = Normal(mu, (0.5 * logvar).exp()).log_prob(z).sum(1)
    value = log_likelihood(x, z, weight, bias)
    return value + value.detach() * (log_q - log_q.detach()) - closed_kl(mu, logvar)


def elbo_case(rng, batch, dims, pixels, dtype=torch.float64, scale=1.0):
    """A case; `scale` multiplies the decoder's weight."""
    x = (normal(rng, batch, pixels) > 0).long()
    mu, logvar, eps = (normal(rng, batch, dims, dtype=dtype, scale=s) for s in (1.0, 2.0, 1.0))
    weight, bias = normal(rng, pixels, dims, dtype=dtype, scale=scale), normal(rng, pixels, dtype=dtype)
    return x, mu, logvar, eps, weight, bias


def wide_elbo(rng):
    """One valid case of small random sizes; at logits above 20 `F.softplus` drops digits of float64."""
    dtype, scale = rng.choice((torch.float32, torch.float64)), 10 ** rng.uniform(-1, -0.3)
    return elbo_case(rng, *(rng.randint(1, 4) for _ in range(3)), dtype, scale)


detached_sample = Exercise(
    name="detached_sample",
    title="find the bug that empties the code",
    difficulty="medium",
    minutes=12,
    task="""
        The program below is a VAE's ELBO, to be maximised. At the first step it prints what a right program
        prints, to the last digit. But within an epoch the KL falls to 0, and all reconstructions are the
        same picture, whatever the latent size or the learning rate.

        Find the bug and mend it; $\\varepsilon$ is given: draw nothing. Values and gradients are compared.

        By hand first: if $z$ were a fixed number, what would be the ELBO's gradient for $\\mu$, and to
        which $\\mu$ would it lead?
    """,
    stub_function=my_elbo,
    reference=by_pytorch,
    cases=lambda rng: [
        (  # small enough to follow: z = 1 + 1 * 0.5, and one pixel
            torch.tensor([[1]]),
            *(torch.tensor([[value]], dtype=torch.float64) for value in (1.0, 0.0, 0.5, 2.0)),
            torch.tensor([-3.0], dtype=torch.float64),
        ),
        elbo_case(rng, 1, 1, 3),
        elbo_case(rng, 3, 1, 1),
        elbo_case(rng, 2, 2, 2),
        elbo_case(rng, 3, 2, 5),
        elbo_case(rng, 4, 3, 6, torch.float32),
        elbo_case(rng, 2, 3, 4, torch.float64, 300.0),
        elbo_case(rng, 2, 2, 4, torch.float32, 30.0),
        elbo_case(rng, 1, 4, 784, torch.float64, 0.1),
        *(wide_elbo(rng) for _ in range(6)),
    ],
    wide=wide_elbo,
    gradients=True,
    hints=(
        "All values are right, so look at the gradients. Two terms may pull at mu and logvar: which of the "
        "two does, to the last step of training?",
        "The reconstruction depends on mu and logvar through z alone. Follow z backwards: where does the "
        "graph end?",
        "Delete `with torch.no_grad():`. z = mu + std * eps is a layer like others; only eps is drawn.",
    ),
    solution_function=solve_elbo,
    alternatives=(elbo_by_softplus, elbo_by_signs, elbo_by_image),
    misconceptions=(
        wrong(
            "sample_still_detached",
            "z is still cut off from mu and logvar, so the KL alone trains the encoder. Compute z inside the "
            "graph: no torch.no_grad(), no .detach().",
            detached,
        ),
        wrong(
            "mu_still_detached",
            "The spread gets its gradient, but in z mu is cut off, so the code's centre still follows the KL "
            "alone. Nothing in z is to be detached.",
            lambda mu, logvar, eps: sample(mu.detach(), logvar, eps),
        ),
        *(
            wrong(
                name,
                "mu gets its gradient, but in z the spread is cut off: the KL alone moves logvar, to 0. "
                "Compute std * eps inside the graph as well.",
                draw,
            )
            for name, draw in (
                ("std_still_detached", lambda mu, logvar, eps: sample(mu, logvar.detach(), eps)),
                ("noise_still_detached", lambda mu, logvar, eps: mu + detached(0, logvar, eps)),
            )
        ),
        wrong(
            "kl_detached",
            "z is right, but now the KL is cut off: nothing holds the code near the prior. Both terms train "
            "the encoder.",
            kl=lambda mu, logvar: closed_kl(mu, logvar).detach(),
        ),
        wrong(
            "kl_detached_instead",
            "Now the KL is cut off, and z as well: nothing at all trains the encoder. Both are to be in the "
            "graph.",
            detached,
            lambda mu, logvar: closed_kl(mu, logvar).detach(),
        ),
        wrong(
            "decoder_detached",
            "z has its gradient, but the reconstruction is now computed without one, so the decoder does not "
            "learn either. Nothing here belongs under torch.no_grad().",
            likelihood=lambda *args: log_likelihood(*args).detach(),
        ),
        Misconception(
            "score_function",
            "This is the score-function gradient, log q(z) times the detached log-likelihood: unbiased, but "
            "with a far larger variance. With eps given, let the gradient go through z = mu + std * eps.",
            score_function,
        ),
        wrong(
            "pixels_in_float32",
            "Right for float32 logits, but x.float() rounds the cost of others: x.to(logits.dtype).",
            likelihood=lambda x, z, weight, bias: (
                -F.binary_cross_entropy_with_logits(z @ weight.T + bias, x.float(), reduction="none").sum(1)
            ),
        ),
        wrong(
            "mean_in_place_of_the_sample",
            "The decoder gets mu: then no noise is in z, and this is no ELBO. z = mu + std * eps.",
            lambda mu, logvar, eps: mu,
        ),
        wrong(
            "noise_drawn_again",
            "You draw new noise: eps is an argument, so that the sample can be repeated.",
            lambda mu, logvar, eps: sample(mu, logvar, torch.randn_like(mu)),
        ),
        wrong(
            "variance_for_the_spread",
            "You multiply eps by the variance exp(logvar): the standard deviation is exp(logvar / 2).",
            lambda mu, logvar, eps: sample(mu, 2 * logvar, eps),
        ),
        wrong(
            "kl_left_out",
            "The KL is gone: that stops it from falling, but what is left is no lower bound. The bug lies in "
            "z.",
            kl=lambda mu, logvar: 0.0,
        ),
        wrong(
            "sign_turned",
            "z is right, but you return a loss, the negative ELBO: return the ELBO.",
            finish=lambda elbo: -elbo,
        ),
    ),
)

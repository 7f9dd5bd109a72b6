"""Chapter 4: find the bug that empties the code, a sample drawn outside the graph."""

import torch
import torch.nn.functional as F
from torch.distributions import Bernoulli, Normal, kl_divergence
from course.exercises.cases import normal
from course.exercises.engine import Exercise


def my_elbo(x, mu, logvar, eps, weight, bias):
    """The ELBO (B,) in nats, one sample an image. x (B, D) of whole numbers 0 and 1; mu, logvar and eps
    (B, Z); the decoder is linear: weight (D, Z), bias (D,)."""
    std = torch.exp(0.5 * logvar)
    z = mu + std * eps  # (B, Z), in the graph: only through z does the reconstruction reach the encoder
    logits = z @ weight.T + bias  # (B, D)
    recon_nll = F.binary_cross_entropy_with_logits(logits, x.to(logits.dtype), reduction="none").sum(dim=1)
    kl = 0.5 * (mu.square() + logvar.exp() - 1 - logvar).sum(dim=1)
    return -recon_nll - kl


def by_pytorch(x, mu, logvar, eps, weight, bias):
    """The same by `torch.distributions`, in float64."""
    q = Normal(mu.double(), logvar.double().exp().sqrt())
    z = q.loc + q.scale * eps.double()
    p = Bernoulli(logits=torch.einsum("bz,dz->bd", z, weight.double()) + bias.double())
    kl = kl_divergence(q, Normal(0.0, 1.0))
    return (p.log_prob(x.double()).sum(-1) - kl.sum(-1)).to(mu.dtype)


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
    my_elbo,
    reference=by_pytorch,
    gradients=True,
    # OLD wide=wide_elbo
    # OLD cases:
    # lambda rng: [
    #         (  # small enough to follow: z = 1 + 1 * 0.5, and one pixel
    #             torch.tensor([[1]]),
    #             *(torch.tensor([[value]], dtype=torch.float64) for value in (1.0, 0.0, 0.5, 2.0)),
    #             torch.tensor([-3.0], dtype=torch.float64),
    #         ),
    #         elbo_case(rng, 1, 1, 3),
    #         elbo_case(rng, 3, 1, 1),
    #         elbo_case(rng, 2, 2, 2),
    #         elbo_case(rng, 3, 2, 5),
    #         elbo_case(rng, 4, 3, 6, torch.float32),
    #         elbo_case(rng, 2, 3, 4, torch.float64, 300.0),
    #         elbo_case(rng, 2, 2, 4, torch.float32, 30.0),
    #         elbo_case(rng, 1, 4, 784, torch.float64, 0.1),
    #         *(wide_elbo(rng) for _ in range(6)),
    #     ]
    by_hand=(),
    draw=None,
    sizes=[],
    spans={},
    bug="""
        bug: SOLUTION → STUB
    """,
    hints="""
        All values are right, so look at the gradients. Two terms may pull at mu and logvar: which of the two
        does, to the last step of training?

        The reconstruction depends on mu and logvar through z alone. Follow z backwards: where does the graph
        end?

        Delete `with torch.no_grad():`. z = mu + std * eps is a layer like others; only eps is drawn.
    """,
    wrong="""
        sample_still_detached: OLD → NEW
            z is still cut off from mu and logvar, so the KL alone trains the encoder. Compute z inside the
            graph: no torch.no_grad(), no .detach().
        mu_still_detached: OLD → NEW
            The spread gets its gradient, but in z mu is cut off, so the code's centre still follows the KL
            alone. Nothing in z is to be detached.
        std_still_detached: OLD → NEW
            mu gets its gradient, but in z the spread is cut off: the KL alone moves logvar, to 0. Compute std
            * eps inside the graph as well.
        noise_still_detached: OLD → NEW
            mu gets its gradient, but in z the spread is cut off: the KL alone moves logvar, to 0. Compute std
            * eps inside the graph as well.
        kl_detached: OLD → NEW
            z is right, but now the KL is cut off: nothing holds the code near the prior. Both terms train the
            encoder.
        kl_detached_instead: OLD → NEW
            Now the KL is cut off, and z as well: nothing at all trains the encoder. Both are to be in the
            graph.
        decoder_detached: OLD → NEW
            z has its gradient, but the reconstruction is now computed without one, so the decoder does not
            learn either. Nothing here belongs under torch.no_grad().
        score_function: OLD → NEW
            This is the score-function gradient, log q(z) times the detached log-likelihood: unbiased, but
            with a far larger variance. With eps given, let the gradient go through z = mu + std * eps.
        pixels_in_float32: OLD → NEW
            Right for float32 logits, but x.float() rounds the cost of others: x.to(logits.dtype).
        mean_in_place_of_the_sample: OLD → NEW
            The decoder gets mu: then no noise is in z, and this is no ELBO. z = mu + std * eps.
        noise_drawn_again: OLD → NEW
            You draw new noise: eps is an argument, so that the sample can be repeated.
        variance_for_the_spread: OLD → NEW
            You multiply eps by the variance exp(logvar): the standard deviation is exp(logvar / 2).
        kl_left_out: OLD → NEW
            The KL is gone: that stops it from falling, but what is left is no lower bound. The bug lies in z.
        sign_turned: OLD → NEW
            z is right, but you return a loss, the negative ELBO: return the ELBO.
    """,
)

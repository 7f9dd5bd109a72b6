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


def score_function(x, mu, logvar, eps, weight, bias):
    """This is the score-function gradient, log q(z) times the detached log-likelihood: unbiased, but with a
    far larger variance. With eps given, let the gradient go through z = mu + std * eps."""
    q = Normal(mu, torch.exp(0.5 * logvar))
    z = (q.loc + q.scale * eps).detach()
    log_lik = Bernoulli(logits=z @ weight.T + bias).log_prob(x.to(mu.dtype)).sum(dim=1)
    log_q = q.log_prob(z).sum(dim=1)
    surrogate = log_lik.detach() * (log_q - log_q.detach())  # 0, but for its gradient
    return log_lik + surrogate - kl_divergence(q, Normal(0.0, 1.0)).sum(dim=1)


def draw(rng, B, Z, D, scale=1.0, dtype=torch.float64):
    """A case; `scale` multiplies the decoder's weight."""
    x = (normal(rng, B, D) > 0).long()
    mu, logvar, eps = (normal(rng, B, Z, dtype=dtype, scale=s) for s in (1.0, 1.5, 1.0))
    return x, mu, logvar, eps, normal(rng, D, Z, dtype=dtype, scale=scale), normal(rng, D, dtype=dtype)


detached_sample = Exercise(
    my_elbo,
    reference=by_pytorch,
    gradients=True,
    by_hand=[
        (torch.tensor([[1]]), [[1.0]], [[0.0]], [[0.5]], [[2.0]], [-3.0]),  # z = 1 + 1 * 0.5
        (
            torch.tensor([[1, 0]]),
            [[0.5, 1.0]],
            [[-200.0, -25.0]],
            [[2.0, -1.0]],
            [[1.0, 2.0]] * 2,
            [0.5, 0.0],
        ),
        (torch.tensor([[0]]), [[0.5]], [[10.0]], [[-0.01]], [[1.0]], [0.0]),
        # nearly sure: logits of 9, -12 and 18
        (torch.tensor([[1, 0, 1]]), [[0.5]], [[0.0]], [[0.5]], [[9.0], [-12.0], [18.0]], [0.0, 0.0, 0.0]),
        (torch.tensor([[0, 1]]), [[0.5]], [[0.0]], [[0.5]], [[1e4], [-7e3]], [0.0, 0.0]),
        # large numbers that cancel
        (torch.tensor([[1, 0]]), [[9.0]], [[0.0]], [[-12.0]], [[-2.5], [4.0]], [-9.0, 12.5]),
        # exp(logvar) is 0 in float32: a root of it has no slope there
        tuple(torch.tensor(v) for v in ([[1, 1]], [[1.0]], [[-200.0]], [[1.0]], [[1.0], [-2.0]], [0.0, 1.0])),
        (torch.tensor([[1, 0]], dtype=torch.int32), [[0.5]], [[1.0]], [[-1.0]], [[1.0], [2.0]], [0.0, 1.0]),
    ],
    draw=draw,
    sizes=[
        dict(B=1, Z=1, D=3),
        dict(B=3, Z=1, D=1),
        dict(B=2, Z=2, D=2),
        dict(B=3, Z=2, D=5),
        dict(B=4, Z=3, D=6, dtype=torch.float32),
        dict(B=2, Z=3, D=4, scale=300.0),
        dict(B=2, Z=2, D=4, scale=30.0, dtype=torch.float32),
        dict(B=300, Z=3, D=2, scale=0.1),
        dict(B=2, Z=300, D=4, scale=0.05),
        dict(B=1, Z=4, D=1000, scale=0.1),
    ],
    # at logits above 20 `F.softplus`, which some learners take, drops digits of float64
    spans=dict(B=(1, 4), Z=(1, 4), D=(1, 4), scale=(0.1, 0.5)),
    bug="""
        bug: z = mu + std * eps → with torch.no_grad(): z = mu + std * eps
    """,
    hints="""
        All values are right, so look at the gradients. Two terms may pull at mu and logvar: which of the two
        does, to the last step of training?

        The reconstruction depends on mu and logvar through z alone. Follow z backwards: where does the graph
        end?

        This is the cure itself: delete `with torch.no_grad():`. z = mu + std * eps is a layer like others;
        only eps is drawn.
    """,
    wrong="""
        sample_still_detached: mu + std * eps → (mu + std * eps).detach()
            z is still cut off from mu and logvar, so the KL alone trains the encoder. Compute z inside the
            graph: no torch.no_grad(), no .detach().
        mu_still_detached: z = mu → z = mu.detach()
            The spread gets its gradient, but in z mu is cut off, so the code's centre still follows the KL
            alone. Nothing in z is to be detached.
        std_still_detached: std * eps → std.detach() * eps
        noise_still_detached: std * eps → (std * eps).detach()
            mu gets its gradient, but in z the spread is cut off: the KL alone moves logvar, to 0. Compute std
            * eps inside the graph as well.
        kl_detached: - kl → - kl.detach()
            z is right, but now the KL is cut off: nothing holds the code near the prior. Both terms train the
            encoder.
        kl_detached_instead: - kl → - kl.detach()
        and: mu + std * eps → (mu + std * eps).detach()
            Now the KL is cut off, and z as well: nothing at all trains the encoder. Both are to be in the
            graph.
        kl_partly_detached: (mu.square() → (mu.detach().square()
            z is right, but in the KL mu is cut off now: nothing holds the codes near 0. The KL stays as it
            was.
        decoder_detached: -recon_nll → -recon_nll.detach()
            z has its gradient, but the reconstruction is now computed without one, so the decoder does not
            learn either. Nothing here belongs under torch.no_grad().
        pixels_in_float32: x.to(logits.dtype) → x.float()
            Right for float32 logits, but x.float() rounds the cost of others: x.to(logits.dtype).
        mean_in_place_of_the_sample: mu + std * eps → mu
            The decoder gets mu: then no noise is in z, and this is no ELBO. z = mu + std * eps.
        noise_drawn_again: std * eps → std * torch.randn_like(std)
            You draw new noise: eps is an argument, so that the sample can be repeated.
        variance_for_the_spread: torch.exp(0.5 * logvar) → torch.exp(logvar)
            You multiply eps by the variance exp(logvar): the standard deviation is exp(logvar / 2).
        kl_left_out: - kl → nothing
            The KL is gone: that stops it from falling, but what is left is no lower bound. The bug lies in z.
        sign_turned: -recon_nll - kl → recon_nll + kl
            z is right, but you return a loss, the negative ELBO: return the ELBO.
    """,
    functions=(score_function,),
    special="""
        many: len(x) > 9 or mu.shape[1] > 4 or x.shape[1] > 99
            Right but for many images, pixels or dimensions. Is there a limit on a size?
        nearly_sure: 8 < ((mu + (logvar / 2).exp() * eps) @ weight.T + bias).abs().max() < 20
            Right but for logits of 9 to 20, where the probability of a mistake is small, not 0. Does a branch
            take it for 0, as `F.softplus` does beyond its threshold?
        zero_logit: ((mu + (logvar / 2).exp() * eps) @ weight.T + bias == 0).any()
            Right but for logits of exactly 0: abs, relu and clamp have corners there. The loss on logits was
            right.
        wide: logvar.max() > 4.9
            Right but for wide posteriors. Is logvar clamped? exp(logvar) is taken of it as it stands.
        large_numbers: max(mu.abs().max() - 2, eps.abs().max(), bias.abs().max() - 1) > 3
            Right but where mu, eps or bias is large. Is one of them clamped? Take them as they stand.
        narrow: logvar.min() < -7
            Right but for narrow posteriors. Is logvar clamped, does std have a floor, or is it the root of
            exp(logvar), which may be 0? std = exp(logvar / 2) was right.
        sure_decoder: ((mu + (logvar / 2).exp() * eps) @ weight.T + bias).abs().max() > 8
            Right but where the decoder is sure: a probability is rounded to 0 or 1, or clamped. The loss on
            logits was right.
    """,
    forbids="""
        torch.rand* torch.normal normal_ torch*.sample torch*.rsample: The noise is given as eps: draw none,
        not even to throw it away.
    """,
)

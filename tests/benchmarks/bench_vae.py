"""Chapter 4's terms of the ELBO, and a step of its VAE, against the same by PyTorch's losses."""

import torch
import torch.nn.functional as F

from course import chapters
from tests.benchmarks.measure import Pair, compare, work

TITLE = "Chapter 4, variational autoencoder"
ROUNDS = 40
BATCH, LATENTS = 100, 20


class FixedDraws:
    """Stands for a run: the same draws at every step, so that both sides get the same ones for nothing."""

    step, epoch = 0, 0

    def __init__(self):
        self.uniforms, self.normals = torch.rand(BATCH, 784), torch.randn(BATCH, LATENTS)

    def uniform(self, *shape):
        return self.uniforms

    def normal(self, *shape):
        return self.normals

    def log(self, **values):
        pass


def inlined(model, batch, run):
    """The chapter's loss with PyTorch's cross-entropy, and the divergence summed as it is computed."""
    x = (run.uniforms < batch[0]).float()
    mu, logvar = model.encoder(x).chunk(2, dim=1)
    logits = model.decoder(mu + torch.exp(0.5 * logvar) * run.normals)
    recon_nll = F.binary_cross_entropy_with_logits(logits, x, reduction="sum")
    return (recon_nll + 0.5 * (mu.square() + logvar.exp() - 1 - logvar).sum()) / BATCH


def step(loss_fn, model, batch, run):
    """A loss and its gradients, to be timed."""
    weights = list(model.parameters())

    def once():
        loss = loss_fn(model, batch, run)
        return [loss, *torch.autograd.grad(loss, weights)]

    return once


def pairs(chapter):
    """The terms beside the chapter's own proofs by torch.distributions and F, and the whole step."""
    z, mu, logvar = (torch.randn(BATCH, LATENTS, requires_grad=True) for _ in range(3))
    logits, x = torch.randn(BATCH, 784, requires_grad=True), (torch.rand(BATCH, 784) > 0.5).float()
    for name, ours, theirs, inputs in (
        ("gaussian_kl / by torch.distributions", chapter.gaussian_kl, chapter.pytorch_kl, (mu, logvar)),
        (
            "log_normal / by torch.distributions",
            chapter.log_normal,
            chapter.pytorch_log_normal,
            (z, mu, logvar),
        ),
        (
            "bernoulli_log_likelihood / by F's cross-entropy",
            chapter.bernoulli_log_likelihood,
            chapter.pytorch_log_likelihood,
            (x, logits),
        ),
    ):
        yield Pair(name, work(ours, *inputs), work(theirs, *inputs))
    model, batch, run = chapter.VAE(LATENTS), (torch.rand(BATCH, 784),), FixedDraws()
    sides = (step(loss_fn, model, batch, run) for loss_fn in (chapter.negative_elbo, inlined))
    yield Pair("VAE's step / with PyTorch's loss inlined", *sides, bar=1.1)


def rows(quick):
    """Yield the rows of the bench driver."""
    torch.manual_seed(0)
    yield from compare(pairs(chapters.load_definitions("04_vae")), quick, ROUNDS)

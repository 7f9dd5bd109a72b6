"""A training step of chapter 4's VAE against the same step by PyTorch's loss, one and all threads."""

import statistics
import time

import torch
import torch.nn.functional as F

from course import chapters

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


def seconds(loss_fn, model, batch, run):
    """Wall-clock time of one forward and backward pass."""
    model.zero_grad()
    start = time.perf_counter()
    loss_fn(model, batch, run).backward()
    return time.perf_counter() - start


def check_same(ours, theirs, model, batch, run):
    """Both sides of the ratio have the same loss and the same gradients."""
    found, expected = (
        [loss, *torch.autograd.grad(loss, list(model.parameters()))]
        for loss in (loss_fn(model, batch, run) for loss_fn in (ours, theirs))
    )
    for a, b in zip(found, expected, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-5)


def rows():
    """(name, value, bar) for the bench driver: medians of ratios taken within one round."""
    torch.manual_seed(0)
    chapter = chapters.load_definitions("04_vae")
    model, batch, run = chapter.VAE(LATENTS), (torch.rand(BATCH, 784),), FixedDraws()
    sides = chapter.negative_elbo, inlined
    check_same(*sides, model, batch, run)
    all_threads, found = torch.get_num_threads(), []
    try:
        for threads in sorted({1, all_threads}):
            torch.set_num_threads(threads)
            for _ in range(3):
                for side in sides:
                    seconds(side, model, batch, run)
            times = [[seconds(side, model, batch, run) for side in sides] for _ in range(ROUNDS)]
            ratio = statistics.median(mine / other for mine, other in times)
            name = f"VAE's step / with PyTorch's loss inlined, {threads} thread{'s' * (threads > 1)}"
            found.append((name, ratio, "bar 1.1"))
    finally:
        torch.set_num_threads(all_threads)
    return found

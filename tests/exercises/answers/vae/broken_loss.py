"""Answers to `vae.broken_loss`, written from its statement alone."""

import torch
import torch.nn.functional as F


def wrong_sigma_left(x, logits, mu, logvar):
    """Two of three: the KL still has sigma where sigma squared belongs."""
    recon_nll = F.binary_cross_entropy_with_logits(logits, x.to(logits.dtype), reduction="sum") / len(x)
    kl = 0.5 * (mu.square() + torch.exp(0.5 * logvar) - 1 - logvar).sum(dim=1)
    return recon_nll + kl.mean()


def wrong_half_left(x, logits, mu, logvar):
    """Two of three: the KL still lacks its factor of a half."""
    recon_nll = F.binary_cross_entropy_with_logits(logits, x.to(logits.dtype), reduction="sum") / len(x)
    kl = (mu.square() + torch.exp(logvar) - 1 - logvar).sum(dim=1)
    return recon_nll + kl.mean()


def wrong_pixel_mean_left(x, logits, mu, logvar):
    """Two of three: the reconstruction is still averaged over the pixels."""
    recon_nll = F.binary_cross_entropy_with_logits(logits, x.to(logits.dtype))
    kl = 0.5 * (mu.square() + torch.exp(logvar) - 1 - logvar).sum(dim=1)
    return recon_nll + kl.mean()


def wrong_batch_summed(x, logits, mu, logvar):
    """The reconstruction is summed over the batch too, the KL is averaged."""
    recon_nll = F.binary_cross_entropy_with_logits(logits, x.to(logits.dtype), reduction="sum")
    kl = 0.5 * (mu.square() + torch.exp(logvar) - 1 - logvar).sum(dim=1)
    return recon_nll + kl.mean()


def wrong_both_means(x, logits, mu, logvar):
    """The KL is averaged over the latent dimensions, to match the pixels' mean."""
    recon_nll = F.binary_cross_entropy_with_logits(logits, x.to(logits.dtype))
    kl = -0.5 * torch.mean(1 + logvar - mu.square() - logvar.exp())
    return recon_nll + kl


def wrong_both_sums(x, logits, mu, logvar):
    """The loss of PyTorch's example: both terms summed over the batch."""
    recon_nll = F.binary_cross_entropy_with_logits(logits, x.to(logits.dtype), reduction="sum")
    kl = -0.5 * torch.sum(1 + logvar - mu.square() - logvar.exp())
    return recon_nll + kl


def wrong_log_sigma_beside_sigma(x, logits, mu, logvar):
    """exp(logvar / 2) is kept and the other term made to fit it: sigma - 1 - log sigma."""
    recon_nll = F.binary_cross_entropy_with_logits(logits, x.to(logits.dtype), reduction="sum") / len(x)
    kl = 0.5 * (mu.square() + torch.exp(0.5 * logvar) - 1 - 0.5 * logvar).sum(dim=1)
    return recon_nll + kl.mean()


def wrong_sigmoid_first(x, logits, mu, logvar):
    """Probabilities and F.binary_cross_entropy, which cuts logarithms at -100."""
    p = torch.sigmoid(logits)
    recon_nll = F.binary_cross_entropy(p, x.to(logits.dtype), reduction="none").sum(dim=1)
    kl = 0.5 * (mu.square() + torch.exp(logvar) - 1 - logvar).sum(dim=1)
    return (recon_nll + kl).mean()


def wrong_clamped_logvar(x, logits, mu, logvar):
    """logvar is clamped to -30 ... 20, as in latent diffusion."""
    logvar = torch.clamp(logvar, -30.0, 20.0)
    recon_nll = F.binary_cross_entropy_with_logits(logits, x.to(logits.dtype), reduction="none").sum(dim=1)
    kl = 0.5 * (mu.square() + torch.exp(logvar) - 1 - logvar).sum(dim=1)
    return (recon_nll + kl).mean()


def wrong_times_784(x, logits, mu, logvar):
    """The pixels' mean times 784, whatever the images' size."""
    recon_nll = 784 * F.binary_cross_entropy_with_logits(logits, x.to(logits.dtype))
    kl = 0.5 * (mu.square() + torch.exp(logvar) - 1 - logvar).sum(dim=1)
    return recon_nll + kl.mean()


def wrong_gradient_at_zero(x, logits, mu, logvar):
    """The stable form with max and |a|: the gradient of a logit of 0 lacks a half."""
    nll = F.relu(logits) - logits * x + torch.log1p(torch.exp(-logits.abs()))
    kl = 0.5 * (mu.square() + torch.exp(logvar) - 1 - logvar).sum(dim=1)
    return (nll.sum(dim=1) + kl).mean()


def wrong_two_batch_and_half(x, logits, mu, logvar):
    """The reconstruction is summed over the batch, and the KL lacks its half."""
    recon_nll = F.binary_cross_entropy_with_logits(logits, x.to(logits.dtype), reduction="sum")
    kl = (mu.square() + torch.exp(logvar) - 1 - logvar).sum(dim=1)
    return recon_nll + kl.mean()


def right_three_fixes(x, logits, mu, logvar):
    """The program with the three fixes."""
    recon_nll = F.binary_cross_entropy_with_logits(logits, x.to(logits.dtype), reduction="none").sum(dim=1)
    kl = 0.5 * (mu.square() + torch.exp(logvar) - 1 - logvar).sum(dim=1)
    return (recon_nll + kl).mean()


def right_signed(x, logits, mu, logvar):
    """One logsigmoid a pixel, and expm1."""
    recon_nll = -F.logsigmoid((2 * x - 1) * logits).sum()
    kl = 0.5 * (mu.pow(2) + torch.expm1(logvar) - logvar).sum()
    return (recon_nll + kl) / x.shape[0]


def right_mean_times_size(x, logits, mu, logvar):
    """Means everywhere, each times the number of its dimensions."""
    recon_nll = F.binary_cross_entropy_with_logits(logits, x.to(logits.dtype)) * x.shape[1]
    kl = -0.5 * (1 + logvar - mu * mu - logvar.exp()).mean() * mu.shape[1]
    return recon_nll + kl


def right_loop(x, logits, mu, logvar):
    """One image after the other, with logaddexp."""
    total = 0.0
    for xi, a, m, lv in zip(x, logits, mu, logvar):
        total = total + (torch.logaddexp(a, torch.zeros_like(a)) - xi * a).sum()
        total = total + (torch.dot(m, m) + (lv.exp() - lv - 1).sum()) / 2
    return total / len(x)


def forbidden_distributions(x, logits, mu, logvar):
    """Both terms from torch.distributions."""
    q = torch.distributions.Normal(mu.double(), torch.exp(0.5 * logvar.double()))
    p = torch.distributions.Normal(torch.zeros_like(mu).double(), torch.ones_like(mu).double())
    kl = torch.distributions.kl_divergence(q, p).sum(dim=1).to(logits.dtype)
    recon_nll = -torch.distributions.Bernoulli(logits=logits).log_prob(x.to(logits.dtype)).sum(dim=1)
    return (recon_nll + kl).mean()

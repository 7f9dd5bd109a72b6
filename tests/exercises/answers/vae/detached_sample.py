"""Answers to `vae.detached_sample`, written from its statement alone."""

import torch
import torch.nn.functional as F


def _elbo(x, mu, logvar, z, weight, bias):
    logits = z @ weight.T + bias
    recon_nll = F.binary_cross_entropy_with_logits(logits, x.to(logits.dtype), reduction="none").sum(dim=1)
    return -recon_nll - 0.5 * (mu.square() + logvar.exp() - 1 - logvar).sum(dim=1)


def wrong_noise_detached(x, mu, logvar, eps, weight, bias):
    """Only mu gets a gradient through z."""
    std = torch.exp(0.5 * logvar)
    with torch.no_grad():
        noise = std * eps
    return _elbo(x, mu, logvar, mu + noise, weight, bias)


def wrong_std_detached(x, mu, logvar, eps, weight, bias):
    """The spread gets no gradient through z."""
    std = torch.exp(0.5 * logvar)
    return _elbo(x, mu, logvar, mu + std.detach() * eps, weight, bias)


def wrong_eps_detached(x, mu, logvar, eps, weight, bias):
    """The noise is cut off, and its gradient is asked for."""
    std = torch.exp(0.5 * logvar)
    return _elbo(x, mu, logvar, mu + std * eps.detach(), weight, bias)


def wrong_requires_grad(x, mu, logvar, eps, weight, bias):
    """z is made to need a gradient, and still does not lead back to the encoder."""
    std = torch.exp(0.5 * logvar)
    with torch.no_grad():
        z = mu + std * eps
    z.requires_grad_()
    return _elbo(x, mu, logvar, z, weight, bias)


def wrong_kl_weakened(x, mu, logvar, eps, weight, bias):
    """A fix of the wrong thing: the KL weighs a tenth, z stays detached."""
    std = torch.exp(0.5 * logvar)
    with torch.no_grad():
        z = mu + std * eps
    logits = z @ weight.T + bias
    recon_nll = F.binary_cross_entropy_with_logits(logits, x.to(logits.dtype), reduction="none").sum(dim=1)
    kl = 0.5 * (mu.square() + logvar.exp() - 1 - logvar).sum(dim=1)
    return -recon_nll - 0.1 * kl


def wrong_straight_through(x, mu, logvar, eps, weight, bias):
    """A straight-through estimator: the gradient passes as if z were mu + std."""
    std = torch.exp(0.5 * logvar)
    with torch.no_grad():
        z = mu + std * eps
    through = mu + std
    return _elbo(x, mu, logvar, z + through - through.detach(), weight, bias)


def wrong_sign_of_loss(x, mu, logvar, eps, weight, bias):
    """Detached no more, but the loss is returned, not the ELBO."""
    std = torch.exp(0.5 * logvar)
    return -_elbo(x, mu, logvar, mu + std * eps, weight, bias)


def wrong_root_of_variance(x, mu, logvar, eps, weight, bias):
    """sqrt(exp(logvar)): a NaN gradient where the variance underflows."""
    std = logvar.exp().sqrt()
    return _elbo(x, mu, logvar, mu + std * eps, weight, bias)


def wrong_clamped_logvar(x, mu, logvar, eps, weight, bias):
    """logvar is clamped to -30 ... 20."""
    logvar = logvar.clamp(-30, 20)
    return _elbo(x, mu, logvar, mu + torch.exp(0.5 * logvar) * eps, weight, bias)


def wrong_sigmoid_first(x, mu, logvar, eps, weight, bias):
    """Probabilities and F.binary_cross_entropy, which cuts logarithms at -100."""
    z = mu + torch.exp(0.5 * logvar) * eps
    p = torch.sigmoid(F.linear(z, weight, bias))
    recon_nll = F.binary_cross_entropy(p, x.to(p.dtype), reduction="none").sum(dim=1)
    return -recon_nll - 0.5 * (mu.square() + logvar.exp() - 1 - logvar).sum(dim=1)


def wrong_std_plus_epsilon(x, mu, logvar, eps, weight, bias):
    """1e-6 is added to sigma."""
    std = torch.exp(0.5 * logvar) + 1e-6
    return _elbo(x, mu, logvar, mu + std * eps, weight, bias)


def wrong_two_variance_and_mean_kl(x, mu, logvar, eps, weight, bias):
    """The noise is scaled by the variance, and the KL is averaged over the dimensions."""
    z = mu + logvar.exp() * eps
    logits = z @ weight.T + bias
    recon_nll = F.binary_cross_entropy_with_logits(logits, x.to(logits.dtype), reduction="none").sum(dim=1)
    return -recon_nll - 0.5 * (mu.square() + logvar.exp() - 1 - logvar).mean(dim=1)


def right_no_grad_removed(x, mu, logvar, eps, weight, bias):
    """The program without its no_grad."""
    std = torch.exp(0.5 * logvar)
    z = mu + std * eps
    return _elbo(x, mu, logvar, z, weight, bias)


def right_addcmul(x, mu, logvar, eps, weight, bias):
    """addcmul, F.linear and logsigmoid."""
    z = torch.addcmul(mu, eps, torch.exp(logvar / 2))
    log_lik = F.logsigmoid((2 * x - 1) * F.linear(z, weight, bias)).sum(dim=1)
    return log_lik - (mu**2 + torch.expm1(logvar) - logvar).sum(dim=1) / 2


def right_einsum(x, mu, logvar, eps, weight, bias):
    """Mean and noise are decoded apart, by einsum."""
    std = torch.exp(0.25 * logvar).square()
    logits = torch.einsum("bz,dz->bd", mu, weight) + torch.einsum("bz,bz,dz->bd", std, eps, weight) + bias
    log_lik = (x * F.logsigmoid(logits) + (1 - x) * F.logsigmoid(-logits)).sum(1)
    return log_lik + 0.5 * (1 + logvar - mu.square() - logvar.exp()).sum(1)


def right_loop(x, mu, logvar, eps, weight, bias):
    """One image after the other."""
    out = []
    for xi, m, lv, e in zip(x, mu, logvar, eps):
        a = weight @ (m + (0.5 * lv).exp() * e) + bias
        nll = (torch.logaddexp(a, torch.zeros_like(a)) - xi * a).sum()
        out.append(-nll - 0.5 * (m.square() + lv.exp() - 1 - lv).sum())
    return torch.stack(out)


def open_unused_draw(x, mu, logvar, eps, weight, bias):
    """Names a draw for the case that eps is None, which never comes: nothing is drawn."""
    if eps is None:
        eps = torch.randn_like(mu)
    return _elbo(x, mu, logvar, mu + torch.exp(0.5 * logvar) * eps, weight, bias)


def forbidden_draws(x, mu, logvar, eps, weight, bias):
    """Draws noise, then takes the given one."""
    noise = torch.randn_like(mu)
    noise = eps if eps is not None else noise
    return _elbo(x, mu, logvar, mu + torch.exp(0.5 * logvar) * noise, weight, bias)


def nll(x, z, weight, bias):
    logits = z @ weight.T + bias
    return F.binary_cross_entropy_with_logits(logits, x.to(logits.dtype), reduction="none").sum(dim=1)


def gaussian_kl(mu, logvar):
    return 0.5 * (mu.square() + logvar.exp() - 1 - logvar).sum(dim=1)


def wrong_root_of_variance_again(x, mu, logvar, eps, weight, bias):
    """sigma as the root of the variance: NaN in the gradient where the variance underflows to 0."""
    z = mu + torch.sqrt(torch.exp(logvar)) * eps
    return -nll(x, z, weight, bias) - gaussian_kl(mu, logvar)


def wrong_std_floor(x, mu, logvar, eps, weight, bias):
    """sigma is kept above 0.01."""
    z = mu + torch.exp(0.5 * logvar).clamp(min=0.01) * eps
    return -nll(x, z, weight, bias) - gaussian_kl(mu, logvar)

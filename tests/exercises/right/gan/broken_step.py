"""Right answers to `broken_step` in other words than the solution's."""

import torch
import torch.nn.functional as F


def step_by_zeroing(real, noise_d, noise_g, a, b, w, lr):
    """The same without a cut: what the first loss left in the generator is zeroed right before the second."""
    a, b, w = (p.clone().requires_grad_() for p in (a, b, w))
    d_loss = -F.logsigmoid(real @ w).mean() - F.logsigmoid(-((noise_d @ a.T + b) @ w)).mean()
    d_loss.backward()
    w = (w - lr * w.grad).detach()
    a.grad = b.grad = None
    F.softplus(-((noise_g @ a.T + b) @ w)).mean().backward()
    with torch.no_grad():
        return a - lr * a.grad, b - lr * b.grad, w


def step_by_optimisers(real, noise_d, noise_g, a, b, w, lr):
    """The same with two optimisers and binary cross-entropy."""
    a, b, w = (torch.nn.Parameter(p.clone()) for p in (a, b, w))
    generator, discriminator = torch.optim.SGD([a, b], lr), torch.optim.SGD([w], lr)

    def loss(logits, target):
        return F.binary_cross_entropy_with_logits(logits, torch.full_like(logits, target))

    (loss(real @ w, 1.0) + loss((noise_d @ a.T + b).detach() @ w, 0.0)).backward()
    discriminator.step()
    loss((noise_g @ a.T + b) @ w, 1.0).backward()
    generator.step()
    return a, b, w


def step_by_named_gradients(real, noise_d, noise_g, a, b, w, lr):
    """The same: each loss is differentiated for the parameters that it trains, and for no others."""
    a, b, w = (p.clone().requires_grad_() for p in (a, b, w))
    d_loss = F.softplus(-(real @ w)).mean() + F.softplus((noise_d @ a.T + b) @ w).mean()
    w = w - lr * torch.autograd.grad(d_loss, w)[0]
    g_loss = F.softplus(-((noise_g @ a.T + b) @ w)).mean()
    slope_a, slope_b = torch.autograd.grad(g_loss, (a, b))
    return a - lr * slope_a, b - lr * slope_b, w


RIGHT = (step_by_zeroing, step_by_optimisers, step_by_named_gradients)

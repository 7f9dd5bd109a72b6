"""Answers to `gan.broken_step`, written from its statement alone."""

import torch
import torch.nn.functional as F


def _leaves(*tensors):
    return tuple(p.detach().clone().requires_grad_() for p in tensors)


def wrong_old_discriminator(real, noise_d, noise_g, a, b, w, lr):
    """The fakes are detached, but the old w still judges the generator."""
    a, b, w = _leaves(a, b, w)
    fake = (noise_d @ a.T + b).detach()
    d_loss = F.softplus(-(real @ w)).mean() + F.softplus(fake @ w).mean()
    d_loss.backward()
    new_w = (w - lr * w.grad).detach()
    fake = noise_g @ a.T + b
    F.softplus(-(fake @ w)).mean().backward()
    return (a - lr * a.grad).detach(), (b - lr * b.grad).detach(), new_w


def wrong_gradients_add_up(real, noise_d, noise_g, a, b, w, lr):
    """The new w judges, but the generator's gradients still hold those of d_loss."""
    a, b, w = _leaves(a, b, w)
    fake = noise_d @ a.T + b
    d_loss = F.softplus(-(real @ w)).mean() + F.softplus(fake @ w).mean()
    d_loss.backward()
    new_w = (w - lr * w.grad).detach()
    fake = noise_g @ a.T + b
    F.softplus(-(fake @ new_w)).mean().backward()
    return (a - lr * a.grad).detach(), (b - lr * b.grad).detach(), new_w


def wrong_generator_sign(real, noise_d, noise_g, a, b, w, lr):
    """The second symptom is answered by a sign: the generator descends on -log(1 - D)."""
    a, b, w = _leaves(a, b, w)
    fake = (noise_d @ a.T + b).detach()
    d_loss = F.softplus(-(real @ w)).mean() + F.softplus(fake @ w).mean()
    d_loss.backward()
    new_w = (w - lr * w.grad).detach()
    fake = noise_g @ a.T + b
    F.softplus(fake @ new_w).mean().backward()
    return (a - lr * a.grad).detach(), (b - lr * b.grad).detach(), new_w


def wrong_saturating(real, noise_d, noise_g, a, b, w, lr):
    """The generator descends on log(1 - D)."""
    a, b, w = _leaves(a, b, w)
    fake = (noise_d @ a.T + b).detach()
    d_loss = F.softplus(-(real @ w)).mean() + F.softplus(fake @ w).mean()
    d_loss.backward()
    new_w = (w - lr * w.grad).detach()
    fake = noise_g @ a.T + b
    F.logsigmoid(-(fake @ new_w)).mean().backward()
    return (a - lr * a.grad).detach(), (b - lr * b.grad).detach(), new_w


def wrong_only_a_zeroed(real, noise_d, noise_g, a, b, w, lr):
    """Only the gradient of a is set to zero, that of b is forgotten."""
    a, b, w = _leaves(a, b, w)
    fake = noise_d @ a.T + b
    d_loss = F.softplus(-(real @ w)).mean() + F.softplus(fake @ w).mean()
    d_loss.backward()
    new_w = (w - lr * w.grad).detach()
    a.grad.zero_()
    fake = noise_g @ a.T + b
    F.softplus(-(fake @ new_w)).mean().backward()
    return (a - lr * a.grad).detach(), (b - lr * b.grad).detach(), new_w


def wrong_same_noise(real, noise_d, noise_g, a, b, w, lr):
    """The generator is judged on the discriminator's noise again."""
    a, b, w = _leaves(a, b, w)
    fake = noise_d @ a.T + b
    d_loss = F.softplus(-(real @ w)).mean() + F.softplus(fake.detach() @ w).mean()
    d_loss.backward()
    new_w = (w - lr * w.grad).detach()
    F.softplus(-(fake @ new_w)).mean().backward()
    return (a - lr * a.grad).detach(), (b - lr * b.grad).detach(), new_w


def wrong_discriminator_helps(real, noise_d, noise_g, a, b, w, lr):
    """One optimiser for everything: the generator's loss moves w as well."""
    a, b, w = _leaves(a, b, w)
    step = torch.optim.SGD([a, b, w], lr=lr)
    fake = (noise_d @ a.T + b).detach()
    (F.softplus(-(real @ w)).mean() + F.softplus(fake @ w).mean()).backward()
    step.step()
    step.zero_grad()
    F.softplus(-((noise_g @ a.T + b) @ w)).mean().backward()
    step.step()
    return a.detach(), b.detach(), w.detach()


def wrong_overwrites(real, noise_d, noise_g, a, b, w, lr):
    """The step is taken in the arguments themselves."""
    grad_w = -(torch.sigmoid(-(real @ w))[:, None] * real).mean(0)
    fake = noise_d @ a.T + b
    grad_w = grad_w + (torch.sigmoid(fake @ w)[:, None] * fake).mean(0)
    w -= lr * grad_w
    pull = -torch.sigmoid(-((noise_g @ a.T + b) @ w)) / len(noise_g)
    a -= lr * torch.outer(w, pull @ noise_g)
    b -= lr * pull.sum() * w
    return a, b, w


def wrong_one_batch(real, noise_d, noise_g, a, b, w, lr):
    """One mean over reals and fakes, doubled: wrong where there are more of the one."""
    a, b, w = _leaves(a, b, w)
    fake = (noise_d @ a.T + b).detach()
    d_loss = 2 * F.softplus(torch.cat([-(real @ w), fake @ w])).mean()
    d_loss.backward()
    new_w = (w - lr * w.grad).detach()
    F.softplus(-((noise_g @ a.T + b) @ new_w)).mean().backward()
    return (a - lr * a.grad).detach(), (b - lr * b.grad).detach(), new_w


def wrong_rate_or_default(real, noise_d, noise_g, a, b, w, lr):
    """A rate of 0 is taken for not given."""
    lr = lr or 1e-3
    a, b, w = _leaves(a, b, w)
    fake = (noise_d @ a.T + b).detach()
    (F.softplus(-(real @ w)).mean() + F.softplus(fake @ w).mean()).backward()
    new_w = (w - lr * w.grad).detach()
    F.softplus(-((noise_g @ a.T + b) @ new_w)).mean().backward()
    return (a - lr * a.grad).detach(), (b - lr * b.grad).detach(), new_w


def wrong_log_of_sigmoid(real, noise_d, noise_g, a, b, w, lr):
    """log(sigmoid) with 1e-12: no slope at logits of -1000."""
    a, b, w = _leaves(a, b, w)
    fake = (noise_d @ a.T + b).detach()
    d_loss = -torch.log(torch.sigmoid(real @ w) + 1e-12).mean()
    d_loss = d_loss - torch.log(1 - torch.sigmoid(fake @ w) + 1e-12).mean()
    d_loss.backward()
    new_w = (w - lr * w.grad).detach()
    g_loss = -torch.log(torch.sigmoid((noise_g @ a.T + b) @ new_w) + 1e-12).mean()
    g_loss.backward()
    return (a - lr * a.grad).detach(), (b - lr * b.grad).detach(), new_w


def wrong_halved_and_old_w(real, noise_d, noise_g, a, b, w, lr):
    """The discriminator's loss is halved, and the old w judges."""
    a, b, w = _leaves(a, b, w)
    fake = (noise_d @ a.T + b).detach()
    d_loss = (F.softplus(-(real @ w)).mean() + F.softplus(fake @ w).mean()) / 2
    d_loss.backward()
    new_w = (w - lr * w.grad).detach()
    F.softplus(-((noise_g @ a.T + b) @ w)).mean().backward()
    return (a - lr * a.grad).detach(), (b - lr * b.grad).detach(), new_w


def right_detach(real, noise_d, noise_g, a, b, w, lr):
    """The program with its two bugs fixed."""
    a, b, w = _leaves(a, b, w)
    fake = (noise_d @ a.T + b).detach()
    d_loss = F.softplus(-(real @ w)).mean() + F.softplus(fake @ w).mean()
    d_loss.backward()
    new_w = (w - lr * w.grad).detach()
    fake = noise_g @ a.T + b
    g_loss = F.softplus(-(fake @ new_w)).mean()
    g_loss.backward()
    return (a - lr * a.grad).detach(), (b - lr * b.grad).detach(), new_w


def right_two_optimisers(real, noise_d, noise_g, a, b, w, lr):
    """Two optimisers, with zero_grad in place of detach."""
    a, b, w = _leaves(a, b, w)
    opt_d, opt_g = torch.optim.SGD([w], lr=lr), torch.optim.SGD([a, b], lr=lr)
    d_loss = -F.logsigmoid(real @ w).mean() - F.logsigmoid(-((noise_d @ a.T + b) @ w)).mean()
    d_loss.backward()
    opt_d.step()
    opt_g.zero_grad()
    (-F.logsigmoid((noise_g @ a.T + b) @ w).mean()).backward()
    opt_g.step()
    return a.detach(), b.detach(), w.detach()


def right_by_hand(real, noise_d, noise_g, a, b, w, lr):
    """Both gradients in closed form."""
    with torch.no_grad():
        fake = noise_d @ a.T + b
        grad_w = torch.sigmoid(fake @ w) @ fake / len(fake) - torch.sigmoid(-(real @ w)) @ real / len(real)
        new_w = w - lr * grad_w
        pull = -torch.sigmoid(-((noise_g @ a.T + b) @ new_w)) / len(noise_g)
        return a - lr * torch.outer(new_w, pull @ noise_g), b - lr * pull.sum() * new_w, new_w


def right_functional(real, noise_d, noise_g, a, b, w, lr):
    """torch.func.grad, for one player after the other."""

    def d_loss(w):
        zero = torch.zeros((), dtype=w.dtype)
        fake = noise_d @ a.T + b
        return torch.logaddexp(zero, -(real @ w)).mean() + torch.logaddexp(zero, fake @ w).mean()

    def g_loss(a, b, w):
        zero = torch.zeros((), dtype=w.dtype)
        return torch.logaddexp(zero, -((noise_g @ a.T + b) @ w)).mean()

    new_w = w - lr * torch.func.grad(d_loss)(w)
    grad_a, grad_b = torch.func.grad(g_loss, argnums=(0, 1))(a, b, new_w)
    return (a - lr * grad_a).detach(), (b - lr * grad_b).detach(), new_w.detach()

"""Answers to `gan.gradient_penalty`, written from its statement alone."""

import torch


def _slopes(weight, v, x):
    x = x.detach().clone().requires_grad_()
    f = torch.tanh(x @ weight.T) @ v
    return torch.autograd.grad(f.sum(), x, create_graph=True)[0]


def wrong_mix_swapped(weight, v, real, fake, mix):
    """mix is taken for the share of the fake point."""
    slopes = _slopes(weight, v, (1 - mix) * real + mix * fake)
    return (slopes.norm(dim=1) - 1).square().mean()


def wrong_no_graph(weight, v, real, fake, mix):
    """No create_graph: the penalty trains nothing."""
    x = (mix * real + (1 - mix) * fake).detach().requires_grad_()
    (slopes,) = torch.autograd.grad((torch.tanh(x @ weight.T) @ v).sum(), x)
    return (slopes.norm(dim=1) - 1).square().mean()


def wrong_norm_of_batch(weight, v, real, fake, mix):
    """One norm over the whole batch."""
    slopes = _slopes(weight, v, mix * real + (1 - mix) * fake)
    return (slopes.norm() - 1).square()


def wrong_slope_of_mean(weight, v, real, fake, mix):
    """The slope of the mean score: B times too small."""
    x = (mix * real + (1 - mix) * fake).detach().requires_grad_()
    f = torch.tanh(x @ weight.T) @ v
    (slopes,) = torch.autograd.grad(f.mean(), x, create_graph=True)
    return (slopes.norm(dim=1) - 1).square().mean()


def wrong_one_sided(weight, v, real, fake, mix):
    """Only slopes above 1 are charged."""
    slopes = _slopes(weight, v, mix * real + (1 - mix) * fake)
    return (slopes.norm(dim=1) - 1).clamp(min=0).square().mean()


def wrong_squared_norm(weight, v, real, fake, mix):
    """The squared norm is compared with 1."""
    slopes = _slopes(weight, v, mix * real + (1 - mix) * fake)
    return (slopes.square().sum(1) - 1).square().mean()


def wrong_reaches_real(weight, v, real, fake, mix):
    """The slope by hand, without detach: gradients reach real, fake and mix."""
    x = mix * real + (1 - mix) * fake
    slopes = ((1 - torch.tanh(x @ weight.T).square()) * v) @ weight
    return (slopes.norm(dim=1) - 1).square().mean()


def wrong_sqrt_nan(weight, v, real, fake, mix):
    """The norm by sqrt: NaN in the gradient at slope 0."""
    slopes = _slopes(weight, v, mix * real + (1 - mix) * fake)
    return (slopes.square().sum(1).sqrt() - 1).square().mean()


def wrong_sqrt_eps(weight, v, real, fake, mix):
    """1e-12 under the root, as in many programs: the norm is never below 1e-6."""
    slopes = _slopes(weight, v, mix * real + (1 - mix) * fake)
    return ((slopes.square().sum(1) + 1e-12).sqrt() - 1).square().mean()


def wrong_zero_slope_free(weight, v, real, fake, mix):
    """A safe root by where, but the norm of a zero slope stays 1 and costs nothing."""
    squares = _slopes(weight, v, mix * real + (1 - mix) * fake).square().sum(1)
    norm = torch.where(squares > 0, squares, torch.ones_like(squares)).sqrt()
    return (norm - 1).square().mean()


def wrong_squeeze(weight, v, real, fake, mix):
    """squeeze: with one feature, one norm over the batch."""
    slopes = _slopes(weight, v, mix * real + (1 - mix) * fake)
    return (slopes.squeeze().norm(dim=-1) - 1).square().mean()


def wrong_factor_and_swap(weight, v, real, fake, mix):
    """The paper's factor 10, and mix as the fake's share."""
    slopes = _slopes(weight, v, fake + (1 - mix) * (real - fake))
    return 10 * (slopes.norm(dim=1) - 1).square().mean()


def right_autograd(weight, v, real, fake, mix):
    """Double backward; torch's norm has the gradient 0 at 0."""
    x = (mix * real + (1 - mix) * fake).detach().requires_grad_()
    f = torch.tanh(x @ weight.T) @ v
    (slopes,) = torch.autograd.grad(f.sum(), x, create_graph=True)
    return (torch.linalg.vector_norm(slopes, dim=1) - 1).square().mean()


def right_by_hand(weight, v, real, fake, mix):
    """The slope in closed form, the root made safe by where."""
    with torch.no_grad():
        x = mix * real + (1 - mix) * fake
    hidden = torch.tanh(x @ weight.T)
    slopes = torch.einsum("bh,h,hd->bd", 1 - hidden.square(), v, weight)
    squares = slopes.square().sum(1)
    flat = squares == 0
    norm = torch.where(flat, torch.zeros_like(squares), torch.where(flat, 1.0, squares).sqrt())
    return (norm - 1).square().mean()


def right_vmap(weight, v, real, fake, mix):
    """torch.func: a gradient for each point."""
    x = mix.detach() * real.detach() + (1 - mix.detach()) * fake.detach()
    slopes = torch.func.vmap(torch.func.grad(lambda p: torch.tanh(weight @ p) @ v))(x)
    return torch.stack([(s.norm() - 1) ** 2 for s in slopes]).mean()


def right_one_by_one(weight, v, real, fake, mix):
    """A loop over the points; flat ones cost 1."""
    total = weight.sum() * 0 + v.sum() * 0
    for r, f, m in zip(real.detach(), fake.detach(), mix.detach()):
        x = m * r + (1 - m) * f
        slope = (v * (1 - torch.tanh(weight @ x) ** 2)) @ weight
        norm = (slope @ slope).sqrt() if (slope @ slope).item() > 0 else 0.0
        total = total + (norm - 1) ** 2
    return total / len(real)


def open_clamped_root(weight, v, real, fake, mix):
    """Open: the squares are clamped at 1e-30; slopes below 1e-15, not 0, get no gradient."""
    slopes = _slopes(weight, v, mix * real + (1 - mix) * fake)
    return (slopes.square().sum(1).clamp(min=1e-30).sqrt() - 1).square().mean()

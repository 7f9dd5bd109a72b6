"""Right answers to `gradient_penalty` in other words than the solution's."""

import torch


def penalty_by_ones(weight, v, real, fake, mix):
    """The same with a vector of ones for the sum, and the norm written out: 1 where it is 0, and then 0."""
    x = torch.lerp(fake, real, mix).detach().requires_grad_(True)
    scores = (x @ weight.T).tanh().mv(v)
    slopes = torch.autograd.grad(scores, x, torch.ones_like(scores), create_graph=True)[0]
    squares = (slopes**2).sum(dim=1)
    norms = torch.where(squares > 0, torch.where(squares > 0, squares, 1.0) ** 0.5, 0.0)
    return ((norms - 1) ** 2).mean()


def penalty_point_by_point(weight, v, real, fake, mix):
    """The same, one point after the other."""
    total = 0.0
    for r, f, share in zip(real.detach(), fake.detach(), mix.detach(), strict=True):
        x = (f + share * (r - f)).requires_grad_()
        score = v @ torch.tanh(weight @ x)
        slope = torch.autograd.grad(score, x, create_graph=True)[0]
        total = total + (torch.linalg.vector_norm(slope) - 1) ** 2
    return total / len(real)


def penalty_by_transform(weight, v, real, fake, mix):
    """The same by `torch.func`: the gradient function of one point, over the batch."""

    def score(x):
        return torch.tanh(weight @ x) @ v

    x = (mix * real + (1 - mix) * fake).detach()
    norms = torch.func.vmap(torch.func.grad(score))(x).norm(dim=1)
    return (norms.square() - 2 * norms + 1).mean()


RIGHT = (penalty_by_ones, penalty_point_by_point, penalty_by_transform)

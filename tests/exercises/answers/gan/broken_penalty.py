"""Answers to `gan.broken_penalty`, written from its statement alone."""

import torch


def wrong_retain_graph(weight, v, real, gamma):
    """retain_graph in place of create_graph: still no gradient."""
    x = real.detach().requires_grad_()
    scores = torch.tanh(x @ weight.T) @ v
    (slopes,) = torch.autograd.grad(scores.sum(), x, retain_graph=True)
    return gamma / 2 * slopes.square().sum(1).mean()


def wrong_sigmoid_left(weight, v, real, gamma):
    """The slope of the probability, not of the logit."""
    x = real.detach().requires_grad_()
    scores = torch.sigmoid(torch.tanh(x @ weight.T) @ v)
    (slopes,) = torch.autograd.grad(scores.sum(), x, create_graph=True)
    return gamma / 2 * slopes.square().sum(1).mean()


def wrong_mean_left(weight, v, real, gamma):
    """The mean of the scores stays: B times too small."""
    x = real.detach().requires_grad_()
    scores = torch.tanh(x @ weight.T) @ v
    (slopes,) = torch.autograd.grad(scores.mean(), x, create_graph=True)
    return gamma / 2 * slopes.square().sum()


def wrong_sum_of_all(weight, v, real, gamma):
    """Sum for mean in the scores, but no mean over the batch."""
    x = real.detach().requires_grad_()
    scores = torch.tanh(x @ weight.T) @ v
    (slopes,) = torch.autograd.grad(scores.sum(), x, create_graph=True)
    return gamma / 2 * slopes.square().sum()


def wrong_mean_twice(weight, v, real, gamma):
    """The scores keep their mean, and the squares get a second one."""
    x = real.detach().requires_grad_()
    scores = torch.tanh(x @ weight.T) @ v
    (slopes,) = torch.autograd.grad(scores.mean(), x, create_graph=True)
    return gamma / 2 * slopes.square().sum(1).mean()


def wrong_mean_over_features(weight, v, real, gamma):
    """The mean runs over the features too."""
    x = real.detach().requires_grad_()
    scores = torch.tanh(x @ weight.T) @ v
    (slopes,) = torch.autograd.grad(scores.sum(), x, create_graph=True)
    return gamma / 2 * slopes.square().mean()


def wrong_real_in_graph(weight, v, real, gamma):
    """The slope by hand, without detach: a gradient reaches real."""
    hidden = torch.tanh(real @ weight.T)
    slopes = ((1 - hidden.square()) * v) @ weight
    return gamma / 2 * slopes.square().sum(1).mean()


def wrong_hidden_detached(weight, v, real, gamma):
    """The derivative of tanh is cut off from weight."""
    hidden = torch.tanh(real.detach() @ weight.T).detach()
    slopes = ((1 - hidden.square()) * v) @ weight
    return gamma / 2 * slopes.square().sum(1).mean()


def wrong_sqrt_then_square(weight, v, real, gamma):
    """The norm by sqrt: NaN in the gradient where the slope is 0."""
    x = real.detach().requires_grad_()
    scores = torch.tanh(x @ weight.T) @ v
    (slopes,) = torch.autograd.grad(scores.sum(), x, create_graph=True)
    return gamma / 2 * slopes.square().sum(1).sqrt().square().mean()


def wrong_gamma_or_default(weight, v, real, gamma):
    """A gamma of 0 is taken for not given."""
    gamma = gamma or 10.0
    x = real.detach().requires_grad_()
    scores = torch.tanh(x @ weight.T) @ v
    (slopes,) = torch.autograd.grad(scores.sum(), x, create_graph=True)
    return gamma / 2 * slopes.square().sum(1).mean()


def wrong_squeeze(weight, v, real, gamma):
    """squeeze: with one feature the batch is summed."""
    x = real.detach().requires_grad_()
    scores = torch.tanh(x @ weight.T) @ v
    (slopes,) = torch.autograd.grad(scores.sum(), x, create_graph=True)
    return gamma / 2 * slopes.squeeze().square().sum(-1).mean()


def wrong_norm_and_no_half(weight, v, real, gamma):
    """The norm is not squared, and gamma is not halved."""
    x = real.detach().requires_grad_()
    scores = torch.tanh(x @ weight.T) @ v
    (slopes,) = torch.autograd.grad(scores.sum(), x, create_graph=True)
    return gamma * slopes.norm(dim=1).mean()


def right_fixed(weight, v, real, gamma):
    """The program with its three bugs fixed."""
    x = real.detach().requires_grad_()
    scores = torch.tanh(x @ weight.T) @ v
    (slopes,) = torch.autograd.grad(scores.sum(), x, create_graph=True)
    return gamma / 2 * slopes.square().sum(1).mean()


def right_mean_times_batch(weight, v, real, gamma):
    """The mean stays, and its factor is taken back."""
    x = real.detach().clone().requires_grad_(True)
    scores = torch.tanh(x @ weight.T) @ v
    (slopes,) = torch.autograd.grad(scores.mean(), x, create_graph=True)
    return gamma / 2 * slopes.square().sum() * len(x)


def right_by_hand(weight, v, real, gamma):
    """The slope in closed form."""
    hidden = torch.tanh(torch.einsum("bd,hd->bh", real.detach(), weight))
    slopes = torch.einsum("bh,h,hd->bd", 1 - hidden * hidden, v, weight)
    return 0.5 * gamma * torch.einsum("bd,bd->", slopes, slopes) / real.shape[0]


def right_one_by_one(weight, v, real, gamma):
    """A loop over the points."""
    total = 0
    for point in real.detach():
        x = point.clone().requires_grad_()
        score = (torch.tanh(weight @ x) * v).sum()
        slope = torch.autograd.grad(score, x, create_graph=True)[0]
        total = total + slope @ slope
    return gamma * total / (2 * len(real))


def scores_of(x, weight, v):
    """The logits D(x)."""
    return torch.tanh(x @ weight.T) @ v


def wrong_root_then_square(weight, v, real, gamma):
    """The square of a square root: NaN gradients where the slope is 0."""
    x = real.detach().requires_grad_()
    (slopes,) = torch.autograd.grad(scores_of(x, weight, v).sum(), x, create_graph=True)
    return gamma / 2 * (slopes.square().sum(1).sqrt() ** 2).mean()


def wrong_backward_used(weight, v, real, gamma):
    """backward adds the logits' own gradients to weight.grad and v.grad as a side effect."""
    x = real.detach().requires_grad_()
    scores_of(x, weight, v).sum().backward(create_graph=True)
    return gamma / 2 * x.grad.square().sum(1).mean()


def wrong_zero_gamma_is_default(weight, v, real, gamma):
    """A gamma of 0 is taken for none given."""
    gamma = gamma or 10.0
    x = real.detach().requires_grad_()
    (slopes,) = torch.autograd.grad(scores_of(x, weight, v).sum(), x, create_graph=True)
    return gamma / 2 * slopes.square().sum(1).mean()

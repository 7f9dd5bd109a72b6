"""Answers to `foundations.huber`, written from its statement alone."""

import torch
import torch.nn.functional as F


def wrong_no_constant(predicted, y, delta):
    """c is 0: the value jumps at delta."""
    e = predicted - y
    return torch.where(e.abs() <= delta, 0.5 * e**2, delta * e.abs()).mean()


def wrong_slope_one(predicted, y, delta):
    """a is 1: the value is continuous, the slope jumps unless delta is 1."""
    e = predicted - y
    return torch.where(e.abs() <= delta, 0.5 * e**2, e.abs() + 0.5 * delta**2 - delta).mean()


def wrong_whole_delta_squared(predicted, y, delta):
    """c is -delta squared, without the half."""
    e = predicted - y
    return torch.where(e.abs() <= delta, 0.5 * e**2, delta * e.abs() - delta**2).mean()


def wrong_smooth_l1(predicted, y, delta):
    """PyTorch's smooth L1 loss, which is Huber's divided by delta."""
    return F.smooth_l1_loss(predicted, y, beta=delta)


def wrong_sum(predicted, y, delta):
    """The sum over the points."""
    a = (predicted - y).abs()
    return torch.where(a <= delta, 0.5 * a**2, delta * (a - 0.5 * delta)).sum()


def wrong_pseudo_huber(predicted, y, delta):
    """The pseudo-Huber loss."""
    e = predicted - y
    return (delta**2 * (torch.sqrt(1 + (e / delta) ** 2) - 1)).mean()


def wrong_target_detached(predicted, y, delta):
    """The right value, but y is taken for a constant and gets no gradient."""
    a = (predicted - y.detach()).abs()
    return torch.where(a <= delta, 0.5 * a**2, delta * (a - 0.5 * delta)).mean()


def wrong_root_of_square(predicted, y, delta):
    """The absolute value is a root of a square, whose gradient at 0 is NaN."""
    e = predicted - y
    a = torch.sqrt(e**2)
    return torch.where(a <= delta, 0.5 * e**2, delta * (a - 0.5 * delta)).mean()


def wrong_difference_of_squares(predicted, y, delta):
    """Half the difference of two squares, which loses the digits where the residual is huge."""
    a = (predicted - y).abs()
    return (0.5 * (a**2 - torch.relu(a - delta) ** 2)).mean()


def wrong_border_in_neither(predicted, y, delta):
    """Two strict masks: a residual of exactly delta belongs to neither and costs nothing."""
    a = (predicted - y).abs()
    near = (a < delta).to(a.dtype) * 0.5 * a**2
    far = (a > delta).to(a.dtype) * delta * (a - 0.5 * delta)
    return (near + far).mean()


def wrong_mean_of_each_part(predicted, y, delta):
    """The mean of the near points plus the mean of the far ones, NaN where there are none."""
    a = (predicted - y).abs()
    near = a[a <= delta]
    far = a[a > delta]
    return (0.5 * near**2).mean() + (delta * (far - 0.5 * delta)).mean()


def wrong_no_half_and_no_constant(predicted, y, delta):
    """Two mistakes: the square has no half, and c is 0."""
    e = predicted - y
    return torch.where(e.abs() <= delta, e**2, delta * e.abs()).mean()


def right_where(predicted, y, delta):
    """a is delta, c is minus half its square."""
    a = (predicted - y).abs()
    return torch.where(a <= delta, 0.5 * a * a, delta * (a - 0.5 * delta)).mean()


def right_clamped(predicted, y, delta):
    """c (|e| - c / 2) with c = min(|e|, delta)."""
    a = (predicted - y).abs()
    c = a.clamp(max=delta)
    return (c * (a - c / 2)).mean()


def right_scaled_smooth_l1(predicted, y, delta):
    """delta times PyTorch's smooth L1 loss."""
    return delta * F.smooth_l1_loss(predicted, y, beta=delta)


def right_loop(predicted, y, delta):
    """Point by point, with the sign that makes the residual positive."""
    total = 0.0
    for p, t in zip(predicted, y):
        e = p - t
        if abs(e.item()) <= delta:
            total = total + e * e / 2
        else:
            total = total + delta * (e if e.item() > 0 else -e) - delta * delta / 2
    return total / len(predicted)


def forbidden_functional(predicted, y, delta):
    """F.huber_loss does it all."""
    return F.huber_loss(predicted, y, delta=delta)


def forbidden_module(predicted, y, delta):
    """nn.HuberLoss does it all."""
    return torch.nn.HuberLoss(delta=delta)(predicted, y)

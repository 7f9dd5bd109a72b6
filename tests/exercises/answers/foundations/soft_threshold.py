"""Answers to `foundations.soft_threshold`, written from its statement alone."""

import torch
import torch.nn.functional as F


def wrong_threshold_without_rate(w, gradient, lr, l1):
    """The threshold is l1, without the learning rate."""
    v = w - lr * gradient
    return torch.sign(v) * torch.relu(v.abs() - l1)


def wrong_subgradient(w, gradient, lr, l1):
    """Plain descent with the sign of the weight as the slope of the penalty."""
    return w - lr * (gradient + l1 * torch.sign(w))


def wrong_hard_threshold(w, gradient, lr, l1):
    """Weights below the threshold become 0, the others stay as they are."""
    v = w - lr * gradient
    return torch.where(v.abs() > lr * l1, v, torch.zeros_like(v))


def wrong_shrink_before_step(w, gradient, lr, l1):
    """The weights are shrunk first, and take the gradient's step afterwards."""
    t = lr * l1
    shrunk = torch.sign(w) * torch.relu(w.abs() - t)
    return shrunk - lr * gradient


def wrong_sign_of_weights(w, gradient, lr, l1):
    """The sign is that of the weights before the step."""
    v = w - lr * gradient
    return torch.sign(w) * torch.relu(v.abs() - lr * l1)


def wrong_half_threshold(w, gradient, lr, l1):
    """The threshold is half of lr * l1, as for a square without the half."""
    v = w - lr * gradient
    return F.softshrink(v, lr * l1 / 2)


def wrong_arguments_reordered(w, gradient, l1, lr):
    """The last two arguments are exchanged in the signature."""
    v = w - lr * gradient
    return torch.sign(v) * torch.relu(v.abs() - lr * l1)


def wrong_in_place_step(w, gradient, lr, l1):
    """The right numbers, but the step down changes the caller's weights."""
    w -= lr * gradient
    return torch.sign(w) * torch.relu(w.abs() - lr * l1)


def wrong_sign_by_division(w, gradient, lr, l1):
    """The sign is v / (|v| + 1e-8), a half at 1e-8."""
    v = w - lr * gradient
    return v / (v.abs() + 1e-8) * torch.relu(v.abs() - lr * l1)


def wrong_factor_of_weight(w, gradient, lr, l1):
    """v times (1 - t / |v|), which is NaN where both v and the threshold are 0."""
    v = w - lr * gradient
    return v * torch.relu(1 - lr * l1 / v.abs())


def wrong_zero_if_sign_changes(w, gradient, lr, l1):
    """Truncated: a weight whose sign the step has changed becomes 0."""
    v = w - lr * gradient
    shrunk = torch.sign(v) * torch.relu(v.abs() - lr * l1)
    return torch.where(v * w < 0, torch.zeros_like(v), shrunk)


def wrong_crosses_zero_and_no_rate(w, gradient, lr, l1):
    """Two mistakes: nothing stops the shrinking at 0, and it lacks the learning rate."""
    v = w - lr * gradient
    return v - l1 * torch.sign(v)


def right_sign_and_relu(w, gradient, lr, l1):
    """The sign times what is left beyond the threshold."""
    v = w - lr * gradient
    return torch.sign(v) * torch.relu(v.abs() - lr * l1)


def right_minus_clamped(w, gradient, lr, l1):
    """v minus v clamped to the threshold."""
    v = torch.sub(w, gradient, alpha=lr)
    return v - v.clamp(-lr * l1, lr * l1)


def right_softshrink(w, gradient, lr, l1):
    """PyTorch's softshrink."""
    return F.softshrink(w - lr * gradient, lr * l1)


def right_loop(w, gradient, lr, l1):
    """Three cases, weight by weight, in float64."""
    out, t = [], lr * l1
    for a, g in zip(w.tolist(), gradient.tolist()):
        v = a - lr * g
        out.append(v - t if v > t else v + t if v < -t else 0.0)
    return torch.tensor(out, dtype=w.dtype)


def open_candidates(w, gradient, lr, l1):
    """Open: ties of the objective by rounding: the best of v - t, v + t and 0 by the value itself."""
    v, t = w - lr * gradient, lr * l1
    u = torch.stack([torch.zeros_like(v), (v - t).clamp(min=0), (v + t).clamp(max=0)])
    cost = (u - v) ** 2 / (2 * lr) + l1 * u.abs()
    return u.gather(0, cost.argmin(dim=0)[None])[0]


def wrong_quotient_of_zero(w, gradient, lr, l1):
    """Shrinks by the factor 1 - eta lambda / |v|, which is 0/0 for v = 0 and no penalty."""
    v = w - lr * gradient
    return v * (1 - lr * l1 / v.abs()).clamp(min=0)


def wrong_small_is_zero(w, gradient, lr, l1):
    """New weights below 1e-6 are put to 0 as well."""
    v = w - lr * gradient
    new = v.sign() * (v.abs() - lr * l1).clamp(min=0)
    return torch.where(new.abs() < 1e-6, torch.zeros_like(new), new)

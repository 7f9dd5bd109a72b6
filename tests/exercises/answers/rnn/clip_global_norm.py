"""Answers to `rnn.clip_global_norm`, written from its statement alone."""

import math

import torch


def wrong_each_by_itself(grads, max_norm):
    """Each tensor is clipped by its own norm."""
    return [g * torch.clamp(max_norm / g.norm(), max=1) for g in grads]


def wrong_always_scaled(grads, max_norm):
    """Scaled up to max_norm too where the norm is below it."""
    norm = math.sqrt(sum(float((g**2).sum()) for g in grads))
    return [g.clone() if norm == 0 else g * (max_norm / norm) for g in grads]


def wrong_sum_of_norms(grads, max_norm):
    """The tensors' norms are added where their squares should be."""
    norm = sum(g.norm() for g in grads)
    return [g * torch.clamp(max_norm / norm, max=1) for g in grads]


def wrong_no_root(grads, max_norm):
    """The squared norm: the root is forgotten."""
    norm = sum((g**2).sum() for g in grads)
    return [g * torch.clamp(max_norm / norm, max=1) for g in grads]


def wrong_by_value(grads, max_norm):
    """Each element is clamped to the range from -max_norm to max_norm."""
    return [g.clamp(-max_norm, max_norm) for g in grads]


def wrong_in_place(grads, max_norm):
    """The gradients themselves are scaled, as clip_grad_norm_ does."""
    norm = torch.sqrt(sum((g**2).sum() for g in grads))
    for g in grads:
        g.mul_(torch.clamp(max_norm / norm, max=1))
    return grads


def wrong_alias(grads, max_norm):
    """Where nothing is clipped, the arguments themselves come back."""
    norm = torch.sqrt(sum((g**2).sum() for g in grads))
    if norm <= max_norm:
        return grads
    return [g * (max_norm / norm) for g in grads]


def wrong_nan_for_zeros(grads, max_norm):
    """g / norm * min(norm, m) is 0 / 0 where all elements are 0."""
    norm = torch.sqrt(sum((g**2).sum() for g in grads))
    return [g / norm * torch.clamp(norm, max=max_norm) for g in grads]


def wrong_pytorch_epsilon(grads, max_norm):
    """1e-6 is added to the norm, as PyTorch does."""
    norm = torch.sqrt(sum((g**2).sum() for g in grads))
    return [g * torch.clamp(max_norm / (norm + 1e-6), max=1) for g in grads]


def wrong_float32_norm(grads, max_norm):
    """The norm is computed in float32, whatever the gradients are."""
    norm = torch.cat([g.flatten().float() for g in grads]).norm()
    return [g * torch.clamp(max_norm / norm, max=1).to(g.dtype) for g in grads]


def wrong_tiny_is_zero(grads, max_norm):
    """A norm below 1e-8 counts as 0, and zeros come back."""
    norm = math.sqrt(sum(float((g**2).sum()) for g in grads))
    if norm < 1e-8:
        return [torch.zeros_like(g) for g in grads]
    return [g * min(1.0, max_norm / norm) for g in grads]


def wrong_mean_square_and_always(grads, max_norm):
    """The root of the mean square, and scaled up too."""
    flat = torch.cat([g.flatten() for g in grads])
    norm = flat.square().mean().sqrt().clamp(min=1e-30)
    return [g * (max_norm / norm) for g in grads]


def right_one_vector(grads, max_norm):
    """All elements in one vector; m / 0 is infinite and so clamped to 1."""
    norm = torch.cat([g.reshape(-1) for g in grads]).square().sum().sqrt()
    return [g * (max_norm / norm).clamp(max=1) for g in grads]


def right_norm_of_norms(grads, max_norm):
    """The norm of the vector of the tensors' norms; a tuple."""
    norm = torch.linalg.vector_norm(torch.stack([torch.linalg.vector_norm(g) for g in grads]))
    if norm > max_norm:
        return tuple(g * (max_norm / norm) for g in grads)
    return tuple(g.clone() for g in grads)


def right_python_floats(grads, max_norm):
    """Python's numbers: the exact sum of the squares in float64."""
    norm = math.sqrt(math.fsum(v * v for g in grads for v in g.flatten().tolist()))
    factor = max_norm / norm if norm > max_norm else 1.0
    return [g * factor for g in grads]


def right_largest_first(grads, max_norm):
    """The largest magnitude is taken out before the squares."""
    largest = max(float(g.abs().max()) for g in grads)
    if largest == 0:
        return [torch.zeros_like(g) for g in grads]
    norm = largest * math.sqrt(sum(float((g.double() / largest).pow(2).sum()) for g in grads))
    return [torch.mul(g, min(1.0, max_norm / norm)) for g in grads]


def forbidden_total_norm(grads, max_norm):
    """get_total_norm gives the norm."""
    norm = torch.nn.utils.get_total_norm(grads)
    return [g * (max_norm / norm).clamp(max=1) for g in grads]


def forbidden_clip_grad_norm(grads, max_norm):
    """clip_grad_norm_ with an infinite bound returns the norm of copies."""
    parameters = [torch.nn.Parameter(torch.zeros_like(g)) for g in grads]
    for parameter, g in zip(parameters, grads):
        parameter.grad = g.clone()
    norm = torch.nn.utils.clip_grad_norm_(parameters, float("inf"))
    return [g * (max_norm / norm).clamp(max=1) for g in grads]


def open_foreach(grads, max_norm):
    """Open: is torch._foreach_norm, on which clip_grad_norm_ stands, a part of it?"""
    norm = torch.stack(torch._foreach_norm(list(grads))).square().sum().sqrt()
    return torch._foreach_mul(list(grads), float((max_norm / norm).clamp(max=1)))


def wrong_stops_at_zero_tensor(grads, max_norm):
    """Stops adding at the first tensor of zeros, which it takes for the end."""
    total = 0.0
    for g in grads:
        sq = g.double().square().sum().item()
        if sq == 0.0:
            break
        total += sq
    norm = math.sqrt(total)
    return [g * (max_norm / norm) if norm > max_norm else g.clone() for g in grads]

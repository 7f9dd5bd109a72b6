"""Right answers to `clip_global_norm` in other words than the solution's."""

import torch


def clip_by_one_vector(grads, max_norm):
    """The same with all gradients in one long vector; the factor stays a tensor, where 1 / 0 is infinite."""
    flat = torch.cat([grad.reshape(-1) for grad in grads])
    factor = (max_norm / flat.norm()).clamp(max=1.0)
    parts = (factor * flat).split([grad.numel() for grad in grads])
    return [part.reshape(grad.shape) for part, grad in zip(parts, grads, strict=True)]


def clip_by_norm_of_norms(grads, max_norm):
    """The same: the norm of the tensors' norms is the norm of all."""
    norms = torch.stack([torch.linalg.vector_norm(grad) for grad in grads])
    norm = torch.linalg.vector_norm(norms)
    return [max_norm * grad / torch.clamp(norm, min=max_norm) for grad in grads]


def clip_by_numbers(grads, max_norm):
    """The same with Python's own numbers."""
    total = 0.0
    for grad in grads:
        for value in grad.flatten().tolist():
            total += value**2
    factor = min(1.0, max_norm / total**0.5) if total > 0 else 1.0
    return [factor * grad for grad in grads]


def flat(grads):
    """All elements of all tensors in one row."""
    return torch.cat([grad.reshape(-1) for grad in grads])


RIGHT = (clip_by_one_vector, clip_by_norm_of_norms, clip_by_numbers)

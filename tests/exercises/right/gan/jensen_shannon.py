"""Right answers to `jensen_shannon` in other words than the solution's."""

import math

import torch

from course.exercises.cases import normal


def divergence_by_where(p, q):
    """The same: 1 is put in the place of a probability of 0 before the logarithm."""
    m = 0.5 * (p + q)

    def kl(from_):
        ratio = torch.where(from_ > 0, from_, 1.0) / torch.where(from_ > 0, m, 1.0)
        return (from_ * ratio.log()).sum(-1)

    return 0.5 * kl(p) + 0.5 * kl(q)


def divergence_by_row(p, q):
    """The same, one row after the other, of its possible outcomes alone."""
    rows = []
    for a, b in zip(p, q, strict=True):
        m = (a + b) / 2
        in_a, in_b = a > 0, b > 0
        kl_a = (a[in_a] * (a[in_a] / m[in_a]).log()).sum()
        rows.append((kl_a + (b[in_b] * (b[in_b] / m[in_b]).log()).sum()) / 2)
    return torch.stack(rows)


def divergence_by_tiny(p, q):
    """The same: the smallest positive number under the logarithm, which 0 times it leaves at 0."""
    tiny = torch.finfo(p.dtype).tiny
    log_m = ((p + q) / 2).clamp(min=tiny).log()
    terms = p * (p.clamp(min=tiny).log() - log_m) + q * (q.clamp(min=tiny).log() - log_m)
    return 0.5 * terms.sum(dim=1)


def kl(p, q):
    """KL(p || q) of each row, infinite where q is 0 and p is not."""
    return (torch.xlogy(p, p) - torch.xlogy(p, q)).sum(1)


def rows(rng, b, k, dtype=torch.float64, scale=1.0, zeros=0.0):
    """b distributions over k outcomes, sharper with `scale`; a share `zeros` of outcomes is impossible."""
    logits = normal(rng, b, k, dtype=dtype, scale=scale)
    for row in logits:
        impossible = [i for i in range(k) if rng.random() < zeros]
        row[impossible[: k - 1]] = -math.inf
    return logits.softmax(1)


RIGHT = (divergence_by_where, divergence_by_row, divergence_by_tiny)

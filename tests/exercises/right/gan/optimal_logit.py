"""Right answers to `optimal_logit` in other words than the solution's."""

import math

import torch


def logit_by_product(x, mean, std):
    """The same: a difference of two squares is a product."""
    score = (x - mean) / std
    return (score - x) * (score + x) / 2 + math.log(std)


def logit_by_polynomial(x, mean, std):
    """The same as a polynomial in x: of degree 2, or 1 where both densities are equally wide."""
    precision = std**-2
    constant = mean * mean * precision / 2 + math.log(std)
    return ((precision - 1) / 2 * x - mean * precision) * x + constant


def logit_by_point(x, mean, std):
    """The same with the whole log-densities, one point after the other."""

    def log_density(point, centre, variance):
        return -((point - centre) ** 2) / (2 * variance) - math.log(2 * math.pi * variance) / 2

    return torch.stack([log_density(point, 0, 1) - log_density(point, mean, std**2) for point in x])


RIGHT = (logit_by_product, logit_by_polynomial, logit_by_point)

"""Right answers to `weight_std` in other words than the solution's."""

import math

import torch


def std_by_gain(fan_in, fan_out, activation):
    """The same: a gain over the root of the inputs' number."""
    if activation == "linear":
        return fan_in**-0.5
    gain = (2 / 1.01) ** 0.5 if activation == "leaky" else 2**0.5
    return gain / fan_in**0.5


def std_by_halves(fan_in, fan_out, activation):
    """The same: what is left of the mean square on either side of 0, then a division and a root."""
    left = 0.5
    if activation == "linear":
        left += 0.5
    elif activation == "leaky":
        left += 0.5 * 0.1 * 0.1
    return math.sqrt(1 / fan_in) / math.sqrt(left)


def std_by_growth(fan_in, fan_out, activation):
    """The same: weights of standard deviation 1 multiply the root of the mean square by `growth`."""
    negative, positive = {"linear": (1, 1), "relu": (0, 1), "leaky": (0.1, 1)}[activation]
    growth = math.hypot(negative, positive) * (fan_in / 2) ** 0.5
    return torch.tensor(growth, dtype=torch.float64).reciprocal().item()


RIGHT = (std_by_gain, std_by_halves, std_by_growth)

"""Answers to `foundations.weight_std`, written from its statement alone."""

import math

import numpy as np
import torch


def wrong_fan_out(fan_in, fan_out, activation):
    """The number of outputs stands for that of inputs: the condition for going backward."""
    share = {"linear": 1.0, "relu": 0.5, "leaky": 0.505}[activation]
    return math.sqrt(1 / (share * fan_out))


def wrong_glorot(fan_in, fan_out, activation):
    """Glorot's mean of inputs and outputs."""
    share = {"linear": 1.0, "relu": 0.5, "leaky": 0.505}[activation]
    return math.sqrt(2 / (share * (fan_in + fan_out)))


def wrong_variance(fan_in, fan_out, activation):
    """The variance, not its root."""
    share = {"linear": 1.0, "relu": 0.5, "leaky": 0.505}[activation]
    return 1 / (share * fan_in)


def wrong_leaky_slope_001(fan_in, fan_out, activation):
    """The leaky slope is PyTorch's 0.01, not 0.1."""
    gain = torch.nn.init.calculate_gain({"leaky": "leaky_relu"}.get(activation, activation))
    return gain / math.sqrt(fan_in)


def wrong_slope_unsquared(fan_in, fan_out, activation):
    """The leaky slope enters the mean square without its square."""
    share = {"linear": 1.0, "relu": 0.5, "leaky": (1 + 0.1) / 2}[activation]
    return math.sqrt(1 / (share * fan_in))


def wrong_variance_after_relu(fan_in, fan_out, activation):
    """Keeps the variance of the signal, mean taken off, instead of its mean square."""
    slope = {"linear": 1.0, "relu": 0.0, "leaky": 0.1}[activation]
    share = (1 + slope**2) / 2 - (1 - slope) ** 2 / (2 * math.pi)
    return math.sqrt(1 / (share * fan_in))


def wrong_he_for_all(fan_in, fan_out, activation):
    """2 / fan_in for each activation, linear and leaky too."""
    return math.sqrt(2 / fan_in)


def wrong_linear_doubled(fan_in, fan_out, activation):
    """Right for both ReLUs; the linear layer gets the half of a ReLU as well."""
    slope = 0.1 if activation == "leaky" else 0.0
    return math.sqrt(2 / ((1 + slope**2) * fan_in))


def wrong_float32_inside(fan_in, fan_out, activation):
    """A float32 tensor computes the root: seven digits."""
    share = {"linear": 1.0, "relu": 0.5, "leaky": 0.505}[activation]
    return torch.tensor(1 / (share * fan_in)).sqrt().item()


def wrong_rounded(fan_in, fan_out, activation):
    """Rounded to six places."""
    share = {"linear": 1.0, "relu": 0.5, "leaky": 0.505}[activation]
    return round(math.sqrt(1 / (share * fan_in)), 6)


def wrong_tensor(fan_in, fan_out, activation):
    """A tensor, not a Python float."""
    slope = {"linear": 1.0, "relu": 0.0, "leaky": 0.1}[activation]
    return torch.tensor(2 / ((1 + slope**2) * fan_in), dtype=torch.float64).sqrt()


def wrong_uniform_bound_of_fan_out(fan_in, fan_out, activation):
    """Two mistakes: the bound of a uniform distribution, and the outputs in place of the inputs."""
    share = {"linear": 1.0, "relu": 0.5, "leaky": 0.505}[activation]
    return math.sqrt(3 / (share * fan_out))


def right_table(fan_in, fan_out, activation):
    """Shares of the mean square that the activations leave."""
    return {"linear": 1.0, "relu": 2.0, "leaky": 2 / 1.01}[activation] ** 0.5 / fan_in**0.5


def right_gain(fan_in, fan_out, activation):
    """PyTorch's gains."""
    gain = torch.nn.init.calculate_gain("leaky_relu" if activation == "leaky" else activation, 0.1)
    return gain / math.sqrt(fan_in)


def right_half_of_each_side(fan_in, fan_out, activation):
    """Half the mean square comes from each side; the activation is evaluated at 1 and -1."""
    f = {"linear": lambda z: z, "relu": lambda z: max(z, 0.0), "leaky": lambda z: z if z > 0 else 0.1 * z}
    after = (f[activation](1.0) ** 2 + f[activation](-1.0) ** 2) / 2
    return math.exp(-0.5 * (math.log(after) + math.log(fan_in)))


def right_kaiming_by_hypot(fan_in, fan_out, activation):
    """sqrt(2) over the length of (1, slope) times the root of fan_in, float() of NumPy's number."""
    slope = {"linear": 1.0, "relu": 0.0, "leaky": 0.1}[activation]
    return float(np.sqrt(2) / (np.hypot(1.0, slope) * np.sqrt(np.float64(fan_in))))


def open_numpy_float(fan_in, fan_out, activation):
    """Open: a NumPy float64, which is a subclass of Python's float."""
    slope = {"linear": 1.0, "relu": 0.0, "leaky": 0.1}[activation]
    return np.sqrt(2 / ((1 + slope**2) * fan_in))

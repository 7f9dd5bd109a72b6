"""Chapter 0, exercise: how widely a layer's weights are drawn at first, He et al. (2015), "Delving Deep into
Rectifiers", section 2.2."""

import math

import torch
from torch.nn import init

from course.exercises.engine import Exercise, Misconception


def my_weight_std(fan_in, fan_out, activation):
    """The standard deviation of a layer's first weights, a float. fan_in, fan_out: the numbers of its inputs
    and outputs; activation: "linear", "relu" or "leaky", applied to the outputs."""
    raise NotImplementedError


def solve_weight_std(fan_in, fan_out, activation):
    """The standard deviation of a layer's first weights, a float. fan_in, fan_out: the numbers of its inputs
    and outputs; activation: "linear", "relu" or "leaky", applied to the outputs."""
    slope = {"linear": 1.0, "relu": 0.0, "leaky": 0.1}[activation]  # below 0; above 0 it is 1
    kept = (1 + slope**2) / 2  # of the mean square: half of it lies on each side of 0
    # An output adds up fan_in terms, each of the mean square std^2 times that of the inputs.
    return math.sqrt(1 / (kept * fan_in))


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


def by_pytorch(fan_in, fan_out, activation):
    """The same by the gains of `torch.nn.init`."""
    name = {"linear": "linear", "relu": "relu", "leaky": "leaky_relu"}[activation]
    return init.calculate_gain(name, 0.1) / math.sqrt(fan_in)


GAINS = {"linear": 1.0, "relu": math.sqrt(2), "leaky": math.sqrt(2 / 1.01)}
RELU_VARIANCE = 0.5 - 0.5 / math.pi  # of the ReLU of a standard normal number


def gained(name, diagnosis, **gains):
    """A misconception: other gains for some activations."""
    return Misconception(
        name, diagnosis, lambda fan_in, fan_out, a: {**GAINS, **gains}[a] / math.sqrt(fan_in)
    )


def finished(name, diagnosis, finish):
    """A misconception: another function of the gain and the two numbers."""
    return Misconception(name, diagnosis, lambda fan_in, fan_out, a: finish(GAINS[a], fan_in, fan_out))


def wide_layer(rng):
    """One valid case; sizes from 1 to some thousands."""
    sizes = (int(10 ** rng.uniform(0, 3.7)) for _ in range(2))
    return *sizes, rng.choice(("linear", "relu", "leaky"))


weight_std = Exercise(
    name="weight_std",
    title="how large are the first weights?",
    difficulty="medium",
    minutes=15,
    task="""
        A layer computes $f(Wx)$: `fan_in` inputs, `fan_out` outputs, no bias, and $f$ one of

        - `"linear"`: $f(z) = z$
        - `"relu"`: $f(z) = \\max(z, 0)$
        - `"leaky"`: $f(z) = z$ for $z > 0$, else $0.1\\,z$

        The weights are drawn independently of each other and of $x$, with mean 0. Which standard deviation
        must they have, so that the mean square of the signal is the same after the layer as before it, going
        forward (He et al. 2015)? Take $z = Wx$ to be symmetric about 0. Return a float.

        By hand first: eight inputs, each of mean square 1, and a ReLU. Which standard deviation?
    """,
    stub_function=my_weight_std,
    reference=by_pytorch,
    cases=lambda rng: [
        (8, 3, "relu"),  # by hand: 1/2
        (4, 9, "linear"),  # 1/2
        (1, 5, "relu"),
        (1, 1, "linear"),
        (7, 1, "leaky"),
        (784, 100, "relu"),
        (100, 784, "linear"),
        (100, 10, "leaky"),
        (256, 256, "relu"),  # square: whose number it is does not matter
        (4096, 1000, "leaky"),
        *(wide_layer(rng) for _ in range(6)),
    ],
    wide=wide_layer,
    hints=(
        "Each element of $Wx$ is a sum of `fan_in` products. What is the mean of its square, if the weights "
        "have mean 0 and do not depend on each other or on $x$?",
        "The mean square of $Wx$ is fan_in times std² times that of $x$. Of a symmetric $z = Wx$ half the "
        "mean square lies above 0 and half below: how much of it does each $f$ let through?",
        "$f$ lets through k = 1, 1/2 and (1 + 0.1²)/2. Solve k · fan_in · std² = 1: "
        "`math.sqrt(1 / (k * fan_in))`.",
    ),
    solution_function=solve_weight_std,
    alternatives=(std_by_gain, std_by_halves, std_by_growth),
    misconceptions=(
        finished(
            "variance",
            "This is the variance of the weights: the standard deviation is its root.",
            lambda gain, fan_in, fan_out: gain**2 / fan_in,
        ),
        finished(
            "root_of_the_inputs_left_out",
            "You divide by fan_in: a sum of independent terms grows with the root of their number, so divide "
            "by its root.",
            lambda gain, fan_in, fan_out: gain / fan_in,
        ),
        finished(
            "fan_out",
            "You count the outputs, which keeps the gradient's size on the way back: forward, each sum has "
            "fan_in terms.",
            lambda gain, fan_in, fan_out: gain / math.sqrt(fan_out),
        ),
        finished(
            "mean_of_both",
            "You take the mean of fan_in and fan_out, a compromise between the two directions: forward alone "
            "fan_in counts.",
            lambda gain, fan_in, fan_out: gain * math.sqrt(2 / (fan_in + fan_out)),
        ),
        finished(
            "glorot",
            "This is the rule of Glorot and Bengio (2010), for both directions and a linear f: here only "
            "forward counts, and f's loss is made good.",
            lambda gain, fan_in, fan_out: math.sqrt(2 / (fan_in + fan_out)),
        ),
        finished(
            "activation_ignored",
            "You treat each layer as linear: a ReLU loses half the mean square, and after twenty layers a "
            "millionth is left.",
            lambda gain, fan_in, fan_out: 1 / math.sqrt(fan_in),
        ),
        finished(
            "relu_for_all",
            "You treat each layer as a ReLU: a linear one loses nothing, and its signal would double at "
            "every layer.",
            lambda gain, fan_in, fan_out: math.sqrt(2 / fan_in),
        ),
        finished(
            "gain_squared",
            "You take the root of fan_in alone: what f loses is a share of the mean square, so the root "
            "covers it too.",
            lambda gain, fan_in, fan_out: gain**2 / math.sqrt(fan_in),
        ),
        finished(
            "gain_upside_down",
            "You multiply by the share that f keeps: divide by it, to make the loss good.",
            lambda gain, fan_in, fan_out: 1 / (gain * math.sqrt(fan_in)),
        ),
        finished(
            "bound_of_the_uniform",
            "This is the bound of a uniform distribution, √3 times its standard deviation.",
            lambda gain, fan_in, fan_out: gain * math.sqrt(3 / fan_in),
        ),
        finished(
            "pytorchs_default",
            "This is what `nn.Linear` starts with, uniform within ±1/√fan_in: its mean square does not keep "
            "the signal's size, for any of the three.",
            lambda gain, fan_in, fan_out: 1 / math.sqrt(3 * fan_in),
        ),
        gained(
            "leaky_as_relu", "You let a leaky unit lose all below 0: it keeps 0.1² of that.", leaky=2**0.5
        ),
        gained(
            "leaky_as_linear",
            "You let a leaky unit keep all: below 0 it keeps 0.1² of the mean square.",
            leaky=1.0,
        ),
        gained(
            "leak_not_squared",
            "A slope of 0.1 multiplies the signal, so 0.1² multiplies its square.",
            leaky=math.sqrt(2 / 1.1),
        ),
        gained(
            "share_of_the_leak_not_halved",
            "You add the whole of 0.1² to ½: only half the mean square lies below 0, so half of 0.1².",
            leaky=math.sqrt(1 / 0.51),
        ),
        gained(
            "variance_of_a_normal_signal",
            "You keep the variance of a normal signal: f's output has no mean of 0, and the next layer's sum "
            "depends on its mean square.",
            relu=RELU_VARIANCE**-0.5,
            leaky=(0.505 - 0.405 / math.pi) ** -0.5,
        ),
    ),
)

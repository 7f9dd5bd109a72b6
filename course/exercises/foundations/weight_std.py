"""Chapter 0: how widely a layer's weights are drawn at first, He et al. (2015), "Delving Deep into
Rectifiers", section 2.2."""

import math

from torch.nn import init

from course.exercises.engine import Exercise


def my_weight_std(fan_in, fan_out, activation):
    """The standard deviation of a layer's first weights, a float. fan_in, fan_out: the numbers of its inputs
    and outputs; activation: "linear", "relu" or "leaky", applied to the outputs."""
    slope = {"linear": 1.0, "relu": 0.0, "leaky": 0.1}[activation]  # below 0; above 0 it is 1
    kept = (1 + slope**2) / 2  # of the mean square: half of it lies on each side of 0
    # An output adds up fan_in terms, each of the mean square std^2 times that of the inputs.
    return math.sqrt(1 / (kept * fan_in))


def by_pytorch(fan_in, fan_out, activation):
    """The same by the gains of `torch.nn.init`."""
    name = "leaky_relu" if activation == "leaky" else activation
    return init.calculate_gain(name, 0.1) / math.sqrt(fan_in)


def some_thousands(rng):
    """A size from 1 to some thousands."""
    return int(10 ** rng.uniform(0, 3.7))


weight_std = Exercise(
    my_weight_std,
    reference=by_pytorch,
    draw=lambda rng, fan_in, fan_out, activation: (fan_in, fan_out, activation),
    by_hand=[
        (8, 3, "relu"),  # 1/2
        (4, 9, "linear"),  # 1/2
        (1, 5, "relu"),
        (1, 1, "linear"),
        (7, 1, "leaky"),
        (784, 100, "relu"),
        (100, 784, "linear"),
        (100, 10, "leaky"),
        (256, 256, "relu"),  # square: whose number it is does not matter
        (4096, 1000, "leaky"),
        (100_000, 3, "relu"),
    ],
    spans=dict(fan_in=some_thousands, fan_out=some_thousands, activation=["linear", "relu", "leaky"]),
    hints="""
        Each element of $Wx$ is a sum of `fan_in` products. What is the mean of its square, if the weights
        have mean 0 and do not depend on each other or on $x$?

        The mean square of $Wx$ is fan_in times std² times that of $x$. Of a symmetric $z = Wx$ half the mean
        square lies above 0 and half below: how much of it does each $f$ let through?

        This is the line itself. $f$ lets through k = 1, 1/2 and (1 + 0.1²)/2. Solve k · fan_in · std² = 1:
        `math.sqrt(1 / (k * fan_in))`.
    """,
    special="""
        one_input: fan_in == 1
            Right but for one input: a standard deviation may be above 1, and nothing need be added below.
        odd_fan_in: fan_in % 2 and activation != "linear"
            Right but for an odd fan_in: `//` drops the half.
    """,
    wrong="""
        root_of_the_inputs_left_out: math.sqrt(1 / (kept * fan_in)) → math.sqrt(1 / kept) / fan_in
            You divide by fan_in: a sum of independent terms grows with the root of their number, so divide by
            its root.
        fan_out: kept * fan_in → kept * fan_out
            You count the outputs, which keeps the gradient's size on the way back: forward, each sum has
            fan_in terms.
        geometric_mean: kept * fan_in → kept * (fan_in * fan_out) ** 0.5
        mean_of_both: kept * fan_in → kept * (fan_in + fan_out) / 2
            You take the mean of fan_in and fan_out, a compromise between the two directions: forward alone
            fan_in counts.
        glorot: 1 / (kept * fan_in) → 2 / (fan_in + fan_out)
            This is the rule of Glorot and Bengio (2010), for both directions and a linear f: here only
            forward counts, and f's loss is made good.
        activation_ignored: kept * fan_in → fan_in
            You treat each layer as linear: a ReLU loses half the mean square, and after twenty layers a
            millionth is left.
        relu_for_all: 1 / (kept * fan_in) → 2 / fan_in
            You treat each layer as a ReLU: a linear one loses nothing, and its signal would double at every
            layer.
        gain_squared: math.sqrt(1 / (kept * fan_in)) → 1 / (kept * math.sqrt(fan_in))
            You take the root of fan_in alone: what f loses is a share of the mean square, so the root covers
            it too.
        gain_upside_down: 1 / (kept * fan_in) → kept / fan_in
            You multiply by the share that f keeps: divide by it, to make the loss good.
        bound_of_the_uniform: 1 / (kept * fan_in) → 3 / (kept * fan_in)
            This is the bound of a uniform distribution, √3 times its standard deviation.
        pytorchs_default: kept * fan_in → 3 * fan_in
            This is what `nn.Linear` starts with, uniform within ±1/√fan_in: its mean square does not keep the
            signal's size, for any of the three.
        leak_of_pytorch: "leaky": 0.1 → "leaky": 0.01
            The slope below 0 is 0.1 here, not the 0.01 that PyTorch's leaky ReLU has by default.
        one_input_less: kept * fan_in → kept * max(fan_in - 1, 1)
            You count one input less, as for an estimated variance: each sum has fan_in terms.
        leaky_as_relu: "leaky": 0.1 → "leaky": 0.0
            You let a leaky unit lose all below 0: it keeps 0.1² of that.
        leaky_as_linear: "leaky": 0.1 → "leaky": 1.0
            You let a leaky unit keep all: below 0 it keeps 0.1² of the mean square.
        share_of_the_leak_not_halved: (1 + slope**2) / 2 → min(0.5 + slope**2, 1)
            You add the whole of 0.1² to ½: only half the mean square lies below 0, so half of 0.1².
        variance_of_a_normal_signal: slope**2) / 2 → slope**2) / 2 - (1 - slope) ** 2 / (2 * math.pi)
            You keep the variance of a normal signal: f's output has no mean of 0, and the next layer's sum
            depends on its mean square.
    """,
)

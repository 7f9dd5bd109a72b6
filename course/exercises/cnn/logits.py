"""Chapter 1, exercise: find the bug, a ReLU on the logits."""

import torch
import torch.nn.functional as F

from course.exercises.draw import normal
from course.exercises.engine import Exercise, Misconception


def my_logits(features, weight, bias):
    """Logits (B, K) for the cross-entropy, from features (B, D), weight (K, D) and bias (K,)."""
    return F.relu(F.linear(features, weight, bias))


def solve_logits(features, weight, bias):
    """Logits (B, K) for the cross-entropy, from features (B, D), weight (K, D) and bias (K,)."""
    return F.linear(features, weight, bias)  # any number: the softmax inside the loss makes it positive


def logits_by_class(features, weight, bias):
    """The same, one class at a time."""
    columns = []
    for k in range(weight.shape[0]):
        columns.append((features * weight[k]).sum(dim=1) + bias[k])
    return torch.stack(columns, dim=1)


def logits_by_feature(features, weight, bias):
    """The same, summing over the features one by one."""
    total = bias + torch.zeros(features.shape[0], 1, dtype=features.dtype)
    for i in range(weight.shape[1]):
        total = total + features[:, i, None] * weight[:, i]
    return total


def wide_logits(rng):
    """One case: a few examples, features and classes, of small and large values."""
    n, d, classes = rng.randint(1, 5), rng.randint(1, 6), rng.randint(2, 6)
    return logits_case(
        rng, n, d, classes, rng.choice((torch.float32, torch.float64)), 10 ** rng.uniform(-1, 2)
    )


def logits_case(rng, n, d, classes, dtype=torch.float64, scale=1.0):
    """A case of n examples with d features; bias and weights as large as each other."""
    features = normal(rng, n, d, dtype=dtype, scale=scale)
    return features, normal(rng, classes, d, dtype=dtype), normal(rng, classes, dtype=dtype)


def wrong(name, diagnosis, activation):
    """A misconception that puts an activation on the logits."""
    return Misconception(
        name, diagnosis, lambda features, weight, bias: activation(F.linear(features, weight, bias))
    )


dead_logits = Exercise(
    name="dead_logits",
    title="find the bug in a classifier's last layer",
    difficulty="easy",
    minutes=10,
    task="""
        The function below makes the logits of ten classes, and `F.cross_entropy` is its loss. It runs, and
        the net learns, but worse than it should. In some runs a whole class dies: the loss on its
        images stays at 2.303 or above for good, and the gradient for its row of `weight` is exactly 0, while
        the other classes go on learning. Find the bug and mend it.

        Before you look: which loss has a net that gives all ten classes the same logit?
    """,
    stub_function=my_logits,
    reference=lambda features, weight, bias: (
        (features.double()[:, None] * weight.double()).sum(-1) + bias.double()
    ).to(features.dtype),
    cases=lambda rng: [
        (
            torch.tensor([[1.0, -2.0]], dtype=torch.float64),
            torch.tensor([[1.0, 1.0], [3.0, 0.5]], dtype=torch.float64),
            torch.tensor([0.0, -0.5], dtype=torch.float64),
        ),
        (
            torch.tensor([[2.0], [-1.0]], dtype=torch.float64),
            torch.tensor([[-3.0], [1.0], [0.0]], dtype=torch.float64),
            torch.tensor([-1.0, 0.25, -2.0], dtype=torch.float64),
        ),
        logits_case(rng, 1, 3, 2),
        logits_case(rng, 4, 4, 4),
        logits_case(rng, 5, 6, 10),
        logits_case(rng, 3, 2, 5, torch.float32),
        logits_case(rng, 2, 3, 4, torch.float64, 1000.0),
        *(wide_logits(rng) for _ in range(6)),
    ],
    wide=wide_logits,
    gradients=True,
    hints=(
        "The cross-entropy of equal logits is ln 10 = 2.303. Which logit belongs to a class that the net "
        "thinks unlikely, and which logits can it not get?",
        "With the ReLU, a class that is thought unlikely has a logit of 0 at least. Its gradient is then 0: "
        "if that happens on every image, nothing can bring the class back.",
        "Logits may be any number; the softmax inside the loss makes them positive. Delete the ReLU.",
    ),
    solution_function=solve_logits,
    alternatives=(
        logits_by_class,
        logits_by_feature,
        F.linear,
        lambda features, weight, bias: features @ weight.T + bias,
    ),
    misconceptions=(
        wrong("relu_on_logits", "The ReLU is still there: logits may be negative, leave them.", F.relu),
        *(
            wrong(
                f"leaky_relu_{slope}",
                "A leaky ReLU keeps the class alive, but still squeezes negative logits. Nothing belongs "
                "between the last linear layer and the cross-entropy.",
                lambda z, slope=slope: F.leaky_relu(z, slope),
            )
            for slope in (0.01, 0.1, 0.2)
        ),
        wrong(
            "softplus_on_logits",
            "Softplus keeps the class alive, but cuts negative logits off at 0 all the same: logits may be "
            "any number, so leave them as they are.",
            F.softplus,
        ),
        *(
            wrong(
                f"{activation.__name__}_on_logits",
                "A smooth activation in place of the ReLU still bounds the logits below. Nothing belongs "
                "between the last linear layer and the cross-entropy.",
                activation,
            )
            for activation in (F.elu, F.gelu, F.silu)
        ),
        wrong(
            "sigmoid_on_logits",
            "A sigmoid squeezes the logits into 0 to 1: the classes then differ by less than 1. Leave them "
            "as they are.",
            torch.sigmoid,
        ),
        wrong(
            "tanh_on_logits",
            "tanh squeezes the logits into -1 to 1: the classes then differ by less than 2. Leave them as "
            "they are.",
            torch.tanh,
        ),
        wrong(
            "softmax_on_logits",
            "F.cross_entropy applies log-softmax itself: with yours it is applied twice, and the loss cannot "
            "go to 0.",
            lambda z: torch.softmax(z, dim=1),
        ),
        wrong(
            "log_softmax_on_logits",
            "These are log-probabilities. F.cross_entropy gives the same loss for them, but it applies "
            "log-softmax itself: yours is one too many. Return the logits.",
            lambda z: torch.log_softmax(z, dim=1),
        ),
        wrong(
            "absolute_logits", "Taking magnitudes makes an unlikely class likely: keep the sign.", torch.abs
        ),
        Misconception(
            "relu_on_features",
            "You moved the ReLU to the features: what they are is the earlier layers' business. Delete it.",
            lambda features, weight, bias: F.linear(F.relu(features), weight, bias),
        ),
        Misconception(
            "bias_forgotten",
            "The ReLU is gone, and so is the bias: keep it.",
            lambda features, weight, bias: F.linear(features, weight),
        ),
        Misconception(
            "weight_not_transposed",
            "weight is (K, D), so the product is features @ weight.T, as F.linear does it.",
            lambda features, weight, bias: features @ weight + bias,
        ),
    ),
)

"""Chapter 1: find the bug, a ReLU on the logits."""

import torch
import torch.nn.functional as F
from course.exercises.cases import normal
from course.exercises.engine import Exercise


def my_logits(features, weight, bias):
    """Logits (B, K) for the cross-entropy, from features (B, D), weight (K, D) and bias (K,)."""
    return F.linear(features, weight, bias)  # any number: the softmax inside the loss makes it positive


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


dead_logits = Exercise(
    my_logits,
    reference=lambda features, weight, bias: (
        (features.double()[:, None] * weight.double()).sum(-1) + bias.double()
    ).to(features.dtype),
    gradients=True,
    # OLD wide=wide_logits
    # OLD cases:
    # lambda rng: [
    #         (
    #             torch.tensor([[1.0, -2.0]], dtype=torch.float64),
    #             torch.tensor([[1.0, 1.0], [3.0, 0.5]], dtype=torch.float64),
    #             torch.tensor([0.0, -0.5], dtype=torch.float64),
    #         ),
    #         (
    #             torch.tensor([[2.0], [-1.0]], dtype=torch.float64),
    #             torch.tensor([[-3.0], [1.0], [0.0]], dtype=torch.float64),
    #             torch.tensor([-1.0, 0.25, -2.0], dtype=torch.float64),
    #         ),
    #         logits_case(rng, 1, 3, 2),
    #         logits_case(rng, 4, 4, 4),
    #         logits_case(rng, 5, 6, 10),
    #         logits_case(rng, 3, 2, 5, torch.float32),
    #         logits_case(rng, 2, 3, 4, torch.float64, 1000.0),
    #         *(wide_logits(rng) for _ in range(6)),
    #     ]
    by_hand=(),
    draw=None,
    sizes=[],
    spans={},
    bug="""
        bug: SOLUTION → STUB
    """,
    hints="""
        The cross-entropy of equal logits is ln 10 = 2.303. Which logit belongs to a class that the net thinks
        unlikely, and which logits can it not get?

        With the ReLU, a class that is thought unlikely has a logit of 0 at least. Its gradient is then 0: if
        that happens on every image, nothing can bring the class back.

        Logits may be any number; the softmax inside the loss makes them positive. Delete the ReLU.
    """,
    wrong="""
        relu_on_logits: OLD → NEW
            The ReLU is still there: logits may be negative, leave them.
        leaky_relu_0.01: OLD → NEW
            A leaky ReLU keeps the class alive, but still squeezes negative logits. Nothing belongs between
            the last linear layer and the cross-entropy.
        leaky_relu_0.1: OLD → NEW
            A leaky ReLU keeps the class alive, but still squeezes negative logits. Nothing belongs between
            the last linear layer and the cross-entropy.
        leaky_relu_0.2: OLD → NEW
            A leaky ReLU keeps the class alive, but still squeezes negative logits. Nothing belongs between
            the last linear layer and the cross-entropy.
        softplus_on_logits: OLD → NEW
            Softplus keeps the class alive, but cuts negative logits off at 0 all the same: logits may be any
            number, so leave them as they are.
        elu_on_logits: OLD → NEW
            A smooth activation in place of the ReLU still bounds the logits below. Nothing belongs between
            the last linear layer and the cross-entropy.
        gelu_on_logits: OLD → NEW
            A smooth activation in place of the ReLU still bounds the logits below. Nothing belongs between
            the last linear layer and the cross-entropy.
        silu_on_logits: OLD → NEW
            A smooth activation in place of the ReLU still bounds the logits below. Nothing belongs between
            the last linear layer and the cross-entropy.
        sigmoid_on_logits: OLD → NEW
            A sigmoid squeezes the logits into 0 to 1: the classes then differ by less than 1. Leave them as
            they are.
        tanh_on_logits: OLD → NEW
            tanh squeezes the logits into -1 to 1: the classes then differ by less than 2. Leave them as they
            are.
        softmax_on_logits: OLD → NEW
            F.cross_entropy applies log-softmax itself: with yours it is applied twice, and the loss cannot go
            to 0.
        log_softmax_on_logits: OLD → NEW
            These are log-probabilities. F.cross_entropy gives the same loss for them, but it applies
            log-softmax itself: yours is one too many. Return the logits.
        absolute_logits: OLD → NEW
            Taking magnitudes makes an unlikely class likely: keep the sign.
        relu_on_features: OLD → NEW
            You moved the ReLU to the features: what they are is the earlier layers' business. Delete it.
        bias_forgotten: OLD → NEW
            The ReLU is gone, and so is the bias: keep it.
        weight_not_transposed: OLD → NEW
            weight is (K, D), so the product is features @ weight.T, as F.linear does it.
    """,
)

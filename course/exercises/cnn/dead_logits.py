"""Chapter 1: find the bug, a ReLU on the logits."""

import torch
import torch.nn.functional as F

from course.exercises.cases import tensors
from course.exercises.engine import Exercise


def my_logits(features, weight, bias):
    """Logits (B, K) for the cross-entropy, from features (B, D), weight (K, D) and bias (K,)."""
    logits = F.linear(features, weight, bias)
    return logits  # any number: the softmax inside the loss makes it positive


def draw(rng, B, D, K, scale=1.0, dtype=torch.float64):
    """A case; bias and weights are as large as each other, `scale` multiplies the features."""
    features, weight, bias = tensors(rng, "BD KD K", dtype, B=B, D=D, K=K)
    return scale * features, weight, bias


dead_logits = Exercise(
    my_logits,
    reference=lambda features, weight, bias: (
        (features.double()[:, None] * weight.double()).sum(-1) + bias.double()
    ).to(features.dtype),
    gradients=True,
    by_hand=[
        ([[1.0, -2.0]], [[1.0, 1.0], [3.0, 0.5]], [0.0, -0.5]),
        ([[2.0], [-1.0]], [[-3.0], [1.0], [0.0]], [-1.0, 0.25, -2.0]),
        ([[1.0, -1.0], [2.0, 0.5]], [[2.0, 2.0], [0.0, 0.0]], [0.0, 0.0]),  # logits of 0
        ([[5e5]], [[1.9], [-1.9]], [0.0, 0.0]),
    ],
    draw=draw,
    sizes=[
        dict(B=1, D=3, K=2),
        dict(B=4, D=4, K=4),
        dict(B=5, D=6, K=10),
        dict(B=3, D=2, K=5, dtype=torch.float32),
        dict(B=2, D=3, K=4, scale=1000.0),
        dict(B=3, D=2, K=5, scale=1e5),
        dict(B=2, D=2, K=12),
        dict(B=2, D=2, K=60),
        dict(B=40, D=2, K=3),
        dict(B=2, D=30, K=3),
        dict(B=1, D=1, K=1, dtype=torch.float32),
    ],
    spans=dict(B=(1, 5), D=(1, 6), K=(2, 6), scale=lambda rng: 10 ** rng.uniform(-1, 2)),
    bug="""
        bug: logits = F.linear(features, weight, bias) → return F.relu(F.linear(features, weight, bias))
        and: return logits → nothing
    """,
    hints="""
        The cross-entropy of equal logits is ln 10 = 2.303. Which logit belongs to a class that the net thinks
        unlikely, and which logits can it not get?

        With the ReLU, a class that is thought unlikely has a logit of 0 at least. Its gradient is then 0: if
        that happens on every image, nothing can bring the class back.

        Logits may be any number; the softmax inside the loss makes them positive. This is the cure itself:
        delete the ReLU.
    """,
    special="""
        zero_logits: (features @ weight.T + bias == 0).any()
            Your function is right but where a logit is 0: the slope is 1 there too, and no ReLU has it.
        large_logits: features.abs().max() > 10
            Your function is right for moderate logits alone: is a number clamped, or does exp overflow?
        ten_classes: len(weight) != 10
            Your function is right for ten classes alone: weight has a row for each class.
        more_than_ten: len(weight) > 10
            Your function is right for up to ten classes alone: weight has a row for each class.
        several_examples: len(features) > 1
            Your function is right for one example: each row of features gives a row of logits.
    """,
    wrong="""
        bias_outside_the_relu: return logits → return F.relu(logits - bias) + bias
            You took the bias out of the ReLU and left the ReLU: nothing belongs after the linear layer.
        floor_of_{}: return logits → return logits.clamp(min={})
        for: -1, -10
            You lowered the floor under the logits: they may be any number.
        shifted_by_the_largest: return logits → return logits - logits.max(1, keepdim=True).values.detach()
        centred: return logits → return logits - logits.mean(1, keepdim=True)
            These logits have the same loss, but they are shifted: return those of the linear layer.
        relu_on_logits: return logits → return F.relu(logits)
            The ReLU is still there: logits may be negative, leave them.
        leaky_relu_{}: return logits → return F.leaky_relu(logits, {})
        for: 0.01, 0.1, 0.2
            A leaky ReLU keeps the class alive, but still squeezes negative logits. Nothing belongs between
            the last linear layer and the cross-entropy.
        softplus_on_logits: return logits → return F.softplus(logits)
        elu_on_logits: return logits → return F.elu(logits)
        gelu_on_logits: return logits → return F.gelu(logits)
        silu_on_logits: return logits → return F.silu(logits)
            A smooth activation in place of the ReLU still bounds the logits below. Nothing belongs between
            the last linear layer and the cross-entropy.
        sigmoid_on_logits: return logits → return torch.sigmoid(logits)
        tanh_on_logits: return logits → return torch.tanh(logits)
            That squeezes the logits: the classes then differ by 2 at most. Leave them as they are.
        softmax_on_logits: return logits → return torch.softmax(logits, dim=1)
            F.cross_entropy applies log-softmax itself: with yours it is applied twice, and the loss cannot go
            to 0.
        log_softmax_on_logits: return logits → return torch.log_softmax(logits, dim=1)
            These are log-probabilities. F.cross_entropy gives the same loss for them, but it applies
            log-softmax itself: yours is one too many. Return the logits.
        relu_on_features: linear(features → linear(F.relu(features)
            You moved the ReLU to the features: what they are is the earlier layers' business. Delete it.
        bias_forgotten: F.linear(features, weight, bias) → F.linear(features, weight)
            The ReLU is gone, and so is the bias: keep it.
        weight_not_transposed: F.linear(features, weight, bias) → features @ weight + bias
            weight is (K, D), so the product is features @ weight.T, as F.linear does it.
    """,
)

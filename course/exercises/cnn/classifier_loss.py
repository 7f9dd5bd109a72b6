"""Chapter 1: find the bug, a softmax before the cross-entropy."""

import torch
import torch.nn.functional as F

from course.exercises.cases import normal
from course.exercises.engine import Exercise


def my_classifier_loss(logits, labels):
    """Mean cross-entropy in nats of logits (B, K) against class labels (B,)."""
    return F.cross_entropy(logits, labels)  # it applies log-softmax itself


def draw(rng, B, K, scale=1.0, dtype=torch.float64):
    """A case; `scale` multiplies the logits."""
    labels = torch.tensor([rng.randrange(K) for _ in range(B)])
    return normal(rng, B, K, dtype=dtype, scale=scale), labels


classifier_loss = Exercise(
    my_classifier_loss,
    reference=lambda logits, labels: (
        torch.logsumexp(logits.double(), 1).mean() - logits.double().gather(1, labels[:, None]).mean()
    ).to(logits.dtype),
    gradients=True,
    by_hand=[
        ([[2.0, 0.0, -1.0]], torch.tensor([0])),
        ([[1.0, 3.0], [-2.0, 0.5]], torch.tensor([1, 0])),
        ([[-3.0, -1.0, -2.0, -4.0], [-3.0, -1.0, -2.0, -4.0]], torch.tensor([3, 1])),
        (torch.tensor([[1000.0, -1000.0, 0.0]]), torch.tensor([0])),
        ([[800.0, -900.0, 0.0], [0.0, 0.0, 0.0]], torch.tensor([1, 2])),
        (torch.tensor([[-1e4, 1e4], [1e4, -1e4], [50.0, 0.0]]), torch.tensor([0, 1, 1])),
        ([[30.0, 0.0]], torch.tensor([0])),  # a loss of 1e-13
    ],
    draw=draw,
    sizes=[
        dict(B=7, K=10),
        dict(B=4, K=4),
        dict(B=5, K=3, dtype=torch.float32),
        dict(B=300, K=10),
        dict(B=3, K=12),
        dict(B=5, K=600),
        dict(B=1, K=1, dtype=torch.float32),
    ],
    spans=dict(B=(1, 5), K=(2, 6), scale=lambda rng: 10 ** rng.uniform(-2, 3)),
    bug="""
        bug: return F → probs = torch.softmax(logits, dim=1); return F
        and: F.cross_entropy(logits → F.cross_entropy(probs
    """,
    hints="""
        What does `F.cross_entropy` expect as its first argument, and what does it do to it? Its documentation
        says so in the first sentences.

        `F.cross_entropy` applies log-softmax itself. What does the softmax of values between 0 and 1 look
        like?

        This is the cure itself: give `F.cross_entropy` the logits: delete the softmax.
    """,
    special="""
        sure_and_right: (logits.logsumexp(1) - logits.gather(1, labels[:, None])[:, 0]).max() < 1e-6
            Your function is right but for a network that is sure and right, whose loss goes to 0: add no
            small number, set no least value. Use log_softmax, or F.cross_entropy, on the logits as they are.
        large_logits: logits.abs().max() > 20
            Your function is right for moderate logits alone: is a number clamped or replaced, or does an
            exponential overflow? Use log_softmax, or F.cross_entropy on the logits as they are.
        ten_classes: logits.shape[1] != 10
            Your function is right for ten classes alone: logits.shape[1] counts them.
        more_than_ten: logits.shape[1] > 10
            Your function is right for up to ten classes alone: logits.shape[1] counts them.
        several_examples: len(logits) > 1
            Your function is right for one example: take the mean over them, each with its own label alone, of
            which logits[:, labels] makes a table of all pairs.
    """,
    wrong="""
        label_smoothing: , labels)  # → , labels, label_smoothing=0.1)  #
            You smooth the labels: the loss of a sure and right network does then not go to 0.
        softmax_twice: F.cross_entropy(logits, → F.cross_entropy(logits.softmax(1),
            The softmax is still applied twice: F.cross_entropy takes logits and applies log-softmax itself.
        relu_on_logits: F.cross_entropy(logits, → F.cross_entropy(torch.relu(logits),
            You clip the logits at 0: a class whose logit is negative then gets no gradient. Use them as they
            are.
        sigmoid_on_logits: F.cross_entropy(logits, → F.cross_entropy(torch.sigmoid(logits),
            You squash the logits with a sigmoid: the classes then differ by less than 1. Use them as they
            are.
        no_logarithm: F.cross_entropy(logits, → F.nll_loss(logits.softmax(1),
            The logarithm is missing: F.nll_loss takes log-probabilities, and you give it probabilities.
        nll_of_logits: F.cross_entropy → F.nll_loss
            F.nll_loss only picks and averages: it takes log-probabilities, and you give it logits.
        log_of_softmax: F.cross_entropy(logits, → F.nll_loss(logits.softmax(1).log(),
            Right for moderate logits, infinite for extreme ones: the softmax underflows to 0 before its
            logarithm is taken. Take both in one step: log_softmax, or F.cross_entropy on the logits.
        epsilon_{}: F.cross_entropy(logits, → F.nll_loss((logits.softmax(1) + {}).log(),
        for: 1e-06, 1e-08, 1e-12
            You add a small number before the logarithm: the loss of a confident mistake is then capped, and
            its gradient is lost. Use log_softmax, or F.cross_entropy on the logits: they need none.
        sum_for_mean: , labels)  # → , labels, reduction="sum")  #
            You sum over the batch: the mean was asked for, which does not grow with the batch.
        no_reduction: , labels)  # → , labels, reduction="none")  #
            You return one loss for each example: take their mean.
        mean_over_classes: , labels)  # → , labels) / logits.shape[1]  #
            You average over the classes as well, so the loss is K times too small: sum over classes, average
            over the batch.
        softmax_over_the_batch: F.cross_entropy(logits, → F.nll_loss(logits.log_softmax(0),
            Your softmax runs over the batch (dim=0): the probabilities of one example's classes must sum to
            1, so it runs over dim=1.
    """,
)

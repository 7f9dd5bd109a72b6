"""Chapter 1: find the bug, a softmax before the cross-entropy."""

import torch
import torch.nn.functional as F
from course.exercises.cases import normal
from course.exercises.engine import Exercise


def my_classifier_loss(logits, labels):
    """Mean cross-entropy in nats of logits (B, K) against class labels (B,)."""
    return F.cross_entropy(logits, labels)  # it applies log-softmax itself


def wide_classifier_loss(rng):
    """One case: a few examples and classes, logits from tiny to extreme."""
    n, classes = rng.randint(1, 5), rng.randint(2, 6)
    labels = torch.tensor([rng.randrange(classes) for _ in range(n)])
    dtype = rng.choice((torch.float32, torch.float64))
    return normal(rng, n, classes, dtype=dtype, scale=10 ** rng.uniform(-2, 3)), labels


classifier_loss = Exercise(
    my_classifier_loss,
    reference=lambda logits, labels: (
        torch.logsumexp(logits.double(), 1).mean() - logits.double().gather(1, labels[:, None]).mean()
    ).to(logits.dtype),
    gradients=True,
    # OLD wide=wide_classifier_loss
    # OLD cases:
    # lambda rng: [
    #         (torch.tensor([[2.0, 0.0, -1.0]], dtype=torch.float64), torch.tensor([0])),
    #         (torch.tensor([[1.0, 3.0], [-2.0, 0.5]], dtype=torch.float64), torch.tensor([1, 0])),
    #         (torch.tensor([[-3.0, -1.0, -2.0, -4.0]] * 2, dtype=torch.float64), torch.tensor([3, 1])),
    #         (normal(rng, 7, 10), torch.tensor([3, 1, 4, 1, 5, 9, 2])),
    #         (normal(rng, 4, 4), torch.tensor([0, 3, 3, 1])),
    #         (normal(rng, 5, 3, dtype=torch.float32), torch.tensor([2, 2, 0, 1, 0])),
    #         (torch.tensor([[1000.0, -1000.0, 0.0]], dtype=torch.float32), torch.tensor([0])),
    #         (torch.tensor([[800.0, -900.0, 0.0], [0.0, 0.0, 0.0]], dtype=torch.float64), torch.tensor([1, 2])),
    #         (torch.tensor([[-1e4, 1e4], [1e4, -1e4], [50.0, 0.0]], dtype=torch.float32), torch.tensor([0, 0, 1])),
    #     ]
    by_hand=(),
    draw=None,
    sizes=[],
    spans={},
    bug="""
        bug: SOLUTION → STUB
    """,
    hints="""
        What does `F.cross_entropy` expect as its first argument, and what does it do to it? Its documentation
        says so in the first sentences.

        `F.cross_entropy` applies log-softmax itself. What does the softmax of values between 0 and 1 look
        like?

        Give `F.cross_entropy` the logits: delete the softmax.
    """,
    wrong="""
        softmax_twice: OLD → NEW
            The softmax is still applied twice: F.cross_entropy takes logits and applies log-softmax itself.
        relu_on_logits: OLD → NEW
            You clip the logits at 0: a class whose logit is negative then gets no gradient. Use them as they
            are.
        sigmoid_on_logits: OLD → NEW
            You squash the logits with a sigmoid: the classes then differ by less than 1. Use them as they
            are.
        no_logarithm: OLD → NEW
            The logarithm is missing: F.nll_loss takes log-probabilities, and you give it probabilities.
        nll_of_logits: OLD → NEW
            F.nll_loss only picks and averages: it takes log-probabilities, and you give it logits.
        log_of_softmax: OLD → NEW
            Right for moderate logits, infinite for extreme ones: the softmax underflows to 0 before its
            logarithm is taken. Take both in one step: log_softmax, or F.cross_entropy on the logits.
        exponentials_overflow: OLD → NEW
            Right for moderate logits, but exp overflows for large ones. Take the largest logit out first, as
            log_softmax, logsumexp and F.cross_entropy do.
        epsilon_1e-06: OLD → NEW
            You add a small number before the logarithm: the loss of a confident mistake is then capped, and
            its gradient is lost. Use log_softmax, or F.cross_entropy on the logits: they need none.
        epsilon_1e-07: OLD → NEW
            You add a small number before the logarithm: the loss of a confident mistake is then capped, and
            its gradient is lost. Use log_softmax, or F.cross_entropy on the logits: they need none.
        epsilon_1e-08: OLD → NEW
            You add a small number before the logarithm: the loss of a confident mistake is then capped, and
            its gradient is lost. Use log_softmax, or F.cross_entropy on the logits: they need none.
        epsilon_1e-09: OLD → NEW
            You add a small number before the logarithm: the loss of a confident mistake is then capped, and
            its gradient is lost. Use log_softmax, or F.cross_entropy on the logits: they need none.
        epsilon_1e-10: OLD → NEW
            You add a small number before the logarithm: the loss of a confident mistake is then capped, and
            its gradient is lost. Use log_softmax, or F.cross_entropy on the logits: they need none.
        epsilon_1e-12: OLD → NEW
            You add a small number before the logarithm: the loss of a confident mistake is then capped, and
            its gradient is lost. Use log_softmax, or F.cross_entropy on the logits: they need none.
        sum_for_mean: OLD → NEW
            You sum over the batch: the mean was asked for, which does not grow with the batch.
        no_reduction: OLD → NEW
            You return one loss for each example: take their mean.
        mean_over_classes: OLD → NEW
            You average over the classes as well, so the loss is K times too small: sum over classes, average
            over the batch.
        softmax_over_the_batch: OLD → NEW
            Your softmax runs over the batch (dim=0): the probabilities of one example's classes must sum to
            1, so it runs over dim=1.
        sign_forgotten: OLD → NEW
            The sign is wrong: the loss is minus the log-probability of the label.
    """,
)

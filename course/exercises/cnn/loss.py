"""Chapter 1, exercise: find the bug, a softmax before the cross-entropy."""

import torch
import torch.nn.functional as F

from course.exercises.draw import normal
from course.exercises.engine import Exercise, Misconception


def my_classifier_loss(logits, labels):
    """Mean cross-entropy in nats of logits (B, K) against class labels (B,)."""
    probs = torch.softmax(logits, dim=1)  # (B, K)
    return F.cross_entropy(probs, labels)


def solve_classifier_loss(logits, labels):
    """Mean cross-entropy in nats of logits (B, K) against class labels (B,)."""
    return F.cross_entropy(logits, labels)  # it applies log-softmax itself


def classifier_loss_by_log_sum_exp(logits, labels):
    """The same: log-sum-exp, the largest logit taken out, minus the label's logit."""
    largest = logits.max(dim=1, keepdim=True).values
    log_sum = (logits - largest).exp().sum(dim=1).log() + largest[:, 0]
    return (log_sum - logits[torch.arange(len(labels)), labels]).mean()


def wide_classifier_loss(rng):
    """One case: a few examples and classes, logits from tiny to extreme."""
    n, classes = rng.randint(1, 5), rng.randint(2, 6)
    labels = torch.tensor([rng.randrange(classes) for _ in range(n)])
    dtype = rng.choice((torch.float32, torch.float64))
    return normal(rng, n, classes, dtype=dtype, scale=10 ** rng.uniform(-2, 3)), labels


classifier_loss = Exercise(
    name="classifier_loss",
    title="find the bug in a classifier's loss",
    difficulty="easy",
    minutes=10,
    task="""
        A network ends in a linear layer and is trained with the loss below. It runs, the loss falls, and the
        accuracy rises, but slowly: even for a network that is always sure and always right, this loss of ten
        classes stays above 1.46 instead of going to 0. Find the bug and mend it, so that the function returns
        the mean cross-entropy and its gradient, for any finite logits, however large.
    """,
    stub_function=my_classifier_loss,
    reference=lambda logits, labels: (
        torch.logsumexp(logits.double(), 1).mean() - logits.double().gather(1, labels[:, None]).mean()
    ).to(logits.dtype),
    cases=lambda rng: [
        (torch.tensor([[2.0, 0.0, -1.0]], dtype=torch.float64), torch.tensor([0])),
        (torch.tensor([[1.0, 3.0], [-2.0, 0.5]], dtype=torch.float64), torch.tensor([1, 0])),
        (torch.tensor([[-3.0, -1.0, -2.0, -4.0]] * 2, dtype=torch.float64), torch.tensor([3, 1])),
        (normal(rng, 7, 10), torch.tensor([3, 1, 4, 1, 5, 9, 2])),
        (normal(rng, 4, 4), torch.tensor([0, 3, 3, 1])),
        (normal(rng, 5, 3, dtype=torch.float32), torch.tensor([2, 2, 0, 1, 0])),
        (torch.tensor([[1000.0, -1000.0, 0.0]], dtype=torch.float32), torch.tensor([0])),
        (torch.tensor([[800.0, -900.0, 0.0], [0.0, 0.0, 0.0]], dtype=torch.float64), torch.tensor([1, 2])),
        (torch.tensor([[-1e4, 1e4], [1e4, -1e4], [50.0, 0.0]], dtype=torch.float32), torch.tensor([0, 0, 1])),
    ],
    wide=wide_classifier_loss,
    gradients=True,
    hints=(
        "What does `F.cross_entropy` expect as its first argument, and what does it do to it? Its "
        "documentation says so in the first sentences.",
        "`F.cross_entropy` applies log-softmax itself. What does the softmax of values between 0 and 1 look "
        "like?",
        "Give `F.cross_entropy` the logits: delete the softmax.",
    ),
    solution_function=solve_classifier_loss,
    alternatives=(
        classifier_loss_by_log_sum_exp,
        F.cross_entropy,
        lambda logits, labels: F.nll_loss(torch.log_softmax(logits, dim=1), labels),
        lambda logits, labels: -torch.log_softmax(logits, dim=-1)[range(len(labels)), labels].mean(),
        lambda logits, labels: (
            (logits.logsumexp(1) - logits.gather(1, labels[:, None])[:, 0]).sum() / len(logits)
        ),
    ),
    misconceptions=(
        Misconception(
            "softmax_twice",
            "The softmax is still applied twice: F.cross_entropy takes logits and applies log-softmax "
            "itself.",
            lambda logits, labels: F.cross_entropy(torch.softmax(logits, dim=1), labels),
        ),
        Misconception(
            "relu_on_logits",
            "You clip the logits at 0: a class whose logit is negative then gets no gradient. Use them as "
            "they are.",
            lambda logits, labels: F.cross_entropy(torch.relu(logits), labels),
        ),
        Misconception(
            "sigmoid_on_logits",
            "You squash the logits with a sigmoid: the classes then differ by less than 1. Use them as they "
            "are.",
            lambda logits, labels: F.cross_entropy(torch.sigmoid(logits), labels),
        ),
        Misconception(
            "no_logarithm",
            "The logarithm is missing: F.nll_loss takes log-probabilities, and you give it probabilities.",
            lambda logits, labels: F.nll_loss(torch.softmax(logits, dim=1), labels),
        ),
        Misconception(
            "nll_of_logits",
            "F.nll_loss only picks and averages: it takes log-probabilities, and you give it logits.",
            lambda logits, labels: F.nll_loss(logits, labels),
        ),
        Misconception(
            "log_of_softmax",
            "Right for moderate logits, infinite for extreme ones: the softmax underflows to 0 before its "
            "logarithm is taken. Take both in one step: log_softmax, or F.cross_entropy on the logits.",
            lambda logits, labels: F.nll_loss(torch.softmax(logits, dim=1).log(), labels),
        ),
        Misconception(
            "exponentials_overflow",
            "Right for moderate logits, but exp overflows for large ones. Take the largest logit out first, "
            "as log_softmax, logsumexp and F.cross_entropy do.",
            lambda logits, labels: F.nll_loss(
                (logits.exp() / logits.exp().sum(1, keepdim=True)).log(), labels
            ),
        ),
        *(
            Misconception(
                f"epsilon_{epsilon:.0e}",
                "You add a small number before the logarithm: the loss of a confident mistake is then "
                "capped, and its gradient is lost. Use log_softmax, or F.cross_entropy on the logits: they "
                "need none.",
                lambda logits, labels, epsilon=epsilon: F.nll_loss(
                    (torch.softmax(logits, dim=1) + epsilon).log(), labels
                ),
            )
            for epsilon in (1e-6, 1e-7, 1e-8, 1e-9, 1e-10, 1e-12)
        ),
        Misconception(
            "sum_for_mean",
            "You sum over the batch: the mean was asked for, which does not grow with the batch.",
            lambda logits, labels: F.cross_entropy(logits, labels, reduction="sum"),
        ),
        Misconception(
            "no_reduction",
            "You return one loss for each example: take their mean.",
            lambda logits, labels: F.cross_entropy(logits, labels, reduction="none"),
        ),
        Misconception(
            "mean_over_classes",
            "You average over the classes as well, so the loss is K times too small: sum over classes, "
            "average over the batch.",
            lambda logits, labels: F.cross_entropy(logits, labels) / logits.shape[1],
        ),
        Misconception(
            "softmax_over_the_batch",
            "Your softmax runs over the batch (dim=0): the probabilities of one example's classes must sum "
            "to 1, so it runs over dim=1.",
            lambda logits, labels: F.nll_loss(torch.log_softmax(logits, dim=0), labels),
        ),
        Misconception(
            "sign_forgotten",
            "The sign is wrong: the loss is minus the log-probability of the label.",
            lambda logits, labels: -F.cross_entropy(logits, labels),
        ),
    ),
)

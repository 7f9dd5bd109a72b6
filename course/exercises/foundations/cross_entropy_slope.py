"""Chapter 0: the gradient of the mean cross-entropy with respect to the logits, Bishop (2006), "Pattern
Recognition and Machine Learning", section 4.3.4."""

import torch
import torch.nn.functional as F

from course.exercises.cases import normal
from course.exercises.engine import Exercise


def my_cross_entropy_slope(logits, labels):
    """The gradient of the mean cross-entropy, in nats, with respect to the logits, (B, K). logits (B, K);
    labels (B,), from 0 to K - 1."""
    slope = torch.softmax(logits, dim=1)  # a new tensor, finite for any logits
    slope[torch.arange(len(labels)), labels] -= 1
    return slope / len(labels)  # the loss is a mean


def by_autograd(logits, labels):
    """The same by autograd, in float64."""
    wide = logits.detach().double().requires_grad_()
    return torch.autograd.grad(F.cross_entropy(wide, labels), wide)[0].to(logits.dtype)


def draw(rng, B, K, scale=1.0, dtype=torch.float64):
    """A case; `scale` multiplies the logits."""
    labels = torch.tensor([rng.randrange(K) for _ in range(B)])
    return normal(rng, B, K, dtype=dtype, scale=scale), labels


cross_entropy_slope = Exercise(
    my_cross_entropy_slope,
    reference=by_autograd,
    draw=draw,
    by_hand=[
        ([[0.0, 0.0]], torch.tensor([0])),  # -1/2 and 1/2
        ([[1.0, -2.0, 0.5]], torch.tensor([2])),
        ([[2.0, 0.0, -1.0, 0.5], [-1.0, 3.0, 0.0, 1.0]], torch.tensor([3, 0])),  # both labels are unlikely
        ([[1.0, 1.0, 1.0], [1.0, 1.0, 1.0]], torch.tensor([1, 1])),  # ties
        (torch.tensor([[1e4, -1e4, 0.0], [-1e4, -1e4, -9999.0]]), torch.tensor([1, 0])),  # in float32
        ([[800.0, 799.0], [-900.0, -901.0], [0.0, 1e4]], torch.tensor([1, 1, 0])),
        ([[1e4, 9999.0, 9998.5], [0.3, -0.2, 0.5], [-30.0, 0.0, 30.0]], torch.tensor([1, 2, 0])),
        (torch.tensor([[1e4, 9999.0, -1e4], [0.25, -0.25, 0.5]]), torch.tensor([2, 0])),  # in float32
        ([[3.0], [-1.0]], torch.tensor([0, 0])),  # one class
    ],
    forbids="autograd: Write the gradient's formula down and compute it: it is shorter than the loss.",
    sizes=[
        dict(B=4, K=4),
        dict(B=7, K=3),
        dict(B=3, K=10, scale=3.0),
        dict(B=5, K=2, dtype=torch.float32),
        dict(B=40, K=300),
        dict(B=1200, K=2),
    ],
    spans=dict(B=(1, 5), K=(2, 6), scale=lambda rng: 10 ** rng.uniform(-2, 4)),
    hints="""
        Write one example's loss with ln(a/b) = ln a - ln b. Which of the two terms depends on all logits, and
        which on the label's alone?

        The slope of the log of a sum of exponentials is the softmax; the label's own logit adds -1 to one
        entry of each row. And the loss is a mean: what does one example weigh?

        This is the line itself: `(torch.softmax(logits, dim=1) - F.one_hot(labels, logits.shape[1])) /
        len(labels)`.
    """,
    special="""
        sure: logits.softmax(1).min() < 1e-6 or logits.softmax(1).max() > 1 - 1e-6
            Right but where a probability is nearly 0 or 1: nothing needs to be clamped or replaced, and a
            row's largest logit taken out first keeps all digits.
        many_classes: logits.shape[1] > 10
            Right but for more than ten classes: K is `logits.shape[1]`, and a type such as uint8 is too small
            for hundreds of labels.
        narrow_table: labels.max() + 1 < logits.shape[1]
            Right but where the last class has no example: `F.one_hot` must be told how many classes there
            are, `logits.shape[1]`.
    """,
    wrong="""
        not_divided_by_b: slope / len(labels) → slope
            This is the slope of the sum over the batch: the loss is a mean, so divide by B.
        divided_by_b_and_k: slope / len(labels) → slope / logits.numel()
            You divide by the classes as well: the mean runs over the B examples alone.
        divided_by_k: slope / len(labels) → slope / logits.shape[1]
            You divide by the number of classes: the mean runs over the B examples.
        softmax_over_the_batch: dim=1 → dim=0
            Your softmax runs over the batch (dim=0): it is the classes of one example, dim=1, whose
            probabilities sum to 1.
        no_softmax: torch.softmax(logits, dim=1) → logits.clone()
            You subtract the labels from the logits, as for a squared error: the slope of the sum's logarithm
            is the softmax.
        sigmoid_for_softmax: torch.softmax(logits, dim=1) → torch.sigmoid(logits)
            The sigmoid belongs to K separate yes-or-no questions: one label of K takes the softmax.
        exponentials_overflow: torch.softmax(logits, dim=1) → logits.exp() / logits.exp().sum(1, keepdim=True)
            Right for moderate logits, but exp of a large one is infinite, and of very negative ones 0: take
            each row's largest logit out first, or use `torch.softmax`.
        labels_entry_alone: return slope → return F.one_hot(labels, logits.shape[1]) * slope
            You return the label's entry alone: the other logits stand in the sum as well, and each is pushed
            down by its own probability.
        slope_at_the_probabilities: -= 1 → = -1 / slope[torch.arange(len(labels)), labels]
        and: return slope → return F.one_hot(labels, logits.shape[1]) * slope
            This is the slope with respect to the probabilities, -1/p at the label: go on through the softmax
            to the logits.
        squared_error_of_sigmoids: slope = torch.softmax(logits, → slope = 1 * (p := logits.softmax(
        and: dim=1) → dim=1))
        and: return slope → return p * (1 - p) * slope
        squared_error: slope = torch.softmax(logits, dim=1) → p = logits.softmax(1); slope = p.clone()
        and: return slope → return p * (slope - (p * slope).sum(1, keepdim=True))
            This is the slope of the squared error of the probabilities, which vanishes where a mistake is
            sure: the logarithm's -1/p is missing.
        slope_of_the_softmax: slope[torch.arange(len(labels)), labels] -= 1 → slope *= 1 - slope
            p(1 - p) is the softmax's own slope.
        columns_for_entries: [torch.arange(len(labels)), labels] → [:, labels]
            `slope[:, labels] -= 1` takes 1 off in whole columns: `slope[torch.arange(B), labels]` is one
            entry a row.
        rows_for_entries: [torch.arange(len(labels)), labels] → [labels]
            `slope[labels] -= 1` takes 1 off whole rows, those whose numbers are the labels:
            `slope[torch.arange(B), labels]` is one entry a row.
    """,
)

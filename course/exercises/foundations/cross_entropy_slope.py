"""Chapter 0: the gradient of the mean cross-entropy with respect to the logits, Bishop (2006),
"Pattern Recognition and Machine Learning", section 4.3.4."""

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


def logits_case(rng, b, k, dtype=torch.float64, scale=1.0):
    """A case of b examples and k classes; `scale` multiplies the logits."""
    labels = torch.tensor([rng.randrange(k) for _ in range(b)])
    return normal(rng, b, k, dtype=dtype, scale=scale), labels


def listed(logits, labels, dtype=torch.float64):
    """A case from lists."""
    return torch.tensor(logits, dtype=dtype), torch.tensor(labels)


def wide_logits(rng):
    """One valid case: a few examples and classes, logits from tiny to extreme."""
    dtype, scale = rng.choice((torch.float32, torch.float64)), 10 ** rng.uniform(-2, 4)
    return logits_case(rng, rng.randint(1, 5), rng.randint(2, 6), dtype, scale)


cross_entropy_slope = Exercise(
    my_cross_entropy_slope,
    reference=by_autograd,
    # OLD wide=wide_logits
    # OLD cases:
    # lambda rng: [
    #         listed([[0.0, 0.0]], [0]),  # by hand: -1/2 and 1/2
    #         listed([[1.0, -2.0, 0.5]], [2]),  # B = 1
    #         listed([[2.0, 0.0, -1.0, 0.5], [-1.0, 3.0, 0.0, 1.0]], [3, 0]),  # both labels are unlikely
    #         listed([[1.0, 1.0, 1.0]] * 2, [1, 1]),  # ties
    #         logits_case(rng, 4, 4),
    #         logits_case(rng, 7, 3),  # more examples than classes
    #         logits_case(rng, 3, 10, scale=3.0),
    #         logits_case(rng, 5, 2, torch.float32),
    #         listed([[1e4, -1e4, 0.0], [-1e4, -1e4, -9999.0]], [1, 0], torch.float32),
    #         listed([[800.0, 799.0], [-900.0, -901.0], [0.0, 1e4]], [1, 1, 0]),
    #         *(wide_logits(rng) for _ in range(6)),
    #     ]
    by_hand=(),
    draw=None,
    sizes=[],
    spans={},
    hints="""
        Write one example's loss with ln(a/b) = ln a - ln b. Which of the two terms depends on all logits, and
        which on the label's alone?

        The slope of the log of a sum of exponentials is the softmax; the label's own logit adds -1 to one
        entry of each row. And the loss is a mean: what does one example weigh?

        `(torch.softmax(logits, dim=1) - F.one_hot(labels, logits.shape[1])) / len(labels)`.
    """,
    wrong="""
        not_divided_by_b: OLD → NEW
            This is the slope of the sum over the batch: the loss is a mean, so divide by B.
        divided_by_b_and_k: OLD → NEW
            You divide by the classes as well: the mean runs over the B examples alone.
        sign_turned: OLD → NEW
            The sign is wrong: raising the label's logit lowers the loss, so its entry is negative.
        softmax_over_the_batch: OLD → NEW
            Your softmax runs over the batch (dim=0): it is the classes of one example, dim=1, whose
            probabilities sum to 1.
        no_softmax: OLD → NEW
            You subtract the labels from the logits, as for a squared error: the slope of the sum's logarithm
            is the softmax.
        sigmoid_for_softmax: OLD → NEW
            The sigmoid belongs to K separate yes-or-no questions: one label of K takes the softmax.
        exponentials_overflow: OLD → NEW
            Right for moderate logits, but exp of a large one is infinite, and of very negative ones 0: take
            each row's largest logit out first, or use `torch.softmax`.
        one_maximum_for_all_rows: OLD → NEW
            You take the largest logit of the whole batch out of every row, so that a row far below it becomes
            0/0: take each row's own, `dim=1`.
        rounded_logsumexp: OLD → NEW
            Right for moderate logits, but near 10^4 float32 has steps of 0.001, so the log of the sum is
            rounded too much: take the largest logit out first, or use `torch.softmax`.
        labels_left_out: OLD → NEW
            This is the softmax alone: subtract 1 at each label.
        labels_entry_alone: OLD → NEW
            You return the label's entry alone: the other logits stand in the sum as well, and each is pushed
            down by its own probability.
        slope_at_the_probabilities: OLD → NEW
            This is the slope with respect to the probabilities, -1/p at the label: go on through the softmax
            to the logits.
        squared_error: OLD → NEW
            This is the slope of the squared error of the probabilities, which vanishes where a mistake is
            sure: the logarithm's -1/p is missing.
        slope_of_the_softmax: OLD → NEW
            p(1 - p) is the softmax's own slope.
        columns_for_entries: OLD → NEW
            `slope[:, labels] -= 1` takes 1 off in whole columns: `slope[torch.arange(B), labels]` is one
            entry a row.
        rows_for_entries: OLD → NEW
            `slope[labels] -= 1` takes 1 off whole rows, those whose numbers are the labels:
            `slope[torch.arange(B), labels]` is one entry a row.
    """,
)

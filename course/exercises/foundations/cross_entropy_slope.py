"""Chapter 0, exercise: the gradient of the mean cross-entropy with respect to the logits, Bishop (2006),
"Pattern Recognition and Machine Learning", section 4.3.4."""

import torch
import torch.nn.functional as F

from course.exercises.draw import normal
from course.exercises.engine import Exercise, Misconception


def my_cross_entropy_slope(logits, labels):
    """The gradient of the mean cross-entropy, in nats, with respect to the logits, (B, K). logits (B, K);
    labels (B,), from 0 to K - 1."""
    raise NotImplementedError


def solve_cross_entropy_slope(logits, labels):
    """The gradient of the mean cross-entropy, in nats, with respect to the logits, (B, K). logits (B, K);
    labels (B,), from 0 to K - 1."""
    slope = torch.softmax(logits, dim=1)  # a new tensor, finite for any logits
    slope[torch.arange(len(labels)), labels] -= 1
    return slope / len(labels)  # the loss is a mean


def slope_by_one_hot(logits, labels):
    """The same: the predicted distribution minus the observed one."""
    observed = F.one_hot(labels, logits.shape[1])  # (B, K)
    return (logits.softmax(-1) - observed) / logits.shape[0]


def slope_by_hand(logits, labels):
    """The same with a softmax by hand: each row's largest logit is taken out before the exponential."""
    exponentials = (logits - logits.max(dim=1, keepdim=True).values).exp()
    probs = exponentials / exponentials.sum(dim=1, keepdim=True)
    is_label = torch.arange(logits.shape[1]) == labels[:, None]  # (B, K)
    return torch.where(is_label, probs - 1, probs) / len(logits)


def slope_by_example(logits, labels):
    """The same, one example after the other, with the logarithm of the softmax."""
    rows = []
    for row, label in zip(logits, labels, strict=True):
        slope = torch.log_softmax(row, dim=0).exp()
        slope[label] = slope[label] - 1
        rows.append(slope / len(labels))
    return torch.stack(rows)


def by_autograd(logits, labels):
    """The same by autograd, in float64."""
    wide = logits.detach().double().requires_grad_()
    return torch.autograd.grad(F.cross_entropy(wide, labels), wide)[0].to(logits.dtype)


def one_hot(logits, labels):
    """The observed distributions, (B, K)."""
    return F.one_hot(labels, logits.shape[1]).to(logits.dtype)


def right(logits, labels):
    """The slope."""
    return (logits.softmax(1) - one_hot(logits, labels)) / len(labels)


def predicted(name, diagnosis, probs):
    """A misconception: another function of the logits in place of the softmax."""
    return Misconception(name, diagnosis, lambda z, y: (probs(z) - one_hot(z, y)) / len(y))


def by_parts(name, diagnosis, slope):
    """A misconception: another function of the softmax p and the one-hot labels t, both (B, K)."""
    return Misconception(name, diagnosis, lambda z, y: slope(z.softmax(1), one_hot(z, y)) / len(y))


def minus_one_at(logits, labels, *where):
    """The slope with 1 taken off at other entries."""
    slope = logits.softmax(1)
    slope[where] -= 1
    return slope / len(labels)


def squared_error_slope(p, t):
    """B times the slope of the mean over the examples of |p - t|^2 / 2, back through the softmax."""
    return p * ((p - t) - (p * (p - t)).sum(1, keepdim=True))


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
    name="cross_entropy_slope",
    title="the slope of the cross-entropy",
    difficulty="medium",
    minutes=15,
    task="""
        A classifier's loss is the mean over $B$ examples of minus the logarithm of the label's softmax:

        $$L = -\\frac1B \\sum_{i=1}^{B} \\ln \\frac{\\exp z_{i y_i}}{\\sum_{k=1}^{K} \\exp z_{ik}}$$

        Return its gradient, $\\partial L / \\partial z_{ij}$ for all $i$ and $j$, without autograd: `logits`
        $z$ $(B, K)$, `labels` $y$ $(B)$. Logits may be $\\pm 10^4$ in float32; the gradient must be finite.

        By hand first: $B = 1$, $K = 2$, both logits 0, label 0. What is the gradient, and what do its
        entries sum to?
    """,
    stub_function=my_cross_entropy_slope,
    reference=by_autograd,
    cases=lambda rng: [
        listed([[0.0, 0.0]], [0]),  # by hand: -1/2 and 1/2
        listed([[1.0, -2.0, 0.5]], [2]),  # B = 1
        listed([[2.0, 0.0, -1.0, 0.5], [-1.0, 3.0, 0.0, 1.0]], [3, 0]),  # both labels are unlikely
        listed([[1.0, 1.0, 1.0]] * 2, [1, 1]),  # ties
        logits_case(rng, 4, 4),
        logits_case(rng, 7, 3),  # more examples than classes
        logits_case(rng, 3, 10, scale=3.0),
        logits_case(rng, 5, 2, torch.float32),
        listed([[1e4, -1e4, 0.0], [-1e4, -1e4, -9999.0]], [1, 0], torch.float32),
        listed([[800.0, 799.0], [-900.0, -901.0], [0.0, 1e4]], [1, 1, 0]),
        *(wide_logits(rng) for _ in range(6)),
    ],
    wide=wide_logits,
    hints=(
        "Write one example's loss with ln(a/b) = ln a - ln b. Which of the two terms depends on all logits, "
        "and which on the label's alone?",
        "The slope of the log of a sum of exponentials is the softmax; the label's own logit adds -1 to one "
        "entry of each row. And the loss is a mean: what does one example weigh?",
        "`(torch.softmax(logits, dim=1) - F.one_hot(labels, logits.shape[1])) / len(labels)`.",
    ),
    solution_function=solve_cross_entropy_slope,
    alternatives=(slope_by_one_hot, slope_by_hand, slope_by_example),
    misconceptions=(
        Misconception(
            "not_divided_by_b",
            "This is the slope of the sum over the batch: the loss is a mean, so divide by B.",
            lambda z, y: right(z, y) * len(y),
        ),
        Misconception(
            "divided_by_b_and_k",
            "You divide by the classes as well: the mean runs over the B examples alone.",
            lambda z, y: right(z, y) / z.shape[1],
        ),
        Misconception(
            "sign_turned",
            "The sign is wrong: raising the label's logit lowers the loss, so its entry is negative.",
            lambda z, y: -right(z, y),
        ),
        predicted(
            "softmax_over_the_batch",
            "Your softmax runs over the batch (dim=0): it is the classes of one example, dim=1, whose "
            "probabilities sum to 1.",
            lambda z: z.softmax(0),
        ),
        predicted(
            "no_softmax",
            "You subtract the labels from the logits, as for a squared error: the slope of the sum's "
            "logarithm is the softmax.",
            lambda z: z,
        ),
        predicted(
            "sigmoid_for_softmax",
            "The sigmoid belongs to K separate yes-or-no questions: one label of K takes the softmax.",
            torch.sigmoid,
        ),
        predicted(
            "exponentials_overflow",
            "Right for moderate logits, but exp of a large one is infinite, and of very negative ones 0: "
            "take each row's largest logit out first, or use `torch.softmax`.",
            lambda z: z.exp() / z.exp().sum(1, keepdim=True),
        ),
        predicted(
            "one_maximum_for_all_rows",
            "You take the largest logit of the whole batch out of every row, so that a row far below it "
            "becomes 0/0: take each row's own, `dim=1`.",
            lambda z: (z - z.max()).exp() / (z - z.max()).exp().sum(1, keepdim=True),
        ),
        predicted(
            "rounded_logsumexp",
            "Right for moderate logits, but near 10^4 float32 has steps of 0.001, so the log of the sum is "
            "rounded too much: take the largest logit out first, or use `torch.softmax`.",
            lambda z: (z - z.logsumexp(1, keepdim=True)).exp(),
        ),
        by_parts("labels_left_out", "This is the softmax alone: subtract 1 at each label.", lambda p, t: p),
        by_parts(
            "labels_entry_alone",
            "You return the label's entry alone: the other logits stand in the sum as well, and each is "
            "pushed down by its own probability.",
            lambda p, t: t * (p - 1),
        ),
        by_parts(
            "slope_at_the_probabilities",
            "This is the slope with respect to the probabilities, -1/p at the label: go on through the "
            "softmax to the logits.",
            lambda p, t: torch.where(t > 0, -1 / p, 0.0),
        ),
        by_parts(
            "squared_error",
            "This is the slope of the squared error of the probabilities, which vanishes where a mistake is "
            "sure: the logarithm's -1/p is missing.",
            squared_error_slope,
        ),
        by_parts("slope_of_the_softmax", "p(1 - p) is the softmax's own slope.", lambda p, t: p * (1 - p)),
        Misconception(
            "columns_for_entries",
            "`slope[:, labels] -= 1` takes 1 off in whole columns: `slope[torch.arange(B), labels]` is one "
            "entry a row.",
            lambda z, y: minus_one_at(z, y, slice(None), y),
        ),
        Misconception(
            "rows_for_entries",
            "`slope[labels] -= 1` takes 1 off whole rows, those whose numbers are the labels: "
            "`slope[torch.arange(B), labels]` is one entry a row.",
            lambda z, y: minus_one_at(z, y, y),
        ),
    ),
)

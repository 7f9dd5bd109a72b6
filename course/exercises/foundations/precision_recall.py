"""Chapter 0, exercise: precision, recall and F1 at a threshold."""

import math

import torch

from course.exercises.engine import Exercise, Misconception


def my_precision_recall(scores, labels, threshold):
    """Precision, recall and F1, a tensor (3,) of the type of scores. scores (N,); labels (N,), 0 or 1."""
    raise NotImplementedError


def solve_precision_recall(scores, labels, threshold):
    """Precision, recall and F1, a tensor (3,) of the type of scores. scores (N,); labels (N,), 0 or 1."""
    predicted, positive = scores >= threshold, labels == 1
    hits = (predicted & positive).sum()
    counts = torch.stack([predicted.sum(), positive.sum(), predicted.sum() + positive.sum()])
    # F1 = 2 p r / (p + r) is 2 hits / (predicted + positive). No hits, no denominator above 0: 0 / 1.
    return torch.stack([hits, hits, 2 * hits]).to(scores.dtype) / counts.clamp(min=1)


def rates_by_count(scores, labels, threshold):
    """The same with the four counts as Python numbers."""
    tp = fp = fn = 0
    for score, label in zip(scores.tolist(), labels.tolist(), strict=True):
        tp += score >= threshold and label == 1
        fp += score >= threshold and label == 0
        fn += score < threshold and label == 1
    precision = tp / (tp + fp) if tp + fp else 0.0
    recall = tp / (tp + fn) if tp + fn else 0.0
    f1 = 2 * precision * recall / (precision + recall) if tp else 0.0
    return torch.tensor([precision, recall, f1], dtype=scores.dtype)


def rates_by_products(scores, labels, threshold):
    """The same: hits as an inner product, and what is 0/0 becomes 0 at the end."""
    p, t = (scores >= threshold).to(scores.dtype), labels.to(scores.dtype)
    precision, recall = p @ t / p.sum(), p @ t / t.sum()
    f1 = 2 / (1 / precision + 1 / recall)
    return torch.stack([precision, recall, f1]).nan_to_num(0.0)


def rates_by_selection(scores, labels, threshold):
    """The same: the share of positives among the predicted, and of the predicted among the positives."""
    predicted = torch.ge(scores, threshold)
    shares = []
    for mask in (labels[predicted] == 1, predicted[labels == 1]):
        shares.append(mask.to(scores.dtype).mean() if len(mask) else scores.new_zeros(()))
    total = shares[0] + shares[1]
    shares.append(2 * shares[0] * shares[1] / total if total > 0 else total)
    return torch.stack(shares)


def by_sets(scores, labels, threshold):
    """The same with sets of positions, in Python numbers."""
    called = {i for i, score in enumerate(scores.tolist()) if score >= threshold}
    true = {i for i, label in enumerate(labels.tolist()) if label}
    sizes = (len(called), len(true), (len(called) + len(true)) / 2)
    return torch.tensor([len(called & true) / size if size else 0.0 for size in sizes], dtype=scores.dtype)


def share(part, whole, empty=0.0):
    """part / whole, and `empty` for 0/0."""
    return part / whole if whole else empty


def harmonic(p, r):
    """The harmonic mean."""
    return share(2 * p * r, p + r)


def wrong(
    name,
    diagnosis,
    precision=lambda tp, fp, fn, tn: share(tp, tp + fp),
    recall=lambda tp, fp, fn, tn: share(tp, tp + fn),
    f1=harmonic,
    predicted=torch.ge,
    positive=1,
):
    """A misconception about one of the rates, functions of the four counts, or about what is counted."""

    def run(scores, labels, threshold):
        p, t = predicted(scores, threshold), labels == positive
        counts = [int(x.sum()) for x in (p & t, p & ~t, ~p & t, ~p & ~t)]
        both = precision(*counts), recall(*counts)
        return torch.tensor([*both, f1(*both)], dtype=scores.dtype)

    return Misconception(name, diagnosis, run)


def both(rate):
    """`rate(part, whole)` for precision and recall."""
    return (lambda tp, fp, fn, tn: rate(tp, tp + fp)), (lambda tp, fp, fn, tn: rate(tp, tp + fn))


def listed(scores, labels, threshold, dtype=torch.float64):
    """A case from two lists."""
    return torch.tensor(scores, dtype=dtype), torch.tensor(labels), threshold


def wide_scores(rng):
    """One valid case: eighths, so that many scores are equal to the threshold, and exact in any type."""
    n, share_positive = rng.randint(1, 12), rng.random()
    scores = [rng.randint(0, 8) / 8 for _ in range(n)]
    labels = [int(rng.random() < share_positive) for _ in range(n)]
    return listed(scores, labels, rng.randint(0, 9) / 8, rng.choice((torch.float32, torch.float64)))


precision_recall = Exercise(
    name="precision_recall",
    title="precision, recall and F1",
    difficulty="easy",
    minutes=10,
    task="""
        A detector calls an example positive where its score is at least the threshold. If positives are
        rare, accuracy says little, so three other numbers are asked for:

        - precision, the share of positives among those that are called positive;
        - recall, the share of those called positive among all that are positive;
        - F1, the harmonic mean of the two.

        Return them in this order, as a tensor $(3)$; what would be 0/0 is 0. `scores` $(N)$, `labels` $(N)$
        of 0 and 1, and a float `threshold`.

        By hand first: of 100 examples 10 are positive; 20 are called positive, 5 of them rightly. Which three
        numbers?
    """,
    stub_function=my_precision_recall,
    reference=by_sets,
    cases=lambda rng: [
        listed([0.9, 0.8, 0.3, 0.6], [1, 0, 1, 0], 0.5),  # 1/3, 1/2 and 2/5
        # by hand: 1/4, 1/2 and 1/3
        listed([1.0] * 20 + [0.0] * 80, [1] * 5 + [0] * 15 + [1] * 5 + [0] * 75, 0.5),
        listed([0.5], [1], 0.5),  # N = 1, on the threshold
        listed([0.25], [0], 0.5),  # 0/0 everywhere
        listed([0.1, 0.2, 0.3], [1, 0, 1], 0.5),  # none called positive
        listed([0.7, 0.8, 0.2], [0, 0, 0], 0.5),  # none is positive
        listed([0.7, 0.8, 0.2], [0, 0, 1], 0.5),  # both are there, and none is right
        listed([3.5, -2.0, 0.0, 0.0, 1e4], [1, 0, 1, 0, 1], 0.0, torch.float32),  # two on the threshold
        listed([-1e4, -3.0, -2.0, -2.5, -7.0, 0.5], [0, 1, 1, 0, 1, 1], -2.5),
        *(wide_scores(rng) for _ in range(15)),
    ],
    wide=wide_scores,
    hints=(
        "Each example is of one of four kinds: called positive or not, positive or not. Which kinds does "
        "each of the two shares count above the line, and which below?",
        "With tp, fp and fn of three of the kinds: precision is tp / (tp + fp), recall tp / (tp + fn). A "
        "harmonic mean is 2 / (1/p + 1/r) = 2pr / (p + r). Where can a denominator be 0?",
        "`predicted, positive = scores >= threshold, labels == 1`, `tp = (predicted & positive).sum()`; "
        "divide by `predicted.sum()` and `positive.sum()`, each clamped to at least 1.",
    ),
    solution_function=solve_precision_recall,
    alternatives=(rates_by_count, rates_by_products, rates_by_selection),
    misconceptions=(
        wrong(
            "swapped",
            "Precision and recall are swapped: precision divides by those that are called positive.",
            lambda tp, fp, fn, tn: share(tp, tp + fn),
            lambda tp, fp, fn, tn: share(tp, tp + fp),
        ),
        wrong(
            "accuracy_for_precision",
            "Your precision is the accuracy: those that are rightly called negative do not count.",
            lambda tp, fp, fn, tn: (tp + tn) / (tp + fp + fn + tn),
        ),
        wrong(
            "specificity_for_recall",
            "Your recall is the specificity, the share of negatives that are called so: it asks for the "
            "positives.",
            recall=lambda tp, fp, fn, tn: share(tn, tn + fp),
        ),
        wrong(
            "recall_of_all",
            "Your recall divides by all N examples: divide by those that are positive.",
            recall=lambda tp, fp, fn, tn: tp / (tp + fp + fn + tn),
        ),
        wrong(
            "strictly_above",
            "You ask for scores above the threshold: one that equals it is called positive too.",
            predicted=torch.gt,
        ),
        wrong(
            "below_the_threshold",
            "You call positive what lies below the threshold: a high score speaks for a positive.",
            predicted=torch.lt,
        ),
        wrong(
            "labels_turned",
            "You take the label 0 for positive: 1 is.",
            positive=0,
        ),
        wrong(
            "arithmetic_mean",
            "Your F1 is the arithmetic mean: the harmonic mean, 2pr/(p + r), lies nearer to the smaller.",
            f1=lambda p, r: (p + r) / 2,
        ),
        wrong(
            "geometric_mean",
            "Your F1 is the geometric mean: the harmonic mean is 2pr/(p + r).",
            f1=lambda p, r: math.sqrt(p * r),
        ),
        wrong(
            "f1_without_2",
            "Your F1 lacks its 2: of two equal numbers a mean is that number.",
            f1=lambda p, r: share(p * r, p + r),
        ),
        wrong(
            "nan_for_0_over_0",
            "Right but for 0/0, which you leave as NaN: 0 was asked for.",
            *both(lambda part, whole: share(part, whole, math.nan)),
            lambda p, r: share(2 * p * r, p + r, math.nan),
        ),
        wrong(
            "nan_in_f1",
            "Right but for F1 where precision and recall are both 0: 0/0 is 0 there too.",
            f1=lambda p, r: share(2 * p * r, p + r, math.nan),
        ),
        wrong(
            "one_for_0_over_0",
            "Right but for 0/0, which you take for 1: 0 was asked for.",
            *both(lambda part, whole: share(part, whole, 1.0)),
        ),
        *(
            wrong(
                f"epsilon_{epsilon:.0e}",
                "You add a small number to the denominators, which changes every result a little: ask "
                "whether a denominator is 0, or clamp it to at least 1.",
                *both(lambda part, whole, epsilon=epsilon: part / (whole + epsilon)),
                lambda p, r, epsilon=epsilon: 2 * p * r / (p + r + epsilon),
            )
            for epsilon in (1e-6, 1e-7, 1e-8)
        ),
    ),
)

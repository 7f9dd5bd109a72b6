"""Chapter 0: precision, recall and F1 at a threshold."""

import math
import torch
from course.exercises.engine import Exercise


def my_precision_recall(scores, labels, threshold):
    """Precision, recall and F1, a tensor (3,) of the type of scores. scores (N,); labels (N,), 0 or 1."""
    predicted, positive = scores >= threshold, labels == 1
    hits = (predicted & positive).sum()
    counts = torch.stack([predicted.sum(), positive.sum(), predicted.sum() + positive.sum()])
    # F1 = 2 p r / (p + r) is 2 hits / (predicted + positive). No hits, no denominator above 0: 0 / 1.
    return torch.stack([hits, hits, 2 * hits]).to(scores.dtype) / counts.clamp(min=1)


def by_sets(scores, labels, threshold):
    """The same with sets of positions, in Python numbers."""
    called = {i for i, score in enumerate(scores.tolist()) if score >= threshold}
    true = {i for i, label in enumerate(labels.tolist()) if label}
    sizes = (len(called), len(true), (len(called) + len(true)) / 2)
    return torch.tensor([len(called & true) / size if size else 0.0 for size in sizes], dtype=scores.dtype)


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
    my_precision_recall,
    reference=by_sets,
    # OLD wide=wide_scores
    # OLD cases:
    # lambda rng: [
    #         listed([0.9, 0.8, 0.3, 0.6], [1, 0, 1, 0], 0.5),  # 1/3, 1/2 and 2/5
    #         # by hand: 1/4, 1/2 and 1/3
    #         listed([1.0] * 20 + [0.0] * 80, [1] * 5 + [0] * 15 + [1] * 5 + [0] * 75, 0.5),
    #         listed([0.5], [1], 0.5),  # N = 1, on the threshold
    #         listed([0.25], [0], 0.5),  # 0/0 everywhere
    #         listed([0.1, 0.2, 0.3], [1, 0, 1], 0.5),  # none called positive
    #         listed([0.7, 0.8, 0.2], [0, 0, 0], 0.5),  # none is positive
    #         listed([0.7, 0.8, 0.2], [0, 0, 1], 0.5),  # both are there, and none is right
    #         listed([3.5, -2.0, 0.0, 0.0, 1e4], [1, 0, 1, 0, 1], 0.0, torch.float32),  # two on the threshold
    #         listed([-1e4, -3.0, -2.0, -2.5, -7.0, 0.5], [0, 1, 1, 0, 1, 1], -2.5),
    #         *(wide_scores(rng) for _ in range(15)),
    #     ]
    by_hand=(),
    draw=None,
    sizes=[],
    spans={},
    hints="""
        Each example is of one of four kinds: called positive or not, positive or not. Which kinds does each
        of the two shares count above the line, and which below?

        With tp, fp and fn of three of the kinds: precision is tp / (tp + fp), recall tp / (tp + fn). A
        harmonic mean is 2 / (1/p + 1/r) = 2pr / (p + r). Where can a denominator be 0?

        `predicted, positive = scores >= threshold, labels == 1`, `tp = (predicted & positive).sum()`; divide
        by `predicted.sum()` and `positive.sum()`, each clamped to at least 1.
    """,
    wrong="""
        swapped: OLD → NEW
            Precision and recall are swapped: precision divides by those that are called positive.
        accuracy_for_precision: OLD → NEW
            Your precision is the accuracy: those that are rightly called negative do not count.
        specificity_for_recall: OLD → NEW
            Your recall is the specificity, the share of negatives that are called so: it asks for the
            positives.
        recall_of_all: OLD → NEW
            Your recall divides by all N examples: divide by those that are positive.
        strictly_above: OLD → NEW
            You ask for scores above the threshold: one that equals it is called positive too.
        below_the_threshold: OLD → NEW
            You call positive what lies below the threshold: a high score speaks for a positive.
        labels_turned: OLD → NEW
            You take the label 0 for positive: 1 is.
        arithmetic_mean: OLD → NEW
            Your F1 is the arithmetic mean: the harmonic mean, 2pr/(p + r), lies nearer to the smaller.
        geometric_mean: OLD → NEW
            Your F1 is the geometric mean: the harmonic mean is 2pr/(p + r).
        f1_without_2: OLD → NEW
            Your F1 lacks its 2: of two equal numbers a mean is that number.
        nan_for_0_over_0: OLD → NEW
            Right but for 0/0, which you leave as NaN: 0 was asked for.
        nan_in_f1: OLD → NEW
            Right but for F1 where precision and recall are both 0: 0/0 is 0 there too.
        one_for_0_over_0: OLD → NEW
            Right but for 0/0, which you take for 1: 0 was asked for.
        epsilon_1e-06: OLD → NEW
            You add a small number to the denominators, which changes every result a little: ask whether a
            denominator is 0, or clamp it to at least 1.
        epsilon_1e-07: OLD → NEW
            You add a small number to the denominators, which changes every result a little: ask whether a
            denominator is 0, or clamp it to at least 1.
        epsilon_1e-08: OLD → NEW
            You add a small number to the denominators, which changes every result a little: ask whether a
            denominator is 0, or clamp it to at least 1.
    """,
)

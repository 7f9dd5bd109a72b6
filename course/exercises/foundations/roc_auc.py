"""Chapter 0: the area under the ROC curve, Fawcett (2006), "An Introduction to ROC Analysis"."""

import torch

from course.exercises.cases import normal
from course.exercises.engine import Exercise


def my_roc_auc(scores, labels):
    """The area under the ROC curve, a scalar tensor of the type of scores. scores (N,); labels (N,), 0 or 1,
    each at least once."""
    positive, negative = scores[labels == 1][:, None], scores[labels == 0]
    # A pair is a small rectangle of the unit square: below the curve where the positive scores higher, cut in
    # half by a slanted line where both score the same.
    wins = (positive > negative).to(scores.dtype) + (positive == negative).to(scores.dtype) / 2
    return wins.mean()


def curve(scores, labels):
    """The true and the false positive rates, from (0, 0) on: a point for each distinct score, from the
    highest."""
    called = scores >= scores.unique().flip(0)[:, None]  # (points, N)
    rates = (called[:, labels == label].to(scores.dtype).mean(dim=1) for label in (1, 0))
    return [torch.cat([rate.new_zeros(1), rate]) for rate in rates]


def ties_by_order(scores, labels):
    """You give each example a point of its own, so that the area depends on how equal scores happen to be
    sorted: take one point for each distinct score."""
    ordered = labels[scores.argsort(descending=True, stable=True)]
    heights = (ordered == 1).cumsum(0)[ordered == 0]
    return (heights.to(scores.dtype) / (labels == 1).sum()).mean()


def ties_by_reversed_order(scores, labels):
    """You give each example a point of its own, the last one first where scores are equal: take one point for
    each distinct score."""
    return ties_by_order(scores.flip(0), labels.flip(0))


def precision_and_recall(scores, labels):
    """This is the area under precision against recall: the ROC curve has two rates on its axes."""
    tpr, fpr = curve(scores, labels)
    hits, false_alarms = tpr[1:] * (labels == 1).sum(), fpr[1:] * (labels == 0).sum()
    return (hits / (hits + false_alarms) * tpr.diff()).sum()


def average_precision(scores, labels):
    """This is the average precision, an area below precision and recall: the ROC curve has two rates."""
    hits = labels[scores.argsort(descending=True, stable=True)] == 1
    return (hits.cumsum(0) / torch.arange(1, len(hits) + 1, dtype=scores.dtype))[hits].mean()


def precision_joined(scores, labels):
    """This is the area under precision against recall: the ROC curve has two rates on its axes."""
    tpr, fpr = curve(scores, labels)
    hits, false_alarms = tpr * (labels == 1).sum(), fpr * (labels == 0).sum()
    return torch.trapezoid(torch.cat([tpr.new_ones(1), (hits / (hits + false_alarms))[1:]]), tpr)


def last_point_left_out(scores, labels):
    """Your curve ends before (1, 1): at the lowest score all are called positive, so ask for `>=`."""
    tpr, fpr = curve(scores, labels)
    return torch.trapezoid(tpr[:-1], fpr[:-1])


def first_point_left_out(scores, labels):
    """Your curve begins at the highest score: the line from (0, 0) to there is missing."""
    tpr, fpr = curve(scores, labels)
    return torch.trapezoid(tpr[1:], fpr[1:])


def largest_gap(scores, labels):
    """You return the largest difference of the two rates: it is one point, not an area."""
    tpr, fpr = curve(scores, labels)
    return (tpr - fpr).max()


def mean_height(scores, labels):
    """You average the true positive rates: weigh each by the step that the false positive rate takes."""
    return curve(scores, labels)[0][1:].mean()


def draw(rng, N, shift=1.0, steps=None, scale=1.0, dtype=torch.float64):
    """A case of which the positives' scores are shifted; rounded to 1/steps, if given, so that many tie."""
    labels = [0, 1] + [int(rng.random() < 0.4) for _ in range(N - 2)]
    labels = torch.tensor(rng.sample(labels, N))
    scores = normal(rng, N, dtype=dtype) + shift * labels
    return scale * (scores if steps is None else (steps * scores).round() / steps), labels


roc_auc = Exercise(
    my_roc_auc,
    reference=lambda scores, labels: torch.trapezoid(*curve(scores, labels)),
    draw=draw,
    by_hand=[
        ([3.0, 1.0, 2.0, 1.0], torch.tensor([1, 1, 0, 0])),  # 5/8
        ([0.2, 0.7], torch.tensor([0, 1])),  # 1
        ([0.7, 0.2], torch.tensor([0, 1])),  # 0
        ([0.5, 0.5, 0.5], torch.tensor([0, 1, 1])),  # 1/2
        ([0.5, 0.25, 0.5, 0.75, 0.25], torch.tensor([1, 1, 0, 0, 1])),
        ([0.0, 1e-12, 0.0, -1e-12], torch.tensor([1, 0, 0, 1])),
        (
            [0.5, 0.5 + 1e-12, 0.5, 0.5 - 1e-12, 0.25, 0.75, 0.25, 0.75],
            torch.tensor([1, 0, 0, 1, 0, 1, 1, 0]),
        ),
        ([1.0, 2.0, 1e20], torch.tensor([1, 0, 0])),
        ([1e20, 1e20, -1e20, 0.0], torch.tensor([1, 0, 0, 1])),  # to which 1 adds nothing
        ([0.9, 0.6, 0.6, 0.3, 0.1], torch.tensor([1, 1, 0, 1, 0])),
    ],
    sizes=[
        dict(N=9),
        dict(N=12, steps=1),
        dict(N=16, shift=0.5, steps=2, dtype=torch.float32),  # of more scores `sort` mixes up those that tie
        dict(N=10, scale=1e4, dtype=torch.float32),
        dict(N=11, shift=-2.0, scale=1e-6),  # worse than chance, and tiny
        dict(N=1200, shift=1.5),
        dict(N=9, scale=1e20),
        dict(N=8, scale=1e20, dtype=torch.float32),
        dict(N=12, scale=1e-12, steps=1),
    ],
    spans=dict(N=(2, 12), shift=(-1.0, 2.0), steps=[None, 1, 2], scale=[1e-3, 1.0, 1e3]),
    hints="""
        Lower the threshold past one example after the other. Which way does the curve go at a positive, which
        at a negative, and which where a positive and a negative have the same score?

        Cut the square into P × M rectangles, one for each pair of a positive and a negative. When does the
        curve run above a pair's rectangle, and when does it cut it in half?

        This is the line itself. The area is the share of pairs in which the positive scores higher, ties
        counting ½: with `p = scores[labels == 1][:, None]` and `n = scores[labels == 0]` the mean of
        `(p > n) + (p == n) / 2`.
    """,
    special="""
        many: len(scores) > 100
            Right but for many examples: is there a limit, or a type too small for the counts?
        few_digits_apart: any(scores.unique().diff() < 1e-8 * scores.abs().max())
            Right but for scores that differ by little next to the largest: compare them as they are, in their
            own type, without a margin, without rounding, and without taking their mean away.
        close: len(scores.unique()) > 1 and scores.unique().diff().min() < 1e-3
            Right but for scores that are close together: take each distinct score for a threshold, in its own
            type, without rounding or a margin.
        large: scores.abs().max() > 1e6
            Right but for very large scores, to which a number added may be lost: begin at (0, 0) itself.
        no_probabilities: scores.min() < 0 or scores.max() > 1
            Right but for scores below 0 or above 1: they are no probabilities, so take the thresholds from
            the scores.
    """,
    wrong="""
        ties_count_1: / 2 → nothing
            Ties between a positive and a negative count in full, as in rectangles up to the later point: the
            curve is slanted there, and they count ½.
        ties_count_0: + (positive == negative).to(scores.dtype) / 2 → nothing
            Ties between a positive and a negative count nothing, as in rectangles up to the earlier point:
            the curve is slanted there, and they count ½.
        upside_down: wins.mean() → 1 - wins.mean()
            This is the area above the curve: the axes are swapped, or the scores go upwards. Begin at the
            highest score, with the true positive rate upwards.
        never_below_a_half: wins.mean() → torch.maximum(wins.mean(), 1 - wins.mean())
            You turn an area below ½ round: it says that the order is worse than chance, and stays.
        gini: wins.mean() → 2 * wins.mean() - 1
            You return twice the area less 1, the Gini coefficient: the area itself was asked for.
        all_pairs: .mean() → .sum() / len(scores) ** 2
            You divide by N²: pairs are of a positive and a negative, P · M of them.
        ties_within_a_class_once: scores[labels == 1] → scores[labels == 1].unique()
        and: scores[labels == 0] → scores[labels == 0].unique()
            You take equal scores of one class once: each example counts.
        against_all: scores[labels == 0] → scores
            You compare each positive with all examples: with the negatives alone.
        means_compared: wins.mean() → positive.mean() - negative.mean()
            You compare the mean scores: the area depends on the order of the scores alone.
        classes_for_scores: scores[labels → (scores >= 0.5)[labels
            You cut the scores at ½ first, so that the curve has one corner: every score is a threshold.
    """,
    functions=(
        ties_by_order,
        ties_by_reversed_order,
        precision_and_recall,
        precision_joined,
        average_precision,
        last_point_left_out,
        first_point_left_out,
        largest_gap,
        mean_height,
    ),
)

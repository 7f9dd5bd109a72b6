"""Chapter 0: the area under the ROC curve, Fawcett (2006), "An Introduction to ROC Analysis"."""

import numpy as np
import torch
from course.exercises.cases import normal
from course.exercises.engine import Exercise


def my_roc_auc(scores, labels):
    """The area under the ROC curve, a tensor of no axes, of the type of scores. scores (N,); labels (N,), 0
    or 1, each at least once."""
    positive, negative = scores[labels == 1][:, None], scores[labels == 0]
    # A pair is a small rectangle of the unit square: below the curve where the positive scores higher, cut in
    # half by a slanted line where both score the same.
    wins = (positive > negative).to(scores.dtype) + (positive == negative).to(scores.dtype) / 2
    return wins.mean()


def curve(scores, labels):
    """(fpr, tpr), NumPy arrays from (0, 0) to (1, 1): one point for each group of equal scores, from the
    highest."""
    s, y = scores.double().numpy(), labels.numpy()
    order = np.argsort(-s, kind="stable")
    ends = np.append(np.flatnonzero(np.diff(s[order])), len(s) - 1)  # the last of each group
    positives, negatives = (np.cumsum(y[order] == label)[ends] for label in (1, 0))
    return (np.append(0.0, counts / counts[-1]) for counts in (negatives, positives))


def by_curve(scores, labels):
    """The reference: trapezoids under the curve, in float64."""
    fpr, tpr = curve(scores, labels)
    return torch.tensor(np.sum(np.diff(fpr) * (tpr[1:] + tpr[:-1]) / 2), dtype=scores.dtype)


def scores_case(rng, n, shift, dtype=torch.float64, scale=1.0, steps=None):
    """A case of n scores, those of the positives shifted; rounded to 1/steps, if given, so that many tie."""
    labels = torch.tensor([0, 1] + [int(rng.random() < 0.4) for _ in range(n - 2)])
    labels = labels[torch.tensor(rng.sample(range(n), n))]
    scores = normal(rng, n, dtype=dtype) + shift * labels
    return scale * (scores if steps is None else (steps * scores).round() / steps), labels


def listed(scores, labels, dtype=torch.float64):
    """A case from two lists."""
    return torch.tensor(scores, dtype=dtype), torch.tensor(labels)


def wide_scores(rng):
    """One valid case, mostly with ties."""
    dtype, steps = rng.choice((torch.float32, torch.float64)), rng.choice((None, 1, 2))
    return scores_case(rng, rng.randint(2, 12), rng.uniform(-1, 2), dtype, 10 ** rng.randint(-3, 3), steps)


roc_auc = Exercise(
    my_roc_auc,
    reference=by_curve,
    # OLD wide=wide_scores
    # OLD cases:
    # lambda rng: [
    #         listed([3.0, 1.0, 2.0, 1.0], [1, 1, 0, 0]),  # by hand: 5/8
    #         listed([0.2, 0.7], [0, 1]),  # the smallest: 1
    #         listed([0.7, 0.2], [0, 1]),  # 0
    #         listed([0.5, 0.5, 0.5], [0, 1, 1]),  # all equal: 1/2
    #         listed([0.5, 0.25, 0.5, 0.75, 0.25], [1, 1, 0, 0, 1]),
    #         scores_case(rng, 9, 1.0),
    #         scores_case(rng, 12, 1.0, steps=1),
    #         scores_case(rng, 16, 0.5, torch.float32, steps=2),  # of more scores `sort` mixes up those that tie
    #         scores_case(rng, 10, 1.0, torch.float32, 1e4),
    #         scores_case(rng, 11, -2.0, torch.float64, 1e-6),  # worse than chance, and tiny
    #         scores_case(rng, 150, 1.5),
    #         *(wide_scores(rng) for _ in range(8)),
    #     ]
    by_hand=(),
    draw=None,
    sizes=[],
    spans={},
    hints="""
        Lower the threshold past one example after the other. Which way does the curve go at a positive, which
        at a negative, and which where a positive and a negative have the same score?

        Cut the square into P × M rectangles, one for each pair of a positive and a negative. When does the
        curve run above a pair's rectangle, and when does it cut it in half?

        The area is the share of pairs in which the positive scores higher, ties counting ½: with `p =
        scores[labels == 1][:, None]` and `n = scores[labels == 0]` the mean of (p > n) + (p == n) / 2.
    """,
    wrong="""
        ties_count_1: OLD → NEW
            Ties between a positive and a negative count in full, as in rectangles up to the later point: the
            curve is slanted there, and they count ½.
        ties_count_0: OLD → NEW
            Ties between a positive and a negative count nothing, as in rectangles up to the earlier point:
            the curve is slanted there, and they count ½.
        ties_by_order: OLD → NEW
            You give each example a point of its own, so that the area depends on how equal scores happen to
            be sorted: take one point for each distinct score.
        ties_by_reversed_order: OLD → NEW
            You give each example a point of its own, the last one first where scores are equal: take one
            point for each distinct score.
        upside_down: OLD → NEW
            This is the area above the curve: the axes are swapped, or the scores go upwards. Begin at the
            highest score, with the true positive rate upwards.
        gini: OLD → NEW
            You return twice the area less 1, the Gini coefficient: the area itself was asked for.
        not_divided: OLD → NEW
            You add up in counts of pairs: divide by the number of pairs, or use rates.
        all_pairs: OLD → NEW
            You divide by N²: pairs are of a positive and a negative, P · M of them.
        against_all: OLD → NEW
            You compare each positive with all examples: with the negatives alone.
        means_compared: OLD → NEW
            You compare the mean scores: the area depends on the order of the scores alone.
        classes_for_scores: OLD → NEW
            You cut the scores at ½ first, so that the curve has one corner: every score is a threshold.
        precision_and_recall: OLD → NEW
            This is the area under precision against recall: the ROC curve has two rates on its axes.
        first_point_left_out: OLD → NEW
            Your curve begins at the highest score: the line from (0, 0) to there is missing.
        largest_gap: OLD → NEW
            You return the largest difference of the two rates: it is one point, not an area.
        mean_height: OLD → NEW
            You average the true positive rates: weigh each by the step that the false positive rate takes.
    """,
)

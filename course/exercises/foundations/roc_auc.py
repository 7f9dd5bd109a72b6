"""Chapter 0, exercise: the area under the ROC curve, Fawcett (2006), "An Introduction to ROC Analysis"."""

import numpy as np
import torch

from course.exercises.draw import normal
from course.exercises.engine import Exercise, Misconception


def my_roc_auc(scores, labels):
    """The area under the ROC curve, a tensor of no axes, of the type of scores. scores (N,); labels (N,), 0
    or 1, each at least once."""
    raise NotImplementedError


def solve_roc_auc(scores, labels):
    """The area under the ROC curve, a tensor of no axes, of the type of scores. scores (N,); labels (N,), 0
    or 1, each at least once."""
    positive, negative = scores[labels == 1][:, None], scores[labels == 0]
    # A pair is a small rectangle of the unit square: below the curve where the positive scores higher, cut in
    # half by a slanted line where both score the same.
    wins = (positive > negative).to(scores.dtype) + (positive == negative).to(scores.dtype) / 2
    return wins.mean()


def auc_by_trapezoids(scores, labels):
    """The same from the curve: one point for each distinct threshold, and (0, 0)."""
    thresholds = torch.unique(scores).flip(0)  # from the highest, each once
    called = scores >= thresholds[:, None]  # (thresholds, N)
    rates = [called[:, labels == label].to(scores.dtype).mean(1) for label in (0, 1)]
    fpr, tpr = (torch.cat([rate.new_zeros(1), rate]) for rate in rates)
    return torch.trapezoid(tpr, fpr)


def auc_by_ranks(scores, labels):
    """The same from the positives' ranks, of which equal scores share the mean."""
    below, upto = (scores[:, None] > scores).sum(1), (scores[:, None] >= scores).sum(1)
    ranks = (below + upto + 1).to(scores.dtype) / 2
    n_pos = int(labels.sum())
    n_neg = len(labels) - n_pos
    return (ranks[labels == 1].sum() - n_pos * (n_pos + 1) / 2) / (n_pos * n_neg)


def auc_by_signs(scores, labels):
    """The same, pair by pair: a sign is 1, 0 or -1."""
    total, pairs = 0.0, 0
    for a in scores[labels == 1].tolist():
        for b in scores[labels == 0].tolist():
            total += 1 + (a > b) - (a < b)
            pairs += 1
    return torch.tensor(total / (2 * pairs), dtype=scores.dtype)


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


def paired(name, diagnosis, finish):
    """A misconception: another function of the positives' scores (P, 1) and the negatives' (M,)."""
    return Misconception(name, diagnosis, lambda s, y: finish(s[y == 1][:, None], s[y == 0]).to(s.dtype))


def wins(positive, negative, tie=0.5):
    """What each pair counts, (P, M), in float64."""
    return (positive > negative).double() + tie * (positive == negative).double()


def from_points(name, diagnosis, area):
    """A misconception: another function of the curve's points."""
    return Misconception(name, diagnosis, lambda s, y: torch.tensor(float(area(*curve(s, y))), dtype=s.dtype))


def one_by_one(scores, labels):
    """The area where each example is a point of its own, so that ties go by the order of the examples."""
    ordered = labels[scores.argsort(descending=True, stable=True)]
    heights = (ordered == 1).cumsum(0)[ordered == 0]
    return (heights.to(scores.dtype) / (labels == 1).sum()).mean()


def average_precision(scores, labels):
    """The area under precision against recall, in steps."""
    thresholds = torch.unique(scores).flip(0)
    called = scores >= thresholds[:, None]
    hits = (called & (labels == 1)).sum(1).to(scores.dtype)
    return (hits / called.sum(1) * torch.diff(hits, prepend=hits.new_zeros(1))).sum() / (labels == 1).sum()


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
    name="roc_auc",
    title="the area under the ROC curve",
    difficulty="hard",
    minutes=20,
    task="""
        A detector calls positive each example whose score is at least a threshold. Each threshold gives a
        point of the ROC curve:

        - along, the false positive rate: the share of negatives that are called positive;
        - upwards, the true positive rate: the share of positives that are called positive.

        As the threshold falls from infinity to the lowest score, the points go from (0, 0) to (1, 1).
        Straight lines join them. Return the area below. `scores` $(N)$, with ties; `labels` $(N)$ of 0 and
        1, both present.

        By hand first: the positives score 3 and 1, the negatives 2 and 1. Draw the curve: which area?
    """,
    stub_function=my_roc_auc,
    reference=by_curve,
    cases=lambda rng: [
        listed([3.0, 1.0, 2.0, 1.0], [1, 1, 0, 0]),  # by hand: 5/8
        listed([0.2, 0.7], [0, 1]),  # the smallest: 1
        listed([0.7, 0.2], [0, 1]),  # 0
        listed([0.5, 0.5, 0.5], [0, 1, 1]),  # all equal: 1/2
        listed([0.5, 0.25, 0.5, 0.75, 0.25], [1, 1, 0, 0, 1]),
        scores_case(rng, 9, 1.0),
        scores_case(rng, 12, 1.0, steps=1),
        scores_case(rng, 16, 0.5, torch.float32, steps=2),  # of more scores `sort` mixes up those that tie
        scores_case(rng, 10, 1.0, torch.float32, 1e4),
        scores_case(rng, 11, -2.0, torch.float64, 1e-6),  # worse than chance, and tiny
        scores_case(rng, 150, 1.5),
        *(wide_scores(rng) for _ in range(8)),
    ],
    wide=wide_scores,
    hints=(
        "Lower the threshold past one example after the other. Which way does the curve go at a positive, "
        "which at a negative, and which where a positive and a negative have the same score?",
        "Cut the square into P × M rectangles, one for each pair of a positive and a negative. When does the "
        "curve run above a pair's rectangle, and when does it cut it in half?",
        "The area is the share of pairs in which the positive scores higher, ties counting ½: with `p = "
        "scores[labels == 1][:, None]` and `n = scores[labels == 0]` the mean of (p > n) + (p == n) / 2.",
    ),
    solution_function=solve_roc_auc,
    alternatives=(auc_by_trapezoids, auc_by_ranks, auc_by_signs),
    misconceptions=(
        paired(
            "ties_count_1",
            "Ties between a positive and a negative count in full, as in rectangles up to the later point: "
            "the curve is slanted there, and they count ½.",
            lambda p, n: wins(p, n, 1.0).mean(),
        ),
        paired(
            "ties_count_0",
            "Ties between a positive and a negative count nothing, as in rectangles up to the earlier point: "
            "the curve is slanted there, and they count ½.",
            lambda p, n: wins(p, n, 0.0).mean(),
        ),
        Misconception(
            "ties_by_order",
            "You give each example a point of its own, so that the area depends on how equal scores happen "
            "to be sorted: take one point for each distinct score.",
            one_by_one,
        ),
        Misconception(
            "ties_by_reversed_order",
            "You give each example a point of its own, the last one first where scores are equal: take one "
            "point for each distinct score.",
            lambda s, y: one_by_one(s.flip(0), y.flip(0)),
        ),
        paired(
            "upside_down",
            "This is the area above the curve: the axes are swapped, or the scores go upwards. Begin at the "
            "highest score, with the true positive rate upwards.",
            lambda p, n: 1 - wins(p, n).mean(),
        ),
        paired(
            "gini",
            "You return twice the area less 1, the Gini coefficient: the area itself was asked for.",
            lambda p, n: 2 * wins(p, n).mean() - 1,
        ),
        paired(
            "not_divided",
            "You add up in counts of pairs: divide by the number of pairs, or use rates.",
            lambda p, n: wins(p, n).sum(),
        ),
        paired(
            "all_pairs",
            "You divide by N²: pairs are of a positive and a negative, P · M of them.",
            lambda p, n: wins(p, n).sum() / (len(p) + len(n)) ** 2,
        ),
        paired(
            "against_all",
            "You compare each positive with all examples: with the negatives alone.",
            lambda p, n: wins(p, torch.cat([p[:, 0], n])).mean(),
        ),
        paired(
            "means_compared",
            "You compare the mean scores: the area depends on the order of the scores alone.",
            lambda p, n: p.mean() - n.mean(),
        ),
        paired(
            "classes_for_scores",
            "You cut the scores at ½ first, so that the curve has one corner: every score is a threshold.",
            lambda p, n: wins((p >= 0.5).double(), (n >= 0.5).double()).mean(),
        ),
        Misconception(
            "precision_and_recall",
            "This is the area under precision against recall: the ROC curve has two rates on its axes.",
            average_precision,
        ),
        from_points(
            "first_point_left_out",
            "Your curve begins at the highest score: the line from (0, 0) to there is missing.",
            lambda fpr, tpr: np.sum(np.diff(fpr[1:]) * (tpr[2:] + tpr[1:-1]) / 2),
        ),
        from_points(
            "largest_gap",
            "You return the largest difference of the two rates: it is one point, not an area.",
            lambda fpr, tpr: np.max(tpr - fpr),
        ),
        from_points(
            "mean_height",
            "You average the true positive rates: weigh each by the step that the false positive rate takes.",
            lambda fpr, tpr: np.mean(tpr),
        ),
    ),
)

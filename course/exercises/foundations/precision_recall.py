"""Chapter 0: precision, recall and F1 at a threshold."""

import torch

from course.exercises.engine import Exercise


def my_precision_recall(scores, labels, threshold):
    """Precision, recall and F1, a tensor (3,) of the type of scores. scores (N,); labels (N,), 0 or 1."""
    predicted, positive = (scores >= threshold).to(scores.dtype), (labels == 1).to(scores.dtype)
    hits = predicted @ positive
    # No hits where a denominator is 0, and 0 / 1 is 0.
    precision = hits / predicted.sum().clamp(min=1)
    recall = hits / positive.sum().clamp(min=1)
    f1 = 2 * precision * recall / (precision + recall)  # NaN where there are no hits
    return torch.stack([precision, recall, f1.nan_to_num()])


def by_sets(scores, labels, threshold):
    """The same with sets of positions, in Python numbers."""
    called = {i for i, score in enumerate(scores.tolist()) if score >= threshold}
    true = {i for i, label in enumerate(labels.tolist()) if label}
    sizes = (len(called), len(true), (len(called) + len(true)) / 2)
    return torch.tensor([len(called & true) / size if size else 0.0 for size in sizes], dtype=scores.dtype)


def draw(rng, N, share, eighths, dtype=torch.float64):
    """A case of eighths, so that many scores are equal to the threshold and exact in any type; a label is 1
    with the probability `share`."""
    scores = torch.tensor([rng.randint(0, 8) / 8 for _ in range(N)], dtype=dtype)
    return scores, torch.tensor([int(rng.random() < share) for _ in range(N)]), eighths / 8


precision_recall = Exercise(
    my_precision_recall,
    reference=by_sets,
    draw=draw,
    by_hand=[
        ([0.9, 0.8, 0.3, 0.6], torch.tensor([1, 0, 1, 0]), 0.5),  # 1/3, 1/2 and 2/5
        # the chapter's own: 1/4, 1/2 and 1/3
        ([1.0] * 20 + [0.0] * 80, torch.tensor([1] * 5 + [0] * 15 + [1] * 5 + [0] * 75), 0.5),
        ([0.5], torch.tensor([1]), 0.5),  # on the threshold
        ([0.25], torch.tensor([0]), 0.5),  # 0/0 everywhere
        ([0.75, 0.25], torch.tensor([1, 0]), 0.5),  # all is right
        ([0.1, 0.2, 0.3], torch.tensor([1, 0, 1]), 0.5),  # none called positive
        ([0.7, 0.8, 0.2], torch.tensor([0, 0, 0]), 0.5),  # none is positive
        ([0.7, 0.8, 0.2], torch.tensor([0, 0, 1]), 0.5),  # both are there, and none is right
        # in float32, two on the threshold
        (torch.tensor([3.5, -2.0, 0.0, 0.0, 1e4]), torch.tensor([1, 0, 1, 0, 1]), 0.0),
        # just below the threshold
        ([0.5, 0.5 - 1e-12, 0.5 + 1e-12, 0.25], torch.tensor([1, 1, 0, 1]), 0.5),
        ([1e-12, -1e-12, 0.0, -1e300, 1e300], torch.tensor([1, 0, 1, 1, 1]), 0.0),
        ([7e6, 5e6, 8e6, -1.0], torch.tensor([1, 0, 0, 1]), 6e6),  # large thresholds
        ([-7e6, -5e6, -8e6, 1.0], torch.tensor([1, 0, 0, 1]), -6e6),
        # one hit, of 30 and of 300
        ([1.0] * 30 + [0.0] * 29, torch.tensor([0] * 29 + [1] * 30), 0.5),
        ([1.0] * 300 + [0.0] * 299, torch.tensor([0] * 299 + [1] * 300), 0.5),
        ([-1e4, -3.0, -2.0, -2.5, -7.0, 0.5], torch.tensor([0, 1, 1, 0, 1, 1]), -2.5),
    ],
    sizes=[dict(N=12, share=share, eighths=4) for share in (0.2, 0.5, 0.8)]
    + [
        dict(N=300, share=0.3, eighths=5, dtype=torch.float32),
        dict(N=1200, share=0.5, eighths=4),
    ],
    spans=dict(N=(1, 12), share=(0.0, 1.0), eighths=(0, 9)),
    hints="""
        Each example is of one of four kinds: called positive or not, positive or not. Which kinds does each
        of the two shares count above the line, and which below?

        With tp, fp and fn of three of the kinds: precision is tp / (tp + fp), recall tp / (tp + fn). A
        harmonic mean is 2 / (1/p + 1/r) = 2pr / (p + r). Where can a denominator be 0?

        These are the lines themselves: `predicted, positive = scores >= threshold, labels == 1`, `tp =
        (predicted & positive).sum()`; divide by `predicted.sum()` and `positive.sum()`, each clamped to at
        least 1.
    """,
    special="""
        close: ((scores != threshold) & ((scores - threshold).abs() < 1e-9)).any()
            Right but for scores very close to the threshold: compare them as they are, in their own type.
        zero_threshold: threshold == 0
            Right but for a threshold of 0, which `threshold or ...` takes for nothing.
        large_threshold: abs(threshold) > 10
            Right but for a large threshold: compare the scores as they are, without limits and not through a
            sigmoid or tanh, which are flat there.
        low_f1: 0 < ((scores >= threshold) & (labels == 1)).sum() < len(scores) / 25
            Right but where precision and recall are small: nothing may be added to their sum, nor a floor put
            under it. Only 0 needs another divisor.
        many: len(scores) > 100
            Right but for many examples: is there a limit, or a type too small for the counts?
    """,
    wrong="""
        swapped: [precision, recall, → [recall, precision,
            Precision and recall are swapped: precision divides by those that are called positive.
        accuracy_for_precision: hits / predicted.sum().clamp(min=1) → 1 - (predicted - positive).abs().mean()
            Your precision is the accuracy: those that are rightly called negative do not count.
        specificity_for_recall: hits / positive. → (1 - predicted) @ (1 - positive) / (1 - positive).
            Your recall is the specificity, the share of negatives that are called so: it asks for the
            positives.
        recall_of_all: positive.sum().clamp(min=1) → len(scores)
            Your recall divides by all N examples: divide by those that are positive.
        strictly_above: scores >= → scores >
            You ask for scores above the threshold: one that equals it is called positive too.
        below_the_threshold: scores >= → scores <
            You call positive what lies below the threshold: a high score speaks for a positive.
        labels_turned: labels == 1 → labels == 0
            You take the label 0 for positive: 1 is.
        arithmetic_mean: 2 * precision * recall / (precision + recall) → (precision + recall) / 2
            Your F1 is the arithmetic mean: the harmonic mean, 2pr/(p + r), lies nearer to the smaller.
        geometric_mean: 2 * precision * recall / (precision + recall) → (precision * recall).sqrt()
            Your F1 is the geometric mean: the harmonic mean is 2pr/(p + r).
        f1_floor_of_1: (precision + recall) → (precision + recall).clamp(min=1)
            You divide by at least 1 in F1 too, where p + r may be less: only 0 needs another divisor.
        jaccard: 2 * precision * recall / (precision + recall) → hits / (predicted + positive).sign().sum()
            This is the Jaccard index, hits over all that are called positive or are: F1 is 2pr/(p + r).
        whole_numbers: hits / → hits //
            You divide whole numbers and drop the rest, as // does: use /.
        always_a_half: >= threshold → >= 0.5
            You always cut at ½: use the threshold.
        through_a_sigmoid: scores >= → scores.sigmoid() >=
            You send the scores through a sigmoid: compare them as they are.
        nan_for_0_over_0: .clamp(min=1) → nothing
        and: .nan_to_num() → nothing
            Right but for 0/0, which you leave as NaN: 0 was asked for.
        nan_in_f1: .nan_to_num() → nothing
            Right but for F1 where precision and recall are both 0: 0/0 is 0 there too.
        one_for_0_over_0: hits / predicted.sum().clamp(min=1) → (hits / predicted.sum()).nan_to_num(1)
        and: hits / positive.sum().clamp(min=1) → (hits / positive.sum()).nan_to_num(1)
            Right but for 0/0, which you take for 1: 0 was asked for.
    """,
)

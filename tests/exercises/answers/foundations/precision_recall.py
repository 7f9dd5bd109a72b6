"""Answers to `foundations.precision_recall`, written from its statement alone."""

import numpy as np
import torch


def ratio(a, b):
    """a / b, and 0 for 0/0."""
    return a / b if b else 0.0


def wrong_strictly_above(scores, labels, threshold):
    """A score equal to the threshold is not called positive."""
    called, positive = scores > threshold, labels == 1
    hits = int((called & positive).sum())
    p, r = ratio(hits, int(called.sum())), ratio(hits, int(positive.sum()))
    return torch.tensor([p, r, ratio(2 * p * r, p + r)], dtype=scores.dtype)


def wrong_recall_first(scores, labels, threshold):
    """Precision and recall are exchanged."""
    called, positive = scores >= threshold, labels == 1
    hits = int((called & positive).sum())
    p, r = ratio(hits, int(positive.sum())), ratio(hits, int(called.sum()))
    return torch.tensor([p, r, ratio(2 * p * r, p + r)], dtype=scores.dtype)


def wrong_arithmetic_mean(scores, labels, threshold):
    """F1 is the arithmetic mean."""
    called, positive = scores >= threshold, labels == 1
    hits = int((called & positive).sum())
    p, r = ratio(hits, int(called.sum())), ratio(hits, int(positive.sum()))
    return torch.tensor([p, r, (p + r) / 2], dtype=scores.dtype)


def wrong_nan_for_nothing(scores, labels, threshold):
    """0/0 stays NaN."""
    called, positive = scores >= threshold, labels == 1
    hits = (called & positive).sum().to(scores.dtype)
    p, r = hits / called.sum(), hits / positive.sum()
    return torch.stack([p, r, 2 * p * r / (p + r)])


def wrong_share_of_all(scores, labels, threshold):
    """Recall divides by all examples, not by the positives."""
    called, positive = scores >= threshold, labels == 1
    hits = int((called & positive).sum())
    p, r = ratio(hits, int(called.sum())), hits / len(labels)
    return torch.tensor([p, r, ratio(2 * p * r, p + r)], dtype=scores.dtype)


def wrong_sigmoid_first(scores, labels, threshold):
    """The scores are taken for logits, and sent through a sigmoid before the threshold."""
    called, positive = torch.sigmoid(scores) >= threshold, labels == 1
    hits = int((called & positive).sum())
    p, r = ratio(hits, int(called.sum())), ratio(hits, int(positive.sum()))
    return torch.tensor([p, r, ratio(2 * p * r, p + r)], dtype=scores.dtype)


def wrong_factor_of_two(scores, labels, threshold):
    """F1 lacks the 2 of the harmonic mean."""
    called, positive = scores >= threshold, labels == 1
    hits = int((called & positive).sum())
    p, r = ratio(hits, int(called.sum())), ratio(hits, int(positive.sum()))
    return torch.tensor([p, r, ratio(p * r, p + r)], dtype=scores.dtype)


def wrong_small_constant(scores, labels, threshold):
    """1e-8 below keeps 0/0 away, and costs digits everywhere."""
    called, positive = scores >= threshold, labels == 1
    hits = (called & positive).sum().to(scores.dtype)
    p, r = hits / (called.sum() + 1e-8), hits / (positive.sum() + 1e-8)
    return torch.stack([p, r, 2 * p * r / (p + r + 1e-8)])


def wrong_sum_clamped_to_one(scores, labels, threshold):
    """Denominators are at least 1: right for counts, wrong for precision plus recall below 1."""
    called, positive = scores >= threshold, labels == 1
    hits = (called & positive).sum().to(scores.dtype)
    p, r = hits / called.sum().clamp(min=1), hits / positive.sum().clamp(min=1)
    return torch.stack([p, r, 2 * p * r / (p + r).clamp(min=1)])


def wrong_close_is_equal(scores, labels, threshold):
    """A score that is close to the threshold counts as equal."""
    near = torch.isclose(scores, torch.full_like(scores, threshold))
    called, positive = (scores > threshold) | near, labels == 1
    hits = int((called & positive).sum())
    p, r = ratio(hits, int(called.sum())), ratio(hits, int(positive.sum()))
    return torch.tensor([p, r, ratio(2 * p * r, p + r)], dtype=scores.dtype)


def wrong_zero_threshold_is_half(scores, labels, threshold):
    """A threshold of 0 is taken for not given, and becomes 0.5."""
    called, positive = scores >= (threshold or 0.5), labels == 1
    hits = int((called & positive).sum())
    p, r = ratio(hits, int(called.sum())), ratio(hits, int(positive.sum()))
    return torch.tensor([p, r, ratio(2 * p * r, p + r)], dtype=scores.dtype)


def wrong_negatives_and_one_for_nothing(scores, labels, threshold):
    """Two mistakes: recall is the specificity, and 0/0 is 1."""
    called, positive = scores >= threshold, labels == 1
    hits, n_called = int((called & positive).sum()), int(called.sum())
    spared, negatives = int((~called & ~positive).sum()), int((~positive).sum())
    p = hits / n_called if n_called else 1.0
    r = spared / negatives if negatives else 1.0
    return torch.tensor([p, r, ratio(2 * p * r, p + r)], dtype=scores.dtype)


def right_counts(scores, labels, threshold):
    """Counts as Python ints; F1 is twice the hits over called plus positives."""
    called, positive = scores >= threshold, labels == 1
    hits, c, n = int((called & positive).sum()), int(called.sum()), int(positive.sum())
    return torch.tensor([ratio(hits, c), ratio(hits, n), ratio(2 * hits, c + n)], dtype=scores.dtype)


def right_clamped_counts(scores, labels, threshold):
    """Tensors only: a count of 0 below becomes 1, which leaves 0."""
    called = (scores >= threshold).long()
    hits = (called * labels).sum()
    below = torch.stack([called.sum(), labels.sum(), called.sum() + labels.sum()])
    above = torch.stack([hits, hits, 2 * hits])
    return above.to(scores.dtype) / below.clamp(min=1).to(scores.dtype)


def right_loop(scores, labels, threshold):
    """One example at a time; the harmonic mean from reciprocals."""
    hit = false_alarm = miss = 0
    for s, label in zip(scores.tolist(), labels.tolist()):
        if s >= threshold and label:
            hit += 1
        elif s >= threshold:
            false_alarm += 1
        elif label:
            miss += 1
    if hit == 0:
        return torch.zeros(3, dtype=scores.dtype)
    p, r = hit / (hit + false_alarm), hit / (hit + miss)
    return torch.tensor([p, r, 2 / (1 / p + 1 / r)], dtype=scores.dtype)


def right_numpy_table(scores, labels, threshold):
    """NumPy: a 2 x 2 table by bincount, and nan_to_num for 0/0."""
    called = scores.numpy() >= threshold
    table = np.bincount(2 * called + labels.numpy(), minlength=4).astype(np.float64)
    _, miss, alarm, hit = table
    with np.errstate(invalid="ignore"):
        out = np.array([hit / (hit + alarm), hit / (hit + miss), 2 * hit / (2 * hit + alarm + miss)])
    return torch.from_numpy(np.nan_to_num(out)).to(scores.dtype)


def share(part, whole):
    """part / whole, and 0 for 0 / 0; both tensors of no axes."""
    return torch.where(whole == 0, torch.zeros_like(part), part / whole.clamp(min=1))


def wrong_nearly_equal(scores, labels, threshold):
    """Scores just below the threshold count as equal to it."""
    near = torch.isclose(scores, torch.full_like(scores, threshold), rtol=1e-5, atol=1e-5)
    called, positive = (scores > threshold) | near, labels == 1
    hits = (called & positive).sum().to(scores.dtype)
    p, r = share(hits, called.sum()), share(hits, positive.sum())
    return torch.stack([p, r, torch.where(p + r == 0, p, 2 * p * r / (p + r))])


def wrong_float32_scores(scores, labels, threshold):
    """The scores are compared in float32, where one just below the threshold may equal it."""
    called, positive = scores.float() >= threshold, labels == 1
    hits = (called & positive).sum().to(scores.dtype)
    p, r = share(hits, called.sum()), share(hits, positive.sum())
    return torch.stack([p, r, torch.where(p + r == 0, p, 2 * p * r / (p + r))])

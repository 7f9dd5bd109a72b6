"""Right answers to `precision_recall` in other words than the solution's."""

import torch


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


RIGHT = (rates_by_count, rates_by_products, rates_by_selection)

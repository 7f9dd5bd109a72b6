"""Right answers to `dead_logits` in other words than the solution's."""

import torch
import torch.nn.functional as F


def logits_by_class(features, weight, bias):
    """The same, one class at a time."""
    columns = []
    for k in range(weight.shape[0]):
        columns.append((features * weight[k]).sum(dim=1) + bias[k])
    return torch.stack(columns, dim=1)


def logits_by_feature(features, weight, bias):
    """The same, summing over the features one by one."""
    total = bias + torch.zeros(features.shape[0], 1, dtype=features.dtype)
    for i in range(weight.shape[1]):
        total = total + features[:, i, None] * weight[:, i]
    return total


RIGHT = (
    logits_by_class,
    logits_by_feature,
    F.linear,
    lambda features, weight, bias: features @ weight.T + bias,
)

"""Right answers to `classifier_loss` in other words than the solution's."""

import torch
import torch.nn.functional as F


def classifier_loss_by_log_sum_exp(logits, labels):
    """The same: log-sum-exp, the largest logit taken out, minus the label's logit."""
    largest = logits.max(dim=1, keepdim=True).values
    log_sum = (logits - largest).exp().sum(dim=1).log() + largest[:, 0]
    return (log_sum - logits[torch.arange(len(labels)), labels]).mean()


RIGHT = (
    classifier_loss_by_log_sum_exp,
    F.cross_entropy,
    lambda logits, labels: F.nll_loss(torch.log_softmax(logits, dim=1), labels),
    lambda logits, labels: -torch.log_softmax(logits, dim=-1)[range(len(labels)), labels].mean(),
    lambda logits, labels: (
        (logits.logsumexp(1) - logits.gather(1, labels[:, None])[:, 0]).sum() / len(logits)
    ),
)

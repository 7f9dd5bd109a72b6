"""Answers to `cnn.classifier_loss`, written from its statement alone."""

import torch
import torch.nn.functional as F


def wrong_nll_of_probabilities(logits, labels):
    """nll_loss gets probabilities, not their logarithms."""
    probs = torch.softmax(logits, dim=1)
    return F.nll_loss(probs, labels)


def wrong_log_of_softmax(logits, labels):
    """The logarithm of a softmax that underflows to 0: infinite loss, NaN gradient."""
    probs = torch.softmax(logits, dim=1)
    return F.nll_loss(torch.log(probs), labels)


def wrong_sum_over_batch(logits, labels):
    """The sum over the examples, not the mean."""
    return F.cross_entropy(logits, labels, reduction="sum")


def wrong_softmax_over_batch(logits, labels):
    """The softmax runs over the examples, not the classes."""
    return F.nll_loss(torch.log_softmax(logits, dim=0), labels)


def wrong_binary_cross_entropy(logits, labels):
    """Each class is a yes-no question of its own."""
    targets = F.one_hot(labels, logits.shape[1]).to(logits.dtype)
    return F.binary_cross_entropy_with_logits(logits, targets, reduction="sum") / len(labels)


def wrong_mean_over_classes_too(logits, labels):
    """The mean runs over all B * K entries."""
    targets = F.one_hot(labels, logits.shape[1]).to(logits.dtype)
    return -(targets * torch.log_softmax(logits, dim=1)).mean()


def wrong_normaliser_detached(logits, labels):
    """Right value, but the normaliser passes no gradient."""
    logsum = torch.logsumexp(logits, dim=1).detach()
    return (logsum - logits[torch.arange(len(labels)), labels]).mean()


def wrong_epsilon_in_log(logits, labels):
    """1e-8 in the logarithm: the loss of a sure and wrong network stops at 18.4, without a gradient."""
    probs = torch.softmax(logits, dim=1)
    chosen = probs.gather(1, labels[:, None]).squeeze(1)
    return -torch.log(chosen + 1e-8).mean()


def wrong_one_maximum_for_all(logits, labels):
    """The maximum of the whole batch is subtracted: rows far below it underflow."""
    shifted = logits - logits.max()
    logsum = shifted.exp().sum(dim=1).log()
    return (logsum - shifted[torch.arange(len(labels)), labels]).mean()


def wrong_one_hot_of_seen_classes(logits, labels):
    """one_hot guesses the number of classes from the largest label in the batch."""
    targets = F.one_hot(labels).to(logits.dtype)
    return -(targets * torch.log_softmax(logits, dim=1)).sum(dim=1).mean()


def wrong_float32_inside(logits, labels):
    """Computed in float32, cast back."""
    return F.cross_entropy(logits.float(), labels).to(logits.dtype)


def wrong_summed_and_smoothed(logits, labels):
    """Label smoothing of 0.1, and a sum for the mean."""
    return F.cross_entropy(logits, labels, label_smoothing=0.1, reduction="sum")


def right_cross_entropy(logits, labels):
    """cross_entropy takes the logits themselves."""
    return F.cross_entropy(logits, labels)


def right_log_softmax_left_in(logits, labels):
    """log_softmax in front of cross_entropy: taken twice, it changes nothing."""
    return F.cross_entropy(torch.log_softmax(logits, dim=1), labels)


def right_margins(logits, labels):
    """The logsumexp of the distances from the right logit, in float64."""
    exact = logits.double()
    chosen = exact.gather(1, labels.unsqueeze(1))
    return torch.logsumexp(exact - chosen, dim=1).mean().to(logits.dtype)


def right_row_by_row(logits, labels):
    """A loop over the examples, with the largest logit taken out by hand, in float64."""
    total = logits.new_zeros((), dtype=torch.float64)
    for row, label in zip(logits.double(), labels.tolist()):
        top = row.detach().max()
        total = total + top + torch.log(torch.exp(row - top).sum()) - row[label]
    return (total / len(labels)).to(logits.dtype)


def open_logsumexp_minus_chosen(logits, labels):
    """Open: float32 logits of 10^4 with a small loss; the difference of two large numbers keeps 3 digits."""
    chosen = logits[torch.arange(len(labels)), labels]
    return (torch.logsumexp(logits, dim=1) - chosen).mean()

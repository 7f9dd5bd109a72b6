"""Answers to `foundations.cross_entropy_slope`, written from its statement alone."""

import torch
import torch.nn.functional as F


def wrong_no_mean(logits, labels):
    """The slope of the sum over examples, not of the mean."""
    return torch.softmax(logits, dim=1) - F.one_hot(labels, logits.shape[1])


def wrong_mean_over_entries(logits, labels):
    """Divided by B times K."""
    return (torch.softmax(logits, dim=1) - F.one_hot(labels, logits.shape[1])) / logits.numel()


def wrong_sign(logits, labels):
    """One-hot minus softmax: the direction of descent."""
    return (F.one_hot(labels, logits.shape[1]) - torch.softmax(logits, dim=1)) / len(labels)


def wrong_softmax_over_batch(logits, labels):
    """The softmax runs over the examples."""
    return (torch.softmax(logits, dim=0) - F.one_hot(labels, logits.shape[1])) / len(labels)


def wrong_every_label_column(logits, labels):
    """p[:, labels] -= 1 takes 1 from all rows, in the columns of all labels."""
    p = torch.softmax(logits, dim=1)
    p[:, labels] -= 1
    return p / len(labels)


def wrong_only_label_entry(logits, labels):
    """Only the label's own entry has a slope; the other logits get 0."""
    p = torch.softmax(logits, dim=1)
    slope = torch.zeros_like(logits)
    rows = torch.arange(len(labels))
    slope[rows, labels] = (p[rows, labels] - 1) / len(labels)
    return slope


def wrong_slope_of_probability(logits, labels):
    """The slope of minus the label's softmax: the logarithm is forgotten."""
    p = torch.softmax(logits, dim=1)
    label_p = p.gather(1, labels[:, None])
    return label_p * (p - F.one_hot(labels, logits.shape[1])) / len(labels)


def wrong_one_maximum_for_all(logits, labels):
    """The largest logit of all rows is subtracted: other rows underflow to 0 / 0."""
    e = torch.exp(logits - logits.max())
    p = e / e.sum(dim=1, keepdim=True)
    return (p - F.one_hot(labels, logits.shape[1])) / len(labels)


def wrong_clamped_logits(logits, labels):
    """Logits are cut off at 50 against overflow."""
    e = torch.exp(logits.clamp(-50, 50))
    p = e / e.sum(dim=1, keepdim=True)
    return (p - F.one_hot(labels, logits.shape[1])) / len(labels)


def wrong_small_constant(logits, labels):
    """1e-8 is added to the sum, against a division by 0 that cannot occur."""
    e = torch.exp(logits - logits.max(dim=1, keepdim=True).values)
    p = e / (e.sum(dim=1, keepdim=True) + 1e-8)
    return (p - F.one_hot(labels, logits.shape[1])) / len(labels)


def wrong_classes_from_labels(logits, labels):
    """one_hot counts the classes in the labels at hand, which may lack the last ones."""
    return (torch.softmax(logits, dim=1) - F.one_hot(labels)) / len(labels)


def wrong_sigmoid_and_sum(logits, labels):
    """Two mistakes: a sigmoid for each class instead of a softmax, and no mean."""
    return torch.sigmoid(logits) - F.one_hot(labels, logits.shape[1])


def right_softmax_minus_one_hot(logits, labels):
    """Softmax minus one-hot, over B."""
    return (torch.softmax(logits, dim=1) - F.one_hot(labels, logits.shape[1])) / len(labels)


def right_label_entry_from_others(logits, labels):
    """The label's entry is minus the sum of the others, which keeps its digits."""
    e = torch.exp(logits - logits.amax(dim=1, keepdim=True))
    p = e / e.sum(dim=1, keepdim=True)
    others = p.scatter(1, labels[:, None], 0.0)
    return others.scatter(1, labels[:, None], -others.sum(dim=1, keepdim=True)) / len(labels)


def right_rows(logits, labels):
    """Row by row, exp of the log-softmax, in float64."""
    out = torch.empty_like(logits)
    for i, row in enumerate(logits.double()):
        p = torch.exp(row - torch.logsumexp(row, dim=0))
        p[labels[i]] -= 1
        out[i] = p / len(labels)
    return out


def right_pairwise_differences(logits, labels):
    """1 over the sum of exponentials of differences, for each pair of classes."""
    z = logits.double()
    p = 1 / torch.exp(z[:, None, :] - z[:, :, None]).sum(dim=2)
    hit = labels[:, None] == torch.arange(z.shape[1])
    return ((p - hit.double()) / len(z)).to(logits.dtype)


def forbidden_autograd(logits, labels):
    """Autograd through F.cross_entropy."""
    z = logits.detach().clone().requires_grad_()
    with torch.enable_grad():
        return torch.autograd.grad(F.cross_entropy(z, labels), z)[0]


def forbidden_func_grad(logits, labels):
    """torch.func.grad of a handwritten loss."""

    def loss(z):
        picked = torch.log_softmax(z, dim=1).gather(1, labels[:, None])
        return -picked.mean()

    return torch.func.grad(loss)(logits.detach())


def wrong_ten_classes(logits, labels):
    """The one-hot table has ten rows, as for digits."""
    p = torch.softmax(logits, dim=1)
    hot = torch.eye(10, dtype=logits.dtype)[labels][:, : logits.shape[1]]
    return (p - hot) / len(labels)

"""Answers to `vae.iw_bound`, written from its statement alone."""

import functools
import math

import torch


def wrong_elbo(log_w):
    """The mean of the logarithms."""
    return log_w.mean(dim=0)


def wrong_no_log_k(log_w):
    """The sum of the weights, not their mean."""
    return torch.logsumexp(log_w, dim=0)


def wrong_log_k_added(log_w):
    """log k with the wrong sign."""
    return torch.logsumexp(log_w, dim=0) + math.log(log_w.shape[0])


def wrong_axis(log_w):
    """Over the images of each sample."""
    return torch.logsumexp(log_w, dim=1) - math.log(log_w.shape[1])


def wrong_log_batch(log_w):
    """Divides by the number of images, not of samples."""
    return torch.logsumexp(log_w, dim=0) - math.log(log_w.shape[1])


def wrong_divided_after_log(log_w):
    """The logarithm is divided by k, not the sum."""
    return torch.logsumexp(log_w, dim=0) / log_w.shape[0]


def wrong_weighted_surrogate(log_w):
    """The surrogate of IWAE programs: logarithms weighted by the normalised weights, right gradient only."""
    w = torch.softmax(log_w, dim=0).detach()
    return (w * log_w).sum(dim=0)


def wrong_exp_mean_log(log_w):
    """The weights themselves: they overflow and underflow."""
    return log_w.exp().mean(dim=0).log()


def wrong_one_maximum(log_w):
    """One maximum for the whole batch is taken off: other images underflow."""
    top = log_w.max().detach()
    return (log_w - top).exp().mean(dim=0).log() + top


def wrong_epsilon_in_log(log_w):
    """1e-8 is added within the logarithm."""
    top = log_w.amax(dim=0)
    return torch.log((log_w - top).exp().mean(dim=0) + 1e-8) + top


def wrong_mean_taken_off(log_w):
    """The mean is taken off, not the maximum: overflows where weights differ much."""
    centre = log_w.mean(dim=0).detach()
    return centre + torch.log(torch.exp(log_w - centre).mean(dim=0))


def wrong_two_batch_mean_and_no_log_k(log_w):
    """The sum of the weights, and one number for the batch."""
    return torch.logsumexp(log_w, dim=0).mean()


def right_logsumexp(log_w):
    """logsumexp less log k."""
    return torch.logsumexp(log_w, dim=0) - math.log(log_w.shape[0])


def right_maximum(log_w):
    """Each image's maximum is taken off."""
    top = log_w.detach().max(dim=0).values
    return top + (log_w - top).exp().mean(dim=0).log()


def right_log_softmax(log_w):
    """The largest log weight less its log-softmax."""
    best = log_w.argmax(dim=0, keepdim=True)
    share = log_w.log_softmax(dim=0).gather(0, best)
    return (log_w.gather(0, best) - share).squeeze(0) - math.log(len(log_w))


def right_cumulative(log_w):
    """The last row of logcumsumexp, in float64."""
    return (torch.logcumsumexp(log_w.double(), dim=0)[-1] - math.log(log_w.shape[0])).to(log_w.dtype)


def open_reduce(log_w):
    """functools.reduce with logaddexp: open whether that is a loop."""
    total = functools.reduce(torch.logaddexp, log_w.double().unbind(0))
    return (total - math.log(log_w.shape[0])).to(log_w.dtype)


def open_first_weight(log_w):
    """log w_1 less its log-softmax: digits cancel in float32 where the first weight is small."""
    return log_w[0] - log_w.log_softmax(dim=0)[0] - math.log(log_w.shape[0])


def forbidden_loop(log_w):
    """One sample after the other."""
    rows = log_w.double()
    total = rows[0]
    for row in rows[1:]:
        total = torch.logaddexp(total, row)
    return (total - math.log(log_w.shape[0])).to(log_w.dtype)


def forbidden_comprehension(log_w):
    """One image after the other."""
    k = log_w.shape[0]
    return torch.stack([torch.logsumexp(column, dim=0) - math.log(k) for column in log_w.T])

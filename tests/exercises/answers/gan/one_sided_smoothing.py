"""Answers to `gan.one_sided_smoothing`, written from its statement alone."""

import torch
import torch.nn.functional as F


def _plus(x):
    """log(1 + e^x)."""
    return torch.logaddexp(torch.zeros_like(x), x)


def wrong_label_is_smooth(real_logits, fake_logits, smooth):
    """smooth is taken for the label itself."""
    real = smooth * _plus(-real_logits) + (1 - smooth) * _plus(real_logits)
    return real.mean() + _plus(fake_logits).mean()


def wrong_two_sided(real_logits, fake_logits, smooth):
    """Fakes get the label smooth too."""
    real = (1 - smooth) * _plus(-real_logits) + smooth * _plus(real_logits)
    fake = smooth * _plus(-fake_logits) + (1 - smooth) * _plus(fake_logits)
    return real.mean() + fake.mean()


def wrong_half_smooth(real_logits, fake_logits, smooth):
    """The label 1 - smooth / 2 of ordinary label smoothing."""
    real = (1 - smooth / 2) * _plus(-real_logits) + smooth / 2 * _plus(real_logits)
    return real.mean() + _plus(fake_logits).mean()


def wrong_second_term_missing(real_logits, fake_logits, smooth):
    """Only t log D, without (1 - t) log(1 - D)."""
    return (1 - smooth) * _plus(-real_logits).mean() + _plus(fake_logits).mean()


def wrong_fake_scaled(real_logits, fake_logits, smooth):
    """The fakes' cost is multiplied by the label as well."""
    real = (1 - smooth) * _plus(-real_logits) + smooth * _plus(real_logits)
    return real.mean() + (1 - smooth) * _plus(fake_logits).mean()


def wrong_fake_smoothed_instead(real_logits, fake_logits, smooth):
    """The fakes are smoothed, the reals are not."""
    fake = (1 - smooth) * _plus(fake_logits) + smooth * _plus(-fake_logits)
    return _plus(-real_logits).mean() + fake.mean()


def wrong_one_mean(real_logits, fake_logits, smooth):
    """Twice the mean over all points: wrong where N and M differ."""
    real = (1 - smooth) * _plus(-real_logits) + smooth * _plus(real_logits)
    return 2 * torch.cat([real, _plus(fake_logits)]).mean()


def wrong_probability_eps(real_logits, fake_logits, smooth):
    """Probabilities with 1e-8 in the logarithms."""
    d, g = torch.sigmoid(real_logits), torch.sigmoid(fake_logits)
    real = -(1 - smooth) * torch.log(d + 1e-8) - smooth * torch.log(1 - d + 1e-8)
    return real.mean() - torch.log(1 - g + 1e-8).mean()


def wrong_default_smooth(real_logits, fake_logits, smooth):
    """A smooth of 0 is taken for not given: 0.1."""
    smooth = smooth or 0.1
    real = (1 - smooth) * _plus(-real_logits) + smooth * _plus(real_logits)
    return real.mean() + _plus(fake_logits).mean()


def wrong_clamp_at_zero(real_logits, fake_logits, smooth):
    """max(x, 0) - t x + log1p(exp(-|x|)) with clamp: the gradient at 0 is off by one half."""

    def cost(x, t):
        return (x.clamp(min=0) - t * x + torch.log1p(torch.exp(-x.abs()))).mean()

    return cost(real_logits, 1 - smooth) + cost(fake_logits, 0.0)


def wrong_infinite_times_zero(real_logits, fake_logits, smooth):
    """log(1 - D) of a saturated D is -inf; the reals' logarithm alone is stable."""
    real = (1 - smooth) * _plus(-real_logits) - smooth * torch.log(1 - torch.sigmoid(real_logits))
    return real.mean() + _plus(fake_logits).mean()


def wrong_two_sided_halved(real_logits, fake_logits, smooth):
    """Both sides smoothed, and half the sum."""
    real = (1 - smooth) * _plus(-real_logits) + smooth * _plus(real_logits)
    fake = smooth * _plus(-fake_logits) + (1 - smooth) * _plus(fake_logits)
    return (real.mean() + fake.mean()) / 2


def right_logaddexp(real_logits, fake_logits, smooth):
    """Both logarithms by logaddexp."""
    real = (1 - smooth) * _plus(-real_logits) + smooth * _plus(real_logits)
    return real.mean() + _plus(fake_logits).mean()


def right_maximum(real_logits, fake_logits, smooth):
    """max(x, 0) + log1p(exp(-|x|)), whose gradient at 0 is one half."""

    def plus(x):
        return torch.maximum(x, torch.zeros_like(x)) + torch.log1p((-x.abs()).exp())

    real = plus(-real_logits).mean() * (1 - smooth) + plus(real_logits).mean() * smooth
    return real + plus(fake_logits).mean()


def right_linear_term(real_logits, fake_logits, smooth):
    """log(1 + e^-a) + smooth a: the label only adds a straight line."""
    return _plus(-real_logits).mean() + smooth * real_logits.mean() + _plus(fake_logits).mean()


def right_logsumexp_loop(real_logits, fake_logits, smooth):
    """Two classes: logsumexp minus the labels' logits, point by point, in float64."""

    def minus_log(a):
        return torch.logsumexp(torch.stack([torch.zeros_like(a), -a]), 0)

    real = 0.0
    for a in real_logits.double():
        real = real + (1 - smooth) * minus_log(a) + smooth * minus_log(-a)
    fake = 0.0
    for b in fake_logits.double():
        fake = fake + minus_log(-b)
    return (real / len(real_logits) + fake / len(fake_logits)).to(real_logits.dtype)


def forbidden_bce(real_logits, fake_logits, smooth):
    """F.binary_cross_entropy_with_logits with the smoothed label."""
    real = F.binary_cross_entropy_with_logits(real_logits, torch.full_like(real_logits, 1 - smooth))
    return real + F.binary_cross_entropy_with_logits(fake_logits, torch.zeros_like(fake_logits))


def forbidden_module(real_logits, fake_logits, smooth):
    """nn.BCEWithLogitsLoss."""
    loss = torch.nn.BCEWithLogitsLoss()
    real = loss(real_logits, torch.full_like(real_logits, 1 - smooth))
    return real + loss(fake_logits, torch.zeros_like(fake_logits))


def open_logsigmoid(real_logits, fake_logits, smooth):
    """Open: is F.logsigmoid ready-made? Here nothing says to write the logarithms oneself."""
    real = (1 - smooth) * F.logsigmoid(real_logits) + smooth * F.logsigmoid(-real_logits)
    return -real.mean() - F.logsigmoid(-fake_logits).mean()


def open_cancels(real_logits, fake_logits, smooth):
    """Open: log(1 + e^a) - (1 - s) a loses digits where smooth is 0 and a is large."""
    return (_plus(real_logits) - (1 - smooth) * real_logits).mean() + _plus(fake_logits).mean()


def wrong_slope_at_zero(real_logits, fake_logits, smooth):
    """max(a, 0) - t a + log1p(exp(-|a|)) with relu: its slope at exactly 0 is -t, not 1/2 - t."""

    def cost(a, t):
        return (F.relu(a) - t * a + torch.log1p(torch.exp(-a.abs()))).mean()

    return cost(real_logits, 1 - smooth) + cost(fake_logits, 0.0)


def wrong_slope_one_at_zero(real_logits, fake_logits, smooth):
    """TensorFlow's formula with clamp: its slope at exactly 0 is 1 - t, not 1/2 - t."""

    def cost(a, t):
        return (a.clamp(min=0) - a * t + torch.log1p(torch.exp(-a.abs()))).mean()

    return cost(real_logits, 1 - smooth) + cost(fake_logits, 0.0)

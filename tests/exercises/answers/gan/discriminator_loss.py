"""Answers to `gan.discriminator_loss`, written from its statement alone."""

import torch
import torch.nn.functional as F


def wrong_labels_swapped(real_logits, fake_logits):
    """Real points are called fake, and fakes real."""
    return (
        torch.logaddexp(torch.zeros_like(real_logits), real_logits).mean()
        + torch.logaddexp(torch.zeros_like(fake_logits), -fake_logits).mean()
    )


def wrong_both_real(real_logits, fake_logits):
    """log D for the fakes too, in place of log(1 - D)."""
    return (
        torch.logaddexp(torch.zeros_like(real_logits), -real_logits).mean()
        + torch.logaddexp(torch.zeros_like(fake_logits), -fake_logits).mean()
    )


def wrong_value_itself(real_logits, fake_logits):
    """The value to be maximised, without the minus."""
    return (
        -torch.logaddexp(torch.zeros_like(real_logits), -real_logits).mean()
        - torch.logaddexp(torch.zeros_like(fake_logits), fake_logits).mean()
    )


def wrong_halved(real_logits, fake_logits):
    """Half the sum of both means."""
    real = torch.logaddexp(torch.zeros_like(real_logits), -real_logits).mean()
    return (real + torch.logaddexp(torch.zeros_like(fake_logits), fake_logits).mean()) / 2


def wrong_one_mean(real_logits, fake_logits):
    """One mean over all points, doubled: wrong where N and M differ."""
    both = torch.cat([-real_logits, fake_logits])
    return 2 * torch.logaddexp(torch.zeros_like(both), both).mean()


def wrong_naive(real_logits, fake_logits):
    """The formula as it stands: inf and NaN at large logits."""
    real, fake = torch.sigmoid(real_logits), torch.sigmoid(fake_logits)
    return -torch.log(real).mean() - torch.log(1 - fake).mean()


def wrong_eps(real_logits, fake_logits):
    """1e-8 inside the logarithms, as in many programs."""
    real, fake = torch.sigmoid(real_logits), torch.sigmoid(fake_logits)
    return -(torch.log(real + 1e-8).mean() + torch.log(1 - fake + 1e-8).mean())


def wrong_clamp_at_zero(real_logits, fake_logits):
    """max(x, 0) by clamp: its gradient at 0 is 1, not one half."""
    real = (-real_logits).clamp(min=0) + torch.log1p(torch.exp(-real_logits.abs()))
    fake = fake_logits.clamp(min=0) + torch.log1p(torch.exp(-fake_logits.abs()))
    return real.mean() + fake.mean()


def wrong_where_nan(real_logits, fake_logits):
    """where picks the right value, but the branch left out sends NaN into the gradient."""

    def cost(x):
        return torch.where(x > 30, x, torch.log1p(torch.exp(x))).mean()

    return cost(-real_logits) + cost(fake_logits)


def wrong_logits_clamped(real_logits, fake_logits):
    """exp is kept from overflow by a clamp at 80."""
    real = torch.log1p(torch.exp((-real_logits).clamp(max=80)))
    return real.mean() + torch.log1p(torch.exp(fake_logits.clamp(max=80))).mean()


def wrong_fake_detached(real_logits, fake_logits):
    """The fakes are detached, as in a step of training: no gradient for their logits."""
    fake = fake_logits.detach()
    real = torch.logaddexp(torch.zeros_like(real_logits), -real_logits)
    return real.mean() + torch.logaddexp(torch.zeros_like(fake), fake).mean()


def wrong_sum_in_bits(real_logits, fake_logits):
    """Sums for means, and bits for nats."""
    real = torch.logaddexp2(torch.zeros_like(real_logits), -real_logits / torch.log(torch.tensor(2.0)))
    fake = torch.logaddexp2(torch.zeros_like(fake_logits), fake_logits / torch.log(torch.tensor(2.0)))
    return real.sum() + fake.sum()


def right_logaddexp(real_logits, fake_logits):
    """log(e^0 + e^x)."""
    real = torch.logaddexp(torch.zeros_like(real_logits), -real_logits)
    return real.mean() + torch.logaddexp(torch.zeros_like(fake_logits), fake_logits).mean()


def right_maximum(real_logits, fake_logits):
    """max(x, 0) + log1p(exp(-|x|)); torch.maximum halves its gradient at 0."""

    def cost(x):
        return torch.maximum(x, torch.zeros_like(x)) + torch.log1p(torch.exp(-torch.abs(x)))

    return cost(-real_logits).mean() + cost(fake_logits).mean()


def right_safe_where(real_logits, fake_logits):
    """Two branches, each with a harmless argument where it is not chosen."""

    def log_sigmoid(x):
        positive = x > 0
        zero = torch.zeros_like(x)
        high = -torch.log1p(torch.exp(-torch.where(positive, x, zero)))
        low = torch.where(positive, zero, x)
        low = low - torch.log1p(torch.exp(low))
        return torch.where(positive, high, low)

    return -(log_sigmoid(real_logits).mean() + log_sigmoid(-fake_logits).mean())


def right_logsumexp(real_logits, fake_logits):
    """logsumexp over the logits of both classes, in a loop."""
    zero = real_logits.new_zeros(())
    real = [torch.logsumexp(torch.stack([zero, -a]), 0) for a in real_logits]
    fake = [torch.logsumexp(torch.stack([zero, b]), 0) for b in fake_logits]
    return sum(real) / len(real) + sum(fake) / len(fake)


def forbidden_bce(real_logits, fake_logits):
    """F.binary_cross_entropy_with_logits."""
    real = F.binary_cross_entropy_with_logits(real_logits, torch.ones_like(real_logits))
    return real + F.binary_cross_entropy_with_logits(fake_logits, torch.zeros_like(fake_logits))


def forbidden_distributions(real_logits, fake_logits):
    """Bernoulli's log_prob."""
    bernoulli = torch.distributions.Bernoulli
    real = bernoulli(logits=real_logits).log_prob(torch.ones_like(real_logits))
    fake = bernoulli(logits=fake_logits).log_prob(torch.zeros_like(fake_logits))
    return -real.mean() - fake.mean()


def open_logsigmoid(real_logits, fake_logits):
    """Open: F.logsigmoid is no loss, but the logarithm is not written by oneself."""
    return -F.logsigmoid(real_logits).mean() - F.logsigmoid(-fake_logits).mean()


def open_softplus(real_logits, fake_logits):
    """Open: F.softplus is no loss, but ready-made; and beyond 20 its gradient is off by 2e-9."""
    return F.softplus(-real_logits).mean() + F.softplus(fake_logits).mean()


def open_log_of_one_plus(real_logits, fake_logits):
    """Open: log(1 + exp(-|x|)) in place of log1p; only losses near 0 lose their digits."""

    def cost(x):
        return torch.maximum(x, torch.zeros_like(x)) + torch.log(1 + torch.exp(-x.abs()))

    return cost(-real_logits).mean() + cost(fake_logits).mean()


def wrong_slope_at_zero(real_logits, fake_logits):
    """relu(a) + log1p(exp(-|a|)) has the slope 0 at a logit of exactly 0."""

    def soft(a):
        return torch.relu(a) + torch.log1p(torch.exp(-torch.abs(a)))

    return soft(-real_logits).mean() + soft(fake_logits).mean()


def wrong_slope_one_at_zero(real_logits, fake_logits):
    """clamp(min=0) + log1p(exp(-|a|)) has the slope 1 at a logit of exactly 0."""

    def soft(a):
        return a.clamp(min=0) + torch.log1p(torch.exp(-a.abs()))

    return soft(-real_logits).mean() + soft(fake_logits).mean()

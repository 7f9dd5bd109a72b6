"""Answers to `gan.broken_game`, written from its statement alone."""

import torch
import torch.nn.functional as F

bce = F.binary_cross_entropy_with_logits


def wrong_sigmoid_left(real_logits, fake_logits):
    """Labels and sign are fixed, the double sigmoid stays."""
    real, fake = torch.sigmoid(real_logits), torch.sigmoid(fake_logits)
    d_loss = bce(real, torch.ones_like(real)) + bce(fake, torch.zeros_like(fake))
    return d_loss, -F.logsigmoid(fake_logits).mean()


def wrong_labels_left(real_logits, fake_logits):
    """Double sigmoid and sign are fixed, fakes still have the label 1."""
    d_loss = bce(real_logits, torch.ones_like(real_logits)) + bce(fake_logits, torch.ones_like(fake_logits))
    return d_loss, -F.logsigmoid(fake_logits).mean()


def wrong_sign_left(real_logits, fake_logits):
    """The discriminator is fixed, the generator's sign is not."""
    d_loss = bce(real_logits, torch.ones_like(real_logits)) + bce(fake_logits, torch.zeros_like(fake_logits))
    return d_loss, F.logsigmoid(fake_logits).mean()


def wrong_zeros_for_real(real_logits, fake_logits):
    """The zeros went to the real points."""
    d_loss = bce(real_logits, torch.zeros_like(real_logits)) + bce(fake_logits, torch.ones_like(fake_logits))
    return d_loss, -F.logsigmoid(fake_logits).mean()


def wrong_saturating(real_logits, fake_logits):
    """The generator's loss is the saturating log(1 - D)."""
    d_loss = bce(real_logits, torch.ones_like(real_logits)) + bce(fake_logits, torch.zeros_like(fake_logits))
    return d_loss, F.logsigmoid(-fake_logits).mean()


def wrong_bce_of_probabilities(real_logits, fake_logits):
    """F.binary_cross_entropy of the probabilities: its logarithms stop at -100."""
    real, fake = torch.sigmoid(real_logits), torch.sigmoid(fake_logits)
    d_loss = F.binary_cross_entropy(real, torch.ones_like(real))
    d_loss = d_loss + F.binary_cross_entropy(fake, torch.zeros_like(fake))
    return d_loss, -F.logsigmoid(fake_logits).mean()


def wrong_halved(real_logits, fake_logits):
    """The discriminator's two parts are averaged, as DCGAN tutorials do."""
    d_loss = bce(real_logits, torch.ones_like(real_logits)) + bce(fake_logits, torch.zeros_like(fake_logits))
    return d_loss / 2, -F.logsigmoid(fake_logits).mean()


def wrong_fake_detached(real_logits, fake_logits):
    """The fakes are detached in the discriminator's loss."""
    fake = fake_logits.detach()
    d_loss = bce(real_logits, torch.ones_like(real_logits)) + bce(fake, torch.zeros_like(fake))
    return d_loss, bce(fake_logits, torch.ones_like(fake_logits))


def wrong_clamp_at_zero(real_logits, fake_logits):
    """Stable by clamp and abs, whose gradient at the logit 0 is not one half."""

    def cost(x, t):
        return (x.clamp(min=0) - x * t + torch.log1p(torch.exp(-x.abs()))).mean()

    return cost(real_logits, 1.0) + cost(fake_logits, 0.0), cost(fake_logits, 1.0)


def wrong_generator_log_eps(real_logits, fake_logits):
    """The generator's logarithm gets 1e-8 against -inf."""
    d_loss = bce(real_logits, torch.ones_like(real_logits)) + bce(fake_logits, torch.zeros_like(fake_logits))
    return d_loss, -torch.log(torch.sigmoid(fake_logits) + 1e-8).mean()


def wrong_logits_clamped(real_logits, fake_logits):
    """Logits are clamped to 50 against overflow."""
    real, fake = real_logits.clamp(-50, 50), fake_logits.clamp(-50, 50)
    return F.softplus(-real).mean() + F.softplus(fake).mean(), F.softplus(-fake).mean()


def wrong_order_and_labels(real_logits, fake_logits):
    """Fakes still have the label 1, and the generator's loss comes first."""
    d_loss = bce(real_logits, torch.ones_like(real_logits)) + bce(fake_logits, torch.ones_like(fake_logits))
    return -F.logsigmoid(fake_logits).mean(), d_loss


def right_logits(real_logits, fake_logits):
    """The program with its three bugs fixed."""
    real_loss = bce(real_logits, torch.ones_like(real_logits))
    fake_loss = bce(fake_logits, torch.zeros_like(fake_logits))
    return real_loss + fake_loss, -F.logsigmoid(fake_logits).mean()


def right_logsigmoid(real_logits, fake_logits):
    """Logarithms of sigmoids alone."""
    d_loss = -F.logsigmoid(real_logits).mean() - F.logsigmoid(-fake_logits).mean()
    return d_loss, F.logsigmoid(fake_logits).mean().neg()


def right_logaddexp(real_logits, fake_logits):
    """log(e^0 + e^x)."""
    d_loss = torch.logaddexp(torch.zeros_like(real_logits), -real_logits).mean()
    zero = torch.zeros_like(fake_logits)
    return d_loss + torch.logaddexp(zero, fake_logits).mean(), torch.logaddexp(zero, -fake_logits).mean()


def right_two_classes(real_logits, fake_logits):
    """Cross-entropy of two classes, fake 0 and real 1."""

    def cost(x, label):
        pair = torch.stack([torch.zeros_like(x), x], 1)
        return F.cross_entropy(pair, torch.full((len(x),), label, dtype=torch.long))

    return cost(real_logits, 1) + cost(fake_logits, 0), cost(fake_logits, 1)


def open_softplus(real_logits, fake_logits):
    """Open: beyond 20 F.softplus is x itself, so a gradient is off by up to 2e-9."""
    return F.softplus(-real_logits).mean() + F.softplus(fake_logits).mean(), F.softplus(-fake_logits).mean()

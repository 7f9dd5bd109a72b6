"""Answers to `gan.least_squares_losses`, written from its statement alone."""

import torch
import torch.nn.functional as F


def wrong_no_half(real_logits, fake_logits):
    """The halves are missing."""
    d_loss = (real_logits - 1).square().mean() + fake_logits.square().mean()
    return d_loss, (fake_logits - 1).square().mean()


def wrong_generator_no_half(real_logits, fake_logits):
    """Only the generator's half is missing."""
    d_loss = ((real_logits - 1).square().mean() + fake_logits.square().mean()) / 2
    return d_loss, F.mse_loss(fake_logits, torch.ones_like(fake_logits))


def wrong_sigmoid(real_logits, fake_logits):
    """Squares of probabilities, not of raw outputs."""
    real, fake = torch.sigmoid(real_logits), torch.sigmoid(fake_logits)
    return (real - 1).square().mean() / 2 + fake.square().mean() / 2, (fake - 1).square().mean() / 2


def wrong_other_labels(real_logits, fake_logits):
    """The paper's other labels: fakes -1, reals 1, the generator's aim 0."""
    d_loss = (real_logits - 1).square().mean() / 2 + (fake_logits + 1).square().mean() / 2
    return d_loss, fake_logits.square().mean() / 2


def wrong_generator_negated(real_logits, fake_logits):
    """The generator maximises what the discriminator pays for fakes."""
    d_loss = (real_logits - 1).square().mean() / 2 + fake_logits.square().mean() / 2
    return d_loss, -fake_logits.square().mean() / 2


def wrong_fake_detached(real_logits, fake_logits):
    """Fakes are detached in the discriminator's loss."""
    d_loss = (real_logits - 1).square().mean() / 2 + fake_logits.detach().square().mean() / 2
    return d_loss, (fake_logits - 1).square().mean() / 2


def wrong_labels_swapped(real_logits, fake_logits):
    """The discriminator pulls reals to 0 and fakes to 1."""
    d_loss = real_logits.square().mean() / 2 + (fake_logits - 1).square().mean() / 2
    return d_loss, (fake_logits - 1).square().mean() / 2


def wrong_one_mean(real_logits, fake_logits):
    """One mean over both sets: right only for N = M."""
    errors = torch.cat([real_logits - 1, fake_logits])
    return errors.square().mean(), (fake_logits - 1).square().mean() / 2


def wrong_one_count(real_logits, fake_logits):
    """N divides everywhere, also the fakes' sums."""
    n = 2 * len(real_logits)
    d_loss = ((real_logits - 1).square().sum() + fake_logits.square().sum()) / n
    return d_loss, (fake_logits - 1).square().sum() / n


def wrong_huber(real_logits, fake_logits):
    """smooth_l1_loss: the same half square, but straight beyond 1."""
    d_loss = F.smooth_l1_loss(real_logits, torch.ones_like(real_logits))
    d_loss = d_loss + F.smooth_l1_loss(fake_logits, torch.zeros_like(fake_logits))
    return d_loss, F.smooth_l1_loss(fake_logits, torch.ones_like(fake_logits))


def wrong_float32_inside(real_logits, fake_logits):
    """float32 inside, cast back at the end."""
    real, fake = real_logits.float(), fake_logits.float()
    d_loss = 0.5 * (real - 1).square().mean() + 0.5 * fake.square().mean()
    return d_loss.to(real_logits.dtype), (0.5 * (fake - 1).square().mean()).to(real_logits.dtype)


def wrong_sum_and_order(real_logits, fake_logits):
    """Sums for means, and the generator's loss first."""
    d_loss = ((real_logits - 1).square().sum() + fake_logits.square().sum()) / 2
    return (fake_logits - 1).square().sum() / 2, d_loss


def right_plain(real_logits, fake_logits):
    """The formulas."""
    d_loss = (real_logits - 1).square().mean() / 2 + fake_logits.square().mean() / 2
    return d_loss, (fake_logits - 1).square().mean() / 2


def right_mse(real_logits, fake_logits):
    """F.mse_loss."""
    real = F.mse_loss(real_logits, torch.ones_like(real_logits))
    fake = F.mse_loss(fake_logits, torch.zeros_like(fake_logits))
    return 0.5 * (real + fake), 0.5 * F.mse_loss(fake_logits, torch.ones_like(fake_logits))


def right_dot(real_logits, fake_logits):
    """Scalar products."""

    def half(x):
        return torch.dot(x, x) / (2 * x.numel())

    return half(real_logits - 1) + half(fake_logits), half(1 - fake_logits)


def right_loop(real_logits, fake_logits):
    """A loop over the points, in float64."""
    real = sum((a.double() - 1) ** 2 for a in real_logits) / (2 * len(real_logits))
    fake = sum(b.double() ** 2 for b in fake_logits) / (2 * len(fake_logits))
    g_loss = sum((b.double() - 1) ** 2 for b in fake_logits) / (2 * len(fake_logits))
    return (real + fake).to(real_logits.dtype), g_loss.to(fake_logits.dtype)


def open_expanded(real_logits, fake_logits):
    """Open: squares multiplied out lose digits where outputs are near 1."""
    fake_square = fake_logits.square().mean()
    d_loss = real_logits.square().mean() - 2 * real_logits.mean() + 1 + fake_square
    return d_loss / 2, (fake_square - 2 * fake_logits.mean() + 1) / 2

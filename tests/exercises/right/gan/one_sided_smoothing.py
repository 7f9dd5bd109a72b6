"""Right answers to `one_sided_smoothing` in other words than the solution's."""

import torch
import torch.nn.functional as F


def loss_by_softplus(real_logits, fake_logits, smooth):
    """The same: the cross-entropy with a label t is softplus(a) - t a."""
    real_loss = (F.softplus(real_logits) - (1 - smooth) * real_logits).mean()
    return real_loss + F.softplus(fake_logits).mean()


def loss_by_correction(real_logits, fake_logits, smooth):
    """The same: a point's two costs differ by its logit, so smoothing adds smooth times the mean logit."""
    plain = -F.logsigmoid(real_logits).mean() - F.logsigmoid(-fake_logits).mean()
    return plain + smooth * real_logits.mean()


def loss_by_two_classes(real_logits, fake_logits, smooth):
    """The same as softmax cross-entropies over two classes, fake and real, whose logits are 0 and a."""

    def log_p(logits):
        return torch.stack([torch.zeros_like(logits), logits], dim=1).log_softmax(dim=1)

    labels = real_logits.new_tensor([smooth, 1 - smooth])
    return -(log_p(real_logits) @ labels).mean() - log_p(fake_logits)[:, 0].mean()


RIGHT = (loss_by_softplus, loss_by_correction, loss_by_two_classes)

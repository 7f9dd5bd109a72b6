"""Right answers to `adam` in other words than the solution's."""

import torch


def adam_in_place(w, gradients, lr, beta1, beta2, eps):
    """The same in place, in a copy; PyTorch corrects the root and the rate instead of v and m."""
    w, m, v = w.clone(), torch.zeros_like(w), torch.zeros_like(w)
    power1 = power2 = 1.0
    for g in gradients:
        power1, power2 = power1 * beta1, power2 * beta2
        m.lerp_(g, 1 - beta1)
        v.mul_(beta2).addcmul_(g, g, value=1 - beta2)
        w.addcdiv_(m, (v.sqrt() / (1 - power2) ** 0.5).add_(eps), value=-lr / (1 - power1))
    return w


def adam_by_means(w, gradients, lr, beta1, beta2, eps):
    """The same: each corrected moment is a weighted mean of what has been seen."""
    for t in range(1, len(gradients) + 1):
        age = torch.arange(t - 1, -1, -1, dtype=w.dtype)
        share1, share2 = beta1**age, beta2**age
        m_hat = share1 @ gradients[:t] / share1.sum()
        v_hat = share2 @ gradients[:t].square() / share2.sum()
        w = w - lr * m_hat / (v_hat**0.5 + eps)
    return w


def adam_by_weight(w, gradients, lr, beta1, beta2, eps):
    """The same for one weight after the other, in Python's floats."""
    new = []
    for value, column in zip(w.tolist(), gradients.T.tolist(), strict=True):
        m = v = 0.0
        for t, g in enumerate(column, 1):
            m, v = m + (1 - beta1) * (g - m), v + (1 - beta2) * (g * g - v)
            value -= lr * (m / (1 - beta1**t)) / ((v / (1 - beta2**t)) ** 0.5 + eps)
        new.append(value)
    return torch.tensor(new, dtype=w.dtype)


RIGHT = (adam_in_place, adam_by_means, adam_by_weight)

"""Right answers to `broken_adamw` in other words than the solution's."""

import torch


def adamw_in_one_line(w, gradients, lr, beta1, beta2, eps, weight_decay):
    """The same: the decay of the weights before the step, in the line of the step."""
    m = v = 0.0 * w
    for t in range(1, len(gradients) + 1):
        g = gradients[t - 1]
        m = m + (1 - beta1) * (g - m)
        v = v + (1 - beta2) * (g**2 - v)
        step = m / (1 - beta1**t) / ((v / (1 - beta2**t)) ** 0.5 + eps)
        w = w - lr * (step + weight_decay * w)
    return w


def adamw_by_adam(w, gradients, lr, beta1, beta2, eps, weight_decay):
    """The same: PyTorch's Adam without any decay, and the weights shrunk before each of its steps."""
    weights = torch.nn.Parameter(w.clone())
    optimizer = torch.optim.Adam([weights], lr, (beta1, beta2), eps)
    for g in gradients:
        with torch.no_grad():
            weights -= lr * weight_decay * weights
        weights.grad = g.clone()
        optimizer.step()
    return weights.detach()


def adamw_by_sums(w, gradients, lr, beta1, beta2, eps, weight_decay):
    """The same: the steps do not depend on the weights, so each can be shrunk for all steps that follow."""
    keep, total = 1 - lr * weight_decay, len(gradients)
    new = w * keep**total
    for t in range(1, total + 1):
        age = torch.arange(t - 1, -1, -1, dtype=w.dtype)
        share1, share2 = beta1**age, beta2**age
        m_hat = share1 @ gradients[:t] / share1.sum()
        v_hat = share2 @ gradients[:t].square() / share2.sum()
        new = new - keep ** (total - t) * lr * m_hat / (v_hat.sqrt() + eps)
    return new


RIGHT = (adamw_in_one_line, adamw_by_adam, adamw_by_sums)

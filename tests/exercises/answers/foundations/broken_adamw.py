"""Answers to `foundations.broken_adamw`, written from its statement alone."""

import torch


def wrong_decay_after_step(w, gradients, lr, beta1, beta2, eps, weight_decay):
    """The decay comes after the step and shrinks it too."""
    m, v = torch.zeros_like(w), torch.zeros_like(w)
    for t, g in enumerate(gradients, start=1):
        m = beta1 * m + (1 - beta1) * g
        v = beta2 * v + (1 - beta2) * g.square()
        m_hat = m / (1 - beta1**t)
        v_hat = v / (1 - beta2**t)
        w = w - lr * m_hat / (v_hat.sqrt() + eps)
        w = w * (1 - lr * weight_decay)
    return w


def wrong_decay_without_rate(w, gradients, lr, beta1, beta2, eps, weight_decay):
    """The share that decays is weight_decay, without the learning rate."""
    m, v = torch.zeros_like(w), torch.zeros_like(w)
    for t, g in enumerate(gradients, start=1):
        w = w * (1 - weight_decay)
        m = beta1 * m + (1 - beta1) * g
        v = beta2 * v + (1 - beta2) * g.square()
        m_hat = m / (1 - beta1**t)
        v_hat = v / (1 - beta2**t)
        w = w - lr * m_hat / (v_hat.sqrt() + eps)
    return w


def wrong_decay_in_m_only(w, gradients, lr, beta1, beta2, eps, weight_decay):
    """The decay is kept out of v only, and still divided by its root."""
    m, v = torch.zeros_like(w), torch.zeros_like(w)
    for t, g in enumerate(gradients, start=1):
        m = beta1 * m + (1 - beta1) * (g + weight_decay * w)
        v = beta2 * v + (1 - beta2) * g.square()
        m_hat = m / (1 - beta1**t)
        v_hat = v / (1 - beta2**t)
        w = w - lr * m_hat / (v_hat.sqrt() + eps)
    return w


def wrong_decay_over_root(w, gradients, lr, beta1, beta2, eps, weight_decay):
    """The decay is added to the corrected m, inside the bracket that is divided."""
    m, v = torch.zeros_like(w), torch.zeros_like(w)
    for t, g in enumerate(gradients, start=1):
        m = beta1 * m + (1 - beta1) * g
        v = beta2 * v + (1 - beta2) * g.square()
        m_hat = m / (1 - beta1**t)
        v_hat = v / (1 - beta2**t)
        w = w - lr * (m_hat + weight_decay * w) / (v_hat.sqrt() + eps)
    return w


def wrong_both_decays(w, gradients, lr, beta1, beta2, eps, weight_decay):
    """Half a fix: the decay beside the step is added, the one in the gradient stays."""
    m, v = torch.zeros_like(w), torch.zeros_like(w)
    for t, g in enumerate(gradients, start=1):
        g = g + weight_decay * w
        w = w * (1 - lr * weight_decay)
        m = beta1 * m + (1 - beta1) * g
        v = beta2 * v + (1 - beta2) * g.square()
        m_hat = m / (1 - beta1**t)
        v_hat = v / (1 - beta2**t)
        w = w - lr * m_hat / (v_hat.sqrt() + eps)
    return w


def wrong_decay_once(w, gradients, lr, beta1, beta2, eps, weight_decay):
    """The decay stands before the loop: once, not at each step."""
    m, v = torch.zeros_like(w), torch.zeros_like(w)
    w = w - lr * weight_decay * w
    for t, g in enumerate(gradients, start=1):
        m = beta1 * m + (1 - beta1) * g
        v = beta2 * v + (1 - beta2) * g.square()
        m_hat = m / (1 - beta1**t)
        v_hat = v / (1 - beta2**t)
        w = w - lr * m_hat / (v_hat.sqrt() + eps)
    return w


def wrong_decay_of_first_weights(w, gradients, lr, beta1, beta2, eps, weight_decay):
    """Each step takes the same amount, a share of the weights before the first step."""
    m, v = torch.zeros_like(w), torch.zeros_like(w)
    decay = lr * weight_decay * w
    for t, g in enumerate(gradients, start=1):
        w = w - decay
        m = beta1 * m + (1 - beta1) * g
        v = beta2 * v + (1 - beta2) * g.square()
        m_hat = m / (1 - beta1**t)
        v_hat = v / (1 - beta2**t)
        w = w - lr * m_hat / (v_hat.sqrt() + eps)
    return w


def wrong_decay_in_place(w, gradients, lr, beta1, beta2, eps, weight_decay):
    """The decay is done in place, as in PyTorch, and changes the caller's weights."""
    m, v = torch.zeros_like(w), torch.zeros_like(w)
    for t, g in enumerate(gradients, start=1):
        w.mul_(1 - lr * weight_decay)
        m = beta1 * m + (1 - beta1) * g
        v = beta2 * v + (1 - beta2) * g.square()
        m_hat = m / (1 - beta1**t)
        v_hat = v / (1 - beta2**t)
        w = w - lr * m_hat / (v_hat.sqrt() + eps)
    return w


def wrong_idle_weights_keep(w, gradients, lr, beta1, beta2, eps, weight_decay):
    """Only weights that have a gradient at this step decay."""
    m, v = torch.zeros_like(w), torch.zeros_like(w)
    for t, g in enumerate(gradients, start=1):
        w = torch.where(g != 0, w - lr * weight_decay * w, w)
        m = beta1 * m + (1 - beta1) * g
        v = beta2 * v + (1 - beta2) * g.square()
        m_hat = m / (1 - beta1**t)
        v_hat = v / (1 - beta2**t)
        w = w - lr * m_hat / (v_hat.sqrt() + eps)
    return w


def wrong_exponential_decay(w, gradients, lr, beta1, beta2, eps, weight_decay):
    """exp(-lr * weight_decay) in place of 1 - lr * weight_decay: close for small ones."""
    m, v = torch.zeros_like(w), torch.zeros_like(w)
    keep = torch.exp(torch.tensor(-lr * weight_decay, dtype=w.dtype))
    for t, g in enumerate(gradients, start=1):
        w = keep * w
        m = beta1 * m + (1 - beta1) * g
        v = beta2 * v + (1 - beta2) * g.square()
        m_hat = m / (1 - beta1**t)
        v_hat = v / (1 - beta2**t)
        w = w - lr * m_hat / (v_hat.sqrt() + eps)
    return w


def wrong_default_decay(w, gradients, lr, beta1, beta2, eps, weight_decay):
    """A weight_decay of 0 is taken for not given and becomes PyTorch's 0.01."""
    weight_decay = weight_decay or 0.01
    m, v = torch.zeros_like(w), torch.zeros_like(w)
    for t, g in enumerate(gradients, start=1):
        w = w - lr * weight_decay * w
        m = beta1 * m + (1 - beta1) * g
        v = beta2 * v + (1 - beta2) * g.square()
        m_hat = m / (1 - beta1**t)
        v_hat = v / (1 - beta2**t)
        w = w - lr * m_hat / (v_hat.sqrt() + eps)
    return w


def wrong_late_and_without_rate(w, gradients, lr, beta1, beta2, eps, weight_decay):
    """Two mistakes: the decay comes after the step, and lacks the learning rate."""
    m, v = torch.zeros_like(w), torch.zeros_like(w)
    for t, g in enumerate(gradients, start=1):
        m = beta1 * m + (1 - beta1) * g
        v = beta2 * v + (1 - beta2) * g.square()
        m_hat = m / (1 - beta1**t)
        v_hat = v / (1 - beta2**t)
        w = w - lr * m_hat / (v_hat.sqrt() + eps)
        w = w - weight_decay * w
    return w


def right_shrink_first(w, gradients, lr, beta1, beta2, eps, weight_decay):
    """The line that decays moves from the gradient to the weights."""
    m, v = torch.zeros_like(w), torch.zeros_like(w)
    for t, g in enumerate(gradients, start=1):
        w = w * (1 - lr * weight_decay)
        m = beta1 * m + (1 - beta1) * g
        v = beta2 * v + (1 - beta2) * g.square()
        m_hat = m / (1 - beta1**t)
        v_hat = v / (1 - beta2**t)
        w = w - lr * m_hat / (v_hat.sqrt() + eps)
    return w


def right_one_bracket(w, gradients, lr, beta1, beta2, eps, weight_decay):
    """The decay stands beside the quotient, in the bracket after lr: the old weights in both."""
    m, v = torch.zeros_like(w), torch.zeros_like(w)
    for t, g in enumerate(gradients, start=1):
        m = beta1 * m + (1 - beta1) * g
        v = beta2 * v + (1 - beta2) * g.square()
        m_hat = m / (1 - beta1**t)
        v_hat = v / (1 - beta2**t)
        w = w - lr * (m_hat / (v_hat.sqrt() + eps) + weight_decay * w)
    return w


def right_optimizer(w, gradients, lr, beta1, beta2, eps, weight_decay):
    """torch.optim.AdamW on a copy."""
    p = torch.nn.Parameter(w.detach().clone())
    optimizer = torch.optim.AdamW([p], lr=lr, betas=(beta1, beta2), eps=eps, weight_decay=weight_decay)
    for g in gradients:
        p.grad = g.clone()
        optimizer.step()
    return p.detach().clone()


def right_moves_first(w, gradients, lr, beta1, beta2, eps, weight_decay):
    """All moves of Adam, which do not depend on the weights, then a weighted sum of them, in float64."""
    m = v = torch.zeros_like(w, dtype=torch.float64)
    moves = []
    for t, g in enumerate(gradients.double(), start=1):
        m = beta1 * m + (1 - beta1) * g
        v = beta2 * v + (1 - beta2) * g.square()
        moves.append(lr * (m / (1 - beta1**t)) / ((v / (1 - beta2**t)).sqrt() + eps))
    keep = 1 - lr * weight_decay
    out = keep ** len(moves) * w.double()
    for age, move in enumerate(reversed(moves)):
        out = out - keep**age * move
    return out.to(w.dtype)

"""Answers to `foundations.adam`, written from its statement alone."""

import torch


def wrong_no_correction(w, gradients, lr, beta1, beta2, eps):
    """The averages are not corrected for beginning at 0."""
    m, v = torch.zeros_like(w), torch.zeros_like(w)
    for g in gradients:
        m = beta1 * m + (1 - beta1) * g
        v = beta2 * v + (1 - beta2) * g**2
        w = w - lr * m / (v.sqrt() + eps)
    return w


def wrong_correction_one_step_late(w, gradients, lr, beta1, beta2, eps):
    """The power in the correction is one too high: t + 1 for step t."""
    m, v = torch.zeros_like(w), torch.zeros_like(w)
    t = 1
    for g in gradients:
        t += 1
        m = beta1 * m + (1 - beta1) * g
        v = beta2 * v + (1 - beta2) * g**2
        w = w - lr * (m / (1 - beta1**t)) / ((v / (1 - beta2**t)).sqrt() + eps)
    return w


def wrong_eps_inside_root(w, gradients, lr, beta1, beta2, eps):
    """eps is added under the root."""
    m, v = torch.zeros_like(w), torch.zeros_like(w)
    for t, g in enumerate(gradients, start=1):
        m = beta1 * m + (1 - beta1) * g
        v = beta2 * v + (1 - beta2) * g**2
        w = w - lr * (m / (1 - beta1**t)) / torch.sqrt(v / (1 - beta2**t) + eps)
    return w


def wrong_eps_beside_raw_root(w, gradients, lr, beta1, beta2, eps):
    """The paper's faster order, with eps beside the root of the uncorrected average."""
    m, v = torch.zeros_like(w), torch.zeros_like(w)
    for t, g in enumerate(gradients, start=1):
        m = beta1 * m + (1 - beta1) * g
        v = beta2 * v + (1 - beta2) * g**2
        rate = lr * (1 - beta2**t) ** 0.5 / (1 - beta1**t)
        w = w - rate * m / (v.sqrt() + eps)
    return w


def wrong_corrected_average_kept(w, gradients, lr, beta1, beta2, eps):
    """The corrected averages replace the averages, and are corrected again at the next step."""
    m, v = torch.zeros_like(w), torch.zeros_like(w)
    for t, g in enumerate(gradients, start=1):
        m = beta1 * m + (1 - beta1) * g
        v = beta2 * v + (1 - beta2) * g**2
        m = m / (1 - beta1**t)
        v = v / (1 - beta2**t)
        w = w - lr * m / (v.sqrt() + eps)
    return w


def wrong_squares_of_average(w, gradients, lr, beta1, beta2, eps):
    """v averages the squares of m, not of the gradient."""
    m, v = torch.zeros_like(w), torch.zeros_like(w)
    for t, g in enumerate(gradients, start=1):
        m = beta1 * m + (1 - beta1) * g
        v = beta2 * v + (1 - beta2) * m**2
        w = w - lr * (m / (1 - beta1**t)) / ((v / (1 - beta2**t)).sqrt() + eps)
    return w


def wrong_amsgrad(w, gradients, lr, beta1, beta2, eps):
    """AMSGrad: divides by the largest v so far."""
    m, v, top = torch.zeros_like(w), torch.zeros_like(w), torch.zeros_like(w)
    for t, g in enumerate(gradients, start=1):
        m = beta1 * m + (1 - beta1) * g
        v = beta2 * v + (1 - beta2) * g**2
        top = torch.maximum(top, v / (1 - beta2**t))
        w = w - lr * (m / (1 - beta1**t)) / (top.sqrt() + eps)
    return w


def wrong_weights_overwritten(w, gradients, lr, beta1, beta2, eps):
    """The right numbers, but the weights of the caller are updated in place."""
    m, v = torch.zeros_like(w), torch.zeros_like(w)
    for t, g in enumerate(gradients, start=1):
        m = beta1 * m + (1 - beta1) * g
        v = beta2 * v + (1 - beta2) * g**2
        w -= lr * (m / (1 - beta1**t)) / ((v / (1 - beta2**t)).sqrt() + eps)
    return w


def wrong_zero_means_default(w, gradients, lr, beta1, beta2, eps):
    """A beta of 0 is taken for not given, and becomes the usual one."""
    beta1, beta2 = beta1 or 0.9, beta2 or 0.999
    m, v = torch.zeros_like(w), torch.zeros_like(w)
    for t, g in enumerate(gradients, start=1):
        m = beta1 * m + (1 - beta1) * g
        v = beta2 * v + (1 - beta2) * g**2
        w = w - lr * (m / (1 - beta1**t)) / ((v / (1 - beta2**t)).sqrt() + eps)
    return w


def wrong_powers_in_float32(w, gradients, lr, beta1, beta2, eps):
    """The powers of the betas are float32 tensors, which cost the correction its digits."""
    steps = torch.arange(1, len(gradients) + 1)
    correct1 = 1 - torch.tensor(beta1, dtype=torch.float32) ** steps
    correct2 = 1 - torch.tensor(beta2, dtype=torch.float32) ** steps
    m, v = torch.zeros_like(w), torch.zeros_like(w)
    for t, g in enumerate(gradients):
        m = beta1 * m + (1 - beta1) * g
        v = beta2 * v + (1 - beta2) * g**2
        w = w - lr * (m / correct1[t]) / ((v / correct2[t]).sqrt() + eps)
    return w


def wrong_idle_weights_rest(w, gradients, lr, beta1, beta2, eps):
    """A weight whose gradient is 0 does not move in this step, as in a sparse Adam."""
    m, v = torch.zeros_like(w), torch.zeros_like(w)
    for t, g in enumerate(gradients, start=1):
        m = beta1 * m + (1 - beta1) * g
        v = beta2 * v + (1 - beta2) * g**2
        step = lr * (m / (1 - beta1**t)) / ((v / (1 - beta2**t)).sqrt() + eps)
        w = torch.where(g == 0, w, w - step)
    return w


def wrong_uncorrected_v_and_eps_inside(w, gradients, lr, beta1, beta2, eps):
    """Two mistakes: only m is corrected, and eps stands under the root."""
    m, v = torch.zeros_like(w), torch.zeros_like(w)
    for t, g in enumerate(gradients, start=1):
        m = beta1 * m + (1 - beta1) * g
        v = beta2 * v + (1 - beta2) * g**2
        w = w - lr * (m / (1 - beta1**t)) / (v + eps).sqrt()
    return w


def right_loop(w, gradients, lr, beta1, beta2, eps):
    """The formulas, step by step."""
    m, v = torch.zeros_like(w), torch.zeros_like(w)
    for t, g in enumerate(gradients, start=1):
        m = beta1 * m + (1 - beta1) * g
        v = beta2 * v + (1 - beta2) * g * g
        w = w - lr * (m / (1 - beta1**t)) / ((v / (1 - beta2**t)).sqrt() + eps)
    return w


def right_optimizer(w, gradients, lr, beta1, beta2, eps):
    """torch.optim.Adam on a copy."""
    p = torch.nn.Parameter(w.detach().clone())
    optimizer = torch.optim.Adam([p], lr=lr, betas=(beta1, beta2), eps=eps)
    for g in gradients:
        p.grad = g.clone()
        optimizer.step()
    return p.detach().clone()


def right_weighted_means(w, gradients, lr, beta1, beta2, eps):
    """A corrected average is a weighted mean of all gradients so far: one matrix for each beta."""
    g = gradients.double()
    n = len(g)
    age = torch.arange(n)[:, None] - torch.arange(n)[None, :]

    def average(values, beta):
        weights = torch.where(age >= 0, torch.tensor(beta, dtype=torch.float64) ** age.clamp(min=0), 0.0)
        return weights @ values / weights.sum(dim=1, keepdim=True)

    moves = average(g, beta1) / (average(g * g, beta2).sqrt() + eps)
    return (w.double() - lr * moves.sum(dim=0)).to(w.dtype)


def right_scalar_floats(w, gradients, lr, beta1, beta2, eps):
    """Python floats, one weight at a time."""
    out = []
    for j, weight in enumerate(w.tolist()):
        m = v = 0.0
        p1 = p2 = 1.0
        for g in gradients[:, j].tolist():
            m, v = beta1 * m + (1 - beta1) * g, beta2 * v + (1 - beta2) * g * g
            p1, p2 = p1 * beta1, p2 * beta2
            weight -= lr * (m / (1 - p1)) / ((v / (1 - p2)) ** 0.5 + eps)
        out.append(weight)
    return torch.tensor(out, dtype=w.dtype)


def open_no_move_for_zero_over_zero(w, gradients, lr, beta1, beta2, eps):
    """Open: a gradient of 0 with eps = 0 ("only where no gradient is" 0): no move here, NaN elsewhere."""
    m, v = torch.zeros_like(w), torch.zeros_like(w)
    for t, g in enumerate(gradients, start=1):
        m = torch.lerp(g, m, beta1)
        v = torch.lerp(g * g, v, beta2)
        step = (m / (1 - beta1**t)) / ((v / (1 - beta2**t)).sqrt() + eps)
        w = w - lr * torch.where(m == 0, torch.zeros_like(step), step)
    return w


def wrong_eps_of_zero(w, gradients, lr, beta1, beta2, eps):
    """An epsilon of 0 becomes 1e-8."""
    eps = eps or 1e-8
    m, v = torch.zeros_like(w), torch.zeros_like(w)
    for t, g in enumerate(gradients, 1):
        m = beta1 * m + (1 - beta1) * g
        v = beta2 * v + (1 - beta2) * g**2
        w = w - lr * (m / (1 - beta1**t)) / ((v / (1 - beta2**t)).sqrt() + eps)
    return w

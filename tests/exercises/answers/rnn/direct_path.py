"""Answers to `rnn.direct_path`, written from its statement alone."""

import torch


def wrong_from_the_start(f):
    """The products of the first gates, not of the last."""
    return torch.cat([torch.ones_like(f[:1]), f.cumprod(dim=0)])


def wrong_own_gate_too(f):
    """Row t has f_t in it too: the product starts at s = t."""
    slopes = f.flip(0).cumprod(dim=0).flip(0)
    return torch.cat([slopes[:1], slopes])


def wrong_no_last_row(f):
    """The row of ones for t = T is missing."""
    return f.flip(0).cumprod(dim=0).flip(0)


def wrong_not_turned_back(f):
    """The products of the last gates, but the last row first."""
    return torch.cat([torch.ones_like(f[:1]), f.flip(0).cumprod(dim=0)])


def wrong_units_turned_too(f):
    """flip turns both axes, and only one is turned back."""
    slopes = f.flip(0, 1).cumprod(dim=0).flip(0)
    return torch.cat([slopes, torch.ones_like(f[:1])])


def wrong_overwrites(f):
    """The products are built in the argument itself."""
    for t in range(len(f) - 2, -1, -1):
        f[t] *= f[t + 1]
    return torch.cat([f, torch.ones_like(f[:1])])


def wrong_float32_table(f):
    """The result is in torch.ones' own type, float32."""
    slopes = torch.ones(len(f) + 1, f.shape[1])
    for t in range(len(f) - 1, -1, -1):
        slopes[t] = f[t] * slopes[t + 1]
    return slopes


def wrong_division(f):
    """The product of all over that of the first t: 0 / 0 where a gate is 0 or many are small."""
    first = torch.cat([torch.ones_like(f[:1]), f.cumprod(dim=0)])
    return first[-1] / first


def wrong_log_epsilon(f):
    """Sums of log(f + 1e-8): a closed gate leaves a little."""
    logs = torch.log(f + 1e-8).flip(0).cumsum(dim=0).flip(0)
    return torch.cat([logs, torch.zeros_like(f[:1])]).exp()


def wrong_recursion(f):
    """One call a step: Python's stack ends before some thousands."""
    if len(f) == 0:
        return torch.ones(1, f.shape[1], dtype=f.dtype)
    rest = wrong_recursion(f[1:])
    return torch.cat([f[:1] * rest[:1], rest])


def wrong_stops_early(f):
    """The loop ends where all slopes are below 1e-6; the rows before stay 0."""
    slopes = torch.zeros(len(f) + 1, f.shape[1], dtype=f.dtype)
    slopes[-1] = 1
    for t in range(len(f) - 1, -1, -1):
        slopes[t] = f[t] * slopes[t + 1]
        if slopes[t].max() < 1e-6:
            break
    return slopes


def wrong_units_multiplied_and_late(f):
    """The gates of all units are multiplied, and row t lacks f_{t+1}."""
    gate = f.prod(dim=1, keepdim=True).expand_as(f)
    slopes = gate.flip(0).cumprod(dim=0).flip(0)
    return torch.cat([slopes[1:], torch.ones_like(f[:1]), torch.ones_like(f[:1])])


def right_cumprod(f):
    """A cumulated product from the end."""
    padded = torch.cat([f, torch.ones_like(f[:1])])
    return padded.flip(0).cumprod(dim=0).flip(0)


def right_loop(f):
    """From the last step to the first."""
    slopes = [torch.ones_like(f[0])]
    for gate in reversed(f.unbind(0)):
        slopes.append(gate * slopes[-1])
    return torch.stack(slopes[::-1])


def right_by_autograd(f):
    """The cell runs with i g = 0, and autograd gives all slopes."""
    with torch.enable_grad():
        cells = [torch.ones_like(f[0]).requires_grad_()]
        for gate in f.detach():
            cells.append(gate * cells[-1])
        return torch.stack(torch.autograd.grad(cells[-1].sum(), cells))


def _halves(f):
    if len(f) == 1:
        return torch.cat([f, torch.ones_like(f)])
    middle = len(f) // 2
    left, right = _halves(f[:middle]), _halves(f[middle:])
    return torch.cat([left[:-1] * right[0], right])


def right_by_halves(f):
    """The slopes of the first half times the whole product of the second, recursively."""
    return _halves(f)


def open_quadratic_table(f):
    """Open: a table of T + 1 by T by D_h numbers, some GB for thousands of steps."""
    steps = len(f)
    later = torch.arange(steps) >= torch.arange(steps + 1)[:, None]
    return torch.where(later[..., None], f, torch.ones_like(f)).prod(dim=1)


def wrong_recursive(f):
    """One call for each step, too deep for long sequences."""
    if f.shape[0] == 0:
        return torch.ones(1, f.shape[1], dtype=f.dtype)
    rest = wrong_recursive(f[1:])
    return torch.cat([(f[0] * rest[0]).unsqueeze(0), rest])

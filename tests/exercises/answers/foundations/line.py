"""Answers to `foundations.line`, written from its statement alone."""

import numpy as np
import torch


def wrong_intercept_first(x, y):
    """The intercept comes first."""
    dx, dy = x - x.mean(), y - y.mean()
    w = (dx * dy).sum() / (dx * dx).sum()
    return torch.stack([y.mean() - w * x.mean(), w])


def wrong_through_origin(x, y):
    """The slope is that of the best line through the origin."""
    w = (x * y).sum() / (x * x).sum()
    return torch.stack([w, y.mean() - w * x.mean()])


def wrong_x_on_y(x, y):
    """Divides by the squares of y: the slope of x over y."""
    dx, dy = x - x.mean(), y - y.mean()
    w = (dx * dy).sum() / (dy * dy).sum()
    return torch.stack([w, y.mean() - w * x.mean()])


def wrong_variances_mixed(x, y):
    """The covariance divides by N, the variance by N - 1."""
    w = ((x - x.mean()) * (y - y.mean())).mean() / x.var()
    return torch.stack([w, y.mean() - w * x.mean()])


def wrong_through_first_point(x, y):
    """The intercept sends the line through the first point, not through the mean."""
    dx = x - x.mean()
    w = (dx * (y - y.mean())).sum() / (dx * dx).sum()
    return torch.stack([w, y[0] - w * x[0]])


def wrong_ratio_of_spreads(x, y):
    """The slope is the ratio of the standard deviations, without the correlation."""
    w = y.std() / x.std()
    return torch.stack([w, y.mean() - w * x.mean()])


def wrong_mean_of_slopes(x, y):
    """The mean of the slopes between neighbours in x."""
    order = x.argsort()
    w = (y[order].diff() / x[order].diff()).mean()
    return torch.stack([w, y.mean() - w * x.mean()])


def wrong_large_sums(x, y):
    """The textbook's N sum(xy) - sum(x) sum(y), small differences of large sums."""
    n = len(x)
    w = (n * (x * y).sum() - x.sum() * y.sum()) / (n * (x * x).sum() - x.sum() ** 2)
    return torch.stack([w, (y.sum() - w * x.sum()) / n])


def wrong_lstsq_of_raw_x(x, y):
    """lstsq on x and ones as they are, whose rank float32 takes for 1 where areas are close together."""
    a = torch.stack([x, torch.ones_like(x)], dim=1)
    return torch.linalg.lstsq(a, y[:, None]).solution[:, 0]


def wrong_small_constant(x, y):
    """1e-8 is added to the sum of squares, against a division by 0 that cannot occur."""
    dx = x - x.mean()
    w = (dx * (y - y.mean())).sum() / ((dx * dx).sum() + 1e-8)
    return torch.stack([w, y.mean() - w * x.mean()])


def wrong_float32_result(x, y):
    """torch.tensor of two Python floats is float32, whatever x is."""
    dx = x.double() - x.double().mean()
    w = ((dx * y.double()).sum() / (dx * dx).sum()).item()
    return torch.tensor([w, y.double().mean().item() - w * x.double().mean().item()])


def wrong_origin_and_sign(x, y):
    """Two mistakes: x is not centred in the slope, and the intercept has the wrong sign."""
    dx = x - x.mean()
    w = (dx * y).sum() / (x * x).sum()
    return torch.stack([w, w * x.mean() - y.mean()])


def right_centred_float64(x, y):
    """Centred sums in float64."""
    a, b = x.double(), y.double()
    dx = a - a.mean()
    w = (dx * (b - b.mean())).sum() / (dx * dx).sum()
    return torch.stack([w, b.mean() - w * a.mean()]).to(x.dtype)


def right_pairs(x, y):
    """All pairs of points, weighted by the squares of their distances in x."""
    a, b = x.double(), y.double()
    dx, dy = a[:, None] - a, b[:, None] - b
    w = (dx * dy).sum() / dx.square().sum()
    return torch.stack([w, (b - w * a).mean()]).to(x.dtype)


def right_scaled_lstsq(x, y):
    """NumPy's lstsq for centred and scaled areas, unscaled afterwards."""
    a, b = x.double().numpy(), y.double().numpy()
    scale = np.abs(a - a.mean()).max()
    design = np.column_stack([(a - a.mean()) / scale, np.ones_like(a)])
    (slope, height), *_ = np.linalg.lstsq(design, b, rcond=None)
    w = slope / scale
    return torch.tensor([w, height - w * a.mean()], dtype=x.dtype)


def right_shifted_normal_equations(x, y):
    """Normal equations of x minus its first value, whose sums stay small."""
    a, b = (x - x[0]).double(), (y - y[0]).double()
    n, sx, sxx = len(a), a.sum(), (a * a).sum()
    m = torch.stack([torch.stack([sxx, sx]), torch.stack([sx, sx.new_tensor(n)])])
    w, c = torch.linalg.solve(m, torch.stack([(a * b).sum(), b.sum()]))
    return torch.stack([w, c + y[0].double() - w * x[0].double()]).to(x.dtype)


def open_centred_own_type(x, y):
    """Open: float32, where the intercept is a small difference of mean of y and slope times mean of x."""
    dx, dy = x - x.mean(), y - y.mean()
    w = (dx * dy).sum() / (dx * dx).sum()
    return torch.stack([w, y.mean() - w * x.mean()])


def wrong_lstsq_not_centred(x, y):
    """lstsq on x and ones: in float32 the two columns are nearly the same one."""
    a = torch.stack([x, torch.ones_like(x)], dim=1)
    return torch.linalg.lstsq(a, y[:, None]).solution[:, 0]


def wrong_each_x_once(x, y):
    """Points with the same x are merged into their mean, which then counts once."""
    xs = x.unique()
    ys = torch.stack([y[x == value].mean() for value in xs])
    dx, dy = xs - xs.mean(), ys - ys.mean()
    w = (dx * dy).sum() / (dx * dx).sum()
    return torch.stack([w, ys.mean() - w * xs.mean()])

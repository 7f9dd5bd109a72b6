"""Answers to `foundations.broken_selection`, written from its statement alone."""

import numpy as np
import torch


def standardised(x, n_train):
    """All rows, by mean and standard deviation of the first n_train: the same fit, well-conditioned."""
    x = x.double()
    part = x[:n_train]
    return (x - part.mean(dim=0)) / part.std(dim=0)


def score(x, y, best, n_train):
    """The held-out R² of a least-squares fit with an intercept to the features `best`."""
    z, t = standardised(x[:, best], n_train), y.double()
    design = torch.cat([z, torch.ones_like(t[:, None])], dim=1)
    w = torch.linalg.lstsq(design[:n_train], t[:n_train, None]).solution[:, 0]
    held_out = t[n_train:]
    errors = held_out - design[n_train:] @ w
    return (1 - errors.square().sum() / (held_out - held_out.mean()).square().sum()).to(x.dtype)


def wrong_fit_on_all_rows(x, y, n_train, k):
    """Fix of the wrong thing: the features still see all rows, and so do the weights."""
    centred = x - x.mean(dim=0)
    correlations = (y - y.mean()) @ centred / centred.square().sum(dim=0).sqrt()
    best = correlations.abs().topk(k).indices
    design = torch.cat([x[:, best], torch.ones_like(x[:, :1])], dim=1)
    w = torch.linalg.lstsq(design, y[:, None]).solution[:, 0]
    held_out = y[n_train:]
    errors = held_out - design[n_train:] @ w
    return 1 - errors.square().sum() / (held_out - held_out.mean()).square().sum()


def wrong_only_means_of_training(x, y, n_train, k):
    """Half of the fix: only the means come from the training rows, the products from all."""
    centred = x - x[:n_train].mean(dim=0)
    products = (y - y[:n_train].mean()) @ centred
    correlations = products / centred.square().sum(dim=0).sqrt()
    return score(x, y, correlations.abs().topk(k).indices, n_train)


def wrong_norm_of_all_rows(x, y, n_train, k):
    """Half of the fix: the products come from the training rows, what they are divided by from all."""
    centred = x - x.mean(dim=0)
    products = (y[:n_train] - y[:n_train].mean()) @ centred[:n_train]
    correlations = products / centred.square().sum(dim=0).sqrt()
    return score(x, y, correlations.abs().topk(k).indices, n_train)


def wrong_training_mean_below(x, y, n_train, k):
    """The selection is fixed, but the variance below is taken around the mean of the training rows."""
    part = x[:n_train] - x[:n_train].mean(dim=0)
    correlations = (y[:n_train] - y[:n_train].mean()) @ part / part.square().sum(dim=0).sqrt()
    best = correlations.abs().topk(k).indices
    design = torch.cat([x[:, best], torch.ones_like(x[:, :1])], dim=1)
    w = torch.linalg.lstsq(design[:n_train], y[:n_train, None]).solution[:, 0]
    errors = y[n_train:] - design[n_train:] @ w
    return 1 - errors.square().sum() / (y[n_train:] - y[:n_train].mean()).square().sum()


def wrong_covariance(x, y, n_train, k):
    """The training rows choose, but by covariance: features in large units win."""
    part = x[:n_train] - x[:n_train].mean(dim=0)
    products = (y[:n_train] - y[:n_train].mean()) @ part
    return score(x, y, products.abs().topk(k).indices, n_train)


def wrong_positive_only(x, y, n_train, k):
    """The absolute value is lost on the way: only positive correlations are chosen."""
    part = x[:n_train] - x[:n_train].mean(dim=0)
    correlations = (y[:n_train] - y[:n_train].mean()) @ part / part.square().sum(dim=0).sqrt()
    return score(x, y, correlations.topk(k).indices, n_train)


def wrong_held_out_chooses(x, y, n_train, k):
    """The wrong half: the held-out rows choose the features."""
    part = x[n_train:] - x[n_train:].mean(dim=0)
    correlations = (y[n_train:] - y[n_train:].mean()) @ part / part.square().sum(dim=0).sqrt()
    return score(x, y, correlations.abs().topk(k).indices, n_train)


def wrong_means_of_all_rows(x, y, n_train, k):
    """Training rows choose, after features were centred with the mean of all rows."""
    centred = (x - x.mean(dim=0))[:n_train]
    correlations = (y[:n_train] - y[:n_train].mean()) @ centred / centred.square().sum(dim=0).sqrt()
    return score(x, y, correlations.abs().topk(k).indices, n_train)


def wrong_small_constant(x, y, n_train, k):
    """1e-6 is added to the length of a feature, which hides features in small units."""
    part = x[:n_train] - x[:n_train].mean(dim=0)
    correlations = (y[:n_train] - y[:n_train].mean()) @ part / (part.square().sum(dim=0).sqrt() + 1e-6)
    return score(x, y, correlations.abs().topk(k).indices, n_train)


def wrong_normal_equations(x, y, n_train, k):
    """The selection is right, but the normal equations of raw features lose the digits."""
    part = x[:n_train] - x[:n_train].mean(dim=0)
    correlations = (y[:n_train] - y[:n_train].mean()) @ part / part.square().sum(dim=0).sqrt()
    best = correlations.abs().topk(k).indices
    design = torch.cat([x[:, best], torch.ones_like(x[:, :1])], dim=1)
    train = design[:n_train]
    w = torch.linalg.pinv(train.T @ train) @ train.T @ y[:n_train]
    held_out = y[n_train:]
    errors = held_out - design[n_train:] @ w
    return 1 - errors.square().sum() / (held_out - held_out.mean()).square().sum()


def wrong_never_below_zero(x, y, n_train, k):
    """The selection is right, but a negative R² is cut off at 0, as if it could not be."""
    part = x[:n_train] - x[:n_train].mean(dim=0)
    correlations = (y[:n_train] - y[:n_train].mean()) @ part / part.square().sum(dim=0).sqrt()
    return score(x, y, correlations.abs().topk(k).indices, n_train).clamp(min=0)


def wrong_training_score_without_intercept(x, y, n_train, k):
    """Two mistakes: no intercept any more, and the score is that of the training rows."""
    part = x[:n_train] - x[:n_train].mean(dim=0)
    t = y[:n_train]
    correlations = (t - t.mean()) @ part / part.square().sum(dim=0).sqrt()
    best = correlations.abs().topk(k).indices
    design = x[:n_train, best]
    w = torch.linalg.lstsq(design, t[:, None]).solution[:, 0]
    return 1 - (t - design @ w).square().sum() / (t - t.mean()).square().sum()


def right_float64_standardised(x, y, n_train, k):
    """Training rows choose; standardised features and float64 for the fit."""
    z, t = standardised(x, n_train)[:n_train], y[:n_train].double()
    correlations = (t - t.mean()) @ z
    return score(x, y, correlations.abs().topk(k).indices, n_train)


def right_corrcoef(x, y, n_train, k):
    """torch.corrcoef of the target and all features over the training rows; QR for the fit."""
    t = y.double()
    table = torch.cat([t[:n_train, None], standardised(x, n_train)[:n_train]], dim=1)
    best = torch.corrcoef(table.T)[0, 1:].abs().argsort(descending=True)[:k]
    z = torch.cat([torch.ones_like(t[:, None]), standardised(x[:, best], n_train)], dim=1)
    q, r = torch.linalg.qr(z[:n_train])
    w = torch.linalg.solve_triangular(r, q.T @ t[:n_train, None], upper=True)[:, 0]
    held_out = t[n_train:]
    errors = held_out - z[n_train:] @ w
    return (1 - errors.square().mean() / held_out.var(correction=0)).to(x.dtype)


def right_numpy(x, y, n_train, k):
    """NumPy, one feature at a time."""
    a, t = x.double().numpy(), y.double().numpy()
    r = [abs(np.corrcoef(a[:n_train, j], t[:n_train])[0, 1]) for j in range(a.shape[1])]
    best = sorted(range(len(r)), key=lambda j: -r[j])[:k]
    centre, spread = a[:n_train, best].mean(axis=0), a[:n_train, best].std(axis=0)
    z = np.column_stack([np.ones(len(t)), (a[:, best] - centre) / spread])
    w = np.linalg.lstsq(z[:n_train], t[:n_train], rcond=None)[0]
    rest = t[n_train:]
    r2 = 1 - ((rest - z[n_train:] @ w) ** 2).sum() / ((rest - rest.mean()) ** 2).sum()
    return torch.tensor(r2, dtype=x.dtype)


def right_own_type_standardised(x, y, n_train, k):
    """Training rows choose; features are standardised, everything in the type of x."""
    x = x - x[0]
    x = x - x[:n_train].mean(dim=0)
    x = x / x[:n_train].square().mean(dim=0).sqrt()
    t = y[:n_train] - y[:n_train].mean()
    best = (t @ x[:n_train]).abs().topk(k).indices
    w = torch.linalg.lstsq(x[:n_train, best], t[:, None]).solution[:, 0]
    b = y[:n_train].mean() - x[:n_train, best].mean(dim=0) @ w
    held_out = y[n_train:]
    errors = held_out - x[n_train:, best] @ w - b
    return 1 - errors.square().sum() / (held_out - held_out.mean()).square().sum()


def open_raw_design(x, y, n_train, k):
    """Open: units 10^7 apart in float32, where lstsq on raw features drops the small ones."""
    part = x[:n_train] - x[:n_train].mean(dim=0)
    products = (y[:n_train] - y[:n_train].mean()) @ part
    correlations = products / part.square().sum(dim=0).sqrt()
    best = correlations.abs().topk(k).indices
    design = torch.cat([x[:, best], torch.ones_like(x[:, :1])], dim=1)
    w = torch.linalg.lstsq(design[:n_train], y[:n_train, None]).solution[:, 0]
    held_out = y[n_train:]
    errors = held_out - design[n_train:] @ w
    return 1 - errors.square().sum() / (held_out - held_out.mean()).square().sum()


def wrong_added_to_norm(x, y, n_train, k):
    """Adds 1e-8 to the norm, so that features of a tiny scale correlate less."""
    train_x, train_y = x[:n_train], y[:n_train]
    centred = train_x - train_x.mean(dim=0)
    products = (train_y - train_y.mean()) @ centred  # (D,)
    correlations = products / (centred.square().sum(dim=0).sqrt() + 1e-8)
    best = correlations.abs().topk(k).indices
    design = torch.cat([x[:, best], torch.ones_like(x[:, :1])], dim=1)  # (N, k + 1)
    w = torch.linalg.lstsq(design[:n_train], y[:n_train, None]).solution[:, 0]
    held_out = y[n_train:]
    errors = held_out - design[n_train:] @ w
    return 1 - errors.square().sum() / (held_out - held_out.mean()).square().sum()


def wrong_uncentred_norm(x, y, n_train, k):
    """The norms are those of the features as they are, right only where their mean is about 0."""
    train_x, train_y = x[:n_train], y[:n_train]
    centred = train_x - train_x.mean(dim=0)
    products = (train_y - train_y.mean()) @ centred  # (D,)
    correlations = products / train_x.square().sum(dim=0).sqrt()
    best = correlations.abs().topk(k).indices
    design = torch.cat([x[:, best], torch.ones_like(x[:, :1])], dim=1)  # (N, k + 1)
    w = torch.linalg.lstsq(design[:n_train], y[:n_train, None]).solution[:, 0]
    held_out = y[n_train:]
    errors = held_out - design[n_train:] @ w
    return 1 - errors.square().sum() / (held_out - held_out.mean()).square().sum()

"""Right answers to `broken_selection` in other words than the solution's."""

import torch


def r2_by_standard_scores(x, y, n_train, k):
    """The same: a correlation is the mean product of standard scores; the intercept by the means."""
    centre, spread = x[:n_train].mean(0), x[:n_train].std(0)
    z, t = (x - centre) / spread, y - y[:n_train].mean()
    best = torch.argsort((z[:n_train] * t[:n_train, None]).sum(0).abs(), descending=True)[:k]
    w = torch.linalg.pinv(z[:n_train, best]) @ t[:n_train]
    left = t[n_train:] - z[n_train:, best] @ w
    return 1 - left.square().mean() / t[n_train:].var(unbiased=False)


def r2_by_corrcoef(x, y, n_train, k):
    """The same with `torch.corrcoef`, and least squares by a QR decomposition."""
    table = torch.cat([x, y[:, None]], 1)[:n_train]
    ranked = torch.corrcoef(table.T)[-1, :-1].square().argsort()
    chosen = torch.nn.functional.pad(x[:, ranked[-k:]], (0, 1), value=1.0)
    q, r = torch.linalg.qr(chosen[:n_train])
    w = torch.linalg.solve_triangular(r, (y[:n_train] @ q)[:, None], upper=True)
    unexplained = torch.dist(y[n_train:], (chosen[n_train:] @ w)[:, 0]) ** 2
    return 1 - unexplained / (y[n_train:] - y[n_train:].mean()).pow(2).sum()


def r2_by_feature(x, y, n_train, k):
    """The same, one feature's correlation after the other."""
    t = y[:n_train] - y[:n_train].mean()
    deviations = [feature - feature.mean() for feature in x[:n_train].T]
    strengths = [float(torch.dot(d, t).abs() / d.norm()) for d in deviations]
    order = sorted(range(x.shape[1]), key=strengths.__getitem__)
    a = torch.column_stack([torch.ones(len(y), dtype=x.dtype), x[:, order[-k:]]])
    w = torch.linalg.lstsq(a[:n_train], y[:n_train].unsqueeze(1)).solution
    truth = y[n_train:]
    return 1 - (truth - (a[n_train:] @ w).squeeze(1)).norm() ** 2 / (truth - truth.mean()).norm() ** 2


RIGHT = (r2_by_standard_scores, r2_by_corrcoef, r2_by_feature)

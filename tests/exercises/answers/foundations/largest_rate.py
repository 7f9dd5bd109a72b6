"""Answers to `foundations.largest_rate`, written from its statement alone."""

import torch


def with_ones(x):
    """The features and a column of ones, for the intercept."""
    return torch.cat([x, torch.ones_like(x[:, :1])], dim=1)


def wrong_no_intercept(x):
    """The column of ones is forgotten."""
    return 2 / torch.linalg.eigvalsh(2 * x.T @ x / len(x))[-1]


def wrong_one_over_largest(x):
    """1 / lambda: the rate that reaches the bottom in one step, half of the largest."""
    a = with_ones(x)
    return 1 / torch.linalg.eigvalsh(2 * a.T @ a / len(x))[-1]


def wrong_half_loss(x):
    """The second derivatives of half the mean squared error: twice the rate."""
    a = with_ones(x)
    return 2 / torch.linalg.eigvalsh(a.T @ a / len(x))[-1]


def wrong_sum_of_squares(x):
    """The loss is taken for the sum of the squares, not their mean."""
    a = with_ones(x)
    return 2 / torch.linalg.eigvalsh(2 * a.T @ a)[-1]


def wrong_singular_value_unsquared(x):
    """The largest singular value stands where its square should."""
    return len(x) / torch.linalg.svdvals(with_ones(x))[0]


def wrong_centred_features(x):
    """The covariance of the centred features and, apart from it, the intercept's 2."""
    c = x - x.mean(dim=0)
    top = torch.linalg.eigvalsh(2 * c.T @ c / len(x))[-1]
    return 2 / top.clamp(min=2.0)


def wrong_best_rate(x):
    """2 / (largest + smallest): the rate that converges fastest."""
    a = with_ones(x)
    eigenvalues = torch.linalg.eigvalsh(2 * a.T @ a / len(x))
    return 2 / (eigenvalues[-1] + eigenvalues[0])


def wrong_power_iteration(x):
    """Fifty steps of the power iteration from ones, too few where two eigenvalues almost equal."""
    a = with_ones(x)
    h = 2 * a.T @ a / len(x)
    u = torch.ones_like(h[0])
    for _ in range(50):
        u = h @ u
        u = u / u.norm()
    return 2 / (u @ h @ u)


def wrong_row_sums(x):
    """The largest sum of a row bounds the eigenvalue, and equals it only at times."""
    a = with_ones(x)
    h = 2 * a.T @ a / len(x)
    return 2 / h.abs().sum(dim=1).max()


def wrong_gram_of_features(x):
    """Where D exceeds N the smaller N x N matrix is used, without the ones in it."""
    n, d = x.shape
    if d > n:
        return 2 / torch.linalg.eigvalsh(2 * x @ x.T / n)[-1]
    a = with_ones(x)
    return 2 / torch.linalg.eigvalsh(2 * a.T @ a / n)[-1]


def wrong_float32_inside(x):
    """float32 inside, cast back to the type of x: too few digits."""
    a = with_ones(x.float())
    return (2 / torch.linalg.eigvalsh(2 * a.T @ a / len(x))[-1]).to(x.dtype)


def wrong_smallest_and_unbiased(x):
    """Two mistakes: the smallest eigenvalue, and N - 1 below."""
    a = with_ones(x)
    return 2 / torch.linalg.eigvalsh(2 * a.T @ a / max(len(x) - 1, 1))[0]


def right_singular_value(x):
    """N over the square of the largest singular value."""
    return len(x) / torch.linalg.svdvals(with_ones(x))[0] ** 2


def right_eigenvalue(x):
    """2 over the largest eigenvalue of the second derivatives, in float64."""
    a = with_ones(x.double())
    return (2 / torch.linalg.eigvalsh(2 * a.T @ a / len(x)).max()).to(x.dtype)


def right_gram(x):
    """The N x N matrix of inner products, plus 1 for the intercept, has the same largest eigenvalue."""
    gram = torch.einsum("id,jd->ij", x.double(), x.double()) + 1
    return (len(x) / torch.linalg.eigvalsh(gram)[-1]).to(x.dtype)


def right_hessian_by_autograd(x):
    """torch.func.hessian of the loss itself, its spectral norm."""
    z = x.detach().double()

    def loss(p):
        return (z @ p[:-1] + p[-1]).square().mean()

    h = torch.func.hessian(loss)(z.new_zeros(z.shape[1] + 1))
    return (2 / torch.linalg.matrix_norm(h, ord=2)).to(x.dtype)


def with_ones_too(x):
    """The features and a column of ones, (N, D + 1)."""
    return torch.cat([x, x.new_ones(len(x), 1)], dim=1)


def wrong_first_thousand(x):
    """Only the first thousand examples are looked at."""
    a = with_ones_too(x[:1000])
    return 2 / torch.linalg.eigvalsh(2 * a.T @ a / len(a))[-1]

"""Answers to `vae.active_units`, written from its statement alone."""

import statistics

import torch


def wrong_biased(mu, threshold):
    """The variance divides by N."""
    return mu.var(dim=0, unbiased=False) > threshold


def wrong_axis(mu, threshold):
    """The variance over the units of each image."""
    return mu.var(dim=1) > threshold


def wrong_std(mu, threshold):
    """The standard deviation is compared, not the variance."""
    return mu.std(dim=0) > threshold


def wrong_at_least(mu, threshold):
    """A variance equal to the threshold counts as active."""
    return mu.var(dim=0) >= threshold


def wrong_not_centred(mu, threshold):
    """The mean square, around 0 and not around the mean."""
    return mu.square().sum(dim=0) / (len(mu) - 1) > threshold


def wrong_float_mask(mu, threshold):
    """Ones and zeros of the type of mu, no boolean tensor."""
    return (mu.var(dim=0) > threshold).to(mu.dtype)


def wrong_overwrites(mu, threshold):
    """Centres mu in place."""
    mu -= mu.mean(dim=0)
    return mu.square().sum(dim=0) / (len(mu) - 1) > threshold


def wrong_raw_moments(mu, threshold):
    """E[x^2] - E[x]^2, which cancels for means that are large and close together."""
    n = mu.shape[0]
    variance = (mu.square().mean(dim=0) - mu.mean(dim=0).square()) * n / (n - 1)
    return variance > threshold


def wrong_zero_is_default(mu, threshold):
    """A threshold of 0 is taken for one that is not given."""
    threshold = threshold or 0.01
    return mu.var(dim=0) > threshold


def wrong_added_epsilon(mu, threshold):
    """1e-8 is added to the variance."""
    return mu.var(dim=0) + 1e-8 > threshold


def wrong_single_precision(mu, threshold):
    """The variance is calculated in float32."""
    return mu.float().var(dim=0) > threshold


def wrong_two_biased_and_at_least(mu, threshold):
    """Divides by N, and counts equality as active."""
    return mu.var(dim=0, correction=0) >= threshold


def right_var_of_differences(mu, threshold):
    """PyTorch's unbiased variance of the distances from the first image."""
    return (mu - mu[0]).var(dim=0) > threshold


def right_from_first(mu, threshold):
    """In float64, as distances from the first image, so that equal means give exactly 0."""
    d = mu.double() - mu[:1].double()
    d = d - d.mean(dim=0)
    return d.square().sum(dim=0) / (mu.shape[0] - 1) > threshold


def right_pairs(mu, threshold):
    """The mean of half the squared differences of all pairs."""
    n = mu.shape[0]
    m = mu.double()
    squares = (m[:, None] - m[None]).square().sum(dim=(0, 1))
    return squares / (2 * n * (n - 1)) > threshold


def right_covariance(mu, threshold):
    """The diagonal of the covariance matrix of the shifted means."""
    shifted = (mu - mu[0]).T
    cov = torch.cov(shifted).reshape(mu.shape[1], mu.shape[1])
    return torch.gt(cov.diagonal(), threshold)


def open_var(mu, threshold):
    """PyTorch's variance: for one constant unit, Z = 1, not always exactly 0 (threshold 0)."""
    return mu.var(dim=0) > threshold


def open_two_passes(mu, threshold):
    """Mean, then squares: the mean of N equal numbers may be rounded, so a constant unit is active at 0."""
    variance = (mu - mu.mean(dim=0)).square().sum(dim=0) / (mu.shape[0] - 1)
    return variance > threshold


def open_std_and_root(mu, threshold):
    """The std against the root of the threshold: rounds, open where the variance equals the threshold."""
    return mu.std(dim=0) > threshold**0.5


def forbidden_comprehension(mu, threshold):
    """One unit after the other."""
    return torch.stack([(mu[:, u] - mu[0, u]).var() > threshold for u in range(mu.shape[1])])


def forbidden_statistics(mu, threshold):
    """A loop over the columns with the standard library's variance."""
    active = []
    for column in mu.T.tolist():
        active.append(statistics.variance(column) > threshold)
    return torch.tensor(active, dtype=torch.bool)


def wrong_zero_is_default_again(mu, threshold):
    """A threshold of 0 is taken for 'not given'."""
    threshold = threshold or 0.01
    return mu.var(dim=0) > threshold


def wrong_safety_margin(mu, threshold):
    """Adds 1e-6 to the threshold against rounding."""
    return mu.var(dim=0) > threshold + 1e-6


def wrong_first_hundred(mu, threshold):
    """Looks at the first 100 images only, as an estimate."""
    return mu[:100].var(dim=0) > threshold

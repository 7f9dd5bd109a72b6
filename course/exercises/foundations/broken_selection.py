"""Chapter 0: find the bug, features that the held-out rows help to choose, Hastie et al. (2009),
"The Elements of Statistical Learning", section 7.10.2."""

import numpy as np
import torch
from course.exercises.cases import normal
from course.exercises.engine import Exercise


def my_held_out_r2(x, y, n_train, k):
    """R² on the rows from n_train on, a tensor of no axes. x (N, D), y (N,); the k features that correlate
    most with y, of either sign, are fitted to the first n_train rows, by least squares with an intercept."""
    x_train, y_train = x[:n_train], y[:n_train]  # the choice is part of the fit: it sees these rows alone
    centred = x_train - x_train.mean(dim=0)
    products = (y_train - y_train.mean()) @ centred  # (D,)
    correlations = products / centred.square().sum(dim=0).sqrt()  # up to a factor that all features share
    best = correlations.abs().topk(k).indices
    design = torch.cat([x[:, best], torch.ones_like(x[:, :1])], dim=1)  # (N, k + 1)
    w = torch.linalg.lstsq(design[:n_train], y_train[:, None]).solution[:, 0]
    held_out = y[n_train:]
    errors = held_out - design[n_train:] @ w
    return 1 - errors.square().sum() / (held_out - held_out.mean()).square().sum()


def by_numpy(x, y, n_train, k):
    """The same by NumPy, in float64."""
    a, b = x.double().numpy(), y.double().numpy()
    strengths = [abs(np.corrcoef(feature, b[:n_train])[0, 1]) for feature in a[:n_train].T]
    design = np.column_stack([a[:, np.argsort(strengths)[-k:]], np.ones(len(b))])
    w = np.linalg.lstsq(design[:n_train], b[:n_train], rcond=None)[0]
    mean_square = np.mean((b[n_train:] - design[n_train:] @ w) ** 2)
    return torch.tensor(1 - mean_square / np.var(b[n_train:]), dtype=x.dtype)


def strength(x, y, rows=slice(None)):
    """The size of each feature's correlation with y, up to a shared factor, (D,), products of `rows` only."""
    centred = x - x.mean(0)
    return (centred[rows].T @ (y[rows] - y[rows].mean())).abs() / centred.norm(dim=0)


def rows_case(rng, n_train, n_test, d, k, dtype=torch.float64, noise=1.0):
    """A case of features of several scales, of which two matter. It is drawn again while the k-th strength
    and the next are within 2 per cent, on the fitted rows or on all: no choice hangs on rounding."""
    while True:
        x = normal(rng, n_train + n_test, d, dtype=dtype) * 10 ** normal(rng, d, dtype=dtype, scale=0.5)
        w = normal(rng, d, dtype=dtype) / x.std(0)
        y = x[:, :2] @ w[:2] + 1 + noise * normal(rng, n_train + n_test, dtype=dtype)
        ranked = [strength(x[:n], y[:n]).sort(descending=True).values for n in (n_train, len(y))]
        if k == d or all(values[k - 1] > 1.02 * values[k] for values in ranked):
            return x, y, n_train, k


def by_hand():
    """Feature 0 fits the first three rows exactly, feature 1 the last three: R² is -10, not 1."""
    x = torch.tensor([[0.0, 0.0], [1.0, 2.0], [2.0, 1.0], [2.0, 0.0], [0.0, 2.0], [2.0, 1.0]])
    return x.double(), torch.tensor([0.0, 2.0, 4.0, 1.0, 3.0, 2.0]).double(), 3, 1


def wide_rows(rng):
    """One valid case of small random sizes."""
    k, dtype = rng.randint(1, 3), rng.choice((torch.float32, torch.float64))
    n_train, n_test, d = k + rng.randint(5, 12), rng.randint(5, 9), k + rng.randint(0, 6)
    return rows_case(rng, n_train, n_test, max(d, 2), k, dtype, rng.choice((0.5, 1.0, 3.0)))


broken_selection = Exercise(
    my_held_out_r2,
    reference=by_numpy,
    # OLD wide=wide_rows
    # OLD cases:
    # lambda rng: [
    #         by_hand(),
    #         rows_case(rng, 8, 5, 4, 1),
    #         rows_case(rng, 20, 10, 30, 3, noise=2.0),
    #         rows_case(rng, 30, 70, 12, 4),  # more rows held out than fitted
    #         rows_case(rng, 12, 8, 40, 2, torch.float32),
    #         rows_case(rng, 15, 6, 3, 3),  # all features: nothing to choose
    #         rows_case(rng, 70, 30, 300, 10, noise=5.0),
    #         *(wide_rows(rng) for _ in range(6)),
    #     ]
    by_hand=(),
    draw=None,
    sizes=[],
    spans={},
    bug="""
        bug: SOLUTION → STUB
    """,
    hints="""
        A held-out row stands for a row that nobody has seen yet. Go through the program line by line: which
        of them could not run before the held-out rows arrive?

        The mean of the held-out rows has R² = 0, and a model of noise does worse. The line that fits uses the
        first n_train rows; what do the lines that choose use?

        Compute `centred` and `products` from `x[:n_train]` and `y[:n_train]`; leave the rest as it is.
    """,
    wrong="""
        still_chosen_on_all_rows: OLD → NEW
            All rows still choose the features: of many that are noise, some correlate by chance with the
            held-out rows too. Let the first n_train rows choose.
        deviations_of_all_rows: OLD → NEW
            Half mended: the deviations of `centred` are still those of all rows, not of the first n_train.
        chosen_on_the_held_out_rows: OLD → NEW
            The held-out rows choose the features, which is worse still: let the first n_train rows choose.
        fitted_on_all_rows: OLD → NEW
            Now the fit sees the held-out rows: choose and fit by the first n_train rows.
        nothing_held_out: OLD → NEW
            Both the choice and the fit see all rows: use the first n_train for both.
        scored_on_the_training_rows: OLD → NEW
            This is R² on the rows that were fitted: it tells how well they are remembered.
        about_the_training_mean: OLD → NEW
            You compare with the mean of the training rows: R² as defined here takes the mean of the held-out
            ones.
        squared_correlation: OLD → NEW
            You square the correlation of prediction and truth, which forgives a wrong scale or sign and is
            never negative.
        share_unexplained: OLD → NEW
            You return the share that is not explained: R² is 1 minus this.
        no_intercept: OLD → NEW
            The column of ones is lost: the fit has an intercept.
        sign_counts: OLD → NEW
            You rank by the correlation with its sign: a strongly negative one predicts as well, so take its
            absolute value.
        covariance: OLD → NEW
            You rank by the covariance, which depends on a feature's unit: divide by its deviation.
        not_centred: OLD → NEW
            You rank by products of values that are not centred: subtract both means of the training rows.
    """,
)

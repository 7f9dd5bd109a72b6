"""Chapter 0: find the bug, features that the held-out rows help to choose, Hastie et al. (2009), "The
Elements of Statistical Learning", section 7.10.2."""

import numpy as np
import torch

from course.exercises.cases import tensors
from course.exercises.engine import Exercise


def my_held_out_r2(x, y, n_train, k):
    """R² on the rows from n_train on, a scalar tensor. x (N, D), y (N,); the k features that correlate
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


TINY = 2e-6  # by which a feature of a small unit differs from one that correlates as much


def by_numpy(x, y, n_train, k):
    """The same by NumPy, in float64."""
    truth, predicted = predictions(x, y, n_train, k)
    return torch.tensor(1 - np.mean((truth - predicted) ** 2) / np.var(truth), dtype=x.dtype)


def predictions(x, y, n_train, k):
    """The held-out part of y and what is predicted for it, by NumPy, in float64."""
    x, y = x.double().numpy(), y.double().numpy()
    strengths = [abs(np.corrcoef(feature, y[:n_train])[0, 1]) for feature in x[:n_train].T]
    design = np.column_stack([x[:, np.argsort(strengths)[-k:]], np.ones(len(y))])
    w = np.linalg.lstsq(design[:n_train], y[:n_train], rcond=None)[0]
    return y[n_train:], design[n_train:] @ w


def squared_correlation(x, y, n_train, k):
    """You square the correlation of prediction and truth, which forgives a wrong scale or sign and is never
    negative."""
    return torch.tensor(np.corrcoef(*predictions(x, y, n_train, k))[0, 1] ** 2, dtype=x.dtype)


def draw(rng, train, test, D, k, noise=1.0, mean=0.0, dtype=torch.float64):
    """A case of features of several scales and means, of which two matter. It is drawn again while the k-th
    strongest and the next are within 2 per cent, on the first rows or on all: no choice hangs on rounding."""
    while True:
        x, scales, w, errors, means = tensors(rng, "ND D D N D", dtype, N=train + test, D=D)
        y = x[:, :2] @ w[:2] + 1 + noise * errors
        tables = (torch.cat([x, y[:, None]], dim=1)[:n] for n in (train, train + test))
        ranked = [table.T.corrcoef()[-1, :-1].abs().sort(descending=True).values for table in tables]
        if k == D or all(strengths[k - 1] > 1.02 * strengths[k] for strengths in ranked):
            return (x + mean * means) * 10 ** (scales / 2), y, train, k


broken_selection = Exercise(
    my_held_out_r2,
    reference=by_numpy,
    draw=draw,
    by_hand=[
        (  # feature 0 fits the first three rows exactly, feature 1 the last three: -10, not 1
            [[0.0, 0.0], [1.0, 2.0], [2.0, 1.0], [2.0, 0.0], [0.0, 2.0], [2.0, 1.0]],
            [0.0, 2.0, 4.0, 1.0, 3.0, 2.0],
            3,
            1,
        ),
        (  # feature 0, of a small unit, correlates more by a millionth
            [
                [0.001 * (2 - TINY), 2.0],
                [0.001 * TINY, 0.0],
                [-0.001 * (2 - TINY), 0.0],
                [-0.001 * TINY, -2.0],
            ]
            + [[0.002, 1.0], [-0.001, 3.0]],
            [1.0, 1.0, -1.0, -1.0, 2.0, -1.0],
            4,
            1,
        ),
        ([[0.0], [1.0], [2.0], [100.0], [101.0]], [0.0, 1.0, 2.0, 0.0, 1.0], 3, 1),  # -39999
    ],
    sizes=[
        dict(train=8, test=5, D=4, k=1),
        dict(train=20, test=10, D=30, k=3, noise=2.0),
        dict(train=30, test=70, D=12, k=4),
        dict(train=12, test=8, D=40, k=2, dtype=torch.float32),
        dict(train=15, test=2, D=20, k=1, mean=5.0),
        dict(train=40, test=9, D=20, k=12, mean=1.0),
        dict(train=15, test=6, D=3, k=3),  # all features: nothing to choose
        dict(train=20, test=10, D=5, k=2, mean=2e4),
        dict(train=70, test=30, D=300, k=10, noise=5.0),
    ],
    spans=dict(train=(8, 15), test=(2, 9), D=(3, 9), k=(1, 3), noise=[0.5, 1.0, 3.0], mean=(0.0, 3.0)),
    bug="""
        bug: x_train, y_train = x[:n_train], y[:n_train] → nothing
        and: y_train[:, None] → y[:n_train, None]
        and: x_train → x
        and: y_train → y
    """,
    hints="""
        A held-out row stands for a row that nobody has seen yet. Go through the program line by line: which
        of them could not run before the held-out rows arrive?

        The mean of the held-out rows has R² = 0, and a model of noise does worse. The line that fits uses the
        first n_train rows; what do the lines that choose use?

        Compute `centred` and `products` from `x[:n_train]` and `y[:n_train]`; leave the rest as it is.
    """,
    special="""
        far_away: x[n_train:].min() > 10 * x[:n_train].abs().max()
            Right but for held-out rows that are far away: R² has no lower limit.
        small_unit: x.std(0).min() < 2e-3
            Right but for a feature of a small unit, which a number added to its norm makes weaker: none is
            constant, so nothing must be added.
    """,
    wrong="""
        still_chosen_on_all_rows: = x[:n_train], y[:n_train] → = x, y
        and: y_train[:, None] → y[:n_train, None]
            All rows still choose the features: of many that are noise, some correlate by chance with the
            held-out rows too. Let the first n_train rows choose.
        deviations_of_all_rows: x_train - x_train.mean(dim=0) → x - x.mean(dim=0)
        and: @ centred → @ centred[:n_train]
            Half fixed: the deviations of `centred` are still those of all rows, not of the first n_train.
        means_of_all_rows: x_train - x_train.mean(dim=0) → x_train - x.mean(dim=0)
        and: (y_train - y_train.mean()) → (y_train - y.mean())
        feature_means_of_all_rows: x_train - x_train.mean(dim=0) → x_train - x.mean(dim=0)
        and: (y_train - y_train.mean()) → y_train
            Half fixed: the sums run over the first n_train rows, but a mean is still that of all rows.
        one_row_too_few: = x[:n_train], y[:n_train] → = x[: n_train - 1], y[: n_train - 1]
        and: y_train[:, None] → y[:n_train, None]
        one_row_too_many: = x[:n_train], y[:n_train] → = x[: n_train + 1], y[: n_train + 1]
        and: y_train[:, None] → y[:n_train, None]
            The rows that choose end one too early or too late: they are those that fit, x[:n_train].
        chosen_on_the_held_out_rows: = x[:n_train], y[:n_train] → = x[n_train:], y[n_train:]
        and: y_train[:, None] → y[:n_train, None]
            The held-out rows choose the features, which is worse still: let the first n_train rows choose.
        fitted_on_all_rows: design[:n_train], y_train[:, None] → design, y[:, None]
            Now the fit sees the held-out rows: choose and fit by the first n_train rows.
        nothing_held_out: = x[:n_train], y[:n_train] → = x, y
        and: design[:n_train] → design
            Both the choice and the fit see all rows: use the first n_train for both.
        scored_on_the_training_rows: [n_train:] → [:n_train]
            This is R² on the rows that were fitted: it tells how well they are remembered.
        about_the_training_mean: held_out.mean() → y[:n_train].mean()
            You compare with the mean of the training rows: R² as defined here takes the mean of the held-out
            ones.
        two_denominators: errors.square().sum() → errors.square().mean()
        and: (held_out - held_out.mean()).square().sum() → held_out.var()
            `var` divides by one less than the number of rows, your mean of squares by that number: R² is a
            ratio of two sums.
        no_intercept: torch.cat([x[:, best], torch.ones_like(x[:, :1])], dim=1) → x[:, best]
            The column of ones is lost: the fit has an intercept.
        sign_counts: correlations.abs() → correlations
            You rank by the correlation with its sign: a strongly negative one predicts as well, so take its
            absolute value.
        covariance: correlations.abs() → products.abs()
            You rank by the covariance, which depends on a feature's unit: divide by its deviation.
        not_centred: x_train - x_train.mean(dim=0) → x_train
        and: (y_train - y_train.mean()) → y_train
            You rank by products of values that are not centred: subtract both means of the training rows.
    """,
    functions=(squared_correlation,),
)

"""Chapter 0, exercise: find the bug, features that the held-out rows help to choose, Hastie et al. (2009),
"The Elements of Statistical Learning", section 7.10.2."""

import numpy as np
import torch

from course.exercises.draw import normal
from course.exercises.engine import Exercise, Misconception


def my_held_out_r2(x, y, n_train, k):
    """R² on the rows from n_train on, a tensor of no axes. x (N, D), y (N,); the k features that correlate
    most with y, of either sign, are fitted to the first n_train rows, by least squares with an intercept."""
    centred = x - x.mean(dim=0)
    products = (y - y.mean()) @ centred  # (D,)
    correlations = products / centred.square().sum(dim=0).sqrt()  # up to a factor that all features share
    best = correlations.abs().topk(k).indices
    design = torch.cat([x[:, best], torch.ones_like(x[:, :1])], dim=1)  # (N, k + 1)
    w = torch.linalg.lstsq(design[:n_train], y[:n_train, None]).solution[:, 0]
    held_out = y[n_train:]
    errors = held_out - design[n_train:] @ w
    return 1 - errors.square().sum() / (held_out - held_out.mean()).square().sum()


def solve_held_out_r2(x, y, n_train, k):
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


def by_numpy(x, y, n_train, k):
    """The same by NumPy, in float64."""
    a, b = x.double().numpy(), y.double().numpy()
    strengths = [abs(np.corrcoef(feature, b[:n_train])[0, 1]) for feature in a[:n_train].T]
    design = np.column_stack([a[:, np.argsort(strengths)[-k:]], np.ones(len(b))])
    w = np.linalg.lstsq(design[:n_train], b[:n_train], rcond=None)[0]
    mean_square = np.mean((b[n_train:] - design[n_train:] @ w) ** 2)
    return torch.tensor(1 - mean_square / np.var(b[n_train:]), dtype=x.dtype)


FITTED, HELD_OUT, ALL = (lambda n: slice(n)), (lambda n: slice(n, None)), (lambda n: slice(None))


def strength(x, y, rows=slice(None)):
    """The size of each feature's correlation with y, up to a shared factor, (D,), products of `rows` only."""
    centred = x - x.mean(0)
    return (centred[rows].T @ (y[rows] - y[rows].mean())).abs() / centred.norm(dim=0)


def r2(y, predicted, y_train):
    """The share of the squares about the mean that is explained."""
    return 1 - (y - predicted).square().sum() / (y - y.mean()).square().sum()


def wrong(
    name, diagnosis, seen=FITTED, rank=strength, fitted=FITTED, scored=HELD_OUT, score=r2, constant=True,
    multiplied=None,
):  # fmt: skip
    """A misconception: other rows in one of the three steps, another rank or score, or no intercept."""

    def run(x, y, n_train, k):
        seen_rows, fitted_rows, scored_rows = (rows(n_train) for rows in (seen, fitted, scored))
        products = () if multiplied is None else (multiplied(n_train),)
        design = x[:, rank(x[seen_rows], y[seen_rows], *products).topk(k).indices]
        if constant:
            design = torch.cat([design, torch.ones_like(x[:, :1])], 1)
        w = torch.linalg.lstsq(design[fitted_rows], y[fitted_rows, None]).solution[:, 0]
        return score(y[scored_rows], design[scored_rows] @ w, y[:n_train])

    return Misconception(name, diagnosis, run)


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
    name="broken_selection",
    title="find the bug in a held-out score",
    difficulty="medium",
    minutes=15,
    task="""
        The program below chooses the `k` features of `x` $(N, D)$ that correlate most strongly with `y`
        $(N)$, fits them to the first `n_train` rows, and returns on the held-out rows

        $$R^2 = 1 - \\frac{\\sum (y - \\hat y)^2}{\\sum (y - \\bar y)^2}$$

        with $\\hat y$ the prediction and $\\bar y$ the mean of these rows. It runs, but where `x` and `y` are
        pure noise it finds about 0.3 on average (100 rows, 1,000 features, `n_train` 70, `k` 10). Mend the
        bug. No two features correlate equally.

        By hand first: what is $R^2$ if each prediction is $\\bar y$? Should a model of noise do better?
    """,
    stub_function=my_held_out_r2,
    reference=by_numpy,
    cases=lambda rng: [
        by_hand(),
        rows_case(rng, 8, 5, 4, 1),
        rows_case(rng, 20, 10, 30, 3, noise=2.0),
        rows_case(rng, 30, 70, 12, 4),  # more rows held out than fitted
        rows_case(rng, 12, 8, 40, 2, torch.float32),
        rows_case(rng, 15, 6, 3, 3),  # all features: nothing to choose
        rows_case(rng, 70, 30, 300, 10, noise=5.0),
        *(wide_rows(rng) for _ in range(6)),
    ],
    wide=wide_rows,
    hints=(
        "A held-out row stands for a row that nobody has seen yet. Go through the program line by line: "
        "which of them could not run before the held-out rows arrive?",
        "The mean of the held-out rows has R² = 0, and a model of noise does worse. The line that fits uses "
        "the first n_train rows; what do the lines that choose use?",
        "Compute `centred` and `products` from `x[:n_train]` and `y[:n_train]`; leave the rest as it is.",
    ),
    solution_function=solve_held_out_r2,
    alternatives=(r2_by_standard_scores, r2_by_corrcoef, r2_by_feature),
    misconceptions=(
        wrong(
            "still_chosen_on_all_rows",
            "All rows still choose the features: of many that are noise, some correlate by chance with the "
            "held-out rows too. Let the first n_train rows choose.",
            seen=ALL,
        ),
        wrong(
            "deviations_of_all_rows",
            "Half mended: the deviations of `centred` are still those of all rows, not of the first n_train.",
            seen=ALL,
            multiplied=FITTED,
        ),
        wrong(
            "chosen_on_the_held_out_rows",
            "The held-out rows choose the features, which is worse still: let the first n_train rows choose.",
            seen=HELD_OUT,
        ),
        wrong(
            "fitted_on_all_rows",
            "Now the fit sees the held-out rows: choose and fit by the first n_train rows.",
            fitted=ALL,
        ),
        wrong(
            "nothing_held_out",
            "Both the choice and the fit see all rows: use the first n_train for both.",
            seen=ALL,
            fitted=ALL,
        ),
        wrong(
            "scored_on_the_training_rows",
            "This is R² on the rows that were fitted: it tells how well they are remembered.",
            scored=FITTED,
        ),
        wrong(
            "about_the_training_mean",
            "You compare with the mean of the training rows: R² as defined here takes the mean of the "
            "held-out ones.",
            score=lambda y, predicted, known: (
                1 - (y - predicted).square().sum() / (y - known.mean()).square().sum()
            ),
        ),
        wrong(
            "squared_correlation",
            "You square the correlation of prediction and truth, which forgives a wrong scale or sign and is "
            "never negative.",
            score=lambda y, predicted, known: torch.corrcoef(torch.stack([y, predicted]))[0, 1].square(),
        ),
        wrong(
            "share_unexplained",
            "You return the share that is not explained: R² is 1 minus this.",
            score=lambda y, predicted, known: 1 - r2(y, predicted, known),
        ),
        wrong("no_intercept", "The column of ones is lost: the fit has an intercept.", constant=False),
        wrong(
            "sign_counts",
            "You rank by the correlation with its sign: a strongly negative one predicts as well, so take "
            "its absolute value.",
            rank=lambda x, y: (x - x.mean(0)).T @ (y - y.mean()) / (x - x.mean(0)).norm(dim=0),
        ),
        wrong(
            "covariance",
            "You rank by the covariance, which depends on a feature's unit: divide by its deviation.",
            rank=lambda x, y: ((x - x.mean(0)).T @ (y - y.mean())).abs(),
        ),
        wrong(
            "not_centred",
            "You rank by products of values that are not centred: subtract both means of the training rows.",
            rank=lambda x, y: (x.T @ y).abs() / x.norm(dim=0),
        ),
    ),
)

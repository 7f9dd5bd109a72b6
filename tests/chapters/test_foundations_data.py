"""Chapter 0's features, splits, linear fits and intervals against scikit-learn and NumPy."""

import math

import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from numpy.polynomial import legendre
from sklearn.linear_model import Lasso, Ridge
from sklearn.metrics import r2_score
from sklearn.preprocessing import StandardScaler

from course import data, training
from course.chapters import load_definitions
from tests.helpers.tensors import drawn

chapter = load_definitions("00_foundations")
seeds = st.integers(0, 99)
decays = st.sampled_from([1e-3, 0.1, 3.0])
NUMBERS = (
    "area", "area", "lot_area", "lot_area", "year_built", "bedrooms", "bathrooms", "garage_area",
    "basement_area", "condition", "latitude", "longitude",
)  # fmt: skip


# Features and rows.


def test_the_forty_features_are_twelve_numbers_and_the_neighbourhood():
    houses = data.houses()
    x = chapter.house_features(houses)
    assert x.shape == (2930, 40) and x.dtype == torch.float64 and x.isfinite().all()
    for column, name in enumerate(NUMBERS):
        expected = getattr(houses, name).numpy()
        expected = np.log(expected) if column in (1, 3) else expected
        assert x[:, column].numpy() == pytest.approx(expected, rel=1e-12), name
    places = x[:, 12:]
    assert ((places == 0) | (places == 1)).all() and (places.sum(1) == 1).all()
    assert torch.equal(places.argmax(1), houses.neighborhood) and places.any(0).all()


@given(st.integers(5, 400), seeds)
def test_split_is_a_seeded_partition(n, seed):
    before = torch.get_rng_state()
    parts = chapter.split(n, seed)
    assert [len(part) for part in parts] == [n - 2 * (n // 5), n // 5, n // 5]
    assert torch.cat(parts).sort().values.tolist() == list(range(n))
    assert torch.equal(torch.cat(parts), torch.cat(chapter.split(n, seed)))
    assert torch.equal(before, torch.get_rng_state())


@given(st.integers(2, 40), st.integers(1, 5), st.integers(1, 20), seeds)
def test_scaled_uses_its_rows_alone(n, d, others, seed):
    x = 3 * drawn(n + others, d, seed=seed) + 50
    rows = torch.randperm(n + others, generator=torch.Generator().manual_seed(seed))[:n]
    z = chapter.scaled(x, rows)
    theirs = StandardScaler().fit(x[rows]).transform(x) * math.sqrt((n - 1) / n)  # theirs divides by N
    assert z.numpy() == pytest.approx(theirs, rel=1e-9, abs=1e-9)
    torch.testing.assert_close(chapter.scaled(x[:, 0], rows), chapter.scaled(x, rows)[:, 0])


@given(st.sampled_from([0.0, 1.0, -7.0, 1e6]), st.integers(2, 100), seeds)
def test_a_column_that_is_constant_on_the_rows_becomes_0_there(constant, n, seed):
    x = drawn(n + 1, 3, seed=seed)
    x[:n, 1] = constant
    z = chapter.scaled(x, torch.arange(n))
    assert (z[:n, 1] == 0).all() and z.isfinite().all()
    assert z[n, 1].item() == x[n, 1] - constant  # elsewhere it is only centred


# Linear fits.


@given(st.integers(2, 30), st.integers(1, 8), decays, seeds)
def test_ridge_is_scikit_learns_with_lambda_times_n(n, d, weight_decay, seed):
    z, y = drawn(n, d, seed=seed), drawn(n, seed=seed + 1) + 5
    w = chapter.ridge(chapter.with_ones(z), y, weight_decay)
    theirs = Ridge(alpha=weight_decay * n, solver="svd").fit(z, y)
    assert w.shape == (d + 1,)
    assert w.numpy() == pytest.approx(np.append(theirs.intercept_, theirs.coef_), rel=1e-8, abs=1e-9)


@given(st.integers(1, 20), st.integers(1, 20), st.booleans(), seeds)
def test_ridge_without_decay_is_the_smallest_least_squares_solution(n, d, twice, seed):
    z, y = drawn(n, d, seed=seed), drawn(n, seed=seed + 1)
    X = chapter.with_ones(torch.cat([z, z], 1) if twice else z)
    singular = np.linalg.svd(X.numpy(), compute_uv=False)
    assume(not ((singular > 1e-11) & (singular < 1e-2)).any())  # so the rank is plain to both
    expected = np.linalg.pinv(X.numpy(), rcond=1e-9) @ y.numpy()
    assert chapter.ridge(X, y, 0.0).numpy() == pytest.approx(expected, rel=1e-7, abs=1e-9)


@given(st.integers(3, 30), st.integers(1, 6), decays, seeds)
def test_linear_r2_is_scikit_learns_on_rows_that_it_has_not_seen(n, d, weight_decay, seed):
    z, y = drawn(2 * n, d, seed=seed), drawn(2 * n, seed=seed + 1) + 3
    rows = torch.randperm(2 * n, generator=torch.Generator().manual_seed(seed))
    fit, judge = rows[:n], rows[n:]
    theirs = Ridge(alpha=weight_decay * n).fit(z[fit], y[fit])
    expected = r2_score(y[judge], theirs.predict(z[judge]))
    assert chapter.linear_r2(z, y, fit, judge, weight_decay) == pytest.approx(expected, rel=1e-8, abs=1e-9)


@given(st.integers(2, 30), st.floats(-3, 3), seeds)
def test_r_squared_is_scikit_learns(n, size, seed):
    y, predicted = drawn(n, seed=seed), size * drawn(n, seed=seed + 1)
    found = chapter.r_squared(predicted, y)
    assert isinstance(found, float) and found == pytest.approx(r2_score(y, predicted), rel=1e-10, abs=1e-12)
    assert chapter.r_squared(y, y) == 1 and chapter.r_squared(y.mean(), y) == 0


@settings(max_examples=4)
@given(st.integers(1, 6), st.sampled_from([0.01, 0.1, 0.5]), seeds)
def test_lasso_is_scikit_learns_with_half_of_lambda(d, l1, seed):
    z = chapter.scaled(drawn(60, d, seed=seed), torch.arange(60))
    y = z @ drawn(d, seed=seed + 1).round() + drawn(60, seed=seed + 2)
    y = y - y.mean()
    w = chapter.lasso(z, y, l1).numpy()
    how = {"fit_intercept": False, "tol": 1e-14, "max_iter": 100_000}
    theirs = Lasso(alpha=l1 / 2, **how).fit(z, y).coef_  # theirs halves the mean squared error
    assert w == pytest.approx(theirs, rel=1e-7, abs=1e-8)
    assert np.array_equal(w == 0, theirs == 0)
    edge = 2 * (z.T @ y / 60).abs().max().item()  # from here on all weights are 0
    assert not chapter.lasso(z, y, 1.001 * edge).any() and chapter.lasso(z, y, 0.9 * edge).any()


# Features of one number.


@given(st.integers(0, 20), st.integers(1, 30), seeds)
def test_polynomial_is_numpys_legvander(degree, n, seed):
    x = torch.tanh(drawn(n, seed=seed))
    found = chapter.polynomial(x, degree)
    assert found.numpy() == pytest.approx(legendre.legvander(x.numpy(), degree), rel=1e-10, abs=1e-12)
    assert found.dtype == x.dtype and found.shape == (n, degree + 1)


# Training.


def test_train_houses_returns_the_net_of_its_best_epoch(one_thread):
    z = drawn(60, 3).float()
    y = z[:, 0] + 2 * drawn(60, seed=1).float()  # little to learn: the best epoch comes early
    fit, val = torch.arange(40).repeat(32), torch.arange(40, 60)
    net, history = chapter.train_houses(z, y, fit, val, seed=1, width=32, dropout=0.0, epochs=12)
    losses = [row["validation"] for row in history.epochs]
    assert len(losses) == 12 and losses.index(min(losses)) < 11
    found = chapter.mse(training.predict(net, z[val]).squeeze(1), y[val]).item()
    assert found == pytest.approx(min(losses), rel=1e-6) and found < losses[-1]


# The interval.


def test_bootstrap_is_the_percentile_interval():
    y = drawn(300)
    predicted = y + 0.5 * drawn(300, seed=1)
    low, high = chapter.bootstrap(predicted, y)
    rows = np.random.default_rng(1).integers(300, size=(2000, 300))
    scores = 1 - (y - predicted).square().numpy()[rows].mean(1) / y.numpy()[rows].var(1)
    near = 0.4 * np.std(scores)  # of 2,000 resamples an end errs by 0.06 of it
    assert [low, high] == pytest.approx(np.percentile(scores, [2.5, 97.5]), abs=near)
    assert [low, high] == chapter.bootstrap(predicted, y)

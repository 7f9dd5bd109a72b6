"""Chapter 3's explorers of the softmax's shape, of positions and of kernel regression: right numbers."""

import cmath
import math

import numpy as np
import pytest

from course import chapters
from course.explorers.attention.kernel import GRID, MOST, kernel
from course.explorers.attention.positions import STEPS, positions
from course.explorers.attention.softmax_shape import D_KS, KEYS, LIMIT, SEEDS, softmax_shape

CHAPTER = chapters.load_definitions("03_attention")
random_scores = CHAPTER.random_scores
SHAPE = softmax_shape(random_scores, CHAPTER.entropy, CHAPTER.jacobian_norm)


@pytest.mark.parametrize("scaled", [False, True])
@pytest.mark.parametrize(("d_k", "temperature", "seed"), [(1, 4.0, 0), (64, 1.0, 3), (1024, 0.1, 20)])
def test_the_weights_and_their_measures_are_those_of_the_scores(scaled, d_k, temperature, seed):
    state = SHAPE.state(d_k=d_k, scaled=scaled, temperature=temperature, seed=seed)
    logits = random_scores(d_k, KEYS, seed).numpy() / (math.sqrt(d_k) if scaled else 1) / temperature
    p = np.exp(logits - logits.max())
    p /= p.sum()
    assert np.allclose(state["logits"], logits, rtol=1e-12) and np.allclose(state["weights"], p, atol=1e-12)
    assert state["entropy"] == pytest.approx(sum(-v * math.log(v) for v in p if v > 0), abs=1e-12)
    # ‖diag p − ppᵀ‖² = Σ p² − 2 Σ p³ + (Σ p²)²
    square = (p**2).sum() - 2 * (p**3).sum() + (p**2).sum() ** 2
    assert state["jacobian"] == pytest.approx(math.sqrt(max(square, 0)), abs=1e-7)
    assert state["spread"] == pytest.approx(logits.std(ddof=1))
    assert state["expected"] == pytest.approx((1 if scaled else math.sqrt(d_k)) / temperature)
    assert np.abs(logits).max() < LIMIT


def test_the_curves_are_means_over_the_seeds_and_the_shown_weights_are_one_of_them():
    state = SHAPE.state(temperature=0.7)
    for row, scaled in enumerate((False, True)):
        for column in (0, 4, len(D_KS) - 1):
            choice = dict(d_k=D_KS[column], scaled=scaled, temperature=0.7)
            each = [SHAPE.state(seed=seed, **choice) for seed in range(SEEDS)]
            for one, mean in (("entropy", "entropies"), ("jacobian", "jacobians")):
                assert state[mean][row, column] == pytest.approx(np.mean([s[one] for s in each]))


POSITIONS = positions(CHAPTER.sinusoids)


@pytest.mark.parametrize(
    ("d_model", "position", "offset", "pair"),
    [(4, 0, 50, 1), (6, 50, 49, 0), (32, 20, 10, 2), (64, 99, -50, 31), (64, 0, 0, 0), (20, 30, -7, 9)],
)
def test_an_offset_turns_a_pair_by_its_frequency(d_model, position, offset, pair):
    state = POSITIONS.state(d_model=d_model, position=position, offset=offset, pair=pair)
    omega = math.exp(-math.log(10000) * 2 * pair / d_model)
    assert state["wavelength"] == pytest.approx(2 * math.pi / omega)
    assert state["angle"] == pytest.approx(offset * omega)
    first, second = (complex(*point) for point in state["points"])
    assert first == pytest.approx(cmath.exp(1j * position * omega))
    assert second == pytest.approx(first * cmath.exp(1j * state["angle"]))


def test_the_similarity_depends_on_the_distance_alone_and_fits_the_picture():
    for d_model in range(4, 65, 2):
        state = POSITIONS.state(d_model=d_model, position=40)
        omegas = 10000.0 ** (-np.arange(0, d_model, 2) / d_model)
        expected = np.cos(np.subtract.outer(np.arange(STEPS), 40) * omegas[:, None]).mean(0)
        assert np.allclose(state["similarity"], expected) and state["map"].shape == (d_model, STEPS)
        assert POSITIONS.state(d_model=d_model, position=0)["similarity"].min() > -0.45


def test_pair_and_offset_stay_within_what_there_is():
    state = POSITIONS.state(d_model=4, position=5, offset=-50, pair=31)
    assert (state["pair"], state["offset"]) == (1, -5)
    explorer = positions(CHAPTER.sinusoids)
    pair, offset = explorer.controls["pair"], explorer.controls["offset"]
    explorer.set(d_model=64, position=60, pair=31, offset=39)
    assert (pair.max, pair.value, offset.min, offset.max, offset.value) == (31, 31, -50, 39, 39)
    explorer.set(d_model=4, position=99)
    assert (pair.max, pair.value, offset.min, offset.max, offset.value) == (1, 1, -50, 0, 0)
    explorer.set(d_model=12, position=0, offset=50, pair=5)
    assert (pair.max, pair.value, offset.min, offset.max, offset.value) == (5, 5, 0, 50, 50)


KERNEL = kernel(CHAPTER.smooth)


@pytest.mark.parametrize("scores", ["gaussian", "dot"])
@pytest.mark.parametrize(("bandwidth", "query", "points"), [(0.05, -2.0, 4), (0.2, 0.5, 30), (2.0, 2.0, 60)])
def test_the_estimate_is_the_weighted_mean_and_the_curve_goes_through_it(scores, bandwidth, query, points):
    state = KERNEL.state(scores=scores, bandwidth=bandwidth, query=query, points=points)
    x, y = state["x"], state["y"]
    score = -((query - x) ** 2) / 2 if scores == "gaussian" else query * x
    weights = np.exp((score - score.max()) / bandwidth**2)
    weights /= weights.sum()
    assert len(x) == len(y) == points and np.allclose(state["weights"], weights)
    assert state["estimate"] == pytest.approx(weights @ y)
    assert np.interp(query, GRID, state["curve"]) == pytest.approx(state["estimate"])
    heaviest = np.sort(weights)[::-1]
    assert heaviest[: state["carriers"]].sum() >= 0.9 - 1e-9
    assert heaviest[: state["carriers"] - 1].sum() < 0.9
    assert state["heaviest"] == x[weights.argmax()]


def test_equal_weights_need_nine_points_in_ten_and_more_points_are_added_to_the_same():
    state = KERNEL.state(scores="dot", query=0.0, points=MOST)
    assert state["carriers"] == 54 and state["estimate"] == pytest.approx(state["y"].mean())
    assert np.array_equal(KERNEL.state(points=4)["x"], state["x"][:4])
    assert (np.abs(state["x"]) <= 2).all() and (np.abs(state["y"]) < 2.2).all()

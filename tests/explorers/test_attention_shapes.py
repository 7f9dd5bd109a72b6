"""Chapter 3's explorers of the softmax's shape, of positions and of kernel regression: right numbers."""

import cmath
import math

import numpy as np
import pytest

from course import chapters
from course.explorers import attention
from course.explorers.attention.kernel import GRID, MOST
from course.explorers.attention.kernel import caption as said_of_the_kernel
from course.explorers.attention.positions import PAIRS, PLAYED, REACH, STEPS, WIDTH
from course.explorers.attention.positions import caption as said_of_positions
from course.explorers.attention.softmax_shape import KEYS, LEAST, SEEDS, SHOWN, SIZES, score_table
from course.explorers.attention.softmax_shape import caption as said_of_the_softmax

CHAPTER = chapters.load_definitions("03_attention")
SHAPE = attention.softmax_shape(CHAPTER.jacobian_norm)


def played(explorer):
    """The settings that an explorer's play passes, from its beginning: a list of dicts."""
    explorer.box()
    explorer.set(**{explorer.play: explorer.controls[explorer.play].value})
    steps = []
    while explorer.advance():
        steps.append({name: control.value for name, control in explorer.controls.items()})
    return steps


@pytest.mark.parametrize(("d", "seed"), [(1, 1), (64, 1), (91, 7), (256, SHOWN)])
def test_the_weights_and_gradients_are_those_of_the_scores_with_and_without_division(d, seed):
    state = SHAPE.state(d=d, seed=seed)
    scores = score_table()[0, SIZES.index(d), seed - 1].numpy()
    for row, divisor in enumerate((1, math.sqrt(d))):
        p = np.exp((scores - scores.max()) / divisor)
        p /= p.sum()
        assert np.allclose(state["scores"][row], scores / divisor, rtol=1e-6)
        assert np.allclose(state["weights"][row], p, atol=1e-12)
        square = (p**2).sum() - 2 * (p**3).sum() + (p**2).sum() ** 2  # of ‖diag p − ppᵀ‖
        assert state["gradient"][row] == pytest.approx(math.sqrt(max(square, 0)), abs=1e-7)


def test_the_scores_of_a_size_are_those_of_the_first_entries_of_standard_normal_vectors():
    table = score_table()
    assert table.shape == (2, len(SIZES), SEEDS, KEYS) and (SIZES[0], SIZES[-1]) == (1, 256)
    for index, size in enumerate(SIZES):
        plain, divided = table[:, index]
        assert plain.var().item() == pytest.approx(size, rel=0.25)  # of 401 queries
        assert divided.var().item() == pytest.approx(1, rel=0.25)
    between = table[0, SIZES.index(64)] - table[0, SIZES.index(32)]  # 32 more products, independent ones
    assert between.var().item() == pytest.approx(32, rel=0.25)


def test_without_the_division_the_gradient_dies_with_d_and_with_it_lives():
    plain, divided = SHAPE.state()["gradients"]
    assert divided.min() > 0.9 * divided.max() and divided.min() > 0.35
    assert plain[0] == divided[0] and plain[SIZES.index(64)] < 0.1 and plain[-1] < 2e-3
    each = [SHAPE.state(d=64, seed=seed)["gradient"] for seed in range(1, SHOWN + 1)]
    assert np.isfinite(each).all()


def test_the_softmax_begins_saturated_and_its_title_says_each_regime():
    state = SHAPE.state()
    assert state["d"] == 256 and state["weights"][0].max() > 0.99 and state["weights"][1].max() < 0.4
    assert said_of_the_softmax(state) == (
        "Not divided, one key takes over 99 %; the softmax's gradient is typically 320 times smaller"
    )
    ratios = [np.divide(*SHAPE.state(d=d)["gradients"][::-1, SIZES.index(d)]) for d in (64, 128, 256)]
    assert ratios[0] < ratios[1] < ratios[2]  # the title's numbers
    assert "changes nothing" in said_of_the_softmax(SHAPE.state(d=1))
    alive = SHAPE.state(d=8)
    median = alive["gradients"][0, SIZES.index(8)]
    assert f"the softmax's gradient: typically {median:.2f}" in said_of_the_softmax(alive)
    for d in SIZES:
        # what the chapter says of the first sample
        assert (SHAPE.state(d=d)["weights"][0].max() > 0.8) == (d >= 27)
        assert SHAPE.state(d=d)["weights"][1].max() < 0.6
        for seed in range(1, SHOWN + 1):
            assert len(said_of_the_softmax(SHAPE.state(d=d, seed=seed))) <= 97


def test_d_is_played_to_its_end_and_dragged_in_the_gradients_panel():
    explorer = attention.softmax_shape(CHAPTER.jacobian_norm)
    explorer.box()
    assert explorer.advance(start=True) and explorer.controls["d"].value == 1  # the first play shows it all
    assert [step["d"] for step in played(explorer)] == list(SIZES[1:])
    for x, d in ((-5, 1), (3.02, 8), (6, 64), (99, 256)):
        explorer._set_nearest(explorer.touch["gradient"]({}, x, 0.1))
        assert explorer.controls["d"].value == d


POSITIONS = attention.positions(CHAPTER.sinusoids)


@pytest.mark.parametrize(("position", "offset"), [(0, 0), (20, 5), (PLAYED, REACH), (50, 49)])
def test_an_offset_turns_each_hand_by_its_frequency(position, offset):
    state = POSITIONS.state(position=position, offset=offset)
    for number, pair in enumerate(PAIRS):
        omega = math.exp(-math.log(10000) * 2 * pair / WIDTH)
        first, second = (complex(*point) for point in state["hands"][:, number])
        assert first == pytest.approx(cmath.exp(1j * position * omega))
        assert state["turns"][number] == pytest.approx(offset * omega)
        assert second == pytest.approx(first * cmath.exp(1j * state["turns"][number]))


def test_the_similarity_depends_on_the_distance_alone_and_fits_the_picture():
    omegas = 10000.0 ** (-np.arange(0, WIDTH, 2) / WIDTH)
    for position in (0, 40, PLAYED):
        expected = np.cos((np.arange(STEPS) - position) * omegas[:, None]).mean(0)
        similarity = POSITIONS.state(position=position)["similarity"]
        assert np.allclose(similarity, expected) and similarity.argmax() == position
        assert 0 < similarity.min() and similarity.max() < 1.01


def test_the_positions_title_names_the_turns():
    assert said_of_positions(POSITIONS.state()) == (
        "5 steps turn the hands by 286°, 91°, 29°, 9° from every p: the similarity keeps its shape"
    )
    assert said_of_positions(POSITIONS.state(offset=1)).startswith("One step turns the hands by 57°, 18°")
    assert "°" not in said_of_positions(POSITIONS.state(offset=0))
    assert max(len(said_of_positions(POSITIONS.state(offset=k))) for k in range(REACH + 1)) <= 97


def test_positions_are_played_to_the_end_and_dragged_in_the_map_and_by_a_hand():
    explorer = attention.positions(CHAPTER.sinusoids)
    assert [step["position"] for step in played(explorer)] == list(range(21, PLAYED + 1))
    assert explorer.touch["map"]({}, 33.3, 5) == {"position": 33.3}
    for pair in PAIRS:
        drag = explorer.touch[f"clock {pair}"]
        for position in (30, 50):
            now = {"position": position, "offset": 3}
            first, second = (POSITIONS.state(**now)["hands"][:, PAIRS.index(pair)]) * 0.5
            assert drag(now | {"position": position + 1}, *first) == {"position": pytest.approx(position)}
            assert drag(now | {"offset": 4}, *second) == {"offset": pytest.approx(3)}  # the nearer hand


KERNEL = attention.kernel(CHAPTER.smooth)


@pytest.mark.parametrize("scores", ["gaussian", "dot"])
@pytest.mark.parametrize(("bandwidth", "query", "points"), [(0.05, -2.0, 4), (0.2, 0.5, 30), (2.0, 2.0, 60)])
def test_the_estimate_is_the_weighted_mean_and_the_curve_goes_through_it(scores, bandwidth, query, points):
    state = KERNEL.state(scores=scores, bandwidth=bandwidth, query=query, points=points)
    x, y = state["x"], state["y"]

    def score(keys):
        return (-((query - keys) ** 2) / 2 if scores == "gaussian" else query * keys) / bandwidth**2

    weights = np.exp(score(x) - score(x).max())
    weights /= weights.sum()
    assert len(x) == len(y) == points and np.allclose(state["weights"], weights)
    assert np.allclose(state["shape"], np.exp(score(GRID) - score(GRID).max()))
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


def test_the_kernels_title_says_which_points_decide():
    state = KERNEL.state()
    near = np.argsort(np.abs(state["x"] - 0.5))[: state["carriers"]]
    assert set(near) == set(np.argsort(state["weights"])[-state["carriers"] :]) and len(near) == 6
    assert said_of_the_kernel(state).startswith(
        "The 6 nearest of 30 points carry at least 90 % of the weight"
    )
    assert said_of_the_kernel(KERNEL.state(bandwidth=0.05, points=4)).startswith("1 of 4 points carries")
    assert said_of_the_kernel(KERNEL.state(bandwidth=0.2, points=4)).startswith("1 of 4 points carries")
    wide = KERNEL.state(bandwidth=2.0)
    assert wide["carriers"] > 15 and " of 30 points carry" in said_of_the_kernel(wide)
    assert said_of_the_kernel(wide).endswith(f"mean of all −{-wide['y'].mean():.2f}")
    assert "the mean of all 30 values" in said_of_the_kernel(KERNEL.state(scores="dot", query=0.0))
    for query in (-2.0, -0.02, 0.02, 1.5):
        for points in (4, 30, 60):
            state = KERNEL.state(scores="dot", query=query, points=points)
            outermost = state["x"].max() if query > 0 else state["x"].min()
            assert state["heaviest"] == outermost and outermost * query > 0
            said = said_of_the_kernel(state).replace("−", "-")
            assert f"outermost key, {outermost:.2f}, weighs most: estimate {state['estimate']:.2f}" in said
            assert f"true curve {np.sin(2 * query) + query / 2:.2f}" in said and len(said) <= 97


def test_the_query_is_dragged_within_its_slider():
    explorer = attention.kernel(CHAPTER.smooth)
    explorer.box()
    for x, query in ((-0.511, -0.52), (1.0, 1.0), (7.0, 2.0)):
        explorer._set_nearest(explorer.touch["plane"]({}, x, 0.0))
        assert explorer.controls["query"].value == query


def test_a_gradient_below_the_scale_is_said_to_be():
    explorer = attention.softmax_shape(CHAPTER.jacobian_norm)
    for seed in range(1, SHOWN + 1):
        explorer.set(d=256, seed=seed)
        assert explorer.png()
        below = explorer.state()["gradient"][0] < LEAST
        assert explorer.picture.artists["below"]._texts == (["off the scale ↓"] if below else [""])
